//! Agreement of any number of raters, some of whom may be silent.

use std::collections::BTreeMap;

use crate::draw::Draw;
use crate::interval::{Interval, Z_95, wilson};

/// One rater's value for one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vote {
    /// What is rated, from 0.
    pub unit: u32,
    /// Who rates, from 0.
    pub rater: u32,
    /// The value; only its equality counts.
    pub value: u32,
}

/// Krippendorff's alpha and its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alpha {
    /// Alpha, at most 1: 1 is full agreement, 0 what chance would give, negative is less.
    pub value: f64,
    /// Its 95 % bootstrap interval over units; `None` when no resample was asked for or none defines alpha.
    pub interval: Option<Interval>,
    /// Observed disagreement, in [0, 1] for nominal values.
    pub observed: f64,
    /// Disagreement expected by chance, in (0, 1] for nominal values.
    pub expected: f64,
    /// Units that at least two raters rated.
    pub units: usize,
    /// Values in these units.
    pub values: usize,
}

/// Krippendorff's alpha for nominal values; whoever did not rate a unit is simply absent.
///
/// `alpha = 1 - Do / De`. With `n_uc` raters who gave unit `u` the value `c`, `m_u` raters of `u` (units with one are left
/// out), `n_c` the sum over units and `n` over all: `Do = 1/n sum_u sum_(c != k) n_uc n_uk / (m_u - 1)` and
/// `De = sum_(c != k) n_c n_k / (n (n - 1))`. `None` when no unit has two raters, and when all values are the same (`De = 0`).
/// The interval is the 2.5 and 97.5 percentile of alpha over `resamples` draws of units with replacement.
///
/// # Source
/// K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), nominal metric with missing data.
pub fn alpha(votes: &[Vote], resamples: u32, seed: u64) -> Option<Alpha> {
    let units = units(votes);
    let width = votes.iter().map(|vote| vote.value as usize + 1).max()?;
    let found = of_units(units.iter(), width)?;
    let mut drawn = Vec::with_capacity(resamples as usize);
    for number in 0..resamples {
        let mut draw = Draw::new(seed, u64::from(number));
        let resample = (0..units.len()).map(|_| &units[draw.below(units.len())]);
        // A resample without disagreement by chance has none at all: full agreement.
        drawn.push(of_units(resample, width).map_or(1.0, |alpha| alpha.value));
    }
    let ends = crate::percentiles(&drawn, &[2.5, 97.5]);
    Some(Alpha {
        interval: ends.map(|ends| Interval {
            low: ends[0],
            high: ends[1],
        }),
        ..found
    })
}

/// The counts of values in each unit with two raters or more: value and how many gave it.
fn units(votes: &[Vote]) -> Vec<Vec<(u32, u32)>> {
    let mut sorted: Vec<(u32, u32)> = votes.iter().map(|vote| (vote.unit, vote.value)).collect();
    sorted.sort_unstable();
    let units = sorted
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|unit| unit.len() > 1);
    let counts = units.map(|unit| {
        let values = unit.chunk_by(|a, b| a.1 == b.1);
        values.map(|same| (same[0].1, same.len() as u32)).collect()
    });
    counts.collect()
}

fn of_units<'u>(units: impl Iterator<Item = &'u Vec<(u32, u32)>>, width: usize) -> Option<Alpha> {
    let mut totals = vec![0.0; width];
    let (mut disagree, mut n, mut number) = (0.0, 0.0, 0);
    for unit in units {
        let raters: f64 = unit.iter().map(|(_, n)| f64::from(*n)).sum();
        let same: f64 = unit.iter().map(|(_, n)| f64::from(*n).powi(2)).sum();
        disagree += (raters * raters - same) / (raters - 1.0);
        n += raters;
        number += 1;
        for (value, count) in unit {
            totals[*value as usize] += f64::from(*count);
        }
    }
    let same: f64 = totals.iter().map(|total| total * total).sum();
    let expected = (n * n - same) / (n * (n - 1.0));
    if number == 0 || expected <= 0.0 {
        return None;
    }
    let observed = disagree / n;
    Some(Alpha {
        value: 1.0 - observed / expected,
        interval: None,
        observed,
        expected,
        units: number,
        values: n as usize,
    })
}

/// One rater's score of one unit, where distances between scores mean something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// What is rated, from 0.
    pub unit: u32,
    /// Who rates, from 0.
    pub rater: u32,
    /// The score.
    pub value: f64,
}

