//! What is a function of the turns: flat rows, messages, histories, slices, judge payload, metadata, ledger rows.
//!
//! One rule for the pipeline, which writes these, and for the check, which proves them.
//!
//! Tool rounds: the original merges all calls of a turn into one assistant message and loses the text between them. Where a
//! [`ToolEvent`] carries `forgemark.round` (an integer from 0), each round keeps its own assistant message, whose text is
//! `forgemark.content` of the round's first event; events without it are one round, which is the original's form.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    AssistantReasoning, DIFFICULTIES, HistoryEntry, JudgePayload, JudgedTurn, LedgerRow, Message,
    Metadata, Personas, ToolCall, ToolEvent, ToolFunction, Turn, TurnRow, UserReasoning,
    normalize_reasoning,
};
use crate::json::{Json, Object, to_line_text};
use crate::text::{python_strip, question_hash};

/// What the rows of one conversation have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The conversation.
    pub conversation_id: String,
    /// When it was written, in the dataset's spelling.
    pub timestamp: String,
    /// `turn` or `conversation`, also when judging is off.
    pub judge_granularity: String,
    /// What the judge returned for the whole conversation; `{}` when it was not asked.
    pub conversation_judge: Arc<Json>,
}

/// The question of a turn, unless it is missing, no text or blank. Lone surrogates are replaced by U+FFFD, here and in
/// all that is made of it.
pub fn user_message(turn: &Turn) -> Option<Cow<'_, str>> {
    message(&turn.qa_generation, "user_message")
}

/// The answer of a turn, unless it is missing, no text or blank.
pub fn assistant_message(turn: &Turn) -> Option<Cow<'_, str>> {
    message(&turn.kb_answer, "assistant_message")
}

/// Whether a judge really judged: its object has keys and its notes are not `disabled`, which is how the original's judge
/// says that it was switched off.
pub fn is_judgement(judge: &Json) -> bool {
    judge.as_object().is_some_and(|object| !object.is_empty())
        && judge.at("notes").as_str() != Some("disabled")
}

/// Whether a conversation belongs in the judged `ShareGPT` file.
pub fn is_judged(turns: &[Arc<Turn>], conversation_judge: &Json, judge_enabled: bool) -> bool {
    judge_enabled
        || is_judgement(conversation_judge)
        || turns.iter().any(|turn| is_judgement(&turn.qa_judge))
}

/// The row of `turns.jsonl` for a turn.
pub fn turn_row(head: &Head, turn: &Turn) -> TurnRow {
    let (asked, answered, judge) = (&turn.qa_generation, &turn.kb_answer, &turn.qa_judge);
    TurnRow {
        conversation_id: head.conversation_id.clone(),
        timestamp: head.timestamp.clone(),
        turn_index: turn.turn_index,
        user_message: asked.at("user_message").clone(),
        assistant_message: answered.at("assistant_message").clone(),
        question_mode: turn.question_mode.clone(),
        seed_topic: turn.seed_topic.clone(),
        seed_question: turn.seed_question.clone(),
        intent: asked.at("intent").clone(),
        difficulty: asked.at("difficulty").clone(),
        coverage_target: asked.at("coverage_target").clone(),
        grounding_facts: list(asked.at("grounding_facts")),
        notes_for_assistant: list(asked.at("notes_for_assistant")),
        reasoning_trace: normalize_reasoning(answered.at("reasoning_trace")),
        did_web_search: answered.at("did_web_search").clone(),
        judge_granularity: head.judge_granularity.clone(),
        judge_score: judge.at("score").clone(),
        judge_reasons: list(judge.at("reasons")),
        judge_notes: judge.at("notes").clone(),
        judge_question_ok: judge.at("question_ok").clone(),
        judge_answer_ok: judge.at("answer_ok").clone(),
        conversation_judge_score: head.conversation_judge.at("score").clone(),
        conversation_judge_reasons: list(head.conversation_judge.at("reasons")),
        extra: Object::new(),
        forgemark: None,
    }
}

