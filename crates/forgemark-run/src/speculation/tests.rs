use super::*;

/// Claims are numbers; two conflict when they are equal. The bucket is the tens digit, so that
/// claims share buckets without conflicting.
#[derive(Debug, Default)]
struct Final {
    claims: Mutex<Vec<(ItemKey, Vec<u64>)>>,
    broken: std::sync::atomic::AtomicBool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    value: u64,
    bucket: [u64; 1],
}

fn claim(value: u64) -> Claim {
    Claim {
        value,
        bucket: [value / 10],
    }
}

impl Knowledge for Final {
    type Claim = Claim;
    type Error = &'static str;

    fn buckets<'a>(&self, claim: &'a Claim) -> &'a [u64] {
        &claim.bucket
    }

    fn conflicts(&self, left: &Claim, right: &Claim) -> bool {
        left == right
    }

    fn conflicts_with_final(&self, claim: &Claim) -> Result<bool, &'static str> {
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            return Err("disk");
        }
        let claims = self.claims.lock().unwrap();
        Ok(claims
            .iter()
            .any(|(_, values)| values.contains(&claim.value)))
    }

    fn finalize(&self, key: ItemKey, claims: &[Claim]) -> Result<(), &'static str> {
        let values = claims.iter().map(|claim| claim.value).collect();
        self.claims.lock().unwrap().push((key, values));
        Ok(())
    }
}

fn key(ordinal: u64) -> ItemKey {
    ItemKey { group: 0, ordinal }
}

/// Items 0 to 9, opened once.
struct Bench {
    speculation: Speculation<Final>,
    epochs: Vec<u64>,
}

impl Bench {
    fn new() -> Self {
        let speculation = Speculation::new(Final::default());
        let epochs = (0..10).map(|n| speculation.open(key(n))).collect();
        Self {
            speculation,
            epochs,
        }
    }

    /// Decision number `index` of item `n`, asked after `calls` calls.
    fn ask(&self, n: u64, index: usize, calls: u64, value: u64) -> Result<Verdict, Stale> {
        let epoch = self.epochs[n as usize];
        self.speculation
            .decide(key(n), epoch, index, calls, &claim(value))
            .unwrap()
    }

    fn rewinds(&self) -> Vec<(u64, usize, u64)> {
        let rewinds = self.speculation.take_rewinds();
        rewinds
            .iter()
            .map(|r| (r.key.ordinal, r.decision, r.calls_before))
            .collect()
    }

    fn reopen(&mut self, n: u64) {
        self.epochs[n as usize] = self.speculation.open(key(n));
    }
}

#[test]
fn the_lower_key_wins_whoever_asks_first() {
    let bench = Bench::new();
    assert_eq!(bench.ask(1, 0, 1, 7), Ok(Verdict::Accepted));
    assert_eq!(
        bench.ask(2, 0, 1, 7),
        Ok(Verdict::Conflict),
        "behind item 1"
    );
    assert_eq!(bench.rewinds(), []);
    assert_eq!(bench.ask(0, 0, 1, 7), Ok(Verdict::Accepted), "below item 1");
    assert_eq!(
        bench.rewinds(),
        [(1, 0, 1)],
        "item 2 conflicts still, now with item 0"
    );
    assert_eq!(bench.ask(1, 1, 2, 8), Err(Stale));
}

#[test]
fn groups_come_before_ordinals() {
    let speculation = Speculation::new(Final::default());
    let (low, high) = (
        ItemKey {
            group: 0,
            ordinal: 9,
        },
        ItemKey {
            group: 1,
            ordinal: 0,
        },
    );
    let (low_epoch, high_epoch) = (speculation.open(low), speculation.open(high));
    let accepted = Ok(Ok(Verdict::Accepted));
    assert_eq!(
        speculation.decide(high, high_epoch, 0, 1, &claim(7)),
        accepted
    );
    assert_eq!(
        speculation.decide(low, low_epoch, 0, 1, &claim(7)),
        accepted
    );
    assert_eq!(
        speculation
            .take_rewinds()
            .iter()
            .map(|r| r.key)
            .collect::<Vec<_>>(),
        [high]
    );
}

#[test]
fn a_rewind_names_the_first_void_decision_and_the_calls_before_it() {
    let bench = Bench::new();
    for (index, value) in [11, 12, 13, 14].into_iter().enumerate() {
        let calls = 2 * index as u64 + 2;
        assert_eq!(bench.ask(5, index, calls, value), Ok(Verdict::Accepted));
    }
    bench.ask(3, 0, 1, 13).unwrap();
    bench.ask(2, 0, 1, 12).unwrap();
    bench.ask(1, 0, 1, 14).unwrap();
    assert_eq!(bench.rewinds(), [(5, 1, 4)], "the lowest of three");
    assert_eq!(bench.rewinds(), [], "taken once");
}

#[test]
fn what_stands_is_answered_from_the_record_after_a_rewind() {
    let mut bench = Bench::new();
    bench.ask(4, 0, 1, 20).unwrap();
    bench.ask(4, 1, 2, 21).unwrap();
    bench.ask(1, 0, 1, 21).unwrap();
    assert_eq!(bench.rewinds(), [(4, 1, 2)]);
    bench.reopen(4);
    assert_eq!(bench.ask(4, 0, 1, 20), Ok(Verdict::Accepted));
    assert_eq!(
        bench.ask(4, 1, 2, 21),
        Ok(Verdict::Conflict),
        "now behind item 1"
    );
    assert_eq!(bench.ask(4, 2, 3, 22), Ok(Verdict::Accepted));
    assert_eq!(bench.rewinds(), []);
}

