//! `forgemark completions SHELL`

use crate::Context;
use crate::cli::CompletionsArgs;
use crate::error::AppError;
use crate::exit::Exit;

/// Writes the script to stdout.
///
/// # Errors
/// When stdout does not take it.
pub fn run(args: &CompletionsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut crate::command(context.build),
        "forgemark",
        &mut script,
    );
    context
        .printer
        .result_raw(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
