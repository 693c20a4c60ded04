//! Counts by bin and by value.

use std::collections::BTreeMap;

/// Counts of values in bins of equal width.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Bin borders, ascending, one more than there are bins. Bin `i` holds values in
    /// `[edges[i], edges[i + 1])`; the last bin holds its upper edge too.
    pub edges: Vec<f64>,
    /// Number of values in each bin.
    pub counts: Vec<u64>,
    /// Values below the first edge, minus infinity included.
    pub below: u64,
    /// Values above the last edge, infinity included.
    pub above: u64,
    /// Values that are not a number.
    pub not_a_number: u64,
}

impl Histogram {
    /// All values that were given: in bins, outside and not a number.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.below + self.above + self.not_a_number
    }
}

/// Histogram of `values` in `bins` equal bins over `[low, high]`.
///
/// No value is dropped: what falls outside is counted beside the bins. `None` when `bins` is 0,
/// a border is not finite or `low >= high`.
///
/// # Source
/// The bin rule (half-open bins, the last one closed) is that of numpy's `histogram`.
pub fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> Option<Histogram> {
    let width = high - low;
    if bins == 0 || !low.is_finite() || !high.is_finite() || !width.is_finite() || width <= 0.0 {
        return None;
    }
    let edges: Vec<f64> = (0..=bins)
        .map(|i| {
            if i == bins {
                high
            } else {
                low + width * (i as f64 / bins as f64)
            }
        })
        .collect();
    let mut found = Histogram {
        edges,
        counts: vec![0; bins],
        below: 0,
        above: 0,
        not_a_number: 0,
    };
    for &value in values {
        if value.is_nan() {
            found.not_a_number += 1;
        } else if value < low {
            found.below += 1;
        } else if value > high {
            found.above += 1;
        } else {
            // Search among the printed edges instead of dividing: a value equal to an edge then
            // always falls where the edges say, whatever the rounding of the division.
            let upper = found.edges.partition_point(|edge| *edge <= value);
            found.counts[upper.saturating_sub(1).min(bins - 1)] += 1;
        }
    }
    Some(found)
}

/// How often each value occurs, in ascending order of the value; for turns a conversation,
/// scores, reasons and languages.
pub fn tally<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
