//! Seed topics on disk: one file, or a folder of the original's.
//!
//! A folder holds `topics.yaml`, or an index (`index.yaml`, `.yml` or `.json`, with defaults and aliases) beside one file
//! of topics for each variant, named after it. JSON is YAML.

use std::path::{Path, PathBuf};

use forgemark_contract::json::{Json, Object};

use super::document::Document;
use super::problem::ConfigError;

/// The one file of a folder that holds everything.
pub const WHOLE: &str = "topics.yaml";
/// The files that may hold what is not a variant's.
const INDEX: [&str; 3] = ["index.yaml", "index.yml", "index.json"];
/// How the files of variants end.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];

/// What a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One file.
    File(PathBuf),
    /// An index and the files of variants, in the order of their names.
    Folder {
        /// The index.
        index: PathBuf,
        /// Variant and file.
        variants: Vec<(String, PathBuf)>,
    },
    /// There is no such file.
    Missing(PathBuf),
}

/// Finds the files of a configured path.
pub fn find(path: &Path) -> Place {
    if path.is_file() {
        return Place::File(path.to_owned());
    }
    let whole = path.join(WHOLE);
    if whole.is_file() {
        return Place::File(whole);
    }
    let index = INDEX.iter().map(|name| path.join(name));
    let Some(index) = index.into_iter().find(|index| index.is_file()) else {
        return Place::Missing(if path.is_dir() {
            whole
        } else {
            path.to_owned()
        });
    };
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut variants: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|file| file.is_file() && *file != index)
        .filter_map(|file| {
            let stem = file.file_stem()?.to_str()?.to_owned();
            let end = file.extension()?.to_str()?;
            let is_variant = ENDS.contains(&end) && stem != "index" && !stem.starts_with('.');
            is_variant.then_some((stem, file))
        })
        .collect();
    variants.sort();
    Place::Folder { index, variants }
}

/// Reads what [`find`] found as one value: that of the file, or the index with a key `variants`.
///
/// # Errors
/// A file that is missing or no YAML.
pub fn read(place: &Place) -> Result<Json, ConfigError> {
    match place {
        Place::File(path) | Place::Missing(path) => Ok(Document::read(path)?.value),
        Place::Folder { index, variants } => {
            let mut whole = match Document::read(index)?.value {
                Json::Object(index) => index,
                _ => Object::new(),
            };
            let mut bodies = match whole.remove("variants") {
                Some(Json::Object(bodies)) => bodies,
                _ => Object::new(),
            };
            for (variant, path) in variants {
                let body = Document::read(path)?.value;
                let topics = body
                    .get("topics")
                    .filter(|topics| topics.as_object().is_some());
                bodies.insert(variant.as_str(), topics.unwrap_or(&body).clone());
            }
            whole.insert("variants", Json::Object(bodies));
            Ok(Json::Object(whole))
        }
    }
}
