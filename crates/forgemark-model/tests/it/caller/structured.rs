//! Replies that have to be JSON.

use forgemark_contract::json::Json;
use forgemark_model::structured::REASK;
use forgemark_model::{ChatRequest, FailureKind, JsonAnswer, JsonAsk, ReplyFormat, ask_json};

use super::support::{Answer, Server, Setup, ask, dir};

fn score(json: &Json) -> Result<i64, String> {
    json.at("score")
        .as_i64()
        .ok_or_else(|| "'score' is no integer".to_owned())
}

async fn run(server: &Server, dir: &std::path::Path) -> JsonAnswer<i64> {
    let caller = Setup::of(&[server]).caller(dir);
    let request = ChatRequest {
        format: ReplyFormat::JsonObject,
        ..ask("Score it.")
    };
    let question = JsonAsk {
        role: "user",
        item: "c/1",
        request: &request,
        reask: REASK,
    };
    ask_json(&caller, &question, score)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn a_good_reply_needs_one_call() {
    let server = Server::start(|_| Answer::text("```json\n{\"score\": 4}\n```")).await;
    let dir = dir();
    let answer = run(&server, dir.path()).await;
    assert_eq!((answer.outcome, answer.calls.len()), (Ok(4), 1));
    assert_eq!(
        server.seen()[0]
            .body
            .at("response_format")
            .str_or("type", ""),
        "json_object"
    );
}

#[tokio::test]
async fn a_bad_reply_is_asked_again_once_with_its_error() {
    let server = Server::start(|seen| {
        if seen.n == 0 {
            Answer::text("{\"score\": \"four\"}")
        } else {
            Answer::text("{\"score\": 4}")
        }
    })
    .await;
    let dir = dir();
    let answer = run(&server, dir.path()).await;
    assert_eq!((answer.outcome, answer.calls.len()), (Ok(4), 2));
    let second = &server.seen()[1];
    let messages = second.body.items("messages");
    assert_eq!(messages[1].str_or("content", ""), "{\"score\": \"four\"}");
    assert!(second.last().contains("'score' is no integer"));
    // A resumed run goes the same way without asking.
    let again = run(&server, dir.path()).await;
    assert_eq!(again.outcome, Ok(4));
    assert!(again.calls.iter().all(|called| called.replayed));
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn two_bad_replies_are_a_typed_failure() {
    let server = Server::start(|_| Answer::text("no idea")).await;
    let dir = dir();
    let answer = run(&server, dir.path()).await;
    let failure = answer.outcome.expect_err("a failure");
    assert_eq!(failure.kind, FailureKind::BadOutput);
    assert_eq!(failure.detail, "the reply is not valid JSON");
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn empty_twice_is_empty_and_a_cut_reply_is_not_asked_again() {
    let dir_one = dir();
    let empty = Server::start(|_| Answer::text("")).await;
    let answer = run(&empty, dir_one.path()).await;
    assert_eq!(
        answer.outcome.expect_err("a failure").kind,
        FailureKind::Empty
    );
    assert_eq!(empty.calls(), 2);

    let dir_two = dir();
    let message = || Json::object([("content", Json::from("{\"score\": 4}"))]);
    let cut = Server::start(move |_| Answer::message(message(), "length")).await;
    let answer = run(&cut, dir_two.path()).await;
    assert_eq!(
        answer.outcome.expect_err("a failure").kind,
        FailureKind::Length
    );
    assert_eq!(cut.calls(), 1);
}
