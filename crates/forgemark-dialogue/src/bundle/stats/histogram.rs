//! The rounding and the bins of the statistics.

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object};

/// Bins of a histogram.
const BINS: u64 = 12;
/// The highest score.
const HIGHEST: f64 = 10.0;

/// The mean of `n` numbers that add up to `sum`, as Python's `round(sum / n, 4)`: of the exact binary value, halves to the
/// even digit. 0 where there are none.
pub fn mean4(sum: f64, n: u64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let mean = sum / n as f64;
    // Formatting rounds the exact value and ties to even, as Python does; multiplying and dividing would not.
    format!("{mean:.4}").parse().unwrap_or(mean)
}

/// The bucket of a score, 0 to 10: the nearest whole number, halves to the even one (Python's `round`).
pub fn score_bucket(score: f64) -> u64 {
    score.round_ties_even().clamp(0.0, HIGHEST) as u64
}

/// Numbers in at most twelve bins of one width, which is the range divided by twelve and rounded up. Each is named
/// `FIRST-LAST`, the last one ending at the largest number; bins without any are left out. `counts` says how often each
/// number stands.
pub fn histogram(counts: &BTreeMap<u64, u64>) -> Object {
    let mut bins = Object::new();
    let (Some((&low, _)), Some((&high, _))) = (counts.first_key_value(), counts.last_key_value())
    else {
        return bins;
    };
    let width = (high - low).saturating_add(1).div_ceil(BINS);
    for bin in 0..BINS {
        let first = low.saturating_add(bin.saturating_mul(width));
        if first > high {
            break;
        }
        let last = first.saturating_add(width - 1).min(high);
        let n: u64 = counts.range(first..=last).map(|(_, n)| n).sum();
        if n > 0 {
            bins.insert(format!("{first}-{last}"), Json::from(n));
        }
    }
    bins
}
