//! When, how often, how long, where: what stands beside the verb.

use super::ask::Push;
use super::clause::{Clause, Kind};
use super::objects::qualifier;
use super::word::{Form, Word, clock, join, number, time_length, time_unit, verb};
use super::words::{PLACES, PLACING, PREPOSITIONS};

/// When, how often, how long, where, how.
pub(super) fn adjuncts(clause: &Clause, core: &[Word], passage: &str, push: &mut Push<'_>) {
    for at in 0..core.len() {
        if let Some((start, length)) = ahead(&core[at..]) {
            let from = last_action(clause, core, at);
            if let Some(before) = start.strip_prefix("how long before ")
                && core[from..at].first().is_some_and(|word| word.is("wait"))
            {
                let asked = clause.ask("how long", &core[from..at], passage);
                push(
                    84,
                    "how_to",
                    format!("{} before {before}?", asked.trim_end_matches('?')),
                );
                return;
            }
            let text = clause.ask(
                &start,
                &without(&core[from..], at - from, at + length - from),
                passage,
            );
            push(88, "constraints", text);
            return;
        }
        let rest = &core[at..];
        let found = frequency(rest)
            .map(|length| (88, "how often", length))
            .or_else(|| duration(rest).map(|length| (86, "how long", length)))
            .or_else(|| speed(rest).map(|length| (84, "how quickly", length)))
            .or_else(|| time(rest, clause));
        if let Some((weight, start, length)) = found {
            let from = last_action(clause, core, at);
            // "every evening at 20:00": the time of day would give half of the answer away.
            let more = at + length + 1;
            let timed = more < core.len() && time_length(&core[more..]) > 0;
            let end = if timed { core.len() } else { at + length };
            let left = without(&core[from..], at - from, end - from);
            // "add the salt and mix for five minutes": mix what?
            let orphan = from > 0
                && clause.kind == Kind::Order
                && left.get(1).is_none_or(|word| word.is_in(PREPOSITIONS));
            if orphan {
                return;
            }
            let bare = left.is_empty() && (clause.kind != Kind::State || start != "when");
            if !bare {
                push(weight, "constraints", clause.ask(start, &left, passage));
            }
            return;
        }
    }
    for at in 1..core.len() {
        if core[at].is_in(&["that", "which", "who", "how", "what", "whether", "where"]) {
            break;
        }
        let place = core[at - 1].is_in(PLACING) && core[at].is_in(PLACES);
        // "write the fault on it", "put a tag on the handlebar"
        let object = clause.kind == Kind::Order
            && core[0].is_in(PLACING)
            && core[at].is_in(PLACES)
            && at > 1;
        // "kept on a lead" is no place.
        let place = place && !(core[at - 1].is("kept") && core[at].is("on"));
        if (place || object)
            && time_length(&core[(at + 1).min(core.len())..]) == 0
            && core.len() > at + 1
        {
            push(74, "clarify", clause.ask("where", &core[..at], passage));
            return;
        }
    }
}

/// What is left of `core` without `from..to`: what follows only when it is short and belongs to
/// the verb rather than to a second clause.
pub(super) fn without(core: &[Word], from: usize, to: usize) -> Vec<Word> {
    let mut left = core[..from].to_vec();
    let joined = core[..to].last().is_some_and(Word::stops)
        || core
            .get(to)
            .is_some_and(|word| word.is_in(&["and", "or", "but", "of"]));
    let after: Vec<Word> = core[to..]
        .iter()
        .take_while(|word| !word.is_in(&["and", "or", "but"]))
        .cloned()
        .collect();
    if !joined && after.len() <= 6 && after.len() == core.len() - to {
        left.extend(after);
    }
    left
}

/// Where the last of several actions begins: in "use HTTPS and answer within five seconds" the time
/// belongs to the answer.
fn last_action(clause: &Clause, core: &[Word], at: usize) -> usize {
    if !matches!(clause.kind, Kind::Action | Kind::Order) {
        return 0;
    }
    let verb_behind = |index: &usize| {
        core[*index].is("and") && core.get(index + 1).is_some_and(|next| matches!(verb(&next.lower), Some((_, Form::Base))))
            // "trim the wick and the lamp", "flour and water for ...": a noun.
            && core.get(index + 2).is_some_and(|after| !after.is("of"))
            && (*index > 2 || clause.kind == Kind::Action)
    };
    (0..at).rev().find(verb_behind).map_or(0, |index| index + 1)
}

