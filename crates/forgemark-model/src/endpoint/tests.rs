// tidy: allow-address-in-file(addresses are parsed here, none is called)

use super::{Endpoint, chat_url, is_loopback};
use crate::config::{EndpointConfig, HttpConfig, Wire};
use crate::http::Clients;
use crate::secret::Secret;

#[test]
fn every_form_of_address() {
    for (base, url) in [
        (
            "http://localhost:8000",
            "http://localhost:8000/v1/chat/completions",
        ),
        (
            "http://localhost:8000/",
            "http://localhost:8000/v1/chat/completions",
        ),
        (
            "http://localhost:8000/v1",
            "http://localhost:8000/v1/chat/completions",
        ),
        (
            " https://api.openai.com/v1/ ",
            "https://api.openai.com/v1/chat/completions",
        ),
        (
            "https://openrouter.ai/api/v1",
            "https://openrouter.ai/api/v1/chat/completions",
        ),
        (
            "https://api.groq.com/openai/v1",
            "https://api.groq.com/openai/v1/chat/completions",
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
        ),
        (
            "http://h:1/v1/chat/completions",
            "http://h:1/v1/chat/completions",
        ),
        (
            "http://h:1/v1/chat/completions/",
            "http://h:1/v1/chat/completions",
        ),
        ("http://h/llm", "http://h/llm/v1/chat/completions"),
        ("http://h/vault", "http://h/vault/v1/chat/completions"),
        (
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
    ] {
        assert_eq!(chat_url(base, Wire::OpenAi).expect(base).as_str(), url);
    }
}

#[test]
fn addresses_that_cannot_work_say_why() {
    for (base, words) in [
        ("localhost:8000", "does not begin with http"),
        ("", "does not begin with http"),
        ("ftp://h", "does not begin with http"),
        ("http://", "is not a URL"),
        (
            "https://user:secret-password@h/v1",
            "user name or a password",
        ),
    ] {
        let error = chat_url(base, Wire::OpenAi).expect_err(base);
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("secret-password"));
    }
}

#[test]
fn this_machine() {
    let local = |base: &str| is_loopback(&chat_url(base, Wire::OpenAi).expect("a URL"));
    assert!(local("http://localhost:1"));
    assert!(local("http://127.0.0.1:1"));
    assert!(local("http://127.9.9.9"));
    assert!(local("http://[::1]:1/v1"));
    assert!(local("http://gpu.localhost"));
    assert!(!local("http://10.0.0.1"));
    assert!(!local("https://localhost.example.org"));
}

#[test]
fn an_endpoint_of_the_other_protocol_has_its_own_address_and_headers() {
    let config = EndpointConfig {
        wire: Wire::Anthropic,
        api_key: Some(Secret::new("k-1")),
        ..EndpointConfig::new("a", "http://localhost:1/proxy/v1/")
    };
    let http = HttpConfig::default();
    let mut clients = Clients::new(&http, 1);
    let endpoint = Endpoint::new("m", "m", &config, "t", |url| clients.get(url)).expect("valid");
    assert_eq!(
        endpoint.url.as_str(),
        "http://localhost:1/proxy/v1/messages"
    );
    assert_eq!(
        endpoint.beside("/models").as_str(),
        "http://localhost:1/proxy/v1/models"
    );
    assert_eq!(endpoint.headers["x-api-key"], "k-1");
    assert_eq!(endpoint.headers["anthropic-version"], "2023-06-01");
    assert!(!endpoint.headers.contains_key("authorization"));
    let given = chat_url("http://localhost:1/v1/messages", Wire::Anthropic).expect("a URL");
    assert_eq!(given.path(), "/v1/messages");
}
