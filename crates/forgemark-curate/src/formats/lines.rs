//! The rows of an example in every format.

use forgemark_contract::json::{Json, Object};
use forgemark_contract::store::ChatMessage;

use super::messages::{self, Spelling};
use super::rules::broken_rule;
use super::schema::{Kind, Uses};
use super::{Format, Layout, Task};
use crate::shape::{Body, Example};

/// The places of the answers that are learned.
pub(super) fn learned(messages: &[ChatMessage]) -> impl Iterator<Item = usize> {
    let places = messages.iter().enumerate();
    places.filter_map(|(place, message)| (message.train == Some(true)).then_some(place))
}

/// The rows of an example. Whether it has any depends on nothing but the example and the format.
///
/// # Errors
/// The rule of the format that the example breaks, as a fragment.
pub fn lines(
    mut layout: Layout,
    example: &Example,
    split: &str,
    number: usize,
) -> Result<Vec<Json>, String> {
    layout.see(example);
    if let Some(broken) = broken_rule(layout, example) {
        return Err(broken);
    }
    let columns = layout
        .columns(Task::from(&example.body))
        .ok_or_else(|| format!("{} has no lines for this task", layout.format.word()))?;
    let mut rows: Vec<Json> = match &example.body {
        Body::Conversation { messages, .. } if layout.completions() => {
            let rows =
                learned(messages).filter_map(|place| completion(layout, &messages[..=place]));
            rows.collect()
        }
        _ => row(layout, example, split, number).into_iter().collect(),
    };
    if let Some(column) = columns.fields().find(|field| field.name == "tools") {
        let as_text = column.kind == Kind::Text;
        let tools = match &example.tools {
            Some(tools) if as_text => Some(messages::as_text(tools).into()),
            // A column of texts has one in every row.
            None if as_text => Some(Json::from("")),
            tools => tools.clone(),
        };
        for row in rows.iter_mut().filter_map(Json::as_object_mut) {
            if let Some(tools) = &tools {
                row.insert("tools", tools.clone());
            }
        }
    }
    for row in &rows {
        columns
            .fit(row)
            .map_err(|misfit| format!("{} {}", misfit.field, misfit.what))?;
    }
    Ok(rows)
}

fn row(layout: Layout, example: &Example, split: &str, number: usize) -> Option<Json> {
    let body = &example.body;
    match layout.format {
        Format::Neutral => Some(neutral(layout, example)),
        Format::OpenAi => openai(layout, body),
        Format::Trl => trl(layout, body),
        Format::TrlReward => reward(layout, body),
        Format::ShareGpt | Format::LlamaFactory => sharegpt(layout.format, body),
        Format::Axolotl => axolotl(layout, body),
        Format::OpenRlhf => openrlhf(layout, body),
        Format::NemoRl => nemo(layout, body),
        Format::Verl => verl(layout, example, split, number),
    }
}

/// A conversation up to an answer, of which the answer alone is learned.
fn completion(layout: Layout, messages: &[ChatMessage]) -> Option<Json> {
    if layout.format == Format::Trl {
        let (answer, prompt) = messages.split_last()?;
        let spell = |list: &[ChatMessage]| messages::list(Spelling::Trl, layout.uses, list);
        let prompt_column = spell(prompt);
        let completion = spell(std::slice::from_ref(answer));
        return Some(Json::object([
            ("prompt", prompt_column),
            ("completion", completion),
        ]));
    }
    let example = Body::Conversation {
        messages: messages.to_vec(),
        reward: None,
    };
    match layout.format {
        Format::OpenRlhf => openrlhf(layout, &example),
        format => sharegpt(format, &example),
    }
}

fn neutral(layout: Layout, example: &Example) -> Json {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Neutral, layout.uses, list);
    let mut object = Object::from([("id", Json::from(&example.id))]);
    match &example.body {
        Body::Conversation { messages, reward } => {
            object.insert("kind", "conversation");
            object.insert("messages", spell(messages));
            object.insert("reward", *reward);
        }
        Body::Pair {
            prompt,
            chosen,
            rejected,
            scores,
        } => {
            object.insert("kind", "pair");
            object.insert("prompt", spell(prompt));
            object.insert("chosen", spell(chosen));
            object.insert("rejected", spell(rejected));
            // A label has no number.
            let number = |score: f64| score.is_finite().then_some(score);
            object.insert("chosen_score", number(scores.0));
            object.insert("rejected_score", number(scores.1));
        }
        Body::Labelled {
            prompt,
            completion,
            label,
        } => {
            object.insert("kind", "labelled");
            object.insert("prompt", spell(prompt));
            object.insert("completion", spell(completion));
            object.insert("label", *label);
        }
        Body::Ranked { prompt, answers } => {
            object.insert("kind", "ranked");
            object.insert("prompt", spell(prompt));
            let answers = answers.iter().map(|(answer, rank)| {
                Json::object([("messages", spell(answer)), ("rank", (*rank).into())])
            });
            object.insert("answers", answers.collect::<Json>());
        }
        Body::Rollout {
            prompt,
            responses,
            group_id,
            ground_truth,
        } => {
            object.insert("kind", "rollout");
            object.insert("prompt", spell(prompt));
            let responses = responses.iter().map(|response| {
                Json::object([
                    ("messages", spell(&response.messages)),
                    ("reward", response.reward.into()),
                    ("reward_source", response.source.clone().into()),
                ])
            });
            object.insert("responses", responses.collect::<Json>());
            object.insert("group_id", group_id.clone());
            object.insert("ground_truth", ground_truth.clone());
        }
    }
    Json::Object(object)
}

