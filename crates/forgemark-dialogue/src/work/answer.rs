//! The assistant role's half of a turn: retrieval, tool rounds, the answer and its support.

use std::sync::Arc;

use forgemark_contract::dialogue::ToolEvent;
use forgemark_contract::json::Json;
use forgemark_corpus::ChunkId;
use forgemark_model::chat::{ChatReply, ChatRequest, Failure, Message, ReplyFormat, ToolChoice};
use forgemark_model::structured::{self, Problem};

use super::fidelity::{Heard, Spoken};
use super::{ANSWER_ATTEMPTS, ASSISTANT, Asked, Halt, Session};
use crate::conversation::DropReason;
use crate::prompts::AssistantTurnContext;
use crate::render::round4;
use crate::replies::{ASSISTANT_TURN, AssistantTurn};
use crate::support;
use crate::tools;

/// An answered turn.
pub(super) struct Answered {
    /// The reply with `did_web_search` filled in.
    pub(super) answer: Arc<Json>,
    pub(super) text: String,
    pub(super) raw: Arc<Json>,
    pub(super) events: Vec<ToolEvent>,
    /// Passages retrieved for the question.
    pub(super) retrieved: Vec<ChunkId>,
    /// All passages that either side was shown, the answering side's first.
    pub(super) shown: Vec<ChunkId>,
    pub(super) support: Json,
    pub(super) support_milli: Option<u32>,
    pub(super) reasoning: Option<String>,
    pub(super) calls: Vec<String>,
    pub(super) flags: Vec<String>,
    pub(super) spoken: Option<Spoken>,
}

/// One run of the tool loop that ended with an answer.
struct Loop {
    turn: AssistantTurn,
    reply: ChatReply,
    events: Vec<ToolEvent>,
    chunks: Vec<ChunkId>,
    calls: Vec<String>,
    flags: Vec<String>,
    spoken: Option<Spoken>,
}

