//! The manifest: which runs count, and what they cover. One line of JSON and a line with its checksum.

use std::path::Path;

use forgemark_contract::json::{self, Json};

use crate::error::JournalError;
use crate::storage::{Storage, write_atomic};

/// File name of the manifest.
pub(super) const NAME: &str = "MANIFEST";

/// Version of the index format. Another version is no use: the index is made again.
const FORMAT: i64 = 1;

/// What the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Up to where the runs hold everything.
    pub(super) covered: u64,
    /// Number of the next run.
    pub(super) next: u64,
    /// The runs in the order in which they were written.
    pub(super) runs: Vec<RunEntry>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunEntry {
    pub(super) file: String,
    pub(super) level: u64,
    pub(super) entries: u64,
}

/// File name of run `number`.
pub(super) fn run_name(number: u64) -> String {
    format!("run-{number:08}.fmi")
}

/// Whether a file name is that of a run.
pub(super) fn is_run(name: &str) -> bool {
    name.starts_with("run-")
        && Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "fmi")
}

/// Reads the manifest of `dir`; `None` when there is none that can be used.
pub(super) fn read(storage: &dyn Storage, dir: &Path) -> Result<Option<Manifest>, JournalError> {
    let path = dir.join(NAME);
    if storage
        .len(&path)
        .map_err(JournalError::read(&path))?
        .is_none()
    {
        return Ok(None);
    }
    let bytes = storage.read(&path).map_err(JournalError::read(&path))?;
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Option<Manifest> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (content, crc) = text.trim_end().split_once('\n')?;
    if crc != checksum(content.as_bytes()) {
        return None;
    }
    let content = json::parse_str(content).ok()?;
    if content.i64_or("format", 0) != FORMAT {
        return None;
    }
    let runs = content.items("runs").iter().map(|run| {
        Some(RunEntry {
            file: run
                .at("file")
                .as_str()
                .filter(|name| is_run(name))?
                .to_owned(),
            level: run.at("level").as_u64()?,
            entries: run.at("entries").as_u64()?,
        })
    });
    Some(Manifest {
        covered: content.at("covered").as_u64()?,
        next: content.at("next").as_u64()?,
        runs: runs.collect::<Option<_>>()?,
    })
}

/// Replaces the manifest durably and answers its length in bytes.
pub(super) fn write(
    storage: &dyn Storage,
    dir: &Path,
    manifest: &Manifest,
) -> Result<u64, JournalError> {
    let runs = manifest.runs.iter().map(|run| {
        Json::object([
            ("file", Json::from(&run.file)),
            ("level", Json::from(run.level)),
            ("entries", Json::from(run.entries)),
        ])
    });
    let content = json::to_compact(&Json::object([
        ("format", Json::Int(FORMAT)),
        ("covered", Json::from(manifest.covered)),
        ("next", Json::from(manifest.next)),
        ("runs", runs.collect()),
    ]));
    let mut bytes = content.clone();
    bytes.push(b'\n');
    bytes.extend_from_slice(checksum(&content).as_bytes());
    bytes.push(b'\n');
    let path = dir.join(NAME);
    write_atomic(storage, &path, &bytes).map_err(JournalError::write(&path))?;
    Ok(bytes.len() as u64)
}

fn checksum(content: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(content))
}
