//! `forgemark dialogue prompts export DIR`

use std::collections::BTreeMap;

use forgemark_dialogue::prompts::Prompts;
use forgemark_journal::write_atomic;

use crate::Context;
use crate::assemble::disk;
use crate::cli::{PromptsCommand, PromptsExportArgs};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;

/// Writes the built-in templates into a folder. A file that is there is left alone.
///
/// # Errors
/// A folder that cannot be written.
pub fn run(command: &PromptsCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    let PromptsCommand::Export(args) = command;
    let prompts = Prompts::load(&BTreeMap::new()).map_err(|error| {
        AppError::new(ErrorKind::Bug, "the built-in templates do not load").caused_by(error)
    })?;
    write(args, prompts.export(), context)
}

/// Writes templates into a folder. A file that is there is left alone.
///
/// # Errors
/// A folder that cannot be written.
pub fn write<'t>(
    args: &PromptsExportArgs,
    templates: impl Iterator<Item = (&'static str, &'t str)>,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let storage = disk();
    storage
        .create_dir_all(&args.dir)
        .map_err(|source| AppError::Io {
            action: "create",
            path: args.dir.clone(),
            source,
        })?;
    for (name, text) in templates {
        let path = args.dir.join(name);
        if path.exists() {
            context
                .printer
                .warn(format!("{} exists and is left as it is", path.display()));
            continue;
        }
        write_atomic(&*storage, &path, text.as_bytes()).map_err(|source| AppError::Io {
            action: "write",
            path: path.clone(),
            source,
        })?;
        context.printer.result(path.display().to_string())?;
    }
    context
        .printer
        .note("edit them and set `prompts:` in the configuration to the folder");
    Ok(Exit::Done)
}
