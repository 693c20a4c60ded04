//! Claims of known truth: an exercise, an answer to it that is right or not, and a claim that it is wrong.

use super::super::draw::Draw;
use super::super::problem::{Answer, Problem, Value};
use super::super::write;
use crate::pipeline::replies;

/// A claim of known truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Control {
    /// The question.
    pub(super) question: String,
    /// The answer.
    pub(super) answer: String,
    /// The claim that the answer is wrong.
    pub(super) claim: String,
    /// Whether it is: the claimant should win then, else the defender.
    pub(super) holds: bool,
}

/// The claim number `index` of a run. With `fault` the answer is wrong where the claim says so; without, it is right, and the claim
/// names another number.
pub(super) fn planted(seed: u64, index: u32, fault: bool) -> Control {
    let draw = Draw::new(seed, "controls");
    let number = index.to_string();
    let kind = if fault { "fault" } else { "correct" };
    let task = [number.as_str(), kind];
    let below = |n: u64, purpose: &str| draw.below(n, purpose, &task);
    let steps = 3 + below(4, "steps") as usize;
    let problem = Problem::invent(steps, below);
    let off = 1 + i128::from(below(9, "off"));
    let wrong_step = below(problem.steps() as u64, "wrong step") as usize;
    let slip = |step: usize| (fault && step == wrong_step).then_some(off);
    let mut answer = write::solution(&problem, slip);
    let value = match problem.value() {
        Value::One(value) => value,
        Value::None => 0,
    };
    let mut given = Answer::read(&answer);
    if fault && given == Answer::Result(value) {
        // A division may swallow the slip; the result itself is wrong then.
        answer = answer.replace(
            &format!("Result: ${value}$"),
            &format!("Result: ${}$", value.saturating_add(off)),
        );
        given = Answer::read(&answer);
    }
    let claimed = if fault {
        value
    } else {
        value.saturating_add(off)
    };
    let notes = format!(
        "The answer gives {}. Computed again, the result is ${claimed}$.",
        given.text()
    );
    Control {
        question: problem.text(),
        answer,
        claim: replies::claim("incorrect", &notes, None),
        holds: fault,
    }
}
