//! Examples as trainers read them, one JSON object a line.
//!
//! Nothing but what a trainer knows stands in a line: where an example came from is said in a file beside it, in the same
//! order. Field names follow the trainers' own documentation; what a format cannot say is refused with the rule that it
//! breaks, never left out in silence.

mod messages;
mod rules;

#[cfg(test)]
mod tests;

use forgemark_contract::json::{Json, Object};
use forgemark_contract::store::ChatMessage;

use crate::shape::{Body, Example};
use messages::Spelling;

pub use rules::broken_rule;

/// A trainer's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// All that is known, for tools of one's own: `kind`, messages with reasoning and train flags, scores, ranks, rewards.
    Neutral,
    /// Chat completions: `messages`, or `input` with `preferred_output` and `non_preferred_output`.
    OpenAi,
    /// TRL, conversational: `messages` or `prompt` and `completion`; `prompt`, `chosen`, `rejected`; `label`; `prompt`.
    Trl,
    /// TRL's reward trainer: `chosen` and `rejected` as whole conversations.
    TrlReward,
    /// `conversations` of `from` and `value`.
    ShareGpt,
    /// Axolotl's `chat_template`: `messages` with `train`, or `messages`, `chosen` and `rejected`.
    Axolotl,
    /// LLaMA-Factory's `sharegpt` formatting; [`llama_factory_info`] describes it.
    LlamaFactory,
    /// `OpenRLHF`: `input` messages and `output`, `prompt`, `chosen` and `rejected`, `label`.
    OpenRlhf,
    /// NeMo-RL: `messages`, or `context` with ranked `completions`.
    NemoRl,
    /// verl's rows as JSON: `messages`, or `data_source`, `prompt`, `ability`, `reward_model` and `extra_info`.
    Verl,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 10] = [
        Format::Neutral,
        Format::OpenAi,
        Format::Trl,
        Format::TrlReward,
        Format::ShareGpt,
        Format::Axolotl,
        Format::LlamaFactory,
        Format::OpenRlhf,
        Format::NemoRl,
        Format::Verl,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Format::Neutral => "neutral",
            Format::OpenAi => "openai",
            Format::Trl => "trl",
            Format::TrlReward => "trl-reward",
            Format::ShareGpt => "sharegpt",
            Format::Axolotl => "axolotl",
            Format::LlamaFactory => "llama-factory",
            Format::OpenRlhf => "openrlhf",
            Format::NemoRl => "nemo-rl",
            Format::Verl => "verl",
        }
    }

    /// The format of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Format::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// What must be the same for all lines of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// Whether conversations are written as a prompt and a completion for each answer that is learned, as TRL has no other
    /// way to leave some answers of a conversation out of the loss.
    pub completions: bool,
}

impl Layout {
    /// The layout for these examples.
    pub fn of(format: Format, examples: &[Example]) -> Self {
        let masked = |message: &ChatMessage| message.is_assistant() && message.train == Some(false);
        let any = examples.iter().any(|example| match &example.body {
            Body::Conversation { messages, .. } => messages.iter().any(masked),
            _ => false,
        });
        Layout {
            format,
            completions: any && format == Format::Trl,
        }
    }
}

/// The lines of an example.
///
/// # Errors
/// The rule of the format that the example breaks, as a fragment.
pub fn lines(
    layout: Layout,
    example: &Example,
    split: &str,
    number: usize,
) -> Result<Vec<Json>, String> {
    if let Some(broken) = broken_rule(layout, example) {
        return Err(broken);
    }
    let line = match layout.format {
        Format::Neutral => Some(neutral(example)),
        Format::OpenAi => openai(&example.body),
        Format::Trl => return trl(layout, &example.body),
        Format::TrlReward => reward(&example.body),
        Format::ShareGpt | Format::LlamaFactory => sharegpt(layout.format, &example.body),
        Format::Axolotl => axolotl(&example.body),
        Format::OpenRlhf => openrlhf(&example.body),
        Format::NemoRl => nemo(&example.body),
        Format::Verl => verl(example, split, number),
    };
    let line =
        line.ok_or_else(|| format!("{} has no lines for this task", layout.format.word()))?;
    Ok(vec![line])
}

/// The entry of `dataset_info.json` that describes a file of LLaMA-Factory's format.
pub fn llama_factory_info(file: &str, task: &str) -> Json {
    let mut columns = Object::from([
        ("messages", "conversations".into()),
        ("system", "system".into()),
    ]);
    let mut info = Object::from([
        ("file_name", file.into()),
        ("formatting", "sharegpt".into()),
    ]);
    match task {
        "pairs" => {
            info.insert("ranking", true);
            columns.insert("chosen", "chosen");
            columns.insert("rejected", "rejected");
        }
        "labels" => _ = columns.insert("kto_tag", "kto_tag"),
        _ => {}
    }
    info.insert("columns", columns);
    Json::Object(info)
}

