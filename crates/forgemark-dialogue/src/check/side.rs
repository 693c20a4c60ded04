//! The files beside `synthetic_qa.jsonl`: each is read once and remembered as one small entry a row.
//!
//! An entry has the key of its row (a hash of conversation id and turn), where the row is, and a digest of it. What the
//! row has to be follows from the conversation; when that has the same digest the row is right and is not read again.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

use forgemark_contract::dialogue::Columns;
use forgemark_contract::json::{self, Json, to_line};
use forgemark_contract::shape::{ArtifactKind, ShapeFinding, check_line, check_sharegpt};
use forgemark_contract::text::question_hash;
use forgemark_contract::time::Timestamp;
use forgemark_journal::ReadFile;

use super::columns::Names;
use super::diff::diff;
use super::lines::{Lines, guess_id, parse_line, read_part};
use super::report::{At, Collector, Kind};

/// A row of a side file.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u64,
    digest: u64,
    offset: u64,
    len: u32,
    line: u32,
    /// The instant of a ledger row, in microseconds.
    at: i64,
    taken: bool,
}

/// A side file after its pass.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) kind: ArtifactKind,
    pub(super) name: &'static str,
    file: Option<Arc<dyn ReadFile>>,
    names: Names,
    rows: Vec<Entry>,
    /// Where the next row is expected.
    cursor: usize,
    /// The rows by key, once one was not where it was expected.
    by_key: Option<Vec<(u64, u32)>>,
    /// Rows that were read but could not be understood, and whose conversation is known.
    damaged: HashSet<u64>,
    /// The same without a known conversation: so many missing rows are excused.
    excuses: u64,
    /// Rows that were expected though the file is not there.
    wanted: u64,
    /// Conversations that the rows name without saying which: released samples have their ids stripped.
    pub(super) anonymous: u64,
    /// What stands before `conversations/` in the rows of the index, and how often.
    prefixes: BTreeMap<String, u64>,
}

/// A row that was found.
#[derive(Debug)]
pub(super) struct Taken {
    entry: Entry,
    /// Whether it stands after a row that belongs after it.
    pub(super) out_of_order: bool,
}

impl Taken {
    pub(super) fn line(&self) -> u64 {
        u64::from(self.entry.line)
    }

    /// The instant of a ledger row; `None` where it has none.
    pub(super) fn at(&self) -> Option<Timestamp> {
        (self.entry.at != i64::MIN).then_some(Timestamp(self.entry.at))
    }
}

/// A hash for tables in memory; never written anywhere.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The key of a conversation.
pub(super) fn id_key(id: &str) -> u64 {
    hash(&[id.as_bytes()])
}

/// The key of a turn.
pub(super) fn turn_key(id: &str, turn: i64) -> u64 {
    hash(&[id.as_bytes(), &turn.to_le_bytes()])
}

/// The key of a ledger row that names no conversation.
pub(super) fn question_key(question: &str) -> u64 {
    hash(&[b"question", question_hash(question).as_bytes()])
}

/// The keys of a ledger row that do not follow from the turn, or are checked against the row itself.
const LEDGER_OWN: [&str; 3] = ["timestamp", "question_hash", "seed_question_hash"];

/// The part of a ledger row that follows from the turn. Only our turns say which document a topic is of.
pub(super) fn ledger_part(row: &Json) -> Json {
    let mut row = row.clone();
    if let Some(object) = row.as_object_mut() {
        for key in LEDGER_OWN {
            object.remove(key);
        }
        if !object.contains_key("forgemark") {
            object.remove("source_path");
            object.remove("source");
        }
    }
    row
}

impl Side {
    /// A file that is not there.
    pub(super) fn absent(kind: ArtifactKind, names: &Names) -> Self {
        Side {
            kind,
            name: kind.path(),
            file: None,
            names: names.clone(),
            rows: Vec::new(),
            cursor: 0,
            by_key: None,
            damaged: HashSet::new(),
            excuses: 0,
            wanted: 0,
            anonymous: 0,
            prefixes: BTreeMap::new(),
        }
    }

