//! What a trainer would refuse or learn wrongly.
//!
//! The rules are asked twice: of every example before it is written, and of the rows of a finished file.

use std::collections::HashSet;

use forgemark_contract::json::parse_str;
use forgemark_contract::store::{ChatMessage, Content};

use super::{Format, Layout};
use crate::shape::{Body, Example};

/// The names of the rules, each with what becomes of a file that breaks it.
#[rustfmt::skip]
pub const RULES: &[(&str, &str)] = &[
    ("json", "a line that is no JSON object; the loader stops"),
    ("schema", "a column or key that is missing, unknown, null or of another type than declared; the loader stops, or makes every row's missing keys null"),
    ("role", "a role that chat templates do not know, or not in lower case; the template raises, or leaves the message out"),
    ("empty", "a message without text and calls; the model learns to say nothing"),
    ("system", "a system message behind the first message; templates raise, or move it"),
    ("first", "a conversation that does not begin with the user; templates raise"),
    ("last", "a conversation that does not end with an answer; there is nothing to learn at its end, or the loader drops the row"),
    ("turns", "the sides do not take turns; LLaMA-Factory drops the row"),
    ("prompt", "a prompt that ends with an answer; the model would go on within it"),
    ("answer", "an answer without a message of the assistant"),
    ("single", "an answer of several messages where the format takes one; the others are left out"),
    ("same", "a chosen answer that equals the rejected one; the loss is constant"),
    ("caller", "a call by somebody else than the assistant"),
    ("call", "a call without a name or an id, or of a kind that is no function"),
    ("arguments", "arguments of a call that are no JSON object; templates raise, or write them as a text"),
    ("unanswered", "a call whose result is missing; the model learns to go on without it"),
    ("result", "a tool's message that answers no call; the API refuses it"),
    ("result-id", "a tool's message that names no call; the API refuses it"),
    ("tools", "tool calls where the format has none"),
    ("calls", "several calls in a message where the format has one"),
    ("call-text", "a text beside a call where the format has one of them; it would be lost"),
    ("parts", "a picture or another part that is no text, where the format has texts only"),
    ("mask", "an answer that must not be learned, where the format cannot say so"),
    ("unlearned", "a conversation of which no answer is learned"),
    ("ranks", "ranks that do not begin with the best, or not two answers; NeMo-RL stops at any other number and at ties"),
    ("one-label", "labels of one kind only; the loss has no contrast"),
    ("few", "fewer than the ten lines that the API asks for"),
    ("source", "an empty name of the data source, by which the reward function is chosen"),
    ("truth", "a rule-based reward without a ground truth; every answer is wrong"),
    ("style", "a reward style that verl does not know"),
    ("one-user", "a prompt that is not one message of the user, where the format has a text"),
    ("placeholder", "a text that holds a placeholder of the loader (`<image>`, `<video>`, `<audio>`) without a picture; the loader raises"),
];

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// Which, of [`RULES`].
    pub(super) rule: &'static str,
    /// Where, such as `messages[2]`.
    pub(super) field: String,
    /// How, as a fragment.
    pub(super) what: String,
}

/// The names that the parts of a body have in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) prompt: &'static str,
    pub(super) chosen: &'static str,
    pub(super) rejected: &'static str,
    /// Messages of an answer's list that belong to the prompt.
    pub(super) before: usize,
}

impl Names {
    /// Those that an example has before it has a format.
    pub(super) const PLAIN: Names = Names {
        prompt: "prompt",
        chosen: "chosen",
        rejected: "rejected",
        before: 0,
    };
}

/// The rule of the layout that an example breaks first, as a fragment; `None` when it breaks none.
pub fn broken_rule(layout: Layout, example: &Example) -> Option<String> {
    if layout.format == Format::Neutral {
        return None;
    }
    let mut rules = Rules::new(layout.format);
    rules.body(&example.body, Names::PLAIN);
    if let Body::Conversation { messages, .. } = &example.body
        && !layout.completions()
    {
        rules.mask(messages);
    }
    rules.broken.into_iter().next().map(|broken| broken.what)
}

