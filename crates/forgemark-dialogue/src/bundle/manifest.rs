//! `bundle.json`: what a bundle is made of. A folder that has it, and the schema beside it, is a bundle of ours.

use std::path::Path;

use forgemark_contract::dialogue::Columns;
use forgemark_contract::json::{Json, Object, parse, to_compact, to_pretty};
use forgemark_contract::text::sha256_hex;
use forgemark_journal::{JournalError, Storage, recover};

use super::error::BundleError;
use super::{MANIFEST, SCHEMA};

/// The format of the manifest.
const FORMAT: u64 = 1;
/// The last key, the digest of all others.
const DIGEST: &str = "sha256";

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Inside the folder, with `/` between its parts.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// What a bundle is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    /// The file of rows.
    pub(super) data: String,
    pub(super) rows: u64,
    /// The file of the statistics.
    pub(super) stats: Option<String>,
    /// The folder of the charts.
    pub(super) plots: Option<String>,
    pub(super) columns: Columns,
    /// Where the rows come from; see [`super::make`].
    pub(super) about: Json,
    /// What was changed so that rows fit the schema.
    pub(super) changes: Json,
    /// All files but this one.
    pub(super) files: Vec<Entry>,
}

impl Manifest {
    /// The manifest of a folder, or nothing where it is no bundle.
    pub(super) fn read(storage: &dyn Storage, dir: &Path) -> Result<Option<Self>, BundleError> {
        if !is_there(storage, dir) {
            return Ok(None);
        }
        let path = dir.join(MANIFEST);
        let bytes = storage.read(&path).map_err(BundleError::read(&path))?;
        let damaged = |what: String| BundleError::Damaged {
            path: path.clone(),
            line: 1,
            what,
        };
        let value = parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        let found = value.get("format").and_then(Json::as_u64);
        match found {
            Some(FORMAT) => {}
            Some(found) if found > FORMAT => {
                return Err(BundleError::TooNew {
                    path,
                    found,
                    known: FORMAT,
                });
            }
            _ => return Err(damaged("format: expected a number".to_owned())),
        }
        Self::from_json(&value).map(Some).map_err(damaged)
    }

    fn from_json(value: &Json) -> Result<Self, String> {
        let missing = |key: &str| format!("{key}: missing or of another kind");
        let text = |from: &Json, key: &str| {
            let found = from.get(key).and_then(Json::as_str);
            found.map(str::to_owned).ok_or_else(|| missing(key))
        };
        let number = |from: &Json, key: &str| {
            let found = from.get(key).and_then(Json::as_u64);
            found.ok_or_else(|| missing(key))
        };
        let optional = |key: &str| value.at(key).as_str().map(str::to_owned);
        let names = value
            .at("columns")
            .as_object()
            .ok_or_else(|| missing("columns"))?;
        let files = value.items("files").iter().map(|entry| {
            Ok(Entry {
                path: text(entry, "path")?,
                bytes: number(entry, "bytes")?,
                sha256: text(entry, "sha256")?,
            })
        });
        let files = files.collect::<Result<Vec<_>, String>>()?;
        let named = [value.at("data"), value.at("stats"), value.at("plots")];
        let mut named = named.into_iter().filter_map(Json::as_str);
        if !named.all(is_inside) || !files.iter().all(|file| is_inside(&file.path)) {
            return Err("files: a path leaves the folder".to_owned());
        }
        let manifest = Manifest {
            data: text(value, "data")?,
            rows: number(value, "rows")?,
            stats: optional("stats"),
            plots: optional("plots"),
            columns: Columns::new(names).map_err(|error| format!("columns: {error}"))?,
            about: value.at("about").clone(),
            changes: value.at("changes").clone(),
            files,
        };
        // What is not as it was written was changed, wherever it is.
        if value.str_or(DIGEST, "") != manifest.digest() || *value != manifest.to_json() {
            return Err(format!("{DIGEST}: is not that of the other keys"));
        }
        Ok(manifest)
    }

    fn to_object(&self) -> Object {
        let columns = self.columns.iter();
        let columns: Object = columns.map(|(key, name)| (key, Json::from(name))).collect();
        let files = self.files.iter().map(|entry| {
            Json::object([
                ("path", Json::from(entry.path.as_str())),
                ("bytes", Json::from(entry.bytes)),
                ("sha256", Json::from(entry.sha256.as_str())),
            ])
        });
        Object::from([
            ("format", Json::from(FORMAT)),
            ("data", Json::from(self.data.as_str())),
            ("rows", Json::from(self.rows)),
            ("stats", Json::from(self.stats.clone())),
            ("plots", Json::from(self.plots.clone())),
            ("columns", Json::Object(columns)),
            ("about", self.about.clone()),
            ("changes", self.changes.clone()),
            ("files", files.collect()),
        ])
    }

    fn digest(&self) -> String {
        sha256_hex(&to_compact(&self.to_object()))
    }

    /// The manifest as a value.
    pub(super) fn to_json(&self) -> Json {
        let mut object = self.to_object();
        object.insert(DIGEST, self.digest());
        Json::Object(object)
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        to_pretty(&self.to_json())
    }
}

/// Whether a path stays inside its folder and away from hidden files.
fn is_inside(path: &str) -> bool {
    let fine = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    path.split('/').all(fine)
}

/// Whether the two files that make a folder a bundle are there.
pub(crate) fn is_there(storage: &dyn Storage, dir: &Path) -> bool {
    let there = |name: &str| matches!(storage.len(&dir.join(name)), Ok(Some(_)));
    there(MANIFEST) && there(SCHEMA)
}

/// Whether a folder holds a bundle. Ends a swap that was cut short first; `owner` is the line for a second process.
///
/// # Errors
/// [`JournalError`] when such a swap cannot be ended.
pub fn is_bundle(storage: &dyn Storage, dir: &Path, owner: &str) -> Result<bool, JournalError> {
    recover(storage, dir, owner)?;
    Ok(is_there(storage, dir))
}
