//! `offline:solver`: simulated models of a declared skill, for runs without an endpoint.

use std::sync::Arc;

use forgemark_model::Agent;

/// The model's name in a configuration.
pub const NAME: &str = "offline:solver";

/// A solver of this skill. `slug` and `seed` decide, with the task, where it errs.
pub fn agent(slug: &str, skill: f64, seed: u64) -> Arc<dyn Agent> {
    let _ = (slug, skill, seed);
    Arc::new(Nobody)
}

#[derive(Debug)]
struct Nobody;

impl Agent for Nobody {
    fn reply(&self, _: &forgemark_model::ChatRequest) -> forgemark_model::AgentReply {
        forgemark_model::AgentReply::text("")
    }
}
