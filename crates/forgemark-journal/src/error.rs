//! What can go wrong with a journal, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure of the journal, its index or its artifacts. Cheap to clone, because one failed write answers everybody who
/// waits.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// A write, sync, rename or truncation failed. Nothing is accepted after it until the journal was opened again.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Bytes that were once durable are not what was written.
    #[error("{} is damaged at byte {offset}: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it, from 0.
        offset: u64,
        /// What was found, as a fragment.
        what: String,
    },
    /// A newer release wrote this file.
    #[error("{} has format {found}, this release reads up to {supported}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest version that this release reads.
        supported: u32,
    },
    /// Another process, or another handle of this one, holds the lock.
    #[error("{} is in use by {owner}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What its owner said of itself: process, host, command, since.
        owner: String,
    },
    /// An artifact is there, but the journal knows nothing of it.
    #[error("{} holds {bytes} bytes that this journal did not write", path.display())]
    Foreign {
        /// The artifact.
        path: PathBuf,
        /// Its length in bytes.
        bytes: u64,
    },
    /// An artifact is shorter than the journal committed.
    #[error("{} has {found} bytes, {committed} were committed", path.display())]
    Shortened {
        /// The artifact.
        path: PathBuf,
        /// The committed length in bytes.
        committed: u64,
        /// The length found in bytes.
        found: u64,
    },
    /// A commit does not follow the one before it.
    #[error("commit reaches item {found}, expected {expected}")]
    Order {
        /// Items committed before plus items in the commit.
        expected: u64,
        /// What the commit said.
        found: u64,
    },
    /// A rewind to an item between two commits, past the last one, or across a commit that swapped files.
    #[error("cannot rewind to item {to}: {what}")]
    Rewind {
        /// The first item to drop.
        to: u64,
        /// Why, as a fragment.
        what: String,
    },
    /// A name that may not be an artifact: absolute, empty, or with `..` in it.
    #[error("'{name}' cannot name a file inside the output folder")]
    Name {
        /// The name.
        name: String,
    },
    /// A record beyond what a frame can hold.
    #[error(
        "record of {bytes} bytes is too large, at most {} fit",
        crate::frame::MAX_PAYLOAD
    )]
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// A record that only the journal itself may write.
    #[error("a checkpoint cannot be appended")]
    Reserved,
    /// The writer thread ended without an error of its own.
    #[error("the journal's writer has ended")]
    WriterGone,
}

impl JournalError {
    /// What to do about it, as one or two sentences for the user.
    pub fn remedy(&self) -> String {
        match self {
            JournalError::Write { path, source } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
                    "Free space on the disk that holds {} and run the same command again; what is committed is intact.",
                    path.display()
                ),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
                    "Make {} writable and run the same command again; what is committed is intact.",
                    path.display()
                ),
                _ => "Check the disk and run the same command again; what is committed is intact."
                    .to_owned(),
            },
            JournalError::Read { path, .. } => {
                format!("Check that {} is there and readable.", path.display())
            }
            JournalError::Corrupt { path, .. } => {
                if path
                    .extension()
                    .is_some_and(|e| e == crate::frame::EXTENSION)
                {
                    "Restore the file from a copy. `forgemark journal dump` shows what is readable before the damage; \
                     the rest of the folder can still be validated and bundled."
                        .to_owned()
                } else {
                    "The index holds nothing of its own: delete its folder, it is built again from what it indexes."
                        .to_owned()
                }
            }
            JournalError::TooNew { .. } => "Use a newer release of forgemark.".to_owned(),
            JournalError::Locked { .. } => {
                "Wait until it has finished, stop it, or choose another output folder.".to_owned()
            }
            JournalError::Foreign { path, .. } => format!(
                "Move {} away, import it, or choose another output folder.",
                path.display()
            ),
            JournalError::Shortened { path, .. } => format!(
                "Something else has changed {}. Restore it from a copy, or start again in another output folder.",
                path.display()
            ),
            JournalError::Name { .. } => "Use a relative path inside the output folder.".to_owned(),
            JournalError::TooLarge { .. } => {
                "Limit the size of replies at the endpoint.".to_owned()
            }
            JournalError::Order { .. }
            | JournalError::Rewind { .. }
            | JournalError::Reserved
            | JournalError::WriterGone => {
                "This is a defect of forgemark; what is committed is intact. Please report it."
                    .to_owned()
            }
        }
    }

    /// Whether a newer release wrote the files (exit code 6).
    pub fn is_too_new(&self) -> bool {
        matches!(self, JournalError::TooNew { .. })
    }

    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> JournalError + '_ {
        move |source| JournalError::Write {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(crate) fn read(path: &Path) -> impl Fn(io::Error) -> JournalError + '_ {
        move |source| JournalError::Read {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> JournalError {
        JournalError::Corrupt {
            path: path.to_owned(),
            offset,
            what: what.into(),
        }
    }
}
