use super::*;
use anstream::adapter::strip_str;

fn plain(error: &AppError) -> String {
    strip_str(&error.render()).to_string()
}

#[test]
fn message_causes_and_hints() {
    let error = AppError::Io {
        action: "write",
        path: "out/synthetic_qa.jsonl".into(),
        source: io::ErrorKind::StorageFull.into(),
    };
    insta::assert_snapshot!(plain(&error), @r"
    error: cannot write out/synthetic_qa.jsonl
      caused by: no storage space

    hint: free some space and run the same command again
    ");
    assert_eq!(error.exit(), Exit::Findings);
}

#[test]
fn a_cause_that_the_message_repeats_is_said_once() {
    let error =
        AppError::new(ErrorKind::Failed, "the run failed: disk gone").caused_by("disk gone");
    insta::assert_snapshot!(plain(&error), @"error: the run failed: disk gone");
}

#[test]
fn hints_are_said_once_and_text_from_outside_is_escaped() {
    let error = AppError::new(ErrorKind::Endpoint, "the endpoint said \u{1b}[2Jhello")
        .hint("start the server")
        .hint("start the server")
        .hint("or use offline:");
    insta::assert_snapshot!(plain(&error), @r"
    error: the endpoint said \u{1b}[2Jhello

    hint: start the server
    hint: or use offline:
    ");
}

#[test]
fn the_envelope() {
    let error = AppError::new(ErrorKind::Locked, "out is in use")
        .caused_by("pid 7")
        .hint("wait for it");
    let line = String::from_utf8(forgemark_contract::json::to_line(&error.to_json())).unwrap();
    insta::assert_snapshot!(line, @r#"{"error": {"kind": "locked", "message": "out is in use: pid 7", "hint": "wait for it", "exit": 2}}"#);
}

#[test]
fn kinds_have_distinct_words_and_known_exits() {
    use ErrorKind::{
        Bug, Config, Damaged, Endpoint, Failed, FormatTooNew, Interrupted, Io, Locked, NotFound,
        Usage,
    };
    let all = [
        Usage,
        Config,
        NotFound,
        Io,
        Locked,
        Damaged,
        FormatTooNew,
        Endpoint,
        Failed,
        Interrupted,
        Bug,
    ];
    let words: std::collections::BTreeSet<&str> = all.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.len(), all.len());
    for kind in all {
        assert!(
            crate::exit::TABLE
                .iter()
                .any(|(exit, _)| *exit == kind.exit()),
            "{kind:?}"
        );
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    assert_eq!(AppError::from(OutputError::Closed).exit(), Exit::Done);
    assert_eq!(
        AppError::from(OutputError::Failed(io::ErrorKind::StorageFull.into())).exit(),
        Exit::Findings
    );
}
