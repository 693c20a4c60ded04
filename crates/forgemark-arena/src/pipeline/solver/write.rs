//! What a solver writes.

use std::fmt::Write as _;

use forgemark_contract::json::Json;

use super::problem::{Problem, Value};

/// Said of a question that no solver asked.
pub(super) const FOREIGN: &str =
    "This is a simulated model, which can read the exercises of simulated models only.";
/// Found in a check.
pub(super) const NO_SINGLE_ANSWER: &str = "The question has no single answer.";
/// Found in a check.
pub(super) const WRONG: &str = "A step was computed wrongly, so the result is wrong.";
/// Found in a check that finds nothing real, and in one of a critique.
pub(super) const DOUBT: &str = "Computed again, it does not come out the same.";
/// What has to be done then.
pub(super) const REDO: &str = "Compute every step again.";

/// A solution, step by step.
pub(super) fn solution(problem: &Problem, slip: impl Fn(usize) -> Option<i128>) -> String {
    let mut out = String::new();
    let lines = problem.work(slip);
    for (step, (text, value)) in lines.iter().enumerate() {
        let _ = writeln!(out, "{}. {text}: ${value}$", step + 1);
    }
    let start = match (problem, problem.value()) {
        (Problem::Forward { start, .. }, _) => *start,
        (Problem::Backward { end, .. }, _) => *end,
        (Problem::Roots { .. }, Value::One(value)) => value,
        (Problem::Roots { .. }, Value::None) => 0,
    };
    let result = lines.last().map_or(start, |(_, value)| *value);
    let _ = write!(out, "Result: ${result}$");
    out
}

/// The answer of somebody who does not see that there is none.
pub(super) fn invented(steps: usize) -> String {
    format!("Undoing the {steps} steps one by one gives the number.\nResult: $1$")
}

/// The answer of somebody who sees it, or believes so.
pub(super) fn ill_posed(why: &str) -> String {
    format!("The question is ill-posed: {why}.")
}

/// A self-check; `ill_posed` is left out for a critique's.
pub(super) fn check(
    passes: bool,
    ill_posed: Option<bool>,
    issues: &[&str],
    improvements: &str,
) -> Json {
    let issues = issues.iter().map(|issue| Json::from(*issue)).collect();
    let mut object = forgemark_contract::json::Object::new();
    object.insert("issues", Json::Array(issues));
    if let Some(ill_posed) = ill_posed {
        object.insert("ill_posed", ill_posed);
    }
    object.insert("improvements", improvements);
    object.insert("verdict", if passes { "pass" } else { "fail" });
    Json::Object(object)
}

pub(super) fn critique(verdict: &str, notes: &str, suggestions: &str) -> Json {
    Json::object([
        ("notes", Json::from(notes)),
        ("suggestions", Json::from(suggestions)),
        ("verdict", Json::from(verdict)),
    ])
}

pub(super) fn turn(question: &str, is_claimant: bool, concede: bool) -> Json {
    let value = Problem::read(question).map(|problem| problem.value());
    let computed = match value {
        Some(Value::One(_)) => "I computed every step again",
        Some(Value::None) => "I looked for numbers that fit",
        None => "I cannot compute this",
    };
    let message = match (is_claimant, concede) {
        (true, false) => format!("{computed}, and the claim stands."),
        (true, true) => format!("{computed}, and my claim does not hold."),
        (false, false) => format!("{computed}, and what the claim calls a fault is none."),
        (false, true) => format!("{computed}, and the claim is right."),
    };
    Json::object([
        ("message", Json::from(message)),
        ("concede", Json::from(concede)),
    ])
}

pub(super) fn judgment(verdict: &str, confidence: i64, reasoning: &str) -> Json {
    Json::object([
        ("reasoning", Json::from(reasoning)),
        ("verdict", Json::from(verdict)),
        ("confidence", Json::from(confidence)),
    ])
}