    /// Reads the first `end` bytes of a file: every line, every shape, every hash.
    pub(super) fn read(
        kind: ArtifactKind,
        names: &Names,
        file: Arc<dyn ReadFile>,
        end: u64,
        to: &mut Collector,
    ) -> io::Result<Self> {
        let mut side = Side::absent(kind, names);
        side.file = Some(Arc::clone(&file));
        let mut lines = Lines::new(file, end);
        while let Some(line) = lines.next()? {
            to.count(side.name).rows += 1;
            let Some(value) = parse_line(side.name, line, to) else {
                side.damage(line.bytes);
                continue;
            };
            let at = At::line(side.name, line.number);
            let id = side.id(&value).unwrap_or_default();
            for found in side.shape(&value) {
                to.add(at.of(&id), Kind::Shape, &found.path, found.what);
            }
            let Some(key) = side.key(&value, &id) else {
                side.damage(line.bytes);
                continue;
            };
            if kind == ArtifactKind::CoverageLedger {
                check_hashes(at.of(&id), &value, to);
            }
            let mut instant = i64::MIN;
            let digest = if kind == ArtifactKind::CoverageLedger {
                if let Ok(Timestamp(micros)) = Timestamp::parse(value.str_or("timestamp", "")) {
                    instant = micros;
                }
                hash(&[&to_line(&ledger_part(&value))])
            } else {
                hash(&[line.bytes])
            };
            if kind == ArtifactKind::ConversationsIndex {
                side.note_prefix(value.str_or("conversation_file", ""), &id);
            }
            side.rows.push(Entry {
                key,
                digest,
                offset: line.offset,
                len: line.bytes.len() as u32,
                line: u32::try_from(line.number).unwrap_or(u32::MAX),
                at: instant,
                taken: false,
            });
        }
        Ok(side)
    }

    pub(super) fn is_absent(&self) -> bool {
        self.file.is_none()
    }

    fn note_prefix(&mut self, path: &str, id: &str) {
        /// Different prefixes that are counted; a folder has one.
        const MOST: usize = 64;
        if let Some(prefix) = path.strip_suffix(&format!("conversations/{id}.json"))
            && (self.prefixes.len() < MOST || self.prefixes.contains_key(prefix))
        {
            *self.prefixes.entry(prefix.to_owned()).or_default() += 1;
        }
    }

    /// What most rows of the index have before `conversations/`.
    pub(super) fn prefix(&self) -> &str {
        let most = self.prefixes.iter().max_by_key(|(_, n)| **n);
        most.map_or("", |(prefix, _)| prefix)
    }

    fn damage(&mut self, bytes: &[u8]) {
        match guess_id(bytes) {
            Some(id) if self.kind != ArtifactKind::Turns => {
                self.damaged.insert(id_key(&id));
            }
            _ => self.excuses += 1,
        }
    }

    fn columns(&self, row: &Json) -> &Columns {
        self.names.of(row)
    }

    fn shape(&self, row: &Json) -> Vec<ShapeFinding> {
        match self.kind {
            ArtifactKind::ShareGpt | ArtifactKind::ShareGptJudged => {
                let judged = self.kind == ArtifactKind::ShareGptJudged;
                check_sharegpt(judged, self.columns(row), row)
            }
            kind => check_line(kind, row),
        }
    }

    /// The conversation that a row names.
    fn id(&self, row: &Json) -> Option<String> {
        let holder = match self.kind {
            ArtifactKind::ShareGpt | ArtifactKind::ShareGptJudged => {
                row.at(self.columns(row).name("metadata"))
            }
            ArtifactKind::CoverageLedger => row.at("forgemark"),
            _ => row,
        };
        holder
            .at("conversation_id")
            .to_text()
            .map(std::borrow::Cow::into_owned)
            .filter(|id| !id.is_empty())
    }