/// "at least two days ahead", "90 minutes before the visitors arrive": the question word and how
/// many words it takes the place of.
fn ahead(words: &[Word]) -> Option<(String, usize)> {
    let number_at = qualifier(words);
    if !number(&words.get(number_at)?.lower) {
        return None;
    }
    let unit = number_at + 1 + usize::from(words.get(number_at + 1)?.is("working"));
    if !time_unit(&words.get(unit)?.lower) || words[unit].stops() {
        return None;
    }
    let behind = words.get(unit + 1)?;
    if behind.is("ahead") {
        return Some(("how far in advance".to_owned(), unit + 2));
    }
    if behind.is("in") && words.get(unit + 2).is_some_and(|word| word.is("advance")) {
        return Some(("how far in advance".to_owned(), unit + 3));
    }
    if behind.is("before") && words.len() > unit + 3 {
        return Some((
            format!("how long {}", join(&words[unit + 1..])),
            words.len(),
        ));
    }
    None
}

pub(super) fn frequency(words: &[Word]) -> Option<usize> {
    let at = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    match at(0) {
        "every" if number(at(1)) && words.len() > 2 => Some(3),
        "every"
            if time_unit(at(1)) || matches!(at(1), "morning" | "evening" | "spring" | "autumn") =>
        {
            Some(if at(2) == "and" { words.len() } else { 2 })
        }
        "once" | "twice" if matches!(at(1), "a" | "every" | "each") && time_unit(at(2)) => Some(3),
        _ if number(at(0))
            && at(1) == "times"
            && matches!(at(2), "a" | "every")
            && time_unit(at(3)) =>
        {
            Some(4)
        }
        _ => None,
    }
}

/// "for at least two hours": how many words.
fn duration(words: &[Word]) -> Option<usize> {
    if !words.first()?.is("for") {
        return None;
    }
    let skipped = qualifier(&words[1..]);
    let quantity = 1 + skipped;
    let unit = words.get(quantity + 1)?;
    let some = number(&words.get(quantity)?.lower) || words[quantity].is_in(&["a", "an", "one"]);
    (some && time_unit(&unit.lower)).then_some(quantity + 2)
}

fn speed(words: &[Word]) -> Option<usize> {
    let within = words.first()?.is("within");
    let unit = words.get(2 + qualifier(&words[1..]))?;
    (within && number(&words.get(1 + qualifier(&words[1..]))?.lower) && time_unit(&unit.lower))
        .then_some(3 + qualifier(&words[1..]))
}

fn time(words: &[Word], clause: &Clause) -> Option<(u32, &'static str, usize)> {
    let first = words.first()?;
    if !first.is_in(&[
        "at", "by", "before", "after", "from", "between", "on", "in", "until",
    ]) {
        return None;
    }
    let span = 1 + qualifier(&words[1..]);
    let spanned = words.get(span).is_some_and(|word| number(&word.lower))
        && words
            .get(span + 1)
            .is_some_and(|word| time_unit(&word.lower));
    if spanned && first.is("after") {
        return Some((82, "after how long", span + 2));
    }
    if spanned && first.is("until") && words.get(span + 2).is_some_and(|word| word.is("before")) {
        return Some((82, "until when", words.len()));
    }
    let mut length = time_length(&words[1..]);
    if length == 0 {
        return None;
    }
    if first.is("between") && words.get(1 + length).is_some_and(|word| word.is("and")) {
        length += 2;
    }
    let start = match (first.lower.as_str(), clock(&words[1].lower)) {
        ("by", true) => "by what time",
        ("by", false) if matches!(clause.auxiliary.as_str(), "must" | "should" | "do" | "does") => {
            "by when"
        }
        ("until", _) => "until when",
        ("at", true) => "at what time",
        _ => "when",
    };
    Some((82, start, 1 + length))
}
