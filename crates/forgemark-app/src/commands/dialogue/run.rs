//! `forgemark dialogue run CONFIG`

use std::sync::Arc;

use forgemark_dialogue::config::Exhaustion;
use forgemark_dialogue::run::{DialogueRun, RunOptions, Summary};
use forgemark_dialogue::{DialogueError, DropReason, MaxFailed};
use forgemark_run::Cancel;

use super::live::Watched;
use super::pulse::Pulse;
use super::{bundle, estimate, report};
use crate::Context;
use crate::assemble::{Project, disk};
use crate::cli::DialogueRunArgs;
use crate::config::Flag;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::progress::{Display, ProgressMode};
use crate::signals;

/// Makes conversations.
///
/// # Errors
/// A configuration that is wrong, or whatever ends the run at once.
pub fn run(args: &DialogueRunArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut flags = args.set.set.clone();
    if let Some(concurrency) = args.concurrency {
        flags.push(Flag::named(
            "--concurrency",
            "run.concurrency",
            &concurrency,
        ));
    }
    if let Some(limit) = args.limit {
        flags.push(Flag::named("--limit", "run.limit", &limit));
    }
    let project = Project::read(&args.config, &flags, context)?;
    if args.estimate {
        return estimate::estimate_run(args, &project, context);
    }
    let options = RunOptions {
        new_run: args.new_run,
        limit: project.config.limit,
        max_failed: args.max_failed.as_deref().map(max_failed).transpose()?,
        retry_failed: args.retry_failed.as_deref().map(retry_reason).transpose()?,
        skip_probe: false,
    };
    let summary = make(&project, options, args.verify, args.progress, context)?;
    for notice in &summary.notices {
        context.printer.warn(notice);
    }
    if args.json.json {
        context.printer.json_line(&report::json(&summary))?;
    } else {
        context.printer.result(report::table(&summary))?;
        for line in report::advice(&summary) {
            context.printer.note(line);
        }
        let dir = summary.out_dir.display();
        context
            .printer
            .note(format!("next: forgemark dialogue show {dir}"));
        context
            .printer
            .note(format!("      forgemark validate {dir}"));
    }
    let exit = report::exit(&summary);
    if project.config.bundle.auto {
        if exit == Exit::Done {
            bundle::after_run(&project, context)?;
        } else {
            context.printer.note(
                "no bundle was made (`saving.hf_push.auto_push_on_run`): the run is not complete",
            );
        }
    }
    Ok(exit)
}

/// Assembles, opens and drives a run.
///
/// # Errors
/// As [`run`].
pub fn make(
    project: &Project,
    options: RunOptions,
    verify: bool,
    progress: ProgressMode,
    context: &Context<'_>,
) -> Result<Summary, AppError> {
    let storage = disk();
    let (corpus, _) = project.corpus(&*storage, verify, context)?;
    let offered = forgemark_dialogue::OFFER * project.config.lookahead;
    if project.config.exhaustion == Exhaustion::Warn && corpus.chunks().len() < offered {
        context.printer.warn(format!(
            "the documents have {} passages and a window of {} conversations reserves up to {offered}: passages will be offered again",
            corpus.chunks().len(),
            project.config.lookahead,
        ));
    }
    let environment = project.environment(corpus, Arc::clone(&storage), context)?;
    project.make_out_dir(&*storage)?;
    let (out_dir, owner) = (environment.out_dir.clone(), environment.owner.clone());
    let run = DialogueRun::open(environment, options).map_err(dialogue_error)?;
    if run.is_resumed() {
        context
            .printer
            .note(format!("continuing run {}", run.run_id()));
    } else {
        context
            .printer
            .detail(format!("beginning run {}", run.run_id()));
    }
    for warning in run.warnings() {
        context.printer.warn(warning);
    }
    let cancel = Cancel::new();
    signals::drain_on_signal(
        &context.printer,
        &cancel,
        "draining: calls in flight end, then the run stops resumable; once more stops at once",
    )?;
    let display = Display::start(
        &context.printer,
        progress,
        Arc::new(Watched::new(run.live())),
    );
    let pulse = Pulse::start(storage, &out_dir, owner, run.live());
    let runtime = context.runtime()?;
    let summary = runtime.block_on(run.drive(cancel));
    drop(pulse);
    display.finish();
    summary.map_err(dialogue_error)
}

/// Places a pipeline's error among the kinds.
pub fn dialogue_error(error: DialogueError) -> AppError {
    if let DialogueError::Journal(error) = error {
        return AppError::Journal(error);
    }
    let kind = match &error {
        DialogueError::Probe { .. } => ErrorKind::Endpoint,
        DialogueError::Corpus(_) | DialogueError::Thread(_) => ErrorKind::Io,
        DialogueError::JournalOrder { .. } => ErrorKind::Damaged,
        DialogueError::NothingToJudge { .. } => ErrorKind::NotFound,
        _ => ErrorKind::Config,
    };
    let mut hints = error.hints();
    if matches!(error, DialogueError::Id(_)) {
        hints.push(
            "ids are made of `run.run_id` and `run.target_languages`; both name files".to_owned(),
        );
    }
    hints
        .into_iter()
        .fold(AppError::new(kind, error.to_string()), AppError::hint)
}

fn max_failed(text: &str) -> Result<MaxFailed, AppError> {
    let wrong = || {
        AppError::new(ErrorKind::Usage, format!("--max-failed is {text:?}"))
            .hint("write a number of conversations (20) or a share (5%)")
    };
    if let Some(percent) = text.strip_suffix('%') {
        let share: f64 = percent.trim().parse().map_err(|_| wrong())?;
        return if share > 0.0 && share <= 100.0 {
            Ok(MaxFailed::Share(share / 100.0))
        } else {
            Err(wrong())
        };
    }
    text.parse().map(MaxFailed::Count).map_err(|_| wrong())
}

fn retry_reason(text: &str) -> Result<Option<DropReason>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    DropReason::from_word(text).map(Some).ok_or_else(|| {
        let known: Vec<&str> = DropReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        AppError::new(ErrorKind::Usage, format!("{text:?} is not a drop reason"))
            .hint(format!("known reasons: {}", known.join(", ")))
    })
}
