//! `forgemark bench ingest`: writing into a store that is large already, and reading from it.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use forgemark_contract::store::select::{Filter, Visibility, filter_from_expression};
use forgemark_contract::store::{
    At, ContextRecord, Edit, IndexKind, Key, Parts, RecordStore, Scan, Snapshot, StoreOptions,
};
use forgemark_contract::time::Timestamp;
use forgemark_curate::bench::{full_record, source_of};

use super::process::peak_memory;
use super::project::Workspace;
use super::report::{Report, Side};
use crate::Context;
use crate::cli::bench::BenchIngestArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;

/// Records a second that are written at least.
const RATE_BAR: f64 = 20_000.0;
/// Share of the rate of the plain loop, at least.
const SHARE_BAR: f64 = 1.0 / 3.0;
/// Seconds for a list of 1 % of the records.
const LIST_BAR: f64 = 0.5;
/// Milliseconds for a record by its id.
const GET_BAR: f64 = 5.0;
/// Records, held and written together, up to which the bars of reading are meant.
const MANY: u64 = 1_200_000;
/// Records that are read by their ids.
const READS: u64 = 200;

/// Runs the benchmark.
///
/// # Errors
/// A store or folder that cannot be used, a record that is not there afterwards.
pub(super) fn run(args: &BenchIngestArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let workspace = Workspace::new(args.dir.as_deref(), "ingest")?;
    let place = workspace.path().join("made.lance");
    let uri = place.display().to_string();
    let options = StoreOptions {
        dimensions: u32::try_from(args.dim).ok(),
        ..StoreOptions::default()
    };
    let made = |number| full_record(number, args.dim);
    let store = context.stores.create(&uri, &options)?;
    fill(&*store, 0..args.held, args.batch, &made)?;
    drop(store);

    let before = bytes_of(&place)?;
    let store = context.stores.open(&uri)?;
    let all = args.held + args.rows;
    let seconds = fill(&*store, args.held..all, args.batch, &made)?.as_secs_f64();
    let written = bytes_of(&place)?.saturating_sub(before);
    let batches = args.rows.div_ceil(args.batch);
    let plain = plain_loop(workspace.path(), written, batches)?.as_secs_f64();
    let snapshot = store.snapshot(&At::Latest)?;
    verify(&*snapshot, all)?;

    store.build_index(IndexKind::Keys)?;
    // Opened anew, as another command would.
    let snapshot = context.stores.open(&uri)?.snapshot(&At::Latest)?;
    let (listed, list) = listed(&*snapshot, all)?;
    let (median, worst) = points(&*snapshot, all)?;

    let rate = args.rows as f64 / seconds;
    let share = plain / seconds;
    let mut report = Report::new("ingest").with_figures_on_top();
    report.fact("held", human::count(args.held), args.held);
    report.fact("rows", human::count(args.rows), args.rows);
    report.fact("batch", human::count(args.batch), args.batch);
    report.fact("dim", args.dim.to_string(), args.dim);
    report.number("seconds", seconds, "s", 3);
    report.number("rows_per_second", rate, "", 0);
    report.fact("bytes", human::bytes(written), written);
    report.number("plain_seconds", plain, "s", 3);
    report.number("share_of_plain_rate", share, "", 2);
    report.fact("ids_verified", human::count(all), all);
    report.fact("listed", human::count(listed), listed);
    report.number("list_seconds", list.as_secs_f64(), "s", 3);
    report.number("get_median_ms", millis(median), "ms", 2);
    report.number("get_worst_ms", millis(worst), "ms", 2);
    let peak = peak_memory();
    report.fact("peak_bytes", human::bytes(peak), peak);
    if !cfg!(debug_assertions) {
        let least = Side::AtLeast;
        report.bar(
            "rate",
            "records a second",
            least,
            RATE_BAR,
            rate,
            "records/s",
            0,
        );
        let name = "share of a plain loop's rate";
        report.bar("share", name, least, SHARE_BAR, share, "", 2);
        if all <= MANY {
            let most = Side::AtMost;
            let name = "list of 1 % of the records";
            report.bar("list", name, most, LIST_BAR, list.as_secs_f64(), "s", 3);
            let name = "record by its id, median";
            report.bar("get", name, most, GET_BAR, millis(median), "ms", 2);
        }
    }
    report.print(args.json.json, context)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Writes the records of these numbers in batches; the time that the store took, without the making of the records.
///
/// # Errors
/// What the store refuses.
pub(super) fn fill(
    store: &dyn RecordStore,
    numbers: std::ops::Range<u64>,
    batch: u64,
    made: &dyn Fn(u64) -> ContextRecord,
) -> Result<Duration, AppError> {
    let mut took = Duration::ZERO;
    let mut next = numbers.start;
    while next < numbers.end {
        let end = numbers.end.min(next + batch);
        let edits = (next..end).map(|number| Edit::Add(made(number))).collect();
        let start = Instant::now();
        store.write(edits, Timestamp(0))?;
        took += start.elapsed();
        next = end;
    }
    Ok(took)
}

/// Writes as many bytes in as many files, and syncs each.
fn plain_loop(dir: &Path, bytes: u64, files: u64) -> Result<Duration, AppError> {
    let dir = dir.join("plain");
    let fail = |source| AppError::Io {
        action: "write",
        path: dir.clone(),
        source,
    };
    std::fs::create_dir(&dir).map_err(fail)?;
    let size = usize::try_from(bytes / files.max(1)).unwrap_or(usize::MAX);
    // Not zeros, which some file systems do not write.
    let data: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
    let start = Instant::now();
    for number in 0..files {
        let mut file = File::create(dir.join(number.to_string())).map_err(fail)?;
        file.write_all(&data).map_err(fail)?;
        file.sync_all().map_err(fail)?;
    }
    let took = start.elapsed();
    std::fs::remove_dir_all(&dir).map_err(fail)?;
    Ok(took)
}

/// Looks that each id is there once.
fn verify(snapshot: &dyn Snapshot, all: u64) -> Result<(), AppError> {
    let scan = Scan {
        parts: Parts::KEYS,
        ..Scan::everything()
    };
    let mut ids = HashSet::new();
    for row in snapshot.scan(&scan)? {
        let (_, record) = row?;
        let number = record.external_id.as_deref();
        let number = number.and_then(|id| id.strip_prefix("made/")?.parse::<u64>().ok());
        if number.is_none_or(|number| number >= all) || !ids.insert(record.id.clone()) {
            let what = format!("record {} was not written or is there twice", record.id);
            return Err(AppError::new(ErrorKind::Failed, what));
        }
    }
    if ids.len() as u64 != all {
        let what = format!("{} of {all} records are there", ids.len());
        return Err(AppError::new(ErrorKind::Failed, what));
    }
    Ok(())
}

/// Lists the records of one source, which is 1 % of them.
fn listed(snapshot: &dyn Snapshot, all: u64) -> Result<(u64, Duration), AppError> {
    let source = source_of(17);
    let filter = filter_from_expression(&format!("source = \"{source}\""))
        .map_err(|error| AppError::new(ErrorKind::Bug, error.to_string()))?;
    let scan = Scan {
        visibility: Some(Visibility::at(Timestamp(0))),
        filter: Filter::All(vec![filter]),
        ..Scan::everything()
    };
    let start = Instant::now();
    let mut count = 0;
    for row in snapshot.scan(&scan)? {
        count += u64::from(row?.1.source.as_deref() == Some(source.as_str()));
    }
    let took = start.elapsed();
    let expected = (0..all).filter(|number| source_of(*number) == source);
    if count != expected.count() as u64 {
        let what = format!("the list of source {source} has {count} records");
        return Err(AppError::new(ErrorKind::Failed, what));
    }
    Ok((count, took))
}

/// Reads records by their ids, all over the store; the median and the worst time.
fn points(snapshot: &dyn Snapshot, all: u64) -> Result<(Duration, Duration), AppError> {
    let reads = READS.min(all);
    let mut times = Vec::new();
    for read in 0..reads {
        let wanted = full_record(read * (all / reads), 0);
        let start = Instant::now();
        let found = snapshot.get(&Key::Id(wanted.id.clone()))?;
        times.push(start.elapsed());
        if found.and_then(|record| record.text_payload) != wanted.text_payload {
            let what = format!("record {} is not what was written", wanted.id);
            return Err(AppError::new(ErrorKind::Failed, what));
        }
    }
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    Ok((at(times.len() / 2), at(times.len().saturating_sub(1))))
}

/// Bytes of all files below a folder.
fn bytes_of(dir: &Path) -> Result<u64, AppError> {
    let fail = |source| AppError::Io {
        action: "read",
        path: dir.to_owned(),
        source,
    };
    if !dir.is_dir() {
        // A store that is not made of files.
        return Ok(0);
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let data = entry.metadata().map_err(fail)?;
        bytes += if data.is_dir() {
            bytes_of(&entry.path())?
        } else {
            data.len()
        };
    }
    Ok(bytes)
}
