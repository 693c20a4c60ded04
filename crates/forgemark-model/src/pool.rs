//! The endpoints of one model: which one takes the next call, and when.
//!
//! ```text
//! acquire ──> ready endpoints? ──yes──> preferred by the conversation, else lowest (in flight + 1) / (weight * health)
//!   ^              │ no                                   │
//!   │              v                                      v
//!   └── a place is free / a pause is over          Permit ──> succeed | fail | dropped ──> condition, wake the next
//! ```
//!
//! One short lock guards the conditions of all endpoints; nothing is awaited under it. A pool gives up when every
//! endpoint has failed for long enough with nothing in flight; who finds that out asks each endpoint once more with a
//! one-token call, because a single conversation with a poisonous request looks the same from here as an endpoint that
//! is down.

mod affinity;
mod error;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use self::affinity::Affinity;
pub use self::error::{EndpointError, EndpointFailure, Unusable};
use crate::config::{EndpointConfig, Retry};
use crate::endpoint::{Condition, Counts, Endpoint, Ready};
use crate::retry::blame::Tally;
use crate::wire::Fault;

/// The endpoints of a model.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The model's name in messages.
    pub(crate) model: String,
    pub(crate) retry: Retry,
    pub(crate) endpoints: Vec<Endpoint>,
    state: Mutex<State>,
    /// Told when a place may be free.
    wake: Notify,
    /// Calls that wait for a place.
    waiting: AtomicUsize,
    affinity: Affinity,
    /// Held while the endpoints are asked whether they are really down.
    pub(crate) confirming: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    conditions: Vec<Condition>,
    given_up: bool,
}

/// What a call needs of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// Hash of the conversation, for affinity.
    pub(crate) conversation: u64,
    /// Estimated tokens, prompt and completion.
    pub(crate) tokens: f64,
    /// Endpoints that this call tried since its last pause, as bits; others are preferred.
    pub(crate) tried: u64,
}

/// Why there is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hopeless {
    /// It was found so before, or every endpoint says so itself.
    Certain,
    /// Everything failed for long enough; to be confirmed.
    Likely,
}

enum Look<'p> {
    Done(Result<Permit<'p>, Hopeless>),
    Wait(Option<Instant>),
}

enum Choice {
    Take { index: usize, test: bool },
    Wait { until: Option<Instant> },
    Hopeless(Hopeless),
}

impl Pool {
    pub(crate) fn new(
        model: String,
        retry: Retry,
        endpoints: Vec<Endpoint>,
        configs: &[EndpointConfig],
    ) -> Self {
        let now = Instant::now();
        let conditions = configs
            .iter()
            .map(|config| Condition::new(config, &retry, now))
            .collect();
        Pool {
            model,
            retry,
            affinity: Affinity::new(endpoints.len()),
            endpoints,
            state: Mutex::new(State {
                conditions,
                given_up: false,
            }),
            wake: Notify::new(),
            waiting: AtomicUsize::new(0),
            confirming: tokio::sync::Mutex::new(()),
        }
    }

    /// A panic while the lock was held cannot leave numbers that are worse than stale.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an endpoint that can take a call. A newcomer may pass those who wait when a place happens to be free; the
    /// end of a call wakes the oldest of them.
    ///
    /// # Errors
    /// [`Hopeless`] when none will.
    ///
    /// # Cancel safety
    /// Safe: a place that was offered to a dropped waiter goes to the next one.
    pub(crate) async fn acquire(&self, ask: &Ask) -> Result<Permit<'_>, Hopeless> {
        let _waiting = Waiting::new(self);
        loop {
            // Made before looking, so that a place that becomes free in between is not missed.
            let notified = self.wake.notified();
            let until = match self.look(ask) {
                Look::Done(done) => return done,
                Look::Wait(until) => until,
            };
            match until {
                Some(until) => {
                    tokio::select! {
                        () = notified => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
                None => notified.await,
            }
        }
    }

    /// A place without waiting; `None` when there is none now.
    pub(crate) fn try_acquire(&self, ask: &Ask) -> Option<Result<Permit<'_>, Hopeless>> {
        match self.look(ask) {
            Look::Done(done) => Some(done),
            Look::Wait(_) => None,
        }
    }

