use super::*;
use crate::formats::Format;
use crate::recipe::{Choose, OnMissing, PairRule, RewardRule, Ties, Unit};
use crate::testing::{With, neutral, plan, rec, recipe, texts, try_cut};
use forgemark_contract::store::{Content, ContextRecord};

fn pairs() -> PairRule {
    PairRule {
        choose: Choose::BestWorst,
        margin: 0.0,
        min_chosen: None,
        ties: Ties::First,
        identical: false,
    }
}

/// A prompt with an answer for each metadata.
fn tries(metadata: &[&str]) -> Vec<ContextRecord> {
    let mut rows = vec![rec("q", "user", "q", 0)];
    rows.extend(metadata.iter().zip(1..).map(|(metadata, n)| {
        rec(&format!("a{n}"), "assistant", &format!("answer {n}"), n).meta(metadata)
    }));
    rows
}

/// The pairs as texts.
fn chosen(rows: Vec<ContextRecord>, rule: PairRule) -> Vec<(String, String)> {
    let lines = neutral(rows, recipe(Task::Pairs(rule)));
    let text = |line: &Json, key: &str| texts(line.at(key)).join(" ");
    lines
        .iter()
        .map(|line| (text(line, "chosen"), text(line, "rejected")))
        .collect()
}

fn names(list: &[(usize, usize)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(a, b)| (format!("answer {a}"), format!("answer {b}")))
        .collect()
}

