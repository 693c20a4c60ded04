//! Exit codes: one table, used by the process, by `forgemark help exit-codes` and by `--help`.
//!
//! Scripts depend on these numbers, so a meaning never moves to another number.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done,
    /// The command worked and found something wrong, or a run failed.
    Findings,
    /// The command line or the configuration is wrong; nothing was started.
    Usage,
    /// No endpoint could be used.
    Endpoint,
    /// The run stopped early and can be resumed with the same command.
    Partial,
    /// A file was written by a newer Forgemark.
    FormatTooNew,
    /// A quality gate that the configuration asks for was not met.
    QualityGate,
    /// A bug in Forgemark.
    Bug,
    /// Interrupted by a second Ctrl-C (or a second SIGTERM).
    Interrupted,
}

/// Every exit code with its meaning, in rising order.
pub const TABLE: &[(Exit, &str)] = &[
    (Exit::Done, "done"),
    (Exit::Findings, "findings, or a failed run"),
    (
        Exit::Usage,
        "wrong usage or configuration; nothing was started",
    ),
    (Exit::Endpoint, "no usable endpoint"),
    (Exit::Partial, "partial: the same command resumes the run"),
    (
        Exit::FormatTooNew,
        "a file has a newer format than this version reads",
    ),
    (Exit::QualityGate, "a quality gate failed"),
    (Exit::Bug, "a bug in forgemark"),
    (Exit::Interrupted, "interrupted"),
];

impl Exit {
    /// The number that the process hands to the shell.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Endpoint => 3,
            Exit::Partial => 5,
            Exit::FormatTooNew => 6,
            Exit::QualityGate => 100,
            Exit::Bug => 101,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// The table as the lines that help texts show.
pub fn table_text() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in TABLE {
        let _ = writeln!(text, "  {:>3}  {meaning}", exit.code());
    }
    text
}

#[cfg(test)]
mod tests;
