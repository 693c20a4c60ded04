//! Names of models out of what a judge reads.
//!
//! A needle is a model's name, slug, display name, the part of its name behind the provider, or an alias. It is found whatever its
//! letter case, where no letter or digit touches it, the longest needle first, and not inside mathematics (`$...$`, `$$...$$`), where
//! short names would be variables. A participant becomes `Alice` or `Bob`, any other model [`ANOTHER`].

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::config::{Model, Protocol};

/// What stands for a model that takes no part in the debate.
pub const ANOTHER: &str = "another model";

/// Finds and replaces names.
#[derive(Debug, Clone)]
pub struct Redactor {
    /// Needles in lower case with what replaces them, longest first.
    needles: Vec<(Vec<char>, String)>,
    /// Whether mathematics is left alone.
    skips_maths: bool,
}

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Where it stood in the text before, in bytes.
    pub at: Range<usize>,
    /// What stood there.
    pub was: String,
    /// What stands there now.
    pub by: String,
}

/// A text without names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text.
    pub text: String,
    /// Every replacement, in order.
    pub replacements: Vec<Replacement>,
}

impl Redactor {
    /// The redactor of one claim. `alice` and `bob` are slugs; names of `models` that are neither are redacted with
    /// [`Protocol::Forgemark1`] only, which also leaves mathematics alone.
    pub fn new(models: &[Model], alice: &str, bob: &str, protocol: Protocol) -> Self {
        let mut needles: Vec<(Vec<char>, String)> = Vec::new();
        for model in models {
            let by = if model.slug == alice {
                "Alice"
            } else if model.slug == bob {
                "Bob"
            } else if protocol == Protocol::Crb1 {
                continue;
            } else {
                ANOTHER
            };
            for name in names(model, protocol) {
                let needle: Vec<char> = name.chars().map(lower).collect();
                if !needle.is_empty() && !needles.iter().any(|(known, _)| *known == needle) {
                    needles.push((needle, by.to_owned()));
                }
            }
        }
        needles.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Self {
            needles,
            skips_maths: protocol == Protocol::Forgemark1,
        }
    }

    /// `text` without the names.
    pub fn redact(&self, text: &str) -> Redacted {
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        let maths = if self.skips_maths {
            maths(text)
        } else {
            Vec::new()
        };
        let mut out = String::with_capacity(text.len());
        let mut replacements = Vec::new();
        let mut index = 0;
        while index < chars.len() {
            let (at, c) = chars[index];
            let in_maths = maths.iter().any(|range| range.contains(&at));
            let free = index == 0 || !chars[index - 1].1.is_alphanumeric();
            let found = (free && !in_maths)
                .then(|| {
                    self.needles
                        .iter()
                        .find(|(n, _)| stands_at(&chars, index, n))
                })
                .flatten();
            let Some((needle, by)) = found else {
                out.push(c);
                index += 1;
                continue;
            };
            index += needle.len();
            let end = chars.get(index).map_or(text.len(), |(end, _)| *end);
            out.push_str(by);
            replacements.push(Replacement {
                at: at..end,
                was: text[at..end].to_owned(),
                by: by.clone(),
            });
        }
        Redacted {
            text: out,
            replacements,
        }
    }
}

/// The names of a model. The part behind the provider (`gpt-4o` of `openai/gpt-4o`) counts with ours only.
fn names(model: &Model, protocol: Protocol) -> Vec<&str> {
    let mut names = vec![
        model.name.as_str(),
        model.slug.as_str(),
        model.display_name.as_str(),
    ];
    if protocol == Protocol::Forgemark1 {
        names.extend(model.name.rsplit_once('/').map(|(_, bare)| bare));
        names.extend(model.aliases.iter().map(String::as_str));
    }
    names.into_iter().map(str::trim).collect()
}

/// One lower-case character for one: what has no single one stays.
fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn stands_at(chars: &[(usize, char)], index: usize, needle: &[char]) -> bool {
    let Some(here) = chars.get(index..index + needle.len()) else {
        return false;
    };
    here.iter().zip(needle).all(|((_, c), n)| lower(*c) == *n)
        && !chars
            .get(index + needle.len())
            .is_some_and(|(_, c)| c.is_alphanumeric())
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
