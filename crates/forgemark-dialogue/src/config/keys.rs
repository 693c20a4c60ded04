//! Every configuration key of `forgemark dialogue`: the original's (reading 3.1 and 3.2) and ours.
//!
//! The reader, `config show`, `config keys`, the JSON Schema and the reference page are made from this table.
//! What a single key cannot say stands in the constants after it: values that are refused, settings that a variable
//! implies.

use forgemark_contract::settings::{Key, Kind, Status, float, int};
use forgemark_model::settings::keys as shared;

/// Why cluster settings do nothing.
const ONE_PROCESS: &str = "forgemark is one process; list the servers under `llm.routing.endpoints` and raise `run.concurrency`";
/// Why the store settings do nothing.
const STORE: &str =
    "runs keep their state in the output folder (`saving.output_dir`); there is no database";
/// Why the routing strategy does nothing.
const STRATEGY: &str = "calls always go to the endpoint with the least load for its weight";
/// Why a role has no endpoints of its own.
const ONE_POOL: &str = "all roles share `llm.routing.endpoints`, whose entries may name a `model`; a role with one server of its own takes `base_url`";
/// Why the vLLM settings do nothing.
const VLLM: &str =
    "forgemark starts no servers; start one yourself and name it under `llm.routing.endpoints`";
/// What replaces the embedding settings.
const EMBEDDINGS: &str = "`embeddings: hashed`, which is built in, or `embeddings: endpoint` with a model behind a server (`tools.retrieval.embeddings.endpoint`)";
/// Why some reranker settings do nothing.
const RERANKER: &str = "the reranker is a server with /rerank (`tools.retrieval.reranker.base_url`), and this is its own setting";
/// Why the upload settings do nothing.
const HF_PUSH: &str = "nothing is uploaded; `forgemark dialogue bundle CONFIG` makes the folder that an uploader of yours takes";
/// Why a key may not stand in a file.
const SECRET: &str = "keys come from the environment only; name the variable with `llm.agents.ROLE.api_key_env` or `llm.api_key_env`";

/// Any integer, for keys without effect.
const ANY_INT: Kind = int(i64::MIN, i64::MAX);
/// Any number, for keys without effect.
const ANY_FLOAT: Kind = float(f64::MIN, f64::MAX);

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

const fn replaced(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    env: &'static [&'static str],
    doc: &'static str,
    by: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        env,
        doc,
        status: Status::Replaced(by),
    }
}

const fn inert(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    env: &'static [&'static str],
    doc: &'static str,
    why: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        env,
        doc,
        status: Status::Inert(why),
    }
}

const fn refused(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    env: &'static [&'static str],
    doc: &'static str,
    why: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        env,
        doc,
        status: Status::Refused(why),
    }
}

/// A key or a section of an earlier version of the original, and what it is called now.
const fn renamed(path: &'static str, to: &'static str) -> Key {
    Key {
        path,
        kind: Kind::Any,
        default: "null",
        env: &[],
        doc: "Name of an earlier version.",
        status: Status::Renamed(to),
    }
}

const fn legacy(path: &'static str, why: &'static str) -> Key {
    Key {
        path,
        kind: Kind::Any,
        default: "null",
        env: &[],
        doc: "Name of an earlier version.",
        status: Status::Refused(why),
    }
}

