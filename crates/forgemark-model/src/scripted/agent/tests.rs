use forgemark_contract::json::parse_lenient;

use super::*;
use crate::chat::{Message, ReplyFormat, ToolSpec};
use crate::scripted::{Behaviour, Fault, FaultRule, Script};

const PROMPT: &str = "Ask.\n<passage id=\"aa-1\" source=\"g.md#chunk1\">The pump starts at \"nine\" each morning.</passage>";

fn request(role: &str) -> ChatRequest {
    let mut request = ChatRequest::new(vec![Message::system("S"), Message::user(PROMPT)], 3);
    request.format = ReplyFormat::JsonSchema {
        name: role.to_owned(),
        schema: Json::empty_object().into(),
    };
    request
}

fn with_tools() -> ChatRequest {
    let mut request = request("assistant_turn");
    request.tools.push(ToolSpec {
        name: "vector_db_search".to_owned(),
        description: "Searches.".to_owned(),
        parameters: Json::empty_object().into(),
    });
    request
}

fn engine(behaviour: Behaviour) -> Engine {
    Engine::new(&Script::new(7).otherwise(behaviour)).unwrap()
}

#[test]
fn the_roles_are_played() {
    let engine = engine(Behaviour::NONE);
    let user = parse_lenient(&engine.reply(&request("user_turn")).content).unwrap();
    assert_eq!(user.str_or("coverage_target", ""), "aa-1");
    assert_eq!(
        user.items("grounding_facts")[0].str_or("fact", ""),
        "The pump starts at \"nine\" each morning."
    );
    let call = engine.reply(&with_tools());
    assert_eq!(call.finish, Finish::ToolCalls);
    assert_eq!(call.tool_calls[0].name, "vector_db_search");
    assert!(!call.tool_calls[0].arguments.str_or("query", "").is_empty());
    let mut answered = with_tools();
    answered
        .messages
        .push(Message::tool("call_1", "vector_db_search", "{}"));
    let answer = parse_lenient(&engine.reply(&answered).content).unwrap();
    assert!(answer.str_or("assistant_message", "").contains("The pump"));
    // The sample number alone makes another reply.
    let mut other = request("user_turn");
    other.sample = 4;
    assert_ne!(engine.reply(&other), engine.reply(&request("user_turn")));
    assert_eq!(engine.reply(&other), engine.reply(&other));
}

#[test]
fn faults_of_the_way_are_retried_and_those_of_the_reply_show() {
    let good = engine(Behaviour::NONE).reply(&request("user_turn"));
    let faults = [
        Fault::rate_limit(None),
        Fault::Stall,
        Fault::CutMidBody,
        Fault::MalformedJson,
        Fault::Html,
    ];
    let rough = engine(Behaviour::NONE.fail(faults.map(Some)));
    assert_eq!(rough.reply(&request("user_turn")), good);

    let finish = |fault| {
        engine(Behaviour::NONE.always(fault))
            .reply(&request("user_turn"))
            .finish
    };
    assert_eq!(finish(Fault::FinishLength), Finish::Length);
    assert_eq!(finish(Fault::FinishContentFilter), Finish::ContentFilter);
    assert_eq!(finish(Fault::Refusal), Finish::Refusal);
    assert_eq!(
        finish(Fault::status(503)),
        Finish::Other("error".to_owned())
    );

    let odd = engine(Behaviour::NONE.fault(FaultRule::at_rate(Fault::InvalidToolArguments, 1.0)));
    let call = odd.reply(&with_tools());
    assert!(
        matches!(call.tool_calls[0].arguments, Json::Str(_)),
        "{call:?}"
    );
}
