//! The records of the context store, as typed records.
//!
//! ```text
//! ContextRecord   one message of a conversation, with its scope, lifecycle, payload and vector
//!   ├ ChatMessage   what a `role` and a `text_payload` cannot say: parts, tool calls, reasoning, train flag
//!   └ relationships, state_metadata
//! RolloutRecord   one message of a reinforcement-learning trajectory, with its tokens
//! Stores, RecordStore, Snapshot   what a store can do; made of Lance in forgemark-store, of memory in `memory`
//! probe           what tells a model that makes vectors from another one of its name
//! Edit            one change; `resolve` says what a list of them makes of rows, `select` which rows are seen,
//!                 `measure` how near they are to a query, `search` finds them, `audit` what is wrong with them
//! ```
//!
//! The columns are those of the original store, in its order, so that its tables can be read and ours can be read by
//! it; what we add stands behind them and may be absent from a table. The JSON form is for files and tests: the store
//! itself keeps columns.

mod api;
pub mod audit;
mod edit;
mod embed;
pub mod measure;
pub mod memory;
mod message;
pub mod probe;
mod record;
pub mod resolve;
mod rollout;
pub mod search;
pub mod select;

#[cfg(test)]
mod tests;

pub use api::{
    At, CleanedUp, Compacted, Finding, Hit, IndexKind, Key, Metric, Parts, Payload, RecordStore,
    RowNumber, Rows, Scan, Search, Snapshot, StoreOptions, StoreStats, Stores, VectorModel,
    Version, Written,
};
pub use edit::{Edit, EditResult, StoreError};
pub use embed::{EmbedError, Embedded, Embedder, embed};
pub use message::{ChatMessage, Content};
pub use record::{Bytes, ContextRecord, Relationship, StateMetadata, lifecycle};
pub use rollout::RolloutRecord;

/// The content type of plain text, and the default.
pub const TEXT_CONTENT_TYPE: &str = "text/plain";

/// The content type of a tombstone: a row that says that its id was deleted.
pub const TOMBSTONE_CONTENT_TYPE: &str = "application/vnd.lance-context.tombstone";
