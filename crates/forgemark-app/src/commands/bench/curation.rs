//! `forgemark bench export|minhash`: what curation costs by itself.

use std::time::Instant;

use forgemark_contract::store::{At, Parts, Snapshot, StoreOptions};
use forgemark_curate::bench::{self, Gauge, Talks, talk};

use super::ingest::fill;
use super::process::peak_memory;
use super::project::Workspace;
use super::report::{Report, Side};
use crate::Context;
use crate::cli::bench::{BenchExportArgs, BenchRowsArgs};
use crate::commands::export::folder::Folder;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

/// Rows that the bars are meant for.
const MANY: u64 = 1_000_000;
const EXPORT_SECONDS: f64 = 40.0;
const EXPORT_MEMORY: f64 = 1024.0;
const MINHASH_SECONDS: f64 = 60.0;

/// Records in one version of the store that is exported.
const BATCH: u64 = 50_000;

/// Measures an export out of a store, or of records that are made as they are read, into a folder as `forgemark export` does.
///
/// # Errors
/// A store or folder that cannot be used, and a stdout that takes nothing.
pub(super) fn export(args: &BenchExportArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let (rows, json) = (args.rows.rows, args.rows.json.json);
    let workspace = Workspace::new(args.dir.as_deref(), "export")?;
    let snapshot: Box<dyn Snapshot> = if args.without_store {
        Box::new(Talks(rows))
    } else {
        let uri = workspace.path().join("made.lance").display().to_string();
        let store = context.stores.create(&uri, &StoreOptions::default())?;
        fill(&*store, 0..rows, BATCH, &|number| talk(number, Parts::ALL))?;
        drop(store);
        context.stores.open(&uri)?.snapshot(&At::Latest)?
    };
    let dir = workspace.path().join("cut");
    let mut folder = Folder::begin(&dir, false, None)?;
    let scratch = Folder::scratch(&dir);
    let start = Instant::now();
    let now = || start.elapsed();
    let result = bench::export(&*snapshot, &scratch, &mut folder, &gauge(&now))?;
    folder.commit()?;
    let seconds = start.elapsed().as_secs_f64();
    let mut report = Report::new("export").with_figures_on_top();
    report.fact("rows", human::count(result.rows), result.rows);
    report.fact("store", snapshot.uri(), snapshot.uri());
    report.fact("lines", human::count(result.lines), result.lines);
    report.fact("bytes", human::bytes(result.bytes), result.bytes);
    report.number("seconds", seconds, "s", 3);
    report.fact(
        "peak_bytes",
        human::bytes(result.peak_bytes),
        result.peak_bytes,
    );
    report.fact("sha256", result.digest.as_str(), result.digest.as_str());
    if rows <= MANY && !cfg!(debug_assertions) {
        report.bar(
            "time",
            "time",
            Side::AtMost,
            EXPORT_SECONDS,
            seconds,
            "s",
            1,
        );
    }
    if rows <= MANY {
        let mib = result.peak_bytes as f64 / f64::from(1 << 20);
        report.bar(
            "memory",
            "peak memory",
            Side::AtMost,
            EXPORT_MEMORY,
            mib,
            "MiB",
            0,
        );
    }
    report.print(json, context)
}

/// Measures near duplicates by wording.
///
/// # Errors
/// A stdout that takes nothing.
pub(super) fn minhash(args: &BenchRowsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let start = Instant::now();
    let result = bench::minhash(args.rows, &gauge(&|| start.elapsed()));
    let mut report = Report::new("minhash").with_figures_on_top();
    report.fact("rows", human::count(result.rows), result.rows);
    report.fact("dropped", human::count(result.dropped), result.dropped);
    report.number("miss_probability", result.miss_probability, "", 6);
    report.number("seconds", result.seconds, "s", 3);
    report.fact(
        "peak_bytes",
        human::bytes(result.peak_bytes),
        result.peak_bytes,
    );
    report.fact(
        "kept_sha256",
        result.digest.as_str(),
        result.digest.as_str(),
    );
    if args.rows <= MANY && !cfg!(debug_assertions) {
        report.bar(
            "time",
            "time",
            Side::AtMost,
            MINHASH_SECONDS,
            result.seconds,
            "s",
            1,
        );
    }
    report.print(args.json.json, context)
}

fn gauge(now: &dyn Fn() -> std::time::Duration) -> Gauge<'_> {
    Gauge {
        now,
        peak: &peak_memory,
    }
}