/// The row of the coverage ledger for an accepted turn. `timestamp` is in the ledger's spelling.
pub fn ledger_row(timestamp: &str, source_path: &str, turn: &Turn) -> Option<LedgerRow> {
    let question = user_message(turn)?;
    let seed_question = &turn.seed_question;
    Some(LedgerRow {
        timestamp: timestamp.to_owned(),
        topic_id: turn.qa_generation.str_or("coverage_target", "").to_owned(),
        source_path: source_path.to_owned(),
        question_hash: question_hash(&question),
        question: question.into_owned(),
        question_mode: turn.question_mode.clone(),
        seed_topic: turn.seed_topic.clone(),
        seed_question: seed_question.clone(),
        seed_question_hash: if seed_question.is_empty() {
            String::new()
        } else {
            question_hash(seed_question)
        },
        extra: Object::new(),
        forgemark: None,
    })
}

/// The messages of the turns in the dataset flavour, with `turn_index`.
pub fn dataset_messages(turns: &[Arc<Turn>]) -> Vec<Message> {
    let sides = turns.iter().flat_map(|turn| {
        both_sides(turn).into_iter().flatten().map(|side| Message {
            turn_index: Some(turn.turn_index),
            ..side
        })
    });
    sides.collect()
}

/// The messages of the turns in the `ShareGPT` flavour, without tools.
pub fn sharegpt_messages(turns: &[Arc<Turn>]) -> Vec<Message> {
    turns
        .iter()
        .flat_map(|turn| both_sides(turn).into_iter().flatten())
        .collect()
}

/// The messages of the turns in the `ShareGPT` flavour, with tool calls and tool replies between question and answer. A
/// call without an id, or with one that the turn has used already, gets `call_N`, and its reply the same.
pub fn messages_with_tools(turns: &[Arc<Turn>]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut made = 0;
    for turn in turns {
        let [question, answer] = both_sides(turn);
        messages.extend(question);
        let ids = call_ids(&turn.tool_events, &mut made);
        let mut start = 0;
        while let Some(first) = turn.tool_events.get(start) {
            let n_calls = turn.tool_events[start..]
                .iter()
                .take_while(|event| round(event) == round(first))
                .count();
            let end = start + n_calls;
            push_round(
                &mut messages,
                turn,
                &turn.tool_events[start..end],
                &ids[start..end],
            );
            start = end;
        }
        messages.extend(answer);
    }
    messages
}

/// The history of the turns; a side without a message has no entry.
pub fn history(turns: &[Arc<Turn>]) -> Vec<HistoryEntry> {
    let mut entries = Vec::new();
    for turn in turns {
        if let Some(text) = user_message(turn) {
            let given = |key: &str| Some(turn.qa_generation.at(key).clone());
            entries.push(HistoryEntry {
                turn_index: turn.turn_index,
                role: "user".to_owned(),
                message: text.into_owned(),
                agent: turn.qa_agent_used_name.clone(),
                intent: given("intent"),
                difficulty: given("difficulty"),
                coverage_target: given("coverage_target"),
                ..HistoryEntry::default()
            });
        }
        if let Some(text) = assistant_message(turn) {
            entries.push(HistoryEntry {
                turn_index: turn.turn_index,
                role: "assistant".to_owned(),
                message: text.into_owned(),
                agent: turn.kb_agent_used_name.clone(),
                confidence: Some(
                    turn.kb_answer
                        .at("reasoning_trace")
                        .at("confidence")
                        .clone(),
                ),
                ..HistoryEntry::default()
            });
        }
    }
    entries
}

