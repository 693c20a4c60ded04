//! Arenas, in which models question, answer, criticise, debate and judge each other: how they are made ([`pipeline`]), their files
//! as one claim graph, whether it holds together, and what follows from it.
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
//! Only the [`pipeline`] asks models. Who is right about a claim is a declared [`Policy`]'s business, and every result that stands on
//! one carries it. A folder is read as it is; the [`pipeline`] adds to it, and what [`quarantine`], [`ledger`] and [`label`] write
//! removes nothing that was not copied before.

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
