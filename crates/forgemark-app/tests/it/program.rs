//! The program in this process, over stores in memory.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser as _;
use forgemark_app::cli::Cli;
use forgemark_app::env::Environment;
use forgemark_app::exit::Exit;
use forgemark_app::printer::{Printer, Verbosity};
use forgemark_app::{Build, Context, commands};
use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::store::memory::MemoryStores;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Said {
    /// How it ended.
    pub(crate) exit: Exit,
    /// What it printed.
    pub(crate) out: String,
    /// Notes, warnings and the error.
    pub(crate) err: String,
}

impl Said {
    /// The result as JSON; `null` where it is none.
    pub(crate) fn json(&self) -> Json {
        parse_str(self.out.trim()).unwrap_or(Json::Null)
    }
}

/// Runs `forgemark ARGS`.
pub(crate) fn forgemark(stores: &MemoryStores, args: &[&str]) -> Said {
    with_env(stores, &Environment::default(), args)
}

/// The same in an environment.
pub(crate) fn with_env(stores: &MemoryStores, env: &Environment, args: &[&str]) -> Said {
    let (out, err) = (Sink::default(), Sink::default());
    let printer = Printer::to_writers(
        Box::new(out.clone()),
        Box::new(err.clone()),
        Verbosity::Normal,
    );
    let said = |exit, error: String| Said {
        exit,
        out: out.text(),
        err: err.text() + &error,
    };
    let cli = match Cli::try_parse_from(std::iter::once("forgemark").chain(args.iter().copied())) {
        Ok(cli) => cli,
        Err(error) => return said(Exit::Usage, error.to_string()),
    };
    let context = Context {
        printer,
        env,
        build: Build {
            version: "0",
            tables: None,
        },
        stores,
    };
    match commands::run(&cli.command, &context) {
        Ok(exit) => said(exit, String::new()),
        Err(error) => said(error.exit(), error.render()),
    }
}

#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sink.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
