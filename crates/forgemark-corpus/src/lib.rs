//! The corpus: documents to canonical text with spans, chunks, and retrieval.
//!
//! ```text
//! files ──walk──> load ──> canonical text + pages ──chunk──> chunks ──> keyword and vector search
//!                  │ PDF, HTML: in a child process with limits
//!          index ──┘ what did not change is not read again
//! ```
//!
//! [`Corpus::open`] does all of it. A file that cannot be read never stops it and is never silently empty: it stands in
//! the [`Report`] with the reason and a remedy.
//!
//! Absent here: models, configuration, the clock, and anything printed. Source documents are read with the file system
//! of the standard library; everything that is written goes through
//! [`Storage`](forgemark_journal::storage::Storage).

mod canonical;
mod child;
mod chunk;
mod corpus;
mod decode;
mod error;
mod follow;
mod html;
mod index;
mod load;
mod markdown;
mod media;
mod options;
mod pdf;
mod report;
mod search;
mod walk;

pub use child::pdf_child_main;
pub use corpus::{Chunk, ChunkId, Corpus, Document, MemoryUse};
pub use error::CorpusError;
pub use media::Media;
pub use options::{CorpusOptions, MAX_DOCUMENT_BYTES, PdfChild, PdfLimits};
pub use report::{Damaged, Note, Renamed, Report};
pub use search::{ChunkVectors, Hit, VectorCache, hashed_words};
