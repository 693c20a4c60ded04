//! Judging later, by turn and as a whole, in folders of ours and of others.

use std::sync::Arc;

use forgemark_contract::json::{Json, to_line, to_pretty};
use forgemark_dialogue::judge::{JUDGEMENTS, Options};
use forgemark_dialogue::run::Ending;
use forgemark_dialogue::{DialogueError, DropReason};
use forgemark_journal::JournalError;
use forgemark_model::scripted::Dialogue;
use forgemark_model::{Agent, AgentReply, Backend};
use forgemark_run::Cancel;

use crate::bench::{Bench, Counting, artifacts, assert_same, corpus, role, script, try_judge_in};
use crate::check::{Files, assert_clean, check_files, disk_of, files_of, without_journal};
use forgemark_dialogue::check::Kind;

mod faults;
mod foreign;
mod kill;
mod panel;

/// A scripted model that counts its calls.
pub(crate) fn model() -> Arc<Counting> {
    Arc::new(Counting::new(&script(7, Dialogue::PLAIN)))
}

/// Four conversations in waves of three, whose run does not judge.
pub(crate) fn offline(agent: &Arc<Counting>) -> Bench {
    let agent = Arc::clone(agent) as Arc<dyn Agent>;
    Bench::with(corpus(3, 5), Backend::Agent(agent))
        .set("judge.mode", "offline")
        .set("run.total_samples", 4)
        .set("run.batch_size", 3)
        .set("run.turns.min", 1)
        .set("run.turns.max", 3)
        .set("run.concurrency", 2)
}

pub(crate) fn turns(bench: &Bench) -> usize {
    bench.rows("turns.jsonl").len()
}

fn scores(bench: &Bench, key: &str) -> Vec<Option<f64>> {
    let rows = bench.rows("turns.jsonl");
    rows.iter().map(|row| row.at(key).as_f64()).collect()
}

pub(crate) fn clean(bench: &Bench, what: &str) {
    assert_clean(&files_of(&bench.disk), what);
    assert_clean(&without_journal(files_of(&bench.disk)), what);
}

#[test]
fn acceptance_8_2_9_conversations_are_judged_later_in_both_granularities() {
    let agent = model();
    let bench = offline(&agent);
    assert_eq!(bench.run().ending, Ending::Complete);
    assert!(bench.rows("conversations_sharegpt_judged.jsonl").is_empty());
    assert!(scores(&bench, "judge_score").iter().all(Option::is_none));
    let (made, ledger) = (agent.calls(), bench.rows("coverage_ledger.jsonl"));

    // The configuration still says `judge.mode: offline`.
    let by_turn = bench.judge();
    assert_eq!(by_turn.ending, Ending::Complete);
    assert_eq!(
        (by_turn.conversations, by_turn.judged, by_turn.newly),
        (4, 4, 4)
    );
    let n = turns(&bench);
    assert_eq!(by_turn.units as usize, n);
    assert_eq!(agent.calls() - made, n as u64, "a call a turn");
    assert!(scores(&bench, "judge_score").iter().all(Option::is_some));
    assert!(
        scores(&bench, "conversation_judge_score")
            .iter()
            .all(Option::is_none)
    );
    assert_eq!(bench.rows("conversations_sharegpt_judged.jsonl").len(), 4);
    assert_eq!(bench.rows(JUDGEMENTS).len(), n);
    clean(&bench, "by turn");

    let again = bench.judge();
    assert_eq!(again.ending, Ending::AlreadyComplete);
    assert_eq!((again.newly, again.calls, again.changed), (0, 0, false));

    let whole = bench.clone().set("judge.granularity", "conversation");
    let before = agent.calls();
    let by_conversation = whole.judge();
    assert_eq!(by_conversation.ending, Ending::Complete);
    assert_eq!((by_conversation.units, agent.calls() - before), (4, 4));
    assert!(
        scores(&bench, "judge_score").iter().all(Option::is_some),
        "kept"
    );
    assert!(
        scores(&bench, "conversation_judge_score")
            .iter()
            .all(Option::is_some)
    );
    for row in bench.rows("turns.jsonl") {
        assert_eq!(row.str_or("judge_granularity", ""), "conversation");
    }
    clean(&bench, "by turn, then as a whole");
    for granularity in ["turn", "conversation"] {
        let again = bench.clone().set("judge.granularity", granularity).judge();
        assert_eq!(again.ending, Ending::AlreadyComplete, "{granularity}");
    }
    assert_eq!(bench.rows("coverage_ledger.jsonl"), ledger);
}

