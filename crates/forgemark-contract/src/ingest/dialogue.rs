//! Conversations of a dialogue run, from the rows of `synthetic_qa.jsonl`.
//!
//! A score of the judge is 0 to 10 and is divided by 10; one outside of that range is no score. `metadata.judge.score` and
//! `metadata.support.score` are those of the turn, `conversation_score` beside each that of the whole: the judge's own where it
//! judged the whole, else the mean over the turns. The conversation's score is the reward of each of its answers.
//!
//! A conversation that was dropped is taken in with the lifecycle status `dropped`, which hides all its records from lists,
//! searches and exports unless those ask for retired ones. So nothing of it is lost and nothing trains, also when an earlier
//! ingestion took it while it was good.

use std::sync::Arc;

use super::chat::missing;
use super::unit::{Draft, Head};
use super::{Options, RewardFrom};
use crate::dialogue::derive::{is_judgement, messages_with_tools};
use crate::dialogue::{Message, Turn, normalize_reasoning};
use crate::json::{Json, Object};
use crate::shape::{Field as _, ShapeError};
use crate::store::{ChatMessage, Content};
use crate::time::Timestamp;

/// The highest score of a judge.
const BEST: f64 = 10.0;

/// A row: what its records have in common, their drafts, and the conversation's id.
pub(super) fn read(
    row: &Json,
    options: &Options,
) -> Result<(Head, Vec<Draft>, String), ShapeError> {
    let id = row.at("conversation_id");
    let id = String::from_field(id).map_err(|error| error.under_key("conversation_id"))?;
    if id.is_empty() {
        return Err(missing("conversation_id"));
    }
    let turns: Vec<Arc<Turn>> =
        Vec::from_field(row.at("turns")).map_err(|error| error.under_key("turns"))?;
    let (inputs, ours) = (row.at("inputs"), row.at("forgemark"));
    let status = [ours.at("status"), inputs.at("conversation_status")];
    let dropped = status
        .iter()
        .any(|status| status.as_str() == Some("dropped"));
    let scores = Scores::of(row, &turns, options.reward);
    let own = first_text(&[ours.at("run_id"), inputs.at("run_id")]);
    let head = Head {
        run_id: own.unwrap_or_default().to_owned(),
        at: Timestamp::parse(row.str_or("timestamp", "")).ok(),
        lifecycle: dropped.then(|| "dropped".to_owned()),
        rest: kept([("tools", ours.at("tools").clone())]),
        ..Head::default()
    };
    let mut drafts = Vec::new();
    for turn in &turns {
        let about = about(&id, row, turn);
        let mut messages = messages_with_tools(std::slice::from_ref(turn));
        let answer = messages
            .iter()
            .rposition(|message| message.role == "assistant" && message.tool_calls.is_none());
        for (place, message) in messages.drain(..).enumerate() {
            let mut metadata = Object::new();
            metadata.insert("dialogue", about.clone());
            if let Some(agent) = &message.agent {
                metadata.insert("agent", agent);
            }
            let mut message = chat(message);
            if message.role == "user" {
                of_question(&mut metadata, turn);
            }
            if Some(place) == answer {
                message.reasoning = reasoning(turn);
                scores.of_answer(&mut metadata, turn);
                of_answer(&mut metadata, turn);
            }
            let mut draft = Draft::new(message);
            draft.metadata = metadata;
            drafts.push(draft);
        }
    }
    if drafts.is_empty() && !dropped {
        return Err(ShapeError::here("the conversation has no message").under_key("turns"));
    }
    Ok((head, drafts, id))
}

/// What a filter may ask of every record.
fn about(id: &str, row: &Json, turn: &Turn) -> Json {
    let (inputs, ours) = (row.at("inputs"), row.at("forgemark"));
    let asked = &turn.qa_generation;
    let drop_reason = first_text(&[ours.at("drop_reason"), inputs.at("drop_reason")]);
    Json::Object(kept([
        ("conversation_id", id.into()),
        ("turn", turn.turn_index.into()),
        ("language", inputs.at("target_language").clone()),
        ("user_persona", inputs.at("user_persona_id").clone()),
        (
            "assistant_persona",
            inputs.at("assistant_persona_id").clone(),
        ),
        ("question_mode", Json::from(&turn.question_mode)),
        ("intent", asked.at("intent").clone()),
        ("difficulty", asked.at("difficulty").clone()),
        ("topic_id", asked.at("coverage_target").clone()),
        ("seed_topic", Json::from(&turn.seed_topic)),
        ("drop_reason", drop_reason.into()),
    ]))
}

fn of_question(metadata: &mut Object, turn: &Turn) {
    for key in ["grounding_facts", "notes_for_assistant"] {
        let value = turn.qa_generation.at(key);
        if value.is_truthy() {
            metadata.insert(key, value.clone());
        }
    }
    if !turn.seed_question.is_empty() {
        metadata.insert("seed_question", &turn.seed_question);
    }
}