/// Columns of one type in every row: what is no text is written as JSON text.
fn truth(ground_truth: Option<&Json>) -> Option<String> {
    ground_truth.map(messages::as_text)
}

/// What is asked, with the truth under `key` where it is known.
fn asked(prompt: (&'static str, Json), key: &'static str, ground_truth: Option<&Json>) -> Object {
    let mut line = Object::from([prompt]);
    if let Some(truth) = truth(ground_truth) {
        line.insert(key, truth);
    }
    line
}

/// A better and a worse answer, under the names that most trainers have for them.
fn pair([prompt, chosen, rejected]: [Json; 3]) -> Json {
    Json::object([
        ("prompt", prompt),
        ("chosen", chosen),
        ("rejected", rejected),
    ])
}

fn openai(layout: Layout, body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::OpenAi, layout.uses, list);
    match body {
        Body::Conversation { messages, .. } => Some(Json::object([("messages", spell(messages))])),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Some(Json::object([
            ("input", Json::object([("messages", spell(prompt))])),
            ("preferred_output", spell(chosen)),
            ("non_preferred_output", spell(rejected)),
        ])),
        Body::Rollout {
            prompt,
            ground_truth,
            ..
        } => {
            let line = asked(
                ("messages", spell(prompt)),
                "ground_truth",
                ground_truth.as_ref(),
            );
            Some(Json::Object(line))
        }
        _ => None,
    }
}

fn trl(layout: Layout, body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Trl, layout.uses, list);
    match body {
        Body::Conversation { messages, .. } => Some(Json::object([("messages", spell(messages))])),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Some(pair([prompt, chosen, rejected].map(|list| spell(list)))),
        Body::Labelled {
            prompt,
            completion,
            label,
        } => Some(Json::object([
            ("prompt", spell(prompt)),
            ("completion", spell(completion)),
            ("label", (*label).into()),
        ])),
        Body::Rollout {
            prompt,
            ground_truth,
            ..
        } => {
            let line = asked(
                ("prompt", spell(prompt)),
                "ground_truth",
                ground_truth.as_ref(),
            );
            Some(Json::Object(line))
        }
        Body::Ranked { .. } => None,
    }
}

fn joined(spelling: Spelling, uses: Uses, prompt: &[ChatMessage], answer: &[ChatMessage]) -> Json {
    messages::list(spelling, uses, &[prompt, answer].concat())
}

fn reward(layout: Layout, body: &Body) -> Option<Json> {
    let Body::Pair {
        prompt,
        chosen,
        rejected,
        scores,
    } = body
    else {
        return None;
    };
    let mut line = Object::from([
        ("chosen", joined(Spelling::Trl, layout.uses, prompt, chosen)),
        (
            "rejected",
            joined(Spelling::Trl, layout.uses, prompt, rejected),
        ),
    ]);
    // The trainer reads the column of every row, or of none.
    if !layout.uses.any(Uses::NO_MARGIN) {
        line.insert("margin", scores.0 - scores.1);
    }
    Some(Json::Object(line))
}

fn sharegpt(format: Format, body: &Body) -> Option<Json> {
    let (first, rest): (&[ChatMessage], Object) = match body {
        Body::Conversation { messages, .. } => (messages, Object::new()),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => {
            let pair = [
                ("chosen", messages::turn(chosen.first()?)),
                ("rejected", messages::turn(rejected.first()?)),
            ];
            (prompt, Object::from(pair))
        }
        Body::Labelled {
            prompt,
            completion,
            label,
        } if format == Format::LlamaFactory => {
            let conversation = [prompt.as_slice(), completion].concat();
            let (system, turns) = messages::turns(&conversation);
            return Some(Json::object([
                ("conversations", turns),
                ("system", system.into()),
                ("kto_tag", (*label).into()),
            ]));
        }
        _ => return None,
    };
    let (system, turns) = messages::turns(first);
    let mut line = Object::new();
    if format == Format::LlamaFactory {
        line.insert("conversations", turns);
        line.insert("system", system);
    } else {
        // Plain ShareGPT has no column for it.
        let turns = turns.as_array().unwrap_or_default().iter().cloned();
        let head = (!system.is_empty())
            .then(|| Json::object([("from", "system".into()), ("value", system.into())]));
        line.insert(
            "conversations",
            head.into_iter().chain(turns).collect::<Json>(),
        );
    }
    for (key, value) in &rest {
        line.insert(key, value.clone());
    }
    Some(Json::Object(line))
}

