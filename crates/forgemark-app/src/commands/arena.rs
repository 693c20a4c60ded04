//! `forgemark arena ...`

pub mod adjudicate;
pub mod check;
mod ground;
mod html;
pub mod label;
pub mod policy;
pub mod rate;
pub mod stats;
mod svg;

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
        ArenaCommand::Stats(args) => stats::run(args, context),
        ArenaCommand::Rate(args) => rate::run(args, context),
        ArenaCommand::Policy(args) => policy::run(args, context),
        ArenaCommand::Adjudicate(args) => adjudicate::run(args, context),
        ArenaCommand::Label(args) => label::run(args, context),
    }
}
