use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Ask, Hopeless, Permit, Pool};
use crate::config::{EndpointConfig, HttpConfig, Retry};
use crate::endpoint::Endpoint;
use crate::http::Clients;
use crate::wire::{ErrorKind, Fault};

fn retry() -> Retry {
    Retry {
        breaker_failures: 3,
        breaker_pause: Duration::from_millis(5),
        max_breaker_pause: Duration::from_millis(20),
        rate_limit_pause: Duration::from_millis(5),
        give_up_after: Duration::from_mins(1),
        ..Retry::default()
    }
}

fn pool(configs: &[EndpointConfig], retry: Retry) -> Pool {
    let http = HttpConfig::default();
    let mut clients = Clients::new(&http, 4);
    let endpoints = configs
        .iter()
        .map(|config| {
            Endpoint::new("main", "m", config, "test", |url| clients.get(url)).expect("valid")
        })
        .collect();
    Pool::new("main".to_owned(), retry, endpoints, configs)
}

fn endpoint(name: &str, max: usize) -> EndpointConfig {
    EndpointConfig {
        max_in_flight: max,
        adaptive: false,
        ..EndpointConfig::new(name, "http://127.0.0.1:9")
    }
}

fn ask(conversation: u64) -> Ask {
    Ask {
        conversation,
        tokens: 100.0,
        tried: 0,
    }
}

fn take<'p>(pool: &'p Pool, ask: &Ask) -> Permit<'p> {
    pool.try_acquire(ask).expect("a place").expect("hope")
}

fn fault(kind: ErrorKind) -> Fault {
    Fault::transport(kind, "made up".to_owned())
}

#[test]
fn the_least_loaded_by_weight_comes_first() {
    let heavy = EndpointConfig {
        weight: 3.0,
        ..endpoint("b", 100)
    };
    let pool = pool(&[endpoint("a", 100), heavy], retry());
    let permits: Vec<Permit<'_>> = (0..40).map(|n| take(&pool, &ask(n))).collect();
    let on_a = permits.iter().filter(|permit| permit.index == 0).count();
    assert_eq!(on_a, 10);
}

#[test]
fn a_conversation_stays_where_it_was_unless_that_is_full_or_failing() {
    let pool = pool(&[endpoint("a", 2), endpoint("b", 100)], retry());
    // Far apart, so that the table keeps them apart.
    let talk = 1 | 7 << 50;
    take(&pool, &ask(talk)).succeed(None);
    let stays = take(&pool, &ask(talk));
    let again = take(&pool, &ask(talk));
    assert_eq!((stays.index, again.index), (0, 0));
    let full = take(&pool, &ask(talk));
    assert_eq!(full.index, 1);
    drop((stays, again));
    assert_eq!(take(&pool, &ask(talk)).index, 0);
    for _ in 0..2 {
        take(&pool, &ask(talk)).fail(&fault(ErrorKind::Server));
        take(
            &pool,
            &Ask {
                tried: 2,
                ..ask(talk)
            },
        )
        .fail(&fault(ErrorKind::Server));
    }
    assert_eq!(take(&pool, &ask(talk)).index, 1);
}

#[test]
fn a_fast_failing_endpoint_attracts_nothing() {
    let pool = pool(&[endpoint("bad", 100), endpoint("good", 100)], retry());
    let mut on_bad = 0;
    // The good one is slow: its calls stay in flight while the bad one is always free.
    let mut slow = Vec::new();
    for n in 0..60 {
        let permit = take(&pool, &ask(n));
        if permit.index == 0 {
            on_bad += 1;
            permit.fail(&fault(ErrorKind::Server));
        } else {
            slow.push(permit);
        }
    }
    assert!(on_bad <= 5, "{on_bad} calls went to the failing endpoint");
}

#[test]
fn what_a_call_tried_comes_last() {
    let pool = pool(&[endpoint("a", 9), endpoint("b", 9)], retry());
    let tried_a = Ask { tried: 1, ..ask(1) };
    assert_eq!(take(&pool, &tried_a).index, 1);
    assert!(pool.has_other(&tried_a));
    let tried_both = Ask { tried: 3, ..ask(1) };
    assert_eq!(take(&pool, &tried_both).index, 0);
    assert!(!pool.has_other(&tried_both));
}

