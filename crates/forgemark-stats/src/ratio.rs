//! Totals predicted from a few measured units whose sizes are known for all.

#[cfg(test)]
mod tests;

use crate::interval::{Interval, Z_95};

/// A total with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The total: what was measured, and what is expected of the rest.
    pub total: f64,
    /// Two-sided 95 % prediction interval of the total; `None` for fewer than two measured units while a rest is left.
    pub interval: Option<Interval>,
}

/// Predicts a total over all units from `measured` ones, pairs of size and amount, and the size that is `left`.
///
/// The ratio estimator: with `R` the sum of amounts by the sum of sizes, the total is the measured sum plus `R * left`.
/// With residuals `e = amount - R * size`, their variance `s^2` with `n - 1` degrees of freedom, and `m = left / mean size`
/// units to come, the variance of the rest is `s^2 * (m + m^2 / n)`: the units' own, and that of `R`. The interval is the
/// 0.975 quantile of Student's t with `n - 1` degrees of freedom times its root, to both sides, and never below what was
/// measured. It holds for units drawn like those that are left; with few or very skewed units it is too narrow.
///
/// `None` without a measured unit of positive size, or for values that are negative or not finite.
///
/// # Source
/// W. G. Cochran, Sampling Techniques, 3rd edition (1977), section 6.3 to 6.5, with the variance of the rest added.
pub fn predict_total(measured: &[(f64, f64)], left: f64) -> Option<Prediction> {
    let sound = |value: f64| value.is_finite() && value >= 0.0;
    if !sound(left) || !measured.iter().all(|(x, y)| sound(*x) && sound(*y)) {
        return None;
    }
    let sizes: f64 = measured.iter().map(|(x, _)| x).sum();
    let amounts: f64 = measured.iter().map(|(_, y)| y).sum();
    if sizes <= 0.0 {
        return None;
    }
    let ratio = amounts / sizes;
    let total = amounts + ratio * left;
    if left == 0.0 {
        let exact = Interval {
            low: total,
            high: total,
        };
        return Some(Prediction {
            total,
            interval: Some(exact),
        });
    }
    let n = measured.len() as f64;
    let interval = (measured.len() >= 2).then(|| {
        let squares: f64 = measured.iter().map(|(x, y)| (y - ratio * x).powi(2)).sum();
        let to_come = left / (sizes / n);
        let variance = squares / (n - 1.0) * (to_come + to_come * to_come / n);
        let half = student_t_975(measured.len() as u64 - 1) * variance.sqrt();
        Interval {
            low: (total - half).max(amounts),
            high: total + half,
        }
    });
    Some(Prediction { total, interval })
}

/// The 0.975 quantile of Student's t distribution: exact to three decimals for up to 30 degrees of freedom, by the
/// expansion around the normal quantile (error below 1e-5) beyond. Infinite for none.
///
/// # Source
/// M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, table 26.10 and 26.7.5.
pub fn student_t_975(degrees: u64) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    let Some(place) = degrees.checked_sub(1) else {
        return f64::INFINITY;
    };
    if let Some(value) = TABLE.get(place as usize) {
        return *value;
    }
    let (z, n) = (Z_95, degrees as f64);
    z + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
}
