//! The inverted index: BM25, and the products of vectors that need the same lists.

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The inverted index: for each token the chunks that hold it, and how often.
#[derive(Debug, Default)]
pub(super) struct Keywords {
    /// Where the postings of each token begin, and one past the last at the end.
    starts: Vec<u64>,
    chunks: Vec<u32>,
    /// Occurrences in the chunk; 255 stands for more.
    counts: Vec<u8>,
    /// k1 * (1 - b + b * length / mean length) of each chunk.
    norms: Vec<f32>,
    /// One over the length of each chunk's vector; 0 for a chunk without tokens.
    scales: Vec<f32>,
    /// The weight of a token by its count: 1 + ln n.
    weights: Vec<f32>,
}

/// The tokens of all chunks in chunk order: the form before inversion.
#[derive(Debug, Default)]
pub(super) struct Forward {
    /// Tokens of each chunk in order of first appearance, and how often.
    pub(super) tokens: Vec<u32>,
    pub(super) counts: Vec<u8>,
    /// Where each chunk's tokens begin, and one past the last at the end.
    pub(super) starts: Vec<u64>,
    /// Tokens of each chunk, repetitions counted.
    pub(super) lengths: Vec<u32>,
}

impl Forward {
    /// The tokens of chunk `at` with their counts.
    pub(super) fn chunk(&self, at: usize) -> impl Iterator<Item = (u32, u8)> + '_ {
        let range = match self.starts.get(at..) {
            Some([from, to, ..]) => *from as usize..*to as usize,
            _ => 0..0,
        };
        let tokens = self.tokens.get(range.clone()).unwrap_or_default();
        let counts = self.counts.get(range).unwrap_or_default();
        tokens.iter().copied().zip(counts.iter().copied())
    }
}

impl Keywords {
    /// Inverts; `frequency` is the number of chunks of each token.
    pub(super) fn invert(forward: &Forward, frequency: &[u32], idf: &[f32]) -> Self {
        let mut starts = Vec::with_capacity(frequency.len() + 1);
        let mut total = 0_u64;
        starts.push(0);
        for n in frequency {
            total += u64::from(*n);
            starts.push(total);
        }
        let mut next = starts.clone();
        let mut chunks = vec![0_u32; total as usize];
        let mut counts = vec![0_u8; total as usize];
        for chunk in 0..forward.lengths.len() {
            for (token, count) in forward.chunk(chunk) {
                if let Some(place) = next.get_mut(token as usize) {
                    let at = *place as usize;
                    *place += 1;
                    if let (Some(slot), Some(times)) = (chunks.get_mut(at), counts.get_mut(at)) {
                        (*slot, *times) = (chunk as u32, count);
                    }
                }
            }
        }
        let sum: f64 = forward.lengths.iter().map(|n| f64::from(*n)).sum();
        let mean = (sum / forward.lengths.len().max(1) as f64).max(1.0) as f32;
        let norms = forward
            .lengths
            .iter()
            .map(|n| K1 * (1.0 - B + B * *n as f32 / mean))
            .collect();
        let weights: Vec<f32> = (0_u16..=255)
            .map(|n| 1.0 + f32::from(n.max(1)).ln())
            .collect();
        let scale = |chunk| {
            let square = |(token, count): (u32, u8)| {
                let weight = idf.get(token as usize).copied().unwrap_or_default()
                    * weights.get(usize::from(count)).copied().unwrap_or_default();
                weight * weight
            };
            let length = forward.chunk(chunk).map(square).sum::<f32>().sqrt();
            if length > 0.0 { 1.0 / length } else { 0.0 }
        };
        Keywords {
            scales: (0..forward.lengths.len()).map(scale).collect(),
            starts,
            chunks,
            counts,
            norms,
            weights,
        }
    }

    /// Chunks in the index.
    pub(super) fn n_chunks(&self) -> usize {
        self.norms.len()
    }

    /// Adds a token's part of the BM25 score to every chunk that holds it. `scores` has one place a chunk, 0 where nothing
    /// was added yet; chunks that get their first part are appended to `touched`.
    pub(super) fn score(
        &self,
        token: u32,
        weight: f32,
        scores: &mut [f32],
        touched: &mut Vec<u32>,
    ) {
        let (chunks, counts) = self.postings(token);
        for (chunk, count) in chunks.iter().zip(counts) {
            let at = *chunk as usize;
            if let (Some(score), Some(norm)) = (scores.get_mut(at), self.norms.get(at)) {
                if *score == 0.0 {
                    touched.push(*chunk);
                }
                let times = f32::from(*count);
                *score += weight * times * (K1 + 1.0) / (times + norm);
            }
        }
    }

    /// Adds a token's part of the product with the chunks' vectors in the same way, before [`Keywords::scale`].
    pub(super) fn product(
        &self,
        token: u32,
        weight: f32,
        scores: &mut [f32],
        touched: &mut Vec<u32>,
    ) {
        let (chunks, counts) = self.postings(token);
        for (chunk, count) in chunks.iter().zip(counts) {
            let own = self
                .weights
                .get(usize::from(*count))
                .copied()
                .unwrap_or_default();
            if let Some(score) = scores.get_mut(*chunk as usize) {
                if *score == 0.0 {
                    touched.push(*chunk);
                }
                *score += weight * own;
            }
        }
    }

    /// One over the length of a chunk's vector.
    pub(super) fn scale(&self, chunk: u32) -> f32 {
        self.scales.get(chunk as usize).copied().unwrap_or_default()
    }

    fn postings(&self, token: u32) -> (&[u32], &[u8]) {
        let range = match self.starts.get(token as usize..) {
            Some([from, to, ..]) => *from as usize..*to as usize,
            _ => 0..0,
        };
        (
            self.chunks.get(range.clone()).unwrap_or_default(),
            self.counts.get(range).unwrap_or_default(),
        )
    }

    pub(super) fn memory(&self) -> usize {
        self.starts.capacity() * 8
            + self.chunks.capacity() * 4
            + self.counts.capacity()
            + (self.norms.capacity() + self.scales.capacity()) * 4
    }
}
