//! Quality of a yes/no decision against the truth.

use crate::interval::{Interval, Z_95, wilson};

/// Counts of decisions against the truth, for one positive class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Said yes, is yes.
    pub true_positive: u64,
    /// Said yes, is no.
    pub false_positive: u64,
    /// Said no, is yes.
    pub false_negative: u64,
    /// Said no, is no.
    pub true_negative: u64,
}

/// A ratio with what it was made of and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The ratio, in [0, 1].
    pub value: f64,
    /// Its 95 % interval, within [0, 1].
    pub interval: Interval,
}

impl Confusion {
    /// Adds one decision.
    pub fn add(&mut self, said: bool, is: bool) {
        match (said, is) {
            (true, true) => self.true_positive += 1,
            (true, false) => self.false_positive += 1,
            (false, true) => self.false_negative += 1,
            (false, false) => self.true_negative += 1,
        }
    }

    /// Number of decisions.
    pub fn n(&self) -> u64 {
        self.true_positive + self.false_positive + self.false_negative + self.true_negative
    }

    /// Precision, `TP / (TP + FP)`, with its Wilson interval; higher is better.
    ///
    /// `None` when nothing was called positive: a classifier that never says yes has no
    /// precision, neither 0 nor 1.
    pub fn precision(&self) -> Option<Rate> {
        rate(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Recall, `TP / (TP + FN)`, with its Wilson interval; higher is better.
    ///
    /// `None` when there is no positive case.
    pub fn recall(&self) -> Option<Rate> {
        rate(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Accuracy, `(TP + TN) / n`, with its Wilson interval; higher is better.
    ///
    /// `None` without decisions. With unequal classes the share of the larger one is the bar.
    pub fn accuracy(&self) -> Option<Rate> {
        rate(self.true_positive + self.true_negative, self.n())
    }

    /// F1, `2 TP / (2 TP + FP + FN)`, the harmonic mean of precision and recall; higher is better.
    ///
    /// F1 is no proportion, so Wilson does not apply to it directly. But
    /// `F* = TP / (TP + FP + FN)` is one (of the cases that are positive or were called so), and
    /// `F1 = 2 F* / (1 + F*)` increases with it: the interval is that of `F*`, mapped. `None`
    /// when no case is positive and none was called so.
    ///
    /// # Source
    /// Hand, Christen and Kirielle, "F*: an interpretable transformation of the F-measure",
    /// Machine Learning 110 (2021), for F*; the interval by mapping is the usual one for an
    /// increasing function.
    pub fn f1(&self) -> Option<Rate> {
        let star = rate(
            self.true_positive,
            self.true_positive + self.false_positive + self.false_negative,
        )?;
        let f1 = |star: f64| 2.0 * star / (1.0 + star);
        Some(Rate {
            value: f1(star.value),
            interval: star.interval.map(f1),
        })
    }
}

impl FromIterator<(bool, bool)> for Confusion {
    /// Counts pairs of (said, is).
    fn from_iter<I: IntoIterator<Item = (bool, bool)>>(pairs: I) -> Self {
        let mut counts = Self::default();
        for (said, is) in pairs {
            counts.add(said, is);
        }
        counts
    }
}

fn rate(hits: u64, trials: u64) -> Option<Rate> {
    let interval = wilson(hits, trials, Z_95)?;
    Some(Rate {
        value: hits as f64 / trials as f64,
        interval,
    })
}

#[cfg(test)]
mod tests;
