//! How many, how much, what: the object behind the verb, and what something is.

use super::adjuncts::without;
use super::ask::{Push, verb_form};
use super::clause::{Clause, Kind};
use super::word::{Form, Word, join, money, number, plural, singular, time_unit};
use super::words::{DETERMINERS, LISTING, MEASURES, PREPOSITIONS, UNITS};

/// How many, how much, how long, and what: the object behind the verb.
pub(super) fn objects(clause: &Clause, core: &[Word], passage: &str, push: &mut Push<'_>) {
    if !matches!(clause.kind, Kind::Action | Kind::Order) || core.len() < 2 {
        return;
    }
    let action = core[0].lower.clone();
    // "have to carry", "may then draw": the object stands behind the last verb.
    let mut object = 1;
    if action == "have" && core[1].is("to") {
        object = 3;
    }
    let Some(tail) = core.get(object..) else {
        return;
    };
    if action == "cost" {
        push(
            88,
            "constraints",
            clause.ask("how much", &core[..object], passage),
        );
        return;
    }
    let skipped = qualifier(tail);
    if action == "be" {
        let measure = tail.get(skipped + 2).filter(|word| word.is_in(MEASURES));
        let level = clause
            .subject
            .iter()
            .any(|word| word.is_in(&["pressure", "temperature"]));
        let amount = tail
            .get(skipped)
            .is_some_and(|word| number(&word.lower) || word.is("between"));
        match measure {
            Some(measure) if amount => {
                push(
                    88,
                    "constraints",
                    clause.ask(&format!("how {}", measure.lower), &core[..1], passage),
                );
            }
            None if amount && level => push(
                86,
                "constraints",
                clause.ask("how high", &core[..1], passage),
            ),
            _ => {}
        }
        return;
    }
    let half = tail.get(skipped + 1).is_some_and(|word| word.is("and"))
        && tail.get(skipped + 3).is_some_and(|word| word.is("half"));
    if half && matches!(action.as_str(), "take" | "last" | "wait") {
        push(
            88,
            "constraints",
            clause.ask("how long", &core[..object], passage),
        );
        return;
    }
    let counted = tail
        .get(skipped)
        .filter(|word| number(&word.lower) && !word.stops());
    if let (Some(_), Some(noun)) = (counted, tail.get(skipped + 1)) {
        let start = object + skipped + 1;
        let mut end = start + 1;
        while end < core.len()
            && end < start + 3
            && !core[end - 1].stops()
            && !core[end].is_in(PREPOSITIONS)
            && !core[end].is_in(DETERMINERS)
            && !core[end].is_in(&[
                "and", "or", "of", "that", "which", "who", "each", "later", "together",
            ])
            && !plural(&core[end - 1].lower)
        {
            end += 1;
        }
        let (question, weight): (String, u32) = if time_unit(&noun.lower) {
            if !matches!(
                action.as_str(),
                "take" | "last" | "wait" | "need" | "rest" | "stay"
            ) {
                return;
            }
            ("how long".to_owned(), 88)
        } else if money(&noun.lower) {
            ("how much".to_owned(), 88)
        } else if matches!(noun.lower.as_str(), "percent" | "times" | "degrees") {
            return;
        } else {
            (format!("how many {}", join(&core[start..end])), 86)
        };
        // "two levers, six patches and glue" is a list and asked for as one.
        let more =
            core[end - 1].tail.contains(',') || core.get(end).is_some_and(|word| word.is("and"));
        let listed = more && LISTING.contains(&action.as_str());
        let single = question.starts_with("how many") && !plural(&core[end - 1].lower);
        if !listed && !single {
            // "How many litres of water": the material belongs to the measure.
            let measured = core.get(end).is_some_and(|word| word.is("of"))
                && UNITS.contains(&singular(&noun.lower));
            let material = core.get(end + 1..).unwrap_or_default();
            let length = material
                .iter()
                .enumerate()
                .take_while(|(at, word)| {
                    !word.is_in(PREPOSITIONS)
                        && !word.is_in(&["and", "or"])
                        && (*at == 0 || !material[at - 1].stops())
                })
                .count();
            let plain = !material
                .first()
                .is_some_and(|word| word.is_in(DETERMINERS) || number(&word.lower));
            let (question, end) = if measured && plain && (1..=2).contains(&length) {
                (
                    format!("{question} of {}", join(&material[..length])),
                    end + 1 + length,
                )
            } else {
                (question, end)
            };
            if clause.kind == Kind::Order && !question.starts_with("how long") && action == "wait" {
                return;
            }
            push(
                weight,
                "constraints",
                clause.ask(&question, &without(core, object, end), passage),
            );
        }
    }
    // A comma or "and" between things, not behind the last one and not before another verb.
    let inner = &tail[..tail.len().saturating_sub(1).min(8)];
    let list = inner.iter().enumerate().any(|(at, word)| {
        word.tail.contains(',') || (word.is("and") && verb_form(&tail[at + 1]) != Some(Form::Base))
    });
    if LISTING.contains(&action.as_str()) && list && clause.kind == Kind::Action && object == 1 {
        push(72, "clarify", clause.ask("what", &core[..1], passage));
    }
}

/// What is it, how wide is it.
pub(super) fn states(clause: &Clause, core: &[Word], passage: &str, push: &mut Push<'_>) {
    if clause.kind != Kind::State {
        return;
    }
    let skipped = qualifier(core);
    let at = |index: usize| core.get(index).map_or("", |word| word.lower.as_str());
    if number(at(skipped)) {
        let measure = at(skipped + 2);
        if MEASURES.contains(&measure) {
            let text = clause.ask(&format!("how {measure}"), &[], passage);
            push(88, "constraints", text);
        } else if clause.subject.len() > 2
            && core
                .iter()
                .position(Word::stops)
                .map_or(core.len(), |at| at + 1)
                <= skipped + 4
        {
            push(78, "constraints", clause.ask("what", &[], passage));
        }
        return;
    }
    let defines = matches!(at(0), "a" | "an" | "the" | "one") && core.len() > 3;
    let whose = clause
        .subject
        .iter()
        .any(|word| word.is_in(&["that", "which", "who"]));
    if defines && !whose && clause.subject.len() <= 6 {
        push(80, "clarify", clause.ask("what", &[], passage));
    }
    // "not lower than", "ready when": a state with a condition is asked for in `clause`.
}

/// "At most 18 people may be in the dome."
pub(super) fn quantity(clause: &Clause, core: &[Word], push: &mut Push<'_>) {
    let skipped = qualifier(&clause.subject);
    let Some(noun) = clause.subject.get(skipped + 1..) else {
        return;
    };
    let counted = skipped > 0 && number(&clause.subject[skipped].lower) && !noun.is_empty();
    if counted && !matches!(clause.auxiliary.as_str(), "do" | "does" | "did") {
        let text = format!(
            "how many {} {} {}?",
            join(noun),
            clause.auxiliary,
            join(core)
        );
        push(88, "constraints", text);
    }
}

/// How many words qualify a number: "at least", "about", "more than".
pub(super) fn qualifier(words: &[Word]) -> usize {
    let at = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    match (at(0), at(1)) {
        ("at", "least" | "most") | ("up", "to") | ("more" | "less" | "fewer", "than") => 2,
        (
            "about" | "only" | "roughly" | "exactly" | "almost" | "nearly" | "around" | "another",
            _,
        ) => 1,
        _ => 0,
    }
}