    fn look(&self, ask: &Ask) -> Look<'_> {
        let now = Instant::now();
        let mut state = self.lock();
        match state.choose(self, ask, now) {
            Choice::Take { index, test } => {
                Look::Done(Ok(self.begin(&mut state, index, test, ask, now)))
            }
            Choice::Hopeless(hopeless) => Look::Done(Err(hopeless)),
            Choice::Wait { until } => Look::Wait(until),
        }
    }

    fn begin(
        &self,
        state: &mut State,
        index: usize,
        test: bool,
        ask: &Ask,
        now: Instant,
    ) -> Permit<'_> {
        let mut tally = Tally::default();
        if let Some(condition) = state.conditions.get_mut(index) {
            condition.begin(ask.tokens, test);
            tally = condition.tally();
        }
        Permit {
            pool: self,
            index,
            test,
            conversation: ask.conversation,
            tokens: ask.tokens,
            sent_at: now,
            tally,
            ended: false,
        }
    }

    /// What this endpoint has done so far.
    pub(crate) fn tally(&self, index: usize) -> Tally {
        let state = self.lock();
        state
            .conditions
            .get(index)
            .map_or_else(Tally::default, Condition::tally)
    }

    /// Whether another endpoint than those in `tried` could take a call at once.
    pub(crate) fn has_other(&self, ask: &Ask) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        state
            .conditions
            .iter_mut()
            .enumerate()
            .any(|(index, condition)| {
                !is_tried(ask.tried, index)
                    && matches!(condition.ready(ask.tokens, now), Ready::Now | Ready::Test)
            })
    }

    /// Whether the pool looks given up by now; see [`Hopeless`].
    pub(crate) fn hopeless(&self) -> Option<Hopeless> {
        self.lock().hopeless(&self.retry, Instant::now()).ok()
    }

    /// Gives the model up; calls that wait end.
    pub(crate) fn give_up(&self) {
        self.lock().given_up = true;
        self.wake.notify_waiters();
    }

    /// A probe of this endpoint ended.
    pub(crate) fn note_probe(&self, index: usize, sent_at: Instant, result: Result<(), &Fault>) {
        let mut state = self.lock();
        let now = Instant::now();
        let Some(condition) = state.conditions.get_mut(index) else {
            return;
        };
        match result {
            Ok(()) => {
                condition.on_success(false);
                state.given_up = false;
                drop(state);
                self.wake.notify_waiters();
            }
            Err(fault) if fault.kind.is_about_request() => {
                condition.refuse(fault, now, &self.retry);
            }
            Err(fault) => condition.on_fault(fault, sent_at, now, &self.retry),
        }
    }

    /// The last error of each endpoint.
    pub(crate) fn error(&self) -> EndpointError {
        let state = self.lock();
        let refused = state.conditions.iter().all(|c| c.breaker.is_unusable());
        EndpointError {
            model: self.model.clone(),
            why: if refused {
                Unusable::Refused
            } else {
                Unusable::NothingSucceeded {
                    for_at_least: self.retry.give_up_after,
                }
            },
            endpoints: self
                .endpoints
                .iter()
                .zip(&state.conditions)
                .map(|(endpoint, condition)| EndpointFailure {
                    endpoint: endpoint.name.clone(),
                    kind: condition.last_error.as_ref().map(|(kind, _)| *kind),
                    error: condition
                        .last_error
                        .as_ref()
                        .map_or_else(|| "not asked".to_owned(), |(_, line)| line.clone()),
                })
                .collect(),
        }
    }

    /// The condition of each endpoint.
    pub(crate) fn snapshot(&self) -> Vec<EndpointSnapshot> {
        let mut state = self.lock();
        let now = Instant::now();
        self.endpoints
            .iter()
            .zip(&mut state.conditions)
            .map(|(endpoint, condition)| {
                let Counts {
                    sent,
                    succeeded,
                    rate_limited,
                    failed,
                } = condition.counts;
                EndpointSnapshot {
                    model: self.model.clone(),
                    endpoint: endpoint.name.clone(),
                    in_flight: condition.in_flight,
                    limit: condition.aimd.limit(),
                    paused_ms: condition
                        .paused_for(now)
                        .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
                    unusable: condition.breaker.is_unusable(),
                    sent,
                    succeeded,
                    rate_limited,
                    failed,
                    last_error: condition.last_error.as_ref().map(|(_, line)| line.clone()),
                }
            })
            .collect()
    }

    /// Calls in flight and the limit, over all endpoints.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.lock();
        state.conditions.iter().fold((0, 0), |(flight, limit), c| {
            (flight + c.in_flight, limit + c.aimd.limit())
        })
    }
}

/// The condition of one endpoint, for progress displays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSnapshot {
    /// The model's name in the configuration.
    pub model: String,
    /// The endpoint's name.
    pub endpoint: String,
    /// Calls in flight.
    pub in_flight: usize,
    /// Calls that may be in flight now.
    pub limit: usize,
    /// How long it is left alone from now on, in milliseconds, if it is.
    pub paused_ms: Option<u64>,
    /// Whether it said that no call can work.
    pub unusable: bool,
    /// Attempts that were sent.
    pub sent: u64,
    /// Attempts that succeeded.
    pub succeeded: u64,
    /// Attempts that met a 429.
    pub rate_limited: u64,
    /// Attempts that failed otherwise on the endpoint's or the network's side.
    pub failed: u64,
    /// The last failure, without secrets.
    pub last_error: Option<String>,
}

fn is_tried(tried: u64, index: usize) -> bool {
    tried & (1 << (index % 64)) != 0
}

