//! A run's counters for the progress display.

use std::sync::atomic::Ordering;
use std::time::Instant;

use forgemark_dialogue::run::Live;

use crate::progress::{ProgressSnapshot, ProgressSource};

/// A run that is watched.
#[derive(Debug)]
pub struct Watched {
    live: Live,
    began: Instant,
}

impl Watched {
    /// Begins to watch.
    pub fn new(live: Live) -> Self {
        Self {
            live,
            began: Instant::now(),
        }
    }
}

impl ProgressSource for Watched {
    fn snapshot(&self) -> ProgressSnapshot {
        let tally = &self.live.tally;
        ProgressSnapshot {
            label: "dialogues".to_owned(),
            done: tally.good.load(Ordering::Relaxed),
            total: Some(self.live.total),
            discarded: self.live.progress.snapshot().discarded_calls,
            turns: tally.turns.load(Ordering::Relaxed),
            dropped: tally.n_dropped(),
            elapsed: self.began.elapsed(),
            ..ProgressSnapshot::of_calls(&self.live.caller)
        }
    }
}
