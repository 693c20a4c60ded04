//! The statements of the contract, one by one, each under its number.

use super::*;
use crate::output::FileDigest;
use crate::select::{Filter, filter_from_original};
use crate::similar::vectors::{Scorer, distance};

fn ids(manifest: &Manifest) -> Vec<&str> {
    manifest
        .source_record_ids
        .iter()
        .map(String::as_str)
        .collect()
}

fn filter(text: &str) -> Filter {
    filter_from_original(parse_str(text).unwrap().as_object().unwrap()).unwrap()
}

#[test]
fn s01_tasks_are_three_lower_case_words() {
    assert_eq!(Task::ALL.map(Task::word), ["sft", "preference", "rollout"]);
    assert_eq!(
        Task::ALL.map(|task| Task::of_word(task.word())),
        Task::ALL.map(Some)
    );
    assert_eq!(Task::of_word("SFT"), None);
    assert_eq!(Task::default(), Task::Sft);
}

#[test]
fn s02_groupings_have_their_labels() {
    for label in [
        "none",
        "session_id",
        "run_id",
        "tenant",
        "source",
        "bot_id",
        "external_id_prefix:#",
        "external_id_prefix:",
    ] {
        assert_eq!(GroupBy::of_label(label).unwrap().label(), label);
    }
    assert_eq!(GroupBy::of_label("session"), None);
    assert_eq!(GroupBy::default(), GroupBy::SessionId);
}

#[test]
fn s03_forms_are_three_lower_case_words() {
    assert_eq!(Form::ALL.map(Form::word), ["paired", "unpaired", "ranked"]);
    assert_eq!(Form::of_word("paired"), Some(Form::default()));
}

#[test]
fn s04_the_defaults_are_the_original_ones() {
    let config = Config::at(at(5));
    assert_eq!(
        config.visibility,
        Visibility {
            include_expired: false,
            include_retired: false,
            reference_time: at(5)
        }
    );
    assert_eq!(
        (config.task, config.form, config.emit_stats),
        (Task::Sft, Form::Paired, false)
    );
    assert!(
        config.decontaminate_against.is_empty()
            && config.min_reward.is_none()
            && config.split.is_none()
    );
    assert_eq!(
        Split::default(),
        Split {
            eval_fraction: 0.1,
            by: GroupBy::SessionId,
            seed: 0
        }
    );
}

#[test]
fn s05_the_schema_version_is_1() {
    let manifest = run([], &config()).json("out.jsonl.manifest.json");
    assert_eq!(manifest.at("schema_version").as_str(), Some("1"));
}

