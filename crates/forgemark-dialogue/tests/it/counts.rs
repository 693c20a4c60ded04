//! How many conversations there are, which count, and why the others do not.

use std::collections::{BTreeMap, BTreeSet};

use forgemark_contract::json::Json;
use forgemark_contract::text::python_lower_collapse;
use forgemark_dialogue::MaxFailed;
use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::Dialogue;
use forgemark_model::{AgentReply, Finish};

use super::bench::{Bench, Counting, questions, role, script, standing};

fn spread() -> Dialogue {
    Dialogue {
        min_score: 2,
        max_score: 10,
        ..Dialogue::PLAIN
    }
}

/// Sums that hold for every run: each conversation once in each file that it belongs to, in the
/// order of the run, with all of its turns.
#[track_caller]
pub(crate) fn assert_sums(bench: &Bench, good: u64, dropped: &BTreeMap<&'static str, u64>) {
    let index = bench.rows("conversations_index.jsonl");
    let id = |row: &Json| row.str_or("conversation_id", "?").to_owned();
    let ids: Vec<String> = index.iter().map(id).collect();
    let standings: Vec<_> = index.iter().map(standing).collect();
    assert_eq!(
        ids.len(),
        ids.iter().collect::<BTreeSet<_>>().len(),
        "an id twice"
    );
    assert_eq!(
        ids,
        bench
            .rows("synthetic_qa.jsonl")
            .iter()
            .map(id)
            .collect::<Vec<_>>()
    );
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (status, reason, _) in &standings {
        assert_eq!(status == "dropped", !reason.is_empty(), "{status} {reason}");
        *reasons.entry(reason).or_default() += 1;
    }
    assert_eq!(
        reasons.remove(""),
        (good > 0).then_some(good),
        "good ones in the index"
    );
    assert_eq!(&reasons.into_iter().collect::<BTreeMap<_, _>>(), dropped);
    let exported: Vec<String> = ids
        .iter()
        .zip(&standings)
        .filter(|(_, standing)| standing.0 == "completed")
        .map(|(id, _)| id.clone())
        .collect();
    let sharegpt = bench.rows("conversations_sharegpt.jsonl");
    let of = |row: &Json| row.at("metadata").str_or("conversation_id", "?").to_owned();
    assert_eq!(sharegpt.iter().map(of).collect::<Vec<_>>(), exported);
    let turns = bench.rows("turns.jsonl");
    let expected: Vec<(String, i64)> = ids
        .iter()
        .zip(&standings)
        .flat_map(|(id, (_, _, turns))| (1..=*turns).map(|turn| (id.clone(), turn)))
        .collect();
    let found: Vec<(String, i64)> = turns
        .iter()
        .map(|row| (id(row), row.at("turn_index").as_i64().unwrap()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(bench.rows("coverage_ledger.jsonl").len(), expected.len());
    for id in &ids {
        assert_eq!(
            bench
                .file(&format!("conversations/{id}.json"))
                .str_or("conversation_id", ""),
            id
        );
    }
}

#[test]
fn rejected_conversations_are_replaced_until_the_total_is_exact() {
    for (batch, granularity) in [
        (1, "turn"),
        (4, "turn"),
        (4, "conversation"),
        (1, "conversation"),
    ] {
        let (bench, _) = Bench::scripted(9, spread());
        let bench = bench
            .set("run.total_samples", 14)
            .set("run.batch_size", batch)
            .set("judge.granularity", granularity)
            .set("judge.accept.min_score", 6.0);
        let summary = bench.run();
        assert_eq!(
            (summary.ending.clone(), summary.good),
            (Ending::Complete, 14)
        );
        assert!(
            summary.dropped["judge_reject"] >= 3,
            "{:?}",
            summary.dropped
        );
        assert_sums(&bench, 14, &summary.dropped);
        for row in bench.rows("conversations_index.jsonl") {
            let (status, _, _) = standing(&row);
            let id = row.str_or("conversation_id", "?");
            let file = bench.file(&format!("conversations/{id}.json"));
            let score = file.at("forgemark").at("judge_score").as_f64().unwrap();
            assert_eq!(
                status == "completed",
                score >= 6.0,
                "{id}: {status} with {score}"
            );
        }
        assert_eq!(bench.rows("conversations_sharegpt_judged.jsonl").len(), 14);
        assert!(summary.mean_score.unwrap() >= 6.0);
    }
}

#[test]
fn a_support_score_can_be_asked_for() {
    let agent = Counting::new(&script(3, Dialogue::PLAIN)).before(|_, request| {
        let unsupported = role(request) == "assistant_turn" && request.sample % 4 == 0;
        unsupported.then(|| {
            let answer = "The emperor of the moon collects seventeen purple umbrellas each winter.";
            AgentReply::json(&Json::object([("assistant_message", Json::from(answer))]))
        })
    });
    let bench = Bench::new(agent)
        .set("judge.accept.min_support", 0.75)
        .set("judge.enabled", false);
    let summary = bench.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 10)
    );
    assert!(
        summary.dropped["judge_reject"] >= 2,
        "{:?}",
        summary.dropped
    );
    assert!(summary.mean_support.unwrap() >= 0.75);
    assert_sums(&bench, 10, &summary.dropped);
}

