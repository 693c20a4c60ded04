//! Statistics and bundles: the released sample byte for byte, bundles of runs and of what other programs wrote, faults at
//! every point, planted damage.

mod folder;
mod planted;
mod sample;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::{Json, to_line};
use forgemark_dialogue::bundle::{BundleError, Made, Request, is_bundle, make, prove};
use forgemark_dialogue::check::{CheckOptions, Report};
use forgemark_dialogue::config::Config;
use forgemark_journal::{Storage, write_atomic};
use forgemark_testkit::{MemDisk, aftermath};

use crate::bench::{Bench, OUT, corpus};
use forgemark_model::Backend;

/// Where bundles go.
const DIR: &str = "/out/hf_export";

/// A configuration with these settings; nothing is run with it.
fn config(settings: &[(&str, Json)]) -> Arc<Config> {
    let mut bench = Bench::with(corpus(1, 1), Backend::Http(Vec::new()));
    for (path, value) in settings {
        bench = bench.set(path, value.clone());
    }
    bench.config()
}

fn bundle_in(disk: &MemDisk, dir: &str, config: &Config) -> Result<Made, BundleError> {
    make(&Request {
        storage: Arc::new(disk.clone()),
        out_dir: Path::new(OUT),
        dir: Path::new(dir),
        config,
        title: "a test",
        version: "0.0.0",
        owner: "this test",
    })
}

fn bundle(disk: &MemDisk, config: &Config) -> Result<Made, BundleError> {
    bundle_in(disk, DIR, config)
}

/// The files of the bundle, by name.
fn shown(disk: &MemDisk) -> BTreeMap<String, Vec<u8>> {
    aftermath::artifacts(disk, Path::new(DIR))
}

fn proof(disk: &MemDisk) -> Report {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    assert!(is_bundle(&*storage, Path::new(DIR), "this test").unwrap());
    prove(&storage, Path::new(DIR), &CheckOptions::default()).unwrap()
}

fn put(disk: &MemDisk, path: &str, bytes: &[u8]) {
    let path = Path::new(path);
    disk.create_dir_all(path.parent().unwrap()).unwrap();
    write_atomic(disk, path, bytes).unwrap();
}

/// A row as another program may have written it: `turns` turns of an English conversation.
fn row(turns: usize) -> Json {
    let each = |make: &dyn Fn(usize) -> Json| Json::Array((1..=turns).map(make).collect());
    let messages = (1..=turns).flat_map(|turn| {
        [("user", "question"), ("assistant", "answer")].map(|(role, what)| {
            Json::object([
                ("role", Json::from(role)),
                (
                    "content",
                    Json::from(format!("The {what} {turn} of many words.")),
                ),
                ("agent", Json::from("some/model")),
            ])
        })
    });
    let messages: Json = messages.collect();
    Json::object([
        ("messages", messages.clone()),
        ("messages_with_tools", messages),
        (
            "metadata",
            Json::object([
                ("conversation_id", Json::from(format!("c{turns}"))),
                ("n_turns", Json::from(turns)),
                ("language", Json::from("english")),
                ("difficulty_sequence", Json::Null),
            ]),
        ),
        (
            "user_reasoning",
            each(&|turn| {
                Json::object([
                    ("turn_index", Json::from(turn)),
                    ("notes_for_assistant", Json::from("be kind")),
                ])
            }),
        ),
        (
            "assistant_reasoning",
            each(&|turn| {
                Json::object([
                    ("turn_index", Json::from(turn)),
                    (
                        "reasoning_trace",
                        Json::object([
                            ("thinking", Json::from("plain text")),
                            ("mood", Json::from("good")),
                        ]),
                    ),
                ])
            }),
        ),
        (
            "judge",
            Json::object([
                (
                    "per_turn",
                    each(&|turn| {
                        let score = if turn % 2 == 0 {
                            Json::from("7")
                        } else {
                            Json::from(8)
                        };
                        Json::object([("turn_index", Json::from(turn)), ("score", score)])
                    }),
                ),
                ("avg_score", Json::from(7.5)),
                ("conversation", Json::empty_object()),
            ]),
        ),
    ])
}

fn lines(rows: &[Json]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        bytes.extend(to_line(row));
        bytes.push(b'\n');
    }
    bytes
}

/// A disk with a judged file of rows with these numbers of turns.
fn foreign(turns: &[usize]) -> MemDisk {
    let disk = MemDisk::new();
    let rows: Vec<Json> = turns.iter().map(|turns| row(*turns)).collect();
    put(
        &disk,
        "/out/conversations_sharegpt_judged.jsonl",
        &lines(&rows),
    );
    disk
}
