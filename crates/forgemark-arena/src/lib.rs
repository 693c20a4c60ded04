//! The files of an arena as one claim graph, and whether it holds together.
//!
//! ```text
//! folder ──Corpus::load──> records by file ──Graph::new──> question ─> answer ─> critique ─> debate ─> judgment, label
//!                               │                               │
//!                               └────────────> check ───────────┴──> Report: findings by class, with file and key
//!                                                │              │
//!                                                │              └──Docket::new──> decisions by claim
//!                                                │                                  │
//!                                                │              Policy ──Adjudicator┴──> Walk: meetings ──> stats, ratings, ledger
//!                                                └──> quarantine: entries out of the files, into a folder with a manifest
//! ```
//!
//! Nothing here asks a model. Who is right about a claim is a declared [`Policy`]'s business, and every result that stands on
//! one carries it. A folder is read as it is; only [`quarantine`], [`ledger`] and [`label`] write, and nothing is removed that was not
//! copied before.

pub mod adjudicate;
pub mod check;
pub mod corpus;
pub mod games;
pub mod graph;
pub mod label;
pub mod ledger;
pub mod pipeline;
pub mod policy;
pub mod quarantine;
pub mod rate;
pub mod redact;
pub mod stats;

mod keys;

pub use adjudicate::{Adjudicator, Docket};
pub use check::{Class, Finding, Level, Report, check, faults};
pub use corpus::{Content, Corpus, CorpusError, CorpusFile, Ref, is_arena};
pub use games::Walk;
pub use graph::{Graph, Name};
pub use policy::{Policy, PolicyError};
pub use quarantine::{Quarantine, QuarantineError, put_aside};
pub use rate::{Ratings, rate, sensitivity};
pub use stats::Stats;
