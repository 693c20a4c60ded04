//! Claims of known truth: what they measure, and that they never reach a rating.

use forgemark_arena::pipeline::controls::{Examined, Planted, load, reliability};
use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_contract::json::Json;
use forgemark_model::AgentReply;

use super::bench::{Bench, assert_same, object, root};

/// Dan believes every claim, and calls every answer correct; the others see what is there.
fn bench() -> Bench {
    let mut bench = Bench::new().before(|asked| match (asked.name, asked.task) {
        ("lab-dan", "judge_critique") => Some(object(&[
            ("reasoning", Json::from("Alice sounds sure")),
            ("verdict", Json::from("claimant_wins")),
            ("confidence", Json::Int(5)),
        ])),
        ("lab-dan", "critique") => Some(object(&[
            ("notes", Json::from("fine")),
            ("suggestions", Json::from("")),
            ("verdict", Json::from("correct")),
        ])),
        _ => None,
    });
    for (_, right) in &mut bench.models {
        *right = 100;
    }
    bench
}

#[test]
fn controls_measure_who_believes_everything_and_change_no_file() {
    let plain = bench();
    plain.run();
    let controlled = bench()
        .set("controls.planted_faults", 20)
        .set("controls.planted_correct", 20);
    let summary = controlled.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(summary.controls > 0);
    assert_same(&plain.files(), &controlled.files(), "with controls");
    let controls = load(&controlled.disk, root()).unwrap();
    assert_eq!(controls.len() as u64, summary.controls);
    for control in &controls {
        let parts: Vec<&str> = control.answer.split('/').collect();
        assert!(
            !parts.contains(&control.model.as_str()),
            "nobody about its own"
        );
        assert_eq!(control.calls.len(), 1);
    }
    for planted in Planted::ALL {
        let of = controls.iter().filter(|control| control.planted == planted);
        let answers: std::collections::BTreeSet<&str> =
            of.map(|control| control.answer.as_str()).collect();
        assert_eq!(answers.len(), 20, "{planted:?}");
    }
    let rows = reliability(&controls);
    assert_eq!(rows.len(), 8, "four judges and four critics");
    for row in rows {
        let believes = row.model == "lab-dan";
        let share = f64::from(u8::from(believes));
        assert_eq!(row.false_accepts.share(), Some(share), "{row:?}");
        assert_eq!(row.false_rejects.share(), Some(0.0), "{row:?}");
        let side = row.false_accepts.interval().unwrap();
        assert!(side.low <= share && share <= side.high);
    }

    let calls = controlled.calls();
    assert_eq!(controlled.run().ending, Ending::AlreadyComplete);
    assert_eq!(controlled.calls(), calls);
}

#[test]
fn what_one_careless_critic_lets_pass_is_no_truth() {
    // Ben is always wrong, and Dan, who calls every answer correct, evaluates his answers to Dan's questions.
    let mut bench = Bench::new().before(|asked| match (asked.name, asked.task) {
        ("lab-ben", "answer" | "refine") => Some(AgentReply::text("The sum is = 987654")),
        ("lab-ben", "answer_check") => Some(object(&[
            ("issues", Json::Array(Vec::new())),
            ("ill_posed", Json::from(false)),
            ("improvements", Json::from("")),
            ("verdict", Json::from("pass")),
        ])),
        ("lab-dan", "critique") => Some(object(&[
            ("notes", Json::from("fine")),
            ("suggestions", Json::from("")),
            ("verdict", Json::from("correct")),
        ])),
        _ => None,
    });
    for (_, right) in &mut bench.models {
        *right = 100;
    }
    let bench = bench
        .set("controls.planted_faults", 100)
        .set("controls.planted_correct", 100);
    bench.run();
    let accepted = bench.entries("critiques/evaluator/lab-dan/lab-dan__lab-ben.json");
    assert!(!accepted.is_empty(), "Dan evaluated Ben");
    let controls = load(&bench.disk, root()).unwrap();
    assert!(!controls.is_empty());
    for control in &controls {
        let answerer = control.answer.split('/').nth(2);
        assert_ne!(answerer, Some("lab-ben"), "{}", control.answer);
    }
}

#[test]
fn controls_stay_when_more_are_wanted_and_judges_alone_are_examined_alone() {
    let few = bench().set("controls.planted_faults", 2);
    few.run();
    let before = load(&few.disk, root()).unwrap();
    let more = few.clone().set("controls.planted_faults", 4);
    let summary = more.clone().stages(&[Stage::Judge]).run();
    assert_eq!(summary.ending, Ending::Complete);
    let after = load(&few.disk, root()).unwrap();
    for control in &before {
        assert!(after.contains(control));
    }
    let critics = |controls: &[forgemark_arena::pipeline::controls::Control]| {
        let critics = controls.iter();
        critics
            .filter(|one| one.examined == Examined::Critic)
            .count()
    };
    assert_eq!(critics(&after), critics(&before));
    assert!(after.len() > before.len());
}
