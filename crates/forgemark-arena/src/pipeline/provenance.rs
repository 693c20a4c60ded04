//! `provenance.jsonl`: how each record was made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::parse;
use forgemark_journal::{JournalError, Storage};

use super::error::ArenaError;

pub use forgemark_contract::arena::Provenance;

/// The name of the file in an arena folder.
pub const FILE: &str = "provenance.jsonl";

/// Reads the file of a folder, by the names of records; nothing where there is none.
///
/// # Errors
/// A file that cannot be read, or a line that is no provenance.
pub(crate) fn load(
    storage: &dyn Storage,
    dir: &Path,
) -> Result<BTreeMap<String, Provenance>, ArenaError> {
    let path = dir.join(FILE);
    let failed = |source| JournalError::Read {
        path: path.clone(),
        source: Arc::new(source),
    };
    if storage.len(&path).map_err(failed)?.is_none() {
        return Ok(BTreeMap::new());
    }
    let bytes = storage.read(&path).map_err(failed)?;
    let mut lines = BTreeMap::new();
    let filled = bytes.split(|byte| *byte == b'\n').enumerate();
    for (number, line) in filled.filter(|(_, line)| !line.is_empty()) {
        let wrong = |what: String| ArenaError::Line {
            path: path.clone(),
            line: number + 1,
            what,
        };
        let value = parse(line).map_err(|error| wrong(error.to_string()))?;
        let line = Provenance::from_json(&value).map_err(|error| wrong(error.to_string()))?;
        lines.insert(line.record.clone(), line);
    }
    Ok(lines)
}
