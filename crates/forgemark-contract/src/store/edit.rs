//! Changes of a store: what each means, whatever the store is made of.

use super::ContextRecord;
use super::api::{Key, Metric};
use crate::json::Object;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A new record; an id or external id that is held by a record that is not deleted is an error.
    Add(ContextRecord),
    /// The record takes the place of the one with its external id (required): it keeps that one's `id`, `created_at`, `seq` and
    /// position in lists, everything else is the new record's, and `updated_at` is set. Edges of supersession that it
    /// has stay, and its vector too where the new record has none and the same text. An equal record changes nothing, and neither does
    /// one of the same `origin_digest`: what was edited in the store since it was taken in stays. Where none has the external
    /// id it is added. One list upserts an external id once.
    Upsert(ContextRecord),
    /// Fields of a record get new values; `null` clears one. Keys are columns, or `metadata.KEY` for one key of the metadata, where
    /// dots lead to keys below. `id`, `created_at` and `seq` cannot be changed: the position of a record in its conversation stays.
    Patch {
        /// Which record.
        key: Key,
        /// The new values.
        fields: Object,
    },
    /// A new record that replaces an old one: the new one names the old one and the other way round, and the old one is hidden.
    /// The old one keeps its external id; one that was replaced already is an error.
    Supersede {
        /// The old record.
        key: Key,
        /// The new one.
        record: ContextRecord,
    },
    /// The record becomes a tombstone: its id, its scope and what it replaced stay, so that no older record comes back; its keys
    /// are free again, and payload, metadata and vector are gone from this version on.
    Delete(Key),
}

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditResult {
    /// A record was added, under this id.
    Added(String),
    /// The record of this id was changed.
    Changed(String),
    /// The record of this id was as it should be.
    Unchanged(String),
    /// The record of this id was deleted.
    Deleted(String),
}

/// Why a store did not do as asked. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No store there.
    #[error("{uri}: no store here; `forgemark store init {uri}` makes one")]
    NotFound {
        /// Where.
        uri: String,
    },
    /// There is one already.
    #[error("{uri}: a store is here already; it was left as it is")]
    Exists {
        /// Where.
        uri: String,
    },
    /// A table that can only be read.
    #[error("{uri}: {why}")]
    ReadOnly {
        /// Where.
        uri: String,
        /// Why, and what to do.
        why: String,
    },
    /// A key that is held.
    #[error("{field} {value:?} is held by another record{}; nothing was written", if *.more > 0 { format!(" (and {} more are)", .more) } else { String::new() })]
    Duplicate {
        /// `id` or `external_id`.
        field: &'static str,
        /// The first such key.
        value: String,
        /// How many more there are.
        more: usize,
    },
    /// A record that is not there.
    #[error("there is no record with {key}")]
    NoRecord {
        /// By what it was looked for.
        key: String,
    },
    /// A record or query that cannot be.
    #[error("record {record}: {field}: {what}")]
    Invalid {
        /// The id of the record, or what stands for it.
        record: String,
        /// The field.
        field: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A version or name that is not there.
    #[error("{uri}: there is no version {at}; {there_is}")]
    NoVersion {
        /// Where.
        uri: String,
        /// What was asked for.
        at: String,
        /// What there is.
        there_is: String,
    },
    /// A name that is taken.
    #[error("the tag {name} names version {version}; remove it first")]
    TagExists {
        /// The name.
        name: String,
        /// What it names.
        version: u64,
    },
    /// Vectors of two lengths.
    #[error("record {record}: its vector has {found} values, and the store's have {expected}")]
    Dimensions {
        /// The id of the record.
        record: String,
        /// Its length.
        found: usize,
        /// The store's.
        expected: u32,
    },
    /// Another process writes, and did not end in time.
    #[error("{uri}: {owner} is writing; try again when it has ended")]
    Busy {
        /// Where.
        uri: String,
        /// Who, as far as it can be told.
        owner: String,
    },
    /// An object store that does not answer.
    #[error("{uri}: not reachable: {what}")]
    Unreachable {
        /// Where.
        uri: String,
        /// What was tried and what came back.
        what: String,
    },
    /// A table that was made with another metric or vector length.
    #[error("{uri}: made with {found:?}, asked for {asked:?}")]
    Metric {
        /// Where.
        uri: String,
        /// The table's.
        found: Metric,
        /// The caller's.
        asked: Metric,
    },
    /// The storage layer failed: a full disk, a missing file, damage.
    #[error("{uri}: {what}")]
    Storage {
        /// Where.
        uri: String,
        /// What failed, with its remedy where there is one.
        what: String,
        /// The layer's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}
