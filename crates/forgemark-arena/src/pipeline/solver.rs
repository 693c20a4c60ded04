//! `offline:solver`: simulated models of a declared skill, for runs without an endpoint and for tests of what a run measures.
//!
//! A solver invents arithmetic and algebra problems, solves them step by step, checks, criticises, debates and judges. It reads
//! nothing but the messages of a request, as a model would, and writes the same tags and JSON. What it is not: a language model; it
//! understands the problems of solvers only ([`problem`]), and says so of any other.
//!
//! Its errors are chances of `1 - skill`, drawn from seed, model and task alone, so that a run is the same again and one model errs
//! without another:
//!
//! | what | chance, `s` the skill |
//! |---|---|
//! | a step of a solution goes wrong | `(1 - s) / 2` |
//! | a question is made ill-posed without noticing | `(1 - s) / 10` |
//! | a check of its own work misses what is wrong | `1 - s / 2` |
//! | a check of its own work doubts what is right | `(1 - s) / 10` |
//! | an ill-posed question is taken for a good one, and solved | `(1 - s) / 2` |
//! | a good question is taken for an ill-posed one | `(1 - s) / 20` |
//! | a critic is mistaken about an answer | `(1 - s) / 4` |
//! | a debater is mistaken about the claim; from the second round on it sees it with `s / 2` a round | `(1 - s) / 6` |
//! | a judge is mistaken about the claim | `(1 - s) / 12` |
//!
//! A questioner asks for `2 + 6 s` steps (rounded), fewer after questions that were rejected. So the skilled ask what the others
//! cannot do, and the order of skills is the order of planted ratings of answerers. [`truth`] says what is really right.

pub mod problem;

mod draw;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use forgemark_contract::json::{Json, parse_lenient};
use forgemark_model::{Agent, AgentReply, ChatRequest};

use draw::Draw;
use problem::{Answer, Problem, Value};
use read::Prompt;

/// The model's name in a configuration.
pub const NAME: &str = "offline:solver";

/// A solver of this skill, from 0 to 1. `slug` and `seed` decide, with the task, where it errs.
pub fn agent(slug: &str, skill: f64, seed: u64) -> Arc<dyn Agent> {
    Arc::new(Solver {
        skill: skill.clamp(0.0, 1.0),
        draw: Draw::new(seed, slug),
    })
}

/// What is really the case, of a solver's question and an answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Whether the question has no single answer.
    pub ill_posed: bool,
    /// Whether the answer has the right result, or rightly says that there is none.
    pub right: bool,
}

/// The truth about an answer; `None` where the question is not a solver's.
pub fn truth(question: &str, answer: &str) -> Option<Truth> {
    let value = Problem::read(question)?.value();
    Some(Truth {
        ill_posed: value == Value::None,
        right: is_right(value, answer),
    })
}

fn is_right(value: Value, answer: &str) -> bool {
    match (value, Answer::read(answer)) {
        (Value::One(value), Answer::Result(result)) => value == result,
        (Value::None, Answer::IllPosed) => true,
        _ => false,
    }
}

#[derive(Debug)]
struct Solver {
    skill: f64,
    draw: Draw,
}

impl Agent for Solver {
    fn reply(&self, request: &ChatRequest) -> AgentReply {
        let prompt = Prompt::read(request);
        match prompt.role.as_str() {
            "question" => AgentReply::text(self.ask(&prompt, request.sample)),
            "answer" => AgentReply::text(self.answer(&prompt.question, "")),
            "refine" => AgentReply::text(self.answer(&prompt.question, &prompt.answer)),
            "question_check" | "answer_check" => AgentReply::json(&self.check(&prompt)),
            "critique" => AgentReply::json(&self.critique(&prompt, "")),
            "critique_check" => AgentReply::json(&self.check_critique(&prompt)),
            "critique_refine" => AgentReply::json(&self.critique(&prompt, &prompt.critique)),
            "debate_critique" | "debate_illposed" => AgentReply::json(&self.debate(&prompt)),
            "judge_critique" | "judge_illposed" => AgentReply::json(&self.judge(&prompt)),
            "repair" => AgentReply::json(&parse_lenient(&prompt.reply).unwrap_or_else(|| {
                Json::object([("parsing_error", Json::from("there is no object"))])
            })),
            _ => AgentReply::text(prompt.reply),
        }
    }
}

