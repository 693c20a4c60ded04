//! `forgemark bench growth`: what ten times the conversations cost.

use std::path::Path;

use super::measure::{Measured, in_child};
use super::project::{Shape, Turns, Workspace, output_of};
use super::report::{Report, Side};
use super::server::ScriptedServer;
use crate::Context;
use crate::cli::bench::BenchArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

const CONVERSATIONS: u64 = 10_000;
const FACTOR: u64 = 10;
const SLOTS: u32 = 64;
const TURNS: u32 = 4;
const TIME_BAR: f64 = 11.0;
const MEMORY_BAR: f64 = 1.3;
const BYTES_BAR: f64 = 3.0;

const SCRIPT: &str = "seed: 7\nmodels: [scripted-1]\nreply_bytes: 1500\n";

/// Runs the benchmark.
///
/// # Errors
/// Whatever keeps it from measuring.
pub(super) fn run(args: &BenchArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let workspace = Workspace::new(args.dir.as_deref(), "growth")?;
    let many = args.conversations.unwrap_or(CONVERSATIONS).max(FACTOR);
    let mut sized = Vec::new();
    for (name, conversations) in [("few", many / FACTOR), ("many", many)] {
        // A server of its own, so that what it remembers does not slow down the longer run.
        let server = ScriptedServer::start(&workspace.script("script.yaml", SCRIPT)?)?;
        let shape = Shape {
            conversations,
            slots: SLOTS,
            turns: Turns::Exactly(TURNS),
        };
        let config = workspace.project(name, &server.base_url, &shape)?;
        let run = in_child(&config, context)?;
        let kept = kept_bytes(&output_of(&config))?;
        sized.push((run, kept));
    }
    let [(few, _), (all, kept)] = sized.as_slice() else {
        return Ok(Exit::Bug);
    };

    let ratio = |pick: fn(&Measured) -> f64| pick(all) / pick(few).max(f64::MIN_POSITIVE);
    // The kernel counts whole pages, the run what it handed over: the larger one counts.
    let written = all.bytes_written.max(all.disk_bytes);
    let mut report = Report::new("growth");
    report.fact(
        "conversations",
        format!(
            "{} and {} of {TURNS} turns",
            human::count(few.conversations),
            human::count(all.conversations)
        ),
        all.conversations,
    );
    report.fact("slots", SLOTS.to_string(), i64::from(SLOTS));
    report.number("few_wall_time_s", few.wall.as_secs_f64(), "s", 2);
    report.number("many_wall_time_s", all.wall.as_secs_f64(), "s", 2);
    report.fact(
        "few_peak_memory",
        human::bytes(few.peak_memory),
        few.peak_memory,
    );
    report.fact(
        "many_peak_memory",
        human::bytes(all.peak_memory),
        all.peak_memory,
    );
    report.fact("journal", human::bytes(kept.journal), kept.journal);
    report.fact("artifacts", human::bytes(kept.artifacts), kept.artifacts);
    report.fact(
        "bytes_written_by_own_count",
        human::bytes(all.bytes_written),
        all.bytes_written,
    );
    report.fact(
        "bytes_written_as_the_kernel_counts",
        if all.disk_bytes == 0 {
            "not known here".to_owned()
        } else {
            human::bytes(all.disk_bytes)
        },
        all.disk_bytes,
    );
    report.bar(
        "time_ratio",
        "time for ten times the conversations",
        Side::AtMost,
        TIME_BAR,
        ratio(|run| run.wall.as_secs_f64()),
        "times",
        2,
    );
    report.bar(
        "memory_ratio",
        "peak memory",
        Side::AtMost,
        MEMORY_BAR,
        ratio(|run| run.peak_memory as f64),
        "times",
        2,
    );
    report.bar(
        "bytes_ratio",
        "bytes written, of journal and artifacts",
        Side::AtMost,
        BYTES_BAR,
        written as f64 / (kept.journal + kept.artifacts).max(1) as f64,
        "times",
        2,
    );
    report.print(args.json.json, context)
}

/// Bytes of an output folder that are not derived from others.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Kept {
    journal: u64,
    artifacts: u64,
}

fn kept_bytes(out_dir: &Path) -> Result<Kept, AppError> {
    let state = out_dir.join(forgemark_journal::lock::STATE_DIR);
    let all = size_of(out_dir, Some(&state))?;
    Ok(Kept {
        journal: size_of(&state.join("journal"), None)?,
        artifacts: all,
    })
}

/// Bytes of all files in a folder and below, but for one folder.
fn size_of(dir: &Path, without: Option<&Path>) -> Result<u64, AppError> {
    let unreadable = |source| AppError::Io {
        action: "read",
        path: dir.to_owned(),
        source,
    };
    let mut sum = 0;
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let meta = entry.metadata().map_err(unreadable)?;
        if meta.is_dir() {
            if without != Some(entry.path().as_path()) {
                sum += size_of(&entry.path(), None)?;
            }
        } else {
            sum += meta.len();
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_journal_and_the_artifacts_are_kept_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str, bytes: usize| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![b'x'; bytes]).unwrap();
        };
        file("turns.jsonl", 10);
        file("conversations/a.json", 5);
        file(".forgemark/journal/0.fmj", 100);
        file(".forgemark/keys/run-1.fmi", 1_000);
        assert_eq!(
            kept_bytes(dir.path()).unwrap(),
            Kept {
                journal: 100,
                artifacts: 15
            }
        );
    }
}
