//! `forgemark doctor [CONFIG]`: checks what a run needs, changes nothing, and says what to do.

mod endpoints;
mod machine;
mod plan;
mod report;

use std::path::Path;

use forgemark_dialogue::config::Config;

use crate::Context;
use crate::cli::DoctorArgs;
use crate::config;
use crate::error::{AppError, Hints as _};
use crate::exit::Exit;
use crate::tables::DIALOGUE;
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
    let read = config::read_file(path).map_err(AppError::from);
    let loaded = read.and_then(|file| context.load(&DIALOGUE, Some(&file), flags));
    let planned = loaded.and_then(|loaded| match Config::new(&loaded.settings) {
        Ok(plan) => Ok((loaded, plan)),
        Err(errors) => Err(loaded.explain(&errors).into()),
    });
    let (loaded, plan) = match planned {
        Ok(planned) => planned,
        Err(error) => {
            refused(&error, report, context);
            return Ok(());
        }
    };
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
    plan::check(&plan, base, report);
    endpoints::check(&plan, args.offline, report, context)
}

/// The configuration is wrong: its errors go to stderr as everywhere, the report says so in a line.
fn refused(error: &AppError, report: &mut Report, context: &Context<'_>) {
    context.printer.error_raw(&error.render());
    let text = match error {
        AppError::Config(config) => config.to_string(),
        other => other.to_string(),
    };
    report.add_with_hint(
        "configuration",
        Level::Fail,
        text,
        error.hints().first().cloned(),
    );
}