impl State {
    fn choose(&mut self, pool: &Pool, ask: &Ask, now: Instant) -> Choice {
        let mut until = match self.hopeless(&pool.retry, now) {
            Ok(hopeless) => return Choice::Hopeless(hopeless),
            Err(at) => at,
        };
        let preferred = pool.affinity.get(ask.conversation);
        let mut best: Option<(bool, f64, usize, bool)> = None;
        for (index, condition) in self.conditions.iter_mut().enumerate() {
            let test = match condition.ready(ask.tokens, now) {
                Ready::Now => false,
                Ready::Test => true,
                Ready::At(at) => {
                    until = Some(until.map_or(at, |soonest: Instant| soonest.min(at)));
                    continue;
                }
                Ready::Full => continue,
            };
            let tried = is_tried(ask.tried, index);
            let weight = pool.endpoints.get(index).map_or(1.0, |e| e.weight);
            let mut score = (condition.in_flight as f64 + 1.0) / (weight * condition.health());
            // The endpoint that holds the conversation's prefix, unless it is failing.
            if preferred == Some(index) && condition.health() > 0.5 {
                score = 0.0;
            }
            let better = best.is_none_or(|(was_tried, lowest, _, _)| {
                (tried, score).partial_cmp(&(was_tried, lowest)) == Some(std::cmp::Ordering::Less)
            });
            if better {
                best = Some((tried, score, index, test));
            }
        }
        match best {
            Some((_, _, index, test)) => Choice::Take { index, test },
            None => Choice::Wait { until },
        }
    }

    /// `Ok` when the pool is to be given up, else when that may be so at the earliest.
    fn hopeless(&self, retry: &Retry, now: Instant) -> Result<Hopeless, Option<Instant>> {
        if self.given_up || self.conditions.iter().all(|c| c.breaker.is_unusable()) {
            return Ok(Hopeless::Certain);
        }
        let mut latest = None;
        let mut in_flight = 0;
        for condition in &self.conditions {
            in_flight += condition.in_flight;
            if condition.breaker.is_unusable() {
                continue;
            }
            match condition.hopeless_at(retry) {
                Some(at) => latest = latest.max(Some(at)),
                None => return Err(None),
            }
        }
        match latest {
            // What is in flight may still succeed; its end wakes those who wait.
            Some(at) if now >= at => {
                if in_flight == 0 {
                    Ok(Hopeless::Likely)
                } else {
                    Err(None)
                }
            }
            later => Err(later),
        }
    }
}

/// Counts a waiter as long as it lives.
struct Waiting<'p> {
    pool: &'p Pool,
}

impl<'p> Waiting<'p> {
    fn new(pool: &'p Pool) -> Self {
        pool.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting { pool }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Whether it got a place, gave up or was dropped: it may have been the only one with a timer, and there may be
        // room for more than one.
        if self.pool.waiting.fetch_sub(1, Ordering::Relaxed) > 1 {
            self.pool.wake.notify_one();
        }
    }
}

/// The right to send one attempt to one endpoint. Dropping it without a result (the call was cancelled) only frees the
/// place.
#[derive(Debug)]
pub(crate) struct Permit<'p> {
    pool: &'p Pool,
    pub(crate) index: usize,
    test: bool,
    conversation: u64,
    tokens: f64,
    pub(crate) sent_at: Instant,
    /// What the endpoint had done when this attempt was sent.
    pub(crate) tally: Tally,
    ended: bool,
}

impl<'p> Permit<'p> {
    /// The endpoint, or `None` for an index that does not exist.
    pub(crate) fn endpoint(&self) -> Option<&'p Endpoint> {
        self.pool.endpoints.get(self.index)
    }

    /// The attempt succeeded and used this many tokens, if the endpoint said so.
    pub(crate) fn succeed(mut self, used: Option<u64>) {
        let waiting = self.pool.waiting.load(Ordering::Relaxed);
        let unused = used.map_or(0.0, |used| self.tokens - used as f64);
        {
            let mut state = self.pool.lock();
            state.given_up = false;
            if let Some(condition) = state.conditions.get_mut(self.index) {
                condition.on_success(waiting > 0);
                condition.end(unused);
            }
        }
        self.pool.affinity.set(self.conversation, self.index);
        self.ended = true;
        self.wake();
    }

    /// The attempt failed.
    pub(crate) fn fail(mut self, fault: &Fault) {
        {
            let mut state = self.pool.lock();
            let now = Instant::now();
            if let Some(condition) = state.conditions.get_mut(self.index) {
                condition.on_fault(fault, self.sent_at, now, &self.pool.retry);
                condition.end(self.tokens);
                if self.test {
                    condition.breaker.test_dropped();
                }
            }
        }
        self.ended = true;
        self.wake();
    }

    fn wake(&self) {
        if self.pool.waiting.load(Ordering::Relaxed) > 0 {
            self.pool.wake.notify_one();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        {
            let mut state = self.pool.lock();
            if let Some(condition) = state.conditions.get_mut(self.index) {
                condition.end(self.tokens);
                if self.test {
                    condition.breaker.test_dropped();
                }
            }
        }
        self.wake();
    }
}
