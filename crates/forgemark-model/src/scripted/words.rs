//! Made-up words and questions: as many different ones as a run can ask for.
//!
//! Two questions of different requests share little more than their frame, so that a search for
//! near duplicates finds only those that were planted.

use std::fmt::Write as _;

use super::hash::{Draws, Purpose};

/// `*` is a made-up word, `@` a few words of the passage.
const FRAMES: [&str; 8] = [
    "How does the * * relate to @ when * * meets * *?",
    "Which * * does @ require before * * or * * begins?",
    "Why would * * change @ if * * replaces * *?",
    "What happens to @ once * * and * * reach * *?",
    "Can * * be used for @ without * * after * *?",
    "When should * * check @ against * * under * *?",
    "Who decides that * * follows @ rather than * * near * *?",
    "Where does * * keep @ while * * waits for * *?",
];

const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

/// Appends a word of three syllables and a final consonant that `bits` chooses among some
/// five million.
fn push_word(out: &mut String, mut bits: u64) {
    let mut pick = |letters: &[u8]| {
        let letter = letters[(bits % letters.len() as u64) as usize];
        bits /= letters.len() as u64;
        char::from(letter)
    };
    for _ in 0..3 {
        out.push(pick(CONSONANTS));
        out.push(pick(VOWELS));
    }
    out.push(pick(CONSONANTS));
}

/// A question from `draws`, which mentions `phrase` unless it is empty.
///
/// `changed`: the n-th made-up word (modulo their number) comes from other draws.
pub(super) fn question(draws: Draws, phrase: &str, changed: Option<(usize, Draws)>) -> String {
    let frame = FRAMES[draws.below(Purpose::Question, FRAMES.len())];
    let words = frame.bytes().filter(|byte| *byte == b'*').count();
    let mut out = String::with_capacity(120);
    let mut n = 0;
    for c in frame.chars() {
        match c {
            '*' => {
                let source = match changed {
                    Some((place, other)) if place % words == n => other,
                    _ => draws,
                };
                push_word(&mut out, source.bits(Purpose::Word(n)));
                n += 1;
            }
            '@' if phrase.is_empty() => push_word(&mut out, draws.bits(Purpose::Word(words))),
            '@' => out.push_str(phrase),
            c => out.push(c),
        }
    }
    out
}

/// Up to `n` words in a row out of `text`, without punctuation at their ends.
pub(super) fn phrase(text: &str, n: usize, bits: u64) -> String {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect();
    let starts = words.len().saturating_sub(n) + 1;
    let start = (bits % starts as u64) as usize;
    let mut out = String::new();
    for word in words.iter().skip(start).take(n) {
        let gap = if out.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(out, "{gap}{word}");
    }
    out
}

/// Appends `bytes` bytes of harmless text without any character that JSON escapes.
pub(super) fn push_filler(out: &mut Vec<u8>, bytes: usize) {
    const FILLER: &[u8] = b" and what follows here only fills the reply up to its size,";
    let end = out.len() + bytes;
    out.reserve(bytes);
    while out.len() < end {
        let n = FILLER.len().min(end - out.len());
        out.extend_from_slice(&FILLER[..n]);
    }
}

#[cfg(test)]
mod tests;
