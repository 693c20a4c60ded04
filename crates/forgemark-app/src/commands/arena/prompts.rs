//! `forgemark arena prompts export DIR`

use std::collections::BTreeMap;

use forgemark_arena::pipeline::config::Protocol;
use forgemark_arena::pipeline::prompts::Prompts;

use crate::Context;
use crate::cli::PromptsCommand;
use crate::commands::dialogue::prompts;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;

/// Writes the built-in templates into a folder. A file that is there is left alone.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn run(command: &PromptsCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    let PromptsCommand::Export(args) = command;
    let built_in = Prompts::load(Protocol::Forgemark1, &BTreeMap::new()).map_err(|error| {
        AppError::new(ErrorKind::Bug, "the built-in templates do not load").caused_by(error)
    })?;
    prompts::write(args, built_in.export(), context)
}
