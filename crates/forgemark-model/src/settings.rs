//! What a configuration says of models, endpoints, limits, prices and budgets: the keys that every pipeline has, and
//! their typed values.
//!
//! A pipeline's table of keys takes the constants of [`keys`] at the places where its reference page has them, and its
//! typed configuration calls the readers below. What becomes of the values ([`crate::CallerConfig`]) is decided above, where
//! the environment with the secrets is.

pub mod keys;
mod read;

use forgemark_contract::json::Object;

use crate::config::{Leftover, Wire};

pub use read::{
    batch, budget, ca_file, endpoints, entry_endpoints, limits, prices, unknown_fields, wire,
};

/// One endpoint of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSettings {
    /// Name for reports; the URL where none is given.
    pub name: String,
    /// Base URL.
    pub base_url: String,
    /// Environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// Share of the traffic, above 0.
    pub weight: f64,
    /// Most calls in flight.
    pub max_in_flight: Option<u32>,
    /// Limit of one attempt, seconds.
    pub timeout_s: Option<f64>,
    /// Name of the model at this endpoint, where it differs.
    pub model: Option<String>,
    /// What it speaks, where that is said.
    pub wire: Option<Wire>,
}

/// A model in a role, as configured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoleSettings {
    /// The role under which a pipeline calls it: `user`, `judge`, or a name of its own.
    pub role: String,
    /// The path of the configuration below which it stands: `llm.agents.user`, `models[2]`.
    pub path: String,
    /// Provider word, may be empty.
    pub provider: String,
    /// Model name; `offline:...` and `scripted:...` name built-in agents.
    pub model: String,
    /// Base URL, may be empty where the provider is built in.
    pub base_url: String,
    /// Servers of this model alone; empty where it uses `base_url`, those of all models, or its provider's.
    pub endpoints: Vec<EndpointSettings>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Most tokens of a reply.
    pub max_tokens: Option<u64>,
    /// Nucleus sampling mass.
    pub top_p: Option<f64>,
    /// Limit of one attempt, seconds.
    pub timeout_s: Option<f64>,
    /// Attempts after the first.
    pub max_retries: Option<u64>,
    /// Further fields of the request, passed through.
    pub extra: Object,
    /// Environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// What its server speaks, where that is said.
    pub wire: Option<Wire>,
    /// Whether its calls go as batches.
    pub batch: bool,
}

impl RoleSettings {
    /// The name under which the role's model appears in rows (`agent` fields): provider and model
    /// when the model has no provider in it.
    pub fn agent_name(&self) -> String {
        if self.provider.is_empty() || self.model.contains('/') || self.model.contains(':') {
            self.model.clone()
        } else {
            format!("{}/{}", self.provider, self.model)
        }
    }
}

/// Price of a model in US dollars a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceSettings {
    /// Prompt tokens.
    pub input: f64,
    /// Prompt tokens that the endpoint had cached; the input price where not given.
    pub cached_input: Option<f64>,
    /// Reply tokens.
    pub output: f64,
}

/// Limits that hold for every endpoint unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitSettings {
    /// Requests a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<u64>,
    /// Most calls in flight an endpoint; `None` leaves it to concurrency and the endpoint.
    pub max_in_flight: Option<u32>,
    /// Limit of a call over all its attempts, seconds.
    pub deadline_s: f64,
    /// Limit of one attempt, seconds.
    pub attempt_timeout_s: f64,
    /// Attempts that an endpoint answers with a server error before the call is a typed failure.
    pub max_attempts: u32,
    /// Seconds without any success after which the run stops.
    pub give_up_after_s: f64,
}

/// How calls go as batches, for the roles whose calls do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchSettings {
    /// Whether the calls of roles that say nothing of it do.
    pub enabled: bool,
    /// Most calls of a batch.
    pub max_calls: usize,
    /// Seconds without another call after which a batch is sent.
    pub quiet_s: f64,
    /// Seconds between two looks at a batch.
    pub poll_s: f64,
    /// What becomes of calls that a batch did not finish.
    pub leftover: Leftover,
    /// In how many batches a call is sent at most.
    pub rounds: u32,
    /// What a call costs in a batch, in hundredths of its usual price.
    pub price_percent: u32,
}

impl BatchSettings {
    /// The share of the usual price that a role's calls cost: 1, or less where they go as batches.
    pub fn price_share(&self, role: &RoleSettings) -> f64 {
        if role.batch {
            f64::from(self.price_percent) / 100.0
        } else {
            1.0
        }
    }
}

/// When a run stops spending.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BudgetSettings {
    /// US dollars.
    pub max_cost_usd: Option<f64>,
    /// Prompt and reply tokens.
    pub max_tokens: Option<u64>,
    /// Calls.
    pub max_calls: Option<u64>,
}