/// What the user role thought, turn by turn.
pub fn user_reasoning(turns: &[Arc<Turn>]) -> Vec<UserReasoning> {
    let row = |turn: &Arc<Turn>| {
        let asked = &turn.qa_generation;
        UserReasoning {
            turn_index: turn.turn_index,
            user_message: asked.at("user_message").clone(),
            intent: asked.at("intent").clone(),
            difficulty: asked.at("difficulty").clone(),
            coverage_target: asked.at("coverage_target").clone(),
            grounding_facts: list(asked.at("grounding_facts")),
            notes_for_assistant: list(asked.at("notes_for_assistant")),
            seed_topic: turn.seed_topic.clone(),
            seed_question: turn.seed_question.clone(),
            question_mode: turn.question_mode.clone(),
            extra: Object::new(),
        }
    };
    turns.iter().map(row).collect()
}

/// What the assistant role thought, turn by turn.
pub fn assistant_reasoning(turns: &[Arc<Turn>]) -> Vec<AssistantReasoning> {
    let row = |turn: &Arc<Turn>| AssistantReasoning {
        turn_index: turn.turn_index,
        assistant_message: turn.kb_answer.at("assistant_message").clone(),
        reasoning_trace: normalize_reasoning(turn.kb_answer.at("reasoning_trace")),
        did_web_search: turn.kb_answer.at("did_web_search").clone(),
        extra: Object::new(),
    };
    turns.iter().map(row).collect()
}

/// What the judge says of a conversation. `per_turn` holds the turns that were really judged, so it is empty when the
/// conversation was judged as a whole.
pub fn judge_payload(turns: &[Arc<Turn>], conversation_judge: &Json) -> JudgePayload {
    let judged = turns
        .iter()
        .filter(|turn| is_judgement(&turn.qa_judge))
        .map(|turn| JudgedTurn {
            turn_index: turn.turn_index,
            user_message: turn.qa_generation.at("user_message").clone(),
            assistant_message: turn.kb_answer.at("assistant_message").clone(),
            score: turn.qa_judge.at("score").clone(),
            reasons: list(turn.qa_judge.at("reasons")),
            notes: turn.qa_judge.at("notes").clone(),
            question_ok: turn.qa_judge.at("question_ok").clone(),
            answer_ok: turn.qa_judge.at("answer_ok").clone(),
            extra: Object::new(),
        });
    let per_turn: Vec<JudgedTurn> = judged.collect();
    JudgePayload {
        avg_score: mean_score(per_turn.iter().map(|turn| &turn.score)),
        per_turn,
        conversation: conversation_judge.clone(),
        extra: Object::new(),
    }
}

/// The mean of the numeric scores, or `None` when there is none. Strings and `null` do not count; booleans count as 1
/// and 0, since to Python they are numbers.
pub fn mean_score<'a>(scores: impl Iterator<Item = &'a Json>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0_u32);
    for score in scores {
        let value = match score {
            Json::Bool(value) => f64::from(u8::from(*value)),
            other => match other.as_f64() {
                Some(value) => value,
                None => continue,
            },
        };
        sum += value;
        n += 1;
    }
    (n > 0).then(|| sum / f64::from(n))
}

/// The metadata of a conversation. `n_turns` is what it was to have, not what it has.
pub fn metadata(
    head: &Head,
    turns: &[Arc<Turn>],
    n_turns: i64,
    language: &str,
    personas: &Personas,
) -> Metadata {
    let asked = |key: &str| sequence(turns.iter().map(|turn| turn.qa_generation.at(key).clone()));
    let own =
        |value: fn(&Turn) -> &String| sequence(turns.iter().map(|turn| Json::from(value(turn))));
    let difficulty_sequence = asked("difficulty");
    let rank = |value: &Json| {
        DIFFICULTIES
            .iter()
            .position(|word| value.as_str() == Some(*word))
    };
    let hardest = difficulty_sequence.iter().filter_map(rank).max();
    Metadata {
        conversation_id: Some(head.conversation_id.clone()),
        timestamp: Some(head.timestamp.clone()),
        n_turns,
        language: language.to_owned(),
        judge_granularity: head.judge_granularity.clone(),
        personas: personas.clone(),
        difficulty_max: hardest.map_or("", |rank| DIFFICULTIES[rank]).to_owned(),
        difficulty_sequence,
        intent_sequence: asked("intent"),
        coverage_targets: asked("coverage_target"),
        question_modes: own(|turn| &turn.question_mode),
        seed_topics: own(|turn| &turn.seed_topic),
        seed_questions: own(|turn| &turn.seed_question),
        extra: Object::new(),
        forgemark: None,
    }
}

