mod control;

use super::problem::{Answer, Problem, Value};
use super::*;
use crate::pipeline::config::Protocol;
use crate::pipeline::prompts::{
    Debate, DebateKind, Earlier, Judge, Prompt as Asked, Prompts, Question, Said, Side,
};
use crate::pipeline::replies::{self, Checked, Critique, Judgment, SelfCheck, Task, Turn};
use std::collections::BTreeMap;

fn prompts(protocol: Protocol) -> Prompts {
    Prompts::load(protocol, &BTreeMap::new()).unwrap()
}

fn says(agent: &Arc<dyn Agent>, prompt: &Asked, sample: u64) -> String {
    agent.reply(&prompt.request(sample)).content
}

fn json(agent: &Arc<dyn Agent>, prompt: &Asked) -> Json {
    replies::json(&says(agent, prompt, 0)).unwrap().0
}

fn problems(count: u64) -> Vec<Problem> {
    let draw = Draw::new(7, "problems");
    (0..count)
        .map(|n| {
            let task = [n.to_string()];
            let task = [task[0].as_str()];
            Problem::invent(1 + (n % 8) as usize, |m, purpose| {
                draw.below(m, purpose, &task)
            })
        })
        .collect()
}

#[test]
fn problems_are_read_back_and_solved_without_slips() {
    let mut ill_posed = 0;
    for mut problem in problems(300) {
        assert_eq!(Problem::read(&problem.text()).as_ref(), Some(&problem));
        let Value::One(value) = problem.value() else {
            panic!("invented problems have an answer: {problem:?}");
        };
        let solution = write::solution(&problem, |_| None);
        assert_eq!(
            Answer::read(&solution),
            Answer::Result(value),
            "{problem:?}\n{solution}"
        );
        problem.spoil();
        assert_eq!(problem.value(), Value::None, "{problem:?}");
        assert_eq!(Problem::read(&problem.text()), Some(problem));
        ill_posed += 1;
    }
    assert_eq!(ill_posed, 300);
    assert_eq!(
        Problem::read("What is the class number of $\\mathbb{Q}(\\sqrt{-5})$?"),
        None
    );
}

#[test]
fn roots_follow_newton() {
    let problem = Problem::Roots {
        b: -5,
        c: 6,
        power: 4,
    };
    assert_eq!(problem.value(), Value::One(16 + 81));
    let backward = "An exercise by a simulated model. To a whole number $x$ this is done in order: multiply by $3$, subtract $5$. The result is $61$. Find $x$.";
    assert_eq!(Problem::read(backward).unwrap().value(), Value::One(22));
}

#[test]
fn a_perfect_solver_is_right_in_every_role() {
    let prompts = prompts(Protocol::Forgemark1);
    let solver = agent("perfect", 1.0, 3);
    for sample in 0..40 {
        let asked = prompts
            .question(&Question {
                topic: "algebra",
                rejected: &[],
                replace: None,
            })
            .unwrap();
        let tagged = replies::tagged(&says(&solver, &asked, sample)).unwrap();
        let seen = truth(&tagged.question, &tagged.answer).unwrap();
        assert_eq!(
            seen,
            Truth {
                ill_posed: false,
                right: true
            }
        );
        let answer = says(&solver, &prompts.answer(&tagged.question).unwrap(), 0);
        assert!(truth(&tagged.question, &answer).unwrap().right);
        let check = prompts
            .check_answer(Checked::Answer, &tagged.question, &answer, "")
            .unwrap();
        let check = SelfCheck::from_json(
            &json(&solver, &check),
            Checked::Answer,
            Protocol::Forgemark1,
        );
        assert!(check.unwrap().passes);
        let wrong = answer.replace("Result: $", "Result: $9");
        for (answer, verdict) in [(&answer, "correct"), (&wrong, "incorrect")] {
            let critique = json(
                &solver,
                &prompts.critique(&tagged.question, answer).unwrap(),
            );
            let critique = Critique::from_json(&critique, Protocol::Forgemark1).unwrap();
            assert_eq!(critique.verdict, verdict, "{answer}");
            let judged = Judge {
                task: Task::Critique,
                question: &tagged.question,
                answer,
                claim: &critique.claim(),
                transcript: &[],
                transcript_chars: 1_000,
            };
            let judgment = json(&solver, &prompts.judge(&judged).unwrap());
            let judgment = Judgment::from_json(
                &judgment,
                Task::Critique,
                crate::pipeline::config::Confidence::Required,
                Protocol::Forgemark1,
            )
            .unwrap();
            let expected = if verdict == "incorrect" {
                "claimant_wins"
            } else {
                "defender_wins_incorrect"
            };
            assert_eq!(judgment.verdict, expected);
            for side in [Side::Alice, Side::Bob] {
                let turn = Debate {
                    kind: DebateKind::Critique,
                    side,
                    question: &tagged.question,
                    answer,
                    claim: &critique.claim(),
                    transcript: &[Said {
                        round: 1,
                        side: Side::Bob,
                        message: "No.",
                        concede: false,
                    }],
                    round: 1,
                    rounds: 5,
                    transcript_chars: 1_000,
                };
                let turn =
                    Turn::from_json(&json(&solver, &prompts.debate(&turn).unwrap())).unwrap();
                assert_eq!(
                    turn.concede,
                    (side == Side::Bob) == (verdict == "incorrect")
                );
            }
        }
    }
}

