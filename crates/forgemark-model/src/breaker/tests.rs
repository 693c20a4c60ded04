use std::time::Duration;

use tokio::time::Instant;

use super::{Breaker, BreakerConfig, Gate};

const CONFIG: BreakerConfig = BreakerConfig {
    failures: 3,
    pause: Duration::from_secs(1),
    max_pause: Duration::from_secs(4),
    unusable_pause: Duration::from_mins(10),
};

fn open(breaker: &mut Breaker, at: Instant) {
    for _ in 0..CONFIG.failures {
        breaker.on_failure(at, at);
    }
}

#[test]
fn opens_after_failures_in_a_row_only() {
    let now = Instant::now();
    let mut breaker = Breaker::new(CONFIG);
    for _ in 0..10 {
        breaker.on_failure(now, now);
        breaker.on_failure(now, now);
        breaker.on_success();
    }
    assert_eq!(breaker.gate(now), Gate::Pass);
    open(&mut breaker, now);
    assert_eq!(breaker.gate(now), Gate::At(now + CONFIG.pause));
}

#[test]
fn lets_one_call_test_and_doubles_the_pause_when_it_fails() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new(CONFIG);
    open(&mut breaker, now);
    for pause in [1, 2, 4, 4, 4] {
        let until = now + Duration::from_secs(pause);
        assert_eq!(breaker.gate(now), Gate::At(until));
        now = until;
        assert_eq!(breaker.gate(now), Gate::Test);
        breaker.begin_test();
        assert_eq!(breaker.gate(now), Gate::Testing);
        breaker.on_failure(now, now);
    }
    now += Duration::from_secs(4);
    breaker.begin_test();
    breaker.on_success();
    assert_eq!(breaker.gate(now), Gate::Pass);
    // The pauses begin anew.
    open(&mut breaker, now);
    assert_eq!(breaker.gate(now), Gate::At(now + CONFIG.pause));
}

#[test]
fn stragglers_from_before_it_opened_change_nothing() {
    let now = Instant::now();
    let mut breaker = Breaker::new(CONFIG);
    open(&mut breaker, now + Duration::from_millis(10));
    let until = now + Duration::from_millis(1_010);
    for _ in 0..100 {
        breaker.on_failure(now, now + Duration::from_millis(500));
    }
    assert_eq!(
        breaker.gate(now + Duration::from_millis(500)),
        Gate::At(until)
    );
    assert_eq!(breaker.gate(until), Gate::Test);
    breaker.begin_test();
    breaker.on_failure(now, until);
    assert_eq!(breaker.gate(until), Gate::Testing);
}

#[test]
fn a_dropped_test_is_made_again() {
    let now = Instant::now();
    let mut breaker = Breaker::new(CONFIG);
    open(&mut breaker, now);
    let later = now + CONFIG.pause;
    breaker.begin_test();
    assert_eq!(breaker.gate(later), Gate::Testing);
    breaker.test_dropped();
    assert_eq!(breaker.gate(later), Gate::Test);
}

#[test]
fn an_unusable_endpoint_is_asked_rarely_and_can_come_back() {
    let now = Instant::now();
    let mut breaker = Breaker::new(CONFIG);
    breaker.on_unusable(now);
    assert!(breaker.is_unusable());
    let later = now + CONFIG.unusable_pause;
    assert_eq!(breaker.gate(now + Duration::from_mins(1)), Gate::At(later));
    breaker.begin_test();
    breaker.on_failure(later, later);
    assert_eq!(breaker.gate(later), Gate::At(later + CONFIG.unusable_pause));
    breaker.on_success();
    assert!(!breaker.is_unusable());
    assert_eq!(breaker.gate(later), Gate::Pass);
}
