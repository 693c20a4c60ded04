//! The check of an output folder: real runs are clean, and every planted corruption is found where it was planted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_dialogue::check::{CheckError, CheckOptions, Kind, Report, check};
use forgemark_journal::Storage;
use forgemark_model::scripted::Dialogue;
use forgemark_model::{Agent, AgentReply, AgentToolCall, ChatRequest, Role, ToolChoice};
use forgemark_testkit::MemDisk;

use super::bench::{Bench, Counting, OUT, script};

mod flips;
mod foreign;
mod planted;
mod runs;

/// Files of an output folder by their paths in it.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Every file of a run's folder, the journal included.
pub(crate) fn files_of(disk: &MemDisk) -> Files {
    disk.files()
        .into_iter()
        .filter_map(|(path, bytes)| {
            let path = path.strip_prefix(OUT).ok()?.to_str()?.to_owned();
            Some((path, bytes))
        })
        .collect()
}

/// Only the artifacts.
pub(crate) fn without_journal(mut files: Files) -> Files {
    files.retain(|path, _| !path.starts_with(".forgemark"));
    files
}

/// A disk with these files in the output folder.
pub(crate) fn disk_of(files: &Files) -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new(OUT)).unwrap();
    for (path, bytes) in files {
        let path = Path::new(OUT).join(path);
        disk.create_dir_all(path.parent().unwrap()).unwrap();
        disk.create(&path).unwrap().write_all(bytes).unwrap();
    }
    disk
}

pub(crate) fn try_check(files: &Files) -> Result<Report, CheckError> {
    let storage: Arc<dyn Storage> = Arc::new(disk_of(files));
    check(&storage, &PathBuf::from(OUT), &CheckOptions::default())
}

pub(crate) fn check_files(files: &Files) -> Report {
    try_check(files).unwrap()
}

/// Says every finding, to be read in a failing test.
pub(crate) fn said(report: &Report) -> String {
    let lines: Vec<String> = report
        .findings
        .iter()
        .take(20)
        .map(|found| {
            format!(
                "{} {} [{}] {}: {}",
                found.place(),
                found.kind.as_str(),
                found.conversation_id,
                found.path,
                found.what
            )
        })
        .collect();
    format!("{} findings\n{}", report.total(), lines.join("\n"))
}

#[track_caller]
pub(crate) fn assert_clean(files: &Files, what: &str) -> Report {
    let report = check_files(files);
    assert!(report.is_clean(), "{what}: {}", said(&report));
    report
}

/// A scripted model that searches twice in its first round and once in a second one before it answers.
pub(crate) fn searching(seed: u64, settings: Dialogue) -> Arc<Counting> {
    Counting::new(&script(seed, settings)).before(|_, request: &ChatRequest| {
        let rounds = request
            .messages
            .iter()
            .filter(|message| message.role == Role::Assistant && !message.tool_calls.is_empty())
            .count();
        if request.tools.is_empty() || request.tool_choice == ToolChoice::None {
            return None;
        }
        let call = |query: &str, k: i64| AgentToolCall {
            name: "vector_db_search".to_owned(),
            arguments: Json::object([("query", Json::from(query)), ("k", Json::from(k))]),
        };
        match rounds {
            0 => Some(AgentReply::tools(vec![
                call("valve section line", 1),
                call("opens at bar", 2),
            ])),
            1 => Some(AgentReply::tools(vec![call("feeds line", 1)])),
            _ => None,
        }
    })
}

/// Two completed conversations whose first answers rest on passages that were searched for, and at least one that is dropped.
/// The name of a run is part of what its agents draw from, so one is looked for by which it comes so.
pub(crate) fn small() -> Bench {
    let names = (0..64).map(|number| format!("small-{number}"));
    let mut names = names.filter(|name| is_telling(&small_named(name)));
    small_named(&names.next().expect("a telling run among 64"))
}

fn is_telling(bench: &Bench) -> bool {
    bench.run();
    let rows = bench.rows("synthetic_qa.jsonl");
    let (dropped, completed): (Vec<&Json>, Vec<&Json>) = rows
        .iter()
        .partition(|row| row.at("forgemark").str_or("status", "") == "dropped");
    let rests = |row: &&Json| {
        let first = row.items("turns").first();
        first.is_some_and(|turn| !turn.at("forgemark").items("retrieved").is_empty())
    };
    let mut first = completed.iter().copied().take(2);
    !dropped.is_empty() && completed.len() >= 2 && first.all(|row| rests(&row))
}

/// A small folder with all there is: waves of two, tools, judgements, dropped conversations.
fn small_named(name: &str) -> Bench {
    let agent = searching(
        3,
        Dialogue {
            conflict_rate: 0.5,
            shared_questions: 2,
            ..Dialogue::PLAIN
        },
    );
    Bench::new(agent as Arc<dyn Agent>)
        .set("run.run_id", name)
        .set("run.total_samples", 3)
        .set("run.batch_size", 2)
        .set("run.turns.min", 1)
        .set("run.turns.max", 2)
        .set("tools.retrieval.default_k", 1)
        .set("coverage.question_dedup_retries", 0)
}

/// One wave of two conversations, to be checked hundreds of times.
pub(crate) fn tiny() -> Bench {
    let agent = searching(3, Dialogue::PLAIN);
    Bench::new(agent as Arc<dyn Agent>)
        .set("run.total_samples", 2)
        .set("run.batch_size", 2)
        .set("run.turns.min", 1)
        .set("run.turns.max", 2)
        .set("tools.retrieval.default_k", 1)
}

pub(crate) fn count(report: &Report, kind: Kind) -> u64 {
    report.counts.get(&kind).copied().unwrap_or(0)
}
