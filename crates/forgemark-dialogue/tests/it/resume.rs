//! Which run a command works on, and what is left of a run that was interrupted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgemark_contract::json::Json;
use forgemark_dialogue::DialogueError;
use forgemark_dialogue::run::Ending;
use forgemark_model::Agent;
use forgemark_model::scripted::Dialogue;
use forgemark_run::Cancel;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, Counting, artifacts, assert_same, corpus, questions, script};

fn mixed() -> Dialogue {
    Dialogue {
        conflict_rate: 0.1,
        shared_questions: 4,
        min_score: 3,
        ..Dialogue::PLAIN
    }
}

fn whole_disk(bench: &Bench) -> BTreeMap<PathBuf, Vec<u8>> {
    bench.disk.files()
}

#[test]
fn acceptance_8_2_4_a_finished_run_is_a_no_op() {
    for batch in [1, 4] {
        let (bench, agent) = Bench::scripted(3, mixed());
        let bench = bench
            .set("run.batch_size", batch)
            .set("judge.accept.min_score", 4.0);
        let first = bench.run();
        assert_eq!(first.ending, Ending::Complete);
        let (files, calls, written) = (
            whole_disk(&bench),
            agent.calls(),
            bench.disk.bytes_written(),
        );
        for _ in 0..2 {
            let again = bench.run();
            assert_eq!(again.ending, Ending::AlreadyComplete);
            assert_eq!(
                (again.run_id, again.good, again.turns),
                (first.run_id.clone(), first.good, first.turns)
            );
            assert_eq!(again.dropped, first.dropped);
            assert_eq!(again.mean_score, first.mean_score);
        }
        assert_eq!(agent.calls(), calls);
        assert_eq!(whole_disk(&bench), files, "no byte of any file has changed");
        assert_eq!(
            bench.disk.bytes_written(),
            written,
            "nothing was written at all"
        );
    }
}

#[test]
fn a_raised_total_extends_the_run() {
    for batch in [1, 4] {
        let (bench, _) = Bench::scripted(3, mixed());
        let bench = bench
            .set("run.batch_size", batch)
            .set("judge.accept.min_score", 4.0);
        let short = bench.clone().set("run.total_samples", 6);
        let first = short.run();
        let before = short.artifacts();
        let summary = bench.run();
        assert_eq!(
            (summary.ending.clone(), summary.good),
            (Ending::Complete, 10)
        );
        assert_eq!(summary.run_id, first.run_id);
        super::counts::assert_sums(&bench, 10, &summary.dropped);
        let after = bench.artifacts();
        for (name, bytes) in before.iter().filter(|(name, _)| {
            std::path::Path::new(name.as_str())
                .extension()
                .is_some_and(|found| found == "jsonl")
        }) {
            assert!(
                after[name].starts_with(bytes),
                "{name} was added to, not written anew"
            );
        }
        // Every wave's state is whole, also of the wave that the first command left half full.
        let rows = bench.rows("conversations_index.jsonl").len();
        let states = after.iter().filter(|(name, _)| {
            name.starts_with("run_state/")
                && std::path::Path::new(name.as_str())
                    .extension()
                    .is_some_and(|found| found == "json")
        });
        let mut slots = 0;
        for (name, bytes) in states {
            let state = forgemark_contract::json::parse(bytes).unwrap();
            assert_eq!(state.str_or("status", ""), "completed", "{name}");
            slots += state
                .at("conversations")
                .as_array()
                .map_or(1, <[forgemark_contract::json::Json]>::len);
        }
        assert_eq!(slots, rows);
    }
}

