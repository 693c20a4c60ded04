//! Time is paused in every test here: latencies are real to the scheduler and cost nothing.

mod world;

use std::sync::atomic::Ordering;

use super::*;
use world::{Ran, Settings, Trouble, reference, run};

async fn complete(settings: &Settings) -> Ran {
    let ran = run(settings, Trouble::None, |_, _| {}).await;
    let report = ran.report.as_ref().unwrap();
    assert_eq!(report.ended, Ended::Complete, "{settings:?}");
    assert!(report.open.is_empty());
    assert_eq!(ran.line.committed, reference(settings), "{settings:?}");
    // What was made final is what was committed, in the same order.
    let log = ran.speculation.knowledge().log.lock().unwrap().clone();
    let claims: Vec<_> = ran
        .line
        .committed
        .iter()
        .map(|(key, made)| (*key, made.claims.clone()))
        .collect();
    assert_eq!(log, claims);
    ran
}

async fn sweep(conflicts: f64, concurrency: usize) -> (u64, u64) {
    let (mut rewinds, mut refused) = (0, 0);
    for seed in 0..200 {
        let mut settings = Settings::new(seed, &[24]);
        settings.conflicts = conflicts;
        settings.concurrency = concurrency;
        settings.weather = seed * 31 + concurrency as u64;
        let ran = complete(&settings).await;
        rewinds += ran.progress.rewinds;
        refused += ran
            .line
            .committed
            .iter()
            .map(|(_, made)| made.conflicts)
            .sum::<u64>();
    }
    (rewinds, refused)
}

