use bytes::Bytes;
use forgemark_contract::json::{Json, Object, parse};

use super::body::RequestBody;
use super::reply::{ReplyError, parse_reply};
use super::{
    ChatReply, ChatRequest, FailureKind, Finish, Message, ReplyFormat, ToolCall, ToolChoice,
    ToolSpec, Usage,
};
use crate::adapt::{Accepts, Feature, Form};
use crate::config::{Params, RoleParams, Wire};

fn request() -> ChatRequest {
    ChatRequest::new(
        vec![Message::system("Be brief."), Message::user("Hi \"you\"\n")],
        7,
    )
}

fn read(body: &str) -> Result<ChatReply, ReplyError> {
    parse_reply(&Bytes::copy_from_slice(body.as_bytes()), &request())
}

fn read_message(message: &str, finish: &str) -> ChatReply {
    let body = format!(
        r#"{{"id":"x","model":"m-1","choices":[{{"index":0,"message":{message},"finish_reason":{finish}}}],
            "usage":{{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}}}}"#
    );
    read(&body).expect("a chat completion")
}

fn calls(reply: &ChatReply) -> Vec<(&str, &str, &str)> {
    reply
        .tool_calls
        .iter()
        .map(|call| {
            (
                call.id.as_str(),
                call.name.as_str(),
                call.arguments.as_str(),
            )
        })
        .collect()
}

#[test]
fn a_plain_reply() {
    let reply = read_message(r#"{"role":"assistant","content":"Hello."}"#, "\"stop\"");
    assert_eq!(reply.content, "Hello.");
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(reply.model, "m-1");
    assert!(reply.usage_known);
    assert_eq!((reply.usage.prompt, reply.usage.completion), (10, 4));
    assert!(reply.body.starts_with(b"{\"id\""));
    assert_eq!(reply.failure(), None);
}

#[test]
fn content_in_parts_and_thoughts_beside_it() {
    let reply = read_message(
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},"b",
            {"type":"text","text":"c"},{"type":"image_url"}]}"#,
        "\"stop\"",
    );
    assert_eq!(reply.content, "abc");
    assert_eq!(reply.reasoning.as_deref(), Some("hm"));
}

#[test]
fn reasoning_under_each_of_its_names() {
    for message in [
        r#"{"content":"a","reasoning_content":"hm"}"#,
        r#"{"content":"a","reasoning":"hm"}"#,
        r#"{"content":"a","reasoning_content":"","reasoning":"hm"}"#,
        r#"{"content":"a","reasoning_content":null,"reasoning":"hm"}"#,
        r#"{"content":" <think>\nhm </think>\n\na"}"#,
    ] {
        let reply = read_message(message, "\"stop\"");
        assert_eq!(
            (reply.content.as_str(), reply.reasoning.as_deref()),
            ("a", Some("hm")),
            "{message}"
        );
    }
    // A text that speaks of the tag is left alone.
    let reply = read_message(
        r#"{"content":"The tag <think> is closed by </think>."}"#,
        "null",
    );
    assert!(reply.content.starts_with("The tag"));
    assert_eq!(reply.reasoning, None);
}

