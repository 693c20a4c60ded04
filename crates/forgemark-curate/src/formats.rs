//! Examples as trainers read them, one row each.
//!
//! Nothing but what a trainer knows stands in a row: where an example came from is said in a file beside it, in the same
//! order. Field names and types follow the trainers' own sources (`docs/trainers.md` says which); what a format cannot say is
//! refused with the rule that it breaks, never left out in silence.

mod messages;
mod read;
mod rules;
pub mod schema;
mod validate;

#[cfg(test)]
mod tests;

use forgemark_contract::json::{Json, Object};
use forgemark_contract::store::{ChatMessage, Content};

use crate::shape::{Body, Example};
use messages::Spelling;
use schema::{Columns, Uses};

pub use rules::{RULES, broken_rule};
pub use validate::{Finding, validate};

/// A trainer's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Axolotl's `chat_template`: `messages` with `train`; `messages`, `chosen` and `rejected`; `completion` and `label`.
    Axolotl,
    /// LLaMA-Factory's `sharegpt` formatting; [`llama_factory_info`] describes it.
    LlamaFactory,
    /// `OpenRLHF`: `input` messages; `prompt`, `chosen` and `rejected`; `input`, `output` and `label`; `input` and `label`.
    OpenRlhf,
    /// NeMo-RL: `messages`; `context` with ranked `completions`; `input` and `output`.
    NemoRl,
    /// verl's rows: `messages`, or `data_source`, `prompt`, `ability`, `reward_model` and `extra_info`.
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

/// What a file is for; the recipe's task without its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Conversations to imitate.
    Sft,
    /// A better and a worse answer.
    Pairs,
    /// Single answers, each good or bad.
    Labels,
    /// All answers, best first.
    Ranked,
    /// Prompts to be answered by a policy.
    Rollout,
}

impl Task {
    /// All tasks.
    pub const ALL: [Task; 5] = [
        Task::Sft,
        Task::Pairs,
        Task::Labels,
        Task::Ranked,
        Task::Rollout,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Task::Sft => "sft",
            Task::Pairs => "pairs",
            Task::Labels => "labels",
            Task::Ranked => "ranked",
            Task::Rollout => "rollout",
        }
    }

    /// The task of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Task::ALL.into_iter().find(|task| task.word() == word)
    }
}

impl From<&Body> for Task {
    fn from(body: &Body) -> Self {
        match body {
            Body::Conversation { .. } => Task::Sft,
            Body::Pair { .. } => Task::Pairs,
            Body::Labelled { .. } => Task::Labels,
            Body::Ranked { .. } => Task::Ranked,
            Body::Rollout { .. } => Task::Rollout,
        }
    }
}

impl From<&crate::recipe::Task> for Task {
    fn from(task: &crate::recipe::Task) -> Self {
        match task {
            crate::recipe::Task::Sft => Task::Sft,
            crate::recipe::Task::Pairs(_) => Task::Pairs,
            crate::recipe::Task::Labels(_) => Task::Labels,
            crate::recipe::Task::Ranked => Task::Ranked,
            crate::recipe::Task::Rollout { .. } => Task::Rollout,
        }
    }
}

/// What must be the same for all rows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// What the examples make use of, which decides about columns that only some files have.
    pub uses: Uses,
}

impl Layout {
    /// The layout of a file of which no example was seen yet.
    pub fn new(format: Format) -> Self {
        Layout {
            format,
            uses: Uses::NONE,
        }
    }

