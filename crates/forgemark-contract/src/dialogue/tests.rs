//! Key order, null conventions, round trips, derived rows, columns, traces.

mod sample;

use std::sync::Arc;

use super::derive::{self, Head};
use super::samples::{self, head, turns};
use super::*;
use crate::json::{Json, Object, WriteJson, parse, parse_str, to_line, to_line_text, to_pretty};
use crate::shape::ShapeError;

fn keys(value: &Json) -> Vec<&str> {
    value
        .as_object()
        .map_or_else(Vec::new, |object| object.keys().collect())
}

fn read(text: &str) -> Json {
    parse_str(text).unwrap()
}

/// Writes a record, reads it, writes it again: the same bytes in both styles and the same tree.
fn round_trip<T: WriteJson + PartialEq + std::fmt::Debug>(
    record: &T,
    read: fn(&Json) -> Result<T, ShapeError>,
) -> Json {
    let line = to_line(record);
    let value = parse(&line).unwrap();
    let again = read(&value).unwrap();
    assert_eq!(&again, record);
    assert_eq!(to_line(&again), line);
    assert_eq!(to_pretty(&again), to_pretty(&value));
    value
}

#[test]
fn dataset_rows_have_thirteen_keys() {
    let value = round_trip(&samples::dataset_row(), DatasetRow::from_json);
    let expected = "conversation_id timestamp question inputs qa_generation_plan kb_final_answer qa_judge \
                    conversation_judge turns conversation_history messages raw_result raw_results forgemark";
    assert_eq!(keys(&value).join(" "), expected);
    let turn = "turn_index qa_generation kb_answer qa_judge qa_agent_used_name kb_agent_used_name seed_topic \
                seed_question question_mode tool_events forgemark";
    assert_eq!(keys(&value.items("turns")[0]).join(" "), turn);
    assert_eq!(
        keys(&value.items("turns")[0].items("tool_events")[0]),
        ["id", "name", "arguments", "result"]
    );
    assert_eq!(
        keys(&value.items("messages")[0]),
        ["role", "content", "turn_index", "agent"]
    );
    assert_eq!(
        keys(&value.items("messages")[2]),
        ["role", "content", "turn_index"]
    );
    let raw = "turn_index attempt qa_raw kb_raw judge_raw qa_output kb_output qa_judge";
    assert_eq!(keys(&value.items("raw_results")[0]).join(" "), raw);
    assert_eq!(
        keys(&value.items("raw_results")[1]),
        ["conversation_judge_raw", "conversation_judge"]
    );
    assert_eq!(value, samples::dataset_row().to_json());
}

#[test]
fn conversation_files_have_fifteen_keys() {
    let value = round_trip(&samples::conversation_file(), ConversationFile::from_json);
    let expected = "conversation_id timestamp seed_question inputs n_turns language personas messages \
                    messages_with_tools user_reasoning assistant_reasoning conversation_judge turns \
                    conversation_history raw_results";
    assert_eq!(keys(&value).join(" "), expected);
    assert_eq!(
        keys(value.at("personas")),
        ["user", "assistant", "user_id", "assistant_id"]
    );
    let user = "turn_index role message agent intent difficulty coverage_target";
    assert_eq!(
        keys(&value.items("conversation_history")[0]).join(" "),
        user
    );
    let assistant = "turn_index role message agent confidence";
    assert_eq!(
        keys(&value.items("conversation_history")[1]).join(" "),
        assistant
    );
}

#[test]
fn turn_rows_have_twenty_three_keys_and_fill_what_is_missing() {
    let row = derive::turn_row(&head(), &turns()[1]);
    let value = round_trip(&row, TurnRow::from_json);
    let expected = "conversation_id timestamp turn_index user_message assistant_message question_mode seed_topic \
                    seed_question intent difficulty coverage_target grounding_facts notes_for_assistant \
                    reasoning_trace did_web_search judge_granularity judge_score judge_reasons judge_notes \
                    judge_question_ok judge_answer_ok conversation_judge_score conversation_judge_reasons";
    assert_eq!(keys(&value).join(" "), expected);
    assert_eq!(keys(&value).len(), 23);
    let bare = Turn {
        turn_index: 1,
        ..Turn::default()
    };
    let empty = derive::turn_row(
        &Head {
            conversation_judge: Arc::default(),
            ..head()
        },
        &bare,
    );
    let expected = r#"{"conversation_id": "demo-w0000-s0001", "timestamp": "2030-01-02T03:04:05.000006+00:00", "turn_index": 1, "user_message": null, "assistant_message": null, "question_mode": "", "seed_topic": "", "seed_question": "", "intent": null, "difficulty": null, "coverage_target": null, "grounding_facts": [], "notes_for_assistant": [], "reasoning_trace": {}, "did_web_search": null, "judge_granularity": "turn", "judge_score": null, "judge_reasons": [], "judge_notes": null, "judge_question_ok": null, "judge_answer_ok": null, "conversation_judge_score": null, "conversation_judge_reasons": []}"#;
    assert_eq!(to_line_text(&empty), expected);
}

