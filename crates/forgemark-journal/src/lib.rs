//! The journal: what was asked and answered, what is committed, and who may write.
//!
//! ```text
//! OUT/.forgemark/
//!   lock                          who runs here (RunLock)
//!   journal/00000000000000000000.fmj   segments, named by the journal position of their first byte
//!           writer.lock           at most one open Journal
//!   keys/   MANIFEST, run-*.fmi   call key -> position, can be rebuilt from the segments (DiskIndex)
//!   tmp/, swap/                   whole files on their way to their place (ArtifactSet)
//!   staged/, staged.commit        files that appear together, in folders without a journal (Staged)
//! OUT/*.jsonl                     append-only artifacts, cut to their committed length on open
//! ```
//!
//! ```text
//! append(record) ──> queue ──> writer thread: one write + one fdatasync a batch ──> Durable
//!                      │                            │
//!                 lookup(key) <── pending ──────────┴──> DiskIndex (flushed with the position that it covers)
//! ```
//!
//! Invariants: the journal is the truth and artifacts follow it, so a commit record is written only after everything
//! that it names is durable; nothing is acknowledged before it is durable; after a failed write nothing is accepted until
//! the journal was opened again; memory does not grow with the number of records. This crate knows no model and no
//! pipeline, and reads no calendar, environment or random number. Every write goes through [`storage::Storage`].

pub mod artifacts;
pub mod error;
pub mod index;
pub mod inspect;
pub mod journal;
pub mod lock;
pub mod record;
pub mod staged;
pub mod storage;

mod frame;
mod items;
mod recover;
mod segments;
mod state;

pub use artifacts::ArtifactSet;
pub use error::JournalError;
pub use index::{DiskIndex, IndexOptions};
pub use inspect::{Dump, Entry, Verified, dump, inspect, rebuild_index, verify};
pub use items::{Item, Items};
pub use journal::{BytesWritten, Durable, Journal, OpenOptions, Recovered};
pub use lock::RunLock;
pub use record::{
    Attempt, BatchCall, BatchIntent, BatchRecord, BatchStage, CallOutcome, CallRecord,
    CommitRecord, ImportRecord, PendingBatch, Record, Usage,
};
pub use staged::{Staged, recover};
pub use state::{Committed, RoleTotals, RunEnd, RunInfo, Totals};
pub use storage::{AppendFile, DiskStorage, ReadFile, Storage, write_atomic};
