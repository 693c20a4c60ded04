//! A pipeline of numbers: what it makes can be computed by one loop without any concurrency.
//!
//! An item takes a few steps. A step draws a claim from (seed, key, step, attempt, what the item has
//! claimed so far) after a call of random length, and tries again on a conflict until its attempts
//! are used up, which drops the item. Claims conflict when they differ by at most 1, so conflict is
//! not transitive. A shared journal answers a call that was made before at once and for nothing.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::*;
use crate::ItemKey;
use crate::speculation::{Knowledge, Verdict};

/// Final claims.
#[derive(Debug, Default)]
pub(super) struct Final {
    claims: Mutex<BTreeSet<u64>>,
    pub(super) log: Mutex<Vec<(ItemKey, Vec<u64>)>>,
}

#[derive(Debug, Clone)]
pub(super) struct Claim {
    value: u64,
    buckets: [u64; 2],
}

impl Claim {
    pub(super) fn new(value: u64) -> Self {
        Self {
            value,
            buckets: [value, value + 1],
        }
    }
}

fn near(claims: &BTreeSet<u64>, value: u64) -> bool {
    claims
        .range(value.saturating_sub(1)..=value + 1)
        .next()
        .is_some()
}

impl Knowledge for Final {
    type Claim = Claim;
    type Error = String;

    fn buckets<'a>(&self, claim: &'a Claim) -> &'a [u64] {
        &claim.buckets
    }

    fn conflicts(&self, left: &Claim, right: &Claim) -> bool {
        left.value.abs_diff(right.value) <= 1
    }

    fn conflicts_with_final(&self, claim: &Claim) -> Result<bool, String> {
        Ok(near(&self.claims.lock().unwrap(), claim.value))
    }

    fn finalize(&self, key: ItemKey, claims: &[Claim]) -> Result<(), String> {
        let values: Vec<u64> = claims.iter().map(|claim| claim.value).collect();
        self.claims.lock().unwrap().extend(values.iter().copied());
        self.log.lock().unwrap().push((key, values));
        Ok(())
    }
}

/// One draw: a function of its parts and of nothing else.
pub(super) fn draw(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9E37_79B9_7F4A_7C15, |state, part| {
        let wide = u128::from(state ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03))
            * u128::from(0xA076_1D64_78BD_642F_u64 | 1);
        (wide as u64 ^ (wide >> 64) as u64).rotate_left(23)
    })
}

pub(super) fn unit(parts: &[u64]) -> f64 {
    (draw(parts) >> 11) as f64 / (1u64 << 53) as f64
}

/// What a run is made from.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) seed: u64,
    /// Good items wanted, a group.
    pub(super) quotas: Vec<u64>,
    /// Share of claims out of a small pool.
    pub(super) conflicts: f64,
    /// Claims in the pool of 40 neighbouring items.
    pub(super) pool: u64,
    /// Attempts at a step before the item is dropped.
    pub(super) attempts: u64,
    /// Share of items that are dropped at their end, whatever they claimed.
    pub(super) drops: f64,
    pub(super) steps: (u64, u64),
    pub(super) latency_ms: (f64, f64),
    /// Moves the latencies and nothing else.
    pub(super) weather: u64,
    pub(super) concurrency: usize,
    pub(super) lookahead: usize,
}

impl Settings {
    pub(super) fn new(seed: u64, quotas: &[u64]) -> Self {
        Self {
            seed,
            quotas: quotas.to_vec(),
            conflicts: 0.0,
            pool: 24,
            attempts: 3,
            drops: 0.0,
            steps: (1, 4),
            latency_ms: (1.0, 100.0),
            weather: 0,
            concurrency: 4,
            lookahead: 32,
        }
    }

    fn steps_of(&self, key: ItemKey) -> u64 {
        let (low, high) = self.steps;
        low + draw(&[self.seed, 1, u64::from(key.group), key.ordinal]) % (high - low + 1)
    }

    fn claim(&self, key: ItemKey, step: u64, attempt: u64, past: u64) -> u64 {
        let parts = [
            self.seed,
            2,
            u64::from(key.group),
            key.ordinal,
            step,
            attempt,
            past,
        ];
        if unit(&[&parts[..], &[1]].concat()) < self.conflicts {
            // Neighbours in the order of the run share a pool, so that those in flight conflict.
            key.ordinal / 40 * 100 + draw(&parts) % self.pool
        } else {
            // Far apart, so that only the pool conflicts.
            1_000_000 + draw(&parts) % (1 << 60) * 4
        }
    }