fn axolotl(layout: Layout, body: &Body) -> Option<Json> {
    let spell = |spelling, list: &[ChatMessage]| messages::list(spelling, layout.uses, list);
    let first = |list: &[ChatMessage]| Some(spell(Spelling::Bare, list.get(..1)?));
    match body {
        Body::Conversation { messages, .. } => Some(Json::object([(
            "messages",
            spell(Spelling::Axolotl, messages),
        )])),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Some(Json::object([
            ("messages", spell(Spelling::Bare, prompt)),
            ("chosen", first(chosen)?.as_array()?.first()?.clone()),
            ("rejected", first(rejected)?.as_array()?.first()?.clone()),
        ])),
        Body::Labelled {
            prompt,
            completion,
            label,
        } => Some(Json::object([
            (
                "completion",
                joined(Spelling::Bare, layout.uses, prompt, completion),
            ),
            ("label", (*label).into()),
        ])),
        _ => None,
    }
}

fn openrlhf(layout: Layout, body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Plain, layout.uses, list);
    match body {
        Body::Conversation { messages, .. } => Some(Json::object([("input", spell(messages))])),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Some(pair([prompt, chosen, rejected].map(|list| spell(list)))),
        Body::Labelled {
            prompt,
            completion,
            label,
        } => Some(Json::object([
            ("input", spell(prompt)),
            ("output", spell(completion)),
            ("label", (*label).into()),
        ])),
        Body::Rollout {
            prompt,
            ground_truth,
            ..
        } => {
            let mut line = asked(("input", spell(prompt)), "label", ground_truth.as_ref());
            line.insert("datasource", SOURCE);
            Some(Json::Object(line))
        }
        Body::Ranked { .. } => None,
    }
}

/// The name by which a reward function is chosen, until the user gives another.
const SOURCE: &str = "forgemark";

fn nemo(layout: Layout, body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Nemo, layout.uses, list);
    let ranked = |prompt: &[ChatMessage], answers: Vec<(&[ChatMessage], usize)>| {
        let completions = answers.into_iter().map(|(answer, rank)| {
            Json::object([("rank", rank.into()), ("completion", spell(answer))])
        });
        Some(Json::object([
            ("context", spell(prompt)),
            ("completions", completions.collect()),
        ]))
    };
    match body {
        Body::Conversation { messages, .. } => Some(Json::object([("messages", spell(messages))])),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => ranked(prompt, vec![(chosen, 0), (rejected, 1)]),
        Body::Ranked { prompt, answers } => ranked(
            prompt,
            answers
                .iter()
                .map(|(answer, rank)| (answer.as_slice(), rank - 1))
                .collect(),
        ),
        Body::Rollout {
            prompt,
            ground_truth,
            ..
        } => {
            let question = prompt.last()?.content_text();
            Some(Json::object([
                ("input", question.as_ref().into()),
                ("output", truth(ground_truth.as_ref())?.into()),
            ]))
        }
        Body::Labelled { .. } => None,
    }
}

fn verl(layout: Layout, example: &Example, split: &str, number: usize) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Verl, layout.uses, list);
    match &example.body {
        Body::Conversation { messages, .. } => Some(Json::object([("messages", spell(messages))])),
        Body::Rollout {
            prompt,
            ground_truth,
            group_id,
            ..
        } => {
            let truth = truth(ground_truth.as_ref());
            // Without a truth to compare with, a reward can only come from a model.
            let style = if truth.is_some() { "rule" } else { "model" };
            Some(Json::object([
                ("data_source", SOURCE.into()),
                ("prompt", spell(prompt)),
                ("ability", "general".into()),
                (
                    "reward_model",
                    Json::object([
                        ("style", style.into()),
                        ("ground_truth", truth.unwrap_or_default().into()),
                    ]),
                ),
                (
                    "extra_info",
                    Json::object([
                        ("split", split.into()),
                        ("index", number.into()),
                        ("id", Json::from(&example.id)),
                        ("group_id", group_id.clone().unwrap_or_default().into()),
                    ]),
                ),
            ]))
        }
        _ => None,
    }
}
