//! Words of a sentence, and what single words are.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::words::{
    ADVERBS, IRREGULAR, JOINS, MONEY, MONTHS, NUMBERS, ORDINALS, PEOPLE, PREPOSITIONS, TIME_UNITS,
    TIMES, VERBS, WEEKDAYS,
};

/// A word with the punctuation behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As it stands, without punctuation at its ends.
    pub(super) text: String,
    /// In small letters, for comparing.
    pub(super) lower: String,
    /// Punctuation behind it.
    pub(super) tail: String,
}

impl Word {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            lower: text.to_lowercase(),
            tail: String::new(),
        }
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.lower == word
    }

    pub(super) fn is_in(&self, list: &[&str]) -> bool {
        list.contains(&self.lower.as_str())
    }

    /// Whether a comma, semicolon or colon stands behind it.
    pub(super) fn stops(&self) -> bool {
        self.tail.contains([',', ';', ':', '\u{2014}', '\u{2013}'])
    }
}

/// Words of a sentence; what stands in round brackets is left out.
pub(super) fn words(sentence: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut depth = 0_usize;
    for piece in sentence.split_whitespace() {
        let opens = piece.matches('(').count();
        let closes = piece.matches(')').count();
        let outside = depth == 0 && opens == 0;
        depth = (depth + opens).saturating_sub(closes);
        let text = piece.trim_matches(|c: char| !(c.is_alphanumeric() || c == '%'));
        if !outside || text.is_empty() {
            // A dash of its own, or the end of a bracket: its punctuation belongs to the word before.
            if let Some(last) = found.last_mut()
                && depth == 0
            {
                last.tail.extend(
                    piece
                        .chars()
                        .filter(|c| matches!(c, ',' | ';' | ':' | '–' | '—')),
                );
            }
            continue;
        }
        let end = piece.rfind(text).map_or(piece.len(), |at| at + text.len());
        found.push(Word {
            tail: piece[end..].to_owned(),
            ..Word::new(text)
        });
    }
    found
}

/// Words joined by spaces; commas inside are kept, other punctuation is not.
pub(super) fn join(words: &[Word]) -> String {
    let mut out = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(&word.text);
        if index + 1 < words.len() && word.tail.contains(',') {
            out.push(',');
        }
    }
    out
}

/// A finite form of a known verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// "open"
    Base,
    /// "opens"
    Third,
    /// "opened"
    Past,
}

/// The base form and the form of a known verb.
pub(super) fn verb(lower: &str) -> Option<(String, Form)> {
    if known(lower) {
        return Some((lower.to_owned(), Form::Base));
    }
    if let Some((_, base)) = IRREGULAR.iter().find(|(past, _)| *past == lower) {
        return Some(((*base).to_owned(), Form::Past));
    }
    let candidates = |stem: &str, extra: &[&str]| {
        let mut all = vec![stem.to_owned()];
        all.extend(extra.iter().map(|ending| format!("{stem}{ending}")));
        if let Some(short) = stem.strip_suffix('i') {
            all.push(format!("{short}y"));
        }
        let mut chars = stem.chars().rev();
        if let (Some(a), Some(b)) = (chars.next(), chars.next())
            && a == b
        {
            all.push(stem[..stem.len() - a.len_utf8()].to_owned());
        }
        all.into_iter().find(|base| known(base))
    };
    if let Some(stem) = lower.strip_suffix("es")
        && let Some(base) = candidates(stem, &["e"])
    {
        return Some((base, Form::Third));
    }
    if let Some(stem) = lower.strip_suffix('s')
        && known(stem)
    {
        return Some((stem.to_owned(), Form::Third));
    }
    if let Some(stem) = lower.strip_suffix("ed")
        && let Some(base) = candidates(stem, &["e"])
    {
        return Some((base, Form::Past));
    }
    None
}

fn known(word: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| VERBS.split_whitespace().collect());
    KNOWN.contains(word)
}

/// Whether a word looks like a past participle.
pub(super) fn participle(lower: &str) -> bool {
    const IRREGULARS: &[&str] = &[
        "been",
        "begun",
        "bought",
        "broken",
        "brought",
        "built",
        "caught",
        "chosen",
        "come",
        "cut",
        "done",
        "drawn",
        "driven",
        "eaten",
        "fallen",
        "fed",
        "felt",
        "forbidden",
        "forgotten",
        "found",
        "frozen",
        "given",
        "gone",
        "ground",
        "grown",
        "held",
        "hidden",
        "hung",
        "hurt",
        "kept",
        "known",
        "laid",
        "learnt",
        "left",
        "lent",
        "let",
        "lit",
        "lost",
        "made",
        "met",
        "paid",
        "put",
        "read",
        "risen",
        "rung",
        "run",
        "seen",
        "sent",
        "set",
        "shown",
        "shut",
        "sold",
        "spent",
        "split",
        "spread",
        "stolen",
        "stood",
        "stuck",
        "swept",
        "taken",
        "taught",
        "thrown",
        "told",
        "understood",
        "won",
        "worn",
        "written",
    ];
    (lower.len() > 3 && lower.ends_with("ed")) || IRREGULARS.contains(&lower)
}

