//! Names of models out of texts, so that whoever judges does not see who wrote what.
//!
//! A name is replaced only where it stands as a token: no letter or digit touches it. Letters count without case, and the longest
//! name wins. [`Rules`] say what more there is to it.
//!
//! Where all that is known of a model is its slug, names are looked for in every form that their parts make: the whole of it, the part
//! without the vendor, runs of parts such as `gpt-4o` or `Claude Opus`, and telling words such as the vendor's. Forms of fewer
//! than three characters are left alone, because nothing tells them from a variable (`\phi-4` is no model either).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Shortest form that is looked for, in characters.
const SHORTEST: usize = 3;

/// Shortest run of parts, and shortest single word, in characters.
const SHORTEST_RUN: usize = 5;

/// Parts of names that are ordinary words.
const PLAIN: [&str; 15] = [
    "preview",
    "turbo",
    "instruct",
    "latest",
    "large",
    "small",
    "medium",
    "flash",
    "model",
    "reasoning",
    "thinking",
    "maverick",
    "offline",
    "judge",
    "solver",
];

/// What stands where a name stood that more than one model may have, or one that takes no part.
pub const SOME_MODEL: &str = "[model]";

/// A name that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Where it stood in the text as it was, in bytes.
    pub at: Range<usize>,
    /// What stood there.
    pub was: String,
    /// What stands there now.
    pub by: String,
}

/// How names are told from other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// A space, `-`, `_`, `/` and `:` are one character, and what follows a backslash is no name.
    pub any_separator: bool,
    /// What stands in mathematics (`$...$`, `$$...$$`) is no name: short ones would be variables.
    pub skips_maths: bool,
}

/// Replaces the names of an arena's models.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// Folded forms with what replaces them, the longest first.
    forms: Vec<(Vec<char>, String)>,
    rules: Rules,
}

impl Redactor {
    /// One for names as they are; of equal names the first counts.
    pub fn of_names<'n>(names: impl IntoIterator<Item = (&'n str, &'n str)>, rules: Rules) -> Self {
        let mut forms: BTreeMap<Vec<char>, String> = BTreeMap::new();
        for (name, by) in names {
            let form: Vec<char> = name.trim().chars().map(|c| rules.fold(c)).collect();
            if !form.is_empty() {
                forms.entry(form).or_insert_with(|| by.to_owned());
            }
        }
        Redactor::new(forms, rules)
    }

    /// One for every form of the names of some models: each with all its names, and what stands in its place.
    pub fn of_forms<'m>(models: impl IntoIterator<Item = (&'m BTreeSet<String>, &'m str)>) -> Self {
        let mut forms: BTreeMap<Vec<char>, BTreeSet<(usize, &str)>> = BTreeMap::new();
        for (number, (names, stand_in)) in models.into_iter().enumerate() {
            for form in names.iter().flat_map(|name| forms_of(name)) {
                forms.entry(form).or_default().insert((number, stand_in));
            }
        }
        let forms = forms
            .into_iter()
            .map(|(form, models)| match (models.first(), models.len()) {
                (Some((_, stand_in)), 1) => (form, (*stand_in).to_owned()),
                _ => (form, SOME_MODEL.to_owned()),
            });
        Redactor::new(forms, FORMS)
    }

    fn new(forms: impl IntoIterator<Item = (Vec<char>, String)>, rules: Rules) -> Self {
        let mut forms: Vec<_> = forms.into_iter().collect();
        forms.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Redactor { forms, rules }
    }

    /// The text without the names, and what was replaced, in order.
    pub fn apply(&self, text: &str) -> (String, Vec<Replacement>) {
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        let folded: Vec<char> = chars.iter().map(|(_, c)| self.rules.fold(*c)).collect();
        let maths = if self.rules.skips_maths {
            maths(text)
        } else {
            Vec::new()
        };
        let (mut out, mut log) = (String::with_capacity(text.len()), Vec::new());
        let mut at = 0;
        while let Some((start, c)) = chars.get(at) {
            let before = at.checked_sub(1).and_then(|before| chars.get(before));
            let touches = |c: char| c.is_alphanumeric() || (self.rules.any_separator && c == '\\');
            let begins = before.is_none_or(|(_, c)| !touches(*c))
                && !maths.iter().any(|range| range.contains(start));
            let form = self.forms.iter().find(|(form, _)| {
                let rest = folded.get(at..).unwrap_or_default();
                let ends = chars.get(at + form.len());
                begins && rest.starts_with(form) && ends.is_none_or(|(_, c)| !c.is_alphanumeric())
            });
            let Some((form, by)) = form else {
                out.push(*c);
                at += 1;
                continue;
            };
            at += form.len();
            let end = chars.get(at).map_or(text.len(), |(end, _)| *end);
            out.push_str(by);
            log.push(Replacement {
                at: *start..end,
                was: text.get(*start..end).unwrap_or_default().to_owned(),
                by: by.clone(),
            });
        }
        (out, log)
    }
}

