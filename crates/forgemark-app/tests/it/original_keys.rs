//! Every key and every variable of the original, in a list of our own: what becomes of each, and that a variable is above
//! the file and below a flag.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use forgemark_app::config::{Flag, Inputs, Loaded, Problem, SourceFile, load};
use forgemark_app::env::Environment;
use forgemark_app::env::dotenv::DotEnv;
use forgemark_app::tables::DIALOGUE;
use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::settings::{Key, Origin};

/// What becomes of a value that is not the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// It does what it says.
    Honoured,
    /// It is accepted, and a warning says that it does nothing here.
    Warned,
    /// It is accepted with or without a warning.
    Taken,
    /// Nothing begins; the message names the key.
    Refused,
    /// Any of these.
    Open,
}

use Is::{Honoured, Open, Refused, Taken, Warned};

/// Key, verdict, a value in JSON that is not the default, and the variables that set it.
const ORIGINAL: &[(&str, Is, &str, &[&str])] = &[
    ("run.batch_size", Honoured, "3", &["BATCH_SIZE"]),
    ("run.total_samples", Honoured, "7", &["TOTAL_SAMPLES"]),
    (
        "run.target_languages",
        Honoured,
        r#"["fr", "msa"]"#,
        &["TARGET_LANGUAGES", "TARGET_LANGUAGE"],
    ),
    ("run.run_id", Honoured, r#""a""#, &["RUN_ID"]),
    ("run.resume_run_id", Honoured, r#""a""#, &["RESUME_RUN_ID"]),
    ("run.turns.mode", Honoured, r#""exact""#, &[]),
    ("run.turns.exact", Honoured, "5", &["N_TURNS"]),
    ("run.turns.min", Honoured, "3", &["MIN_TURNS"]),
    ("run.turns.max", Honoured, "9", &["MAX_TURNS"]),
    (
        "run.turns.distribution",
        Honoured,
        r#""uniform""#,
        &["TURN_COUNT_DISTRIBUTION"],
    ),
    ("run.turns.mean", Honoured, "4.5", &["TURN_COUNT_MEAN"]),
    (
        "run.data.seeding.question",
        Honoured,
        r#""Why?""#,
        &["QUESTION", "QUESTION_SEED"],
    ),
    (
        "run.data.seeding.topics.path",
        Honoured,
        r#""t.yaml""#,
        &["SEED_TOPICS_PATH"],
    ),
    (
        "run.data.seeding.topics.enabled",
        Honoured,
        "false",
        &["SEED_TOPICS_ENABLED"],
    ),
    (
        "run.data.seeding.topics.variant",
        Honoured,
        r#""msa""#,
        &["SEED_TOPICS_VARIANT"],
    ),
    (
        "run.data.seeding.topics.probability",
        Honoured,
        "0.5",
        &["SEED_TOPICS_PROBABILITY"],
    ),
    (
        "run.distributed.enabled",
        Refused,
        "true",
        &["DISTRIBUTED_ENABLED"],
    ),
    (
        "run.distributed.backend",
        Warned,
        r#""x""#,
        &["DISTRIBUTED_BACKEND", "DISTRIBUTED_EXECUTOR"],
    ),
    (
        "run.distributed.spawn.coordinator",
        Warned,
        "false",
        &["DISTRIBUTED_SPAWN_COORDINATOR"],
    ),
    (
        "run.distributed.spawn.workers",
        Warned,
        "false",
        &["DISTRIBUTED_SPAWN_WORKERS"],
    ),
    (
        "run.distributed.ray.address",
        Warned,
        r#""x""#,
        &["RAY_ADDRESS"],
    ),
    (
        "run.distributed.ray.auto_start_local",
        Warned,
        "false",
        &["RAY_AUTO_START_LOCAL"],
    ),
    (
        "run.distributed.ray.namespace",
        Warned,
        r#""x""#,
        &["RAY_NAMESPACE"],
    ),
    (
        "run.distributed.ray.actor.num_cpus",
        Warned,
        "2.0",
        &["RAY_ACTOR_NUM_CPUS"],
    ),
    (
        "run.distributed.ray.actor.num_gpus",
        Warned,
        "1.0",
        &["RAY_ACTOR_NUM_GPUS"],
    ),
    (
        "run.distributed.ray.actor.coordinator_num_cpus",
        Warned,
        "2.0",
        &["RAY_COORDINATOR_NUM_CPUS"],
    ),
    (
        "run.distributed.ray.actor.replicas_qa",
        Warned,
        "2",
        &["RAY_REPLICAS_QA"],
    ),
    (
        "run.distributed.ray.actor.replicas_complete",
        Warned,
        "2",
        &["RAY_REPLICAS_COMPLETE"],
    ),
    ("store.backend", Warned, r#""x""#, &["STORE_BACKEND"]),
    (
        "store.postgres.dsn",
        Warned,
        r#""postgres://h/d""#,
        &["DLGFORGE_POSTGRES_DSN", "POSTGRES_DSN"],
    ),
    ("store.postgres.min_pool_size", Warned, "6", &[]),
    ("store.postgres.max_pool_size", Warned, "6", &[]),
    ("store.postgres.statement_timeout_ms", Warned, "6", &[]),
    (
        "llm.mode",
        Honoured,
        r#""vllm_attach""#,
        &["LLM_MODE", "LLM_BACKEND"],
    ),
    (
        "llm.routing.strategy",
        Warned,
        r#""x""#,
        &["LLM_ROUTING_STRATEGY"],
    ),
    (
        "llm.routing.endpoints",
        Honoured,
        r#"["http://h:1/v1"]"#,
        &["LLM_ROUTING_ENDPOINTS_JSON"],
    ),
    ("llm.vllm.model", Warned, r#""x""#, &[]),
    ("llm.vllm.served_model_name", Warned, r#""x""#, &[]),
    ("llm.vllm.replicas", Warned, "2", &[]),
    ("llm.vllm.num_gpus_per_replica", Warned, "2.0", &[]),
    ("llm.vllm.host", Warned, r#""x""#, &[]),
    ("llm.vllm.advertise_host", Warned, r#""x""#, &[]),
    ("llm.vllm.port_start", Warned, "2", &[]),
    ("llm.vllm.tensor_parallel_size", Warned, "2", &[]),
    ("llm.vllm.gpu_memory_utilization", Warned, "0.5", &[]),
    ("llm.vllm.max_num_seqs", Warned, "2", &[]),
    ("llm.vllm.health_timeout_s", Warned, "2.0", &[]),
    ("llm.vllm.auto_stop_on_exit", Warned, "false", &[]),
    (
        "coverage.doc_coverage_mode",
        Honoured,
        r#""off""#,
        &["DOC_COVERAGE_MODE"],
    ),
    (
        "coverage.doc_coverage_epsilon",
        Honoured,
        "0.5",
        &["DOC_COVERAGE_EPSILON"],
    ),
    (
        "coverage.doc_coverage_fraction",
        Honoured,
        "0.5",
        &["DOC_COVERAGE_FRACTION"],
    ),
    (
        "coverage.question_dedup_retries",
        Honoured,
        "5",
        &["QUESTION_DEDUP_RETRIES"],
    ),
    (
        "tools.web_search.enabled",
        Open,
        "true",
        &["ENABLE_WEB_TOOLS"],
    ),
    (
        "tools.web_search.serper_num_results",
        Open,
        "6",
        &["SERPER_NUM_RESULTS"],
    ),
    (
        "tools.web_search.serper_timeout",
        Open,
        "6.0",
        &["SERPER_TIMEOUT"],
    ),
    ("tools.retrieval.top_k", Honoured, "6", &["KB_DEFAULT_K"]),
    (
        "tools.retrieval.chunking.chunk_size",
        Honoured,
        "500",
        &["KB_CHUNK_SIZE"],
    ),
    (
        "tools.retrieval.chunking.chunk_overlap",
        Honoured,
        "50",
        &["KB_CHUNK_OVERLAP"],
    ),
    (
        "tools.retrieval.index.persist_dir",
        Honoured,
        r#""idx""#,
        &["KB_PERSIST_DIR"],
    ),
    (
        "tools.retrieval.index.rebuild",
        Honoured,
        "true",
        &["KB_REBUILD_INDEX"],
    ),
    (
        "tools.retrieval.index.skip_if_unchanged",
        Honoured,
        "false",
        &["KB_SKIP_IF_UNCHANGED"],
    ),
    (
        "tools.retrieval.embeddings.model",
        Open,
        r#""hashed""#,
        &["EMBEDDING_MODEL_NAME"],
    ),
    (
        "tools.retrieval.embeddings.backend",
        Open,
        r#""x""#,
        &["KB_EMBEDDING_BACKEND"],
    ),
    (
        "tools.retrieval.embeddings.device",
        Open,
        r#""x""#,
        &["KB_EMBEDDING_DEVICE"],
    ),
    (
        "tools.retrieval.embeddings.fallback_on_cpu",
        Open,
        "false",
        &["KB_FALLBACK_ON_CPU"],
    ),
    (
        "tools.retrieval.embeddings.model_kwargs",
        Open,
        r#"{"a": 1}"#,
        &["KB_EMBEDDING_MODEL_KWARGS_JSON"],
    ),
    (
        "tools.retrieval.embeddings.tokenizer_kwargs",
        Open,
        r#"{"a": 1}"#,
        &["KB_EMBEDDING_TOKENIZER_KWARGS_JSON"],
    ),
    (
        "tools.retrieval.embeddings.encode_kwargs",
        Open,
        r#"{"a": 1}"#,
        &["KB_EMBEDDING_ENCODE_KWARGS_JSON"],
    ),
    (
        "tools.retrieval.embeddings.fallback_model",
        Open,
        r#""x""#,
        &["FALLBACK_EMBEDDING_MODEL"],
    ),
    ("tools.retrieval.reranker.enabled", Open, "true", &[]),
    ("tools.retrieval.reranker.model", Open, r#""x""#, &[]),
    ("tools.retrieval.reranker.candidates", Open, "6", &[]),
    ("tools.retrieval.reranker.batch_size", Open, "6", &[]),
    ("tools.retrieval.reranker.backend", Open, r#""x""#, &[]),
    ("tools.retrieval.reranker.instruction", Open, r#""x""#, &[]),
    ("tools.retrieval.reranker.max_length", Open, "6", &[]),
    ("tools.retrieval.reranker.cmd", Open, r#""x""#, &[]),
    ("personas.enabled", Honoured, "false", &[]),
    ("personas.path", Honoured, r#""p.yaml""#, &[]),
    ("judge.enabled", Honoured, "false", &["JUDGE_ENABLED"]),
    ("judge.mode", Honoured, r#""online""#, &["JUDGE_MODE"]),
    (
        "judge.granularity",
        Honoured,
        r#""conversation""#,
        &["JUDGE_GRANULARITY"],
    ),
    ("judge.reasons", Honoured, r#"["bad"]"#, &[]),
    ("saving.output_dir", Honoured, r#""o""#, &["OUTPUT_DIR"]),
    ("saving.output_columns.messages", Honoured, r#""m""#, &[]),
    (
        "saving.output_columns.messages_with_tools",
        Honoured,
        r#""m""#,
        &[],
    ),
    ("saving.output_columns.metadata", Honoured, r#""m""#, &[]),
    (
        "saving.output_columns.user_reasoning",
        Honoured,
        r#""m""#,
        &[],
    ),
    (
        "saving.output_columns.assistant_reasoning",
        Honoured,
        r#""m""#,
        &[],
    ),
    ("saving.output_columns.judge", Honoured, r#""m""#, &[]),
    (
        "saving.hf_push.enabled",
        Taken,
        "true",
        &["HF_PUSH_ENABLED"],
    ),
    (
        "saving.hf_push.auto_push_on_run",
        Taken,
        "true",
        &["HF_AUTO_PUSH_ON_RUN"],
    ),
    (
        "saving.hf_push.repo_id",
        Taken,
        r#""a/b""#,
        &["HF_PUSH_REPO_ID"],
    ),
    (
        "saving.hf_push.repo_type",
        Taken,
        r#""model""#,
        &["HF_PUSH_REPO_TYPE"],
    ),
    (
        "saving.hf_push.export_dir",
        Taken,
        r#""e""#,
        &["HF_PUSH_EXPORT_DIR"],
    ),
    (
        "saving.hf_push.include_run_state",
        Taken,
        "true",
        &["HF_PUSH_INCLUDE_RUN_STATE"],
    ),
    (
        "saving.hf_push.private",
        Taken,
        "false",
        &["HF_PUSH_PRIVATE"],
    ),
    (
        "saving.hf_push.commit_message",
        Taken,
        r#""e""#,
        &["HF_PUSH_COMMIT_MESSAGE"],
    ),
    (
        "saving.hf_push.source_file",
        Taken,
        r#""conversations_sharegpt.jsonl""#,
        &["HF_PUSH_SOURCE_FILE"],
    ),
    (
        "saving.hf_push.generate_stats",
        Taken,
        "false",
        &["HF_PUSH_GENERATE_STATS"],
    ),
    (
        "saving.hf_push.stats_file",
        Taken,
        r#""e.json""#,
        &["HF_PUSH_STATS_FILE"],
    ),
    (
        "saving.hf_push.generate_plots",
        Taken,
        "false",
        &["HF_PUSH_GENERATE_PLOTS"],
    ),
    (
        "saving.hf_push.plots_dir",
        Taken,
        r#""e""#,
        &["HF_PUSH_PLOTS_DIR"],
    ),
    ("saving.hf_push.clean_remote", Taken, "true", &[]),
];

/// Role, and the original's name of its stage.
const ROLES: [(&str, &str); 3] = [
    ("user", "qa_generator"),
    ("assistant", "kb_responder"),
    ("judge", "qa_judge"),
];

/// What each role has below `llm.agents.ROLE`, and the end of its variables.
const OF_ROLE: &[(&str, Is, &str, &str)] = &[
    ("provider", Honoured, r#""ollama""#, "PROVIDER"),
    ("model", Honoured, r#""m""#, "MODEL"),
    ("base_url", Honoured, r#""http://h:1/v1""#, "BASE_URL"),
    ("temperature", Honoured, "0.5", "TEMPERATURE"),
    ("max_tokens", Honoured, "99", "MAX_TOKENS"),
    ("top_p", Honoured, "0.5", "TOP_P"),
    ("timeout", Honoured, "9.5", "TIMEOUT"),
    ("max_retries", Honoured, "7", "MAX_RETRIES"),
    ("api_key_env", Honoured, r#""A_KEY""#, "API_KEY_ENV"),
    ("extra", Honoured, r#"{"a": 1}"#, ""),
    ("api_key", Refused, r#""x""#, ""),
    ("routing.strategy", Warned, r#""x""#, "ROUTING_STRATEGY"),
    (
        "routing.endpoints",
        Refused,
        r#"["http://h:1/v1"]"#,
        "ROUTING_ENDPOINTS_JSON",
    ),
];

/// Variables that are no keys and are read in other places, or not at all.
const NO_KEYS: [&str; 5] = [
    "DLGFORGE_RUN_BOOTSTRAPPED",
    "SERPER_API_KEY",
    "HF_TOKEN",
    "HUGGINGFACE_HUB_TOKEN",
    "EMBEDDING_MODEL_NAME",
];

/// One entry of the lists above.
struct Entry {
    path: String,
    is: Is,
    value: Json,
    variables: Vec<String>,
}

fn entries() -> Vec<Entry> {
    let json = |text: &str| parse_str(text).unwrap();
    let mut entries: Vec<Entry> = ORIGINAL
        .iter()
        .map(|(path, is, value, variables)| Entry {
            path: (*path).to_owned(),
            is: *is,
            value: json(value),
            variables: variables.iter().map(|name| (*name).to_owned()).collect(),
        })
        .collect();
    for (role, stage) in ROLES {
        for (key, is, value, variable) in OF_ROLE {
            let names = [role, stage].map(|name| format!("LLM_{}_{variable}", name.to_uppercase()));
            entries.push(Entry {
                path: format!("llm.agents.{role}.{key}"),
                is: *is,
                value: json(value),
                variables: if variable.is_empty() {
                    Vec::new()
                } else {
                    names.to_vec()
                },
            });
        }
    }
    entries
}

fn key(path: &str) -> Key {
    let found = DIALOGUE.keys.iter().find(|key| key.path == path);
    *found.unwrap_or_else(|| panic!("{path} is in no table"))
}

fn yaml(path: &str, value: &Json) -> String {
    let line = String::from_utf8(forgemark_contract::json::to_line(value)).unwrap();
    let parts: Vec<&str> = path.split('.').collect();
    let mut text = String::new();
    for (depth, part) in parts.iter().enumerate() {
        write!(text, "{}{part}:", "  ".repeat(depth)).unwrap();
        text += if depth + 1 == parts.len() { " " } else { "\n" };
    }
    format!("{text}{line}\n")
}

/// The value as it stands in a variable: text without quotes.
fn plain(value: &Json) -> String {
    let list = |items: &[Json]| {
        items
            .iter()
            .all(|item| item.as_str().is_some_and(|text| !text.contains(':')))
    };
    match value {
        Json::Str(text) => text.as_str().to_owned(),
        Json::Array(items) if list(items) => {
            let words: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            words.join(",")
        }
        other => String::from_utf8(forgemark_contract::json::to_line(other)).unwrap(),
    }
}

fn read(file: &str, env: &[(&str, &str)], flags: &[Flag]) -> Result<Loaded, String> {
    let file = SourceFile {
        name: "c.yaml".to_owned(),
        text: file.to_owned(),
    };
    load(&Inputs {
        keys: DIALOGUE.keys,
        env_implies: DIALOGUE.env_implies,
        file: Some(&file),
        env: &Environment::from_pairs(env.iter().copied()),
        flags,
    })
    .map_err(|error| error.render())
}

fn warnings(loaded: &Loaded) -> String {
    let texts = loaded.warnings.iter();
    texts
        .map(Problem::render_warning)
        .collect::<Vec<_>>()
        .join("\n")
}

fn judge(entry: &Entry, what: &str, found: Result<Loaded, String>) {
    let path = &entry.path;
    match (entry.is, found) {
        (Refused, Err(text)) => assert!(text.contains(path.as_str()), "{what}: {text}"),
        (Open, Err(text)) => assert!(text.contains(path.as_str()), "{what}: {text}"),
        (_, Err(text)) => panic!("{what}: {text}"),
        (Refused, Ok(_)) => panic!("{what} is accepted"),
        (is, Ok(loaded)) => {
            let said = warnings(&loaded);
            match is {
                Honoured => assert_eq!(said, "", "{what}"),
                Warned => assert!(said.contains(path.as_str()), "{what}: {said}"),
                _ => assert!(
                    said.is_empty() || said.contains(path.as_str()),
                    "{what}: {said}"
                ),
            }
            assert_eq!(loaded.settings.get(path), &entry.value, "{what}");
        }
    }
}

#[test]
fn every_key_of_the_original_is_honoured_warned_of_or_refused() {
    for entry in entries() {
        assert_ne!(
            parse_str(key(&entry.path).default).unwrap(),
            entry.value,
            "{}: the test needs another value than the default",
            entry.path
        );
        judge(
            &entry,
            &entry.path,
            read(&yaml(&entry.path, &entry.value), &[], &[]),
        );
    }
}

#[test]
fn every_variable_of_the_original_is_above_the_file_and_below_a_flag() {
    for entry in entries() {
        let path = entry.path.as_str();
        let default = parse_str(key(path).default).unwrap();
        for name in &entry.variables {
            let text = plain(&entry.value);
            let env = [(name.as_str(), text.as_str())];
            judge(&entry, name, read("run: {seed: 1}\n", &env, &[]));
            if entry.is != Honoured {
                continue;
            }
            // Whatever the file says, and the other way round: the value of the variable may be the default's.
            let loaded = read(&yaml(path, &entry.value), &[], &[]).unwrap();
            assert_eq!(loaded.settings.get(path), &entry.value, "{name}");
            if default.is_truthy() || default.as_bool() == Some(false) {
                let back = plain(&default);
                let env = [(name.as_str(), back.as_str())];
                let loaded = read(&yaml(path, &entry.value), &env, &[]).unwrap();
                assert_eq!(
                    loaded.settings.get(path),
                    &default,
                    "{name} cannot undo the file"
                );
                assert_eq!(loaded.settings.origin(path), &Origin::Env(name.clone()));
            }
            let flag = Flag::named("--set", path, &text);
            let other = if default.is_truthy() {
                plain(&default)
            } else {
                text.clone()
            };
            let env = [(name.as_str(), other.as_str())];
            let loaded = read("run: {seed: 1}\n", &env, &[flag]).unwrap();
            assert_eq!(loaded.settings.get(path), &entry.value, "{name}");
            assert!(
                matches!(loaded.settings.origin(path), Origin::Flag(_)),
                "{name}"
            );
        }
    }
}

#[test]
fn no_variable_of_the_table_is_missing_here_and_none_here_is_unknown() {
    let listed: BTreeSet<String> = entries()
        .into_iter()
        .flat_map(|entry| {
            let known: BTreeSet<&str> = key(&entry.path).env.iter().copied().collect();
            let here: BTreeSet<&str> = entry.variables.iter().map(String::as_str).collect();
            assert!(here.is_subset(&known), "{}: {known:?}", entry.path);
            entry.variables
        })
        .collect();
    for key in DIALOGUE.keys {
        for name in key.env {
            assert!(
                listed.contains(*name),
                "{name} of {} is not listed",
                key.path
            );
        }
    }
    // What is no key is told to people on the page about configurations of the original.
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/dlgforge-config.md"
    );
    let page = std::fs::read_to_string(page).unwrap();
    for name in NO_KEYS.iter().map(|name| (*name).to_owned()).chain(listed) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
    for entry in entries() {
        assert!(
            page.contains(&format!("| `{}` |", entry.path)),
            "{}",
            entry.path
        );
    }
}

#[test]
fn what_the_original_breaks_or_ignores_is_honoured_here() {
    // `min: 3` alone conflicts with the default of `max` there.
    let file = "run: {turns: {min: 3}}\nllm: {agents: {user: {model: m}, assistant: {model: m}}}\n";
    let loaded = read(file, &[], &[]).unwrap();
    (DIALOGUE.check)(&loaded.settings).unwrap();
    // N_TURNS over a range in the file: there they are "both set".
    let loaded = read(
        "run: {turns: {mode: range, min: 2, max: 8, mean: 4}}\n",
        &[
            ("N_TURNS", "5"),
            ("TURN_COUNT_MEAN", "3"),
            ("TURN_COUNT_DISTRIBUTION", "exp"),
        ],
        &[],
    )
    .unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.get("run.turns.mode"), &Json::from("exact"));
    assert_eq!(settings.get("run.turns.exact"), &Json::from(5));
    assert_eq!(settings.get("run.turns.mean"), &Json::from(3.0));
    assert_eq!(
        settings.get("run.turns.distribution"),
        &Json::from("exponential")
    );
    // Seed topics by variable: there they are ignored.
    let loaded = read(
        "run: {data: {seeding: {topics: {enabled: true, variant: gulf}}}}\n",
        &[
            ("SEED_TOPICS_ENABLED", "off"),
            ("SEED_TOPICS_VARIANT", "msa"),
        ],
        &[],
    )
    .unwrap();
    let topics = "run.data.seeding.topics";
    assert_eq!(
        loaded.settings.get(&format!("{topics}.enabled")),
        &Json::Bool(false)
    );
    assert_eq!(
        loaded.settings.get(&format!("{topics}.variant")),
        &Json::from("msa")
    );
}

/// Earlier names with the value in YAML, and the key and value that they are.
const EARLIER: &[(&str, &str, &str)] = &[
    ("run: {n_turns: 4}", "run.turns.exact", "4"),
    ("run: {n_turns: 4}", "run.turns.mode", r#""exact""#),
    ("run: {min_turns: 2, max_turns: 6}", "run.turns.max", "6"),
    (
        "run: {turn_count_distribution: exp}",
        "run.turns.distribution",
        r#""exponential""#,
    ),
    ("run: {turn_count_mean: 3}", "run.turns.mean", "3.0"),
    (
        "run: {seed_question: 'Why?'}",
        "run.data.seeding.question",
        r#""Why?""#,
    ),
    (
        "run: {question_seed: 'Why?'}",
        "run.data.seeding.question",
        r#""Why?""#,
    ),
    (
        "run: {seed_topics_enabled: no}",
        "run.data.seeding.topics.enabled",
        "false",
    ),
    (
        "run: {seed_topics_path: t.yaml}",
        "run.data.seeding.topics.path",
        r#""t.yaml""#,
    ),
    (
        "run: {seed_topics_variant: msa}",
        "run.data.seeding.topics.variant",
        r#""msa""#,
    ),
    (
        "run: {seed_topics_probability: 1}",
        "run.data.seeding.topics.probability",
        "1.0",
    ),
    (
        "retrieval: {default_k: 7, chunk_size: 300, overlap: 20}",
        "tools.retrieval.top_k",
        "7",
    ),
    (
        "retrieval: {chunking: {chunk_size: 300}}",
        "tools.retrieval.chunking.chunk_size",
        "300",
    ),
    (
        "tools: {retrieval: {rebuild_index: true}}",
        "tools.retrieval.index.rebuild",
        "true",
    ),
    (
        "models: {embedding_model: hashed}",
        "tools.retrieval.embeddings.model",
        r#""hashed""#,
    ),
    (
        "ray: {namespace: x}",
        "run.distributed.ray.namespace",
        r#""x""#,
    ),
    ("llm: {backend: openai}", "llm.mode", r#""api""#),
    (
        "llm: {agents: {qa_generator: {model: m}}}",
        "llm.agents.user.model",
        r#""m""#,
    ),
    (
        "llm: {agents: {kb_responder: {extra: {a: 1}}}}",
        "llm.agents.assistant.extra",
        r#"{"a": 1}"#,
    ),
    (
        "llm: {agents: {qa_judge: {model: m}}}",
        "llm.agents.judge.model",
        r#""m""#,
    ),
    (
        "saving: {output_columns: {message_with_tools: t}}",
        "saving.output_columns.messages_with_tools",
        r#""t""#,
    ),
];

#[test]
fn an_earlier_name_is_the_new_one_with_a_warning() {
    for (file, path, value) in EARLIER {
        let loaded = read(&format!("{file}\n"), &[], &[]).unwrap();
        let said = warnings(&loaded);
        assert_eq!(
            loaded.settings.get(path),
            &parse_str(value).unwrap(),
            "{file}"
        );
        assert!(said.contains("an earlier name: write `"), "{file}: {said}");
        assert!(
            matches!(loaded.settings.origin(path), Origin::File { .. }),
            "{file}"
        );
    }
    // Two names of one key are one too many.
    let error = read(
        "llm:\n  agents:\n    user: {model: a}\n    qa_generator: {model: b}\n",
        &[],
        &[],
    )
    .unwrap_err();
    assert!(
        error.contains("`llm.agents.user.model` is set under an earlier name too"),
        "{error}"
    );
    assert!(error.contains("c.yaml:4"), "{error}");
    // As a flag, and with a value that the key does not take.
    let flag = Flag::parse_set("llm.agents.qa_judge.model=j").unwrap();
    let loaded = read("run: {seed: 1}\n", &[], &[flag]).unwrap();
    assert_eq!(
        loaded.settings.get("llm.agents.judge.model"),
        &Json::from("j")
    );
    let error = read("run: {min_turns: few}\n", &[], &[]).unwrap_err();
    assert!(
        error.contains("`run.turns.min`") && error.contains("c.yaml:1"),
        "{error}"
    );
    // The global model is an error there too.
    assert!(
        read("llm: {model: m}\n", &[], &[])
            .unwrap_err()
            .contains("llm.agents.ROLE.model")
    );
}

#[test]
fn a_dot_env_file_names_the_variables_of_the_roles() {
    let text =
        "LLM_QA_JUDGE_API_KEY_ENV=JUDGES_API_KEY\nLLM_USER_API_KEY_ENV=U_API_KEY\nN_TURNS=9\n";
    let real = Environment::from_pairs([("LLM_USER_API_KEY_ENV", "MINE")]);
    let env = DotEnv::parse(text).below(&real);
    let file = SourceFile {
        name: "c.yaml".to_owned(),
        text: "run: {seed: 1}\n".to_owned(),
    };
    let loaded = load(&Inputs {
        keys: DIALOGUE.keys,
        env_implies: DIALOGUE.env_implies,
        file: Some(&file),
        env: &env,
        flags: &[],
    })
    .unwrap();
    let get = |path: &str| loaded.settings.get(path).clone();
    assert_eq!(
        get("llm.agents.judge.api_key_env"),
        Json::from("JUDGES_API_KEY")
    );
    assert_eq!(get("llm.agents.user.api_key_env"), Json::from("MINE"));
    assert_eq!(get("run.turns.exact"), Json::Null);
}
