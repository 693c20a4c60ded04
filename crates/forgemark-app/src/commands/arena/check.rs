//! `forgemark arena check DIR`

use std::collections::BTreeSet;
use std::path::Path;

use forgemark_arena::{
    Class, Corpus, CorpusError, Level, Quarantine, QuarantineError, Report, check, put_aside,
};
use forgemark_contract::json::Json;

use crate::Context;
use crate::assemble::{disk, owner};
use crate::cli::ArenaCheckArgs;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Says everything that is wrong with an arena folder, and puts aside what cannot stand if asked to. The exit code is 1
/// when there are faults or warnings left.
///
/// # Errors
/// A folder that is missing, holds no file of an arena or cannot be read; with `--fix` also one that is in use, changes
/// meanwhile or cannot be written; a stdout that takes nothing.
pub fn run(args: &ArenaCheckArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    if !args.dir.exists() {
        let what = format!("there is no folder {}", args.dir.display());
        return Err(AppError::new(ErrorKind::NotFound, what));
    }
    let put = if args.fix {
        put_aside(&*disk(), &args.dir, &owner()).map_err(fix_error)?
    } else {
        None
    };
    if args.fix && !args.json.json {
        context.printer.result(put_text(put.as_ref(), &args.dir))?;
    }
    show(&args.dir, put.as_ref(), args.limit, args.json.json, context)
}

/// Checks a folder and shows the report, of which `put` is what a fix has put aside before.
///
/// # Errors
/// As [`run`].
pub fn show(
    dir: &Path,
    put: Option<&Quarantine>,
    limit: usize,
    json: bool,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let corpus = Corpus::load(&*disk(), dir, true).map_err(corpus_error)?;
    let report = check(&corpus);
    if json {
        let mut value = report.to_json(limit);
        if let (Some(put), Some(object)) = (put, value.as_object_mut()) {
            object.insert("quarantine", quarantine_json(put));
        }
        context.printer.json_line(&value)?;
    } else {
        print(&report, limit, context)?;
    }
    Ok(if report.is_clean() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

fn put_text(put: Option<&Quarantine>, dir: &Path) -> String {
    let Some(put) = put else {
        return "nothing to put aside\n".to_owned();
    };
    let entries = human::plural(put.entries.values().sum(), "entry", "entries");
    let files = human::plural(put.files.len() as u64, "file", "files");
    let folder = dir.join(&put.folder);
    format!("put aside {entries} and {files}: {}\n", folder.display())
}

fn print(report: &Report, limit: usize, context: &Context<'_>) -> Result<(), AppError> {
    let printer = &context.printer;
    let mut files = Table::new(&[
        ("folder", Align::Left),
        ("files", Align::Right),
        ("entries", Align::Right),
        ("bytes", Align::Right),
    ]);
    for (kind, total) in &report.totals {
        files.row([
            kind.folder(),
            &human::count(total.files),
            &human::count(total.entries),
            &human::bytes(total.bytes),
        ]);
    }
    printer.result(files.to_string())?;
    if !report.counts.is_empty() {
        let mut classes = Table::new(&[
            ("class", Align::Left),
            ("level", Align::Left),
            ("findings", Align::Right),
        ]);
        for (class, n) in &report.counts {
            classes.row([class.as_str(), class.level().as_str(), &human::count(*n)]);
        }
        printer.result(format!("\n{classes}"))?;
    }
    let mut said: BTreeSet<Class> = BTreeSet::new();
    for finding in report.shown(limit) {
        let class = finding.class;
        if said.insert(class) {
            printer.result(format!("\n{}: {}", class.as_str(), class.meaning()))?;
            printer.result(format!("    {}", class.remedy()))?;
        }
        let key = match finding.key.as_str() {
            "" => String::new(),
            key => format!(" {key}:"),
        };
        let line = format!("  {}:{key} {}", finding.place(), finding.what);
        printer.result(escape::for_line(&line))?;
    }
    let all = report.findings.len();
    let shown = report.shown(limit).count();
    if shown < all {
        printer.note(format!(
            "{} more; `--limit N` shows N of each class",
            human::count((all - shown) as u64)
        ));
    }
    let [faults, warnings, notes] =
        [Level::Fault, Level::Warning, Level::Note].map(|level| report.at_level(level));
    printer.result(format!(
        "\n{}, {}, {}",
        human::plural(faults, "fault", "faults"),
        human::plural(warnings, "warning", "warnings"),
        human::plural(notes, "note", "notes"),
    ))?;
    Ok(())
}

fn quarantine_json(put: &Quarantine) -> Json {
    let entries = put.entries.iter();
    let entries = entries.map(|(class, n)| (class.as_str().to_owned(), Json::from(*n)));
    Json::from([
        ("folder", Json::from(put.folder.as_str())),
        ("entries", Json::Object(entries.collect())),
        ("files", Json::from(put.files.clone())),
    ])
}

pub(in crate::commands) fn corpus_error(error: CorpusError) -> AppError {
    match error {
        CorpusError::NoArena { .. } => AppError::new(ErrorKind::NotFound, error.to_string())
            .hint("name the folder that holds `benchmarks/` and `answers/`"),
        CorpusError::Unreadable { path, source } => AppError::Io {
            action: "read",
            path,
            source,
        },
    }
}

fn fix_error(error: QuarantineError) -> AppError {
    match error {
        QuarantineError::Corpus(error) => corpus_error(error),
        QuarantineError::Lock(error) => error.into(),
        QuarantineError::Changed { .. } => AppError::new(ErrorKind::Failed, error.to_string())
            .hint("end the program that writes there and run the same command again"),
        QuarantineError::Write { path, source } => AppError::Io {
            action: "write",
            path,
            source,
        },
    }
}
