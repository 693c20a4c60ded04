//! Which of the parameters that were sent an error refuses.

use super::ErrorText;
use crate::adapt::{Feature, Form, Sent};

/// Words that say that something is not taken at all.
const UNSUPPORTED: &[&str] = &[
    "unsupported",
    "not supported",
    "does not support",
    "doesn't support",
    "not support",
    "unrecognized",
    "unknown",
    "unexpected",
    "not permitted",
    "extra_forbidden",
    "extra inputs",
    "extra fields",
    "not allowed",
    "unavailable",
    "not available",
    "not implemented",
    "deprecated",
    "cannot be used",
    "cannot be combined",
    "cannot both be",
    "can't be used",
    "not compatible",
    "incompatible",
];

/// Words that say that the value, not the parameter, is wrong. Such an error is not adapted to: quietly sampling at another
/// temperature than the configured one would be worse than stopping.
const OUT_OF_RANGE: &[&str] = &[
    "less than",
    "greater than",
    "smaller than",
    "larger than",
    "between",
    "out of range",
    "must be in",
    "must be at most",
    "must be at least",
    "too large",
    "too high",
    "too low",
    "maximum value",
    "minimum value",
    "<=",
    ">=",
];

/// Other names under which errors speak of `response_format`.
const FORMAT_WORDS: &[&str] = &[
    "response_format",
    "response format",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    "structured output",
    "response mime type",
    "response_mime_type",
    "output_config",
    "output_format",
    "guided",
    "grammar",
    "invalid schema",
];

pub(super) fn says_unsupported(lower: &str) -> bool {
    UNSUPPORTED.iter().any(|word| lower.contains(word))
}

/// The parameter that the error refuses, if it is one that was sent and that can be left out.
pub(super) fn find(text: &ErrorText, lower: &str, sent: &Sent<'_>) -> Option<Feature> {
    let features = sent.features();
    let form = features.iter().find_map(|(_, feature)| match feature {
        Feature::Form(form) => Some(*form),
        _ => None,
    });
    if let Some(form) = form
        && FORMAT_WORDS
            .iter()
            .any(|word| lower.contains(word) || text.param.contains(word))
    {
        return Some(refused_form(lower, form, sent));
    }
    let refusing = says_unsupported(lower)
        || text.code.contains("unsupported")
        || text.code.contains("unknown_parameter");
    if !refusing && OUT_OF_RANGE.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let named = |name: &str| {
        text.param == name
            || text
                .param
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    if let Some((_, feature)) = features.iter().find(|(name, _)| named(name)) {
        return Some(*feature);
    }
    if !refusing {
        return None;
    }
    // The first parameter that is named counts: "'max_tokens' is not supported, use 'max_completion_tokens'".
    features
        .iter()
        .filter_map(|(name, feature)| Some((find_word(lower, &name.to_lowercase())?, *feature)))
        .min_by_key(|(place, _)| *place)
        .map(|(_, feature)| feature)
}

fn refused_form(lower: &str, form: Form, sent: &Sent<'_>) -> Feature {
    let tools = ["tool", "function call", "function_call"]
        .iter()
        .any(|word| lower.contains(word));
    if tools && sent.has_tools() {
        Feature::FormWithTools
    } else {
        Feature::Form(form)
    }
}

/// Where `word` stands as a whole word.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .find(|(place, _)| {
            let before = text.get(..*place).unwrap_or_default();
            let after = text.get(place + word.len()..).unwrap_or_default();
            !before.ends_with(part_of_word) && !after.starts_with(part_of_word)
        })
        .map(|(place, _)| place)
}
