//! The project that benchmarks run: documents, script, configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::AppError;

/// Documents, and passages in each.
const DOCUMENTS: usize = 20;
const PASSAGES: usize = 10;
/// Passages in all.
pub(super) const ALL_PASSAGES: u64 = (DOCUMENTS * PASSAGES) as u64;
/// Characters of a passage, and those that neighbours share.
const PASSAGE_CHARS: usize = 750;
const OVERLAP: usize = 150;

/// How many turns a conversation has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turns {
    /// All the same number.
    Exactly(u32),
    /// Poisson with mean 6 in [2, 12].
    Poisson6,
}

/// What differs between the runs of the benchmarks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Conversations.
    pub(super) conversations: u64,
    /// Conversations at the same time.
    pub(super) slots: u32,
    /// Their turns.
    pub(super) turns: Turns,
}

/// A folder for a benchmark; a temporary one goes when this is dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Workspace {
    /// Makes it: a new folder in `dir`, or a temporary one.
    ///
    /// # Errors
    /// When it cannot be made, or exists.
    pub(super) fn new(dir: Option<&Path>, benchmark: &str) -> Result<Self, AppError> {
        let unwritable = |path: &Path, source| AppError::Io {
            action: "make",
            path: path.to_owned(),
            source,
        };
        if let Some(dir) = dir {
            let path = dir.join(format!("forgemark-bench-{benchmark}"));
            std::fs::create_dir_all(dir).map_err(|source| unwritable(dir, source))?;
            std::fs::create_dir(&path).map_err(|source| unwritable(&path, source))?;
            return Ok(Self {
                path,
                _temporary: None,
            });
        }
        let temporary = tempfile::Builder::new()
            .prefix("forgemark-bench-")
            .tempdir()
            .map_err(|source| unwritable(&std::env::temp_dir(), source))?;
        Ok(Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a script of the server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn script(&self, name: &str, text: &str) -> Result<PathBuf, AppError> {
        let path = self.path.join(name);
        write(&path, text)?;
        Ok(path)
    }

    /// Writes a project with its documents into a folder of this name; its configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn project(
        &self,
        name: &str,
        base_url: &str,
        shape: &Shape,
    ) -> Result<PathBuf, AppError> {
        let root = self.path.join(name);
        let documents = root.join("documents");
        std::fs::create_dir_all(&documents).map_err(|source| AppError::Io {
            action: "make",
            path: documents.clone(),
            source,
        })?;
        for number in 0..DOCUMENTS {
            let path = documents.join(format!("manual-{number:02}.txt"));
            write(&path, &document(number as u64))?;
        }
        let config = root.join("run.yaml");
        write(&config, &configuration(base_url, shape))?;
        Ok(config)
    }
}

/// The output folder of the project with this configuration.
pub(super) fn output_of(config: &Path) -> PathBuf {
    config
        .parent()
        .map_or_else(PathBuf::new, |root| root.join("outputs"))
}

fn write(path: &Path, text: &str) -> Result<(), AppError> {
    std::fs::write(path, text).map_err(|source| AppError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

fn configuration(base_url: &str, shape: &Shape) -> String {
    let turns = match shape.turns {
        Turns::Exactly(n) => format!("{{mode: exact, exact: {n}}}"),
        Turns::Poisson6 => {
            "{mode: range, min: 2, max: 12, distribution: poisson, mean: 6}".to_owned()
        }
    };
    let Shape {
        conversations,
        slots,
        ..
    } = shape;
    format!(
        "run:
  seed: 1
  batch_size: 64
  total_samples: {conversations}
  concurrency: {slots}
  turns: {turns}
  data: {{seeding: {{topics: {{enabled: false}}}}}}
documents: {{path: documents}}
tools: {{retrieval: {{top_k: 4, chunking: {{chunk_size: {PASSAGE_CHARS}, chunk_overlap: {OVERLAP}}}}}}}
judge: {{enabled: true, mode: online, granularity: turn}}
saving: {{output_dir: outputs}}
llm:
  routing:
    endpoints: [{{name: scripted, base_url: \"{base_url}\", max_in_flight: {slots}}}]
  agents:
    user: {{model: scripted-1}}
    assistant: {{model: scripted-1}}
    judge: {{model: scripted-1}}
"
    )
}

/// A document of exactly [`PASSAGES`] windows: sentences of words that are made up, some frequent
/// and most rare, and each document with a vocabulary of its own beside the common one.
fn document(number: u64) -> String {
    let chars = PASSAGE_CHARS + (PASSAGES - 1) * (PASSAGE_CHARS - OVERLAP);
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(7);
    let mut text = String::with_capacity(chars + 32);
    let mut sentence = 0_u64;
    while text.len() < chars {
        sentence += 1;
        let words = 8 + below(&mut state, 9);
        for place in 0..words {
            let own = below(&mut state, 4) == 0;
            // The square of an even draw: low ranks are frequent, as in real text.
            let rank = {
                let draw = below(&mut state, 1 << 10);
                (draw * draw) >> 10
            };
            let word = if own {
                word(10_000 + number * 1_000 + rank / 8)
            } else {
                word(rank)
            };
            if place == 0 {
                text.push_str(&capital(&word));
            } else {
                text.push(' ');
                text.push_str(&word);
            }
        }
        if below(&mut state, 3) == 0 {
            let _ = write!(text, " {}", below(&mut state, 900) + 100);
        }
        text.push_str(if sentence.is_multiple_of(6) {
            ".\n\n"
        } else {
            ". "
        });
    }
    text.truncate(chars - 1);
    // White space at the end is no part of a canonical text, so the last character is none.
    while text.ends_with(char::is_whitespace) {
        text.pop();
        text.push('.');
    }
    text.push('.');
    text
}

fn word(index: u64) -> String {
    const HEADS: [&str; 16] = [
        "b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w",
    ];
    const TAILS: [&str; 8] = ["a", "e", "i", "o", "u", "an", "er", "is"];
    let mut word = String::new();
    let mut rest = index + 17;
    while rest > 0 {
        word.push_str(HEADS[(rest % 16) as usize]);
        word.push_str(TAILS[(rest / 16 % 8) as usize]);
        rest /= 128;
    }
    word
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// A draw in `0..n` of a generator that needs no quality (splitmix64).
fn below(state: &mut u64, n: u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_the_length_of_their_windows() {
        let texts: Vec<String> = (0..DOCUMENTS as u64).map(document).collect();
        for text in &texts {
            assert_eq!(text.len(), 750 + 9 * 600);
            assert!(text.is_ascii() && text.ends_with('.'));
        }
        assert!(texts[0] != texts[1] && texts[0] == document(0));
    }
}