#[test]
fn a_perfect_solver_sees_ill_posed_questions() {
    let prompts = prompts(Protocol::Forgemark1);
    let solver = agent("perfect", 1.0, 3);
    for mut problem in problems(30) {
        problem.spoil();
        let question = problem.text();
        let answer = says(&solver, &prompts.answer(&question).unwrap(), 0);
        assert_eq!(Answer::read(&answer), Answer::IllPosed);
        let check = prompts
            .check_answer(Checked::Answer, &question, &answer, "")
            .unwrap();
        let check = SelfCheck::from_json(
            &json(&solver, &check),
            Checked::Answer,
            Protocol::Forgemark1,
        )
        .unwrap();
        assert!(check.ill_posed && !check.passes);
        let judged = Judge {
            task: Task::IllPosed,
            question: &question,
            answer: &answer,
            claim: &replies::ill_posed_claim(&check.json),
            transcript: &[],
            transcript_chars: 1_000,
        };
        let verdict = json(&solver, &prompts.judge(&judged).unwrap());
        assert_eq!(verdict.at("verdict").as_str(), Some("claimant_wins"));
    }
}

/// The share of `tries` that hold.
fn share(tries: u32, holds: impl Fn(u32) -> bool) -> f64 {
    f64::from((0..tries).filter(|n| holds(*n)).count() as u32) / f64::from(tries)
}

#[test]
fn errors_have_the_declared_rates() {
    let prompts = prompts(Protocol::Forgemark1);
    // Draws are fixed, so the bounds only have to hold for these: four standard errors of 1,000.
    let near = |seen: f64, wanted: f64, what: &str| {
        let error = (wanted * (1.0 - wanted) / 1_000.0).sqrt();
        assert!(
            (seen - wanted).abs() < 4.0 * error + 1e-9,
            "{what}: {seen} for {wanted}"
        );
    };
    for skill in [0.2, 0.5, 0.9] {
        let solver = agent("model", skill, 11);
        let question = |n: u32| {
            Problem::Forward {
                start: i128::from(n),
                changes: vec![problem::Change::Add(3); 4],
            }
            .text()
        };
        let right = share(1_000, |n| {
            let answer = says(&solver, &prompts.answer(&question(n)).unwrap(), 0);
            truth(&question(n), &answer).unwrap().right
        });
        let step = (1.0 - skill) / 2.0;
        let seen_as_good = 1.0 - (1.0 - skill) / 20.0;
        // Slips of four equal steps may cancel each other out, which the upper bound leaves room for.
        let exact = seen_as_good * (1.0 - step).powi(4);
        let error = (exact * (1.0 - exact) / 1_000.0).sqrt();
        assert!(
            (exact - 4.0 * error..exact + 4.0 * error + 0.05).contains(&right),
            "{right} for {exact}"
        );
        let judged = |n: u32, fault: bool| {
            let control = control::planted(5, n, fault);
            let judge = Judge {
                task: Task::Critique,
                question: &control.question,
                answer: &control.answer,
                claim: &control.claim,
                transcript: &[],
                transcript_chars: 1_000,
            };
            let verdict = json(&solver, &prompts.judge(&judge).unwrap());
            (verdict.at("verdict").as_str() == Some("claimant_wins")) == control.holds
        };
        for fault in [true, false] {
            near(
                share(1_000, |n| judged(n, fault)),
                1.0 - (1.0 - skill) / 12.0,
                "judge",
            );
        }
        near(
            share(1_000, |n| {
                let control = control::planted(5, n, n % 2 == 0);
                let critique = prompts
                    .critique(&control.question, &control.answer)
                    .unwrap();
                let verdict = json(&solver, &critique);
                (verdict.at("verdict").as_str() == Some("incorrect")) == control.holds
            }),
            1.0 - (1.0 - skill) / 4.0,
            "critic",
        );
    }
}

