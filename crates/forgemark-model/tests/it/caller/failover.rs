//! Several endpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use forgemark_model::{CallError, EndpointConfig};
use futures_util::future::join_all;

use super::support::{Answer, SOON, Server, Setup, ask, call, dir};

#[tokio::test]
async fn the_other_endpoint_takes_over_at_once() {
    let bad = Server::start(|_| Answer::error(500, "oops")).await;
    let good = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&bad, &good]);
    // A pause would show.
    setup.retry.backoff = Duration::from_secs(30);
    let caller = setup.caller(dir.path());
    let began = Instant::now();
    for n in 0..20 {
        let called = call(&caller, &format!("Hi {n}")).await.expect("an outcome");
        assert_eq!(called.outcome.expect("a reply").content, "well");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(
        bad.calls() < 10,
        "{} calls went to the failing endpoint",
        bad.calls()
    );
}

#[tokio::test]
async fn a_refused_key_at_one_endpoint_leaves_the_other() {
    let bad = Server::start(|_| Answer::error(401, "bad key")).await;
    let good = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let caller = Setup::of(&[&bad, &good]).caller(dir.path());
    for n in 0..10 {
        call(&caller, &format!("Hi {n}"))
            .await
            .expect("an outcome")
            .outcome
            .expect("a reply");
    }
    assert_eq!(bad.calls(), 1);
    assert!(caller.endpoints()[0].unusable);
}

#[tokio::test]
async fn a_black_hole_costs_one_timeout_and_then_little() {
    let hole = Server::start(|_| Answer {
        stall: true,
        ..Answer::text("")
    })
    .await;
    let good = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&hole, &good]);
    setup.retry.attempt_timeout = Duration::from_millis(500);
    setup.retry.breaker_pause = Duration::from_mins(1);
    setup.retry.max_breaker_pause = Duration::from_mins(1);
    let caller = setup.caller(dir.path());
    let texts: Vec<String> = (0..60).map(|n| format!("Hi {n}")).collect();
    for called in join_all(texts.iter().map(|text| call(&caller, text))).await {
        called.expect("an outcome").outcome.expect("a reply");
    }
    let lost = hole.calls();
    for n in 0..60 {
        call(&caller, &format!("Ho {n}"))
            .await
            .expect("an outcome")
            .outcome
            .expect("a reply");
    }
    assert_eq!(hole.calls(), lost, "the black hole was still asked");
}

#[tokio::test]
async fn a_cooling_endpoint_does_not_slow_the_other() {
    let limited = Server::start(|_| Answer::error(429, "slow").header("retry-after", "100")).await;
    let good = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let caller = Setup::of(&[&limited, &good]).caller(dir.path());
    let began = Instant::now();
    for n in 0..20 {
        call(&caller, &format!("Hi {n}"))
            .await
            .expect("an outcome")
            .outcome
            .expect("a reply");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(limited.calls(), 1);
    let paused = caller.endpoints()[0].paused_ms.expect("it cools");
    assert!(paused > 80_000);
}

#[tokio::test]
async fn all_down_and_back_again_loses_nothing() {
    let up = Arc::new(AtomicBool::new(false));
    let start = || {
        let up = Arc::clone(&up);
        Server::start(move |_| {
            if up.load(Ordering::Relaxed) {
                Answer::text("well")
            } else {
                Answer::error(503, "down")
            }
        })
    };
    let (one, two) = (start().await, start().await);
    let dir = dir();
    let setup = Setup::of(&[&one, &two]);
    let caller = setup.caller(dir.path());
    let texts: Vec<String> = (0..30).map(|n| format!("Hi {n}")).collect();
    let recover = async {
        while one.calls() + two.calls() < 60 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        up.store(true, Ordering::Relaxed);
    };
    let (calls, ()) = tokio::join!(
        join_all(texts.iter().map(|text| call(&caller, text))),
        recover
    );
    for called in calls {
        // A failure of the transport never becomes one of the call.
        assert_eq!(
            called
                .expect("an outcome")
                .outcome
                .expect("a reply")
                .content,
            "well"
        );
    }
}

#[tokio::test]
async fn all_down_for_good_names_every_endpoint() {
    let one = Server::start(|_| Answer::error(503, "down")).await;
    let two = Server::start(|_| Answer::error(401, "bad key")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&one, &two]);
    setup.retry.give_up_after = SOON;
    let caller = setup.caller(dir.path());
    let Err(CallError::Unusable(error)) = call(&caller, "Hi").await else {
        panic!("it has to stop");
    };
    let text = error.to_string();
    assert!(text.contains("e0: server error (503): down"), "{text}");
    assert!(text.contains("e1: key refused (401): bad key"), "{text}");
}

#[tokio::test]
async fn the_calls_of_a_conversation_stay_together() {
    let one = Server::start(|_| Answer::text("well")).await;
    let two = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let caller = Setup::of(&[&one, &two]).caller(dir.path());
    for turn in 0..10 {
        for conversation in ["c-1", "c-2", "c-3"] {
            let item = format!("{conversation}/t-{turn}");
            let request = ask(&format!("{conversation} says {turn}"));
            caller
                .call("user", &item, &request)
                .await
                .expect("an outcome");
        }
    }
    for conversation in ["c-1", "c-2", "c-3"] {
        let at = |server: &Server| {
            server
                .seen()
                .iter()
                .filter(|seen| seen.last().starts_with(conversation))
                .count()
        };
        let counts = [at(&one), at(&two)];
        assert!(counts.contains(&10), "{conversation} was served {counts:?}");
    }
}

#[tokio::test]
async fn each_endpoint_gets_its_own_name_of_the_model() {
    let one = Server::start(|_| Answer::error(503, "down")).await;
    let two = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&one, &two]);
    setup.endpoints[1] = EndpointConfig {
        model: Some("org/m".to_owned()),
        ..setup.endpoints[1].clone()
    };
    let caller = setup.caller(dir.path());
    for n in 0..4 {
        call(&caller, &format!("Hi {n}")).await.expect("an outcome");
    }
    let names = |server: &Server| -> Vec<String> {
        let seen = server.seen();
        seen.iter()
            .map(|seen| seen.body.str_or("model", "").to_owned())
            .collect()
    };
    assert!(names(&one).iter().all(|name| name == "m"));
    assert!(names(&two).iter().all(|name| name == "org/m"));
}
