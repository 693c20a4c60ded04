//! The files of an arena as one claim graph, and whether it holds together.
//!
//! ```text
//! folder ──Corpus::load──> records by file ──Graph::new──> question ─> answer ─> critique ─> debate ─> judgment, label
//!                               │                               │
//!                               └────────────> check ───────────┴──> Report: findings by class, with file and key
//!                                                │
//!                                                └──> quarantine: entries out of the files, into a folder with a manifest
//! ```
//!
//! Nothing here asks a model, and nothing decides who is right about a claim: that is a policy's business. A folder is
//! read as it is; only [`quarantine`] writes, and it removes nothing that it has not copied before.

pub mod check;
pub mod corpus;
pub mod graph;
pub mod quarantine;

mod keys;

pub use check::{Class, Finding, Level, Report, check};
pub use corpus::{Content, Corpus, CorpusError, CorpusFile, Ref, is_arena};
pub use graph::{Graph, Name};
pub use quarantine::{Quarantine, QuarantineError, put_aside};
