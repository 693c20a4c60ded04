//! One endpoint and everything that it can do wrong.

use std::time::{Duration, Instant};

use forgemark_contract::json::Json;
use forgemark_journal::{CallOutcome, CallRecord};
use forgemark_model::{
    CallError, Caller, ErrorKind, FailureKind, Finish, Notice, Prices, Retry, Unusable,
};
use futures_util::future::join_all;

use super::support::{Answer, SOON, Seen, Server, Setup, call, dir, impatient};

async fn record(caller: &Caller, text: &str) -> CallRecord {
    let called = call(caller, text).await.expect("an outcome");
    caller
        .journal()
        .lookup(&called.key)
        .expect("readable")
        .expect("recorded")
}

#[tokio::test]
async fn a_reply_comes_with_its_tokens_and_cost() {
    let server = Server::start(|_| Answer::text("Hello.")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.prices = Some(Prices {
        prompt: 2_000_000,
        cached: 1_000_000,
        completion: 10_000_000,
    });
    let caller = setup.caller(dir.path());
    let called = call(&caller, "Hi").await.expect("a reply");
    let reply = called.outcome.expect("no failure");
    assert_eq!(
        (reply.content.as_str(), reply.finish),
        ("Hello.", Finish::Stop)
    );
    assert_eq!((called.usage.prompt, called.usage.completion), (100, 10));
    assert_eq!(called.cost_micro_usd, Some(300));
    assert!(!called.replayed);
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/v1/chat/completions");
    assert_eq!(seen.header("idempotency-key"), called.key.to_string());
    assert_eq!(seen.header("x-retry-count"), "0");
    assert_eq!(seen.header("content-type"), "application/json");
    assert_eq!(seen.body.str_or("model", ""), "m");
    let record = caller
        .journal()
        .lookup(&called.key)
        .expect("readable")
        .expect("recorded");
    assert_eq!(record.item, "c-1/t-1");
    assert_eq!(
        (record.role.as_str(), record.endpoint.as_str()),
        ("user", "e0")
    );
    assert_eq!(record.at, called.at);
    assert!(record.attempts.is_empty());
    assert_eq!(record.outcome, CallOutcome::Reply(reply.body));
    let meter = caller.snapshot();
    assert_eq!((meter.calls, meter.attempts, meter.retries), (1, 1, 0));
    assert_eq!(
        (meter.in_flight, meter.cost_micro_usd, meter.unknown_cost),
        (0, 300, 0)
    );
}

#[tokio::test]
async fn a_cost_without_prices_or_usage_is_unknown_and_not_zero() {
    let bare = r#"{"choices":[{"message":{"content":"a"}}]}"#;
    let server = Server::start(move |_| Answer::status(200, bare)).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.prices = Some(Prices {
        prompt: 1,
        cached: 1,
        completion: 1,
    });
    let caller = setup.caller(dir.path());
    assert_eq!(record(&caller, "Hi").await.cost_micro_usd, None);
    assert_eq!(caller.snapshot().unknown_cost, 1);
    assert_eq!(caller.journal().totals().all().unknown_price_calls, 1);
}

/// Answers the first `n` calls with `bad`, then well.
fn at_first(n: usize, bad: Answer) -> impl Fn(&Seen) -> Answer + Send + Sync {
    move |seen| {
        if seen.n < n {
            bad.clone()
        } else {
            Answer::text("well")
        }
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_recorded_as_history() {
    let cut = Answer {
        cut_after: Some(20),
        ..Answer::text("never seen whole")
    };
    let table = [
        (
            Answer::error(500, "oops"),
            "server error (500): oops",
            Some(500),
        ),
        (Answer::status(503, ""), "server error (503)", Some(503)),
        (
            Answer::status(200, "<!DOCTYPE html><p>hi"),
            "no answer of a model (200): the body is an HTML",
            Some(200),
        ),
        (
            Answer::status(200, "{\"choices\":"),
            "no answer of a model (200): the body is not JSON",
            Some(200),
        ),
        (
            Answer::status(200, ""),
            "no answer of a model (200): the body is empty",
            Some(200),
        ),
        (
            Answer::status(200, r#"{"error":{"code":502,"message":"up"}}"#),
            "server error (502): up",
            Some(502),
        ),
        (cut, "connection cut", None),
        (
            Answer::error(429, "slow"),
            "rate limited (429): slow",
            Some(429),
        ),
    ];
    for (bad, what, status) in table {
        let server = Server::start(at_first(2, bad)).await;
        let dir = dir();
        let caller = Setup::of(&[&server]).caller(dir.path());
        let record = record(&caller, "Hi").await;
        assert!(matches!(record.outcome, CallOutcome::Reply(_)), "{what}");
        assert_eq!(record.attempts.len(), 2, "{what}");
        for attempt in &record.attempts {
            assert!(
                attempt.what.starts_with(what),
                "{} is not {what}",
                attempt.what
            );
            assert_eq!((attempt.status, attempt.endpoint.as_str()), (status, "e0"));
        }
        let retries: Vec<String> = server
            .seen()
            .iter()
            .filter(|seen| !seen.is_probe())
            .map(|seen| seen.header("x-retry-count").to_owned())
            .collect();
        assert_eq!(retries, ["0", "1", "2"], "{what}");
        assert_eq!(caller.snapshot().retries, 2, "{what}");
    }
}

#[tokio::test]
async fn a_retry_after_is_honoured() {
    let limited = Answer::error(429, "slow").header("retry-after-ms", "60");
    let server = Server::start(at_first(1, limited)).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let began = Instant::now();
    let record = record(&caller, "Hi").await;
    assert!(began.elapsed() >= Duration::from_millis(60));
    assert_eq!(record.attempts[0].retry_after_ms, Some(60));
    assert_eq!(caller.snapshot().n_429, 1);
}

#[tokio::test]
async fn many_calls_survive_a_long_time_of_429s() {
    let began = Instant::now();
    let server = Server::start(move |_| {
        if began.elapsed() < Duration::from_millis(400) {
            Answer::error(429, "slow")
        } else {
            Answer::text("well")
        }
    })
    .await;
    let dir = dir();
    let setup = Setup::of(&[&server]);
    let caller = setup.caller(dir.path());
    let texts: Vec<String> = (0..40).map(|n| format!("Hi {n}")).collect();
    let calls = join_all(texts.iter().map(|text| call(&caller, text))).await;
    for called in calls {
        assert_eq!(
            called
                .expect("an outcome")
                .outcome
                .expect("a reply")
                .content,
            "well"
        );
    }
    // While it cooled, the endpoint was asked now and then, not by everybody all the time.
    let wasted = caller.snapshot().n_429;
    assert!((1..200).contains(&wasted), "{wasted} answers were 429");
    let endpoint = &caller.endpoints()[0];
    assert!(endpoint.limit <= 16, "{endpoint:?}");
}

#[tokio::test]
async fn an_endpoint_that_refuses_by_its_own_word_stops_the_run_at_once() {
    for (answer, kind) in [
        (Answer::error(401, "bad key"), ErrorKind::Auth),
        (Answer::error(403, "not you"), ErrorKind::Auth),
        (
            Answer::error(404, "The model `m` does not exist"),
            ErrorKind::NoModel,
        ),
        (Answer::status(404, "nothing here"), ErrorKind::NoRoute),
        (
            Answer::status(302, "").header("location", "/login"),
            ErrorKind::NoRoute,
        ),
        (
            Answer::status(
                429,
                r#"{"error":{"message":"no money","code":"insufficient_quota"}}"#,
            ),
            ErrorKind::NoCredit,
        ),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let dir = dir();
        let caller = Setup::of(&[&server]).caller(dir.path());
        let Err(CallError::Unusable(error)) = call(&caller, "Hi").await else {
            panic!("{kind:?} has to stop the run");
        };
        assert_eq!(error.why, Unusable::Refused);
        assert_eq!(error.endpoints[0].kind, Some(kind));
        assert_eq!(server.calls(), 1, "{kind:?} was asked again");
        // Nothing is recorded, so a resumed run asks again.
        assert_eq!(caller.journal().totals().all().calls, 0);
        assert!(matches!(
            &caller.meter().take_notices()[..],
            [Notice::EndpointUnusable { .. }]
        ));
        // Later calls do not even try.
        assert!(matches!(
            call(&caller, "Ho").await,
            Err(CallError::Unusable(_))
        ));
        assert_eq!(server.calls(), 1);
    }
}

#[tokio::test]
async fn an_endpoint_that_only_fails_is_given_up_with_its_last_error() {
    for (answer, words) in [
        (
            Answer::error(500, "disk full"),
            "server error (500): disk full",
        ),
        (Answer::error(429, "slow"), "rate limited (429): slow"),
        (Answer::status(200, "<html>login"), "HTML page"),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let dir = dir();
        let mut setup = Setup::of(&[&server]);
        setup.retry.give_up_after = SOON;
        let caller = setup.caller(dir.path());
        let calls = join_all(["a", "b", "c"].map(|text| call(&caller, text))).await;
        for called in calls {
            let Err(CallError::Unusable(error)) = called else {
                panic!("{words} has to stop the run: {called:?}");
            };
            assert!(error.to_string().contains(words), "{error}");
            assert!(matches!(error.why, Unusable::NothingSucceeded { .. }));
        }
        assert_eq!(caller.journal().totals().all().calls, 0);
        // The end was confirmed by a probe.
        assert!(server.seen().iter().any(Seen::is_probe), "{words}");
    }
}

#[tokio::test]
async fn nobody_listening_is_given_up_too() {
    let dir = dir();
    let mut setup = Setup::of(&[]);
    setup.retry.give_up_after = SOON;
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    setup
        .endpoints
        .push(forgemark_model::EndpointConfig::new("gone", url));
    let caller = setup.caller(dir.path());
    let error = call(&caller, "Hi").await.expect_err("unusable");
    assert!(error.to_string().contains("gone: no connection"), "{error}");
}

#[tokio::test]
async fn a_call_that_stalls_meets_its_attempt_timeout() {
    let stalled = Answer {
        stall: true,
        ..Answer::text("")
    };
    let server = Server::start(at_first(1, stalled)).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.retry.attempt_timeout = Duration::from_millis(40);
    let caller = setup.caller(dir.path());
    let record = record(&caller, "Hi").await;
    assert_eq!(
        record.attempts[0].what,
        "timeout: no whole answer within 0.04 s"
    );
}

fn poisonous(bad: Answer) -> impl Fn(&Seen) -> Answer + Send + Sync {
    move |seen| {
        if seen.last().contains("poison") {
            bad.clone()
        } else {
            Answer::text("well")
        }
    }
}

#[tokio::test]
async fn a_request_that_always_fails_while_others_succeed_is_a_typed_failure() {
    let server = Server::start(poisonous(Answer::error(500, "crash"))).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    // Others keep succeeding all the time.
    let others = async {
        for n in 0.. {
            call(&caller, &format!("fine {n}"))
                .await
                .expect("an outcome");
        }
    };
    let called = tokio::select! {
        called = call(&caller, "poison") => called,
        () = others => panic!("the others end never"),
    };
    let failure = called.expect("an outcome").outcome.expect_err("a failure");
    assert_eq!(failure.kind, FailureKind::ModelError);
    assert_eq!(failure.detail, "server error (500): crash");
}

#[tokio::test]
async fn a_request_that_always_fails_alone_is_told_from_a_dead_endpoint_by_probes() {
    let server = Server::start(poisonous(Answer::error(500, "crash"))).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let called = call(&caller, "poison").await.expect("an outcome");
    assert_eq!(
        called.outcome.expect_err("a failure").kind,
        FailureKind::ModelError
    );
    assert!(server.seen().iter().any(Seen::is_probe));
    // It is recorded, so a resumed run does not pay for it again.
    let before = server.seen().len();
    let again = call(&caller, "poison").await.expect("an outcome");
    assert!(again.replayed);
    assert_eq!(
        again.outcome.expect_err("a failure").kind,
        FailureKind::ModelError
    );
    assert_eq!(server.seen().len(), before);
    // And the endpoint still serves.
    call(&caller, "fine")
        .await
        .expect("an outcome")
        .outcome
        .expect("a reply");
}

#[tokio::test]
async fn a_request_that_always_stalls_meets_its_deadline() {
    let stalled = Answer {
        stall: true,
        ..Answer::text("")
    };
    let server = Server::start(poisonous(stalled)).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.retry = Retry {
        attempt_timeout: Duration::from_millis(30),
        deadline: Duration::from_millis(100),
        ..impatient()
    };
    let caller = setup.caller(dir.path());
    let failure = call(&caller, "poison")
        .await
        .expect("an outcome")
        .outcome
        .expect_err("a failure");
    assert_eq!(failure.kind, FailureKind::ModelError);
    assert!(failure.detail.starts_with("timeout"), "{failure}");
}

#[tokio::test]
async fn an_invalid_request_is_a_failure_only_where_others_are_valid() {
    let server = Server::start(poisonous(Answer::error(400, "bad message"))).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let failure = call(&caller, "poison")
        .await
        .expect("an outcome")
        .outcome
        .expect_err("a failure");
    assert_eq!(failure.kind, FailureKind::InvalidRequest);
    assert_eq!(failure.detail, "invalid request (400): bad message");
    // Once, and a probe that showed that the endpoint takes others.
    assert_eq!((server.calls(), server.seen().len()), (1, 2));

    // An endpoint that refuses even a probe refuses everything: that is no fault of the request.
    let all = Server::start(|_| Answer::error(400, "wrong tenant")).await;
    let other = self::dir();
    let caller = Setup::of(&[&all]).caller(other.path());
    let error = call(&caller, "fine").await.expect_err("unusable");
    assert!(error.to_string().contains("wrong tenant"), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_begins_to_refuse_everything_drops_nothing() {
    let server = Server::start(|seen| {
        if seen.n < 5 {
            Answer::text("well")
        } else {
            Answer::status(400, "<html><h1>400 Bad Request</h1>")
        }
    })
    .await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    for n in 0..5 {
        call(&caller, &format!("early {n}"))
            .await
            .expect("an outcome");
    }
    let texts: Vec<String> = (0..8).map(|n| format!("late {n}")).collect();
    for called in join_all(texts.iter().map(|text| call(&caller, text))).await {
        assert!(matches!(called, Err(CallError::Unusable(_))), "{called:?}");
    }
    assert_eq!(caller.journal().totals().all().failures, 0);
}

#[tokio::test]
async fn a_retry_after_of_zero_is_no_invitation() {
    let server = Server::start(|_| Answer::error(429, "slow").header("retry-after", "0")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.retry.rate_limit_pause = Duration::from_millis(20);
    setup.retry.give_up_after = SOON;
    let caller = setup.caller(dir.path());
    let error = call(&caller, "Hi").await.expect_err("given up");
    assert!(matches!(error, CallError::Unusable(_)));
    assert!(server.calls() < 12, "{} calls in 150 ms", server.calls());
}

#[tokio::test]
async fn a_content_filter_decides_at_once() {
    let body = r#"{"error":{"message":"filtered","code":"content_filter"}}"#;
    let server = Server::start(poisonous(Answer::status(400, body))).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let called = call(&caller, "poison").await.expect("an outcome");
    assert_eq!(
        called.outcome.expect_err("a failure").kind,
        FailureKind::ContentFilter
    );
    let record = caller
        .journal()
        .lookup(&called.key)
        .expect("readable")
        .expect("recorded");
    let CallOutcome::Failure {
        kind, body: stored, ..
    } = record.outcome
    else {
        panic!("a failure is stored as one");
    };
    assert_eq!(
        (kind.as_str(), &stored[..]),
        ("content_filter", body.as_bytes())
    );
}

#[tokio::test]
async fn cut_filtered_and_refused_replies_are_replies_that_say_so() {
    let message = |text: &str| Json::object([("content", Json::from(text))]);
    for (answer, kind) in [
        (
            Answer::message(message("half a"), "length"),
            FailureKind::Length,
        ),
        (
            Answer::message(message(""), "content_filter"),
            FailureKind::ContentFilter,
        ),
        (
            Answer::message(Json::object([("refusal", Json::from("no"))]), "stop"),
            FailureKind::Refusal,
        ),
        (Answer::message(message("  "), "stop"), FailureKind::Empty),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let dir = dir();
        let caller = Setup::of(&[&server]).caller(dir.path());
        let called = call(&caller, "Hi").await.expect("an outcome");
        let failure = called
            .outcome
            .expect("a reply")
            .typed()
            .expect_err("a failure");
        assert_eq!(failure.kind, kind);
        // Paid for, and known: not asked again.
        assert_eq!(server.calls(), 1);
        assert!(call(&caller, "Hi").await.expect("an outcome").replayed);
    }
}

#[tokio::test]
async fn a_drain_ends_what_waits_and_lets_end_what_is_in_flight() {
    let server = Server::start(|seen| {
        if seen.last() == "slow" {
            Answer::text("well").after(50)
        } else {
            Answer::error(429, "slow down").header("retry-after", "100")
        }
    })
    .await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let drain = async {
        while server.calls() < 2 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        caller.drain();
    };
    let (slow, waits, ()) = tokio::join!(call(&caller, "slow"), call(&caller, "waits"), drain);
    assert_eq!(
        slow.expect("an outcome").outcome.expect("a reply").content,
        "well"
    );
    assert!(matches!(waits, Err(CallError::Cancelled)));
    assert!(matches!(
        call(&caller, "new").await,
        Err(CallError::Cancelled)
    ));
    // What is known is still told.
    assert!(call(&caller, "slow").await.expect("an outcome").replayed);
}
