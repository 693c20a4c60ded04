//! `dialogue stats`, `dialogue bundle` and `validate` of a bundle, by the binary.

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, parse};

use crate::command::{Bench, assert_says, code};

const TEXT: &str = "Water boils at 100 degrees at sea level. Ice melts at 0 degrees in the valley. \
    The lighthouse was built in 1862 by Anna Berg. The harbour closes at nine in winter. \
    The ferry needs forty minutes to the island. Bicycles travel free of charge on Sundays.\n";

fn offline(saving: &str) -> Bench {
    let config = format!(
        "run: {{total_samples: 2}}\njudge: {{mode: online}}\nsaving: {{output_dir: outputs{saving}}}\n\
         llm: {{agents: {{user: {{model: 'offline:user'}}, assistant: {{model: 'offline:assistant'}}, judge: {{model: 'offline:judge'}}}}}}\n"
    );
    Bench::new()
        .file("c.yaml", config)
        .file("knowledge/a.txt", TEXT.repeat(3))
        .env("SOURCE_DATE_EPOCH", "1700000000")
}

fn files(bench: &Bench, dir: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(bench.path(dir)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let name = entry.file_name().into_string().unwrap();
            found.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn a_run_is_counted_bundled_and_proven() {
    let bench = offline("");
    assert_eq!(code(&bench.run(&["dialogue", "run", "c.yaml"])), 0);
    let made = bench.shown(&[
        "dialogue",
        "bundle",
        "c.yaml",
        "--out",
        "out",
        "--set",
        "saving.bundle.license=cc0-1.0",
    ]);
    assert_says(
        &made,
        0,
        &[
            "conversations_sharegpt_judged.jsonl",
            "plots/turn_count_distribution.svg",
            "made the bundle out: 2 rows of conversations_sharegpt_judged.jsonl",
            "nothing was uploaded",
            "next: forgemark validate out",
        ],
    );
    let bundle = files(&bench, "out");
    let card = String::from_utf8(bundle["README.md"].clone()).unwrap();
    assert!(card.contains("license: cc0-1.0\n"), "{card}");
    assert!(card.contains("`offline:assistant`"), "{card}");
    assert!(card.contains("no language model"), "{card}");
    // `--json` prints the bytes of the file, of the rows and of the bundle.
    for path in [
        "outputs",
        "out",
        "outputs/conversations_sharegpt_judged.jsonl",
    ] {
        let stats = bench.run(&["dialogue", "stats", path, "--json"]);
        assert_eq!(code(&stats), 0);
        assert!(stats.stdout == bundle["dataset_stats.json"], "{path}");
    }
    let table = bench.shown(&["dialogue", "stats", "out"]);
    assert_says(
        &table,
        0,
        &[
            "turn_count.avg",
            "judge.avg_score_mean",
            "languages",
            "####",
            "the bundle names it",
        ],
    );
    assert_says(
        &bench.shown(&["validate", "out"]),
        0,
        &["2 conversations with"],
    );
    // What is printed of the bundle's schema lies beside its rows and in the repository.
    let schema = bench.run(&["schema", "dialogue-bundle"]).stdout;
    assert!(schema == bundle["schema.json"]);
    let committed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schemas/dialogue-bundle.schema.json"
    );
    assert!(std::fs::read(committed).unwrap() == schema);
    // A changed card is found, and not overwritten.
    let bench = bench.file("out/README.md", card.replace("2 rows", "2000 rows"));
    assert_says(
        &bench.shown(&["validate", "out"]),
        1,
        &["README.md", "2000 rows", "derived", "hash"],
    );
    let refused = bench.shown(&["dialogue", "bundle", "c.yaml", "--out", "out"]);
    assert_says(
        &refused,
        2,
        &[
            "out/README.md was changed after the bundle was made",
            "nothing was changed",
        ],
    );
    assert!(
        files(&bench, "out")["README.md"]
            .windows(9)
            .any(|text| text == b"2000 rows")
    );
}

#[test]
fn a_run_is_bundled_at_its_end_where_it_is_asked_for() {
    let bench = offline(
        ", hf_push: {enabled: true, auto_push_on_run: true, repo_id: us/set, export_dir: pub, generate_plots: false}",
    );
    let ran = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert_says(
        &ran,
        0,
        &[
            "made the bundle ./outputs/pub: 2 rows",
            "nothing was uploaded",
        ],
    );
    let bundle = files(&bench, "outputs/pub");
    assert!(bundle.contains_key("dataset_stats.json") && bundle.contains_key("bundle.json"));
    assert!(!bench.path("outputs/pub/plots").exists());
    assert!(
        String::from_utf8(bundle["README.md"].clone())
            .unwrap()
            .contains("\n# set\n")
    );
    // A folder with a bundle in it is still a folder that is proven, and the bundle is named.
    let proven = bench.shown(&["validate", "outputs"]);
    assert_says(&proven, 0, &["`forgemark validate"]);
    assert_says(&bench.shown(&["validate", "outputs/pub"]), 0, &[]);
    // A run that is not complete is not bundled.
    let short = offline(", hf_push: {enabled: true, auto_push_on_run: true}");
    let ran = short.shown(&["dialogue", "run", "c.yaml", "--limit", "1"]);
    assert!(
        ran.contains("no bundle was made") && !short.path("outputs/hf_export").exists(),
        "{ran}"
    );
}

#[test]
fn what_cannot_be_bundled_says_why_and_what_to_do() {
    let bench = offline("");
    let nothing = bench.shown(&["dialogue", "bundle", "c.yaml"]);
    assert_says(&nothing, 2, &["holds no rows of conversations", "hint: "]);
    assert_says(
        &bench.shown(&["dialogue", "stats", "nowhere"]),
        2,
        &["nowhere", "hint: "],
    );
    std::fs::create_dir(bench.path("empty")).unwrap();
    assert_says(
        &bench.shown(&["dialogue", "stats", "empty"]),
        2,
        &["holds no rows", "is not there"],
    );
    let bench = bench.file(
        "outputs/conversations_sharegpt_judged.jsonl",
        "{\"messages\": []}\n",
    );
    let damaged = bench.run(&["dialogue", "stats", "outputs", "--json"]);
    assert_eq!(code(&damaged), 1);
    let error = parse(&damaged.stdout).unwrap();
    let error = error.at("error");
    assert_eq!(error.at("kind"), &Json::from("damaged"));
    assert!(error.str_or("message", "").ends_with(
        "conversations_sharegpt_judged.jsonl:1: messages_with_tools: the column is missing"
    ));
    let asked = bench.shown(&[
        "dialogue",
        "bundle",
        "c.yaml",
        "--set",
        "saving.hf_push.source_file=mine.jsonl",
    ]);
    assert_says(
        &asked,
        2,
        &["mine.jsonl is not there", "no other file is taken"],
    );
    for (set, says) in [
        (
            "saving.output_columns.judge=messages",
            "would both be called 'messages'",
        ),
        (
            "saving.hf_push.plots_dir=../plots",
            "names nothing inside the bundle",
        ),
    ] {
        assert_says(
            &bench.shown(&["dialogue", "bundle", "c.yaml", "--set", set]),
            2,
            &[says],
        );
    }
}