/// The table, in the order of the reference page.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    // run
    key("run.batch_size", int(1, 1_000_000), "1", &["BATCH_SIZE"], "Conversations of one wave; it names ids (wave and slot) and does not bound concurrency."),
    key("run.total_samples", int(0, 1_000_000_000), "0", &["TOTAL_SAMPLES"], "Conversations to make for each language; 0 makes one batch."),
    key("run.target_languages", Kind::StrList, "[\"en\"]", &["TARGET_LANGUAGES", "TARGET_LANGUAGE"], "Languages, a list or comma-separated text; each label stands as it is in the prompts."),
    key("run.language_quotas", Kind::Map, "{}", &[], "Conversations for single languages (language: count), in place of `run.total_samples`."),
    key("run.run_id", Kind::Str, "\"\"", &["RUN_ID"], "Name of the run; empty continues the newest run of the same plan or starts a new one."),
    key("run.resume_run_id", Kind::Str, "\"\"", &["RESUME_RUN_ID"], "Name of the run to continue; an unknown one is an error that lists the known ones."),
    key("run.seed", int(0, i64::MAX), "0", &[], "Seed of every random choice; equal seeds, documents and replies give equal files."),
    key("run.concurrency", int(1, 65536), "16", &[], "Conversations in progress at a time; it may change between the parts of a resumed run."),
    key("run.lookahead", int(1, 65536), "1024", &[], "How many conversations may start ahead of the oldest one that is not finished."),
    key("run.limit", int(1, 1_000_000_000), "null", &[], "Stop after this many finished conversations of this command; the rest stays resumable."),
    shared::MAX_COST_USD,
    shared::MAX_TOKENS,
    shared::MAX_CALLS,
    key("run.budget.max_tokens_per_conversation", int(1, i64::MAX), "null", &[], "Drop a conversation (reason `budget`) instead of calling a model again once its prompts and replies have this many tokens, as far as the endpoints report them. Part of the plan."),
    key("run.turns.mode", Kind::OneOf(&[("range", &[]), ("exact", &[])]), "\"range\"", &[], "`range` draws the number of turns, `exact` fixes it."),
    key("run.turns.exact", int(1, 1000), "null", &["N_TURNS"], "Turns of every conversation with mode `exact`; null is 1."),
    key("run.turns.min", int(1, 1000), "2", &["MIN_TURNS"], "Fewest turns of a conversation with mode `range`."),
    key("run.turns.max", int(1, 1000), "2", &["MAX_TURNS"], "Most turns of a conversation with mode `range`; where only `run.turns.min` is set, never below it."),
    key("run.turns.distribution", Kind::OneOf(&[("poisson", &["pois"]), ("uniform", &[]), ("exponential", &["exp"])]), "\"poisson\"", &["TURN_COUNT_DISTRIBUTION"], "Distribution of the number of turns, cut off at the bounds."),
    key("run.turns.mean", float(0.0, 1000.0), "null", &["TURN_COUNT_MEAN"], "Mean number of turns before the cut; null or 0 is the middle of the bounds."),
    key("run.data.seeding.question", Kind::Str, "\"\"", &["QUESTION", "QUESTION_SEED"], "First question of every conversation; it is no random seed here (`run.seed` is)."),
    key("run.data.seeding.topics.path", Kind::Str, "\"data/seeds/topics.yaml\"", &["SEED_TOPICS_PATH"], "Seed topics, a file or a folder, relative to the configuration."),
    key("run.data.seeding.topics.enabled", Kind::Bool, "true", &["SEED_TOPICS_ENABLED"], "Whether first turns may start from a seed topic."),
    key("run.data.seeding.topics.variant", Kind::Str, "\"\"", &["SEED_TOPICS_VARIANT"], "Variant of the seed topics, one of the file or of its aliases; empty chooses it by language."),
    key("run.data.seeding.topics.probability", float(0.0, 1.0), "0.35", &["SEED_TOPICS_PROBABILITY"], "Share of first turns that start from a seed topic, 0 to 1."),
    refused("run.distributed.enabled", Kind::Bool, "false", &["DISTRIBUTED_ENABLED"], "Run over a cluster.", ONE_PROCESS),
    inert("run.distributed.backend", Kind::Str, "\"ray\"", &["DISTRIBUTED_BACKEND", "DISTRIBUTED_EXECUTOR"], "Cluster software.", ONE_PROCESS),
    inert("run.distributed.spawn.coordinator", Kind::Bool, "true", &["DISTRIBUTED_SPAWN_COORDINATOR"], "Start a coordinator.", ONE_PROCESS),
    inert("run.distributed.spawn.workers", Kind::Bool, "true", &["DISTRIBUTED_SPAWN_WORKERS"], "Start workers.", ONE_PROCESS),
    inert("run.distributed.ray.address", Kind::Str, "\"auto\"", &["RAY_ADDRESS"], "Address of the cluster.", ONE_PROCESS),
    inert("run.distributed.ray.auto_start_local", Kind::Bool, "true", &["RAY_AUTO_START_LOCAL"], "Start a cluster on this machine.", ONE_PROCESS),
    inert("run.distributed.ray.namespace", Kind::Str, "\"dlgforge\"", &["RAY_NAMESPACE"], "Namespace in the cluster.", ONE_PROCESS),
    inert("run.distributed.ray.actor.num_cpus", ANY_FLOAT, "1.0", &["RAY_ACTOR_NUM_CPUS"], "Processors of a worker.", ONE_PROCESS),
    inert("run.distributed.ray.actor.num_gpus", ANY_FLOAT, "0.0", &["RAY_ACTOR_NUM_GPUS"], "Accelerators of a worker.", ONE_PROCESS),
    inert("run.distributed.ray.actor.coordinator_num_cpus", ANY_FLOAT, "1.0", &["RAY_COORDINATOR_NUM_CPUS"], "Processors of the coordinator.", ONE_PROCESS),
    inert("run.distributed.ray.actor.replicas_qa", ANY_INT, "1", &["RAY_REPLICAS_QA"], "Workers that ask.", ONE_PROCESS),
    inert("run.distributed.ray.actor.replicas_complete", ANY_INT, "1", &["RAY_REPLICAS_COMPLETE"], "Workers that answer.", ONE_PROCESS),
    // documents and retrieval
    key("documents.path", Kind::Str, "\"knowledge\"", &[], "Folder of the documents (.txt, .md, .html, .pdf), relative to the configuration."),
    key("documents.max_document_mb", int(1, 65_536), "64", &[], "Largest document in MiB; a larger one is listed as damaged and left out."),
    key("documents.pdf.timeout_s", int(1, 3_600), "60", &[], "Time to read one PDF, in seconds."),
    key("documents.pdf.memory_mb", int(64, 65_536), "1024", &[], "Memory to read one PDF, in MiB."),
    key("embeddings", Kind::OneOf(&[("hashed", &[]), ("endpoint", &[])]), "\"hashed\"", &[], "Vectors of the passages, fused with keywords by rank: `hashed` is computed here and needs no model, `endpoint` asks the model of `tools.retrieval.embeddings.endpoint`."),
    key("tools.max_rounds", int(0, 64), "4", &[], "Rounds of tool calls that the assistant may take for one answer; 0 offers it no tools."),
    key("tools.retrieval.top_k", int(1, 1_000), "4", &["KB_DEFAULT_K"], "Passages that a search returns unless the model asks for another number."),
    key("tools.retrieval.chunking.chunk_size", int(1, 1_000_000), "750", &["KB_CHUNK_SIZE"], "Length of a passage, in characters."),
    key("tools.retrieval.chunking.chunk_overlap", int(0, 1_000_000), "150", &["KB_CHUNK_OVERLAP"], "Characters that neighbouring passages share; less than `chunk_size`."),
    key("tools.retrieval.index.persist_dir", Kind::Str, "\"knowledge_index\"", &["KB_PERSIST_DIR"], "Folder of the index, relative to the configuration."),
    key("tools.retrieval.index.rebuild", Kind::Bool, "false", &["KB_REBUILD_INDEX"], "Build the index anew, whatever stands there."),
    key("tools.retrieval.index.skip_if_unchanged", Kind::Bool, "true", &["KB_SKIP_IF_UNCHANGED"], "Trust size and time of a file that is already indexed; false hashes every file."),
    replaced("tools.retrieval.embeddings.model", Kind::Str, "\"sentence-transformers/all-MiniLM-L6-v2\"", &["EMBEDDING_MODEL_NAME"], "Embedding model of the index.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.backend", Kind::Str, "\"sentence_transformers\"", &["KB_EMBEDDING_BACKEND"], "Embedding library.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.fallback_model", Kind::Str, "\"sentence-transformers/all-MiniLM-L6-v2\"", &["FALLBACK_EMBEDDING_MODEL"], "Embedding model to fall back on.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.device", Kind::Str, "\"auto\"", &["KB_EMBEDDING_DEVICE"], "Device of the embedding model.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.fallback_on_cpu", Kind::Bool, "true", &["KB_FALLBACK_ON_CPU"], "Fall back on the processor.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.model_kwargs", Kind::Map, "{}", &["KB_EMBEDDING_MODEL_KWARGS_JSON"], "Arguments of the embedding model.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.tokenizer_kwargs", Kind::Map, "{}", &["KB_EMBEDDING_TOKENIZER_KWARGS_JSON"], "Arguments of its tokenizer.", EMBEDDINGS),
    inert("tools.retrieval.embeddings.encode_kwargs", Kind::Map, "{}", &["KB_EMBEDDING_ENCODE_KWARGS_JSON"], "Arguments of its encoding.", EMBEDDINGS),
    key("tools.retrieval.embeddings.endpoint.model", Kind::Str, "null", &[], "Embedding model behind an OpenAI-compatible /embeddings; its price is that of `llm.prices`."),
    key("tools.retrieval.embeddings.endpoint.base_url", Kind::Str, "null", &[], "Server of the embedding model, with or without `/v1`; null is the provider that the model's name begins with (`openai/text-embedding-3-small`)."),
    key("tools.retrieval.embeddings.endpoint.api_key_env", Kind::Str, "null", &[], "Name of the environment variable with the key; null is the provider's own at its own address, else none."),
    key("tools.retrieval.embeddings.endpoint.dimensions", int(1, 65_536), "null", &[], "Values of a vector, for models that can shorten theirs; null is what the model makes."),
    key("tools.retrieval.embeddings.endpoint.batch", int(1, 2_048), "64", &[], "Passages of a call while the index is made."),
    key("tools.retrieval.reranker.enabled", Kind::Bool, "false", &[], "Reorder the passages of a search with a model behind a server; where it fails, the fused order stands."),
    key("tools.retrieval.reranker.model", Kind::Str, "\"Qwen/Qwen3-Reranker-4B\"", &[], "Model of the reranker; it may have a price in `llm.prices`."),
    key("tools.retrieval.reranker.base_url", Kind::Str, "null", &[], "Server of the reranker, with or without `/v1` and `/rerank` (Cohere's, Jina's, vLLM's and llama.cpp's shape)."),
    key("tools.retrieval.reranker.api_key_env", Kind::Str, "null", &[], "Name of the environment variable with its key; null sends none."),
    key("tools.retrieval.reranker.timeout_s", float(0.001, 86_400.0), "30", &[], "Time for an attempt, in seconds."),
    key("tools.retrieval.reranker.cost_per_call_usd", float(0.0, 1_000.0), "null", &[], "Price of a call in US dollars, in place of one by tokens; unknown prices are never shown as zero."),
    inert("tools.retrieval.reranker.backend", Kind::Str, "\"qwen3\"", &[], "Library of the reranker.", RERANKER),
    inert("tools.retrieval.reranker.instruction", Kind::Str, "\"Given a user question and a candidate passage from the knowledge base, decide whether the passage contains information needed to answer the question.\"", &[], "Instruction of the reranker.", RERANKER),
    inert("tools.retrieval.reranker.max_length", ANY_INT, "8192", &[], "Tokens that the reranker reads.", RERANKER),
    key("tools.retrieval.reranker.candidates", int(1, 1_000), "12", &[], "Passages that are found and reordered; never fewer than the search is to return."),
    inert("tools.retrieval.reranker.batch_size", ANY_INT, "16", &[], "Passages that it reads at a time.", RERANKER),
    inert("tools.retrieval.reranker.cmd", Kind::Any, "null", &[], "Command of the reranker.", RERANKER),
    key("tools.web_search.enabled", Kind::Bool, "false", &["ENABLE_WEB_TOOLS"], "Offer a web search to the assistant."),
    key("tools.web_search.provider", Kind::OneOf(&[("serper", &[]), ("tavily", &[]), ("brave", &[]), ("searxng", &[])]), "\"serper\"", &[], "Who is asked, and in which shape: whoever speaks Serper's may stand behind `base_url`."),
    key("tools.web_search.base_url", Kind::Str, "null", &[], "Address of the search, taken as it is; null is the provider's own (searxng has none)."),
    key("tools.web_search.api_key_env", Kind::Str, "null", &[], "Name of the environment variable with the key; null is the provider's own (`SERPER_API_KEY`, `TAVILY_API_KEY`, `BRAVE_API_KEY`) at its own address, else none."),
    key("tools.web_search.serper_num_results", int(1, 100), "5", &["SERPER_NUM_RESULTS"], "Results of a web search, of whichever provider."),
    key("tools.web_search.serper_timeout", float(0.001, 86_400.0), "30", &["SERPER_TIMEOUT"], "Time for an attempt at a web search, in seconds."),
    key("tools.web_search.cost_per_search_usd", float(0.0, 1_000.0), "null", &[], "Price of a search in US dollars; unknown prices are never shown as zero."),
    // llm
    key("llm.mode", Kind::OneOf(&[("api", &["openai"]), ("vllm_attach", &[]), ("vllm_managed", &[])]), "\"api\"", &["LLM_MODE", "LLM_BACKEND"], "`api` for providers and own servers alike; `vllm_attach` needs `llm.routing.endpoints`; `vllm_managed` is refused."),
    key("llm.api_key_env", Kind::Str, "null", &[], "Name of the environment variable with the key, for roles and endpoints that name none; null is the provider's own."),
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
    inert("llm.routing.strategy", Kind::Str, "\"weighted_least_inflight\"", &["LLM_ROUTING_STRATEGY"], "How calls are spread.", STRATEGY),
    Key { env: &["LLM_ROUTING_ENDPOINTS_JSON"], ..shared::ENDPOINTS },
    inert("llm.vllm.model", Kind::Str, "\"\"", &[], "Model to serve.", VLLM),
    inert("llm.vllm.served_model_name", Kind::Str, "\"\"", &[], "Name of the served model.", VLLM),
    inert("llm.vllm.replicas", ANY_INT, "1", &[], "Servers to start.", VLLM),
    inert("llm.vllm.num_gpus_per_replica", ANY_FLOAT, "1", &[], "Accelerators of a server.", VLLM),
    inert("llm.vllm.host", Kind::Str, "\"0.0.0.0\"", &[], "Address to listen at.", VLLM),
    inert("llm.vllm.advertise_host", Kind::Str, "\"127.0.0.1\"", &[], "Address to be called at.", VLLM),
    inert("llm.vllm.port_start", ANY_INT, "18000", &[], "First port.", VLLM),
    inert("llm.vllm.tensor_parallel_size", ANY_INT, "1", &[], "Accelerators that share a model.", VLLM),
    inert("llm.vllm.gpu_memory_utilization", ANY_FLOAT, "0.9", &[], "Share of accelerator memory.", VLLM),
    inert("llm.vllm.max_num_seqs", ANY_INT, "256", &[], "Sequences of a server at a time.", VLLM),
    inert("llm.vllm.health_timeout_s", ANY_FLOAT, "180", &[], "Time for a server to come up, in seconds.", VLLM),
    inert("llm.vllm.auto_stop_on_exit", Kind::Bool, "true", &[], "Stop the servers at the end.", VLLM),
    key("llm.agents.user.provider", Kind::Str, "\"openai\"", &["LLM_USER_PROVIDER", "LLM_QA_GENERATOR_PROVIDER"], "Provider of the simulated user: openai, gemini, anthropic, openrouter or ollama; another name needs `base_url`."),
    key("llm.agents.user.model", Kind::Str, "\"\"", &["LLM_USER_MODEL", "LLM_QA_GENERATOR_MODEL"], "Model of the simulated user, as the provider names it; `offline:NAME` is a built-in agent."),
    key("llm.agents.user.base_url", Kind::Str, "\"\"", &["LLM_USER_BASE_URL", "LLM_QA_GENERATOR_BASE_URL"], "Server of the simulated user; empty is the provider's own."),
    key("llm.agents.user.api_key_env", Kind::Str, "null", &["LLM_USER_API_KEY_ENV", "LLM_QA_GENERATOR_API_KEY_ENV"], "Name of the environment variable that holds the key of the simulated user."),
    key("llm.agents.user.temperature", float(0.0, 100.0), "null", &["LLM_USER_TEMPERATURE", "LLM_QA_GENERATOR_TEMPERATURE"], "Sampling temperature of the simulated user; null leaves it to the server."),
    key("llm.agents.user.max_tokens", int(1, 100_000_000), "null", &["LLM_USER_MAX_TOKENS", "LLM_QA_GENERATOR_MAX_TOKENS"], "Longest reply of the simulated user, in tokens; null leaves it to the server."),
    key("llm.agents.user.top_p", float(0.0, 1.0), "null", &["LLM_USER_TOP_P", "LLM_QA_GENERATOR_TOP_P"], "Nucleus sampling of the simulated user, 0 to 1; null leaves it to the server."),
    key("llm.agents.user.timeout", float(0.001, 86_400.0), "null", &["LLM_USER_TIMEOUT", "LLM_QA_GENERATOR_TIMEOUT"], "Time for one attempt of the simulated user, in seconds; null is `llm.limits.attempt_timeout_s`."),
    key("llm.agents.user.max_retries", int(0, 99), "null", &["LLM_USER_MAX_RETRIES", "LLM_QA_GENERATOR_MAX_RETRIES"], "Attempts of the simulated user after the first; null follows `llm.limits.max_attempts`."),
    key("llm.agents.user.extra", Kind::Map, "{}", &[], "Further fields of the request body of the simulated user, sent as they are."),
    key("llm.agents.user.wire", Kind::OneOf(&[("openai", &[]), ("anthropic", &[])]), "null", &[], "Protocol that the server of the simulated user speaks: OpenAI's chat completions or Anthropic's messages; null is the provider's own, else openai."),
    key("llm.agents.user.batch", Kind::Bool, "null", &[], "Whether the calls of the simulated user go as batches; null follows `llm.batch.enabled`."),
    inert("llm.agents.user.routing.strategy", Kind::Str, "\"weighted_least_inflight\"", &["LLM_USER_ROUTING_STRATEGY", "LLM_QA_GENERATOR_ROUTING_STRATEGY"], "How calls of the simulated user are spread.", STRATEGY),
    refused("llm.agents.user.routing.endpoints", Kind::List, "[]", &["LLM_USER_ROUTING_ENDPOINTS_JSON", "LLM_QA_GENERATOR_ROUTING_ENDPOINTS_JSON"], "Servers of the simulated user alone.", ONE_POOL),
    refused("llm.agents.user.api_key", Kind::Any, "null", &[], "Key of the simulated user.", SECRET),
    key("llm.agents.assistant.provider", Kind::Str, "\"\"", &["LLM_ASSISTANT_PROVIDER", "LLM_KB_RESPONDER_PROVIDER"], "Provider of the assistant: openai, gemini, anthropic, openrouter or ollama; another name needs `base_url`."),
    key("llm.agents.assistant.model", Kind::Str, "\"\"", &["LLM_ASSISTANT_MODEL", "LLM_KB_RESPONDER_MODEL"], "Model of the assistant, as the provider names it; `offline:NAME` is a built-in agent."),
    key("llm.agents.assistant.base_url", Kind::Str, "\"\"", &["LLM_ASSISTANT_BASE_URL", "LLM_KB_RESPONDER_BASE_URL"], "Server of the assistant; empty is the provider's own."),
    key("llm.agents.assistant.api_key_env", Kind::Str, "null", &["LLM_ASSISTANT_API_KEY_ENV", "LLM_KB_RESPONDER_API_KEY_ENV"], "Name of the environment variable that holds the key of the assistant."),
    key("llm.agents.assistant.temperature", float(0.0, 100.0), "null", &["LLM_ASSISTANT_TEMPERATURE", "LLM_KB_RESPONDER_TEMPERATURE"], "Sampling temperature of the assistant; null leaves it to the server."),
    key("llm.agents.assistant.max_tokens", int(1, 100_000_000), "null", &["LLM_ASSISTANT_MAX_TOKENS", "LLM_KB_RESPONDER_MAX_TOKENS"], "Longest reply of the assistant, in tokens; null leaves it to the server."),
    key("llm.agents.assistant.top_p", float(0.0, 1.0), "null", &["LLM_ASSISTANT_TOP_P", "LLM_KB_RESPONDER_TOP_P"], "Nucleus sampling of the assistant, 0 to 1; null leaves it to the server."),
    key("llm.agents.assistant.timeout", float(0.001, 86_400.0), "null", &["LLM_ASSISTANT_TIMEOUT", "LLM_KB_RESPONDER_TIMEOUT"], "Time for one attempt of the assistant, in seconds; null is `llm.limits.attempt_timeout_s`."),
    key("llm.agents.assistant.max_retries", int(0, 99), "null", &["LLM_ASSISTANT_MAX_RETRIES", "LLM_KB_RESPONDER_MAX_RETRIES"], "Attempts of the assistant after the first; null follows `llm.limits.max_attempts`."),
    key("llm.agents.assistant.extra", Kind::Map, "{}", &[], "Further fields of the request body of the assistant, sent as they are."),
    key("llm.agents.assistant.wire", Kind::OneOf(&[("openai", &[]), ("anthropic", &[])]), "null", &[], "Protocol that the server of the assistant speaks: OpenAI's chat completions or Anthropic's messages; null is the provider's own, else openai."),
    key("llm.agents.assistant.batch", Kind::Bool, "null", &[], "Whether the calls of the assistant go as batches; null follows `llm.batch.enabled`."),
    inert("llm.agents.assistant.routing.strategy", Kind::Str, "\"weighted_least_inflight\"", &["LLM_ASSISTANT_ROUTING_STRATEGY", "LLM_KB_RESPONDER_ROUTING_STRATEGY"], "How calls of the assistant are spread.", STRATEGY),
    refused("llm.agents.assistant.routing.endpoints", Kind::List, "[]", &["LLM_ASSISTANT_ROUTING_ENDPOINTS_JSON", "LLM_KB_RESPONDER_ROUTING_ENDPOINTS_JSON"], "Servers of the assistant alone.", ONE_POOL),
    refused("llm.agents.assistant.api_key", Kind::Any, "null", &[], "Key of the assistant.", SECRET),
    key("llm.agents.judge.provider", Kind::Str, "\"\"", &["LLM_JUDGE_PROVIDER", "LLM_QA_JUDGE_PROVIDER"], "Provider of the judge: openai, gemini, anthropic, openrouter or ollama; another name needs `base_url`."),
    key("llm.agents.judge.model", Kind::Str, "\"\"", &["LLM_JUDGE_MODEL", "LLM_QA_JUDGE_MODEL"], "Model of the judge, as the provider names it; `offline:NAME` is a built-in agent."),
    key("llm.agents.judge.base_url", Kind::Str, "\"\"", &["LLM_JUDGE_BASE_URL", "LLM_QA_JUDGE_BASE_URL"], "Server of the judge; empty is the provider's own."),
    key("llm.agents.judge.api_key_env", Kind::Str, "null", &["LLM_JUDGE_API_KEY_ENV", "LLM_QA_JUDGE_API_KEY_ENV"], "Name of the environment variable that holds the key of the judge."),
    key("llm.agents.judge.temperature", float(0.0, 100.0), "null", &["LLM_JUDGE_TEMPERATURE", "LLM_QA_JUDGE_TEMPERATURE"], "Sampling temperature of the judge; null leaves it to the server."),
    key("llm.agents.judge.max_tokens", int(1, 100_000_000), "null", &["LLM_JUDGE_MAX_TOKENS", "LLM_QA_JUDGE_MAX_TOKENS"], "Longest reply of the judge, in tokens; null leaves it to the server."),
    key("llm.agents.judge.top_p", float(0.0, 1.0), "null", &["LLM_JUDGE_TOP_P", "LLM_QA_JUDGE_TOP_P"], "Nucleus sampling of the judge, 0 to 1; null leaves it to the server."),
    key("llm.agents.judge.timeout", float(0.001, 86_400.0), "null", &["LLM_JUDGE_TIMEOUT", "LLM_QA_JUDGE_TIMEOUT"], "Time for one attempt of the judge, in seconds; null is `llm.limits.attempt_timeout_s`."),
    key("llm.agents.judge.max_retries", int(0, 99), "null", &["LLM_JUDGE_MAX_RETRIES", "LLM_QA_JUDGE_MAX_RETRIES"], "Attempts of the judge after the first; null follows `llm.limits.max_attempts`."),
    key("llm.agents.judge.extra", Kind::Map, "{}", &[], "Further fields of the request body of the judge, sent as they are."),
    key("llm.agents.judge.wire", Kind::OneOf(&[("openai", &[]), ("anthropic", &[])]), "null", &[], "Protocol that the server of the judge speaks: OpenAI's chat completions or Anthropic's messages; null is the provider's own, else openai."),
    key("llm.agents.judge.batch", Kind::Bool, "null", &[], "Whether the calls of the judge go as batches; null follows `llm.batch.enabled`."),
    inert("llm.agents.judge.routing.strategy", Kind::Str, "\"weighted_least_inflight\"", &["LLM_JUDGE_ROUTING_STRATEGY", "LLM_QA_JUDGE_ROUTING_STRATEGY"], "How calls of the judge are spread.", STRATEGY),
    refused("llm.agents.judge.routing.endpoints", Kind::List, "[]", &["LLM_JUDGE_ROUTING_ENDPOINTS_JSON", "LLM_QA_JUDGE_ROUTING_ENDPOINTS_JSON"], "Servers of the judge alone.", ONE_POOL),
    refused("llm.agents.judge.api_key", Kind::Any, "null", &[], "Key of the judge.", SECRET),
    // coverage and duplicates
    key("coverage.doc_coverage_mode", Kind::OneOf(&[("balanced", &[]), ("off", &[]), ("compat", &[])]), "\"balanced\"", &["DOC_COVERAGE_MODE"], "How documents take turns: `balanced` by use, `off` at random, `compat` by the formula of the original."),
    key("coverage.doc_coverage_epsilon", float(0.0, 1.0), "0.15", &["DOC_COVERAGE_EPSILON"], "With `doc_coverage_mode: compat` only: share of choices that look at all documents whatever their use, 0 to 1."),
    key("coverage.doc_coverage_fraction", float(0.0, 1.0), "0.2", &["DOC_COVERAGE_FRACTION"], "With `doc_coverage_mode: compat` only: share of the documents, the least used ones, that the other choices look at, 0 to 1; below 0.05 counts as 0.05."),
    key("coverage.question_dedup_retries", int(0, 100), "3", &["QUESTION_DEDUP_RETRIES"], "Further tries for a question that was asked before; then the conversation is dropped."),
    key("coverage.exhaustion", Kind::OneOf(&[("reuse", &[]), ("stop", &[]), ("warn", &[])]), "\"reuse\"", &[], "When every passage was offered: `reuse` starts over, `stop` ends the run, `warn` starts over with a warning."),
    key("dedup.near.method", Kind::OneOf(&[("minhash", &[]), ("embeddings", &[]), ("off", &[])]), "\"minhash\"", &[], "How nearly equal questions are found: `minhash` by wording, `embeddings` by meaning, with the model of `tools.retrieval.embeddings.endpoint` and exact comparison with all earlier questions."),
    key("dedup.near.threshold", float(0.0, 1.0), "0.85", &[], "Jaccard similarity from which two questions count as the same, 0 to 1."),
    key("dedup.near.cosine", float(-1.0, 1.0), "0.92", &[], "With `embeddings`: the cosine of two questions' vectors from which they count as the same. What a number means depends on the model; see docs/retrieval.md."),
    // personas, prompts, judge
    key("personas.enabled", Kind::Bool, "true", &[], "Give user and assistant a persona."),
    key("personas.path", Kind::Str, "\"personas.yaml\"", &[], "Personas file, relative to the configuration; where the default is absent, the built-in ones."),
    key("prompts", Kind::Str, "null", &[], "Folder of templates that replace the built-in ones, relative to the configuration; `forgemark dialogue prompts export` writes them."),
    key("judge.enabled", Kind::Bool, "true", &["JUDGE_ENABLED"], "Whether conversations are judged at all."),
    key("judge.mode", Kind::OneOf(&[("offline", &[]), ("online", &[])]), "\"offline\"", &["JUDGE_MODE"], "`online` judges while generating, `offline` leaves it to a later command."),
    key("judge.granularity", Kind::OneOf(&[("turn", &["per_turn", "turns"]), ("conversation", &["per_conversation", "conv", "conversation_level"])]), "\"turn\"", &["JUDGE_GRANULARITY"], "Judge every turn, or the conversation once."),
    key("judge.reasons", Kind::StrList, "[\"irrelevant\", \"incorrect\", \"hallucinated\", \"weak_grounding\", \"vague\", \"incomplete\", \"unsafe\", \"other\"]", &[], "Reasons that the judge may give."),
    key("judge.panel", Kind::List, "[]", &[], "Judges that `dialogue judge` asks in place of `llm.agents.judge`: names of models, or mappings with `name`, `model` and what differs from `llm.agents.judge`."),
    key("judge.repeats", int(1, 100), "1", &[], "How often `dialogue judge` asks each judge about the same thing."),
    key("judge.aggregate", Kind::OneOf(&[("mean", &[]), ("median", &[])]), "\"mean\"", &[], "How `dialogue judge` makes one score of several: `mean` or `median`; a judgement that could not be read is left out."),
    key("judge.accept.min_score", float(0.0, 10.0), "null", &[], "Lowest judge score of an accepted conversation, 0 to 10; null accepts all."),
    key("judge.accept.min_support", float(0.0, 1.0), "null", &[], "Lowest support score of an accepted conversation, 0 to 1; null accepts all."),
    // saving
    key("saving.output_dir", Kind::Str, "\"outputs\"", &["OUTPUT_DIR"], "Folder of everything that a run writes, relative to the configuration."),
    key("saving.profile", Kind::OneOf(&[("forgemark", &[]), ("compat", &[])]), "\"forgemark\"", &[], "`compat` writes exactly what the original writes: no `forgemark` keys, its ids, dropped conversations in the training files."),
    key("saving.output_columns.messages", Kind::Str, "\"messages\"", &[], "Name of the column `messages` of the ShareGPT files; a blank or doubled name is an error."),
    key("saving.output_columns.messages_with_tools", Kind::Str, "\"messages_with_tools\"", &[], "Name of the column `messages_with_tools` of the ShareGPT files; a blank or doubled name is an error."),
    key("saving.output_columns.metadata", Kind::Str, "\"metadata\"", &[], "Name of the column `metadata` of the ShareGPT files; a blank or doubled name is an error."),
    key("saving.output_columns.user_reasoning", Kind::Str, "\"user_reasoning\"", &[], "Name of the column `user_reasoning` of the ShareGPT files; a blank or doubled name is an error."),
    key("saving.output_columns.assistant_reasoning", Kind::Str, "\"assistant_reasoning\"", &[], "Name of the column `assistant_reasoning` of the ShareGPT files; a blank or doubled name is an error."),
    key("saving.output_columns.judge", Kind::Str, "\"judge\"", &[], "Name of the column `judge` of the ShareGPT files; a blank or doubled name is an error."),
    key("saving.hf_push.enabled", Kind::Bool, "false", &["HF_PUSH_ENABLED"], "Allow `saving.hf_push.auto_push_on_run`; `forgemark dialogue bundle` needs it not."),
    key("saving.hf_push.auto_push_on_run", Kind::Bool, "false", &["HF_AUTO_PUSH_ON_RUN"], "Make the bundle after a run that is complete, with `saving.hf_push.enabled`. Nothing is uploaded."),
    key("saving.hf_push.repo_id", Kind::Str, "\"\"", &["HF_PUSH_REPO_ID"], "Repository that the bundle is meant for; its last part is the title of the card. Nothing is uploaded."),
    inert("saving.hf_push.repo_type", Kind::Str, "\"dataset\"", &["HF_PUSH_REPO_TYPE"], "Kind of that repository.", HF_PUSH),
    key("saving.hf_push.export_dir", Kind::Str, "\"hf_export\"", &["HF_PUSH_EXPORT_DIR"], "Folder of the bundle, relative to the output folder. One that holds anything else than a bundle is refused."),
    key("saving.hf_push.include_run_state", Kind::Bool, "false", &["HF_PUSH_INCLUDE_RUN_STATE"], "Copy the run states into the bundle."),
    inert("saving.hf_push.private", Kind::Bool, "true", &["HF_PUSH_PRIVATE"], "Make the repository private.", HF_PUSH),
    inert("saving.hf_push.commit_message", Kind::Str, "\"Update synthetic dataset export\"", &["HF_PUSH_COMMIT_MESSAGE"], "Message of the upload.", HF_PUSH),
    key("saving.hf_push.source_file", Kind::Str, "\"conversations_sharegpt_judged.jsonl\"", &["HF_PUSH_SOURCE_FILE"], "File of rows that is bundled, inside the output folder. Where it is set, no other is taken; where it is not and nothing was judged, `conversations_sharegpt.jsonl` is, and the bundle says so."),
    key("saving.hf_push.generate_stats", Kind::Bool, "true", &["HF_PUSH_GENERATE_STATS"], "Write the statistics of the rows into the bundle."),
    key("saving.hf_push.stats_file", Kind::Str, "\"dataset_stats.json\"", &["HF_PUSH_STATS_FILE"], "File of the statistics inside the bundle."),
    key("saving.hf_push.generate_plots", Kind::Bool, "true", &["HF_PUSH_GENERATE_PLOTS"], "Write charts of the statistics into the bundle."),
    key("saving.hf_push.plots_dir", Kind::Str, "\"plots\"", &["HF_PUSH_PLOTS_DIR"], "Folder of the charts inside the bundle."),
    inert("saving.hf_push.clean_remote", Kind::Bool, "false", &[], "Empty the repository before an upload.", HF_PUSH),
    key("saving.bundle.license", Kind::Str, "null", &[], "Licence of the dataset for the card, such as `cc-by-4.0`; where there is none the card names none."),
    // store
    inert("store.backend", Kind::Str, "\"postgres\"", &["STORE_BACKEND"], "Store of a cluster run.", STORE),
    inert("store.postgres.dsn", Kind::Str, "\"\"", &["DLGFORGE_POSTGRES_DSN", "POSTGRES_DSN"], "Address of the database.", STORE),
    inert("store.postgres.min_pool_size", ANY_INT, "5", &[], "Fewest connections.", STORE),
    inert("store.postgres.max_pool_size", ANY_INT, "30", &[], "Most connections.", STORE),
    inert("store.postgres.statement_timeout_ms", ANY_INT, "30000", &[], "Time for a statement, in milliseconds.", STORE),
    // names of earlier versions of the original
    renamed("run.n_turns", "run.turns.exact"),
    renamed("run.min_turns", "run.turns.min"),
    renamed("run.max_turns", "run.turns.max"),
    renamed("run.turn_count_distribution", "run.turns.distribution"),
    renamed("run.turn_count_mean", "run.turns.mean"),
    renamed("run.seed_question", "run.data.seeding.question"),
    renamed("run.question_seed", "run.data.seeding.question"),
    renamed("run.seed_topics_path", "run.data.seeding.topics.path"),
    renamed("run.seed_topics_variant", "run.data.seeding.topics.variant"),
    renamed("run.seed_topics_probability", "run.data.seeding.topics.probability"),
    renamed("run.seed_topics_enabled", "run.data.seeding.topics.enabled"),
    renamed("run.distributed.executor", "run.distributed.backend"),
    renamed("ray", "run.distributed.ray"),
    renamed("retrieval", "tools.retrieval"),
    renamed("models", "tools.retrieval"),
    renamed("tools.web_search_enabled", "tools.web_search.enabled"),
    renamed("tools.serper_num_results", "tools.web_search.serper_num_results"),
    renamed("tools.serper_timeout", "tools.web_search.serper_timeout"),
    renamed("tools.retrieval.default_k", "tools.retrieval.top_k"),
    renamed("tools.retrieval.chunk_size", "tools.retrieval.chunking.chunk_size"),
    renamed("tools.retrieval.overlap", "tools.retrieval.chunking.chunk_overlap"),
    renamed("tools.retrieval.persist_dir", "tools.retrieval.index.persist_dir"),
    renamed("tools.retrieval.rebuild_index", "tools.retrieval.index.rebuild"),
    renamed("tools.retrieval.skip_if_unchanged", "tools.retrieval.index.skip_if_unchanged"),
    renamed("tools.retrieval.embedding_backend", "tools.retrieval.embeddings.backend"),
    renamed("tools.retrieval.embedding_model", "tools.retrieval.embeddings.model"),
    renamed("tools.retrieval.embedding_device", "tools.retrieval.embeddings.device"),
    renamed("tools.retrieval.fallback_on_cpu", "tools.retrieval.embeddings.fallback_on_cpu"),
    renamed("tools.retrieval.embedding_model_kwargs", "tools.retrieval.embeddings.model_kwargs"),
    renamed("tools.retrieval.embedding_tokenizer_kwargs", "tools.retrieval.embeddings.tokenizer_kwargs"),
    renamed("tools.retrieval.embedding_encode_kwargs", "tools.retrieval.embeddings.encode_kwargs"),
    renamed("llm.backend", "llm.mode"),
    renamed("saving.output_columns.message_with_tools", "saving.output_columns.messages_with_tools"),
    legacy("llm.provider", "use `llm.agents.ROLE.provider` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.model", "use `llm.agents.ROLE.model` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.base_url", "use `llm.agents.ROLE.base_url` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.temperature", "use `llm.agents.ROLE.temperature` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.max_tokens", "use `llm.agents.ROLE.max_tokens` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.top_p", "use `llm.agents.ROLE.top_p` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.timeout", "use `llm.agents.ROLE.timeout` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.max_retries", "use `llm.agents.ROLE.max_retries` with `user`, `assistant` or `judge` for `ROLE`"),
    legacy("llm.extra", "use `llm.agents.ROLE.extra` with `user`, `assistant` or `judge` for `ROLE`"),
    renamed("llm.agents.qa_generator", "llm.agents.user"),
    renamed("llm.agents.kb_responder", "llm.agents.assistant"),
    renamed("llm.agents.qa_judge", "llm.agents.judge"),
    refused("llm.api_key", Kind::Any, "null", &[], "Key of all roles.", SECRET),
];

