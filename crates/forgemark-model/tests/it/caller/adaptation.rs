//! Endpoints that refuse parameters, and contexts that are too short.

use forgemark_contract::json::Json;
use forgemark_journal::CallOutcome;
use forgemark_model::{ChatRequest, FailureKind, Message, Notice, Params, ReplyFormat, ToolSpec};

use super::support::{Answer, Seen, Server, Setup, ask, call, dir};

/// Refuses some parameters like `OpenAI`'s newer models and some small servers do.
fn picky(seen: &Seen) -> Answer {
    let body = &seen.body;
    let refuse = |param: &str, message: &str| {
        let error = Json::object([
            ("message", Json::from(message)),
            ("param", Json::from(param)),
            ("code", Json::from("unsupported_parameter")),
        ]);
        let error = Json::object([("error", error)]);
        let text = forgemark_contract::json::to_compact(&error);
        Answer::status(400, String::from_utf8(text).expect("UTF-8"))
    };
    if body.get("max_tokens").is_some() {
        return refuse(
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        );
    }
    if body.get("temperature").is_some() {
        return refuse(
            "temperature",
            "'temperature' does not support 0.7 with this model.",
        );
    }
    if body.at("response_format").str_or("type", "") == "json_schema" {
        return Answer::error(400, "response_format type json_schema is not supported");
    }
    if body.get("response_format").is_some() && body.get("tools").is_some() {
        return Answer::error(
            400,
            "json mode cannot be combined with tool/function calling",
        );
    }
    if body.get("top_k").is_some() {
        return Answer::error(422, "top_k: extra fields not permitted");
    }
    Answer::text("well")
}

fn schema() -> ReplyFormat {
    ReplyFormat::JsonSchema {
        name: "a".to_owned(),
        schema: Json::object([("type", Json::from("object"))]).into(),
    }
}

#[tokio::test]
async fn refused_parameters_are_dropped_once_and_remembered() {
    let server = Server::start(picky).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    let mut params = Params {
        temperature: Some(0.7),
        max_tokens: Some(50),
        ..Params::default()
    };
    params.extra.insert("top_k", 40_i64);
    setup.params = params;
    let caller = setup.caller(dir.path());
    let request = ChatRequest {
        format: schema(),
        ..ask("Hi")
    };
    let called = caller
        .call("user", "c/1", &request)
        .await
        .expect("an outcome");
    called.outcome.expect("a reply");
    assert_eq!(server.calls(), 5);
    let record = caller
        .journal()
        .lookup(&called.key)
        .expect("readable")
        .expect("recorded");
    let history: Vec<&str> = record
        .attempts
        .iter()
        .filter_map(|attempt| attempt.what.rsplit("; ").next())
        .collect();
    assert_eq!(
        history,
        [
            "max_tokens refused, max_completion_tokens is sent",
            "temperature refused, not sent any more",
            "response_format json_schema refused, json_object is sent",
            "top_k refused, not sent any more",
        ]
    );
    // The user hears of each change once.
    let notices = caller.meter().take_notices();
    let told: Vec<&str> = notices
        .iter()
        .map(|notice| match notice {
            Notice::Adapted { what, .. } => what.as_str(),
            Notice::EndpointUnusable { .. } | Notice::Unbatched { .. } => panic!("{notice:?}"),
        })
        .collect();
    assert_eq!(told, history);

    // Later calls are right at once.
    for n in 0..5 {
        let request = ChatRequest {
            format: schema(),
            ..ask(&format!("Ho {n}"))
        };
        caller
            .call("user", "c/1", &request)
            .await
            .expect("an outcome")
            .outcome
            .expect("a reply");
    }
    assert_eq!(server.calls(), 10);
    assert!(caller.meter().take_notices().is_empty());
    let last = server.seen().pop().expect("a request");
    assert_eq!(last.body.at("max_completion_tokens").as_i64(), Some(50));
    assert_eq!(
        last.body.at("response_format").str_or("type", ""),
        "json_object"
    );

    // With tools the form goes away, without them it stays.
    let with_tools = ChatRequest {
        format: schema(),
        tools: vec![ToolSpec {
            name: "t".to_owned(),
            description: String::new(),
            parameters: Json::empty_object().into(),
        }],
        ..ask("tools")
    };
    caller
        .call("user", "c/1", &with_tools)
        .await
        .expect("an outcome")
        .outcome
        .expect("a reply");
    assert!(
        server
            .seen()
            .pop()
            .expect("a request")
            .body
            .get("response_format")
            .is_none()
    );
}

