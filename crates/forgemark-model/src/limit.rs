//! How much an endpoint may be asked: a concurrency limit that follows what it bears, and buckets for what it announces.
//!
//! The limit is AIMD, as in TCP (RFC 5681): it doubles each round trip up to a threshold (slow start), above it grows by one
//! for every [`SUCCESSES_PER_STEP`] successes, and is cut by a quarter once for each episode of 429s. An episode is
//! everything that was sent before the cut: those answers say nothing about the new limit. The threshold is where the
//! first cut of an outage ended, so that a minute of nothing but 429s does not leave an endpoint crawling afterwards.
//! Successes below the limit do not raise it, because they do not show that more would be borne.
//!
//! Nothing here reads a clock: the instants come in, so the tests need no time.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

/// Successes at the limit that raise it by one, above the threshold.
pub(crate) const SUCCESSES_PER_STEP: u32 = 16;

/// What a cut leaves of the limit.
pub(crate) const CUT: f64 = 0.75;

/// How much of a minute's allowance can be used at once: most services check their limits over less than a minute.
const BURST: Duration = Duration::from_secs(10);

/// The concurrency limit of an endpoint. Its value is always in `[1, max]`.
#[derive(Debug, Clone)]
pub(crate) struct Aimd {
    limit: f64,
    max: usize,
    adaptive: bool,
    /// Below it the limit grows with every success.
    threshold: f64,
    /// Whether anything succeeded since the last cut.
    succeeded: bool,
    successes: u32,
    cut_at: Option<Instant>,
}

impl Aimd {
    /// A limit that begins at `start` and never leaves `[1, max]`; a limit that is not adaptive stays at `max`.
    pub(crate) fn new(start: usize, max: usize, adaptive: bool) -> Self {
        let max = max.max(1);
        let start = if adaptive { start.clamp(1, max) } else { max };
        Aimd {
            limit: start as f64,
            max,
            adaptive,
            threshold: max as f64,
            succeeded: true,
            successes: 0,
            cut_at: None,
        }
    }

    /// Calls that may be in flight.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// A call succeeded. `saturated` says that the limit was what held further calls back.
    pub(crate) fn on_success(&mut self, saturated: bool) {
        self.succeeded = true;
        if !self.adaptive || !saturated {
            return;
        }
        self.successes += 1;
        if self.limit < self.threshold || self.successes >= SUCCESSES_PER_STEP {
            self.successes = 0;
            self.limit = (self.limit.floor() + 1.0).min(self.max as f64);
        }
    }

    /// A call that was sent at `sent_at` met a 429. Whether this began a new episode.
    pub(crate) fn on_rate_limited(&mut self, sent_at: Instant, now: Instant) -> bool {
        let same_episode = self.cut_at.is_some_and(|cut_at| sent_at < cut_at);
        if same_episode {
            return false;
        }
        self.cut_at = Some(now);
        self.successes = 0;
        if self.adaptive {
            self.limit = (self.limit * CUT).max(1.0);
            if self.succeeded {
                self.threshold = self.limit;
            }
            self.succeeded = false;
        }
        true
    }
}

/// A token bucket for a limit per minute. What is taken is an estimate, corrected when the truth is known; the level may
/// go below zero by such a correction, or when a single call is larger than the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    level: f64,
    capacity: f64,
    per_second: f64,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket for `per_minute` units.
    pub(crate) fn new(per_minute: u64, now: Instant) -> Self {
        let per_second = per_minute.max(1) as f64 / 60.0;
        let capacity = (per_second * BURST.as_secs_f64()).max(1.0);
        Bucket {
            level: capacity,
            capacity,
            per_second,
            filled_at: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.capacity);
        self.filled_at = self.filled_at.max(now);
    }

    /// When `amount` can be taken: `None` for now. More than the bucket holds can be taken when it is full.
    pub(crate) fn ready_at(&mut self, amount: f64, now: Instant) -> Option<Instant> {
        self.fill(now);
        let missing = amount.min(self.capacity) - self.level;
        // Rounding must not make a waiter wake up a nanosecond too early for ever.
        (missing > 1e-6).then(|| now + Duration::from_secs_f64(missing / self.per_second + 1e-3))
    }

    /// Takes `amount`.
    pub(crate) fn take(&mut self, amount: f64) {
        self.level -= amount;
    }

    /// Gives `amount` back (takes more when it is negative).
    pub(crate) fn refund(&mut self, amount: f64) {
        self.level = (self.level + amount).min(self.capacity);
    }

    #[cfg(test)]
    fn level(&self) -> f64 {
        self.level
    }
}
