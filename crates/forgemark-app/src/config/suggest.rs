//! What was probably meant by a key that does not exist.

use std::collections::BTreeSet;

use forgemark_contract::settings::{Key, Status, nearest};

/// Most neighbours that a hint lists.
const MAX_LISTED: usize = 10;

/// Hints for an unknown key `section.name` (`section` is empty at the top).
pub(super) fn for_unknown(keys: &[Key], section: &str, name: &str) -> Vec<String> {
    let all = || accepted(keys).map(|key| key.path);
    let full = join(section, name);
    if name.contains('.') && all().any(|path| path == full) {
        let nested = name.replace('.', ": ");
        return vec![format!(
            "write it nested, one level a line: `{nested}: ...`"
        )];
    }
    let inside = children(accepted(keys), section);
    let snake = snake_case(name);
    let near = inside
        .iter()
        .find(|child| **child == snake)
        .copied()
        .or_else(|| nearest(&snake, inside.iter().copied()));
    if let Some(near) = near {
        return vec![format!("did you mean `{}`?", join(section, near))];
    }
    // The right name in the wrong place.
    let elsewhere: Vec<&str> = all()
        .filter(|path| path.rsplit('.').next() == Some(snake.as_str()))
        .collect();
    match elsewhere.as_slice() {
        [] => {}
        [only] => return vec![format!("the key is `{only}`")],
        [first, rest @ ..] if rest.len() < 3 => {
            let others: Vec<String> = rest.iter().map(|path| format!("`{path}`")).collect();
            return vec![format!(
                "the key is one of `{first}`, {}",
                others.join(", ")
            )];
        }
        _ => {}
    }
    let listed: Vec<String> = inside.iter().map(|child| format!("`{child}`")).collect();
    if !section.is_empty() && listed.len() <= MAX_LISTED {
        return vec![format!("`{section}` has {}", listed.join(", "))];
    }
    vec!["`forgemark config keys` lists every key".to_owned()]
}

/// Hints for an unknown dotted path: about the whole when one is near, else about its first part that
/// does not exist.
pub(super) fn for_unknown_path(keys: &[Key], path: &str) -> Vec<String> {
    if let Some(near) = nearest(path, accepted(keys).map(|key| key.path)) {
        return vec![format!("did you mean `{near}`?")];
    }
    let mut section = String::new();
    for part in path.split('.') {
        let inside = join(&section, part);
        if children(keys, &inside).is_empty() {
            return for_unknown(keys, &section, part);
        }
        section = inside;
    }
    Vec::new()
}

/// The keys that may be suggested: not those that are refused or go by another name now.
pub(super) fn accepted(keys: &[Key]) -> impl Iterator<Item = &Key> {
    keys.iter()
        .filter(|key| !matches!(key.status, Status::Refused(_) | Status::Renamed(_)))
}

/// The names directly below a section.
pub(super) fn children<'k>(
    keys: impl IntoIterator<Item = &'k Key>,
    section: &str,
) -> BTreeSet<&'static str> {
    keys.into_iter()
        .filter_map(|key| {
            if section.is_empty() {
                Some(key.path)
            } else {
                key.path.strip_prefix(section)?.strip_prefix('.')
            }
        })
        .filter_map(|rest| rest.split('.').next())
        .collect()
}

/// A path from a section and a name.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

/// `batchSize` and `batch-size` as `batch_size`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for c in name.trim().chars() {
        if c.is_ascii_uppercase() && lower_before {
            out.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(if matches!(c, '-' | ' ') {
            '_'
        } else {
            c.to_ascii_lowercase()
        });
    }
    out
}
