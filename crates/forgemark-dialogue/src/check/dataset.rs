//! The pass over `synthetic_qa.jsonl`, which asks every other file for the rows of each conversation.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::dialogue::derive::user_message;
use forgemark_contract::dialogue::{Columns, DatasetRow};
use forgemark_contract::json::{self, Json, to_pretty};
use forgemark_contract::shape::{ArtifactKind, check_line};
use forgemark_contract::time::Timestamp;
use forgemark_journal::{ReadFile, Storage};

use super::columns::Names;
use super::expect::{Expect, Export};
use super::history::History;
use super::judgements::Sheet;
use super::lines::{Line, Lines, guess_id, parse, parse_line, spelled};
use super::report::{At, Collector, Kind};
use super::side::{self, Side, id_key, question_key, turn_key};
use super::state::{Conversations, Known, States, inputs_digest, raw_digest, turns_digest};
use super::{row, scan};
use crate::render::{CONVERSATIONS, DATASET, LEDGER};

/// The files beside the dataset; `None` where one could not be read at all.
pub(super) struct Sides {
    pub(super) turns: Option<Side>,
    pub(super) ledger: Option<Side>,
    pub(super) sharegpt: Option<Side>,
    pub(super) judged: Option<Side>,
    pub(super) index: Option<Side>,
}

impl Sides {
    fn all(&mut self) -> impl Iterator<Item = &mut Side> {
        [
            &mut self.turns,
            &mut self.ledger,
            &mut self.sharegpt,
            &mut self.judged,
            &mut self.index,
        ]
        .into_iter()
        .flatten()
    }
}

/// The rows of the dataset that are there and cannot be read.
#[derive(Debug, Default)]
struct Unreadable {
    ids: HashSet<u64>,
    /// Rows whose conversation is not known, each of which excuses one.
    unknown: usize,
    excused: RefCell<HashSet<u64>>,
}

impl Unreadable {
    fn excuses(&self, id: &str) -> bool {
        let key = id_key(id);
        if self.ids.contains(&key) {
            return true;
        }
        if id.is_empty() {
            // A ledger row without an id may be of any of them.
            return self.unknown > 0 || !self.ids.is_empty();
        }
        let mut excused = self.excused.borrow_mut();
        excused.contains(&key) || (excused.len() < self.unknown && excused.insert(key))
    }
}

