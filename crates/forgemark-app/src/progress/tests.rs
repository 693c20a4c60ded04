use super::*;
use crate::printer::tests::captured;
use std::sync::atomic::{AtomicU64, Ordering};

fn snapshot(done: u64, seconds: u64) -> ProgressSnapshot {
    ProgressSnapshot {
        label: "dialogues".into(),
        done,
        total: Some(1_024),
        in_flight: 63,
        limit: 64,
        elapsed: Duration::from_secs(seconds),
        ..ProgressSnapshot::default()
    }
}

#[test]
fn where_progress_is_shown() {
    use ProgressMode::{Auto, Bar, Counter, None};
    for (mode, verbosity, terminal, expected) in [
        (Auto, Verbosity::Normal, true, Shape::Bar),
        (Auto, Verbosity::Normal, false, Shape::Counter),
        (Bar, Verbosity::Verbose, false, Shape::Counter),
        (Counter, Verbosity::Normal, true, Shape::Counter),
        (None, Verbosity::Normal, true, Shape::Nothing),
        (Bar, Verbosity::Quiet, true, Shape::Nothing),
    ] {
        assert_eq!(
            shape(mode, verbosity, terminal),
            expected,
            "{mode:?} {verbosity:?} {terminal}"
        );
    }
}

#[test]
fn words() {
    let busy = ProgressSnapshot {
        n_429: 3,
        retries: 1,
        tokens_in: 1_234_567,
        tokens_out: 345_678,
        cost_micro_usd: 1_230_000,
        unknown_price_calls: 12,
        discarded: 2,
        turns: 850,
        dropped: 5,
        ..snapshot(120, 130)
    };
    insta::assert_snapshot!(line::head(&busy, Some(Duration::from_mins(17))), @"dialogues 120/1,024 (11 %), about 17 min left");
    insta::assert_snapshot!(line::details(&busy), @"63/64 in flight | 850 turns | 5 dropped | tokens 1.2M in 345k out | $1.23 | 12 calls of unknown price | 3 rate limited | 1 retry | 2 discarded");
    insta::assert_snapshot!(line::details(&snapshot(0, 0)), @"63/64 in flight");
    assert_eq!(
        line::counts(&ProgressSnapshot {
            total: None,
            ..snapshot(7, 0)
        }),
        "dialogues 7"
    );
}

#[test]
fn time_left_follows_the_recent_rate() {
    let mut eta = Eta::default();
    // Resumed with 500 done: they are no speed of this run.
    for second in 0..=20 {
        eta.observe(&snapshot(500 + second * 2, second));
    }
    assert_eq!(eta.left(&snapshot(540, 20)), Some(Duration::from_secs(242)));
    // A slower phase takes over once it fills the window.
    for second in 21..=200 {
        eta.observe(&snapshot(540 + (second - 20), second));
    }
    assert_eq!(
        eta.left(&snapshot(720, 200)),
        Some(Duration::from_secs(304))
    );
    // A stall lengthens the guess.
    for second in 201..=230 {
        eta.observe(&snapshot(720, second));
    }
    let stalled = eta.left(&snapshot(720, 230)).unwrap();
    assert!(stalled > Duration::from_secs(590), "{stalled:?}");
}

#[test]
fn no_guess_without_grounds() {
    let mut eta = Eta::default();
    eta.observe(&snapshot(0, 0));
    assert_eq!(eta.left(&snapshot(0, 0)), None);
    assert_eq!(eta.left(&snapshot(10, 2)), None, "too early");
    assert_eq!(eta.left(&snapshot(1, 60)), None, "too little");
    assert_eq!(eta.left(&snapshot(1_024, 60)), None, "done");
    assert_eq!(
        eta.left(&ProgressSnapshot {
            total: None,
            ..snapshot(90, 60)
        }),
        None
    );
    let known = ProgressSnapshot {
        eta: Some(Duration::from_secs(9)),
        ..snapshot(0, 0)
    };
    assert_eq!(eta.left(&known), Some(Duration::from_secs(9)));
}

#[test]
fn counter_lines_come_when_something_changed() {
    let mut counter = Counter::default();
    let mut at = |seconds: u64, done: u64| {
        counter
            .line(Duration::from_secs(seconds), &snapshot(done, seconds))
            .is_some()
    };
    assert!(!at(1, 1), "too soon");
    assert!(at(5, 3));
    assert!(!at(9, 8), "too soon after the last");
    assert!(at(10, 8));
    assert!(!at(20, 8), "nothing changed");
    assert!(at(70, 8), "a sign of life");
    assert!(counter.last_line(&snapshot(8, 80)).is_none());
    assert!(counter.last_line(&snapshot(9, 80)).is_some());
}

#[test]
fn the_display_ends_when_it_is_told_to() {
    struct Counting(AtomicU64);
    impl ProgressSource for Counting {
        fn snapshot(&self) -> ProgressSnapshot {
            snapshot(self.0.fetch_add(1, Ordering::Relaxed), 0)
        }
    }
    let (printer, out, _) = captured(Verbosity::Normal);
    let source = Arc::new(Counting(AtomicU64::new(0)));
    Display::start(
        &printer,
        ProgressMode::Auto,
        Arc::clone(&source) as Arc<dyn ProgressSource>,
    )
    .finish();
    assert_eq!(source.0.load(Ordering::Relaxed), 1, "the last reading only");
    assert_eq!(out.text(), "");
    assert_eq!(Arc::strong_count(&source), 1, "the thread is gone");
}
