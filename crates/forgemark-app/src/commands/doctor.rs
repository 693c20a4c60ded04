//! `forgemark doctor [CONFIG]`: checks what a run needs, changes nothing, and says what to do.

mod endpoints;
mod machine;
mod plan;
mod report;

use std::path::Path;

use forgemark_model::settings::RoleSettings;

use super::arena::project::ArenaProject;
use crate::assemble::Project;
use crate::cli::DoctorArgs;
use crate::config::Loaded;
use crate::config::document::Document;
use crate::error::{AppError, Hints as _};
use crate::exit::Exit;
use crate::models::Wanted;
use crate::tables::{self, ARENA, Table};
use crate::{Context, agents};
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
    let table = match Document::read(path) {
        Ok(document) => tables::of_run(&document.value),
        Err(error) => {
            refused("configuration", &error.into(), report, context);
            return Ok(());
        }
    };
    if table.name == ARENA.name {
        return arena(args, path, report, context);
    }
    let project = match Project::read(path, &args.set.set, context) {
        Ok(project) => project,
        Err(error) => {
            refused("configuration", &error, report, context);
            return Ok(());
        }
    };
    read(&table, path, &project.loaded, report);
    let base = path.parent().unwrap_or(Path::new(""));
    plan::check(&project.config, base, report);
    texts(&project, report, context);
    let wanted = Wanted::of_dialogue(&project.config, base);
    let context = &context.with_env(&project.env);
    let services = Some(&project.config.services);
    endpoints::check(
        &wanted,
        &agents::of_role,
        services,
        args.offline,
        report,
        context,
    )
}

/// Everything that the configuration of an arena says.
fn arena(
    args: &DoctorArgs,
    path: &Path,
    report: &mut Report,
    context: &Context<'_>,
) -> Result<(), AppError> {
    let project = match ArenaProject::read(path, &args.set.set, context) {
        Ok(project) => project,
        Err(error) => {
            refused("configuration", &error, report, context);
            return Ok(());
        }
    };
    read(&ARENA, path, &project.loaded, report);
    plan::folder(&project.out_dir(), "output.dir", report);
    let wanted = project.wanted();
    // Each model works on so many records, each of which makes one call at a time.
    let calls = wanted.concurrency.saturating_mul(wanted.roles.len());
    plan::open_files(calls as u64, report);
    match project.prompts() {
        Ok(_) => report.add("prompts", Level::Ok, "can be used"),
        Err(error) => refused("prompts", &error, report, context),
    }
    let agent = |role: &RoleSettings| project.agent(role);
    endpoints::check(&wanted, &agent, None, args.offline, report, context)
}

/// Says that a configuration was read, and as whose.
fn read(table: &Table, path: &Path, loaded: &Loaded, report: &mut Report) {
    let settings = loaded.settings.iter();
    let set = settings
        .filter(|(path, ..)| loaded.settings.is_set(path))
        .count();
    let text = format!("{}: {set} keys of `{}` are set", path.display(), table.name);
    report.add("configuration", Level::Ok, text);
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