/// The pass.
pub(super) struct Pass<'a> {
    storage: &'a dyn Storage,
    dir: &'a Path,
    names: Names,
    sides: Sides,
    /// Single judgements.
    sheet: Sheet,
    history: History,
    /// Conversation files by the hash of their id, and whether a row has asked for them.
    files: BTreeMap<u64, (&'a str, bool)>,
    known: Conversations,
    unreadable: Unreadable,
    /// The line of each accepted question, by the hash of its normal form.
    asked: HashMap<u64, u64>,
    /// The next ordinal of each run and language.
    ordinals: HashMap<(String, String), i64>,
    rows: u64,
    /// Rows that the ordinals may lack because they cannot be read.
    gaps: u64,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        storage: &'a dyn Storage,
        dir: &'a Path,
        names: Names,
        sides: Sides,
        sheet: Sheet,
        history: History,
        conversations: &'a [String],
    ) -> Self {
        let files = conversations
            .iter()
            .filter_map(|name| Some((id_key(name.strip_suffix(".json")?), (name.as_str(), false))))
            .collect();
        Pass {
            storage,
            dir,
            names,
            sides,
            sheet,
            history,
            files,
            known: Conversations::new(),
            unreadable: Unreadable::default(),
            asked: HashMap::new(),
            ordinals: HashMap::new(),
            rows: 0,
            gaps: 0,
        }
    }

    pub(super) fn run(
        mut self,
        dataset: Option<(Arc<dyn ReadFile>, u64)>,
        to: &mut Collector,
    ) -> io::Result<()> {
        let has_rows = dataset.is_some();
        if let Some((file, end)) = dataset {
            self.note_prefix(to);
            let mut lines = Lines::new(file, end);
            while let Some(line) = lines.next()? {
                to.count(DATASET).rows += 1;
                self.line(line, to)?;
                self.rows += 1;
            }
            self.history.finish(to);
        } else {
            self.without_dataset(to);
        }
        let excused = |id: &str| self.unreadable.excuses(id);
        let mut states = States {
            storage: self.storage,
            dir: self.dir,
            known: &mut self.known,
            excused: &excused,
            is_open: self.history.is_open,
            has_rows,
            past: &self.history.past,
            under_way: Vec::new(),
        };
        states.check(to)?;
        let under_way = states.under_way;
        if has_rows {
            // The original writes the ledger while a conversation is under way, and its rows when it has ended.
            for question in under_way {
                if let Some(ledger) = &mut self.sides.ledger {
                    ledger.take(question_key(&question));
                }
            }
            self.finish(to)?;
        }
        Ok(())
    }

    /// Says when the index was written for a folder of another name: its paths lead there.
    fn note_prefix(&self, to: &mut Collector) {
        if let Some(index) = &self.sides.index {
            let prefix = index.prefix();
            if !prefix.is_empty() && !self.dir.ends_with(Path::new(prefix)) {
                to.note(format!(
                    "conversations_index.jsonl names its files under {prefix}, this folder is called otherwise"
                ));
            }
        }
    }

    /// What can be said when there are only other files.
    fn without_dataset(&mut self, to: &mut Collector) {
        let others = [&self.sides.turns, &self.sides.ledger, &self.sides.index];
        let is_run = others.into_iter().flatten().any(|side| !side.is_absent())
            || !self.files.is_empty()
            || to.report.has_journal;
        if !is_run {
            to.note("an export without synthetic_qa.jsonl: its rows are checked one by one");
        } else if !to.report.counts.contains_key(&Kind::Missing) {
            let what = "there is no such file; the others cannot be proven without it";
            to.add(At::file(DATASET), Kind::Missing, "", what);
        }
    }

    fn line(&mut self, line: Line<'_>, to: &mut Collector) -> io::Result<()> {
        let Some(value) = parse_line(DATASET, line, to) else {
            self.lost(line.bytes, to);
            return Ok(());
        };
        let id = value.str_or("conversation_id", "").to_owned();
        let at = At::line(DATASET, line.number);
        let shapes = check_line(ArtifactKind::SyntheticQa, &value);
        for found in &shapes {
            to.add(at.of(&id), Kind::Shape, &found.path, found.what.as_str());
        }
        let data = match DatasetRow::from_json(&value) {
            Ok(data) if !data.conversation_id.is_empty() => data,
            Ok(_) => {
                self.lost(line.bytes, to);
                return Ok(());
            }
            Err(error) => {
                if shapes.is_empty() {
                    to.add(at.of(&id), Kind::Shape, &error.path, error.what);
                }
                self.lost(line.bytes, to);
                return Ok(());
            }
        };
        let at = at.of(&id);
        if let Some(known) = self.known.get(&id_key(&id)) {
            let what = format!("the conversation stands in line {} too", known.line);
            to.add(at, Kind::Repeated, "conversation_id", what);
            return Ok(());
        }
        to.report.conversations += 1;
        to.report.turns += data.turns.len() as u64;
        let expect = Expect::new(&data);
        row::check(at, &expect, &value, line.bytes, &shapes, to);
        self.ordinal(at, &data, to);
        self.history.compare(self.rows, line.number, &data, to);
        self.questions(at, &data, to);
        self.sheet.check(at, &data, to);
        self.side_rows(&expect, to)?;
        self.file(&expect, to);
        let dropped = match expect.status() {
            "dropped" => Some(true),
            "completed" => Some(false),
            _ => None,
        };
        let known = Known {
            line: line.number,
            is_ours: expect.is_ours(),
            is_dropped: dropped,
            target: expect.target().unwrap_or(-1),
            turns: turns_digest(&data.turns),
            raw: raw_digest(&data.raw_results),
            inputs: inputs_digest(&data.inputs),
            in_state: false,
        };
        self.known.insert(id_key(&id), known);
        Ok(())
    }

    /// A row that cannot be used: what belongs to it elsewhere is no orphan.
    fn lost(&mut self, bytes: &[u8], to: &mut Collector) {
        match guess_id(bytes) {
            Some(id) => {
                self.unreadable.ids.insert(id_key(&id));
            }
            None => self.unreadable.unknown += 1,
        }
        self.gaps += 1;
        self.history.skip(self.rows, to);
    }

    /// Without a journal the ordinals say whether a row is missing or stands elsewhere.
    fn ordinal(&mut self, at: At<'_>, data: &DatasetRow, to: &mut Collector) {
        let Some(ours) = data
            .forgemark
            .as_ref()
            .filter(|ours| crate::judge::is_ours(Some(*ours)))
        else {
            return;
        };
        let Some(ordinal) = ours.at("ordinal").as_i64() else {
            return;
        };
        let run = (
            ours.str_or("run_id", "").to_owned(),
            data.inputs.str_or("target_language", "").to_owned(),
        );
        let next = self.ordinals.entry(run).or_insert(0);
        let (expected, has_outcomes) = (*next, self.history.has_outcomes());
        *next = (*next).max(ordinal.saturating_add(1));
        if has_outcomes || ordinal == expected {
            return;
        }
        if ordinal < expected {
            let what =
                format!("is conversation {ordinal} of its run and language, after a later one");
            to.add(at, Kind::Order, "forgemark.ordinal", what);
            return;
        }
        let missing = (ordinal - expected) as u64;
        let excused = missing.min(self.gaps);
        self.gaps -= excused;
        if missing > excused {
            let what = format!(
                "is conversation {ordinal} of its run and language, expected {expected}: rows are missing before it"
            );
            to.add(at, Kind::Missing, "forgemark.ordinal", what);
        }
    }

    /// No two accepted questions are the same.
    fn questions(&mut self, at: At<'_>, data: &DatasetRow, to: &mut Collector) {
        for (place, turn) in data.turns.iter().enumerate() {
            let Some(question) = user_message(turn) else {
                continue;
            };
            let line = at.line.unwrap_or_default();
            if let Some(earlier) = self.asked.insert(question_key(&question), line) {
                let path = format!("turns[{place}].qa_generation.user_message");
                let what = format!("was asked before, in line {earlier}: {question}");
                to.add(at, Kind::DuplicateQuestion, &path, what);
            }
        }
    }

    fn side_rows(&mut self, expect: &Expect<'_>, to: &mut Collector) -> io::Result<()> {
        let id = expect.row.conversation_id.as_str();
        let own = expect.own.as_slice();
        let sides = &mut self.sides;
        if let Some(index) = &mut sides.index {
            let expected = index.prefix().to_owned();
            one(
                index,
                id_key(id),
                &expect.index(&expected),
                id,
                own,
                true,
                to,
            )?;
        }
        for (side, judged) in [(&mut sides.sharegpt, false), (&mut sides.judged, true)] {
            let Some(side) = side else { continue };
            let export = match expect.export() {
                _ if judged && !expect.is_judged() => Export::No,
                export => export,
            };
            if export == Export::No {
                continue;
            }
            let columns = Self::columns(&self.names, side, id);
            let expected = expect.sharegpt(&columns, judged);
            let needed = export == Export::Yes;
            one(side, id_key(id), &expected, id, own, needed, to)?;
        }
        for (place, turn) in expect.row.turns.iter().enumerate() {
            if let Some(turns) = &mut sides.turns {
                let key = turn_key(id, turn.turn_index);
                one(turns, key, &expect.turn(place), id, own, true, to)?;
            }
            let Some(ledger) = &mut sides.ledger else {
                continue;
            };
            let Some(expected) = expect.ledger(place) else {
                continue;
            };
            // A turn that was taken over from the original says nothing of ours.
            let ours = expect.is_ours() && turn.forgemark.is_some();
            let key = if ours {
                turn_key(id, turn.turn_index)
            } else {
                question_key(&user_message(turn).unwrap_or_default())
            };
            let Some(taken) = ledger.take(key) else {
                ledger.miss(
                    id,
                    &format!("turns[{place}]"),
                    &missing_turn(turn.turn_index),
                    to,
                );
                continue;
            };
            if taken.out_of_order && ours {
                out_of_order(ledger, taken.line(), id, to);
            }
            ledger.compare(&taken, &expected, id, own, to)?;
            if ours
                && let (Some(asked), Ok(end)) =
                    (taken.at(), Timestamp::parse(&expect.row.timestamp))
                && asked > end
            {
                let at = At::line(LEDGER, taken.line()).of(id);
                to.add(
                    at,
                    Kind::Timestamp,
                    "timestamp",
                    "is later than its conversation",
                );
            }
        }
        Ok(())
    }

    /// The columns of the row that a conversation has in a `ShareGPT` file. Runs of one folder may differ in them, so each
    /// mapping that the plans name is tried by the row itself where there are several.
    fn columns(names: &Names, side: &mut Side, id: &str) -> Columns {
        match names.only() {
            Some(columns) => columns.clone(),
            None => side.columns_of(id_key(id)).unwrap_or_default(),
        }
    }

    /// Compares the conversation's own file.
    fn file(&mut self, expect: &Expect<'_>, to: &mut Collector) {
        let id = expect.row.conversation_id.as_str();
        let file = format!("{CONVERSATIONS}/{id}.json");
        let at = At::file(&file).of(id);
        let Some((_, asked)) = self.files.get_mut(&id_key(id)) else {
            if !self.files.is_empty() || expect.is_ours() {
                to.add(at, Kind::Missing, "", "the conversation has no file");
            }
            return;
        };
        *asked = true;
        let bytes = match self.storage.read(&self.dir.join(&file)) {
            Ok(bytes) => bytes,
            Err(error) => {
                to.add(at, Kind::Unreadable, "", error.to_string());
                return;
            }
        };
        let count = to.count(&file);
        count.files += 1;
        count.rows += 1;
        count.bytes += bytes.len() as u64;
        let expected = expect.file();
        if expected == bytes {
            return;
        }
        let Some(value) = check_file(at, &bytes, to) else {
            return;
        };
        let shapes = check_line(ArtifactKind::Conversation, &value);
        if let Ok(expected) = json::parse(&expected) {
            let line = |path: &str| Some(scan::line_of_path(&bytes, path));
            side::report(at, &expected, &value, &shapes, &expect.own, &line, to);
        }
    }

    /// Rows and files that no conversation has asked for.
    fn finish(&mut self, to: &mut Collector) -> io::Result<()> {
        let (all, lost) = (&self.known, &self.unreadable);
        let known = |id: &str| all.contains_key(&id_key(id));
        let excused = |id: &str| lost.excuses(id);
        for side in self.sides.all() {
            side.finish(&known, &excused, to)?;
            if side.anonymous > 0 {
                to.note(format!(
                    "{}: {} rows do not say of which conversation they are and are not compared",
                    side.name, side.anonymous
                ));
            }
        }
        self.sheet.finish(&excused, to);
        let mut orphans: Vec<&str> = self
            .files
            .values()
            .filter(|(_, asked)| !asked)
            .map(|(name, _)| *name)
            .collect();
        orphans.sort_unstable();
        for name in orphans {
            let id = name.strip_suffix(".json").unwrap_or(name);
            let file = format!("{CONVERSATIONS}/{name}");
            let count = to.count(&file);
            count.files += 1;
            count.rows += 1;
            if self.unreadable.excuses(id) {
                continue;
            }
            let kind = if self.history.is_open {
                Kind::Uncommitted
            } else {
                Kind::Orphan
            };
            let what = "synthetic_qa.jsonl has no such conversation";
            to.add(At::file(&file).of(id), kind, "", what);
        }
        Ok(())
    }
}

