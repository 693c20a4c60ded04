//! Making one conversation: a pure function of its plan, the decisions about its questions and the
//! replies that the journal keeps.
//!
//! ```text
//! for each turn:   offer passages ─> user role ─> question ─ decide ─┬─ conflict: next attempt
//!                                                                     └─ accepted
//!                  retrieve for the question ─> assistant role (tools, rounds) ─> answer
//!                  support score over all passages shown ─> judge role, on the same passages
//! ```

mod answer;
mod ask;
mod services;
mod shelf;
mod take_up;
mod verdict;

use std::sync::{Arc, OnceLock};

use forgemark_contract::dialogue::{RawResult, RawTurn, Turn};
use forgemark_contract::json::{Json, Object};
use forgemark_contract::time::Timestamp;
use forgemark_corpus::{ChunkId, ChunkVectors, Corpus};
use forgemark_journal::{Durable, JournalError};
use forgemark_model::caller::{CallError, Called, Caller};
use forgemark_model::chat::{Schema, ToolSpec};
use forgemark_run::{ItemCtx, ItemKey, Stop, Work};

use crate::config::{Config, Judging};
use crate::conversation::{Conversation, DropReason, Dropped, Plan, TurnFacts};
use crate::judging::Naming;
use crate::passages::Passage;
use crate::plan::Mode;
use crate::prompts::{PromptError, Prompts, Rendered};
use crate::registry::Registry;
use crate::rng::Rng;
pub(crate) use services::{Shown, read_vector, vector_request};
pub(crate) use shelf::Shelf;

/// Role names of the caller.
pub(crate) const USER: &str = "user";
/// The answering role.
pub(crate) const ASSISTANT: &str = "assistant";
/// The judging role.
pub(crate) const JUDGE: &str = "judge";

/// Attempts at an answer, the first included.
const ANSWER_ATTEMPTS: u32 = 2;

/// What all conversations share.
pub(crate) struct DialogueWork {
    pub(crate) config: Arc<Config>,
    pub(crate) corpus: Arc<Corpus>,
    /// The passages' vectors of a model's, once they are there.
    pub(crate) vectors: OnceLock<ChunkVectors>,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) caller: Caller,
    pub(crate) schemas: Schemas,
    pub(crate) shelf: Shelf,
    /// Identity of the run, mixed into sample numbers so that another run draws other samples.
    pub(crate) run: String,
}

/// The schemas of the replies and of the tools, made once.
#[derive(Debug)]
pub(crate) struct Schemas {
    user: Schema,
    assistant: Schema,
    pub(crate) judge: Schema,
    tools: Vec<ToolSpec>,
}

impl Schemas {
    /// `web` says whether a search in the web is offered.
    pub(crate) fn new(reasons: &[String], web: bool) -> Self {
        Self {
            user: crate::replies::user_turn_schema().into(),
            assistant: crate::replies::assistant_turn_schema().into(),
            judge: crate::replies::judge_schema(reasons).into(),
            tools: crate::tools::specs(web),
        }
    }
}

impl std::fmt::Debug for DialogueWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DialogueWork")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

/// A conversation that cannot go on in this run.
#[derive(Debug)]
pub(crate) struct Suspended {
    /// Why.
    pub(crate) why: Cause,
    /// As far as it came.
    pub(crate) conversation: Box<Conversation>,
}

/// The run of one conversation.
struct Session<'a> {
    work: &'a DialogueWork,
    plan: Arc<Plan>,
    ctx: ItemCtx<Registry>,
    conversation: Conversation,
    /// Questions and answers of the complete turns.
    said: Vec<(String, String)>,
    /// Passages shown, turn by turn.
    shown: Vec<Vec<Shown>>,
    /// What services did for the turn.
    served: Served,
    /// The latest reply's way into the journal; the next call waits for it.
    pending: Option<Durable>,
}

/// What services did for a turn.
#[derive(Default)]
struct Served {
    /// Keys of their calls, hexadecimal.
    calls: Vec<String>,
    /// What went wrong without ending anything.
    flags: Vec<String>,
}

