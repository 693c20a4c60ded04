//! What the words of a query weigh in a text.

use std::collections::{HashMap, HashSet};

use super::{Item, List, RowNumber};
use crate::store::measure;

/// BM25's saturation of repeated words.
const K1: f32 = 1.2;
/// BM25's share of the length of a text.
const B: f32 = 0.75;

/// What cuts a text into its words, in order, with repetitions.
pub type Cutter<'c> = dyn Fn(&str) -> Vec<String> + Sync + 'c;

/// How the words of a query are weighed in a text.
#[derive(Clone, Copy)]
pub enum Words<'a> {
    /// The share of the query's distinct words that the text has, which is the original's measure (see [`measure::word_share`]).
    Share,
    /// BM25 with k1 = 1.2, b = 0.75 and idf = ln(1 + (N - n + 0.5) / (n + 0.5)), above 0 (Robertson and Zaragoza, The
    /// Probabilistic Relevance Framework, 2009; the idf is Lucene's). N, n and the mean length are those of the rows that are
    /// searched; each word of the query counts once.
    Bm25(&'a Cutter<'a>),
}

impl<'a> Words<'a> {
    pub(super) fn weigher(self, query: &str) -> Weigher<'a> {
        match self {
            Words::Share => Weigher::Share {
                query: measure::words(query),
                found: Vec::new(),
            },
            Words::Bm25(cut) => Weigher::Bm25(Bm25::new(cut, query)),
        }
    }
}

/// Sees every text once; the weights come at the end, when the counts over all texts are known.
pub(super) enum Weigher<'a> {
    Share { query: HashSet<String>, found: List },
    Bm25(Bm25<'a>),
}

impl Weigher<'_> {
    pub(super) fn see(&mut self, (id, number): (&str, RowNumber), text: &str) {
        match self {
            Weigher::Share { query, found } => {
                let share = measure::word_share(query, text);
                if share > 0.0 {
                    found.push(((id.to_owned(), number), share));
                }
            }
            Weigher::Bm25(bm25) => bm25.see((id, number), text),
        }
    }

    pub(super) fn finish(self) -> List {
        match self {
            Weigher::Share { found, .. } => found,
            Weigher::Bm25(bm25) => bm25.finish(),
        }
    }
}

pub(super) struct Bm25<'a> {
    cut: &'a Cutter<'a>,
    /// The words of the query, numbered.
    numbers: HashMap<String, usize>,
    /// How many texts hold each.
    holding: Vec<u64>,
    texts: u64,
    /// Words of all texts.
    length: u64,
    /// Texts that hold a word at least.
    seen: Vec<Seen>,
}

struct Seen {
    item: Item,
    /// How often each word of the query, by its number, is in the text.
    counts: Vec<(usize, u32)>,
    /// Words of the text.
    length: usize,
}

impl<'a> Bm25<'a> {
    fn new(cut: &'a Cutter<'a>, query: &str) -> Self {
        let mut numbers = HashMap::new();
        for word in cut(query) {
            let next = numbers.len();
            numbers.entry(word).or_insert(next);
        }
        Bm25 {
            cut,
            holding: vec![0; numbers.len()],
            numbers,
            texts: 0,
            length: 0,
            seen: Vec::new(),
        }
    }

    fn see(&mut self, (id, number): (&str, RowNumber), text: &str) {
        let words = (self.cut)(text);
        self.texts += 1;
        self.length += words.len() as u64;
        let mut counts: Vec<(usize, u32)> = Vec::new();
        for word in words.iter().filter_map(|word| self.numbers.get(word)) {
            match counts.iter_mut().find(|(seen, _)| seen == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((*word, 1)),
            }
        }
        for (word, _) in &counts {
            if let Some(holding) = self.holding.get_mut(*word) {
                *holding += 1;
            }
        }
        if !counts.is_empty() {
            self.seen.push(Seen {
                item: (id.to_owned(), number),
                counts,
                length: words.len(),
            });
        }
    }

    fn finish(self) -> List {
        let texts = self.texts as f32;
        let mean = self.length as f32 / texts.max(1.0);
        let idf: Vec<f32> = self
            .holding
            .iter()
            .map(|&holding| (1.0 + (texts - holding as f32 + 0.5) / (holding as f32 + 0.5)).ln())
            .collect();
        let weight = |seen: &Seen| -> f32 {
            let norm = K1 * (1.0 - B + B * seen.length as f32 / mean);
            let weights = seen.counts.iter().map(|&(word, count)| {
                let count = count as f32;
                let idf = idf.get(word).copied().unwrap_or_default();
                idf * (K1 + 1.0) * count / (count + norm)
            });
            weights.sum()
        };
        let seen = self.seen.into_iter();
        seen.map(|seen| (weight(&seen), seen))
            .map(|(weight, seen)| (seen.item, weight))
            .collect()
    }
}
