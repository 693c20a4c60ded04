//! Where the core of a clause ends, and what hangs on behind it.

use super::word::{Form, Word, time_unit, verb};
use super::words::{AUXILIARIES, DETERMINERS, PREPOSITIONS};

/// What follows the core of a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tail<'a> {
    /// Nothing that could be asked about.
    None,
    /// A reason or purpose: "because ...", ", since ...", "so that ...".
    Reason,
    /// A condition, with its word: "if ...", "when ...".
    Condition(&'static str, &'a [Word]),
}

/// Core and tail of what follows a subject.
pub(super) fn cut(rest: &[Word]) -> (&[Word], Tail<'_>) {
    for at in 1..rest.len() {
        let word = &rest[at];
        let comma = rest[at - 1].stops();
        let next = rest.get(at + 1).map_or("", |word| word.lower.as_str());
        let core = &rest[..at];
        match word.lower.as_str() {
            "because" if next != "of" => return (core, Tail::Reason),
            "since" if comma => return (core, Tail::Reason),
            "so" if next == "that" => return (core, Tail::Reason),
            "as" if comma => return (core, Tail::None),
            "so" if comma => return (core, Tail::None),
            "if" => return (core, Tail::Condition("if", clause_end(&rest[at + 1..]))),
            "when" => return (core, Tail::Condition("when", clause_end(&rest[at + 1..]))),
            "unless" | "whereas" | "although" | "though" | "otherwise" | "whoever" => {
                return (core, Tail::None);
            }
            "while" if next != "a" => return (core, Tail::None),
            "which" | "who" | "where" | "then" | "but" if comma => return (core, Tail::None),
            "but" => return (core, Tail::None),
            "and" | "or" if comma && starts_clause(&rest[at + 1..]) => return (core, Tail::None),
            "and" if second_verb(&rest[at + 1..]) => return (core, Tail::None),
            // "90 minutes before the visitors arrive" is one thing to ask for.
            "before" if time_unit(&rest[at - 1].lower) => {}
            "until" | "before" | "after" if starts_clause(&rest[at + 1..]) => {
                return (core, Tail::None);
            }
            _ => {}
        }
        if rest[at - 1].tail.contains([';', ':', '—', '–']) {
            return (core, Tail::None);
        }
    }
    (rest, Tail::None)
}

/// A condition up to where the next clause begins.
fn clause_end(words: &[Word]) -> &[Word] {
    for at in 1..words.len() {
        let comma = words[at - 1].stops();
        let word = &words[at];
        if (comma
            && word.is_in(&[
                "and", "but", "or", "because", "since", "so", "then", "which",
            ]))
            || word.is_in(&["because", "since", "so", "but"])
            || words[at - 1].tail.contains([';', ':', '—', '–'])
            || (word.is_in(&["or", "and"])
                && words
                    .get(at + 1)
                    .is_some_and(|next| next.is_in(&["if", "when"])))
        {
            return &words[..at];
        }
    }
    words
}

/// Whether `words` begin with a subject and a finite verb.
fn starts_clause(words: &[Word]) -> bool {
    words
        .iter()
        .take(7)
        .enumerate()
        .take_while(|(at, _)| *at == 0 || !words[at - 1].stops())
        .any(|(at, word)| {
            let subject = at == 1 && words[0].is_in(&["it", "they", "you", "he", "she", "we"]);
            let noun_before =
                at > 1 && !words[at - 1].is_in(DETERMINERS) && !words[at - 1].is_in(PREPOSITIONS);
            let full = matches!(verb(&word.lower), Some((_, Form::Base | Form::Third)));
            at > 0 && (word.is_in(AUXILIARIES) || subject || (noun_before && full))
        })
}

/// Whether "and" is followed by another finite verb of the same subject.
fn second_verb(words: &[Word]) -> bool {
    let Some(first) = words.first() else {
        return false;
    };
    let follows = words.get(1).is_some_and(|next| {
        next.is_in(&[
            "the", "a", "an", "its", "their", "your", "it", "them", "each", "not", "to", "on",
            "off", "be",
        ])
    });
    first.is_in(AUXILIARIES)
        || (follows && verb(&first.lower).is_some() && !first.lower.ends_with("ed"))
}
