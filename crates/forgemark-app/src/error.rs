//! Errors as the user sees them: rendered once, at the top.
//!
//! ```text
//! error: cannot write out/synthetic_qa.jsonl
//!   caused by: No space left on device
//!
//! hint: free some space and run the same command again; nothing is lost
//! ```
//!
//! With `--json` the same goes to stdout as
//! `{"error": {"kind", "message", "hint", "exit"}}`; `kind` is one of [`ErrorKind`], a closed set.

pub(crate) mod rooms;

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use forgemark_contract::json::{Json, Object};

use crate::config::ConfigError;
use crate::escape;
use crate::exit::Exit;
use crate::printer::{CYAN, OutputError, RED, paint};

/// What a user can do about an error.
pub trait Hints {
    /// One sentence each, as fragments; each names a command or a key where it can. May be empty.
    fn hints(&self) -> Vec<String>;
}

/// Why a command failed, as a closed set that scripts may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong.
    Config,
    /// Something that was named does not exist.
    NotFound,
    /// A file or folder cannot be read or written.
    Io,
    /// Another process works on the folder.
    Locked,
    /// A file is damaged.
    Damaged,
    /// A file was written by a newer version.
    FormatTooNew,
    /// No endpoint can be used.
    Endpoint,
    /// A run failed.
    Failed,
    /// The user stopped the command.
    Interrupted,
    /// A bug in forgemark.
    Bug,
}

impl ErrorKind {
    /// The word in the JSON envelope.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Usage => "usage",
            ErrorKind::Config => "config",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Io => "io",
            ErrorKind::Locked => "locked",
            ErrorKind::Damaged => "damaged",
            ErrorKind::FormatTooNew => "format_too_new",
            ErrorKind::Endpoint => "endpoint",
            ErrorKind::Failed => "failed",
            ErrorKind::Interrupted => "interrupted",
            ErrorKind::Bug => "bug",
        }
    }

    /// The exit code that belongs to the kind.
    pub const fn exit(self) -> Exit {
        match self {
            ErrorKind::Usage | ErrorKind::Config | ErrorKind::NotFound | ErrorKind::Locked => {
                Exit::Usage
            }
            ErrorKind::Io | ErrorKind::Damaged | ErrorKind::Failed => Exit::Findings,
            ErrorKind::FormatTooNew => Exit::FormatTooNew,
            ErrorKind::Endpoint => Exit::Endpoint,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Bug => Exit::Bug,
        }
    }
}

/// An error of a command.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The journal of an output folder.
    #[error(transparent)]
    Journal(forgemark_journal::JournalError),
    /// Stdout does not take results.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file or folder cannot be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Anything else: an error of a room below, or a message of our own.
    #[error("{message}")]
    Other {
        /// What kind it is.
        kind: ErrorKind,
        /// What happened, as a fragment that names the input.
        message: String,
        /// What to do.
        hints: Vec<String>,
        /// What lies below.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl AppError {
    /// An error of our own.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        AppError::Other {
            kind,
            message: message.into(),
            hints: Vec::new(),
            source: None,
        }
    }

    /// The same with one more hint; the errors that carry their own hints stay as they are.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let AppError::Other { hints, .. } = &mut self {
            hints.push(hint.into());
        }
        self
    }

    /// The same over what caused it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        if let AppError::Other { source, .. } = &mut self {
            *source = Some(cause.into());
        }
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            AppError::Config(_) => ErrorKind::Config,
            AppError::Journal(error) => rooms::journal_kind(error),
            AppError::Output(_) => ErrorKind::Io,
            AppError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            AppError::Io { .. } => ErrorKind::Io,
            AppError::Other { kind, .. } => *kind,
        }
    }

    /// The exit code of the process. A reader that went away (`| head`) is no failure.
    pub fn exit(&self) -> Exit {
        match self {
            AppError::Output(OutputError::Closed) => Exit::Done,
            _ => self.kind().exit(),
        }
    }

    /// Renders the error for a terminal: message, causes, a blank line, hints.
    pub fn render(&self) -> String {
        if let AppError::Config(error) = self {
            return error.render();
        }
        let mut out = format!(
            "{}: {}",
            paint(RED, "error"),
            escape::for_line(&self.to_string())
        );
        let mut last = self.to_string();
        for cause in causes(self) {
            // Many errors repeat their cause in their own text.
            if !last.ends_with(&cause) {
                let _ = write!(
                    out,
                    "\n  {}: {}",
                    paint(RED, "caused by"),
                    escape::for_line(&cause)
                );
            }
            last = cause;
        }
        let hints = self.hints();
        if !hints.is_empty() {
            out.push('\n');
        }
        for hint in hints {
            let _ = write!(
                out,
                "\n{}: {}",
                paint(CYAN, "hint"),
                escape::for_line(&hint)
            );
        }
        out
    }

    /// The error as the JSON envelope.
    pub fn to_json(&self) -> Json {
        let mut message = match self {
            AppError::Config(error) if error.problems.len() == 1 => {
                error.problems[0].message.clone()
            }
            _ => self.to_string(),
        };
        for cause in causes(self) {
            if !message.ends_with(&cause) {
                let _ = write!(message, ": {cause}");
            }
        }
        let hints = self.hints();
        let hint = (!hints.is_empty()).then(|| hints.join("\n"));
        let mut error = Object::from([
            ("kind", self.kind().as_str().into()),
            ("message", message.into()),
            ("hint", hint.into()),
            ("exit", i64::from(self.exit().code()).into()),
        ]);
        if let AppError::Config(config) = self {
            error.insert("problems", problems_json(config));
        }
        Json::object([("error", error.into())])
    }
}

impl Hints for AppError {
    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = match self {
            AppError::Config(error) => error
                .problems
                .iter()
                .flat_map(|p| p.hints.clone())
                .collect(),
            AppError::Journal(error) => error.hints(),
            AppError::Output(_) => Vec::new(),
            // Whatever else is wrong with a place where nothing can be made: another one helps.
            AppError::Io { source, action, .. } => io_hint(source)
                .or((*action == "create")
                    .then_some("name a folder in which this user may make files"))
                .map(str::to_owned)
                .into_iter()
                .collect(),
            AppError::Other { hints, .. } => hints.clone(),
        };
        let mut seen = std::collections::BTreeSet::new();
        hints.retain(|hint| seen.insert(hint.clone()));
        hints
    }
}

/// What to do about a failure of the file system.
pub(crate) fn io_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space and run the same command again")
        }
        io::ErrorKind::PermissionDenied => Some("check who owns the folder and its permissions"),
        io::ErrorKind::ReadOnlyFilesystem => {
            Some("choose a folder on a file system that can be written")
        }
        _ => None,
    }
}

fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes
}

fn problems_json(error: &ConfigError) -> Json {
    let rows = error.problems.iter().map(|problem| {
        let place = problem.place.as_ref();
        let file = place.and_then(|place| place.file.clone());
        let at = place
            .filter(|place| place.file.is_some())
            .map(|place| place.at);
        Json::object([
            ("message", problem.message.as_str().into()),
            (
                "key",
                Some(problem.path.as_str())
                    .filter(|path| !path.is_empty())
                    .into(),
            ),
            ("source", place.map(super::config::Place::title).into()),
            ("file", file.into()),
            ("line", at.map(|at| at.line).into()),
            ("column", at.map(|at| at.column).into()),
            (
                "hint",
                (!problem.hints.is_empty())
                    .then(|| problem.hints.join("\n"))
                    .into(),
            ),
        ])
    });
    rows.collect()
}

#[cfg(test)]
mod tests;
