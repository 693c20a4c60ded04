//! The tables of configuration keys that the program knows, one a pipeline. The only place that
//! names them.

use forgemark_contract::settings::{Key, Resolved, SettingError};

/// A pipeline's keys.
#[derive(Clone, Copy)]
pub struct Table {
    /// The command that takes such a configuration.
    pub name: &'static str,
    /// Every key.
    pub keys: &'static [Key],
    /// Variables that set a second key: (variable, key, value as JSON text).
    pub env_implies: &'static [(&'static str, &'static str, &'static str)],
    /// Finds conflicts between keys in a configuration whose single values are right.
    pub check: fn(&Resolved) -> Result<(), Vec<SettingError>>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `forgemark dialogue`.
pub const DIALOGUE: Table = Table {
    name: "dialogue",
    keys: forgemark_dialogue::config::KEYS,
    env_implies: forgemark_dialogue::config::ENV_IMPLIES,
    check: |values| forgemark_dialogue::config::Config::new(values).map(|_| ()),
};

/// All of them.
pub const ALL: &[Table] = &[DIALOGUE];
