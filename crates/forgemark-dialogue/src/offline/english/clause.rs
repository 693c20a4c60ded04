//! Subject, auxiliary and the rest of a simple clause: what a question turns around.

use super::word::{Form, Word, adverb, join, participle, person, plural, verb};
use super::words::{AUXILIARIES, DETERMINERS, PREPOSITIONS};

/// A clause that can be turned into a question.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    /// The subject; empty for an order, where it is the one who asks.
    pub(super) subject: Vec<Word>,
    /// The word that comes before the subject in a question: `must`, `is`, `does`.
    pub(super) auxiliary: String,
    /// Whether "not" or "never" stood behind the auxiliary; it is not part of `rest`.
    pub(super) negated: bool,
    /// From the verb in its base form on, or what follows a form of "be".
    pub(super) rest: Vec<Word>,
    /// What kind of verb `rest` begins with.
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// "Close the lid."
    Order,
    /// A modal or do-support: `rest` begins with a base form.
    Action,
    /// A form of "be" or "have" with a participle.
    Passive,
    /// A form of "be" with something else.
    State,
}

impl Clause {
    /// Reads the clause that `words` begin with. `before` is the subject of the sentence before,
    /// for a clause that begins with "it" or "they".
    pub(super) fn read(words: &[Word], before: Option<&[Word]>) -> Option<Self> {
        let words = match words.first() {
            // "Then put one drop ...", "Also, ..."
            Some(first) if first.is_in(OPENINGS) => &words[1..],
            _ => words,
        };
        order(words, true)
            .or_else(|| statement(words, before))
            .or_else(|| order(words, false))
    }

    /// The subject as it stands in a question.
    pub(super) fn subject_text(&self, passage: &str) -> String {
        if self.subject.is_empty() {
            return "I".to_owned();
        }
        let mut words = self.subject.clone();
        words[0].text = small(&words[0], words.get(1), passage);
        // "the last keeper, Edda Marsh,": the second comma belongs to the first.
        let apposition = words.iter().filter(|word| word.tail.contains(',')).count() == 2
            && words.last().is_some_and(|word| word.tail.contains(','));
        join(&words) + if apposition { "," } else { "" }
    }

    /// `<start> <auxiliary> <subject> [not] <rest>?`
    pub(super) fn ask(&self, start: &str, rest: &[Word], passage: &str) -> String {
        let subject = self.subject_text(passage);
        let not = if self.negated { "not" } else { "" };
        let parts = [start, &self.auxiliary, &subject, not, &join(rest)];
        let mut out = String::new();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(part);
        }
        out.push('?');
        out
    }

    /// Whether the subject is somebody.
    pub(super) fn about_people(&self) -> bool {
        self.subject.iter().any(|word| person(&word.lower))
    }
}

/// Words at the beginning of a sentence that a question does without.
const OPENINGS: &[&str] = &[
    "then",
    "also",
    "however",
    "finally",
    "afterwards",
    "therefore",
    "next",
    "now",
    "please",
];

/// "Check the tyres ...", "Never oil ...", "Do not open ...". `sure` asks for the beginning of an
/// object behind the verb.
fn order(words: &[Word], sure: bool) -> Option<Clause> {
    let first = words.first()?;
    let (skipped, negated) = match (first.lower.as_str(), words.get(1)) {
        ("never", _) => (1, true),
        ("do", Some(second)) if second.is("not") => (2, true),
        ("always", _) => (1, false),
        _ => (0, false),
    };
    let rest = &words[skipped..];
    let (_, Form::Base) = verb(&rest.first()?.lower)? else {
        return None;
    };
    let second = rest.get(1)?;
    // "Repair evenings take place" is no order: behind its verb stands the beginning of an object.
    let object = second.is_in(DETERMINERS)
        || second.is_in(PREPOSITIONS)
        || second.text.starts_with(|c: char| c.is_ascii_digit())
        || matches!(
            second.lower.as_str(),
            "your" | "yourself" | "excess" | "hot" | "cold" | "fresh" | "dry" | "wet"
        );
    if !(negated || object || !sure)
        || rest[0].stops()
        || verb(&second.lower).is_some_and(|_| !sure)
    {
        return None;
    }
    let mut rest = rest.to_vec();
    let small = rest[0].lower.clone();
    rest[0].text = small;
    Some(Clause {
        subject: Vec::new(),
        auxiliary: "should".to_owned(),
        negated,
        rest,
        kind: Kind::Order,
    })
}