#[tokio::test(start_paused = true)]
async fn without_conflicts_the_result_is_the_sequential_one() {
    for concurrency in [1, 3, 16] {
        let (rewinds, refused) = sweep(0.0, concurrency).await;
        assert_eq!((rewinds, refused), (0, 0), "concurrency {concurrency}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_few_conflicts_the_result_is_the_sequential_one() {
    let mut seen = Vec::new();
    for concurrency in [1, 3, 16] {
        seen.push(sweep(0.01, concurrency).await);
    }
    assert_eq!(seen[0].0, 0, "one slot never speculates");
    assert!(
        seen[2].0 > 0 && seen[0].1 > 0,
        "the sweep met conflicts: {seen:?}"
    );
    assert!(seen.iter().all(|(_, refused)| *refused == seen[0].1));
}

#[tokio::test(start_paused = true)]
async fn with_many_conflicts_the_result_is_the_sequential_one() {
    let mut seen = Vec::new();
    for concurrency in [1, 3, 16] {
        seen.push(sweep(0.30, concurrency).await);
    }
    assert_eq!(seen[0].0, 0, "one slot never speculates");
    assert!(seen[2].0 > 500, "the sweep rewound a lot: {seen:?}");
    assert!(seen.iter().all(|(_, refused)| *refused == seen[0].1));
}

#[tokio::test(start_paused = true)]
async fn dropped_items_are_replaced_in_each_group_before_a_later_one_is_committed() {
    let mut replaced = 0;
    for seed in 0..100 {
        for concurrency in [1, 7, 40] {
            let mut settings = Settings::new(seed, &[9, 0, 14, 3]);
            settings.conflicts = 0.15;
            settings.drops = 0.2;
            settings.attempts = 2;
            settings.concurrency = concurrency;
            settings.lookahead = 16;
            settings.weather = seed ^ concurrency as u64;
            let ran = complete(&settings).await;
            replaced += ran
                .line
                .committed
                .iter()
                .filter(|(_, made)| made.dropped)
                .count();
            assert!(ran.line.most_uncommitted <= 16);
            let good = |group| {
                let of = ran
                    .line
                    .committed
                    .iter()
                    .filter(|(key, _)| key.group == group);
                of.filter(|(_, made)| !made.dropped).count()
            };
            assert_eq!([good(0), good(1), good(2), good(3)], [9, 0, 14, 3]);
        }
    }
    assert!(replaced > 500, "the test replaced items: {replaced}");
}

#[tokio::test(start_paused = true)]
async fn later_groups_run_ahead_of_earlier_ones() {
    let mut settings = Settings::new(3, &[2, 20]);
    settings.concurrency = 8;
    let first = ItemKey {
        group: 0,
        ordinal: 0,
    };
    let ran = run(&settings, Trouble::Slow(first, 5_000), |_, _| {}).await;
    assert_eq!(ran.line.committed, reference(&settings));
    let before = ran
        .line
        .admitted
        .iter()
        .filter(|(key, at)| key.group == 1 && *at == 0)
        .count();
    // Half of the window of 32, less the two items of the first group and rounding.
    assert!(
        before >= 12,
        "{before} items of the second group began before any commit"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_window_is_uncommitted_and_no_more_than_the_slots_run() {
    let mut settings = Settings::new(5, &[200]);
    settings.concurrency = 6;
    settings.lookahead = 20;
    let slow = ItemKey {
        group: 0,
        ordinal: 10,
    };
    let ran = run(&settings, Trouble::Slow(slow, 60_000), |_, _| {}).await;
    assert_eq!(ran.line.committed, reference(&settings));
    assert_eq!(
        ran.line.most_uncommitted, 20,
        "the window was used and not exceeded"
    );
    assert_eq!(ran.work.most_running.load(Ordering::Relaxed), 6);
    for (key, committed) in &ran.line.admitted {
        assert!(
            key.ordinal < (*committed + 20) as u64,
            "{key} began at commit {committed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_drains_and_commits_everything_that_had_begun() {
    for seed in 0..50 {
        let mut settings = Settings::new(seed, &[500]);
        settings.conflicts = 0.1;
        settings.concurrency = 12;
        let pulled = tokio::time::Instant::now() + std::time::Duration::from_millis(400 + seed);
        let ran = run(&settings, Trouble::None, |_, cancel| {
            let cancel = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(pulled).await;
                cancel.cancel();
            });
        })
        .await;
        let report = ran.report.unwrap();
        assert_eq!(report.ended, Ended::Drained);
        assert!(report.open.is_empty(), "what was running has ended");
        let n = ran.line.committed.len();
        assert!((12..500).contains(&n), "{n} committed");
        assert_eq!(n, ran.line.admitted.len(), "nothing that had begun is lost");
        assert!(
            ran.line.last_admission.unwrap() <= pulled,
            "nothing begins after it"
        );
        assert_eq!(ran.line.committed, reference(&settings)[..n]);
        assert_eq!(ran.progress.running, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_pulled_before_the_start_starts_nothing() {
    let settings = Settings::new(1, &[5]);
    let ran = run(&settings, Trouble::None, |_, cancel| cancel.cancel()).await;
    assert_eq!(ran.report.unwrap().ended, Ended::Drained);
    assert!(ran.line.admitted.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_asks_to_drain_gets_what_is_running_and_nothing_new() {
    let mut settings = Settings::new(2, &[300]);
    settings.concurrency = 5;
    let ran = run(&settings, Trouble::None, |line, _| {
        line.drain_after = Some(40);
    })
    .await;
    assert_eq!(ran.report.unwrap().ended, Ended::Drained);
    let late = ran.line.admitted.iter().filter(|(_, at)| *at >= 40).count();
    assert_eq!(late, 0, "admitted after the drain");
    assert_eq!(ran.line.committed.len(), ran.line.admitted.len());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_item_stops_admission_and_stays_open_with_those_behind_it() {
    for seed in 0..50 {
        let mut settings = Settings::new(seed, &[300]);
        settings.conflicts = 0.05;
        settings.concurrency = 9;
        let stopped = ItemKey {
            group: 0,
            ordinal: 50,
        };
        let ran = run(&settings, Trouble::Suspend(stopped), |_, _| {}).await;
        let report = ran.report.unwrap();
        assert_eq!(report.ended, Ended::Suspended);
        assert_eq!(ran.line.committed, reference(&settings)[..50]);
        let open: Vec<_> = report
            .open
            .iter()
            .map(|(key, open)| match open {
                Open::Suspended(why) => (key.ordinal, Some(*why)),
                Open::Finished(_) => (key.ordinal, None),
            })
            .collect();
        assert_eq!(open[0], (50, Some("no endpoint")));
        assert_eq!(open.iter().filter(|(_, why)| why.is_some()).count(), 1);
        let begun = ran.line.admitted.len();
        assert_eq!(begun, 50 + open.len(), "every item is committed or open");
        assert!(begun < 50 + 33, "{begun} items began");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_commit_ends_the_run_with_its_error() {
    let settings = Settings::new(4, &[100]);
    let ran = run(&settings, Trouble::None, |line, _| line.fail_at = Some(17)).await;
    assert_eq!(ran.report.unwrap_err(), "disk full");
    assert_eq!(ran.line.committed, reference(&settings)[..17]);
}

#[tokio::test(start_paused = true)]
async fn calls_thrown_away_are_counted_and_the_others_are_paid_once() {
    let mut total = 0;
    for seed in 0..50 {
        let mut settings = Settings::new(seed, &[60]);
        settings.conflicts = 0.2;
        settings.concurrency = 16;
        let ran = complete(&settings).await;
        let useful: u64 = ran
            .line
            .committed
            .iter()
            .map(|(_, made)| made.claims.len() as u64 + made.conflicts)
            .sum();
        let (paid, discarded) = (
            ran.work.paid.load(Ordering::Relaxed),
            ran.progress.discarded_calls,
        );
        // A reply that was thrown away may come back into use when its decision turns again, and a
        // call that was cut off in flight counts as thrown away without having been answered.
        assert!(
            paid >= useful && paid - useful <= discarded,
            "{useful} {paid} {discarded}"
        );
        total += discarded;
    }
    assert!(total > 50, "the test threw calls away: {total}");
    let mut quiet = Settings::new(7, &[60]);
    quiet.concurrency = 16;
    let ran = complete(&quiet).await;
    assert_eq!(ran.progress.discarded_calls, 0);
    assert_eq!(
        ran.work.paid.load(Ordering::Relaxed),
        ran.line
            .committed
            .iter()
            .map(|(_, made)| made.claims.len() as u64)
            .sum::<u64>()
    );
}

#[tokio::test(start_paused = true)]
async fn slots_stay_busy_with_one_conflict_in_a_hundred() {
    let mut settings = Settings::new(11, &[3_000]);
    settings.conflicts = 0.015;
    settings.pool = 2;
    settings.steps = (2, 12);
    settings.latency_ms = (50.0, 500.0);
    settings.concurrency = 32;
    settings.lookahead = 1_024;
    let ran = run(&settings, Trouble::None, |_, _| {}).await;
    assert_eq!(ran.line.committed, reference(&settings));
    let busy = ran.work.busy_us.load(Ordering::Relaxed) as f64 / 1e6;
    let used = busy / (ran.elapsed.as_secs_f64() * 32.0);
    let paid = ran.work.paid.load(Ordering::Relaxed) as f64;
    let thrown = ran.progress.discarded_calls as f64 / paid;
    let refused = ran
        .line
        .committed
        .iter()
        .map(|(_, made)| made.conflicts)
        .sum::<u64>() as f64;
    let share = refused / paid;
    println!(
        "slots used {used:.4}, conflicts {share:.4}, {} rewinds, thrown away {thrown:.4} of {paid}",
        ran.progress.rewinds
    );
    assert!(share >= 0.01, "{share}");
    assert!(
        ran.progress.rewinds > 20,
        "the run rewound {} times",
        ran.progress.rewinds
    );
    assert!(used >= 0.95, "{used}");
    assert!(thrown <= 0.02, "{thrown}");
}
