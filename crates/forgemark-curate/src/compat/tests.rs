#![expect(clippy::float_cmp, reason = "exact results are the point")]

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, parse, parse_str};
use forgemark_contract::store::{ContextRecord, StateMetadata, lifecycle};
use forgemark_contract::time::Timestamp;

use super::*;
use crate::error::CurateError;
use crate::output::MemoryOutput;
use crate::select::Visibility;
use crate::testing::With;

mod shipped;
mod statements;

const EPOCH: i64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(EPOCH + seconds)
}

fn config() -> Config {
    Config::at(at(1_000_000))
}

fn snapshot() -> Snapshot {
    Snapshot {
        uri: "mem://ctx".to_owned(),
        version: 3,
    }
}

fn rec(id: &str, role: &str, text: &str, seconds: i64) -> ContextRecord {
    ContextRecord {
        run_id: "run".to_owned(),
        session_id: Some("s1".to_owned()),
        ..ContextRecord::text(id, role, text, at(seconds))
    }
}

/// What an export wrote.
struct Written {
    manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
}

impl Written {
    fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.files[name]).unwrap()
    }

    fn json(&self, name: &str) -> Json {
        parse(&self.files[name]).unwrap()
    }

    fn lines_of(&self, name: &str) -> Vec<Json> {
        self.text(name)
            .lines()
            .map(|line| parse_str(line).unwrap())
            .collect()
    }

    fn lines(&self) -> Vec<Json> {
        self.lines_of("out.jsonl")
    }

    fn stats(&self) -> Json {
        self.json("out.jsonl.stats.json")
    }
}

fn try_run(rows: impl IntoIterator<Item = ContextRecord>, config: &Config) -> Result<Written> {
    let mut output = MemoryOutput::default();
    let manifest = export(rows, &snapshot(), config, "out.jsonl", &mut output)?;
    Ok(Written {
        manifest,
        files: output.files,
    })
}

fn run(rows: impl IntoIterator<Item = ContextRecord>, config: &Config) -> Written {
    try_run(rows, config).unwrap()
}

fn preference(form: Form) -> Config {
    Config {
        task: Task::Preference,
        form,
        ..config()
    }
}

fn rollout() -> Config {
    Config {
        task: Task::Rollout,
        ..config()
    }
}

fn contents(messages: &Json) -> Vec<&str> {
    let messages = messages.as_array().unwrap();
    messages
        .iter()
        .map(|message| message.at("content").as_str().unwrap())
        .collect()
}

fn text_at<'j>(value: &'j Json, path: &[&str]) -> &'j str {
    path.iter()
        .fold(value, |value, key| value.at(key))
        .as_str()
        .unwrap()
}
