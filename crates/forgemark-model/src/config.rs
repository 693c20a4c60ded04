//! What the application says about models, endpoints, roles and budgets. Plain data: nothing here reads a file, the
//! environment or a clock.
//!
//! ```text
//! role "user"      --\
//! role "assistant" ---+--> model "main" (pool of endpoints, limits, retries)
//! role "judge"     ------> model "judge" (an agent of this process)
//! ```
//!
//! Roles that share a model share its endpoints' limits; each has its own parameters and prices are the model's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use forgemark_contract::json::{Json, Object};
use forgemark_journal::JournalError;

use crate::adapt::MAX_EXTRAS;
use crate::agent::Agent;
use crate::secret::Secret;
use crate::service::ServiceConfig;

/// Everything that a [`crate::Caller`] is made from.
#[derive(Debug, Clone)]
pub struct CallerConfig {
    /// The models by the names that roles use.
    pub models: BTreeMap<String, ModelConfig>,
    /// The roles of the pipeline.
    pub roles: BTreeMap<String, RoleConfig>,
    /// Services beside the models, by the name that stands for a role in their records. No role has one of these names.
    pub services: BTreeMap<String, ServiceConfig>,
    /// What a run may spend.
    pub budget: Budget,
    /// The HTTP client.
    pub http: HttpConfig,
}

/// One model, and where it is served.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model's name on the wire; part of every call's key.
    pub model: String,
    /// Where it runs.
    pub backend: Backend,
    /// What its tokens cost; `None` is unknown, which is never shown as zero. Agents of this process cost nothing.
    pub prices: Option<Prices>,
    /// How failures of its endpoints are met.
    pub retry: Retry,
}

/// Where a model runs.
#[derive(Clone)]
pub enum Backend {
    /// At one or more HTTP endpoints that serve the same model.
    Http(Vec<EndpointConfig>),
    /// In this process.
    Agent(Arc<dyn Agent>),
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Backend::Http(endpoints) => f.debug_tuple("Http").field(endpoints).finish(),
            Backend::Agent(_) => f.write_str("Agent"),
        }
    }
}

/// The protocol that an endpoint speaks. The same request has the same key on both, so a journal goes on when a model moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wire {
    /// `OpenAI`'s chat completions, which most servers speak.
    #[default]
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

impl Wire {
    /// The word in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Wire::OpenAi => "openai",
            Wire::Anthropic => "anthropic",
        }
    }

    /// The protocol of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Wire::OpenAi, Wire::Anthropic]
            .into_iter()
            .find(|wire| wire.as_str() == word)
    }
}

/// One HTTP endpoint.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// Its name in messages and in the journal; unique in its model.
    pub name: String,
    /// Its base address: with or without `/v1`, with or without `/chat/completions` (or `/messages`).
    pub base_url: String,
    /// What it speaks.
    pub wire: Wire,
    /// The key, sent as `Authorization: Bearer`, or as `x-api-key` to an endpoint that speaks Anthropic's protocol.
    pub api_key: Option<Secret>,
    /// More headers, for services that take the key elsewhere (`api-key`, `x-api-key`) or want a project's name.
    pub headers: Vec<(String, Secret)>,
    /// The model's name at this endpoint, where it differs from [`ModelConfig::model`].
    pub model: Option<String>,
    /// Its share of the calls relative to the others; above 0.
    pub weight: f64,
    /// The most calls in flight.
    pub max_in_flight: usize,
    /// Calls in flight at the start; the limit then follows what the endpoint bears. At least 1; equal to `max_in_flight`
    /// together with `adaptive: false` it is fixed.
    pub start_in_flight: usize,
    /// Whether the limit adapts (up on success, down on 429).
    pub adaptive: bool,
    /// Requests a minute that the endpoint allows, if it says so.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute (prompt and completion) that the endpoint allows, if it says so.
    pub tokens_per_minute: Option<u64>,
    /// How calls go to it as batches. Once an endpoint of a model takes batches, all calls of the model go that way; the
    /// others serve what a batch leaves over.
    pub batch: Option<BatchConfig>,
}