#[test]
fn acceptance_8_2_9_an_unreadable_reply_is_no_score_and_is_asked_again() {
    // The judge cannot be read about every other turn, and gives some of the rest a score of 0.
    let broken = || {
        Counting::new(&script(7, Dialogue::PLAIN)).before(|_, request| {
            let asked = request.messages.iter().find(|one| one.content.contains("<question>"));
            let of = asked.map_or(0, |one| one.content.len() % 3);
            match (role(request), of) {
                ("judge_turn", 0) => Some(AgentReply::text("I would rather not say.")),
                ("judge_turn", 1) => Some(AgentReply::text(
                    "{\"score\": 0, \"reasons\": [], \"notes\": \"\", \"question_ok\": true, \"answer_ok\": false}",
                )),
                _ => None,
            }
        })
    };
    let agent = broken();
    let bench = offline(&agent).set("run.total_samples", 8);
    bench.run();
    let summary = bench.judge();
    assert_eq!(summary.ending, Ending::Complete);
    let failed: u64 = summary.failed.values().sum();
    assert_eq!(summary.failed.keys().collect::<Vec<_>>(), ["bad_output"]);
    let (mut zeros, mut none, mut all) = (0, 0, Vec::new());
    for row in bench.rows("turns.jsonl") {
        let error = row.at("forgemark").at("judge_error");
        if let Some(score) = row.at("judge_score").as_f64() {
            zeros += u64::from(score < 1e-9);
            assert!(error.is_null());
            all.push(score);
        } else {
            none += 1;
            assert_eq!(error.str_or("kind", ""), "bad_output");
        }
    }
    assert!(zeros > 0 && none > 0, "{zeros} of 0, {none} without");
    assert_eq!(none, failed);
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!(
        (summary.mean_score.unwrap() - mean).abs() < 1e-9,
        "failures are averaged in"
    );
    clean(&bench, "with unreadable replies");
    let lines = bench.rows(JUDGEMENTS);
    let without = |line: &&Json| {
        line.at("score").is_null() && line.at("error").str_or("kind", "") == "bad_output"
    };
    assert_eq!(lines.iter().filter(without).count() as u64, failed);

    assert_eq!(
        bench.judge().ending,
        Ending::AlreadyComplete,
        "not asked again by itself"
    );
    let mut well = bench.clone();
    let agent = model();
    well.backend = Backend::Agent(Arc::clone(&agent) as Arc<dyn Agent>);
    let retried = well
        .try_judge(Options {
            retry_failed: true,
            ..Options::default()
        })
        .unwrap();
    assert_eq!(retried.ending, Ending::Complete);
    assert!(retried.failed.is_empty(), "{:?}", retried.failed);
    assert_eq!(agent.calls(), failed, "only what had failed");
    assert!(scores(&bench, "judge_score").iter().all(Option::is_some));
    clean(&bench, "asked again");
    let same = |line: &Json| line.at("error").is_null();
    assert!(
        bench.rows(JUDGEMENTS).iter().all(same),
        "the failure is replaced"
    );
}

#[test]
fn acceptance_8_2_9_judging_is_incremental_and_a_run_keeps_it() {
    let agent = model();
    let bench = offline(&agent);
    bench.run();
    let before = turns(&bench);
    bench.judge();
    let judged = artifacts(&bench.disk);

    // A run that has nothing to do changes nothing.
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
    assert_same(
        &judged,
        &artifacts(&bench.disk),
        "after a run with nothing to do",
    );

    // More conversations: the state of the open wave is written anew, with what was judged.
    let more = bench.clone().set("run.total_samples", 8);
    assert_eq!(more.run().ending, Ending::Complete);
    clean(&more, "extended");
    let kept = scores(&more, "judge_score");
    assert!(kept[..before].iter().all(Option::is_some));
    assert!(kept[before..].iter().all(Option::is_none));
    let calls = agent.calls();
    let second = more.judge();
    assert_eq!((second.ending, second.newly), (Ending::Complete, 4));
    assert_eq!(
        agent.calls() - calls,
        (turns(&more) - before) as u64,
        "only the new ones"
    );
    clean(&more, "judged again");
    assert_eq!(more.run().ending, Ending::AlreadyComplete);
    clean(&more, "at the end");
}