/// Collects what is broken.
pub(super) struct Rules {
    format: Format,
    /// Whether a row of the format has no place for calls and their results.
    no_tools: bool,
    pub(super) broken: Vec<Broken>,
}

/// Messages that follow each other, from one list or from two.
struct Run<'a> {
    first: (&'static str, &'a [ChatMessage]),
    then: (&'static str, &'a [ChatMessage]),
    /// What is added to a place in the second list.
    offset: usize,
}

impl<'a> Run<'a> {
    fn one(name: &'static str, messages: &'a [ChatMessage]) -> Self {
        Run {
            first: (name, messages),
            then: (name, &[]),
            offset: 0,
        }
    }

    fn messages(&self) -> impl DoubleEndedIterator<Item = &'a ChatMessage> + Clone + use<'a> {
        self.first.1.iter().chain(self.then.1)
    }

    fn len(&self) -> usize {
        self.first.1.len() + self.then.1.len()
    }

    fn get(&self, place: usize) -> Option<&'a ChatMessage> {
        let here = self.first.1.len();
        if place < here {
            self.first.1.get(place)
        } else {
            self.then.1.get(place - here)
        }
    }

    fn field(&self, place: usize) -> String {
        let here = self.first.1.len();
        if place < here {
            format!("{}[{place}]", self.first.0)
        } else {
            format!("{}[{}]", self.then.0, place - here + self.offset)
        }
    }

    fn last_field(&self) -> String {
        if self.len() == 0 {
            self.first.0.to_owned()
        } else {
            self.field(self.len() - 1)
        }
    }
}

