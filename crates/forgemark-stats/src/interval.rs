//! Confidence intervals of proportions.

/// Half-width of a two-sided 95 % interval in standard errors: the 0.975 quantile of the normal
/// distribution.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end, at least `low`.
    pub high: f64,
}

impl Interval {
    /// The interval under an increasing function of its ends.
    pub(crate) fn map(self, increasing: impl Fn(f64) -> f64) -> Self {
        Self {
            low: increasing(self.low),
            high: increasing(self.high),
        }
    }
}

/// Wilson score interval of a proportion: `hits` of `trials`, `z` standard errors wide.
///
/// With `p = hits / trials`: centre `(p + z^2 / 2n) / (1 + z^2 / n)`, half-width
/// `z / (1 + z^2 / n) * sqrt(p (1 - p) / n + z^2 / 4n^2)`. Range: within [0, 1], and of positive
/// width even at 0 of n and n of n, where the textbook (Wald) interval collapses to a point.
/// `None` for no trials, more hits than trials, or a `z` that is negative or not finite.
///
/// # Source
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (1927); recommended for small n by L. D. Brown and others, Statistical Science 16 (2001).
pub fn wilson(hits: u64, trials: u64, z: f64) -> Option<Interval> {
    if trials == 0 || hits > trials || !z.is_finite() || z < 0.0 {
        return None;
    }
    let n = trials as f64;
    let p = hits as f64 / n;
    let shrink = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / shrink;
    let half = z / shrink * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    // Exact at the ends; rounding would leave 1e-17 instead of 0.
    let low = if hits == 0 {
        0.0
    } else {
        (centre - half).max(0.0)
    };
    let high = if hits == trials {
        1.0
    } else {
        (centre + half).min(1.0)
    };
    Some(Interval { low, high })
}

#[cfg(test)]
mod tests;
