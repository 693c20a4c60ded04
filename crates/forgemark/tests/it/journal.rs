//! `forgemark journal`

use std::path::PathBuf;
use std::sync::Arc;

use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{self, Json};
use forgemark_contract::time::Timestamp;
use forgemark_journal::{
    Attempt, CallOutcome, CallRecord, CommitRecord, DiskStorage, Journal, OpenOptions, Record,
    Usage,
};

use crate::command::{Bench, code};

fn call(number: u8) -> Record {
    Record::Call(CallRecord {
        key: CallKey([number; 32]),
        at: Timestamp::from_epoch_seconds(1_800_000_000),
        item: format!("0:{number}/1"),
        role: "user".into(),
        model: "m".into(),
        endpoint: "main".into(),
        attempts: vec![Attempt {
            endpoint: "main".into(),
            ms: 12,
            what: "rate limited".into(),
            status: Some(429),
            ..Attempt::default()
        }],
        usage: Usage {
            prompt: 100,
            completion: 20,
            ..Usage::default()
        },
        cost_micro_usd: None,
        latency_ms: 250,
        outcome: CallOutcome::Reply("{\"said\": \"\u{1b}[2Jhello\"}".into()),
    })
}

/// A folder with a small journal in `out`, closed.
fn bench() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("out")).unwrap();
    let (journal, _) = Journal::open(
        Arc::new(DiskStorage),
        &bench.path("out"),
        OpenOptions::default(),
    )
    .unwrap();
    let run = Record::Run {
        run_id: "r1".into(),
        plan: Json::from([("seed", 7_i64.into())]),
    };
    let commit = Record::Commit(CommitRecord {
        through: 1,
        items: vec![Json::from("one")],
        ..CommitRecord::default()
    });
    let end = Record::End {
        status: "completed".into(),
        detail: Json::Null,
    };
    for record in [run, call(1), call(2), commit, end] {
        journal.append(record).wait().unwrap();
    }
    bench
}

fn segment(bench: &Bench) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(bench.path("out/.forgemark/journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "fmj"))
        .collect();
    files.sort();
    files.remove(0)
}

#[test]
fn dump_is_a_line_of_json_a_record() {
    let bench = bench();
    let output = bench.run(&["journal", "dump", "out"]);
    assert_eq!(code(&output), 0);
    let lines: Vec<Json> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| json::parse_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line.str_or("kind", "")).collect();
    assert_eq!(
        kinds,
        ["checkpoint", "run", "call", "call", "commit", "end"]
    );
    let mut call = lines[2].clone().into_object();
    // Where it stands is the journal's own affair.
    for name in ["position", "segment", "offset", "bytes"] {
        assert!(call.remove(name).is_some(), "{name}");
    }
    let call = String::from_utf8(json::to_pretty(&Json::Object(call))).unwrap();
    insta::assert_snapshot!(call, @r#"
    {
      "kind": "call",
      "key": "0101010101010101010101010101010101010101010101010101010101010101",
      "at": "2027-01-15T08:00:00+00:00",
      "item": "0:1/1",
      "role": "user",
      "model": "m",
      "endpoint": "main",
      "attempts": [
        {
          "at": "1970-01-01T00:00:00+00:00",
          "endpoint": "main",
          "ms": 12,
          "what": "rate limited",
          "status": 429,
          "retry_after_ms": null
        }
      ],
      "prompt_tokens": 100,
      "completion_tokens": 20,
      "cached_tokens": 0,
      "reasoning_tokens": 0,
      "cost_micro_usd": null,
      "latency_ms": 250,
      "outcome": "reply",
      "body_bytes": 21
    }
    "#);
    let bodies = bench.run(&["journal", "dump", "out", "--bodies"]);
    let text = String::from_utf8(bodies.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    let line = text.lines().find(|line| line.contains("\"call\"")).unwrap();
    assert_eq!(
        json::parse_str(line).unwrap().at("body").as_str(),
        Some("{\"said\": \"\u{1b}[2Jhello\"}")
    );
}

#[test]
fn verify_says_what_there_is() {
    let bench = bench();
    let shown = bench.shown(&["journal", "verify", "out"]);
    assert!(
        shown.starts_with("exit 0\n") && shown.contains("the journal is sound"),
        "{shown}"
    );
    let found = json::parse(&bench.run(&["journal", "verify", "out", "--json"]).stdout).unwrap();
    assert_eq!(
        ["records", "calls", "commits", "items", "torn_bytes"].map(|name| found.i64_or(name, -1)),
        [5, 2, 1, 1, 0]
    );
}

#[test]
fn a_torn_tail_is_no_damage_and_a_flipped_byte_is() {
    let bench = bench();
    let segment = segment(&bench);
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, [whole.as_slice(), b"FMf1torn"].concat()).unwrap();
    let shown = bench.shown(&["journal", "dump", "out"]);
    assert!(
        shown.starts_with("exit 0")
            && shown.contains("warning: 8 bytes after the last record are torn"),
        "{shown}"
    );
    let mut damaged = whole;
    let place = damaged
        .windows(4)
        .position(|bytes| bytes == b"said")
        .unwrap();
    damaged[place] ^= 1;
    std::fs::write(&segment, damaged).unwrap();
    let output = bench.run(&["journal", "verify", "out", "--json"]);
    assert_eq!(code(&output), 1);
    let error = json::parse(&output.stdout).unwrap();
    assert_eq!(error.at("error").str_or("kind", ""), "damaged");
    assert!(
        error
            .at("error")
            .str_or("hint", "")
            .contains("journal dump"),
        "{error:?}"
    );
}

#[test]
fn a_newer_format_has_an_exit_code_of_its_own() {
    let bench = bench();
    let segment = segment(&bench);
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[8..12].copy_from_slice(&99_u32.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&segment, bytes).unwrap();
    let output = bench.run(&["journal", "verify", "out"]);
    assert_eq!(code(&output), 6);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("has format 99")
    );
}

#[test]
fn the_index_is_rebuilt_unless_somebody_writes() {
    let bench = bench();
    insta::assert_snapshot!(bench.shown(&["journal", "rebuild-index", "out"]), @"
    exit 0
    --- stdout
    the key index is built anew: 2 entries
    ");
    let held = Journal::open(
        Arc::new(DiskStorage),
        &bench.path("out"),
        OpenOptions::default(),
    )
    .unwrap();
    let output = bench.run(&["journal", "rebuild-index", "out", "--json"]);
    assert_eq!(code(&output), 2);
    let error = json::parse(&output.stdout).unwrap();
    assert_eq!(error.at("error").str_or("kind", ""), "locked");
    drop(held);
}

#[test]
fn folders_without_a_journal() {
    let bench = Bench::new().file("empty/x", "");
    insta::assert_snapshot!(bench.shown(&["journal", "verify", "empty"]), @"
    exit 2
    --- stderr
    error: there is no journal in empty

    hint: name the output folder of a run (`saving.output_dir`)
    ");
    insta::assert_snapshot!(bench.shown(&["journal", "dump", "nowhere"]), @"
    exit 2
    --- stderr
    error: there is no folder nowhere

    hint: name the output folder of a run (`saving.output_dir`)
    ");
}
