//! The caller against endpoints that speak Anthropic's protocol.

use forgemark_contract::json::{Json, parse_str};
use forgemark_model::scripted::{
    Behaviour, Fault, FaultRule, Matcher, Reply, Running, Script, Server as Scripted,
};
use forgemark_model::{
    BuildError, Caller, ChatRequest, EndpointConfig, Message, Notice, Params, ReplyFormat, Secret,
    ToolSpec, Wire,
};

use super::support::{Answer, Server, Setup, ask, call, clock, dir, journal};

fn scripted(script: &Script) -> Running {
    Scripted::start(script, ([127, 0, 0, 1], 0).into()).expect("a server")
}

fn setup(server: &Running) -> Setup {
    let mut setup = Setup::of(&[]);
    setup.endpoints = vec![EndpointConfig {
        wire: Wire::Anthropic,
        api_key: Some(Secret::new("sk-ant-1")),
        ..EndpointConfig::new("a", server.base_url())
    }];
    setup
}

fn schema() -> ReplyFormat {
    ReplyFormat::JsonSchema {
        name: "verdict".to_owned(),
        schema: parse_str(r#"{"type":"object"}"#).expect("JSON").into(),
    }
}

#[tokio::test]
async fn the_same_call_has_one_key_on_both_protocols_and_is_replayed_from_either() {
    let server = scripted(&Script::new(1).otherwise(Behaviour::text("Well {hash8}.")));
    let dir = dir();
    let first = {
        let caller = setup(&server).caller(dir.path());
        assert!(caller.probe("user").await.expect("a role").is_usable());
        call(&caller, "Hi").await.expect("an outcome")
    };
    assert!(first.usage.prompt > 0 && first.usage.completion > 0);
    assert_eq!(server.stats().paid, 1);
    // The same model behind the other protocol: nothing is asked.
    let mut other = setup(&server);
    other.endpoints = vec![EndpointConfig::new("b", server.base_url())];
    let caller = other.caller(dir.path());
    let again = call(&caller, "Hi").await.expect("an outcome");
    assert!(again.replayed);
    assert_eq!((again.key, &again.outcome), (first.key, &first.outcome));
    assert_eq!(server.stats().paid, 1);
}

#[tokio::test]
async fn a_conversation_with_tools_and_a_form() {
    let search = Behaviour::NONE
        .reply(Reply::ToolCall {
            name: "look".to_owned(),
            arguments: parse_str(r#"{"q":"x"}"#).expect("JSON"),
        })
        .reply(Reply::Text("It is there.".to_owned()));
    let verdict = Behaviour::NONE.reply(Reply::Json(parse_str(r#"{"score":9}"#).expect("JSON")));
    // The model takes no native form, so the second request forces a tool.
    let refused = Fault::UnsupportedParameter {
        parameter: "output_config".to_owned(),
        value: None,
    };
    let script = Script::new(1)
        .rule(Matcher::contains("Find it"), search)
        .rule(Matcher::contains("Judge it"), verdict)
        .otherwise(Behaviour::NONE.fault(FaultRule::at_rate(refused, 1.0)));
    let server = scripted(&script);
    let dir = dir();
    let caller = setup(&server).caller(dir.path());
    let mut request =
        ChatRequest::new(vec![Message::system("Help."), Message::user("Find it.")], 0);
    request.tools = vec![ToolSpec {
        name: "look".to_owned(),
        description: "looks".to_owned(),
        parameters: Json::empty_object().into(),
    }];
    let called = caller
        .call("user", "c/1", &request)
        .await
        .expect("an outcome");
    let reply = called.outcome.expect("a reply");
    let id = reply.tool_calls[0].id.clone();
    assert_eq!(reply.tool_calls[0].arguments, r#"{"q":"x"}"#);
    request.messages.push(reply.to_message());
    request.messages.push(Message::tool(id, "look", "found"));
    let called = caller
        .call("user", "c/2", &request)
        .await
        .expect("an outcome");
    assert_eq!(called.outcome.expect("a reply").content, "It is there.");

    let mut judge = ask("Judge it.");
    judge.format = schema();
    let called = caller
        .call("user", "c/3", &judge)
        .await
        .expect("an outcome");
    assert_eq!(called.outcome.expect("a reply").content, r#"{"score":9}"#);
    assert!(matches!(
        &caller.meter().take_notices()[..],
        [Notice::Adapted { what, .. }] if what == "output_config refused, a tool with the schema is forced"
    ));
}

#[tokio::test]
async fn faults_of_the_protocol_are_met_like_any_other() {
    let behaviour = Behaviour::text("Well.").fail([
        Some(Fault::status(529)),
        Some(Fault::rate_limit(Some(0))),
        Some(Fault::status(500)),
        Some(Fault::CutMidBody),
        Some(Fault::MalformedJson),
    ]);
    let server = scripted(&Script::new(1).otherwise(behaviour));
    let dir = dir();
    let caller = setup(&server).caller(dir.path());
    let called = call(&caller, "Hi").await.expect("an outcome");
    assert_eq!(called.outcome.expect("a reply").content, "Well.");
    assert_eq!(caller.snapshot().n_429, 2);
    assert_eq!(server.stats().calls, 6);
}

#[tokio::test]
async fn the_key_goes_where_the_protocol_wants_it() {
    let server = Server::start(|_| {
        Answer::status(
            200,
            r#"{"type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi."}],"stop_reason":"end_turn"}"#,
        )
    })
    .await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.endpoints[0].wire = Wire::Anthropic;
    setup.endpoints[0].api_key = Some(Secret::new("sk-ant-1"));
    let called = call(&setup.caller(dir.path()), "Hi")
        .await
        .expect("an outcome");
    assert_eq!(called.cost_micro_usd, None);
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/v1/messages");
    assert_eq!(seen.header("x-api-key"), "sk-ant-1");
    assert_eq!(seen.header("anthropic-version"), "2023-06-01");
    assert_eq!(seen.header("authorization"), "");
    assert_eq!(seen.body.i64_or("max_tokens", 0), 8_192);
}

#[tokio::test]
async fn a_configuration_that_the_protocol_never_takes_is_refused_at_once() {
    let server = scripted(&Script::new(1));
    let mut setup = setup(&server);
    setup.params = Params {
        temperature: Some(0.5),
        ..Params::default()
    };
    let thinking = parse_str(r#"{"type":"enabled","budget_tokens":2000}"#).expect("JSON");
    setup.params.extra.insert("thinking", thinking);
    let dir = dir();
    let error = Caller::new(&setup.config(), journal(dir.path()), clock()).expect_err("refused");
    assert!(matches!(error, BuildError::Params { .. }));
    assert_eq!(
        error.to_string(),
        "role 'user': temperature 0.5 cannot be set together with thinking"
    );
}
