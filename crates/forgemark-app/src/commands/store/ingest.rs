//! `forgemark store ingest STORE PATH...`
//!
//! ```text
//! path ─> inputs ─> lines, files ─> contract::ingest ─┬─> units ─> Batches ─> upserts, a batch a version
//!                                                     └─> problems ─> counts, quarantine
//! ```
//!
//! A batch is written whole or not at all, so what a kill takes is taken in by the same command, which leaves alone what is in
//! already. A unit that the store refuses is found by halving its batch, and becomes a problem too.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use forgemark_contract::ingest::{Arena, Lines, Options, Problem, RewardFrom, RowShape, Unit};
use forgemark_contract::json::{Json, Object};
use forgemark_contract::store::select::{Condition, Filter, Path as Place};
use forgemark_contract::store::{
    At, ContextRecord, Edit, EditResult, Key, Parts, RecordStore, Scan, StoreError, StoreOptions,
};
use forgemark_contract::time::Timestamp;
use forgemark_journal::RunLock;

use super::input::{Input, inputs};
use super::quarantine::{Quarantine, to_json};
use super::reader::{LONGEST, Line, LineReader};
use super::usage;
use crate::Context;
use crate::assemble::disk;
use crate::cli::store::StoreIngestArgs;
use crate::clock;
use crate::error::AppError;
use crate::escape;
use crate::exit::Exit;
use crate::human;
use crate::printer::Printer;
use crate::table::{Align, Table};

/// Records that are gathered before they are written.
const BATCH_RECORDS: usize = 2_000;

/// Bytes of text and payload that are gathered before they are written.
const BATCH_BYTES: usize = 64 << 20;

/// Problems that are shown.
const SHOWN_PROBLEMS: usize = 5;

/// How often progress is said.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Takes in everything that the paths hold. The exit code is 1 when something was refused.
///
/// # Errors
/// A path that is not there or cannot be read, a store that cannot be written, and with `--strict` the first line that
/// cannot be taken.
pub(super) fn run(args: &StoreIngestArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    report(&take(args, context)?, args, context)
}

/// The same without a word on stdout.
///
/// # Errors
/// As the command.
pub fn take(args: &StoreIngestArgs, context: &Context<'_>) -> Result<Counts, AppError> {
    let shape = match &args.shape {
        None => None,
        Some(word) => Some(RowShape::of_word(word).ok_or_else(|| {
            let words = RowShape::ALL.map(|(_, word)| word).join(", ");
            usage(format!("--shape: there is no shape '{word}'")).hint(format!("one of {words}"))
        })?),
    };
    let reward = RewardFrom::from_str(&args.reward).map_err(usage)?;
    let mut all = Vec::new();
    for path in &args.paths {
        all.extend(inputs(path)?);
    }
    let store = open_or_make(&args.store.store, context)?;
    let mut work = Work {
        store: &*store,
        now: clock::now(),
        printer: &context.printer,
        strict: args.strict,
        quarantine: Quarantine::begin(args.quarantine.as_deref())?,
        batch: Batch::default(),
        counts: Counts::default(),
        said: Instant::now(),
    };
    for input in all {
        let options = |origin: &str| Options {
            origin: args.source.clone().unwrap_or_else(|| origin.to_owned()),
            source: args.source.clone(),
            reward,
            now: work.now,
        };
        match &input {
            Input::Lines(path, origin, known) => {
                let options = options(origin);
                if let Some(dir) = path.parent().filter(|_| known.is_some())
                    && let Ok(Some(owner)) = RunLock::holder(&*disk(), dir)
                {
                    context.printer.note(format!(
                        "a run is working here ({owner}); take the folder in again when it has ended"
                    ));
                }
                work.lines(path, shape.or(*known), options)?;
            }
            Input::Arena(dir, origin, files) => {
                let options = options(origin);
                work.arena(dir, files, options)?;
            }
        }
        // What comes next may hold the same keys.
        work.flush()?;
    }
    work.quarantine.finish()?;
    Ok(work.counts)
}

/// The store; an empty one is made where there is none.
fn open_or_make(uri: &str, context: &Context<'_>) -> Result<Box<dyn RecordStore>, AppError> {
    match context.stores.open(uri) {
        Err(StoreError::NotFound { .. }) => {
            let store = context.stores.create(uri, &StoreOptions::default())?;
            context.printer.note(format!("made a new store: {uri}"));
            Ok(store)
        }
        opened => Ok(opened?),
    }
}