/// How forms are told from other words. A sentence between two amounts of dollars is no mathematics, and who labels must not
/// see a name in it; so mathematics is searched too.
const FORMS: Rules = Rules {
    any_separator: true,
    skips_maths: false,
};

impl Rules {
    /// Lower case where that is one character; with one character for all that separates the parts of a name.
    fn fold(self, c: char) -> char {
        match c {
            ' ' | '-' | '_' | '/' | ':' | '\u{a0}' | '\u{2010}'..='\u{2013}'
                if self.any_separator =>
            {
                '-'
            }
            _ => {
                let mut all = c.to_lowercase();
                match (all.next(), all.next()) {
                    (Some(one), None) => one,
                    _ => c,
                }
            }
        }
    }
}

/// The forms of one name, folded.
fn forms_of(name: &str) -> BTreeSet<Vec<char>> {
    let folded: String = name.trim().chars().map(|c| FORMS.fold(c)).collect();
    let parts: Vec<&str> = folded.split('-').filter(|part| !part.is_empty()).collect();
    let mut forms: BTreeSet<String> = [folded.clone()].into();
    for first in 0..parts.len() {
        let run = parts.get(first..).unwrap_or_default();
        let Some(begins) = run
            .first()
            .filter(|part| part.starts_with(char::is_alphabetic))
        else {
            continue;
        };
        if begins.chars().count() >= SHORTEST_RUN && !PLAIN.contains(begins) {
            forms.insert((*begins).to_owned());
        }
        for length in 2..=run.len() {
            let joined = run.get(..length).unwrap_or_default().join("-");
            if joined.chars().count() >= SHORTEST_RUN {
                forms.insert(joined);
            }
        }
    }
    let forms = forms.into_iter().map(|form| form.chars().collect());
    forms
        .filter(|form: &Vec<char>| form.len() >= SHORTEST)
        .collect()
}

/// The stretches between `$` and the next `$` or `$$` and the next `$$`. A delimiter without its other half opens nothing, and a
/// single `$` none beyond an empty line: it is a sum of money.
fn maths(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        if text[..at].ends_with('\\') {
            from = at + 1;
            continue;
        }
        let delimiter = if text[at..].starts_with("$$") {
            "$$"
        } else {
            "$"
        };
        let start = at + delimiter.len();
        let end = text[start..].find(delimiter).map(|end| start + end);
        match end.filter(|end| delimiter == "$$" || !text[start..*end].contains("\n\n")) {
            Some(end) => {
                found.push(at..end + delimiter.len());
                from = end + delimiter.len();
            }
            None => from = start,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let models: [(BTreeSet<String>, &str); 3] = [
            (names(&["openai/gpt-4o-2024-08-06", "GPT-4o"]), "[claimant]"),
            (names(&["anthropic-claude-opus-4.5"]), "[defender]"),
            (
                names(&["openai-gpt-5.2", "microsoft/phi-4", "q"]),
                SOME_MODEL,
            ),
        ];
        Redactor::of_forms(models.iter().map(|(names, with)| (names, *with)))
    }

    #[test]
    fn every_form_of_a_name_is_replaced_and_logged() {
        for (text, expected) in [
            ("As GPT 4o I say", "As [claimant] I say"),
            ("openai/gpt-4o-2024-08-06's", "[claimant]'s"),
            ("OPENAI-GPT-4o-2024-08-06.", "[claimant]."),
            (
                "I am Claude, by Anthropic",
                "I am [defender], by [defender]",
            ),
            ("claude_opus 4.5", "[defender]"),
            // Two models are of this vendor.
            ("made by OpenAI", "made by [model]"),
        ] {
            assert_eq!(redactor().apply(text).0, expected, "{text}");
        }
        let (text, log) = redactor().apply("é gpt-4o, Phi-4");
        assert_eq!(text, "é [claimant], [model]");
        let log: Vec<_> = log
            .iter()
            .map(|one| (one.at.start, one.was.as_str()))
            .collect();
        assert_eq!(log, [(3, "gpt-4o"), (11, "Phi-4")]);
    }

    #[test]
    fn what_is_no_name_stays() {
        for text in [
            "$\\phi-4$ and q = 2",
            "xgpt-4o and gpt-4omni",
            "the preview of a model",
            "",
            "日本語 ∑",
        ] {
            let (kept, log) = redactor().apply(text);
            assert_eq!((kept.as_str(), log.len()), (text, 0));
        }
    }
}