#[test]
fn every_drop_names_its_true_reason() {
    let agent = Counting::new(&script(
        17,
        Dialogue {
            conflict_rate: 0.25,
            shared_questions: 3,
            ..Dialogue::PLAIN
        },
    ))
    .before(|_, request| match (role(request), request.sample % 24) {
        ("user_turn", 0) => Some(AgentReply::text("I would rather not use JSON.")),
        ("user_turn", 1) => Some(AgentReply {
            finish: Finish::ContentFilter,
            ..AgentReply::text("")
        }),
        ("assistant_turn", 2) => Some(AgentReply {
            finish: Finish::Refusal,
            ..AgentReply::text("No.")
        }),
        ("assistant_turn", 3) => Some(AgentReply::text("")),
        _ => None,
    });
    let bench = Bench::new(agent)
        .set("run.total_samples", 40)
        .set("run.batch_size", 8)
        .set("run.turns.max", 3)
        .set("coverage.question_dedup_retries", 0);
    let summary = bench.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 40)
    );
    assert_sums(&bench, 40, &summary.dropped);
    let drops = &summary.dropped;
    let seen: Vec<&str> = drops.keys().copied().collect();
    assert_eq!(
        seen,
        ["dedup_exhausted", "model_error", "parse_error"],
        "{drops:?}"
    );
    // The detail of each says what happened; a duplicate was really asked before.
    let mut before: BTreeSet<String> = BTreeSet::new();
    for row in bench.rows("conversations_index.jsonl") {
        let (_, reason, turns) = standing(&row);
        let id = row.str_or("conversation_id", "?");
        let file = bench.file(&format!("conversations/{id}.json"));
        for turn in file.at("turns").as_array().unwrap() {
            let question = turn.at("qa_generation").str_or("user_message", "");
            assert!(
                before.insert(python_lower_collapse(question)),
                "{id} repeats {question}"
            );
        }
        let drop = file.at("forgemark").at("drop");
        let detail = drop.str_or("detail", "");
        match reason.as_str() {
            "dedup_exhausted" => {
                let question = detail.strip_prefix("asked before: ").expect(detail);
                // A question whose turn was not completed counts as well.
                assert!(!question.is_empty());
                assert_eq!(drop.at("turn").as_i64(), Some(turns + 1));
            }
            "parse_error" | "model_error" => {
                assert!(!detail.is_empty());
                assert_eq!(drop.at("turn").as_i64(), Some(turns + 1));
            }
            _ => assert!(
                drop.as_object().is_none(),
                "{id} has a drop and is not dropped"
            ),
        }
    }
}

