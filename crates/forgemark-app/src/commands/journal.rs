//! `forgemark journal dump|verify|rebuild-index`

mod dump;

use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{DiskStorage, Storage, Verified, rebuild_index, verify};

use crate::Context;
use crate::cli::{JournalArgs, JournalCommand};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};

/// Runs the subcommand.
///
/// # Errors
/// When there is no journal, when it is damaged, in use or of a newer format.
pub fn run(command: &JournalCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage);
    match command {
        JournalCommand::Dump(args) => {
            require_journal(&args.dir)?;
            dump::run(args, &storage, context)?;
        }
        JournalCommand::Verify(args) => {
            require_journal(&args.dir)?;
            print_verified(&verify(&storage, &args.dir)?, args, context)?;
        }
        JournalCommand::RebuildIndex(args) => {
            require_journal(&args.dir)?;
            let entries = rebuild_index(&storage, &args.dir)?;
            if args.json.json {
                context
                    .printer
                    .json_line(&Json::from([("index_entries", entries.into())]))?;
            } else {
                context.printer.result(format!(
                    "the key index is built anew: {}",
                    human::plural(entries, "entry", "entries")
                ))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Fails with a hint when a folder holds no journal.
fn require_journal(dir: &Path) -> Result<(), AppError> {
    if dir.join(STATE_DIR).join("journal").is_dir() {
        return Ok(());
    }
    let what = if dir.exists() {
        format!("there is no journal in {}", dir.display())
    } else {
        format!("there is no folder {}", dir.display())
    };
    Err(AppError::new(ErrorKind::NotFound, what)
        .hint("name the output folder of a run (`saving.output_dir`)"))
}

fn print_verified(
    proven: &Verified,
    args: &JournalArgs,
    context: &Context<'_>,
) -> Result<(), AppError> {
    let rows = [
        ("segments", proven.segments),
        ("records", proven.records),
        ("calls", proven.calls),
        ("commits", proven.commits),
        ("items", proven.items),
        ("bytes", proven.bytes),
        ("torn_bytes", proven.torn_bytes),
        ("index_entries", proven.index_entries),
    ];
    if args.json.json {
        let fields = rows
            .iter()
            .map(|(name, n)| ((*name).to_owned(), Json::from(*n)));
        context.printer.json_line(&Json::Object(fields.collect()))?;
        return Ok(());
    }
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    for (name, n) in rows {
        table.row([name.replace('_', " "), human::count(n)]);
    }
    context.printer.result(table.to_string())?;
    if proven.torn_bytes > 0 {
        context
            .printer
            .note("torn bytes were never acknowledged; the next run cuts them off");
    }
    context.printer.result("the journal is sound")?;
    Ok(())
}
