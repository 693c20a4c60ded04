//! Questions from English sentences.
//!
//! A handful of rules over closed word lists, no grammar and no statistics: a sentence is read as
//! `[condition,] subject auxiliary rest [, reason]` or as an order, and what the rest holds (a
//! number, a time, a place, a reason, a list) decides what can be asked. Where the rules are not
//! sure they give nothing: a question that reads badly is worse than a plainer one.

mod adjuncts;
mod ask;
mod clause;
mod objects;
mod tail;
mod word;
mod words;

use clause::{Clause, Kind};
use word::{Word, join, words as split};
use words::{DETERMINERS, PREPOSITIONS, PRONOUNS};

/// A question, how good its pattern is (0 to 100), and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The question, with a capital letter and a question mark.
    pub(super) text: String,
    /// Higher is better.
    pub(super) weight: u32,
    /// One of [`forgemark_contract::dialogue::INTENTS`].
    pub(super) intent: &'static str,
}

/// Questions that `sentence` answers. `before` is the sentence before it, for "it" and "they";
/// `passage` the text around, which says how a word is written inside a sentence.
pub(super) fn questions(sentence: &str, before: Option<&str>, passage: &str) -> Vec<Made> {
    let words = split(sentence);
    let mut made = Vec::new();
    if !(4..=48).contains(&words.len()) {
        return made;
    }
    let earlier = before.and_then(|text| subject_of(&split(text)));
    ask::existence(&words, &mut made);
    ask::comparison(&words, passage, &mut made);
    match lead(&words) {
        Some((lead, main)) => with_lead(lead, main, &mut made),
        None => {
            if let Some(read) = Clause::read(&words, earlier.as_deref()) {
                ask::clause(&read, passage, &mut made);
            }
        }
    }
    for question in &mut made {
        question.text = finish(&question.text);
    }
    made.retain(|question| acceptable(&question.text));
    made
}

/// The subject of a sentence, to stand for "it" or "they" in the next one: short and by itself
/// clear.
fn subject_of(words: &[Word]) -> Option<Vec<Word>> {
    let main = lead(words).map_or(words, |(_, main)| main);
    let subject = Clause::read(main, None)?.subject;
    let clear = !subject
        .iter()
        .any(|word| word.is_in(PRONOUNS) || word.is_in(&["you", "who", "that", "only"]));
    (clear && !subject.is_empty() && subject.len() <= 6).then_some(subject)
}

/// What a sentence is about, as it stands inside a sentence: its subject, or the object of an
/// order. For plain questions.
pub(super) fn topic(sentence: &str, passage: &str) -> Option<String> {
    let words = split(sentence);
    let main = lead(&words).map_or(words.as_slice(), |(_, main)| main);
    let clause = Clause::read(main, None)?;
    if clause.subject.is_empty() {
        let object = &clause.rest[1..];
        let end = object
            .iter()
            .enumerate()
            .position(|(at, word)| {
                (at > 0 && object[at - 1].stops())
                    || word.is_in(PREPOSITIONS)
                    || word.is_in(words::JOINS)
            })
            .unwrap_or(object.len());
        let phrase = &object[..end];
        let clear = !phrase.iter().any(|word| word.is_in(PRONOUNS));
        return (clear && (2..=5).contains(&phrase.len())).then(|| join(phrase));
    }
    let subject = subject_of(&words)?;
    let only = Clause { subject, ..clause };
    Some(only.subject_text(passage))
}

/// Words that begin a subordinate part before the main clause.
const LEADS: &[&str] = &[
    "if", "when", "whenever", "before", "after", "to", "in", "on", "during", "unless", "while",
    "without", "outside", "at", "until", "as", "for", "because", "since", "with", "from", "by",
];

/// The part before the first comma and the main clause, when the sentence begins with one.
fn lead(words: &[Word]) -> Option<(&[Word], &[Word])> {
    if !words.first()?.is_in(LEADS) {
        return None;
    }
    let at = words
        .iter()
        .take(18)
        .position(|word| word.tail.contains(','))?;
    let main = words.get(at + 1..).filter(|main| main.len() > 1)?;
    if main[0].is_in(words::JOINS) {
        return None;
    }
    Some((&words[..=at], main))
}

