//! The models of this process, by name.
//!
//! `offline:user`, `offline:assistant` and `offline:judge` read the documents and need no network;
//! they are a baseline and a dry run, not a language model. `scripted:dialogue` gives well-formed
//! replies made by a script, for tests of a configuration.

use std::sync::Arc;

use forgemark_model::Agent;
use forgemark_model::scripted::{Engine, Script};

/// The agent of a name, if there is one.
pub fn find(name: &str) -> Option<Arc<dyn Agent>> {
    if let Some(agent) = forgemark_dialogue::offline::agent(name) {
        return Some(agent);
    }
    match name.split_once(':')? {
        ("scripted", "dialogue") => Engine::new(&Script::new(0))
            .ok()
            .map(|engine| Arc::new(engine) as Arc<dyn Agent>),
        _ => None,
    }
}
