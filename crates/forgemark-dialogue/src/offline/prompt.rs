//! What an offline agent finds in the messages of a request.

use forgemark_contract::json::{Json, parse_str};
use forgemark_model::chat::{ChatRequest, Role};

use crate::passages::{Passage, blocks, parse, restore, self_closing};

/// The parts of a prompt.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    /// Language label of the task; "en" when the prompt does not say.
    pub(super) language: String,
    /// Question mode; "fresh" when the prompt does not say.
    pub(super) mode: String,
    /// Passages of the prompt and of tool results, each once.
    pub(super) passages: Vec<Passage>,
    /// Questions and answers so far.
    pub(super) history: Vec<(String, String)>,
    /// Questions that must not be asked again.
    pub(super) asked: Vec<String>,
    /// The question to answer or to judge.
    pub(super) question: String,
    /// The answer to judge.
    pub(super) answer: String,
    /// The reasons that a judge may give.
    pub(super) reasons: Vec<String>,
    /// Topic or question to begin from.
    pub(super) seed: String,
    /// Whether a tool was called already.
    pub(super) searched: bool,
}

impl Prompt {
    pub(super) fn read(request: &ChatRequest) -> Self {
        let mut prompt = Self {
            language: "en".to_owned(),
            mode: "fresh".to_owned(),
            ..Self::default()
        };
        for message in &request.messages {
            match message.role {
                Role::User => prompt.read_task(&message.content),
                Role::Tool => {
                    prompt.searched = true;
                    prompt.read_result(&message.content);
                }
                Role::System | Role::Assistant => {}
            }
        }
        prompt
    }

    fn read_task(&mut self, text: &str) {
        if let Some(task) = self_closing(text, "task") {
            if let Some(language) = task.attribute("language").filter(|label| !label.is_empty()) {
                self.language = language;
            }
            if let Some(mode) = task.attribute("mode") {
                self.mode = mode;
            }
        }
        for passage in parse(text) {
            self.add(passage);
        }
        // A turn of the history holds a question and an answer of its own.
        let mut rest = text;
        if let Some(history) = blocks(text, "history").first() {
            for turn in blocks(history.body(), "turn") {
                let part = |name: &str| {
                    blocks(turn.body(), name)
                        .first()
                        .map_or_else(String::new, |block| block.text().into_owned())
                };
                self.history.push((part("question"), part("answer")));
            }
            rest = text
                .split_once("\n</history>")
                .map_or("", |(_, after)| after);
        }
        let last = |name: &str| {
            blocks(rest, name)
                .last()
                .map(|block| block.text().into_owned())
        };
        if let Some(question) = last("question") {
            self.question = question;
        }
        if let Some(answer) = last("answer") {
            self.answer = answer;
        }
        let last = |name: &str| {
            blocks(text, name)
                .last()
                .map(|block| block.text().into_owned())
        };
        if let Some(seed) = last("seed") {
            self.seed = seed;
        }
        if let Some(reasons) = last("reasons") {
            self.reasons = reasons.lines().map(|line| line.trim().to_owned()).collect();
        }
        for name in ["asked_before", "avoid"] {
            for block in blocks(text, name) {
                self.asked.extend(
                    block
                        .text()
                        .lines()
                        .map(|line| line.trim_start_matches("- ").to_owned()),
                );
            }
        }
    }

    /// The result of a search, `{"results": [{"source", "chunk_index", "content"}]}`.
    fn read_result(&mut self, content: &str) {
        let Ok(result) = parse_str(content) else {
            return;
        };
        for hit in result.items("results") {
            let source = hit.str_or("source", "");
            let descriptor = match hit.get("chunk_index").and_then(Json::as_i64) {
                Some(ordinal) => format!("{source}#chunk{ordinal}"),
                None => source.to_owned(),
            };
            self.add(Passage {
                topic_id: "".into(),
                source: source.into(),
                descriptor: descriptor.into(),
                page: None,
                text: restore(hit.str_or("content", "")).into(),
            });
        }
    }

    fn add(&mut self, passage: Passage) {
        let known = self
            .passages
            .iter()
            .any(|kept| kept.descriptor == passage.descriptor);
        if !known && !passage.text.trim().is_empty() {
            self.passages.push(passage);
        }
    }
}
