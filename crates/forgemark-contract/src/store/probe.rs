//! The digest of a model: what it makes of a few fixed texts.
//!
//! ```text
//! PROBES ─ model ─> vectors ─┬─ SHA-256 of their bytes ───────────> 64 digits ─┐
//!                            └─ product of every pair, 16 bits each ─> 60 digits ┴─> "sha256:…/…"
//! ```
//!
//! A name says little: behind `embed` there may be another model tomorrow, and vectors of two models cannot be compared. The
//! sum over the bytes says whether the vectors are the same. It alone would refuse good endpoints, because the last bits of a
//! vector change from call to call where it is computed in batches on many cores. So the digest carries the products
//! of all pairs of probes too, which another model, another length of vectors or another scale changes by far more than
//! that.

use sha2::{Digest as _, Sha256};

use crate::text::hex;

/// The texts. They are part of the digest: a change makes every store refuse its model.
pub const PROBES: [&str; 5] = [
    "The pump starts at nine each morning.",
    "Every day at nine o'clock the pump is switched on.",
    "Der Brief wurde gestern nicht zugestellt.",
    "def area(radius): return 3.14159 * radius ** 2",
    "7 × 8 = 56, and who asked?",
];

/// How far two products may differ, as a share of the lengths of their vectors. Rounding differs by less than a thousandth,
/// and the products themselves are kept to 1/256 of their value.
const TOLERANCE: f32 = 0.02;

/// The digest of a model that makes these vectors of [`PROBES`], in their order.
pub fn digest(vectors: &[Vec<f32>]) -> String {
    let mut hash = Sha256::new();
    for vector in vectors {
        for value in vector {
            hash.update(value.to_le_bytes());
        }
    }
    let products = products(vectors).into_iter();
    // The upper half of a number keeps its sign, its exponent and 7 bits.
    let kept = products.flat_map(|n| ((n.to_bits() >> 16) as u16).to_be_bytes());
    let kept: Vec<u8> = kept.collect();
    format!("sha256:{}/{}", hex(&hash.finalize()), hex(&kept))
}

/// Whether a model that makes these vectors of [`PROBES`] is the one of an earlier digest.
pub fn is_same(earlier: &str, vectors: &[Vec<f32>]) -> bool {
    let now = digest(vectors);
    if now == earlier {
        return true;
    }
    let (Some(earlier), Some(now)) = (read(earlier), read(&now)) else {
        return false;
    };
    let n = PROBES.len();
    let place = |row: usize, column: usize| row * n - row * (row + 1) / 2 + column;
    let length = |at: usize| {
        now.get(place(at, at))
            .map_or(0.0, |square| square.max(0.0).sqrt())
    };
    earlier.len() == now.len()
        && (0..n)
            .flat_map(|row| (row..n).map(move |column| (row, column)))
            .all(|(row, column)| {
                let pair = earlier
                    .get(place(row, column))
                    .zip(now.get(place(row, column)));
                pair.is_some_and(|(then, now)| {
                    (then - now).abs() <= TOLERANCE * length(row) * length(column)
                })
            })
}

/// The product of every pair of vectors, each with itself first, row by row.
fn products(vectors: &[Vec<f32>]) -> Vec<f32> {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum();
    let rows = vectors.iter().enumerate();
    rows.flat_map(|(row, a)| vectors.iter().skip(row).map(move |b| product(a, b)))
        .collect()
}

/// The products of a digest.
fn read(digest: &str) -> Option<Vec<f32>> {
    let (_, kept) = digest.strip_prefix("sha256:")?.split_once('/')?;
    let numbers = kept.as_bytes().chunks(4).map(|digits| {
        let bits = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        (digits.len() == 4).then(|| f32::from_bits(bits << 16))
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors that follow from a seed, each value between -1 and 1.
    fn vectors(seed: u32) -> Vec<Vec<f32>> {
        let value = |row: u32, column: u32| (((row * 37 + column * 11 + 1) * seed) as f32).sin();
        (0..5)
            .map(|row| (0..24).map(|column| value(row, column)).collect())
            .collect()
    }

    fn changed(seed: u32, change: impl Fn(f32) -> f32) -> Vec<Vec<f32>> {
        let vectors = vectors(seed).into_iter();
        vectors
            .map(|vector| vector.into_iter().map(&change).collect())
            .collect()
    }

    #[test]
    fn a_digest_has_one_shape_and_follows_from_the_vectors() {
        let one = digest(&vectors(3));
        assert_eq!(one, digest(&vectors(3)));
        assert_eq!(one.len(), "sha256:".len() + 64 + 1 + 60);
        assert_ne!(one, digest(&vectors(5)));
        assert_eq!(read(&one).unwrap().len(), 15);
    }

    #[test]
    fn last_bits_are_no_other_model() {
        let one = digest(&vectors(3));
        let nearly = changed(3, |value| value * 1.000_1 + 0.000_02);
        assert_ne!(digest(&nearly), one);
        assert!(is_same(&one, &nearly));
    }

    #[test]
    fn another_model_scale_or_length_is_found_out() {
        let one = digest(&vectors(3));
        assert!(!is_same(&one, &vectors(5)));
        assert!(!is_same(&one, &changed(3, |value| value * 1.1)));
        let shorter: Vec<Vec<f32>> = (vectors(3).into_iter())
            .map(|vector| vector[..12].to_vec())
            .collect();
        assert!(!is_same(&one, &shorter));
        for odd in ["", "sha256:", "sha256:ab/zz", "sha256:ab/00é", "d"] {
            assert!(!is_same(odd, &vectors(3)), "{odd}");
        }
        let nothing = vec![vec![0.0; 4]; 5];
        assert!(!is_same(&one, &nothing));
        assert!(is_same(&digest(&nothing), &nothing));
    }
}
