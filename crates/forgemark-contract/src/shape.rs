//! Shapes: what each file of a contract must look like, said once.
//!
//! ```text
//! record! { ... }  ->  the Rust struct, its writer and its reader
//!                  ->  a Table of fields  ->  check_line: findings with a JSON path
//!                                         ->  schema: JSON Schema, draft 2020-12
//! ```
//!
//! The reader ([`Record`] types and their `from_json`) is lenient: it wants the keys and the Rust types only, so that
//! whatever a known version wrote can be read. The check is strict: it says everything that a consumer with a fixed
//! schema would trip over. Neither looks across rows or files; that is the business of a pipeline's own check.

mod artifact;
mod check;
pub(crate) mod record;
mod schema;

#[cfg(test)]
mod tests;

pub use artifact::{ArtifactKind, check_line, check_sharegpt, schema};
pub use check::check;
pub use record::{Field, Record};
pub use schema::{record_schema, schema_document};

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Anything, `null` included.
    Any,
    /// `true` or `false`.
    Bool,
    /// An integer of at least `min`, written without a fraction (JSON Schema would also take `1.0`).
    Integer {
        /// Smallest value.
        min: i64,
    },
    /// An integer or a finite float.
    Number,
    /// A string, empty or not.
    Text,
    /// A string with at least one character.
    Filled,
    /// Sixteen lower-case hexadecimal digits; `empty` also allows `""`.
    QuestionHash {
        /// Whether `""` is fine.
        empty: bool,
    },
    /// An instant with the offset `+00:00`.
    DatasetTime,
    /// An instant with a `Z`.
    LedgerTime,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An object with any keys.
    Object,
    /// An array of values that are all of one shape.
    Array(&'static Shape),
    /// The shape, or `null`.
    Nullable(&'static Shape),
    /// A record of a table.
    Record(&'static Table),
    /// A record of a table, or `{}`, which stands for "none".
    EmptyOr(&'static Table),
    /// A record of a table that has all of its keys and no other.
    Closed(&'static Table),
    /// A record of a table that also has a key which is optional elsewhere.
    Having {
        /// The table.
        table: &'static Table,
        /// The key.
        key: &'static str,
    },
    /// A record of `with` when the key is there, else of `without`.
    Switch {
        /// The key that decides.
        key: &'static str,
        /// The table for objects that have the key.
        with: &'static Table,
        /// The table for objects that have it not.
        without: &'static Table,
    },
}

/// The keys of one kind of object. Other keys are allowed, as a newer version may have added them, but in
/// [`Shape::Closed`].
#[derive(Debug)]
pub struct Table {
    /// The name of the record, as schemas call it.
    pub name: &'static str,
    /// What the record is.
    pub doc: &'static str,
    /// Its keys in the order in which they are written.
    pub fields: &'static [FieldRule],
}

/// One key of a [`Table`].
#[derive(Debug)]
pub struct FieldRule {
    /// The key.
    pub key: &'static str,
    /// An older name of the key, which readers accept.
    pub legacy: Option<&'static str>,
    /// What its value must be.
    pub shape: Shape,
    /// Whether the key must be there.
    pub required: bool,
    /// What it says.
    pub doc: &'static str,
}

/// Something in a file that is not as its contract says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeFinding {
    /// The place inside the value, such as `turns[2].judge_score`; `$` for the value itself.
    pub path: String,
    /// What was expected and what was found, as a fragment.
    pub what: String,
}

/// A value that cannot be read as a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct ShapeError {
    /// The place inside the value, such as `turns[2].turn_index`; `$` for the value itself.
    pub path: String,
    /// What was expected and what was found, as a fragment.
    pub what: String,
}

impl ShapeError {
    /// An error at the value itself.
    pub fn here(what: impl Into<String>) -> Self {
        ShapeError {
            path: "$".to_owned(),
            what: what.into(),
        }
    }

    /// The same error seen from the object that holds the value under `key`.
    #[must_use]
    pub fn under_key(mut self, key: &str) -> Self {
        self.path = join(key, &self.path);
        self
    }

    /// The same error seen from the array that holds the value at `place`.
    #[must_use]
    pub fn under_index(mut self, place: usize) -> Self {
        self.path = join(&format!("[{place}]"), &self.path);
        self
    }
}

/// `inner` seen from outside: `turns` and `[2].x` give `turns[2].x`.
fn join(outer: &str, inner: &str) -> String {
    match inner.as_bytes().first() {
        Some(b'$') if inner.len() == 1 => outer.to_owned(),
        Some(b'[') | None => format!("{outer}{inner}"),
        Some(_) => format!("{outer}.{inner}"),
    }
}
