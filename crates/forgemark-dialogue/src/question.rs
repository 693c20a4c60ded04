//! When two questions are the same question.
//!
//! Exact: equal text after the ledger's normalization (lower case, white space collapsed). Near:
//! Jaccard similarity of the sets of character 5-grams of the normalized text at or above a
//! threshold t. Near pairs are found through `MinHash` (128 hash functions in b bands of r rows) and
//! always verified on the real sets, so the bands decide only what is looked at: a pair of
//! similarity s is looked at with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman and Ullman,
//! *Mining of Massive Datasets*, section 3.4.2). r is the largest number of rows for which that is
//! at least [`RECALL`] at s = t, with b = 128 / r rounded down: 42 bands of 3 at t = 0.5, 16 of 8
//! at 0.85, 12 of 10 at 0.9. More rows mean fewer questions to look at in vain. Below t = 0.036
//! not even single rows reach that recall.
//!
//! By meaning: the cosine of two questions' vectors, which a model behind an endpoint makes of the normalized text, at or above
//! a threshold. Every question is compared with every other one, exactly; there are no bands to miss a pair.
//!
//! Known limits: character n-grams see wording, not meaning: a paraphrase passes, and two
//! questions that differ in one number may count as near.

use std::sync::Arc;

use forgemark_contract::text::python_lower_collapse;
use forgemark_model::service::vectors::cosine;

const FUNCTIONS: usize = 128;
/// Lowest share of the pairs at the threshold that are looked at.
const RECALL: f64 = 0.99;
const SHINGLE_CHARS: usize = 5;

/// A question as a claim: its normalized text and what it takes to compare it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    inner: Arc<Inner>,
    /// Of length 1, where meanings are compared.
    vector: Option<Arc<[f32]>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    text: String,
    /// Bucket 0 is the exact hash, the others are bands (absent when near matching is off).
    buckets: Vec<u64>,
    /// Sorted, without repeats.
    shingles: Vec<u64>,
}

/// The bucket of every question where vectors are compared: each may be near each.
pub(crate) const EVERYBODY: u64 = 1;

/// Whether and from which similarity on near-duplicates count. At most one of the two is set; exact texts always count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matching {
    /// Jaccard threshold of wordings in (0, 1].
    pub near: Option<f64>,
    /// Cosine threshold of meanings in [-1, 1].
    pub cosine: Option<f64>,
}

/// How the hash functions are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Banding {
    /// Number of bands, at least 1.
    pub(crate) bands: usize,
    /// Hash functions of a band, at least 1.
    pub(crate) rows: usize,
}

impl Matching {
    /// Exact texts only.
    pub const EXACT: Matching = Matching {
        near: None,
        cosine: None,
    };

    /// The banding by the rule of this module; `None` when near matching is off.
    pub(crate) fn banding(self) -> Option<Banding> {
        let threshold = self.near?;
        let with = |rows| Banding {
            bands: FUNCTIONS / rows,
            rows,
        };
        let enough = |banding: &Banding| banding.recall(threshold) >= RECALL;
        let fitting = (1..=FUNCTIONS).map(with).take_while(enough).last();
        Some(fitting.unwrap_or_else(|| with(1)))
    }
}

impl Banding {
    /// Probability that a pair of this similarity shares a band.
    fn recall(self, similarity: f64) -> f64 {
        let band = similarity.powi(self.rows as i32);
        1.0 - (1.0 - band).powi(self.bands as i32)
    }
}

impl Question {
    /// Prepares a question. The text is normalized here.
    pub(crate) fn new(text: &str, matching: Matching) -> Self {
        let text = python_lower_collapse(text);
        Self::from_normalized(text, matching)
    }

    fn from_normalized(text: String, matching: Matching) -> Self {
        let mut buckets = vec![hash(text.as_bytes(), 0)];
        let mut shingles = Vec::new();
        if let Some(banding) = matching.banding() {
            shingles = shingle(&text);
            buckets.extend(bands(&shingles, banding));
        }
        if matching.cosine.is_some() {
            buckets.push(EVERYBODY);
        }
        Self {
            inner: Arc::new(Inner {
                text,
                buckets,
                shingles,
            }),
            vector: None,
        }
    }

    /// The question with its vector, of length 1.
    pub(crate) fn with_vector(self, vector: &[f32]) -> Self {
        Self {
            vector: Some(Arc::from(vector)),
            ..self
        }
    }

    /// Its vector, where it has one.
    pub(crate) fn vector(&self) -> Option<&[f32]> {
        self.vector.as_deref()
    }

    /// The normalized text.
    pub(crate) fn text(&self) -> &str {
        &self.inner.text
    }

    /// Buckets: two questions that match share one, with the probability said above.
    pub(crate) fn buckets(&self) -> &[u64] {
        &self.inner.buckets
    }

    /// Whether two questions are the same under `matching`.
    pub(crate) fn matches(&self, other: &Question, matching: Matching) -> bool {
        if self.inner.text == other.inner.text {
            return true;
        }
        if let Some(threshold) = matching.cosine {
            let vectors = self.vector().zip(other.vector());
            return vectors.is_some_and(|(left, right)| cosine(left, right) >= threshold);
        }
        matching.near.is_some_and(|threshold| {
            jaccard(&self.inner.shingles, &other.inner.shingles) >= threshold
        })
    }
}

/// Jaccard similarity of two sorted sets, in [0, 1]; 0 when either is empty.
fn jaccard(left: &[u64], right: &[u64]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0usize);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    let union = left.len() + right.len() - both;
    if union == 0 || left.is_empty() || right.is_empty() {
        0.0
    } else {
        both as f64 / union as f64
    }
}

/// Multiply-and-fold hash of bytes (the construction of wyhash's mixer), stable across platforms
/// and releases because it is part of what lies on disk.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ 0x9E37_79B9_7F4A_7C15;
    for chunk in bytes.chunks(8) {
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        state = mix(state ^ u64::from_le_bytes(word), 0xA076_1D64_78BD_642F);
    }
    mix(state ^ bytes.len() as u64, 0xE703_7ED1_A0B4_28DB)
}

fn mix(left: u64, right: u64) -> u64 {
    let wide = u128::from(left) * u128::from(right);
    (wide as u64) ^ ((wide >> 64) as u64)
}

fn shingle(text: &str) -> Vec<u64> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let mut hashes: Vec<u64> = if starts.len() <= SHINGLE_CHARS {
        vec![hash(text.as_bytes(), 1)]
    } else {
        (0..=starts.len() - SHINGLE_CHARS)
            .map(|first| {
                let end = starts
                    .get(first + SHINGLE_CHARS)
                    .copied()
                    .unwrap_or(text.len());
                hash(&text.as_bytes()[starts[first]..end], 1)
            })
            .collect()
    };
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

fn bands(shingles: &[u64], banding: Banding) -> Vec<u64> {
    let mut lowest = [u64::MAX; FUNCTIONS];
    for shingle in shingles {
        let mut multiplier = 0x9E37_79B9_7F4A_7C15_u64;
        for slot in &mut lowest {
            // One odd multiplier a function; the high half of the product is what is compared.
            multiplier = multiplier.wrapping_add(0xD1B5_4A32_D192_ED02);
            let value = shingle.wrapping_mul(multiplier | 1);
            let value = value ^ (value >> 32);
            if value < *slot {
                *slot = value;
            }
        }
    }
    lowest
        .chunks_exact(banding.rows)
        .enumerate()
        .map(|(band, rows)| {
            rows.iter().fold(band as u64 + 2, |state, row| {
                mix(state ^ row, 0x8EBC_6AF0_9C88_C6E3)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
