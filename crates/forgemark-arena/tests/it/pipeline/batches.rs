//! An arena does not know whether its calls go as batches: the files are the same, and nothing is paid twice.

use std::collections::BTreeMap;
use std::time::Duration;

use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_contract::json::Json;
use forgemark_model::scripted::{
    BatchEnd, BatchPlay, Behaviour, Matcher, Reply, Running, Script, Server, Stats,
};
use forgemark_model::{Backend, BatchConfig, EndpointConfig, Wire};
use forgemark_run::Cancel;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, assert_same, files};

/// The models and what they speak: batches of both protocols are under way at once.
const MODELS: [(&str, Wire); 3] = [
    ("net/ann", Wire::OpenAi),
    ("net/ben", Wire::Anthropic),
    ("net/cleo", Wire::OpenAi),
];

/// Records that each model works on at a time.
const CONCURRENCY: usize = 4;

fn value<const N: usize>(pairs: [(&str, Json); N]) -> Reply {
    Reply::Json(Json::object(pairs))
}

/// Models whose questions and answers are checked, criticised, debated and judged. Of the batches the first is half undone,
/// the next whole, and so on.
fn server() -> Running {
    let passes = value([
        ("issues", Json::Array(Vec::new())),
        ("improvements", Json::from("")),
        ("verdict", Json::from("pass")),
        ("ill_posed", Json::Bool(false)),
    ]);
    let criticises = value([
        ("notes", Json::from("the carry of {hash8} is lost")),
        ("suggestions", Json::from("")),
        ("verdict", Json::from("incorrect")),
    ]);
    let debates = value([
        ("message", Json::from("look at the carry of {hash8}")),
        ("concede", Json::Bool(false)),
    ]);
    let judges = value([
        ("reasoning", Json::from("the sum of {hash8} decides")),
        ("verdict", Json::from("defender_wins_incorrect")),
        ("confidence", Json::Int(4)),
    ]);
    let asks = Reply::Text("[QUESTION] What is {n} + {hash8}?\n[ANSWER] It is {hash8}.".to_owned());
    let says = [
        ("question", asks),
        ("question_check", passes.clone()),
        ("answer", Reply::Text("It is {hash8}, or {n}.".to_owned())),
        ("answer_check", passes.clone()),
        ("critique", criticises),
        ("critique_check", passes),
        ("debate_critique", debates),
        ("judge_critique", judges),
    ];
    let partial = BatchPlay::partial(BatchEnd::Expired, 0.5);
    let mut script = Script::new(9).batches([partial, BatchPlay::PLAIN, BatchPlay::PLAIN]);
    for (task, reply) in says {
        let asked = Matcher::contains(&format!("<task role=\"{task}\""));
        script = script.rule(asked, Behaviour::NONE.reply(reply));
    }
    Server::start(&script, ([127, 0, 0, 1], 0).into()).unwrap()
}

fn bench(server: &Running, batch: Option<BatchConfig>) -> Bench {
    let mut bench = Bench::new()
        .set("run.concurrency", CONCURRENCY)
        .set("questions.max_outer_attempts", 1)
        .set("debates.rounds", 1);
    bench.models = MODELS.map(|(name, _)| (name.to_owned(), 0)).into();
    let backends = MODELS.map(|(name, wire)| {
        let endpoint = EndpointConfig {
            wire,
            batch,
            ..EndpointConfig::new(name, server.base_url())
        };
        (name.to_owned(), Backend::Http(vec![endpoint]))
    });
    bench.backends = BTreeMap::from(backends);
    bench
}

fn batch(everyone: usize) -> BatchConfig {
    BatchConfig {
        everyone: Some(everyone),
        quiet: Duration::from_millis(3),
        poll: Duration::from_millis(1),
        ..BatchConfig::default()
    }
}

#[track_caller]
fn paid_once(stats: &Stats) {
    assert_eq!(stats.paid_again, 0, "{stats:?}");
}

#[test]
fn a_run_over_batches_ends_with_the_files_of_one_without_interrupted_or_not() {
    let plain = server();
    let single = bench(&plain, None);
    let summary = single.run();
    assert_eq!(summary.ending, Ending::Complete);
    for stage in Stage::ALL {
        assert!(summary.made[&stage] > 0, "{stage:?} of {summary:?}");
        assert!(summary.failed[&stage] == 0, "{stage:?} of {summary:?}");
    }
    let expected = single.files();
    let calls = summary.totals.all().calls;

    // With more than there ever are, only the pause sends a batch.
    for everyone in [CONCURRENCY * MODELS.len(), usize::MAX] {
        let whole = server();
        let batched = bench(&whole, Some(batch(everyone)));
        let summary = batched.run();
        assert_eq!(summary.ending, Ending::Complete);
        assert_same(&expected, &batched.files(), "batches");
        assert_eq!(summary.totals.all().calls, calls);
        let stats = whole.stats();
        assert!(stats.batches > 6, "{stats:?}");
        paid_once(&stats);
        let endpoints: Vec<&str> = summary
            .totals
            .by_endpoint
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(endpoints, MODELS.map(|(name, _)| name));
    }

    // Interrupted when so many batches were sent, and gone on with.
    for sent in [1, 4, 9] {
        let server = server();
        let disk = MemDisk::new();
        let cancel = Cancel::new();
        let bench = bench(&server, Some(batch(CONCURRENCY * MODELS.len()))).on(&disk);
        let first = std::thread::scope(|scope| {
            let run = scope.spawn(|| bench.try_run_with(cancel.clone()).unwrap());
            while server.stats().batches < sent && !run.is_finished() {
                std::thread::yield_now();
            }
            cancel.cancel();
            run.join().unwrap()
        });
        assert!(
            matches!(first.ending, Ending::Interrupted | Ending::Complete),
            "{first:?}"
        );
        let second = bench.run();
        assert!(
            matches!(second.ending, Ending::Complete | Ending::AlreadyComplete),
            "{second:?}"
        );
        assert_same(
            &expected,
            &files(&disk),
            &format!("interrupted after {sent} batches"),
        );
        paid_once(&server.stats());
    }
}
