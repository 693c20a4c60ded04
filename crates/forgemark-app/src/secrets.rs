//! Keeps secrets out of everything that is printed.
//!
//! Secrets come from the environment only; still, a user may have typed one into the file, and a
//! message that shows the offending line would spread it. Two nets: names that mean a secret hide
//! the value that follows, and the values of secret environment variables are hidden wherever they
//! appear.

use std::borrow::Cow;

/// What stands for a hidden value.
pub const MASK: &str = "***";

/// Shortest value worth hiding: masking every `x` because some variable holds `x` would make
/// messages unreadable and protect nothing.
const MIN_SECRET_LEN: usize = 6;

/// Starts of tokens that well-known services hand out.
const TOKEN_PREFIXES: &[&str] = &["sk-", "hf_", "AIza", "ghp_", "github_pat_", "gsk_", "xai-"];

/// Whether a key or an environment variable of this name holds a secret.
///
/// Names that end in `_env` hold the *name* of a variable, which is no secret, and `max_tokens`
/// counts tokens of another kind.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    [
        "api_key",
        "apikey",
        "_token",
        "secret",
        "secret_key",
        "password",
        "passwd",
        "dsn",
        "authorization",
    ]
    .iter()
    .any(|end| name.ends_with(end))
        || name == "token"
}

/// The secret values of this process, for masking.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} values)", self.values.len())
    }
}

impl Secrets {
    /// Collects the values of all variables whose name means a secret.
    pub fn from_vars<'a>(vars: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut secrets = Self::default();
        for (name, value) in vars {
            if is_secret_name(name) {
                secrets.add(value);
            }
        }
        secrets
    }

    /// Hides one more value (that of a variable which a configuration names, say).
    pub fn add(&mut self, value: &str) {
        let value = value.trim();
        if value.len() >= MIN_SECRET_LEN && !self.values.iter().any(|known| known == value) {
            self.values.push(value.to_owned());
            // A secret that contains another one must be replaced first.
            self.values
                .sort_by_key(|value| std::cmp::Reverse(value.len()));
        }
    }

    /// Replaces every secret value and every token of a well-known shape by [`MASK`].
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), MASK));
            }
        }
        match mask_tokens(&text) {
            Some(masked) => Cow::Owned(masked),
            None => text,
        }
    }
}

/// The byte range of a user name and password in the first address of a text
/// (`http://user:password@host`), if it has one.
fn user_info(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find("://")? + "://".len();
    let rest = &text[start..];
    let end = rest
        .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'' | ',' | '}') || c.is_whitespace())
        .unwrap_or(rest.len());
    let at = rest[..end].rfind('@')?;
    Some(start..start + at)
}

/// Whether an address holds a user name or a password.
pub fn has_user_info(url: &str) -> bool {
    user_info(url).is_some()
}

/// An address with [`MASK`] in place of a user name and password; any other text as it is.
pub fn mask_user_info(text: &str) -> Cow<'_, str> {
    match user_info(text) {
        Some(range) => Cow::Owned(format!(
            "{}{MASK}{}",
            &text[..range.start],
            &text[range.end..]
        )),
        None => Cow::Borrowed(text),
    }
}

/// Hides the values of secret keys in a line of YAML, JSON or `key=value` text. The characters are
/// replaced one by one, so that columns stay where they are.
pub fn mask_line(line: &str) -> Cow<'_, str> {
    let mut chars: Vec<char> = line.chars().collect();
    let mut changed = false;
    if let Some(range) = user_info(line) {
        let from = line[..range.start].chars().count();
        let n = line[range].chars().count();
        chars[from..from + n].fill('*');
        changed = true;
    }
    let mut masked = chars.clone();
    let mut at = 0;
    while at < chars.len() {
        if !is_word(chars[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < chars.len() && is_word(chars[at]) {
            at += 1;
        }
        let word: String = chars[start..at].iter().collect();
        // `a.b.api_key=x`: the last segment names the value.
        let name = word.rsplit('.').next().unwrap_or(&word);
        if !is_secret_name(name) {
            continue;
        }
        let mut value = at;
        while value < chars.len() && matches!(chars[value], '"' | '\'' | ' ') {
            value += 1;
        }
        if value >= chars.len() || !matches!(chars[value], ':' | '=') {
            continue;
        }
        value += 1;
        while value < chars.len() && matches!(chars[value], ' ' | '"' | '\'') {
            value += 1;
        }
        while value < chars.len() && !matches!(chars[value], ',' | '}' | '"' | '\'') {
            masked[value] = '*';
            changed = true;
            value += 1;
        }
        at = value;
    }
    let line: Cow<'_, str> = if changed {
        Cow::Owned(masked.into_iter().collect())
    } else {
        Cow::Borrowed(line)
    };
    match mask_tokens_in_place(&line) {
        Some(masked) => Cow::Owned(masked),
        None => line,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Byte ranges of words that look like tokens of a well-known service.
fn token_ranges(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    if !TOKEN_PREFIXES.iter().any(|prefix| text.contains(prefix)) {
        return found;
    }
    let mut start = None;
    for (index, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, is_word(c)) {
            (None, true) => start = Some(index),
            (Some(from), false) => {
                let word = &text[from..index];
                if word.len() >= 20 && TOKEN_PREFIXES.iter().any(|prefix| word.starts_with(prefix))
                {
                    found.push(from..index);
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn mask_tokens(text: &str) -> Option<String> {
    replace_ranges(text, |_| MASK.to_owned())
}

fn mask_tokens_in_place(text: &str) -> Option<String> {
    replace_ranges(text, |word| "*".repeat(word.chars().count()))
}

fn replace_ranges(text: &str, replacement: impl Fn(&str) -> String) -> Option<String> {
    let ranges = token_ranges(text);
    if ranges.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        out.push_str(&text[from..range.start]);
        out.push_str(&replacement(&text[range.clone()]));
        from = range.end;
    }
    out.push_str(&text[from..]);
    Some(out)
}

#[cfg(test)]
mod tests;