#[test]
fn finish_words() {
    for (word, message, finish) in [
        ("\"stop\"", r#"{"content":"a"}"#, Finish::Stop),
        ("null", r#"{"content":"a"}"#, Finish::Stop),
        ("\"eos\"", r#"{"content":"a"}"#, Finish::Stop),
        ("\"tool_calls\"", r#"{"content":"a"}"#, Finish::Stop),
        ("\"length\"", r#"{"content":"a"}"#, Finish::Length),
        (
            "\"content_filter\"",
            r#"{"content":""}"#,
            Finish::ContentFilter,
        ),
        (
            "\"stop\"",
            r#"{"content":null,"refusal":"I cannot."}"#,
            Finish::Refusal,
        ),
        (
            "\"odd\"",
            r#"{"content":"a"}"#,
            Finish::Other("odd".to_owned()),
        ),
        (
            "\"stop\"",
            r#"{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}"#,
            Finish::ToolCalls,
        ),
        (
            "\"length\"",
            r#"{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a"}}]}"#,
            Finish::Length,
        ),
    ] {
        assert_eq!(
            read_message(message, word).finish,
            finish,
            "{word} {message}"
        );
    }
}

#[test]
fn replies_that_are_failures() {
    for (word, message, kind) in [
        (
            "\"length\"",
            r#"{"content":"{\"a\": 1}"}"#,
            FailureKind::Length,
        ),
        (
            "\"content_filter\"",
            r#"{"content":"x"}"#,
            FailureKind::ContentFilter,
        ),
        (
            "\"stop\"",
            r#"{"content":"","refusal":"No."}"#,
            FailureKind::Refusal,
        ),
        ("\"stop\"", r#"{"content":" \n"}"#, FailureKind::Empty),
        ("\"stop\"", r#"{"content":null}"#, FailureKind::Empty),
        ("\"stop\"", "{}", FailureKind::Empty),
    ] {
        let failure = read_message(message, word).typed().expect_err("a failure");
        assert_eq!(failure.kind, kind, "{word} {message}");
        assert_eq!(FailureKind::from_word(kind.as_str()), Some(kind));
    }
    assert_eq!(
        FailureKind::from_word("llm_error"),
        Some(FailureKind::ModelError)
    );
    assert_eq!(FailureKind::from_word("nonsense"), None);
}

#[test]
fn tool_calls_in_all_shapes() {
    let reply = read_message(
        r#"{"content":null,"tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":"{\"q\": 1}"}},
            {"id":"a","function":{"name":"g","arguments":{"q":[1,2]}}},
            {"id":"","function":{"name":"h","arguments":""}},
            {"function":{"name":"i","arguments":null}},
            {"id":null,"name":"j","arguments":"{}"},
            {"id":"call_1","function":{"name":"k"}},
            {"id":"z","function":{"arguments":"{}"}}
        ]}"#,
        "\"tool_calls\"",
    );
    assert_eq!(
        calls(&reply),
        [
            ("a", "f", "{\"q\": 1}"),
            ("call_0", "g", "{\"q\":[1,2]}"),
            ("call_2", "h", "{}"),
            ("call_3", "i", "{}"),
            ("call_4", "j", "{}"),
            ("call_1", "k", "{}"),
        ]
    );
    let old = read_message(
        r#"{"function_call":{"name":"f","arguments":"{}"}}"#,
        "\"function_call\"",
    );
    assert_eq!(calls(&old), [("call_0", "f", "{}")]);
    assert_eq!(old.finish, Finish::ToolCalls);
}

#[test]
fn tool_ids_are_unique_in_the_conversation() {
    let mut request = request();
    let earlier = |id: &str| ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
    };
    request.messages.push(Message {
        tool_calls: vec![earlier("call_0"), earlier("same")],
        ..Message::assistant("")
    });
    let body = r#"{"choices":[{"message":{"tool_calls":[{"id":"same","function":{"name":"f"}},
        {"function":{"name":"g"}}]}}]}"#;
    let reply = parse_reply(&Bytes::from(body), &request).expect("a chat completion");
    let ids: Vec<&str> = reply
        .tool_calls
        .iter()
        .map(|call| call.id.as_str())
        .collect();
    assert_eq!(ids, ["call_1", "call_2"]);
}

#[test]
fn usage_in_all_shapes() {
    let usage = |json: &str| {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"a"}}}}],"usage":{json}}}"#);
        let reply = read(&body).expect("a chat completion");
        reply.usage_known.then_some(reply.usage)
    };
    let full = Usage {
        prompt: 10,
        completion: 5,
        cached: 4,
        reasoning: 3,
    };
    let openai = r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},
        "completion_tokens_details":{"reasoning_tokens":3}}"#;
    let deepseek = r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,"reasoning_tokens":3}"#;
    let responses = r#"{"input_tokens":10,"output_tokens":5,"input_tokens_details":{"cached_tokens":4},
        "output_tokens_details":{"reasoning_tokens":3}}"#;
    for shape in [openai, deepseek, responses] {
        assert_eq!(usage(shape), Some(full), "{shape}");
    }
    let plain = Usage {
        prompt: 10,
        ..Usage::default()
    };
    assert_eq!(
        usage(r#"{"prompt_tokens":10,"prompt_tokens_details":null}"#),
        Some(plain)
    );
    for none in ["null", "{}", "[]", "\"x\""] {
        assert_eq!(usage(none), None, "{none}");
    }
}

