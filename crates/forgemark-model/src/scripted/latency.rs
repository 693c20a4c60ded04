//! How long a scripted reply takes.

use std::time::Duration;

use super::hash::{Draws, Purpose};

/// Standard normal quantile of 0.95: what lies between the median and p95 of a log-normal
/// distribution, in units of sigma.
const Z95: f64 = 1.644_853_626_951_472_2;

/// Distribution of the time from the whole request to the first byte of the reply.
///
/// Times are milliseconds, at least 0; the server's clock has a resolution of 1 ms, and a time
/// of 0 waits for nothing at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always the same time.
    Fixed {
        /// The time.
        ms: f64,
    },
    /// Evenly distributed over `[min_ms, max_ms)`.
    Uniform {
        /// Shortest time.
        min_ms: f64,
        /// Longest time.
        max_ms: f64,
    },
    /// Log-normal, then clipped to `[min_ms, max_ms]`.
    LogNormal {
        /// Half of the times are shorter (before clipping).
        median_ms: f64,
        /// Standard deviation of the natural logarithm of the time.
        sigma: f64,
        /// Shorter times become this.
        min_ms: f64,
        /// Longer times become this.
        max_ms: f64,
    },
}

impl Latency {
    /// No wait.
    pub const NONE: Self = Self::Fixed { ms: 0.0 };

    /// Log-normal with 5 % of the times below `p5_ms` and 5 % above `p95_ms`, both above 0,
    /// clipped to `[min_ms, max_ms]`.
    pub fn log_normal_p5_p95(p5_ms: f64, p95_ms: f64, min_ms: f64, max_ms: f64) -> Self {
        Self::LogNormal {
            median_ms: (p5_ms * p95_ms).sqrt(),
            sigma: (p95_ms / p5_ms).ln() / (2.0 * Z95),
            min_ms,
            max_ms,
        }
    }

    /// The time for these draws.
    pub(super) fn draw(self, draws: Draws) -> Duration {
        let ms = match self {
            Self::Fixed { ms } => ms,
            Self::Uniform { min_ms, max_ms } => {
                min_ms + (max_ms - min_ms) * draws.unit(Purpose::Latency)
            }
            Self::LogNormal {
                median_ms,
                sigma,
                min_ms,
                max_ms,
            } => {
                let normal = draws.normal(Purpose::Latency, Purpose::LatencyAngle);
                // Not `clamp`, which panics when the bounds are crossed.
                (median_ms * (sigma * normal).exp()).max(min_ms).min(max_ms)
            }
        };
        milliseconds(ms)
    }
}

/// Microsecond precision, so that the last bits of a platform's `exp` never show.
pub(super) fn milliseconds(ms: f64) -> Duration {
    Duration::from_micros((ms.max(0.0) * 1_000.0).round() as u64)
}

#[cfg(test)]
mod tests;