/// Why a step did not come to its end.
enum Halt {
    /// The conversation is dropped.
    Drop(Dropped),
    /// The scheduler takes over.
    Stale,
    /// The run cannot go on.
    Stop(Cause),
}

/// Why a run cannot go on with a conversation.
#[derive(Debug)]
pub(crate) enum Cause {
    /// A call has no outcome now.
    Call(CallError),
    /// A template fails on real values.
    Prompt(PromptError),
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        Halt::Stop(Cause::Call(error))
    }
}

impl From<JournalError> for Halt {
    fn from(error: JournalError) -> Self {
        Halt::Stop(Cause::Call(CallError::Journal(error)))
    }
}

impl From<PromptError> for Halt {
    fn from(error: PromptError) -> Self {
        Halt::Stop(Cause::Prompt(error))
    }
}

impl Work for DialogueWork {
    type Plan = Plan;
    type Knowledge = Registry;
    type Output = Conversation;
    type Suspended = Suspended;

    async fn run(
        self: Arc<Self>,
        _key: ItemKey,
        plan: Arc<Plan>,
        ctx: ItemCtx<Registry>,
    ) -> Result<Conversation, Stop<Suspended>> {
        let conversation = Conversation::new(Arc::clone(&plan));
        let mut session = Session {
            work: &self,
            plan,
            ctx,
            conversation,
            said: Vec::new(),
            shown: Vec::new(),
            served: Served::default(),
            pending: None,
        };
        // The last reply need not be waited for: the commit stands behind it in the journal.
        match session.converse().await {
            Ok(()) => Ok(session.conversation),
            Err(Halt::Drop(dropped)) => {
                session.conversation.dropped = Some(dropped);
                Ok(session.conversation)
            }
            Err(Halt::Stale) => Err(Stop::Stale),
            Err(Halt::Stop(why)) => Err(Stop::Suspended(Suspended {
                why,
                conversation: Box::new(session.conversation),
            })),
        }
    }
}

/// What is asked in one turn.
struct Asked {
    mode: Mode,
    attempt: u32,
    /// Passages offered to the user role.
    offered: Vec<ChunkId>,
    /// The reply, verbatim.
    generation: Arc<Json>,
    question: String,
    raw: Arc<Json>,
    at: Timestamp,
    claimed: Claimed,
    calls: Vec<String>,
    flags: Vec<String>,
}

/// What became of the topic that the user role claims.
struct Claimed {
    /// `ok`, `mapped` or `invented`.
    how: &'static str,
    chunk: Option<ChunkId>,
}