#[test]
fn ledger_rows_have_nine_keys_and_an_older_name() {
    let row = derive::ledger_row("2030-01-02T03:04:05.000006Z", "manual.md", &turns()[0]).unwrap();
    let expected = r#"{"timestamp": "2030-01-02T03:04:05.000006Z", "topic_id": "0f-3", "source_path": "manual.md", "question": "Which bolts need thread lock?", "question_hash": "238aedcdfe4ddd20", "question_mode": "fresh", "seed_topic": "", "seed_question": "", "seed_question_hash": ""}"#;
    assert_eq!(to_line_text(&row), expected);
    round_trip(&row, LedgerRow::from_json);
    let old = LedgerRow::from_json(&read(&expected.replace("source_path", "source"))).unwrap();
    assert_eq!(old, row);
    let seeded = derive::ledger_row("t", "", &turns()[1]).unwrap();
    assert_eq!(
        seeded.seed_question_hash,
        crate::text::question_hash("Which bolts?")
    );
    let blank = Turn {
        qa_generation: Arc::new(read(r#"{"user_message": " \u2028"}"#)),
        ..Turn::default()
    };
    assert_eq!(derive::ledger_row("t", "", &blank), None);
}

#[test]
fn index_rows_and_states_keep_their_order() {
    let index = IndexRow {
        conversation_id: "c".to_owned(),
        ..IndexRow::default()
    };
    let value = round_trip(&index, IndexRow::from_json);
    assert_eq!(
        keys(&value).join(" "),
        "conversation_id timestamp n_turns seed_question language conversation_file"
    );

    let single = RunState::Single(samples::single_state());
    let value = round_trip(&single, RunState::from_json);
    assert_eq!(
        keys(&value).join(" "),
        "run_id status updated_at n_turns inputs turns raw_results"
    );
    assert_eq!((single.run_id(), single.status()), ("demo", "in_progress"));

    let batched = RunState::Batched(samples::batched_state());
    let value = round_trip(&batched, RunState::from_json);
    assert_eq!(
        keys(&value).join(" "),
        "run_id status updated_at n_turns batch_size inputs conversations"
    );
    let slot = "conversation_index conversation_id target_n_turns status drop_reason inputs turns raw_results";
    assert_eq!(keys(&value.items("conversations")[1]).join(" "), slot);
    assert!(batched.inputs().as_object().unwrap().is_empty());
}

#[test]
fn inputs_keep_the_observed_order() {
    let all = "question target_language target_languages question_seed run_id resume_run_id total_samples min_turns \
               max_turns turn_count_distribution turn_count_mean seed_topics_path seed_topics_variant \
               seed_topics_probability seed_topics_enabled retrieval_default_k user_persona assistant_persona \
               user_persona_id assistant_persona_id user_agent_used_name assistant_agent_used_name judge_enabled \
               judge_granularity judge_reasons project_root config_dir n_turns batch_size conversation_index \
               conversation_status drop_reason conversation_judge forgemark";
    let table = <Inputs as crate::shape::Record>::TABLE;
    let names: Vec<&str> = table.fields.iter().map(|rule| rule.key).collect();
    assert_eq!(names.join(" "), all);
    let value = round_trip(&samples::inputs(), Inputs::from_json);
    assert!(value.get("turn_count_mean").is_some_and(Json::is_null));
    assert!(value.get("batch_size").is_none());
}

#[test]
fn unknown_keys_survive_before_ours() {
    let text = r#"{"conversation_id": "c", "timestamp": "t", "n_turns": 1, "seed_question": "", "language": "en", "conversation_file": "f", "later": {"x": [1e-07]}, "\ud800": 18446744073709551616, "forgemark": {"v": 1}}"#;
    let row = IndexRow::from_json(&read(text)).unwrap();
    assert_eq!(row.extra.len(), 2);
    assert_eq!(to_line_text(&row), text);
    let compat = IndexRow {
        forgemark: None,
        ..row
    };
    assert!(!to_line_text(&compat).contains("forgemark"));
}

#[test]
fn readers_take_any_judge_and_name_what_they_cannot_take() {
    let mut value = samples::dataset_row().to_json();
    for judge in [
        r#"{"score": "eight", "reasons": "vague"}"#,
        "null",
        "[]",
        "7",
    ] {
        value
            .as_object_mut()
            .unwrap()
            .insert("qa_judge", read(judge));
        assert_eq!(
            DatasetRow::from_json(&value).unwrap().qa_judge.as_ref(),
            &read(judge)
        );
    }
    let turns = value
        .as_object_mut()
        .unwrap()
        .get_mut("turns")
        .unwrap()
        .as_array_mut()
        .unwrap();
    turns[1]
        .as_object_mut()
        .unwrap()
        .insert("turn_index", "two");
    let error = DatasetRow::from_json(&value).unwrap_err();
    assert_eq!(
        error.to_string(),
        "turns[1].turn_index: expected an integer, found string"
    );
    value.as_object_mut().unwrap().remove("messages");
    value
        .as_object_mut()
        .unwrap()
        .insert("turns", Json::Array(Vec::new()));
    assert_eq!(
        DatasetRow::from_json(&value).unwrap_err().to_string(),
        "messages: missing"
    );
    assert_eq!(
        DatasetRow::from_json(&Json::Null).unwrap_err().to_string(),
        "$: expected an object, found null"
    );
}

#[test]
fn tool_messages_match_their_calls() {
    let messages = derive::messages_with_tools(&turns());
    let roles: Vec<&str> = messages
        .iter()
        .map(|message| message.role.as_str())
        .collect();
    let first = ["user", "assistant", "tool", "tool", "assistant"];
    let second = [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ];
    assert_eq!(roles, [&first[..], &second[..]].concat());
    let expected = r#"{"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "vector_db_search", "arguments": "{\"query\": \"thread lock\", \"k\": 4}"}}, {"id": "call_0", "type": "function", "function": {"name": "vector_db_search", "arguments": "{\"query\": \"thread lock\", \"k\": 4}"}}], "agent": "m2"}"#;
    assert_eq!(to_line_text(&messages[1]), expected);
    let reply = to_line_text(&messages[2]);
    assert!(reply.starts_with(r#"{"role": "tool", "tool_call_id": "c1", "name": "vector_db_search", "content": "{\"query\": "#));
    assert_eq!(messages[3].tool_call_id.as_deref(), Some("call_0"));
    // The second turn gives both rounds the id `c1`; each keeps its own message and the repeated id is replaced.
    assert_eq!(messages[6].content, "let me look");
    let mut open = Vec::new();
    for message in &messages {
        open.extend(
            message
                .tool_calls
                .iter()
                .flatten()
                .map(|call| call.id.clone()),
        );
        if let Some(answered) = &message.tool_call_id {
            open.retain(|id| id != answered);
        }
    }
    assert!(open.is_empty(), "calls without a reply: {open:?}");
    let ids: Vec<_> = messages[5..]
        .iter()
        .filter_map(|message| message.tool_call_id.as_deref())
        .collect();
    assert_eq!(ids, ["c1", "call_1"]);
}

#[test]
fn blank_sides_have_no_message() {
    let turn = Turn {
        turn_index: 1,
        qa_generation: Arc::new(Json::empty_object()),
        kb_answer: Arc::new(read(r#"{"assistant_message": "Hello"}"#)),
        ..Turn::default()
    };
    let turns = [Arc::new(turn)];
    assert_eq!(
        to_line_text(&derive::sharegpt_messages(&turns)),
        r#"[{"role": "assistant", "content": "Hello"}]"#
    );
    assert_eq!(derive::history(&turns).len(), 1);
    assert_eq!(derive::user_reasoning(&turns).len(), 1);
    let cut = Turn {
        qa_generation: Arc::new(read(r#"{"user_message": "a\ud83d"}"#)),
        ..Turn::default()
    };
    assert_eq!(derive::user_message(&cut).as_deref(), Some("a\u{FFFD}"));
    // The flat row keeps what the model wrote.
    assert!(
        to_line_text(&derive::turn_row(&head(), &cut)).contains(r#""user_message": "a\ud83d""#)
    );
}

#[test]
fn judge_payloads_average_numbers_only() {
    let payload = derive::judge_payload(&turns(), &Json::empty_object());
    assert_eq!(payload.avg_score, Some(6.75));
    assert_eq!(payload.per_turn.len(), 2);
    let scores = [
        read("8"),
        read("true"),
        read("\"9\""),
        Json::Null,
        read("3.0"),
    ];
    assert_eq!(derive::mean_score(scores.iter()), Some(4.0));
    assert_eq!(derive::mean_score([].iter()), None);
    let none = derive::judge_payload(&[], &read(r#"{"score": 7}"#));
    assert_eq!(
        to_line_text(&none),
        r#"{"per_turn": [], "avg_score": null, "conversation": {"score": 7}}"#
    );
    let disabled = read(r#"{"score": 0, "notes": "disabled"}"#);
    assert!(!derive::is_judged(&[], &disabled, false));
    assert!(derive::is_judged(&[], &disabled, true));
    assert!(derive::is_judged(&turns(), &Json::empty_object(), false));
}

#[test]
fn metadata_drops_empty_entries() {
    let metadata = samples::sharegpt_row().metadata;
    let expected = r#"{"conversation_id": "demo-w0000-s0001", "timestamp": "2030-01-02T03:04:05.000006+00:00", "n_turns": 2, "language": "en", "judge_granularity": "turn", "personas": {"user": "Field Tech | direct | asks short things", "assistant": "", "user_id": "field_tech", "assistant_id": ""}, "difficulty_sequence": ["easy", "hard"], "difficulty_max": "hard", "intent_sequence": ["how_to"], "coverage_targets": ["0f-3", "0f-4"], "question_modes": ["fresh", "followup"], "seed_topics": ["bolts"], "seed_questions": ["Which bolts?"]}"#;
    assert_eq!(to_line_text(&metadata), expected);
    round_trip(&metadata, Metadata::from_json);
}

#[test]
fn columns_rename_both_ways() {
    let mapping = Object::from([
        ("message_with_tools", " tools ".into()),
        ("judge", "verdict".into()),
        ("metadata", Json::Null),
    ]);
    let columns = Columns::new(&mapping).unwrap();
    assert!(!columns.is_identity());
    let row = samples::sharegpt_row();
    let value = parse(&to_line(&row.renamed(&columns))).unwrap();
    assert_eq!(
        keys(&value).join(" "),
        "messages tools metadata user_reasoning assistant_reasoning verdict"
    );
    assert_eq!(ShareGptRow::from_json_with(&value, &columns).unwrap(), row);
    let error = ShareGptRow::from_json(&value).unwrap_err();
    assert_eq!(error.path, "messages_with_tools");
    round_trip(&row, ShareGptRow::from_json);
    let swapped = Columns::new(&Object::from([
        ("messages", "metadata".into()),
        ("metadata", "messages".into()),
    ]))
    .unwrap();
    let value = parse(&to_line(&row.renamed(&swapped))).unwrap();
    assert_eq!(ShareGptRow::from_json_with(&value, &swapped).unwrap(), row);
}

#[test]
fn columns_refuse_what_would_lose_data() {
    let refuse = |key: &str, name: Json| Columns::new(&Object::from([(key, name)])).unwrap_err();
    assert_eq!(
        refuse("judge", "metadata".into()).to_string(),
        "columns 'metadata' and 'judge' would both be called 'metadata'"
    );
    assert!(matches!(
        refuse("judge", "  ".into()),
        ColumnsError::Blank { .. }
    ));
    assert!(matches!(
        refuse("judge", 1.into()),
        ColumnsError::NotText { .. }
    ));
    let ColumnsError::Unknown { nearest, .. } = refuse("mesages", "m".into()) else {
        panic!("not unknown")
    };
    assert_eq!(nearest, Some("messages"));
    let twice = Object::from([
        ("messages_with_tools", "a".into()),
        ("message_with_tools", "b".into()),
    ]);
    assert!(matches!(
        Columns::new(&twice),
        Err(ColumnsError::Collision { .. })
    ));
    assert!(Columns::new(&Object::new()).unwrap().is_identity());
}

#[test]
fn traces_take_their_normal_form() {
    let vectors = [
        ("null", "{}"),
        ("[1]", "{}"),
        ("\"x\"", "{}"),
        ("{}", "{}"),
        (r#"{"thinking": "a"}"#, r#"{"thinking": [{"text": "a"}]}"#),
        (r#"{"thinking": null}"#, r#"{"thinking": []}"#),
        (r#"{"thinking": 7}"#, r#"{"thinking": [{"text": "7"}]}"#),
        (
            r#"{"thinking": ["a", {"step": 1, "text": "b"}, {"note": "c"}, 2.5, true]}"#,
            r#"{"thinking": [{"text": "a"}, {"text": "b", "step": 1}, {"text": "", "note": "c"}, {"text": "2.5"}, {"text": "true"}]}"#,
        ),
        (
            r#"{"premises": [{"id": 1, "text": "p", "evidence_refs": ["E1", 2], "assumption": true, "x": 0}, {"note": "n"}, {"text_note": false, "evidence_refs": "E3"}, "q"]}"#,
            r#"{"premises": [{"id": "1", "text": "p", "evidence_refs": ["E1", "2"], "assumption": "true"}, {"id": "", "text": "", "evidence_refs": [], "assumption": "n"}, {"id": "", "text": "", "evidence_refs": ["E3"], "assumption": "false"}, {"id": "", "text": "q", "evidence_refs": [], "assumption": ""}]}"#,
        ),
        (
            r#"{"question": 1, "evidence": "e", "extra": [null]}"#,
            r#"{"question": 1, "evidence": "e", "extra": [null]}"#,
        ),
    ];
    for (trace, expected) in vectors {
        let normal = normalize_reasoning(&read(trace));
        assert_eq!(to_line_text(&normal), expected, "{trace}");
        assert_eq!(normalize_reasoning(&normal), normal, "not stable: {trace}");
    }
}
