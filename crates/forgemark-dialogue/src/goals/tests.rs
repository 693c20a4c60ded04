use forgemark_contract::json::{Json, parse_str};

use super::{Dimension, Gap, Goal, Goals, Made, Steering, gaps};

fn personas(goals: &[(&str, Goal)]) -> Goals {
    let mut set = Goals::default();
    let goals = goals.iter().map(|(name, goal)| ((*name).to_owned(), *goal));
    set.set(Dimension::Persona, goals.collect());
    set
}

fn one(name: &str) -> Made {
    let mut made = Made::of_one(2);
    made.note(Dimension::Persona, name);
    made
}

/// Plans this many conversations that all become what they were planned as.
fn plan(steering: &mut Steering, n: u64, lookahead: u64) -> Vec<String> {
    (0..n)
        .map(|ordinal| {
            steering.begin(ordinal, n, lookahead);
            let chosen = steering
                .choose(Dimension::Persona, 1, false, |_| true)
                .unwrap_or_default();
            steering.count(ordinal, Some(&one(&chosen)));
            chosen
        })
        .collect()
}

#[test]
fn shares_are_kept_all_along() {
    let goals = personas(&[("a", Goal::Share(0.5)), ("b", Goal::Share(0.2))]);
    for lookahead in [1, 7, 1_000] {
        let mut steering = Steering::new(&goals, 0, 1);
        let chosen = plan(&mut steering, 100, lookahead);
        for upto in [10, 33, 100] {
            let n = |name: &str| chosen[..upto].iter().filter(|one| *one == name).count() as f64;
            assert!((n("a") - 0.5 * upto as f64).abs() <= 1.0, "{upto}");
            assert!((n("b") - 0.2 * upto as f64).abs() <= 1.0, "{upto}");
        }
    }
}

#[test]
fn counts_are_reached_first_and_not_exceeded() {
    let goals = personas(&[
        ("a", Goal::Count(6)),
        ("b", Goal::Count(3)),
        ("c", Goal::Share(0.5)),
    ]);
    let chosen = plan(&mut Steering::new(&goals, 0, 1), 30, 4);
    let n = |name: &str| chosen.iter().filter(|one| *one == name).count();
    assert_eq!((n("a"), n("b")), (6, 3));
    assert!((14..=16).contains(&n("c")), "{}", n("c"));
    assert!(chosen[..9].iter().all(|one| one == "a" || one == "b"));
    // Two languages share a count.
    let parts: Vec<usize> = (0..2)
        .map(|group| {
            let chosen = plan(
                &mut Steering::new(&personas(&[("a", Goal::Count(7))]), group, 2),
                30,
                4,
            );
            chosen.iter().filter(|one| *one == "a").count()
        })
        .collect();
    assert_eq!(parts, [4, 3]);
}

#[test]
fn what_was_not_made_is_made_up_for_once_it_is_known() {
    let goals = personas(&[("a", Goal::Share(0.5))]);
    let mut steering = Steering::new(&goals, 0, 1);
    let mut made = 0;
    for ordinal in 0..200 {
        steering.begin(ordinal, 200, 8);
        let chosen = steering.choose(Dimension::Persona, 1, false, |_| true);
        // Every third "a" becomes something else.
        let is_a = chosen.is_some() && ordinal % 3 != 0;
        made += u64::from(is_a);
        steering.count(ordinal, Some(&one(if is_a { "a" } else { "" })));
    }
    assert!((92..=101).contains(&made), "{made}");
}

#[test]
fn a_replacement_serves_the_goal_of_the_conversation_that_was_dropped() {
    // Everything is planned before anything is known, and the third "a" is dropped.
    let goals = personas(&[("a", Goal::Count(3))]);
    let mut steering = Steering::new(&goals, 0, 1);
    for ordinal in 0..10 {
        steering.begin(ordinal, 10, 1_000);
        let chosen = steering.choose(Dimension::Persona, 1, false, |_| true);
        assert_eq!(chosen.is_some(), ordinal < 3);
    }
    for ordinal in 0..10_u64 {
        let made = one(if ordinal < 3 { "a" } else { "b" });
        steering.count(ordinal, (ordinal != 2).then_some(&made));
    }
    steering.begin(10, 10, 1_000);
    let chosen = steering.choose(Dimension::Persona, 1, false, |_| true);
    assert_eq!(chosen.as_deref(), Some("a"));
}

#[test]
fn goals_are_read_and_gaps_are_told() {
    let goal = |text: &str| Goal::from_json(&parse_str(text).unwrap());
    assert_eq!(goal("12"), Some(Goal::Count(12)));
    assert_eq!(goal("0.25"), Some(Goal::Share(0.25)));
    assert_eq!(goal("1.0"), Some(Goal::Share(1.0)));
    assert_eq!(goal("\"40%\""), Some(Goal::Share(0.4)));
    for text in ["-1", "1.5", "0.0", "\"x\"", "null", "\"140%\""] {
        assert_eq!(goal(text), None, "{text}");
    }
    let goals = personas(&[("a", Goal::Count(3)), ("b", Goal::Share(0.5))]);
    assert_eq!(Goals::from_json(&goals.to_json()), goals);
    let mut made = Made::default();
    for name in ["a", "b", "b", "c"] {
        let one = Made::from_json(&one(name).to_json(), 2);
        made.add(&one);
    }
    let found = gaps(&goals, &made);
    let gap = |name: &str, goal, made| Gap {
        dimension: Dimension::Persona,
        name: name.to_owned(),
        goal,
        made,
    };
    assert_eq!(found, [gap("a", 3, 1), gap("b", 2, 2)]);
    assert_eq!(found[0].missing(), 2);
    assert_eq!(Made::default().to_json(), Json::empty_object());
}
