//! Near duplicates among vectors: the exact answer of the greedy first-kept-wins rule, fast.
//!
//! ```text
//! rows ─ equal ones collapse ─ sketch (m + 1 numbers a row) ─ tiles: sketch product >= 1 - t ? ─ score ─ decide in order
//! ```
//!
//! A row is dropped when an earlier row that was kept lies within a cosine distance of it, equality included; its keeper is
//! the first of those. With the distance as the definition of an edge this is the lexicographically first maximal
//! independent set, so edges may be found in any order as long as they are all found.
//!
//! **Sketch.** For an orthonormal basis of `m` directions, `x·y = xp·yp + xr·yr <= xp·yp + |xr||yr|`, where `xp` is the part
//! of `x` inside and `xr` the rest. So `m` coordinates and the length of the rest are `m + 1` numbers whose product is never
//! below the true cosine, but for rounding, which a slack covers. The basis is fitted to a sample, so that few directions
//! hold most of each vector; `m` is chosen by what the sample says a comparison costs. A wrong choice costs time, never an
//! answer: whatever the sketch does not refuse is scored with the scorer itself.
//!
//! **Scorers.** [`Scorer::Double`] is the rule of the default profile. [`Scorer::SequentialF32`] is the loop of the original:
//! away from the threshold a sum in doubles with a proven bound decides for it, near it the loop itself.

mod greedy;
mod kernel;
mod naive;
mod score;
mod sketch;

#[cfg(test)]
mod tests;

use std::thread;

pub use greedy::{edges, first_kept_wins, first_matches, most_similar};
pub use naive::first_kept_wins as naive_first_kept_wins;
pub use score::distance;

/// How a distance is computed. Both are cosine distances, from 0 (one direction) to 2 (opposite), up to rounding, and
/// undefined where a vector has no direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scorer {
    /// One pass in singles from the first component to the last, as the original does. Two equal vectors may have a
    /// distance above 0.
    SequentialF32,
    /// Sums of exact products in doubles, in eight lanes that are added in pairs. Equal vectors have distance 0.
    Double,
}

/// What counts as near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Largest cosine distance of near rows; equality counts.
    pub distance: f64,
    /// How it is computed.
    pub scorer: Scorer,
    /// Threads to use, at least 1. They change nothing but the time.
    pub threads: usize,
}

/// Another row and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Its place, from 0.
    pub row: usize,
    /// The distance, as the scorer computes it.
    pub distance: f64,
}

/// The answer of the greedy rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Greedy {
    /// For each row the kept row that it is a near duplicate of; `None` for rows that stay.
    pub keeper: Vec<Option<Match>>,
    /// Pairs that were compared, with sketches or scores.
    pub compared: u64,
    /// Of these, pairs that were scored.
    pub scored: u64,
}

/// As many threads as the machine runs at once.
pub fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Why a row cannot be compared with any other, or `None` when it can.
pub fn unusable(row: Option<&[f32]>) -> Option<&'static str> {
    let Some(row) = row else {
        return Some("it has none");
    };
    if row.is_empty() {
        Some("it is empty")
    } else if !row.iter().all(|component| component.is_finite()) {
        Some("a component is not finite")
    } else if row.iter().all(|component| *component == 0.0) {
        Some("its length is 0")
    } else {
        None
    }
}
