//! What stops statistics and bundles.

use std::io;
use std::path::PathBuf;

use forgemark_journal::JournalError;

/// Why there are no statistics or no bundle. Where a bundle was to be made, the one that was there stays.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder or file is not there.
    #[error("there is no {}", path.display())]
    NotThere {
        /// The path.
        path: PathBuf,
    },
    /// No file with rows of conversations is in a folder.
    #[error("{} holds no rows of conversations ({what})", folder.display())]
    NoRows {
        /// The folder.
        folder: PathBuf,
        /// The files that were looked for, and what they are.
        what: String,
    },
    /// The file that was asked for is not there or empty; no other is taken in its place.
    #[error("{} {what}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// `is not there` or `is empty`.
        what: &'static str,
    },
    /// A row cannot be used.
    #[error("{}:{line}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The field and what is wrong with it, as a fragment.
        what: String,
    },
    /// The folder holds files that no bundle of ours has.
    #[error("{} holds {name}, which Forgemark did not make", dir.display())]
    NotOurs {
        /// The folder.
        dir: PathBuf,
        /// A file or folder in it.
        name: String,
    },
    /// A file of the earlier bundle was changed since it was made.
    #[error("{} was changed after the bundle was made", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Two files of the bundle would have one name.
    #[error("two files of the bundle would be called {name}")]
    SameName {
        /// The name.
        name: String,
    },
    /// The bundle was made by a newer release.
    #[error("{} has format {found}, this release knows {known}", path.display())]
    TooNew {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest that is known.
        known: u64,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder cannot be written, or a journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl BundleError {
    /// What to do, as a fragment; empty where the error itself says it.
    pub fn hint(&self) -> &'static str {
        match self {
            BundleError::NotThere { .. } => {
                "name an output folder, a bundle, or a file of ShareGPT rows"
            }
            BundleError::NoRows { .. } => {
                "name the output folder of a run (`saving.output_dir`); where `saving.artifacts` leaves the rows out, add `sharegpt` to it and run again; `forgemark status DIR` says how far a run is"
            }
            BundleError::Source { .. } => {
                "it was asked for by name, so no other file is taken: judge the conversations first, or name another one (`saving.hf_push.source_file`, `--file`)"
            }
            BundleError::Damaged { .. } => {
                "restore the file from a copy, or name its columns in `saving.output_columns`; `forgemark validate DIR` lists everything that is wrong"
            }
            BundleError::NotOurs { .. } => {
                "name a folder that is empty or not there with --out, or move what is in this one; nothing was changed"
            }
            BundleError::Changed { .. } => {
                "move the file away to keep it, or remove it to have it made anew; nothing was changed"
            }
            BundleError::SameName { .. } => {
                "give `saving.hf_push.stats_file`, `saving.hf_push.plots_dir` and `saving.hf_push.source_file` different names, none of them README.md, bundle.json, schema.json or run_state"
            }
            BundleError::TooNew { .. } => {
                "use the newer release, or name another folder with --out"
            }
            BundleError::Read { .. } => "check that the file is there and readable",
            BundleError::Journal(_) => "",
        }
    }

    /// For reading `path`.
    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| BundleError::Read { path, source }
    }
}
