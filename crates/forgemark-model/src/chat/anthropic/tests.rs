use bytes::Bytes;
use forgemark_contract::json::{Json, Object, parse, parse_str};

use super::body::write;
use crate::adapt::{Accepts, Feature, Form, Sent};
use crate::chat::reply::{ReplyError, parse_reply};
use crate::chat::{
    ChatReply, ChatRequest, FailureKind, Finish, Message, ReplyFormat, ToolCall, ToolChoice,
    ToolSpec,
};
use crate::config::{Params, RoleParams, Wire};

fn schema() -> ReplyFormat {
    ReplyFormat::JsonSchema {
        name: "verdict".to_owned(),
        schema: parse_str(r#"{"type":"object"}"#).expect("JSON").into(),
    }
}

fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: "looks".to_owned(),
        parameters: parse_str(r#"{"type":"object"}"#).expect("JSON").into(),
    }
}

fn calling(text: &str, id: &str, arguments: &str) -> Message {
    Message {
        tool_calls: vec![ToolCall {
            id: id.to_owned(),
            name: "look".to_owned(),
            arguments: arguments.to_owned(),
        }],
        thinking_blocks: vec![r#"{"type":"thinking","thinking":"hm","signature":"s"}"#.to_owned()],
        ..Message::assistant(text)
    }
}

fn thinking(budget: i64) -> RoleParams {
    let thinking = Json::object([
        ("type", Json::from("enabled")),
        ("budget_tokens", budget.into()),
    ]);
    let mut extra = Object::new();
    extra.insert("thinking", thinking);
    let config = Params {
        extra,
        ..Params::default()
    };
    RoleParams::new("user", &config, &mut Vec::new()).expect("valid")
}

fn plain() -> RoleParams {
    RoleParams::plain(Params::default())
}

fn body(request: &ChatRequest, params: &RoleParams, accepts: Accepts) -> Json {
    parse(&write(request, "c-1", params, accepts)).expect("JSON")
}

fn messages(request: &ChatRequest, params: &RoleParams) -> String {
    body(request, params, Accepts::everything())
        .items("messages")
        .iter()
        .map(|message| {
            String::from_utf8(forgemark_contract::json::to_compact(message)).expect("UTF-8")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn read(body: &str, request: &ChatRequest) -> Result<ChatReply, ReplyError> {
    parse_reply(&Bytes::copy_from_slice(body.as_bytes()), request)
}

fn message(content: &str, stop: &str) -> String {
    format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"c-1","content":{content},"stop_reason":"{stop}",
            "stop_sequence":null,"usage":{{"input_tokens":10,"cache_creation_input_tokens":5,
            "cache_read_input_tokens":100,"output_tokens":7}}}}"#
    )
}

#[test]
fn instructions_stand_apart_and_a_limit_is_always_sent() {
    let request = ChatRequest::new(
        vec![
            Message::system("Be brief."),
            Message::system("Be kind."),
            Message::user("Hi"),
        ],
        0,
    );
    let body = body(&request, &plain(), Accepts::everything());
    assert_eq!(body.str_or("system", ""), "Be brief.\n\nBe kind.");
    assert_eq!(body.at("max_tokens").as_u64(), Some(8_192));
    assert_eq!(body.items("messages").len(), 1);
    let keys: Vec<&str> = body.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["model", "max_tokens", "system", "messages"]);
}

#[test]
fn turns_alternate_and_results_come_first() {
    let request = ChatRequest::new(
        vec![
            Message::user("Hi"),
            calling("", "call 1", r#"{"q":"x"}"#),
            Message::tool("call 1", "look", "found"),
            Message::system("Hurry."),
            Message::user("Well?"),
            Message::assistant("  "),
            calling("Again.", "c2", "no JSON"),
            Message::tool("c2", "look", ""),
        ],
        0,
    );
    assert_eq!(
        messages(&request, &plain()),
        [
            r#"{"role":"user","content":[{"type":"text","text":"Hi"}]}"#,
            r#"{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"look","input":{"q":"x"}}]}"#,
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"found"},{"type":"text","text":"Hurry."},{"type":"text","text":"Well?"}]}"#,
            r#"{"role":"assistant","content":[{"type":"text","text":"Again."},{"type":"tool_use","id":"c2","name":"look","input":{"arguments":"no JSON"}}]}"#,
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c2"}]}"#,
        ]
        .join("\n")
    );
}

#[test]
fn signed_thoughts_go_back_where_the_model_thinks() {
    let request = ChatRequest::new(
        vec![
            Message::user("Hi"),
            calling("", "c", "{}"),
            Message::tool("c", "look", "found"),
        ],
        0,
    );
    assert!(!messages(&request, &plain()).contains("signature"));
    let body = body(&request, &thinking(2_000), Accepts::everything());
    assert_eq!(body.at("max_tokens").as_u64(), Some(10_192));
    assert_eq!(
        body.at("thinking").at("budget_tokens").as_u64(),
        Some(2_000)
    );
    let first = &body.items("messages")[1].items("content")[0];
    assert_eq!(first.str_or("signature", ""), "s");
}

