//! `forgemark arena run CONFIG` and its stages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use forgemark_arena::pipeline::{
    ArenaError, ArenaRun, Ending, Live, Retry, RunOptions, Stage, Summary, classes,
};
use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::nearest;
use forgemark_run::Cancel;

use super::project::ArenaProject;
use crate::Context;
use crate::assemble::disk;
use crate::cli::arena::ArenaStageArgs;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::progress::{Display, ProgressSnapshot, ProgressSource};
use crate::signals;
use crate::spending::{self, cost};
use crate::table::{Align, Table};

/// Lets models work on the stages.
///
/// # Errors
/// A configuration that is wrong, or whatever ends the run at once.
pub(super) fn run(
    args: &ArenaStageArgs,
    stages: BTreeSet<Stage>,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let project = ArenaProject::of_stage(args, context)?;
    let options = options(args, stages)?;
    if args.estimate {
        return super::estimate::run(&project, &options, args.json.json, context);
    }
    let summary = drive(&project, options, args, context)?;
    for notice in &summary.notices {
        context.printer.warn(notice);
    }
    if args.json.json {
        context.printer.json_line(&json(&summary))?;
    } else {
        context.printer.result(table(&summary))?;
        for line in advice(&summary) {
            context.printer.note(line);
        }
    }
    Ok(exit(&summary))
}

/// Lets models work on all stages and prints nothing.
///
/// # Errors
/// As [`run`].
pub(in crate::commands) fn make(
    args: &ArenaStageArgs,
    context: &Context<'_>,
) -> Result<Summary, AppError> {
    let project = ArenaProject::of_stage(args, context)?;
    let options = options(args, Stage::ALL.into())?;
    drive(&project, options, args, context)
}

fn options(args: &ArenaStageArgs, stages: BTreeSet<Stage>) -> Result<RunOptions, AppError> {
    Ok(RunOptions {
        stages,
        limit: args.limit,
        retry: args.retry_failed.as_deref().map(retry).transpose()?,
        skip_probe: false,
    })
}

fn drive(
    project: &ArenaProject,
    options: RunOptions,
    args: &ArenaStageArgs,
    context: &Context<'_>,
) -> Result<Summary, AppError> {
    let environment = project.environment(disk(), context)?;
    let run = ArenaRun::open(environment, options).map_err(arena_error)?;
    let cancel = Cancel::new();
    signals::drain_on_signal(
        &context.printer,
        &cancel,
        "draining: calls in flight end, then the run stops resumable; once more stops at once",
    )?;
    let watched = Watched {
        live: run.live(),
        began: Instant::now(),
    };
    let display = Display::start(&context.printer, args.progress, Arc::new(watched));
    let runtime = context.runtime()?;
    let summary = runtime.block_on(run.drive(cancel));
    display.finish();
    summary.map_err(arena_error)
}

/// Places an error of the pipeline among the kinds.
pub(super) fn arena_error(error: ArenaError) -> AppError {
    let hints = error.hints();
    let error = match error {
        ArenaError::Journal(error) => return AppError::Journal(error),
        ArenaError::Build(error) => return error.into(),
        ArenaError::Call(error) => return error.into(),
        other => other,
    };
    let kind = match &error {
        ArenaError::Probe { .. } => ErrorKind::Endpoint,
        ArenaError::Unreadable { .. } | ArenaError::Line { .. } => ErrorKind::Damaged,
        ArenaError::Brought { .. }
        | ArenaError::Epoch { .. }
        | ArenaError::OneAttempt { .. }
        | ArenaError::Prompt(_) => ErrorKind::Config,
        _ => ErrorKind::Io,
    };
    let app = AppError::new(kind, error.to_string());
    hints.into_iter().fold(app, AppError::hint)
}

fn retry(text: &str) -> Result<Retry, AppError> {
    if text.is_empty() {
        return Ok(Retry::All);
    }
    let known = classes();
    if known.contains(&text) {
        return Ok(Retry::Class(text.to_owned()));
    }
    let what = format!("{text:?} is not a reason for which records fail");
    let error = AppError::new(ErrorKind::Usage, what);
    Err(match nearest(text, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("known reasons: {}", known.join(", "))),
    })
}

