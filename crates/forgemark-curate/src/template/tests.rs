use super::*;

const CHATML: &str = "{{ bos_token }}{% for message in messages %}
{% if message.role == 'critic' %}{{ raise_exception('no critics') }}{% endif %}
<|im_start|>{{ message.role }}
{{ message['content'].strip() }}{% if message.tool_calls %}{{ message.tool_calls[0].function | tojson }}{% endif %}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}";

fn messages() -> Vec<ChatMessage> {
    vec![
        ChatMessage::text("user", "q1"),
        ChatMessage {
            train: Some(false),
            ..ChatMessage::text("assistant", "a1")
        },
        ChatMessage::text("user", "é"),
        ChatMessage::text("assistant", " a2 "),
    ]
}

#[test]
fn the_mask_covers_the_answers_that_are_learned() {
    let template = ChatTemplate::new(CHATML, "<s>", "</s>").unwrap();
    let rendered = template.render(&messages()).unwrap();
    assert!(
        rendered
            .text
            .starts_with("<s><|im_start|>user\nq1<|im_end|>\n"),
        "{}",
        rendered.text
    );
    let learned: Vec<&str> = rendered
        .learned
        .iter()
        .map(|range| &rendered.text[range.clone()])
        .collect();
    assert_eq!(learned, ["a2<|im_end|>\n"]);
}

#[test]
fn calls_are_json_in_the_order_of_their_keys() {
    let mut messages = messages();
    let call = r#"{"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}"#;
    messages[3] =
        ChatMessage::from_json(&forgemark_contract::json::parse_str(call).unwrap()).unwrap();
    let rendered = ChatTemplate::new(CHATML, "", "")
        .unwrap()
        .render(&messages)
        .unwrap();
    let learned = &rendered.text[rendered.learned[0].clone()];
    assert_eq!(
        learned,
        "{\"name\": \"f\", \"arguments\": \"{}\"}<|im_end|>\n"
    );
}

#[test]
fn a_template_can_refuse_and_what_it_refuses_is_said() {
    let template = ChatTemplate::new(CHATML, "", "").unwrap();
    let error = template
        .render(&[ChatMessage::text("critic", "x")])
        .unwrap_err();
    assert!(error.to_string().contains("no critics"), "{error}");
    assert!(ChatTemplate::new("{% for %}", "", "").is_err());
}

#[test]
fn a_template_that_rewrites_what_was_said_cannot_be_masked() {
    let only_last = "{% for m in messages %}{% if loop.last %}{{ m.content }}{% else %}.{% endif %}{% endfor %}";
    let template = ChatTemplate::new(only_last, "", "").unwrap();
    assert!(matches!(
        template.render(&messages()),
        Err(TemplateError::NotAPrefix { message: 4 })
    ));
}
