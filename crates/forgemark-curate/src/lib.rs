//! From stored records to training sets: a pure function of rows and a recipe.
//!
//! ```text
//! rows ─ select ─┬─ compat    profile lance-context-1: the original's exports, byte for byte
//! rollouts ──────┴─ cut       default: tree ─ (redact) ─ stages ─ shape ─ formats ─ split ─ files and manifest
//! similar        which rows are near duplicates: exact answers, fast
//! template       a conversation through a chat template, with the mask of what is learned
//! encode         rows as JSON lines, Parquet, Arrow; shards, compression
//! spill          intermediate results on disk, and an order over more of them than memory holds
//! output         where the files of a cut go
//! ```
//!
//! No store, no file and no clock is known here: rows come from a snapshot, intermediate results go to a
//! [`Scratch`](spill::Scratch) and files to an [`Output`](output::Output), the instant at which lifetimes are judged is handed in. The same rows and the same recipe give the same bytes,
//! on every machine and with any number of threads.

pub mod bench;
pub mod compat;
pub mod config;
pub mod cut;
pub mod encode;
mod error;
pub mod formats;
pub mod holdout;
pub mod output;
pub mod planted;
pub mod recipe;
pub mod redact;
pub mod rollouts;
pub mod shape;
pub mod similar;
pub mod spill;
pub mod split;
mod spread;
pub mod stages;
pub mod template;
#[cfg(test)]
mod testing;
pub mod tokens;
pub mod tree;

pub use error::{CurateError, Result};
pub use forgemark_contract::store::select;
