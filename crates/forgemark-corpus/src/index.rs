//! The index on disk: what was read from which file, so that only what changed is read again.
//!
//! ```text
//! index_dir/
//!   corpus-index.jsonl     a header with the format's version, one line a file, a last line with a checksum
//!   texts-<hash>.pack      canonical texts, one after the other; named by the hash of its bytes
//! ```
//!
//! Packs are immutable. A change writes one new pack with the new texts, then replaces the index, then removes packs that
//! nothing names any more; a crash in between leaves the old index or the new one, and both are complete. When more than
//! half of what the packs hold is no longer used, all texts go into one new pack. Chunks and search structures are not
//! stored: they follow from the texts and the options, and making them costs less than reading them would.
//!
//! A damaged or older index is built anew, with a note; one from a newer program is an error, so that two versions of the
//! program do not undo each other's work.

mod lines;
mod packs;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use forgemark_journal::storage::{Storage, write_atomic};

use crate::canonical::PageStart;
use crate::error::CorpusError;
use crate::load::{Reading, Sha};
use crate::media::Media;
use crate::walk::Stat;

pub(crate) use packs::{Packs, TextRef};

/// Version of the index format. 1: first.
pub(crate) const VERSION: u64 = 1;

/// Name of the index file.
pub(crate) const FILE: &str = "corpus-index.jsonl";

/// What the index knows of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) stat: Stat,
    pub(crate) sha: Sha,
    pub(crate) media: Media,
    /// [`Media::extractor`] of the program that read it.
    pub(crate) extractor: String,
    pub(crate) state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Document(DocumentEntry),
    /// It has no text, and would not have any if it were read again under the same limits.
    Damaged {
        why: String,
        remedy: String,
        /// The limits it was read under, as one text to compare.
        limits: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentEntry {
    pub(crate) reading: Reading,
    pub(crate) chars: u32,
    pub(crate) pages: Vec<PageStart>,
    pub(crate) text: TextRef,
}

impl Entry {
    pub(crate) fn document(&self) -> Option<&DocumentEntry> {
        match &self.state {
            State::Document(document) => Some(document),
            State::Damaged { .. } => None,
        }
    }
}

/// What reading the index gave.
#[derive(Debug)]
pub(crate) enum Stored {
    /// There is none.
    Missing,
    /// It cannot be used; why, as a fragment.
    Unusable(String),
    /// Its entries, in path order.
    Entries(Vec<Entry>),
}

/// Reads the index.
pub(crate) fn read(storage: &dyn Storage, index_dir: &Path) -> Result<Stored, CorpusError> {
    let path = index_dir.join(FILE);
    let failed = |source| CorpusError::Index {
        doing: "read",
        path: path.clone(),
        source,
    };
    if storage.len(&path).map_err(failed)?.is_none() {
        return Ok(Stored::Missing);
    }
    let bytes = storage.read(&path).map_err(failed)?;
    match lines::parse(&bytes) {
        Ok(entries) => Ok(Stored::Entries(entries)),
        Err(lines::Unreadable::Version(found)) if found > VERSION => Err(CorpusError::TooNew {
            path,
            found,
            known: VERSION,
        }),
        Err(lines::Unreadable::Version(found)) => {
            Ok(Stored::Unusable(format!("has the old format {found}")))
        }
        Err(lines::Unreadable::Damaged(why)) => Ok(Stored::Unusable(format!("is damaged ({why})"))),
    }
}

/// Replaces the index. The texts that it names must be durable.
pub(crate) fn write(
    storage: &dyn Storage,
    index_dir: &Path,
    entries: &[Entry],
) -> Result<(), CorpusError> {
    let path = index_dir.join(FILE);
    write_atomic(storage, &path, &lines::render(entries)).map_err(|source| CorpusError::Index {
        doing: "write",
        path,
        source,
    })
}

/// Makes the folder of the index.
pub(crate) fn create_dir(storage: &dyn Storage, index_dir: &Path) -> Result<(), CorpusError> {
    storage
        .create_dir_all(index_dir)
        .map_err(|source| CorpusError::Index {
            doing: "create",
            path: PathBuf::from(index_dir),
            source,
        })
}
