//! Rows of training sets: one conversation, or one prompt with its answers.

use super::RowShape;
use super::chat::{Messages, missing, take_time};
use super::unit::{Draft, Head, join, spread};
use crate::json::{Json, Object, parse_str};
use crate::shape::ShapeError;
use crate::shape::record::mismatch;
use crate::store::ChatMessage;

/// What exports read of a row's own keys. It belongs to the answers.
const OF_ANSWERS: [&str; 4] = ["reward", "reward_source", "rank", "label"];

/// Where a row may have an id of its own.
const OWN_IDS: [&str; 4] = ["id", "conversation_id", "uuid", "session_id"];

/// The longest id that a key is made of, in bytes.
const LONGEST_ID: usize = 200;

/// Takes the row's own id out, where it has one.
pub(super) fn take_id(rest: &mut Object) -> Option<String> {
    OWN_IDS.into_iter().find_map(|key| {
        let id = match rest.get(key)? {
            Json::Str(text) if !text.is_empty() && text.len() <= LONGEST_ID => text.clone(),
            Json::Int(n) => n.to_string(),
            _ => return None,
        };
        rest.remove(key);
        Some(id)
    })
}

/// The messages of a row, with what its other keys say. The session and the digest of the head are the caller's.
pub(super) fn read(shape: RowShape, mut rest: Object) -> Result<(Head, Vec<Draft>), ShapeError> {
    let mut head = Head {
        at: take_time(&mut rest),
        ..Head::default()
    };
    if let Some(Json::Str(source)) = rest.get("source") {
        head.source = Some(source.clone()).filter(|source| !source.is_empty());
        rest.remove("source");
    }
    let mut messages = Messages::default();
    let mut take = |key: &str| rest.remove(key).filter(|value| !value.is_null());
    let mut drafts = Vec::new();
    let answers: Vec<(&str, Vec<ChatMessage>)> = match shape {
        RowShape::Messages => {
            let plain = take("messages");
            // Rows of our own have both; the second also says which tools were called.
            let said = take("messages_with_tools").or(plain);
            drafts = listed(&mut messages, "messages", said)?;
            Vec::new()
        }
        RowShape::ShareGpt => {
            if let Some(system) = take("system") {
                let system = messages.text_or_list("system", &system);
                drafts.extend(system.map_err(|error| error.under_key("system"))?);
            }
            let said = take("conversations").ok_or_else(|| missing("conversations"))?;
            let turns = messages.turns(&said);
            drafts.extend(turns.map_err(|error| error.under_key("conversations"))?);
            let mut answers = Vec::new();
            for key in ["chosen", "rejected"] {
                if let Some(turn) = take(key) {
                    let turn = messages.turn(&turn).map_err(|error| error.under_key(key))?;
                    answers.push((key, vec![turn]));
                }
            }
            answers
        }
        RowShape::OpenAiPreference => {
            let input = take("input").ok_or_else(|| missing("input"))?;
            let mut input = match input {
                Json::Object(input) => input,
                other => return Err(mismatch("an object", &other).under_key("input")),
            };
            let said = input.remove("messages");
            drafts = listed(&mut messages, "messages", said)
                .map_err(|error| error.under_key("input"))?;
            let chosen = listed(&mut messages, "preferred_output", take("preferred_output"))?;
            let rejected = listed(
                &mut messages,
                "non_preferred_output",
                take("non_preferred_output"),
            )?;
            for (key, value) in input {
                rest.insert(key, value);
            }
            vec![("chosen", chosen), ("rejected", rejected)]
        }
        RowShape::PromptCompletion | RowShape::Label => {
            drafts = prompt(&mut messages, take("prompt"))?;
            let completion = take("completion").ok_or_else(|| missing("completion"))?;
            let completion = messages
                .text_or_list("assistant", &completion)
                .map_err(|error| error.under_key("completion"))?;
            if shape == RowShape::Label {
                let label = take("label").unwrap_or_default();
                let good = label
                    .as_bool()
                    .ok_or_else(|| mismatch("true or false", &label).under_key("label"))?;
                vec![(if good { "chosen" } else { "rejected" }, completion)]
            } else {
                drafts.extend(completion);
                Vec::new()
            }
        }
        RowShape::Preference => {
            let asked = take("prompt");
            let implicit = asked.is_none();
            drafts = prompt(&mut messages, asked)?;
            let mut sides = Vec::new();
            for key in ["chosen", "rejected"] {
                let said = take(key).ok_or_else(|| missing(key))?;
                if implicit && said.is_string() {
                    let what =
                        "the row has no prompt, and two texts cannot be cut into prompt and answer";
                    return Err(ShapeError::here(what).under_key(key));
                }
                let said = messages.text_or_list("assistant", &said);
                sides.push((key, said.map_err(|error| error.under_key(key))?));
            }
            if implicit {
                let same = |(one, other): &(&ChatMessage, &ChatMessage)| one == other;
                let common = (sides[0].1.iter().zip(&sides[1].1))
                    .take_while(same)
                    .count();
                drafts = sides[0].1[..common].to_vec();
            }
            for (_, said) in &mut sides {
                // Some sets repeat the prompt in both answers.
                if !drafts.is_empty() && said.starts_with(&drafts) {
                    said.drain(..drafts.len());
                }
            }
            sides
        }
        RowShape::Records | RowShape::Rollouts | RowShape::Dialogue => {
            return Err(ShapeError::here("it is no row of messages"));
        }
    };
    for (key, said) in &answers {
        if said.is_empty() {
            return Err(ShapeError::here("the answer is empty").under_key(key));
        }
    }
    if drafts.is_empty() && answers.is_empty() {
        return Err(ShapeError::here("the conversation is empty"));
    }
    let mut rest = spread_metadata(rest)?;
    let drafts = place(drafts, answers, &mut rest);
    head.rest = rest;
    Ok((head, drafts))
}