/// Calls that go to the provider as one batch: cheaper, and answered within a day.
///
/// Sources of limits and prices: <https://platform.openai.com/docs/guides/batch>,
/// <https://platform.claude.com/docs/en/build-with-claude/batch-processing>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchConfig {
    /// Most calls of a batch, at least 1. `OpenAI` takes 50,000, Anthropic 100,000.
    pub max_calls: usize,
    /// Most bytes of their bodies together. `OpenAI` takes 200 MB, Anthropic 256 MB.
    pub max_bytes: usize,
    /// A batch is sent when no call was added to it for this long.
    pub quiet: Duration,
    /// A batch is sent when this many calls wait for batches: everybody who calls, one call each. `None` leaves it to
    /// `quiet`.
    pub everyone: Option<usize>,
    /// Pause between two looks at a batch.
    pub poll: Duration,
    /// What becomes of calls that a batch did not finish.
    pub leftover: Leftover,
    /// In how many batches a call is sent at most; then it is sent by itself. At least 1.
    pub rounds: u32,
    /// What a call costs in a batch, in hundredths of its usual price.
    pub price_percent: u32,
}

impl Default for BatchConfig {
    fn default() -> Self {
        BatchConfig {
            max_calls: 10_000,
            max_bytes: 100 << 20,
            quiet: Duration::from_secs(5),
            everyone: None,
            poll: Duration::from_mins(1),
            leftover: Leftover::Batch,
            rounds: 3,
            price_percent: 50,
        }
    }
}

/// What becomes of calls that a batch did not finish: it expired, was cancelled, or failed as a whole. Calls that were
/// answered with an error are always sent by themselves, where the error is met like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// They go into another batch.
    Batch,
    /// They are sent by themselves.
    Single,
}

impl EndpointConfig {
    /// An endpoint without a key: weight 1, at most 256 calls in flight beginning with 16, no rate limits.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        EndpointConfig {
            name: name.into(),
            base_url: base_url.into(),
            wire: Wire::OpenAi,
            api_key: None,
            headers: Vec::new(),
            model: None,
            weight: 1.0,
            max_in_flight: 256,
            start_in_flight: 16,
            adaptive: true,
            requests_per_minute: None,
            tokens_per_minute: None,
            batch: None,
        }
    }
}

/// Prices in micro US dollars for a million tokens: 2.50 dollars are 2,500,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Prompt tokens that were not cached.
    pub prompt: u64,
    /// Prompt tokens that the endpoint had cached.
    pub cached: u64,
    /// Completion tokens, reasoning included.
    pub completion: u64,
}

impl Prices {
    /// What these tokens cost, in micro US dollars, rounded up so that many small calls do not vanish.
    pub fn cost(&self, usage: crate::chat::Usage) -> u64 {
        let cached = usage.cached.min(usage.prompt);
        let sum = u128::from(usage.prompt - cached) * u128::from(self.prompt)
            + u128::from(cached) * u128::from(self.cached)
            + u128::from(usage.completion) * u128::from(self.completion);
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// How a model's failures are met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Longest wait for one attempt, from sending to the end of the body.
    pub attempt_timeout: Duration,
    /// Longest time of all failed attempts and pauses of a call together; waiting for a place and for rate limits does
    /// not count. When it is over and the endpoint serves other calls, the call is a typed failure.
    pub deadline: Duration,
    /// How many attempts the endpoint may answer with an error of its own (5xx, no chat completion) while it serves
    /// other calls, before the call is a typed failure. At least 1. More are allowed where the endpoint fails others, too,
    /// so often that such a row may be chance.
    pub answered_failures: u32,
    /// First pause between two attempts of a call; doubled each time, with jitter.
    pub backoff: Duration,
    /// Longest pause between two attempts of a call.
    pub max_backoff: Duration,
    /// Failures in a row after which an endpoint is left alone for a while. At least 1.
    pub breaker_failures: u32,
    /// First such pause; doubled each time the single call that tests the endpoint fails.
    pub breaker_pause: Duration,
    /// Longest such pause.
    pub max_breaker_pause: Duration,
    /// First pause of an endpoint after a 429 that names none; doubled while 429s follow each other.
    pub rate_limit_pause: Duration,
    /// The longest pause that a 429 may ask for; a longer one counts as this.
    pub max_retry_after: Duration,
    /// How long every endpoint must have failed, with nothing succeeding, before the model is given up.
    pub give_up_after: Duration,
    /// After how long an endpoint that is unusable by its own word (key refused, no credit, no such model) is tried
    /// again, while others serve.
    pub unusable_recheck: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempt_timeout: Duration::from_mins(5),
            deadline: Duration::from_mins(15),
            answered_failures: 6,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
            breaker_failures: 3,
            breaker_pause: Duration::from_secs(1),
            max_breaker_pause: Duration::from_secs(30),
            rate_limit_pause: Duration::from_millis(250),
            max_retry_after: Duration::from_mins(15),
            give_up_after: Duration::from_mins(2),
            unusable_recheck: Duration::from_mins(10),
        }
    }
}

