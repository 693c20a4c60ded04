//! Passages as the comparison reads them, and a memory of those that were read.
//!
//! A run offers the same chunks again and again, and reading a passage costs more than comparing
//! it: what was read is kept by the passage's text. A hit is decided by the whole text, so the
//! memory never changes a score.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::sentences::sentences;
use super::tokens::{Kind, scan};

/// A passage, cut into sentences and words.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) sentences: Vec<Sentence>,
    /// Everything but function words, of all sentences one after the other.
    words: Vec<Word>,
}

#[derive(Debug)]
pub(super) struct Sentence {
    /// Where it stands in the passage, in bytes.
    pub(super) span: Range<usize>,
    /// Its words in [`Reading::words`].
    words: Range<u32>,
}

/// A content word, a number or a denial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) hash: u64,
    /// Place among all words of the sentence, function words included.
    pub(super) place: u32,
    pub(super) negation: bool,
}

impl Reading {
    fn new(text: &str) -> Self {
        let spans = sentences(text);
        let mut sentences = Vec::with_capacity(spans.len());
        let mut words: Vec<Word> = Vec::with_capacity(text.len() / 8);
        for span in spans {
            let first = words.len() as u32;
            let mut place = 0;
            scan(&text[span.clone()], |token| {
                let negation = token.kind == Kind::Negation;
                if negation || token.counts() {
                    words.push(Word {
                        hash: token.hash,
                        place,
                        negation,
                    });
                }
                place += 1;
            });
            sentences.push(Sentence {
                span,
                words: first..words.len() as u32,
            });
        }
        Self { sentences, words }
    }

    /// The words of a sentence of this passage, in order.
    pub(super) fn words_of(&self, sentence: &Sentence) -> &[Word] {
        let Range { start, end } = sentence.words;
        &self.words[start as usize..end as usize]
    }
}

/// `text` as it is compared, from memory where it was read before.
pub(super) fn read(text: &str) -> Arc<Reading> {
    MEMORY.read(text)
}

static MEMORY: LazyLock<Memory> = LazyLock::new(|| Memory::new(SETS));

/// Sets of the shared memory: 2048 passages, about 8 MiB with chunks of 750 characters.
const SETS: usize = 512;
/// Passages of a set; the one that was asked for longest ago makes room.
const WAYS: usize = 4;
/// Longer passages are read anew each time, in bytes, so that the memory stays below 64 MiB.
const LONGEST: usize = 8 << 10;

/// Readings by text: a fixed number of small sets, so that threads rarely want the same lock.
struct Memory {
    /// Of each set the passages, the last asked for first.
    sets: Vec<Mutex<Vec<Kept>>>,
}

struct Kept {
    text: Box<str>,
    reading: Arc<Reading>,
}

impl Memory {
    fn new(sets: usize) -> Self {
        Self {
            sets: (0..sets).map(|_| Mutex::new(Vec::new())).collect(),
        }
    }

    fn read(&self, text: &str) -> Arc<Reading> {
        if text.len() > LONGEST {
            return Arc::new(Reading::new(text));
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let set = &self.sets[hasher.finish() as usize % self.sets.len()];
        if let Some(found) = find(&mut lock(set), text) {
            return found;
        }
        // Read without the lock; another thread that reads the same text at the same time loses
        // nothing but its own work.
        let reading = Arc::new(Reading::new(text));
        let mut kept = lock(set);
        if let Some(found) = find(&mut kept, text) {
            return found;
        }
        kept.truncate(WAYS - 1);
        kept.insert(
            0,
            Kept {
                text: text.into(),
                reading: Arc::clone(&reading),
            },
        );
        reading
    }
}

fn lock(set: &Mutex<Vec<Kept>>) -> std::sync::MutexGuard<'_, Vec<Kept>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(kept: &mut [Kept], text: &str) -> Option<Arc<Reading>> {
    let at = kept.iter().position(|kept| *kept.text == *text)?;
    kept[..=at].rotate_right(1);
    Some(Arc::clone(&kept[0].reading))
}

#[cfg(test)]
mod tests;
