//! `forgemark export verify DIR` and `forgemark export diff BEFORE AFTER`

use std::path::Path;

use forgemark_contract::json::Json;
use forgemark_curate::cut::{self, DECISIONS, PROVENANCE};

use super::folder::{each_line, manifests, read_json};
use crate::Context;
use crate::cli::{ExportDiffArgs, ExportVerifyArgs};
use crate::error::AppError;
use crate::exit::Exit;
use crate::human;

/// Compares every file of a cut with its manifest.
///
/// # Errors
/// A folder without a cut, or a file that cannot be read.
pub(super) fn verify(args: &ExportVerifyArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut findings = Vec::new();
    let names = manifests(&args.dir)?;
    let mut files = 0;
    for name in &names {
        let manifest = read_json(&args.dir, name)?;
        let found = cut::verify(&manifest, &mut |file| {
            files += 1;
            std::fs::read(args.dir.join(file)).ok()
        });
        findings.extend(found.into_iter().map(|what| (name.clone(), what)));
    }
    let printer = &context.printer;
    if args.json.json {
        let list = findings.iter().map(|(manifest, what)| {
            Json::object([
                ("manifest", Json::from(manifest)),
                ("what", Json::from(what)),
            ])
        });
        printer.json_line(&Json::object([
            ("files", Json::from(files)),
            ("findings", list.collect()),
        ]))?;
    } else {
        for (manifest, what) in &findings {
            printer.result(format!("{manifest}: {what}"))?;
        }
        let seen = human::plural(files, "file", "files");
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