impl Rules {
    pub(super) fn new(format: Format) -> Self {
        Rules {
            format,
            no_tools: format == Format::OpenRlhf,
            broken: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        rule: &'static str,
        field: impl Into<String>,
        what: impl Into<String>,
    ) {
        self.broken.push(Broken {
            rule,
            field: field.into(),
            what: what.into(),
        });
    }

    fn is(&self, formats: &[Format]) -> bool {
        formats.contains(&self.format)
    }

    /// Everything that can be asked of one body.
    pub(super) fn body(&mut self, body: &Body, names: Names) {
        let plain = !matches!(body, Body::Conversation { .. });
        self.no_tools |= plain && self.format == Format::Axolotl;
        match body {
            Body::Conversation { messages, .. } => {
                let run = Run::one(names.prompt, messages);
                self.run(&run, 0);
                self.ended(&run);
            }
            Body::Pair {
                prompt,
                chosen,
                rejected,
                ..
            } => {
                self.prompt(names.prompt, prompt);
                self.answer(names, names.chosen, prompt, chosen);
                self.answer(names, names.rejected, prompt, rejected);
                let equal = chosen.len() == rejected.len()
                    && chosen.iter().zip(rejected).all(|(a, b)| {
                        a.content_text() == b.content_text() && a.tool_calls == b.tool_calls
                    });
                if equal {
                    self.add(
                        "same",
                        names.rejected,
                        "the chosen answer equals the rejected one",
                    );
                }
            }
            Body::Labelled {
                prompt, completion, ..
            } => {
                self.prompt(names.prompt, prompt);
                self.answer(names, names.chosen, prompt, completion);
            }
            Body::Ranked { prompt, answers } => {
                self.prompt(names.prompt, prompt);
                for (messages, _) in answers {
                    self.answer(names, names.chosen, prompt, messages);
                }
                let best = answers.iter().filter(|(_, rank)| *rank == 1).count();
                let pair = self.format == Format::NemoRl && answers.len() != 2;
                if answers.len() < 2 || pair || best == 0 || best == answers.len() {
                    let what = "there is no better and no worse answer, or not two where the format takes two";
                    self.add("ranks", names.chosen, what);
                }
            }
            Body::Rollout {
                prompt,
                ground_truth,
                ..
            } => {
                self.prompt(names.prompt, prompt);
                if self.format == Format::NemoRl {
                    let one = prompt.len() == 1 && prompt[0].role == "user";
                    if !one {
                        self.add(
                            "one-user",
                            names.prompt,
                            "the format has prompts of one user message",
                        );
                    }
                    if ground_truth.is_none() {
                        self.add("truth", names.chosen, "there is no ground truth");
                    }
                }
            }
        }
    }

    fn prompt(&mut self, name: &'static str, prompt: &[ChatMessage]) {
        let run = Run::one(name, prompt);
        self.run(&run, 0);
        if prompt.last().is_some_and(ChatMessage::is_assistant) {
            self.add("prompt", run.last_field(), "the prompt ends with an answer");
        }
    }

    fn answer(
        &mut self,
        names: Names,
        name: &'static str,
        prompt: &[ChatMessage],
        answer: &[ChatMessage],
    ) {
        let run = Run {
            first: (names.prompt, prompt),
            then: (name, answer),
            offset: names.before,
        };
        if !answer.iter().any(ChatMessage::is_assistant) {
            self.add("answer", name, "the answer has no message of the assistant");
        }
        self.run(&run, prompt.len());
        self.ended(&run);
        let one = self.is(&[
            Format::OpenAi,
            Format::Axolotl,
            Format::ShareGpt,
            Format::LlamaFactory,
            Format::OpenRlhf,
        ]);
        if one && answer.len() > 1 {
            self.add("single", name, "the format has answers of one message");
        }
    }

    /// Rules of one message.
    fn message(&mut self, run: &Run<'_>, place: usize, message: &ChatMessage) {
        let field = || run.field(place);
        let role = message.role.to_ascii_lowercase();
        if !["system", "user", "assistant", "tool"].contains(&role.as_str()) {
            let what = format!("the role '{}' is unknown to chat templates", message.role);
            self.add("role", field(), what);
            return;
        }
        if message.role != role {
            let what = format!("the role '{}' is not in lower case", message.role);
            self.add("role", field(), what);
        }
        if message.is_blank() && role != "tool" {
            self.add(
                "empty",
                field(),
                format!("a message of the role {role} is empty"),
            );
        }
        if role == "tool" && message.tool_call_id.is_none() && self.format == Format::OpenAi {
            self.add("result-id", field(), "a tool's message names no call");
        }
        if !message.tool_calls.is_empty() && role != "assistant" {
            let what = format!("a message of the role {role} calls a tool");
            self.add("caller", field(), what);
        }
        for call in &message.tool_calls {
            let named = self.is(&[
                Format::OpenAi,
                Format::Axolotl,
                Format::NemoRl,
                Format::Verl,
            ]);
            let no_id = named && call.id.is_empty();
            if call.function.name.is_empty() || call.kind != "function" || no_id {
                self.add(
                    "call",
                    field(),
                    "a call has no name or id, or is of no function",
                );
            }
            let is_object =
                |text: &str| parse_str(text).is_ok_and(|json| json.as_object().is_some());
            if !is_object(&call.function.arguments) {
                let name = &call.function.name;
                let what = format!("the arguments of the call of {name} are no JSON object");
                self.add("arguments", field(), what);
            }
        }
        if self.format != Format::OpenAi
            && self.format != Format::Neutral
            && message.content.as_ref().is_some_and(Content::has_media)
        {
            self.add("parts", field(), "the format has no content parts");
        }
        if self.is(&[Format::LlamaFactory, Format::OpenRlhf]) {
            let text = message.content_text();
            let found = ["<image>", "<video>", "<audio>"]
                .into_iter()
                .find(|mark| text.contains(mark));
            // OpenRLHF reads the first as a picture of its own.
            let found =
                found.filter(|mark| self.format == Format::LlamaFactory || *mark == "<image>");
            if let Some(mark) = found {
                self.add(
                    "placeholder",
                    field(),
                    format!("the text holds {mark}, and there is none"),
                );
            }
        }
        let calls = !message.tool_calls.is_empty();
        if self.no_tools && (calls || role == "tool") {
            self.add("tools", field(), "the format has no tool calls");
        }
        if self.is(&[Format::ShareGpt, Format::LlamaFactory]) && calls {
            if message.tool_calls.len() > 1 {
                self.add("calls", field(), "the format has one call a message");
            }
            if !message.content_text().trim().is_empty() {
                self.add("call-text", field(), "the format has no text beside a call");
            }
        }
    }

    /// Rules of a run of messages from the first; of those before `from` only what the others hang on is said.
    fn run(&mut self, run: &Run<'_>, from: usize) {
        let mut open: HashSet<&str> = HashSet::new();
        let mut said = from;
        for (place, one) in run.messages().enumerate() {
            if place >= from {
                self.message(run, place, one);
            }
            let role = one.role.to_ascii_lowercase();
            if role == "system" && place > 0 && place >= from {
                let what = "a system message stands after the first message";
                self.add("system", run.field(place), what);
            }
            if role == "tool" {
                let before = (0..place)
                    .rev()
                    .filter_map(|place| run.get(place))
                    .find(|before| !before.role.eq_ignore_ascii_case("tool"));
                let called = before.is_some_and(|before| !before.tool_calls.is_empty());
                let known = one.tool_call_id.as_deref().is_none_or(|id| open.remove(id));
                if place >= from && (!called || !known) {
                    let what = "a tool's message answers no call";
                    self.add("result", run.field(place), what);
                }
                if one.tool_call_id.is_none() {
                    open.clear();
                }
                continue;
            }
            if !open.is_empty() && place >= said {
                self.add("unanswered", run.field(place), "a call is not answered");
                said = place + 1;
            }
            open = one.tool_calls.iter().map(|call| call.id.as_str()).collect();
        }
        if from > 0 {
            return;
        }
        let is_system = |message: &ChatMessage| message.role.eq_ignore_ascii_case("system");
        let begins = run.messages().find(|message| !is_system(message));
        if !begins.is_some_and(|first| first.role.eq_ignore_ascii_case("user")) {
            let place = run
                .messages()
                .take_while(|message| is_system(message))
                .count();
            let field = if place < run.len() {
                run.field(place)
            } else {
                run.last_field()
            };
            self.add("first", field, "the first turn is not the user's");
        }
        if self.is(&[Format::ShareGpt, Format::LlamaFactory]) {
            let turns = run
                .messages()
                .enumerate()
                .filter(|(_, one)| !is_system(one));
            let mut broken = turns
                .enumerate()
                .filter(|(turn, (_, one))| one.is_assistant() == (turn % 2 == 0));
            if let Some((_, (place, _))) = broken.next() {
                self.add("turns", run.field(place), "the sides do not take turns");
            }
        }
    }

    fn ended(&mut self, run: &Run<'_>) {
        let Some(last) = run.messages().next_back() else {
            return;
        };
        if !last.is_assistant() {
            self.add("last", run.last_field(), "the last message is no answer");
        } else if !last.tool_calls.is_empty() {
            self.add("unanswered", run.last_field(), "a call is not answered");
        }
    }

    /// Formats that cannot leave an answer of a conversation out of the loss.
    pub(super) fn mask(&mut self, messages: &[ChatMessage]) {
        let can = self.is(&[Format::OpenAi, Format::Axolotl, Format::Neutral]);
        let masked = |message: &ChatMessage| message.is_assistant() && message.train == Some(false);
        if let Some(place) = messages.iter().position(masked).filter(|_| !can) {
            let what = "the format cannot leave an answer out of the loss; openai, trl, axolotl, llama-factory and openrlhf can";
            self.add("mask", format!("messages[{place}]"), what);
        }
    }

    /// A conversation of which no answer is learned.
    pub(super) fn unlearned(&mut self, name: &str, messages: &[ChatMessage]) {
        let mut answers = messages
            .iter()
            .filter(|message| message.is_assistant())
            .peekable();
        let any = answers.peek().is_some();
        if any && answers.all(|answer| answer.train == Some(false)) {
            self.add("unlearned", name, "no answer is learned");
        }
    }
}
