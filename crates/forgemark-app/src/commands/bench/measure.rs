//! The measured process: one run of a project, and what it cost.
//!
//! The hidden command `forgemark bench measure CONFIG` prints a [`Measured`] as a line of JSON.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forgemark_contract::json::{self, Json};
use forgemark_dialogue::run::{DialogueRun, Ending, RunOptions};
use forgemark_run::Cancel;

use super::process::{Counters, peak_memory};
use crate::Context;
use crate::assemble::{Project, disk};
use crate::cli::bench::BenchMeasureArgs;
use crate::clock;
use crate::commands::dialogue::run::dialogue_error;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::signals;

/// What a run was and what it cost. The cost is that of the run proper: documents, prompts and the
/// opening of the journal come before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Passages of the documents.
    pub(super) passages: u64,
    /// Conversations made.
    pub(super) conversations: u64,
    /// Their turns.
    pub(super) turns: u64,
    /// Conversations dropped.
    pub(super) dropped: u64,
    /// Calls with an outcome.
    pub(super) calls: u64,
    /// Calls whose replies a rewind threw away.
    pub(super) discarded: u64,
    /// Rewinds.
    pub(super) rewinds: u64,
    /// When the run proper began and ended, in microseconds of the epoch.
    pub(super) began: i64,
    /// See `began`.
    pub(super) ended: i64,
    /// Wall time.
    pub(super) wall: Duration,
    /// CPU time in user code.
    pub(super) user: Duration,
    /// CPU time in the kernel.
    pub(super) system: Duration,
    /// Most memory ever resident, in bytes.
    pub(super) peak_memory: u64,
    /// Bytes that the run handed to the system, by its own count.
    pub(super) bytes_written: u64,
    /// Bytes that the kernel counts for disks; 0 where it does not.
    pub(super) disk_bytes: u64,
}

impl Measured {
    /// CPU time.
    pub(super) fn cpu(&self) -> Duration {
        self.user + self.system
    }

    fn to_json(self) -> Json {
        Json::object([
            ("passages", Json::from(self.passages)),
            ("conversations", Json::from(self.conversations)),
            ("turns", Json::from(self.turns)),
            ("dropped", Json::from(self.dropped)),
            ("calls", Json::from(self.calls)),
            ("discarded", Json::from(self.discarded)),
            ("rewinds", Json::from(self.rewinds)),
            ("began", Json::from(self.began)),
            ("ended", Json::from(self.ended)),
            ("wall_us", micros(self.wall)),
            ("user_us", micros(self.user)),
            ("system_us", micros(self.system)),
            ("peak_memory", Json::from(self.peak_memory)),
            ("bytes_written", Json::from(self.bytes_written)),
            ("disk_bytes", Json::from(self.disk_bytes)),
        ])
    }

    fn from_json(value: &Json) -> Option<Self> {
        let count = |name: &str| value.get(name)?.as_u64();
        let time = |name: &str| count(name).map(Duration::from_micros);
        Some(Self {
            passages: count("passages")?,
            conversations: count("conversations")?,
            turns: count("turns")?,
            dropped: count("dropped")?,
            calls: count("calls")?,
            discarded: count("discarded")?,
            rewinds: count("rewinds")?,
            began: value.get("began")?.as_i64()?,
            ended: value.get("ended")?.as_i64()?,
            wall: time("wall_us")?,
            user: time("user_us")?,
            system: time("system_us")?,
            peak_memory: count("peak_memory")?,
            bytes_written: count("bytes_written")?,
            disk_bytes: count("disk_bytes")?,
        })
    }
}

fn micros(time: Duration) -> Json {
    Json::from(time.as_micros() as u64)
}

/// This program, to be started again. Its environment is empty but for what the system needs, so
/// that no variable of the user changes what is measured.
pub(super) fn command() -> Result<Command, AppError> {
    let program = std::env::current_exe().map_err(|error| {
        AppError::new(ErrorKind::Io, "cannot find this program").caused_by(error)
    })?;
    let mut command = Command::new(program);
    command.env_clear();
    Ok(command)
}

/// Measures a run in a process of its own. With `epoch` its rows have the times of a logical clock.
///
/// # Errors
/// When the run does not come to its end.
pub(super) fn in_child(config: &Path, context: &Context<'_>) -> Result<Measured, AppError> {
    let mut command = command()?;
    if let Ok(Some(epoch)) = context.env.get("SOURCE_DATE_EPOCH") {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    let output = command
        .args(["-q", "bench", "measure"])
        .arg(config)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            AppError::new(ErrorKind::Failed, "cannot start the measured run").caused_by(error)
        })?;
    if !output.status.success() {
        return Err(AppError::new(
            ErrorKind::Failed,
            format!("the measured run failed: {}", output.status),
        ));
    }
    json::parse(output.stdout.trim_ascii())
        .ok()
        .and_then(|value| Measured::from_json(&value))
        .ok_or_else(|| AppError::new(ErrorKind::Failed, "the measured run says nothing"))
}

/// `forgemark bench measure`
///
/// # Errors
/// When the run does not come to its end.
pub(super) fn run(args: &BenchMeasureArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let project = Project::read(&args.config, &[], context)?;
    let storage = disk();
    let (corpus, _) = project.corpus(&*storage, false, context)?;
    let passages = corpus.chunks().len() as u64;
    let environment = project.environment(corpus, Arc::clone(&storage), context)?;
    let run = DialogueRun::open(environment, RunOptions::default()).map_err(dialogue_error)?;
    let live = run.live();
    let cancel = Cancel::new();
    signals::drain_on_signal(&context.printer, &cancel, "draining")?;
    let runtime = context.runtime()?;

    let before = Counters::now()?;
    let began = clock::now();
    let started = Instant::now();
    let summary = runtime
        .block_on(run.drive(cancel))
        .map_err(dialogue_error)?;
    let wall = started.elapsed();
    let ended = clock::now();
    let used = Counters::now()?.since(&before);

    if summary.ending != Ending::Complete {
        return Err(AppError::new(
            ErrorKind::Failed,
            format!("the run is not complete: {}", summary.ending),
        ));
    }
    let measured = Measured {
        passages,
        conversations: summary.good,
        turns: summary.turns,
        dropped: summary.dropped.values().sum(),
        calls: summary.totals.all().calls,
        discarded: summary.discarded_calls,
        rewinds: live.progress.snapshot().rewinds,
        began: began.0,
        ended: ended.0,
        wall,
        user: used.user,
        system: used.system,
        peak_memory: peak_memory(),
        bytes_written: summary.bytes_written,
        disk_bytes: used.disk_bytes.unwrap_or(0),
    };
    context.printer.json_line(&measured.to_json())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_survives_its_way_between_the_processes() {
        let measured = Measured {
            passages: 200,
            conversations: 3,
            turns: 12,
            dropped: 1,
            calls: 48,
            discarded: 2,
            rewinds: 1,
            began: 1_900_000_000_000_000,
            ended: 1_900_000_000_500_000,
            wall: Duration::from_micros(500_001),
            user: Duration::from_micros(7),
            system: Duration::from_micros(5),
            peak_memory: 1 << 24,
            bytes_written: 99,
            disk_bytes: 4_096,
        };
        let json = measured.to_json();
        let back = Measured::from_json(&json).unwrap();
        assert_eq!(back.to_json(), json);
        assert_eq!(back.cpu(), Duration::from_micros(12));
        assert!(Measured::from_json(&Json::empty_object()).is_none());
    }
}