    fn key(&mut self, row: &Json, id: &str) -> Option<u64> {
        match self.kind {
            ArtifactKind::Turns if !id.is_empty() => {
                Some(turn_key(id, row.at("turn_index").as_i64()?))
            }
            ArtifactKind::CoverageLedger => match row.at("forgemark").at("turn_index").as_i64() {
                Some(turn) if !id.is_empty() => Some(turn_key(id, turn)),
                _ => Some(question_key(&row.at("question").to_text()?)),
            },
            ArtifactKind::ShareGpt | ArtifactKind::ShareGptJudged
                if id.is_empty()
                    && row
                        .at(self.columns(row).name("metadata"))
                        .as_object()
                        .is_some() =>
            {
                self.anonymous += 1;
                None
            }
            _ => (!id.is_empty()).then(|| id_key(id)),
        }
    }

    /// Takes the row of a key, if there is one that was not taken.
    pub(super) fn take(&mut self, key: u64) -> Option<Taken> {
        let fits = |entry: &Entry| entry.key == key && !entry.taken;
        let (place, out_of_order) = match self.rows.get(self.cursor) {
            Some(entry) if fits(entry) => (self.cursor, false),
            _ => {
                let place = self.find(key)?;
                (place, place < self.cursor)
            }
        };
        let entry = self.rows.get_mut(place)?;
        entry.taken = true;
        let entry = *entry;
        self.cursor = self.cursor.max(place + 1);
        Some(Taken {
            entry,
            out_of_order,
        })
    }

    /// The columns of the row of a key, if there is one that was not taken.
    pub(super) fn columns_of(&mut self, key: u64) -> Option<Columns> {
        let place = match self.rows.get(self.cursor) {
            Some(entry) if entry.key == key => self.cursor,
            _ => self.find(key)?,
        };
        let entry = *self.rows.get(place)?;
        let bytes = read_part(self.file.as_ref()?.as_ref(), entry.offset, entry.len).ok()?;
        Some(self.columns(&json::parse(&bytes).ok()?).clone())
    }

    fn find(&mut self, key: u64) -> Option<usize> {
        let rows = &self.rows;
        let by_key = self.by_key.get_or_insert_with(|| {
            let mut by_key: Vec<(u64, u32)> = (0_u32..)
                .zip(rows)
                .map(|(place, entry)| (entry.key, place))
                .collect();
            by_key.sort_unstable();
            by_key
        });
        let first = by_key.partition_point(|(other, _)| *other < key);
        by_key
            .get(first..)?
            .iter()
            .take_while(|(other, _)| *other == key)
            .map(|(_, place)| *place as usize)
            .find(|place| rows.get(*place).is_some_and(|entry| !entry.taken))
    }

    /// Whether a row that is not there is excused by one that could not be read.
    fn excuse(&mut self, id: &str) -> bool {
        if self.damaged.contains(&id_key(id)) {
            return true;
        }
        let excused = self.excuses > 0;
        self.excuses = self.excuses.saturating_sub(1);
        excused
    }

    /// A row that has to be there is not.
    pub(super) fn miss(&mut self, id: &str, path: &str, what: &str, to: &mut Collector) {
        if self.file.is_none() {
            self.wanted += 1;
        } else if !self.excuse(id) {
            to.add(At::file(self.name).of(id), Kind::Missing, path, what);
        }
    }

    /// Compares a row with what it has to be. `own` are keys whose value nothing else says.
    pub(super) fn compare(
        &self,
        taken: &Taken,
        expected: &[u8],
        id: &str,
        own: &[&str],
        to: &mut Collector,
    ) -> io::Result<()> {
        let ledger = self.kind == ArtifactKind::CoverageLedger;
        if hash(&[expected]) == taken.entry.digest && own.is_empty() {
            return Ok(());
        }
        let Some(row) = self.row(taken)? else {
            return Ok(());
        };
        let Ok(expected) = json::parse(expected) else {
            return Ok(());
        };
        let shapes = self.shape(&row);
        let found = if ledger { ledger_part(&row) } else { row };
        let at = At::line(self.name, taken.line()).of(id);
        report(at, &expected, &found, &shapes, own, &|_| at.line, to);
        Ok(())
    }