impl Solver {
    /// Whether something with this chance happens, decided by the task alone.
    fn happens(&self, chance: f64, purpose: &str, task: &[&str]) -> bool {
        self.draw.share(purpose, task) < chance
    }

    /// The chance `(1 - skill) / part`.
    fn lapse(&self, part: f64) -> f64 {
        (1.0 - self.skill) / part
    }

    fn ask(&self, prompt: &Prompt, sample: u64) -> String {
        let number = sample.to_string();
        let tried = prompt.rejected.len().to_string();
        let task = [number.as_str(), prompt.topic.as_str(), tried.as_str()];
        let wanted = (2.0 + 6.0 * self.skill).round() as usize;
        let steps = wanted.saturating_sub(prompt.rejected.len()).max(1);
        let mut problem = Problem::invent(steps, |n, purpose| self.draw.below(n, purpose, &task));
        if self.happens(self.lapse(10.0), "spoil", &task) {
            problem.spoil();
        }
        let question = problem.text();
        // Its own faults it does not see: it solves the question that it meant to ask.
        let answer = match problem.value() {
            Value::None => write::invented(problem.steps()),
            Value::One(_) => self.solve(&problem, &question, ""),
        };
        format!("[QUESTION]\n{question}\n[ANSWER]\n{answer}")
    }

    fn answer(&self, question: &str, before: &str) -> String {
        let Some(problem) = Problem::read(question) else {
            return write::FOREIGN.to_owned();
        };
        let task = [question, before];
        match problem.value() {
            Value::None if self.happens(self.lapse(2.0), "miss ill-posed", &task) => {
                write::invented(problem.steps())
            }
            Value::None => write::ill_posed(problem.why_ill_posed()),
            Value::One(_) if self.happens(self.lapse(20.0), "see ill-posed", &task) => {
                write::ill_posed("it does not say which numbers are meant")
            }
            Value::One(_) => self.solve(&problem, question, before),
        }
    }

    /// The solution, with an error in each step that goes wrong. `before` is the answer that is to be replaced.
    fn solve(&self, problem: &Problem, question: &str, before: &str) -> String {
        let chance = self.lapse(2.0);
        let slips = |step: usize| {
            let step = step.to_string();
            let task = [question, before, step.as_str()];
            self.happens(chance, "slip", &task).then(|| {
                let off = 1 + i128::from(self.draw.below(9, "off", &task));
                if self.draw.below(2, "sign", &task) == 0 {
                    off
                } else {
                    -off
                }
            })
        };
        write::solution(problem, slips)
    }

    /// A check of an answer of its own.
    fn check(&self, prompt: &Prompt) -> Json {
        let task = [prompt.question.as_str(), prompt.answer.as_str()];
        let Some(truth) = truth(&prompt.question, &prompt.answer) else {
            return write::check(true, Some(false), &[], "");
        };
        let says_ill_posed = Answer::read(&prompt.answer) == Answer::IllPosed;
        if truth.right {
            let doubts = self.happens(self.lapse(10.0), "doubt", &task);
            return match (says_ill_posed, doubts) {
                (true, _) => write::check(false, Some(true), &[write::NO_SINGLE_ANSWER], ""),
                (false, true) => write::check(false, Some(false), &[write::DOUBT], write::REDO),
                (false, false) => write::check(true, Some(false), &[], ""),
            };
        }
        let missed = self.happens(1.0 - self.skill / 2.0, "miss", &task);
        match (missed, truth.ill_posed) {
            (true, _) if says_ill_posed => {
                write::check(false, Some(true), &[write::NO_SINGLE_ANSWER], "")
            }
            (true, _) => write::check(true, Some(false), &[], ""),
            (false, true) => write::check(false, Some(true), &[write::NO_SINGLE_ANSWER], ""),
            (false, false) => write::check(false, Some(false), &[write::WRONG], write::REDO),
        }
    }