/// One role: who speaks with which model, and how.
#[derive(Debug, Clone)]
pub struct RoleConfig {
    /// The key of its model in [`CallerConfig::models`].
    pub model: String,
    /// Its parameters.
    pub params: Params,
    /// Longest wait for one attempt, where it differs from the model's.
    pub attempt_timeout: Option<Duration>,
}

/// Sampling parameters; `None` sends nothing and leaves it to the endpoint. All of them are part of a call's key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    /// Temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Most tokens of a reply, sent as `max_tokens` or `max_completion_tokens`, as the endpoint wants it. Anthropic's
    /// protocol requires a limit: without one, 8,192 are sent, and the thinking budget beside them.
    pub max_tokens: Option<u64>,
    /// Base seed. Each call sends it moved by its sample number, so that a second try is a second sample.
    pub seed: Option<u64>,
    /// Texts that stop the reply.
    pub stop: Vec<String>,
    /// More keys of the body, sent as they are: `thinking: {type: enabled, budget_tokens: 4096}` for Anthropic's protocol.
    pub extra: Object,
    /// Whether the reasoning of earlier assistant messages is sent back (as `reasoning_content`). Most endpoints refuse
    /// or ignore it; some need it between tool calls.
    pub replay_reasoning: bool,
}

/// What a run may spend, all its sessions together. When it is spent, calls return [`crate::CallError::Budget`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Micro US dollars.
    pub max_cost_micro_usd: Option<u64>,
    /// Prompt and completion tokens.
    pub max_tokens: Option<u64>,
    /// Calls.
    pub max_calls: Option<u64>,
}

/// Proxies, as URLs; one may hold a user's name and password, so they are secrets. Loopback addresses are never reached
/// through a proxy.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For addresses that begin with `http://`.
    pub http: Option<Secret>,
    /// For addresses that begin with `https://`: the proxy is asked for a tunnel and sees no content.
    pub https: Option<Secret>,
    /// Hosts that are reached without one: names (with what is below them), addresses, networks, `*`, separated by commas.
    pub except: Option<String>,
}

/// Whom to believe about the names of other machines.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// In place of the machine's own authorities.
    pub only: Option<Certificates>,
    /// Beside them.
    pub also: Option<Certificates>,
}

/// Certificates of authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Where they come from, for messages.
    pub from: String,
    /// As PEM, one or more.
    pub pem: Vec<u8>,
}

