//! `forgemark arena check`: what it says of a folder, what a fix does, and that `forgemark validate` knows such a folder.

use crate::command::{Bench, assert_says};

const QUESTION: &str = r#"[
  {
    "run_id": "1",
    "outer_attempt": 1,
    "topic_slug": "sums",
    "status": "succeeded",
    "generation_rounds": [
      {
        "refinement_rounds": [
          {
            "round": 1,
            "question": "1+1?",
            "answer": "2",
            "evaluation": {
              "verdict": "pass",
              "ill_posed": false,
              "issues": [],
              "improvements": ""
            }
          }
        ],
        "status": "succeeded"
      }
    ]
  }
]"#;

const ANSWERS: &str = r#"[
  {
    "question_model": "q",
    "answer_model": "a",
    "question": "1+1?",
    "run_id": "1",
    "outer_attempt": 1,
    "status": "succeeded",
    "attempts": []
  },
  {
    "question_model": "q",
    "answer_model": "a",
    "question": "2+2?",
    "run_id": "2",
    "outer_attempt": 1,
    "status": "succeeded",
    "attempts": []
  }
]"#;

fn arena() -> Bench {
    Bench::new()
        .file("arena/benchmarks/q.json", QUESTION)
        .file("arena/answers/q/a.json", ANSWERS)
}

#[test]
fn an_orphan_is_found_and_put_aside() {
    let bench = arena();
    let shown = bench.shown(&["arena", "check", "arena"]);
    let found = "  answers/q/a.json[1]: 2/q/a/1: no question 2/q/1";
    assert_says(&shown, 1, &["answer_without_question   fault", found]);
    assert_says(&shown, 1, &["1 fault, 0 warnings, 0 notes"]);

    let shown = bench.shown(&["arena", "check", "arena", "--fix"]);
    let put = "put aside 1 entry and 0 files: arena/quarantine/0001";
    assert_says(&shown, 0, &[put, "0 faults, 0 warnings, 0 notes"]);
    let kept = std::fs::read_to_string(bench.path("arena/answers/q/a.json")).unwrap();
    assert!(kept.contains("1+1?") && !kept.contains("2+2?"), "{kept}");
    let aside = bench.path("arena/quarantine/0001/answers/q/a.json");
    let aside = std::fs::read_to_string(aside).unwrap();
    assert!(aside.contains("2+2?") && !aside.contains("1+1?"), "{aside}");
    let manifest = bench.path("arena/quarantine/0001/manifest.json");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    assert!(manifest.contains("\"key\": \"2/q/a/1\""), "{manifest}");

    let shown = bench.shown(&["arena", "check", "arena", "--fix"]);
    assert_says(&shown, 0, &["nothing to put aside"]);
}

#[test]
fn programs_read_the_same() {
    let shown = arena().shown(&["arena", "check", "arena", "--json"]);
    assert_says(
        &shown,
        1,
        &[
            "\"clean\": false",
            "\"counts\": {\"answer_without_question\": 1}",
            "\"file\": \"answers/q/a.json\", \"key\": \"2/q/a/1\"",
        ],
    );
    let shown = arena().shown(&["arena", "check", "arena", "--json", "--fix"]);
    let put = "\"quarantine\": {\"folder\": \"quarantine/0001\", \"entries\": {\"answer_without_question\": 1}, \"files\": []}";
    assert_says(&shown, 0, &["\"clean\": true", put]);
}

#[test]
fn validate_knows_an_arena() {
    let bench = arena();
    let shown = bench.shown(&["validate", "arena"]);
    assert_says(&shown, 1, &["answer_without_question", "1 fault,"]);
    let shown = bench.shown(&["validate", "arena", "--json"]);
    assert_says(&shown, 1, &["\"counts\": {\"answer_without_question\": 1}"]);
    assert!(
        !bench.path("arena/.forgemark").exists(),
        "a check writes nothing"
    );
}

#[test]
fn a_cut_file_is_named_with_its_place_and_survives_a_fix() {
    let cut = &ANSWERS[..ANSWERS.len() / 2];
    let bench = arena().file("arena/answers/q/a.json", cut);
    let shown = bench.shown(&["arena", "check", "arena"]);
    assert_says(
        &shown,
        1,
        &["unreadable_file   fault", "  answers/q/a.json: line "],
    );
    let shown = bench.shown(&["arena", "check", "arena", "--fix"]);
    assert_says(&shown, 0, &["put aside 0 entries and 1 file"]);
    let aside = bench.path("arena/quarantine/0001/answers/q/a.json");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), cut);
}

#[test]
fn a_folder_without_an_arena_is_none() {
    let bench = Bench::new().file("notes/readme.txt", "hello");
    for folder in ["notes", "nowhere"] {
        let shown = bench.shown(&["arena", "check", folder]);
        assert!(shown.starts_with("exit 2\n"), "{shown}");
    }
}
