//! Sentences of passages, and how much they have in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::passages::Passage;
use crate::support::sentences::sentences;
use crate::support::tokens::{Kind, scan};

/// A sentence of a passage.
#[derive(Debug, Clone)]
pub(super) struct Quote {
    /// Index of the passage.
    pub(super) passage: usize,
    /// Place among the sentences of the passage.
    pub(super) place: usize,
    /// The sentence, white space collapsed.
    pub(super) text: String,
    /// Whether it is a whole sentence and not the rest of one, a heading or a table row.
    pub(super) whole: bool,
    /// Folded content words and numbers.
    pub(super) words: BTreeSet<u64>,
}

/// All sentences of all passages; a sentence that stands in two overlapping chunks comes once,
/// whole if it is whole in one of them.
pub(super) fn quotes(passages: &[Passage]) -> Vec<Quote> {
    let mut found: Vec<Quote> = Vec::new();
    for (index, passage) in passages.iter().enumerate() {
        // A chunk begins and ends anywhere; only the first of a document begins with a sentence.
        let begins =
            passage.descriptor.ends_with("#chunk0") || !passage.descriptor.contains("#chunk");
        for (place, span) in sentences(&passage.text).into_iter().enumerate() {
            let whole_start = place > 0 || begins;
            let text = collapse(&passage.text[span]);
            let closed = text.ends_with(['.', '!', '。', '؟', '?', '”', '"', '»', '…', ')']);
            let whole = whole_start && closed && text.chars().count() >= 12;
            if found.iter().any(|kept| kept.text == text) {
                continue;
            }
            let words = content(&text);
            found.push(Quote {
                passage: index,
                place,
                text,
                whole,
                words,
            });
        }
    }
    found
}

/// White space as single spaces.
pub(super) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Folded content words and numbers of a text.
pub(super) fn content(text: &str) -> BTreeSet<u64> {
    let mut words = BTreeSet::new();
    scan(text, |token| {
        if token.counts() {
            words.insert(token.hash);
        }
    });
    words
}

/// What a question is about: the content words of its last sentence ("Thanks. How often ...?")
/// without those that every question has.
pub(super) fn wanted(question: &str) -> BTreeSet<u64> {
    let mut words = content(core_question(question));
    for word in content(ASKING) {
        words.remove(&word);
    }
    words
}

/// Words that ask and name nothing, and those of the agents' own openings.
const ASKING: &str = "much many often long quickly far high advance happen happens time times know \
    tell say says document mean meant explain details give mentioned note apart thing question \
    subject help helps thanks more before after";

/// The question without what leads up to it: "You mentioned the chain. How often ...?".
pub(super) fn core_question(question: &str) -> &str {
    let spans = sentences(question);
    let last = spans
        .last()
        .map_or(question, |span| &question[span.clone()]);
    // "One more thing: how often ...?"
    let last = match last.split_once(": ") {
        Some((opening, rest)) if opening.split(' ').count() <= 6 => rest,
        _ => last,
    };
    // "What does the handbook say about brakes?": the name of a document is not in its text.
    let last = last
        .split_once(" say about ")
        .map_or(last, |(_, thing)| thing);
    // "It is about the brakes" alone asks nothing; a short end needs what stands before it.
    if content(last).is_empty() {
        question
    } else {
        last
    }
}

/// How many numbers a text has.
pub(super) fn numbers(text: &str) -> usize {
    let mut count = 0;
    scan(text, |token| {
        count += usize::from(token.kind == Kind::Number);
    });
    count
}

/// Rarity of words among sentences: `ln(1 + n / (1 + sentences with the word))`.
pub(super) struct Rarity {
    sentences: f64,
    counts: BTreeMap<u64, u32>,
}

impl Rarity {
    pub(super) fn new(quotes: &[Quote]) -> Self {
        let mut counts = BTreeMap::new();
        for word in quotes.iter().flat_map(|quote| &quote.words) {
            *counts.entry(*word).or_insert(0) += 1;
        }
        Self {
            sentences: quotes.len() as f64,
            counts,
        }
    }

    pub(super) fn of(&self, word: u64) -> f64 {
        let with = self.counts.get(&word).copied().unwrap_or(0);
        (1.0 + self.sentences / (1.0 + f64::from(with))).ln()
    }

    /// Share of `wanted`, weighed by rarity, that `words` have; in [0, 1].
    pub(super) fn coverage(&self, wanted: &BTreeSet<u64>, words: &BTreeSet<u64>) -> f64 {
        let all: f64 = wanted.iter().map(|word| self.of(*word)).sum();
        if all == 0.0 {
            return 0.0;
        }
        wanted
            .intersection(words)
            .map(|word| self.of(*word))
            .sum::<f64>()
            / all
    }
}

/// Share of words that two texts have in common, of all that either has (Jaccard); in [0, 1].
pub(super) fn likeness(left: &BTreeSet<u64>, right: &BTreeSet<u64>) -> f64 {
    let both = left.intersection(right).count();
    let all = left.len() + right.len() - both;
    if all == 0 {
        0.0
    } else {
        both as f64 / all as f64
    }
}