impl Session<'_> {
    fn config(&self) -> &Config {
        &self.work.config
    }

    fn render(
        &self,
        with: impl FnOnce(&Prompts) -> Result<Rendered, PromptError>,
    ) -> Result<Rendered, Halt> {
        Ok(with(&self.work.prompts)?)
    }

    fn drop_as(reason: DropReason, turn: u32, detail: impl Into<String>) -> Halt {
        Halt::Drop(Dropped {
            reason,
            turn,
            detail: detail.into(),
        })
    }

    async fn converse(&mut self) -> Result<(), Halt> {
        let turns = self.plan.sketch.turns;
        if let Some(begun) = self.plan.begun.clone() {
            self.take_up(&begun).await?;
        }
        let done = self.conversation.turns.len() as u32;
        for turn in done + 1..=turns {
            self.turn(turn).await?;
        }
        if self.config().judging == Judging::Conversation {
            self.judge_conversation().await?;
        }
        self.accept()
    }

    /// Drops a conversation that does not reach `judge.accept`.
    fn accept(&self) -> Result<(), Halt> {
        let accept = self.config().accept;
        if let Some(least) = accept.min_score {
            match self.conversation.judge_score() {
                Some(score) if score >= least => {}
                Some(score) => {
                    let detail = format!("judge score {score:.2} is below {least}");
                    return Err(Self::drop_as(DropReason::JudgeReject, 0, detail));
                }
                None => {
                    let detail = "no judge score was given";
                    return Err(Self::drop_as(DropReason::JudgeReject, 0, detail));
                }
            }
        }
        if let Some(least) = accept.min_support {
            let support = self.conversation.mean_support().unwrap_or(0.0);
            if support < least {
                let detail = format!("support score {support:.3} is below {least}");
                return Err(Self::drop_as(DropReason::JudgeReject, 0, detail));
            }
        }
        Ok(())
    }

    async fn turn(&mut self, number: u32) -> Result<(), Halt> {
        let asked = self.ask(number).await?;
        let answered = self.answer(number, &asked).await?;
        let judged = self.judge_turn(number, &asked, &answered).await?;

        let mut forgemark = Object::new();
        forgemark.insert("attempt", i64::from(asked.attempt));
        let topics = |chunks: &[ChunkId]| {
            Json::Array(
                chunks
                    .iter()
                    .map(|chunk| Json::from(self.work.corpus.topic_id(*chunk)))
                    .collect(),
            )
        };
        forgemark.insert("offered", topics(&asked.offered));
        forgemark.insert("retrieved", topics(&answered.retrieved));
        forgemark.insert("evidence", self.evidence(&answered.shown));
        forgemark.insert(
            "coverage",
            Json::object([
                ("claim", Json::from(asked.claimed.how)),
                (
                    "topic_id",
                    Json::from(
                        asked
                            .claimed
                            .chunk
                            .map(|chunk| self.work.corpus.topic_id(chunk)),
                    ),
                ),
            ]),
        );
        forgemark.insert("support", answered.support.clone());
        if let Some(reasoning) = &answered.reasoning {
            forgemark.insert("reasoning_content", reasoning.as_str());
        }
        if let Some(error) = &judged.error {
            forgemark.insert("judge_error", error.clone());
        }
        let mut flags = asked.flags;
        flags.extend(answered.flags);
        flags.extend(judged.flags);
        let served = std::mem::take(&mut self.served);
        flags.extend(served.flags);
        if !flags.is_empty() {
            let flags = flags.into_iter().map(Json::from).collect();
            forgemark.insert("flags", Json::Array(flags));
        }
        let mut calls = asked.calls;
        calls.extend(answered.calls);
        calls.extend(judged.calls);
        calls.extend(served.calls);
        forgemark.insert(
            "calls",
            Json::Array(calls.into_iter().map(Json::from).collect()),
        );

        let ours = self.config().profile == crate::config::Profile::Forgemark;
        let mut events = answered.events;
        if !ours {
            for event in &mut events {
                event.forgemark = None;
            }
        }
        let seed = self.seed_of(number, asked.mode);
        let turn = Turn {
            turn_index: i64::from(number),
            qa_generation: Arc::clone(&asked.generation),
            kb_answer: Arc::clone(&answered.answer),
            qa_judge: Arc::clone(&judged.verdict),
            qa_agent_used_name: self.config().user.agent_name(),
            kb_agent_used_name: self.config().assistant.agent_name(),
            seed_topic: seed.0,
            seed_question: seed.1,
            question_mode: asked.mode.as_str().to_owned(),
            tool_events: events,
            extra: Object::new(),
            forgemark: ours.then_some(Json::Object(forgemark)),
        };
        let raw = RawTurn {
            turn_index: i64::from(number),
            attempt: i64::from(asked.attempt),
            qa_raw: asked.raw,
            kb_raw: answered.raw,
            judge_raw: judged.raw,
            qa_output: asked.generation,
            kb_output: answered.answer,
            qa_judge: judged.verdict,
            extra: Object::new(),
            forgemark: None,
        };
        let corpus = &self.work.corpus;
        let offered_claim = (asked.claimed.how == "ok")
            .then_some(asked.claimed.chunk)
            .flatten();
        self.conversation.facts.push(TurnFacts {
            asked_at: asked.at,
            source_path: offered_claim
                .map_or_else(String::new, |chunk| corpus.source(chunk).to_owned()),
            covered: asked.claimed.chunk,
            covered_topic: asked
                .claimed
                .chunk
                .map(|chunk| Arc::from(corpus.topic_id(chunk))),
            support_milli: answered.support_milli,
            in_ledger: false,
        });
        self.conversation.turns.push(Arc::new(turn));
        self.shown.push(answered.shown);
        self.said.push((asked.question, answered.text));
        self.conversation.raw.push(Arc::new(RawResult::Turn(raw)));
        Ok(())
    }

    /// Topic and question of the seed, for the turn that it seeded.
    fn seed_of(&self, number: u32, mode: Mode) -> (String, String) {
        match &self.plan.sketch.seed {
            Some(seed) if number == 1 && mode == Mode::Seeded => {
                (seed.topic.clone(), seed.question.clone())
            }
            _ => (String::new(), String::new()),
        }
    }

    /// What a turn was shown, as evidence of its row.
    fn evidence(&self, shown: &[Shown]) -> Json {
        let corpus = &self.work.corpus;
        let of_chunk = |id: ChunkId| {
            let chunk = corpus.chunk(id)?;
            Some(Json::object([
                ("topic_id", Json::from(corpus.topic_id(id))),
                ("source", Json::from(corpus.descriptor(id))),
                ("page", Json::from(corpus.page(id).map(i64::from))),
                ("char_start", Json::from(i64::from(chunk.start))),
                ("char_end", Json::from(i64::from(chunk.end))),
            ]))
        };
        Json::Array(
            shown
                .iter()
                .filter_map(|shown| match shown {
                    Shown::Chunk(id) => of_chunk(*id),
                    Shown::Page(page) => Some(page.evidence()),
                })
                .collect(),
        )
    }

    fn passages(&self, chunks: &[ChunkId]) -> Vec<Passage> {
        self.work.shelf.passages(&self.work.corpus, chunks)
    }

    /// What was shown, as passages in order.
    fn shown_passages(&self, shown: &[Shown]) -> Vec<Passage> {
        let passages = shown.iter().flat_map(|shown| match shown {
            Shown::Chunk(id) => self.passages(&[*id]),
            Shown::Page(page) => vec![page.passage()],
        });
        passages.collect()
    }

    /// A generator for a choice inside the conversation.
    fn rng(&self, turn: u32, attempt: u32, purpose: &str) -> Rng {
        let key = self.plan.sketch.key;
        let item = [
            u64::from(key.group),
            key.ordinal,
            u64::from(turn),
            u64::from(attempt),
        ];
        Rng::new(self.config().seed, &item, purpose)
    }

    /// What the calls of the conversation are named by.
    fn naming(&self) -> Naming {
        let sketch = &self.plan.sketch;
        Naming {
            run: self.work.run.clone(),
            group: sketch.key.group,
            ordinal: sketch.key.ordinal,
            id: sketch.id.to_string(),
        }
    }

    /// The sample number of a call.
    fn sample(&self, turn: u32, role: &str, attempt: u32) -> u64 {
        self.naming().sample(turn, role, attempt)
    }

    /// Name of a call in the journal.
    fn item(&self, turn: u32, role: &str, attempt: u32) -> String {
        self.naming().item(turn, role, attempt)
    }

    /// Books what a call cost and when it was answered.
    fn book(&mut self, called: &Called) {
        let conversation = &mut self.conversation;
        conversation.at = conversation.at.max(called.at);
        conversation.calls += 1;
        conversation.usage.prompt += called.usage.prompt;
        conversation.usage.completion += called.usage.completion;
        conversation.usage.cached += called.usage.cached;
        conversation.usage.reasoning += called.usage.reasoning;
        conversation.add_cost(called.cost_micro_usd);
        if called.replayed {
            self.ctx.uncount_call();
        }
    }
}
