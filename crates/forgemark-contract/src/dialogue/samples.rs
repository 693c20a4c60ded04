//! One judged conversation of two turns, and every artifact made from it, for the tests of this crate.

use std::sync::Arc;

use super::derive::{self, Head};
use super::*;
use crate::json::{Json, Object, parse_str};
use crate::shape::ArtifactKind;

fn tree(text: &str) -> Arc<Json> {
    Arc::new(parse_str(text).unwrap())
}

pub(crate) fn turns() -> Vec<Arc<Turn>> {
    let event = |id: Option<&str>, round: Option<i64>| ToolEvent {
        id: id.map(str::to_owned),
        name: "vector_db_search".to_owned(),
        arguments: tree(r#"{"query": "thread lock", "k": 4}"#),
        result: tree(
            r#"{"query": "thread lock", "results": [{"source": "manual.md", "chunk_index": 3, "content": "é \"q\""}], "rendered": "[manual.md] é"}"#,
        ),
        forgemark: round.map(|round| {
            Json::object([("round", round.into()), ("content", "let me look".into())])
        }),
        ..ToolEvent::default()
    };
    let first = Turn {
        turn_index: 1,
        qa_generation: tree(
            r#"{"user_message": "Which bolts need thread lock?", "intent": "how_to", "difficulty": "easy", "grounding_facts": [{"fact": "M6 bolts need blue lock", "source_descriptor": "manual.md#chunk3"}], "coverage_target": "0f-3", "notes_for_assistant": ["cite the size"]}"#,
        ),
        kb_answer: tree(
            r#"{"assistant_message": "Use it on M6 bolts.", "reasoning_trace": {"question": "q", "premises": [{"id": "P1", "text": "M6 needs lock", "evidence_refs": ["E1"]}], "thinking": "manual says M6", "confidence": "high"}, "did_web_search": false}"#,
        ),
        qa_judge: tree(
            r#"{"score": 8, "reasons": [], "notes": "ok", "question_ok": true, "answer_ok": true}"#,
        ),
        qa_agent_used_name: "openai/m".to_owned(),
        kb_agent_used_name: "m2".to_owned(),
        question_mode: "fresh".to_owned(),
        tool_events: vec![event(Some("c1"), None), event(None, None)],
        forgemark: Some(Json::object([("support", 0.75.into())])),
        ..Turn::default()
    };
    let second = Turn {
        turn_index: 2,
        qa_generation: tree(
            r#"{"user_message": "And M8?", "difficulty": "hard", "coverage_target": "0f-4"}"#,
        ),
        kb_answer: tree(r#"{"assistant_message": "No.", "reasoning_trace": null}"#),
        qa_judge: tree(
            r#"{"score": 5.5, "reasons": ["vague"], "notes": "", "question_ok": true, "answer_ok": false}"#,
        ),
        seed_topic: "bolts".to_owned(),
        seed_question: "Which bolts?".to_owned(),
        question_mode: "followup".to_owned(),
        tool_events: vec![event(Some("c1"), Some(0)), event(Some("c1"), Some(1))],
        ..Turn::default()
    };
    vec![Arc::new(first), Arc::new(second)]
}

pub(crate) fn head() -> Head {
    Head {
        conversation_id: "demo-w0000-s0001".to_owned(),
        timestamp: "2030-01-02T03:04:05.000006+00:00".to_owned(),
        judge_granularity: "turn".to_owned(),
        conversation_judge: Arc::new(Json::empty_object()),
    }
}

pub(crate) fn inputs() -> Inputs {
    Inputs {
        question: Some(String::new()),
        target_language: Some("en".to_owned()),
        target_languages: Some(vec!["en".to_owned(), "fr".to_owned()]),
        run_id: Some("demo-w0000-s0001".to_owned()),
        turn_count_mean: Some(Json::Null),
        seed_topics_probability: Some(0.35),
        judge_enabled: Some(true),
        judge_reasons: Some(vec!["vague".to_owned()]),
        project_root: Some(".".to_owned()),
        n_turns: Some(2),
        conversation_index: Some(1),
        conversation_status: Some("completed".to_owned()),
        drop_reason: Some(String::new()),
        ..Inputs::default()
    }
}

pub(crate) fn personas() -> Personas {
    Personas {
        user: "Field Tech | direct | asks short things".to_owned(),
        user_id: "field_tech".to_owned(),
        ..Personas::default()
    }
}

pub(crate) fn raw_results() -> Vec<Arc<RawResult>> {
    let turn = RawTurn {
        turn_index: 1,
        qa_raw: tree(r#"{"choices": []}"#),
        kb_raw: tree(r#""text""#),
        judge_raw: tree("{}"),
        qa_output: tree("{}"),
        kb_output: tree("{}"),
        qa_judge: tree("{}"),
        ..RawTurn::default()
    };
    let whole = RawConversation {
        conversation_judge: tree(r#"{"score": 7}"#),
        ..RawConversation::default()
    };
    vec![
        Arc::new(RawResult::Turn(turn)),
        Arc::new(RawResult::Conversation(whole)),
    ]
}

pub(crate) fn dataset_row() -> DatasetRow {
    let turns = turns();
    DatasetRow {
        conversation_id: head().conversation_id,
        timestamp: head().timestamp,
        inputs: Arc::new(inputs().to_json()),
        qa_generation_plan: turns[1].qa_generation.clone(),
        kb_final_answer: turns[1].kb_answer.clone(),
        qa_judge: turns[1].qa_judge.clone(),
        conversation_judge: head().conversation_judge,
        conversation_history: Arc::new(derive::history(&turns)),
        messages: Arc::new(derive::dataset_messages(&turns)),
        raw_result: turns[1].kb_answer.clone(),
        raw_results: raw_results(),
        turns,
        forgemark: Some(Json::object([("status", "completed".into())])),
        ..DatasetRow::default()
    }
}

pub(crate) fn conversation_file() -> ConversationFile {
    let turns = turns();
    ConversationFile {
        conversation_id: head().conversation_id,
        timestamp: head().timestamp,
        inputs: Arc::new(inputs().to_json()),
        n_turns: 2,
        language: "en".to_owned(),
        personas: personas(),
        messages: Arc::new(derive::dataset_messages(&turns)),
        messages_with_tools: Arc::new(derive::messages_with_tools(&turns)),
        user_reasoning: Arc::new(derive::user_reasoning(&turns)),
        assistant_reasoning: Arc::new(derive::assistant_reasoning(&turns)),
        conversation_judge: head().conversation_judge,
        conversation_history: Arc::new(derive::history(&turns)),
        raw_results: raw_results(),
        turns,
        ..ConversationFile::default()
    }
}

pub(crate) fn sharegpt_row() -> ShareGptRow {
    let turns = turns();
    ShareGptRow {
        messages: Arc::new(derive::sharegpt_messages(&turns)),
        messages_with_tools: Arc::new(derive::messages_with_tools(&turns)),
        metadata: derive::metadata(&head(), &turns, 2, "en", &personas()),
        user_reasoning: Arc::new(derive::user_reasoning(&turns)),
        assistant_reasoning: Arc::new(derive::assistant_reasoning(&turns)),
        judge: Some(derive::judge_payload(&turns, &head().conversation_judge)),
        extra: Object::new(),
    }
}

pub(crate) fn single_state() -> SingleState {
    SingleState {
        run_id: "demo".to_owned(),
        status: "in_progress".to_owned(),
        updated_at: "2030-01-02T03:04:05.000006Z".to_owned(),
        n_turns: 4,
        inputs: Arc::new(inputs().to_json()),
        turns: turns(),
        raw_results: raw_results(),
        ..SingleState::default()
    }
}

pub(crate) fn batched_state() -> BatchedState {
    let slot = |index: i64, status: &str| Slot {
        conversation_index: index,
        conversation_id: format!("demo-w0000-s{index:04}"),
        target_n_turns: 4,
        status: status.to_owned(),
        inputs: Arc::new(Json::empty_object()),
        turns: turns(),
        ..Slot::default()
    };
    BatchedState {
        run_id: "demo-w0000".to_owned(),
        status: "completed".to_owned(),
        updated_at: "2030-01-02T03:04:05Z".to_owned(),
        n_turns: 6,
        batch_size: 2,
        inputs: Arc::new(Json::empty_object()),
        conversations: vec![slot(0, "active"), slot(1, "dropped")],
        ..BatchedState::default()
    }
}

/// Every artifact with a value, the single and the batched state both.
pub(crate) fn artifacts() -> Vec<(ArtifactKind, Json)> {
    let turns = turns();
    let index = IndexRow {
        conversation_id: head().conversation_id,
        timestamp: head().timestamp,
        n_turns: 2,
        language: "en".to_owned(),
        conversation_file: "outputs/conversations/demo-w0000-s0001.json".to_owned(),
        ..IndexRow::default()
    };
    let ledger = derive::ledger_row("2030-01-02T03:04:05.000006Z", "manual.md", &turns[1]).unwrap();
    let baseline = ShareGptRow {
        judge: None,
        ..sharegpt_row()
    };
    vec![
        (ArtifactKind::SyntheticQa, dataset_row().to_json()),
        (ArtifactKind::CoverageLedger, ledger.to_json()),
        (
            ArtifactKind::Turns,
            derive::turn_row(&head(), &turns[0]).to_json(),
        ),
        (
            ArtifactKind::Turns,
            derive::turn_row(&head(), &turns[1]).to_json(),
        ),
        (ArtifactKind::ShareGpt, baseline.to_json()),
        (ArtifactKind::ShareGptJudged, sharegpt_row().to_json()),
        (ArtifactKind::Conversation, conversation_file().to_json()),
        (ArtifactKind::ConversationsIndex, index.to_json()),
        (ArtifactKind::RunState, single_state().to_json()),
        (ArtifactKind::RunState, batched_state().to_json()),
        (ArtifactKind::LastRunId, Json::from("demo-w0000")),
    ]
}
