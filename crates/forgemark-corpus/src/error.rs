//! Why a corpus cannot be opened at all. What is wrong with single files is in the [`Report`](crate::Report).

use std::io;
use std::path::PathBuf;

/// Why a corpus cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// The folder of documents is missing, unreadable or no folder.
    #[error("the folder of documents {} cannot be read", path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// An option is out of its range.
    #[error("{option} is {value}, but {rule}")]
    Option {
        /// The option's name in [`CorpusOptions`](crate::CorpusOptions).
        option: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        rule: &'static str,
    },
    /// A file of the index cannot be read or written.
    #[error("the corpus index cannot {doing} {}", path.display())]
    Index {
        /// What was tried: `read`, `write`, `remove` or `create`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The index was written by a newer version of this program.
    #[error("the corpus index {} has format {found}, and this program knows {known}", path.display())]
    TooNew {
        /// The index file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that is known here.
        known: u64,
    },
    /// A model makes vectors of several lengths.
    #[error("the model made a vector of {found} values where {expected} were expected")]
    VectorLength {
        /// The length of the vector.
        found: usize,
        /// That of those that are there, or that was asked for.
        expected: usize,
    },
    /// There are more chunks than can be numbered.
    #[error("the documents make more than {} chunks", u32::MAX)]
    TooManyChunks,
}
