//! Cuts of a store on Lance as the binary makes them.

use forgemark_contract::json::{Json, parse};

use crate::command::{Bench, assert_says, code};

const TALKS: &str = r#"{"messages":[{"role":"user","content":"What is a lathe?"},{"role":"assistant","content":"A machine that turns work against a tool."}]}
{"messages":[{"role":"user","content":"And a mill?"},{"role":"assistant","content":"A machine that turns the tool."},{"role":"user","content":"Which is older?"},{"role":"assistant","content":"The lathe."}]}
"#;

/// A store of two conversations.
fn store() -> Bench {
    let bench = Bench::new().file("talks.jsonl", TALKS);
    let shown = bench.shown(&["store", "ingest", "data.lance", "talks.jsonl"]);
    assert_says(&shown, 0, &["6"]);
    bench
}

fn manifest(bench: &Bench, path: &str) -> Json {
    parse(&std::fs::read(bench.path(path)).unwrap()).unwrap()
}

#[test]
fn a_lance_table_is_written_proven_and_replaced() {
    let bench = store();
    let cut = ["export", "sft", "data.lance", "cut", "--shape", "trl"];
    let shown = bench.shown(&[&cut[..], &["--format", "lance"]].concat());
    assert_says(&shown, 0, &[]);
    assert!(bench.path("cut/cut.lance").is_dir());
    let shown = bench.shown(&["export", "verify", "cut"]);
    assert_says(&shown, 0, &["all as the manifest says"]);
    assert_says(&bench.shown(&["validate", "cut"]), 0, &[]);
    let table = ["export", "validate", "cut/cut.lance", "--shape", "trl"];
    let shown = bench.shown(&[&table[..], &["--task", "sft"]].concat());
    assert_says(&shown, 0, &["2 rows: trl reads them as they are meant"]);

    // One byte of one file of the table is another.
    let data = std::fs::read_dir(bench.path("cut/cut.lance/data")).unwrap();
    let file = data.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = bench.run(&["export", "verify", "cut"]);
    assert_ne!(code(&output), 0);

    let again = [&cut[..], &["--format", "parquet"]].concat();
    assert_says(&bench.shown(&again), 2, &["--replace"]);
    let again = [&again[..], &["--replace"]].concat();
    assert_says(&bench.shown(&again), 0, &[]);
    assert!(!bench.path("cut/cut.lance").exists(), "the table is gone");
    assert_says(&bench.shown(&["export", "verify", "cut"]), 0, &[]);
    let files = manifest(&bench, "cut/cut.manifest.json");
    let files: Vec<&str> = files
        .items("files")
        .iter()
        .map(|f| f.str_or("path", ""))
        .collect();
    assert!(files.contains(&"cut.parquet"), "{files:?}");
}

#[test]
fn rows_of_others_are_validated() {
    let bad = r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":""}]}
{"messages":"#;
    let bench = Bench::new().file("theirs.jsonl", bad);
    let flags = ["theirs.jsonl", "--shape", "openai", "--task", "sft"];
    let shown = bench.shown(&[&["export", "validate"], &flags[..]].concat());
    assert_says(&shown, 1, &["row 1, messages[1]", "row 2", "(few)"]);
    let flags = ["theirs.jsonl", "--shape", "opnai", "--task", "sft"];
    let shown = bench.shown(&[&["export", "validate"], &flags[..]].concat());
    assert_says(&shown, 2, &["--shape: expected one of", "openai"]);
}

#[test]
fn payloads_lie_beside_the_rows_and_come_back_proven() {
    let bench = store().file("photo.png", vec![7_u8; 100_000]);
    let output = bench.run(&["store", "list", "data.lance", "--limit", "1", "--json"]);
    let listed = String::from_utf8(output.stdout).unwrap();
    let record = parse(listed.lines().next().unwrap().as_bytes()).unwrap();
    let id = record.str_or("id", "");
    assert!(!id.is_empty(), "{listed}");
    let attach = ["store", "attach", "data.lance", id, "photo.png"];
    assert_says(&bench.shown(&attach), 0, &["1 changed"]);
    let get = ["store", "get", "data.lance", id, "--payload", "again.png"];
    assert_says(&bench.shown(&get), 0, &["again.png"]);
    let again = std::fs::read(bench.path("again.png")).unwrap();
    assert_eq!(again, vec![7_u8; 100_000]);
    let nobody = ["store", "attach", "data.lance", "nobody", "photo.png"];
    assert_says(
        &bench.shown(&nobody),
        2,
        &["there is no record with id nobody"],
    );
    assert_says(&bench.shown(&["store", "fsck", "data.lance"]), 0, &[]);
}

/// A limit on the size of files ends the process in the middle of a write, at the same byte every time.
#[test]
fn an_export_that_is_killed_in_a_write_leaves_the_previous_cut() {
    let talks = (0..200).map(|number| {
        let asked = "why ".repeat(40);
        format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{number} {asked}\"}},{{\"role\":\"assistant\",\"content\":\"{number}\"}}]}}\n"
        )
    });
    let bench = Bench::new().file("talks.jsonl", talks.collect::<String>());
    let shown = bench.shown(&["store", "ingest", "data.lance", "talks.jsonl"]);
    assert_says(&shown, 0, &["400"]);
    let first = ["export", "sft", "data.lance", "cut", "--shape", "openai"];
    assert_says(&bench.shown(&first), 0, &[]);
    let old = manifest(&bench, "cut/cut.manifest.json");
    let second = "export sft data.lance cut --shape trl --replace";
    let binary = env!("CARGO_BIN_EXE_forgemark");
    let mut killed = 0;
    // In blocks of 512 bytes.
    for blocks in [0, 1, 3, 10, 30, 60, 90] {
        let limited = format!("ulimit -f {blocks}; exec {binary} {second}");
        let mut command = std::process::Command::new("sh");
        let command = command.args(["-c", &limited]).current_dir(bench.path(""));
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{blocks} blocks were enough");
        killed += u32::from(output.status.code().is_none());
        assert_eq!(manifest(&bench, "cut/cut.manifest.json"), old, "{blocks}");
        let shown = bench.shown(&["export", "verify", "cut"]);
        assert_says(&shown, 0, &["all as the manifest says"]);
    }
    assert!(killed >= 5, "{killed} were killed");
    let second: Vec<&str> = second.split(' ').collect();
    assert_says(&bench.shown(&second), 0, &[]);
    assert_ne!(manifest(&bench, "cut/cut.manifest.json"), old);
    let shown = bench.shown(&["export", "verify", "cut"]);
    assert_says(&shown, 0, &["all as the manifest says"]);
}
