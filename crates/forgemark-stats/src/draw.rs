//! Random draws that are the same on every machine: a stream of its own for each resample.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of draws.
#[derive(Debug)]
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream with this number of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Draw(random)
    }

    /// A number below `n`; 0 for `n = 0`. The bias of the multiply-shift is below n / 2^64.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// How often each of `n` things is drawn in `n` draws with replacement.
    pub(crate) fn multiplicities(&mut self, times: &mut [u32]) {
        times.fill(0);
        for _ in 0..times.len() {
            let drawn = self.below(times.len());
            times[drawn] += 1;
        }
    }

    /// How many of `n` tries with this chance succeed.
    pub(crate) fn binomial(&mut self, n: u64, chance: f64) -> u64 {
        (0..n).filter(|_| self.unit() < chance).count() as u64
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A normal number, by Box and Muller.
    #[cfg(test)]
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        let first = |stream| Draw::new(7, stream).below(1_000_000);
        assert_eq!(first(0), first(0));
        assert_ne!(first(0), first(1));
    }

    #[test]
    fn every_number_comes_as_often() {
        let mut draw = Draw::new(1, 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            seen[draw.below(6)] += 1;
        }
        // Five standard deviations of a count are 144.
        assert!(seen.iter().all(|n| n.abs_diff(1_000) < 145), "{seen:?}");
        let mut times = [0; 50];
        draw.multiplicities(&mut times);
        assert_eq!(times.iter().sum::<u32>(), 50);
        assert!(times.contains(&0));
    }
}
