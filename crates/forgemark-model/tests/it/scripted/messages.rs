//! The server in Anthropic's words.

use forgemark_contract::json::{Json, parse_str};
use forgemark_model::scripted::{Behaviour, Fault, Matcher, Reply as Says, Script};

use super::client::{Client, Reply, serve, serve_behaviour};

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

fn send(client: &mut Client, body: &str) -> Reply {
    client.send("POST", "/v1/messages", body, &[VERSION]);
    client.receive()
}

fn request(messages: &str, more: &str) -> String {
    format!(r#"{{"model":"c-1","max_tokens":50,"messages":{messages}{more}}}"#)
}

fn error(reply: &Reply) -> (u16, String, String) {
    let json = reply.json();
    assert_eq!(json.str_or("type", ""), "error");
    let error = json.at("error");
    (
        reply.status(),
        error.str_or("type", "").to_owned(),
        error.str_or("message", "").to_owned(),
    )
}

const HI: &str = r#"[{"role":"user","content":"Hi"}]"#;

#[test]
fn a_message_with_usage_and_a_reason() {
    let server = serve_behaviour(Behaviour::text("Well, {hash8}."));
    let mut client = Client::connect(server.addr);
    let json = send(&mut client, &request(HI, "")).json();
    assert_eq!(json.str_or("type", ""), "message");
    assert_eq!(json.str_or("model", ""), "c-1");
    assert_eq!(json.str_or("stop_reason", ""), "end_turn");
    let block = &json.items("content")[0];
    assert!(block.str_or("text", "").starts_with("Well, "));
    assert!(json.at("usage").i64_or("input_tokens", 0) > 0);
    assert!(json.at("usage").i64_or("output_tokens", 0) > 0);
    assert_eq!(server.stop().paid, 1);
}

#[test]
fn the_rules_of_the_protocol_are_kept() {
    let server = serve_behaviour(Behaviour::NONE);
    let mut client = Client::connect(server.addr);
    client.send("POST", "/v1/messages", &request(HI, ""), &[]);
    let (status, _, message) = error(&client.receive());
    assert_eq!(
        (status, message.as_str()),
        (400, "anthropic-version: header is required")
    );
    for (body, said) in [
        (r#"{"model":"m","messages":[]}"#.to_owned(), "max_tokens"),
        (request("[]", ""), "first message"),
        (
            request(r#"[{"role":"assistant","content":"Hi"}]"#, ""),
            "first message",
        ),
        (
            request(
                r#"[{"role":"user","content":[{"type":"text","text":" "}]}]"#,
                "",
            ),
            "non-empty",
        ),
        (
            request(
                r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]"#,
                "",
            ),
            "unexpected `tool_use_id`",
        ),
        (
            request(
                r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
                    {"role":"user","content":"Well?"}]"#,
                "",
            ),
            "without `tool_result`",
        ),
        (
            request(HI, r#","thinking":{"type":"enabled","budget_tokens":2000}"#),
            "greater than",
        ),
        (request(HI, r#","temperature":1.5"#), "range"),
        ("no JSON".to_owned(), "not valid JSON"),
    ] {
        let (status, kind, message) = error(&send(&mut client, &body));
        assert_eq!((status, kind.as_str()), (400, "invalid_request_error"));
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(server.stop().paid, 0);
}

#[test]
fn tools_forms_and_thoughts() {
    let verdict = Behaviour::NONE.reply(Says::Json(parse_str(r#"{"score":9}"#).expect("JSON")));
    let look = Behaviour::NONE
        .reply(Says::ToolCall {
            name: "look".to_owned(),
            arguments: parse_str(r#"{"q":"x"}"#).expect("JSON"),
        })
        .reply(Says::Text("Found.".to_owned()));
    let script = Script::new(1)
        .rule(Matcher::role("verdict"), verdict)
        .rule(Matcher::contains("look"), look)
        .rule(
            Matcher::contains("Hi"),
            Behaviour::text("Hm.").always(Fault::ReasoningContent),
        );
    let server = serve(&script);
    let mut client = Client::connect(server.addr);
    let tool = r#","tools":[{"name":"look","input_schema":{}}]"#;
    let ask = r#"[{"role":"user","content":"Please look."}]"#;
    let called = send(&mut client, &request(ask, tool)).json();
    assert_eq!(called.str_or("stop_reason", ""), "tool_use");
    let call = &called.items("content")[0];
    assert_eq!(call.at("input").str_or("q", ""), "x");
    let id = call.str_or("id", "");
    let answered = format!(
        r#"[{{"role":"user","content":"Please look."}},
            {{"role":"assistant","content":[{{"type":"tool_use","id":"{id}","name":"look","input":{{}}}}]}},
            {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"there"}}]}}]"#
    );
    let found = send(&mut client, &request(&answered, tool)).json();
    assert_eq!(found.items("content")[0].str_or("text", ""), "Found.");
    let forced = r#","tools":[{"name":"verdict","input_schema":{}}],"tool_choice":{"type":"tool","name":"verdict"}"#;
    let formed = send(&mut client, &request(HI, forced)).json();
    let block = &formed.items("content")[0];
    assert_eq!(
        (
            block.str_or("name", ""),
            block.at("input").i64_or("score", 0)
        ),
        ("verdict", 9)
    );
    let thought = send(&mut client, &request(HI, "")).json();
    assert_eq!(
        thought.items("content")[0].str_or("signature", ""),
        "scripted"
    );
    assert_eq!(thought.items("content")[1].str_or("text", ""), "Hm.");
}

#[test]
fn faults_in_its_own_words() {
    for (fault, status, kind, words) in [
        (
            Fault::rate_limit(Some(2)),
            429,
            "rate_limit_error",
            "Rate limit",
        ),
        (Fault::status(529), 529, "overloaded_error", "Overloaded"),
        (Fault::status(500), 500, "api_error", "error"),
        (Fault::status(401), 401, "authentication_error", "key"),
        (Fault::status(404), 404, "not_found_error", "model: c-1"),
        (
            Fault::ContextLength,
            400,
            "invalid_request_error",
            "prompt is too long",
        ),
        (
            Fault::UnsupportedParameter {
                parameter: "top_k".to_owned(),
                value: None,
            },
            400,
            "invalid_request_error",
            "top_k: Extra inputs",
        ),
    ] {
        let server = serve_behaviour(Behaviour::NONE.always(fault));
        let mut client = Client::connect(server.addr);
        let reply = send(&mut client, &request(HI, r#","top_k":5"#));
        let (found, named, message) = error(&reply);
        assert_eq!((found, named.as_str()), (status, kind));
        assert!(message.contains(words), "{message}");
        if status == 429 {
            assert!(reply.head().contains("retry-after: 2"), "{}", reply.head());
        }
    }
    for (fault, stop, blocks) in [
        (Fault::FinishLength, "max_tokens", 1),
        (Fault::FinishContentFilter, "refusal", 0),
        (Fault::Refusal, "refusal", 1),
        (Fault::EmptyContent, "end_turn", 0),
    ] {
        let server = serve_behaviour(Behaviour::text("Some words here.").always(fault));
        let json: Json = send(&mut Client::connect(server.addr), &request(HI, "")).json();
        assert_eq!(json.str_or("stop_reason", ""), stop);
        assert_eq!(json.items("content").len(), blocks, "{stop}");
    }
}