    /// The layout for these examples.
    pub fn of<'a>(format: Format, examples: impl IntoIterator<Item = &'a Example>) -> Self {
        let mut layout = Layout::new(format);
        for example in examples {
            layout.see(example);
        }
        layout
    }

    /// Notes what an example makes use of.
    pub fn see(&mut self, example: &Example) {
        match &example.body {
            Body::Conversation { messages, .. } => {
                let masked = |one: &ChatMessage| one.is_assistant() && one.train == Some(false);
                if messages.iter().any(masked) {
                    self.uses = self.uses | Uses::MASKS;
                }
                self.see_messages(messages);
            }
            Body::Pair {
                prompt,
                chosen,
                rejected,
                scores,
            } => {
                if !(scores.0 - scores.1).is_finite() {
                    self.uses = self.uses | Uses::NO_MARGIN;
                }
                for messages in [prompt, chosen, rejected] {
                    self.see_messages(messages);
                }
            }
            Body::Labelled {
                prompt, completion, ..
            } => {
                self.see_messages(prompt);
                self.see_messages(completion);
            }
            Body::Ranked { prompt, answers } => {
                self.see_messages(prompt);
                for (answer, _) in answers {
                    self.see_messages(answer);
                }
            }
            Body::Rollout {
                prompt,
                responses,
                ground_truth,
                ..
            } => {
                self.see_messages(prompt);
                if self.format == Format::Neutral {
                    for response in responses {
                        self.see_messages(&response.messages);
                    }
                }
                if ground_truth.is_some() {
                    self.uses = self.uses | Uses::TRUTH;
                }
            }
        }
    }

    fn see_messages(&mut self, messages: &[ChatMessage]) {
        for message in messages {
            let mut see = |found: bool, uses: Uses| {
                if found {
                    self.uses = self.uses | uses;
                }
            };
            let tool = message.role == "tool" || message.tool_call_id.is_some();
            see(tool || !message.tool_calls.is_empty(), Uses::TOOLS);
            see(message.reasoning.is_some(), Uses::REASONING);
            see(message.name.is_some(), Uses::NAMES);
            see(message.train.is_some(), Uses::FLAGS);
            see(
                matches!(message.content, Some(Content::Parts(_))),
                Uses::PARTS,
            );
        }
    }

    /// Whether a conversation becomes one row for each answer that is learned, as the trainer has no other way to leave some
    /// answers of a conversation out of the loss.
    pub fn completions(self) -> bool {
        let splits = matches!(
            self.format,
            Format::Trl | Format::OpenRlhf | Format::LlamaFactory
        );
        splits && self.uses.any(Uses::MASKS)
    }

    /// The columns of a file for `task`; `None` where the format has no rows for it.
    pub fn columns(self, task: Task) -> Option<Columns> {
        let uses = if self.completions() {
            self.uses | Uses::COMPLETIONS
        } else {
            self.uses
        };
        Columns::of(self.format, task, uses)
    }

    /// What the trainer has to be told so that it reads the file as it is meant, as it is written in its configuration or on
    /// its command line.
    pub fn settings(self, task: Task) -> &'static [&'static str] {
        match (self.format, task) {
            (Format::Axolotl, Task::Sft) if self.uses.any(Uses::MASKS) => &[
                "type: chat_template",
                "field_messages: messages",
                "message_field_training: train",
            ],
            (Format::Axolotl, Task::Sft) => &["type: chat_template", "field_messages: messages"],
            (Format::Axolotl, Task::Pairs) => &["rl: dpo", "type: chat_template.default"],
            (Format::Axolotl, Task::Labels) => &["rl: kto", "type: chatml.argilla_chat"],
            (Format::OpenRlhf, Task::Sft) if self.completions() => {
                &["--data.input_key input", "--data.apply_chat_template"]
            }
            (Format::OpenRlhf, Task::Sft) => &[
                "--data.input_key input",
                "--data.apply_chat_template",
                "--data.multiturn",
            ],
            (Format::OpenRlhf, Task::Pairs) => &[
                "--data.prompt_key prompt",
                "--data.chosen_key chosen",
                "--data.rejected_key rejected",
                "--data.apply_chat_template",
            ],
            (Format::OpenRlhf, Task::Labels) => &[
                "--input_key input",
                "--output_key output",
                "--label_key label",
                "--apply_chat_template",
            ],
            (Format::OpenRlhf, Task::Rollout) if self.uses.any(Uses::TRUTH) => &[
                "--data.input_key input",
                "--data.label_key label",
                "--data.apply_chat_template",
            ],
            (Format::OpenRlhf, Task::Rollout) => {
                &["--data.input_key input", "--data.apply_chat_template"]
            }
            (Format::LlamaFactory, Task::Sft) if self.completions() => &["mask_history: true"],
            (Format::NemoRl, Task::Sft) => &["dataset_name: openai_format", "chat_key: messages"],
            (Format::NemoRl, Task::Pairs | Task::Ranked) => &["dataset_name: PreferenceDataset"],
            (Format::NemoRl, Task::Rollout) => &[
                "dataset_name: ResponseDataset",
                "input_key: input",
                "output_key: output",
            ],
            (Format::Verl, Task::Sft) => &["data.messages_key=messages"],
            (Format::Verl, Task::Rollout) => &["data.prompt_key=prompt"],
            _ => &[],
        }
    }
}

/// The rows of an example.
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
    let columns = layout
        .columns(Task::from(&example.body))
        .ok_or_else(|| format!("{} has no lines for this task", layout.format.word()))?;
    let rows = match &example.body {
        Body::Conversation { messages, .. } if layout.completions() => {
            let learned = messages
                .iter()
                .enumerate()
                .filter(|(_, message)| message.train == Some(true));
            learned
                .filter_map(|(place, _)| completion(layout, &messages[..=place]))
                .collect()
        }
        _ => row(layout, example, split, number).into_iter().collect(),
    };
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

/// The entry of `dataset_info.json` that describes a file of LLaMA-Factory's format.
pub fn llama_factory_info(file: &str, task: Task) -> Json {
    let mut columns = Object::from([
        ("messages", "conversations".into()),
        ("system", "system".into()),
    ]);
    let mut info = Object::from([
        ("file_name", file.into()),
        ("formatting", "sharegpt".into()),
    ]);
    match task {
        Task::Pairs => {
            info.insert("ranking", true);
            columns.insert("chosen", "chosen");
            columns.insert("rejected", "rejected");
        }
        Task::Labels => _ = columns.insert("kto_tag", "kto_tag"),
        _ => {}
    }
    info.insert("columns", columns);
    Json::Object(info)
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
            let mut line = Object::from([("messages", spell(prompt))]);
            if let Some(truth) = truth(ground_truth.as_ref()) {
                line.insert("ground_truth", truth);
            }
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
        } => Some(Json::object([
            ("prompt", spell(prompt)),
            ("chosen", spell(chosen)),
            ("rejected", spell(rejected)),
        ])),
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
            let mut line = Object::from([("prompt", spell(prompt))]);
            if let Some(truth) = truth(ground_truth.as_ref()) {
                line.insert("ground_truth", truth);
            }
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
        } => Some(Json::object([
            ("prompt", spell(prompt)),
            ("chosen", spell(chosen)),
            ("rejected", spell(rejected)),
        ])),
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
            let mut line = Object::from([("input", spell(prompt))]);
            if let Some(truth) = truth(ground_truth.as_ref()) {
                line.insert("label", truth);
            }
            line.insert("datasource", SOURCE);
            Some(Json::Object(line))
        }
        Body::Ranked { .. } => None,
    }
}

/// The name by which a reward function is chosen, until the user gives another.
const SOURCE: &str = "forgemark";

fn nemo(layout: Layout, body: &Body) -> Option<Json> {
    let spell = |list: &[ChatMessage]| messages::list(Spelling::Plain, layout.uses, list);
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
        Body::Conversation { messages, .. } => Some(Json::object([(
            "messages",
            messages::list(Spelling::Nemo, layout.uses, messages),
        )])),
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
