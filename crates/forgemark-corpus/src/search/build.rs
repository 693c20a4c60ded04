//! Building the search structures: one pass over the texts, then two over the token lists.

use std::collections::HashMap;

use super::keywords::{Forward, Keywords};
use super::vectors::{TrigramTable, Vectors};
use super::{SearchIndex, tokens};

/// One in so many chunks may hold a token that is replaced by near ones: function words gain nothing from it.
const COMMON_SHARE: usize = 10;

impl SearchIndex {
    /// Indexes the texts of all chunks, in the order of their ids.
    pub(crate) fn build<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let n_chunks = texts.len();
        let mut dictionary: HashMap<u64, u32, _> = HashMap::default();
        let mut frequency: Vec<u32> = Vec::new();
        let mut table = TrigramTable::default();
        let mut forward = Forward::default();
        // The last chunk that held a token, counted from 1, and the token's place in that chunk's list.
        let mut seen: Vec<(u32, u64)> = Vec::new();
        let mut scratch = tokens::Scratch::default();
        let mut spelling = Vec::new();
        forward.starts.push(0);
        for (chunk, text) in (1_u32..).zip(texts) {
            let mut length = 0_u32;
            tokens::each_token(text, &mut scratch, |token| {
                length += 1;
                let next = frequency.len() as u32;
                let number = *dictionary.entry(token.hash).or_insert(next);
                if number == next {
                    frequency.push(0);
                    seen.push((0, 0));
                    spelling.clear();
                    token.spell(&mut spelling);
                    table.push(&spelling);
                }
                let (Some(seen), Some(frequency)) = (
                    seen.get_mut(number as usize),
                    frequency.get_mut(number as usize),
                ) else {
                    return;
                };
                if seen.0 == chunk {
                    if let Some(count) = forward.counts.get_mut(seen.1 as usize) {
                        *count = count.saturating_add(1);
                    }
                } else {
                    *seen = (chunk, forward.tokens.len() as u64);
                    *frequency += 1;
                    forward.tokens.push(number);
                    forward.counts.push(1);
                }
            });
            forward.starts.push(forward.tokens.len() as u64);
            forward.lengths.push(length);
        }
        drop(seen);
        let idf: Vec<f32> = frequency.iter().map(|df| idf(n_chunks, *df)).collect();
        let is_rare = |token: usize| {
            frequency
                .get(token)
                .is_some_and(|df| *df as usize * COMMON_SHARE <= n_chunks.max(COMMON_SHARE))
        };
        dictionary.shrink_to_fit();
        SearchIndex {
            dictionary,
            vectors: Vectors::build(&table, is_rare),
            keywords: Keywords::invert(&forward, &frequency, &idf),
            unknown_idf: self::idf(n_chunks, 0),
            least_idf: if n_chunks < 16 {
                0.0
            } else {
                self::idf(n_chunks, n_chunks as u32 / 2)
            },
            idf,
        }
    }
}

/// Lucene's inverse document frequency, which is never negative.
fn idf(n_chunks: usize, df: u32) -> f32 {
    let (n, df) = (n_chunks as f64, f64::from(df));
    (1.0 + (n - df + 0.5) / (df + 0.5)).ln() as f32
}
