//! From the journal of a run: how much of the slots' time was spent waiting on a model.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forgemark_journal::{DiskStorage, Record, Storage, dump};

use crate::error::AppError;

/// Calls as spans of time, in microseconds of the epoch.
#[derive(Debug, Default)]
pub(super) struct Calls {
    spans: Vec<(i64, i64)>,
    /// When each conversation sent its first call.
    begun: BTreeMap<String, i64>,
}

impl Calls {
    /// Reads them: a call lasts from its sending to the last byte of its reply, as its record says
    /// in whole milliseconds (rounded down).
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(super) fn read(out_dir: &Path) -> Result<Self, AppError> {
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage);
        let mut calls = Self::default();
        for entry in &mut dump(&storage, out_dir)? {
            if let Record::Call(call) = entry?.record {
                let end = call.at.0;
                let latency = i64::try_from(call.latency_ms).unwrap_or(0) * 1_000;
                let start = end - latency;
                calls.spans.push((start, end));
                // Items are named `<conversation>/<call>`.
                let name = call.item.split('/').next().unwrap_or_default();
                let first = calls.begun.entry(name.to_owned()).or_insert(start);
                *first = start.min(*first);
            }
        }
        Ok(calls)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Mean time of a call in milliseconds.
    pub(super) fn mean_ms(&self) -> f64 {
        let sum: i64 = self.spans.iter().map(|(start, end)| end - start).sum();
        sum as f64 / 1_000.0 / self.spans.len().max(1) as f64
    }

    /// When the last conversation sent its first call: until then there was work for every slot.
    pub(super) fn last_begun(&self) -> i64 {
        self.begun.values().copied().max().unwrap_or(0)
    }

    /// Share of the time of `slots` slots between `from` and `to` that calls took, in percent.
    pub(super) fn share(&self, slots: u32, from: i64, to: i64) -> f64 {
        let waited: i64 = self
            .spans
            .iter()
            .map(|(start, end)| ((*end).min(to) - (*start).max(from)).max(0))
            .sum();
        let all = f64::from(slots) * (to - from).max(1) as f64;
        waited as f64 / all * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_cut_to_the_window() {
        let calls = Calls {
            spans: vec![(0, 100), (50, 150), (160, 200)],
            ..Calls::default()
        };
        assert!((calls.share(2, 0, 200) - 60.0).abs() < 1e-9);
        assert!((calls.share(2, 100, 150) - 50.0).abs() < 1e-9);
        assert!((calls.mean_ms() - 0.08).abs() < 1e-9);
    }
}
