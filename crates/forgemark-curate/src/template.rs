//! A conversation through a model's chat template, with what of the text is an answer.
//!
//! Templates are Jinja as `tokenizer_config.json` holds it. Which part of the text a trainer learns from is found without the
//! template's help: an answer is what the template adds when the message follows, after the text that it would give a model
//! to go on from. A template that rewrites earlier messages when later ones follow cannot be masked like this, and says so.

mod methods;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use forgemark_contract::json::{Json, to_line_text};
use forgemark_contract::shape::Field as _;
use forgemark_contract::store::ChatMessage;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object};
use minijinja::{Environment, Error, ErrorKind, Value};

/// A template that is ready.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// The texts that a tokenizer knows as the beginning and the end.
    bos: String,
    eos: String,
}

/// A text and what of it is learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Bytes of it that are answers to be learned, ascending.
    pub learned: Vec<Range<usize>>,
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template cannot be read, or refuses the messages.
    #[error("chat template: {0:#}")]
    Template(Box<Error>),
    /// The text before a message is not the beginning of the text with it.
    #[error(
        "chat template: message {message} changes the text before it, so that its part cannot be told; use a format with messages"
    )]
    NotAPrefix {
        /// Number of the message, from 1.
        message: usize,
    },
}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        TemplateError::Template(Box::new(error))
    }
}

impl ChatTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError::Template`] with the line of what cannot be read.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        // As transformers sets its own engine.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?;
        environment.set_syntax(syntax);
        environment.set_unknown_method_callback(methods::call);
        environment.add_filter("tojson", |value: Value| to_line_text(&json_of(&value)));
        environment.add_function("raise_exception", |text: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, text))
        });
        environment.add_template_owned("chat", source.to_owned())?;
        Ok(ChatTemplate {
            environment,
            bos: bos.to_owned(),
            eos: eos.to_owned(),
        })
    }

    /// The text of messages, with `prompt` also what a model goes on from.
    pub(crate) fn text(
        &self,
        messages: &[ChatMessage],
        prompt: bool,
    ) -> Result<String, TemplateError> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| value_of(&message.to_field()))
            .collect();
        let context = Value::from_pairs([
            ("messages", Value::from(messages)),
            ("add_generation_prompt", prompt.into()),
            ("bos_token", self.bos.as_str().into()),
            ("eos_token", self.eos.as_str().into()),
        ]);
        Ok(self.environment.get_template("chat")?.render(context)?)
    }

    /// Renders messages; answers with a train flag of false are not learned.
    ///
    /// # Errors
    /// [`TemplateError`] when the template refuses the messages, or when an answer's part of the text cannot be told.
    pub fn render(&self, messages: &[ChatMessage]) -> Result<Rendered, TemplateError> {
        let text = self.text(messages, false)?;
        let mut learned = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            if !message.is_assistant() || message.train == Some(false) {
                continue;
            }
            let before = self.text(&messages[..place], true)?;
            let with = self.text(&messages[..=place], false)?;
            if !with.starts_with(&before) || !text.starts_with(&with) {
                return Err(TemplateError::NotAPrefix { message: place + 1 });
            }
            learned.push(before.len()..with.len());
        }
        Ok(Rendered { text, learned })
    }
}

/// A tree as a template sees it.
fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => (*value).into(),
        Json::Int(value) => (*value).into(),
        Json::BigInt(text) => text.to_string().into(),
        Json::Float(value) => (*value).into(),
        Json::Str(_) | Json::Utf16(_) => json.to_text().unwrap_or_default().into_owned().into(),
        Json::Array(items) => items.iter().map(value_of).collect(),
        Json::Object(object) => {
            let entries = object
                .iter()
                .map(|(key, value)| (key.to_owned(), value_of(value)));
            Value::from_object(Ordered(entries.collect()))
        }
    }
}

/// A map that keeps its order, which the engine's own does not, and which a template may write out.
#[derive(Debug)]
struct Ordered(Vec<(String, Value)>);

impl Object for Ordered {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(key, _)| key.as_str().into()).collect())
    }
}

/// A value of a template as a tree.
fn json_of(value: &Value) -> Json {
    use minijinja::value::ValueKind;
    let items = || value.try_iter().into_iter().flatten();
    match value.kind() {
        ValueKind::Bool => value.is_true().into(),
        ValueKind::Number => i64::try_from(value.clone()).map_or_else(
            |_| f64::try_from(value.clone()).map_or(Json::Null, Json::Float),
            Json::Int,
        ),
        ValueKind::String => value.as_str().unwrap_or_default().into(),
        ValueKind::Seq | ValueKind::Iterable => items().map(|item| json_of(&item)).collect(),
        ValueKind::Map => {
            let entry = |key: Value| {
                let entry = value.get_item(&key).unwrap_or_default();
                (key.to_string(), json_of(&entry))
            };
            Json::Object(items().map(entry).collect())
        }
        _ => Json::Null,
    }
}
