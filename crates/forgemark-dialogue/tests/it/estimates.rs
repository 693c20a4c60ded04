//! What is predicted from a few conversations, against what the whole run takes.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_dialogue::config::{Personas, View, Views};
use forgemark_dialogue::estimate::{disk_rule, estimate, measure};
use forgemark_dialogue::run::Ending;
use forgemark_journal::{Storage, inspect};
use forgemark_model::scripted::Dialogue;
use forgemark_model::{AgentReply, Prices};
use forgemark_stats::Interval;

use super::bench::{Bench, Counting, OUT, role, script};

/// Bytes of the whole output folder.
fn on_disk(bench: &Bench) -> u64 {
    let files = bench.disk.files().into_iter();
    let inside = files.filter(|(path, _)| path.starts_with(OUT));
    inside.map(|(_, bytes)| bytes.len() as u64).sum()
}

/// Conversations of one to six turns, with replies of very different lengths and some that are dropped.
fn uneven(seed: u64) -> Bench {
    let agent = Counting::new(&script(
        seed,
        Dialogue {
            conflict_rate: 0.1,
            shared_questions: 4,
            ..Dialogue::PLAIN
        },
    ))
    .before(|_, request| {
        (role(request) == "assistant_turn" && request.sample % 3 == 0).then(|| {
            let words = 20 + request.sample % 150;
            let answer = "The line is fed by the valve. ".repeat(words as usize / 6);
            AgentReply::json(&Json::object([("assistant_message", Json::from(answer))]))
        })
    });
    let mut bench = Bench::new(agent)
        .set("run.seed", seed as i64)
        .set("run.total_samples", 24)
        .set("run.batch_size", 4)
        .set("run.turns.min", 1)
        .set("run.turns.max", 6)
        .set("run.turns.distribution", "uniform")
        .set("coverage.question_dedup_retries", 1);
    bench.prices = Some(Prices {
        prompt: 2_000_000,
        cached: 1_000_000,
        completion: 8_000_000,
    });
    bench
}

#[test]
fn the_interval_of_a_probe_covers_what_the_run_takes() {
    let (mut covered, mut asked) = (0, 0);
    for seed in 1..=4 {
        let bench = uneven(seed);
        let prompts = bench.environment().prompts;
        let forecast = estimate(
            &bench.config(),
            &bench.corpus,
            &prompts,
            Some(&Personas::built_in()),
            None,
        )
        .unwrap();
        let storage: Arc<dyn Storage> = Arc::new(bench.disk.clone());
        let probe = bench.clone().options(|options| options.limit = Some(8));
        assert_eq!(probe.run().ending, Ending::Limit);
        let recovered = inspect(&storage, OUT.as_ref()).unwrap().unwrap();
        let measured = measure(&forecast, &recovered, on_disk(&bench))
            .unwrap()
            .unwrap();
        assert!(measured.conversations >= 8 && measured.turns < forecast.turns);

        let summary = bench.run();
        assert_eq!(
            (summary.ending.clone(), summary.good),
            (Ending::Complete, 24)
        );
        assert!(
            summary.turns.abs_diff(forecast.turns) <= 12,
            "{}",
            summary.turns
        );
        let all = summary.totals.all();
        let recovered = inspect(&storage, OUT.as_ref()).unwrap().unwrap();
        let whole = measure(&forecast, &recovered, on_disk(&bench))
            .unwrap()
            .unwrap();
        // With nothing left the prediction is the sum of what the conversations took.
        let cost = whole.cost_usd.unwrap();
        assert_eq!(cost.interval.map(|interval| interval.low), Some(cost.total));
        assert!(cost.total <= all.cost_micro_usd as f64 / 1e6 + 1e-9);
        let truth = [
            (measured.calls, whole.calls.total),
            (measured.prompt_tokens, whole.prompt_tokens.total),
            (measured.completion_tokens, whole.completion_tokens.total),
            (measured.cost_usd.unwrap(), cost.total),
            (measured.disk_bytes.unwrap(), on_disk(&bench) as f64),
        ];
        for (found, truth) in truth {
            let Interval { low, high } = found.interval.unwrap();
            assert!(low <= found.total && found.total <= high);
            asked += 1;
            covered += u32::from(low <= truth && truth <= high);
            assert!(
                (found.total - truth).abs() <= truth * 0.6,
                "{found:?} is far from {truth}"
            );
        }
    }
    // 95 % of them on average; the seeds are fixed, so this is no matter of luck.
    assert!(covered * 10 >= asked * 8, "{covered} of {asked}");
}

#[test]
fn the_rule_for_disk_is_within_a_factor_of_two_and_knows_the_views() {
    let rule = |views| disk_rule(views, 3_000) as f64;
    let parts: f64 = View::ALL
        .into_iter()
        .map(|view| rule(view.into()) - rule(Views::default()))
        .sum();
    assert!((rule(Views::ALL) - rule(Views::default()) - parts).abs() <= 8.0);
    for words in [
        &[][..],
        &["sharegpt"],
        &[
            "turns",
            "sharegpt",
            "sharegpt_judged",
            "conversations",
            "index",
            "run_state",
        ],
    ] {
        let words: Json = words.iter().copied().map(Json::from).collect();
        let bench = uneven(2).set("saving.artifacts", words);
        let summary = bench.run();
        let turns = bench.rows("coverage_ledger.jsonl").len() as u64;
        let config = bench.config();
        let per_turn = on_disk(&bench) as f64 / turns as f64;
        let all = summary.totals.all();
        let rule = disk_rule(config.views, all.completion * 4 / turns) as f64;
        assert!(
            (0.5..=2.0).contains(&(rule / per_turn)),
            "{rule} for {per_turn}"
        );
    }
}
