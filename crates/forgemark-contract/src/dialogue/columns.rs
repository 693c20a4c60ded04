//! The names of the `ShareGPT` columns (`saving.output_columns`).

use crate::json::Object;
use crate::settings::nearest;

/// Another spelling that configurations use.
const ALIAS: (&str, &str) = ("message_with_tools", "messages_with_tools");

/// The names of the columns of both `ShareGPT` files. No two are the same and none is blank: the original lets
/// one column overwrite another, which loses data without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    names: [String; 6],
}

/// A mapping that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// No such column.
    #[error("there is no column '{column}'; the columns are {}", Columns::NAMES.join(", "))]
    Unknown {
        /// The key of the mapping.
        column: String,
        /// The column that it most likely means.
        nearest: Option<&'static str>,
    },
    /// A name that is no text.
    #[error("the name of column '{column}' is not text")]
    NotText {
        /// The column.
        column: String,
    },
    /// A name without a visible character.
    #[error("the name of column '{column}' is blank")]
    Blank {
        /// The column.
        column: String,
    },
    /// Two columns with one name.
    #[error("columns '{first}' and '{second}' would both be called '{name}'")]
    Collision {
        /// The earlier column.
        first: String,
        /// The later column.
        second: String,
        /// Their name.
        name: String,
    },
}

impl Default for Columns {
    fn default() -> Self {
        Columns {
            names: Columns::NAMES.map(str::to_owned),
        }
    }
}

impl Columns {
    /// The columns under their default names, in the order in which they are written.
    pub const NAMES: [&'static str; 6] = [
        "messages",
        "messages_with_tools",
        "metadata",
        "user_reasoning",
        "assistant_reasoning",
        "judge",
    ];

    /// The names from a mapping of default names to new ones; columns that it leaves out keep their name. `null` keeps
    /// it too. White space around a name is taken off, and `message_with_tools` means `messages_with_tools`.
    ///
    /// # Errors
    /// [`ColumnsError`] for an unknown column, a name that is blank or no text, and two columns of one name.
    pub fn new(mapping: &Object) -> Result<Self, ColumnsError> {
        let mut columns = Columns::default();
        let mut given = [false; Columns::NAMES.len()];
        for (key, value) in mapping {
            let column = if key == ALIAS.0 { ALIAS.1 } else { key };
            let Some(place) = Columns::NAMES.iter().position(|name| *name == column) else {
                return Err(ColumnsError::Unknown {
                    column: key.to_owned(),
                    nearest: nearest(key, Columns::NAMES),
                });
            };
            if value.is_null() {
                continue;
            }
            let Some(name) = value.as_str().map(str::trim) else {
                return Err(ColumnsError::NotText {
                    column: key.to_owned(),
                });
            };
            if name.is_empty() {
                return Err(ColumnsError::Blank {
                    column: key.to_owned(),
                });
            }
            if given[place] && columns.names[place] != name {
                let (first, second) = (ALIAS.1.to_owned(), ALIAS.0.to_owned());
                return Err(ColumnsError::Collision {
                    first,
                    second,
                    name: column.to_owned(),
                });
            }
            given[place] = true;
            name.clone_into(&mut columns.names[place]);
        }
        for (place, name) in columns.names.iter().enumerate() {
            if let Some(earlier) = columns.names[..place]
                .iter()
                .position(|other| other == name)
            {
                let (first, second) = (
                    Columns::NAMES[earlier].to_owned(),
                    Columns::NAMES[place].to_owned(),
                );
                return Err(ColumnsError::Collision {
                    first,
                    second,
                    name: name.clone(),
                });
            }
        }
        Ok(columns)
    }

    /// The name of the column that is called `default` by default; any other key is its own name.
    pub fn name<'a>(&'a self, default: &'a str) -> &'a str {
        match Columns::NAMES.iter().position(|name| *name == default) {
            Some(place) => &self.names[place],
            None => default,
        }
    }

    /// Whether every column keeps its default name.
    pub fn is_identity(&self) -> bool {
        self.names
            .iter()
            .zip(Columns::NAMES)
            .all(|(name, default)| name == default)
    }

    /// Default names and names, in the order in which they are written.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Columns::NAMES
            .into_iter()
            .zip(self.names.iter().map(String::as_str))
    }
}
