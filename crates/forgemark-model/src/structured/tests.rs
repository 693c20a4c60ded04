use bytes::Bytes;
use forgemark_contract::json::Json;

use super::{Problem, REASK, read, reask};
use crate::chat::reply::parse_reply;
use crate::chat::{ChatReply, ChatRequest, FailureKind, Message};

fn reply(content: &str, finish: &str) -> ChatReply {
    let body = Json::object([(
        "choices",
        Json::from(vec![Json::object([
            ("message", Json::object([("content", Json::from(content))])),
            ("finish_reason", Json::from(finish)),
        ])]),
    )]);
    let body = Bytes::from(forgemark_contract::json::to_compact(&body));
    parse_reply(&body, &ChatRequest::new(Vec::new(), 0)).expect("a chat completion")
}

fn score(json: &Json) -> Result<i64, String> {
    json.at("score")
        .as_i64()
        .ok_or_else(|| "'score' is no integer".to_owned())
}

#[test]
fn talk_around_the_json_is_tolerated() {
    for content in [
        "{\"score\": 3}",
        "Here it is:\n```json\n{\"score\": 3}\n```\nDone.",
        "<think>{\"score\": 9}?</think>{\"score\": 3}",
        "Sure! {\"score\": 3} I hope this helps.",
    ] {
        assert_eq!(read(&reply(content, "stop"), score), Ok(3), "{content}");
    }
}

#[test]
fn problems_are_told_apart() {
    for (content, finish, kind, fixable) in [
        ("no idea", "stop", FailureKind::BadOutput, true),
        ("{\"score\": \"3\"}", "stop", FailureKind::BadOutput, true),
        ("", "stop", FailureKind::Empty, true),
        // Whole JSON in a cut reply is still a cut reply.
        ("{\"score\": 3}", "length", FailureKind::Length, false),
        (
            "{\"score\": 3}",
            "content_filter",
            FailureKind::ContentFilter,
            false,
        ),
    ] {
        let problem = read(&reply(content, finish), score).expect_err("a problem");
        assert_eq!(matches!(problem, Problem::Fixable(_)), fixable, "{content}");
        assert_eq!(problem.into_failure().kind, kind, "{content}");
    }
}

#[test]
fn the_second_question_carries_the_bad_reply_and_the_error() {
    let request = ChatRequest::new(vec![Message::user("Score it.")], 4);
    let again = reask(&request, "seven", "the reply is not valid JSON", REASK);
    assert_eq!(again.sample, 4);
    assert_eq!(again.messages.len(), 3);
    assert_eq!(again.messages[1], Message::assistant("seven"));
    assert!(
        again.messages[2]
            .content
            .contains("the reply is not valid JSON")
    );
    // An empty reply is no message that an endpoint would take back.
    let after_empty = reask(&request, "", "empty", REASK);
    assert_eq!(after_empty.messages.len(), 2);
}
