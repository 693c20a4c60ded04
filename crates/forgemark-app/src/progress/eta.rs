//! How long it may still take.

use std::collections::VecDeque;
use std::time::Duration;

use super::ProgressSnapshot;

/// The rate is taken over at least this time.
const MIN_WINDOW: Duration = Duration::from_mins(1);
/// Nothing is guessed before this much was seen.
const WARM_UP: Duration = Duration::from_secs(5);
/// Nothing is guessed from fewer finished items.
const MIN_DONE: u64 = 2;

/// Guesses from the rate of the recent past: the last minute or the last quarter of the run,
/// whichever is longer. Items of an earlier run do not count as speed, and a stall lengthens the
/// guess as long as it lasts.
#[derive(Debug, Default)]
pub(super) struct Eta {
    samples: VecDeque<(Duration, u64)>,
}

impl Eta {
    /// Takes a reading.
    pub(super) fn observe(&mut self, snapshot: &ProgressSnapshot) {
        let now = snapshot.elapsed;
        // Readings closer than a second apart add nothing but memory.
        if self
            .samples
            .back()
            .is_none_or(|(at, _)| now >= *at + Duration::from_secs(1))
        {
            self.samples.push_back((now, snapshot.done));
        }
        let window = MIN_WINDOW.max(now / 4);
        while self
            .samples
            .get(1)
            .is_some_and(|(at, _)| now.saturating_sub(*at) >= window)
        {
            self.samples.pop_front();
        }
    }

    /// Time left, when it can be guessed.
    pub(super) fn left(&self, snapshot: &ProgressSnapshot) -> Option<Duration> {
        if snapshot.eta.is_some() {
            return snapshot.eta;
        }
        let left = snapshot.total?.checked_sub(snapshot.done)?;
        let (from, done) = self.samples.front()?;
        let time = snapshot.elapsed.checked_sub(*from)?;
        let finished = snapshot.done.checked_sub(*done)?;
        if left == 0 || time < WARM_UP || finished < MIN_DONE {
            return None;
        }
        Some(Duration::from_secs_f64(
            time.as_secs_f64() / finished as f64 * left as f64,
        ))
    }
}
