//! What stands in the files.

use std::collections::BTreeSet;

use forgemark_contract::json::{Json, Object};
use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::Dialogue;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, assert_same, corpus, http, standing};

const JSONL: [&str; 6] = [
    "synthetic_qa.jsonl",
    "coverage_ledger.jsonl",
    "turns.jsonl",
    "conversations_sharegpt.jsonl",
    "conversations_sharegpt_judged.jsonl",
    "conversations_index.jsonl",
];

fn has_key(value: &Json, key: &str) -> bool {
    match value {
        Json::Object(object) => object
            .iter()
            .any(|(name, value)| name == key || has_key(value, key)),
        Json::Array(values) => values.iter().any(|value| has_key(value, key)),
        _ => false,
    }
}

fn has_ending(name: &str, ending: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|found| found == ending)
}

fn all_json(bench: &Bench) -> Vec<(String, Json)> {
    let mut all = Vec::new();
    for name in bench.artifacts().into_keys() {
        if has_ending(&name, "jsonl") {
            all.extend(bench.rows(&name).into_iter().map(|row| (name.clone(), row)));
        } else if has_ending(&name, "json") {
            all.push((name.clone(), bench.file(&name)));
        }
    }
    all
}

fn some_rejected() -> Dialogue {
    Dialogue {
        min_score: 2,
        ..Dialogue::PLAIN
    }
}

#[test]
fn the_compat_profile_has_no_key_of_ours_and_keeps_dropped_conversations() {
    for batch in [1, 3] {
        let (bench, _) = Bench::scripted(12, some_rejected());
        let bench = bench
            .set("run.batch_size", batch)
            .set("saving.profile", "compat")
            .set("judge.accept.min_score", 6.0);
        let summary = bench.run();
        assert_eq!(summary.ending, Ending::Complete);
        assert!(summary.dropped["judge_reject"] > 0);
        let all = all_json(&bench);
        assert!(all.len() > 40);
        for (name, value) in &all {
            assert!(!has_key(value, "forgemark"), "{name}: {value:?}");
        }
        let n = bench.rows("conversations_index.jsonl").len();
        assert_eq!(bench.rows("conversations_sharegpt.jsonl").len(), n);
        // The other profile has our key in every kind of row.
        let ours = bench
            .clone()
            .on(&MemDisk::new())
            .set("saving.profile", "forgemark");
        ours.run();
        for name in JSONL {
            let rows = ours.rows(name);
            assert!(
                !rows.is_empty() && rows.iter().all(|row| has_key(row, "forgemark")),
                "{name}"
            );
        }
    }
}

