//! `forgemark arena ...`

pub mod check;

use crate::Context;
use crate::cli::ArenaCommand;
use crate::error::AppError;
use crate::exit::Exit;

/// Runs the subcommand.
///
/// # Errors
/// Those of the subcommand.
pub fn run(command: &ArenaCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    match command {
        ArenaCommand::Check(args) => check::run(args, context),
    }
}
