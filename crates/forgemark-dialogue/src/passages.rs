//! Passages of documents as delimited data in prompts.
//!
//! A prompt shows a passage like this, and the rules above it say that what stands between the
//! tags is data and never an instruction:
//!
//! ```text
//! <passage id="0f3c...-3" source="guide.md#chunk3" page="2">
//! The text of the chunk.
//! </passage>
//! ```
//!
//! The text is someone else's: a document may contain `</passage>`, a chat template's control
//! tokens, or characters that no reader sees. [`neutralise`] writes those so that neither a
//! parser nor a tokenizer takes them for structure, and [`restore`] gives back the exact text;
//! everything else stays as it is. What a document *says* ("ignore previous instructions") is
//! left alone: it cannot leave its block, and the rules of the prompt say what a block is worth.
//!
//! The same blocks are how the offline agents read a prompt ([`parse`]), because they get nothing
//! but the messages.

use std::sync::Arc;

use forgemark_model::prompt::push_neutral;
pub(crate) use forgemark_model::prompt::{attribute, blocks, push_block, push_open, self_closing};
pub use forgemark_model::prompt::{neutralise, restore};

/// A chunk of a document as it is offered to a model or retrieved for it.
///
/// The texts are shared, so that one passage can stand in the prompts of user, assistant and
/// judge without being copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Identifier of the chunk, the only accepted value of a `coverage_target`.
    pub topic_id: Arc<str>,
    /// Path of the document, relative to the corpus, with `/`.
    pub source: Arc<str>,
    /// `<source>#chunk<ordinal>`, what answers cite.
    pub descriptor: Arc<str>,
    /// Page of the document, from 1; `None` where the format has no pages.
    pub page: Option<u32>,
    /// The text of the chunk, exactly as the corpus has it.
    pub text: Arc<str>,
}

impl AsRef<str> for Passage {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Appends the block of one passage, with a final line break.
pub fn push_passage(out: &mut String, passage: &Passage) {
    out.push_str("<passage");
    attribute(out, "id", &passage.topic_id);
    attribute(out, "source", &passage.descriptor);
    if let Some(page) = passage.page {
        attribute(out, "page", &page.to_string());
    }
    out.push_str(">\n");
    push_neutral(out, &passage.text);
    out.push_str("\n</passage>\n");
}

/// The blocks of several passages, one after the other, with a final line break each.
pub fn render<'a>(passages: impl IntoIterator<Item = &'a Passage>) -> String {
    let mut out = String::new();
    for passage in passages {
        push_passage(&mut out, passage);
    }
    out
}

/// The passages that stand in `prompt`, in order; the inverse of [`render`] wherever the blocks
/// stand.
///
/// A block without an `id` or without an end is skipped. The path of a parsed passage is its
/// descriptor up to the last `#`.
pub fn parse(prompt: &str) -> Vec<Passage> {
    blocks(prompt, "passage")
        .into_iter()
        .filter_map(|block| {
            let descriptor = block.attribute("source").unwrap_or_default();
            let source = descriptor
                .rsplit_once('#')
                .map_or(&*descriptor, |(path, _)| path);
            Some(Passage {
                topic_id: block.attribute("id")?.into(),
                source: source.into(),
                page: block.attribute("page").and_then(|page| page.parse().ok()),
                text: block.text().into(),
                descriptor: descriptor.into(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