fn message<'a>(made: &'a Json, key: &str) -> Option<Cow<'a, str>> {
    made.at(key)
        .to_text()
        .filter(|text| !python_strip(text).is_empty())
}

/// A list as it is, nothing as `[]`, and anything else as the only item.
fn list(value: &Json) -> Json {
    match value {
        Json::Null => Json::Array(Vec::new()),
        Json::Array(_) => value.clone(),
        other => Json::Array(vec![other.clone()]),
    }
}

/// The entries that are not empty.
fn sequence(values: impl Iterator<Item = Json>) -> Vec<Json> {
    values.filter(Json::is_truthy).collect()
}

/// Question and answer as messages; a missing or blank one has none.
fn both_sides(turn: &Turn) -> [Option<Message>; 2] {
    let side = |role: &str, text: Cow<'_, str>, agent: &str| Message {
        role: role.to_owned(),
        content: text.into_owned(),
        agent: Some(agent.to_owned()).filter(|agent| !agent.is_empty()),
        ..Message::default()
    };
    [
        user_message(turn).map(|text| side("user", text, &turn.qa_agent_used_name)),
        assistant_message(turn).map(|text| side("assistant", text, &turn.kb_agent_used_name)),
    ]
}

/// The round of a tool event; those without one are all in the same.
fn round(event: &ToolEvent) -> i64 {
    event
        .forgemark
        .as_ref()
        .map_or(0, |ours| ours.i64_or("round", 0))
}

/// An id for each call: its own where that is usable, else the next `call_N` that no call of the turn has.
fn call_ids(events: &[ToolEvent], made: &mut u32) -> Vec<String> {
    let own: BTreeSet<&str> = events
        .iter()
        .filter_map(|event| event.id.as_deref())
        .collect();
    let mut used = BTreeSet::new();
    let mut ids = Vec::with_capacity(events.len());
    for event in events {
        let mut id = event.id.clone().unwrap_or_default();
        if id.is_empty() || !used.insert(id.clone()) {
            loop {
                id = format!("call_{made}");
                *made += 1;
                if !own.contains(id.as_str()) {
                    break;
                }
            }
        }
        ids.push(id);
    }
    ids
}

/// One assistant message with the calls of a round, then the replies.
fn push_round(messages: &mut Vec<Message>, turn: &Turn, events: &[ToolEvent], ids: &[String]) {
    let said = events
        .first()
        .and_then(|event| event.forgemark.as_ref())
        .map_or("", |ours| ours.str_or("content", ""));
    let calls = events.iter().zip(ids).map(|(event, id)| ToolCall {
        id: id.clone(),
        kind: "function".to_owned(),
        function: ToolFunction {
            name: event.name.clone(),
            arguments: to_line_text(&event.arguments),
            extra: Object::new(),
        },
        extra: Object::new(),
    });
    messages.push(Message {
        role: "assistant".to_owned(),
        content: said.to_owned(),
        tool_calls: Some(calls.collect()),
        agent: Some(turn.kb_agent_used_name.clone()).filter(|agent| !agent.is_empty()),
        ..Message::default()
    });
    messages.extend(events.iter().zip(ids).map(|(event, id)| Message {
        role: "tool".to_owned(),
        tool_call_id: Some(id.clone()),
        name: Some(event.name.clone()),
        content: to_line_text(&event.result),
        ..Message::default()
    }));
}
