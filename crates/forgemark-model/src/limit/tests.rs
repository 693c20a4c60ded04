use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Aimd, Bucket, SUCCESSES_PER_STEP};

fn after(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

#[test]
fn starts_low_and_doubles_each_round_trip_until_the_first_429() {
    let mut aimd = Aimd::new(4, 100, true);
    for _ in 0..4 {
        aimd.on_success(true);
    }
    assert_eq!(aimd.limit(), 8);
    for _ in 0..8 {
        aimd.on_success(true);
    }
    assert_eq!(aimd.limit(), 16);
}

#[test]
fn successes_below_the_limit_do_not_raise_it() {
    let mut aimd = Aimd::new(4, 100, true);
    for _ in 0..1_000 {
        aimd.on_success(false);
    }
    assert_eq!(aimd.limit(), 4);
}

#[test]
fn cuts_once_an_episode_and_then_grows_slowly() {
    let now = Instant::now();
    let mut aimd = Aimd::new(40, 100, true);
    assert!(aimd.on_rate_limited(now, after(now, 10)));
    assert_eq!(aimd.limit(), 30);
    // Sent before the cut: the same episode.
    for ms in 0..10 {
        assert!(!aimd.on_rate_limited(after(now, ms), after(now, 11)));
    }
    assert_eq!(aimd.limit(), 30);
    for _ in 0..SUCCESSES_PER_STEP {
        aimd.on_success(true);
    }
    assert_eq!(aimd.limit(), 31);
    // Sent after the cut: a new one.
    assert!(aimd.on_rate_limited(after(now, 12), after(now, 13)));
    assert_eq!(aimd.limit(), 23);
}

#[test]
fn an_outage_of_429s_does_not_leave_it_crawling() {
    let now = Instant::now();
    let mut aimd = Aimd::new(64, 64, true);
    for episode in 0..30 {
        let sent = after(now, episode * 10);
        assert!(aimd.on_rate_limited(sent, after(sent, 5)));
    }
    assert_eq!(aimd.limit(), 1);
    // Back to what the first cut left, at the speed of slow start.
    let mut successes = 0;
    while aimd.limit() < 48 {
        aimd.on_success(true);
        successes += 1;
    }
    assert!(successes <= 48, "{successes} successes");
}

#[test]
fn a_fixed_limit_stays_whatever_happens() {
    let now = Instant::now();
    let mut aimd = Aimd::new(1, 7, false);
    assert_eq!(aimd.limit(), 7);
    aimd.on_rate_limited(now, after(now, 1));
    aimd.on_success(true);
    assert_eq!(aimd.limit(), 7);
}

proptest! {
    #[test]
    fn never_leaves_its_bounds_and_always_recovers(
        start in 0_usize..80,
        max in 0_usize..80,
        events in proptest::collection::vec((any::<bool>(), any::<bool>(), 0_u64..50), 0..400),
    ) {
        let mut now = Instant::now();
        let mut aimd = Aimd::new(start, max, true);
        let bound = max.max(1);
        for (success, saturated, ms) in events {
            let sent = now;
            now = after(now, ms);
            if success {
                aimd.on_success(saturated);
            } else {
                aimd.on_rate_limited(sent, now);
            }
            prop_assert!((1..=bound).contains(&aimd.limit()));
        }
        for _ in 0..bound * SUCCESSES_PER_STEP as usize {
            aimd.on_success(true);
        }
        prop_assert_eq!(aimd.limit(), bound);
    }

    #[test]
    fn a_bucket_never_gives_more_than_its_rate_and_burst(
        per_minute in 1_u64..6_000,
        waits in proptest::collection::vec(0_u64..3_000, 1..200),
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut bucket = Bucket::new(per_minute, start);
        let mut taken = 0_u64;
        for ms in waits {
            now = after(now, ms);
            if bucket.ready_at(1.0, now).is_none() {
                bucket.take(1.0);
                taken += 1;
            }
        }
        let per_second = per_minute as f64 / 60.0;
        let allowed = (per_second * 10.0).max(1.0) + per_second * (now - start).as_secs_f64();
        prop_assert!(taken as f64 <= allowed + 1e-6, "{taken} of {allowed}");
    }

    #[test]
    fn what_a_bucket_promises_it_keeps(
        per_minute in 1_u64..60_000,
        amount in 0.1_f64..100_000.0,
        spent in 0.0_f64..100_000.0,
    ) {
        let now = Instant::now();
        let mut bucket = Bucket::new(per_minute, now);
        bucket.take(spent);
        if let Some(at) = bucket.ready_at(amount, now) {
            prop_assert!(at > now);
            prop_assert_eq!(bucket.ready_at(amount, at), None);
        }
    }
}

#[test]
fn a_refund_corrects_the_estimate_but_never_overfills() {
    let now = Instant::now();
    let mut bucket = Bucket::new(600, now);
    bucket.take(90.0);
    assert!(bucket.ready_at(50.0, now).is_some());
    bucket.refund(60.0);
    assert!(bucket.ready_at(50.0, now).is_none());
    bucket.refund(1e9);
    assert!(bucket.level() <= 100.0);
    // Used more than estimated: the level goes below zero and others wait.
    bucket.refund(-150.0);
    let ready = bucket.ready_at(1.0, now).expect("has to wait");
    assert!(ready - now > Duration::from_secs(5));
}