/// A list of messages under a key that must be there.
fn listed(
    messages: &mut Messages,
    key: &str,
    value: Option<Json>,
) -> Result<Vec<ChatMessage>, ShapeError> {
    let value = value.ok_or_else(|| missing(key))?;
    messages.list(&value).map_err(|error| error.under_key(key))
}

fn prompt(messages: &mut Messages, value: Option<Json>) -> Result<Vec<ChatMessage>, ShapeError> {
    match value {
        None => Ok(Vec::new()),
        Some(value) => messages
            .text_or_list("user", &value)
            .map_err(|error| error.under_key("prompt")),
    }
}

/// The prompt, then each answer after the prompt's last message.
fn place(
    prompt: Vec<ChatMessage>,
    answers: Vec<(&str, Vec<ChatMessage>)>,
    rest: &mut Object,
) -> Vec<Draft> {
    let n_answers = answers.len();
    let mut drafts: Vec<Draft> = prompt.into_iter().map(timed).collect();
    let last_asked = drafts.len().checked_sub(1);
    for (label, said) in answers {
        for (number, message) in said.into_iter().enumerate() {
            let mut draft = timed(message);
            draft.place = Some(format!("{label}.{number}"));
            draft.parent = match number {
                0 => last_asked,
                _ => drafts.len().checked_sub(1),
            };
            draft.candidate = true;
            if draft.message.is_assistant() {
                draft.metadata.insert("label", label);
            }
            drafts.push(draft);
        }
    }
    let mut of_answers = Object::new();
    for key in OF_ANSWERS {
        if let Some(value) = rest.remove(key).filter(|value| !value.is_null()) {
            of_answers.insert(key, value);
        }
    }
    if n_answers > 1 {
        // Nobody says which of the answers they are about.
        if !of_answers.is_empty() {
            rest.insert("row", of_answers);
        }
    } else if let Some(last) = (drafts.iter_mut()).rfind(|draft| draft.message.is_assistant()) {
        join(&mut of_answers, &last.metadata);
        last.metadata = of_answers;
    }
    drafts
}

/// A message as a draft. Other keys of it that are short say something about the record, such as which model spoke.
fn timed(mut message: ChatMessage) -> Draft {
    let at = take_time(&mut message.extra);
    let (short, long) = spread(std::mem::take(&mut message.extra));
    message.extra = long;
    Draft {
        at,
        metadata: short,
        ..Draft::new(message)
    }
}

/// The keys of the row's own `metadata` stand beside its others; `tools` that are a text are read.
fn spread_metadata(mut rest: Object) -> Result<Object, ShapeError> {
    if let Some(Json::Object(metadata)) = rest.get("metadata").cloned() {
        rest.remove("metadata");
        for (key, value) in metadata {
            if !rest.contains_key(&key) {
                rest.insert(key, value);
            }
        }
    }
    if let Some(Json::Str(text)) = rest.get("tools") {
        if text.trim().is_empty() {
            rest.remove("tools");
        } else {
            let tools = parse_str(text).map_err(|error| {
                let what = format!("expected a list of tools as JSON, found {}", error.what);
                ShapeError::here(what).under_key("tools")
            })?;
            rest.insert("tools", tools);
        }
    }
    Ok(rest)
}
