use crate::error::CurateError;
use crate::formats::Format;
use crate::recipe::{
    HoldoutItem, HoldoutRule, LengthRule, NearRule, RewardRule, SemanticRule, Task,
};
use crate::recipe::{OnMissing, Order, Recipe, Unit};
use crate::similar::text::Proposals;
use crate::similar::vectors::{self, Scorer};
use crate::testing::{With, Written, neutral, plan, rec, recipe, texts, try_cut};
use forgemark_contract::store::ContextRecord;

fn cut(rows: Vec<ContextRecord>, recipe: Recipe) -> Written {
    try_cut(rows, &plan(recipe, Format::Neutral)).unwrap()
}

fn talk(session: &str, at: i64, question: &str, answer: &str) -> Vec<ContextRecord> {
    vec![
        rec(&format!("{session}-q"), "user", question, at).session(session),
        rec(&format!("{session}-a"), "assistant", answer, at + 1).session(session),
    ]
}

fn semantic(distance: f64, on_missing: OnMissing) -> SemanticRule {
    SemanticRule {
        distance,
        on_missing,
        threads: 1,
    }
}

fn by(stage: &str, by: &str) -> (String, Option<String>) {
    (stage.to_owned(), Some(by.to_owned()))
}

#[test]
fn d05_a_conversation_goes_as_a_whole() {
    let mut rows = talk("s1", 1, "How are bolts torqued?", "With a wrench.");
    rows.insert(0, rec("sys1", "system", "Be brief.", 0));
    rows.extend(talk("s2", 10, "How are bolts torqued?", "With a wrench."));
    rows.push(rec("sys2", "system", "Be brief.", 9).session("s2"));
    rows.extend(talk("s3", 20, "thanks", "You are welcome."));
    rows.extend(talk("s4", 30, "thanks", "See you."));
    let written = cut(
        rows,
        Recipe {
            exact: true,
            ..recipe(Task::Sft)
        },
    );
    let lines = written.lines("cut.jsonl");
    let all: Vec<Vec<&str>> = lines
        .iter()
        .map(|line| texts(line.at("messages")))
        .collect();
    assert_eq!(
        all,
        [
            vec!["Be brief.", "How are bolts torqued?", "With a wrench."],
            vec!["thanks", "You are welcome."],
            vec!["thanks", "See you."]
        ],
        "a common turn or system prompt drops nothing"
    );
    assert_eq!(written.fate("sys2"), Some(by("exact", "sys1")));
}

#[test]
fn d05_a_turn_that_is_a_duplicate_stays_as_context() {
    let mut rows = talk("s1", 1, "How are bolts torqued?", "With a wrench.");
    rows.extend(talk("s2", 10, "How are bolts torqued?", "With a wrench."));
    rows.push(rec("more", "user", "How tight?", 12).session("s2"));
    rows.push(rec("tight", "assistant", "40 Nm.", 13).session("s2"));
    let lines = neutral(
        rows,
        Recipe {
            unit: Unit::TurnPair,
            exact: true,
            ..recipe(Task::Sft)
        },
    );
    let trained: Vec<Option<bool>> = lines[1]
        .items("messages")
        .iter()
        .map(|message| message.at("train").as_bool())
        .collect();
    assert_eq!(trained, [Some(false), Some(false), Some(false), Some(true)]);
}

