//! The nineteen tests that the contract came with, said anew.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_session_becomes_one_ordered_conversation() {
    let written = run(
        [
            rec("r2", "assistant", "hi there", 2),
            rec("r1", "user", "hello", 1),
            rec("r3", "user", "bye", 3),
        ],
        &config(),
    );
    let lines = written.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        contents(lines[0].at("messages")),
        ["hello", "hi there", "bye"]
    );
    assert_eq!(
        lines[0].at("provenance").at("version").as_u64(),
        Some(written.manifest.version)
    );
    let file = written.json("out.jsonl.manifest.json");
    assert_eq!(file.at("task").as_str(), Some("sft"));
    assert_eq!(file.at("schema_version").as_str(), Some(SCHEMA_VERSION));
    assert_eq!(file.at("counts").at("examples").as_i64(), Some(1));
    assert_eq!(file.items("source_record_ids").len(), 3);
    assert_eq!(
        (written.manifest.task, written.manifest.counts.examples),
        (Task::Sft, 1)
    );
}

#[test]
fn rejection_sampling_drops_low_rewards() {
    let rows = [
        rec("g", "assistant", "good", 1)
            .session("a")
            .meta(r#"{"reward": 0.9}"#),
        rec("b", "assistant", "bad", 2)
            .session("b")
            .meta(r#"{"reward": 0.1}"#),
    ];
    let written = run(
        rows,
        &Config {
            min_reward: Some(0.5),
            ..config()
        },
    );
    let lines = written.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(contents(lines[0].at("messages")), ["good"]);
    assert_eq!(written.manifest.counts.after_reward_filter, 1);
    assert_eq!(written.manifest.min_reward, Some(0.5));
}

#[test]
fn pairs_follow_the_reward() {
    let rows = [
        rec("p", "user", "question", 1),
        rec("hi", "assistant", "great answer", 2).meta(r#"{"reward": 0.9}"#),
        rec("lo", "assistant", "poor answer", 3).meta(r#"{"reward": 0.2}"#),
    ];
    let lines = run(rows, &preference(Form::Paired)).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].at("form").as_str(), Some("paired"));
    assert_eq!(contents(lines[0].at("prompt")), ["question"]);
    assert_eq!(contents(lines[0].at("chosen")), ["great answer"]);
    assert_eq!(contents(lines[0].at("rejected")), ["poor answer"]);
}

#[test]
fn labels_make_unpaired_lines() {
    let rows = [
        rec("p", "user", "q", 1),
        rec("a", "assistant", "yes", 2).meta(r#"{"label": "chosen"}"#),
        rec("b", "assistant", "no", 3).meta(r#"{"label": "rejected"}"#),
    ];
    let lines = run(rows, &preference(Form::Unpaired)).lines();
    let seen: Vec<(&str, bool)> = lines
        .iter()
        .map(|line| {
            (
                contents(line.at("completion"))[0],
                line.at("label").as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("yes", true), ("no", false)]);
    assert!(
        lines
            .iter()
            .all(|line| line.at("form").as_str() == Some("unpaired"))
    );
}

#[test]
fn ranked_candidates_stand_by_rank() {
    let rows = [
        rec("p", "user", "q", 1),
        rec("c2", "assistant", "second", 2).meta(r#"{"rank": 2}"#),
        rec("c1", "assistant", "first", 3).meta(r#"{"rank": 1}"#),
    ];
    let lines = run(rows, &preference(Form::Ranked)).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].at("form").as_str(), Some("ranked"));
    let candidates = lines[0].items("candidates");
    let texts: Vec<&str> = candidates
        .iter()
        .map(|c| contents(c.at("messages"))[0])
        .collect();
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(candidates[0].at("rank").as_i64(), Some(1));
}

#[test]
fn a_rollout_gathers_rewarded_responses() {
    let meta = |reward: f64| {
        format!(r#"{{"reward": {reward:?}, "reward_source": "verifier", "group_id": "g1"}}"#)
    };
    let rows = [
        rec("p", "user", "solve x", 1),
        rec("r1", "assistant", "ans1", 2).meta(&meta(1.0)),
        rec("r2", "assistant", "ans2", 3).meta(&meta(0.0)),
    ];
    let lines = run(rows, &rollout()).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].at("group_id").as_str(), Some("g1"));
    assert_eq!(contents(lines[0].at("prompt")), ["solve x"]);
    let responses = lines[0].items("responses");
    assert_eq!(responses.len(), 2);
    assert_eq!(responses[0].at("reward").as_f64(), Some(1.0));
    assert_eq!(responses[0].at("reward_source").as_str(), Some("verifier"));
}

#[test]
fn dedup_collapses_one_direction() {
    let rows = [
        rec("a", "user", "dup one", 1)
            .session("a")
            .vector(&[1.0, 0.0, 0.0, 0.0]),
        rec("b", "user", "dup two", 2)
            .session("b")
            .vector(&[1.0, 0.0, 0.0, 0.0]),
    ];
    let written = run(
        rows,
        &Config {
            dedup_threshold: Some(0.01),
            ..config()
        },
    );
    assert_eq!(written.manifest.counts.after_dedup, 1);
    assert_eq!(written.lines().len(), 1);
}

#[test]
fn decontamination_drops_what_is_held_out() {
    let rows = [
        rec("k", "user", "keep", 1)
            .session("k")
            .vector(&[0.0, 1.0, 0.0, 0.0]),
        rec("l", "user", "leak", 2)
            .session("l")
            .vector(&[1.0, 0.0, 0.0, 0.0]),
    ];
    let written = run(
        rows,
        &Config {
            decontaminate_against: vec![vec![1.0, 0.0, 0.0, 0.0]],
            decontaminate_threshold: Some(0.01),
            ..config()
        },
    );
    assert_eq!(written.manifest.counts.after_decontaminate, 1);
    let lines = written.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(contents(lines[0].at("messages")), ["keep"]);
}

#[test]
fn contradicted_records_are_never_exported() {
    let mut wrong = rec("c", "user", "contradicted", 2).session("other");
    wrong.lifecycle_status = lifecycle::CONTRADICTED.to_owned();
    let written = run([rec("g", "user", "valid", 1), wrong], &config());
    assert_eq!(written.manifest.counts.after_lifecycle, 1);
    assert!(!written.text("out.jsonl").contains("contradicted"));
}

/// A store in miniature: each version is the list of rows that it had.
#[test]
fn an_old_version_exports_its_own_rows() {
    let first = vec![rec("r1", "user", "first", 1)];
    let second = vec![first[0].clone(), rec("r2", "user", "second", 2)];
    let versions = [first, second];
    let alone = Config {
        group_by: GroupBy::None,
        ..config()
    };
    let export_of = |version: u64| {
        let mut output = MemoryOutput::default();
        let pinned = Snapshot {
            version,
            ..snapshot()
        };
        let rows = versions[version as usize].clone();
        let manifest = export(rows, &pinned, &alone, "out.jsonl", &mut output).unwrap();
        (manifest.version, manifest.source_record_ids)
    };
    assert_eq!(export_of(0), (0, vec!["r1".to_owned()]));
    assert_eq!(export_of(1), (1, vec!["r1".to_owned(), "r2".to_owned()]));
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let rows = || {
        [
            rec("r1", "user", "a", 1),
            rec("r2", "assistant", "b", 2),
            rec("r3", "user", "c", 3),
        ]
    };
    assert_eq!(run(rows(), &config()).files, run(rows(), &config()).files);
}

#[test]
fn an_external_id_groups_by_its_prefix() {
    let external = |id: &str, role: &str, seconds: i64, external: &str| {
        let mut record = rec(id, role, external, seconds);
        record.external_id = Some(external.to_owned());
        record
    };
    let rows = [
        external("a", "user", 1, "doc-7#chunk-1"),
        external("b", "assistant", 2, "doc-7#chunk-2"),
        external("c", "user", 3, "doc-8#chunk-1"),
    ];
    let by = GroupBy::ExternalIdPrefix("#".to_owned());
    let lines = run(
        rows,
        &Config {
            group_by: by,
            ..config()
        },
    )
    .lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].items("messages").len(), 2);
}

fn sessions(written: &Written, name: &str) -> BTreeSet<String> {
    let lines = written.lines_of(name);
    lines
        .iter()
        .map(|line| text_at(line, &["provenance", "session_id"]).to_owned())
        .collect()
}

fn halves(eval_fraction: f64, seed: u64) -> Config {
    Config {
        split: Some(Split {
            eval_fraction,
            by: GroupBy::SessionId,
            seed,
        }),
        ..config()
    }
}

#[test]
fn a_split_is_repeatable_and_keeps_sessions_whole() {
    let rows = || {
        (0..10).flat_map(|s| {
            let session = format!("s{s}");
            [
                rec(&format!("u{s}"), "user", "q", s * 2).session(&session),
                rec(&format!("a{s}"), "assistant", "r", s * 2 + 1).session(&session),
            ]
        })
    };
    let written = run(rows(), &halves(0.5, 42));
    assert_eq!(written.files, run(rows(), &halves(0.5, 42)).files);
    let (train, eval) = (
        sessions(&written, "out.train.jsonl"),
        sessions(&written, "out.eval.jsonl"),
    );
    assert!(!train.is_empty() && !eval.is_empty());
    assert!(train.is_disjoint(&eval));
    assert_eq!(train.len() + eval.len(), 10);
}

#[test]
fn a_split_keeps_its_fraction_roughly() {
    let rows = (0..200).map(|s| rec(&format!("r{s}"), "user", "q", s).session(&format!("s{s}")));
    let written = run(rows, &halves(0.25, 7));
    let (train, eval) = (
        written.lines_of("out.train.jsonl").len(),
        written.lines_of("out.eval.jsonl").len(),
    );
    assert_eq!(train + eval, 200);
    assert!((eval as f64 / 200.0 - 0.25).abs() < 0.1, "{eval} of 200");
}

#[test]
fn the_manifests_of_a_split_name_each_other() {
    let rows = [
        rec("a", "user", "x", 1).session("s1"),
        rec("b", "user", "y", 2).session("s2"),
    ];
    let written = run(rows, &halves(0.5, 99));
    assert!(
        written.files.contains_key("out.train.jsonl")
            && written.files.contains_key("out.eval.jsonl")
    );
    let train = written.json("out.train.jsonl.manifest.json");
    let split = train.at("split");
    assert_eq!(split.at("side").as_str(), Some("train"));
    assert_eq!(split.at("seed").as_i64(), Some(99));
    assert_eq!(split.at("eval_fraction").as_f64(), Some(0.5));
    assert_eq!(split.at("by").as_str(), Some("session_id"));
    assert_eq!(split.at("complement_path").as_str(), Some("out.eval.jsonl"));
    let eval = written.json("out.eval.jsonl.manifest.json");
    assert_eq!(text_at(&eval, &["split", "side"]), "eval");
}

fn with_stats(config: Config) -> Config {
    Config {
        emit_stats: true,
        ..config
    }
}

#[test]
fn statistics_count_roles_tokens_and_exclusions() {
    let used = |tokens: i64| {
        Some(StateMetadata {
            tokens_used: Some(tokens),
            ..StateMetadata::default()
        })
    };
    let scoped = |mut record: ContextRecord, tokens: i64| {
        record.source = Some("memory".to_owned());
        record.tenant = Some("acme".to_owned());
        record.state_metadata = used(tokens);
        record
    };
    let mut dropped = rec("d", "user", "nope", 3).session("other");
    dropped.lifecycle_status = lifecycle::CONTRADICTED.to_owned();
    let rows = [
        scoped(rec("u", "user", "hello there", 1), 5),
        scoped(rec("a", "assistant", "hi", 2), 11),
        dropped,
    ];
    let stats = run(rows, &with_stats(config())).stats();
    assert_eq!(stats.at("task").as_str(), Some("sft"));
    assert_eq!(
        (stats.i64_or("examples", -1), stats.i64_or("num_groups", -1)),
        (1, 1)
    );
    assert_eq!(
        stats.at("by_role"),
        &parse_str(r#"{"assistant": 1, "user": 1}"#).unwrap()
    );
    assert_eq!(
        stats.at("by_source"),
        &parse_str(r#"{"memory": 2}"#).unwrap()
    );
    assert_eq!(stats.at("by_tenant"), &parse_str(r#"{"acme": 2}"#).unwrap());
    assert_eq!(stats.at("excluded").i64_or("lifecycle", -1), 1);
    let tokens = stats.at("tokens");
    assert_eq!(tokens.at("source").as_str(), Some("tokens_used"));
    assert_eq!(tokens.i64_or("count", -1), 2);
    assert_eq!(
        ["min", "max", "mean"].map(|key| tokens.at(key).as_f64().unwrap()),
        [5.0, 11.0, 8.0]
    );
}

#[test]
fn words_stand_for_tokens_that_nobody_counted() {
    let stats = run(
        [rec("u", "user", "one two three four", 1)],
        &with_stats(config()),
    )
    .stats();
    assert_eq!(text_at(&stats, &["tokens", "source"]), "length_proxy");
    assert_eq!(stats.at("tokens").at("max").as_f64(), Some(4.0));
}

#[test]
fn statistics_show_the_rewards() {
    let rows = [
        rec("p", "user", "solve", 1),
        rec("r1", "assistant", "a1", 2).meta(r#"{"reward": 1.0, "reward_source": "verifier"}"#),
        rec("r2", "assistant", "a2", 3).meta(r#"{"reward": 0.0, "reward_source": "verifier"}"#),
    ];
    let stats = run(rows, &with_stats(rollout())).stats();
    let reward = stats.at("reward");
    assert_eq!(reward.i64_or("count", -1), 2);
    assert_eq!(
        ["min", "max"].map(|key| reward.at(key).as_f64().unwrap()),
        [0.0, 1.0]
    );
    assert_eq!(stats.at("reward_sources").i64_or("verifier", -1), 2);
}

#[test]
fn statistics_are_written_only_when_asked_for() {
    let written = run([rec("u", "user", "hi", 1)], &config());
    let names: Vec<&str> = written.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["out.jsonl", "out.jsonl.manifest.json"]);
}
