//! The assistant role's half of a turn: retrieval, tool rounds, the answer and its support.

use std::sync::Arc;

use forgemark_contract::dialogue::ToolEvent;
use forgemark_contract::json::Json;
use forgemark_corpus::ChunkId;
use forgemark_model::chat::{
    ChatReply, ChatRequest, Failure, Message, ReplyFormat, ToolCall, ToolChoice,
};
use forgemark_model::structured::{self, Problem};

use super::{ANSWER_ATTEMPTS, ASSISTANT, Asked, Halt, Session, Shown};
use crate::conversation::DropReason;
use crate::prompts::AssistantTurnContext;
use crate::render::round4;
use crate::replies::{ASSISTANT_TURN, AssistantTurn};
use crate::support;
use crate::tools::{self, Wanted};

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
    pub(super) shown: Vec<Shown>,
    pub(super) support: Json,
    pub(super) support_milli: Option<u32>,
    pub(super) reasoning: Option<String>,
    pub(super) calls: Vec<String>,
    pub(super) flags: Vec<String>,
}

/// One run of the tool loop that ended with an answer.
struct Loop {
    turn: AssistantTurn,
    reply: ChatReply,
    events: Vec<ToolEvent>,
    found: Vec<Shown>,
    calls: Vec<String>,
    flags: Vec<String>,
}

impl Session<'_> {
    pub(super) async fn answer(&mut self, turn: u32, asked: &Asked) -> Result<Answered, Halt> {
        let top_k = self.config().top_k;
        let retrieved = self.find(turn, &asked.question, top_k).await?;
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
        let chunks = |chunks: &[ChunkId]| chunks.iter().copied().map(Shown::Chunk).collect();
        let mut shown: Vec<Shown> = chunks(&retrieved);
        let offered: Vec<Shown> = chunks(&asked.offered);
        for one in done.found.into_iter().chain(offered) {
            if !shown.contains(&one) {
                shown.push(one);
            }
        }
        let passages = self.shown_passages(&shown);
        let texts: Vec<&str> = passages.iter().map(AsRef::as_ref).collect();
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
                                .and_then(|best| passages.get(best.passage))
                                .map(|passage| &*passage.topic_id),
                        ),
                    ),
                ])
            })
            .collect();
        let mut answer = (*done.turn.json).clone();
        done.flags
            .extend(tools::tell_the_truth(&mut answer, &done.events));
        Answered {
            answer: Arc::new(answer),
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
        let mut found: Vec<Shown> = Vec::new();
        let mut calls: Vec<String> = Vec::new();
        let mut flags: Vec<String> = Vec::new();
        let mut asked_again = false;
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
                    let (arguments, result) =
                        self.use_tool(turn, attempt, call, &mut found).await?;
                    let content = forgemark_contract::json::to_line(&result);
                    request.messages.push(Message::tool(
                        call.id.as_str(),
                        call.name.as_str(),
                        String::from_utf8_lossy(&content),
                    ));
                    if let Some(error) = result.get("error") {
                        let error = error.to_text().unwrap_or_default();
                        flags.push(format!("tool call {:?}: {error}", call.name));
                    }
                    events.push(tools::event(call, arguments, result, round, &reply.content));
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
                Ok(mut turn) => {
                    flags.append(&mut turn.flags);
                    return Ok(Ok(Loop {
                        turn,
                        reply,
                        events,
                        found,
                        calls,
                        flags,
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

    /// Executes a call: its arguments and its result. What it found goes to `found`.
    async fn use_tool(
        &mut self,
        turn: u32,
        attempt: u32,
        call: &ToolCall,
        found: &mut Vec<Shown>,
    ) -> Result<(Json, Json), Halt> {
        let work = self.work;
        let web = work.config.services.web_search.is_some();
        let read = tools::read(call, work.config.top_k, web);
        let result = match read.wanted {
            Wanted::Nothing(why) => tools::refusal(&why),
            Wanted::Passages { query, k } => {
                let chunks = self.find(turn, &query, k).await?;
                let result = tools::passages(&work.corpus, &query, &chunks);
                found.extend(chunks.into_iter().map(Shown::Chunk));
                result
            }
            Wanted::Pages { query } => match self.pages(turn, attempt, &query).await? {
                Ok(pages) => {
                    let result = tools::pages(&query, &pages);
                    found.extend(pages.into_iter().map(|page| Shown::Page(Arc::new(page))));
                    result
                }
                Err(failure) => tools::failed(&query, &failure.to_string()),
            },
        };
        Ok((read.arguments, result))
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