#[test]
fn languages_have_their_own_quotas_and_their_own_ids() {
    let (bench, _) = Bench::scripted(21, spread());
    let quotas = Json::object([("de", Json::from(3)), ("fr", Json::from(0))]);
    let bench = bench
        .set(
            "run.target_languages",
            Json::from(vec![
                Json::from("en"),
                "de".into(),
                "fr".into(),
                "pt-BR".into(),
            ]),
        )
        .set("run.language_quotas", quotas)
        .set("run.total_samples", 6)
        .set("run.batch_size", 4)
        .set("judge.accept.min_score", 6.0);
    let summary = bench.run();
    assert_eq!(
        (summary.ending.clone(), summary.good, summary.wanted),
        (Ending::Complete, 15, 15)
    );
    assert_sums(&bench, 15, &summary.dropped);
    let mut good: BTreeMap<String, u64> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for row in bench.rows("conversations_index.jsonl") {
        let language = row.str_or("language", "?").to_owned();
        if order.last() != Some(&language) {
            order.push(language.clone());
        }
        *good.entry(language).or_default() += u64::from(standing(&row).0 == "completed");
    }
    assert_eq!(
        good,
        BTreeMap::from([
            ("de".to_owned(), 3),
            ("en".to_owned(), 6),
            ("pt-BR".to_owned(), 6)
        ])
    );
    assert_eq!(order, ["en", "de", "pt-BR"], "languages do not mix");
}

#[test]
fn every_wave_has_a_state_with_all_of_its_slots() {
    for batch in [1, 4] {
        let (bench, _) = Bench::scripted(21, spread());
        let bench = bench
            .set(
                "run.target_languages",
                Json::from(vec![Json::from("en"), "de".into()]),
            )
            .set("run.total_samples", 6)
            .set("run.batch_size", batch)
            .set("judge.accept.min_score", 5.0);
        assert_eq!(bench.run().ending, Ending::Complete);
        let mut waves: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in bench.rows("conversations_index.jsonl") {
            let id = row.str_or("conversation_id", "?").to_owned();
            let wave = match id.rsplit_once("-s") {
                Some((wave, _)) => wave.to_owned(),
                None => id.clone(),
            };
            waves.entry(wave).or_default().push(id);
        }
        let states: BTreeSet<String> = bench
            .artifacts()
            .into_keys()
            .filter_map(|name| {
                Some(
                    name.strip_prefix("run_state/")?
                        .strip_suffix(".json")?
                        .to_owned(),
                )
            })
            .collect();
        assert_eq!(
            states,
            waves.keys().cloned().collect(),
            "batch size {batch}"
        );
        for (wave, ids) in &waves {
            let state = bench.file(&format!("run_state/{wave}.json"));
            assert_eq!(state.str_or("status", ""), "completed", "{wave}");
            if batch > 1 {
                let slots = state.at("conversations").as_array().unwrap();
                let found: Vec<&str> = slots
                    .iter()
                    .map(|slot| slot.str_or("conversation_id", ""))
                    .collect();
                assert_eq!(&found, ids, "{wave}");
                assert!(
                    slots
                        .iter()
                        .all(|slot| slot.str_or("status", "") != "active")
                );
            }
        }
        let files = bench.artifacts();
        let last = String::from_utf8(files["run_state/last_run_id.txt"].clone()).unwrap();
        let of_last = bench.rows("conversations_index.jsonl").pop().unwrap();
        assert!(
            of_last.str_or("conversation_id", "").starts_with(&last),
            "{last}"
        );
    }
}

#[test]
fn a_limit_stops_after_so_many_good_ones_and_the_next_command_goes_on() {
    let (bench, agent) = Bench::scripted(2, spread());
    let bench = bench
        .set("run.total_samples", 12)
        .set("judge.accept.min_score", 6.0);
    let reference = bench.clone();
    let limited = bench.options(|options| options.limit = Some(5));
    for good in [5, 10] {
        let summary = limited.run();
        assert_eq!(
            (summary.ending.clone(), summary.good),
            (Ending::Limit, good)
        );
        assert_sums(&limited, good, &summary.dropped);
    }
    let summary = limited.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 12)
    );
    let parts = agent.calls();
    let whole = reference.on(&forgemark_testkit::MemDisk::new());
    let summary = whole.run();
    assert_eq!(summary.ending, Ending::Complete);
    super::bench::assert_same(&whole.artifacts(), &limited.artifacts(), "in three parts");
    assert_eq!(agent.calls() - parts, parts, "nothing was paid twice");
}

