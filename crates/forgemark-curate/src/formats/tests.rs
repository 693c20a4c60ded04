use forgemark_contract::dialogue::{ToolCall, ToolFunction};
use forgemark_contract::json::{parse_str, to_compact};

use super::*;

mod validators;

fn text(role: &str, text: &str) -> ChatMessage {
    ChatMessage::text(role, text)
}

fn call(id: &str) -> ChatMessage {
    ChatMessage {
        role: "assistant".to_owned(),
        tool_calls: vec![ToolCall {
            id: id.to_owned(),
            kind: "function".to_owned(),
            function: ToolFunction {
                name: "look".to_owned(),
                arguments: r#"{"at": 4}"#.to_owned(),
                ..ToolFunction::default()
            },
            ..ToolCall::default()
        }],
        ..ChatMessage::default()
    }
}

fn result(id: &str) -> ChatMessage {
    ChatMessage {
        tool_call_id: Some(id.to_owned()),
        name: Some("look".to_owned()),
        ..text("tool", "42")
    }
}

fn example(body: Body) -> Example {
    Example {
        id: "e".to_owned(),
        body,
        tools: None,
        records: Vec::new(),
    }
}

fn conversation(messages: Vec<ChatMessage>) -> Example {
    example(Body::Conversation {
        messages,
        reward: None,
    })
}

fn talk() -> Vec<ChatMessage> {
    vec![
        text("system", "S"),
        text("user", "q"),
        text("assistant", "a"),
    ]
}

fn pair() -> Example {
    example(Body::Pair {
        prompt: vec![text("user", "q")],
        chosen: vec![text("assistant", "good")],
        rejected: vec![text("assistant", "bad")],
        scores: (1.0, 0.5),
    })
}

fn labelled() -> Example {
    example(Body::Labelled {
        prompt: vec![text("user", "q")],
        completion: vec![text("assistant", "a")],
        label: false,
    })
}

fn rollout() -> Example {
    example(Body::Rollout {
        prompt: vec![text("user", "q")],
        responses: Vec::new(),
        group_id: Some("g".to_owned()),
        ground_truth: Some(4.into()),
    })
}

pub(super) fn line(format: Format, example: &Example) -> String {
    let layout = Layout::of(format, std::slice::from_ref(example));
    let lines = lines(layout, example, "train", 5).unwrap();
    let lines: Vec<String> = lines
        .iter()
        .map(|line| String::from_utf8(to_compact(line)).unwrap())
        .collect();
    lines.join("\n")
}

