//! What happens when folders and documents change under a run.

use std::path::{Path, PathBuf};

use forgemark_contract::json::{self, Json};

use crate::command::{Bench, assert_says};

const TEXT: &str = "Water boils at 100 degrees at sea level. Ice melts at 0 degrees in the valley. \
    The lighthouse was built in 1862 by Anna Berg. The harbour closes at nine in winter. \
    The ferry needs forty minutes to the island. Bicycles travel free of charge on Sundays.\n";

const OTHER: &str = "The mill on the western hill grinds rye from Monday to Thursday. Its keeper sells flour \
    in bags of two kilograms. The wheel turns eleven times a minute when the brook is full.\n";

const RUN: [&str; 3] = ["dialogue", "run", "project/config.yaml"];

fn config(more: &str) -> String {
    format!(
        "run: {{total_samples: 4}}\n{more}\n\
         llm: {{agents: {{user: {{model: 'scripted:dialogue'}}, assistant: {{model: 'scripted:dialogue'}}, judge: {{model: 'scripted:dialogue'}}}}}}\n"
    )
}

fn project(more: &str) -> Bench {
    Bench::new()
        .file("project/config.yaml", config(more))
        .file("project/knowledge/a.txt", TEXT.repeat(12))
        .file("project/knowledge/b.txt", OTHER.repeat(12))
        .env("SOURCE_DATE_EPOCH", "1700000000")
}

fn rows(folder: &Path, name: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.lines()
        .map(|line| json::parse(line.as_bytes()).unwrap())
        .collect()
}

/// The documents of the passages that the turns of a run were offered.
fn sources(folder: &Path, run: &str) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows(folder, "synthetic_qa.jsonl") {
        if row.at("forgemark").str_or("run_id", "") != run {
            continue;
        }
        for turn in row.items("turns") {
            for evidence in turn.at("forgemark").items("evidence") {
                let source = evidence.str_or("source", "");
                found.push(source.split('#').next().unwrap_or(source).to_owned());
            }
        }
    }
    assert!(!found.is_empty(), "no turn has evidence");
    found.sort();
    found.dedup();
    found
}

fn newest_run(folder: &Path) -> String {
    let rows = rows(folder, "synthetic_qa.jsonl");
    let last = rows.last().unwrap().at("forgemark");
    last.str_or("run_id", "").to_owned()
}

#[test]
fn acceptance_8_2_10_an_output_folder_outside_of_the_project() {
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("deep/out");
    let bench = project(&format!("saving: {{output_dir: '{}'}}", out.display()));
    let shown = bench.shown(&RUN);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let index = rows(&out, "conversations_index.jsonl");
    assert!(index.len() >= 4);
    for row in &index {
        // Relative to the output folder, since there is no way to it from the project.
        let file = PathBuf::from(row.str_or("conversation_file", ""));
        assert!(file.is_relative() && out.join(&file).is_file(), "{file:?}");
    }
    for name in ["turns.jsonl", "conversations_sharegpt.jsonl"] {
        assert!(!rows(&out, name).is_empty(), "{name}");
    }
    let folder = out.display().to_string();
    assert_says(&bench.shown(&["validate", &folder]), 0, &[]);
    assert_says(
        &bench.shown(&["dialogue", "show", &folder]),
        0,
        &["completed"],
    );
    assert_says(&bench.shown(&RUN), 0, &["nothing was done"]);
}

#[test]
fn acceptance_8_2_10_a_project_that_was_moved_goes_on() {
    let whole = project("");
    assert!(whole.shown(&RUN).starts_with("exit 0\n"));
    let bench = project("");
    let shown = bench.shown(&[&RUN[..], &["--limit", "2"]].concat());
    assert!(!shown.contains("4 of 4"), "{shown}");
    std::fs::create_dir(bench.path("elsewhere")).unwrap();
    std::fs::rename(bench.path("project"), bench.path("elsewhere/project")).unwrap();
    let moved = bench.shown(&["dialogue", "run", "elsewhere/project/config.yaml"]);
    assert_says(&moved, 0, &["continuing run", "4 of 4"]);
    // No path of the machine stands in a row, so they are the same as if nothing had moved.
    for name in [
        "synthetic_qa.jsonl",
        "coverage_ledger.jsonl",
        "turns.jsonl",
        "conversations_index.jsonl",
    ] {
        let read = |bench: &Bench, path: &str| std::fs::read(bench.path(path).join(name)).unwrap();
        assert_eq!(
            read(&bench, "elsewhere/project/outputs"),
            read(&whole, "project/outputs"),
            "{name}"
        );
    }
    assert_says(
        &bench.shown(&["validate", "elsewhere/project/outputs"]),
        0,
        &[],
    );
}

