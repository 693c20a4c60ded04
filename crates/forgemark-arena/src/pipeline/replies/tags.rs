//! A generated question: text between `[QUESTION]` and `[ANSWER]`, and behind it.

use super::repair::letters;
use super::{ReplyError, ReplyProblem, fail};

/// A question with the questioner's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The question, without white space at its ends.
    pub question: String,
    /// The answer, in the same way; may be empty.
    pub answer: String,
}

/// Reads a generated question. A closing tag, which nobody asked for, ends its part.
///
/// # Errors
/// [`ReplyProblem::Empty`], and [`ReplyProblem::NoTags`] for a missing tag or an empty question.
pub fn tagged(text: &str) -> Result<Tagged, ReplyError> {
    if text.trim().is_empty() {
        return fail(ReplyProblem::Empty, "the reply is empty");
    }
    let Some((_, rest)) = text.split_once("[QUESTION]") else {
        return fail(ReplyProblem::NoTags, "the tag [QUESTION] is missing");
    };
    let Some((question, answer)) = rest.split_once("[ANSWER]") else {
        return fail(
            ReplyProblem::NoTags,
            "the tag [ANSWER] is missing behind [QUESTION]",
        );
    };
    let part = |text: &str, close: &str| {
        let text = text.split_once(close).map_or(text, |(inside, _)| inside);
        text.trim().to_owned()
    };
    let tagged = Tagged {
        question: part(question, "[/QUESTION]"),
        answer: part(answer, "[/ANSWER]"),
    };
    if tagged.question.is_empty() {
        return fail(ReplyProblem::NoTags, "nothing stands behind [QUESTION]");
    }
    Ok(tagged)
}

/// Reads what the parsing model made of a question without tags, if both parts stand in the reply `raw`, letters and digits compared:
/// it was to add tags and nothing else.
///
/// # Errors
/// Those of [`tagged`], and [`ReplyProblem::Unfaithful`].
pub fn retagged(raw: &str, formatted: &str) -> Result<Tagged, ReplyError> {
    let tagged = tagged(formatted)?;
    let said = letters(raw);
    for (part, name) in [(&tagged.question, "question"), (&tagged.answer, "answer")] {
        if !said.contains(&letters(part)) {
            return fail(
                ReplyProblem::Unfaithful,
                format!("the {name} with tags is not the one of the reply"),
            );
        }
    }
    Ok(tagged)
}
