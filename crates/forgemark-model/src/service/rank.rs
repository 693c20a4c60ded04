//! Ranking documents for a query, in the shape that Cohere, Jina, vLLM, TEI's imitators and llama.cpp share.
//!
//! `POST /rerank {model, query, documents, top_n}` is answered with `results[]: {index, relevance_score}`. Sources:
//! <https://docs.cohere.com/reference/rerank>, <https://jina.ai/reranker/>,
//! <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api>.

use forgemark_contract::json::Json;

/// What a base address leads to.
pub const PATH: &str = "/rerank";

/// The request for the `top` best of `documents`.
pub fn request(model: &str, query: &str, documents: &[&str], top: usize) -> Json {
    Json::object([
        ("model", Json::from(model)),
        ("query", Json::from(query)),
        (
            "documents",
            documents.iter().map(|text| Json::from(*text)).collect(),
        ),
        ("top_n", Json::from(top)),
    ])
}

/// The positions of the documents in an answer, best first: by score, then by position, whatever order they came in.
///
/// # Errors
/// What is wrong with it, as a fragment: no list, a position that was not sent or stands there twice, a score that is no finite
/// number, no result at all.
pub fn read(answer: &Json, documents: usize) -> Result<Vec<usize>, String> {
    let Some(results) = answer.at("results").as_array() else {
        return Err("the body has no list `results`".to_owned());
    };
    let mut ranked: Vec<(usize, f64)> = Vec::with_capacity(results.len());
    for (place, result) in results.iter().enumerate() {
        let index = result.at("index").as_u64();
        let index = index.and_then(|index| usize::try_from(index).ok());
        let Some(index) = index.filter(|index| *index < documents) else {
            return Err(format!("result {place} names no document that was sent"));
        };
        if ranked.iter().any(|(known, _)| *known == index) {
            return Err(format!("document {index} stands in the results twice"));
        }
        let score = result.at("relevance_score").as_f64();
        let Some(score) = score.filter(|score| score.is_finite()) else {
            return Err(format!("result {place} has no finite `relevance_score`"));
        };
        ranked.push((index, score));
    }
    if ranked.is_empty() {
        return Err("there are no results".to_owned());
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(ranked.into_iter().map(|(index, _)| index).collect())
}