#[test]
fn d05_a_held_out_turn_ends_the_conversation_before_it() {
    let mut rows = talk("s1", 1, "What is a bolt?", "A fastener.");
    rows.push(rec(
        "leak",
        "user",
        "Name the capital city of the country France please",
        3,
    ));
    rows.push(rec("paris", "assistant", "Paris.", 4));
    let rule = HoldoutRule {
        items: vec![HoldoutItem {
            id: "eval-7".to_owned(),
            text: "the capital city of the country France".to_owned(),
            vector: None,
        }],
        n: 5,
        share: 0.5,
        distance: None,
        on_missing: OnMissing::Error,
        threads: 1,
    };
    let written = cut(
        rows,
        Recipe {
            unit: Unit::TurnPair,
            holdout: Some(rule),
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(
        texts(written.lines("cut.jsonl")[0].at("messages")),
        ["What is a bolt?", "A fastener."]
    );
    assert_eq!(written.fate("leak"), Some(by("holdout", "eval-7")));
}

#[test]
fn d05_samples_of_one_prompt_do_not_drop_each_other() {
    let rows = vec![
        rec("q", "user", "2+2?", 1).vector(&[1.0, 0.0]),
        rec("a", "assistant", "4", 2)
            .vector(&[0.0, 1.0])
            .meta(r#"{"reward": 1}"#),
        rec("b", "assistant", "4", 3)
            .vector(&[0.0, 1.0])
            .meta(r#"{"reward": 0}"#),
    ];
    let lines = neutral(
        rows,
        Recipe {
            exact: true,
            semantic: Some(semantic(0.1, OnMissing::Error)),
            ..recipe(Task::Rollout {
                drop_zero_variance: false,
            })
        },
    );
    assert_eq!(lines[0].items("responses").len(), 2);
}

#[test]
fn d06_who_survives_is_declared() {
    let rows = || {
        let mut rows = talk("late", 50, "How are bolts torqued?", "With a wrench.");
        rows.extend(talk(
            "early",
            1,
            "how are  bolts torqued?",
            "with a wrench.",
        ));
        rows[1].metadata = Some(forgemark_contract::json::parse_str(r#"{"reward": 1}"#).unwrap());
        rows
    };
    let survivor = |order: Order| {
        let lines = neutral(
            rows(),
            Recipe {
                exact: true,
                order,
                ..recipe(Task::Sft)
            },
        );
        assert_eq!(lines.len(), 1);
        texts(lines[0].at("messages"))[1].to_owned()
    };
    assert_eq!(survivor(Order::Given), "With a wrench.");
    assert_eq!(survivor(Order::Time), "with a wrench.");
    assert_eq!(survivor(Order::Reward), "With a wrench.");
    let mut shuffled = rows();
    shuffled.reverse();
    let a = neutral(
        rows(),
        Recipe {
            exact: true,
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(
        a,
        neutral(
            shuffled,
            Recipe {
                exact: true,
                ..recipe(Task::Sft)
            }
        ),
        "storage order does not matter"
    );
}

#[test]
fn d08_equal_vectors_are_duplicates_at_distance_0() {
    let wave: Vec<f32> = (0..384).map(|k| (k as f32 * 0.7).sin()).collect();
    let mut rows = talk("s1", 1, "a", "b");
    rows.extend(talk("s2", 10, "c", "d"));
    for row in &mut rows {
        row.embedding = Some(wave.clone());
    }
    let written = cut(
        rows,
        Recipe {
            semantic: Some(semantic(0.0, OnMissing::Error)),
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(written.fate("s2-q"), Some(by("semantic", "s1-q")));
}

#[test]
fn d09_the_score_at_the_threshold_is_that_of_doubles() {
    let wave = |phase: f32| {
        (0..384)
            .map(|k| (k as f32 * 0.37 + phase).sin() * 1e3)
            .collect::<Vec<f32>>()
    };
    let exact = vectors::distance(&wave(0.0), &wave(0.3), Scorer::Double).unwrap();
    let kept = |distance: f64| {
        let rows = vec![
            rec("a", "assistant", "x", 1).vector(&wave(0.0)),
            rec("b", "assistant", "y", 2)
                .session("s2")
                .vector(&wave(0.3)),
        ];
        neutral(
            rows,
            Recipe {
                unit: Unit::Conversation,
                semantic: Some(semantic(distance, OnMissing::Error)),
                ..recipe(Task::Sft)
            },
        )
        .len()
    };
    assert_eq!((kept(exact), kept(exact.next_down())), (1, 2));
}

#[test]
fn d12_a_missing_reward_is_an_error_unless_the_rule_says_otherwise() {
    let rows = || {
        let mut rows = talk("s1", 1, "a", "b");
        rows.extend(talk("s2", 10, "c", "d"));
        rows[3].metadata = Some(forgemark_contract::json::parse_str(r#"{"reward": 0.5}"#).unwrap());
        rows
    };
    let run = |on_missing| {
        try_cut(
            rows(),
            &plan(
                Recipe {
                    reward: Some(RewardRule {
                        min: 0.5,
                        on_missing,
                    }),
                    ..recipe(Task::Sft)
                },
                Format::Neutral,
            ),
        )
    };
    assert!(
        matches!(run(OnMissing::Error), Err(CurateError::NoReward { record }) if record == "s1-q")
    );
    assert_eq!(run(OnMissing::Keep).unwrap().lines("cut.jsonl").len(), 2);
    assert_eq!(run(OnMissing::Drop).unwrap().lines("cut.jsonl").len(), 1);
}

#[test]
fn d21_every_row_is_explained() {
    let mut rows = talk("s1", 1, "one two three", "four five six");
    rows.extend(talk("s2", 10, "one two three", "four five six"));
    let mut wrong = rec("wrong", "user", "x", 20);
    wrong.lifecycle_status = forgemark_contract::store::lifecycle::CONTRADICTED.to_owned();
    let mut old = rec("old", "user", "x", 21);
    old.retired_at = Some(old.created_at);
    rows.extend([
        wrong,
        old,
        rec("lonely", "user", "no answer", 30).session("s3"),
    ]);
    let written = cut(
        rows,
        Recipe {
            exact: true,
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(
        written.fate("wrong"),
        Some(("contradicted".to_owned(), None))
    );
    assert_eq!(written.fate("old"), Some(("lifecycle".to_owned(), None)));
    assert_eq!(written.fate("s2-q"), Some(by("exact", "s1-q")));
    assert_eq!(written.fate("lonely"), Some(("shape".to_owned(), None)));
    assert_eq!(written.fate("s1-q"), None);
    let kept = written
        .lines("cut.decisions.jsonl")
        .iter()
        .filter(|line| line.at("kept").as_bool() == Some(true))
        .count();
    assert_eq!(kept, 2, "a conversation that stays has its line too");
}

#[test]
fn d24_wording_finds_what_has_no_vector() {
    let mut rows = talk(
        "s1",
        1,
        "How are the bolts of the front wheel torqued?",
        "With a torque wrench, crosswise.",
    );
    rows.extend(talk(
        "s2",
        10,
        "How are the bolts of the front wheels torqued?",
        "With a torque wrench, crosswise!",
    ));
    rows.extend(talk(
        "s3",
        20,
        "Something else entirely, about oil.",
        "Use the blue can.",
    ));
    let near = Some(NearRule {
        shingle: 5,
        jaccard: 0.7,
        proposals: Proposals::All,
    });
    let written = cut(
        rows,
        Recipe {
            near,
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(written.fate("s2-q"), Some(by("near", "s1-q")));
    assert_eq!(written.lines("cut.jsonl").len(), 2);
}

#[test]
fn a_semantic_stage_over_rows_without_vectors_is_an_error() {
    let rows = || {
        let mut rows = talk("s1", 1, "a", "b");
        rows.extend(
            talk("s2", 10, "c", "d")
                .into_iter()
                .map(|row| row.vector(&[1.0, 0.0])),
        );
        rows
    };
    let run = |on_missing| {
        try_cut(
            rows(),
            &plan(
                Recipe {
                    semantic: Some(semantic(0.1, on_missing)),
                    ..recipe(Task::Sft)
                },
                Format::Neutral,
            ),
        )
    };
    let error = run(OnMissing::Error).err().unwrap().to_string();
    assert_eq!(
        error,
        "semantic: record s1-q has no usable vector (it has none); embed the store, or set on_missing to keep or drop"
    );
    assert_eq!(run(OnMissing::Keep).unwrap().lines("cut.jsonl").len(), 2);
    assert_eq!(run(OnMissing::Drop).unwrap().lines("cut.jsonl").len(), 1);
}

#[test]
fn lengths_have_two_ends() {
    let mut rows = talk("s1", 1, "a", "b");
    rows.extend(talk("s2", 10, "just about right", "yes"));
    rows.extend(talk(
        "s3",
        20,
        "one two three four five six seven",
        "eight nine",
    ));
    let length = Some(LengthRule {
        min_characters: 5,
        max_characters: 100,
        max_words: 8,
    });
    let written = cut(
        rows,
        Recipe {
            length,
            ..recipe(Task::Sft)
        },
    );
    assert_eq!(written.lines("cut.jsonl").len(), 1);
    assert_eq!(written.fate("s1-q").unwrap().0, "length");
}

#[test]
fn a_holdout_shows_its_evidence_and_spares_what_only_looks_like_it() {
    // Planted: every tenth conversation repeats an evaluation item inside other words; half of the others use its vocabulary.
    let eval = |n: usize| {
        format!(
            "A train leaves station {n} at nine and travels {n} miles before it meets the {n}th signal of the line"
        )
    };
    let items = (0..40)
        .map(|n| HoldoutItem {
            id: format!("e{n}"),
            text: eval(n),
            vector: None,
        })
        .collect();
    let mut rows = Vec::new();
    for n in 0..400_usize {
        let question = match n % 10 {
            0 => format!("Please solve this: {} - how long?", eval(n / 10)),
            k if k % 2 == 0 => format!(
                "The line of the train has {n} stations, and at nine it meets a signal before it leaves"
            ),
            _ => format!("How is bolt {n} torqued?"),
        };
        rows.extend(talk(&format!("s{n:03}"), n as i64 * 2, &question, "So."));
    }
    let rule = HoldoutRule {
        items,
        n: 8,
        share: 0.5,
        distance: None,
        on_missing: OnMissing::Error,
        threads: 1,
    };
    let written = cut(
        rows,
        Recipe {
            holdout: Some(rule),
            ..recipe(Task::Sft)
        },
    );
    let decisions = written.lines("cut.decisions.jsonl");
    let dropped: Vec<_> = decisions
        .iter()
        .filter(|line| line.at("stage").as_str() == Some("holdout"))
        .collect();
    let right = dropped
        .iter()
        .filter(|line| {
            line.items("records")[0].as_str().unwrap()[1..4]
                .parse::<usize>()
                .unwrap()
                % 10
                == 0
        })
        .count();
    println!("planted 40, found {right}, false {}", dropped.len() - right);
    assert_eq!((right, dropped.len()), (40, 40));
    assert!(
        dropped[0].str_or("span", "").contains("leaves station"),
        "{:?}",
        dropped[0]
    );
}

#[test]
fn d24_languages_are_told_and_what_is_unsure_follows_the_rule() {
    let english = "The bolts of the front wheel are torqued crosswise, first to twenty and then to forty newton metres.";
    let german = "Die Schrauben des Vorderrades werden über Kreuz angezogen, zuerst mit zwanzig, dann mit vierzig Newtonmetern.";
    let rows = || {
        let mut rows = talk(
            "s1",
            1,
            english,
            "Use the wrench from the box under the seat.",
        );
        rows.extend(talk(
            "s2",
            10,
            german,
            "Nimm den Schlüssel aus dem Kasten unter dem Sitz.",
        ));
        rows.extend(talk("s3", 20, "42", "7"));
        rows
    };
    let run = |on_unsure| {
        let language = Some(crate::recipe::LanguageRule {
            allowed: vec!["eng".to_owned()],
            confidence: 0.8,
            on_unsure,
        });
        try_cut(
            rows(),
            &plan(
                Recipe {
                    language,
                    ..recipe(Task::Sft)
                },
                Format::Neutral,
            ),
        )
    };
    let kept = run(OnMissing::Keep).unwrap();
    assert_eq!(kept.lines("cut.jsonl").len(), 2);
    assert_eq!(kept.fate("s2-q").unwrap().0, "language");
    assert_eq!(run(OnMissing::Drop).unwrap().lines("cut.jsonl").len(), 1);
    assert!(
        matches!(run(OnMissing::Error), Err(CurateError::NoLanguage { record }) if record == "s3-q")
    );
}