impl Session<'_> {
    pub(super) async fn answer(&mut self, turn: u32, asked: &Asked) -> Result<Answered, Halt> {
        let corpus = Arc::clone(&self.work.corpus);
        let retrieved: Vec<ChunkId> = corpus
            .search(&asked.question, self.config().top_k, &|_| true)
            .into_iter()
            .map(|hit| hit.chunk)
            .collect();
        let mut last: Option<Failure> = None;
        for attempt in 0..ANSWER_ATTEMPTS {
            match self.tool_loop(turn, attempt, asked, &retrieved).await? {
                Err(failure) => last = Some(failure),
                Ok(done) => return Ok(self.answered(asked, retrieved, done)),
            }
        }
        let (reason, detail) = last.map_or((DropReason::ModelError, String::new()), |failure| {
            (
                DropReason::of_failure(failure.kind),
                format!("answer: {}", failure.detail),
            )
        });
        Err(Self::drop_as(reason, turn, detail))
    }

    fn answered(&self, asked: &Asked, retrieved: Vec<ChunkId>, mut done: Loop) -> Answered {
        let corpus = &self.work.corpus;
        let mut shown = retrieved.clone();
        for chunk in done.chunks.iter().chain(&asked.offered) {
            if !shown.contains(chunk) {
                shown.push(*chunk);
            }
        }
        let texts: Vec<&str> = shown.iter().map(|chunk| corpus.text(*chunk)).collect();
        let measured = support::support(&done.turn.answer, &texts);
        if measured.too_long {
            done.flags.push(format!(
                "support is not scored: the answer has {} bytes, more than {}",
                done.turn.answer.len(),
                support::LONGEST
            ));
        }
        let claims = measured
            .claims
            .iter()
            .map(|claim| {
                Json::object([
                    (
                        "claim",
                        Json::from(
                            done.turn
                                .answer
                                .get(claim.claim.clone())
                                .unwrap_or_default(),
                        ),
                    ),
                    ("score", Json::from(round4(claim.score))),
                    (
                        "topic_id",
                        Json::from(
                            claim
                                .best
                                .as_ref()
                                .and_then(|best| shown.get(best.passage))
                                .map(|chunk| corpus.topic_id(*chunk)),
                        ),
                    ),
                ])
            })
            .collect();
        Answered {
            answer: done.turn.json,
            text: done.turn.answer,
            raw: done.reply.tree,
            events: done.events,
            retrieved,
            shown,
            support: Json::object([
                ("score", Json::from(measured.score.map(round4))),
                ("claims", Json::Array(claims)),
            ]),
            support_milli: measured.score.map(|score| (score * 1000.0).round() as u32),
            reasoning: done.reply.reasoning,
            calls: done.calls,
            flags: done.flags,
            spoken: done.spoken,
        }
    }

    /// Asks until the model answers in place of calling a tool. When the rounds are used up the
    /// tools are no longer offered, so a model that never stops calling still has to answer.
    async fn tool_loop(
        &mut self,
        turn: u32,
        attempt: u32,
        asked: &Asked,
        retrieved: &[ChunkId],
    ) -> Result<Result<Loop, Failure>, Halt> {
        let work = self.work;
        let rounds = self.config().max_tool_rounds as usize;
        let mut request = self.assistant_request(turn, attempt, asked, retrieved)?;
        let mut events: Vec<ToolEvent> = Vec::new();
        let mut chunks: Vec<ChunkId> = Vec::new();
        let mut calls: Vec<String> = Vec::new();
        let mut flags: Vec<String> = Vec::new();
        let mut asked_again = false;
        let mut corrections = 0;
        let mut round = 0;
        loop {
            if round >= rounds {
                request.tool_choice = ToolChoice::None;
            }
            let item = self.item(turn, ASSISTANT, attempt);
            self.settle().await?;
            self.ctx.count_call();
            let called = work.caller.call(ASSISTANT, &item, &request).await?;
            self.book(&called);
            self.pending = Some(called.durable);
            calls.push(called.key.to_string());
            let reply = match called.outcome {
                Ok(reply) => reply,
                Err(failure) => return Ok(Err(failure)),
            };
            if !reply.tool_calls.is_empty() && round < rounds {
                request.messages.push(reply.to_message());
                for call in &reply.tool_calls {
                    let done = tools::execute(
                        &work.corpus,
                        work.config.top_k,
                        call,
                        round,
                        &reply.content,
                    );
                    let content = forgemark_contract::json::to_line(&*done.event.result);
                    request.messages.push(Message::tool(
                        call.id.as_str(),
                        call.name.as_str(),
                        String::from_utf8_lossy(&content),
                    ));
                    if done.event.result.get("error").is_some() {
                        flags.push(format!("tool call {:?} was refused", call.name));
                    }
                    chunks.extend(done.chunks);
                    events.push(done.event);
                }
                round += 1;
                continue;
            }
            if !reply.tool_calls.is_empty() {
                flags.push(format!(
                    "tool calls after {rounds} rounds were not executed"
                ));
            }
            match structured::read(&reply, AssistantTurn::from_json) {
                Ok(mut answer) => {
                    let spoken = match self.hear(turn, &answer.answer, corrections)? {
                        Heard::Take(spoken) => spoken,
                        Heard::Again(what) => {
                            corrections += 1;
                            request = structured::reask(
                                &request,
                                &reply,
                                &what,
                                self.work.prompts.reask(),
                            );
                            request.tool_choice = ToolChoice::None;
                            round = rounds;
                            continue;
                        }
                    };
                    flags.append(&mut answer.flags);
                    return Ok(Ok(Loop {
                        turn: answer,
                        reply,
                        events,
                        chunks,
                        calls,
                        flags,
                        spoken,
                    }));
                }
                Err(Problem::Failure(failure)) => return Ok(Err(failure)),
                Err(Problem::Fixable(failure)) if asked_again => return Ok(Err(failure)),
                Err(Problem::Fixable(failure)) => {
                    asked_again = true;
                    request = structured::reask(
                        &request,
                        &reply,
                        &failure.detail,
                        self.work.prompts.reask(),
                    );
                    request.tool_choice = ToolChoice::None;
                    round = rounds;
                }
            }
        }
    }

    /// Rules, the public history as real messages (so that endpoints reuse the prefix), then the
    /// task. The history may be trimmed when the context is too long; rules and task may not.
    fn assistant_request(
        &self,
        turn: u32,
        attempt: u32,
        asked: &Asked,
        retrieved: &[ChunkId],
    ) -> Result<ChatRequest, Halt> {
        let sketch = &self.plan.sketch;
        let persona = sketch.assistant_persona_text();
        let rendered = self.render(|prompts| {
            prompts.assistant_turn(&AssistantTurnContext {
                language: &sketch.language,
                persona: &persona,
                turn,
                turns: sketch.turns,
                passages: &self.passages(retrieved),
                question: &asked.question,
            })
        })?;
        let mut messages = vec![Message::system(rendered.system)];
        for exchange in self.history() {
            messages.push(Message::user(exchange.question));
            messages.push(Message::assistant(exchange.answer));
        }
        let droppable = 1..messages.len();
        messages.push(Message::user(rendered.task));
        let mut request = ChatRequest::new(messages, self.sample(turn, ASSISTANT, attempt));
        request.droppable = droppable;
        if self.config().max_tool_rounds > 0 {
            request.tools.clone_from(&self.work.schemas.tools);
        }
        request.format = ReplyFormat::JsonSchema {
            name: ASSISTANT_TURN.to_owned(),
            schema: self.work.schemas.assistant.clone(),
        };
        Ok(request)
    }
}
