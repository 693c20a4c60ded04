//! `forgemark config`

use forgemark_contract::json;

use crate::command::{Bench, assert_says, code};

const CONFIG: &str = "run:\n  batch_size: 4\nllm:\n  agents:\n    user: {model: \"offline:user\"}\n    assistant: {model: \"offline:assistant\"}\n    judge: {model: \"offline:judge\"}\n";

#[test]
fn errors_end_with_2_and_stay_off_stdout() {
    let bench = Bench::new().file("c.yaml", "run:\n  batch_size: many\n  bach_size: 3\n");
    insta::assert_snapshot!(bench.shown(&["config", "show", "c.yaml"]), @r#"
    exit 2
    --- stderr
    error: `run.batch_size`: expected an integer from 1 to 1000000, found "many"
     --> c.yaml:2:15
      |
    2 |   batch_size: many
      |               ^^^^

    error: unknown key `run.bach_size`
     --> c.yaml:3:3
      |
    3 |   bach_size: 3
      |   ^^^^^^^^^

    hint: did you mean `run.batch_size`?

    error: 2 problems in c.yaml; nothing was started
    "#);
    insta::assert_snapshot!(bench.shown(&["config", "show", "c.yaml", "--json"]), @r#"
    exit 2
    --- stdout
    {"error": {"kind": "config", "message": "2 problems in c.yaml", "hint": "did you mean `run.batch_size`?", "exit": 2, "problems": [{"message": "`run.batch_size`: expected an integer from 1 to 1000000, found \"many\"", "key": "run.batch_size", "source": "c.yaml:2:15", "file": "c.yaml", "line": 2, "column": 15, "hint": null}, {"message": "unknown key `run.bach_size`", "key": "run.bach_size", "source": "c.yaml:3:3", "file": "c.yaml", "line": 3, "column": 3, "hint": "did you mean `run.batch_size`?"}]}}
    "#);
    insta::assert_snapshot!(bench.shown(&["config", "show", "missing.yaml"]), @"
    exit 2
    --- stderr
    error: there is no file missing.yaml
    ");
}

#[test]
fn a_secret_from_the_environment_is_never_shown() {
    let bench = Bench::new()
        .file("c.yaml", "run:\n  run_id: [topsecret-value]\n")
        .env("OPENAI_API_KEY", "topsecret-value");
    let output = bench.run(&["config", "show", "c.yaml"]);
    assert_eq!(code(&output), 2);
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(
        shown.contains("***") && !shown.contains("topsecret"),
        "{shown}"
    );
}

#[test]
fn origins() {
    let bench = Bench::new()
        .file("c.yaml", CONFIG)
        .env("TOTAL_SAMPLES", "9");
    let output = bench.run(&[
        "config",
        "show",
        "c.yaml",
        "--origin",
        "--set",
        "run.seed=7",
    ]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "  batch_size: 4                                   # c.yaml:2:15",
        "  total_samples: 9                                # environment variable TOTAL_SAMPLES",
        "  seed: 7                                         # flag --set",
        "  concurrency: 16                                 # default",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert_eq!(
        (code(&output), output.stderr.as_slice()),
        (0, b"".as_slice())
    );
}

#[test]
fn what_is_shown_can_be_used_again() {
    let bench = Bench::new().file("c.yaml", CONFIG);
    let first = bench.run(&["config", "show", "c.yaml"]).stdout;
    let bench = bench.file("again.yaml", &first);
    assert_eq!(
        String::from_utf8(bench.run(&["config", "show", "again.yaml"]).stdout),
        String::from_utf8(first)
    );
}

#[test]
fn schema_and_json_are_json() {
    let bench = Bench::new().file("c.yaml", CONFIG);
    let schema = json::parse(&bench.run(&["config", "schema"]).stdout).unwrap();
    assert_eq!(
        schema.at("properties").at("run").at("type").as_str(),
        Some("object")
    );
    let shown = json::parse(&bench.run(&["config", "show", "c.yaml", "--json"]).stdout).unwrap();
    assert!(
        shown
            .items("settings")
            .iter()
            .any(|row| row.str_or("key", "") == "run.batch_size")
    );
}

#[test]
fn keys_as_markdown() {
    let shown = String::from_utf8(Bench::new().run(&["config", "keys"]).stdout).unwrap();
    assert!(shown.starts_with("## run\n\n| key | type |"), "{shown}");
    assert!(
        shown.contains("| `run.batch_size` | integer, 1 to 1000000 | `1` | `BATCH_SIZE` |"),
        "{shown}"
    );
}

#[test]
fn an_output_folder_that_cannot_be_is_told_as_the_key_that_names_it() {
    let offline = "llm: {agents: {user: {model: 'offline:user'}, assistant: {model: 'offline:assistant'}, judge: {model: 'offline:judge'}}}";
    for folder in ["knowledge/a.txt/out", "/dev/null/out"] {
        let config = format!("saving: {{output_dir: {folder}}}\n{offline}\n");
        let bench = Bench::new().file("c.yaml", config).file(
            "knowledge/a.txt",
            "Water boils at 100 degrees at sea level.\n",
        );
        let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
        assert_says(
            &shown,
            2,
            &[
                "`saving.output_dir`",
                "c.yaml:1:",
                "cannot be used as a folder",
                "hint: name a folder",
            ],
        );
    }
}

#[test]
fn every_schema_that_is_listed_is_printed() {
    let bench = Bench::new();
    let listed = bench.run(&["schema", "--json"]);
    assert_eq!(code(&listed), 0);
    let listed = json::parse(&listed.stdout).unwrap();
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.str_or("name", ""))
        .collect();
    assert_eq!(
        names,
        [
            "synthetic_qa",
            "coverage_ledger",
            "turns",
            "conversations_sharegpt",
            "conversations_sharegpt_judged",
            "conversation",
            "conversations_index",
            "run_state",
            "last_run_id",
            "arena-benchmark",
            "arena-answer",
            "arena-critique",
            "arena-debate",
            "arena-judgment",
            "arena-label",
            "arena-adjudication",
            "arena-provenance",
            "arena-judging-task",
            "arena-metadata",
            "dialogue-bundle",
            "dialogue-config",
            "arena-config",
            "export-config",
        ]
    );
    let schema = |name: &str| {
        let printed = bench.run(&["schema", name]);
        assert_eq!(code(&printed), 0, "{name}");
        json::parse(&printed.stdout).unwrap()
    };
    for row in listed.as_array().unwrap() {
        let printed = schema(row.str_or("name", ""));
        assert!(printed.str_or("$schema", "").contains("2020-12"), "{row:?}");
        assert_ne!(printed.str_or("title", ""), "", "{row:?}");
        // The others are files of a contract.
        let name = row.str_or("name", "");
        if !name.ends_with("-config") && !name.ends_with("-bundle") {
            assert_eq!(printed.str_or("title", ""), row.str_or("file", ""));
            assert_eq!(printed, schema(row.str_or("file", "")));
        }
    }
    assert_eq!(
        bench.run(&["schema", "dialogue-config"]).stdout,
        bench.run(&["config", "schema"]).stdout
    );
    insta::assert_snapshot!(bench.shown(&["schema", "turn"]), @"
    exit 2
    --- stderr
    error: there is no schema 'turn'

    hint: did you mean `forgemark schema turns`?
    ");
}
