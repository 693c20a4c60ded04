//! `forgemark bench arena-resume`: what it takes to find out that a finished run of an arena has nothing to do.

use std::fmt::Write as _;
use std::time::Instant;

use forgemark_arena::pipeline::Ending;
use forgemark_contract::json::Json;

use super::project::Workspace;
use super::report::{Report, Side};
use crate::Context;
use crate::cli::arena::ArenaStageArgs;
use crate::cli::{JsonArgs, SetArgs};
use crate::commands::arena::run::make;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::progress::ProgressMode;

const RESUME_BAR: f64 = 3.0;

/// As many calls as the arena that the bar was made for took.
const CALLS: u64 = 41_628;

/// Skills of the models, and topics.
const SKILLS: [f64; 8] = [0.97, 0.93, 0.9, 0.85, 0.7, 0.6, 0.5, 0.3];
const TOPICS: u32 = 44;

/// Runs the benchmark.
///
/// # Errors
/// Whatever keeps it from measuring.
pub(super) fn run(args: JsonArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let workspace = Workspace::new(None, "arena-resume")?;
    let stage = ArenaStageArgs {
        config: workspace.script("arena.yaml", &config())?,
        limit: None,
        retry_failed: None,
        concurrency: None,
        estimate: false,
        progress: ProgressMode::None,
        set: SetArgs { set: Vec::new() },
        json: args,
    };
    let began = Instant::now();
    let made = make(&stage, context)?;
    let making = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let again = make(&stage, context)?;
    let resuming = began.elapsed().as_secs_f64();
    if made.ending != Ending::Complete || again.ending != Ending::AlreadyComplete {
        let what = format!(
            "the runs ended otherwise: {}, {}",
            made.ending, again.ending
        );
        return Err(AppError::new(ErrorKind::Failed, what));
    }
    let calls = made.totals.all().calls;
    let mut report = Report::new("arena-resume");
    report.fact("calls", human::count(calls), Json::from(calls));
    report.fact("records", human::count(again.kept), Json::from(again.kept));
    report.number("making_s", making, "s", 1);
    // For another number of calls the bar is taken in proportion.
    let bar = RESUME_BAR * calls as f64 / CALLS as f64;
    report.bar(
        "resume_s",
        "plan and resume the finished run",
        Side::AtMost,
        bar,
        resuming,
        "s",
        3,
    );
    report.print(args.json, context)
}

fn config() -> String {
    let mut text = "models:\n".to_owned();
    for (number, skill) in SKILLS.iter().enumerate() {
        let _ = writeln!(
            text,
            "  - {{name: model-{number}, model: \"offline:solver\", skill: {skill}}}"
        );
    }
    text.push_str("questions: {max_outer_attempts: 5}\noutput: {dir: arena}\ntopics:\n");
    for number in 1..=TOPICS {
        let _ = writeln!(text, "  - topic {number}");
    }
    text
}