#[test]
fn too_many_failures_stop_the_run() {
    let agent = Counting::new(&script(1, Dialogue::PLAIN))
        .before(|_, request| (role(request) == "assistant_turn").then(|| AgentReply::text("no")));
    let bench = Bench::new(agent)
        .set("run.concurrency", 2)
        .set("run.lookahead", 4);
    let counted = bench
        .clone()
        .options(|options| options.max_failed = Some(MaxFailed::Count(3)));
    let summary = counted.run();
    assert_eq!(summary.ending, Ending::TooManyFailed);
    assert_eq!(summary.good, 0);
    let dropped = summary.dropped["parse_error"];
    // What was admitted behind the fourth one ends, and one slot may have run ahead of the other.
    assert!((4..=7).contains(&dropped), "{dropped} dropped");
    assert_sums(&counted, 0, &summary.dropped);
    let share = bench
        .on(&forgemark_testkit::MemDisk::new())
        .options(|options| options.max_failed = Some(MaxFailed::Share(0.5)));
    let summary = share.run();
    assert_eq!(summary.ending, Ending::TooManyFailed);
    let dropped = summary.dropped["parse_error"];
    assert!(
        (20..=23).contains(&dropped),
        "{dropped} dropped before a share is known"
    );
}

#[test]
fn failed_conversations_can_be_made_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let broken = Arc::new(AtomicBool::new(true));
    let agent = Counting::new(&script(8, spread())).before({
        let broken = Arc::clone(&broken);
        move |_, request| {
            let bad = role(request) == "user_turn" && request.sample % 5 == 0;
            (bad && broken.load(Ordering::SeqCst)).then(|| AgentReply::text("no"))
        }
    });
    let bench = Bench::new(agent.clone())
        .set("run.total_samples", 12)
        .set("coverage.question_dedup_retries", 0)
        .set("judge.accept.min_score", 5.0);
    let summary = bench.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 12)
    );
    let (parse, reject) = (
        summary.dropped["parse_error"],
        summary.dropped["judge_reject"],
    );
    assert!(parse >= 2 && reject >= 1, "{:?}", summary.dropped);
    let before = bench.rows("conversations_index.jsonl").len() as u64;
    let calls = agent.calls();
    broken.store(false, Ordering::SeqCst);
    let retry = bench.options(|options| {
        options.retry_failed = Some(Some(forgemark_dialogue::DropReason::ParseError));
    });
    let summary = retry.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(
        summary.dropped.get("parse_error"),
        None,
        "{:?}",
        summary.dropped
    );
    // No conversation that was good is lost, so there are more than asked for.
    let rows = retry.rows("conversations_index.jsonl").len() as u64;
    assert!(rows >= before, "{rows} of {before}");
    assert!(
        summary.good > 12 && summary.good <= 12 + parse,
        "{}",
        summary.good
    );
    assert_sums(&retry, summary.good, &summary.dropped);
    let made = agent.calls() - calls;
    assert!(
        made <= parse * 8 + 8,
        "{made} calls to make {parse} conversations again"
    );
    let unique: BTreeSet<String> = questions(&retry)
        .iter()
        .map(|text| python_lower_collapse(text))
        .collect();
    assert_eq!(unique.len(), questions(&retry).len());
}

