//! A YAML document that is no configuration (a script, say), with the places of its parts, so that
//! whoever reads the plain value can still be answered with a line of the file.

use std::path::Path;

use forgemark_contract::json::Json;
use forgemark_contract::settings::Origin;

use super::places::Places;
use super::problem::{ConfigError, Problem};
use super::yaml::{self, Value};
use super::{SourceFile, read_file};

/// A document and where its parts stand.
#[derive(Debug, Clone)]
pub struct Document {
    /// The value by the YAML 1.2 core schema; null when the file is empty.
    pub value: Json,
    places: Places,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with the file or its syntax.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read_file(path)?)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Everything that is wrong with its syntax.
    pub fn parse(file: &SourceFile) -> Result<Self, ConfigError> {
        let mut places = Places::of(Some(file));
        let parsed = yaml::parse(&file.text);
        if !parsed.problems.is_empty() {
            let problems = parsed.problems.into_iter().map(|problem| Problem {
                message: problem.what,
                path: String::new(),
                place: places.in_file(problem.at, &problem.label),
                hints: problem.hint.into_iter().collect(),
            });
            return Err(ConfigError {
                subject: file.name.clone(),
                problems: problems.collect(),
            });
        }
        let value = parsed.root.as_ref().map_or(Json::Null, yaml::Node::to_json);
        if let Some(Value::Mapping(entries)) = parsed.root.as_ref().map(|root| &root.value) {
            for entry in entries {
                places.remember(&entry.key, &entry.value);
            }
        }
        Ok(Self { value, places })
    }

    /// An error about the part at `path` (`rules[0].latency`), shown at the nearest part that the
    /// file has.
    pub fn error_at(&self, path: &str, what: &str) -> ConfigError {
        let place = self.places.find(path, &Origin::Default);
        let problem = Problem {
            message: format!("`{path}`: {what}"),
            path: path.to_owned(),
            place,
            hints: Vec::new(),
        };
        ConfigError {
            subject: self.places.subject(),
            problems: vec![problem],
        }
    }
}
