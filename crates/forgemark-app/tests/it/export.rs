//! `forgemark export` over a store in memory.

use std::fs;
use std::path::Path;

use forgemark_app::exit::Exit;
use forgemark_contract::json::{Json, Object, parse_str};
use forgemark_contract::store::memory::MemoryStores;
use forgemark_contract::store::{ContextRecord, Edit, StoreOptions, Stores as _};
use forgemark_contract::time::Timestamp;

use crate::program::{Said, forgemark};

fn record(session: &str, n: i64, role: &str, text: &str) -> ContextRecord {
    let id = format!("{session}-{n}");
    ContextRecord {
        session_id: Some(session.to_owned()),
        run_id: "r".to_owned(),
        seq: Some(n),
        ..ContextRecord::text(id, role, text, Timestamp::from_epoch_seconds(100 + n))
    }
}

fn answer(session: &str, n: i64, text: &str, reward: f64) -> ContextRecord {
    ContextRecord {
        metadata: Some(Json::Object(Object::from([("reward", Json::from(reward))]))),
        ..record(session, n, "assistant", text)
    }
}

/// Two conversations and one prompt with two answers.
fn stores() -> MemoryStores {
    let stores = MemoryStores::default();
    let store = stores.create("memory://s", &StoreOptions::default());
    let rows = vec![
        record("a", 0, "user", "What is a lathe?"),
        answer("a", 1, "A machine that turns the work against a tool.", 0.9),
        record("b", 0, "user", "And a mill?"),
        answer("b", 1, "A machine that turns the tool.", 0.4),
        record("c", 0, "user", "Which is older?"),
        answer("c", 1, "The lathe.", 1.0),
        ContextRecord {
            parent_id: Some("c-0".to_owned()),
            ..answer("c", 2, "The mill.", 0.0)
        },
    ];
    let edits = rows.into_iter().map(Edit::Add).collect();
    let written = store.and_then(|store| store.write(edits, Timestamp::from_epoch_seconds(500)));
    assert!(written.is_ok(), "{written:?}");
    stores
}

fn export(stores: &MemoryStores, task: &str, dir: &Path, more: &[&str]) -> Said {
    let dir = dir.to_string_lossy();
    let mut args = vec!["export", task, "memory://s", &dir];
    args.extend(more);
    forgemark(stores, &args)
}

fn lines(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| parse_str(line).ok())
        .collect()
}

#[test]
fn a_cut_is_written_proven_and_replaced_only_when_asked() {
    let stores = stores();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("trl");
    let said = export(
        &stores,
        "sft",
        &dir,
        &["--shape", "trl", "--set", "answers=best"],
    );
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    let rows = lines(&dir.join("trl.jsonl"));
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2].items("messages").len(), 2, "the better answer");
    let verify = |dir: &Path| forgemark(&stores, &["export", "verify", &dir.to_string_lossy()]);
    assert_eq!(verify(&dir).exit, Exit::Done);

    let again = export(&stores, "sft", &dir, &[]);
    assert_eq!(again.exit, Exit::Usage);
    assert!(again.err.contains("--replace"), "{}", again.err);
    assert_eq!(lines(&dir.join("trl.jsonl")), rows);

    let replaced = export(&stores, "sft", &dir, &["--replace", "--name", "other"]);
    assert_eq!(replaced.exit, Exit::Done, "{replaced:?}");
    assert!(!dir.join("trl.jsonl").exists() && !dir.join("trl.manifest.json").exists());
    assert_eq!(
        lines(&dir.join("other.jsonl")).len(),
        4,
        "each answer is a branch"
    );

    fs::write(dir.join("other.jsonl"), "{}\n").unwrap();
    let said = verify(&dir);
    assert_eq!(said.exit, Exit::Findings);
    assert!(said.out.contains("other.jsonl"), "{}", said.out);
}