    fn is_dropped_anyway(&self, key: ItemKey) -> bool {
        unit(&[self.seed, 3, u64::from(key.group), key.ordinal]) < self.drops
    }

    fn latency(&self, key: ItemKey, step: u64, attempt: u64, past: u64) -> Duration {
        let (low, high) = self.latency_ms;
        let parts = [
            self.seed,
            4,
            self.weather,
            u64::from(key.group),
            key.ordinal,
            step,
            attempt,
            past,
        ];
        // Log-uniform: most calls are short and some are long.
        let ms = low * (high / low).powf(unit(&parts));
        Duration::from_micros((ms * 1_000.0) as u64)
    }
}

/// What an item came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) claims: Vec<u64>,
    pub(super) conflicts: u64,
    pub(super) dropped: bool,
}

/// The result of a machine with one slot, computed without any of the code under test.
pub(super) fn reference(settings: &Settings) -> Vec<(ItemKey, Made)> {
    let mut claimed = BTreeSet::new();
    let mut result = Vec::new();
    for (group, quota) in settings.quotas.iter().enumerate() {
        let (mut good, mut ordinal) = (0, 0);
        while good < *quota {
            let key = ItemKey {
                group: group as u32,
                ordinal,
            };
            let mut made = Made {
                claims: Vec::new(),
                conflicts: 0,
                dropped: false,
            };
            'steps: for step in 0..settings.steps_of(key) {
                for attempt in 0..settings.attempts {
                    let claim = settings.claim(key, step, attempt, draw(&made.claims));
                    if !near(&claimed, claim) {
                        claimed.insert(claim);
                        made.claims.push(claim);
                        continue 'steps;
                    }
                    made.conflicts += 1;
                }
                made.dropped = true;
                break;
            }
            made.dropped |= settings.is_dropped_anyway(key);
            good += u64::from(!made.dropped);
            result.push((key, made));
            ordinal += 1;
        }
    }
    result
}

/// What an item of the work may meet besides conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// This item is suspended at its last step.
    Suspend(ItemKey),
    /// This item takes this many milliseconds longer.
    Slow(ItemKey, u64),
}

pub(super) struct Numbers {
    pub(super) settings: Settings,
    trouble: Trouble,
    /// Calls that were answered: a repeated one is free.
    journal: Mutex<HashSet<u64>>,
    pub(super) paid: AtomicU64,
    /// Microseconds spent in calls that were answered.
    pub(super) busy_us: AtomicU64,
    running: AtomicUsize,
    pub(super) most_running: AtomicUsize,
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Work for Numbers {
    type Plan = u64;
    type Knowledge = Final;
    type Output = Made;
    type Suspended = &'static str;

    async fn run(
        self: Arc<Self>,
        key: ItemKey,
        plan: Arc<u64>,
        mut ctx: ItemCtx<Final>,
    ) -> Result<Made, Stop<&'static str>> {
        assert_eq!(
            (*plan, ctx.key()),
            (key.ordinal, key),
            "the item's own plan"
        );
        let now = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_running.fetch_max(now, Ordering::Relaxed);
        let _running = Running(&self.running);
        let settings = &self.settings;
        let mut made = Made {
            claims: Vec::new(),
            conflicts: 0,
            dropped: false,
        };
        let steps = settings.steps_of(key);
        'steps: for step in 0..steps {
            if self.trouble == Trouble::Suspend(key) && step + 1 == steps {
                return Err(Stop::Suspended("no endpoint"));
            }
            for attempt in 0..settings.attempts {
                let past = draw(&made.claims);
                let call = draw(&[9, u64::from(key.group), key.ordinal, step, attempt, past]);
                ctx.count_call();
                let known = self.journal.lock().unwrap().contains(&call);
                if known {
                    ctx.uncount_call();
                } else {
                    let mut latency = settings.latency(key, step, attempt, past);
                    match self.trouble {
                        Trouble::Slow(slow, ms) if slow == key => {
                            latency += Duration::from_millis(ms);
                        }
                        _ => {}
                    }
                    tokio::time::sleep(latency).await;
                    self.journal.lock().unwrap().insert(call);
                    self.paid.fetch_add(1, Ordering::Relaxed);
                    self.busy_us
                        .fetch_add(latency.as_micros() as u64, Ordering::Relaxed);
                }
                let claim = settings.claim(key, step, attempt, past);
                match ctx.decide(&Claim::new(claim)).unwrap() {
                    Err(stale) => return Err(stale.into()),
                    Ok(Verdict::Accepted) => {
                        made.claims.push(claim);
                        continue 'steps;
                    }
                    Ok(Verdict::Conflict) => made.conflicts += 1,
                }
            }
            made.dropped = true;
            break;
        }
        made.dropped |= settings.is_dropped_anyway(key);
        Ok(made)
    }
}