#[test]
fn acceptance_8_2_10_documents_that_were_renamed_deleted_or_changed() {
    let bench = project("");
    assert!(bench.shown(&RUN).starts_with("exit 0\n"));
    let out = bench.path("project/outputs");
    let knowledge = bench.path("project/knowledge");
    let refused = |said: &str| {
        let before = std::fs::read(out.join("synthetic_qa.jsonl")).unwrap();
        assert_says(&bench.shown(&RUN), 2, &[said, "--new-run"]);
        assert_eq!(
            std::fs::read(out.join("synthetic_qa.jsonl")).unwrap(),
            before
        );
        let shown = bench.shown(&[&RUN[..], &["--new-run"]].concat());
        assert!(shown.starts_with("exit 0\n"), "{shown}");
        assert_says(&bench.shown(&["validate", "project/outputs"]), 0, &[]);
        sources(&out, &newest_run(&out))
    };
    std::fs::rename(knowledge.join("b.txt"), knowledge.join("c.txt")).unwrap();
    let found = refused("documents renamed: b.txt to c.txt");
    assert!(!found.contains(&"b.txt".to_owned()), "{found:?}");
    // What was deleted is found no more.
    std::fs::remove_file(knowledge.join("a.txt")).unwrap();
    assert_eq!(refused("documents removed: a.txt"), ["c.txt"]);
    std::fs::write(knowledge.join("c.txt"), TEXT.repeat(9)).unwrap();
    assert_eq!(refused("documents changed: c.txt"), ["c.txt"]);
    for row in rows(&out, "synthetic_qa.jsonl") {
        if row.at("forgemark").str_or("run_id", "") == newest_run(&out) {
            for turn in row.items("turns") {
                let facts = json::to_compact(turn.at("kb_answer"));
                assert!(!String::from_utf8(facts).unwrap().contains("western hill"));
            }
        }
    }
}

#[test]
fn acceptance_8_2_10_an_index_that_is_rebuilt_and_an_embedder_that_is_another() {
    let bench = project("");
    assert!(bench.shown(&RUN).starts_with("exit 0\n"));
    let out = bench.path("project/outputs");
    let before = std::fs::read(out.join("synthetic_qa.jsonl")).unwrap();
    let rebuild = ["--set", "tools.retrieval.index.rebuild=true"];
    assert_says(
        &bench.shown(&[&RUN[..], &rebuild].concat()),
        0,
        &["nothing was done"],
    );
    // A rebuilt index finds what the first one found: a run with more conversations is the same run.
    let more = ["--set", "run.total_samples=6"];
    let rebuilt = bench.shown(&[&RUN[..], &rebuild, &more].concat());
    assert_says(&rebuilt, 0, &["6 of 6"]);
    let straight = project("");
    assert!(straight.shown(&RUN).starts_with("exit 0\n"));
    assert_says(&straight.shown(&[&RUN[..], &more].concat()), 0, &["6 of 6"]);
    let after = std::fs::read(out.join("synthetic_qa.jsonl")).unwrap();
    assert!(after.starts_with(&before));
    assert_eq!(
        after,
        std::fs::read(straight.path("project/outputs/synthetic_qa.jsonl")).unwrap()
    );
    let model = "tools.retrieval.embeddings.model=acme/embedder-large";
    let switched = bench.shown(&[&RUN[..], &["--set", model]].concat());
    assert_says(
        &switched,
        2,
        &["tools.retrieval.embeddings.model", "acme/embedder-large"],
    );
    assert_eq!(
        std::fs::read(out.join("synthetic_qa.jsonl")).unwrap(),
        after
    );
}
