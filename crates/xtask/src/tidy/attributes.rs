//! Rules about attributes: no lint is silenced without a reason, no test is switched off, no serde attribute that ruins
//! messages.

use super::{Hit, source::Source};

#[cfg(test)]
mod tests;

/// One attribute: where its `#` stands and what is between the brackets, literals blanked.
struct Attribute<'a> {
    offset: usize,
    body: &'a str,
    /// The code after it.
    rest: &'a str,
}

impl Attribute<'_> {
    /// The identifiers in it, in order.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.body
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
    }

    /// Its name; for `cfg_attr(condition, name)` any word counts, as what it sets stands behind the condition.
    fn names(&self, name: &str) -> bool {
        let mut words = self.words();
        match words.next() {
            Some("cfg_attr") => words.any(|word| word == name),
            first => first == Some(name),
        }
    }
}

/// The attributes of a file, in order.
fn attributes(code: &str) -> Vec<Attribute<'_>> {
    let mut found = Vec::new();
    for (offset, _) in code.match_indices('#') {
        let after = code[offset + 1..].trim_start();
        let after = after.strip_prefix('!').unwrap_or(after).trim_start();
        let Some(body) = after.strip_prefix('[') else {
            continue;
        };
        let mut depth = 1usize;
        for (at, byte) in body.bytes().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                found.push(Attribute {
                    offset,
                    body: &body[..at],
                    rest: &body[at + 1..],
                });
                break;
            }
        }
    }
    found
}

fn hits(source: &Source, wrong: impl Fn(&Attribute<'_>) -> bool, what: &str) -> Vec<Hit> {
    let Some(rust) = &source.rust else {
        return Vec::new();
    };
    attributes(&rust.regions.code)
        .iter()
        .filter(|attribute| wrong(attribute))
        .map(|attribute| Hit::fail(source.line_of(attribute.offset), what))
        .collect()
}

/// A lint that is silenced with `allow`.
pub(super) fn allow(source: &Source) -> Vec<Hit> {
    hits(
        source,
        |attribute| attribute.names("allow"),
        "use `expect` with a reason, which ends when its cause ends",
    )
}

/// A test that is switched off.
pub(super) fn ignore(source: &Source) -> Vec<Hit> {
    hits(
        source,
        |attribute| attribute.names("ignore"),
        "a test that never runs proves nothing: mend it or delete it",
    )
}

/// `flatten` loses the place of an error and `untagged` its cause. The one exception: the ordered `extra` map of the
/// contract's records, where unknown keys survive.
pub(super) fn serde(source: &Source) -> Vec<Hit> {
    let contract = source.path.starts_with("crates/forgemark-contract/");
    let wrong = |attribute: &Attribute<'_>| {
        attribute.names("serde")
            && attribute.words().any(|word| {
                word == "untagged" || (word == "flatten" && !(contract && is_extra(attribute.rest)))
            })
    };
    hits(
        source,
        wrong,
        "serde's `flatten` and `untagged` make unreadable errors: read the object by hand",
    )
}

/// Whether the next field is named `extra`.
fn is_extra(rest: &str) -> bool {
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix("pub")
        .map_or(rest, |rest| rest.trim_start_matches("(crate)"))
        .trim_start();
    rest.strip_prefix("extra")
        .is_some_and(|rest| rest.trim_start().starts_with(':'))
}