#[test]
fn somebody_else_speaks_first() {
    let only = ChatRequest::new(vec![Message::system("Say ok.")], 0);
    assert_eq!(
        messages(&only, &plain()),
        r#"{"role":"user","content":"Say ok."}"#
    );
    let model = ChatRequest::new(vec![Message::assistant("Hello?")], 0);
    assert!(
        messages(&model, &plain()).starts_with(r#"{"role":"user","content":"(You speak first.)"}"#)
    );
}

#[test]
fn a_form_is_asked_for_natively_then_by_a_tool_then_in_words() {
    let mut request = ChatRequest::new(vec![Message::user("Judge.")], 0);
    request.format = schema();
    let native = body(&request, &plain(), Accepts::everything());
    let format = native.at("output_config").at("format");
    assert_eq!(format.str_or("type", ""), "json_schema");
    assert_eq!(format.at("schema").str_or("type", ""), "object");
    let (accepts, what) =
        Accepts::everything().without(Feature::Form(Form::Schema), &plain(), Wire::Anthropic);
    assert_eq!(
        what,
        "output_config refused, a tool with the schema is forced"
    );
    let forced = body(&request, &plain(), accepts);
    assert_eq!(forced.get("output_config"), None);
    assert_eq!(forced.items("tools")[0].str_or("name", ""), "verdict");
    assert_eq!(forced.at("tool_choice").str_or("name", ""), "verdict");
    // A forced tool excludes thinking and other tools.
    assert_eq!(body(&request, &thinking(2_000), accepts).get("tools"), None);
    request.tools = vec![tool("look")];
    let beside = body(&request, &plain(), accepts);
    assert_eq!(beside.items("tools").len(), 1);
    assert_eq!(beside.get("tool_choice"), None);
    request.tools.clear();
    let (accepts, _) = accepts.without(Feature::Form(Form::Object), &plain(), Wire::Anthropic);
    let words = body(&request, &plain(), accepts);
    assert_eq!(
        (words.get("tools"), words.get("output_config")),
        (None, None)
    );
}

#[test]
fn effort_and_form_share_an_object() {
    let mut extra = Object::new();
    extra.insert(
        "output_config",
        Json::object([("effort", Json::from("low"))]),
    );
    let config = Params {
        extra,
        ..Params::default()
    };
    let params = RoleParams::new("user", &config, &mut Vec::new()).expect("valid");
    let mut request = ChatRequest::new(vec![Message::user("Judge.")], 0);
    let alone = body(&request, &params, Accepts::everything());
    assert_eq!(alone.at("output_config").str_or("effort", ""), "low");
    request.format = schema();
    let both = body(&request, &params, Accepts::everything());
    assert_eq!(both.at("output_config").str_or("effort", ""), "low");
    assert_eq!(
        both.at("output_config").at("format").str_or("type", ""),
        "json_schema"
    );
}

#[test]
fn the_effort_of_the_other_protocol_has_its_own_place() {
    let with = |own: Option<Json>| {
        let mut extra = Object::new();
        extra.insert("reasoning_effort", "high");
        if let Some(own) = own {
            extra.insert("output_config", own);
        }
        let config = Params {
            extra,
            ..Params::default()
        };
        RoleParams::new("user", &config, &mut Vec::new()).expect("valid")
    };
    let mut request = ChatRequest::new(vec![Message::user("Judge.")], 0);
    for format in [ReplyFormat::Text, schema()] {
        request.format = format;
        let sent = body(&request, &with(None), Accepts::everything());
        assert_eq!(sent.get("reasoning_effort"), None);
        assert_eq!(sent.at("output_config").str_or("effort", ""), "high");
        let own = Json::object([("effort", Json::from("low"))]);
        let sent = body(&request, &with(Some(own)), Accepts::everything());
        assert_eq!(sent.at("output_config").str_or("effort", ""), "low");
    }
    // A model that knows no effort is not asked for one again.
    let params = with(None);
    let sent = Sent {
        wire: Wire::Anthropic,
        accepts: Accepts::everything(),
        request: &request,
        params: &params,
    };
    let features = sent.features();
    let (_, feature) = features
        .iter()
        .find(|(name, _)| *name == "effort")
        .expect("a name");
    let (accepts, _) = sent.accepts.without(*feature, &params, Wire::Anthropic);
    let without = body(&request, &params, accepts);
    assert_eq!(without.at("output_config").get("effort"), None);
    assert_eq!(without.get("reasoning_effort"), None);
}

#[test]
fn choices_of_tools_and_parameters() {
    let mut request = ChatRequest::new(vec![Message::user("Hi")], 3);
    request.tools = vec![tool("look")];
    let mut config = Params {
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_tokens: Some(100),
        seed: Some(7),
        stop: vec!["END".to_owned()],
        ..Params::default()
    };
    for (choice, text) in [
        (ToolChoice::None, r#"{"type":"none"}"#),
        (ToolChoice::Required, r#"{"type":"any"}"#),
        (
            ToolChoice::Named("look".to_owned()),
            r#"{"type":"tool","name":"look"}"#,
        ),
    ] {
        request.tool_choice = choice;
        let params = RoleParams::plain(config.clone());
        let body = body(&request, &params, Accepts::everything());
        assert_eq!(Some(body.at("tool_choice")), parse_str(text).ok().as_ref());
        assert_eq!(body.get("seed"), None);
        assert_eq!(body.items("stop_sequences").len(), 1);
        assert_eq!(body.at("max_tokens").as_u64(), Some(100));
    }
    config.temperature = None;
    let params = RoleParams::plain(config);
    assert_eq!(
        body(&request, &params, Accepts::everything()).get("temperature"),
        None
    );
}

#[test]
fn what_no_model_takes_is_found_before_any_call() {
    assert_eq!(super::check(&thinking(2_000)), Ok(()));
    let mut params = thinking(500);
    assert_eq!(
        super::check(&params),
        Err("a thinking budget of 500 tokens is below 1024".to_owned())
    );
    params = thinking(2_000);
    params.config.max_tokens = Some(2_000);
    assert_eq!(
        super::check(&params),
        Err("max_tokens 2000 leaves nothing beside the thinking budget of 2000 tokens".to_owned())
    );
    params.config.max_tokens = Some(3_000);
    params.config.temperature = Some(0.7);
    assert_eq!(
        super::check(&params),
        Err("temperature 0.7 cannot be set together with thinking".to_owned())
    );
    params.config.temperature = Some(1.0);
    assert_eq!(super::check(&params), Ok(()));
}

#[test]
fn a_message_is_read() {
    let request = ChatRequest::new(vec![Message::user("Hi")], 0);
    let reply = read(
        &message(
            r#"[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"x"},
                {"type":"text","text":"Hello"},{"type":"text","text":"."}]"#,
            "end_turn",
        ),
        &request,
    )
    .expect("a message");
    assert_eq!(reply.content, "Hello.");
    assert_eq!(reply.reasoning.as_deref(), Some("hm"));
    assert_eq!(reply.thinking_blocks.len(), 2);
    assert_eq!(reply.to_message().thinking_blocks, reply.thinking_blocks);
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(
        (
            reply.usage.prompt,
            reply.usage.cached,
            reply.usage.completion
        ),
        (115, 100, 7)
    );
    assert_eq!(reply.model, "c-1");
    assert_eq!(reply.failure(), None);
}

#[test]
fn calls_and_the_tool_that_carries_a_form() {
    let mut request = ChatRequest::new(vec![Message::user("Hi")], 0);
    let blocks = r#"[{"type":"text","text":"So:"},{"type":"tool_use","id":"t1","name":"verdict","input":{"score":9}}]"#;
    let called = read(&message(blocks, "tool_use"), &request).expect("a message");
    assert_eq!(called.tool_calls[0].arguments, r#"{"score":9}"#);
    assert_eq!(called.finish, Finish::ToolCalls);
    request.format = schema();
    let formed = read(&message(blocks, "tool_use"), &request).expect("a message");
    assert_eq!(formed.content, r#"{"score":9}"#);
    assert_eq!((formed.tool_calls.len(), formed.finish), (0, Finish::Stop));
    // A tool of the caller's own with that name is a call.
    request.tools = vec![tool("verdict")];
    let own = read(&message(blocks, "tool_use"), &request).expect("a message");
    assert_eq!(own.tool_calls.len(), 1);
}

#[test]
fn every_way_to_stop() {
    let request = ChatRequest::new(vec![Message::user("Hi")], 0);
    let text = r#"[{"type":"text","text":"No."}]"#;
    for (stop, kind) in [
        ("end_turn", None),
        ("stop_sequence", None),
        ("pause_turn", None),
        ("max_tokens", Some(FailureKind::Length)),
        ("model_context_window_exceeded", Some(FailureKind::Length)),
        ("refusal", Some(FailureKind::Refusal)),
    ] {
        let reply = read(&message(text, stop), &request).expect("a message");
        assert_eq!(reply.failure().map(|failure| failure.kind), kind, "{stop}");
    }
    let empty = read(&message("[]", "end_turn"), &request).expect("a message");
    assert_eq!(empty.failure().map(|f| f.kind), Some(FailureKind::Empty));
    let silent = read(&message("[]", "refusal"), &request).expect("a message");
    assert_eq!(silent.failure().map(|f| f.kind), Some(FailureKind::Refusal));
}

#[test]
fn what_is_no_message_is_said_to_be_none() {
    let request = ChatRequest::new(vec![Message::user("Hi")], 0);
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert!(matches!(read(error, &request), Err(ReplyError::Error(_))));
    for body in [
        r#"{"type":"message"}"#,
        r#"{"type":"message","content":"x"}"#,
    ] {
        assert!(
            matches!(read(body, &request), Err(ReplyError::NotChat(_))),
            "{body}"
        );
    }
}
