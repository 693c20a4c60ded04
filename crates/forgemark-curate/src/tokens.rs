//! How many tokens a model sees: counted by its own tokenizer, from the `tokenizer.json` that is published with it.
//!
//! With a chat template the tokens are those of the whole conversation as the template writes it; without one, those of the
//! texts of the messages, one by one, which leaves out what a template adds. Neither adds tokens of its own at the ends: a
//! template writes them out, and texts alone have none.

use std::sync::Arc;

use forgemark_contract::store::ChatMessage;

use crate::template::ChatTemplate;

#[cfg(feature = "tokenizers")]
mod file;
#[cfg(test)]
mod tests;

#[cfg(feature = "tokenizers")]
pub use file::{TokenizerError, read};

/// Counts the tokens of texts.
pub trait CountTokens: Send + Sync + std::fmt::Debug {
    /// The tokens of a text.
    ///
    /// # Errors
    /// Why the tokenizer refuses it, as a fragment.
    fn count(&self, text: &str) -> Result<usize, String>;
}

/// How many tokens a unit may have.
#[derive(Debug, Clone)]
pub struct TokenRule {
    /// Most tokens.
    pub max: usize,
    /// SHA-256 of the file of the tokenizer, 64 hexadecimal digits.
    pub digest: String,
    /// The tokenizer.
    pub tokenizer: Arc<dyn CountTokens>,
    /// The chat template, with the SHA-256 of its source.
    pub template: Option<(String, Arc<ChatTemplate>)>,
}

/// Rules are equal that count alike: by the digests of their files.
impl PartialEq for TokenRule {
    fn eq(&self, other: &Self) -> bool {
        let digests = |rule: &TokenRule| {
            let template = rule.template.as_ref();
            (
                rule.digest.clone(),
                template.map(|(digest, _)| digest.clone()),
            )
        };
        self.max == other.max && digests(self) == digests(other)
    }
}

impl TokenRule {
    /// The tokens of messages.
    ///
    /// # Errors
    /// Why they cannot be counted, as a fragment: a template or a tokenizer that refuses them.
    pub fn count<'m>(
        &self,
        messages: impl IntoIterator<Item = &'m ChatMessage>,
    ) -> Result<usize, String> {
        let messages = messages.into_iter();
        match &self.template {
            Some((_, template)) => {
                let messages: Vec<ChatMessage> = messages.cloned().collect();
                let text = template.text(&messages, false);
                self.tokenizer
                    .count(&text.map_err(|error| error.to_string())?)
            }
            None => messages
                .map(|message| self.tokenizer.count(&message.content_text()))
                .sum(),
        }
    }
}
