//! Lines to running text: words that a line end has split, and signs that only the page needs.

use std::borrow::Cow;
use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

/// The words of a document as they stand inside its lines, in lower case: they tell a hyphen that belongs to a word from
/// one that only splits it.
#[derive(Debug, Default)]
pub(super) struct Vocabulary(HashSet<String>);

impl Vocabulary {
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut words = HashSet::new();
        for line in lines {
            let mut pieces = line.split_whitespace().peekable();
            while let Some(piece) = pieces.next() {
                let word = piece.trim_matches(|c: char| !c.is_alphanumeric() && !is_hyphen(c));
                // The piece at the end of a line may be half a word.
                let halved = pieces.peek().is_none() && word.ends_with(is_hyphen);
                if !word.is_empty() && !halved && word.len() <= 64 {
                    words.insert(lower(word));
                }
            }
        }
        Vocabulary(words)
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// Prepares `text` to be followed by `next`, the next line, and returns what goes between them.
    pub(super) fn glue(&self, text: &mut String, next: &str) -> &'static str {
        let next = next.trim_start();
        while text.ends_with(char::is_whitespace) {
            text.pop();
        }
        if is_split_address(text, next) {
            return "";
        }
        let Some(hyphen) = text.chars().next_back().filter(|c| is_hyphen(*c)) else {
            return if text.is_empty() || is_unspaced(text, next) {
                ""
            } else {
                " "
            };
        };
        let stem = text
            .get(..text.len() - hyphen.len_utf8())
            .unwrap_or_default();
        let first: String = stem
            .rsplit(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_owned();
        let second: String = next.chars().take_while(|c| c.is_alphanumeric()).collect();
        if first.is_empty() || second.is_empty() {
            return " ";
        }
        let soft = matches!(hyphen, '\u{ad}' | '\u{2}');
        let whole = format!("{}{}", lower(&first), lower(&second));
        if !soft && is_conjunction(&second) && !self.has(&whole) {
            // "over- and underestimated": the hyphen stands for the word that follows later.
            return " ";
        }
        let letters =
            first.ends_with(char::is_alphabetic) && second.starts_with(char::is_alphabetic);
        // "Smith-Jones" keeps its hyphen, "OP-TIONAL" does not.
        let split = if second.starts_with(char::is_lowercase) {
            self.is_split(stem, &first, &second)
        } else {
            self.has(&whole)
        };
        if soft || (letters && split) {
            text.truncate(stem.len());
        }
        ""
    }

    /// Whether `first` and `second` are two halves of one word, and not of a compound that is written with a hyphen.
    fn is_split(&self, stem: &str, first: &str, second: &str) -> bool {
        let (first_lower, second_lower) = (lower(first), lower(second));
        let whole = format!("{first_lower}{second_lower}");
        if self.has(&whole) {
            return true;
        }
        if self.has(&format!("{first_lower}-{second_lower}")) {
            return false;
        }
        // "state-of-the-" goes on with a hyphen; so do two words that both stand alone elsewhere.
        let in_compound = stem
            .get(..stem.len() - first.len())
            .is_some_and(|before| before.ends_with(is_hyphen));
        let both_words = first.len() > 2
            && second.len() > 2
            && self.has(&first_lower)
            && self.has(&second_lower);
        !in_compound && !both_words
    }
}

/// The lines of a paragraph as one text.
pub(super) fn lines(lines: &[String], words: &Vocabulary) -> String {
    let mut text = String::new();
    for line in lines {
        let line = line.trim();
        let between = words.glue(&mut text, line);
        text.push_str(between);
        text.push_str(line);
    }
    text
}

/// Whether a sentence plainly goes on from one line to the next: it has not ended, and the next line begins small.
pub(super) fn runs_on(line: &str, next: &str) -> bool {
    let Some(end) = line.trim_end().chars().next_back() else {
        return false;
    };
    let small = next
        .trim_start()
        .chars()
        .next()
        .is_some_and(|c| c.is_lowercase() || c == '(');
    let caseless = next
        .trim_start()
        .chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase());
    !ends_sentence(line) && (small || caseless || is_hyphen(end) || end == ',')
}

/// Whether a line ends like a sentence.
pub(super) fn ends_sentence(line: &str) -> bool {
    line.trim_end()
        .trim_end_matches(['"', '\'', '”', '’', '»', ')', ']'])
        .ends_with([
            '.', '!', '?', ':', ';', '…', '。', '！', '？', '؟', '۔', '।',
        ])
}

/// Folds what only the drawing of a page needs: Latin ligatures and Arabic presentation forms become letters, and odd
/// spaces become plain ones.
pub(super) fn fold(text: &str) -> String {
    let folds = |c: char| matches!(c, '\u{fb00}'..='\u{fb06}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    let mut out = String::with_capacity(text.len());
    for character in text.trim().chars() {
        if folds(character) {
            out.extend(std::iter::once(character).nfkc());
        } else if matches!(
            character,
            '\t' | '\n' | '\r' | '\u{2000}'..='\u{200a}' | '\u{3000}'
        ) {
            out.push(' ');
        } else {
            out.push(character);
        }
    }
    out
}

fn is_hyphen(character: char) -> bool {
    matches!(character, '-' | '\u{ad}' | '\u{2010}' | '\u{2}')
}

fn is_conjunction(word: &str) -> bool {
    matches!(
        word,
        "and" | "or" | "und" | "oder" | "bzw" | "sowie" | "et" | "ou" | "e" | "y" | "o" | "to"
    )
}

/// Whether a line ends in the middle of a web address, at a sign where one may be split and no hyphen.
fn is_split_address(text: &str, next: &str) -> bool {
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let address = last.contains("://") || last.starts_with("www.") || last.starts_with("10.");
    address
        && last.ends_with(['/', '_', '=', '&', '?', '#'])
        && next.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether two lines meet in a script that has no spaces between words.
fn is_unspaced(text: &str, next: &str) -> bool {
    let han = |c: char| matches!(c, '\u{2e80}'..='\u{30ff}' | '\u{31f0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}');
    text.chars().next_back().is_some_and(han) && next.chars().next().is_some_and(han)
}

fn lower(word: &str) -> String {
    let folded: Cow<'_, str> = if word.contains('\u{2010}') {
        word.replace('\u{2010}', "-").into()
    } else {
        word.into()
    };
    folded.to_lowercase()
}