#[derive(Debug, Default)]
struct Group {
    next: u64,
    good: u64,
}

/// The ordered half: quotas, replacements of dropped items, later groups that run ahead.
pub(super) struct Line {
    settings: Settings,
    groups: Vec<Group>,
    pub(super) committed: Vec<(ItemKey, Made)>,
    pub(super) most_uncommitted: u64,
    /// Admissions, with the number of commits at that time.
    pub(super) admitted: Vec<(ItemKey, usize)>,
    pub(super) drain_after: Option<usize>,
    pub(super) fail_at: Option<usize>,
    pub(super) last_admission: Option<tokio::time::Instant>,
}

impl Line {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            groups: settings.quotas.iter().map(|_| Group::default()).collect(),
            committed: Vec::new(),
            most_uncommitted: 0,
            admitted: Vec::new(),
            drain_after: None,
            fail_at: None,
            last_admission: None,
        }
    }
}

impl Pipeline for Line {
    type Work = Numbers;
    type Error = String;

    fn next(&mut self, view: &View) -> Result<Next<u64>, String> {
        let in_flight: u64 = view.uncommitted.values().sum();
        let mut done = true;
        for (index, group) in self.groups.iter_mut().enumerate() {
            let uncommitted = view.uncommitted_in(index as u32);
            let quota = self.settings.quotas[index];
            if group.good >= quota && uncommitted == 0 {
                continue;
            }
            // Half of the window stays free for replacements in lower groups.
            if !done && (in_flight + 1) * 2 > self.settings.lookahead as u64 {
                break;
            }
            done = false;
            if group.good + uncommitted < quota {
                let key = ItemKey {
                    group: index as u32,
                    ordinal: group.next,
                };
                group.next += 1;
                self.most_uncommitted = self.most_uncommitted.max(in_flight + 1);
                self.last_admission = Some(tokio::time::Instant::now());
                self.admitted.push((key, self.committed.len()));
                return Ok(Next::Start(key, key.ordinal));
            }
        }
        Ok(if done { Next::Done } else { Next::Wait })
    }

    fn may_commit(&self, key: ItemKey) -> bool {
        let lower = self
            .groups
            .iter()
            .zip(&self.settings.quotas)
            .take(key.group as usize);
        lower.into_iter().all(|(group, quota)| group.good >= *quota)
    }

    fn commit(&mut self, key: ItemKey, plan: &Arc<u64>, output: Made) -> Result<Flow, String> {
        assert_eq!(**plan, key.ordinal);
        if self.fail_at == Some(self.committed.len()) {
            return Err("disk full".to_owned());
        }
        self.groups[key.group as usize].good += u64::from(!output.dropped);
        self.committed.push((key, output));
        if self.drain_after == Some(self.committed.len()) {
            return Ok(Flow::Drain);
        }
        Ok(Flow::Continue)
    }
}

/// A run and everything that can be asked about it.
pub(super) struct Ran {
    pub(super) line: Line,
    pub(super) work: Arc<Numbers>,
    pub(super) speculation: Arc<Speculation<Final>>,
    pub(super) progress: ProgressSnapshot,
    pub(super) report: Result<Report<Made, &'static str>, String>,
    pub(super) elapsed: Duration,
}

pub(super) async fn run(
    settings: &Settings,
    trouble: Trouble,
    prepare: impl FnOnce(&mut Line, &Cancel),
) -> Ran {
    let work = Arc::new(Numbers {
        settings: settings.clone(),
        trouble,
        journal: Mutex::default(),
        paid: AtomicU64::new(0),
        busy_us: AtomicU64::new(0),
        running: AtomicUsize::new(0),
        most_running: AtomicUsize::new(0),
    });
    let speculation = Arc::new(Speculation::new(Final::default()));
    let progress = Arc::new(Progress::default());
    let cancel = Cancel::new();
    let mut line = Line::new(settings);
    prepare(&mut line, &cancel);
    let limits = Limits {
        concurrency: settings.concurrency,
        lookahead: settings.lookahead,
    };
    let start = tokio::time::Instant::now();
    let report = drive(
        &mut line,
        Arc::clone(&work),
        Arc::clone(&speculation),
        limits,
        cancel,
        Arc::clone(&progress),
    )
    .await;
    let elapsed = start.elapsed();
    Ran {
        line,
        work,
        speculation,
        progress: progress.snapshot(),
        report,
        elapsed,
    }
}