/// What became of everything.
#[derive(Debug, Default)]
pub struct Counts {
    /// Records that are new.
    pub added: u64,
    /// Records that were there and changed.
    pub changed: u64,
    /// Records that were there.
    pub unchanged: u64,
    /// Records that are hidden now.
    pub retired: u64,
    /// Lines and units that were refused.
    pub refused: u64,
    /// The version of the store afterwards.
    pub version: u64,
    /// The first ones.
    problems: Vec<Problem>,
}

/// Units that wait to be written together.
#[derive(Debug, Default)]
struct Batch {
    units: Vec<Gathered>,
    records: usize,
    bytes: usize,
    keys: HashSet<String>,
}

/// A unit and where it stands.
#[derive(Debug)]
struct Gathered {
    unit: Unit,
    file: String,
    line: Option<u64>,
    /// The line, for the quarantine.
    text: Vec<u8>,
}

struct Work<'a> {
    store: &'a dyn RecordStore,
    now: Timestamp,
    printer: &'a Printer,
    strict: bool,
    quarantine: Quarantine,
    batch: Batch,
    counts: Counts,
    said: Instant,
}

impl Work<'_> {
    fn lines(
        &mut self,
        path: &Path,
        shape: Option<RowShape>,
        options: Options,
    ) -> Result<(), AppError> {
        let io = |source| AppError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        };
        let name = path.display().to_string();
        let mut lines = Lines::new(&name, shape, options);
        let file = File::open(path).map_err(io)?;
        let mut reader = LineReader::new(BufReader::with_capacity(1 << 16, file), LONGEST);
        let mut number = 0;
        while let Some(line) = reader.next().map_err(io)? {
            number += 1;
            match line {
                Line::TooLong(length) => {
                    let problem = Problem {
                        file: name.clone(),
                        line: Some(number),
                        field: String::new(),
                        what: format!(
                            "the line has {}; at most {} are read",
                            human::bytes(length),
                            human::bytes(LONGEST as u64)
                        ),
                    };
                    self.refuse(problem, b"")?;
                }
                Line::Whole(text) => match lines.line(number, &text) {
                    Ok(None) => {}
                    Ok(Some(unit)) => self.gather(unit, &name, Some(number), text)?,
                    Err(problem) => self.refuse(problem, &text)?,
                },
            }
        }
        Ok(())
    }

    fn arena(&mut self, dir: &Path, files: &[String], options: Options) -> Result<(), AppError> {
        let mut arena = Arena::new(options);
        for file in files {
            let path = dir.join(file);
            let bytes = std::fs::read(&path).map_err(|source| AppError::Io {
                action: "read",
                path: path.clone(),
                source,
            })?;
            let name = path.display().to_string();
            let (units, problems) = arena.file(file, &bytes);
            for problem in problems {
                let file = name.clone();
                self.refuse(Problem { file, ..problem }, b"")?;
            }
            for unit in units {
                self.gather(unit, &name, None, Vec::new())?;
            }
        }
        Ok(())
    }

    fn gather(
        &mut self,
        unit: Unit,
        file: &str,
        line: Option<u64>,
        text: Vec<u8>,
    ) -> Result<(), AppError> {
        let keys = || unit.records.iter().map(key_of);
        if keys().any(|key| self.batch.keys.contains(&key)) {
            self.flush()?;
        }
        self.batch.keys.extend(keys());
        self.batch.records += unit.records.len();
        self.batch.bytes += text.len() + unit.records.iter().map(weight).sum::<usize>();
        self.batch.units.push(Gathered {
            unit,
            file: file.to_owned(),
            line,
            // It is kept only where it may be asked for.
            text: if self.quarantine.is_on() {
                text
            } else {
                Vec::new()
            },
        });
        if self.batch.records >= BATCH_RECORDS || self.batch.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), AppError> {
        let batch = std::mem::take(&mut self.batch);
        self.write(batch.units)?;
        if self.printer.err_is_terminal() && self.said.elapsed() >= PROGRESS_EVERY {
            self.said = Instant::now();
            let counts = &self.counts;
            let seen = counts.added + counts.changed + counts.unchanged;
            self.printer.note(format!(
                "{}, {} of them new",
                human::plural(seen, "record", "records"),
                human::count(counts.added)
            ));
        }
        Ok(())
    }

    /// Writes units together; where the store refuses one, finds it.
    fn write(&mut self, units: Vec<Gathered>) -> Result<(), AppError> {
        if units.is_empty() {
            return Ok(());
        }
        let (edits, _) = match self.edits(&units, false) {
            Ok(prepared) => prepared,
            Err(error) => return Err(self.stopped(error.into())),
        };
        let mut known = 0;
        let mut written = self.store.write(edits, self.now);
        let nameless =
            |one: &Gathered| one.unit.records.iter().any(|row| row.external_id.is_none());
        if matches!(written, Err(StoreError::Duplicate { .. })) && units.iter().any(nameless) {
            match self.edits(&units, true) {
                Ok((edits, n)) => {
                    known = n;
                    written = self.store.write(edits, self.now);
                }
                Err(error) => return Err(self.stopped(error.into())),
            }
        }
        match written {
            Ok(written) => {
                self.counts.unchanged += known;
                self.counts.version = written.version;
                self.count(&written.results);
                self.retire(&units, &written.results)
            }
            Err(error) => self.divide(units, error),
        }
    }

    fn divide(&mut self, mut units: Vec<Gathered>, error: StoreError) -> Result<(), AppError> {
        let of_a_record = matches!(
            error,
            StoreError::Duplicate { .. }
                | StoreError::Invalid { .. }
                | StoreError::Dimensions { .. }
        );
        if !of_a_record {
            return Err(self.stopped(error.into()));
        }
        if units.len() > 1 {
            let rest = units.split_off(units.len() / 2);
            self.write(units)?;
            return self.write(rest);
        }
        let Some(one) = units.pop() else {
            return Ok(());
        };
        let problem = Problem {
            file: one.file,
            line: one.line,
            field: String::new(),
            what: error.to_string(),
        };
        self.refuse(problem, &one.text)
    }

    /// One edit for each record that is to be written, and how many are as they should be. Records without an external id cannot
    /// be upserted: they are added, and with `look` one whose id is held by a record of the same origin is left alone. Looking
    /// takes a scan, which a first ingestion does not need.
    fn edits(&self, units: &[Gathered], look: bool) -> Result<(Vec<Edit>, u64), StoreError> {
        let records = || units.iter().flat_map(|one| &one.unit.records);
        let nameless: Vec<Json> = records()
            .filter(|record| record.external_id.is_none())
            .map(|record| Json::from(&record.id))
            .collect();
        let mut held: HashMap<String, ContextRecord> = HashMap::new();
        if look && !nameless.is_empty() {
            let scan = Scan {
                filter: Filter::Field(Place::column("id"), Condition::OneOf(nameless)),
                ..Scan::everything()
            };
            for row in self.store.snapshot(&At::Latest)?.scan(&scan)? {
                let (_, row) = row?;
                held.insert(row.id.clone(), row);
            }
        }
        let mut known = 0;
        let mut edits = Vec::new();
        for record in records() {
            match held.get(&record.id) {
                _ if record.external_id.is_some() => edits.push(Edit::Upsert(record.clone())),
                Some(old) if old.origin_digest == record.origin_digest => known += 1,
                _ => edits.push(Edit::Add(record.clone())),
            }
        }
        Ok((edits, known))
    }

    fn count(&mut self, results: &[EditResult]) {
        for result in results {
            match result {
                EditResult::Added(_) => self.counts.added += 1,
                EditResult::Changed(_) => self.counts.changed += 1,
                EditResult::Unchanged(_) => self.counts.unchanged += 1,
                EditResult::Deleted(_) => {}
            }
        }
    }

    /// Hides what sessions that changed held before and hold no longer.
    fn retire(&mut self, units: &[Gathered], results: &[EditResult]) -> Result<(), AppError> {
        let changed: HashSet<&str> = results
            .iter()
            .filter_map(|result| match result {
                EditResult::Changed(id) => Some(id.as_str()),
                _ => None,
            })
            .collect();
        let mut sessions: HashMap<&str, HashSet<&str>> = HashMap::new();
        for one in units {
            let records = &one.unit.records;
            let moved = records.is_empty()
                || records
                    .iter()
                    .any(|record| changed.contains(record.id.as_str()));
            if let (Some(session), true) = (&one.unit.session, moved) {
                let ids = records.iter().map(|record| record.id.as_str());
                sessions.insert(session, ids.collect());
            }
        }
        if sessions.is_empty() {
            return Ok(());
        }
        let names = sessions
            .keys()
            .map(|session| Json::from(*session))
            .collect();
        let scan = Scan {
            filter: Filter::Field(Place::column("session_id"), Condition::OneOf(names)),
            parts: Parts::KEYS,
            ..Scan::everything()
        };
        let mut edits = Vec::new();
        let snapshot = self.store.snapshot(&At::Latest).map_err(AppError::from)?;
        for row in snapshot.scan(&scan).map_err(AppError::from)? {
            let (_, row) = row.map_err(AppError::from)?;
            let session = row.session_id.as_deref().unwrap_or_default();
            let of_ours = (row.external_id.as_deref()).is_some_and(|key| {
                key.strip_prefix(session)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            let stays = sessions
                .get(session)
                .is_none_or(|ids| ids.contains(row.id.as_str()));
            if of_ours && !stays && row.retired_at.is_none() {
                let fields = Object::from([
                    ("retired_at", Json::from(self.now.ledger_style())),
                    (
                        "retired_reason",
                        "no longer in what it was taken from".into(),
                    ),
                    // So that it comes back when it is there again.
                    ("origin_digest", Json::Null),
                ]);
                let key = Key::Id(row.id);
                edits.push(Edit::Patch { key, fields });
            }
        }
        if !edits.is_empty() {
            let written = self.store.write(edits, self.now).map_err(AppError::from)?;
            self.counts.retired += written.results.len() as u64;
            self.counts.version = written.version;
        }
        Ok(())
    }

    fn refuse(&mut self, problem: Problem, text: &[u8]) -> Result<(), AppError> {
        self.counts.refused += 1;
        self.quarantine.put(&problem, text)?;
        if self.strict {
            // What was read before it is good, and the same command goes on from there.
            self.flush_before_strict_end()?;
            let error = AppError::new(crate::error::ErrorKind::Failed, problem.to_string())
                .hint("correct the line, or leave out --strict to pass over such lines");
            return Err(self.stopped(error));
        }
        if self.counts.problems.len() < SHOWN_PROBLEMS {
            self.counts.problems.push(problem);
        }
        Ok(())
    }

    fn flush_before_strict_end(&mut self) -> Result<(), AppError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.units.is_empty() {
            return Ok(());
        }
        self.write(batch.units)
    }

    /// An error that ends the command, with what is in already.
    fn stopped(&self, error: AppError) -> AppError {
        let counts = &self.counts;
        error.hint(format!(
            "{} came in before it and stay; the same command goes on",
            human::plural(counts.added + counts.changed, "record", "records")
        ))
    }
}

