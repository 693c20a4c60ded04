use std::collections::BTreeSet;

use forgemark_contract::store::ContextRecord;
use forgemark_contract::time::Timestamp;

use super::*;
use crate::cut::Plan;
use crate::formats::Format;
use crate::recipe::Task;
use crate::testing::{With, Written, plan, rec, recipe, try_cut};

fn talks(n: i64) -> Vec<ContextRecord> {
    let talk = |s: i64| {
        let session = format!("s{s:03}");
        let source = if s % 4 == 0 { "rare" } else { "web" };
        let mut rows = vec![
            rec(
                &format!("q{s:03}"),
                "user",
                &format!("question {s}"),
                s * 10,
            )
            .session(&session),
            rec(
                &format!("a{s:03}"),
                "assistant",
                &format!("answer {s}"),
                s * 10 + 1,
            )
            .session(&session),
        ];
        for row in &mut rows {
            row.source = Some(source.to_owned());
        }
        rows
    };
    (0..n).flat_map(talk).collect()
}

fn run(rows: Vec<ContextRecord>, rule: SplitRule) -> Written {
    let plan = Plan {
        split: Some(rule),
        ..plan(recipe(Task::Sft), Format::Neutral)
    };
    try_cut(rows, &plan).unwrap()
}

fn sessions(written: &Written, side: &str) -> BTreeSet<String> {
    let lines = written.lines(&format!("cut.{side}.provenance.jsonl"));
    lines
        .iter()
        .flat_map(|line| line.items("sessions").to_vec())
        .map(|session| session.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn d20_near_duplicates_stay_on_one_side_and_the_distance_between_sides_is_shown() {
    // Pairs of sessions whose vectors are near; all pairs are far from each other.
    let mut rows = talks(80);
    for (place, row) in rows.iter_mut().enumerate() {
        let pair = place / 4;
        let mut vector = vec![0.0_f32; 48];
        vector[pair] = 1.0;
        vector[40] = if place / 2 % 2 == 0 { 0.0 } else { 0.1 };
        row.embedding = Some(vector);
    }
    let rule = SplitRule {
        near: Some(0.05),
        ..SplitRule::train_eval(0.4, 3)
    };
    let written = run(rows, rule);
    let (train, eval) = (sessions(&written, "train"), sessions(&written, "eval"));
    assert!(!train.is_empty() && !eval.is_empty() && train.is_disjoint(&eval));
    let partner = |session: &String| format!("s{:03}", session[1..].parse::<i64>().unwrap() ^ 1);
    assert!(
        train
            .iter()
            .all(|session| train.contains(&partner(session)))
    );
    let split = written.manifest.json.at("split");
    assert_eq!(split.i64_or("components", 0), 40);
    let closest = &split.items("closest")[0];
    assert!(
        closest.at("similarity").as_f64().unwrap() < 0.95,
        "{closest:?}"
    );
}

#[test]
fn d20_a_dropped_duplicate_ties_its_session_to_the_one_it_repeats() {
    let mut rows = talks(60);
    // Of each two sessions the second repeats the first turn of the first one.
    for place in (0..rows.len()).filter(|place| place / 2 % 2 == 1) {
        let earlier = rows[place - 2].text_payload.clone();
        rows[place].text_payload = earlier;
    }
    let more: Vec<ContextRecord> = (0..60)
        .map(|s| {
            rec(
                &format!("m{s:03}"),
                "user",
                &format!("more {s}"),
                s * 10 + 2,
            )
            .session(&format!("s{s:03}"))
        })
        .collect();
    let last: Vec<ContextRecord> = (0..60)
        .map(|s| {
            rec(
                &format!("n{s:03}"),
                "assistant",
                &format!("last {s}"),
                s * 10 + 3,
            )
            .session(&format!("s{s:03}"))
        })
        .collect();
    rows.extend(more.into_iter().chain(last));
    let recipe = crate::recipe::Recipe {
        unit: crate::recipe::Unit::TurnPair,
        exact: true,
        ..recipe(Task::Sft)
    };
    let plan = Plan {
        split: Some(SplitRule::train_eval(0.5, 1)),
        ..plan(recipe, Format::Neutral)
    };
    let written = try_cut(rows, &plan).unwrap();
    let eval = sessions(&written, "eval");
    assert!(!eval.is_empty());
    for session in &eval {
        let other = format!("s{:03}", session[1..].parse::<i64>().unwrap() ^ 1);
        assert!(eval.contains(&other), "{session} and {other}");
    }
}

#[test]
fn d20_quotas_hold_in_each_stratum() {
    let rule = SplitRule {
        sides: vec![
            ("train".to_owned(), 0.5),
            ("dev".to_owned(), 0.25),
            ("test".to_owned(), 0.25),
        ],
        how: How::Quota {
            stratum: Some(Path::parse("source").unwrap()),
        },
        ..SplitRule::train_eval(0.1, 5)
    };
    let written = run(talks(80), rule);
    for (side, rare) in [("train", 10), ("dev", 5), ("test", 5)] {
        let lines = written.lines(&format!("cut.{side}.provenance.jsonl"));
        let rares = lines
            .iter()
            .filter(|line| line.items("sources")[0].as_str() == Some("rare"))
            .count();
        assert_eq!((rares, lines.len()), (rare, rare * 4), "{side}");
    }
}

#[test]
fn d20_sides_can_follow_one_another_in_time() {
    let rule = SplitRule {
        how: How::Time,
        ..SplitRule::train_eval(0.25, 5)
    };
    let written = run(talks(40), rule);
    let instants = |side: &str, key: &str| -> Vec<Timestamp> {
        let lines = written.lines(&format!("cut.{side}.provenance.jsonl"));
        lines
            .iter()
            .map(|line| Timestamp::parse(line.str_or(key, "")).unwrap())
            .collect()
    };
    assert!(
        instants("train", "created_at_end").iter().max()
            < instants("eval", "created_at_start").iter().min()
    );
    assert_eq!(instants("eval", "created_at_end").len(), 10);
}

#[test]
fn the_hash_keeps_old_components_where_they_are() {
    let rule = || SplitRule::train_eval(0.3, 9);
    let few = sessions(&run(talks(50), rule()), "eval");
    let many = sessions(&run(talks(90), rule()), "eval");
    assert!(few.is_subset(&many) && few.len() < many.len());
    let mut shuffled = talks(50);
    shuffled.reverse();
    assert_eq!(sessions(&run(shuffled, rule()), "eval"), few);
}

#[test]
fn shares_that_do_not_sum_to_1_are_an_error() {
    let rule = SplitRule {
        sides: vec![("a".to_owned(), 0.5), ("b".to_owned(), 0.4)],
        ..SplitRule::train_eval(0.1, 1)
    };
    let plan = Plan {
        split: Some(rule),
        ..plan(recipe(Task::Sft), Format::Neutral)
    };
    assert!(matches!(
        try_cut(talks(2), &plan),
        Err(CurateError::Recipe {
            key: "split.sides",
            ..
        })
    ));
}

#[test]
fn d25_a_mixture_takes_as_much_as_its_parts_allow() {
    let mix = MixRule {
        by: Path::parse("source").unwrap(),
        parts: vec![("rare".into(), 0.5), ("web".into(), 1.0)],
        seed: 4,
    };
    let plan = Plan {
        mix: Some(mix),
        shuffle: Some(1),
        ..plan(recipe(Task::Sft), Format::Neutral)
    };
    let written = try_cut(talks(80), &plan).unwrap();
    let lines = written.lines("cut.provenance.jsonl");
    let of = |source: &str| {
        lines
            .iter()
            .filter(|line| line.items("sources")[0].as_str() == Some(source))
            .count()
    };
    assert_eq!((of("rare"), of("web")), (20, 40));
    let ids: Vec<&str> = lines
        .iter()
        .map(|line| line.items("record_ids")[0].as_str().unwrap())
        .collect();
    assert!(!ids.is_sorted(), "shuffled");
    assert_eq!(written.output, try_cut(talks(80), &plan).unwrap().output);
}
