//! Derived files that a run leaves out, and what happens when they are wanted later.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_dialogue::DialogueError;
use forgemark_dialogue::check::Kind;
use forgemark_dialogue::run::Ending;
use forgemark_journal::{ArtifactSet, Journal, OpenOptions, Storage};
use forgemark_model::scripted::Dialogue;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, OUT, assert_same};
use super::check::{assert_clean, check_files, count, files_of, without_journal};

fn bench() -> (Bench, Arc<super::bench::Counting>) {
    let (bench, agent) = Bench::scripted(
        7,
        Dialogue {
            conflict_rate: 0.2,
            shared_questions: 3,
            min_score: 3,
            ..Dialogue::PLAIN
        },
    );
    let bench = bench
        .set("run.total_samples", 5)
        .set("run.batch_size", 2)
        .set("judge.accept.min_score", 4.0);
    (bench, agent)
}

fn views(words: &[&str]) -> Json {
    words.iter().copied().map(Json::from).collect()
}

/// The files and folders that stand in an output folder, without our own.
fn names(bench: &Bench) -> BTreeSet<String> {
    let top = |path: String| path.split('/').next().unwrap_or_default().to_owned();
    bench.artifacts().into_keys().map(top).collect()
}

#[test]
fn what_is_left_out_is_not_written_and_not_missed() {
    let (bench, _) = bench();
    let whole = bench.clone().on(&MemDisk::new());
    whole.run();
    let all: u64 = whole
        .artifacts()
        .values()
        .map(|bytes| bytes.len() as u64)
        .sum();

    let few = bench.clone().set("saving.artifacts", views(&["sharegpt"]));
    assert_eq!(few.run().ending, Ending::Complete);
    let expected = [
        "conversations_sharegpt.jsonl",
        "coverage_ledger.jsonl",
        "synthetic_qa.jsonl",
    ];
    assert_eq!(names(&few), expected.map(str::to_owned).into());
    let left: u64 = few
        .artifacts()
        .values()
        .map(|bytes| bytes.len() as u64)
        .sum();
    assert!(left * 2 < all, "{left} of {all} bytes");
    let files = files_of(&few.disk);
    assert_clean(&files, "with its journal");
    assert_clean(
        &without_journal(files.clone()),
        "the rows say it themselves",
    );
    // The rest is what it is in a whole folder.
    let sharegpt = |bench: &Bench| {
        let rows = bench.rows("conversations_sharegpt.jsonl");
        let messages = rows.iter().map(|row| row.at("messages").clone());
        messages.collect::<Vec<_>>()
    };
    assert_eq!(sharegpt(&few), sharegpt(&whole));

    // One that should be there is missed, whether the journal is there or not.
    for keep_journal in [true, false] {
        let mut gone = files.clone();
        gone.remove("conversations_sharegpt.jsonl");
        if !keep_journal {
            gone = without_journal(gone);
        }
        assert_eq!(count(&check_files(&gone), Kind::Missing), 1);
        let mut gone = files_of(&whole.disk);
        gone.remove("turns.jsonl");
        if !keep_journal {
            gone = without_journal(gone);
        }
        let report = check_files(&gone);
        assert!(
            count(&report, Kind::Missing) > 0,
            "a whole folder has all views"
        );
    }
}

#[test]
fn every_single_view_can_be_left_out_in_both_profiles() {
    let all = [
        "turns",
        "sharegpt",
        "sharegpt_judged",
        "conversations",
        "index",
        "run_state",
    ];
    for profile in ["forgemark", "compat"] {
        for left_out in all {
            let rest: Vec<&str> = all.into_iter().filter(|view| *view != left_out).collect();
            let (bench, _) = bench();
            let bench = bench
                .set("run.total_samples", 3)
                .set("saving.profile", profile)
                .set("saving.artifacts", views(&rest));
            let bench = if profile == "compat" {
                // The original exports dropped conversations too.
                bench.set("judge.accept.min_score", Json::Null)
            } else {
                bench
            };
            assert_eq!(bench.run().ending, Ending::Complete);
            assert_clean(
                &files_of(&bench.disk),
                &format!("{profile} without {left_out}"),
            );
            assert_eq!(names(&bench).len(), 7, "{profile} without {left_out}");
        }
    }
}