/// The most words of a subject.
const LONGEST_SUBJECT: usize = 14;

fn statement(words: &[Word], before: Option<&[Word]>) -> Option<Clause> {
    let pronoun = words.first()?.is_in(&["it", "they"]);
    // "In dry summers each guest may ...": where the subject begins is anybody's guess.
    if words[0].is_in(PREPOSITIONS) && !words[0].is("at") {
        return None;
    }
    if words[0].is_in(&[
        "and", "but", "or", "if", "when", "there", "this", "these", "that", "those", "its",
        "their", "such", "he", "she", "who", "what", "which", "some", "here",
    ]) {
        return None;
    }
    let mut relative = false;
    let mut inside = false;
    for index in 1..words.len().min(LONGEST_SUBJECT + 1) {
        let word = &words[index];
        if word.is_in(&["that", "which", "who", "whose", "where"]) {
            relative = true;
            continue;
        }
        if relative
            && words[index - 1].is_in(&["that", "which", "who"])
            && verb(&word.lower).is_some()
        {
            relative = false;
            inside = true;
            continue;
        }
        let Some(finite) = finite(words, index) else {
            continue;
        };
        if relative {
            // The verb of "parcels that are late"; the one of the main clause comes later.
            relative = false;
            inside = true;
            continue;
        }
        if inside && words[index - 1].is_in(&["and", "or"]) {
            continue;
        }
        let mut subject = words[..index].to_vec();
        if subject[0].is("nobody") {
            // "Nobody may look ...": may I?
            let mut clause = build(Vec::new(), finite, words, index);
            clause.negated = true;
            return matches!(clause.auxiliary.as_str(), "may" | "can" | "must" | "should")
                .then_some(clause);
        }
        if pronoun {
            subject = antecedent(&words[0], before?)?;
        }
        return Some(build(subject, finite, words, index));
    }
    None
}

/// What stands for "it" or "they".
fn antecedent(pronoun: &Word, before: &[Word]) -> Option<Vec<Word>> {
    let many = plural(&head(before).lower) || before.iter().any(|word| word.is("and"));
    (pronoun.is("they") == many).then(|| before.to_vec())
}

/// The noun that a verb agrees with: the one before "of", "for", "on" and so on.
fn head(subject: &[Word]) -> &Word {
    let end = subject
        .iter()
        .skip(1)
        .position(|word| word.is_in(PREPOSITIONS));
    &subject[end.unwrap_or(subject.len() - 1)]
}

enum Finite {
    Auxiliary,
    /// "has to", "have to", "had to"
    HaveTo,
    /// A full verb: its base form and the form of "do" that a question needs.
    Full(String, &'static str),
}

/// The finite verb at `index`, if there is one.
fn finite(words: &[Word], index: usize) -> Option<Finite> {
    let word = &words[index];
    let previous = &words[index - 1];
    if word.is_in(AUXILIARIES) && !(word.is("may") && word.text.starts_with('M')) {
        let next = words[index + 1..]
            .iter()
            .find(|word| !adverb(&word.lower) && !word.is("not"));
        return match word.lower.as_str() {
            "has" | "have" | "had" => match next {
                Some(next) if next.is("to") => Some(Finite::HaveTo),
                Some(next) if participle(&next.lower) => Some(Finite::Auxiliary),
                _ => Some(Finite::Full("have".to_owned(), support(&word.lower))),
            },
            "do" | "does" | "did" => {
                let negated = words.get(index + 1).is_some_and(|word| word.is("not"));
                negated.then_some(Finite::Auxiliary)
            }
            _ => Some(Finite::Auxiliary),
        };
    }
    // Behind an article stands a noun, behind "is" a participle, behind "and" anything.
    let misplaced = previous.is_in(DETERMINERS)
        || previous.is_in(PREPOSITIONS)
        || previous.is_in(AUXILIARIES)
        || previous.is_in(&["and", "or", "not", "be", "been"])
        || previous.lower.ends_with("ly");
    if misplaced {
        return None;
    }
    let (base, form) = verb(&word.lower)?;
    let head = head(&words[..index]);
    // "Late returns cost ...": a verb follows, so this is a noun.
    let noun = words.get(index + 1).is_some_and(|next| {
        !words[index].stops()
            && !next.is("place")
            && (next.is_in(AUXILIARIES) || matches!(verb(&next.lower), Some((_, Form::Base))))
    });
    if form == Form::Third && noun {
        return None;
    }
    let together = words[..index].iter().any(|word| word.is("and"));
    match form {
        Form::Third if !plural(&head.lower) && !participle(&previous.lower) => {
            Some(Finite::Full(base, "does"))
        }
        Form::Base if plural(&head.lower) || together || head.is("they") => {
            Some(Finite::Full(base, "do"))
        }
        Form::Past => {
            // "water collected in tanks is ..." has its verb later.
            let later = words[index + 1..]
                .iter()
                .take_while(|word| !word.stops())
                .take(7)
                .any(|word| word.is_in(AUXILIARIES));
            (!later).then_some(Finite::Full(base, "did"))
        }
        _ => None,
    }
}

fn support(have: &str) -> &'static str {
    match have {
        "has" => "does",
        "had" => "did",
        _ => "do",
    }
}

