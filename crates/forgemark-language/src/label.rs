//! What a label asks for.

mod table;
#[cfg(test)]
mod tests;

use icu_properties::props::Script;

use crate::scripts::{self, Letters};
use crate::{Told, tell};
use table::{ALIASES, LANGUAGES, Language};

/// Fewest letters of a text about which anything is said.
const FEWEST: u64 = 8;
/// Fewest letters from which a language is told apart from others of its script.
const FEWEST_OF_SHARED_SCRIPT: u64 = 40;
/// Least share of the letters that is in the expected script.
const LEAST_SHARE: f64 = 0.5;
/// Least confidence of a language that contradicts a label.
const SURE: f64 = 0.9;
/// Characters that a language is told from; more make it slower and hardly surer.
const ENOUGH: usize = 1_000;

/// Whether a text is what its label asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Script and language are the label's.
    Match,
    /// Script and language fit as far as they can be told, and the label asks for more: a dialect, a region, a language
    /// that is not known here.
    Unverifiable,
    /// Too short, or not sure enough to contradict.
    Undetermined,
    /// Another script or another language.
    Mismatch,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 4] = [
        Verdict::Match,
        Verdict::Unverifiable,
        Verdict::Undetermined,
        Verdict::Mismatch,
    ];

    /// The word in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Match => "match",
            Verdict::Unverifiable => "unverifiable",
            Verdict::Undetermined => "undetermined",
            Verdict::Mismatch => "mismatch",
        }
    }

    /// The verdict of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
    }
}

/// What was found about a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The language; `None` for a text that is too short for it.
    pub detected: Option<Told>,
    /// The script with most letters, by its Unicode name; `None` for a text without letters.
    pub script: Option<&'static str>,
    /// Share of the letters that are in a script of the label, in [0, 1]; of the commonest script where the label does not
    /// say which. `None` for a text without letters.
    pub share: Option<f64>,
    /// Whether it is what was asked for.
    pub verdict: Verdict,
}

/// A language label, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    text: String,
    language: Option<&'static Language>,
    scripts: Vec<Script>,
    variety: bool,
}

impl Label {
    /// Reads a label: a tag such as `pt-BR` or `sr-Latn`, an English or own name, with words for a dialect or a region
    /// around it. A label that names no known language is kept; nothing can be verified about it.
    pub fn read(label: &str) -> Self {
        let lower = label.trim().to_lowercase();
        let mut read = Self {
            text: label.trim().to_owned(),
            language: None,
            scripts: Vec::new(),
            variety: true,
        };
        if !read.tag(&lower) {
            read.words(&lower);
        }
        if read.scripts.is_empty()
            && let Some(language) = read.language
        {
            read.scripts = language.scripts.to_vec();
        }
        read
    }

    /// Reads a language tag. False for a label that is none.
    fn tag(&mut self, lower: &str) -> bool {
        let mut parts = lower.split(['-', '_']);
        let first = parts.next().unwrap_or_default();
        let found = LANGUAGES
            .iter()
            .find(|language| language.code == first || language.short.contains(&first));
        let Some(language) = found else { return false };
        let rest: Vec<&str> = parts.collect();
        let is_part = |part: &&str| {
            (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        };
        if !rest.iter().all(is_part) {
            return false;
        }
        self.language = Some(language);
        self.variety = language.is_variety;
        for part in rest {
            match table::script(part) {
                Some(script) => self.scripts.push(script),
                None => self.variety = true,
            }
        }
        true
    }

    /// Reads names: the longest that stands in the label as whole words is its language, other words are a variety.
    fn words(&mut self, lower: &str) {
        let words: Vec<&str> = lower
            .split(|c: char| !c.is_alphanumeric() && !belongs_to_word(c))
            .filter(|word| !word.is_empty())
            .collect();
        let mut best: Option<(&'static Language, usize, usize)> = None;
        for language in LANGUAGES {
            for name in language.names {
                let name: Vec<&str> = name.split(' ').collect();
                let at = words
                    .windows(name.len())
                    .position(|window| window == name.as_slice());
                if let Some(at) = at
                    && best.is_none_or(|(_, _, length)| name.len() > length)
                {
                    best = Some((language, at, name.len()));
                }
            }
        }
        if let Some((language, at, length)) = best {
            self.language = Some(language);
            self.variety = language.is_variety;
            for (place, word) in words.iter().enumerate() {
                if (at..at + length).contains(&place) || table::SAYS_NOTHING.contains(word) {
                    continue;
                }
                match table::script(word) {
                    Some(script) => self.scripts.push(script),
                    None => self.variety = true,
                }
            }
            return;
        }
        // A dialect or a region that is known by itself.
        let alias = ALIASES
            .iter()
            .find(|(name, _)| words.iter().any(|word| word.starts_with(name)));
        if let Some((_, code)) = alias {
            self.language = LANGUAGES.iter().find(|language| language.code == *code);
        }
    }

    /// The label as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// ISO 639-3 code of the language; `None` for a label that names none that is known.
    pub fn language(&self) -> Option<&'static str> {
        self.language.map(|language| language.code)
    }

    /// Whether the label asks for more than can be told from a text: then no text is ever a match.
    pub fn is_unverifiable(&self) -> bool {
        self.variety
            || self
                .language
                .is_none_or(|language| language.told_as.is_empty())
    }

    /// Compares a text with the label.
    pub fn check(&self, text: &str) -> Finding {
        let letters = Letters::of(text);
        let total = letters.total();
        let main = letters.main();
        let expected = match (self.scripts.as_slice(), main) {
            ([], Some(main)) => letters.among(&[main]),
            (scripts, _) => letters.among(scripts),
        };
        let share = (total > 0).then(|| expected as f64 / total as f64);
        let mut finding = Finding {
            detected: None,
            script: main.map(scripts::name),
            share,
            verdict: Verdict::Undetermined,
        };
        let Some(share) = share.filter(|_| total >= FEWEST) else {
            return finding;
        };
        let end = text
            .char_indices()
            .nth(ENOUGH)
            .map_or(text.len(), |(at, _)| at);
        finding.detected = tell(&text[..end]);
        finding.verdict = self.judge(share, expected, finding.detected);
        finding
    }

    fn judge(&self, share: f64, expected: u64, detected: Option<Told>) -> Verdict {
        if !self.scripts.is_empty() && share < LEAST_SHARE {
            return Verdict::Mismatch;
        }
        let fits = if self.is_unverifiable() {
            Verdict::Unverifiable
        } else {
            Verdict::Match
        };
        let accepted = self.language.map_or(&[][..], |language| language.told_as);
        let (Some(told), false) = (detected, accepted.is_empty()) else {
            return Verdict::Unverifiable;
        };
        let is_alone = self.scripts.iter().all(|script| table::is_alone(*script));
        if expected < FEWEST_OF_SHARED_SCRIPT && !is_alone {
            return Verdict::Undetermined;
        }
        if accepted.contains(&told.code) {
            fits
        } else if told.confidence >= SURE {
            Verdict::Mismatch
        } else {
            Verdict::Undetermined
        }
    }
}

/// Whether a sign that is no letter may stand inside a word: apostrophes, and the signs that a script has of its own.
fn belongs_to_word(c: char) -> bool {
    use icu_properties::CodePointMapData;
    c == '\'' || c == '’' || CodePointMapData::<Script>::new().get(c) != Script::Common
}
