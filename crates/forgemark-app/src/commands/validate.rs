//! `forgemark validate DIR`: an output folder of a run, a bundle, an arena folder, or the folder of a cut.

use forgemark_arena::is_arena;
use forgemark_dialogue::bundle;
use forgemark_dialogue::check::{CheckError, CheckOptions, Kind, Report, check};
use forgemark_journal::RunLock;

use crate::Context;
use crate::assemble::{disk, owner};
use crate::cli::ValidateArgs;
use crate::commands::{arena, dialogue, export};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Proves an output folder: every file against its contract, and all files against each other. An arena folder is
/// checked as `forgemark arena check` does, a cut as `forgemark export verify` does. The exit code is 1 when there are findings.
///
/// # Errors
/// A folder that is missing or holds no artifact, and a stdout that takes nothing.
pub fn run(args: &ValidateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let remedy = "name the output folder of a run (`saving.output_dir`)";
    if !args.dir.exists() {
        let what = format!("there is no folder {}", args.dir.display());
        return Err(AppError::new(ErrorKind::NotFound, what).hint(remedy));
    }
    let options = CheckOptions { keep: args.limit };
    if bundle::is_bundle(&*disk(), &args.dir, &owner())? {
        let report =
            bundle::prove(&disk(), &args.dir, &options).map_err(dialogue::bundle::bundle_error)?;
        return show(&report, args, context);
    }
    let checked = check(&disk(), &args.dir, &options);
    if matches!(checked, Err(CheckError::NoArtifacts { .. })) && is_arena(&*disk(), &args.dir) {
        return arena::check::show(&args.dir, None, args.limit, args.json.json, context);
    }
    if matches!(checked, Err(CheckError::NoArtifacts { .. })) && export::is_cut(&args.dir)? {
        return export::verify(&args.dir, args.json.json, context);
    }
    let report = checked.map_err(|error| {
        let kind = match error {
            CheckError::NoArtifacts { .. } => ErrorKind::NotFound,
            CheckError::Unreadable { .. } => ErrorKind::Io,
        };
        AppError::new(kind, error.to_string())
            .hint(remedy)
            .caused_by(error)
    })?;
    if report.has_journal
        && let Ok(Some(owner)) = RunLock::holder(&*disk(), &args.dir)
    {
        context.printer.note(format!(
            "a run is working here ({owner}); what it has not committed yet is no damage"
        ));
    }
    show(&report, args, context)
}

fn show(report: &Report, args: &ValidateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    if args.json.json {
        context.printer.json_line(&report.to_json(args.limit))?;
    } else {
        print(report, args, context)?;
    }
    Ok(if report.is_clean() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

fn print(report: &Report, args: &ValidateArgs, context: &Context<'_>) -> Result<(), AppError> {
    let printer = &context.printer;
    printer.result(files(report))?;
    for note in &report.notes {
        printer.note(note);
    }
    if report.is_clean() {
        let what = format!(
            "{} with {} are proven{}",
            human::plural(report.conversations, "conversation", "conversations"),
            human::plural(report.turns, "turn", "turns"),
            if report.has_journal {
                ", the journal included"
            } else {
                "; there is no journal"
            },
        );
        printer.result(what)?;
        return Ok(());
    }
    let mut table = Table::new(&[("kind", Align::Left), ("findings", Align::Right)]);
    for (kind, n) in &report.counts {
        table.row([kind.as_str(), &human::count(*n)]);
    }
    printer.result(format!("\n{table}\n"))?;
    let mut last: Option<Kind> = None;
    for found in report.findings.iter().take(args.limit) {
        let path = if found.path.is_empty() {
            String::new()
        } else {
            format!(" {}", found.path)
        };
        printer.result(format!(
            "{}: {}:{path} {}",
            found.place(),
            found.kind.as_str(),
            found.what
        ))?;
        // One remedy for a row of findings of one kind.
        if last != Some(found.kind) {
            printer.result(format!("    {}", found.remedy))?;
        }
        last = Some(found.kind);
    }
    let rest = report.total() - report.findings.len().min(args.limit) as u64;
    if rest > 0 {
        printer.note(format!(
            "{} more; `--limit N` shows more",
            human::count(rest)
        ));
    }
    printer.result(format!(
        "\n{}",
        human::plural(report.total(), "finding", "findings")
    ))?;
    Ok(())
}

/// What there is, file by file.
fn files(report: &Report) -> String {
    let mut table = Table::new(&[
        ("file", Align::Left),
        ("rows", Align::Right),
        ("bytes", Align::Right),
        ("findings", Align::Right),
    ]);
    for (file, count) in &report.files {
        let findings = match count.findings {
            0 => "-".to_owned(),
            n => human::count(n),
        };
        table.row([
            file.as_str(),
            &human::count(count.rows),
            &human::bytes(count.bytes),
            &findings,
        ]);
    }
    table.to_string()
}
