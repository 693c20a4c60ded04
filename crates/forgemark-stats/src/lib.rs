//! Metrics, intervals and agreement as plain functions on slices.
//!
//! Every function states its formula, its range, what it gives on the edges (nothing, one value,
//! ties, one class) and where the formula comes from. A quantity that the data do not define is
//! `None`, never 0 and never NaN: a table can then print "-" where a 0 would be a claim.
//!
//! Invariants: nothing here reads a file or knows what the numbers mean, and random draws depend on
//! a seed that is handed in and on nothing else. Values that are not finite make a result undefined.

mod agreement;
mod classify;
mod draw;
mod histogram;
mod interval;
mod linear;
mod panel;
pub mod rating;
mod ratio;
mod sample;

pub use agreement::{Kappa, cohen_kappa};
pub use classify::{Confusion, Rate};
pub use histogram::{Histogram, histogram, tally};
pub use interval::{Interval, Z_95, wilson};
pub use panel::{Alpha, PairAgreement, Score, Vote, alpha, alpha_interval, pairwise};
pub use ratio::{Prediction, predict_total, student_t_975};
pub use sample::{Summary, mean, median, percentiles, quantile, sample_std, sum, summary};