#[test]
fn rewinds_cascade_through_claims_that_vanish() {
    let mut bench = Bench::new();
    // Item 3 claims 1 and 2, item 6 was refused 2 and took 3, item 8 was refused 3.
    bench.ask(3, 0, 1, 1).unwrap();
    bench.ask(3, 1, 2, 2).unwrap();
    assert_eq!(bench.ask(6, 0, 1, 2), Ok(Verdict::Conflict));
    assert_eq!(bench.ask(6, 1, 2, 3), Ok(Verdict::Accepted));
    assert_eq!(bench.ask(8, 0, 5, 3), Ok(Verdict::Conflict));
    // Item 0 takes 1: item 3 goes back to its start, 2 is free for item 6, and 3 for item 8.
    assert_eq!(bench.ask(0, 0, 1, 1), Ok(Verdict::Accepted));
    assert_eq!(bench.rewinds(), [(3, 0, 1), (6, 0, 1), (8, 0, 5)]);
    for n in [3, 6, 8] {
        bench.reopen(n);
    }
    assert_eq!(bench.ask(8, 0, 5, 3), Ok(Verdict::Accepted));
    assert_eq!(bench.ask(6, 0, 1, 2), Ok(Verdict::Accepted));
    assert_eq!(bench.ask(3, 0, 1, 1), Ok(Verdict::Conflict));
    assert_eq!(bench.rewinds(), []);
}

#[test]
fn an_own_earlier_claim_conflicts_and_an_own_refused_one_does_not() {
    let bench = Bench::new();
    bench.ask(1, 0, 1, 50).unwrap();
    assert_eq!(bench.ask(2, 0, 1, 50), Ok(Verdict::Conflict));
    assert_eq!(bench.ask(2, 1, 2, 51), Ok(Verdict::Accepted));
    assert_eq!(bench.ask(2, 2, 3, 51), Ok(Verdict::Conflict));
    assert_eq!(bench.ask(3, 0, 1, 51), Ok(Verdict::Conflict));
}

#[test]
fn a_shared_bucket_is_no_conflict() {
    let bench = Bench::new();
    for n in (0..10).rev() {
        assert_eq!(bench.ask(n, 0, 1, 70 + n), Ok(Verdict::Accepted));
    }
    assert_eq!(bench.rewinds(), []);
    assert_eq!(bench.speculation.rewinds_total(), 0);
}

#[test]
fn claims_become_final_once_in_the_order_of_commits() {
    let mut bench = Bench::new();
    bench.ask(1, 0, 1, 30).unwrap();
    bench.ask(0, 0, 1, 30).unwrap();
    bench.ask(0, 1, 2, 31).unwrap();
    assert_eq!(bench.speculation.commit(key(0)), Ok(true));
    assert_eq!(
        bench.speculation.commit(key(1)),
        Ok(false),
        "a rewind of item 1 is pending"
    );
    assert_eq!(bench.rewinds(), [(1, 0, 1)]);
    bench.reopen(1);
    assert_eq!(
        bench.ask(1, 0, 1, 30),
        Ok(Verdict::Conflict),
        "by the final claims"
    );
    assert_eq!(bench.ask(1, 1, 2, 33), Ok(Verdict::Accepted));
    assert_eq!(bench.speculation.commit(key(1)), Ok(true));
    let claims = bench.speculation.knowledge().claims.lock().unwrap().clone();
    assert_eq!(claims, [(key(0), vec![30, 31]), (key(1), vec![33])]);
}

#[test]
fn a_commit_leaves_nothing_behind() {
    let bench = Bench::new();
    for n in 0..10 {
        bench.ask(n, 0, 1, n).unwrap();
        bench.ask(n, 1, 2, 100 + n).unwrap();
        assert_eq!(bench.speculation.commit(key(n)), Ok(true));
    }
    let state = bench.speculation.lock();
    assert!(state.items.is_empty() && state.buckets.is_empty() && state.rewinds.is_empty());
}

#[test]
fn a_claim_that_became_final_behind_the_books_is_found_at_the_commit() {
    let bench = Bench::new();
    bench.ask(2, 0, 3, 40).unwrap();
    bench.ask(2, 1, 4, 41).unwrap();
    assert_eq!(bench.ask(5, 0, 2, 41), Ok(Verdict::Conflict));
    // As an import would, without an item.
    bench
        .speculation
        .knowledge()
        .finalize(key(0), &[claim(40)])
        .unwrap();
    assert_eq!(bench.speculation.commit(key(2)), Ok(false));
    assert_eq!(bench.rewinds(), [(2, 0, 3), (5, 0, 2)]);
}

#[test]
fn a_failing_memory_is_reported_and_decides_nothing() {
    let bench = Bench::new();
    let broken = &bench.speculation.knowledge().broken;
    broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let epoch = bench.epochs[0];
    assert_eq!(
        bench.speculation.decide(key(0), epoch, 0, 1, &claim(1)),
        Err("disk")
    );
    broken.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        bench.ask(0, 0, 1, 1),
        Ok(Verdict::Accepted),
        "the same decision, asked again"
    );
}

#[test]
fn an_unknown_item_is_stale() {
    let speculation: Speculation<Final> = Speculation::new(Final::default());
    assert_eq!(
        speculation.decide(key(0), 1, 0, 0, &claim(1)),
        Ok(Err(Stale))
    );
}