#[test]
fn a_changed_plan_is_refused_and_the_part_is_named() {
    let (bench, agent) = Bench::scripted(3, mixed());
    let bench = bench.set("run.total_samples", 2);
    let run_id = bench.run().run_id;
    let (files, calls) = (bench.artifacts(), agent.calls());
    let mut other_prompts = bench.clone();
    other_prompts.prompts.insert(
        "reask.txt".to_owned(),
        "Again, please: {{ error }}\n".to_owned(),
    );
    let mut other_documents = bench.clone();
    other_documents.corpus = corpus(5, 8);
    let changes: Vec<(&str, Bench)> = vec![
        ("run.seed", bench.clone().set("run.seed", 1)),
        ("run.batch_size", bench.clone().set("run.batch_size", 2)),
        ("run.turns", bench.clone().set("run.turns.max", 5)),
        ("run.lookahead", bench.clone().set("run.lookahead", 9)),
        (
            "run.target_languages",
            bench
                .clone()
                .set("run.target_languages", Json::from(vec![Json::from("de")])),
        ),
        (
            "llm.agents.user",
            bench.clone().set("llm.agents.user.temperature", 0.5),
        ),
        (
            "llm.agents.judge",
            bench.clone().set("llm.agents.judge.model", "another"),
        ),
        ("judge", bench.clone().set("judge.accept.min_score", 3.0)),
        ("dedup", bench.clone().set("dedup.near.threshold", 0.5)),
        ("coverage", bench.clone().set("coverage.exhaustion", "stop")),
        ("tools", bench.clone().set("tools.retrieval.top_k", 2)),
        ("personas", bench.clone().set("personas.enabled", false)),
        (
            "saving.profile",
            bench.clone().set("saving.profile", "compat"),
        ),
        ("prompts", other_prompts),
        ("documents", other_documents),
    ];
    for (part, changed) in changes {
        match changed.try_run() {
            Err(DialogueError::PlanChanged {
                run_id: named,
                changed,
                documents,
            }) => {
                assert_eq!(named, run_id);
                let removed = ["documents removed: section-05.txt".to_owned()];
                assert_eq!(
                    documents,
                    if part == "documents" {
                        &removed[..]
                    } else {
                        &[]
                    }
                );
                assert!(changed.contains(&part.to_owned()), "{part}: {changed:?}");
                assert!(changed.len() <= 2, "{part}: {changed:?}");
            }
            other => panic!("{part}: {other:?}"),
        }
        assert_same(&files, &bench.artifacts(), part);
        // The same folder takes it as a run of its own.
        let disk = bench.disk.kill();
        let anew = changed.on(&disk).options(|options| options.new_run = true);
        let summary = anew.run();
        assert_eq!(summary.ending, Ending::Complete, "{part}");
        assert_ne!(summary.run_id, run_id);
        for name in ["synthetic_qa.jsonl", "turns.jsonl"] {
            assert!(
                artifacts(&disk)[name].starts_with(&files[name]),
                "{part}: {name}"
            );
        }
    }
    assert!(agent.calls() > calls);
}

#[test]
fn what_may_change_may_change() {
    let (bench, _) = Bench::scripted(3, mixed());
    let run_id = bench
        .clone()
        .options(|options| options.limit = Some(3))
        .run()
        .run_id;
    let later = bench
        .set("run.concurrency", 2)
        .set("llm.limits.max_attempts", 3)
        .set("llm.limits.deadline_s", 50.0)
        .set("run.budget.max_calls", 100_000);
    let summary = later.run();
    assert_eq!(
        (summary.ending.clone(), summary.run_id),
        (Ending::Complete, run_id)
    );
}

