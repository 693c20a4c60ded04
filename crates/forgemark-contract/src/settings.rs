//! The vocabulary of configuration: what a key is, what it accepts, where a value came from.
//!
//! A pipeline owns one table of [`Key`]s and says every key of its configuration there once; the reader, the
//! environment, the flags, `config show`, the JSON Schema and the documentation are all made from it. The sources are
//! layered above (defaults < file < environment < flags, applied once); this module only judges one value at a time and
//! keeps the result, a [`Resolved`], which hands out typed values.

mod check;
mod resolved;

#[cfg(test)]
mod tests;

use std::fmt;

pub use check::{nearest, settings_schema};
pub use resolved::Resolved;

/// One configuration key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The dotted path, such as `run.batch_size`.
    pub path: &'static str,
    /// What values it accepts.
    pub kind: Kind,
    /// The default as JSON text. Where it is `null`, `null` is an accepted value ("not set").
    pub default: &'static str,
    /// Names of environment variables that set it; of several that are set the first wins.
    pub env: &'static [&'static str],
    /// One sentence for the reference page.
    pub doc: &'static str,
    /// Whether it has an effect here.
    pub status: Status,
}

/// A key that has an effect and that no variable of the environment sets.
pub const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        kind,
        default,
        env: &[],
        doc,
        status: Status::Honoured,
    }
}

/// An integer within bounds, both included.
pub const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

/// A number within bounds, both included.
pub const fn float(min: f64, max: f64) -> Kind {
    Kind::Float { min, max }
}

/// What values a key accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// An integer within bounds, both included.
    Int {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A number within bounds, both included; integers count.
    Float {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// Text.
    Str,
    /// One of a closed set of words, each with its aliases; an alias is replaced by its word.
    OneOf(&'static [(&'static str, &'static [&'static str])]),
    /// A list of texts; from one text it is split at commas.
    StrList,
    /// An object whose keys are free; everything below the path belongs to it.
    Map,
    /// A list of anything.
    List,
    /// Anything.
    Any,
}

/// Whether a key has an effect here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Honoured,
    /// Accepted with a warning that names what replaces it.
    Replaced(&'static str),
    /// An error with the reason and the remedy.
    Refused(&'static str),
    /// Accepted with a warning: it has no effect here, and why.
    Inert(&'static str),
    /// An earlier name of this key, or of this section: the value is the other one's, with a warning.
    Renamed(&'static str),
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// A configuration file.
    File {
        /// The file as the user named it.
        path: String,
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// The environment variable of this name.
    Env(String),
    /// The command line flag of this name, dashes included.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Origin::Env(name) => write!(f, "environment variable {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value that a key does not accept, or a key that a table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct SettingError {
    /// The dotted path.
    pub path: String,
    /// What is wrong with it, as a fragment that names the value.
    pub what: String,
    /// What to do about it, where there is something to say.
    pub hint: Option<String>,
}

impl SettingError {
    /// An error without a hint.
    pub fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        SettingError {
            path: path.into(),
            what: what.into(),
            hint: None,
        }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        SettingError {
            hint: Some(hint.into()),
            ..self
        }
    }
}
