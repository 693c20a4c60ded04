//! Every configuration key of `forgemark arena`.
//!
//! The reader, `config show`, `config keys`, the JSON Schema and the reference page are made from this table.

use forgemark_contract::settings::{Key, Kind, Status, int, key};
use forgemark_model::settings::keys as shared;

/// Why a key may not stand in a file.
const SECRET: &str = "keys come from the environment only; name the variable with `api_key_env` at the model or with `llm.api_key_env`";

/// The table, in the order of the reference page.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    // who and about what
    key("models", Kind::List, "[]", "The models: bare names, or mappings with name, roles, display_name, aliases, provider, base_url, endpoints, api_key_env, wire (openai or anthropic), batch, temperature, top_p, max_tokens, reasoning, timeout_s, max_retries, extra, skill."),
    key("topics", Kind::List, "[]", "The topics: names, or mappings with slug and name."),
    key("runs", Kind::Map, "{}", "The runs by id: the slug of a topic, or a mapping with topic and outer_attempt. Without any, every topic is one run."),
    key("parsing", Kind::Map, "{}", "The model that puts missing tags into replies and repairs JSON, with the fields of a model; empty repairs nothing."),
    key("configs", Kind::Str, "null", "Folder with models.json, runs.json, topic_info.json, parsing.json and illposed_overrides.json, relative to the configuration; those that are there are read."),
    key("files.models", Kind::Str, "null", "A models.json, relative to the configuration; its models come before those of `models`."),
    key("files.runs", Kind::Str, "null", "A runs.json, relative to the configuration."),
    key("files.topics", Kind::Str, "null", "A topic_info.json, relative to the configuration."),
    key("files.parsing", Kind::Str, "null", "A parsing.json, relative to the configuration; `parsing` replaces it."),
    key("files.illposed_overrides", Kind::Str, "null", "An illposed_overrides.json, relative to the configuration."),
    // what decides
    key("protocol", Kind::OneOf(&[("forgemark-1", &[]), ("crb-1", &[])]), "\"forgemark-1\"", "What decides and what is shown to whom; `crb-1` is the original's order of decisions."),
    key("policy", Kind::Str, "\"panel-then-human\"", "How decisions become outcomes: a preset, or a policy's JSON file relative to the configuration."),
    key("prompts", Kind::Str, "null", "Folder of templates that replace the built-in ones, relative to the configuration; `forgemark arena prompts export` writes them."),
    // run
    key("run.seed", int(0, i64::MAX), "0", "Seed of every random choice, of the controls and of `offline:solver`."),
    key("run.concurrency", int(1, 65_536), "16", "Records that each model works on at a time; it may change between the parts of a resumed run."),
    shared::MAX_COST_USD,
    shared::MAX_TOKENS,
    shared::MAX_CALLS,
    // stages
    key("questions.max_question_attempts", int(1, 1_000), "5", "Questions that a questioner may try for one run and attempt."),
    key("questions.max_rounds", int(1, 1_000), "5", "Answers that a questioner may give to its own question, each with a check."),
    key("questions.max_outer_attempts", int(1, 1_000), "1", "Attempts of a run: a question that failed or was found invalid is replaced, by a simpler one, until there were this many."),
    key("questions.limit", int(1, i64::MAX), "null", "Most questions to ask in one command, a questioner."),
    key("answers.max_rounds", int(1, 1_000), "5", "Tries at one answer, each with a check."),
    key("answers.allow_self_answering", Kind::Bool, "false", "Whether a model answers its own questions; such answers are not criticised, debated or judged."),
    key("answers.rerun_failures", Kind::Bool, "false", "Whether failed and ill-posed answers are tried again."),
    key("answers.limit", int(1, i64::MAX), "null", "Most answers in one command, a pair of questioner and answerer."),
    key("critiques.modes", Kind::StrList, "[\"contradictor\", \"evaluator\"]", "Which critiques are made: contradictor (others review the questioner's own answer), evaluator (the questioner reviews the others' answers), all (every answerer reviews its own), custom (`critiques.custom`)."),
    key("critiques.custom", Kind::List, "[]", "Who criticises whom in the mode `custom`: lists of questioner, answerer and critic, or mappings with these keys; names or slugs."),
    key("critiques.self_improve", Kind::Bool, "true", "Whether a critic checks and improves its critique."),
    key("critiques.gate", Kind::OneOf(&[("verdict", &[]), ("self_check", &[])]), "null", "What makes a critique succeed: a verdict that can be read, or also a passed check of the last try; null is `self_check` with `forgemark-1` where critics check themselves, else `verdict`."),
    key("critiques.max_rounds", int(1, 1_000), "5", "Tries at one critique, each with a check."),
    key("critiques.rerun_failures", Kind::Bool, "false", "Whether failed critiques are tried again."),
    key("critiques.limit", int(1, i64::MAX), "null", "Most critiques in one command, a file."),
    key("debates.rounds", int(1, 1_000), "5", "Rounds of a debate, of two messages each."),
    key("debates.allow_concede", Kind::Bool, "true", "Whether a concession ends a debate."),
    key("debates.transcript_chars", int(1_000, 100_000_000), "60000", "Most characters of a transcript that a debater or judge is shown; the oldest messages are left out first, and the prompt says so."),
    key("debates.limit", int(1, i64::MAX), "null", "Most debates in one command."),
    key("judge.allow_no_debate", Kind::Bool, "false", "Whether claims without a debate are judged."),
    key("judge.force_correct_critiques", Kind::Bool, "false", "Whether critiques that find nothing wrong are judged too."),
    key("judge.confidence", Kind::OneOf(&[("required", &[]), ("optional", &[])]), "\"required\"", "Whether a judgment without a confidence from 1 to 5 is unreadable."),
    key("judge.retry_failed", Kind::Bool, "null", "Whether failed judgments are asked for again by the next command; null is true with `forgemark-1`, false with `crb-1`."),
    key("judge.overwrite", Kind::Bool, "false", "Whether judgments that exist are made anew."),
    key("judge.limit", int(1, i64::MAX), "null", "Most judgments in one command, a judge."),
    key("controls.planted_faults", int(0, 100_000), "0", "Right answers with a planted fault, put before every judge and critic to measure how often they err; they stand outside the arena's folders and reach no rating."),
    key("controls.planted_correct", int(0, 100_000), "0", "Right answers with a claim of a fault that is not there, for the same purpose."),
    // output
    key("output.dir", Kind::Str, "\"arena\"", "Folder of everything that a run writes, relative to the configuration."),
    key("output.epoch", int(1, 2), "2", "Format of the files: 2, or 1 with ids and without attempts."),
    // models
    key("llm.api_key_env", Kind::Str, "null", "Name of the environment variable with the key, for models and endpoints that name none; null is the provider's own."),
    key("llm.temperature", Kind::Float { min: 0.0, max: 100.0 }, "null", "Temperature of models that have none; null leaves it to the server."),
    key("llm.reasoning", Kind::OneOf(&[("low", &[]), ("medium", &[]), ("high", &[])]), "null", "How long models think that say nothing of it; sent as `reasoning_effort`."),
    shared::CA_FILE,
    shared::BATCH_ENABLED,
    shared::BATCH_MAX_CALLS,
    shared::BATCH_QUIET_S,
    shared::BATCH_POLL_S,
    shared::BATCH_LEFTOVER,
    shared::BATCH_ROUNDS,
    shared::BATCH_PRICE_PERCENT,
    shared::PRICES,
    shared::REQUESTS_PER_MINUTE,
    shared::TOKENS_PER_MINUTE,
    shared::MAX_IN_FLIGHT,
    shared::DEADLINE_S,
    shared::ATTEMPT_TIMEOUT_S,
    shared::MAX_ATTEMPTS,
    shared::GIVE_UP_AFTER_S,
    shared::ENDPOINTS,
    Key { status: Status::Refused(SECRET), ..key("llm.api_key", Kind::Any, "null", "Key of all models.") },
];
