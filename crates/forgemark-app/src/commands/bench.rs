//! `forgemark bench ...`: what the program itself costs.
//!
//! ```text
//! bench overhead ──starts──> scripted-server (a process of its own)      the model
//!        │                        ^   ^
//!        ├──bare keep-alive loop──┘   │ HTTP
//!        └──starts──> bench measure ──┘                                  the pipeline, measured
//!                       (a process of its own, so that CPU time, peak memory and bytes are its alone)
//! ```
//!
//! The project is temporary (or under `--dir`) and the same each time: documents of 200 passages, a
//! journal that is durable, all artifacts. A debug build runs too, but says that its numbers do not
//! count.

mod arena;
mod arena_resume;
mod capture;
mod curation;
mod dedup;
mod growth;
mod ingest;
mod journal;
mod measure;
mod overhead;
mod planted;
mod process;
mod project;
mod report;
mod server;
mod utilisation;

use crate::Context;
use crate::cli::bench::BenchCommand;
use crate::error::AppError;
use crate::exit::Exit;

/// Runs a benchmark; the exit code says whether every bar holds.
///
/// # Errors
/// Whatever keeps it from measuring.
pub fn run(command: &BenchCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    let measured = matches!(
        command,
        BenchCommand::Measure(_) | BenchCommand::MeasureArena(_)
    );
    if cfg!(debug_assertions) && !measured {
        context
            .printer
            .warn("this is a debug build; its numbers do not count (build with --release)");
    }
    match command {
        BenchCommand::Overhead(args) => overhead::run(args, context),
        BenchCommand::Utilisation(args) => utilisation::run(args, context),
        BenchCommand::Growth(args) => growth::run(args, context),
        BenchCommand::Dedup(args) => dedup::run(args, context),
        BenchCommand::Ingest(args) => ingest::run(args, context),
        BenchCommand::Export(args) => curation::export(args, context),
        BenchCommand::Minhash(args) => curation::minhash(args, context),
        BenchCommand::Planted(args) => planted::run(args, context),
        BenchCommand::Arena(args) => arena::run(args, context),
        BenchCommand::ArenaResume(args) => arena_resume::run(*args, context),
        BenchCommand::Measure(args) => measure::run(args, context),
        BenchCommand::MeasureArena(args) => arena::measure(args, context),
    }
}
