//! Searching the web: what providers are asked, and what of their answers counts.
//!
//! | provider | request | results |
//! |---|---|---|
//! | `serper` | POST `{q, num}`, key in `X-API-KEY` | `organic[]: title, link, snippet` |
//! | `tavily` | POST `{query, max_results}`, key as a bearer | `results[]: title, url, content` |
//! | `brave` | GET `q, count`, key in `X-Subscription-Token` | `web.results[]: title, url, description` |
//! | `searxng` | GET `q, format=json`, no key | `results[]: title, url, content` |
//!
//! Sources: <https://serper.dev>, <https://docs.tavily.com/documentation/api-reference/endpoint/search>,
//! <https://api-dashboard.search.brave.com/app/documentation/web-search/get-started>,
//! <https://docs.searxng.org/dev/search_api.html>.

use forgemark_contract::json::{Json, Object};

use super::Method;

/// A page that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its title; may be empty.
    pub title: String,
    /// Its address.
    pub link: String,
    /// What the provider shows of it; may be empty.
    pub snippet: String,
}

/// Who is asked, which is how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Serper, and whoever speaks its shape.
    Serper,
    /// Tavily.
    Tavily,
    /// Brave Search.
    Brave,
    /// A server of `SearXNG`, with `json` among its formats.
    Searxng,
}

/// How one provider is spoken to.
struct Shape {
    word: &'static str,
    url: &'static str,
    key_env: &'static str,
    /// The header of the key; none is `Authorization: Bearer`.
    key_header: Option<&'static str>,
    method: Method,
    query: &'static str,
    count: Option<&'static str>,
    fixed: &'static [(&'static str, &'static str)],
    /// Where the list of results is.
    results: &'static [&'static str],
    link: &'static str,
    snippet: &'static str,
}

const SERPER: Shape = Shape {
    word: "serper",
    url: "https://google.serper.dev/search",
    key_env: "SERPER_API_KEY",
    key_header: Some("x-api-key"),
    method: Method::Post,
    query: "q",
    count: Some("num"),
    fixed: &[],
    results: &["organic"],
    link: "link",
    snippet: "snippet",
};

const TAVILY: Shape = Shape {
    word: "tavily",
    url: "https://api.tavily.com/search",
    key_env: "TAVILY_API_KEY",
    key_header: None,
    method: Method::Post,
    query: "query",
    count: Some("max_results"),
    fixed: &[],
    results: &["results"],
    link: "url",
    snippet: "content",
};

const BRAVE: Shape = Shape {
    word: "brave",
    url: "https://api.search.brave.com/res/v1/web/search",
    key_env: "BRAVE_API_KEY",
    key_header: Some("x-subscription-token"),
    method: Method::Get,
    query: "q",
    count: Some("count"),
    fixed: &[],
    results: &["web", "results"],
    link: "url",
    snippet: "description",
};

const SEARXNG: Shape = Shape {
    word: "searxng",
    url: "",
    key_env: "",
    key_header: None,
    method: Method::Get,
    query: "q",
    count: None,
    fixed: &[("format", "json")],
    results: &["results"],
    link: "url",
    snippet: "content",
};

impl Provider {
    /// All of them.
    pub const ALL: [Provider; 4] = [
        Provider::Serper,
        Provider::Tavily,
        Provider::Brave,
        Provider::Searxng,
    ];

    fn shape(self) -> &'static Shape {
        match self {
            Provider::Serper => &SERPER,
            Provider::Tavily => &TAVILY,
            Provider::Brave => &BRAVE,
            Provider::Searxng => &SEARXNG,
        }
    }

    /// The word in configurations.
    pub fn as_str(self) -> &'static str {
        self.shape().word
    }

    /// The provider of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == word)
    }

    /// The provider's own address; `None` for software that everybody runs for himself.
    pub fn own_url(self) -> Option<&'static str> {
        Some(self.shape().url).filter(|url| !url.is_empty())
    }

    /// The variable that usually holds the key; `None` where there is no key.
    pub fn key_env(self) -> Option<&'static str> {
        Some(self.shape().key_env).filter(|name| !name.is_empty())
    }

    /// The header that carries the key; `None` is `Authorization: Bearer`.
    pub fn key_header(self) -> Option<&'static str> {
        self.shape().key_header
    }

    /// How requests travel.
    pub fn method(self) -> Method {
        self.shape().method
    }

    /// The request for about `results` pages about `query`.
    pub fn request(self, query: &str, results: u64) -> Json {
        let shape = self.shape();
        let mut body = Object::new();
        body.insert(shape.query, query);
        if let Some(count) = shape.count {
            body.insert(count, results);
        }
        for (name, value) in shape.fixed {
            body.insert(*name, *value);
        }
        Json::Object(body)
    }

    /// The pages of an answer, at most `most`. What has no address is left out. An answer without the list is one
    /// without results where the provider leaves empty lists out, and else none.
    ///
    /// # Errors
    /// What is wrong with it, as a fragment.
    pub fn read(self, answer: &Json, most: u64) -> Result<Vec<Page>, String> {
        let shape = self.shape();
        if answer.as_object().is_none() {
            return Err(format!("the body is {} and no object", answer.type_name()));
        }
        let mut list = answer;
        for name in shape.results {
            list = list.at(name);
        }
        let found = match list {
            Json::Array(found) => found.as_slice(),
            // Serper and Brave say nothing of a kind of result that there is none of.
            Json::Null
                if matches!(self, Provider::Serper) && answer.get("searchParameters").is_some() =>
            {
                &[]
            }
            Json::Null if matches!(self, Provider::Brave) && answer.get("query").is_some() => &[],
            _ => {
                return Err(format!(
                    "the body has no list `{}`",
                    shape.results.join(".")
                ));
            }
        };
        let text = |item: &Json, name: &str| item.str_or(name, "").trim().to_owned();
        let pages = found.iter().map(|item| Page {
            title: text(item, "title"),
            link: text(item, shape.link),
            snippet: text(item, shape.snippet),
        });
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(pages
            .filter(|page| !page.link.is_empty())
            .take(most)
            .collect())
    }
}
