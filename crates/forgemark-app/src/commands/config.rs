//! `forgemark config show|schema|keys`

use crate::Context;
use crate::cli::{ConfigCommand, ConfigShowArgs};
use crate::commands::schema;
use crate::config::{self, keys_table, show};
use crate::error::AppError;
use crate::exit::Exit;
use crate::tables::{DIALOGUE, Table};

/// Prints what was asked for.
///
/// # Errors
/// A configuration that is wrong, or a stdout that does not take it.
pub fn run(command: &ConfigCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    match command {
        ConfigCommand::Show(args) => show(args, &args.table.table, context)?,
        ConfigCommand::Schema(args) => {
            context.printer.json(&schema::of_config(&args.table))?;
        }
        ConfigCommand::Keys(args) => context
            .printer
            .result_raw(&keys_table::markdown(args.table.keys))?,
    }
    Ok(Exit::Done)
}

fn show(args: &ConfigShowArgs, table: &Table, context: &Context<'_>) -> Result<(), AppError> {
    let file = config::read_file(&args.config)?;
    let env = if table.name == DIALOGUE.name {
        context.env_beside(&args.config)?
    } else {
        context.env.clone()
    };
    let loaded = context
        .with_env(&env)
        .load(table, Some(&file), &args.set.set)?;
    // What a run would refuse is refused here too.
    (table.check)(&loaded.settings).map_err(|errors| loaded.explain(&errors))?;
    if args.json.json {
        context
            .printer
            .json_line(&show::json(&loaded.settings, table.keys))?;
    } else {
        context
            .printer
            .result_raw(&show::yaml(&loaded.settings, table.keys, args.origin))?;
    }
    Ok(())
}
