//! What an ingestion refused, in a file of JSON lines.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use forgemark_contract::ingest::Problem;
use forgemark_contract::json::{Json, Object, to_line};

use super::usage;
use crate::error::AppError;

/// The file of what was refused. It is made with the first entry.
pub(super) struct Quarantine {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Quarantine {
    /// Nothing is written over.
    ///
    /// # Errors
    /// A file that is there already.
    pub(super) fn begin(path: Option<&Path>) -> Result<Self, AppError> {
        if let Some(path) = path.filter(|path| path.exists()) {
            let what = format!("--quarantine: {} is there already", path.display());
            return Err(usage(what).hint("name another file, or move that one away"));
        }
        Ok(Quarantine {
            path: path.map(Path::to_owned),
            file: None,
        })
    }

    /// Whether there is one.
    pub(super) fn is_on(&self) -> bool {
        self.path.is_some()
    }

    /// Adds an entry with the line that it is about.
    pub(super) fn put(&mut self, problem: &Problem, text: &[u8]) -> Result<(), AppError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let io = |source| AppError::Io {
            action: "write",
            path: path.clone(),
            source,
        };
        if self.file.is_none() {
            self.file = Some(File::create_new(path).map_err(io)?);
        }
        let mut line = to_line(&to_json(problem, Some(text)));
        line.push(b'\n');
        match &mut self.file {
            Some(file) => file.write_all(&line).map_err(io),
            None => Ok(()),
        }
    }

    /// Makes it durable.
    pub(super) fn finish(&mut self) -> Result<(), AppError> {
        match (&self.file, &self.path) {
            (Some(file), Some(path)) => file.sync_all().map_err(|source| AppError::Io {
                action: "write",
                path: path.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }
}

/// An entry as an object.
pub(super) fn to_json(problem: &Problem, text: Option<&[u8]>) -> Json {
    let mut object = Object::from([
        ("file", Json::from(&problem.file)),
        ("line", problem.line.into()),
        ("field", Json::from(&problem.field)),
        ("what", Json::from(&problem.what)),
    ]);
    if let Some(text) = text {
        object.insert("text", String::from_utf8_lossy(text).into_owned());
    }
    Json::Object(object)
}
