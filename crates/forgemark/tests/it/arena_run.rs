//! `forgemark arena run` and its stages, with solvers that need no endpoint.

use std::collections::BTreeMap;
use std::process::Stdio;

use crate::command::{Bench, assert_says, code};

const CONFIG: &str = "models:
  - {name: ann, model: 'offline:solver', skill: 0.9}
  - {name: ben, model: 'offline:solver', skill: 0.7}
  - {name: cleo, model: 'offline:solver', skill: 0.4}
topics: [sums, products]
questions: {max_outer_attempts: 3}
controls: {planted_faults: 4, planted_correct: 4}
output: {dir: arena}
";

fn bench() -> Bench {
    Bench::new().file("arena.yaml", CONFIG)
}

#[test]
fn from_nothing_to_ratings() {
    let bench = bench();
    let estimate = bench.shown(&["arena", "run", "arena.yaml", "--estimate"]);
    assert_says(
        &estimate,
        0,
        &["questions   ann", "at most", "probable numbers"],
    );
    assert!(!bench.path("arena/benchmarks").exists());

    let run = bench.shown(&["arena", "run", "arena.yaml"]);
    assert_says(
        &run,
        0,
        &["complete", "controls", "next: forgemark arena rate"],
    );
    for file in [
        "benchmarks/ann.json",
        "provenance.jsonl",
        "adjudications.jsonl",
    ] {
        assert!(bench.path("arena").join(file).exists(), "{file}");
    }
    let again = bench.shown(&["arena", "run", "arena.yaml"]);
    assert_says(&again, 0, &["complete before; nothing was done"]);
    let check = bench.shown(&["arena", "check", "arena"]);
    assert_says(&check, 0, &[]);
    let validate = bench.run(&["validate", "arena"]);
    assert_eq!(code(&validate), 0);
    let controls = bench.shown(&["arena", "controls", "arena"]);
    assert_says(
        &controls,
        0,
        &["judge", "critic", "false rejects", "95 % interval"],
    );
    let rated = bench.shown(&[
        "arena",
        "rate",
        "arena",
        "--model",
        "firth",
        "--bootstrap",
        "0",
    ]);
    assert_says(&rated, 0, &["answerer", "questioner"]);
}

#[test]
fn stages_by_themselves_and_what_goes_wrong() {
    let bench = bench();
    let asked = bench.shown(&["arena", "questions", "arena.yaml", "--limit", "2"]);
    assert_says(
        &asked,
        5,
        &["stopped at the limit", "the same command goes on"],
    );
    let asked = bench.shown(&["arena", "questions", "arena.yaml"]);
    assert_says(&asked, 0, &["complete"]);
    let answers = bench.shown(&["arena", "answers", "arena.yaml"]);
    assert_says(&answers, 0, &["complete"]);
    assert!(!bench.path("arena/critiques").exists());
    let wrong = bench.shown(&["arena", "judge", "arena.yaml", "--retry-failed=refusals"]);
    assert_says(&wrong, 2, &["is not a reason", "did you mean refusal?"]);
    let none = bench.shown(&["arena", "controls", "arena"]);
    assert_says(&none, 2, &["holds no controls"]);
    let line = r#"{"questioner": "ann", "run": "own", "question": "Compute 2.", "answer": "2", "answers": {"ben": "2"}}"#;
    let brought = bench.file("own.jsonl", line);
    let taken = brought.shown(&["arena", "import", "arena.yaml", "own.jsonl"]);
    assert_says(
        &taken,
        0,
        &["took 1 question and 1 answer", "--no-new-questions"],
    );
    let bench = brought.file("bad.jsonl", "{\"questioner\": \"anna\"}");
    let refused = bench.shown(&["arena", "import", "arena.yaml", "bad.jsonl"]);
    assert_says(&refused, 2, &["bad.jsonl:1", "did you mean ann?"]);
    let export = bench.shown(&["arena", "prompts", "export", "templates"]);
    assert_says(&export, 0, &["judge_critique.task.txt"]);
    let bad = bench.shown(&[
        "arena",
        "run",
        "arena.yaml",
        "--set",
        "questions.max_round=2",
    ]);
    assert_says(&bad, 2, &["questions.max_rounds"]);
}

/// Every file of the arena but those of our own state.
fn files(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let root = bench.path("arena");
    let mut files = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".forgemark") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Bytes of the journal.
fn journalled(bench: &Bench) -> u64 {
    let folder = bench.path("arena/.forgemark/journal");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let lengths = entries.filter_map(|entry| entry.metadata().ok());
    lengths.map(|data| data.len()).sum()
}

#[test]
fn sigkill_again_and_again_leaves_the_files_of_an_undisturbed_run() {
    const RUN: [&str; 5] = ["arena", "run", "arena.yaml", "--progress", "none"];
    let whole = bench();
    assert_eq!(code(&whole.run(&RUN)), 0);
    let all = journalled(&whole);
    let killed = bench();
    let mut kills = 0;
    for part in 1..6 {
        let mut command = killed.command(&RUN);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // It may also end before: how far it comes is not what is tested.
        while journalled(&killed) < all * part / 6 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::yield_now();
        }
        kills += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert_eq!(code(&killed.run(&RUN)), 0, "after {kills} kills");
    let (left, right) = (files(&whole), files(&killed));
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        right.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &left {
        assert_eq!(&right[name], bytes, "{name}");
    }
}
