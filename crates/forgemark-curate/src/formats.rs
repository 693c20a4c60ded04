//! Examples as trainers read them, one row each.
//!
//! Nothing but what a trainer knows stands in a row: where an example came from is said in a file beside it, in the same
//! order. Field names and types follow the trainers' own sources (`docs/trainers.md` says which); what a format cannot say is
//! refused with the rule that it breaks, never left out in silence.

mod lines;
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
use schema::{Columns, Uses};

pub use lines::lines;
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
        if example.tools.is_some() {
            self.uses = self.uses | Uses::SPECS;
        }
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

    /// How many rows an example becomes.
    pub fn count(self, example: &Example) -> u64 {
        match &example.body {
            Body::Conversation { messages, .. } if self.completions() => {
                lines::learned(messages).count() as u64
            }
            _ => 1,
        }
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

/// The entry of `dataset_info.json` that describes a file of LLaMA-Factory's format.
pub fn llama_factory_info(file: &str, columns: &Columns, task: Task) -> Json {
    let mut named = Object::from([
        ("messages", "conversations".into()),
        ("system", "system".into()),
    ]);
    if columns.fields().any(|field| field.name == "tools") {
        named.insert("tools", "tools");
    }
    let mut info = Object::from([
        ("file_name", file.into()),
        ("formatting", "sharegpt".into()),
    ]);
    match task {
        Task::Pairs => {
            info.insert("ranking", true);
            named.insert("chosen", "chosen");
            named.insert("rejected", "rejected");
        }
        Task::Labels => _ = named.insert("kto_tag", "kto_tag"),
        _ => {}
    }
    info.insert("columns", named);
    Json::Object(info)
}
