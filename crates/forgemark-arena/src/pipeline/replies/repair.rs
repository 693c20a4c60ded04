//! What a repair model made of a reply, and whether it only repaired.

use forgemark_contract::json::Json;

use super::{ReplyError, ReplyProblem, fail, json};

/// The key under which a repair model says that there is nothing to repair.
pub(super) const SENTINEL: &str = "parsing_error";

/// The object that the repair model wrote, if everything in it stands in the reply `raw`: each text, number and truth value, letters
/// and digits compared. Without this a repair could invent a verdict that nobody gave.
///
/// # Errors
/// [`ReplyProblem::NotJson`] where it wrote none or gave up, [`ReplyProblem::Unfaithful`] where it added something.
pub fn repaired(raw: &str, repair: &str) -> Result<Json, ReplyError> {
    let (value, _) = json(repair)?;
    if value.get(SENTINEL).is_some() {
        return fail(
            ReplyProblem::NotJson,
            "the repair model found no object in the reply",
        );
    }
    let said = letters(raw);
    match invented(&value, &said) {
        Some(what) => fail(
            ReplyProblem::Unfaithful,
            format!("the repair has {what:?}, which the reply does not say"),
        ),
        None => Ok(value),
    }
}

/// Letters and digits in lower case, escapes of JSON (`\n`, `\u00e9`) left out so that they count as white space does.
pub(super) fn letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\'
            && chars
                .peek()
                .is_some_and(|next| matches!(next, 'n' | 't' | 'r'))
        {
            // Also the first letter of a LaTeX command, on both sides alike.
            chars.next();
        } else if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// The first leaf that is not in `said`, shortened.
fn invented(value: &Json, said: &str) -> Option<String> {
    match value {
        Json::Array(items) => items.iter().find_map(|item| invented(item, said)),
        Json::Object(object) => object.iter().find_map(|(_, value)| invented(value, said)),
        Json::Null => None,
        leaf => {
            let text = match leaf.to_text() {
                Some(text) => text.into_owned(),
                None => String::from_utf8_lossy(&forgemark_contract::json::to_compact(leaf))
                    .into_owned(),
            };
            (!said.contains(&letters(&text))).then(|| text.chars().take(60).collect())
        }
    }
}