#[tokio::test]
async fn those_who_wait_are_woken_one_after_the_other() {
    let pool = pool(&[endpoint("a", 1)], retry());
    let asks: Vec<Ask> = (0..20).map(ask).collect();
    let first = take(&pool, &asks[0]);
    let waiters = asks.iter().map(|ask| async {
        let permit = pool.acquire(ask).await.expect("hope");
        tokio::task::yield_now().await;
        permit.succeed(None);
    });
    let release = async {
        tokio::task::yield_now().await;
        drop(first);
    };
    tokio::join!(futures_util::future::join_all(waiters), release);
    assert_eq!(pool.load(), (0, 1));
}

#[tokio::test]
async fn a_dropped_waiter_passes_its_turn_on() {
    let pool = pool(&[endpoint("a", 1)], retry());
    let (one, two) = (ask(1), ask(2));
    let held = take(&pool, &one);
    let mut dropped = Box::pin(pool.acquire(&one));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(dropped.as_mut().poll(&mut context), Poll::Pending));
    let waits = pool.acquire(&two);
    let release = async {
        tokio::task::yield_now().await;
        held.succeed(None);
        drop(dropped);
    };
    let (permit, ()) = tokio::join!(waits, release);
    assert_eq!(permit.expect("hope").index, 0);
}

#[tokio::test]
async fn a_429_cools_the_endpoint_for_everybody() {
    let pool = pool(&[endpoint("a", 8)], retry());
    let limited = Fault {
        retry_after: Some(Duration::from_millis(300)),
        ..fault(ErrorKind::RateLimited)
    };
    let before = tokio::time::Instant::now();
    take(&pool, &ask(1)).fail(&limited);
    assert!(pool.try_acquire(&ask(2)).is_none());
    pool.acquire(&ask(2)).await.expect("hope").succeed(None);
    assert!(before.elapsed() >= Duration::from_millis(300));
}

#[test]
fn buckets_hold_calls_back_and_take_refunds() {
    let limited = EndpointConfig {
        tokens_per_minute: Some(6_000),
        ..endpoint("a", 100)
    };
    let pool = pool(&[limited], retry());
    let big = |tokens| Ask { tokens, ..ask(1) };
    let permit = take(&pool, &big(900.0));
    assert!(pool.try_acquire(&big(500.0)).is_none());
    // It used far less than was feared.
    permit.succeed(Some(100));
    take(&pool, &big(500.0)).succeed(Some(500));
    assert!(pool.try_acquire(&big(800.0)).is_none());
}

#[test]
fn refused_by_all_is_certain_at_once() {
    let pool = pool(&[endpoint("a", 9), endpoint("b", 9)], retry());
    take(&pool, &ask(1)).fail(&fault(ErrorKind::Auth));
    let other = take(&pool, &ask(1));
    assert_eq!(other.index, 1);
    other.fail(&fault(ErrorKind::NoModel));
    assert!(matches!(
        pool.try_acquire(&ask(1)),
        Some(Err(Hopeless::Certain))
    ));
    assert_eq!(
        pool.error().to_string(),
        "model 'main' is unusable: every endpoint refuses calls; a: key refused: made up; b: model not found: made up"
    );
}

#[tokio::test]
async fn hope_ends_when_all_failed_for_long_enough_and_nothing_is_in_flight() {
    let config = Retry {
        breaker_failures: 1_000,
        give_up_after: Duration::from_millis(40),
        ..retry()
    };
    let pool = pool(&[endpoint("a", 9)], config);
    let slow = take(&pool, &ask(1));
    take(&pool, &ask(2)).fail(&fault(ErrorKind::Connect));
    tokio::time::sleep(config.give_up_after).await;
    take(&pool, &ask(2)).fail(&fault(ErrorKind::Connect));
    // A slow call may still succeed.
    assert_eq!(pool.hopeless(), None);
    slow.fail(&fault(ErrorKind::Timeout));
    assert_eq!(pool.hopeless(), Some(Hopeless::Likely));
    pool.give_up();
    assert_eq!(pool.hopeless(), Some(Hopeless::Certain));
    pool.note_probe(0, tokio::time::Instant::now(), Ok(()));
    assert_eq!(pool.hopeless(), None);
}

#[tokio::test]
async fn an_endpoint_that_names_a_time_is_asked_then() {
    let config = Retry {
        give_up_after: Duration::from_millis(1),
        ..retry()
    };
    let pool = pool(&[endpoint("a", 9)], config);
    let limited = Fault {
        retry_after: Some(Duration::from_millis(300)),
        ..fault(ErrorKind::RateLimited)
    };
    take(&pool, &ask(1)).fail(&limited);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(pool.hopeless(), None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pool.hopeless(), Some(Hopeless::Likely));
}