fn neutral(example: &Example) -> Json {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Neutral, list);
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

fn openai(body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::OpenAi, list);
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
            let mut line = Object::from([("messages", spell(prompt))]);
            if let Some(truth) = ground_truth {
                line.insert("ground_truth", truth.clone());
            }
            Some(Json::Object(line))
        }
        _ => None,
    }
}

fn trl(layout: Layout, body: &Body) -> Result<Vec<Json>, String> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Trl, list);
    let line = match body {
        Body::Conversation { messages, .. } if layout.completions => {
            let learned = messages
                .iter()
                .enumerate()
                .filter(|(_, message)| message.train == Some(true));
            return Ok(learned
                .map(|(place, _)| {
                    let (prompt, rest) = messages.split_at(place);
                    Json::object([("prompt", spell(prompt)), ("completion", spell(&rest[..1]))])
                })
                .collect());
        }
        Body::Conversation { messages, .. } => Json::object([("messages", spell(messages))]),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Json::object([
            ("prompt", spell(prompt)),
            ("chosen", spell(chosen)),
            ("rejected", spell(rejected)),
        ]),
        Body::Labelled {
            prompt,
            completion,
            label,
        } => Json::object([
            ("prompt", spell(prompt)),
            ("completion", spell(completion)),
            ("label", (*label).into()),
        ]),
        Body::Rollout {
            prompt,
            ground_truth,
            ..
        } => {
            let mut line = Object::from([("prompt", spell(prompt))]);
            if let Some(truth) = ground_truth {
                line.insert("ground_truth", truth.clone());
            }
            Json::Object(line)
        }
        Body::Ranked { .. } => return Err("trl has no lines for this task".to_owned()),
    };
    Ok(vec![line])
}

fn joined(spelling: Spelling, prompt: &[ChatMessage], answer: &[ChatMessage]) -> Json {
    messages::list(spelling, &[prompt, answer].concat())
}

fn reward(body: &Body) -> Option<Json> {
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
        ("chosen", joined(Spelling::Trl, prompt, chosen)),
        ("rejected", joined(Spelling::Trl, prompt, rejected)),
    ]);
    let margin = scores.0 - scores.1;
    if margin.is_finite() {
        line.insert("margin", margin);
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

fn axolotl(body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Axolotl, list);
    match body {
        Body::Conversation { messages, .. } => Some(Json::object([("messages", spell(messages))])),
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Some(Json::object([
            ("messages", spell(prompt)),
            ("chosen", spell(chosen).as_array()?.first()?.clone()),
            ("rejected", spell(rejected).as_array()?.first()?.clone()),
        ])),
        _ => None,
    }
}

fn openrlhf(body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Plain, list);
    match body {
        Body::Conversation { messages, .. } => {
            let (last, prompt) = messages.split_last()?;
            Some(Json::object([
                ("input", spell(prompt)),
                ("output", last.content_text().as_ref().into()),
            ]))
        }
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => Some(Json::object([
            ("prompt", spell(prompt)),
            ("chosen", spell(chosen)),
            ("rejected", spell(rejected)),
        ])),
        Body::Labelled {
            prompt,
            completion,
            label,
        } => {
            let text = completion.last()?.content_text().into_owned();
            Some(Json::object([
                ("input", spell(prompt)),
                ("output", text.into()),
                ("label", (*label).into()),
            ]))
        }
        Body::Rollout {
            prompt,
            ground_truth,
            ..
        } => Some(Json::object([
            ("input", spell(prompt)),
            ("label", ground_truth.clone().into()),
        ])),
        Body::Ranked { .. } => None,
    }
}

fn nemo(body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Plain, list);
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
        _ => None,
    }
}

fn verl(example: &Example, split: &str, number: usize) -> Option<Json> {
    match &example.body {
        Body::Conversation { messages, .. } => Some(Json::object([(
            "messages",
            messages::list(Spelling::Verl, messages),
        )])),
        Body::Rollout {
            prompt,
            ground_truth,
            group_id,
            ..
        } => {
            // Columns of one type in every row: what is no text is written as JSON text.
            let truth = ground_truth
                .as_ref()
                .map_or_else(String::new, messages::as_text);
            Some(Json::object([
                ("data_source", "forgemark".into()),
                ("prompt", messages::list(Spelling::Plain, prompt)),
                ("ability", "general".into()),
                (
                    "reward_model",
                    Json::object([("style", "rule".into()), ("ground_truth", truth.into())]),
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
