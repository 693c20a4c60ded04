use forgemark_contract::json::Json;

use super::{AgentReply, AgentToolCall, raw_body};
use crate::chat::reply::parse_reply;
use crate::chat::{ChatReply, ChatRequest, Finish, Message, Usage};

fn through_the_parser(reply: &AgentReply) -> ChatReply {
    let request = ChatRequest::new(vec![Message::user("Hi")], 0);
    parse_reply(&raw_body("offline:x", reply), &request).expect("a chat completion")
}

#[test]
fn text_json_and_thoughts_come_through() {
    let value = Json::object([("answer", Json::from("a \"quoted\" one"))]);
    let mut agent = AgentReply::json(&value);
    agent.reasoning = Some("hm".to_owned());
    let reply = through_the_parser(&agent);
    assert_eq!(reply.content, r#"{"answer":"a \"quoted\" one"}"#);
    assert_eq!(reply.reasoning.as_deref(), Some("hm"));
    assert_eq!(
        (reply.finish, reply.model.as_str()),
        (Finish::Stop, "offline:x")
    );
    assert!(!reply.usage_known);
}

#[test]
fn tool_calls_get_ids() {
    let call = |n: i64| AgentToolCall {
        name: "search".to_owned(),
        arguments: Json::object([("n", Json::from(n))]),
    };
    let reply = through_the_parser(&AgentReply::tools(vec![call(1), call(2)]));
    assert_eq!(reply.finish, Finish::ToolCalls);
    let seen: Vec<(&str, &str)> = reply
        .tool_calls
        .iter()
        .map(|call| (call.id.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(seen, [("call_0", "{\"n\":1}"), ("call_1", "{\"n\":2}")]);
}

#[test]
fn every_finish_and_usage_survives() {
    for finish in [
        Finish::Stop,
        Finish::Length,
        Finish::ContentFilter,
        Finish::Refusal,
        Finish::Other("odd".to_owned()),
    ] {
        let usage = Usage {
            prompt: 4,
            completion: 3,
            cached: 2,
            reasoning: 1,
        };
        let agent = AgentReply {
            finish: finish.clone(),
            usage: Some(usage),
            ..AgentReply::text("words")
        };
        let reply = through_the_parser(&agent);
        assert_eq!((reply.finish, reply.usage), (finish, usage));
    }
}
