//! What the model layer did since the process started, for progress displays. Counting costs a few relaxed atomics a
//! call; totals over all sessions of a run are the journal's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::chat::Usage;

/// Notices that nobody took are dropped beyond this many, oldest first.
const MAX_NOTICES: usize = 256;

/// The counters.
#[derive(Debug, Default)]
pub struct Meter {
    calls: AtomicU64,
    replayed: AtomicU64,
    failures: AtomicU64,
    attempts: AtomicU64,
    retries: AtomicU64,
    rate_limited: AtomicU64,
    waiting: AtomicU64,
    prompt: AtomicU64,
    completion: AtomicU64,
    cached: AtomicU64,
    reasoning: AtomicU64,
    cost_micro_usd: AtomicU64,
    unknown_cost: AtomicU64,
    discarded: AtomicU64,
    notices: Mutex<Vec<Notice>>,
}

/// Something that the user should be told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// An endpoint refused a parameter, and is asked without it from now on.
    Adapted {
        /// The model's name in the configuration.
        model: String,
        /// The endpoint.
        endpoint: String,
        /// The change, as a fragment.
        what: String,
    },
    /// A batch was not taken, or ended without some of its calls, which are sent by themselves at the usual price.
    Unbatched {
        /// The model's name in the configuration.
        model: String,
        /// The endpoint.
        endpoint: String,
        /// Why, without secrets.
        why: String,
    },
    /// An endpoint said that no call can work; the others serve on.
    EndpointUnusable {
        /// The model's name in the configuration.
        model: String,
        /// The endpoint.
        endpoint: String,
        /// What it said, without secrets.
        error: String,
    },
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeterSnapshot {
    /// Calls that ended with an outcome of their own.
    pub calls: u64,
    /// Calls that were answered from the journal.
    pub replayed: u64,
    /// Of `calls`, those that ended with a typed failure.
    pub failures: u64,
    /// Attempts that were sent.
    pub attempts: u64,
    /// Attempts beyond the first of their call.
    pub retries: u64,
    /// Attempts that met a 429.
    pub n_429: u64,
    /// Calls that are being worked on and have no attempt in flight (waiting for a place, a limit or a pause).
    pub waiting: u64,
    /// Attempts in flight.
    pub in_flight: u64,
    /// Attempts that may be in flight, over all endpoints.
    pub limit: u64,
    /// Tokens.
    pub usage: Usage,
    /// Cost of the calls of known price, in micro US dollars.
    pub cost_micro_usd: u64,
    /// Calls of unknown price.
    pub unknown_cost: u64,
    /// Calls whose replies the pipeline threw away.
    pub discarded: u64,
}

impl Meter {
    /// Counts replies that were thrown away, for the scheduler.
    pub fn add_discarded(&self, calls: u64) {
        self.discarded.fetch_add(calls, Ordering::Relaxed);
    }

    /// Takes the notices that came since the last time.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn notice(&self, notice: Notice) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.contains(&notice) {
            return;
        }
        if notices.len() >= MAX_NOTICES {
            notices.remove(0);
        }
        notices.push(notice);
    }

    pub(crate) fn on_attempt(&self, number: u32) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        if number > 0 {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn on_rate_limited(&self) {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_replayed(&self) {
        self.replayed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_call(&self, failed: bool, usage: Usage, cost_micro_usd: Option<u64>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        for (counter, amount) in [
            (&self.prompt, usage.prompt),
            (&self.completion, usage.completion),
            (&self.cached, usage.cached),
            (&self.reasoning, usage.reasoning),
            (&self.cost_micro_usd, cost_micro_usd.unwrap_or(0)),
            (&self.unknown_cost, u64::from(cost_micro_usd.is_none())),
        ] {
            if amount > 0 {
                counter.fetch_add(amount, Ordering::Relaxed);
            }
        }
    }

    /// Counts a call as waiting until the guard is dropped.
    pub(crate) fn waiting(&self) -> Waits<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waits { meter: self }
    }

    /// The counters now. `in_flight` and `limit` belong to the pools and are filled in by [`crate::Caller::snapshot`].
    pub fn snapshot(&self) -> MeterSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MeterSnapshot {
            calls: get(&self.calls),
            replayed: get(&self.replayed),
            failures: get(&self.failures),
            attempts: get(&self.attempts),
            retries: get(&self.retries),
            n_429: get(&self.rate_limited),
            waiting: get(&self.waiting),
            in_flight: 0,
            limit: 0,
            usage: Usage {
                prompt: get(&self.prompt),
                completion: get(&self.completion),
                cached: get(&self.cached),
                reasoning: get(&self.reasoning),
            },
            cost_micro_usd: get(&self.cost_micro_usd),
            unknown_cost: get(&self.unknown_cost),
            discarded: get(&self.discarded),
        }
    }
}

/// Counts a waiting call as long as it lives.
#[derive(Debug)]
pub(crate) struct Waits<'m> {
    meter: &'m Meter,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.meter.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