fn build(subject: Vec<Word>, finite: Finite, words: &[Word], index: usize) -> Clause {
    let mut after = words[index + 1..].to_vec();
    let (auxiliary, mut kind) = match finite {
        Finite::Full(base, auxiliary) => {
            after.insert(
                0,
                Word {
                    tail: words[index].tail.clone(),
                    ..Word::new(&base)
                },
            );
            return Clause {
                subject,
                auxiliary: auxiliary.to_owned(),
                negated: false,
                rest: after,
                kind: Kind::Action,
            };
        }
        Finite::HaveTo => {
            after.insert(0, Word::new("have"));
            return Clause {
                subject,
                auxiliary: support(&words[index].lower).to_owned(),
                negated: false,
                rest: after,
                kind: Kind::Action,
            };
        }
        Finite::Auxiliary => (words[index].lower.clone(), Kind::Action),
    };
    let (auxiliary, mut negated) = match auxiliary.as_str() {
        "cannot" => ("can".to_owned(), true),
        _ => (auxiliary, false),
    };
    while let Some(first) = after.first() {
        let denies = first.is("not") || first.is("never");
        // "may not only": not a denial of the whole.
        if !(denies || adverb(&first.lower)) || first.is("only") {
            break;
        }
        negated |= denies;
        after.remove(0);
    }
    if matches!(
        auxiliary.as_str(),
        "is" | "are" | "was" | "were" | "has" | "have" | "had"
    ) {
        kind = match after.first() {
            Some(first) if participle(&first.lower) => Kind::Passive,
            _ => Kind::State,
        };
    }
    Clause {
        subject,
        auxiliary,
        negated,
        rest: after,
        kind,
    }
}

/// The first word of a sentence as it is written inside one: in small letters unless it is a name.
fn small(first: &Word, second: Option<&Word>, passage: &str) -> String {
    let text = &first.text;
    if text == "I"
        || text
            .chars()
            .skip(1)
            .any(|c| c.is_uppercase() || c.is_ascii_digit())
    {
        return text.clone();
    }
    if first.is_in(DETERMINERS) || first.is_in(PREPOSITIONS) || contains_word(passage, &first.lower)
    {
        return first.lower.clone();
    }
    let name_goes_on = second.is_some_and(|word| word.text.starts_with(char::is_uppercase));
    // Capital in the middle of a sentence: a comma, a letter or a digit before it.
    let named = passage.match_indices(text.as_str()).any(|(at, _)| {
        let before = passage[..at].trim_end_matches(' ');
        before.len() < at && before.ends_with(|c: char| c.is_alphanumeric() || c == ',')
    });
    if name_goes_on || named {
        text.clone()
    } else {
        first.lower.clone()
    }
}

fn contains_word(passage: &str, word: &str) -> bool {
    passage.match_indices(word).any(|(at, _)| {
        !passage[..at].ends_with(char::is_alphanumeric)
            && !passage[at + word.len()..].starts_with(char::is_alphanumeric)
    })
}