fn exit(summary: &Summary) -> Exit {
    match summary.ending {
        Ending::Complete | Ending::AlreadyComplete => Exit::Done,
        Ending::EndpointsUnusable(_) => Exit::Endpoint,
        Ending::Limit | Ending::Budget(_) | Ending::Interrupted => Exit::Partial,
    }
}

/// What a user can do next.
fn advice(summary: &Summary) -> Vec<String> {
    let dir = summary.out_dir.display();
    match &summary.ending {
        Ending::Complete | Ending::AlreadyComplete => {
            vec![format!("next: forgemark arena rate {dir}")]
        }
        Ending::EndpointsUnusable(what) => vec![
            what.clone(),
            "what needs none of these models is done; the same command goes on".to_owned(),
        ],
        Ending::Limit | Ending::Budget(_) | Ending::Interrupted => {
            vec!["the same command goes on".to_owned()]
        }
    }
}

/// The summary as a table.
fn table(summary: &Summary) -> String {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    let mut row = |name: &str, value: String| table.row([name, &value]);
    row("folder", summary.out_dir.display().to_string());
    // The long story would make the table as wide as it is.
    let ending = match &summary.ending {
        Ending::EndpointsUnusable(_) => "endpoints unusable".to_owned(),
        ending => ending.to_string(),
    };
    row("ending", ending);
    for stage in Stage::ALL {
        let count = |of: &std::collections::BTreeMap<Stage, u64>| {
            of.get(&stage).copied().unwrap_or_default()
        };
        let mut made = human::count(count(&summary.made));
        if count(&summary.failed) > 0 {
            let failed = human::count(count(&summary.failed));
            made = format!("{made} ({failed} failed)");
        }
        row(stage.as_str(), made);
    }
    row("records that were there", human::count(summary.kept));
    if summary.controls > 0 {
        row("controls", human::count(summary.controls));
    }
    let all = summary.totals.all();
    row("calls", human::count(all.calls));
    if summary.replayed_calls > 0 {
        let replayed = human::count(summary.replayed_calls);
        row("  answered by the journal", replayed);
    }
    let tokens = format!(
        "{} / {}",
        human::count(all.prompt),
        human::count(all.completion)
    );
    row("tokens in / out", tokens);
    row("cost", cost(all.cost_micro_usd, all.unknown_price_calls));
    spending::below(&table, &summary.totals)
}

/// The summary for programs.
fn json(summary: &Summary) -> Json {
    let all = summary.totals.all();
    let stages = |of: &std::collections::BTreeMap<Stage, u64>| -> Object {
        let counts = of.iter();
        counts
            .map(|(stage, n)| (stage.as_str().to_owned(), Json::from(*n)))
            .collect()
    };
    let dir = summary.out_dir.display().to_string();
    let cost = (all.unknown_price_calls == 0).then(|| all.cost_micro_usd as f64 / 1e6);
    Json::object([
        ("status", Json::from(summary.ending.word())),
        ("ending", Json::from(summary.ending.to_string())),
        ("output_dir", Json::from(dir)),
        ("made", Json::Object(stages(&summary.made))),
        ("failed", Json::Object(stages(&summary.failed))),
        ("kept", Json::from(summary.kept)),
        ("controls", Json::from(summary.controls)),
        ("calls", Json::from(all.calls)),
        ("calls_replayed", Json::from(summary.replayed_calls)),
        ("prompt_tokens", Json::from(all.prompt)),
        ("completion_tokens", Json::from(all.completion)),
        ("cost_usd", Json::from(cost)),
        ("endpoints", spending::json(&summary.totals)),
        ("bytes_written", Json::from(summary.bytes_written)),
    ])
}

/// A run's counters for the progress display.
#[derive(Debug)]
struct Watched {
    live: Live,
    began: Instant,
}

impl ProgressSource for Watched {
    fn snapshot(&self) -> ProgressSnapshot {
        let tally = &self.live.tally;
        let failed = Stage::ALL
            .into_iter()
            .map(|stage| tally.failed(stage))
            .sum();
        ProgressSnapshot {
            label: "records".to_owned(),
            done: tally.all_made() + tally.kept(),
            total: None,
            dropped: failed,
            elapsed: self.began.elapsed(),
            ..ProgressSnapshot::of_calls(&self.live.caller)
        }
    }
}
