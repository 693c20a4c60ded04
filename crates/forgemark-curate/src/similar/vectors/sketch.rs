//! Sketches: a few numbers a row whose product bounds the cosine from above.

use super::kernel::{self, PANEL, Panels};
use super::score::{Scored, UNIT};

/// Rows that the basis is fitted to.
const SAMPLE: usize = 768;

/// Rows of the sample of which all pairs are tried to choose the number of directions.
const TRIED: usize = 384;

/// Rounds of orthogonal iteration. More would turn the directions further to the best ones, at a price that small sets
/// do not get back.
const ROUNDS: usize = 2;

/// What a score costs, in products of one direction.
const SCORE_COST: f64 = 3_000.0;

/// Numbers of directions to choose from.
const DIRECTIONS: [usize; 7] = [8, 16, 32, 48, 64, 96, 128];

/// Vectors no longer than this are their own sketch.
const SHORT: usize = 48;

/// How rows become sketches.
#[derive(Debug, Clone)]
pub(super) struct Sketcher {
    dim: usize,
    /// Directions one after the other; empty when vectors are their own sketch.
    basis: Vec<f32>,
    directions: usize,
    /// How much a product of sketches may fall short of the true cosine.
    slack: f64,
}

impl Sketcher {
    /// A sketcher for vectors of `dim` components like those of `rows`, for cosines of at least `least`.
    pub(super) fn fit(rows: &[Scored<'_>], dim: usize, least: f64) -> Self {
        let mut whole = Sketcher {
            dim,
            basis: Vec::new(),
            directions: dim,
            slack: slack(dim, dim),
        };
        if dim <= SHORT || rows.len() < 2 * PANEL {
            return whole;
        }
        let step = rows.len().div_ceil(SAMPLE);
        let sample: Vec<Vec<f32>> = rows.iter().step_by(step).map(normalised).collect();
        // The sketches of all rows, which are kept as halves, must not be more than a fifth of the vectors.
        let most = DIRECTIONS
            .into_iter()
            .rfind(|m| (m + 1) * 5 <= dim * 2)
            .unwrap_or(DIRECTIONS[0]);
        whole.basis = fit_basis(&sample, dim, most);
        whole.directions = whole.basis.len() / dim.max(1);
        let tried = &rows
            .iter()
            // Not those of the sample, which the basis was fitted to.
            .skip(1)
            .step_by(rows.len().div_ceil(TRIED))
            .copied()
            .collect::<Vec<_>>();
        let cost = |directions: &usize| {
            let sketcher = whole.with_directions(*directions);
            (*directions as f64 + SCORE_COST * sketcher.survivors(tried, least)).round() as u64
        };
        let choices = DIRECTIONS.into_iter().filter(|m| *m <= whole.directions);
        let best = choices.min_by_key(cost).unwrap_or(whole.directions);
        whole.with_directions(best)
    }

    fn with_directions(&self, directions: usize) -> Self {
        Sketcher {
            dim: self.dim,
            basis: self.basis[..directions * self.dim].to_vec(),
            directions,
            slack: slack(self.dim, directions),
        }
    }

    /// Components of a sketch.
    pub(super) fn width(&self) -> usize {
        self.directions + 1
    }

    /// The limit that a product of sketches reaches whenever the cosine is at least `least`.
    pub(super) fn limit(&self, least: f64) -> f32 {
        // The next smaller single, so that rounding cannot raise it.
        ((least - self.slack - kernel::HALVED) as f32).next_down()
    }

    /// Appends the sketch of a row.
    pub(super) fn sketch(&self, row: &Scored<'_>, out: &mut Vec<f32>) {
        if row.is_irregular() {
            // Its product with every sketch, each of which has a rest above 0, reaches every limit.
            out.resize(out.len() + self.directions, 0.0);
            out.push(1e12);
            return;
        }
        let vector = normalised(row);
        if self.basis.is_empty() {
            out.extend_from_slice(&vector);
            out.push(1e-6);
            return;
        }
        let start = out.len();
        out.extend(
            self.basis
                .chunks_exact(self.dim)
                .map(|direction| dot(direction, &vector)),
        );
        let inside: f64 = out[start..]
            .iter()
            .map(|value| f64::from(*value).powi(2))
            .sum();
        out.push(((1.0 - inside).max(0.0) + self.slack).sqrt() as f32);
    }

    /// The share of pairs of `rows` that a sketch of this many directions leaves to be scored.
    fn survivors(&self, rows: &[Scored<'_>], least: f64) -> f64 {
        let mut sketches = Vec::new();
        let mut panels = Panels::with_room(self.width(), rows.len());
        for row in rows {
            let start = sketches.len();
            self.sketch(row, &mut sketches);
            panels.push(&sketches[start..]);
        }
        let (arch, limit) = (pulp::Arch::new(), self.limit(least));
        let mut found = Vec::new();
        for panel in 0..panels.len().div_ceil(PANEL) {
            kernel::reach(
                arch,
                &sketches,
                self.width(),
                &panels.panel(panel),
                limit,
                &mut found,
            );
        }
        // A row always reaches itself.
        let pairs = (rows.len() * rows.len().saturating_sub(1)).max(1);
        found.len().saturating_sub(rows.len()) as f64 / pairs as f64
    }
}

/// How far rounding can carry a product of sketches below the cosine: each coordinate is a sum of `dim` products in
/// singles, and so is the product of the sketches; the basis is orthonormal up to singles.
fn slack(dim: usize, directions: usize) -> f64 {
    let (dim, directions) = (dim as f64, directions as f64);
    4.0 * UNIT * (dim * directions.sqrt() + directions) + 1e-5
}

/// The vector of length 1 in the same direction.
fn normalised(row: &Scored<'_>) -> Vec<f32> {
    row.row
        .iter()
        .map(|value| (f64::from(*value) / row.length) as f32)
        .collect()
}

/// Directions that hold most of the sample, by orthogonal iteration on its second moments (Golub and Van Loan, Matrix
/// Computations, 8.2.4), the strongest first. The mean counts as a direction like any other.
fn fit_basis(sample: &[Vec<f32>], dim: usize, count: usize) -> Vec<f32> {
    let mut basis = start_basis(dim, count);
    orthonormalise(&mut basis, dim);
    for _ in 0..ROUNDS {
        let mut next = vec![0.0_f32; basis.len()];
        for row in sample {
            for (direction, next) in basis.chunks_exact(dim).zip(next.chunks_exact_mut(dim)) {
                let weight = dot(direction, row);
                for (sum, value) in next.iter_mut().zip(row) {
                    *sum += weight * value;
                }
            }
        }
        basis = next;
        orthonormalise(&mut basis, dim);
    }
    basis
}

/// Pseudo-random directions, always the same ones.
fn start_basis(dim: usize, count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32) / (1_u64 << 23) as f32 - 1.0
    };
    (0..dim * count).map(|_| next()).collect()
}

/// Gram and Schmidt's method, twice, which is enough. A direction that lies within the earlier ones becomes 0, which bounds
/// as well as any.
fn orthonormalise(basis: &mut [f32], dim: usize) {
    for place in 0..basis.len() / dim.max(1) {
        let (done, rest) = basis.split_at_mut(place * dim);
        let direction = &mut rest[..dim];
        let before = dot64(direction, direction).sqrt();
        for _ in 0..2 {
            for other in done.chunks_exact(dim) {
                let share = dot64(other, direction) as f32;
                for (value, other) in direction.iter_mut().zip(other) {
                    *value -= share * other;
                }
            }
        }
        let length = dot64(direction, direction).sqrt();
        let scale = if length > before * 1e-4 {
            1.0 / length
        } else {
            0.0
        };
        for value in direction {
            *value = (f64::from(*value) * scale) as f32;
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f32>() + rest
}

fn dot64(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum()
}
