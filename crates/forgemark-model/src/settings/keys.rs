//! Configuration keys that every pipeline with models has.

use forgemark_contract::settings::{Key, Kind, float, int, key};

/// `run.budget.max_cost_usd`
pub const MAX_COST_USD: Key = key(
    "run.budget.max_cost_usd",
    float(0.0, 1.0e9),
    "null",
    "Start no call once all parts of the run, with what is in flight as it is estimated, cost this many US dollars: the last call may go beyond it. Other runs in the folder do not count.",
);

/// `run.budget.max_tokens`
pub const MAX_TOKENS: Key = key(
    "run.budget.max_tokens",
    int(1, i64::MAX),
    "null",
    "Start no call once prompts and replies of all parts of the run, with what is in flight as it is estimated, have this many tokens: the last call may go beyond it. Other runs in the folder do not count.",
);

/// `run.budget.max_calls`
pub const MAX_CALLS: Key = key(
    "run.budget.max_calls",
    int(1, i64::MAX),
    "null",
    "Most model calls of all parts of the run; other runs in the folder do not count.",
);

/// `llm.ca_file`
pub const CA_FILE: Key = key(
    "llm.ca_file",
    Kind::Str,
    "null",
    "File with certificates (PEM) of authorities that are trusted beside the machine's own, relative to the configuration.",
);

/// `llm.batch.enabled`
pub const BATCH_ENABLED: Key = key(
    "llm.batch.enabled",
    Kind::Bool,
    "false",
    "Send the calls of all models as batches of the provider: cheaper, and answered within a day.",
);

/// `llm.batch.max_calls`
pub const BATCH_MAX_CALLS: Key = key(
    "llm.batch.max_calls",
    int(1, 50_000),
    "10000",
    "Most calls of a batch. Whatever is worked on has one call under way at a time, so raise `run.concurrency` with it.",
);

/// `llm.batch.quiet_s`
pub const BATCH_QUIET_S: Key = key(
    "llm.batch.quiet_s",
    float(0.0, 86_400.0),
    "5",
    "Send a batch when no call was added to it for this many seconds; it is sent at once when all that is worked on waits.",
);

/// `llm.batch.poll_s`
pub const BATCH_POLL_S: Key = key(
    "llm.batch.poll_s",
    float(0.001, 86_400.0),
    "60",
    "Time between two looks at a batch, in seconds.",
);

/// `llm.batch.leftover`
pub const BATCH_LEFTOVER: Key = key(
    "llm.batch.leftover",
    Kind::OneOf(&[("batch", &[]), ("single", &[])]),
    "\"batch\"",
    "What becomes of calls that a batch did not finish: `batch` puts them into the next one, `single` sends them by themselves.",
);

/// `llm.batch.rounds`
pub const BATCH_ROUNDS: Key = key(
    "llm.batch.rounds",
    int(1, 100),
    "3",
    "In how many batches a call is sent before it is sent by itself.",
);

/// `llm.batch.price_percent`
pub const BATCH_PRICE_PERCENT: Key = key(
    "llm.batch.price_percent",
    int(0, 1_000),
    "50",
    "What a call costs in a batch, in hundredths of its price in `llm.prices`.",
);

/// `llm.prices`
pub const PRICES: Key = key(
    "llm.prices",
    Kind::Map,
    "{}",
    "Prices by model name, in US dollars a million tokens: `input_per_mtok`, `cached_input_per_mtok`, `output_per_mtok`.",
);

/// `llm.limits.requests_per_minute`
pub const REQUESTS_PER_MINUTE: Key = key(
    "llm.limits.requests_per_minute",
    int(1, i64::MAX),
    "null",
    "Requests that may start in a minute at one endpoint; null is no limit.",
);

/// `llm.limits.tokens_per_minute`
pub const TOKENS_PER_MINUTE: Key = key(
    "llm.limits.tokens_per_minute",
    int(1, i64::MAX),
    "null",
    "Tokens, prompt and reply, in a minute at one endpoint; null is no limit.",
);

/// `llm.limits.max_in_flight`
pub const MAX_IN_FLIGHT: Key = key(
    "llm.limits.max_in_flight",
    int(1, 65_536),
    "null",
    "Calls in flight at one endpoint; null leaves it to `run.concurrency` and to what the endpoint bears.",
);

/// `llm.limits.deadline_s`
pub const DEADLINE_S: Key = key(
    "llm.limits.deadline_s",
    float(1.0, 86_400.0),
    "600",
    "Time for one call with all its attempts, in seconds.",
);

/// `llm.limits.attempt_timeout_s`
pub const ATTEMPT_TIMEOUT_S: Key = key(
    "llm.limits.attempt_timeout_s",
    float(1.0, 86_400.0),
    "180",
    "Time for one attempt, in seconds.",
);

/// `llm.limits.max_attempts`
pub const MAX_ATTEMPTS: Key = key(
    "llm.limits.max_attempts",
    int(1, 100),
    "6",
    "Attempts of one call before it counts as not possible now.",
);

/// `llm.limits.give_up_after_s`
pub const GIVE_UP_AFTER_S: Key = key(
    "llm.limits.give_up_after_s",
    float(1.0, 86_400.0),
    "120",
    "Time without any success at any endpoint after which the run stops, resumable, in seconds.",
);

/// `llm.routing.endpoints`, without the environment variables that a pipeline may add.
pub const ENDPOINTS: Key = key(
    "llm.routing.endpoints",
    Kind::List,
    "[]",
    "Servers that share the calls: a base URL, or name, base_url, api_key_env, weight (1), max_in_flight (64), timeout_s, model, wire (openai or anthropic).",
);
