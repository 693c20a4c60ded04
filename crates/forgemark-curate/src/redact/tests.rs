// tidy: allow-address-in-file(addresses here are text that is looked for; nothing is reached)
use super::*;

/// Texts with what is in them. Nothing here is anybody's: numbers are those of the standards' examples, tokens are made up.
fn planted() -> Vec<(String, Vec<Kind>)> {
    let token = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    let mut texts = vec![
        (
            "write to jo.doe+x@mail.example.org today".to_owned(),
            vec![Kind::Email],
        ),
        (
            "call +49 30 1234 5678 or +1 (555) 010-9999".to_owned(),
            vec![Kind::Phone, Kind::Phone],
        ),
        (
            "card 4111 1111 1111 1111, account DE89 3704 0044 0532 0130 00".to_owned(),
            vec![Kind::Card, Kind::Iban],
        ),
        (
            "GB82WEST12345698765432 is mine".to_owned(),
            vec![Kind::Iban],
        ),
        ("card 5500-0000-0000-0004".to_owned(), vec![Kind::Card]),
        (format!("export GH=ghp_{token}"), vec![Kind::ServiceToken]),
        (
            format!("use sk-proj-{token} and hf_{token}"),
            vec![Kind::ServiceToken, Kind::ServiceToken],
        ),
        (
            format!("AKIA{} in us-east-1", "ABCDEFGHIJKLMNOP"),
            vec![Kind::ServiceToken],
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLWhlcmU".to_owned(),
            vec![Kind::WebToken],
        ),
        (
            "password = \"hunter2-and-more\"".to_owned(),
            vec![Kind::Assigned],
        ),
        (
            "{\"api_key\": \"0123456789abcdef\"}".to_owned(),
            vec![Kind::Assigned],
        ),
        (
            "it came from 81.2.69.142 at noon".to_owned(),
            vec![Kind::IpAddress],
        ),
    ];
    let key = [
        "-----BEGIN RSA ",
        "PRIVATE KEY-----\nMIIB\n-----END RSA ",
        "PRIVATE KEY-----",
    ]
    .concat();
    texts.push((format!("key:\n{key}\nend"), vec![Kind::PrivateKey]));
    let harmless = [
        "version 1.2.3.4 of the manual",
        "the address 192.168.0.17 is private",
        "10.0.0.1 and 127.0.0.1",
        "order 4111 1111 1111 1112 has no check digit",
        "page 1234567890123 of the log",
        "0000 0000 0000 0000",
        "DE00 3704 0044 0532 0130 00 is no account",
        "the password is long",
        "user@host without a domain",
        "a@b",
        "the secret: patience",
        "3 + 49 30 is 82",
        "sk-short",
        "tighten to 40 Nm +/- 2",
        "TEST12345678 is a part number",
        "UUID 123e4567-e89b-12d3-a456-426614174000",
    ];
    texts.extend(harmless.map(|text| (text.to_owned(), vec![])));
    texts
}

#[test]
fn d24_planted_secrets_are_found_and_harmless_text_is_left_alone() {
    let (mut planted_n, mut found_n, mut false_n) = (0, 0, 0);
    for (text, expected) in planted() {
        let kinds: Vec<Kind> = find(&text, &Kind::ALL)
            .iter()
            .map(|found| found.kind)
            .collect();
        planted_n += expected.len();
        found_n += expected.iter().filter(|kind| kinds.contains(kind)).count();
        false_n += kinds.len().saturating_sub(expected.len());
        if kinds != expected {
            println!("{text:?}: expected {expected:?}, found {kinds:?}");
        }
    }
    println!("planted {planted_n}, found {found_n}, false {false_n}");
    assert_eq!((planted_n, found_n), (16, 16));
    // The version number has the form of an address and nothing that tells it from one.
    assert_eq!(false_n, 1);
}

#[test]
fn finds_are_replaced_by_their_kind() {
    let (clean, finds) = redact("mail a@b.org, card 4111111111111111.", &Kind::ALL);
    assert_eq!(clean, "mail [EMAIL], card [CARD].");
    assert_eq!(finds.len(), 2);
    assert_eq!(
        redact("password: correct-horse", &Kind::ALL).0,
        "password: [SECRET]"
    );
    assert_eq!(redact("mail a@b.org", &[Kind::Card]).0, "mail a@b.org");
}

#[test]
fn a_cut_replaces_what_is_found_or_ends_before_it() {
    use crate::formats::Format;
    use crate::recipe::{OnFind, Recipe, RedactRule, Task};
    use crate::testing::{plan, rec, recipe, texts, try_cut};

    let rows = || {
        vec![
            rec("q1", "user", "hello", 1),
            rec("a1", "assistant", "hi", 2),
            rec("q2", "user", "I am jo@mail.example.org", 3),
            rec("a2", "assistant", "noted", 4),
        ]
    };
    let cut = |on_find| {
        let redact = Some(RedactRule {
            kinds: Kind::ALL.to_vec(),
            on_find,
        });
        try_cut(
            rows(),
            &plan(
                Recipe {
                    redact,
                    ..recipe(Task::Sft)
                },
                Format::Trl,
            ),
        )
        .unwrap()
    };
    let replaced = cut(OnFind::Replace);
    assert_eq!(
        texts(replaced.lines("cut.jsonl")[0].at("messages")),
        ["hello", "hi", "I am [EMAIL]", "noted"]
    );
    assert_eq!(
        replaced.text("cut.redactions.jsonl"),
        "{\"record\": \"q2\", \"kinds\": [\"EMAIL\"]}\n"
    );
    let dropped = cut(OnFind::Drop);
    assert_eq!(
        texts(dropped.lines("cut.jsonl")[0].at("messages")),
        ["hello", "hi"]
    );
    assert_eq!(dropped.fate("q2").unwrap().0, "redact");
    assert!(!dropped.text("cut.decisions.jsonl").contains("example.org"));
}

#[test]
fn every_kind_has_a_pattern_that_can_be_read() {
    assert_eq!(PATTERNS.len(), Kind::ALL.len());
}

#[test]
fn all_texts_of_a_message_are_cleaned() {
    let part =
        forgemark_contract::json::parse_str(r#"{"type": "text", "text": "I am a@b.org"}"#).unwrap();
    let mut message = ChatMessage {
        content: Some(Content::Parts(vec![part])),
        reasoning: Some("she is a@b.org".to_owned()),
        ..ChatMessage::text("assistant", "")
    };
    assert_eq!(
        redact_message(&mut message, &Kind::ALL),
        [Kind::Email, Kind::Email]
    );
    assert_eq!(message.content_text(), "I am [EMAIL]");
    assert_eq!(message.reasoning.as_deref(), Some("she is [EMAIL]"));
}
