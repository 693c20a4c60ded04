//! The developer commands of this repository, run as `cargo xtask COMMAND`.
//!
//! | command | what it does |
//! |---|---|
//! | `test [ARGS]` | all tests, with nextest where it is installed, else with `cargo test` |
//! | `ci [--only STEP] [--skip STEP]` | what a change must pass: tests, lints, format, documentation, loaders, servers, tidy |
//! | `loaders` | files of every trainer's format through the Python libraries that trainers read them with |
//! | `servers` | the program against servers of other people with a tiny model |
//! | `tidy` | what the compiler cannot check: sizes, crate edges, forbidden words |
//! | `codegen [--check]` | the documents that are made from the code |
//!
//! It must not depend on a product crate: it has to run when one of them does not build.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer command speaks to the one who typed it"
)]

mod ci;
mod codegen;
mod command;
mod loaders;
mod python;
mod runner;
mod servers;
mod tidy;

use std::process::ExitCode;

use anyhow::Context;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [ARGS]              run all tests (nextest where installed, else cargo test); ARGS go to the runner
  ci [--only STEP]...      run what a change must pass: test, clippy, fmt, doc, loaders, servers, tidy,
                           codegen, deny
     [--skip STEP]...
  loaders                  read files of every trainer's format with the Python libraries that trainers use
  servers                  run the program against servers of other people, with a tiny model made for it
  tidy                     check sizes, crate edges and forbidden words
  codegen [--check]        write the documents that are made from the code, or check that they are up to date
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one command; `false` when what it checked is not in order.
fn run(args: &[String]) -> anyhow::Result<bool> {
    let (command, rest) = args.split_first().context(USAGE)?;
    let root = command::workspace_root()?;
    match command.as_str() {
        "test" => runner::run(&root, rest),
        "ci" => Ok(ci::run(&root, &ci::Selection::parse(rest)?)),
        "loaders" => {
            no_arguments(rest)?;
            loaders::run(&root)
        }
        "servers" => {
            no_arguments(rest)?;
            servers::run(&root)
        }
        "tidy" => {
            no_arguments(rest)?;
            tidy::run(&root)
        }
        "codegen" => codegen::run(&root, codegen::Mode::parse(rest)?),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(true)
        }
        other => anyhow::bail!("unknown command '{other}'\n\n{USAGE}"),
    }
}

fn no_arguments(rest: &[String]) -> anyhow::Result<()> {
    match rest.first() {
        None => Ok(()),
        Some(first) => anyhow::bail!("unexpected argument '{first}'\n\n{USAGE}"),
    }
}
