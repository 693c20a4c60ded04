//! The environment of the process, read once at the top and handed down.
//!
//! Nothing else in the program asks the operating system for a variable, so a test can give any
//! environment. A dialogue run also takes secrets, and nothing else, from a file ([`dotenv`]).

pub mod dotenv;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use crate::secrets::Secrets;

/// Start of the names that set configuration keys.
pub const PREFIX: &str = "FORGEMARK_";

/// The variables that are no configuration keys: name and meaning.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "NO_COLOR",
        "no colour on any stream, whatever its value (`--color` says more)",
    ),
    (
        "CLICOLOR_FORCE",
        "colour even where the stream is no terminal",
    ),
    (
        "HTTPS_PROXY",
        "proxy for `https://` endpoints (also `https_proxy`); a tunnel, so it sees no content",
    ),
    (
        "HTTP_PROXY",
        "proxy for `http://` endpoints (also `http_proxy`)",
    ),
    (
        "ALL_PROXY",
        "proxy where neither of the two above is set (also `all_proxy`)",
    ),
    (
        "NO_PROXY",
        "hosts that are reached without a proxy, separated by commas (also `no_proxy`); this machine always is",
    ),
    (
        "SSL_CERT_FILE",
        "certificates (PEM) of the authorities that are trusted in place of the machine's own",
    ),
    (
        "RUST_BACKTRACE",
        "a backtrace when forgemark itself has a bug",
    ),
];

/// Environment variables, by name.
#[derive(Clone, Default)]
pub struct Environment {
    vars: BTreeMap<String, String>,
    not_text: BTreeSet<String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: values may be secrets.
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

/// A variable whose value is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of the environment variable {0} is not UTF-8 text")]
pub struct NotText(pub String);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::from_os(std::env::vars_os())
    }

    /// Given variables, for tests.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self {
            vars: pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
            not_text: BTreeSet::new(),
        }
    }

    fn from_os(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in pairs {
            // A name that is not text cannot be asked for.
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => environment.vars.insert(name, value).is_some(),
                Err(_) => environment.not_text.insert(name),
            };
        }
        environment
    }

    /// The value of a variable; one that is empty counts as not set.
    ///
    /// # Errors
    /// [`NotText`] when the value is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<&str>, NotText> {
        if self.not_text.contains(name) {
            return Err(NotText(name.to_owned()));
        }
        Ok(self
            .vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty()))
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().map(String::as_str)
    }

    /// The values that must never be printed.
    pub fn secrets(&self) -> Secrets {
        Secrets::from_vars(self.vars.iter().map(|(k, v)| (k.as_str(), v.as_str())))
    }
}

/// The name that sets a key whatever the pipeline: `run.batch_size` is `FORGEMARK_RUN__BATCH_SIZE`.
pub fn generic_name(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

#[cfg(test)]
mod tests;