/// Questions of "If the gauge drops, close the valve." and the like.
fn with_lead(lead: &[Word], main: &[Word], made: &mut Vec<Made>) {
    let first = lead[0].lower.as_str();
    // The name of a step may stand before the order: "in fog, follow the cairns".
    let order = Clause::read(main, None).is_some_and(|clause| {
        clause.kind == Kind::Order
            || (clause.subject.iter().any(|word| word.is("you"))
                && matches!(clause.auxiliary.as_str(), "must" | "should" | "can" | "do"))
    }) || word::verb(&main[0].lower).is_some_and(|(_, form)| form == word::Form::Base)
        || main[0].is_in(&["never", "do"]);
    let text = join(lead);
    let text = text.split_once(' ').map_or("", |(_, rest)| rest);
    let mut push = |weight: u32, intent: &'static str, text: String| {
        made.push(Made {
            text,
            weight,
            intent,
        });
    };
    match (first, order) {
        ("if" | "when", true) => push(
            90,
            "troubleshoot",
            format!("What should I do {first} {text}?"),
        ),
        ("if" | "when", false) => push(86, "edge_case", format!("What happens {first} {text}?")),
        ("to", true) if lead.len() > 2 => push(94, "how_to", format!("How do I {text}?")),
        ("before" | "after" | "in" | "during" | "without", true) if lead.len() > 1 => {
            push(80, "how_to", format!("What should I do {first} {text}?"));
        }
        _ => {}
    }
}

/// Capital letter, question mark, and the reader's point of view turned into the asker's.
fn finish(question: &str) -> String {
    let body = question.trim_end_matches('?').trim();
    let mut pieces: Vec<String> = body.split(' ').map(str::to_owned).collect();
    for at in 0..pieces.len() {
        let next = pieces.get(at + 1).cloned().unwrap_or_default();
        let before = if at == 0 {
            String::new()
        } else {
            pieces[at - 1].to_lowercase()
        };
        let acts = words::AUXILIARIES.contains(&next.as_str()) || word::verb(&next).is_some();
        let object = !acts
            && (next.is_empty()
                || PREPOSITIONS.contains(&next.as_str())
                || PREPOSITIONS.contains(&before.as_str()));
        let (bare, comma) = match pieces[at].strip_suffix(',') {
            Some(bare) => (bare.to_owned(), ","),
            None => (pieces[at].clone(), ""),
        };
        let turned = match bare.as_str() {
            "you" | "You" if object => "me",
            "you" | "You" => "I",
            "your" | "Your" => "my",
            "yourself" => "myself",
            "yours" => "mine",
            _ => continue,
        };
        pieces[at] = format!("{turned}{comma}");
        if turned == "I" {
            if next == "are" {
                "am".clone_into(&mut pieces[at + 1]);
            } else if before == "are" {
                "am".clone_into(&mut pieces[at - 1]);
            }
        }
    }
    let body = pieces.join(" ");
    let mut chars = body.chars();
    let first: String = chars
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    format!("{first}{}?", chars.as_str())
}

/// Words of questions that name nothing.
const ASKING: &[&str] = &[
    "what", "when", "where", "why", "who", "how", "often", "long", "many", "much", "quickly",
    "far", "advance", "happens", "time", "if", "done", "be",
];

/// Whether a question stands on its own and reads as one.
fn acceptable(question: &str) -> bool {
    let words = split(question);
    if !(4..=26).contains(&words.len()) {
        return false;
    }
    let last = &words[words.len() - 1];
    let ends_badly = last.is_in(DETERMINERS)
        || last.is_in(words::JOINS)
        || (last.is_in(PREPOSITIONS)
            && !last.is_in(&["by", "up", "out", "off", "down", "on", "before"]));
    let mut content = 0;
    for (at, word) in words.iter().enumerate() {
        if word.is_in(PRONOUNS) {
            let fits = match word.lower.as_str() {
                // "the crank that hangs", not "that case"
                "that" => at > 2 && !words[at - 1].is_in(PREPOSITIONS),
                "there" => at > 0 && words[at - 1].is_in(&["are", "is", "were"]),
                "it" | "its" | "they" | "them" | "their" => content >= 1,
                "both" => true,
                _ => false,
            };
            if !fits {
                return false;
            }
        } else if word.is_in(&["nothing", "later", "none"]) {
            return false;
        } else if word.lower.len() > 2
            && !word.is_in(PREPOSITIONS)
            && !word.is_in(DETERMINERS)
            && !word.is_in(words::AUXILIARIES)
            && !word.is_in(ASKING)
        {
            content += 1;
        }
    }
    // What is asked about has to be named: beside the question word at least one content word.
    !ends_badly
        && content >= 1
        && !question.contains(['"', '“', '”', '|', '<', '>', '{', '}', '=', '#'])
}

#[cfg(test)]
mod tests;
