//! The user role's half of a turn: which passages are offered, the question, and its decision.

use std::collections::BTreeSet;
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_corpus::ChunkId;
use forgemark_model::chat::{ChatRequest, Failure, Message, ReplyFormat};
use forgemark_model::structured::{self, JsonAsk};
use forgemark_run::Verdict as Decision;

use super::{Asked, Claimed, Halt, Session, USER};
use crate::conversation::DropReason;
use crate::judging::Read;
use crate::pipeline::OFFER;
use crate::plan::{Mode, draw_mode};
use crate::prompts::{Exchange, UserTurnContext};
use crate::replies::{USER_TURN, UserTurn};

/// Passages that a search for the last answer looks at before the offer is cut.
const CANDIDATES: usize = 12;

impl Session<'_> {
    /// Waits until everything that this conversation rests on is durable.
    pub(super) async fn settle(&mut self) -> Result<(), Halt> {
        if let Some(durable) = self.pending.take() {
            durable.await?;
        }
        let usage = self.conversation.usage;
        let used = usage.prompt + usage.completion;
        match self.config().max_conversation_tokens {
            Some(most) if used >= most => {
                let begun = self.conversation.turns.len() as u32 + 1;
                // After the last turn only the judge of the whole conversation is asked.
                let turn = if begun > self.plan.sketch.turns {
                    0
                } else {
                    begun
                };
                let detail = format!(
                    "{used} tokens are used, and run.budget.max_tokens_per_conversation is {most}"
                );
                Err(Self::drop_as(DropReason::Budget, turn, detail))
            }
            _ => Ok(()),
        }
    }

    /// Asks for JSON and books the calls. The inner error is a typed failure of the model.
    pub(super) async fn ask_json<T>(
        &mut self,
        role: &str,
        item: &str,
        request: &ChatRequest,
        validate: impl Fn(&Json) -> Result<T, String>,
    ) -> Result<Result<Read<T>, Failure>, Halt> {
        self.settle().await?;
        self.ctx.count_call();
        let ask = JsonAsk {
            role,
            item,
            request,
            reask: self.work.prompts.reask(),
        };
        let mut answer = structured::ask_json(&self.work.caller, &ask, validate).await?;
        for _ in 1..answer.calls.len() {
            self.ctx.count_call();
        }
        let calls = answer
            .calls
            .iter()
            .map(|called| called.key.to_string())
            .collect();
        for called in &answer.calls {
            self.book(called);
        }
        let Some(last) = answer.calls.pop() else {
            return Ok(Err(no_calls()));
        };
        self.pending = Some(last.durable);
        Ok(match (answer.outcome, last.outcome) {
            (Ok(value), Ok(reply)) => Ok(Read {
                value,
                raw: Arc::clone(&reply.tree),
                calls,
                at: last.at,
            }),
            (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure),
        })
    }

    pub(super) fn history(&self) -> Vec<Exchange<'_>> {
        self.said
            .iter()
            .map(|(question, answer)| Exchange { question, answer })
            .collect()
    }

    fn mode(&self, turn: u32, attempt: u32) -> Mode {
        let config = self.config();
        let has_seed = !config.question.is_empty() || self.plan.sketch.seed.is_some();
        if turn == 1 && attempt == 0 && has_seed {
            Mode::Seeded
        } else if turn == 1 || attempt > 0 {
            Mode::Fresh
        } else {
            draw_mode(turn, &mut self.rng(turn, 0, "mode"))
        }
    }

    /// Topic and question that a seeded turn begins from.
    fn seed(&self) -> (&str, &str) {
        let config = self.config();
        match (&self.plan.sketch.seed, config.question.as_str()) {
            (_, question) if !question.is_empty() => ("", question),
            (Some(seed), _) => (&seed.topic, &seed.question),
            (None, _) => ("", ""),
        }
    }

    /// The passages of an offer. Nothing that the conversation covered already is offered again
    /// while there is something else.
    async fn offer(
        &mut self,
        turn: u32,
        attempt: u32,
        mode: Mode,
        avoid: &BTreeSet<u32>,
    ) -> Result<Vec<ChunkId>, Halt> {
        let corpus = Arc::clone(&self.work.corpus);
        let covered = self.conversation.covered();
        let fits = |chunk: ChunkId| {
            !covered.contains(&chunk)
                && corpus
                    .chunk(chunk)
                    .is_some_and(|found| !avoid.contains(&found.doc))
        };
        if !mode.draws_from_deck() {
            let query = if mode == Mode::Seeded {
                self.seed().1
            } else {
                self.history().last().map_or("", |last| last.answer)
            };
            let query = query.to_owned();
            let vector = self.query_vector(turn, &query).await?;
            let mut found = self.search(&query, vector.as_deref(), CANDIDATES, &fits);
            found.truncate(OFFER);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let mut dealt: Vec<ChunkId> = self
            .plan
            .reservation
            .chunks
            .iter()
            .copied()
            .filter(|chunk| fits(*chunk))
            .collect();
        if dealt.is_empty() {
            // Every reserved passage is used up or its document is to be avoided: look near what
            // was said, then anywhere, so that no turn is ever without a passage.
            let query = self.history().last().map_or("", |last| last.question);
            let query = query.to_owned();
            let vector = self.query_vector(turn, &query).await?;
            dealt = self.search(&query, vector.as_deref(), OFFER, &fits);
        }
        if dealt.is_empty() {
            dealt.clone_from(&self.plan.reservation.chunks);
        }
        if dealt.is_empty() {
            dealt = corpus.chunk_ids().take(OFFER).collect();
        }
        self.rng(turn, attempt, "offer").shuffle(&mut dealt);
        dealt.truncate(OFFER);
        Ok(dealt)
    }

    /// Asks for a question until one is accepted or the attempts are used up.
    pub(super) async fn ask(&mut self, turn: u32) -> Result<Asked, Halt> {
        let work = self.work;
        let attempts = self.config().dedup_retries + 1;
        let mut avoid: BTreeSet<u32> = BTreeSet::new();
        let mut rejected: Vec<String> = Vec::new();
        let mut last = (DropReason::DedupExhausted, String::new());
        for attempt in 0..attempts {
            let mode = self.mode(turn, attempt);
            let offered = self.offer(turn, attempt, mode, &avoid).await?;
            let request = self.user_request(turn, attempt, mode, &offered, &rejected)?;
            let item = self.item(turn, USER, attempt);
            let read = match self
                .ask_json(USER, &item, &request, UserTurn::from_json)
                .await?
            {
                Ok(read) => read,
                Err(failure) => {
                    last = (DropReason::of_failure(failure.kind), failure.detail);
                    continue;
                }
            };
            let question = match self.question(turn, &read.value.question).await? {
                Ok(question) => question,
                Err(failure) => {
                    let detail = format!("the question has no vector: {failure}");
                    last = (DropReason::ModelError, detail);
                    continue;
                }
            };
            let claimed = self.claim(&read.value, &offered);
            match self.ctx.decide(&question)? {
                Err(_stale) => return Err(Halt::Stale),
                Ok(Decision::Conflict) => {
                    last = (
                        DropReason::DedupExhausted,
                        format!("asked before: {}", read.value.question),
                    );
                    if let Some(chunk) = claimed.chunk.and_then(|chunk| work.corpus.chunk(chunk)) {
                        avoid.insert(chunk.doc);
                    }
                    rejected.push(read.value.question);
                }
                Ok(Decision::Accepted) => {
                    self.conversation.claims.push(Arc::from(question.text()));
                    return Ok(Asked {
                        mode,
                        attempt,
                        offered,
                        generation: read.value.json,
                        question: read.value.question,
                        raw: read.raw,
                        at: read.at,
                        claimed,
                        calls: read.calls,
                        flags: read.value.flags,
                    });
                }
            }
        }
        Err(Self::drop_as(last.0, turn, last.1))
    }

    fn user_request(
        &self,
        turn: u32,
        attempt: u32,
        mode: Mode,
        offered: &[ChunkId],
        rejected: &[String],
    ) -> Result<ChatRequest, Halt> {
        let sketch = &self.plan.sketch;
        let persona = sketch.user_persona_text();
        let history = self.history();
        let recent: Vec<&str> = self.plan.recent.iter().map(|text| &**text).collect();
        let (seed_topic, seed_question) = if mode == Mode::Seeded {
            self.seed()
        } else {
            ("", "")
        };
        let rendered = self.render(|prompts| {
            prompts.user_turn(&UserTurnContext {
                language: &sketch.language,
                persona: &persona,
                turn,
                turns: sketch.turns,
                mode: mode.as_str(),
                seed_topic,
                seed_question,
                history: &history,
                passages: &self.passages(offered),
                reused: self.plan.reservation.uses > 0 && mode.draws_from_deck(),
                recent: &recent,
                rejected,
            })
        })?;
        let mut request = ChatRequest::new(
            vec![
                Message::system(rendered.system),
                Message::user(rendered.task),
            ],
            self.sample(turn, USER, attempt),
        );
        request.format = ReplyFormat::JsonSchema {
            name: USER_TURN.to_owned(),
            schema: self.work.schemas.user.clone(),
        };
        Ok(request)
    }

    /// Maps the claimed topic to an offered passage.
    fn claim(&self, turn: &UserTurn, offered: &[ChunkId]) -> Claimed {
        let corpus = &self.work.corpus;
        if let Some(chunk) = corpus.find_topic(&turn.coverage_target)
            && offered.contains(&chunk)
        {
            return Claimed {
                how: "ok",
                chunk: Some(chunk),
            };
        }
        // A model that copies the descriptor in place of the id, there or in its facts, still says
        // clearly which passage it means.
        let named = |chunk: &&ChunkId| {
            let descriptor = corpus.descriptor(**chunk);
            turn.coverage_target == descriptor || turn.fact_sources.contains(&descriptor)
        };
        match offered.iter().find(named) {
            Some(chunk) => Claimed {
                how: "mapped",
                chunk: Some(*chunk),
            },
            None => Claimed {
                how: "invented",
                chunk: None,
            },
        }
    }
}

/// A structured answer always carries its calls; this keeps the type honest without a panic.
fn no_calls() -> Failure {
    Failure {
        kind: forgemark_model::chat::FailureKind::ModelError,
        detail: "no call was made".to_owned(),
    }
}
