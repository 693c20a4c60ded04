//! What a caller decides about a corpus.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Where the documents and the index are, and how documents become chunks.
#[derive(Debug, Clone)]
pub struct CorpusOptions {
    /// The folder of documents. Every document's path is relative to it.
    pub root: PathBuf,
    /// The folder of the index. It may lie inside `root`; nothing in it is taken for a document.
    pub index_dir: PathBuf,
    /// Characters of a chunk, at least 1. Part of the corpus digest.
    pub chunk_size: u32,
    /// Characters that a chunk shares with the one before it, less than `chunk_size`. Part of the corpus digest.
    pub chunk_overlap: u32,
    /// Whether every file is hashed, instead of trusting size and modification time.
    pub verify: bool,
    /// Whether to start without the existing index.
    pub rebuild: bool,
    /// Larger files are reported and not read. At most [`MAX_DOCUMENT_BYTES`].
    pub max_document_bytes: u64,
    /// What messages call that limit, so that they name what a user can change.
    pub max_document_name: &'static str,
    /// How much one PDF or HTML file may cost.
    pub pdf: PdfLimits,
    /// The program that reads PDF and HTML files in a process of its own; see [`pdf_child_main`](crate::pdf_child_main).
    pub pdf_child: PdfChild,
    /// How many documents are read at once, at least 1. No effect on the result.
    pub workers: usize,
}

/// The largest `max_document_bytes`: offsets are 32 bits wide, and decoding may make a text longer than its file.
pub const MAX_DOCUMENT_BYTES: u64 = 1 << 30;

impl CorpusOptions {
    /// The defaults: chunks of 750 characters that overlap by 150, files of up to 64 MiB, two documents at a time.
    pub fn new(
        root: impl Into<PathBuf>,
        index_dir: impl Into<PathBuf>,
        pdf_child: PdfChild,
    ) -> Self {
        CorpusOptions {
            root: root.into(),
            index_dir: index_dir.into(),
            chunk_size: 750,
            chunk_overlap: 150,
            verify: false,
            rebuild: false,
            max_document_bytes: 64 << 20,
            max_document_name: "the limit on the size of a document",
            pdf: PdfLimits::default(),
            pdf_child,
            workers: 2,
        }
    }
}

/// A program and the arguments that make it call [`pdf_child_main`](crate::pdf_child_main) with those that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfChild {
    /// The program, usually the running one.
    pub program: PathBuf,
    /// What comes before our arguments, usually the hidden subcommand `__pdf-text`.
    pub leading_args: Vec<OsString>,
}

/// What reading one PDF or HTML file may cost. A file that costs more is reported as damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfLimits {
    /// Address space of the child in bytes. Not enforced by macOS.
    pub memory_bytes: u64,
    /// Processor time of the child, in whole seconds.
    pub cpu: Duration,
    /// Time from start to end.
    pub wall: Duration,
    /// Length of the extracted text in bytes.
    pub output_bytes: u64,
    /// What messages call the limit on memory, so that they name what a user can change.
    pub memory_name: &'static str,
    /// The same for both limits on time.
    pub time_name: &'static str,
}

impl Default for PdfLimits {
    /// 1 GiB, 60 s of processor time, 120 s in all, 64 MiB of text.
    fn default() -> Self {
        PdfLimits {
            memory_bytes: 1 << 30,
            cpu: Duration::from_mins(1),
            wall: Duration::from_mins(2),
            output_bytes: 64 << 20,
            memory_name: "the limit on memory",
            time_name: "the limit on time",
        }
    }
}
