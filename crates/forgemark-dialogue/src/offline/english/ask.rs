//! The question patterns: what in a clause can be asked for.

use super::Made;
use super::adjuncts::{adjuncts, frequency};
use super::clause::{Clause, Kind};
use super::objects::{objects, quantity, states};
use super::tail::{Tail, cut};
use super::word::{
    Form, Word, join, number, participle, person, plural, singular, time_length, verb,
};
use super::words::PREPOSITIONS;

/// Everything that can be asked about a clause that stands for itself.
pub(super) fn clause(clause: &Clause, passage: &str, out: &mut Vec<Made>) {
    let (core, tail) = cut(&clause.rest);
    // "only when": the word belongs to the condition.
    let only =
        core.last().is_some_and(|word| word.is("only")) && matches!(tail, Tail::Condition(..));
    let core = if only { &core[..core.len() - 1] } else { core };
    // "round the pieces, let them rest": the second order stands for itself.
    let core = match (1..core.len()).find(|at| {
        clause.kind == Kind::Order
            && core[at - 1].stops()
            && verb_form(&core[*at]) == Some(Form::Base)
    }) {
        Some(at) => &core[..at],
        None => core,
    };
    if core.is_empty() {
        return;
    }
    let mut push = |weight: u32, intent: &'static str, text: String| {
        out.push(Made {
            text,
            weight,
            intent,
        });
    };
    match &tail {
        Tail::Reason => push(92, "clarify", clause.ask("why", core, passage)),
        Tail::Condition(word, condition) => {
            if clause.kind == Kind::Order {
                push(
                    84,
                    "troubleshoot",
                    format!("What should I do {word} {}?", join(condition)),
                );
            } else {
                let dated = (0..core.len()).any(|at| {
                    frequency(&core[at..]).is_some() || (at > 0 && time_length(&core[at..]) > 0)
                });
                if !dated {
                    push(72, "constraints", clause.ask("when", core, passage));
                }
                let past = condition
                    .iter()
                    .any(|word| word.is_in(&["was", "were", "had"]));
                let modal = matches!(clause.auxiliary.as_str(), "must" | "should");
                let done = core.first().is_some_and(|word| word.is("be"));
                if past {
                    // What happened once is not what happens.
                } else if modal && done && !clause.negated {
                    push(
                        76,
                        "troubleshoot",
                        format!("What should be done {word} {}?", join(condition)),
                    );
                } else if !modal && !only && matches!(clause.kind, Kind::Action | Kind::Passive) {
                    push(
                        74,
                        "edge_case",
                        format!("What happens {word} {}?", join(condition)),
                    );
                }
            }
        }
        Tail::None => {}
    }
    let restricted = clause
        .subject
        .first()
        .is_some_and(|word| word.is_in(&["only", "at", "up", "no", "none"]));
    if restricted {
        agents(clause, core, passage, &mut push);
        quantity(clause, core, &mut push);
        return;
    }
    if !clause.negated {
        adjuncts(clause, core, passage, &mut push);
        objects(clause, core, passage, &mut push);
        states(clause, core, passage, &mut push);
        agents(clause, core, passage, &mut push);
    }
    if core.len() > 14 {
        return;
    }
    // The plainest question, for rules: may it, must it, should I?
    let modal = matches!(clause.auxiliary.as_str(), "must" | "may" | "can" | "should");
    if modal && clause.kind != Kind::Order {
        let mut asked = Clause {
            negated: false,
            ..clause.clone()
        };
        if clause.negated && asked.auxiliary == "must" {
            // What must not be done is asked for with "may".
            "may".clone_into(&mut asked.auxiliary);
        }
        push(
            if clause.negated { 60 } else { 30 },
            "constraints",
            asked.ask("", core, passage),
        );
    } else if clause.kind == Kind::Order && clause.negated {
        let asked = Clause {
            negated: false,
            ..clause.clone()
        };
        push(62, "decision_support", asked.ask("", core, passage));
    }
}

