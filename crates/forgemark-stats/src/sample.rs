//! Location and spread of a sample.

/// Sum of `values` with Neumaier's compensation.
///
/// The error stays at a few units in the last place whatever the order and the mix of
/// magnitudes, so that a total printed by two commands over the same rows is the same.
/// Range: any; 0 for an empty slice.
///
/// # Source
/// A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen",
/// ZAMM 54 (1974), algorithm IV.
pub fn sum(values: &[f64]) -> f64 {
    let mut total = 0.0_f64;
    let mut lost = 0.0_f64;
    for &value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() {
            (total - next) + value
        } else {
            (value - next) + total
        };
        total = next;
    }
    // Infinities make the compensation NaN; the plain total is the right answer then.
    if lost.is_finite() {
        total + lost
    } else {
        total
    }
}

/// Arithmetic mean, `sum(x) / n`.
///
/// `None` for an empty slice or when any value is not finite.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() || !all_finite(values) {
        return None;
    }
    Some(sum(values) / values.len() as f64)
}

/// Sample standard deviation, `sqrt(sum((x - mean)^2) / (n - 1))`.
///
/// Range: 0 or more, in the unit of the values. `None` for fewer than two values (one value says
/// nothing about spread) or when any value is not finite. Two passes, so that a large common
/// offset costs no digits.
///
/// # Source
/// Bessel's correction; the same as Python's `statistics.stdev` and numpy's `std(ddof=1)`.
pub fn sample_std(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares: Vec<f64> = values.iter().map(|x| (x - centre) * (x - centre)).collect();
    Some((sum(&squares) / (values.len() - 1) as f64).sqrt())
}

/// The `q`-quantile with linear interpolation between order statistics.
///
/// With the values sorted as `x[0..n]`: `h = (n - 1) q`, result
/// `x[floor(h)] + (h - floor(h)) (x[floor(h) + 1] - x[floor(h)])`. `q` is a fraction in [0, 1]:
/// 0 gives the minimum, 1 the maximum. `None` for an empty slice, a `q` outside [0, 1], or when
/// any value is not finite. Sorts a copy: `O(n log n)`.
///
/// # Source
/// Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50
/// (1996), type 7; the default of numpy and R.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    percentiles(values, &[q * 100.0]).map(|found| found[0])
}

/// Several percentiles from one sort; `at` in percent, each in [0, 100].
///
/// The formula is that of [`quantile`]. The result is as long as `at` and in its order. `None`
/// for an empty slice, any percentage outside [0, 100], or when any value is not finite.
pub fn percentiles(values: &[f64], at: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || !all_finite(values) || !at.iter().all(|p| (0.0..=100.0).contains(p)) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(
        at.iter()
            .map(|p| quantile_sorted(&sorted, p / 100.0))
            .collect(),
    )
}

/// The middle of the sample: [`quantile`] at 0.5 (mean of the two middle values for even `n`).
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// What a table prints about a column of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Number of values, at least 1.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; `None` for a single value.
    pub std: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// First quartile, by [`quantile`].
    pub q25: f64,
    /// Median, by [`quantile`].
    pub median: f64,
    /// Third quartile, by [`quantile`].
    pub q75: f64,
    /// Largest value.
    pub max: f64,
}

/// Count, mean, spread and quartiles of `values`.
///
/// `None` for an empty slice or when any value is not finite.
pub fn summary(values: &[f64]) -> Option<Summary> {
    let found = percentiles(values, &[0.0, 25.0, 50.0, 75.0, 100.0])?;
    Some(Summary {
        n: values.len(),
        mean: mean(values)?,
        std: sample_std(values),
        min: found[0],
        q25: found[1],
        median: found[2],
        q75: found[3],
        max: found[4],
    })
}

fn all_finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// `sorted` is not empty and ascending, `q` in [0, 1].
fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * q;
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let share = position - below as f64;
    sorted[below] + share * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests;
