//! The tables of configuration keys that the program knows, one a pipeline. The only place that
//! names them.

use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::{Key, Resolved, SettingError};
use forgemark_contract::time::Timestamp;
use forgemark_curate::compat::Task;
use forgemark_curate::config::{Call, Settings};

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

/// `forgemark arena`.
pub const ARENA: Table = Table {
    name: "arena",
    keys: forgemark_arena::pipeline::config::KEYS,
    env_implies: &[],
    check: forgemark_arena::pipeline::config::Settings::check,
};

/// `forgemark export`.
pub const EXPORT: Table = Table {
    name: "export",
    keys: forgemark_curate::config::KEYS,
    env_implies: &[],
    check: |values| {
        // What only one task reads is judged by the command of that task.
        let call = Call {
            task: Task::Sft,
            now: Timestamp::default(),
            cores: 1,
        };
        Settings::read(values, call).map(|_| ())
    },
};

/// All of them.
pub const ALL: &[Table] = &[DIALOGUE, ARENA, EXPORT];

/// The table of a run that a configuration file is for: the one that knows the most of its sections, the dialogue's when both
/// know as many.
pub fn of_run(file: &Json) -> Table {
    let known = |table: &Table| {
        let sections = file.as_object().into_iter().flat_map(Object::keys);
        let knows = |section: &str| {
            let mut paths = table.keys.iter().map(|key| key.path);
            paths.any(|path| path.split('.').next() == Some(section))
        };
        sections.filter(|section| knows(section)).count()
    };
    if known(&ARENA) > known(&DIALOGUE) {
        ARENA
    } else {
        DIALOGUE
    }
}

/// The table of a command.
///
/// # Errors
/// The names that there are, for clap's message.
pub fn by_name(name: &str) -> Result<Table, String> {
    let known = ALL.iter().find(|table| table.name == name);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|table| table.name).collect();
        format!("expected one of {}", names.join(", "))
    })
}