#[test]
fn a_view_that_is_added_later_is_written_without_a_call() {
    for limit in [None, Some(2)] {
        let (bench, agent) = bench();
        let whole = bench.clone().on(&MemDisk::new());
        whole.run();
        let first = bench
            .clone()
            .set("saving.artifacts", views(&["sharegpt", "index"]))
            .options(|options| options.limit = limit);
        first.run();
        let (part, before) = (first.rows("synthetic_qa.jsonl").len(), agent.calls());
        let again = bench.clone();
        let summary = again.run();
        assert_eq!(summary.ending, Ending::Complete);
        if limit.is_none() {
            assert_eq!(agent.calls(), before, "nothing was asked");
        } else {
            assert!(part >= 2);
        }
        assert_same(&whole.artifacts(), &again.artifacts(), "added later");
        assert_clean(&files_of(&again.disk), "added later");
        // And once more there is nothing to do.
        let calls = agent.calls();
        assert_eq!(again.run().ending, Ending::AlreadyComplete);
        assert_eq!(agent.calls(), calls);
    }
}

#[test]
fn a_run_goes_on_with_the_views_that_it_has() {
    let (bench, _) = bench();
    let whole = bench.clone().on(&MemDisk::new());
    whole.run();
    let first = bench.clone().options(|options| options.limit = Some(2));
    first.run();
    let fewer = bench.set("saving.artifacts", views(&[]));
    assert_eq!(fewer.run().ending, Ending::Complete);
    assert_same(
        &whole.artifacts(),
        &fewer.artifacts(),
        "nothing is half there",
    );
}

#[test]
fn runs_of_one_folder_may_have_different_views() {
    let (bench, _) = bench();
    bench
        .clone()
        .set("saving.artifacts", views(&["turns"]))
        .run();
    let second = bench
        .clone()
        .set("saving.artifacts", views(&["index"]))
        .options(|options| options.new_run = true);
    assert_eq!(second.run().ending, Ending::Complete);
    let files = files_of(&second.disk);
    assert_clean(&files, "two runs");
    let third = bench.clone().options(|options| options.new_run = true);
    assert_eq!(third.run().ending, Ending::Complete);
    assert_clean(&files_of(&third.disk), "three runs");
    assert_clean(&without_journal(files), "two runs without the journal");
}

#[test]
fn a_view_cannot_be_added_once_rows_were_replaced() {
    let (bench, _) = bench();
    let few = bench.clone().set("saving.artifacts", views(&["index"]));
    few.run();
    let storage: Arc<dyn Storage> = Arc::new(few.disk.clone());
    let (journal, _) = Journal::open(storage, Path::new(OUT), OpenOptions::default()).unwrap();
    let names = [
        "synthetic_qa.jsonl",
        "coverage_ledger.jsonl",
        "conversations_index.jsonl",
    ];
    let mut set = ArtifactSet::open(&journal, &names).unwrap();
    let rows = few.artifacts()["synthetic_qa.jsonl"].clone();
    set.replace("synthetic_qa.jsonl").unwrap();
    set.append("synthetic_qa.jsonl", &rows).unwrap();
    set.commit(Vec::new()).unwrap().wait().unwrap();
    drop(set);
    drop(journal);
    let before = few.artifacts();
    let error = bench.try_run().unwrap_err();
    assert!(
        matches!(error, DialogueError::ViewsTooLate { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("turns, sharegpt"), "{error}");
    assert_eq!(few.run().ending, Ending::AlreadyComplete);
    assert_same(&before, &few.artifacts(), "nothing was touched");
}

#[test]
fn an_unknown_view_is_refused_with_the_known_ones() {
    use forgemark_contract::settings::{Origin, Resolved};
    use forgemark_dialogue::config::{Config, KEYS};
    let (bench, _) = bench();
    let mut values = Resolved::defaults(KEYS).unwrap();
    for (path, value) in &bench.settings {
        values.set(path.clone(), value.clone(), Origin::Default);
    }
    let words = views(&["turns", "synthetic_qa", "parquet"]);
    values.set("saving.artifacts", words, Origin::Default);
    let problems = Config::new(&values).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let said = format!("{:?}", problems[0]);
    assert!(
        said.contains("parquet") && said.contains("run_state"),
        "{said}"
    );
}
