//! Grounded multi-turn dialogues.
//!
//! ```text
//! config ─> plan (pure) ─┐
//! corpus ─> deck ────────┴─> work: user role ─ decide ─ assistant role ─ judge ──> conversation
//!                                   │ registry (all questions)                        │
//!                                   └─ prompts, replies, tools, support               v
//!                            pipeline: admission and commit in order ─> writer ─> render ─> nine artifacts
//! ```
//!
//! A conversation is a pure function of its plan, the decisions about its questions and the replies
//! that the journal keeps. That one property gives resume (run it again, the replies are known),
//! rewinding (run it again from the decision that changed) and equal files whatever the latencies.

pub mod bundle;
pub mod check;
pub mod config;
mod conversation;
mod deck;
pub mod demo;
mod error;
pub mod estimate;
pub mod judge;
mod judging;
pub mod offline;
mod outcome;
pub mod passages;
mod pipeline;
mod plan;
pub mod prompts;
mod question;
mod registry;
mod render;
pub mod replies;
mod rng;
pub mod run;
pub mod support;
mod tools;
mod web;
mod work;
mod writer;

pub use conversation::{DropReason, Dropped};
pub use error::DialogueError;
pub use pipeline::{MaxFailed, OFFER, StoppedBy, Tally};
pub use question::Matching;
