//! Rows for the tests of this crate.

use std::io;
use std::sync::Mutex;

use bytes::Bytes;
use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::store::{
    ContextRecord, Hit, Key, Parts, RowNumber, Rows, Scan, Search, Snapshot, StoreError, StoreStats,
};
use forgemark_contract::time::Timestamp;

use crate::cut::{CutFiles, Manifest, Plan, cut};
use crate::encode::{self, Encoding};
use crate::error::Result;
use crate::formats::Format;
use crate::output::{FileDigest, MemoryOutput};
use crate::recipe::{Recipe, Task};
use crate::select::Visibility;
use crate::spill::MemoryScratch;

/// A row of a session.
pub(crate) fn rec(id: &str, role: &str, text: &str, seconds: i64) -> ContextRecord {
    ContextRecord {
        run_id: "run".to_owned(),
        session_id: Some("s1".to_owned()),
        ..ContextRecord::text(
            id,
            role,
            text,
            Timestamp::from_epoch_seconds(1_700_000_000 + seconds),
        )
    }
}

pub(crate) trait With: Sized {
    fn session(self, session: &str) -> Self;
    fn meta(self, metadata: &str) -> Self;
    fn vector(self, vector: &[f32]) -> Self;
    fn parent(self, parent: &str) -> Self;
}

impl With for ContextRecord {
    fn session(mut self, session: &str) -> Self {
        self.session_id = Some(session.to_owned());
        self
    }

    fn meta(mut self, metadata: &str) -> Self {
        self.metadata = Some(parse_str(metadata).unwrap());
        self
    }

    fn vector(mut self, vector: &[f32]) -> Self {
        self.embedding = Some(vector.to_vec());
        self
    }

    fn parent(mut self, parent: &str) -> Self {
        self.parent_id = Some(parent.to_owned());
        self
    }
}

pub(crate) fn recipe(task: Task) -> Recipe {
    Recipe::new(
        task,
        Visibility::at(Timestamp::from_epoch_seconds(1_800_000_000)),
    )
}

pub(crate) fn plan(recipe: Recipe, format: Format) -> Plan {
    Plan {
        recipe,
        format,
        encoding: Encoding::LINES,
        name: "cut".to_owned(),
        split: None,
        mix: None,
        shuffle: None,
    }
}

/// Rows as they are, two of one id included, and what was asked of them.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    rows: Vec<ContextRecord>,
    pub(crate) asked: Mutex<Asked>,
}

/// What was asked of rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) scans: Vec<Parts>,
    /// Rows and parts of each call.
    pub(crate) takes: Vec<(usize, Parts)>,
}

impl Fixed {
    pub(crate) fn new(rows: Vec<ContextRecord>) -> Self {
        Fixed {
            rows,
            asked: Mutex::default(),
        }
    }
}

impl Snapshot for Fixed {
    fn uri(&self) -> &'static str {
        "mem://ctx"
    }

    fn version(&self) -> u64 {
        3
    }

    fn stats(&self) -> std::result::Result<StoreStats, StoreError> {
        Ok(StoreStats::of_rows(self.rows.len() as u64))
    }

    fn scan<'s>(&'s self, scan: &Scan) -> std::result::Result<Rows<'s>, StoreError> {
        self.asked.lock().unwrap().scans.push(scan.parts);
        let parts = scan.parts;
        let rows = self.rows.iter().enumerate().skip(scan.offset as usize);
        let rows = rows.take(scan.limit.map_or(usize::MAX, |limit| limit as usize));
        Ok(Box::new(rows.map(move |(number, row)| {
            let mut row = row.clone();
            parts.strip(&mut row);
            Ok((RowNumber(number as u64), row))
        })))
    }

    fn take(
        &self,
        rows: &[RowNumber],
        parts: Parts,
    ) -> std::result::Result<Vec<ContextRecord>, StoreError> {
        self.asked.lock().unwrap().takes.push((rows.len(), parts));
        let row = |number: &RowNumber| {
            let mut row = self.rows[number.0 as usize].clone();
            parts.strip(&mut row);
            row
        };
        Ok(rows.iter().map(row).collect())
    }

    fn get(&self, _: &Key) -> std::result::Result<Option<ContextRecord>, StoreError> {
        Ok(None)
    }

    fn search(&self, _: &Search) -> std::result::Result<Vec<Hit>, StoreError> {
        Ok(Vec::new())
    }
}

/// What a cut wrote.
pub(crate) struct Written {
    pub(crate) manifest: Manifest,
    pub(crate) output: MemoryOutput,
}

impl Written {
    pub(crate) fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.output.files[name]).unwrap()
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<Json> {
        self.text(name)
            .lines()
            .map(|line| parse_str(line).unwrap())
            .collect()
    }

    /// What was decided on the unit whose first record is this: the stage and by what, or nothing when it stays.
    pub(crate) fn fate(&self, id: &str) -> Option<(String, Option<String>)> {
        let all = self.lines("cut.decisions.jsonl");
        let about = |line: &&Json| line.items("records").first().and_then(Json::as_str) == Some(id);
        let dropped = all
            .iter()
            .filter(about)
            .find(|line| line.at("kept").as_bool() == Some(false))?;
        Some((
            dropped.str_or("stage", "").to_owned(),
            dropped.at("by").as_str().map(str::to_owned),
        ))
    }
}

pub(crate) fn try_cut(rows: Vec<ContextRecord>, plan: &Plan) -> Result<Written> {
    let mut output = MemoryOutput::default();
    let manifest = cut(&Fixed::new(rows), plan, &MemoryScratch, &mut output)?;
    Ok(Written { manifest, output })
}

/// The examples in the neutral format.
pub(crate) fn neutral(rows: Vec<ContextRecord>, recipe: Recipe) -> Vec<Json> {
    try_cut(rows, &plan(recipe, Format::Neutral))
        .unwrap()
        .lines("cut.jsonl")
}

/// The texts of messages.
pub(crate) fn texts(messages: &Json) -> Vec<&str> {
    messages
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message.str_or("content", ""))
        .collect()
}

impl CutFiles for &MemoryOutput {
    fn digest(&mut self, name: &str) -> io::Result<Option<FileDigest>> {
        let file = self.files.get(name);
        Ok(file.map(|bytes| FileDigest::of(name, bytes)))
    }

    fn rows(&mut self, name: &str) -> io::Result<encode::Rows> {
        let bytes = Bytes::from(self.files[name].clone());
        encode::rows(name, bytes).map_err(io::Error::other)
    }
}
