//! A small table of keys, and what the tests do with it.

use anstream::adapter::strip_str;
use forgemark_app::config::{ConfigError, Flag, Inputs, Loaded, SourceFile, load};
use forgemark_app::env::Environment;
use forgemark_contract::settings::{Key, Kind, Status};

const fn key(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    env: &'static [&'static str],
    doc: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        env,
        doc,
        status: Status::Honoured,
    }
}

const RAY: &str = "one process does the work; use run.concurrency";

/// The table.
pub(crate) const KEYS: &[Key] = &[
    key(
        "run.batch_size",
        Kind::Int {
            min: 1,
            max: i64::MAX,
        },
        "1",
        &["BATCH_SIZE"],
        "Conversations in a wave.",
    ),
    key(
        "run.run_id",
        Kind::Str,
        "\"\"",
        &["RUN_ID"],
        "Name of the run.",
    ),
    key(
        "run.target_languages",
        Kind::StrList,
        "[\"en\"]",
        &["TARGET_LANGUAGES", "TARGET_LANGUAGE"],
        "Languages, each with the full number of samples.",
    ),
    key(
        "run.turns.mode",
        Kind::OneOf(&[("exact", &[]), ("range", &["between"])]),
        "\"range\"",
        &[],
        "How the number of turns is chosen.",
    ),
    key(
        "run.turns.exact",
        Kind::Int { min: 1, max: 200 },
        "null",
        &["N_TURNS"],
        "Turns when the mode is exact.",
    ),
    key(
        "run.turns.min",
        Kind::Int { min: 1, max: 200 },
        "2",
        &["MIN_TURNS"],
        "Fewest turns.",
    ),
    key(
        "run.turns.max",
        Kind::Int { min: 1, max: 200 },
        "2",
        &["MAX_TURNS"],
        "Most turns.",
    ),
    Key {
        path: "run.distributed.enabled",
        kind: Kind::Bool,
        default: "false",
        env: &[],
        doc: "Ray.",
        status: Status::Refused(RAY),
    },
    Key {
        path: "run.distributed.ray.address",
        kind: Kind::Str,
        default: "\"auto\"",
        env: &[],
        doc: "Ray.",
        status: Status::Inert(RAY),
    },
    Key {
        path: "run.distributed.ray.namespace",
        kind: Kind::Str,
        default: "\"x\"",
        env: &[],
        doc: "Ray.",
        status: Status::Inert(RAY),
    },
    Key {
        path: "llm.model",
        kind: Kind::Str,
        default: "\"\"",
        env: &[],
        doc: "One model for all.",
        status: Status::Replaced("llm.agents.user.model and its siblings"),
    },
    key(
        "llm.agents.user.model",
        Kind::Str,
        "\"\"",
        &["LLM_USER_MODEL"],
        "Model of the user.",
    ),
    key(
        "llm.agents.user.temperature",
        Kind::Float { min: 0.0, max: 2.0 },
        "null",
        &["LLM_USER_TEMPERATURE"],
        "Sampling temperature.",
    ),
    key(
        "llm.agents.user.extra",
        Kind::Map,
        "{}",
        &[],
        "Passed through to the endpoint.",
    ),
    key(
        "llm.agents.user.api_key_env",
        Kind::Str,
        "\"\"",
        &["LLM_USER_API_KEY_ENV"],
        "Variable that holds the key.",
    ),
    Key {
        path: "llm.agents.user.api_key",
        kind: Kind::Str,
        default: "null",
        env: &[],
        doc: "Never.",
        status: Status::Refused(
            "secrets come from the environment; set api_key_env to the name of the variable",
        ),
    },
    key(
        "llm.routing.endpoints",
        Kind::List,
        "[]",
        &["LLM_ROUTING_ENDPOINTS_JSON"],
        "Endpoints.",
    ),
    key(
        "judge.enabled",
        Kind::Bool,
        "true",
        &["JUDGE_ENABLED"],
        "Whether replies are judged.",
    ),
];

/// What a test gives besides the file.
#[derive(Default)]
pub(crate) struct Given<'a> {
    pub(crate) env: &'a [(&'a str, &'a str)],
    pub(crate) set: &'a [&'a str],
}

/// Loads a file's text.
pub(crate) fn loaded(text: &str, given: &Given<'_>) -> Result<Loaded, ConfigError> {
    let file = SourceFile {
        name: "config.yaml".into(),
        text: text.into(),
    };
    let flags: Vec<Flag> = given
        .set
        .iter()
        .map(|text| Flag::parse_set(text).unwrap())
        .collect();
    let env = Environment::from_pairs(given.env.iter().copied());
    load(&Inputs {
        keys: KEYS,
        env_implies: &[("N_TURNS", "run.turns.mode", "\"exact\"")],
        file: Some(&file),
        env: &env,
        flags: &flags,
    })
}

/// The rendered errors of a file that is wrong.
pub(crate) fn errors(text: &str) -> String {
    errors_with(text, &Given::default())
}

/// The rendered errors of a file, an environment or flags that are wrong.
pub(crate) fn errors_with(text: &str, given: &Given<'_>) -> String {
    strip_str(
        &loaded(text, given)
            .expect_err("a configuration that is wrong")
            .render(),
    )
    .to_string()
}