/// A JSON file that is not what was expected: what is wrong with its bytes and its shape.
fn check_file(at: At<'_>, bytes: &[u8], to: &mut Collector) -> Option<Json> {
    let value = parse(at, bytes, to)?;
    if to_pretty(&value) != bytes {
        spelled(at, bytes, to);
    }
    for found in check_line(ArtifactKind::Conversation, &value) {
        let line = Some(scan::line_of_path(bytes, &found.path));
        to.add(At { line, ..at }, Kind::Shape, &found.path, found.what);
    }
    Some(value)
}

/// Takes a row and compares it.
fn one(
    side: &mut Side,
    key: u64,
    expected: &[u8],
    id: &str,
    own: &[&str],
    needed: bool,
    to: &mut Collector,
) -> io::Result<()> {
    let Some(taken) = side.take(key) else {
        if needed {
            let what = match json::parse(expected) {
                Ok(row) if side.kind == ArtifactKind::Turns => {
                    missing_turn(row.i64_or("turn_index", 0))
                }
                _ => "has no row of this conversation".to_owned(),
            };
            side.miss(id, "", &what, to);
        }
        return Ok(());
    };
    if taken.out_of_order {
        out_of_order(side, taken.line(), id, to);
    }
    side.compare(&taken, expected, id, own, to)
}

fn missing_turn(turn: i64) -> String {
    format!("has no row of turn {turn} of this conversation")
}

fn out_of_order(side: &Side, line: u64, id: &str, to: &mut Collector) {
    let what = "stands before a row that comes earlier in synthetic_qa.jsonl";
    to.add(At::line(side.name, line).of(id), Kind::Order, "", what);
}
