//! `forgemark export ...`: cuts of a store, in folders that appear at once.

pub mod cut;
pub(super) mod folder;
mod prove;

pub(super) use folder::is_cut;
pub(super) use prove::verify;

use forgemark_curate::compat::Task;

use crate::Context;
use crate::cli::ExportCommand;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;

/// Runs the subcommand.
///
/// # Errors
/// Those of the subcommand.
pub fn run(command: &ExportCommand, context: &Context<'_>) -> Result<Exit, AppError> {
    match command {
        ExportCommand::Sft(args) => cut::run(Task::Sft, args, context),
        ExportCommand::Preference(args) => cut::run(Task::Preference, args, context),
        ExportCommand::Rollout(args) => cut::run(Task::Rollout, args, context),
        ExportCommand::Verify(args) => prove::verify(&args.dir, args.json.json, context),
        ExportCommand::Validate(args) => prove::validate(args, context),
        ExportCommand::Diff(args) => prove::diff(args, context),
    }
}

impl From<forgemark_curate::CurateError> for AppError {
    fn from(error: forgemark_curate::CurateError) -> Self {
        use forgemark_curate::CurateError as E;
        let kind = match &error {
            E::Recipe { .. } => ErrorKind::Config,
            E::Output { .. } | E::Scratch { .. } => ErrorKind::Io,
            _ => ErrorKind::Failed,
        };
        let message = error.to_string();
        match error {
            E::Output { file, source } => {
                AppError::new(kind, format!("cannot write {file}")).caused_by(source)
            }
            _ => AppError::new(kind, message),
        }
    }
}
