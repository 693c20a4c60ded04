//! Configuration: one YAML file, the environment and flags, layered once over a table of keys.
//!
//! ```text
//!   defaults (the table) < file < environment < flags          one winner a key, with its origin
//!        │                  │         │           │
//!        └──────────────────┴────┬────┴───────────┘
//!                 every value judged by its key ──> Resolved + warnings
//!                                             └──> all problems at once, each with its place
//! ```
//!
//! The table ([`Key`]s) is handed in by whoever owns the pipeline; nothing here knows a single key.
//! Of a `.env` file only secrets are read (see [`crate::env::dotenv`]).
//!
//! A value is judged by the kind of its key and not by YAML's guess: in `target_languages: [no]` the
//! word stays a word, and `run_id: 007` keeps its zeros.

pub mod document;
pub mod keys_table;
pub mod layers;
pub mod places;
pub mod problem;
pub mod seed_file;
pub mod show;
pub mod suggest;
pub mod value;
pub mod yaml;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use forgemark_contract::settings::{Key, Resolved, SettingError};

pub use layers::Flag;
pub use problem::{ConfigError, Place, Problem};

use crate::env::Environment;
use places::Places;

/// Largest YAML file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// A YAML file as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file as the user named it.
    pub name: String,
    /// Its text, without a byte order mark.
    pub text: String,
}

/// What a configuration is made from.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// Every key there is.
    pub keys: &'a [Key],
    /// Variables that set a second key: (variable, key, value as JSON text). A key that is set in
    /// the environment itself is not touched.
    pub env_implies: &'a [(&'a str, &'a str, &'a str)],
    /// The file, if there is one.
    pub file: Option<&'a SourceFile>,
    /// The environment.
    pub env: &'a Environment,
    /// Flags, the later ones over the earlier.
    pub flags: &'a [Flag],
}

/// A configuration that every key's rule accepts.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values and where each came from.
    pub settings: Resolved,
    /// What is accepted and worth a word: keys without effect, variables that are no keys.
    pub warnings: Vec<Problem>,
    /// Where everything stands, for [`Loaded::explain`].
    pub places: Places,
}

/// Layers the sources.
///
/// # Errors
/// [`ConfigError`] with every problem of every source.
pub fn load(inputs: &Inputs<'_>) -> Result<Loaded, ConfigError> {
    layers::load(inputs)
}

impl Loaded {
    /// Turns errors that a pipeline found in the resolved values into one that shows the places
    /// where the values were set.
    pub fn explain(&self, errors: &[SettingError]) -> ConfigError {
        let problems = errors.iter().map(|error| Problem {
            message: problem::setting_message(error),
            path: error.path.clone(),
            place: self
                .places
                .find(&error.path, self.settings.origin(&error.path)),
            hints: error.hint.iter().cloned().collect(),
        });
        ConfigError::new(problems.collect(), &self.places)
    }
}

/// Reads a YAML file.
///
/// # Errors
/// [`ConfigError`] when it is missing, a folder, unreadable, too large or not UTF-8.
pub fn read_file(path: &Path) -> Result<SourceFile, ConfigError> {
    let name = path.display().to_string();
    let fail = |message: String, hint: &str| {
        let hints = (!hint.is_empty())
            .then(|| hint.to_owned())
            .into_iter()
            .collect();
        let problem = Problem {
            message,
            path: String::new(),
            place: None,
            hints,
        };
        Err(ConfigError {
            subject: name.clone(),
            problems: vec![problem],
        })
    };
    let bytes = match read_limited(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return fail(format!("there is no file {name}"), &missing_hint(path));
        }
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return fail(
                format!("{name} is a folder, not a YAML file"),
                &inside_hint(path),
            );
        }
        Err(error) => return fail(format!("cannot read {name}: {error}"), ""),
    };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let mib = MAX_FILE_BYTES / (1024 * 1024);
        return fail(format!("{name} is larger than {mib} MiB"), "");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return fail(format!("{name} is UTF-16, not UTF-8"), "save it as UTF-8");
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text
                .strip_prefix('\u{feff}')
                .map(str::to_owned)
                .unwrap_or(text);
            Ok(SourceFile { name, text })
        }
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.split(|byte| *byte == b'\n').count();
            let byte = error.as_bytes()[good.len()];
            fail(
                format!(
                    "{name} is not UTF-8: byte 0x{byte:02x} at offset {} (line {line})",
                    good.len()
                ),
                "save it as UTF-8",
            )
        }
    }
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Names the file that was probably meant.
fn missing_hint(path: &Path) -> String {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return format!("the folder {} does not exist", folder.display());
    }
    let files = yaml_files(folder);
    let wanted = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    match forgemark_contract::settings::nearest(&wanted, files.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {}?", path.with_file_name(near).display()),
        None => String::new(),
    }
}

fn inside_hint(path: &Path) -> String {
    match yaml_files(path).as_slice() {
        [] => String::new(),
        [only] => format!("did you mean {}?", path.join(only).display()),
        [first, ..] => format!(
            "name one of its YAML files, {} say",
            path.join(first).display()
        ),
    }
}

fn yaml_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml"))))
        .collect();
    names.sort();
    names
}
