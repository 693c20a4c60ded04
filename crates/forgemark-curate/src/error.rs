//! What can go wrong on the way from records to a cut.

use forgemark_contract::store::StoreError;

/// Why there is no cut.
#[derive(Debug, thiserror::Error)]
pub enum CurateError {
    /// A value of the recipe that cannot be followed.
    #[error("{key}: {what}")]
    Recipe {
        /// The dotted key of the recipe.
        key: &'static str,
        /// What is wrong with it, naming the value.
        what: String,
    },
    /// Some candidates of a list have a rank and some have none, so that the list has no order.
    #[error(
        "record {record}: no rank, while other candidates of group {group} have one; rank all of them or none"
    )]
    PartialRanks {
        /// The key of the group.
        group: String,
        /// The first candidate without a rank.
        record: String,
    },
    /// A stage that compares vectors met a record that has none that can be compared.
    #[error(
        "{stage}: record {record} has no usable vector ({why}); embed the store, or set on_missing to keep or drop"
    )]
    NoVector {
        /// The stage.
        stage: &'static str,
        /// The record.
        record: String,
        /// What is missing.
        why: &'static str,
    },
    /// A filter on rewards met a record without one.
    #[error(
        "reward: record {record} has no reward; score the records, or set on_missing to keep or drop"
    )]
    NoReward {
        /// The record.
        record: String,
    },
    /// The language of a unit cannot be told, and the rule wants to know it.
    #[error(
        "language: that of record {record} cannot be told with enough confidence; lower language.confidence, or set on_unsure to keep or drop"
    )]
    NoLanguage {
        /// Its first record.
        record: String,
    },
    /// Two records have one id.
    #[error("record {record}: the id occurs twice among the rows to curate")]
    DuplicateId {
        /// The id.
        record: String,
    },
    /// Records that are each other's ancestors.
    #[error("record {record}: its parent_id leads back to itself; correct the parents")]
    ParentCycle {
        /// One of them.
        record: String,
    },
    /// A cut that is to go on from an earlier one has another recipe.
    #[error(
        "{key}: the earlier cut had {before}, now it is {now}; use the same recipe, or cut the whole anew"
    )]
    Changed {
        /// The key of the recipe, as the manifest has it.
        key: String,
        /// Its value in the earlier cut, as JSON.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A temporary file cannot be made, written or read.
    #[error(
        "cannot keep intermediate results in a temporary file: {source}; make room where temporary files lie"
    )]
    Scratch {
        /// Why.
        source: std::io::Error,
    },
    /// A row does not fit the columns that are declared for its format.
    #[error("{file}, row {row}: {field} {what}")]
    Row {
        /// The file.
        file: String,
        /// The row, from 1.
        row: u64,
        /// Where in the row.
        field: String,
        /// What is wrong there.
        what: String,
    },
    /// The output took no bytes.
    #[error("cannot write {file}: {source}")]
    Output {
        /// The file as the recipe names it.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The result of this crate.
pub type Result<T> = std::result::Result<T, CurateError>;
