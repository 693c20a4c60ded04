//! What a turn asks of services: vectors of queries and questions, the order of passages, pages of the web.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_corpus::ChunkId;
use forgemark_model::service::{Check, rank, vectors};
use forgemark_model::{ServiceFailure, ServiceRequest};

use super::{Halt, Session};
use crate::config::{EMBEDDINGS, Embeddings, RERANK, WEB_SEARCH};
use crate::question::Question;
use crate::web::WebPage;

/// What one side was shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    /// A passage of a document.
    Chunk(ChunkId),
    /// A page that a web search found.
    Page(Arc<WebPage>),
}

/// The request for the vector of one text. Equal texts are one call, so that the journal has the vector of every question.
pub(crate) fn vector_request(embeddings: &Embeddings, text: &str) -> ServiceRequest {
    ServiceRequest {
        body: vectors::request(&embeddings.model, &[text], embeddings.dimensions),
        sample: 0,
    }
}

/// The vector of an answer to such a request.
pub(crate) fn read_vector(embeddings: &Embeddings, answer: &Json) -> Result<Vec<f32>, String> {
    let vectors = vectors::read(answer, 1, embeddings.dimensions)?;
    let vector = vectors.into_iter().next();
    vector.ok_or_else(|| "there is no vector".to_owned())
}

impl Session<'_> {
    /// Asks a service and books the call; what it rests on is durable by then.
    async fn ask_service(
        &mut self,
        service: &'static str,
        turn: u32,
        request: &ServiceRequest,
        check: Check<'_>,
    ) -> Result<Result<Json, ServiceFailure>, Halt> {
        self.settle().await?;
        self.ctx.count_call();
        let item = self.item(turn, service, 0);
        let asked = self.work.caller.ask(service, &item, request, check).await?;
        let conversation = &mut self.conversation;
        conversation.at = conversation.at.max(asked.at);
        conversation.calls += 1;
        conversation.add_cost(asked.cost_micro_usd);
        if asked.replayed {
            self.ctx.uncount_call();
        }
        self.pending = Some(asked.durable);
        self.served.calls.push(asked.key.to_string());
        Ok(asked.outcome)
    }

    /// The vector of a text.
    async fn vector(
        &mut self,
        turn: u32,
        embeddings: &Embeddings,
        text: &str,
    ) -> Result<Result<Vec<f32>, ServiceFailure>, Halt> {
        let check = |answer: &Json| read_vector(embeddings, answer).map(drop);
        let request = vector_request(embeddings, text);
        let outcome = self.ask_service(EMBEDDINGS, turn, &request, &check).await?;
        Ok(outcome.map(|answer| read_vector(embeddings, &answer).unwrap_or_default()))
    }

    /// A question as a claim, with its vector where meanings are compared.
    pub(super) async fn question(
        &mut self,
        turn: u32,
        text: &str,
    ) -> Result<Result<Question, ServiceFailure>, Halt> {
        let config = &self.work.config;
        let question = Question::new(text, config.matching);
        let (Some(_), Some(embeddings)) = (config.matching.cosine, &config.services.embeddings)
        else {
            return Ok(Ok(question));
        };
        let vector = self.vector(turn, embeddings, question.text()).await?;
        Ok(vector.map(|vector| question.with_vector(&vector)))
    }

    /// The vector of a query where passages are found by vectors of a model. A query that the model does not take is
    /// searched for by its words alone, and the row says so.
    pub(super) async fn query_vector(
        &mut self,
        turn: u32,
        query: &str,
    ) -> Result<Option<Vec<f32>>, Halt> {
        let work = self.work;
        let Some(embeddings) = work.config.services.embeddings.as_ref() else {
            return Ok(None);
        };
        if !embeddings.retrieval || query.trim().is_empty() {
            return Ok(None);
        }
        Ok(match self.vector(turn, embeddings, query).await? {
            Ok(vector) => Some(vector),
            Err(failure) => {
                let flag = format!("the search was by words only: {failure}");
                self.served.flags.push(flag);
                None
            }
        })
    }

    /// Passages for a query, best first, among those that `filter` lets pass.
    pub(super) fn search(
        &self,
        query: &str,
        vector: Option<&[f32]>,
        k: usize,
        filter: &dyn Fn(ChunkId) -> bool,
    ) -> Vec<ChunkId> {
        let corpus = &self.work.corpus;
        let hits = match vector.zip(self.work.vectors.get()) {
            Some((vector, vectors)) => corpus.search_by(query, vectors, vector, k, filter),
            None => corpus.search(query, k, filter),
        };
        hits.into_iter().map(|hit| hit.chunk).collect()
    }

    /// The `k` passages for a query, reranked where there is a reranker. Where it fails, the fused order stands, and the row says
    /// so.
    pub(super) async fn find(
        &mut self,
        turn: u32,
        query: &str,
        k: usize,
    ) -> Result<Vec<ChunkId>, Halt> {
        let vector = self.query_vector(turn, query).await?;
        let work = self.work;
        let Some(reranker) = &work.config.services.reranker else {
            return Ok(self.search(query, vector.as_deref(), k, &|_| true));
        };
        let candidates = reranker.candidates.max(k);
        let mut found = self.search(query, vector.as_deref(), candidates, &|_| true);
        if found.len() > 1 {
            let texts: Vec<&str> = found.iter().map(|chunk| work.corpus.text(*chunk)).collect();
            let request = ServiceRequest {
                body: rank::request(&reranker.model, query, &texts, k.min(texts.len())),
                sample: self.sample(turn, RERANK, 0),
            };
            let n = found.len();
            let check = |answer: &Json| rank::read(answer, n).map(drop);
            let outcome = self.ask_service(RERANK, turn, &request, &check).await?;
            match outcome.map(|answer| rank::read(&answer, n).unwrap_or_default()) {
                Ok(order) => {
                    // What the answer leaves out comes after it, in the fused order.
                    let first: Vec<ChunkId> = order
                        .iter()
                        .filter_map(|at| found.get(*at).copied())
                        .collect();
                    found.retain(|chunk| !first.contains(chunk));
                    found.splice(0..0, first);
                }
                Err(failure) => {
                    let flag = format!("the passages are not reranked: {failure}");
                    self.served.flags.push(flag);
                }
            }
        }
        found.truncate(k);
        Ok(found)
    }

    /// Pages of the web for a query.
    pub(super) async fn pages(
        &mut self,
        turn: u32,
        attempt: u32,
        query: &str,
    ) -> Result<Result<Vec<WebPage>, ServiceFailure>, Halt> {
        let work = self.work;
        let Some(search) = &work.config.services.web_search else {
            return Ok(Ok(Vec::new()));
        };
        let (provider, most) = (search.provider, search.results);
        let request = ServiceRequest {
            body: provider.request(query, most),
            sample: self.sample(turn, WEB_SEARCH, attempt),
        };
        let check = |answer: &Json| provider.read(answer, most).map(drop);
        let outcome = self.ask_service(WEB_SEARCH, turn, &request, &check).await?;
        Ok(outcome.map(|answer| {
            let pages = provider.read(&answer, most).unwrap_or_default();
            pages.into_iter().map(WebPage::new).collect()
        }))
    }
}