/// The key by which a record of a batch must be alone.
fn key_of(record: &ContextRecord) -> String {
    match &record.external_id {
        Some(external) => format!("e{external}"),
        None => format!("i{}", record.id),
    }
}

fn weight(record: &ContextRecord) -> usize {
    let text = record.text_payload.as_ref().map_or(0, String::len);
    let media = record
        .binary_payload
        .as_ref()
        .map_or(0, |bytes| bytes.0.len());
    let vector = record
        .embedding
        .as_ref()
        .map_or(0, |vector| vector.len() * 4);
    text + media + vector
}

fn report(
    counts: &Counts,
    args: &StoreIngestArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let printer = &context.printer;
    let exit = if counts.refused == 0 {
        Exit::Done
    } else {
        Exit::Findings
    };
    let rows = [
        ("added", counts.added),
        ("changed", counts.changed),
        ("unchanged", counts.unchanged),
        ("retired", counts.retired),
        ("refused", counts.refused),
    ];
    if args.store.json.json {
        let mut object: Object = rows
            .iter()
            .map(|(name, n)| (*name, Json::from(*n)))
            .collect();
        object.insert("version", counts.version);
        let problems = counts.problems.iter().map(|problem| to_json(problem, None));
        object.insert("problems", problems.collect::<Json>());
        printer.json_line(&Json::Object(object))?;
        return Ok(exit);
    }
    let mut table = Table::new(&[("records", Align::Left), ("", Align::Right)]);
    for (name, n) in rows {
        if n > 0 || !matches!(name, "retired" | "refused") {
            table.row([name, &human::count(n)]);
        }
    }
    printer.result(table.to_string())?;
    for problem in &counts.problems {
        printer.warn(escape::for_line(&problem.to_string()));
    }
    let more = counts.refused - counts.problems.len() as u64;
    if more > 0 {
        printer.note(format!("{} more were refused", human::count(more)));
    }
    match (&args.quarantine, counts.refused) {
        (_, 0) => {}
        (Some(path), _) => {
            printer.note(format!("what was refused stands in {}", path.display()));
        }
        (None, _) => printer.note("`--quarantine FILE` writes all of them to a file"),
    }
    Ok(exit)
}
