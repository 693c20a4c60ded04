//! One corrupted file for each rule, in a format whose trainer the rule is about; and none of our own files is refused.

use std::collections::BTreeSet;

use forgemark_contract::json::parse;

use super::*;

/// The rules that a file of these lines breaks, and where.
fn findings(format: Format, task: Task, lines: &[&str]) -> Vec<(&'static str, String)> {
    let rows = lines
        .iter()
        .map(|line| parse(line.as_bytes()).map_err(|error| error.to_string()));
    let found = validate(format, task, rows);
    found
        .into_iter()
        .map(|finding| {
            let row = finding.row.map_or("file".to_owned(), |row| row.to_string());
            (finding.rule, format!("{row} {}", finding.field))
        })
        .collect()
}

const ASKED: &str = r#"{"role":"user","content":"q"}"#;
const ANSWER: &str = r#"{"role":"assistant","content":"a"}"#;

fn sft(messages: &[&str]) -> String {
    format!(r#"{{"messages":[{}]}}"#, messages.join(","))
}

/// The rule, the format, the task, the lines, and where it is found.
type Case = (&'static str, Format, Task, Vec<String>, &'static str);

fn cases() -> Vec<Case> {
    let call = |arguments: &str| {
        format!(
            r#"{{"role":"assistant","content":"","tool_calls":[{{"type":"function","function":{{"name":"look","arguments":{arguments}}}}}]}}"#
        )
    };
    let called = call(r#"{"at":1}"#);
    let result = r#"{"role":"tool","content":"42","name":"look"}"#;
    let trl = |messages: &[&str]| vec![sft(messages)];
    let turns = |turns: &[(&str, &str)]| {
        let turns: Vec<String> = turns
            .iter()
            .map(|(from, value)| format!(r#"{{"from":"{from}","value":"{value}"}}"#))
            .collect();
        vec![format!(
            r#"{{"conversations":[{}],"system":""}}"#,
            turns.join(",")
        )]
    };
    let pair = |chosen: &str, rejected: &str| {
        vec![format!(
            r#"{{"prompt":[{ASKED}],"chosen":[{chosen}],"rejected":[{rejected}]}}"#
        )]
    };
    let other = r#"{"role":"assistant","content":"b"}"#;
    let openai_call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"look","arguments":"{}"}}]}"#;
    let verl = |source: &str, style: &str, truth: &str| {
        vec![format!(
            r#"{{"data_source":"{source}","prompt":[{ASKED}],"ability":"general","reward_model":{{"style":"{style}","ground_truth":"{truth}"}},"extra_info":{{"split":"train","index":0,"id":"e","group_id":""}}}}"#
        )]
    };
    let image = r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}"#;
    let text_call = r#"{"role":"assistant","content":"","tool_calls":[{"id":"","type":"function","function":{"name":"look","arguments":"{}"}}]}"#;
    let (s, t) = (Task::Sft, Format::Trl);
    vec![
        ("json", t, s, vec!["{".to_owned()], "1 "),
        ("json", t, s, vec!["[1]".to_owned()], "1 "),
        (
            "schema",
            t,
            s,
            vec![sft(&[ASKED, ANSWER]), r#"{"text":"q"}"#.to_owned()],
            "2 messages",
        ),
        (
            "schema",
            t,
            s,
            vec![r#"{"messages":[],"id":1}"#.to_owned()],
            "1 id",
        ),
        (
            "schema",
            t,
            s,
            trl(&[ASKED, r#"{"role":"assistant","content":null}"#]),
            "1 messages[1].content",
        ),
        (
            "schema",
            t,
            s,
            trl(&[ASKED, r#"{"role":"assistant","content":7}"#]),
            "1 messages[1].content",
        ),
        (
            "schema",
            t,
            s,
            vec![
                sft(&[ASKED, ANSWER]),
                format!(r#"{{"prompt":[{ASKED}],"completion":[{ANSWER}]}}"#),
            ],
            "2 messages",
        ),
        (
            "schema",
            t,
            s,
            trl(&[r#"{"role":"user","content":"\ud800"}"#, ANSWER]),
            "1 messages[0].content",
        ),
        (
            "role",
            t,
            s,
            trl(&[r#"{"role":"critic","content":"q"}"#, ANSWER]),
            "1 messages[0]",
        ),
        (
            "role",
            t,
            s,
            trl(&[r#"{"role":"User","content":"q"}"#, ANSWER]),
            "1 messages[0]",
        ),
        (
            "empty",
            t,
            s,
            trl(&[ASKED, r#"{"role":"assistant","content":" "}"#]),
            "1 messages[1]",
        ),
        (
            "system",
            t,
            s,
            trl(&[ASKED, r#"{"role":"system","content":"S"}"#, ANSWER]),
            "1 messages[1]",
        ),
        ("first", t, s, trl(&[ANSWER]), "1 messages[0]"),
        ("last", t, s, trl(&[ASKED, ANSWER, ASKED]), "1 messages[2]"),
        (
            "last",
            Format::LlamaFactory,
            s,
            turns(&[("human", "q"), ("gpt", "a"), ("human", "r")]),
            "1 conversations[2]",
        ),
        (
            "turns",
            Format::LlamaFactory,
            s,
            turns(&[("human", "q"), ("human", "r"), ("gpt", "a")]),
            "1 conversations[1]",
        ),
        (
            "role",
            Format::LlamaFactory,
            s,
            turns(&[("user", "q"), ("assistant", "a")])
                .into_iter()
                .map(|line| line.replace("assistant", "robot"))
                .collect(),
            "1 conversations[1]",
        ),
        (
            "prompt",
            t,
            Task::Rollout,
            vec![format!(r#"{{"prompt":[{ASKED},{ANSWER}]}}"#)],
            "1 prompt[1]",
        ),
        ("answer", t, Task::Pairs, pair(ANSWER, ASKED), "1 rejected"),
        (
            "single",
            Format::OpenRlhf,
            Task::Pairs,
            pair(&format!("{ANSWER},{ASKED},{ANSWER}"), other),
            "1 chosen",
        ),
        ("same", t, Task::Pairs, pair(ANSWER, ANSWER), "1 rejected"),
        (
            "same",
            Format::TrlReward,
            Task::Pairs,
            vec![format!(
                r#"{{"chosen":[{ASKED},{ANSWER}],"rejected":[{ASKED},{ANSWER}]}}"#
            )],
            "1 rejected",
        ),
        (
            "caller",
            t,
            s,
            trl(&[&called.replace("assistant", "user"), result, ANSWER]),
            "1 messages[0]",
        ),
        (
            "call",
            t,
            s,
            trl(&[ASKED, &called.replace("look", ""), result, ANSWER]),
            "1 messages[1]",
        ),
        (
            "call",
            Format::Axolotl,
            s,
            trl(&[ASKED, text_call, result, ANSWER]),
            "1 messages[1]",
        ),
        (
            "arguments",
            t,
            s,
            trl(&[ASKED, &call("[1]"), result, ANSWER]),
            "1 messages[1]",
        ),
        (
            "arguments",
            Format::LlamaFactory,
            s,
            turns(&[
                ("human", "q"),
                ("function_call", "look"),
                ("observation", "1"),
                ("gpt", "a"),
            ]),
            "1 conversations[1]",
        ),
        (
            "unanswered",
            t,
            s,
            trl(&[ASKED, &called, ANSWER]),
            "1 messages[2]",
        ),
        ("unanswered", t, s, trl(&[ASKED, &called]), "1 messages[1]"),
        (
            "result",
            t,
            s,
            trl(&[ASKED, result, ANSWER]),
            "1 messages[1]",
        ),
        (
            "result",
            Format::OpenAi,
            s,
            trl(&[
                ASKED,
                openai_call,
                r#"{"role":"tool","content":"42","tool_call_id":"d"}"#,
                ANSWER,
            ]),
            "1 messages[2]",
        ),
        (
            "result-id",
            Format::OpenAi,
            s,
            trl(&[
                ASKED,
                openai_call,
                r#"{"role":"tool","content":"42"}"#,
                ANSWER,
            ]),
            "1 messages[2]",
        ),
        (
            "tools",
            Format::OpenRlhf,
            s,
            vec![format!(
                r#"{{"input":[{ASKED},{{"role":"tool","content":"42"}},{ANSWER}]}}"#
            )],
            "1 input[1]",
        ),
        (
            "parts",
            t,
            s,
            trl(&[image, ANSWER]),
            "1 messages[0].content",
        ),
        (
            "unlearned",
            Format::Axolotl,
            s,
            trl(&[ASKED, r#"{"role":"assistant","content":"a","train":false}"#]),
            "1 messages",
        ),
        (
            "unlearned",
            Format::OpenAi,
            s,
            trl(&[ASKED, r#"{"role":"assistant","content":"a","weight":0}"#]),
            "1 messages",
        ),
        (
            "ranks",
            Format::NemoRl,
            Task::Pairs,
            vec![format!(
                r#"{{"context":[{ASKED}],"completions":[{{"rank":1,"completion":[{ANSWER}]}},{{"rank":2,"completion":[{other}]}}]}}"#
            )],
            "1 completions",
        ),
        (
            "ranks",
            Format::NemoRl,
            Task::Ranked,
            vec![format!(
                r#"{{"context":[{ASKED}],"completions":[{{"rank":0,"completion":[{ANSWER}]}}]}}"#
            )],
            "1 completions",
        ),
        (
            "ranks",
            Format::NemoRl,
            Task::Ranked,
            vec![format!(
                r#"{{"context":[{ASKED}],"completions":[{{"rank":0,"completion":[{ANSWER}]}},{{"rank":1,"completion":[{other}]}},{{"rank":2,"completion":[{other}]}}]}}"#
            )],
            "1 completions",
        ),
        (
            "one-label",
            t,
            Task::Labels,
            vec![format!(
                r#"{{"prompt":[{ASKED}],"completion":[{ANSWER}],"label":true}}"#
            )],
            "file ",
        ),
        (
            "one-label",
            Format::LlamaFactory,
            Task::Labels,
            turns(&[("human", "q"), ("gpt", "a")])
                .into_iter()
                .map(|line| line.replace(r#""system""#, r#""kto_tag":false,"system""#))
                .collect(),
            "file ",
        ),
        ("few", Format::OpenAi, s, trl(&[ASKED, ANSWER]), "file "),
        (
            "source",
            Format::Verl,
            Task::Rollout,
            verl("", "rule", "4"),
            "1 data_source",
        ),
        (
            "truth",
            Format::Verl,
            Task::Rollout,
            verl("math", "rule", ""),
            "1 reward_model.ground_truth",
        ),
        (
            "style",
            Format::Verl,
            Task::Rollout,
            verl("math", "rules", "4"),
            "1 reward_model.style",
        ),
        (
            "placeholder",
            Format::LlamaFactory,
            s,
            turns(&[("human", "see <image>"), ("gpt", "a")]),
            "1 conversations[0]",
        ),
    ]
}

#[test]
fn every_rule_finds_its_corruption() {
    let mut found_rules = BTreeSet::new();
    for (rule, format, task, lines, place) in cases() {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = findings(format, task, &lines);
        let expected = if rule == "parts" { "schema" } else { rule };
        assert!(
            found.contains(&(expected, place.to_owned()))
                || (rule == "parts" && found.contains(&("parts", "1 messages[0]".to_owned()))),
            "{rule} in {} {}: {found:?}\n{lines:?}",
            format.word(),
            task.word()
        );
        found_rules.insert(rule);
    }
    // What only an example can break, as a row of the format has no place for it.
    for (rule, example, format) in unwritable() {
        let mut rules = rules::Rules::new(format);
        rules.body(&example.body, rules::Names::PLAIN);
        if let Body::Conversation { messages, .. } = &example.body {
            rules.mask(messages);
        }
        let found: Vec<&str> = rules.broken.iter().map(|broken| broken.rule).collect();
        assert!(found.contains(&rule), "{rule}: {found:?}");
        let layout = Layout::of(format, [&example]);
        assert!(lines(layout, &example, "", 0).is_err(), "{rule}");
        found_rules.insert(rule);
    }
    let all: BTreeSet<&str> = RULES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(found_rules, all);
}

fn unwritable() -> Vec<(&'static str, Example, Format)> {
    let mut two = call("c");
    two.tool_calls.push(call("d").tool_calls[0].clone());
    let mut said = call("c");
    said.content = Some(Content::Text("wait".to_owned()));
    let mut masked = text("assistant", "bad");
    masked.train = Some(false);
    let conversation_of =
        |middle: Vec<ChatMessage>| conversation([vec![text("user", "q")], middle].concat());
    let answered =
        |call: ChatMessage| conversation_of(vec![call, result("c"), text("assistant", "a")]);
    let asked_twice = example(Body::Rollout {
        prompt: talk(),
        responses: Vec::new(),
        group_id: None,
        ground_truth: Some(4.into()),
    });
    vec![
        ("calls", answered(two), Format::ShareGpt),
        ("call-text", answered(said), Format::LlamaFactory),
        (
            "mask",
            conversation_of(vec![masked, text("user", "r"), text("assistant", "a")]),
            Format::Verl,
        ),
        ("one-user", asked_twice, Format::NemoRl),
    ]
}

#[test]
fn files_of_our_own_break_no_rule() {
    let with_tools = conversation(vec![
        text("system", "S"),
        text("user", "q"),
        call("c1"),
        result("c1"),
        text("assistant", "it is 42"),
    ]);
    let good = example(Body::Labelled {
        prompt: vec![text("user", "q")],
        completion: vec![text("assistant", "b")],
        label: true,
    });
    let ranked = example(Body::Ranked {
        prompt: vec![text("user", "q")],
        answers: vec![
            (vec![text("assistant", "a")], 1),
            (vec![text("assistant", "b")], 2),
        ],
    });
    let mut files = 0;
    for format in Format::ALL {
        for (task, examples) in [
            (Task::Sft, vec![conversation(talk()), with_tools.clone()]),
            (Task::Pairs, vec![pair()]),
            (Task::Labels, vec![labelled(), good.clone()]),
            (Task::Ranked, vec![ranked.clone()]),
            (Task::Rollout, vec![rollout()]),
        ] {
            let layout = Layout::of(format, &examples);
            if layout.columns(task).is_none() {
                continue;
            }
            let rows: Vec<Json> = examples
                .iter()
                .flat_map(|example| lines(layout, example, "", 0).unwrap_or_default())
                .collect();
            assert!(!rows.is_empty());
            let ten = rows.iter().cycle().take(rows.len().max(10)).cloned();
            let found = validate(format, task, ten.map(Ok));
            assert_eq!(found, [], "{} {}", format.word(), task.word());
            files += 1;
        }
    }
    assert_eq!(files, 31);
}

#[test]
fn a_format_without_the_task_says_so() {
    let found = findings(Format::ShareGpt, Task::Rollout, &[]);
    assert_eq!(found, [("schema", "file ".to_owned())]);
}

#[test]
fn every_rule_stands_in_the_documentation() {
    let page = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/trainers.md"
    ));
    for (rule, meaning) in RULES {
        assert!(
            page.contains(&format!("| `{rule}` | {meaning} |")),
            "{rule}"
        );
    }
    for format in Format::ALL {
        assert!(
            page.contains(&format!("`{}`", format.word())),
            "{}",
            format.word()
        );
    }
}
