//! `forgemark dialogue bundle CONFIG`

use std::path::{Path, PathBuf};

use forgemark_contract::json::{Json, Object};
use forgemark_dialogue::bundle::{self, BundleError, Changes, Made, Request};

use crate::Context;
use crate::assemble::{Project, disk, owner};
use crate::cli::bundle::DialogueBundleArgs;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Makes a bundle of what a run has made.
///
/// # Errors
/// A configuration that is wrong, no rows, a row that cannot be used, a folder that is not ours.
pub fn run(args: &DialogueBundleArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let project = Project::read(&args.config, &args.set.set, context)?;
    let dir = folder(&project, args.out.as_deref());
    let made = make(&project, &dir, context)?;
    if args.json.json {
        context.printer.json_line(&json(&made, &dir))?;
        return Ok(Exit::Done);
    }
    context.printer.result(table(&made))?;
    for note in notes(&made, &dir) {
        context.printer.note(note);
    }
    Ok(Exit::Done)
}

/// The bundle after a run that is complete, when the configuration asks for it.
///
/// # Errors
/// As [`run`].
pub fn after_run(project: &Project, context: &Context<'_>) -> Result<(), AppError> {
    let dir = folder(project, None);
    let made = make(project, &dir, context)?;
    for note in notes(&made, &dir) {
        context.printer.note(note);
    }
    Ok(())
}

/// Where the bundle goes.
fn folder(project: &Project, asked: Option<&Path>) -> PathBuf {
    match asked {
        Some(dir) => dir.to_owned(),
        None => project.out_dir().join(&project.config.bundle.dir),
    }
}

fn make(project: &Project, dir: &Path, context: &Context<'_>) -> Result<Made, AppError> {
    let out_dir = project.out_dir();
    let name = std::path::absolute(&out_dir).ok();
    let name = name.as_deref().and_then(Path::file_name);
    let name = name.map(|name| name.to_string_lossy().into_owned());
    let title = match project.config.bundle.title.as_str() {
        "" => name.unwrap_or_else(|| "conversations".to_owned()),
        title => title.to_owned(),
    };
    let owner = owner();
    let request = Request {
        storage: disk(),
        out_dir: &out_dir,
        dir,
        config: &project.config,
        title: &title,
        version: context.build.version,
        owner: &owner,
    };
    bundle::make(&request).map_err(bundle_error)
}

/// Places an error of a bundle among the kinds.
pub(crate) fn bundle_error(error: BundleError) -> AppError {
    let kind = match &error {
        BundleError::NotThere { .. } | BundleError::NoRows { .. } | BundleError::Source { .. } => {
            ErrorKind::NotFound
        }
        BundleError::Damaged { .. } => ErrorKind::Damaged,
        BundleError::NotOurs { .. } | BundleError::Changed { .. } => ErrorKind::Usage,
        BundleError::SameName { .. } => ErrorKind::Config,
        BundleError::TooNew { .. } => ErrorKind::FormatTooNew,
        BundleError::Read { .. } | BundleError::Journal(_) => ErrorKind::Io,
    };
    let hint = error.hint();
    match error {
        BundleError::Journal(error) => AppError::Journal(error),
        error => AppError::new(kind, error.to_string())
            .hint(hint)
            .caused_by(error),
    }
}

fn table(made: &Made) -> String {
    let mut files = Table::new(&[("file", Align::Left), ("bytes", Align::Right)]);
    for (name, bytes) in &made.files {
        files.row([name.as_str(), &human::bytes(*bytes)]);
    }
    let Changes {
        converted,
        set_aside,
    } = &made.changes;
    if converted.is_empty() && set_aside.is_empty() {
        return files.to_string();
    }
    let mut changes = Table::new(&[
        ("in", Align::Left),
        ("so that every row fits the schema", Align::Left),
        ("times", Align::Right),
    ]);
    for ((path, what), n) in converted {
        changes.row([&*escape::for_line(path), what, &human::count(*n)]);
    }
    for (path, n) in set_aside {
        let what = "kept as JSON text among the leftovers of its row";
        changes.row([&*escape::for_line(path), what, &human::count(*n)]);
    }
    format!("{files}\n\n{changes}")
}

fn notes(made: &Made, dir: &Path) -> Vec<String> {
    let dir = dir.display();
    let done = if made.replaced { "replaced" } else { "made" };
    vec![
        format!(
            "{done} the bundle {dir}: {} of {} ({})",
            human::plural(made.facts.rows, "row", "rows"),
            made.source,
            made.why
        ),
        "nothing was uploaded; give the folder to an uploader of yours, without .forgemark"
            .to_owned(),
        format!("next: forgemark validate {dir}"),
    ]
}

fn json(made: &Made, dir: &Path) -> Json {
    let files = made.files.iter();
    let files: Object = files
        .map(|(name, bytes)| (name, Json::from(*bytes)))
        .collect();
    let set_aside = made.changes.set_aside.iter();
    let set_aside: Object = set_aside.map(|(path, n)| (path, Json::from(*n))).collect();
    let converted = made.changes.converted.iter().map(|((path, what), n)| {
        Json::object([
            ("path", Json::from(path)),
            ("what", Json::from(*what)),
            ("n", Json::from(*n)),
        ])
    });
    Json::object([
        ("dir", Json::from(dir.display().to_string())),
        ("source", Json::from(made.source.as_str())),
        ("why", Json::from(made.why.as_str())),
        ("rows", Json::from(made.facts.rows)),
        ("replaced", Json::from(made.replaced)),
        ("uploaded", Json::from(false)),
        ("files", Json::Object(files)),
        ("converted", converted.collect()),
        ("set_aside", Json::Object(set_aside)),
    ])
}
