//! The answers of a search in the web and of a reranker, which follow from the request.

use forgemark_contract::json::{Json, parse, to_compact};

use super::hash::hash128;

/// Most results of a search, and most documents of a ranking.
const MOST: u64 = 1_000;

/// A search in the shape of Serper's: `{q, num}`.
#[derive(Debug)]
pub(super) struct Search {
    query: String,
    results: u64,
}

impl Search {
    /// Reads a request; `None` when it is none.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let request = parse(body).ok()?;
        let query = request.at("q").as_str()?.trim().to_owned();
        let results = request.at("num").as_u64().unwrap_or(10);
        (!query.is_empty() && results <= MOST).then_some(Search { query, results })
    }

    /// The body of the answer: pages of a host that does not exist, about the words of the query.
    pub(super) fn answer(&self, seed: u64) -> Vec<u8> {
        let hash = hash128(u128::from(seed), self.query.as_bytes()) as u32;
        let results = (1..=self.results).map(|n| {
            Json::object([
                (
                    "title",
                    Json::from(format!("Scripted page {n}: {}", self.query)),
                ),
                (
                    "link",
                    Json::from(format!("https://pages.example/{hash:08x}/{n}")),
                ),
                (
                    "snippet",
                    Json::from(format!(
                        "Scripted result {n} for {}: the figure is {}.",
                        self.query,
                        u64::from(hash) % 97 + n
                    )),
                ),
                ("position", Json::from(n)),
            ])
        });
        to_compact(&Json::object([
            (
                "searchParameters",
                Json::object([("q", Json::from(self.query.as_str()))]),
            ),
            ("organic", results.collect()),
        ]))
    }
}

/// A ranking in the shape that Cohere, Jina and vLLM share: `{model, query, documents, top_n}`.
#[derive(Debug)]
pub(super) struct Ranking {
    model: String,
    query: String,
    documents: Vec<String>,
    top: usize,
}

impl Ranking {
    /// Reads a request; `None` when it is none.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let request = parse(body).ok()?;
        let query = request.at("query").as_str()?.to_owned();
        let text = |document: &Json| match document {
            Json::Object(_) => document.at("text").as_str().map(str::to_owned),
            other => other.as_str().map(str::to_owned),
        };
        let documents = request.at("documents").as_array()?.iter().map(text);
        let documents = documents.collect::<Option<Vec<_>>>()?;
        let top = match request.at("top_n").as_u64() {
            Some(top) => usize::try_from(top).ok()?.min(documents.len()),
            None => documents.len(),
        };
        (!documents.is_empty() && documents.len() as u64 <= MOST).then(|| Ranking {
            model: request.str_or("model", "").to_owned(),
            query,
            documents,
            top,
        })
    }

    /// The body of the answer: the share of the query's words that a document holds, and where that is equal a
    /// number that follows from its text, so that the order is hardly that of the request.
    pub(super) fn answer(&self, seed: u64) -> Vec<u8> {
        let words: Vec<String> = words(&self.query);
        let score = |document: &String| {
            let text = document.to_lowercase();
            let held = words.iter().filter(|word| text.contains(*word)).count();
            let share = held as f64 / words.len().max(1) as f64;
            let hash = hash128(u128::from(seed), document.as_bytes()) as u32;
            share * 0.9 + f64::from(hash) / f64::from(u32::MAX) * 0.1
        };
        let mut ranked: Vec<(usize, f64)> = self.documents.iter().map(score).enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let results = ranked.into_iter().take(self.top).map(|(index, score)| {
            Json::object([
                ("index", Json::from(index as u64)),
                ("relevance_score", Json::from(score)),
            ])
        });
        let bytes: usize = self.documents.iter().map(String::len).sum();
        to_compact(&Json::object([
            ("model", Json::from(self.model.as_str())),
            ("results", results.collect()),
            (
                "usage",
                Json::object([("total_tokens", Json::from(bytes as u64 / 4 + 1))]),
            ),
        ]))
    }
}

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
