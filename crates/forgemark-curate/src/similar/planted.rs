//! Made-up vectors with planted near duplicates, for measuring.
//!
//! They are made to be hard in the ways in which sentence embeddings are: a common mean, so that unrelated rows have a
//! cosine of about 0.7; a spectrum that decays slowly and along no axis; lengths that differ; near duplicates whose distances
//! lie around the threshold. The other kind has none of it: directions drawn evenly, where no few directions hold most of
//! a vector.

use std::f32::consts::TAU;

/// What the rows are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mixture around centres, with a common mean and a decaying spectrum.
    Clustered,
    /// Directions drawn evenly.
    Isotropic,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Clustered => "clustered",
            Kind::Isotropic => "isotropic",
        }
    }
}

/// Share of the squared length that the common mean has: the cosine of unrelated rows.
const COMMON: f32 = 0.7;

/// One row in so many is a planted near duplicate of an earlier one.
const PLANTED: usize = 10;

/// Rows to a centre.
const TO_A_CENTRE: usize = 200;

/// Share of the variance that lies between centres.
const BETWEEN: f32 = 0.4;

/// How fast the spectrum decays: the standard deviation of direction `k` is `(k + 1)` to the power of minus this.
const DECAY: f32 = 0.5;

/// `rows` vectors of `dim` components, one after the other. A tenth of them are turned from an earlier row by 0.9 to 1.1 times
/// the angle that belongs to the cosine distance `around`. The same arguments give the same vectors.
pub fn rows(kind: Kind, rows: usize, dim: usize, around: f64, seed: u64) -> Vec<f32> {
    let mut random = Random(seed ^ 0x9e37_79b9_7f4a_7c15);
    let shape = Shape::new(kind, rows, dim, &mut random);
    let mut all: Vec<f32> = Vec::with_capacity(rows * dim);
    let mut row = vec![0.0_f32; dim];
    for place in 0..rows {
        if place > 0 && random.below(PLANTED) == 0 {
            let model = random.below(place) * dim;
            let angle = (1.0 - around).acos() as f32 * (0.9 + 0.2 * random.unit());
            row.copy_from_slice(&all[model..model + dim]);
            turn(&mut row, angle, &mut random);
        } else {
            shape.draw(&mut row, &mut random);
        }
        let length = 0.5 + 3.5 * random.unit();
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let scale = if norm > 0.0 { length / norm } else { 1.0 };
        all.extend(row.iter().map(|x| x * scale));
    }
    all
}

struct Shape {
    kind: Kind,
    mean: Vec<f32>,
    deviations: Vec<f32>,
    centres: Vec<f32>,
    /// Mirrors that turn the axes of the spectrum away from those of the coordinates.
    mirrors: Vec<Vec<f32>>,
}

impl Shape {
    fn new(kind: Kind, rows: usize, dim: usize, random: &mut Random) -> Self {
        let deviations: Vec<f32> = (0..dim).map(|k| (k as f32 + 1.0).powf(-DECAY)).collect();
        let variance: f32 = deviations.iter().map(|x| x * x).sum();
        let mut mean = random.direction(dim);
        let size = (variance * COMMON / (1.0 - COMMON)).sqrt();
        scale(&mut mean, size);
        let count = (rows / TO_A_CENTRE).max(8);
        let centres = match kind {
            Kind::Clustered => (0..count)
                .flat_map(|_| {
                    let drawn = deviations
                        .iter()
                        .map(|sd| sd * BETWEEN.sqrt() * random.normal());
                    drawn.collect::<Vec<_>>()
                })
                .collect(),
            Kind::Isotropic => Vec::new(),
        };
        let mirrors = (0..3).map(|_| random.direction(dim)).collect();
        Shape {
            kind,
            mean,
            deviations,
            centres,
            mirrors,
        }
    }

    fn draw(&self, row: &mut [f32], random: &mut Random) {
        if self.kind == Kind::Isotropic {
            row.fill_with(|| random.normal());
            return;
        }
        let dim = row.len();
        let centre = random.below(self.centres.len() / dim.max(1)) * dim;
        let within = (1.0 - BETWEEN).sqrt();
        for (k, value) in row.iter_mut().enumerate() {
            *value = self.centres[centre + k] + self.deviations[k] * within * random.normal();
        }
        for mirror in &self.mirrors {
            let share: f32 = mirror.iter().zip(&*row).map(|(m, x)| m * x).sum();
            for (value, m) in row.iter_mut().zip(mirror) {
                *value -= 2.0 * share * m;
            }
        }
        for (value, mean) in row.iter_mut().zip(&self.mean) {
            *value += mean;
        }
    }
}

fn scale(row: &mut [f32], factor: f32) {
    for value in row {
        *value *= factor;
    }
}

/// Turns `row` by `angle` into a random direction.
fn turn(row: &mut [f32], angle: f32, random: &mut Random) {
    let square: f32 = row.iter().map(|x| x * x).sum();
    let mut side = random.direction(row.len());
    let share: f32 = side.iter().zip(&*row).map(|(s, x)| s * x).sum::<f32>() / square.max(1e-30);
    side.iter_mut()
        .zip(&*row)
        .for_each(|(s, x)| *s -= share * x);
    let size = side.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-30);
    let (sine, cosine) = angle.sin_cos();
    for (value, side) in row.iter_mut().zip(&side) {
        *value = cosine * *value + sine * square.sqrt() * side / size;
    }
}

/// Numbers that are the same everywhere (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 up to below 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Of the standard normal distribution (Box and Muller 1958).
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    fn direction(&mut self, dim: usize) -> Vec<f32> {
        let mut direction: Vec<f32> = (0..dim).map(|_| self.normal()).collect();
        let size = direction
            .iter()
            .map(|x| x * x)
            .sum::<f32>()
            .sqrt()
            .max(1e-30);
        scale(&mut direction, 1.0 / size);
        direction
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similar::vectors::{Scorer, distance};

    #[test]
    fn unrelated_rows_have_the_cosine_that_is_promised_and_planted_ones_lie_around_the_threshold() {
        let (n, dim) = (2_000, 96);
        for (kind, typical) in [(Kind::Clustered, 0.7), (Kind::Isotropic, 0.0)] {
            let all = rows(kind, n, dim, 0.05, 3);
            let row = |place: usize| &all[place * dim..(place + 1) * dim];
            let cosine = |a, b| 1.0 - distance(row(a), row(b), Scorer::Double).unwrap();
            let mean = (0..n / 2).map(|k| cosine(k, k + n / 2)).sum::<f64>() / (n / 2) as f64;
            assert!((mean - typical).abs() < 0.06, "{}: {mean}", kind.word());
            let near = (0..n)
                .filter(|k| (0..*k).any(|other| (0.04..0.062).contains(&(1.0 - cosine(*k, other)))))
                .count();
            assert!(
                near > n / 20,
                "{}: {near} around the threshold",
                kind.word()
            );
        }
    }
}
