//! The two scorers.

use super::Scorer;

/// Lanes of the sum in doubles.
const LANES: usize = 8;

/// Unit roundoff of a single.
pub(super) const UNIT: f64 = 1.0 / 16_777_216.0;

/// The cosine distance of `a` and `b`; `None` where the lengths differ, one is empty, or one has no direction.
pub fn distance(a: &[f32], b: &[f32], scorer: Scorer) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let (a, b) = (Scored::new(a, scorer)?, Scored::new(b, scorer)?);
    Some(a.distance(&b, scorer)).filter(|distance| !distance.is_nan())
}

/// A vector with what every comparison needs of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    pub(super) row: &'a [f32],
    /// The sum of squares as the scorer computes it.
    square: Square,
    /// The length in doubles.
    pub(super) length: f64,
}

#[derive(Debug, Clone, Copy)]
enum Square {
    Single(f32),
    Double(f64),
}

impl<'a> Scored<'a> {
    /// `None` when every distance to it is undefined.
    pub(super) fn new(row: &'a [f32], scorer: Scorer) -> Option<Self> {
        let double = dot_double(row, row);
        let square = match scorer {
            Scorer::SequentialF32 => {
                let single = dot_sequential(row, row);
                if single == 0.0 || row.iter().any(|component| !component.is_finite()) {
                    return None;
                }
                Square::Single(single)
            }
            Scorer::Double => {
                if double == 0.0 || !double.is_finite() {
                    return None;
                }
                Square::Double(double)
            }
        };
        Some(Scored {
            row,
            square,
            length: double.sqrt(),
        })
    }

    /// Whether rounding can carry a distance of it further than [`tolerance`]: its squares left the range of singles.
    pub(super) fn is_irregular(&self) -> bool {
        match self.square {
            Square::Single(square) => !(1e-30..=1e30).contains(&square),
            Square::Double(_) => false,
        }
    }

    /// The distance to `other`; not a number where it is undefined.
    pub(super) fn distance(&self, other: &Self, scorer: Scorer) -> f64 {
        match (scorer, self.square, other.square) {
            (Scorer::SequentialF32, Square::Single(a), Square::Single(b)) => {
                f64::from(1.0 - dot_sequential(self.row, other.row) / (a.sqrt() * b.sqrt()))
            }
            (Scorer::Double, Square::Double(a), Square::Double(b)) => {
                // The square root of a perfect square is exact, so equal vectors come out at 0.
                1.0 - dot_double(self.row, other.row) / (a * b).sqrt()
            }
            _ => f64::NAN,
        }
    }

    /// Whether `other` is within `limit`, and how far it is; `margin` is the [`tolerance`] of the scorer.
    pub(super) fn within(
        &self,
        other: &Self,
        limit: f64,
        margin: f64,
        scorer: Scorer,
    ) -> Option<f64> {
        if scorer == Scorer::SequentialF32 && !self.is_irregular() && !other.is_irregular() {
            let near = 1.0 - dot_double(self.row, other.row) / (self.length * other.length);
            if near > limit + margin {
                return None;
            }
        }
        let distance = self.distance(other, scorer);
        (distance <= limit).then_some(distance)
    }
}

/// How far the scorer can be from the true distance of vectors of `dim` components: the usual bound of recursive summation,
/// `dim` roundings for the product and half as many for each of the lengths, and a few for the rest.
pub(super) fn tolerance(dim: usize, scorer: Scorer) -> f64 {
    match scorer {
        Scorer::SequentialF32 => 2.2 * dim as f64 * UNIT + 1e-6,
        Scorer::Double => 1e-12,
    }
}

fn dot_sequential(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (x, y)| sum + x * y)
}

fn dot_double(a: &[f32], b: &[f32]) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0_f64; LANES];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += f64::from(x[lane]) * f64::from(y[lane]);
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane += f64::from(*x) * f64::from(*y);
    }
    let pairs = [0, 2, 4, 6].map(|lane| lanes[lane] + lanes[lane + 1]);
    (pairs[0] + pairs[1]) + (pairs[2] + pairs[3])
}
