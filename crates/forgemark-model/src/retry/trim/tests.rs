use std::ops::Range;

use super::Trimmer;
use crate::chat::{ChatRequest, Message, Role, ToolCall};

fn conversation(messages: usize, droppable: Range<usize>) -> ChatRequest {
    let messages = (0..messages)
        .map(|n| match n {
            0 => Message::system("rules"),
            n if n % 2 == 1 => Message::user(format!("u{n}")),
            n => Message::assistant(format!("a{n}")),
        })
        .collect();
    ChatRequest {
        droppable,
        ..ChatRequest::new(messages, 3)
    }
}

fn contents(request: &ChatRequest) -> Vec<&str> {
    request
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect()
}

#[test]
fn pairs_go_oldest_first_and_the_rest_stays() {
    let request = conversation(8, 1..7);
    let mut trimmer = Trimmer::new(request.droppable.clone());
    let (first, dropped) = trimmer.next(&request).expect("room");
    assert_eq!(dropped, 2);
    assert_eq!(contents(&first), ["rules", "u3", "a4", "u5", "a6", "u7"]);
    assert_eq!(first.sample, 3);
    let (second, dropped) = trimmer.next(&request).expect("room");
    assert_eq!(
        (dropped, contents(&second)),
        (4, vec!["rules", "u5", "a6", "u7"])
    );
    let (third, _) = trimmer.next(&request).expect("room");
    assert_eq!(contents(&third), ["rules", "u7"]);
    assert!(trimmer.next(&request).is_none());
}

#[test]
fn later_tries_drop_more_and_eight_are_all() {
    let request = conversation(300, 1..299);
    let mut trimmer = Trimmer::new(request.droppable.clone());
    let dropped: Vec<usize> =
        std::iter::from_fn(|| trimmer.next(&request).map(|(_, n)| n)).collect();
    assert_eq!(dropped, [2, 4, 6, 8, 12, 20, 36, 68]);
}

#[test]
fn nothing_droppable_is_nothing_dropped() {
    let request = conversation(4, 0..0);
    assert!(Trimmer::new(0..0).next(&request).is_none());
    // A range beyond the messages is no reason to panic.
    assert!(Trimmer::new(9..20).next(&request).is_none());
}

#[test]
fn a_result_never_stays_without_its_call() {
    let call = |id: &str| Message {
        tool_calls: vec![ToolCall {
            id: id.to_owned(),
            name: "t".to_owned(),
            arguments: "{}".to_owned(),
        }],
        ..Message::assistant("")
    };
    let messages = vec![
        Message::system("rules"),
        Message::user("u1"),
        call("a"),
        Message::tool("a", "t", "r1"),
        Message::tool("b", "t", "r2"),
        Message::assistant("a5"),
        Message::user("u6"),
    ];
    let request = ChatRequest {
        droppable: 1..6,
        ..ChatRequest::new(messages, 0)
    };
    let mut trimmer = Trimmer::new(1..6);
    let (trimmed, dropped) = trimmer.next(&request).expect("room");
    assert_eq!(
        (dropped, contents(&trimmed)),
        (4, vec!["rules", "a5", "u6"])
    );
    // Where the results may not go, their call may not either.
    let mut short = Trimmer::new(1..3);
    let (trimmed, dropped) = short.next(&request).expect("room");
    assert_eq!(dropped, 1);
    assert!(
        trimmed.messages[1].role == Role::Assistant && !trimmed.messages[1].tool_calls.is_empty()
    );
    assert!(short.next(&request).is_none());
}
