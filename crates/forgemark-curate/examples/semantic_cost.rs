//! What near duplicates among vectors cost: `cargo run --release -p forgemark-curate --example semantic_cost -- ROWS DIM`.
//!
//! Two sets: clusters with a common mean, a decaying spectrum and planted near duplicates, and directions without any
//! order. Prints seconds, pairs and what was dropped; with `naive` as a third argument also whether the naive loop agrees.

use std::time::Instant;

use forgemark_curate::similar::vectors::{
    Scorer, Search, default_threads, first_kept_wins, naive_first_kept_wins,
};

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// Nearly normal, variance 1.
    fn normal(&mut self) -> f32 {
        (0..3).map(|_| self.next()).sum()
    }
}

fn isotropic(n: usize, dim: usize) -> Vec<f32> {
    let mut numbers = Numbers(1);
    (0..n * dim).map(|_| numbers.normal()).collect()
}

fn clustered(n: usize, dim: usize) -> Vec<f32> {
    let mut numbers = Numbers(2);
    let spectrum: Vec<f32> = (0..dim).map(|k| 1.0 / (1.0 + k as f32).powf(0.4)).collect();
    let energy = spectrum.iter().map(|s| s * s).sum::<f32>();
    let mean: Vec<f32> = (0..dim)
        .map(|_| numbers.normal() * (2.3 * energy / dim as f32).sqrt())
        .collect();
    let centres: Vec<Vec<f32>> = (0..200)
        .map(|_| {
            spectrum
                .iter()
                .map(|s| s * numbers.normal() * 0.7)
                .collect()
        })
        .collect();
    let mut rows: Vec<f32> = Vec::with_capacity(n * dim);
    for place in 0..n {
        if place % 10 == 9 {
            let of = (place * 7 % (place - 1)) * dim;
            let noise = 0.1 + 0.5 * numbers.next().abs();
            let size = (rows[of..of + dim].iter().map(|x| x * x).sum::<f32>() / dim as f32).sqrt();
            for k in 0..dim {
                let value = rows[of + k] + noise * size * numbers.normal();
                rows.push(value);
            }
            continue;
        }
        let scale = 1.0 + numbers.next() * 0.5;
        let centre = &centres[place * 31 % centres.len()];
        for k in 0..dim {
            rows.push(scale * (mean[k] + centre[k] + 0.7 * spectrum[k] * numbers.normal()));
        }
    }
    rows
}

#[expect(clippy::print_stdout, reason = "a measurement that is run by hand")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| {
        arguments
            .get(place)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (n, dim) = (number(0, 10_000), number(1, 384));
    for (name, data) in [
        ("clustered", clustered(n, dim)),
        ("isotropic", isotropic(n, dim)),
    ] {
        let rows: Vec<Option<&[f32]>> = data.chunks_exact(dim).map(Some).collect();
        for distance in [0.05, 0.2] {
            for scorer in [Scorer::Double, Scorer::SequentialF32] {
                let search = Search {
                    distance,
                    scorer,
                    threads: default_threads(),
                };
                let start = Instant::now();
                let greedy = first_kept_wins(&rows, &search);
                let seconds = start.elapsed().as_secs_f64();
                let dropped = greedy.keeper.iter().flatten().count();
                println!(
                    "{name} {n} x {dim} at {distance} {scorer:?}: {seconds:.2} s, {} compared, {} scored, {dropped} dropped",
                    greedy.compared, greedy.scored
                );
                if arguments.get(2).is_some_and(|word| word == "naive") {
                    let naive = naive_first_kept_wins(&rows, &search);
                    println!(
                        "  equal to the naive loop: {}",
                        naive.keeper == greedy.keeper
                    );
                }
            }
        }
    }
}
