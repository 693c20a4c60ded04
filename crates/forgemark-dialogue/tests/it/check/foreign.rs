//! Folders that another program wrote: no journal, no key of ours.

use forgemark_contract::json::{self, Json, to_line};
use forgemark_dialogue::check::{CheckError, Kind};
use forgemark_model::scripted::Dialogue;
use forgemark_testkit::shared_dir;

use super::{Files, check_files, count, files_of, said, searching, try_check, without_journal};
use crate::bench::Bench;

#[test]
fn a_folder_without_artifacts_is_none() {
    let files = Files::from([("readme.txt".to_owned(), b"hello".to_vec())]);
    assert!(matches!(
        try_check(&files),
        Err(CheckError::NoArtifacts { .. })
    ));
    let files = Files::from([
        ("turns.jsonl".to_owned(), Vec::new()),
        ("readme.txt".to_owned(), b"hello".to_vec()),
    ]);
    let report = check_files(&files);
    assert_eq!(count(&report, Kind::Missing), 1, "{}", said(&report));
    assert_eq!(report.notes, ["readme.txt is no file of the contract"]);
}

#[test]
fn the_released_sample_is_an_export() {
    let Some(shared) = shared_dir() else {
        println!("skipped: there is no folder of shared files");
        return;
    };
    let folder = shared.join("data/dialogue/release_assets/sample_dataset/source");
    let name = "conversations_sharegpt_judged.jsonl";
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let report = check_files(&Files::from([(name.to_owned(), bytes)]));
    assert!(report.is_clean(), "{}", said(&report));
    assert_eq!(report.files[name].rows, 2);
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
}

#[test]
fn dropped_conversations_may_stand_in_the_export_of_another_program() {
    let agent = searching(
        4,
        Dialogue {
            conflict_rate: 0.4,
            shared_questions: 2,
            ..Dialogue::PLAIN
        },
    );
    let bench = Bench::new(agent)
        .set("saving.profile", "compat")
        .set("run.batch_size", 2)
        .set("coverage.question_dedup_retries", 0);
    bench.run();
    let files = without_journal(files_of(&bench.disk));
    let report = check_files(&files);
    assert!(report.is_clean(), "{}", said(&report));
    let dropped = |line: &&str| line.contains("\"conversation_status\": \"dropped\"");
    let dataset = String::from_utf8(files["synthetic_qa.jsonl"].clone()).unwrap();
    assert!(
        dataset.lines().any(|line| dropped(&line)),
        "none is dropped"
    );

    // The original leaves out what it does not know, and its ledger stands in another order.
    let mut other = files.clone();
    let text = String::from_utf8(other["coverage_ledger.jsonl"].clone()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    other.insert(
        "coverage_ledger.jsonl".to_owned(),
        format!("{}\n", lines.join("\n")).into_bytes(),
    );
    let report = check_files(&other);
    assert!(report.is_clean(), "{}", said(&report));
}

#[test]
fn ids_of_tool_calls_that_never_match_are_found() {
    let agent = searching(4, Dialogue::PLAIN);
    let bench = Bench::new(agent)
        .set("saving.profile", "compat")
        .set("run.total_samples", 2);
    bench.run();
    let mut files = without_journal(files_of(&bench.disk));
    let name = "conversations_sharegpt.jsonl";
    let text = String::from_utf8(files[name].clone()).unwrap();
    let mut out = Vec::new();
    for line in text.lines() {
        let mut row = json::parse_str(line).unwrap();
        let messages = row
            .as_object_mut()
            .and_then(|row| row.get_mut("messages_with_tools"))
            .unwrap();
        for message in messages.as_array_mut().unwrap() {
            if let Some(id) = message
                .as_object_mut()
                .and_then(|message| message.get_mut("tool_call_id"))
            {
                *id = Json::from("call_9");
            }
        }
        out.extend(to_line(&row));
        out.push(b'\n');
    }
    files.insert(name.to_owned(), out);
    let report = check_files(&files);
    assert!(count(&report, Kind::Tools) > 0, "{}", said(&report));
    assert_eq!(report.counts.len(), 1, "{}", said(&report));
}
