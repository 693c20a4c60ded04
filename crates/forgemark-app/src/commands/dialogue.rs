//! `forgemark dialogue ...`

pub mod bundle;
pub mod estimate;
pub mod judge;
pub mod live;
pub mod prompts;
pub mod pulse;
pub mod report;
pub mod run;
pub mod seeds_migrate;
pub mod show;
pub mod stats;
pub mod support_eval;

use crate::Context;
use crate::cli::DialogueCommand;
use crate::error::AppError;
use crate::exit::Exit;

/// Runs a dialogue command.
///
/// # Errors
/// Whatever stops it.
pub fn run(command: &DialogueCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    match command {
        DialogueCommand::Run(args) => run::run(args, context),
        DialogueCommand::Judge(args) => judge::run(args, context),
        DialogueCommand::Show(args) => show::run(args, context),
        DialogueCommand::SeedsMigrate(args) => seeds_migrate::run(args, context),
        DialogueCommand::Stats(args) => stats::run(args, context),
        DialogueCommand::Bundle(args) => bundle::run(args, context),
        DialogueCommand::SupportEval(args) => support_eval::run(args, context),
        DialogueCommand::Prompts(command) => prompts::run(command, context),
    }
}