fn of_answer(metadata: &mut Object, turn: &Turn) {
    let trace = normalize_reasoning(turn.kb_answer.at("reasoning_trace"));
    if trace.is_truthy() {
        metadata.insert("reasoning_trace", trace);
    }
    let Some(ours) = &turn.forgemark else {
        return;
    };
    for key in ["evidence", "flags", "coverage"] {
        let value = ours.at(key);
        if value.is_truthy() {
            metadata.insert(key, value.clone());
        }
    }
}

/// What the model thought: as its endpoint gave it, else the thoughts that it wrote into its answer.
fn reasoning(turn: &Turn) -> Option<String> {
    let ours = turn.forgemark.as_ref();
    let given = ours.and_then(|ours| ours.at("reasoning_content").to_text());
    if let Some(text) = given.filter(|text| !text.is_empty()) {
        return Some(text.into_owned());
    }
    let trace = normalize_reasoning(turn.kb_answer.at("reasoning_trace"));
    let thoughts = trace.items("thinking").iter();
    let texts: Vec<_> = thoughts
        .filter_map(|thought| thought.at("text").to_text())
        .collect();
    let text = texts.join("\n");
    (!text.trim().is_empty()).then_some(text)
}

fn chat(message: Message) -> ChatMessage {
    let tool_calls = message.tool_calls.unwrap_or_default();
    let silent = message.content.is_empty() && !tool_calls.is_empty();
    ChatMessage {
        role: message.role,
        content: (!silent).then_some(Content::Text(message.content)),
        tool_calls,
        tool_call_id: message.tool_call_id,
        name: message.name,
        ..ChatMessage::default()
    }
}

/// The scores of a conversation, each from 0 to 1.
struct Scores<'r> {
    /// The verdict on the whole; `null` where there is none.
    whole: &'r Json,
    judge: Option<f64>,
    support: Option<f64>,
    reward: Option<(f64, &'static str)>,
}

impl<'r> Scores<'r> {
    fn of(row: &'r Json, turns: &[Arc<Turn>], from: RewardFrom) -> Self {
        let whole = row.at("conversation_judge");
        let judge = score(whole).or_else(|| mean(turns.iter().map(|turn| score(&turn.qa_judge))));
        let support = mean(turns.iter().map(|turn| supported(turn)));
        let by_judge = judge.map(|score| (score, "judge"));
        let by_support = support.map(|score| (score, "support"));
        Scores {
            whole,
            judge,
            support,
            reward: match from {
                RewardFrom::Judge => by_judge.or(by_support),
                RewardFrom::Support => by_support.or(by_judge),
            },
        }
    }

    fn of_answer(&self, metadata: &mut Object, turn: &Turn) {
        if let Some((reward, source)) = self.reward {
            metadata.insert("reward", reward);
            metadata.insert("reward_source", source);
        }
        let verdict = &*turn.qa_judge;
        let verdict = if is_judgement(verdict) {
            verdict
        } else {
            &Json::Null
        };
        let ours = turn.forgemark.as_ref();
        let error = ours.map(|ours| ours.at("judge_error").clone());
        let judge = kept([
            ("score", score(verdict).into()),
            ("conversation_score", self.judge.into()),
            ("reasons", verdict.at("reasons").clone()),
            ("notes", verdict.at("notes").clone()),
            ("question_ok", verdict.at("question_ok").clone()),
            ("answer_ok", verdict.at("answer_ok").clone()),
            ("conversation_reasons", self.whole.at("reasons").clone()),
            ("error", error.into()),
        ]);
        if !judge.is_empty() {
            metadata.insert("judge", judge);
        }
        let claims = ours.map(|ours| ours.at("support").at("claims").clone());
        let support = kept([
            ("score", supported(turn).into()),
            ("conversation_score", self.support.into()),
            ("claims", claims.into()),
        ]);
        if !support.is_empty() {
            metadata.insert("support", support);
        }
    }
}

/// A judge's score from 0 to 1.
fn score(verdict: &Json) -> Option<f64> {
    let score = verdict.at("score").as_f64()?;
    (is_judgement(verdict) && (0.0..=BEST).contains(&score)).then_some(score / BEST)
}

/// The share of a turn's claims that the passages support, from 0 to 1.
fn supported(turn: &Turn) -> Option<f64> {
    let score = turn
        .forgemark
        .as_ref()?
        .at("support")
        .at("score")
        .as_f64()?;
    (0.0..=1.0).contains(&score).then_some(score)
}

fn mean(scores: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, n) = scores
        .flatten()
        .fold((0.0, 0_u32), |(sum, n), score| (sum + score, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

/// The first text that is not empty.
fn first_text<'j>(values: &[&'j Json]) -> Option<&'j str> {
    let mut texts = values.iter().filter_map(|value| value.as_str());
    texts.find(|text| !text.is_empty())
}

/// An object of the values that say something: no `null`, no empty text and no empty list.
fn kept<const N: usize>(entries: [(&str, Json); N]) -> Object {
    let empty = |value: &Json| match value {
        Json::Null => true,
        Json::Str(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(object) => object.is_empty(),
        _ => false,
    };
    let entries = entries.into_iter().filter(|(_, value)| !empty(value));
    entries.collect()
}
