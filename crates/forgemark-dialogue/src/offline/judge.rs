//! `offline:judge`: a score from lexical support and relevance.
//!
//! Per turn: `10 * (0.65 * support + 0.35 * relevance)`, where support is the score of
//! [`crate::support`] over the passages and relevance the share of the question's content words
//! that answer and its evidence have. An answer without claims (it says that there is none) gets 7
//! when no passage has even half of the question's words, else 4. A conversation gets the mean of
//! its turns, drawn halfway to the worst. Rounded to halves.

use forgemark_contract::json::Json;
use forgemark_model::agent::AgentReply;

use super::prompt::Prompt;
use super::quote::{Rarity, content, quotes, wanted};
use crate::support::{Doubt, THRESHOLD, support};

/// What is found out about one turn.
struct Turn {
    score: f64,
    support: Option<f64>,
    supported: usize,
    claims: usize,
    contradicted: bool,
    relevance: f64,
    answerable: f64,
    question_ok: bool,
    answer_ok: bool,
}

pub(super) fn reply(prompt: &Prompt) -> AgentReply {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    if prompt.answer.is_empty() && prompt.question.is_empty() {
        pairs.extend(
            prompt
                .history
                .iter()
                .map(|(question, answer)| (question.as_str(), answer.as_str())),
        );
    } else {
        pairs.push((&prompt.question, &prompt.answer));
    }
    let turns: Vec<Turn> = pairs
        .iter()
        .map(|(question, answer)| judge(prompt, question, answer))
        .collect();
    AgentReply::json(&verdict(prompt, &turns))
}

fn judge(prompt: &Prompt, question: &str, answer: &str) -> Turn {
    let quotes = quotes(&prompt.passages);
    let rarity = Rarity::new(&quotes);
    let wanted = wanted(question);
    let best = quotes
        .iter()
        .map(|quote| rarity.coverage(&wanted, &quote.words))
        .fold(0.0, f64::max);
    let measured = support(answer, &prompt.passages);
    let mut said = content(answer);
    for claim in &measured.claims {
        if let Some(evidence) = &claim.best {
            said.extend(content(
                &prompt.passages[evidence.passage].text[evidence.span.clone()],
            ));
        }
    }
    let relevance = rarity.coverage(&wanted, &said);
    let contradicted = measured.claims.iter().any(|claim| {
        claim.recall >= 0.5
            && claim
                .doubts
                .iter()
                .any(|doubt| matches!(doubt, Doubt::NumberMissing | Doubt::NegationDiffers))
    });
    let score = match measured.score {
        _ if answer.trim().is_empty() => 0.0,
        Some(support) => 10.0 * (0.65 * support + 0.35 * relevance),
        None if best < 0.5 => 7.0,
        None => 4.0,
    };
    let asks =
        question.trim_end().ends_with(['?', '؟', '？']) || question.split_whitespace().count() >= 4;
    Turn {
        score,
        support: measured.score,
        supported: measured.supported(),
        claims: measured.claims.len(),
        contradicted,
        relevance,
        answerable: best,
        question_ok: asks && best >= 0.4,
        answer_ok: match measured.score {
            Some(support) => support >= THRESHOLD && relevance >= 0.4 && !contradicted,
            None => best < 0.5 && !answer.trim().is_empty(),
        },
    }
}

fn verdict(prompt: &Prompt, turns: &[Turn]) -> Json {
    let n = turns.len().max(1) as f64;
    let mean = turns.iter().map(|turn| turn.score).sum::<f64>() / n;
    let worst = turns
        .iter()
        .map(|turn| turn.score)
        .fold(10.0, f64::min)
        .min(mean);
    let score = (f64::midpoint(mean, worst) * 2.0).round() / 2.0;
    let mut reasons: Vec<Json> = Vec::new();
    let mut add = |applies: bool, words: &[&str]| {
        if let Some(reason) = applies.then(|| reason(&prompt.reasons, words)).flatten()
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    };
    let any = |test: &dyn Fn(&Turn) -> bool| turns.iter().any(test);
    add(
        any(&|turn| turn.contradicted),
        &["incorrect", "contradict", "factual", "wrong"],
    );
    add(
        any(&|turn| turn.support.is_some_and(|support| support < THRESHOLD) && !turn.contradicted),
        &[
            "grounding",
            "unsupported",
            "ungrounded",
            "hallucin",
            "faithful",
        ],
    );
    add(
        any(&|turn| turn.relevance < 0.4 && turn.support.is_some()),
        &["irrelevant", "off_topic", "off-topic", "relevan"],
    );
    add(
        any(&|turn| turn.support.is_none() && turn.answerable >= 0.5),
        &["incomplete", "missing", "vague"],
    );
    add(
        any(&|turn| !turn.question_ok),
        &["vague", "unclear", "question"],
    );
    let score_json = if score.fract() == 0.0 {
        Json::from(score as i64)
    } else {
        Json::from(score)
    };
    Json::object([
        ("notes", Json::from(notes(turns))),
        ("reasons", Json::Array(reasons)),
        (
            "question_ok",
            Json::from(!turns.is_empty() && turns.iter().all(|turn| turn.question_ok)),
        ),
        (
            "answer_ok",
            Json::from(!turns.is_empty() && turns.iter().all(|turn| turn.answer_ok)),
        ),
        ("score", score_json),
    ])
}

/// The allowed reason that has one of `words` in its name; else the one for everything else.
fn reason(allowed: &[String], words: &[&str]) -> Option<Json> {
    let named = words
        .iter()
        .find_map(|word| allowed.iter().find(|reason| reason.contains(word)));
    named
        .or_else(|| allowed.iter().find(|reason| reason.contains("other")))
        .map(|word| Json::from(word.as_str()))
}

fn notes(turns: &[Turn]) -> String {
    let percent = |share: f64| (share * 100.0).round();
    match turns {
        [] => "There is nothing to judge.".to_owned(),
        [turn] => match turn.support {
            Some(_) => format!(
                "{} of {} claims are supported by the words of the passages; answer and evidence have {} % of the question's words.",
                turn.supported,
                turn.claims,
                percent(turn.relevance),
            ),
            None => format!(
                "The answer makes no claim; the nearest sentence has {} % of the question's words.",
                percent(turn.answerable),
            ),
        },
        turns => {
            let claims: usize = turns.iter().map(|turn| turn.claims).sum();
            let supported: usize = turns.iter().map(|turn| turn.supported).sum();
            let worst = turns
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.score.total_cmp(&b.1.score))
                .map_or(0, |(at, _)| at + 1);
            format!(
                "{supported} of {claims} claims are supported by the words of the passages; turn {worst} is the weakest."
            )
        }
    }
}
