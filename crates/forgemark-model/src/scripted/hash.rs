//! The hash of a request, and the random draws that follow from it.
//!
//! Not a cryptographic hash: a request body of 12 KB has to cost about a microsecond. It is a
//! promise all the same: a script and a request give the same reply in every release, so the
//! function is pinned by golden values in the tests. It is the multiply-and-fold construction
//! of wyhash (<https://github.com/wangyi-fudan/wyhash>, public domain), here with two lanes
//! that never meet before the end, which gives 128 bits.

use std::f64::consts::TAU;

/// Digits of e and of pi: odd-looking constants with about as many ones as zeros.
const K: [u64; 6] = [
    0x2b7e_1516_28ae_d2a7,
    0xabf7_1588_09cf_4f3d,
    0x762e_7160_f38b_4da5,
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
];

/// Low half of the 128-bit product, folded with the high half.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut buffer = [0; 8];
    buffer.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(buffer)
}

/// Hash of `bytes`, chained on `previous` (0 for the first piece).
pub(super) fn hash128(previous: u128, bytes: &[u8]) -> u128 {
    let mut left = K[0] ^ previous as u64;
    let mut right = K[1] ^ (previous >> 64) as u64;
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        left = fold(left ^ word(block, 0), K[2] ^ word(block, 8));
        right = fold(right ^ word(block, 16), K[3] ^ word(block, 24));
    }
    let mut tail = [0; 32];
    let rest = blocks.remainder();
    tail[..rest.len()].copy_from_slice(rest);
    left = fold(left ^ word(&tail, 0), K[2] ^ word(&tail, 8));
    right = fold(right ^ word(&tail, 16), K[3] ^ word(&tail, 24));
    let length = bytes.len() as u64;
    let low = fold(left ^ K[4], right ^ length);
    let high = fold(right ^ K[5], left ^ length.rotate_left(32));
    (u128::from(high) << 64) | u128::from(low)
}

/// Source of every choice that a reply needs: (request hash, script seed, attempt), and a
/// purpose, so that a new choice never shifts an old one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    left: u64,
    right: u64,
}

/// What a draw decides. The numbers are part of the promise: never reuse one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    ReplyChoice,
    Number,
    Topic,
    Passage,
    Snippet,
    Question,
    Conflict,
    Paraphrase,
    Intent,
    Difficulty,
    Score,
    Confidence,
    Latency,
    LatencyAngle,
    StallLatency,
    CallId,
    /// Whether a call of a batch is finished.
    Finished,
    /// Where the result of a call stands.
    Place,
    /// The n-th fault of a list.
    Fault(usize),
    /// The n-th word of a made-up sentence.
    Word(usize),
    /// The n-th value of a vector.
    Value(usize),
}

impl Purpose {
    fn number(self) -> u64 {
        match self {
            Self::ReplyChoice => 1,
            Self::Number => 2,
            Self::Topic => 3,
            Self::Passage => 4,
            Self::Snippet => 5,
            Self::Question => 6,
            Self::Conflict => 7,
            Self::Paraphrase => 8,
            Self::Intent => 9,
            Self::Difficulty => 10,
            Self::Score => 11,
            Self::Confidence => 12,
            Self::Latency => 13,
            Self::LatencyAngle => 14,
            Self::StallLatency => 15,
            Self::CallId => 16,
            Self::Finished => 17,
            Self::Place => 18,
            Self::Fault(n) => 0x1_0000 + n as u64,
            Self::Word(n) => 0x2_0000 + n as u64,
            Self::Value(n) => 0x1_0000_0000 + n as u64,
        }
    }
}

impl Draws {
    /// Draws of a request under a seed. `salt` is the attempt where the attempt matters.
    pub(super) fn new(request: u128, seed: u64, salt: u64) -> Self {
        let left = fold(request as u64 ^ K[0], seed ^ K[1]);
        let right = fold((request >> 64) as u64 ^ K[2], salt ^ K[3]);
        Self { left, right }
    }

    /// 64 even bits.
    pub(super) fn bits(self, purpose: Purpose) -> u64 {
        let mixed = fold(self.left ^ purpose.number(), self.right ^ K[4]);
        fold(mixed ^ self.right, self.left ^ K[5])
    }

    /// A number in `[0, bound)`; 0 when `bound` is 0.
    pub(super) fn below(self, purpose: Purpose, bound: usize) -> usize {
        ((u128::from(self.bits(purpose)) * bound as u128) >> 64) as usize
    }

    /// A number in `[0, 1)`.
    pub(super) fn unit(self, purpose: Purpose) -> f64 {
        (self.bits(purpose) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `rate`.
    pub(super) fn hit(self, purpose: Purpose, rate: f64) -> bool {
        rate > 0.0 && self.unit(purpose) < rate
    }

    /// A standard normal number (Box-Muller).
    pub(super) fn normal(self, radius: Purpose, angle: Purpose) -> f64 {
        // 1 - u is in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit(radius)).ln()).sqrt();
        radius * (TAU * self.unit(angle)).cos()
    }
}

#[cfg(test)]
mod tests;