#[test]
fn columns_are_renamed_in_both_exports_and_nowhere_else() {
    let (bench, _) = Bench::scripted(12, Dialogue::PLAIN);
    let bench = bench.set("run.total_samples", 2);
    bench.run();
    let names = [
        ("messages", "conversations"),
        ("messages_with_tools", "full"),
        ("metadata", "messages"),
        ("user_reasoning", "why_user"),
        ("assistant_reasoning", "why_assistant"),
        ("judge", "verdict"),
    ];
    let mut renamed = bench.clone().on(&MemDisk::new());
    for (from, to) in names {
        renamed = renamed.set(&format!("saving.output_columns.{from}"), to);
    }
    renamed.run();
    let id = |files: &Bench| files.run().run_id;
    let (old_id, new_id) = (id(&bench), id(&renamed));
    for (name, columns) in [
        ("conversations_sharegpt.jsonl", 5),
        ("conversations_sharegpt_judged.jsonl", 6),
    ] {
        let (before, after) = (bench.rows(name), renamed.rows(name));
        assert_eq!((before.len(), after.len()), (2, 2));
        for (before, after) in before.iter().zip(&after) {
            let expected: Object = before
                .as_object()
                .unwrap()
                .iter()
                .map(|(key, value)| {
                    let to = names.iter().find(|(from, _)| *from == key).unwrap().1;
                    (to.to_owned(), value.clone())
                })
                .collect();
            assert_eq!(expected.len(), columns);
            assert_eq!(
                after.as_object().unwrap().keys().collect::<Vec<_>>(),
                expected.keys().collect::<Vec<_>>()
            );
        }
    }
    // Another remap is another plan, so the ids differ; nothing else may.
    assert_ne!(old_id, new_id);
    let turns = |files: &Bench| {
        files.rows("turns.jsonl")[0]
            .as_object()
            .unwrap()
            .keys()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(turns(&bench), turns(&renamed));
}

#[test]
fn without_judging_the_judged_file_is_there_and_empty() {
    for batch in [1, 4] {
        let (bench, _) = Bench::scripted(12, Dialogue::PLAIN);
        let bench = bench
            .set("run.batch_size", batch)
            .set("judge.enabled", false);
        let summary = bench.run();
        assert_eq!(
            (summary.ending.clone(), summary.mean_score),
            (Ending::Complete, None)
        );
        let files = bench.artifacts();
        assert_eq!(files["conversations_sharegpt_judged.jsonl"], b"");
        assert!(JSONL.iter().all(|name| files.contains_key(*name)));
        for row in bench.rows("turns.jsonl") {
            assert!(row.at("judge_score").is_null());
        }
    }
}

#[test]
fn every_turn_carries_passages_that_were_really_shown() {
    let (bench, _) = Bench::scripted(12, Dialogue::PLAIN);
    let bench = bench.set("run.turns.max", 4);
    bench.run();
    for row in bench.rows("turns.jsonl") {
        let ours = row.at("forgemark");
        let list = |key: &str| -> BTreeSet<String> {
            let found = ours.at(key).as_array().unwrap();
            found
                .iter()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect()
        };
        let (offered, retrieved) = (list("offered"), list("retrieved"));
        assert!(!offered.is_empty() && !retrieved.is_empty(), "{ours:?}");
        let mut evidence = BTreeSet::new();
        for passage in ours.at("evidence").as_array().unwrap() {
            let topic = passage.str_or("topic_id", "");
            let chunk = bench
                .corpus
                .find_topic(topic)
                .expect("a passage of the corpus");
            let found = bench.corpus.chunk(chunk).unwrap();
            assert_eq!(
                passage.at("char_start").as_i64(),
                Some(i64::from(found.start))
            );
            assert_eq!(passage.at("char_end").as_i64(), Some(i64::from(found.end)));
            evidence.insert(topic.to_owned());
        }
        assert!(offered.is_subset(&evidence) && retrieved.is_subset(&evidence));
        let claimed = ours.at("coverage").str_or("topic_id", "");
        assert!(offered.contains(claimed), "{claimed} was offered");
        assert!(
            ours.at("support").at("score").as_f64().unwrap() > 0.5,
            "copied answers are supported"
        );
    }
}

#[test]
fn acceptance_8_2_6_a_small_corpus_is_used_again_or_ends_the_run() {
    for (policy, stops) in [("reuse", false), ("warn", false), ("stop", true)] {
        let (base, _) = Bench::scripted(12, Dialogue::PLAIN);
        let mut bench = base
            .set("run.total_samples", 30)
            .set("coverage.exhaustion", policy);
        bench.corpus = corpus(2, 6);
        let passages = bench.corpus.chunks().len();
        assert!((10..40).contains(&passages), "{passages} passages");
        let summary = bench.run();
        let index = bench.rows("conversations_index.jsonl");
        let uses: Vec<i64> = bench
            .rows("synthetic_qa.jsonl")
            .iter()
            .map(|row| row.at("forgemark").at("material_uses").as_i64().unwrap())
            .collect();
        assert_eq!(uses[0], 0, "the first offer is new material");
        if stops {
            assert_eq!(summary.ending, Ending::Exhausted);
            assert!(summary.good < 30 && summary.good as usize == index.len());
            // The last offer may be part old: one unused passage is material.
            assert!(
                uses[..uses.len() - 1].iter().all(|uses| *uses == 0),
                "{uses:?}"
            );
            // The same command again finds nothing more to do and nothing wrong.
            let again = bench.run();
            assert_eq!(
                (again.ending, again.good),
                (Ending::Exhausted, summary.good)
            );
        } else {
            assert_eq!((summary.ending, summary.good), (Ending::Complete, 30));
            assert!(
                uses.iter().any(|uses| *uses > 0),
                "the rows say that material was used again"
            );
            assert!(uses.windows(2).all(|pair| pair[0] <= pair[1]), "{uses:?}");
        }
        for row in bench.rows("turns.jsonl") {
            assert!(
                !row.at("forgemark")
                    .at("offered")
                    .as_array()
                    .unwrap()
                    .is_empty()
            );
        }
    }
}

/// What may differ between a model in this process and one behind HTTP: the raw bodies (the server
/// has its own ids and counts its tokens its own way) and what is summed from them. Tools are off,
/// because ids of tool calls are the server's, too, and go back to it with the next request.
const DIFFERS: [&str; 3] = ["raw_results", "usage", "cost_usd"];

fn without(value: &Json) -> Json {
    match value {
        Json::Object(object) => Json::Object(
            object
                .iter()
                .filter(|(key, _)| !DIFFERS.contains(key))
                .map(|(key, value)| (key.to_owned(), without(value)))
                .collect(),
        ),
        Json::Array(values) => Json::Array(values.iter().map(without).collect()),
        other => other.clone(),
    }
}

/// The path of the first difference of two values, with both.
fn difference(left: &Json, right: &Json, path: &str) -> Option<String> {
    match (left, right) {
        (Json::Object(a), Json::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .zip(b.iter())
            .find_map(|((key, a), (_, b))| difference(a, b, &format!("{path}.{key}"))),
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(n, (a, b))| difference(a, b, &format!("{path}[{n}]")))
        }
        _ => (left != right).then(|| format!("{path}: {left:?} and {right:?}")),
    }
}

