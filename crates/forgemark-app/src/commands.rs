//! One file a command, each with one entry function; this is the index.

pub mod arena;
pub mod bench;
pub mod completions;
pub mod config;
pub mod demo;
pub mod dialogue;
pub mod doctor;
pub mod export;
pub mod help;
pub mod journal;
pub mod schema;
pub mod scripted_server;
pub mod status;
pub mod store;
pub mod validate;

use crate::Context;
use crate::cli::Command;
use crate::error::AppError;
use crate::exit::Exit;

/// Runs a command.
///
/// # Errors
/// Whatever stops it; the caller renders it.
pub fn run(command: &Command, context: &Context<'_>) -> Result<Exit, AppError> {
    match command {
        Command::Status(args) => status::run(args, context),
        Command::Demo(args) => demo::run(args, context),
        Command::Dialogue(command) => dialogue::run(command, context),
        Command::Arena(command) => arena::run(command, context),
        Command::Store(command) => store::run(command, context),
        Command::Export(command) => export::run(command, context),
        Command::Config(command) => config::run(command, context),
        Command::Schema(args) => schema::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Journal(command) => journal::run(command, context),
        Command::ScriptedServer(args) => scripted_server::run(args, context),
        Command::Bench(command) => bench::run(command, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Help(args) => help::run(args, context),
    }
}
