//! The models of this process, by name.
//!
//! `offline:user`, `offline:assistant` and `offline:judge` read the documents and need no network;
//! they are a baseline and a dry run, not a language model. `scripted:dialogue` gives well-formed
//! replies made by a script, for tests of a configuration. `offline:solver` simulates the models of an arena.

use std::sync::Arc;

use forgemark_arena::pipeline::{config::Model, solver};
use forgemark_model::Agent;
use forgemark_model::scripted::{Engine, Script};
use forgemark_model::settings::RoleSettings;

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

/// The agent that a role names, if it is one of [`find`].
pub fn of_role(role: &RoleSettings) -> Option<Arc<dyn Agent>> {
    find(&role.model)
}

/// The agent of a model of an arena that has a skill; `seed` is the run's.
pub fn of_arena(model: &Model, seed: u64) -> Option<Arc<dyn Agent>> {
    let skill = model.skill?;
    Some(solver::agent(&model.slug, skill, seed))
}
