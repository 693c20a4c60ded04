//! What comes of a batch: all, a part, nothing, in any order.

use std::time::Duration;

use forgemark_model::scripted::{BatchEnd, BatchPlay, Behaviour, Fault, FaultRule};
use forgemark_model::{
    BatchConfig, Budget, BuildError, CallError, FailureKind, Leftover, Notice, Wire,
};
use forgemark_testkit::MemDisk;

use crate::caller::support::{Answer, Server};

use super::support::{
    CALLS, WIRES, all, call, caller, config, eager, expected, kept, server, server_with, texts,
};

#[tokio::test]
async fn a_batch_gives_every_call_its_own_reply_at_its_own_price() {
    for wire in WIRES {
        let server = server([BatchPlay {
            polls: 3,
            ..BatchPlay::PLAIN
        }]);
        let disk = MemDisk::new();
        let settings = config(wire, &server.base_url(), Some(eager(CALLS)));
        let caller = caller(&disk, &settings).expect("valid");
        let called = all(&caller, CALLS).await;
        assert_eq!(texts(&called), expected(wire, CALLS).await, "{wire:?}");
        let stats = server.stats();
        assert_eq!((stats.batches, stats.batch_calls), (1, CALLS as u64));
        assert_eq!((stats.paid, stats.paid_again), (CALLS as u64, 0));
        for called in called {
            let called = called.expect("an outcome");
            assert!(!called.replayed);
            let full = called.usage.prompt + called.usage.completion;
            assert_eq!(
                called.cost_micro_usd,
                Some(full.div_ceil(2)),
                "half the price"
            );
        }
        let totals = caller.journal().totals();
        assert_eq!(totals.all().calls, CALLS as u64);
        assert_eq!(totals.by_endpoint["e0"]["m"].calls, CALLS as u64);
        assert_eq!(caller.snapshot().calls, CALLS as u64);
        // Known replies are replayed, and nothing is sent.
        assert!(call(&caller, 3).await.expect("an outcome").replayed);
        drop(caller);
        let kept = kept(&disk);
        assert_eq!(kept.stages, ["Intended", "Submitted", "Closed"]);
        assert_eq!((kept.calls.len(), kept.pending), (CALLS, 0));
    }
}

#[tokio::test]
async fn what_expired_or_was_cancelled_goes_with_the_next_batch() {
    for wire in WIRES {
        for end in [BatchEnd::Expired, BatchEnd::Cancelled, BatchEnd::Failed] {
            // A batch of messages never fails as a whole: its calls do.
            if end == BatchEnd::Failed && wire == Wire::Anthropic {
                continue;
            }
            let server = server([BatchPlay::partial(end, 0.5), BatchPlay::PLAIN]);
            let disk = MemDisk::new();
            let batch = BatchConfig {
                // The second batch has nobody but those who were left over.
                quiet: Duration::from_millis(5),
                ..eager(CALLS)
            };
            let settings = config(wire, &server.base_url(), Some(batch));
            let caller = caller(&disk, &settings).expect("valid");
            let called = all(&caller, CALLS).await;
            assert_eq!(
                texts(&called),
                expected(wire, CALLS).await,
                "{wire:?} {end:?}"
            );
            let stats = server.stats();
            assert!(
                stats.batches >= 2 && stats.batch_calls > CALLS as u64,
                "{stats:?}"
            );
            assert_eq!((stats.paid, stats.paid_again), (CALLS as u64, 0));
            assert_eq!(caller.meter().take_notices(), []);
            drop(caller);
            assert_eq!(kept(&disk).pending, 0);
        }
    }
}