/// Krippendorff's alpha for scores on an interval scale: as [`alpha`], but two values disagree by the square of their
/// difference, so that 7 against 8 counts less than 7 against 2.
///
/// `Do = 1/n sum_u sum_(i != j in u) (v_i - v_j)^2 / (m_u - 1)`, `De = sum_(i != j) (v_i - v_j)^2 / (n (n - 1))`; observed and
/// expected disagreement are in squared units of the score. `None` when no unit has two raters, when all scores are the
/// same, and when one is not finite.
///
/// # Source
/// K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), interval metric with missing data.
pub fn alpha_interval(scores: &[Score], resamples: u32, seed: u64) -> Option<Alpha> {
    if !scores.iter().all(|score| score.value.is_finite()) {
        return None;
    }
    let mut sorted: Vec<(u32, f64)> = scores.iter().map(|one| (one.unit, one.value)).collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let units: Vec<Sums> = sorted
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|unit| unit.len() > 1)
        .map(|unit| Sums::of(unit.iter().map(|(_, value)| *value)))
        .collect();
    let found = of_sums(units.iter())?;
    let mut drawn = Vec::with_capacity(resamples as usize);
    for number in 0..resamples {
        let mut draw = Draw::new(seed, u64::from(number));
        let resample = (0..units.len()).map(|_| &units[draw.below(units.len())]);
        // A resample without disagreement by chance has none at all: full agreement.
        drawn.push(of_sums(resample).map_or(1.0, |alpha| alpha.value));
    }
    let ends = crate::percentiles(&drawn, &[2.5, 97.5]);
    Some(Alpha {
        interval: ends.map(|ends| Interval {
            low: ends[0],
            high: ends[1],
        }),
        ..found
    })
}

/// Number, mean and squared distances from it of some scores.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Sums {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        values.fold(Sums::default(), |sums, value| {
            sums.with(&Sums {
                n: 1.0,
                mean: value,
                squares: 0.0,
            })
        })
    }

    /// Both together; by distances from means, so that a large common offset costs no digits.
    fn with(self, other: &Sums) -> Self {
        let n = self.n + other.n;
        let apart = other.mean - self.mean;
        Sums {
            n,
            mean: self.mean + apart * other.n / n,
            squares: self.squares + other.squares + apart * apart * self.n * other.n / n,
        }
    }

    /// The sum of `(v_i - v_j)^2` over ordered pairs: `2 n` times the squared distances from the mean.
    fn pairs(&self) -> f64 {
        2.0 * self.n * self.squares
    }
}

fn of_sums<'u>(units: impl Iterator<Item = &'u Sums>) -> Option<Alpha> {
    let (mut all, mut disagree, mut number) = (Sums::default(), 0.0, 0);
    for unit in units {
        disagree += unit.pairs() / (unit.n - 1.0);
        all = all.with(unit);
        number += 1;
    }
    let expected = all.pairs() / (all.n * (all.n - 1.0));
    if number == 0 || expected.is_nan() || expected <= 0.0 {
        return None;
    }
    let observed = disagree / all.n;
    Some(Alpha {
        value: 1.0 - observed / expected,
        interval: None,
        observed,
        expected,
        units: number,
        values: all.n as usize,
    })
}

/// How often two raters gave the same value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairAgreement {
    /// The one rater.
    pub first: u32,
    /// The other, with the higher number.
    pub second: u32,
    /// Units that both rated, at least 1.
    pub n: u64,
    /// Of these, on how many they gave the same value.
    pub equal: u64,
    /// The 95 % interval of the share, by Wilson.
    pub interval: Interval,
}

/// The agreement of each two raters who rated a unit in common, in the order of their numbers. Of several values of one rater
/// for one unit the last counts.
pub fn pairwise(votes: &[Vote]) -> Vec<PairAgreement> {
    let mut sorted = votes.to_vec();
    // Stable, so that the last of several values stays the last.
    sorted.sort_by_key(|vote| (vote.unit, vote.rater));
    let mut pairs: BTreeMap<(u32, u32), (u64, u64)> = BTreeMap::new();
    for unit in sorted.chunk_by(|a, b| a.unit == b.unit) {
        let raters: Vec<Vote> = (unit.chunk_by(|a, b| a.rater == b.rater))
            .filter_map(|same| same.last().copied())
            .collect();
        for (at, first) in raters.iter().enumerate() {
            for second in &raters[at + 1..] {
                let (equal, n) = pairs.entry((first.rater, second.rater)).or_default();
                *equal += u64::from(first.value == second.value);
                *n += 1;
            }
        }
    }
    let agreement = |((first, second), (equal, n))| {
        Some(PairAgreement {
            first,
            second,
            n,
            equal,
            interval: wilson(equal, n, Z_95)?,
        })
    };
    pairs.into_iter().filter_map(agreement).collect()
}

#[cfg(test)]
mod tests;
