//! The pipeline: models question, answer, criticise, debate and judge each other.
//!
//! ```text
//! Settings, Prompts, models ──> ArenaRun ──> a chain for every questioner and run, all at the same time
//!                                                │
//!   task = a record's calls, in order:           ├─ question ─ contradictors ─ debates ─ judges ─ valid? ─ next attempt
//!   prompt ─> journal or model ─> reply, read    └─ answers ─ evaluators, ill-posed claims ─ debates ─ judges
//!                                                │
//!                                            Keeper (a thread) ──> files of the arena, provenance.jsonl
//! ```
//!
//! The files are a function of the configuration, of the records that were there, and of the replies that the journal keeps. A
//! task reads nothing but what its record stands on, so that the order in which replies arrive decides nothing; a folder's
//! records are planned by keys and never by places in lists; and a command that was cut short is the same command again.

pub mod config;
pub mod controls;
pub mod estimate;
pub mod import;
pub mod latex;
pub mod prompts;
pub mod provenance;
pub mod redact;
pub mod replies;
pub mod run;
pub mod solver;

mod answer;
mod ask;
mod chain;
mod critique;
mod debate;
mod dossier;
mod engine;
mod error;
mod folder;
mod improve;
mod judge;
mod keeper;
mod names;
mod question;
mod retry;

pub use ask::PARSER;
pub use engine::{Stage, Tally};
pub use error::ArenaError;
pub use retry::{Retry, classes};
pub use run::{ArenaRun, Ending, Environment, Live, RunOptions, Summary};