#[test]
fn controls_are_what_they_say() {
    for n in 0..200 {
        for fault in [true, false] {
            let control = control::planted(9, n, fault);
            let seen = truth(&control.question, &control.answer).unwrap();
            assert_eq!((seen.right, seen.ill_posed), (!fault, false), "{control:?}");
            assert_eq!(control, control::planted(9, n, fault));
        }
    }
}

#[test]
fn errors_depend_on_seed_model_and_task_alone() {
    let prompts = prompts(Protocol::Forgemark1);
    let questions: Vec<String> = problems(60).iter().map(Problem::text).collect();
    let answers = |agent: &Arc<dyn Agent>, sample: u64| -> Vec<String> {
        questions
            .iter()
            .map(|question| says(agent, &prompts.answer(question).unwrap(), sample))
            .collect()
    };
    let first = answers(&agent("a", 0.5, 1), 0);
    assert_eq!(first, answers(&agent("a", 0.5, 1), 9));
    assert_ne!(first, answers(&agent("b", 0.5, 1), 0));
    assert_ne!(first, answers(&agent("a", 0.5, 2), 0));
}

#[test]
fn rejected_questions_make_simpler_ones() {
    let prompts = prompts(Protocol::Forgemark1);
    let solver = agent("a", 0.9, 1);
    let steps = |rejected: &[Earlier<'_>]| {
        let asked = prompts
            .question(&Question {
                topic: "algebra",
                rejected,
                replace: None,
            })
            .unwrap();
        let tagged = replies::tagged(&says(&solver, &asked, 4)).unwrap();
        Problem::read(&tagged.question).unwrap().steps()
    };
    let earlier = Earlier {
        question: "one",
        why: "failed",
    };
    assert!(steps(&[earlier; 5]) < steps(&[]));
}

#[test]
fn what_no_solver_asked_is_no_reason_to_guess() {
    let prompts = prompts(Protocol::Crb1);
    let solver = agent("a", 0.9, 1);
    let question = "Prove that $\\sqrt{2}$ is irrational.";
    assert_eq!(
        says(&solver, &prompts.answer(question).unwrap(), 0),
        write::FOREIGN
    );
    let critique = json(&solver, &prompts.critique(question, "It is.").unwrap());
    assert_eq!(critique.at("verdict").as_str(), Some("obscure"));
    let judge = Judge {
        task: Task::IllPosed,
        question,
        answer: "It is.",
        claim: "c",
        transcript: &[],
        transcript_chars: 1_000,
    };
    let verdict = json(&solver, &prompts.judge(&judge).unwrap());
    assert_eq!(verdict.at("verdict").as_str(), Some("unknown"));
}

#[test]
fn the_parser_of_a_run_may_be_a_solver() {
    let prompts = prompts(Protocol::Forgemark1);
    let solver = agent("a", 0.9, 1);
    let broken = "Sure: {\"message\": \"yes\", \"concede\": false,}";
    let repair = prompts.repair(broken, &replies::turn_format()).unwrap();
    let text = says(&solver, &repair, 0);
    assert_eq!(
        replies::repaired(broken, &text)
            .unwrap()
            .at("message")
            .as_str(),
        Some("yes")
    );
    let hopeless = prompts.repair("no", &replies::turn_format()).unwrap();
    assert!(replies::repaired("no", &says(&solver, &hopeless, 0)).is_err());
}