#[test]
fn bodies_that_are_no_chat_completion() {
    for (body, words) in [
        ("", "empty"),
        ("  \n", "empty"),
        (
            "<!DOCTYPE html><html><body>Bad gateway</body></html>",
            "HTML page",
        ),
        (
            "<html>\n  <h1>Sign in</h1>",
            "HTML page: <html> <h1>Sign in",
        ),
        ("upstream timed out", "not JSON"),
        (r#"{"choices":[{"message":{"content":"cut"#, "not JSON"),
        ("[1]", "JSON array"),
        ("{}", "no choices"),
        (r#"{"choices":[]}"#, "no choices"),
        (r#"{"choices":[{"text":"old completion"}]}"#, "no message"),
        (
            r#"{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}"#,
            "broke the reply off",
        ),
    ] {
        match read(body) {
            Err(ReplyError::NotChat(what)) => assert!(what.contains(words), "{what}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    for body in [
        r#"{"error":{"code":503,"message":"overloaded"}}"#,
        r#"{"choices":[{"error":{"code":502},"message":{"content":""}}]}"#,
    ] {
        assert!(matches!(read(body), Err(ReplyError::Error(_))), "{body}");
    }
    // White space before the body keeps a slow connection alive at some services.
    let slow = "\n\n  {\"error\":null,\"choices\":[{\"message\":{\"content\":\"a\"}}]}";
    assert_eq!(read(slow).expect("a chat completion").content, "a");
}

fn params() -> RoleParams {
    let mut extra = Object::new();
    extra.insert("top_k", 40_i64);
    extra.insert("min_p", 0.1);
    let params = Params {
        temperature: Some(0.7),
        top_p: Some(0.9),
        max_tokens: Some(100),
        seed: Some(5),
        stop: vec!["END".to_owned()],
        extra,
        replay_reasoning: false,
    };
    RoleParams::new("user", &params, &mut Vec::new()).expect("valid")
}

fn with_tools() -> ChatRequest {
    let schema = || Json::object([("type", Json::from("object"))]);
    let mut request = request();
    request.messages.push(Message {
        reasoning: Some("hm".to_owned()),
        tool_calls: vec![ToolCall {
            id: "c1".to_owned(),
            name: "search".to_owned(),
            arguments: "{\"q\": \"x\"}".to_owned(),
        }],
        ..Message::assistant("")
    });
    request
        .messages
        .push(Message::tool("c1", "search", "found"));
    request.tools.push(ToolSpec {
        name: "search".to_owned(),
        description: "Searches.".to_owned(),
        parameters: schema().into(),
    });
    request.tool_choice = ToolChoice::Named("search".to_owned());
    request.format = ReplyFormat::JsonSchema {
        name: "answer".to_owned(),
        schema: schema().into(),
    };
    request
}

fn text(bytes: &Bytes) -> String {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    parse(text.as_bytes()).expect("the body is JSON");
    text
}

#[test]
fn the_whole_body() {
    let body = RequestBody::new(&with_tools(), "m", &params());
    assert_eq!(
        text(&body.canonical()),
        concat!(
            r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi \"you\"\n"},"#,
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","#,
            r#""function":{"name":"search","arguments":"{\"q\": \"x\"}"}}]},"#,
            r#"{"role":"tool","content":"found","tool_call_id":"c1"}],"#,
            r#""tools":[{"type":"function","function":{"name":"search","description":"Searches.","#,
            r#""parameters":{"type":"object"}}}],"#,
            r#""tool_choice":{"type":"function","function":{"name":"search"}},"#,
            r#""response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"#,
            r#""schema":{"type":"object"}}},"#,
            r#""model":"m","temperature":0.7,"top_p":0.9,"max_tokens":100,"seed":12,"stop":["END"],"#,
            r#""top_k":40,"min_p":0.1}"#,
        )
    );
}

#[test]
fn the_smallest_body() {
    let params = RoleParams::plain(Params::default());
    let request = ChatRequest::new(vec![Message::user("Hi")], 0);
    let body = RequestBody::new(&request, "m", &params);
    assert_eq!(
        text(&body.canonical()),
        r#"{"messages":[{"role":"user","content":"Hi"}],"model":"m"}"#
    );
}

#[test]
fn reasoning_is_sent_back_only_on_request() {
    let mut params = params();
    assert!(!text(&RequestBody::new(&with_tools(), "m", &params).canonical()).contains("hm"));
    params.config.replay_reasoning = true;
    let body = text(&RequestBody::new(&with_tools(), "m", &params).canonical());
    assert!(body.contains(r#""reasoning_content":"hm""#));
}

#[test]
fn an_adapted_body_differs_only_in_its_tail() {
    let (request, params) = (with_tools(), params());
    let body = RequestBody::new(&request, "m", &params);
    let mut accepts = Accepts::everything();
    for feature in [
        Feature::Form(Form::Schema),
        Feature::MaxTokens,
        Feature::Temperature,
        Feature::TopP,
        Feature::Seed,
        Feature::Stop,
        Feature::ToolChoice,
        Feature::Extra(0),
    ] {
        accepts = accepts.without(feature, &params, Wire::OpenAi).0;
    }
    let adapted = text(&body.adapted(&request, "local/m", &params, accepts));
    let (core, tail) = adapted
        .split_once(",\"response_format\"")
        .expect("still a form");
    assert!(text(&body.canonical()).starts_with(core));
    assert_eq!(
        tail,
        r#":{"type":"json_object"},"model":"local/m","max_completion_tokens":100,"min_p":0.1}"#
    );
    // Nothing refused and the same name: the same bytes.
    let same = body.adapted(&request, "m", &params, Accepts::everything());
    assert_eq!(same, body.canonical());
}

#[test]
fn the_key_depends_on_everything_that_decides_and_on_nothing_else() {
    let (request, params) = (with_tools(), params());
    let key = |request: &ChatRequest, model: &str, params: &RoleParams| {
        RequestBody::new(request, model, params).key(request.sample)
    };
    let base = key(&request, "m", &params);
    assert_eq!(base, key(&request.clone(), "m", &params));
    let mut keys = vec![base, key(&request, "n", &params)];
    let mut change = |edit: &dyn Fn(&mut ChatRequest, &mut RoleParams)| {
        let (mut request, mut params) = (request.clone(), params.clone());
        edit(&mut request, &mut params);
        keys.push(key(&request, "m", &params));
    };
    change(&|request, _| request.sample += 1);
    change(&|request, _| request.messages[1].content.push('x'));
    change(&|request, _| request.tools.clear());
    change(&|request, _| request.tool_choice = ToolChoice::Auto);
    change(&|request, _| request.format = ReplyFormat::JsonObject);
    change(&|_, params| params.config.temperature = Some(0.8));
    change(&|_, params| params.config.max_tokens = None);
    change(&|_, params| params.config.stop.clear());
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    // What may be trimmed does not decide.
    let mut droppable = request.clone();
    droppable.droppable = 1..2;
    assert_eq!(key(&droppable, "m", &params), base);
}

#[test]
fn keys_are_the_same_in_every_release() {
    let request = ChatRequest::new(vec![Message::user("Hi")], 1);
    let params = RoleParams::plain(Params::default());
    let key = RequestBody::new(&request, "m", &params).key(1);
    assert_eq!(
        key.to_string(),
        "9e486e5707d3f380acba7bc08f1ec9d49604b6608b924f6279b79fbdf8fabc80",
        "a changed key makes every journal forget its replies"
    );
}

#[test]
fn the_key_of_a_call_with_everything_is_the_same_in_every_release() {
    let (request, params) = (with_tools(), params());
    let key = RequestBody::new(&request, "m", &params).key(request.sample);
    assert_eq!(
        key.to_string(),
        "d9b9172d2d32f49381d2062313168cd27aed8619e29b9966bbd9dd164d179dff"
    );
    // Signed thoughts come with a reply that is in the key already.
    let mut thinking = request.clone();
    thinking.messages[1].thinking_blocks = vec!["{}".to_owned()];
    assert_eq!(
        RequestBody::new(&thinking, "m", &params).key(request.sample),
        key
    );
}

#[test]
fn a_second_sample_has_a_second_seed() {
    let params = params();
    let seed = |sample| {
        let request = ChatRequest::new(vec![Message::user("Hi")], sample);
        let body = parse(&RequestBody::new(&request, "m", &params).canonical()).expect("JSON");
        body.at("seed").as_i64().expect("a seed")
    };
    assert_ne!(seed(1), seed(2));
    assert_eq!(seed(1), seed(1));
    assert!((0..1 << 31).contains(&seed(u64::MAX - 1)));
}

#[test]
fn a_reply_goes_back_as_a_message() {
    let reply = read_message(
        r#"{"content":"Let me look.","reasoning":"hm","tool_calls":[{"id":"a","function":{"name":"f"}}]}"#,
        "\"tool_calls\"",
    );
    let message = reply.to_message();
    assert_eq!(message.content, "Let me look.");
    assert_eq!(message.reasoning.as_deref(), Some("hm"));
    assert_eq!(message.tool_calls, reply.tool_calls);
}