#[tokio::test]
async fn what_was_left_over_is_sent_by_itself_where_that_is_wished_or_after_enough_rounds() {
    for wire in WIRES {
        for (leftover, rounds, batches) in [(Leftover::Single, 3, 1), (Leftover::Batch, 2, 2)] {
            let server = server([BatchPlay::partial(BatchEnd::Expired, 0.0)]);
            let disk = MemDisk::new();
            let batch = BatchConfig {
                leftover,
                rounds,
                ..eager(CALLS)
            };
            let settings = config(wire, &server.base_url(), Some(batch));
            let caller = caller(&disk, &settings).expect("valid");
            let called = all(&caller, CALLS).await;
            assert_eq!(texts(&called), expected(wire, CALLS).await);
            let stats = server.stats();
            assert_eq!(stats.batches, batches, "{leftover:?}");
            assert_eq!((stats.paid, stats.paid_again), (CALLS as u64, 0));
            let notices = caller.meter().take_notices();
            assert!(
                matches!(&notices[..], [Notice::Unbatched { why, .. }] if why.starts_with("12 calls of a batch were not finished (")),
                "{notices:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_call_that_was_answered_with_an_error_is_met_like_any_other() {
    for wire in WIRES {
        // Every first attempt fails; the second is the call by itself.
        let behaviour = Behaviour::text("You get {hash8}.")
            .fault(FaultRule::on_attempts(Fault::status(500), &[1]));
        let server = server_with([BatchPlay::PLAIN], behaviour);
        let settings = config(wire, &server.base_url(), Some(eager(CALLS)));
        let caller = caller(&MemDisk::new(), &settings).expect("valid");
        let called = all(&caller, CALLS).await;
        assert_eq!(texts(&called), expected(wire, CALLS).await);
        assert_eq!(server.stats().paid, CALLS as u64);

        // An error that lies in the request is a typed failure.
        let behaviour = Behaviour::text("x").always(Fault::ContextLength);
        let server = server_with([BatchPlay::PLAIN], behaviour);
        let settings = config(wire, &server.base_url(), Some(eager(1)));
        let caller = super::support::caller(&MemDisk::new(), &settings).expect("valid");
        let called = call(&caller, 1).await.expect("an outcome");
        let failure = called.outcome.expect_err("too long");
        assert_eq!(failure.kind, FailureKind::ContextLength);
    }
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_found_again_and_not_sent_twice() {
    for wire in WIRES {
        let cut = BatchPlay {
            cut_submit: true,
            polls: 2,
            ..BatchPlay::PLAIN
        };
        let server = server([cut, BatchPlay::PLAIN]);
        let settings = config(wire, &server.base_url(), Some(eager(CALLS)));
        let caller = caller(&MemDisk::new(), &settings).expect("valid");
        let called = all(&caller, CALLS).await;
        assert_eq!(texts(&called), expected(wire, CALLS).await);
        let stats = server.stats();
        assert_eq!(
            (stats.batches, stats.paid, stats.paid_again),
            (1, CALLS as u64, 0)
        );
    }
}

#[tokio::test]
async fn a_lost_batch_is_not_mistaken_for_somebody_elses() {
    for wire in WIRES {
        let cut = BatchPlay {
            cut_submit: true,
            ..BatchPlay::PLAIN
        };
        let server = server([cut]);
        let ours = config(wire, &server.base_url(), Some(eager(CALLS)));
        let mut theirs = ours.clone();
        // The same questions to another model are other calls.
        let model = theirs.models.get_mut("main").expect("configured");
        model.model = "n".to_owned();
        let one = caller(&MemDisk::new(), &ours).expect("valid");
        let other = caller(&MemDisk::new(), &theirs).expect("valid");
        let (one, other) = tokio::join!(all(&one, CALLS), all(&other, CALLS));
        assert_eq!(texts(&one), expected(wire, CALLS).await);
        assert_ne!(texts(&one), texts(&other));
        let stats = server.stats();
        assert_eq!((stats.batches, stats.paid), (2, 2 * CALLS as u64));
        assert_eq!(stats.paid_again, 0);
    }
}

#[tokio::test]
async fn batches_are_as_large_as_they_may_be_and_equal_calls_share_a_place() {
    for wire in WIRES {
        let server = server([]);
        let batch = BatchConfig {
            max_calls: 5,
            ..eager(CALLS * 2)
        };
        let settings = config(wire, &server.base_url(), Some(batch));
        let caller = caller(&MemDisk::new(), &settings).expect("valid");
        // Each call twice at the same time.
        let (one, other) = tokio::join!(all(&caller, CALLS), all(&caller, CALLS));
        assert_eq!(texts(&one), texts(&other));
        let stats = server.stats();
        // Two are full, and the third is sent when everybody waits.
        assert_eq!((stats.batches, stats.batch_calls), (3, CALLS as u64));
        assert_eq!(stats.paid_again, 0);
    }
}

#[tokio::test]
async fn an_endpoint_without_batches_gets_the_calls_one_by_one() {
    let server = Server::start(|seen| {
        if seen.path.starts_with("/v1/chat") {
            Answer::text("well")
        } else {
            Answer::error(404, "no such route")
        }
    })
    .await;
    let settings = config(Wire::OpenAi, &server.url, Some(eager(3)));
    let caller = caller(&MemDisk::new(), &settings).expect("valid");
    let called = all(&caller, 3).await;
    assert_eq!(texts(&called), ["well", "well", "well"]);
    assert!(matches!(
        &caller.meter().take_notices()[..],
        [Notice::Unbatched { why, .. }] if why.starts_with("no such service")
    ));
}

#[tokio::test]
async fn a_drained_run_leaves_its_batch_to_the_next_which_sends_nothing() {
    for wire in WIRES {
        let server = server([BatchPlay {
            polls: 1_000_000,
            ..BatchPlay::PLAIN
        }]);
        let disk = MemDisk::new();
        let batch = eager(CALLS);
        let settings = config(wire, &server.base_url(), Some(batch));
        let first = caller(&disk, &settings).expect("valid");
        let drain = async {
            while first
                .journal()
                .pending_batches()
                .expect("readable")
                .is_empty()
                || server.stats().batches == 0
            {
                tokio::task::yield_now().await;
            }
            first.drain();
        };
        let (called, ()) = tokio::join!(all(&first, CALLS), drain);
        for called in called {
            assert!(matches!(called, Err(CallError::Cancelled)), "{called:?}");
        }
        drop(first);
        let disk = disk.kill();
        assert_eq!(kept(&disk).pending, 1);

        // A budget that is spent does not keep what is paid for from being fetched.
        let mut settings = config(wire, &server.base_url(), None);
        settings.budget = Budget {
            max_calls: Some(0),
            ..Budget::default()
        };
        let second = caller(&disk, &settings).expect("valid");
        let waits = all(&second, CALLS);
        let cancel = async {
            // Somebody ends it at the provider; what was done by then is given out.
            let id = match wire {
                Wire::OpenAi => "batches/batch_1",
                Wire::Anthropic => "messages/batches/msgbatch_1",
            };
            post(&format!("{}/{id}/cancel", server.base_url())).await;
        };
        let (called, ()) = tokio::join!(waits, cancel);
        assert_eq!(texts(&called), expected(wire, CALLS).await);
        assert_eq!(server.stats().batches, 1);
        assert_eq!(
            (server.stats().paid, server.stats().paid_again),
            (CALLS as u64, 0)
        );
    }
}

async fn post(url: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url
        .trim_start_matches("http://")
        .split_once('/')
        .expect("a path");
    let mut stream = tokio::net::TcpStream::connect(host)
        .await
        .expect("a connection");
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_batch_at_an_endpoint_that_is_gone_is_named() {
    let server = server([BatchPlay {
        polls: 1_000_000,
        ..BatchPlay::PLAIN
    }]);
    let disk = MemDisk::new();
    let settings = config(Wire::OpenAi, &server.base_url(), Some(eager(1)));
    let first = caller(&disk, &settings).expect("valid");
    let drain = async {
        while server.stats().batches == 0 {
            tokio::task::yield_now().await;
        }
        first.drain();
    };
    let (_, ()) = tokio::join!(call(&first, 1), drain);
    drop(first);
    let mut settings = config(Wire::OpenAi, &server.base_url(), None);
    let model = settings.models.get_mut("main").expect("configured");
    let forgemark_model::Backend::Http(endpoints) = &mut model.backend else {
        panic!("an endpoint");
    };
    endpoints[0].name = "other".to_owned();
    let error = caller(&disk.kill(), &settings).expect_err("refused");
    assert!(matches!(error, BuildError::Batch { .. }));
    assert_eq!(
        error.to_string(),
        "batch batch_1 of model 'm' is under way at the endpoint 'e0', which is not configured any more"
    );
}