#[test]
fn s06_a_reward_is_a_number_and_no_text() {
    let reward = |metadata: &str| rec("a", "user", "", 0).meta(metadata).reward();
    assert_eq!(reward(r#"{"reward": 2}"#), Some(2.0));
    assert_eq!(reward(r#"{"reward": -0.5}"#), Some(-0.5));
    assert_eq!(reward(r#"{"reward": "0.9"}"#), None);
    assert_eq!(reward(r#"{"reward": null}"#), None);
    assert_eq!(reward("[0.9]"), None);
    assert_eq!(rec("a", "user", "", 0).reward(), None);
}

#[test]
fn s07_label_source_group_and_rank_have_their_kinds_only() {
    let rows = [
        rec("a", "assistant", "A", 1).meta(r#"{"label": "Chosen"}"#),
        rec("b", "assistant", "B", 2)
            .meta(r#"{"label": true, "reward_source": 1, "group_id": 7, "reward": 1}"#),
        rec("c", "assistant", "C", 3).meta(r#"{"label": "rejected", "group_id": "g"}"#),
    ];
    let lines = run(rows.clone(), &preference(Form::Unpaired)).lines();
    assert_eq!(lines.len(), 1, "a label of another case or kind is none");
    assert_eq!(contents(lines[0].at("completion")), ["C"]);
    let lines = run(rows, &rollout()).lines();
    assert_eq!(lines[0].at("group_id").as_str(), Some("g"));
    assert!(
        lines[0]
            .items("responses")
            .iter()
            .all(|response| response.get("reward_source").is_none())
    );
    let ranks = [
        rec("a", "assistant", "A", 1).meta(r#"{"rank": 1.0, "reward": 0}"#),
        rec("b", "assistant", "B", 2).meta(r#"{"rank": "2", "reward": 1}"#),
    ];
    let lines = run(ranks, &preference(Form::Ranked)).lines();
    let first = &lines[0].items("candidates")[0];
    assert_eq!(
        (contents(first.at("messages"))[0], first.i64_or("rank", -1)),
        ("B", 1)
    );
}

#[test]
fn s08_assistant_is_compared_without_case_and_written_as_stored() {
    let rows = [
        rec("p", "User", "q", 1),
        rec("a", "ASSISTANT", "x", 2).meta(r#"{"label": "chosen"}"#),
    ];
    let lines = run(rows, &preference(Form::Unpaired)).lines();
    assert_eq!(
        text_at(&lines[0].items("completion")[0], &["role"]),
        "ASSISTANT"
    );
    assert_eq!(text_at(&lines[0].items("prompt")[0], &["role"]), "User");
}

#[test]
fn s09_a_message_is_role_and_content_and_nothing_else() {
    let mut silent = rec("p", "tool", "", 1);
    silent.text_payload = None;
    let written = run([silent], &config());
    assert!(
        written
            .text("out.jsonl")
            .starts_with(r#"{"messages":[{"role":"tool","content":""}],"provenance""#)
    );
}

#[test]
fn s10_the_reward_filter_comes_before_the_dedup() {
    let rows = [
        rec("low", "assistant", "x", 1)
            .session("a")
            .meta(r#"{"reward": 0}"#)
            .vector(&[1.0, 0.0]),
        rec("high", "assistant", "y", 2)
            .session("b")
            .meta(r#"{"reward": 1}"#)
            .vector(&[1.0, 0.0]),
    ];
    let written = run(
        rows,
        &Config {
            min_reward: Some(0.5),
            dedup_threshold: Some(0.1),
            ..config()
        },
    );
    assert_eq!(
        ids(&written.manifest),
        ["high"],
        "the earlier one no longer hides it"
    );
    let counts = written.manifest.counts;
    assert_eq!((counts.after_reward_filter, counts.after_dedup), (1, 1));
}

#[test]
fn s11_input_records_are_those_of_the_list() {
    let mut gone = rec("gone", "user", "x", 1);
    gone.retired_at = Some(at(2));
    let rows = [
        gone,
        rec("user", "user", "x", 2),
        rec("a", "assistant", "x", 3),
    ];
    let written = run(
        rows,
        &Config {
            filter: filter(r#"{"role": "user"}"#),
            ..config()
        },
    );
    assert_eq!(written.manifest.counts.input_records, 1);
}

#[test]
fn s12_contradicted_goes_also_with_retired_ones_included() {
    let mut wrong = rec("wrong", "user", "x", 1);
    wrong.lifecycle_status = lifecycle::CONTRADICTED.to_owned();
    let mut old = rec("old", "user", "x", 2);
    old.lifecycle_status = "archived".to_owned();
    let visibility = Visibility {
        include_retired: true,
        ..config().visibility
    };
    let written = run(
        [wrong, old],
        &Config {
            visibility,
            ..config()
        },
    );
    assert_eq!(ids(&written.manifest), ["old"]);
    assert_eq!(
        (
            written.manifest.counts.input_records,
            written.manifest.counts.after_lifecycle
        ),
        (2, 1)
    );
}

#[test]
fn s13_a_missing_or_equal_reward_stays() {
    let rows = [
        rec("none", "user", "x", 1),
        rec("equal", "user", "x", 2).meta(r#"{"reward": 0.5}"#),
        rec("below", "user", "x", 3).meta(r#"{"reward": 0.49}"#),
    ];
    let written = run(
        rows,
        &Config {
            min_reward: Some(0.5),
            ..config()
        },
    );
    assert_eq!(ids(&written.manifest), ["none", "equal"]);
}

#[test]
fn s14_a_chain_is_not_closed_and_rows_without_vectors_stay() {
    // Each is near the next, the first is not near the third.
    let rows = [
        rec("a", "user", "x", 1).vector(&[1.0, 0.0]),
        rec("bare", "user", "x", 2),
        rec("b", "user", "x", 3).vector(&[0.98, 0.199]),
        rec("c", "user", "x", 4).vector(&[0.92, 0.392]),
        rec("bare2", "user", "x", 5),
    ];
    let written = run(
        rows,
        &Config {
            dedup_threshold: Some(0.03),
            ..config()
        },
    );
    assert_eq!(ids(&written.manifest), ["a", "bare", "c", "bare2"]);
}

#[test]
fn s14_the_first_in_insertion_order_stays_whatever_its_time() {
    let rows = [
        rec("late", "user", "x", 9).vector(&[1.0, 0.0]),
        rec("early", "user", "x", 1).vector(&[1.0, 0.0]),
    ];
    let written = run(
        rows,
        &Config {
            dedup_threshold: Some(0.01),
            ..config()
        },
    );
    assert_eq!(ids(&written.manifest), ["late"]);
}

#[test]
fn s15_the_sequential_loop_decides_at_the_boundary() {
    let sequential = |a: &[f32], b: &[f32]| {
        let (mut dot, mut na, mut nb) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (x, y) in a.iter().zip(b) {
            dot += x * y;
            na += x * x;
            nb += y * y;
        }
        1.0 - dot / (na.sqrt() * nb.sqrt())
    };
    // Vectors whose distance in singles differs from the true one: the threshold is set on it and just below it.
    let wave = |phase: f32| {
        (0..384)
            .map(|k| (k as f32 * 0.37 + phase).sin() * 1e3 + 0.1)
            .collect::<Vec<f32>>()
    };
    for phase in [0.01_f32, 0.1, 0.3, 0.5] {
        let (a, b) = (wave(0.0), wave(phase));
        let exact = sequential(&a, &b);
        assert_eq!(
            distance(&a, &b, Scorer::SequentialF32),
            Some(f64::from(exact))
        );
        let kept = |threshold: f32| {
            let rows = [
                rec("a", "user", "x", 1).vector(&a),
                rec("b", "user", "x", 2).vector(&b),
            ];
            run(
                rows,
                &Config {
                    dedup_threshold: Some(threshold),
                    ..config()
                },
            )
            .manifest
            .counts
            .after_dedup
        };
        assert_eq!(kept(exact), 1, "equality drops");
        assert_eq!(kept(exact.next_down()), 2);
    }
}

#[test]
fn s15_what_has_no_distance_is_no_duplicate() {
    let pairs: [(&[f32], &[f32]); 5] = [
        (&[1.0, 0.0], &[1.0, 0.0, 0.0]),
        (&[], &[]),
        (&[0.0, 0.0], &[0.0, 0.0]),
        (&[f32::NAN, 1.0], &[f32::NAN, 1.0]),
        (&[f32::INFINITY, 1.0], &[f32::INFINITY, 1.0]),
    ];
    for (a, b) in pairs {
        let rows = [
            rec("a", "user", "x", 1).vector(a),
            rec("b", "user", "x", 2).vector(b),
        ];
        let written = run(
            rows,
            &Config {
                dedup_threshold: Some(2.0),
                ..config()
            },
        );
        assert_eq!(written.manifest.counts.after_dedup, 2, "{a:?} {b:?}");
    }
}

#[test]
fn s16_decontamination_needs_a_threshold_and_a_holdout() {
    let rows = || {
        [
            rec("a", "user", "x", 1).vector(&[1.0, 0.0]),
            rec("b", "user", "x", 2),
        ]
    };
    let kept = |held: Vec<Vec<f32>>, threshold: Option<f32>| {
        let config = Config {
            decontaminate_against: held,
            decontaminate_threshold: threshold,
            ..config()
        };
        ids(&run(rows(), &config).manifest).len()
    };
    assert_eq!(kept(vec![vec![1.0, 0.0]], None), 2);
    assert_eq!(kept(vec![], Some(0.1)), 2);
    assert_eq!(
        kept(vec![vec![1.0, 0.0, 0.0]], Some(0.1)),
        2,
        "another length is not compared"
    );
    assert_eq!(
        kept(vec![vec![1.0, 0.0]], Some(0.0)),
        1,
        "a record without a vector stays"
    );
}

#[test]
fn s17_stages_judge_turns_and_not_conversations() {
    let rows = [
        rec("q1", "user", "q", 1).vector(&[1.0, 0.0]),
        rec("a1", "assistant", "a", 2).vector(&[0.0, 1.0]),
        rec("q2", "user", "q", 3).session("s2").vector(&[1.0, 0.0]),
        rec("a2", "assistant", "b", 4)
            .session("s2")
            .vector(&[-1.0, 1.0]),
    ];
    let lines = run(
        rows,
        &Config {
            dedup_threshold: Some(0.01),
            ..config()
        },
    )
    .lines();
    assert_eq!(
        contents(lines[1].at("messages")),
        ["b"],
        "the question is gone, its answer stays"
    );
}

#[test]
fn s18_examples_are_the_lines() {
    let rows = [
        rec("a", "assistant", "x", 1),
        rec("u", "user", "y", 2).session("s2"),
    ];
    let written = run(rows, &rollout());
    assert_eq!(written.manifest.counts.examples, written.lines().len());
    assert_eq!(written.manifest.counts.examples, 1);
}

#[test]
fn s19_a_missing_key_is_a_group_of_its_own() {
    let mut record = rec("x", "user", "x", 1);
    record.tenant = None;
    assert_eq!(GroupBy::Tenant.key(&record), "__rec__x");
    assert_eq!(GroupBy::None.key(&record), "__rec__x");
    assert_eq!(GroupBy::RunId.key(&record), "run");
    let by = GroupBy::ExternalIdPrefix("#".to_owned());
    assert_eq!(by.key(&record), "__rec__x");
    record.external_id = Some("d#1#2".to_owned());
    assert_eq!(by.key(&record), "d");
    record.external_id = Some("whole".to_owned());
    assert_eq!(by.key(&record), "whole");
}

#[test]
fn s20_groups_and_records_stand_by_time_and_id() {
    let rows = [
        rec("z", "user", "z", 5).session("late"),
        rec("b", "user", "b", 1),
        rec("a", "user", "a", 1),
        rec("y", "user", "y", 1).session("tie"),
    ];
    assert_eq!(ids(&run(rows, &config()).manifest), ["a", "b", "y", "z"]);
}

#[test]
fn s21_a_line_is_what_serde_json_writes() {
    let mut first = rec("r1", "user", "é \"q\"\u{7f}\u{1}\n", 1).meta(r#"{"reward": 1e-7}"#);
    first.created_at = first.created_at.plus_micros(120_000);
    first.external_id = Some("e1".to_owned());
    first.tenant = Some("t".to_owned());
    first.bot_id = Some("b".to_owned());
    first.source = Some("w".to_owned());
    let mut second = rec("r2", "assistant", "ok", 2);
    second.created_at = second.created_at.plus_micros(7);
    let written = run([first, second], &config());
    assert_eq!(
        written.text("out.jsonl"),
        concat!(
            r#"{"messages":[{"role":"user","content":"é \"q\""#,
            "\u{7f}",
            r#"\u0001\n"},{"role":"assistant","content":"ok"}],"reward":1e-7,"#,
            r#""provenance":{"context_uri":"mem://ctx","version":3,"record_ids":["r1","r2"],"external_ids":["e1"],"tenant":"t","source":"w","bot_id":"b","#,
            r#""session_id":"s1","run_id":"run","created_at_start":"2023-11-14T22:13:21.120Z","created_at_end":"2023-11-14T22:13:22.000007Z"}}"#,
            "\n"
        )
    );
}

#[test]
fn s22_the_reward_of_a_conversation_is_its_highest() {
    let rows = [
        rec("a", "user", "x", 1).meta(r#"{"reward": -1}"#),
        rec("b", "tool", "y", 2).meta(r#"{"reward": 0.25}"#),
        rec("c", "user", "z", 3),
    ];
    let lines = run(rows, &config()).lines();
    assert_eq!(lines[0].at("reward").as_f64(), Some(0.25));
    assert_eq!(lines[0].items("messages").len(), 3);
    let lines = run([rec("only", "user", "x", 1)], &config()).lines();
    assert_eq!((lines.len(), lines[0].get("reward")), (1, None));
}

#[test]
fn s23_the_prompt_is_everything_but_answers() {
    let rows = [
        rec("q1", "user", "q1", 1),
        rec("a1", "assistant", "a1", 2).meta(r#"{"reward": 1}"#),
        rec("t", "tool", "t", 3),
        rec("q2", "user", "q2", 4),
        rec("a2", "assistant", "a2", 5).meta(r#"{"reward": 0}"#),
    ];
    let lines = run(rows, &preference(Form::Paired)).lines();
    assert_eq!(contents(lines[0].at("prompt")), ["q1", "t", "q2"]);
    assert_eq!(
        (
            contents(lines[0].at("chosen")),
            contents(lines[0].at("rejected"))
        ),
        (vec!["a1"], vec!["a2"])
    );
}

#[test]
fn s24_a_group_without_answers_has_no_line_and_still_counts() {
    let written = run(
        [rec("q", "user", "q", 1)],
        &Config {
            emit_stats: true,
            ..rollout()
        },
    );
    assert_eq!(written.text("out.jsonl"), "");
    assert_eq!(ids(&written.manifest), ["q"]);
    assert_eq!(written.stats().i64_or("num_groups", -1), 1);
}

#[test]
fn s25_pairs_take_the_first_best_and_the_first_worst() {
    let pair = |metadata: [&str; 4]| {
        let rows = metadata.iter().zip(0..).map(|(metadata, n)| {
            rec(&format!("c{n}"), "assistant", &format!("c{n}"), n).meta(metadata)
        });
        let lines = run(rows, &preference(Form::Paired)).lines();
        lines.first().map(|line| {
            (
                contents(line.at("chosen"))[0].to_owned(),
                contents(line.at("rejected"))[0].to_owned(),
            )
        })
    };
    let names = |chosen: &str, rejected: &str| Some((chosen.to_owned(), rejected.to_owned()));
    assert_eq!(
        pair([
            r#"{"reward": 9}"#,
            r#"{"label": "chosen"}"#,
            "{}",
            r#"{"label": "rejected"}"#
        ]),
        names("c1", "c3")
    );
    assert_eq!(
        pair([
            r#"{"reward": 1}"#,
            r#"{"reward": 1}"#,
            r#"{"reward": 0}"#,
            "{}"
        ]),
        names("c0", "c2")
    );
    assert_eq!(
        pair(["{}", "{}", r#"{"reward": -1}"#, "{}"]),
        names("c0", "c2"),
        "no score counts as 0"
    );
    assert_eq!(pair(["{}", "{}", "{}", "{}"]), None);
    assert!(
        run(
            [rec("one", "assistant", "x", 1).meta(r#"{"reward": 1}"#)],
            &preference(Form::Paired)
        )
        .lines()
        .is_empty()
    );
}

#[test]
fn s26_labels_come_from_the_label_or_the_least_reward() {
    let rows = || {
        [
            rec("a", "assistant", "a", 1).meta(r#"{"label": "rejected", "reward": 1}"#),
            rec("b", "assistant", "b", 2).meta(r#"{"reward": 0.5}"#),
            rec("c", "assistant", "c", 3),
        ]
    };
    let labels = |config: &Config| {
        let lines = run(rows(), config).lines();
        lines
            .iter()
            .map(|line| {
                (
                    contents(line.at("completion"))[0].to_owned(),
                    line.at("label").as_bool().unwrap(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        labels(&preference(Form::Unpaired)),
        [("a".to_owned(), false)]
    );
    let with_least = Config {
        min_reward: Some(0.5),
        ..preference(Form::Unpaired)
    };
    assert_eq!(
        labels(&with_least),
        [("a".to_owned(), false), ("b".to_owned(), true)]
    );
    let first = &run(rows(), &with_least).lines()[0];
    assert_eq!(
        first.at("provenance").items("record_ids").len(),
        3,
        "the provenance is the whole group"
    );
}

#[test]
fn s27_ranked_lists_stand_by_rank_or_by_score() {
    let ranked = |metadata: &[&str]| {
        let rows = metadata.iter().zip(0..).map(|(metadata, n)| {
            rec(&format!("c{n}"), "assistant", &format!("c{n}"), n).meta(metadata)
        });
        let lines = run(rows, &preference(Form::Ranked)).lines();
        let candidates = lines[0].items("candidates").iter();
        candidates
            .map(|c| {
                (
                    contents(c.at("messages"))[0].to_owned(),
                    c.i64_or("rank", -9),
                )
            })
            .collect::<Vec<_>>()
    };
    let names = |list: &[(&str, i64)]| {
        list.iter()
            .map(|(name, rank)| ((*name).to_owned(), *rank))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ranked(&[r#"{"rank": 7}"#, r#"{"rank": -1}"#, r#"{"rank": 7}"#]),
        names(&[("c1", -1), ("c0", 7), ("c2", 7)])
    );
    assert_eq!(
        ranked(&[
            "{}",
            r#"{"reward": 1}"#,
            r#"{"label": "chosen"}"#,
            r#"{"reward": -1}"#
        ]),
        names(&[("c2", 1), ("c1", 2), ("c0", 3), ("c3", 4)])
    );
    assert_eq!(ranked(&["{}"]), names(&[("c0", 1)]));
    let line = run(
        [rec("a", "assistant", "x", 1).meta(r#"{"reward": 2, "rank": 1}"#)],
        &preference(Form::Ranked),
    );
    assert!(line.text("out.jsonl").starts_with(r#"{"form":"ranked","prompt":[],"candidates":[{"messages":[{"role":"assistant","content":"x"}],"rank":1,"reward":2.0}],"provenance":{"#));
}

#[test]
fn s27_a_list_with_some_ranks_has_no_order() {
    let rows = [
        rec("a", "assistant", "a", 1).meta(r#"{"rank": 1}"#),
        rec("b", "assistant", "b", 2).meta(r#"{"reward": 1}"#),
    ];
    let error = try_run(rows, &preference(Form::Ranked)).err().unwrap();
    assert!(
        matches!(&error, CurateError::PartialRanks { group, record } if group == "s1" && record == "b"),
        "{error}"
    );
}

#[test]
fn s28_a_rollout_line_keeps_the_order_of_time() {
    let rows = [
        rec("p", "user", "q", 1),
        rec("b", "assistant", "b", 3).meta(r#"{"reward": 1, "group_id": "late"}"#),
        rec("a", "assistant", "a", 2).meta(r#"{"group_id": "early"}"#),
    ];
    let written = run(rows, &rollout());
    assert!(written.text("out.jsonl").starts_with(concat!(
        r#"{"prompt":[{"role":"user","content":"q"}],"responses":[{"messages":[{"role":"assistant","content":"a"}]},"#,
        r#"{"messages":[{"role":"assistant","content":"b"}],"reward":1.0}],"group_id":"early","provenance":{"#
    )));
}

#[test]
fn s29_provenance_takes_its_scope_from_the_first_record() {
    let mut first = rec("a", "user", "x", 1);
    first.tenant = Some("t1".to_owned());
    let mut second = rec("b", "user", "y", 2);
    second.tenant = Some("t2".to_owned());
    second.source = Some("later".to_owned());
    let lines = run([second, first], &config()).lines();
    let provenance = lines[0].at("provenance");
    assert_eq!(text_at(provenance, &["tenant"]), "t1");
    assert_eq!(provenance.get("source"), None);
    assert_eq!(provenance.get("external_ids"), None);
}

#[test]
fn s30_the_manifest_has_the_original_keys_in_order_and_ours_last() {
    let config = Config {
        dedup_threshold: Some(0.1),
        decontaminate_threshold: Some(0.05),
        min_reward: Some(0.5),
        filters_summary: Some(parse_str(r#"{"role": "user"}"#).unwrap()),
        split: Some(Split::default()),
        ..preference(Form::Ranked)
    };
    let written = run([rec("a", "assistant", "x", 1)], &config);
    let manifest = written.json("out.train.jsonl.manifest.json");
    let keys: Vec<&str> = manifest.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "context_uri",
            "version",
            "task",
            "group_by",
            "schema_version",
            "preference_form",
            "filters",
            "dedup_threshold",
            "decontaminate_threshold",
            "min_reward",
            "split",
            "created_at_start",
            "created_at_end",
            "source_record_ids",
            "counts",
            "forgemark",
        ]
    );
    assert_eq!(
        manifest.at("dedup_threshold").as_f64(),
        Some(0.1),
        "without the digits of a single"
    );
    let counts: Vec<&str> = manifest.at("counts").as_object().unwrap().keys().collect();
    assert_eq!(
        counts,
        [
            "input_records",
            "after_lifecycle",
            "after_dedup",
            "after_decontaminate",
            "after_reward_filter",
            "examples"
        ]
    );
    let file = &manifest.at("forgemark").items("files")[0];
    assert_eq!(
        text_at(file, &["sha256"]),
        FileDigest::of("", &written.files["out.train.jsonl"]).sha256
    );
    let bare = run([], &self::config());
    assert_eq!(
        bare.text("out.jsonl.manifest.json")
            .split("  \"forgemark\"")
            .next()
            .unwrap(),
        concat!(
            "{\n  \"context_uri\": \"mem://ctx\",\n  \"version\": 3,\n  \"task\": \"sft\",\n  \"group_by\": \"session_id\",\n  \"schema_version\": \"1\",\n",
            "  \"source_record_ids\": [],\n  \"counts\": {\n    \"input_records\": 0,\n    \"after_lifecycle\": 0,\n    \"after_dedup\": 0,\n",
            "    \"after_decontaminate\": 0,\n    \"after_reward_filter\": 0,\n    \"examples\": 0\n  },\n"
        )
    );
}

#[test]
fn s31_the_split_of_a_manifest_names_side_and_complement() {
    let config = Config {
        split: Some(Split {
            eval_fraction: 0.5,
            by: GroupBy::RunId,
            seed: 9,
        }),
        ..config()
    };
    let manifest = run([], &config).json("out.eval.jsonl.manifest.json");
    let expected = parse_str(r#"{"side": "eval", "eval_fraction": 0.5, "by": "run_id", "seed": 9, "complement_path": "out.train.jsonl"}"#).unwrap();
    assert_eq!(manifest.at("split"), &expected);
}

#[test]
fn s32_statistics_are_what_serde_json_writes() {
    let rows = [
        rec("q", "user", "one two", 1),
        rec("a", "assistant", "x", 2).meta(r#"{"reward": 1, "reward_source": "tests"}"#),
    ];
    let written = run(
        rows,
        &Config {
            emit_stats: true,
            ..preference(Form::Paired)
        },
    );
    let expected = r#"{
  "task": "preference",
  "examples": 0,
  "num_groups": 1,
  "by_role": {
    "assistant": 1,
    "user": 1
  },
  "by_source": {
    "__none__": 2
  },
  "by_tenant": {
    "__none__": 2
  },
  "records_per_group": {
    "count": 1,
    "min": 2.0,
    "median": 2.0,
    "p95": 2.0,
    "max": 2.0,
    "mean": 2.0
  },
  "tokens": {
    "count": 2,
    "min": 1.0,
    "median": 2.0,
    "p95": 2.0,
    "max": 2.0,
    "mean": 1.5,
    "source": "length_proxy"
  },
  "excluded": {
    "lifecycle": 0,
    "reward_threshold": 0,
    "dedup": 0,
    "decontaminate": 0
  },
  "preference_form": "paired",
  "reward": {
    "count": 1,
    "min": 1.0,
    "median": 1.0,
    "p95": 1.0,
    "max": 1.0,
    "mean": 1.0
  },
  "reward_sources": {
    "tests": 1
  }
}"#;
    assert_eq!(written.text("out.jsonl.stats.json"), expected);
}

#[test]
fn s33_percentiles_take_the_element_at_the_rounded_rank() {
    let spread = |values: &[f64]| crate::spread::Spread::of(values.to_vec()).unwrap();
    assert!(
        (spread(&[1.0, 2.0]).median - 2.0).abs() < f64::EPSILON,
        "half away from zero"
    );
    let many: Vec<f64> = (0..21).rev().map(f64::from).collect();
    let twenty_one = spread(&many);
    assert_eq!(
        [
            twenty_one.median,
            twenty_one.p95,
            twenty_one.max,
            twenty_one.mean
        ],
        [10.0, 19.0, 20.0, 10.0]
    );
    let stats = run(
        [],
        &Config {
            emit_stats: true,
            ..config()
        },
    )
    .stats();
    assert_eq!(stats.at("records_per_group").i64_or("count", -1), 0);
    assert_eq!((stats.get("tokens"), stats.get("reward")), (None, None));
    assert_eq!(stats.at("by_role"), &Json::empty_object());
}

#[test]
fn s34_tokens_are_counted_or_guessed() {
    let mut counted = rec("a", "user", "one two three", 1);
    counted.state_metadata = Some(StateMetadata {
        tokens_used: Some(0),
        ..StateMetadata::default()
    });
    let mut unknown = rec("b", "user", "one two\u{a0}three", 2);
    unknown.state_metadata = Some(StateMetadata {
        tokens_used: Some(-1),
        ..StateMetadata::default()
    });
    let mut silent = rec("c", "user", "", 3);
    silent.text_payload = None;
    let stats = run(
        [counted, unknown, silent],
        &Config {
            emit_stats: true,
            ..config()
        },
    )
    .stats();
    let tokens = stats.at("tokens");
    assert_eq!(text_at(tokens, &["source"]), "mixed");
    assert_eq!(
        ["min", "max", "mean"].map(|key| tokens.at(key).as_f64().unwrap()),
        [0.0, 3.0, 1.0]
    );
}

#[test]
fn s35_statistics_cover_records_and_exclusions_of_both_sides() {
    let rows = (0..40).map(|n| {
        let reward = i32::from(n % 4 != 0);
        rec(&format!("r{n}"), "user", "x", n)
            .session(&format!("s{n}"))
            .meta(&format!(r#"{{"reward": {reward}}}"#))
    });
    let config = Config {
        emit_stats: true,
        min_reward: Some(0.5),
        split: Some(Split {
            eval_fraction: 0.5,
            ..Split::default()
        }),
        ..rollout()
    };
    let written = run(rows, &config);
    let sides =
        ["out.train.jsonl.stats.json", "out.eval.jsonl.stats.json"].map(|name| written.json(name));
    assert_eq!(
        sides
            .each_ref()
            .map(|side| side.at("excluded").i64_or("reward_threshold", -1)),
        [10, 10]
    );
    assert_eq!(
        sides
            .iter()
            .map(|side| side.at("by_role").i64_or("user", 0))
            .sum::<i64>(),
        30
    );
    assert_eq!(
        sides.each_ref().map(|side| side.i64_or("examples", -1)),
        [0, 0],
        "no line was made of them"
    );
}

#[test]
fn s36_the_side_is_a_hash_of_seed_and_key() {
    // Computed with an independent program from the statement.
    for (seed, key, expected) in [
        (0, "", SIDE[0]),
        (42, "s1", SIDE[1]),
        (u64::MAX, "é", SIDE[2]),
    ] {
        let found = split::fraction(seed, key);
        assert!((found - expected).abs() < 1e-15, "{seed} {key}: {found}");
    }
    let record = rec("x", "user", "x", 1);
    let side = |eval_fraction| {
        split::is_eval(
            &Split {
                eval_fraction,
                ..Split::default()
            },
            &record,
        )
    };
    assert_eq!((side(0.0), side(1.0)), (false, true));
    let alone = Split {
        eval_fraction: split::fraction(0, "__rec__x") + 1e-9,
        by: GroupBy::None,
        seed: 0,
    };
    assert!(split::is_eval(&alone, &record));
}

const SIDE: [f64; 3] = [
    0.483_689_565_016_678_04,
    0.591_768_738_780_439,
    0.762_121_177_230_919_5,
];

#[test]
fn s37_both_sides_share_the_counts_but_the_examples() {
    let rows = (0..30).map(|n| rec(&format!("r{n}"), "user", "x", n).session(&format!("s{n}")));
    let config = Config {
        split: Some(Split {
            eval_fraction: 0.5,
            ..Split::default()
        }),
        ..config()
    };
    let written = run(rows, &config);
    let counts = [
        "out.train.jsonl.manifest.json",
        "out.eval.jsonl.manifest.json",
    ]
    .map(|name| written.json(name).at("counts").clone());
    assert_eq!(
        counts
            .each_ref()
            .map(|counts| counts.i64_or("after_decontaminate", -1)),
        [30, 30]
    );
    assert_eq!(
        counts
            .iter()
            .map(|counts| counts.i64_or("examples", 0))
            .sum::<i64>(),
        30
    );
}

#[test]
fn s38_sides_are_named_before_the_last_dot_of_the_name() {
    for (path, train, eval) in [
        ("cut.jsonl", "cut.train.jsonl", "cut.eval.jsonl"),
        ("a.b/c", "a.b/c.train", "a.b/c.eval"),
        (".x", ".train.x", ".eval.x"),
        ("d/e.tar.gz", "d/e.tar.train.gz", "d/e.tar.eval.gz"),
        ("", ".train", ".eval"),
    ] {
        assert_eq!(split_paths(path), (train.to_owned(), eval.to_owned()));
    }
}

#[test]
fn s39_both_sides_are_always_written_and_the_path_itself_never() {
    let config = Config {
        emit_stats: true,
        split: Some(Split {
            eval_fraction: 0.0,
            ..Split::default()
        }),
        ..config()
    };
    let written = run([rec("a", "user", "x", 1)], &config);
    let names: Vec<&str> = written.files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "out.eval.jsonl",
            "out.eval.jsonl.manifest.json",
            "out.eval.jsonl.stats.json",
            "out.train.jsonl",
            "out.train.jsonl.manifest.json",
            "out.train.jsonl.stats.json",
        ]
    );
    assert_eq!(written.text("out.eval.jsonl"), "");
    assert_eq!(written.manifest.split.unwrap().side, "train");
}

#[test]
fn s40_the_manifest_names_the_version_of_the_rows() {
    let mut output = MemoryOutput::default();
    let pinned = Snapshot {
        uri: "s3://b/ctx".to_owned(),
        version: 17,
    };
    let manifest = export(
        [rec("a", "user", "x", 1)],
        &pinned,
        &config(),
        "o",
        &mut output,
    )
    .unwrap();
    assert_eq!(
        (manifest.context_uri.as_str(), manifest.version),
        ("s3://b/ctx", 17)
    );
    let line = parse(&output.files["o"]).unwrap();
    assert_eq!(line.at("provenance").i64_or("version", -1), 17);
}
