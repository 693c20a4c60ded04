// tidy: allow-address-in-file(addresses of providers are compared here, none is called)

use std::path::Path;

use super::*;
use crate::config::{Inputs, SourceFile, load};
use crate::tables::{ARENA, DIALOGUE};
use forgemark_arena::pipeline::config::Settings;
use forgemark_dialogue::config::Config;
use forgemark_model::{AgentReply, ChatRequest};

struct Silent;

impl Agent for Silent {
    fn reply(&self, _: &ChatRequest) -> AgentReply {
        AgentReply::text("")
    }
}

fn config(yaml: &str) -> Config {
    let file = SourceFile {
        name: "c.yaml".into(),
        text: yaml.into(),
    };
    let env = Environment::default();
    let inputs = Inputs {
        keys: DIALOGUE.keys,
        env_implies: DIALOGUE.env_implies,
        file: Some(&file),
        env: &env,
        flags: &[],
    };
    Config::new(&load(&inputs).unwrap().settings).unwrap()
}

fn made(yaml: &str, env: &[(&str, &str)]) -> Result<CallerConfig, Vec<SettingError>> {
    let find = |role: &RoleSettings| {
        (role.model != "offline:nobody").then(|| Arc::new(Silent) as Arc<dyn Agent>)
    };
    caller_config(
        &Wanted::of_dialogue(&config(yaml), Path::new("")),
        &Environment::from_pairs(env.iter().copied()),
        &find,
    )
}

fn endpoints(caller: &CallerConfig, role: &str) -> Vec<EndpointConfig> {
    match &caller.models[&caller.roles[role].model].backend {
        Backend::Http(endpoints) => endpoints.clone(),
        Backend::Agent(_) => Vec::new(),
    }
}

const TWO: &str = "llm: {agents: {user: {model: m}, assistant: {model: openai/m}}}";

#[test]
fn roles_of_one_model_share_its_endpoints() {
    let caller = made(TWO, &[("OPENAI_API_KEY", "k-123")]).unwrap();
    assert_eq!(caller.models.len(), 1);
    assert_eq!(caller.roles.len(), 2, "no judge while it judges offline");
    let endpoints = endpoints(&caller, "user");
    assert_eq!(endpoints[0].base_url, "https://api.openai.com/v1");
    assert_eq!(
        (endpoints[0].max_in_flight, endpoints[0].start_in_flight),
        (16, 16)
    );
    assert!(endpoints[0].api_key.is_some());
}

#[test]
fn a_missing_key_names_the_variable_and_the_setting() {
    let errors = made(TWO, &[]).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "llm.agents.user.api_key_env: the environment variable OPENAI_API_KEY is not set"
    );
}

#[test]
fn a_providers_key_goes_to_the_provider_only() {
    let yaml = "llm: {agents: {user: {model: openai/gpt-oss, base_url: 'http://localhost:8000/v1'}, assistant: {model: openai/gpt, base_url: 'https://api.openai.com/v1/'}}}";
    let caller = made(yaml, &[("OPENAI_API_KEY", "k-123")]).unwrap();
    assert!(endpoints(&caller, "user")[0].api_key.is_none());
    assert!(endpoints(&caller, "assistant")[0].api_key.is_some());
    assert_eq!(
        caller.models[&caller.roles["user"].model].model,
        "openai/gpt-oss"
    );
    assert_eq!(caller.models[&caller.roles["assistant"].model].model, "gpt");
}

#[test]
fn a_pool_serves_the_roles_without_a_url() {
    let yaml = "run: {concurrency: 8}\nllm:\n  api_key_env: POOL_KEY\n  routing:\n    endpoints: ['http://a', {base_url: 'http://b', weight: 2, max_in_flight: 3, timeout_s: 500}]\n  agents: {user: {model: m}, assistant: {model: offline:x}}\n";
    let caller = made(yaml, &[("POOL_KEY", "k-123")]).unwrap();
    let pool = endpoints(&caller, "user");
    assert_eq!(
        pool.iter()
            .map(|e| (e.base_url.as_str(), e.max_in_flight))
            .collect::<Vec<_>>(),
        [("http://a", 8), ("http://b", 3)]
    );
    assert!(pool.iter().all(|e| e.api_key.is_some()));
    assert_eq!(
        caller.models["m"].retry.attempt_timeout,
        Duration::from_secs(500)
    );
    assert!(matches!(
        caller.models[&caller.roles["assistant"].model].backend,
        Backend::Agent(_)
    ));
}

#[test]
fn what_cannot_be_found_is_an_error() {
    let errors = made(
        "llm: {agents: {user: {model: m, provider: acme}, assistant: {model: m, provider: ''}}}",
        &[],
    )
    .unwrap_err();
    assert_eq!(
        errors.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(),
        ["llm.agents.user.provider", "llm.agents.assistant.provider"]
    );
    let errors = made(
        "llm: {agents: {user: {model: offline:nobody}, assistant: {model: offline:x}}}",
        &[],
    )
    .unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "llm.agents.user.model: no built-in model \"offline:nobody\" exists"
    );
}

#[test]
fn a_cost_budget_needs_every_price_that_can_be_paid() {
    let yaml = "run: {budget: {max_cost_usd: 1.5}}\nllm: {agents: {user: {model: m, provider: ollama}, assistant: {model: offline:x}}}\n";
    let errors = made(yaml, &[]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        errors[0].to_string(),
        "run.budget.max_cost_usd: needs the prices of every model; `llm.prices` has none of m (user)"
    );
    assert!(errors[0].hint.as_deref().unwrap().contains("add `m: {"));
    let free = yaml.replace(
        "llm: {",
        "llm: {prices: {m: {input_per_mtok: 0, output_per_mtok: 0}}, ",
    );
    made(&free, &[]).unwrap();
}

