//! `forgemark doctor [CONFIG]`: checks what a run needs, changes nothing, and says what to do.

mod endpoints;
mod machine;
mod plan;
mod report;

use std::path::Path;

use crate::Context;
use crate::assemble::Project;
use crate::cli::DoctorArgs;
use crate::error::{AppError, Hints as _};
use crate::exit::Exit;
use report::{Level, Report};

/// Prints one line a check. The exit code is 1 when a check failed; warnings do not count.
///
/// # Errors
/// When stdout does not take the report.
pub fn run(args: &DoctorArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut report = Report::default();
    machine::check(&mut report, context.build.version);
    if let Some(path) = &args.config {
        configured(args, path, &mut report, context)?;
    } else {
        report.add(
            "configuration",
            Level::Ok,
            "none given; `forgemark doctor CONFIG` checks the rest",
        );
    }
    if args.json.json {
        context.printer.json_line(&report.to_json())?;
    } else {
        context.printer.result(report.render())?;
    }
    Ok(if report.has_failed() {
        Exit::Findings
    } else {
        Exit::Done
    })
}

/// Everything that a configuration says.
fn configured(
    args: &DoctorArgs,
    path: &Path,
    report: &mut Report,
    context: &Context<'_>,
) -> Result<(), AppError> {
    let flags = &args.set.set;
    let project = match Project::read(path, flags, context) {
        Ok(project) => project,
        Err(error) => {
            refused("configuration", &error, report, context);
            return Ok(());
        }
    };
    let (loaded, plan) = (&project.loaded, &project.config);
    let set = loaded
        .settings
        .iter()
        .filter(|(path, ..)| loaded.settings.is_set(path))
        .count();
    report.add(
        "configuration",
        Level::Ok,
        format!("{}: {set} keys are set", path.display()),
    );
    let base = path.parent().unwrap_or(Path::new(""));
    plan::check(plan, base, report);
    texts(&project, report, context);
    let context = &context.with_env(&project.env);
    endpoints::check(plan, base, args.offline, report, context)
}

/// The files of words that a run begins with, read as a run reads them.
fn texts(project: &Project, report: &mut Report, context: &Context<'_>) {
    let loaded = [
        ("personas", said(project.personas(context))),
        ("seed topics", said(project.seeds())),
        (
            "prompts",
            project.prompts().map(|_| match &project.config.prompts {
                Some(folder) => format!("{} can be used", folder.display()),
                None => "the built-in ones".to_owned(),
            }),
        ),
    ];
    for (name, result) in loaded {
        match result {
            Ok(text) => report.add(name, Level::Ok, text),
            Err(error) => refused(name, &error, report, context),
        }
    }
}

/// What to say of something that may be off.
fn said<T>(result: Result<Option<T>, AppError>) -> Result<String, AppError> {
    let used = |found| if found { "can be used" } else { "none" };
    result.map(|found| used(found.is_some()).to_owned())
}

/// Something is wrong: the errors go to stderr as everywhere, the report says so in a line.
fn refused(name: &str, error: &AppError, report: &mut Report, context: &Context<'_>) {
    context.printer.error_raw(&error.render());
    let text = match error {
        AppError::Config(config) => match config.problems.as_slice() {
            [problem] => match &problem.place {
                Some(place) => format!("{}: {}", place.title(), problem.message),
                None => problem.message.clone(),
            },
            _ => config.to_string(),
        },
        other => other.to_string(),
    };
    report.add_with_hint(name, Level::Fail, text, error.hints().first().cloned());
}