/// Takes a question: its weight, its intent and its text.
pub(super) type Push<'a> = dyn FnMut(u32, &'static str, String) + 'a;

/// Who does it, by what means.
fn agents(clause: &Clause, core: &[Word], passage: &str, push: &mut Push<'_>) {
    // "Only members of the repair team may bleed brakes."
    if clause.subject.first().is_some_and(|word| word.is("only")) {
        let who = if clause.about_people() { "Who" } else { "What" };
        push(
            84,
            "constraints",
            format!("{who} {} {}?", clause.auxiliary, join(core)),
        );
        return;
    }
    let core = match core.iter().position(|word| word.is("only")) {
        Some(at) if core.get(at + 1).is_some_and(|word| word.is("by")) => {
            &[&core[..at], &core[at + 1..]].concat()
        }
        _ => core,
    };
    let passive = clause.kind == Kind::Passive
        || (clause.kind == Kind::Action && core.first().is_some_and(|word| word.is("be")));
    if !passive {
        return;
    }
    for at in 1..core.len().saturating_sub(1) {
        let agent: Vec<&Word> = core[at + 1..]
            .iter()
            .take_while(|word| !word.is_in(PREPOSITIONS))
            .collect();
        let somebody = agent.iter().any(|word| person(&word.lower));
        let behind = participle(&core[at - 1].lower) || core[at - 1].is_in(PREPOSITIONS);
        if core[at].is("by") && somebody {
            push(76, "clarify", clause.ask("who", &core[..=at], passage));
            return;
        }
        let refused = core[at - 1].is_in(&["refused", "answered", "rejected", "returned", "done"]);
        if core[at].is_in(&["by", "with", "through", "using"])
            && behind
            && !refused
            && !agent.is_empty()
        {
            if time_length(&core[at + 1..]) == 0 && !number(&core[at + 1].lower) {
                push(74, "how_to", clause.ask("how", &core[..at], passage));
            }
            return;
        }
    }
}

pub(super) fn verb_form(word: &Word) -> Option<Form> {
    verb(&word.lower).map(|(_, form)| form)
}

/// "There are three ways to the hut."
pub(super) fn existence(words: &[Word], out: &mut Vec<Made>) {
    let at = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    if at(0) != "there" || !matches!(at(1), "are" | "were") || !number(at(2)) {
        return;
    }
    let (core, _) = cut(&words[3..]);
    let noun = core
        .iter()
        .take_while(|word| !word.is_in(PREPOSITIONS) && !word.is_in(&["that", "which", "and"]))
        .count();
    if noun > 0 && noun <= 3 {
        let rest = join(&core[noun..]);
        let text = format!("How many {} {} there {rest}", join(&core[..noun]), at(1));
        out.push(Made {
            text: format!("{}?", text.trim_end()),
            weight: 82,
            intent: "constraints",
        });
    }
}

/// "City bicycles have rim brakes, while tandems have disc brakes."
pub(super) fn comparison(words: &[Word], passage: &str, out: &mut Vec<Made>) {
    let Some(at) = words
        .iter()
        .position(|word| word.is_in(&["while", "whereas"]))
    else {
        return;
    };
    if at < 3 || !words[at - 1].stops() {
        return;
    }
    let (Some(left), Some(right)) = (
        Clause::read(&words[..at], None),
        Clause::read(&words[at + 1..], None),
    ) else {
        return;
    };
    let usable = |clause: &Clause| !clause.subject.is_empty() && clause.subject.len() <= 6;
    if !usable(&left) || !usable(&right) {
        return;
    }
    let (one, other) = (left.subject_text(passage), right.subject_text(passage));
    if singular(&one.to_lowercase()) == singular(&other.to_lowercase()) {
        return;
    }
    let do_ = if plural(&left.subject[left.subject.len() - 1].lower) {
        "do"
    } else {
        "does"
    };
    out.push(Made {
        text: format!("How {do_} {one} differ from {other}?"),
        weight: 90,
        intent: "compare",
    });
}