    /// The row, read again.
    pub(super) fn row(&self, taken: &Taken) -> io::Result<Option<Json>> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let bytes = read_part(file.as_ref(), taken.entry.offset, taken.entry.len)?;
        Ok(json::parse(&bytes).ok())
    }

    /// Reports what no conversation has asked for. `known` says whether a conversation exists, and `excused` whether its
    /// row in `synthetic_qa.jsonl` is there but cannot be read.
    pub(super) fn finish(
        &mut self,
        known: &dyn Fn(&str) -> bool,
        excused: &dyn Fn(&str) -> bool,
        to: &mut Collector,
    ) -> io::Result<()> {
        if self.wanted > 0 {
            let what = format!(
                "there is no such file, and {} rows belong into it",
                self.wanted
            );
            to.add(At::file(self.name), Kind::Missing, "", what);
        }
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        if self.rows.iter().all(|entry| entry.taken) {
            return Ok(());
        }
        let taken: HashSet<u64> = self
            .rows
            .iter()
            .filter(|entry| entry.taken)
            .map(|entry| entry.key)
            .collect();
        for entry in self.rows.iter().filter(|entry| !entry.taken) {
            let bytes = read_part(file.as_ref(), entry.offset, entry.len)?;
            let row = json::parse(&bytes).unwrap_or_default();
            let id = self.id(&row).unwrap_or_default();
            if excused(&id) {
                continue;
            }
            let at = At::line(self.name, u64::from(entry.line)).of(&id);
            if taken.contains(&entry.key) {
                to.add(
                    at,
                    Kind::Repeated,
                    "",
                    "the same row stands in the file twice",
                );
            } else if known(&id) {
                let what = match self.kind {
                    ArtifactKind::Turns | ArtifactKind::CoverageLedger => {
                        "the conversation has no such turn"
                    }
                    ArtifactKind::ShareGptJudged => "the conversation is dropped or was not judged",
                    _ => "the conversation is dropped and does not belong here",
                };
                to.add(at, Kind::Orphan, "", what);
            } else if id.is_empty() {
                to.add(
                    at,
                    Kind::Orphan,
                    "",
                    "no turn of synthetic_qa.jsonl has this question",
                );
            } else {
                to.add(
                    at,
                    Kind::Orphan,
                    "",
                    "synthetic_qa.jsonl has no such conversation",
                );
            }
        }
        Ok(())
    }
}

/// Reports the differences of a value, but for those that its shape check has said already. `line` is that of a path.
pub(super) fn report(
    at: At<'_>,
    expected: &Json,
    found: &Json,
    shapes: &[ShapeFinding],
    own: &[&str],
    line: &dyn Fn(&str) -> Option<u64>,
    to: &mut Collector,
) {
    for one in diff(expected, found) {
        let last = one.path.rsplit('.').next().unwrap_or_default();
        let said = shapes.iter().any(|shape| shape.path == one.path);
        if said || own.contains(&last) {
            continue;
        }
        let kind = match last {
            "timestamp" => Kind::Timestamp,
            "tool_call_id" => Kind::Tools,
            "id" if one.path.contains("tool_calls[") => Kind::Tools,
            "conversation_file" => Kind::Path,
            _ => Kind::Derived,
        };
        let at = At {
            line: line(&one.path),
            ..at
        };
        to.add(at, kind, &one.path, one.what);
    }
}

/// The hashes of a ledger row against its own texts.
fn check_hashes(at: At<'_>, row: &Json, to: &mut Collector) {
    for (text, key) in [
        ("question", "question_hash"),
        ("seed_question", "seed_question_hash"),
    ] {
        let (Some(text), Some(found)) = (row.at(text).to_text(), row.at(key).as_str()) else {
            continue;
        };
        let empty = key == "seed_question_hash" && text.is_empty();
        let expected = if empty {
            String::new()
        } else {
            question_hash(&text)
        };
        // A value that is no hash at all was reported by its shape.
        if found != expected && (found.len() == 16 || !expected.is_empty() && found.is_empty()) {
            to.add(
                at,
                Kind::Hash,
                key,
                format!("is {found}, expected {expected}"),
            );
        }
    }
}