#[test]
fn a_model_in_this_process_and_one_behind_http_give_the_same_rows() {
    let (inside, _) = Bench::scripted(5, Dialogue::PLAIN);
    let inside = inside.set("tools.max_rounds", 0);
    let endpoint =
        forgemark_testkit::endpoint::Endpoint::start(&super::bench::script(5, Dialogue::PLAIN))
            .unwrap();
    let mut outside = inside.clone().on(&MemDisk::new());
    outside.backend = http(&[endpoint.base_url()]);
    assert_eq!((inside.run().good, outside.run().good), (10, 10));
    let (left, right) = (all_json(&inside), all_json(&outside));
    assert_eq!(left.len(), right.len());
    for ((name, left), (_, right)) in left.iter().zip(&right) {
        assert_eq!(
            difference(&without(left), &without(right), ""),
            None,
            "{name}"
        );
    }
    let questions = |bench: &Bench| super::bench::questions(bench);
    assert_eq!(questions(&inside), questions(&outside));
}

#[test]
fn a_real_clock_changes_times_and_nothing_else() {
    let (bench, _) = Bench::scripted(5, Dialogue::PLAIN);
    bench.run();
    let mut real = bench.clone().on(&MemDisk::new());
    real.row_clock = forgemark_contract::time::Clock::System;
    real.run();
    let (left, right) = (all_json(&bench), all_json(&real));
    assert_eq!(left.len(), right.len());
    for ((name, left), (_, right)) in left.iter().zip(&right) {
        assert_eq!(timeless(left), timeless(right), "{name}");
    }
    // Times are those of the replies, fixed in the journal: another start changes none.
    let before = real.artifacts();
    real.run();
    assert_same(&before, &real.artifacts(), "a second start");
    assert!(
        real.rows("conversations_index.jsonl")
            .iter()
            .all(|row| standing(row).0 == "completed")
    );
}

/// The value without the fields that differ between two runs under the real clock.
fn timeless(value: &Json) -> Json {
    match value {
        Json::Object(object) => Json::Object(
            object
                .iter()
                .filter(|(key, _)| *key != "timestamp" && *key != "updated_at")
                .map(|(key, value)| (key.to_owned(), timeless(value)))
                .collect(),
        ),
        Json::Array(values) => Json::Array(values.iter().map(timeless).collect()),
        other => other.clone(),
    }
}
