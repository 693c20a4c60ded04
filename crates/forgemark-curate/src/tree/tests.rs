use super::*;
use crate::testing::{With, rec};

fn forest(records: Vec<ContextRecord>, by: &[&str]) -> Forest {
    let by: Vec<Path> = by.iter().map(|path| Path::parse(path).unwrap()).collect();
    Forest::new(records, &by).unwrap()
}

fn ids(forest: &Forest, path: &[usize]) -> String {
    path.iter()
        .map(|record| forest.records[*record].id.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn branches(forest: &Forest, best: bool) -> Vec<String> {
    let leaves = forest
        .groups
        .iter()
        .flat_map(|group| forest.leaves(group, best));
    leaves.map(|leaf| ids(forest, &forest.path(leaf))).collect()
}

fn sets(forest: &Forest) -> Vec<(String, Vec<String>)> {
    let sets = forest
        .groups
        .iter()
        .flat_map(|group| forest.candidates(group));
    sets.map(|set| {
        (
            ids(forest, &set.prompt),
            set.answers
                .iter()
                .map(|answer| ids(forest, answer))
                .collect(),
        )
    })
    .collect()
}

#[test]
fn answers_in_a_row_are_tries_and_what_follows_follows_the_best() {
    let records = || {
        vec![
            rec("q1", "user", "q", 1),
            rec("a1", "assistant", "a", 2).meta(r#"{"reward": 0.1}"#),
            rec("b1", "assistant", "b", 3).meta(r#"{"reward": 0.9}"#),
            rec("q2", "user", "q", 4),
            rec("a2", "assistant", "a", 5),
        ]
    };
    let forest = forest(records(), &["session_id"]);
    assert_eq!(branches(&forest, false), ["q1 a1", "q1 b1 q2 a2"]);
    assert_eq!(branches(&forest, true), ["q1 b1 q2 a2"]);
    assert_eq!(
        sets(&forest),
        [
            ("q1".to_owned(), vec!["a1".to_owned(), "b1".to_owned()]),
            ("q1 b1 q2".to_owned(), vec!["a2".to_owned()])
        ]
    );
}

#[test]
fn explicit_parents_make_branches() {
    let records = vec![
        rec("q", "user", "q", 1),
        rec("a", "assistant", "a", 2).parent("q"),
        rec("f", "user", "f", 3).parent("a"),
        rec("g", "user", "g", 4).parent("a"),
        rec("x", "assistant", "x", 5).parent("f"),
    ];
    assert_eq!(
        branches(&forest(records, &["session_id"]), false),
        ["q a g", "q a f x"]
    );
}

#[test]
fn an_answer_takes_its_tool_calls_and_results_with_it() {
    let records = vec![
        rec("q", "user", "q", 1),
        rec("c", "assistant", "", 2),
        rec("t", "tool", "42", 3),
        rec("a", "assistant", "it is 42", 4),
        rec("q2", "user", "thanks", 5),
    ];
    assert_eq!(
        sets(&forest(records, &["session_id"])),
        [("q".to_owned(), vec!["c t a".to_owned()])]
    );
}

#[test]
fn positions_come_before_times() {
    let mut records = vec![rec("b", "user", "b", 1), rec("a", "user", "a", 2)];
    records[0].seq = Some(1);
    records[1].seq = Some(0);
    assert_eq!(branches(&forest(records, &["session_id"]), false), ["a b"]);
}

#[test]
fn d04_samples_of_one_prompt_are_joined_over_sessions() {
    let sample = |n: i64, prompt: &str| {
        let session = format!("s{n}");
        let meta = r#"{"group_id": "g", "deep": {"k": 7}}"#;
        [
            rec(&format!("q{n}"), "user", prompt, n * 2)
                .session(&session)
                .meta(meta),
            rec(&format!("a{n}"), "assistant", "a", n * 2 + 1)
                .session(&session)
                .meta(meta),
        ]
    };
    let records: Vec<ContextRecord> =
        [sample(1, "same"), sample(2, "same"), sample(3, "other")].concat();
    for by in ["metadata.group_id", "metadata.deep.k"] {
        let forest = forest(records.clone(), &[by]);
        assert_eq!(forest.groups.len(), 1);
        assert_eq!(
            sets(&forest),
            [
                ("q1".to_owned(), vec!["a1".to_owned(), "a2".to_owned()]),
                ("q3".to_owned(), vec!["a3".to_owned()])
            ]
        );
    }
    assert_eq!(
        forest(records, &["metadata.group_id", "session_id"])
            .groups
            .len(),
        3,
        "keys may be composed"
    );
}

#[test]
fn d29_no_key_of_a_user_is_that_of_a_record_alone() {
    let mut alone = rec("x", "user", "x", 1);
    alone.session_id = None;
    let named = rec("y", "user", "y", 2).session("__rec__x");
    let forest = forest(vec![alone, named], &["session_id"]);
    assert_eq!(forest.groups.len(), 2);
    assert_eq!(forest.groups[0].key, None);
}

#[test]
fn a_circle_of_parents_and_a_repeated_id_are_errors() {
    let circle = vec![
        rec("a", "user", "a", 1).parent("b"),
        rec("b", "user", "b", 2).parent("a"),
    ];
    let by = [Path::parse("session_id").unwrap()];
    assert!(matches!(
        Forest::new(circle, &by),
        Err(CurateError::ParentCycle { .. })
    ));
    let twice = vec![rec("a", "user", "a", 1), rec("a", "user", "b", 2)];
    assert!(
        matches!(Forest::new(twice, &by), Err(CurateError::DuplicateId { record }) if record == "a")
    );
}
