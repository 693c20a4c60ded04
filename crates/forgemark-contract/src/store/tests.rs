use super::*;
use crate::json::{Json, Style, WriteJson, Writer, parse_str, to_compact};
use crate::shape::check;
use crate::shape::{Field, Record};
use crate::time::Timestamp;

const FULL: &str = r#"{"id":"r1","external_id":"doc-7#1","run_id":"run","bot_id":"b","session_id":"s","tenant":"t","source":"web","created_at":"2030-01-02T03:04:05.000006Z","role":"assistant","state_metadata":{"step":1,"tokens_used":11},"metadata":{"reward":0.5},"relationships":[{"target_id":"r0","relation":"answers","weight":0.1}],"lifecycle_status":"active","content_type":"text/plain","text_payload":"hi","binary_payload":"AAEC","embedding":[0.1,1.0,-2.5],"seq":3,"parent_id":"r0","branch_id":"main","candidate_group":"g","message":{"role":"assistant","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"x"}}],"reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"train":false},"updated_at":"2030-01-02T03:04:06Z","origin_digest":"d","later":true}"#;

fn record(text: &str) -> ContextRecord {
    ContextRecord::from_json(&parse_str(text).unwrap()).unwrap()
}

#[test]
fn a_record_survives_its_json_form_with_keys_that_we_do_not_know() {
    let read = record(FULL);
    assert_eq!(String::from_utf8(to_compact(&read)).unwrap(), FULL);
    assert_eq!(to_compact(&read.to_field()), FULL.as_bytes());
    assert_eq!(check(ContextRecord::SHAPE, &parse_str(FULL).unwrap()), []);
    assert_eq!(read.embedding.as_deref(), Some(&[0.1, 1.0, -2.5][..]));
    assert_eq!(read.binary_payload, Some(Bytes(vec![0, 1, 2])));
    assert_eq!(read.extra.get("later"), Some(&Json::Bool(true)));
}

#[test]
fn null_reads_as_absent_and_an_absent_list_as_empty() {
    let read = record(
        r#"{"id":"a","run_id":"","created_at":"2030-01-02T03:04:05Z","role":"user","lifecycle_status":"active","content_type":"text/plain","text_payload":null,"relationships":null,"embedding":null}"#,
    );
    let same = ContextRecord {
        text_payload: None,
        ..ContextRecord::text(
            "a",
            "user",
            "",
            Timestamp::from_epoch_seconds(1_893_553_445),
        )
    };
    assert_eq!(read, same);
}

#[test]
fn a_value_of_another_kind_is_an_error_with_its_place() {
    let text = FULL.replace(r#""weight":0.1"#, r#""weight":"much""#);
    let error = ContextRecord::from_json(&parse_str(&text).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "relationships[0].weight: expected a number, found string"
    );
    let text = FULL.replace("AAEC", "A?");
    let error = ContextRecord::from_json(&parse_str(&text).unwrap()).unwrap_err();
    assert_eq!(error.path, "binary_payload");
}

#[test]
fn the_original_columns_stand_first_and_in_their_order() {
    let keys: Vec<&str> = ContextRecord::TABLE
        .fields
        .iter()
        .map(|rule| rule.key)
        .collect();
    assert_eq!(
        keys[..26],
        [
            "id",
            "external_id",
            "run_id",
            "bot_id",
            "session_id",
            "tenant",
            "source",
            "created_at",
            "role",
            "state_metadata",
            "metadata",
            "relationships",
            "expires_at",
            "retention_policy",
            "lifecycle_status",
            "retired_at",
            "retired_reason",
            "supersedes_id",
            "superseded_by_id",
            "content_type",
            "text_payload",
            "binary_payload",
            "payload_uri",
            "payload_size",
            "payload_checksum",
            "embedding",
        ]
    );
    assert_eq!(
        keys[26..],
        [
            "seq",
            "parent_id",
            "branch_id",
            "candidate_group",
            "message",
            "updated_at",
            "origin_digest"
        ]
    );
}

#[test]
fn a_rollout_row_survives_its_json_form() {
    let text = r#"{"id":"x","rollout_id":"r","problem_id":"p","sequence_order":2,"role":"assistant","created_at":"2030-01-02T03:04:05Z","content":"4","content_type":"text/plain","output_tokens":[1,2],"output_logprobs":[-0.1,-0.25],"loss_mask":[1,0],"reward":1.0,"include_in_training":true}"#;
    let row = RolloutRecord::from_json(&parse_str(text).unwrap()).unwrap();
    assert_eq!(String::from_utf8(to_compact(&row)).unwrap(), text);
    assert_eq!(row.output_logprobs.as_deref(), Some(&[-0.1, -0.25][..]));
}

#[test]
fn the_text_of_parts_is_that_of_the_text_parts() {
    let message = record(FULL).message.unwrap();
    assert_eq!(message.content_text(), "hi");
    assert!(message.content.as_ref().is_some_and(Content::has_media));
    assert!(!message.is_blank());
    assert!(ChatMessage::text("assistant", " \n").is_blank());
}

#[test]
fn floats_are_spelled_as_serde_json_spells_them() {
    let spelled = |value: f64| {
        let mut out = Vec::new();
        value.write_json(&mut Writer::new(&mut out, Style::RUST_LINE));
        String::from_utf8(out).unwrap()
    };
    let golden = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1e-6, "1e-6"),
        (1.5e-7, "1.5e-7"),
        (123_456.789, "123456.789"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (f64::NAN, "null"),
        (f64::INFINITY, "null"),
    ];
    for (value, text) in golden {
        assert_eq!(spelled(value), text);
    }
}