/// One value that an otherwise honoured key refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefusedValue {
    /// The key.
    pub(crate) path: &'static str,
    /// The value, as text.
    pub(crate) value: &'static str,
    /// The reason and the remedy.
    pub(crate) why: &'static str,
}

/// Values that the typed configuration refuses with these words.
pub(crate) const REFUSED_VALUES: &[RefusedValue] = &[RefusedValue {
    path: "llm.mode",
    value: "vllm_managed",
    why: "forgemark starts no servers; start one yourself, set `llm.mode: vllm_attach` and name it under `llm.routing.endpoints`",
}];

/// Names that `tools.retrieval.embeddings.model` accepts (the second is the original's default); any other local embedder
/// is an error that names `embeddings: hashed`.
pub(crate) const EMBEDDING_NAMES: &[&str] = &["hashed", "sentence-transformers/all-MiniLM-L6-v2"];

/// Variables and earlier names that set a second key, as in the original: (name, key, value as JSON text).
/// `MIN_TURNS` and `MAX_TURNS` do so only while `run.turns.mode` is not `exact`, which changes nothing here.
pub const ENV_IMPLIES: &[(&str, &str, &str)] = &[
    ("N_TURNS", "run.turns.mode", "\"exact\""),
    ("run.n_turns", "run.turns.mode", "\"exact\""),
];