#[test]
fn a_conversation_that_was_judged_in_its_run_is_judged_already() {
    let agent = model();
    for granularity in ["turn", "conversation"] {
        let bench = offline(&agent)
            .set("judge.mode", "online")
            .set("judge.granularity", granularity);
        bench.run();
        let calls = agent.calls();
        let summary = bench.judge();
        assert_eq!((summary.newly, summary.calls), (0, 0), "{granularity}");
        assert_eq!(agent.calls(), calls, "{granularity}");
        clean(&bench, granularity);
    }
}

#[test]
fn judging_later_gives_what_judging_in_the_run_gives() {
    let agent = model();
    let now = offline(&agent)
        .set("judge.mode", "online")
        .set("run.run_id", "same");
    now.run();
    let later = offline(&agent).set("run.run_id", "same");
    later.run();
    later.judge();
    assert_eq!(scores(&now, "judge_score"), scores(&later, "judge_score"));
    let judges = |bench: &Bench| -> Vec<Json> {
        let rows = bench.rows("conversations_sharegpt_judged.jsonl");
        rows.iter().map(|row| row.at("judge").clone()).collect()
    };
    assert_eq!(judges(&now), judges(&later));
}

#[test]
fn a_limit_ends_early_and_the_next_command_goes_on() {
    let agent = model();
    let bench = offline(&agent);
    bench.run();
    let limited = Options {
        limit: Some(1),
        ..Options::default()
    };
    for n in 1..=3 {
        let summary = bench.try_judge(limited).unwrap();
        assert_eq!(
            (summary.ending, summary.judged, summary.newly),
            (Ending::Limit, n, 1)
        );
        clean(&bench, "a part");
    }
    let summary = bench.try_judge(limited).unwrap();
    assert_eq!((summary.ending, summary.judged), (Ending::Complete, 4));
    clean(&bench, "all parts");
}

#[test]
fn a_drained_command_keeps_what_it_heard() {
    let agent = model();
    let bench = offline(&agent);
    bench.run();
    let cancel = Cancel::new();
    cancel.cancel();
    let before = (artifacts(&bench.disk), agent.calls());
    let summary = try_judge_in(bench.judging(), Options::default(), cancel).unwrap();
    assert_eq!(summary.ending, Ending::Interrupted);
    assert_eq!(agent.calls(), before.1);
    clean(&bench, "drained at once");
    assert_eq!(bench.judge().ending, Ending::Complete);
}

#[test]
fn documents_that_are_gone_are_a_reason_and_no_low_score() {
    let agent = model();
    let bench = offline(&agent);
    bench.run();
    let calls = agent.calls();
    let mut moved = bench.clone();
    moved.corpus = corpus(1, 1);
    let summary = moved.judge();
    assert_eq!(
        agent.calls(),
        calls,
        "nobody is asked on less than was shown"
    );
    assert_eq!(
        summary.failed.keys().collect::<Vec<_>>(),
        ["evidence_missing"]
    );
    assert_eq!(summary.mean_score, None);
    clean(&bench, "without documents");
    // They are back: nothing has to be said.
    let summary = bench.judge();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(summary.failed.is_empty());
    clean(&bench, "with documents");
}

#[test]
fn a_second_process_is_refused_and_an_empty_folder_is_named() {
    let agent = model();
    let bench = offline(&agent);
    let error = bench.try_judge(Options::default()).unwrap_err();
    assert!(
        matches!(error, DialogueError::NothingToJudge { .. }),
        "{error:?}"
    );
    assert!(!error.hints().is_empty());
    bench.run();
    let first = bench.open().unwrap();
    let error = bench.try_judge(Options::default()).unwrap_err();
    assert!(
        matches!(error, DialogueError::Journal(JournalError::Locked { .. })),
        "{error:?}"
    );
    drop(first);
    assert_eq!(bench.judge().ending, Ending::Complete);
}