#[test]
fn d01_labels_have_thresholds_of_their_own() {
    let rows = tries(&[
        r#"{"reward": 0.9}"#,
        r#"{"reward": 0.5}"#,
        r#"{"reward": 0.1}"#,
        "{}",
        r#"{"label": "rejected", "reward": 1}"#,
    ]);
    let filter = Some(RewardRule {
        min: 0.4,
        on_missing: OnMissing::Error,
    });
    let lines = neutral(
        rows,
        Recipe {
            reward: filter,
            ..recipe(Task::Labels(LabelRule {
                good: 0.8,
                bad: 0.2,
            }))
        },
    );
    let labels: Vec<(&str, bool)> = lines
        .iter()
        .map(|line| {
            (
                texts(line.at("completion"))[0],
                line.at("label").as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        labels,
        [("answer 1", true), ("answer 3", false), ("answer 5", false)],
        "the filter looks at the best answer only"
    );
}

#[test]
fn d02_a_filter_does_not_take_the_rejected_side_away() {
    let rows = tries(&[r#"{"reward": 0.9}"#, r#"{"reward": 0.1}"#]);
    let filter = Some(RewardRule {
        min: 0.5,
        on_missing: OnMissing::Error,
    });
    let lines = neutral(
        rows,
        Recipe {
            reward: filter,
            ..recipe(Task::Pairs(pairs()))
        },
    );
    assert_eq!(texts(lines[0].at("rejected")), ["answer 2"]);
    let rule = PairRule {
        min_chosen: Some(0.95),
        ..pairs()
    };
    assert!(chosen(tries(&[r#"{"reward": 0.9}"#, r#"{"reward": 0.1}"#]), rule).is_empty());
}

#[test]
fn d03_a_prompt_is_what_was_really_said_before() {
    let rows = vec![
        rec("q1", "user", "q1", 1),
        rec("a1", "assistant", "a1", 2).meta(r#"{"reward": 1}"#),
        rec("q2", "user", "q2", 3),
        rec("a2", "assistant", "a2", 4).meta(r#"{"reward": 0}"#),
        rec("b2", "assistant", "b2", 5).meta(r#"{"reward": 2}"#),
    ];
    let lines = neutral(rows, recipe(Task::Pairs(pairs())));
    assert_eq!(lines.len(), 1, "answers to different questions are no pair");
    assert_eq!(texts(lines[0].at("prompt")), ["q1", "a1", "q2"]);
    assert_eq!(
        (texts(lines[0].at("chosen")), texts(lines[0].at("rejected"))),
        (vec!["b2"], vec!["a2"])
    );
}

#[test]
fn d12_answers_without_a_score_are_not_paired() {
    assert_eq!(
        chosen(
            tries(&["{}", r#"{"reward": -1}"#, r#"{"reward": -2}"#]),
            pairs()
        ),
        names(&[(2, 3)])
    );
}

#[test]
fn d13_ranks_are_dense_and_the_order_is_total() {
    let ranked = |metadata: &[&str]| {
        let lines = neutral(tries(metadata), recipe(Task::Ranked));
        let answers = lines.first().map_or(&[][..], |line| line.items("answers"));
        answers
            .iter()
            .map(|answer| {
                (
                    texts(answer.at("messages"))[0].to_owned(),
                    answer.i64_or("rank", 0),
                )
            })
            .collect::<Vec<_>>()
    };
    let list = |list: &[(usize, i64)]| {
        list.iter()
            .map(|(n, rank)| (format!("answer {n}"), *rank))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ranked(&[
            r#"{"rank": 7}"#,
            r#"{"rank": 2}"#,
            r#"{"rank": 7}"#,
            r#"{"rank": 9}"#
        ]),
        list(&[(2, 1), (1, 2), (3, 2), (4, 3)])
    );
    assert_eq!(
        ranked(&[r#"{"reward": 1}"#, r#"{"reward": 3}"#, r#"{"reward": 1}"#]),
        list(&[(2, 1), (1, 2), (3, 2)])
    );
    assert_eq!(ranked(&[r#"{"reward": 1}"#, "{}"]), list(&[]));
    let partial = try_cut(
        tries(&[r#"{"rank": 1}"#, "{}"]),
        &plan(recipe(Task::Ranked), Format::Neutral),
    );
    assert!(matches!(partial, Err(CurateError::PartialRanks { record, .. }) if record == "a2"));
}

#[test]
fn d14_pairs_follow_their_rule() {
    let three = || tries(&[r#"{"reward": 3}"#, r#"{"reward": 1}"#, r#"{"reward": 2}"#]);
    assert_eq!(chosen(three(), pairs()), names(&[(1, 2)]));
    assert_eq!(
        chosen(
            three(),
            PairRule {
                choose: Choose::All,
                ..pairs()
            }
        ),
        names(&[(1, 2), (1, 3), (3, 2)])
    );
    assert_eq!(
        chosen(
            three(),
            PairRule {
                choose: Choose::Top(2),
                ..pairs()
            }
        ),
        names(&[(1, 2), (1, 3)])
    );
    assert_eq!(
        chosen(
            three(),
            PairRule {
                choose: Choose::All,
                margin: 1.5,
                ..pairs()
            }
        ),
        names(&[(1, 2)])
    );
    let tied = || tries(&[r#"{"reward": 1}"#, r#"{"reward": 1}"#, r#"{"reward": 0}"#]);
    assert_eq!(chosen(tied(), pairs()), names(&[(1, 3)]));
    assert_eq!(
        chosen(
            tied(),
            PairRule {
                ties: Ties::Skip,
                ..pairs()
            }
        ),
        []
    );
    let mut same = tries(&[r#"{"reward": 1}"#, r#"{"reward": 0}"#]);
    same[2].text_payload = Some("ANSWER  1".to_owned());
    assert_eq!(chosen(same.clone(), pairs()), []);
    assert_eq!(
        chosen(
            same,
            PairRule {
                identical: true,
                ..pairs()
            }
        )
        .len(),
        1
    );
    let labelled = tries(&[
        r#"{"label": "rejected", "reward": 9}"#,
        r#"{"reward": 3}"#,
        r#"{"label": "chosen"}"#,
    ]);
    assert_eq!(chosen(labelled, pairs()), names(&[(3, 1)]));
}

#[test]
fn d15_a_conversation_without_a_real_answer_is_none() {
    let rows = vec![
        rec("q", "user", "q", 1),
        rec("a", "assistant", "a", 2),
        rec("bye", "user", "bye", 3),
        rec("q2", "user", "only asked", 4).session("s2"),
        rec("q3", "user", "q", 5).session("s3"),
        rec("blank", "assistant", " \n", 6).session("s3"),
    ];
    let written = try_cut(rows, &plan(recipe(Task::Sft), Format::Neutral)).unwrap();
    let lines = written.lines("cut.jsonl");
    assert_eq!(lines.len(), 1);
    assert_eq!(
        texts(lines[0].at("messages")),
        ["q", "a"],
        "what a user says last teaches nothing"
    );
    assert_eq!(
        (written.fate("q2").unwrap().0, written.fate("q3").unwrap().0),
        ("shape".to_owned(), "shape".to_owned())
    );
}

#[test]
fn d16_messages_keep_calls_reasoning_parts_and_flags() {
    let mut asked = rec("q", "user", "", 1);
    asked.message = Some(ChatMessage {
        role: "user".to_owned(),
        content: Some(Content::Parts(vec![
            forgemark_contract::json::parse_str(
                r#"{"type": "image_url", "image_url": {"url": "x"}}"#,
            )
            .unwrap(),
        ])),
        ..ChatMessage::default()
    });
    let mut draft = rec("d", "assistant", "draft", 2);
    draft.message = Some(ChatMessage {
        train: Some(false),
        reasoning: Some("hm".to_owned()),
        ..ChatMessage::text("assistant", "draft")
    });
    let rows = vec![
        asked,
        draft,
        rec("q2", "user", "better", 3),
        rec("a", "assistant", "final", 4),
    ];
    let lines = neutral(rows, recipe(Task::Sft));
    let messages = lines[0].items("messages");
    assert_eq!(
        messages[0].items("content")[0].str_or("type", ""),
        "image_url"
    );
    assert_eq!(
        (
            messages[1].str_or("reasoning", ""),
            messages[1].bool_or("train", true)
        ),
        ("hm", false)
    );
    assert!(messages[3].bool_or("train", false));
}

#[test]
fn each_branch_is_a_conversation_or_only_the_best_one() {
    let rows = || tries(&[r#"{"reward": 0}"#, r#"{"reward": 1}"#]);
    let sft = |answers| {
        neutral(
            rows(),
            Recipe {
                answers,
                ..recipe(Task::Sft)
            },
        )
    };
    assert_eq!(sft(Answers::All).len(), 2);
    let best = sft(Answers::Best);
    assert_eq!(best.len(), 1);
    assert_eq!(texts(best[0].at("messages")), ["q", "answer 2"]);
    assert_eq!(best[0].at("reward").as_f64(), Some(1.0));
}

#[test]
fn a_branch_can_be_dropped_without_the_others() {
    let rows = tries(&[r#"{"reward": 0}"#, r#"{"reward": 1}"#]);
    let reward = Some(RewardRule {
        min: 0.5,
        on_missing: OnMissing::Error,
    });
    let lines = neutral(
        rows,
        Recipe {
            unit: Unit::Branch,
            reward,
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(lines.len(), 1);
    assert_eq!(texts(lines[0].at("messages")), ["q", "answer 2"]);
}

#[test]
fn a_dropped_question_takes_its_answer_out_of_the_loss() {
    let rows = vec![
        rec("q1", "user", "thanks a lot", 1),
        rec("a1", "assistant", "first", 2),
        rec("q2", "user", "Thanks a lot", 3),
        rec("a2", "assistant", "second", 4),
        rec("q3", "user", "new", 5),
        rec("a3", "assistant", "third", 6),
    ];
    let lines = neutral(
        rows,
        Recipe {
            unit: Unit::Record,
            exact: true,
            ..recipe(Task::Sft)
        },
    );
    let trained: Vec<bool> = lines[0]
        .items("messages")
        .iter()
        .map(|message| message.bool_or("train", false))
        .collect();
    assert_eq!(trained, [false, true, false, false, false, true]);
}

#[test]
fn rollouts_without_a_difference_can_be_left_out() {
    let same = || tries(&[r#"{"reward": 1}"#, r#"{"reward": 1}"#]);
    let rollout =
        |drop_zero_variance| neutral(same(), recipe(Task::Rollout { drop_zero_variance })).len();
    assert_eq!((rollout(false), rollout(true)), (1, 0));
}