#[test]
fn d25_conversations_are_written_as_trainers_read_them() {
    let talk = conversation(talk());
    let messages = r#"[{"role":"system","content":"S"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]"#;
    for format in [
        Format::OpenAi,
        Format::Trl,
        Format::Axolotl,
        Format::NemoRl,
        Format::Verl,
    ] {
        assert_eq!(
            line(format, &talk),
            format!(r#"{{"messages":{messages}}}"#),
            "{}",
            format.word()
        );
    }
    assert_eq!(
        line(Format::ShareGpt, &talk),
        r#"{"conversations":[{"from":"system","value":"S"},{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#
    );
    assert_eq!(
        line(Format::LlamaFactory, &talk),
        r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"system":"S"}"#
    );
    assert_eq!(
        line(Format::OpenRlhf, &talk),
        format!(r#"{{"input":{messages}}}"#)
    );
}

#[test]
fn d25_pairs_are_written_as_trainers_read_them() {
    let (q, good, bad) = (
        r#"{"role":"user","content":"q"}"#,
        r#"{"role":"assistant","content":"good"}"#,
        r#"{"role":"assistant","content":"bad"}"#,
    );
    for (format, expected) in [
        (Format::OpenAi, format!(r#"{{"input":{{"messages":[{q}]}},"preferred_output":[{good}],"non_preferred_output":[{bad}]}}"#)),
        (Format::Trl, format!(r#"{{"prompt":[{q}],"chosen":[{good}],"rejected":[{bad}]}}"#)),
        (Format::TrlReward, format!(r#"{{"chosen":[{q},{good}],"rejected":[{q},{bad}],"margin":0.5}}"#)),
        (Format::ShareGpt, r#"{"conversations":[{"from":"human","value":"q"}],"chosen":{"from":"gpt","value":"good"},"rejected":{"from":"gpt","value":"bad"}}"#.to_owned()),
        (Format::Axolotl, format!(r#"{{"messages":[{q}],"chosen":{good},"rejected":{bad}}}"#)),
        (Format::OpenRlhf, format!(r#"{{"prompt":[{q}],"chosen":[{good}],"rejected":[{bad}]}}"#)),
        (Format::NemoRl, format!(r#"{{"context":[{q}],"completions":[{{"rank":0,"completion":[{good}]}},{{"rank":1,"completion":[{bad}]}}]}}"#)),
    ] {
        assert_eq!(line(format, &pair()), expected, "{}", format.word());
    }
}

#[test]
fn d25_labels_and_rollouts_are_written_as_trainers_read_them() {
    assert_eq!(
        line(Format::Trl, &labelled()),
        r#"{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}],"label":false}"#
    );
    assert_eq!(
        line(Format::LlamaFactory, &labelled()),
        r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"system":"","kto_tag":false}"#
    );
    assert_eq!(
        line(Format::Trl, &rollout()),
        r#"{"prompt":[{"role":"user","content":"q"}],"ground_truth":"4"}"#
    );
    assert_eq!(
        line(Format::OpenRlhf, &labelled()),
        r#"{"input":[{"role":"user","content":"q"}],"output":[{"role":"assistant","content":"a"}],"label":false}"#
    );
    assert_eq!(
        line(Format::Axolotl, &labelled()),
        r#"{"completion":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"label":false}"#
    );
    assert_eq!(
        line(Format::OpenRlhf, &rollout()),
        r#"{"input":[{"role":"user","content":"q"}],"label":"4","datasource":"forgemark"}"#
    );
    assert_eq!(
        line(Format::NemoRl, &rollout()),
        r#"{"input":"q","output":"4"}"#
    );
    assert_eq!(
        line(Format::OpenAi, &rollout()),
        r#"{"messages":[{"role":"user","content":"q"}],"ground_truth":"4"}"#
    );
    assert_eq!(
        line(Format::Verl, &rollout()),
        r#"{"data_source":"forgemark","prompt":[{"role":"user","content":"q"}],"ability":"general","reward_model":{"style":"rule","ground_truth":"4"},"extra_info":{"split":"train","index":5,"id":"e","group_id":"g"}}"#
    );
    let layout = Layout::new(Format::ShareGpt);
    assert_eq!(
        lines(layout, &rollout(), "", 0).unwrap_err(),
        "sharegpt has no lines for this task"
    );
}

#[test]
fn d16_tool_calls_are_spelled_as_each_trainer_wants_them() {
    let example = conversation(vec![
        text("user", "q"),
        call("c1"),
        result("c1"),
        text("assistant", "it is 42"),
    ]);
    let openai = line(Format::OpenAi, &example);
    assert!(openai.contains(r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"at\": 4}"}}]}"#), "{openai}");
    assert!(
        openai.contains(r#"{"role":"tool","content":"42","tool_call_id":"c1","name":"look"}"#),
        "{openai}"
    );
    let trl = line(Format::Trl, &example);
    assert!(
        trl.contains(
            r#""tool_calls":[{"type":"function","function":{"name":"look","arguments":{"at":4}}}]"#
        ),
        "{trl}"
    );
    let sharegpt = line(Format::ShareGpt, &example);
    assert!(sharegpt.contains(r#"{"from":"function_call","value":"{\"name\": \"look\", \"arguments\": {\"at\": 4}}"},{"from":"observation","value":"42"}"#), "{sharegpt}");
}

#[test]
fn answers_that_are_not_learned_are_said_or_refused() {
    let mut messages = vec![
        text("user", "q"),
        text("assistant", "bad"),
        text("user", "again"),
        text("assistant", "good"),
    ];
    messages[1].train = Some(false);
    messages[3].train = Some(true);
    let example = conversation(messages);
    assert!(line(Format::OpenAi, &example).contains(r#""content":"bad","weight":0}"#));
    assert!(line(Format::Axolotl, &example).contains(r#""content":"bad","train":false}"#));
    assert_eq!(
        line(Format::Trl, &example),
        r#"{"prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"},{"role":"user","content":"again"}],"completion":[{"role":"assistant","content":"good"}]}"#
    );
    let turns = r#"{"from":"human","value":"again"},{"from":"gpt","value":"good"}]"#;
    assert_eq!(
        line(Format::LlamaFactory, &example),
        format!(
            r#"{{"conversations":[{{"from":"human","value":"q"}},{{"from":"gpt","value":"bad"}},{turns},"system":""}}"#
        )
    );
    assert!(
        line(Format::OpenRlhf, &example).starts_with(r#"{"input":[{"role":"user","content":"q"},"#)
    );
    for format in [Format::ShareGpt, Format::Verl, Format::NemoRl] {
        let layout = Layout::of(format, std::slice::from_ref(&example));
        assert!(
            lines(layout, &example, "", 0)
                .unwrap_err()
                .contains("out of the loss"),
            "{}",
            format.word()
        );
    }
}

#[test]
fn what_a_trainer_would_refuse_or_learn_wrongly_is_refused() {
    let broken = |messages: Vec<ChatMessage>, format: Format| {
        broken_rule(Layout::new(format), &conversation(messages))
    };
    let openai = |messages| broken(messages, Format::OpenAi).unwrap_or_default();
    assert_eq!(openai(talk()), "");
    assert_eq!(
        openai(vec![text("critic", "q"), text("assistant", "a")]),
        "the role 'critic' is unknown to chat templates"
    );
    assert_eq!(
        openai(vec![text("User", "q"), text("assistant", "a")]),
        "the role 'User' is not in lower case"
    );
    assert_eq!(
        openai(vec![text("user", " "), text("assistant", "a")]),
        "a message of the role user is empty"
    );
    assert_eq!(
        openai(vec![text("user", "q")]),
        "the last message is no answer"
    );
    assert_eq!(
        openai(vec![text("assistant", "a")]),
        "the first turn is not the user's"
    );
    assert_eq!(
        openai(vec![
            text("user", "q"),
            text("system", "S"),
            text("assistant", "a")
        ]),
        "a system message stands after the first message"
    );
    assert_eq!(
        openai(vec![text("user", "q"), call("c"), text("assistant", "a")]),
        "a call is not answered"
    );
    assert_eq!(
        openai(vec![text("user", "q"), call("c")]),
        "a call is not answered"
    );
    assert_eq!(
        openai(vec![
            text("user", "q"),
            call("c"),
            result("d"),
            text("assistant", "a")
        ]),
        "a tool's message answers no call"
    );
    assert_eq!(
        openai(vec![text("user", "q"), result("c"), text("assistant", "a")]),
        "a tool's message answers no call"
    );
    let mut wrong = call("c");
    wrong.tool_calls[0].function.arguments = "[1]".to_owned();
    assert_eq!(
        openai(vec![
            text("user", "q"),
            wrong,
            result("c"),
            text("assistant", "a")
        ]),
        "the arguments of the call of look are no JSON object"
    );
    let twice = vec![text("user", "q"), text("user", "r"), text("assistant", "a")];
    assert_eq!(
        broken(twice.clone(), Format::ShareGpt).unwrap(),
        "the sides do not take turns"
    );
    assert_eq!(broken(twice, Format::OpenAi), None);
    let parts = ChatMessage {
        content: Some(forgemark_contract::store::Content::Parts(vec![
            parse_str(r#"{"type": "image_url", "image_url": {"url": "u"}}"#).unwrap(),
        ])),
        ..text("user", "")
    };
    assert_eq!(
        broken(vec![parts, text("assistant", "a")], Format::NemoRl).unwrap(),
        "the format has no content parts"
    );
    let two = example(Body::Pair {
        prompt: vec![text("user", "q")],
        chosen: vec![call("c"), result("c"), text("assistant", "a")],
        rejected: vec![text("assistant", "b")],
        scores: (1.0, 0.0),
    });
    assert_eq!(
        broken_rule(Layout::new(Format::OpenAi), &two).unwrap(),
        "the format has answers of one message"
    );
    assert_eq!(broken_rule(Layout::new(Format::Trl), &two), None);
}

#[test]
fn formats_have_their_words() {
    assert_eq!(
        Format::ALL.map(|format| Format::of_word(format.word())),
        Format::ALL.map(Some)
    );
    let columns = Layout::of(Format::LlamaFactory, [&pair()]).columns(Task::Pairs);
    let info = llama_factory_info("cut.jsonl", &columns.unwrap(), Task::Pairs);
    assert_eq!(info.at("ranking").as_bool(), Some(true));
    assert_eq!(info.at("columns").str_or("chosen", ""), "chosen");
}

#[test]
fn definitions_of_tools_stand_where_the_trainer_looks_for_them() {
    let specs = parse_str(r#"[{"type":"function","function":{"name":"look"}}]"#).unwrap();
    let with = Example {
        tools: Some(specs.clone()),
        ..conversation(talk())
    };
    let without = conversation(talk());
    for format in [
        Format::Trl,
        Format::OpenAi,
        Format::Axolotl,
        Format::NemoRl,
        Format::Neutral,
    ] {
        let layout = Layout::of(format, [&with, &without]);
        let rows = |example| lines(layout, example, "", 0).unwrap();
        assert_eq!(rows(&with)[0].at("tools"), &specs, "{format:?}");
        assert_eq!(rows(&without)[0].get("tools"), None, "{format:?}");
        let alone = Layout::of(format, [&without]);
        let columns = alone.columns(Task::Sft).unwrap();
        assert!(
            columns.fields().all(|field| field.name != "tools"),
            "{format:?}"
        );
    }
    let layout = Layout::of(Format::LlamaFactory, [&with, &without]);
    let rows = |example| lines(layout, example, "", 0).unwrap();
    assert_eq!(
        rows(&with)[0].str_or("tools", ""),
        r#"[{"type": "function", "function": {"name": "look"}}]"#
    );
    assert_eq!(rows(&without)[0].str_or("tools", "-"), "");
    let info =
        |layout: Layout| llama_factory_info("f", &layout.columns(Task::Sft).unwrap(), Task::Sft);
    assert_eq!(info(layout).at("columns").str_or("tools", ""), "tools");
    let alone = Layout::of(Format::LlamaFactory, [&without]);
    assert_eq!(info(alone).at("columns").get("tools"), None);
}