#[test]
fn what_is_planted_in_judgements_is_found() {
    let bench = offline(&model()).set("run.total_samples", 2);
    bench.run();
    bench.judge();
    let files = without_journal(files_of(&bench.disk));
    assert_clean(&files, "before");
    let planted = |from: &str, to: &str| {
        let mut files = files.clone();
        let text = String::from_utf8(files[JUDGEMENTS].clone()).unwrap();
        assert!(text.contains(from), "{from}");
        files.insert(
            JUDGEMENTS.to_owned(),
            text.replacen(from, to, 1).into_bytes(),
        );
        check_files(&files)
    };
    let first = String::from_utf8(files[JUDGEMENTS].clone()).unwrap();
    let first = first.lines().next().unwrap().to_owned();
    let again = format!("{first}\n{first}\n");
    for (from, to, kind) in [
        ("\"score\": ", "\"score\": 1", Kind::Judge),
        ("\"turn_index\": 1", "\"turn_index\": 99", Kind::Orphan),
        (
            "\"conversation_id\": \"",
            "\"conversation_id\": \"no-",
            Kind::Orphan,
        ),
        ("\"repeat\": 0", "\"repeat\": 7", Kind::Judge),
        (&format!("{first}\n"), "", Kind::Judge),
        (&format!("{first}\n"), &again, Kind::Repeated),
        ("\"error\": null", "\"error\": {}", Kind::Shape),
    ] {
        let report = planted(from, to);
        let found = report.counts.get(&kind).copied().unwrap_or(0);
        // A score of 10 that becomes 110 is out of range, which is as good.
        let shape = report.counts.contains_key(&Kind::Shape);
        assert!(
            found > 0 || kind == Kind::Judge && shape,
            "{from}: {:?}",
            report.counts
        );
    }
    let mut without = files.clone();
    without.remove(JUDGEMENTS);
    assert!(check_files(&without).counts.contains_key(&Kind::Judge));
}

#[test]
fn a_forecast_asks_nobody() {
    let agent = model();
    let bench = offline(&agent).set("judge.repeats", 2);
    bench.run();
    let calls = agent.calls();
    let forecast = forecast(&bench);
    assert_eq!(agent.calls(), calls);
    assert_eq!((forecast.conversations, forecast.judged), (4, 0));
    assert_eq!(forecast.calls["judge"] as usize, 2 * turns(&bench));
    assert!(forecast.prompt_tokens["judge"] > 100 * forecast.calls["judge"]);
    bench.judge();
    let after = self::forecast(&bench);
    assert_eq!((after.judged, after.calls.len()), (4, 0));
}

fn forecast(bench: &Bench) -> forgemark_dialogue::judge::Forecast {
    let opened =
        forgemark_dialogue::judge::LateJudge::open(bench.judging(), Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(opened.forecast()).unwrap()
}

#[test]
fn dropped_conversations_are_not_paid_for() {
    let script = script(
        3,
        Dialogue {
            conflict_rate: 0.6,
            shared_questions: 2,
            ..Dialogue::PLAIN
        },
    );
    let agent = Arc::new(Counting::new(&script));
    let bench = offline(&agent).set("coverage.question_dedup_retries", 0);
    let run = bench.run();
    assert!(
        run.dropped
            .contains_key(DropReason::DedupExhausted.as_str()),
        "{:?}",
        run.dropped
    );
    let summary = bench.judge();
    assert_eq!(summary.conversations, 4);
    for row in bench.rows("synthetic_qa.jsonl") {
        let dropped = row.at("forgemark").str_or("status", "") == "dropped";
        assert_eq!(row.at("inputs").bool_or("judge_enabled", false), !dropped);
    }
    clean(&bench, "with dropped ones");

    // Files were replaced, so nothing goes back behind that: it is said, and nothing changes.
    let before = artifacts(&bench.disk);
    let retry = bench
        .clone()
        .options(|options| options.retry_failed = Some(None));
    let error = retry.try_run().unwrap_err();
    assert!(
        matches!(error, DialogueError::JudgedSince { .. }),
        "{error:?}"
    );
    assert_same(&before, &artifacts(&bench.disk), "a refused retry");
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}
