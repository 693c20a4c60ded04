//! `forgemark bench dedup`: near duplicates among vectors, exactly.

use std::thread::available_parallelism;
use std::time::Instant;

use forgemark_curate::bench::kept_digest;
use forgemark_curate::similar::planted;
use forgemark_curate::similar::vectors::{Scorer, Search, first_kept_wins, naive_first_kept_wins};

use super::process::peak_memory;
use super::report::{Report, Side};
use crate::Context;
use crate::cli::bench::BenchDedupArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;

/// Most rows for which the answer is compared with brute force.
const CHECKED: usize = 20_000;

/// Bars: rows and distance at most these, seconds at most that.
const SECONDS: [(usize, f64, f64); 4] = [
    (10_000, 0.2, 0.7),
    (100_000, 0.2, 15.0),
    (1_000_000, 0.05, 1_200.0),
    (1_000_000, 0.2, 1_500.0),
];

/// Peak memory as a multiple of the vectors' bytes.
const MEMORY_BAR: f64 = 1.5;

/// Bytes of vectors from which the memory bar is meant; below, the program itself is what counts.
const MEMORY_FROM: usize = 100 << 20;

/// Dimensions that the bars are meant for.
const DIM: usize = 384;

/// Runs the benchmark.
///
/// # Errors
/// Arguments that make no set, and a stdout that takes nothing.
pub(super) fn run(args: &BenchDedupArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let (rows, dim) = (args.rows, args.dim);
    if rows == 0 || dim == 0 || !(0.0..=2.0).contains(&args.distance) {
        let what = "rows and dimensions are at least 1, the distance is between 0 and 2";
        return Err(AppError::new(ErrorKind::Usage, what));
    }
    let vectors = planted::rows(args.set.kind(), rows, dim, args.distance, args.seed);
    let views: Vec<Option<&[f32]>> = vectors.chunks_exact(dim).map(Some).collect();
    let cores = available_parallelism().map_or(1, usize::from);
    let search = Search {
        distance: args.distance,
        scorer: Scorer::Double,
        threads: args.threads.unwrap_or(cores),
    };
    let start = Instant::now();
    let answer = first_kept_wins(&views, &search);
    let seconds = start.elapsed().as_secs_f64();
    let peak = peak_memory();
    let digest = kept_digest(&answer.keeper);
    let dropped = answer.keeper.iter().flatten().count();

    let mut report = Report::new("dedup").with_figures_on_top();
    report.fact("rows", human::count(rows as u64), rows);
    report.fact("dim", dim.to_string(), dim);
    report.fact("set", args.set.kind().word(), args.set.kind().word());
    report.fact("distance", args.distance.to_string(), args.distance);
    report.fact("seed", args.seed.to_string(), args.seed);
    report.fact("threads", search.threads.to_string(), search.threads);
    report.number("seconds", seconds, "s", 3);
    report.fact(
        "pairs_compared",
        human::count(answer.compared),
        answer.compared,
    );
    report.fact("pairs_scored", human::count(answer.scored), answer.scored);
    report.fact("dropped", human::count(dropped as u64), dropped);
    report.fact("peak_bytes", human::bytes(peak), peak);
    report.fact("kept_sha256", digest.as_str(), digest.as_str());
    if rows <= CHECKED {
        let brute = naive_first_kept_wins(&views, &search);
        let equal = kept_digest(&brute.keeper) == digest;
        let word = if equal { "the same" } else { "ANOTHER" };
        report.fact("equals_brute_force", word, equal);
        let differences = if equal { 0.0 } else { 1.0 };
        report.bar(
            "brute_force",
            "answers that differ from brute force",
            Side::AtMost,
            0.0,
            differences,
            "",
            0,
        );
    }
    let bar = SECONDS
        .iter()
        .find(|(most, distance, _)| rows <= *most && args.distance <= *distance);
    if let (Some((most, _, bar)), true) = (bar, dim <= DIM && !cfg!(debug_assertions)) {
        let name = format!("time for up to {} rows", human::count(*most as u64));
        report.bar("time", name, Side::AtMost, *bar, seconds, "s", 3);
    }
    let bytes = rows * dim * size_of::<f32>();
    if bytes >= MEMORY_FROM {
        let times = peak as f64 / bytes as f64;
        report.bar(
            "memory",
            "peak memory over the vectors",
            Side::AtMost,
            MEMORY_BAR,
            times,
            "times",
            2,
        );
    }
    report.print(args.json.json, context)
}
