//! `forgemark bench export|minhash`: what curation costs by itself.

use std::time::Instant;

use forgemark_curate::bench::{self, Gauge};
use forgemark_curate::spill::ScratchFile;

use super::process::peak_memory;
use super::report::{Report, Side};
use crate::Context;
use crate::cli::BenchRowsArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

/// Rows that the bars are meant for.
const MANY: u64 = 1_000_000;
const EXPORT_SECONDS: f64 = 40.0;
const EXPORT_MEMORY: f64 = 1024.0;
const MINHASH_SECONDS: f64 = 60.0;

/// Measures an export of records that are made as they are read.
///
/// # Errors
/// A temporary file that cannot be used, and a stdout that takes nothing.
pub(super) fn export(args: &BenchRowsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let start = Instant::now();
    let scratch =
        || -> std::io::Result<Box<dyn ScratchFile>> { Ok(Box::new(tempfile::tempfile()?)) };
    let result = bench::export(args.rows, &scratch, &gauge(&|| start.elapsed()))?;
    let mut report = Report::new("export").with_figures_on_top();
    report.fact("rows", human::count(result.rows), result.rows);
    report.fact("lines", human::count(result.lines), result.lines);
    report.fact("bytes", human::bytes(result.bytes), result.bytes);
    report.number("seconds", result.seconds, "s", 3);
    report.fact(
        "peak_bytes",
        human::bytes(result.peak_bytes),
        result.peak_bytes,
    );
    report.fact("sha256", result.digest.as_str(), result.digest.as_str());
    if args.rows <= MANY && !cfg!(debug_assertions) {
        report.bar(
            "time",
            "time",
            Side::AtMost,
            EXPORT_SECONDS,
            result.seconds,
            "s",
            1,
        );
    }
    if args.rows <= MANY {
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
    report.print(args.json.json, context)
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
