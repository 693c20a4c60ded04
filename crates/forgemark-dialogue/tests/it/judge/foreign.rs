//! Folders of another program: no journal, no key of ours, keys that nobody here knows.

use super::{
    Bench, Counting, Ending, Files, JUDGEMENTS, Json, Options, clean, disk_of, files_of, model,
    offline, to_line, to_pretty, turns, without_journal,
};
use crate::bench::try_judge_in;
use crate::check::{assert_clean, searching};
use forgemark_contract::json;
use forgemark_model::scripted::Dialogue;
use forgemark_model::{Agent, Backend};
use std::path::Path;
use std::sync::Arc;

fn is_lines(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|end| end == "jsonl")
}

/// Whether a file has rows or a whole that the other program has put a key of its own into.
fn has_their_key(name: &str) -> bool {
    let text = Path::new(name).extension().is_some_and(|end| end == "txt");
    !text && !name.starts_with("coverage") && name != JUDGEMENTS
}

/// A folder as the original writes it: `compat` rows, no journal, and a key of its own in every row.
fn foreign() -> (Bench, Files) {
    let agent = searching(4, Dialogue::PLAIN);
    let mut bench = offline(&model());
    bench.backend = Backend::Agent(Arc::clone(&agent) as Arc<dyn Agent>);
    let bench = bench.set("saving.profile", "compat");
    bench.run();
    let mut files = without_journal(files_of(&bench.disk));
    for (name, bytes) in &mut files {
        let lines = is_lines(name);
        if !has_their_key(name) {
            continue;
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        let mut out = Vec::new();
        let parts: Vec<&str> = if lines {
            text.lines().collect()
        } else {
            vec![&text]
        };
        for part in parts {
            let mut row = json::parse_str(part).unwrap();
            row.as_object_mut()
                .unwrap()
                .insert("their_key", Json::from("stays"));
            if lines {
                out.extend(to_line(&row));
                out.push(b'\n');
            } else {
                out.extend(to_pretty(&row));
            }
        }
        *bytes = out;
    }
    (bench, files)
}

fn in_folder(bench: &Bench, files: &Files) -> (Bench, Arc<Counting>) {
    let agent = model();
    let mut bench = bench.clone().on(&disk_of(files));
    bench.backend = Backend::Agent(Arc::clone(&agent) as Arc<dyn Agent>);
    (bench, agent)
}

#[test]
fn a_folder_of_the_original_is_judged_and_keeps_what_nobody_knows() {
    let (bench, files) = foreign();
    assert_clean(&files, "the foreign folder itself");
    for granularity in ["turn", "conversation"] {
        for profile in ["forgemark", "compat"] {
            let (bench, agent) = in_folder(&bench, &files);
            let bench = bench
                .set("judge.granularity", granularity)
                .set("saving.profile", profile);
            let summary = bench.judge();
            let what = format!("{granularity}, {profile}");
            assert_eq!(summary.ending, Ending::Complete, "{what}");
            assert_eq!(agent.calls(), summary.units, "{what}");
            assert_eq!(
                bench.rows("conversations_sharegpt_judged.jsonl").len(),
                4,
                "{what}"
            );
            let key = if granularity == "turn" {
                "judge_score"
            } else {
                "conversation_judge_score"
            };
            assert!(
                bench
                    .rows("turns.jsonl")
                    .iter()
                    .all(|row| row.at(key).as_f64().is_some())
            );
            clean(&bench, &what);
            for (name, bytes) in bench.artifacts() {
                if !has_their_key(&name) {
                    continue;
                }
                let text = String::from_utf8(bytes).unwrap();
                let rows = if is_lines(&name) {
                    text.lines().count()
                } else {
                    1
                };
                assert_eq!(text.matches("their_key").count(), rows, "{what}: {name}");
            }
            let again = bench.judge();
            assert_eq!(
                (again.ending, again.calls),
                (Ending::AlreadyComplete, 0),
                "{what}"
            );
        }
    }
}

#[test]
fn judging_a_foreign_folder_keeps_its_questions_for_a_later_run() {
    let (bench, files) = foreign();
    let (bench, _) = in_folder(&bench, &files);
    bench.judge();
    let old: Vec<Json> = bench.rows("coverage_ledger.jsonl");
    // The same model would ask the same questions; those of the folder are taken.
    let run = bench
        .clone()
        .set("saving.profile", "forgemark")
        .set("run.total_samples", 2);
    let summary = run.run();
    assert!(matches!(
        summary.ending,
        Ending::Complete | Ending::NoProgress
    ));
    let rows = run.rows("coverage_ledger.jsonl");
    assert_eq!(rows[..old.len()], old[..]);
    let hash = |row: &Json| row.str_or("question_hash", "").to_owned();
    let mut hashes: Vec<String> = rows.iter().map(hash).collect();
    let all = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), all, "a question was asked twice");
}

#[test]
fn rows_that_cannot_be_judged_are_named_and_stay_as_they_are() {
    let (bench, mut files) = foreign();
    let name = "synthetic_qa.jsonl";
    let text = String::from_utf8(files[name].clone()).unwrap();
    let first = text.lines().next().unwrap().to_owned();
    // The original can write a conversation twice, and be killed in the middle of a row that the next one joins.
    let damaged = "{\"conversation_id\": \"half\"{\"conversation_id\": \"x\"}";
    let text = format!("{text}{first}\n{damaged}\n");
    files.insert(name.to_owned(), text.clone().into_bytes());
    let (bench, _) = in_folder(&bench, &files);
    let summary = bench.judge();
    assert_eq!((summary.ending, summary.judged), (Ending::Complete, 3));
    assert_eq!(summary.left_out.len(), 2, "{:?}", summary.left_out);
    let now = String::from_utf8(bench.artifacts()[name].clone()).unwrap();
    let (before, after): (Vec<&str>, Vec<&str>) = (text.lines().collect(), now.lines().collect());
    assert_eq!(before.len(), after.len());
    let same = before
        .iter()
        .zip(&after)
        .filter(|(old, new)| old == new)
        .count();
    assert_eq!(same, 3, "both of the doubled rows, and the damaged one");
}

#[test]
fn searches_of_the_original_are_the_evidence() {
    let (bench, files) = foreign();
    let (mut bench, _) = in_folder(&bench, &files);
    let seen = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let log = Arc::clone(&seen);
    let agent =
        Counting::new(&crate::bench::script(7, Dialogue::PLAIN)).before(move |_, request| {
            let text: String = request
                .messages
                .iter()
                .map(|one| one.content.clone())
                .collect();
            log.lock().unwrap().push(text);
            None
        });
    bench.backend = Backend::Agent(agent);
    let mut environment = bench.judging();
    environment.corpus = None;
    let summary = try_judge_in(
        environment,
        Options::default(),
        forgemark_run::Cancel::new(),
    )
    .unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(
        summary.failed.is_empty(),
        "no documents are needed: {:?}",
        summary.failed
    );
    let rows = bench.rows("synthetic_qa.jsonl");
    let event = rows[0].items("turns")[0].items("tool_events")[0].clone();
    let found = event.at("result").items("results")[0].clone();
    let passage = found.str_or("content", "?").to_owned();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), turns(&bench));
    assert!(
        seen.iter().any(|prompt| prompt.contains(&passage)),
        "{passage}"
    );
}
