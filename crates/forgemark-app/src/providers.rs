//! The services that a configuration may name by a word instead of a URL.

use forgemark_model::Wire;

/// A service that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The word in the configuration.
    pub name: &'static str,
    /// Where it is served.
    pub base_url: &'static str,
    /// What it speaks.
    pub wire: Wire,
    /// The environment variables that may hold the key, in the order in which they are tried; none
    /// when the service takes no key.
    pub key_env: &'static [&'static str],
}

/// All of them.
///
/// # Source
/// The documentation of each service: OpenAI-compatible routes, and Anthropic's messages.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        base_url: "https://api.openai.com/v1",
        wire: Wire::OpenAi,
        key_env: &["OPENAI_API_KEY"],
    },
    Provider {
        name: "gemini",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
        wire: Wire::OpenAi,
        key_env: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    },
    Provider {
        name: "anthropic",
        base_url: "https://api.anthropic.com/v1",
        wire: Wire::Anthropic,
        key_env: &["ANTHROPIC_API_KEY"],
    },
    Provider {
        name: "openrouter",
        base_url: "https://openrouter.ai/api/v1",
        wire: Wire::OpenAi,
        key_env: &["OPENROUTER_API_KEY"],
    },
    Provider {
        name: "ollama",
        base_url: "http://127.0.0.1:11434/v1",
        wire: Wire::OpenAi,
        key_env: &[],
    },
];

/// The provider of this name; letter case does not matter.
pub fn by_name(name: &str) -> Option<&'static Provider> {
    PROVIDERS
        .iter()
        .find(|provider| provider.name.eq_ignore_ascii_case(name.trim()))
}

/// The provider that a role without a provider means: the one before the slash of its model's name
/// (`gemini/gemini-3-flash`), or the owner of its URL.
pub fn by_place(model: &str, base_url: &str) -> Option<&'static Provider> {
    let prefix = model
        .split_once('/')
        .and_then(|(prefix, _)| by_name(prefix));
    let owner = || PROVIDERS.iter().find(|provider| provider.owns(base_url));
    if base_url.is_empty() { prefix } else { owner() }
}

impl Provider {
    /// Whether a URL is this provider's own: only then is its key sent there.
    pub fn owns(&self, base_url: &str) -> bool {
        Self::same_host(self.base_url, base_url)
    }

    /// Whether two URLs lead to one host.
    pub fn same_host(own: &str, base_url: &str) -> bool {
        let host = |url: &str| {
            url.split_once("://")
                .and_then(|(_, rest)| rest.split('/').next())
                .map(str::to_ascii_lowercase)
        };
        host(base_url).is_some_and(|given| host(own) == Some(given))
    }

    /// A model's name as the provider itself knows it: `gemini/gemini-3-flash` is how routers name
    /// `gemini-3-flash`.
    pub fn own_model_name<'m>(&self, model: &'m str) -> &'m str {
        match model.split_once('/') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(self.name) => rest,
            _ => model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // tidy: allow-address-in-file(addresses of providers are compared here, none is called)
    #[test]
    fn words_urls_and_model_names() {
        let gemini = by_name(" Gemini ").unwrap();
        assert_eq!(
            gemini.own_model_name("gemini/gemini-3-flash-preview"),
            "gemini-3-flash-preview"
        );
        assert_eq!(
            gemini.own_model_name("openai/gpt-oss-20b"),
            "openai/gpt-oss-20b"
        );
        assert!(gemini.owns("https://generativelanguage.googleapis.com/v1beta/openai/"));
        assert!(!gemini.owns("https://example.org/generativelanguage.googleapis.com"));
        assert!(!gemini.owns("generativelanguage.googleapis.com"));
        assert_eq!(by_name("unheard-of"), None);
    }
}
