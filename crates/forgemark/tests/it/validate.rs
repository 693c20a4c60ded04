//! `forgemark validate`: what it says of a good folder, of a damaged one and of none.

use crate::command::Bench;

const TEXT: &str = "Water boils at 100 degrees at sea level. Ice melts at 0 degrees in the valley. \
    The lighthouse was built in 1862 by Anna Berg. The harbour closes at nine in winter.\n";

fn run() -> Bench {
    let config = "run: {total_samples: 2}\n\
                  llm: {agents: {user: {model: 'offline:user'}, assistant: {model: 'offline:assistant'}, \
                  judge: {model: 'offline:judge'}}}\n";
    let bench = Bench::new()
        .file("c.yaml", config)
        .file("knowledge/a.txt", TEXT.repeat(9));
    let shown = bench.shown(&["dialogue", "run", "c.yaml", "--progress", "none"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    bench
}

#[test]
fn a_run_is_proven() {
    let shown = run().shown(&["validate", "outputs"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    assert!(shown.contains("2 conversations with"), "{shown}");
    assert!(
        shown.contains("are proven, the journal included"),
        "{shown}"
    );
}

#[test]
fn a_changed_row_is_found_with_its_place_and_a_remedy() {
    let bench = run();
    let path = bench.path("outputs/conversations_index.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"n_turns\": ", "\"n_turns\": 9", 1)).unwrap();
    let shown = bench.shown(&["validate", "outputs"]);
    assert!(shown.starts_with("exit 1\n"), "{shown}");
    assert!(
        shown.contains("conversations_index.jsonl:1: derived: n_turns is 9"),
        "{shown}"
    );
    assert!(shown.contains("Restore the file from a copy"), "{shown}");
    let shown = bench.shown(&["validate", "outputs", "--json", "--limit", "1"]);
    assert!(shown.contains("\"clean\": false"), "{shown}");
    assert!(
        shown.contains("\"journal\": 1"),
        "the length is not what was committed: {shown}"
    );
    assert!(shown.contains("\"derived\": 1"), "all are counted: {shown}");
}

#[test]
fn a_folder_without_artifacts_is_none() {
    let bench = Bench::new().file("notes/readme.txt", "hello");
    for folder in ["notes", "nowhere"] {
        let shown = bench.shown(&["validate", folder]);
        assert!(shown.starts_with("exit 2\n"), "{shown}");
    }
}
