//! Several judges, asked several times.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_dialogue::judge::JUDGEMENTS;
use forgemark_dialogue::run::Ending;
use forgemark_model::{Agent, AgentReply, Backend};

use super::{clean, model, offline, turns};
use crate::bench::{Bench, Counting, role};

fn panel(bench: Bench) -> Bench {
    let judge =
        |name: &str| Json::object([("name", Json::from(name)), ("model", "scripted-1".into())]);
    bench
        .set(
            "judge.panel",
            Json::Array(vec![judge("mild"), judge("strict")]),
        )
        .set("judge.repeats", 3)
}

#[test]
fn every_judgement_is_kept_and_the_score_is_the_declared_aggregate() {
    for aggregate in ["mean", "median"] {
        let agent = model();
        let bench = panel(offline(&agent)).set("judge.aggregate", aggregate);
        bench.run();
        let made = agent.calls();
        let summary = bench.judge();
        assert_eq!(summary.ending, Ending::Complete);
        let n = turns(&bench) as u64;
        assert_eq!(agent.calls() - made, 6 * n);
        let lines = bench.rows(JUDGEMENTS);
        assert_eq!(lines.len() as u64, 6 * n);
        for row in bench.rows("turns.jsonl") {
            let of_turn = |line: &&Json| {
                line.at("conversation_id") == row.at("conversation_id")
                    && line.at("turn_index") == row.at("turn_index")
            };
            let mut scores: Vec<f64> = lines
                .iter()
                .filter(of_turn)
                .map(|line| line.at("score").as_f64().unwrap())
                .collect();
            assert_eq!(scores.len(), 6);
            scores.sort_by(f64::total_cmp);
            let expected = match aggregate {
                "mean" => scores.iter().sum::<f64>() / 6.0,
                _ => f64::midpoint(scores[2], scores[3]),
            };
            let found = row.at("judge_score").as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-9,
                "{aggregate}: {found} of {scores:?}"
            );
        }
        let row = &bench.rows("synthetic_qa.jsonl")[0];
        let about = row.at("forgemark").at("judging").at("turn");
        assert_eq!(about.str_or("aggregate", ""), aggregate);
        assert_eq!(about.items("judges").len(), 2);
        let agreement = &summary.agreement;
        let names: Vec<&str> = agreement
            .judges
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["mild", "strict"]);
        assert!(
            agreement
                .judges
                .iter()
                .all(|one| one.n == 3 * n && one.repeat_sd.is_some())
        );
        assert_eq!((agreement.pairs.len(), agreement.pairs[0].n), (1, n));
        assert!(agreement.alpha.is_some() && agreement.alpha_of_repeats.is_some());
        clean(&bench, aggregate);
        assert_eq!(bench.judge().ending, Ending::AlreadyComplete);
    }
}

#[test]
fn what_one_judge_of_several_cannot_say_lowers_nothing() {
    // Every second sample of a judge is no JSON.
    let agent = Counting::new(&crate::bench::script(
        7,
        forgemark_model::scripted::Dialogue::PLAIN,
    ))
    .before(|_, request| {
        (role(request) == "judge_turn" && request.sample % 2 == 0).then(|| AgentReply::text("no"))
    });
    let bench = panel(offline(&agent));
    bench.run();
    let summary = bench.judge();
    let lines = bench.rows(JUDGEMENTS);
    let unread = lines
        .iter()
        .filter(|line| line.at("score").is_null())
        .count() as u64;
    assert!(unread > 0);
    let whole: u64 = summary.failed.values().sum();
    let lost: u64 = summary.unreadable.values().sum();
    assert_eq!(lost + 6 * whole, unread);
    for row in bench.rows("turns.jsonl") {
        let ours = row.at("forgemark");
        let readable = ours.at("judge").i64_or("readable", -1);
        assert_eq!(row.at("judge_score").is_null(), readable == 0);
        assert_eq!(ours.at("judge").i64_or("asked", 0), 6);
    }
    clean(&bench, "unreadable judgements among others");
}

#[test]
fn another_judge_is_another_judging_and_the_first_one_is_kept() {
    let agent = model();
    let bench = offline(&agent);
    bench.run();
    bench.judge();
    let n = turns(&bench);
    let calls = agent.calls();
    let other = bench.clone().set("llm.agents.judge.temperature", 0.7);
    let mut other_model = other.clone();
    other_model.backend = Backend::Agent(Arc::clone(&agent) as Arc<dyn Agent>);
    let panel = panel(other_model).set("judge.repeats", 1);
    let summary = panel.judge();
    assert_eq!((summary.ending, summary.newly), (Ending::Complete, 4));
    assert_eq!(agent.calls() - calls, 2 * n as u64);
    let lines = bench.rows(JUDGEMENTS);
    let by = |name: &str| {
        lines
            .iter()
            .filter(|line| line.str_or("judge", "") == name)
            .count()
    };
    assert_eq!((by("judge"), by("mild"), by("strict")), (n, n, n));
    clean(&bench, "two judgings");
}

#[test]
fn the_compat_profile_keeps_to_the_keys_of_the_contract() {
    let agent = model();
    let bench = panel(offline(&agent)).set("saving.profile", "compat");
    bench.run();
    assert_eq!(bench.judge().ending, Ending::Complete);
    for (name, bytes) in bench.artifacts() {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("\"forgemark\""), "{name}");
    }
    assert!(
        bench
            .rows("turns.jsonl")
            .iter()
            .all(|row| row.at("judge_score").as_f64().is_some())
    );
    assert_eq!(bench.rows(JUDGEMENTS).len(), 6 * turns(&bench));
    clean(&bench, "compat");
    assert_eq!(bench.judge().ending, Ending::AlreadyComplete);
}