    fn critique(&self, prompt: &Prompt, before: &str) -> Json {
        let task = [prompt.question.as_str(), prompt.answer.as_str(), before];
        let Some(problem) = Problem::read(&prompt.question) else {
            return write::critique("obscure", write::FOREIGN, "");
        };
        let right = is_right(problem.value(), &prompt.answer);
        let mistaken = self.happens(self.lapse(4.0), "criticise", &task);
        if right != mistaken {
            return write::critique(
                "correct",
                "Every step was computed again; the result stands.",
                "",
            );
        }
        let found = match problem.value() {
            Value::None => format!(
                "The question has no single answer: {}.",
                problem.why_ill_posed()
            ),
            Value::One(value) => {
                // Who is mistaken about a right answer holds another number for right.
                let shift = if right {
                    1 + i128::from(self.draw.below(9, "shift", &task))
                } else {
                    0
                };
                format!(
                    "Computed again, the result is ${}$.",
                    value.saturating_add(shift)
                )
            }
        };
        let notes = format!(
            "The answer gives {}. {found}",
            Answer::read(&prompt.answer).text()
        );
        write::critique("incorrect", &notes, write::REDO)
    }

    /// A check of a critique of its own. A mistake about the answer is found as one in its own work is.
    fn check_critique(&self, prompt: &Prompt) -> Json {
        let task = [
            prompt.question.as_str(),
            prompt.answer.as_str(),
            prompt.critique.as_str(),
        ];
        let Some(truth) = truth(&prompt.question, &prompt.answer) else {
            return write::check(true, None, &[], "");
        };
        let verdict = parse_lenient(&prompt.critique);
        let approves = match verdict
            .as_ref()
            .and_then(|json| json.at("verdict").as_str())
        {
            Some(word) => word == "correct",
            None => prompt.critique.contains("correct") && !prompt.critique.contains("incorrect"),
        };
        let sound = approves == truth.right;
        let fails = if sound {
            self.happens(self.lapse(10.0), "doubt", &task)
        } else {
            !self.happens(1.0 - self.skill / 2.0, "miss", &task)
        };
        if fails {
            write::check(false, None, &[write::DOUBT], write::REDO)
        } else {
            write::check(true, None, &[], "")
        }
    }

    /// Whether the claim of a debate holds: that the answer is wrong, or that the question is ill-posed.
    fn claim_holds(prompt: &Prompt) -> Option<bool> {
        let truth = truth(&prompt.question, &prompt.answer);
        if prompt.role.ends_with("_illposed") {
            return Problem::read(&prompt.question).map(|problem| problem.value() == Value::None);
        }
        // Debaters of the original's protocol do not always see the answer; what the claim says of it they do.
        match truth {
            Some(truth) if !prompt.answer.is_empty() => Some(!truth.right),
            Some(_) => None,
            None => None,
        }
    }

    fn debate(&self, prompt: &Prompt) -> Json {
        let task = [
            prompt.question.as_str(),
            prompt.answer.as_str(),
            prompt.claim.as_str(),
            prompt.side.as_str(),
        ];
        let is_claimant = prompt.side == "claimant";
        let believes = match Self::claim_holds(prompt) {
            None => is_claimant,
            Some(holds) => {
                let mut mistaken = self.happens(self.lapse(6.0), "debate", &task);
                for round in 2..=prompt.round {
                    let round = round.to_string();
                    let again = [task[0], task[1], task[2], task[3], round.as_str()];
                    mistaken = mistaken && !self.happens(self.skill / 2.0, "see", &again);
                }
                holds != mistaken
            }
        };
        let concede = believes != is_claimant;
        write::turn(&prompt.question, is_claimant, concede)
    }

    fn judge(&self, prompt: &Prompt) -> Json {
        let task = [
            prompt.question.as_str(),
            prompt.answer.as_str(),
            prompt.claim.as_str(),
        ];
        let Some(holds) = Self::claim_holds(prompt) else {
            return write::judgment("unknown", 1, write::FOREIGN);
        };
        let mistaken = self.happens(self.lapse(12.0), "judge", &task);
        let confidence = 3 + (self.skill * 2.0).round() as i64;
        if holds == mistaken {
            return write::judgment(
                "defender_wins_incorrect",
                confidence,
                "Computed again, what the claim calls a fault is none.",
            );
        }
        write::judgment(
            "claimant_wins",
            confidence,
            "Computed again, the claim holds.",
        )
    }
}
