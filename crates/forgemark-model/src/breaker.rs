//! Leaves an endpoint alone that keeps failing.
//!
//! ```text
//!             n failures in a row               pause over, one call is let through
//!   closed ───────────────────────> open(until) ───────────────────────────────────> half open
//!     ^                               ^  pause doubled                                  │  │
//!     │                               └─────────────── it fails ────────────────────────┘  │
//!     └──────────────────────────────────────────── it succeeds ───────────────────────────┘
//! ```
//!
//! An endpoint that is unusable by its own word (key refused) is open at once, for a longer pause. Failures of calls that were
//! sent before the breaker opened do not lengthen the pause: they are the same event.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

/// When to open, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BreakerConfig {
    /// Failures in a row that open it.
    pub(crate) failures: u32,
    /// The first pause.
    pub(crate) pause: Duration,
    /// The longest pause.
    pub(crate) max_pause: Duration,
    /// The pause of an unusable endpoint.
    pub(crate) unusable_pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probing: bool },
}

/// Whether a call may go to the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It may.
    Pass,
    /// It may, as the one call that tests the endpoint.
    Test,
    /// Not before this instant.
    At(Instant),
    /// Not before the testing call has ended.
    Testing,
}

/// The breaker of one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: State,
    /// Times that it opened since it was last closed.
    opened: u32,
    opened_at: Option<Instant>,
    unusable: bool,
}

impl Breaker {
    /// A closed breaker.
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Breaker {
            config,
            state: State::Closed { failures: 0 },
            opened: 0,
            opened_at: None,
            unusable: false,
        }
    }

    /// Whether the endpoint said that no call can work.
    pub(crate) fn is_unusable(&self) -> bool {
        self.unusable
    }

    /// What a call would meet now.
    pub(crate) fn gate(&self, now: Instant) -> Gate {
        match self.state {
            State::Closed { .. } => Gate::Pass,
            State::Open { until } if now < until => Gate::At(until),
            State::Open { .. } | State::HalfOpen { probing: false } => Gate::Test,
            State::HalfOpen { probing: true } => Gate::Testing,
        }
    }

    /// A call that met [`Gate::Test`] goes.
    pub(crate) fn begin_test(&mut self) {
        self.state = State::HalfOpen { probing: true };
    }

    /// The testing call ended without an answer that says anything (it was dropped): the next one tests.
    pub(crate) fn test_dropped(&mut self) {
        if let State::HalfOpen { probing } = &mut self.state {
            *probing = false;
        }
    }

    /// A call succeeded, or was answered in a way that only a working endpoint answers.
    pub(crate) fn on_success(&mut self) {
        self.state = State::Closed { failures: 0 };
        self.opened = 0;
        self.unusable = false;
    }

    /// A call that was sent at `sent_at` failed.
    pub(crate) fn on_failure(&mut self, sent_at: Instant, now: Instant) {
        match &mut self.state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures >= self.config.failures {
                    self.open(now);
                }
            }
            State::HalfOpen { .. } => {
                if self.opened_at.is_none_or(|opened_at| sent_at >= opened_at) {
                    self.open(now);
                }
            }
            State::Open { .. } => {}
        }
    }

    /// The endpoint said that no call can work.
    pub(crate) fn on_unusable(&mut self, now: Instant) {
        self.unusable = true;
        self.opened_at = Some(now);
        self.state = State::Open {
            until: now + self.config.unusable_pause,
        };
    }

    fn open(&mut self, now: Instant) {
        let pause = if self.unusable {
            self.config.unusable_pause
        } else {
            let doubled = 2_u32.saturating_pow(self.opened.min(16));
            self.config
                .pause
                .saturating_mul(doubled)
                .min(self.config.max_pause)
        };
        self.opened += 1;
        self.opened_at = Some(now);
        self.state = State::Open { until: now + pause };
    }
}