/// The HTTP client.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// The proxies between us and the world. Nothing is read from the environment here, whatever it says.
    pub proxies: Proxies,
    /// Whom to believe about other machines.
    pub trust: Trust,
    /// The largest body of a reply in bytes; a larger one is a failure of the endpoint.
    pub max_body: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            proxies: Proxies::default(),
            trust: Trust::default(),
            max_body: 64 << 20,
            user_agent: concat!("forgemark/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A configuration that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A role names a model that does not exist.
    #[error("role '{role}' uses the model '{model}', which is not configured")]
    UnknownModel {
        /// The role.
        role: String,
        /// The name.
        model: String,
    },
    /// A model without endpoints.
    #[error("model '{model}' has no endpoint")]
    NoEndpoint {
        /// The model's name.
        model: String,
    },
    /// An endpoint that cannot be used as it is written.
    #[error("endpoint '{endpoint}' of model '{model}': {what}")]
    Endpoint {
        /// The model's name.
        model: String,
        /// The endpoint's name.
        endpoint: String,
        /// What is wrong, as a fragment.
        what: String,
    },
    /// A parameter that cannot be sent.
    #[error("role '{role}': {what}")]
    Params {
        /// The role.
        role: String,
        /// What is wrong, as a fragment.
        what: String,
    },
    /// A cost budget over calls of unknown price would never stop.
    #[error(
        "a cost budget is set, but the prices of model '{model}' (role '{role}') are not configured"
    )]
    BudgetWithoutPrices {
        /// The role.
        role: String,
        /// The model's name.
        model: String,
    },
    /// A batch is under way at an endpoint that is gone, so its calls would be paid for twice.
    #[error(
        "batch {batch} of model '{model}' is under way at the endpoint '{endpoint}', which is not configured any more"
    )]
    Batch {
        /// Its id, with the provider where that is known.
        batch: String,
        /// The model's name on the wire.
        model: String,
        /// The endpoint's name.
        endpoint: String,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The HTTP client could not be built.
    #[error("cannot set up the HTTP client: {what}")]
    Http {
        /// Why.
        what: String,
    },
}

/// Keys of the body that are ours, so an extra of that name would be sent twice.
const OWN_KEYS: [&str; 15] = [
    "messages",
    "model",
    "tools",
    "tool_choice",
    "response_format",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "stop",
    "stop_sequences",
    "system",
    "n",
    "stream",
];

/// Parameters, checked, with a number for each extra key.
#[derive(Debug, Clone)]
pub(crate) struct RoleParams {
    pub(crate) config: Params,
    numbers: Vec<u8>,
}

impl RoleParams {
    /// Checks the parameters of `role`. `known` are the extra keys of the model's roles so far; new ones are added, so
    /// that a refusal seen by one role helps the others.
    pub(crate) fn new(
        role: &str,
        params: &Params,
        known: &mut Vec<String>,
    ) -> Result<Self, BuildError> {
        let wrong = |what: String| BuildError::Params {
            role: role.to_owned(),
            what,
        };
        for (name, value) in [("temperature", params.temperature), ("top_p", params.top_p)] {
            if value.is_some_and(|value| !value.is_finite()) {
                return Err(wrong(format!("{name} is not a finite number")));
            }
        }
        let mut numbers = Vec::with_capacity(params.extra.len());
        for name in params.extra.keys() {
            if OWN_KEYS.contains(&name) {
                return Err(wrong(format!("extra key '{name}' is set in another place")));
            }
            let number = known.iter().position(|k| k == name).unwrap_or_else(|| {
                known.push(name.to_owned());
                known.len() - 1
            });
            if number >= MAX_EXTRAS {
                return Err(wrong(format!("more than {MAX_EXTRAS} extra keys")));
            }
            numbers.push(number as u8);
        }
        Ok(RoleParams {
            config: params.clone(),
            numbers,
        })
    }

    /// Parameters without extra keys.
    pub(crate) fn plain(config: Params) -> Self {
        RoleParams {
            config,
            numbers: Vec::new(),
        }
    }

    /// The extra key of this name.
    pub(crate) fn extra_value(&self, name: &str) -> Option<&Json> {
        self.config.extra.get(name)
    }

    /// The extra keys with their numbers, in the order of the body.
    pub(crate) fn extras(&self) -> impl Iterator<Item = (&str, u8)> {
        self.config.extra.keys().zip(self.numbers.iter().copied())
    }

    /// The extra key with this number.
    pub(crate) fn extra_name(&self, number: u8) -> Option<&str> {
        self.extras()
            .find(|(_, n)| *n == number)
            .map(|(name, _)| name)
    }
}