#[test]
fn preferences_and_rollouts_come_from_candidates() {
    let stores = stores();
    let home = tempfile::tempdir().unwrap();
    let dpo = home.path().join("dpo");
    let said = export(&stores, "preference", &dpo, &["--shape", "trl"]);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    let pairs = lines(&dpo.join("dpo.jsonl"));
    assert_eq!(pairs.len(), 1, "{said:?}");
    let text = |json: &Json, key: &str| json.items(key)[0].str_or("content", "").to_owned();
    assert_eq!(text(&pairs[0], "chosen"), "The lathe.");
    assert_eq!(text(&pairs[0], "rejected"), "The mill.");
    let verl = home.path().join("verl");
    let said = export(&stores, "rollout", &verl, &["--shape", "verl", "--json"]);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    assert_eq!(said.json().at("recipe").str_or("format", ""), "verl");
    assert!(verl.join("verl.parquet").exists());
    let lines_of_it = home.path().join("lines");
    let flags = ["--shape", "verl", "--format", "jsonl"];
    let said = export(&stores, "rollout", &lines_of_it, &flags);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    assert!(lines_of_it.join("lines.jsonl").exists());
    let said = export(&stores, "sft", &home.path().join("none"), &flags);
    assert_eq!(said.exit, Exit::Usage, "{said:?}");
    assert!(
        said.err.contains("verl for sft reads Parquet, not jsonl"),
        "{said:?}"
    );
}

#[test]
fn the_profile_of_the_original_writes_its_files() {
    let stores = stores();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("cut");
    let said = export(
        &stores,
        "sft",
        &dir,
        &[
            "--set",
            "profile=lance-context-1",
            "--set",
            "compat.eval_fraction=0.5",
            "--set",
            "compat.emit_stats=true",
        ],
    );
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    for name in [
        "cut.train.jsonl",
        "cut.eval.jsonl.manifest.json",
        "cut.train.jsonl.stats.json",
    ] {
        assert!(dir.join(name).exists(), "{name}");
    }
    let total =
        lines(&dir.join("cut.train.jsonl")).len() + lines(&dir.join("cut.eval.jsonl")).len();
    assert_eq!(total, 3);
}

#[test]
fn what_is_refused_leaves_the_folder_as_it_was() {
    let stores = stores();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("cut");
    let said = export(
        &stores,
        "sft",
        &dir,
        &["--set", "dedup.semantic.distance=0.05"],
    );
    assert_eq!(said.exit, Exit::Findings, "{said:?}");
    assert!(said.err.contains("no usable vector"), "{}", said.err);
    assert!(!dir.join("cut.jsonl").exists());
    for (args, exit, word) in [
        (
            vec!["--set", "split.sides={train: 0.5}"],
            Exit::Usage,
            "sum to 0.5",
        ),
        (vec!["--shape", "trll"], Exit::Usage, "trl"),
        (vec!["--version", "77"], Exit::Usage, "77"),
        (
            vec!["--config", "nowhere.yaml"],
            Exit::Usage,
            "nowhere.yaml",
        ),
        (vec!["--name", "a/b"], Exit::Usage, "--name"),
    ] {
        let said = export(&stores, "sft", &dir, &args);
        assert_eq!(said.exit, exit, "{args:?}: {said:?}");
        assert!(said.err.contains(word), "{args:?}: {}", said.err);
    }
    let notes = home.path().join("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("thesis.txt"), "mine").unwrap();
    let said = export(&stores, "sft", &notes, &["--replace"]);
    assert_eq!(said.exit, Exit::Usage);
    assert!(said.err.contains("other files"), "{}", said.err);
    assert!(notes.join("thesis.txt").exists());
}

#[test]
fn a_diff_says_what_came_and_went() {
    let stores = stores();
    let home = tempfile::tempdir().unwrap();
    let (before, after) = (home.path().join("one"), home.path().join("two"));
    assert_eq!(export(&stores, "sft", &before, &[]).exit, Exit::Done);
    let less = ["--set", "reward.min=0.5", "--set", "reward.on_missing=keep"];
    assert_eq!(export(&stores, "sft", &after, &less).exit, Exit::Done);
    let (one, two) = (before.to_string_lossy(), after.to_string_lossy());
    let said = forgemark(&stores, &["export", "diff", &one, &two]);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    assert!(said.out.contains("went (reward"), "{}", said.out);
    let none = forgemark(&stores, &["export", "diff", &one, "nowhere"]);
    assert_eq!(none.exit, Exit::Usage);
}