/// The word without a plural ending, roughly.
pub(super) fn singular(lower: &str) -> &str {
    if lower.ends_with("ss") {
        return lower;
    }
    lower.strip_suffix('s').unwrap_or(lower)
}

/// Whether a noun looks like a plural.
pub(super) fn plural(lower: &str) -> bool {
    matches!(
        lower,
        "people" | "children" | "men" | "women" | "feet" | "mice" | "police"
    ) || (lower.ends_with('s')
        && !lower.ends_with("ss")
        && !lower.ends_with("us")
        && !lower.ends_with("is"))
}

pub(super) fn number(lower: &str) -> bool {
    lower.starts_with(|c: char| c.is_ascii_digit()) && !clock(lower) && !lower.contains('-')
        || NUMBERS.contains(&lower)
        || lower
            .split_once('-')
            .is_some_and(|(tens, _)| NUMBERS.contains(&tens))
}

/// A time of day such as `19:30`.
pub(super) fn clock(lower: &str) -> bool {
    let Some((hours, minutes)) = lower.split_once(':') else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(hours) && hours.len() <= 2 && digits(minutes) && minutes.len() == 2
}

/// A year of the last centuries.
pub(super) fn year(lower: &str) -> bool {
    lower.len() == 4
        && lower
            .parse::<u32>()
            .is_ok_and(|year| (1500..2100).contains(&year))
}

pub(super) fn time_unit(lower: &str) -> bool {
    TIME_UNITS.contains(&singular(lower))
}

pub(super) fn money(lower: &str) -> bool {
    MONEY.contains(&singular(lower))
}

pub(super) fn person(lower: &str) -> bool {
    PEOPLE.contains(&lower) || PEOPLE.contains(&singular(lower))
}

pub(super) fn adverb(lower: &str) -> bool {
    ADVERBS.contains(&lower)
}

/// How many words from the start of `words` say a time; 0 for none.
pub(super) fn time_length(words: &[Word]) -> usize {
    let at = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    let mut index = 0;
    if at(0) == "the" || at(0) == "each" || at(0) == "every" {
        index += 1;
    }
    if ORDINALS.contains(&at(index)) {
        index += 1;
    }
    let core = at(index);
    let day = WEEKDAYS.contains(&core) || WEEKDAYS.contains(&singular(core));
    let named = TIMES.contains(&core) || TIMES.contains(&singular(core));
    let month = MONTHS.contains(&core)
        && words
            .get(index)
            .is_some_and(|word| word.text.starts_with(char::is_uppercase));
    let unit = index > 0 && time_unit(core);
    let dated = number(core) && MONTHS.contains(&at(index + 1));
    if dated {
        index += 2;
    } else if named && !ends(words, index) {
        // "the winter room" is no time.
        return 0;
    } else if day || named || month || unit || clock(core) || (index == 0 && year(core)) {
        index += 1;
    } else {
        return 0;
    }
    // "of each month", "in June", "to 28 September", "and after 18:00", "or by 21:00 on Fridays".
    loop {
        if words.get(index - 1).is_some_and(Word::stops) && !matches!(at(index), "and" | "or") {
            return index;
        }
        let mut next = index;
        if matches!(at(next), "and" | "or") {
            next += 1;
        }
        if matches!(
            at(next),
            "of" | "in" | "to" | "on" | "at" | "after" | "before" | "by" | "until" | "from"
        ) {
            next += 1;
        } else if next == index {
            return index;
        }
        let more = time_length_once(&words[next.min(words.len())..]);
        if more == 0 {
            return index;
        }
        index = next + more;
    }
}

/// Whether the noun phrase ends with the word at `index`.
fn ends(words: &[Word], index: usize) -> bool {
    words.get(index).is_some_and(Word::stops)
        || words
            .get(index + 1)
            .is_none_or(|next| next.is_in(PREPOSITIONS) || next.is_in(JOINS))
}

/// One more time behind a first one.
fn time_length_once(words: &[Word]) -> usize {
    let at = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    let mut index = usize::from(matches!(at(0), "the" | "each" | "every"));
    index += usize::from(ORDINALS.contains(&at(index)));
    let core = at(index);
    let known = [WEEKDAYS, TIMES, MONTHS]
        .iter()
        .any(|list| list.contains(&core) || list.contains(&singular(core)));
    if number(core) && MONTHS.contains(&at(index + 1)) {
        index + 2
    } else if known || clock(core) || (index > 0 && time_unit(core)) {
        index + 1
    } else {
        0
    }
}