#[test]
fn prices_and_budget_are_exact() {
    let yaml = "run: {budget: {max_cost_usd: 1.5}}\nllm:\n  prices: {m: {input_per_mtok: 2.5, output_per_mtok: 10}}\n  agents: {user: {model: m, provider: ollama}, assistant: {model: m, provider: ollama, max_retries: 2}}\n";
    let caller = made(yaml, &[]).unwrap();
    assert_eq!(caller.budget.max_cost_micro_usd, Some(1_500_000));
    assert_eq!(
        caller.models["m"].prices,
        Some(Prices {
            prompt: 2_500_000,
            cached: 2_500_000,
            completion: 10_000_000
        })
    );
    assert_eq!(
        caller.models.len(),
        2,
        "another number of tries is another model"
    );
    assert_eq!(
        caller.models[&caller.roles["assistant"].model]
            .retry
            .answered_failures,
        3
    );
}

#[test]
fn who_speaks_what_is_known_by_name_by_address_or_said() {
    let yaml = "llm: {agents: {user: {model: claude, provider: anthropic, max_tokens: 9}, assistant: {model: m, base_url: 'http://localhost:1', wire: anthropic}}}";
    let caller = made(yaml, &[("ANTHROPIC_API_KEY", "k-123")]).unwrap();
    let [named, said] = ["user", "assistant"].map(|role| endpoints(&caller, role)[0].clone());
    assert_eq!((named.wire, said.wire), (Wire::Anthropic, Wire::Anthropic));
    assert_eq!(named.base_url, "https://api.anthropic.com/v1");
    assert!(named.api_key.is_some() && said.api_key.is_none());
    let yaml = "llm:\n  routing: {endpoints: ['http://a', {base_url: 'http://b', wire: anthropic}, 'https://api.anthropic.com']}\n  agents: {user: {model: m}, assistant: {model: offline:x}}\n";
    let caller = made(yaml, &[]).unwrap();
    let wires: Vec<Wire> = endpoints(&caller, "user").iter().map(|e| e.wire).collect();
    assert_eq!(wires, [Wire::OpenAi, Wire::Anthropic, Wire::Anthropic]);
}

#[test]
fn roles_whose_calls_go_as_batches_share_no_limits_with_those_whose_do_not() {
    let yaml = "run: {concurrency: 8}\nllm:\n  batch: {enabled: true, quiet_s: 2, leftover: single}\n  agents: {user: {model: m, provider: ollama, batch: false}, assistant: {model: m, provider: ollama}}\n";
    let caller = made(yaml, &[]).unwrap();
    assert_eq!(caller.models.len(), 2);
    assert_eq!(endpoints(&caller, "user")[0].batch, None);
    let batch = endpoints(&caller, "assistant")[0].batch.unwrap();
    assert_eq!(
        (batch.everyone, batch.quiet),
        (Some(8), Duration::from_secs(2))
    );
    assert_eq!(batch.leftover, forgemark_model::Leftover::Single);
    assert_eq!((batch.max_calls, batch.price_percent), (10_000, 50));
}

#[test]
fn certificates_that_cannot_be_read_name_the_key() {
    let yaml = "llm: {ca_file: missing.pem, agents: {user: {model: m, provider: ollama}, assistant: {model: offline:x}}}";
    let errors = made(yaml, &[]).unwrap_err();
    assert_eq!(errors[0].path, "llm.ca_file");
    assert!(errors[0].what.starts_with("missing.pem cannot be read: "));
}

#[test]
fn an_arena_names_protocols_batches_and_authorities_as_a_dialogue_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("ca.pem"),
        "-----BEGIN CERTIFICATE-----\n",
    )
    .unwrap();
    let file = SourceFile {
        name: "arena.yaml".into(),
        text: "models:\n  - {name: anthropic/claude, reasoning: high}\n  - {name: b, base_url: 'http://localhost:1', wire: anthropic, batch: false}\n  - {name: ollama/c}\ntopics: [t]\nrun: {concurrency: 8}\nllm: {ca_file: ca.pem, batch: {enabled: true, quiet_s: 2}}\n".into(),
    };
    let env = Environment::from_pairs([("ANTHROPIC_API_KEY", "k-123")]);
    let inputs = Inputs {
        keys: ARENA.keys,
        env_implies: ARENA.env_implies,
        file: Some(&file),
        env: &env,
        flags: &[],
    };
    let settings = Settings::new(&load(&inputs).unwrap().settings, &|_| Ok(None)).unwrap();
    let wanted = Wanted::of_arena(&settings, None, folder.path());
    let caller = caller_config(&wanted, &env, &|_| None).unwrap();
    let [a, b, c] =
        ["anthropic-claude", "b", "ollama-c"].map(|role| endpoints(&caller, role)[0].clone());
    assert_eq!(
        [a.wire, b.wire, c.wire],
        [Wire::Anthropic, Wire::Anthropic, Wire::OpenAi]
    );
    assert_eq!(a.base_url, "https://api.anthropic.com/v1");
    assert_eq!(caller.models["claude"].model, "claude");
    assert_eq!(b.batch, None);
    for batched in [a, c] {
        let batch = batched.batch.unwrap();
        // Records of the two models whose calls go as batches.
        assert_eq!(
            (batch.everyone, batch.quiet),
            (Some(16), Duration::from_secs(2))
        );
    }
    assert!(caller.http.trust.also.is_some());
}
