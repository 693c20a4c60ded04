//! The command line of Forgemark: arguments, configuration, printing, progress, errors, exit codes.
//!
//! ```text
//!  process ──> run(args, environment) ──> cli ──> commands/<name> ──> the rooms below
//!                                          │            │
//!                        config (file < environment < flags, one table of keys)
//!                                                       │
//!              stdout <── results ── Printer ── notes, warnings, progress, errors ──> stderr
//!                                                       └── exit code, from one table
//! ```
//!
//! Invariants: only [`printer`] writes to stdout and stderr; only [`mod@env`] reads the environment; an
//! error is rendered once, in [`run`]; no key of a configuration is named here (the tables come from
//! the pipelines, by way of [`tables`]); whatever came from outside passes through [`escape`] before
//! it reaches a terminal.

pub mod agents;
pub mod assemble;
pub mod bug;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod env;
pub mod error;
pub mod escape;
pub mod exit;
pub mod human;
pub mod models;
pub mod network;
pub mod printer;
pub mod progress;
pub mod providers;
pub mod secrets;
pub mod signals;
pub mod spending;
pub mod stores;
pub mod table;
pub mod tables;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind as ClapErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use cli::Cli;
use config::{Flag, Inputs, Loaded, SourceFile};
use env::Environment;
use env::dotenv::{self, DotEnv};
use error::{AppError, ErrorKind};
use exit::Exit;
use forgemark_contract::store::Stores;
use forgemark_curate::encode::Tables;
use printer::{ColorMode, Printer, Verbosity};
use tables::Table;

/// Where bugs are reported.
const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// What was built.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// Version and commit: `0.1.0 (1936a2ad1c5e)`.
    pub version: &'static str,
    /// What writes Lance tables, where it is linked.
    pub tables: Option<&'static dyn Tables>,
}

/// What every command gets.
pub struct Context<'a> {
    /// The streams.
    pub printer: Printer,
    /// The environment.
    pub env: &'a Environment,
    /// What was built.
    pub build: Build,
    /// What opens stores of records.
    pub stores: &'a dyn Stores,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("build", &self.build)
            .finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    /// Layers a configuration and prints its warnings.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(
        &self,
        table: &Table,
        file: Option<&SourceFile>,
        flags: &[Flag],
    ) -> Result<Loaded, AppError> {
        let loaded = config::load(&Inputs {
            keys: table.keys,
            env_implies: table.env_implies,
            file,
            env: self.env,
            flags,
        })?;
        for warning in &loaded.warnings {
            self.printer.warn_raw(&warning.render_warning());
        }
        Ok(loaded)
    }

    /// The same command with another environment.
    pub fn with_env<'e>(&self, env: &'e Environment) -> Context<'e>
    where
        'a: 'e,
    {
        Context {
            printer: self.printer.clone(),
            env,
            build: self.build,
            stores: self.stores,
        }
    }

    /// The environment with the secrets of the `.env` file in the folder of a configuration.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn env_beside(&self, config: &Path) -> Result<Environment, AppError> {
        let path = config.with_file_name(dotenv::FILE);
        let text = match File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(dotenv::MAX_BYTES)
                    .read_to_string(&mut text)
                    .map(|_| text)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(self.env.clone());
            }
            Err(error) => Err(error),
        };
        let text = text.map_err(|source| AppError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let found = DotEnv::parse(&text);
        for secret in found.secrets() {
            self.printer.hide(secret);
        }
        if !found.left_out.is_empty() {
            self.printer.warn(format!(
                "{}: {} left out, only secrets are taken from this file; set the key of the configuration, or export the variable",
                path.display(),
                found.left_out.join(", "),
            ));
        }
        if let Some(line) = found.unreadable.first() {
            self.printer
                .warn(format!("{}:{line}: expected NAME=value", path.display()));
        }
        Ok(found.below(self.env))
    }

    /// A runtime for a command that waits for the network.
    ///
    /// # Errors
    /// When the system gives no threads or no event queue.
    pub fn runtime(&self) -> Result<tokio::runtime::Runtime, AppError> {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                AppError::new(ErrorKind::Io, "cannot start the async runtime").caused_by(error)
            })
    }
}

/// Whether the process is the loader's child that reads one PDF, and if so its exit code. It comes
/// before everything else, because the child limits its own memory and time.
pub fn run_as_pdf_child(args: &[OsString]) -> Option<ExitCode> {
    (args.get(1)? == assemble::PDF_CHILD)
        .then(|| forgemark_corpus::pdf_child_main(args.iter().skip(2).cloned()))
}

/// Runs the program over the stores that the binary brings, and says how it ended.
pub fn run(args: &[OsString], env: &Environment, build: Build, stores: &dyn Stores) -> Exit {
    let cli = match parse(args, build) {
        Ok(cli) => cli,
        Err(error) => {
            let printer = Printer::process(Verbosity::Normal, ColorMode::Auto, env);
            return answer(&error, args, &printer);
        }
    };
    let verbosity = Verbosity::from_counts(cli.global.quiet, cli.global.verbose);
    let printer = Printer::process(verbosity, cli.global.color, env);
    bug::install(&printer, format!("forgemark {}", build.version), ISSUES);
    let context = Context {
        printer: printer.clone(),
        env,
        build,
        stores,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| commands::run(&cli.command, &context)));
    match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => report(&error, cli.command.wants_json(), &printer),
        // The hook has said what happened on stderr.
        Err(_) if cli.command.wants_json() => {
            let _ = printer.json_line(
                &AppError::new(ErrorKind::Bug, "forgemark has a bug; see stderr").to_json(),
            );
            Exit::Bug
        }
        Err(_) => Exit::Bug,
    }
}

/// The whole command line, with its version.
pub(crate) fn command(build: Build) -> clap::Command {
    Cli::command()
        .version(build.version)
        .after_help("`forgemark help exit-codes` and `forgemark help environment` explain more.")
        .after_long_help(format!(
            "{}\n`forgemark help environment` lists the environment variables.",
            exit::table_text()
        ))
}

fn parse(args: &[OsString], build: Build) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command(build).try_get_matches_from(args)?)
}

/// Answers `--help`, `--version` and a command line that is wrong.
fn answer(error: &clap::Error, args: &[OsString], printer: &Printer) -> Exit {
    let text = error.render().ansi().to_string();
    match error.kind() {
        ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion => {
            match printer.result_raw(&text) {
                Ok(()) => Exit::Done,
                Err(error) => report(&error.into(), false, printer),
            }
        }
        _ if args.iter().any(|arg| arg == "--json") => {
            let text = error.render().to_string();
            let message = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            report(&AppError::new(ErrorKind::Usage, message), true, printer)
        }
        _ => {
            printer.error_raw(text.trim_end());
            Exit::Usage
        }
    }
}

/// Renders an error, once.
fn report(error: &AppError, json: bool, printer: &Printer) -> Exit {
    match error {
        // Nobody reads; nothing to say.
        AppError::Output(printer::OutputError::Closed) => {}
        // With the reader gone, stderr is the last resort.
        _ if json && printer.json_line(&error.to_json()).is_ok() => {}
        _ => printer.error_raw(&error.render()),
    }
    error.exit()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        super::command(super::Build {
            version: "0",
            tables: None,
        })
        .debug_assert();
    }
}
