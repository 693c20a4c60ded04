//! `.env` beside the configuration of a dialogue run, by the original's rules.
//!
//! Only names of secrets are taken (`OPENAI_API_KEY`, `HF_TOKEN`) and the variables that say which one a role uses
//! (`LLM_USER_API_KEY_ENV`); a setting belongs into the configuration, so any other name is left out with a warning. A
//! variable of the real environment wins, also one that is empty.

use super::Environment;

/// The file, relative to the folder of the configuration.
pub const FILE: &str = ".env";

/// Most bytes of the file that are read; one with secrets is far smaller.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Ends of the names that hold a secret.
const SECRET_ENDS: [&str; 5] = [
    "_API_KEY",
    "_TOKEN",
    "_ACCESS_TOKEN",
    "_SECRET",
    "_SECRET_KEY",
];

/// Names that say which variable holds the secret of a role, those of the original's stages included.
const MAPPINGS: [&str; 6] = [
    "LLM_USER_API_KEY_ENV",
    "LLM_ASSISTANT_API_KEY_ENV",
    "LLM_JUDGE_API_KEY_ENV",
    "LLM_QA_GENERATOR_API_KEY_ENV",
    "LLM_KB_RESPONDER_API_KEY_ENV",
    "LLM_QA_JUDGE_API_KEY_ENV",
];

fn is_taken(name: &str) -> bool {
    MAPPINGS.contains(&name) || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// What a `.env` file says, line by line.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DotEnv {
    /// Variables that are taken, in file order.
    taken: Vec<(String, String)>,
    /// Names that are left out, in file order.
    pub left_out: Vec<String>,
    /// Lines, from 1, that are no assignment.
    pub unreadable: Vec<usize>,
}

impl std::fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: values are secrets.
        f.debug_set()
            .entries(self.taken.iter().map(|(name, _)| name))
            .finish()
    }
}

impl DotEnv {
    /// Reads a text: `NAME=value` lines with an optional `export`, `#` comments, and single or double quotes around a
    /// value. Of a name that comes twice the last holds.
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((name, value)) = line.split_once('=') else {
                found.unreadable.push(index + 1);
                continue;
            };
            let name = name.trim();
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_name) {
                found.unreadable.push(index + 1);
            } else if is_taken(name) {
                found.taken.retain(|(known, _)| known != name);
                found.taken.push((name.to_owned(), unquoted(value)));
            } else if !found.left_out.iter().any(|known| known == name) {
                found.left_out.push(name.to_owned());
            }
        }
        found
    }

    /// The values that must never be printed.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self
            .taken
            .iter()
            .filter(|(name, _)| !MAPPINGS.contains(&name.as_str()));
        secret.map(|(_, value)| value.as_str())
    }

    /// The environment with what is not in it yet.
    pub fn below(&self, env: &Environment) -> Environment {
        let mut whole = env.clone();
        for (name, value) in &self.taken {
            if !env.vars.contains_key(name) && !env.not_text.contains(name) {
                whole.vars.insert(name.clone(), value.clone());
            }
        }
        whole
    }
}

/// A value without its quotes, or up to a comment.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote)
            && let Some((inside, _)) = rest.split_once(quote)
        {
            return inside.to_owned();
        }
    }
    let end = value.find(" #").unwrap_or(value.len());
    value[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_their_names_are_taken_and_settings_are_not() {
        let text = "\u{feff}# keys\nOPENAI_API_KEY=sk-1 # mine\nexport HF_TOKEN = 'hf # 2'\nA_SECRET_KEY=\"x=y\"\n\
                    LLM_QA_JUDGE_API_KEY_ENV=JUDGES_API_KEY\nBATCH_SIZE=4\nno assignment\nOPENAI_API_KEY=sk-3\n=x\n";
        let found = DotEnv::parse(text);
        assert_eq!(found.left_out, ["BATCH_SIZE"]);
        assert_eq!(found.unreadable, [7, 9]);
        assert_eq!(
            found.secrets().collect::<Vec<_>>(),
            ["hf # 2", "x=y", "sk-3"]
        );
        assert!(!format!("{found:?}").contains("sk-3"), "{found:?}");
        let env = Environment::from_pairs([("HF_TOKEN", ""), ("HOME", "/h")]);
        let whole = found.below(&env);
        assert_eq!(whole.get("OPENAI_API_KEY"), Ok(Some("sk-3")));
        assert_eq!(
            whole.get("LLM_QA_JUDGE_API_KEY_ENV"),
            Ok(Some("JUDGES_API_KEY"))
        );
        assert_eq!(
            whole.get("HF_TOKEN"),
            Ok(None),
            "the real one wins, though it is empty"
        );
        assert_eq!(whole.get("BATCH_SIZE"), Ok(None));
    }
}