#[test]
fn each_run_of_a_folder_has_totals_and_budgets_of_its_own() {
    let (bench, agent) = Bench::scripted(9, Dialogue::PLAIN);
    let bench = bench.set("run.total_samples", 4);
    let first = bench.run();
    assert_eq!(first.totals.all().calls, agent.calls());

    // As many calls as the first run took, and none of them counts against the second one's budget.
    let mut second = bench.clone().options(|options| options.new_run = true);
    second.budget.max_calls = Some(agent.calls() * 2);
    let summary = second
        .clone()
        .options(|options| options.limit = Some(2))
        .run();
    assert_eq!(summary.ending, Ending::Limit);
    assert_eq!(
        summary.totals.all().calls,
        agent.calls() - first.totals.all().calls
    );
    // A part of the same run counts with the parts before it.
    let mut rest = bench.clone();
    rest.budget = second.budget;
    let summary = rest.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 4)
    );
    let of_second = agent.calls() - first.totals.all().calls;
    assert_eq!(summary.totals.all().calls, of_second);

    // A budget that the first run alone would have filled stops the third run where it is full itself.
    let before = agent.calls();
    let mut third = bench.clone().options(|options| options.new_run = true);
    third.budget.max_calls = Some(7);
    let summary = third.run();
    assert!(matches!(summary.ending, Ending::Budget(_)), "{summary:?}");
    assert_eq!(summary.totals.all().calls, 7);
    assert_eq!(agent.calls() - before, 7);

    let storage: std::sync::Arc<dyn forgemark_journal::Storage> =
        std::sync::Arc::new(bench.disk.clone());
    let recovered = forgemark_journal::inspect(&storage, super::bench::OUT.as_ref())
        .unwrap()
        .unwrap();
    let runs = forgemark_dialogue::run::standing(&recovered).unwrap().runs;
    let calls: Vec<u64> = runs.iter().map(|run| run.totals.all().calls).collect();
    assert_eq!(calls, [first.totals.all().calls, of_second, 7]);
}

#[test]
fn only_dropped_conversations_end_a_run_that_sets_no_limit_on_them() {
    let agent = Counting::new(&script(3, Dialogue::PLAIN))
        .before(|_, request| (role(request) == "user_turn").then(|| AgentReply::text("no")));
    let bench = Bench::new(agent).set("coverage.question_dedup_retries", 0);
    for run in 1..=2 {
        let summary = bench.run();
        assert_eq!(summary.ending, Ending::NoProgress);
        let dropped = summary.dropped["parse_error"];
        // Those that were in flight are kept, and the next command begins to count anew.
        let most = run * (200 + 64);
        assert!((run * 200..=most).contains(&dropped), "{dropped} dropped");
    }
    let limited = bench.options(|options| options.max_failed = Some(MaxFailed::Count(210)));
    let before = limited.rows("conversations_index.jsonl").len();
    assert_eq!(limited.run().ending, Ending::TooManyFailed);
    let more = limited.rows("conversations_index.jsonl").len() - before;
    assert!(more > 210, "{more} more, so 200 in a row did not end it");
}

#[test]
fn a_conversation_with_too_many_tokens_is_dropped_and_replaced() {
    let used = |bench: &Bench, id: &str| {
        let file = bench.file(&format!("conversations/{id}.json"));
        let usage = file.at("forgemark").at("usage").clone();
        (usage.i64_or("prompt_tokens", 0) + usage.i64_or("completion_tokens", 0)) as u64
    };
    let bench = |most: Option<u64>| {
        let (bench, _) = Bench::scripted(29, spread());
        bench
            .set("run.total_samples", 12)
            .set("run.turns.min", 1)
            .set("run.turns.max", 4)
            .set(
                "run.budget.max_tokens_per_conversation",
                most.map_or(Json::Null, Json::from),
            )
    };
    let free = bench(None);
    assert_eq!(free.run().good, 12);
    let mut tokens: Vec<u64> = free
        .rows("conversations_index.jsonl")
        .iter()
        .map(|row| used(&free, row.str_or("conversation_id", "?")))
        .collect();
    tokens.sort_unstable();
    let most = tokens[tokens.len() / 2];

    let capped = bench(Some(most));
    let summary = capped.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 12)
    );
    assert_sums(&capped, 12, &summary.dropped);
    assert_eq!(
        summary.dropped.keys().copied().collect::<Vec<_>>(),
        ["budget"]
    );
    for row in capped.rows("conversations_index.jsonl") {
        let (_, reason, turns) = standing(&row);
        let id = row.str_or("conversation_id", "?");
        if reason == "budget" {
            let file = capped.file(&format!("conversations/{id}.json"));
            let drop = file.at("forgemark").at("drop");
            let tokens = used(&capped, id);
            assert!(tokens >= most, "{id}: {tokens} of {most}");
            assert_eq!(drop.at("turn").as_i64(), Some(turns + 1));
            let detail = drop.str_or("detail", "");
            assert!(
                detail.contains(&tokens.to_string()) && detail.contains(&most.to_string()),
                "{detail}"
            );
        }
    }
}