#[tokio::test]
async fn calls_that_meet_the_same_refusal_together_all_succeed() {
    let server = Server::start(picky).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.params.max_tokens = Some(50);
    setup.params.temperature = Some(0.7);
    let caller = setup.caller(dir.path());
    let texts: Vec<String> = (0..16).map(|n| format!("Hi {n}")).collect();
    let calls = texts.iter().map(|text| call(&caller, text));
    for called in futures_util::future::join_all(calls).await {
        called.expect("an outcome").outcome.expect("a reply");
    }
    assert_eq!(caller.meter().take_notices().len(), 2);
    let last = server.seen().pop().expect("a request");
    assert_eq!(last.body.at("max_completion_tokens").as_i64(), Some(50));
}

#[tokio::test]
async fn the_key_does_not_depend_on_what_an_endpoint_refuses() {
    let picky = Server::start(picky).await;
    let easy = Server::start(|_| Answer::text("well")).await;
    let mut keys = Vec::new();
    for server in [&picky, &easy] {
        let dir = dir();
        let mut setup = Setup::of(&[server]);
        setup.params.max_tokens = Some(50);
        setup.endpoints[0].model = (server.url == picky.url).then(|| "other/m".to_owned());
        let caller = setup.caller(dir.path());
        keys.push(call(&caller, "Hi").await.expect("an outcome").key);
    }
    assert_eq!(keys[0], keys[1]);
}

/// Accepts at most this many messages.
fn short(limit: usize) -> impl Fn(&Seen) -> Answer + Send + Sync {
    move |seen| {
        if seen.body.items("messages").len() > limit {
            Answer::error(400, "This model's maximum context length is 8192 tokens.")
        } else {
            Answer::text("well")
        }
    }
}

fn long_request(droppable: std::ops::Range<usize>) -> ChatRequest {
    let mut messages = vec![Message::system("rules")];
    for n in 0..4 {
        messages.push(Message::user(format!("u{n}")));
        messages.push(Message::assistant(format!("a{n}")));
    }
    messages.push(Message::user("now"));
    ChatRequest {
        droppable,
        ..ChatRequest::new(messages, 0)
    }
}

#[tokio::test]
async fn a_context_that_is_too_long_is_trimmed_by_the_declared_rule() {
    let server = Server::start(short(6)).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let request = long_request(1..9);
    let called = caller
        .call("user", "c/1", &request)
        .await
        .expect("an outcome");
    called.outcome.expect("a reply");
    let record = caller
        .journal()
        .lookup(&called.key)
        .expect("readable")
        .expect("recorded");
    let history: Vec<&str> = record
        .attempts
        .iter()
        .filter_map(|attempt| attempt.what.rsplit("; ").next())
        .collect();
    assert_eq!(history, ["trimmed 2 messages", "trimmed 4 messages"]);
    let sent: Vec<String> = server.seen()[2]
        .body
        .items("messages")
        .iter()
        .map(|message| message.str_or("content", "").to_owned())
        .collect();
    assert_eq!(sent, ["rules", "u2", "a2", "u3", "a3", "now"]);
    // The reply is found again under the whole request.
    assert!(
        caller
            .call("user", "c/1", &request)
            .await
            .expect("an outcome")
            .replayed
    );
}

#[tokio::test]
async fn nothing_droppable_is_a_typed_failure() {
    for droppable in [0..0, 1..5] {
        let server = Server::start(short(2)).await;
        let dir = dir();
        let caller = Setup::of(&[&server]).caller(dir.path());
        let request = long_request(droppable.clone());
        let called = caller
            .call("user", "c/1", &request)
            .await
            .expect("an outcome");
        let failure = called.outcome.expect_err("a failure");
        assert_eq!(failure.kind, FailureKind::ContextLength);
        assert!(failure.detail.contains("maximum context length"));
        assert_eq!(server.calls(), 1 + droppable.len() / 2);
        let record = caller
            .journal()
            .lookup(&called.key)
            .expect("readable")
            .expect("recorded");
        assert!(matches!(record.outcome, CallOutcome::Failure { .. }));
    }
}
