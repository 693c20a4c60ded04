//! Names of models out of what a judge reads.
//!
//! A name is a model's name, slug, display name, the part of its name behind the provider, or an alias. A participant becomes `Alice`
//! or `Bob`, any other model [`ANOTHER`].

#[cfg(test)]
mod tests;

use super::config::{Model, Protocol};
use crate::redact::{Redactor, Rules};

/// What stands for a model that takes no part in the debate.
pub const ANOTHER: &str = "another model";

/// The redactor of one claim. `alice` and `bob` are slugs; names of `models` that are neither are redacted with
/// [`Protocol::Forgemark1`] only, which also leaves mathematics alone.
pub fn of_claim(models: &[Model], alice: &str, bob: &str, protocol: Protocol) -> Redactor {
    let ours = protocol == Protocol::Forgemark1;
    let known = models.iter().filter_map(|model| {
        let by = if model.slug == alice {
            "Alice"
        } else if model.slug == bob {
            "Bob"
        } else if ours {
            ANOTHER
        } else {
            return None;
        };
        Some((model, by))
    });
    let names = known.flat_map(|(model, by)| {
        let names = names(model, protocol).into_iter();
        names.map(move |name| (name, by))
    });
    let rules = Rules {
        any_separator: ours,
        skips_maths: ours,
    };
    Redactor::of_names(names, rules)
}

/// The names of a model. The part behind the provider (`gpt-4o` of `openai/gpt-4o`) counts with ours only.
fn names(model: &Model, protocol: Protocol) -> Vec<&str> {
    let mut names = vec![
        model.name.as_str(),
        model.slug.as_str(),
        model.display_name.as_str(),
    ];
    if protocol == Protocol::Forgemark1 {
        names.extend(model.name.rsplit_once('/').map(|(_, bare)| bare));
        names.extend(model.aliases.iter().map(String::as_str));
    }
    names.into_iter().map(str::trim).collect()
}
