//! `forgemark export verify DIR` and `forgemark export diff BEFORE AFTER`

use std::path::Path;

use forgemark_contract::json::Json;
use forgemark_curate::cut::{self, DECISIONS, PROVENANCE};
use forgemark_curate::formats::{self, Format, Task};

use super::folder::{Files, each_line, manifests, read_json, rows_of};
use crate::Context;
use crate::cli::{ExportDiffArgs, ExportValidateArgs};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;

/// Proves a cut from its files: digests, counts, sides, rows.
///
/// # Errors
/// A folder without a cut, or a file that cannot be read.
pub(crate) fn verify(dir: &Path, json: bool, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut findings = Vec::new();
    let names = manifests(dir)?;
    let mut files = Files {
        dir,
        tables: context.build.tables,
    };
    let mut count = 0;
    for name in &names {
        let manifest = read_json(dir, name)?;
        let ours = manifest.get("forgemark").unwrap_or(&manifest);
        count += ours.items("files").len() as u64;
        let found = cut::verify(&manifest, &mut files).map_err(|source| AppError::Io {
            action: "read",
            path: dir.to_owned(),
            source,
        })?;
        findings.extend(found.into_iter().map(|what| (name.clone(), what)));
    }
    let printer = &context.printer;
    if json {
        let list = findings.iter().map(|(manifest, what)| {
            Json::object([
                ("manifest", Json::from(manifest)),
                ("what", Json::from(what)),
            ])
        });
        printer.json_line(&Json::object([
            ("files", Json::from(count)),
            ("findings", list.collect()),
        ]))?;
    } else {
        for (manifest, what) in &findings {
            printer.result(format!("{manifest}: {what}"))?;
        }
        let seen = human::plural(count, "file", "files");
        let said = match findings.len() as u64 {
            0 => format!("{seen}: all as the manifest says"),
            n => format!("{seen}: {}", human::plural(n, "finding", "findings")),
        };
        printer.result(said)?;
    }
    Ok(if findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

/// Asks the strict validator of a trainer's format about every row of files.
///
/// # Errors
/// A file that cannot be read, and a shape that has no rows for the task.
pub(super) fn validate(args: &ExportValidateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let usage = |what: String| AppError::new(ErrorKind::Usage, what);
    let words = |all: &[&str]| all.join(", ");
    let format = Format::of_word(&args.shape).ok_or_else(|| {
        let all = Format::ALL.map(Format::word);
        usage(format!("--shape: expected one of {}", words(&all)))
    })?;
    let task = Task::of_word(&args.task).ok_or_else(|| {
        let all = Task::ALL.map(Task::word);
        usage(format!("--task: expected one of {}", words(&all)))
    })?;
    let mut found = Vec::new();
    let mut count = 0;
    for path in &args.files {
        let rows = rows_of(path, context.build.tables).map_err(|source| AppError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let rows = rows.inspect(|_| count += 1);
        let readable = rows.map(|row| row.map_err(|error| error.to_string()));
        let findings = formats::validate(format, task, readable).into_iter();
        found.extend(findings.map(|finding| (path, finding)));
    }
    let printer = &context.printer;
    if args.json.json {
        let list = found.iter().map(|(path, finding)| {
            Json::object([
                ("file", Json::from(path.display().to_string())),
                ("row", finding.row.into()),
                ("field", Json::from(&finding.field)),
                ("rule", finding.rule.into()),
                ("what", Json::from(&finding.what)),
            ])
        });
        let (rows, findings) = (Json::from(count), list.collect());
        printer.json_line(&Json::object([("rows", rows), ("findings", findings)]))?;
    } else {
        for (path, finding) in found.iter().take(args.limit) {
            printer.result(format!("{}: {finding}", path.display()))?;
        }
        let seen = human::plural(count, "row", "rows");
        let said = match found.len() as u64 {
            0 => format!("{seen}: {} reads them as they are meant", format.word()),
            n => format!("{seen}: {}", human::plural(n, "finding", "findings")),
        };
        printer.result(said)?;
    }
    Ok(if found.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

/// Says which examples came, went and changed.
///
/// # Errors
/// As [`verify`].
pub(super) fn diff(args: &ExportDiffArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let before = lines(&args.before, PROVENANCE)?;
    let after = lines(&args.after, PROVENANCE)?;
    let decisions = lines(&args.after, DECISIONS)?;
    let changes = cut::diff(&before, &after, &decisions);
    let printer = &context.printer;
    if args.json.json {
        let list = changes
            .iter()
            .map(|(id, what)| Json::object([("id", Json::from(id)), ("what", Json::from(what))]));
        printer.json_line(&list.collect::<Json>())?;
        return Ok(Exit::Done);
    }
    for (id, what) in changes.iter().take(args.limit) {
        printer.result(format!("{id}  {what}"))?;
    }
    let count = |word: &str| {
        changes
            .iter()
            .filter(|(_, what)| what.starts_with(word))
            .count()
    };
    printer.result(format!(
        "{} came, {} went, {} changed",
        count("came"),
        count("went"),
        count("changed")
    ))?;
    Ok(Exit::Done)
}

/// The lines of the files of a cut whose names end so.
fn lines(dir: &Path, end: &str) -> Result<Vec<Json>, AppError> {
    let mut lines = Vec::new();
    for name in manifests(dir)? {
        let manifest = read_json(dir, &name)?;
        each_line(dir, &manifest, end, &mut |line| lines.push(line))?;
    }
    Ok(lines)
}