#[test]
fn runs_are_found_by_their_names() {
    let (bench, _) = Bench::scripted(3, mixed());
    let bench = bench.set("run.total_samples", 2);
    let named = bench.clone().set("run.run_id", "alpha");
    assert_eq!(named.run().run_id, "alpha");
    assert_eq!(
        bench.clone().set("run.resume_run_id", "alpha").run().ending,
        Ending::AlreadyComplete
    );
    assert_eq!(
        bench.run().ending,
        Ending::AlreadyComplete,
        "the newest run goes on"
    );
    match bench.clone().set("run.resume_run_id", "gamma").try_run() {
        Err(error @ DialogueError::UnknownRun { .. }) => {
            assert!(error.to_string().contains("gamma"));
            assert!(
                error.hints().iter().any(|hint| hint.contains("alpha")),
                "{:?}",
                error.hints()
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.clone().set("run.run_id", "beta").run().run_id, "beta");
    match bench.clone().set("run.run_id", "alpha").try_run() {
        Err(DialogueError::RunTaken { run_id, newest }) => {
            assert_eq!((run_id.as_str(), newest.as_str()), ("alpha", "beta"));
        }
        other => panic!("{other:?}"),
    }
    match bench.clone().set("run.resume_run_id", "alpha").try_run() {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(summary) => panic!("an older run went on: {summary:?}"),
    }
    let empty = bench.on(&MemDisk::new()).set("run.resume_run_id", "alpha");
    assert!(matches!(
        empty.try_run(),
        Err(DialogueError::UnknownRun { .. })
    ));
}

/// Interrupts a run after each of some numbers of calls and goes on with it.
fn interrupted(bench: &Bench, step: u64, cases: &mut BTreeMap<&'static str, u64>) {
    let make = |cancel_at: u64, cancel: Cancel| {
        Counting::new(&script(3, mixed())).before(move |n, _| {
            if n == cancel_at {
                cancel.cancel();
            }
            None
        })
    };
    let with = |disk: &MemDisk, agent: &Arc<Counting>| {
        let mut bench = bench.clone().on(disk);
        bench.backend = forgemark_model::Backend::Agent(Arc::clone(agent) as Arc<dyn Agent>);
        bench
    };
    let agent = make(0, Cancel::new());
    let whole = with(&MemDisk::new(), &agent);
    let reference = whole.run();
    assert_eq!(reference.ending, Ending::Complete);
    let (files, calls) = (whole.artifacts(), agent.calls());
    let concurrency = whole.config().concurrency as u64;
    let mut at = 1;
    while at <= calls {
        let disk = MemDisk::new();
        let cancel = Cancel::new();
        let first = make(at, cancel.clone());
        let summary = with(&disk, &first).try_run_with(cancel).unwrap();
        let second = make(0, Cancel::new());
        let bench = with(&disk, &second);
        let wave = bench.config().batch_size as usize;
        let index = bench.rows("conversations_index.jsonl");
        let second_language = index.iter().any(|row| row.str_or("language", "") == "de");
        let case = match summary.ending {
            Ending::Complete => "finished",
            Ending::Interrupted if second_language => "second language",
            Ending::Interrupted if index.len() < wave => "wave 0",
            Ending::Interrupted if index.len() % wave > 0 => "wave k, in part",
            Ending::Interrupted => "wave k, at its start",
            other => panic!("call {at}: {other:?}"),
        };
        *cases.entry(case).or_default() += 1;
        super::counts::assert_sums(&bench, summary.good, &summary.dropped);
        let resumed = bench.run();
        let what = format!("interrupted at call {at} of {calls} ({case})");
        match resumed.ending {
            Ending::Complete => {}
            Ending::AlreadyComplete if case == "finished" => {}
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(
            (resumed.good, &resumed.dropped),
            (reference.good, &reference.dropped),
            "{what}"
        );
        assert_same(&files, &artifacts(&disk), &what);
        // What speculation threw away differs from run to run and is no repetition.
        let thrown = summary.discarded_calls + resumed.discarded_calls;
        let again = (first.calls() + second.calls()).saturating_sub(calls + thrown);
        assert!(
            again <= concurrency,
            "{what}: {again} calls paid again, {thrown} thrown away"
        );
        at += step;
    }
}

fn matrix(batch: i64) {
    let (bench, _) = Bench::scripted(3, mixed());
    let bench = bench
        .set("run.batch_size", batch)
        .set("run.total_samples", 5)
        .set("run.turns.max", 3)
        .set("run.concurrency", 3)
        .set("judge.accept.min_score", 4.0)
        .set(
            "run.target_languages",
            Json::from(vec![Json::from("en"), "de".into()]),
        );
    let mut cases = BTreeMap::new();
    interrupted(&bench, 4, &mut cases);
    println!("interrupted: {cases:?}");
    let expected: &[&str] = if batch == 1 {
        &["wave 0", "wave k, at its start", "second language"]
    } else {
        &[
            "wave 0",
            "wave k, at its start",
            "wave k, in part",
            "second language",
        ]
    };
    for case in expected {
        assert!(cases.contains_key(case), "{case}: {cases:?}");
    }
}

mod heavy {
    #[test]
    fn acceptance_8_2_4_single_conversations_go_on_from_any_call() {
        super::matrix(1);
    }

    #[test]
    fn acceptance_8_2_4_waves_go_on_from_any_call() {
        super::matrix(3);
    }
}

#[test]
fn a_run_that_was_interrupted_twice_says_how_far_every_conversation_is() {
    let count = Arc::new(AtomicU64::new(0));
    let cancel = Arc::new(std::sync::Mutex::new(Cancel::new()));
    let agent = Counting::new(&script(3, mixed())).before({
        let (count, cancel) = (Arc::clone(&count), Arc::clone(&cancel));
        move |_, _| {
            if count.fetch_add(1, Ordering::SeqCst) == 13 {
                cancel.lock().unwrap().cancel();
            }
            None
        }
    });
    let bench = Bench::new(agent)
        .set("run.batch_size", 4)
        .set("run.concurrency", 3)
        .set("run.turns.max", 4);
    for _ in 0..2 {
        count.store(0, Ordering::SeqCst);
        *cancel.lock().unwrap() = Cancel::new();
        let token = cancel.lock().unwrap().clone();
        assert_eq!(
            bench.try_run_with(token).unwrap().ending,
            Ending::Interrupted
        );
        let files = bench.artifacts();
        let last = String::from_utf8(files["run_state/last_run_id.txt"].clone()).unwrap();
        let state = bench.file(&format!("run_state/{last}.json"));
        assert_eq!(state.str_or("status", ""), "in_progress");
        let slots = state.at("conversations").as_array().unwrap();
        let active: Vec<&Json> = slots
            .iter()
            .filter(|slot| slot.str_or("status", "") == "active")
            .collect();
        assert!(!active.is_empty(), "{slots:?}");
        for slot in slots {
            let ended = slot.str_or("status", "") != "active";
            let turns = slot.at("turns").as_array().unwrap().len() as i64;
            let target = slot.at("target_n_turns").as_i64().unwrap();
            assert!(
                turns <= target
                    && (!ended || turns == target || !slot.str_or("drop_reason", "").is_empty())
            );
        }
    }
    assert_eq!(bench.run().ending, Ending::Complete);
    let asked = questions(&bench);
    assert!(!asked.is_empty());
}
