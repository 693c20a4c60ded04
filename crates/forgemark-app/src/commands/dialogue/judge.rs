//! `forgemark dialogue judge CONFIG`

mod report;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use forgemark_contract::settings::SettingError;
use forgemark_dialogue::judge::{Environment, LateJudge, Live, Options};
use forgemark_journal::OpenOptions;
use forgemark_run::Cancel;

use super::run::dialogue_error;
use crate::Context;
use crate::assemble::{Project, disk, owner};
use crate::cli::judge::DialogueJudgeArgs;
use crate::clock;
use crate::config::Flag;
use crate::error::AppError;
use crate::exit::Exit;
use crate::progress::{Display, ProgressSnapshot, ProgressSource};
use crate::signals;

/// Judges the conversations of an output folder that are not judged yet.
///
/// # Errors
/// A configuration that is wrong, a folder without conversations, or whatever ends the command at once.
pub fn run(args: &DialogueJudgeArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut flags = args.set.set.clone();
    if let Some(granularity) = args.granularity {
        let word = granularity.as_str();
        flags.push(Flag::named("--granularity", "judge.granularity", &word));
    }
    if let Some(repeat) = args.repeat {
        flags.push(Flag::named("--repeat", "judge.repeats", &repeat));
    }
    if let Some(concurrency) = args.concurrency {
        flags.push(Flag::named(
            "--concurrency",
            "run.concurrency",
            &concurrency,
        ));
    }
    let project = Project::read(&args.config, &flags, context)?;
    let environment = environment(&project, args.verify, context)?;
    let options = Options {
        limit: args.limit,
        retry_failed: args.retry_failed,
        skip_probe: false,
    };
    let opened = LateJudge::open(environment, options).map_err(dialogue_error)?;
    let runtime = context.runtime()?;
    if args.estimate {
        let forecast = runtime
            .block_on(opened.forecast())
            .map_err(dialogue_error)?;
        if args.json.json {
            context
                .printer
                .json_line(&report::forecast_json(&forecast))?;
        } else {
            context.printer.result(report::forecast_table(&forecast))?;
            context.printer.note(report::ASSUMED);
        }
        return Ok(Exit::Done);
    }
    let cancel = Cancel::new();
    signals::drain_on_signal(
        &context.printer,
        &cancel,
        "draining: calls in flight end, then what is judged is written; once more stops at once",
    )?;
    let watched = Watched {
        live: opened.live(),
        began: Instant::now(),
    };
    let display = Display::start(&context.printer, args.progress, Arc::new(watched));
    let summary = runtime.block_on(opened.drive(cancel));
    display.finish();
    let summary = summary.map_err(dialogue_error)?;
    for notice in summary.notices.iter().chain(&summary.left_out) {
        context.printer.warn(notice);
    }
    if args.json.json {
        context.printer.json_line(&report::json(&summary))?;
    } else {
        context.printer.result(report::tables(&summary))?;
        for line in report::advice(&summary) {
            context.printer.note(line);
        }
    }
    Ok(super::report::exit_of(&summary.ending))
}

fn environment(
    project: &Project,
    verify: bool,
    context: &Context<'_>,
) -> Result<Environment, AppError> {
    let config = &project.config;
    for judge in config.judges() {
        if judge.model.is_empty() {
            let path = format!("{}.model", judge.path);
            let error = SettingError::new(path, "is not set")
                .with_hint("name a model, or use \"offline:judge\" for the built-in baseline");
            return Err(project.loaded.explain(&[error]).into());
        }
    }
    let storage = disk();
    // Rows of the original hold their evidence themselves; a row of ours whose passages are gone says so.
    let documents = project.path(&config.documents);
    let corpus = if documents.is_dir() {
        Some(Arc::new(project.corpus(&*storage, verify, context)?.0))
    } else {
        context.printer.warn(format!(
            "there is no folder {}: conversations whose passages lie there cannot be judged",
            documents.display()
        ));
        None
    };
    Ok(Environment {
        out_dir: project.out_dir(),
        storage,
        config: Arc::clone(config),
        corpus,
        prompts: Arc::new(project.prompts()?),
        callers: project.judges(context)?,
        clock: Arc::new(clock::now),
        owner: owner(),
        journal: OpenOptions::default(),
    })
}

/// Judging that is watched.
#[derive(Debug)]
struct Watched {
    live: Live,
    began: Instant,
}

impl ProgressSource for Watched {
    fn snapshot(&self) -> ProgressSnapshot {
        ProgressSnapshot {
            label: "judged".to_owned(),
            done: self.live.done.load(Ordering::Relaxed),
            total: Some(self.live.total),
            elapsed: self.began.elapsed(),
            ..ProgressSnapshot::of_calls(&self.live.caller)
        }
    }
}
