//! Asking the judges about one conversation.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgemark_contract::json::{Json, Object};
use forgemark_journal::Durable;
use forgemark_model::caller::{CallError, Caller};
use forgemark_model::chat::{ChatRequest, Failure, Schema};
use forgemark_model::config::{Backend, CallerConfig};
use forgemark_model::structured::{self, JsonAsk};
use forgemark_model::{Agent, AgentReply};

use super::Environment;
use super::revise::{self, Sentence};
use super::ruling::{Judgement, Ruling, Said};
use super::sheet::{Docket, Row};
use super::subject::{EVIDENCE_MISSING, Subject};
use crate::config::{Config, Judging, Profile, RoleSettings};
use crate::error::DialogueError;
use crate::judging::{Asks, Case, Read, Seat, ask_judge, evidence_of_all, failure_json};
use crate::passages::Passage;
use crate::prompts::{Exchange, JudgeContext, Prompts, Rendered};
use crate::replies::{JUDGE_CONVERSATION, JUDGE_TURN, Verdict, judge_schema};
use crate::work::{Cause, Shelf};

/// Characters a token, for forecasts.
const CHARS_PER_TOKEN: u64 = 4;

/// What all conversations are judged with.
pub(super) struct Bench {
    pub(super) config: Arc<Config>,
    prompts: Arc<Prompts>,
    corpus: Option<Arc<forgemark_corpus::Corpus>>,
    shelf: Shelf,
    schema: Schema,
    /// Knows what the journal knows, and asks nobody.
    pub(super) recall: Caller,
}

/// A conversation that was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Place in the docket.
    pub(super) place: usize,
    /// Whether anybody was asked.
    pub(super) is_new: bool,
    /// Calls that the journal did not have.
    pub(super) paid: u64,
    /// Whether its row says something else now.
    pub(super) changed: bool,
    pub(super) units: Vec<UnitHeard>,
}

/// Scores of one thing that was judged; a word in place of one says why there is none.
#[derive(Debug)]
pub(super) struct UnitHeard {
    pub(super) score: Result<f64, String>,
    /// Judge, repeat and score of each judgement.
    pub(super) marks: Vec<(usize, u32, Result<f64, String>)>,
}

/// The row of a conversation with its judgements.
pub(super) struct Revised {
    pub(super) json: Json,
    pub(super) rulings: Vec<Ruling>,
    pub(super) whole: bool,
    pub(super) about: Option<Object>,
}

/// An agent that nobody asks: its caller is drained from the beginning.
#[derive(Debug)]
struct Nobody;

impl Agent for Nobody {
    fn reply(&self, _: &ChatRequest) -> AgentReply {
        AgentReply::text("")
    }
}

/// The same roles and parameters, so that calls have the same keys, and no endpoint.
pub(super) fn recall_only(config: &CallerConfig) -> CallerConfig {
    let mut config = config.clone();
    for model in config.models.values_mut() {
        model.backend = Backend::Agent(Arc::new(Nobody));
    }
    config
}

/// Asks a caller and keeps account of it.
struct Asker<'a> {
    caller: &'a Caller,
    reask: &'a str,
    /// The latest reply's way into the journal; the next call waits for it.
    pending: Option<Durable>,
    calls: u64,
    paid: u64,
    usage: forgemark_model::chat::Usage,
    /// Millionths of a US dollar; `None` when a price is unknown.
    cost: Option<u64>,
    /// Keys of the calls since they were last taken.
    keys: Vec<String>,
}

impl<'a> Asker<'a> {
    fn new(caller: &'a Caller, reask: &'a str) -> Self {
        Self {
            caller,
            reask,
            pending: None,
            calls: 0,
            paid: 0,
            usage: forgemark_model::chat::Usage::default(),
            cost: Some(0),
            keys: Vec::new(),
        }
    }
}

impl Asks for Asker<'_> {
    type Halt = Cause;

    async fn ask(
        &mut self,
        role: &str,
        item: &str,
        request: &ChatRequest,
        reasons: &[String],
    ) -> Result<Result<Read<Verdict>, Failure>, Cause> {
        let stop = |error: CallError| Cause::Call(error);
        if let Some(durable) = self.pending.take() {
            durable.await.map_err(|error| stop(error.into()))?;
        }
        let ask = JsonAsk {
            role,
            item,
            request,
            reask: self.reask,
        };
        let validate = |json: &Json| Verdict::from_json(json, reasons);
        let mut answer = structured::ask_json(self.caller, &ask, validate)
            .await
            .map_err(stop)?;
        let calls: Vec<String> = answer.calls.iter().map(|one| one.key.to_string()).collect();
        self.keys.extend(calls.iter().cloned());
        for called in &answer.calls {
            self.calls += 1;
            self.paid += u64::from(!called.replayed);
            self.usage.prompt += called.usage.prompt;
            self.usage.completion += called.usage.completion;
            self.usage.cached += called.usage.cached;
            self.usage.reasoning += called.usage.reasoning;
            self.cost = self
                .cost
                .zip(called.cost_micro_usd)
                .map(|(sum, cost)| sum + cost);
        }
        let last = answer.calls.pop();
        self.pending = last.as_ref().map(|last| last.durable.clone());
        Ok(
            match (answer.outcome, last.map(|last| (last.at, last.outcome))) {
                (Ok(value), Some((at, Ok(reply)))) => Ok(Read {
                    value,
                    raw: reply.tree,
                    said: reply.content,
                    calls,
                    at,
                }),
                (Err(failure), _) | (Ok(_), Some((_, Err(failure)))) => Err(failure),
                (Ok(_), None) => Err(Failure {
                    kind: forgemark_model::chat::FailureKind::ModelError,
                    detail: "no call was made".to_owned(),
                }),
            },
        )
    }
}

/// One thing that is judged.
struct Unit {
    /// As the row has it; `None` for the conversation as a whole.
    index: Option<i64>,
    /// From 1; 0 for the conversation as a whole.
    number: u32,
    name: &'static str,
    /// What is shown, or how many passages are gone.
    rendered: Result<Rendered, usize>,
}

impl Bench {
    pub(super) fn new(environment: &Environment, recall: Caller) -> Self {
        Self {
            config: Arc::clone(&environment.config),
            prompts: Arc::clone(&environment.prompts),
            corpus: environment.corpus.clone(),
            shelf: Shelf::default(),
            schema: judge_schema(&environment.config.judge_reasons).into(),
            recall,
        }
    }

    /// The caller's roles that are asked.
    pub(super) fn roles(&self) -> impl Iterator<Item = &str> {
        self.config
            .judges()
            .into_iter()
            .map(|one| one.role.as_str())
    }

    /// Identity of the prompts.
    pub(super) fn prompts(&self) -> &str {
        self.prompts.hash()
    }

    fn units(&self, subject: &Subject) -> Result<Vec<Unit>, Cause> {
        let said: Vec<Exchange<'_>> = subject
            .turns
            .iter()
            .map(|turn| Exchange {
                question: &turn.question,
                answer: &turn.answer,
            })
            .collect();
        let shown =
            |history: &[Exchange<'_>], passages: &[Passage], last: Option<&Exchange<'_>>| {
                let context = JudgeContext {
                    language: &subject.language,
                    reasons: &self.config.judge_reasons,
                    user_persona: &subject.user_persona,
                    assistant_persona: &subject.assistant_persona,
                    history,
                    passages,
                    question: last.map_or("", |last| last.question),
                    answer: last.map_or("", |last| last.answer),
                };
                match self.config.granularity {
                    Judging::Conversation => self.prompts.judge_conversation(&context),
                    Judging::Turn | Judging::Off => self.prompts.judge_turn(&context),
                }
            };
        if self.config.granularity == Judging::Conversation {
            let passages: Result<Vec<Vec<Passage>>, usize> = subject
                .turns
                .iter()
                .map(|turn| turn.shown.clone())
                .collect();
            let rendered = match passages {
                Ok(passages) => Ok(shown(&said, &evidence_of_all(&passages), said.last())
                    .map_err(Cause::Prompt)?),
                Err(gone) => Err(gone),
            };
            return Ok(vec![Unit {
                index: None,
                number: 0,
                name: JUDGE_CONVERSATION,
                rendered,
            }]);
        }
        let mut units = Vec::with_capacity(subject.turns.len());
        for (place, turn) in subject.turns.iter().enumerate() {
            let rendered = match &turn.shown {
                Ok(passages) => Ok(shown(
                    said.get(..place).unwrap_or_default(),
                    passages,
                    said.get(place),
                )
                .map_err(Cause::Prompt)?),
                Err(gone) => Err(*gone),
            };
            units.push(Unit {
                index: Some(turn.index),
                number: place as u32 + 1,
                name: JUDGE_TURN,
                rendered,
            });
        }
        Ok(units)
    }

    /// Asks every judge as often as it is to be asked.
    async fn rulings<A: Asks<Halt = Cause>>(
        &self,
        subject: &Subject,
        asks: &mut A,
        mut keys: impl FnMut(&mut A) -> Vec<String>,
    ) -> Result<Vec<Ruling>, Cause> {
        let mut rulings = Vec::new();
        for unit in self.units(subject)? {
            let mut ruling = Ruling {
                turn: unit.index,
                unasked: None,
                judgements: Vec::new(),
            };
            match &unit.rendered {
                Err(gone) => {
                    let detail = format!(
                        "{gone} of the passages that the answer was shown are not in the documents any more"
                    );
                    ruling.unasked = Some(Json::object([
                        ("kind", Json::from(EVIDENCE_MISSING)),
                        ("detail", Json::from(detail)),
                    ]));
                }
                Ok(rendered) => {
                    let case = Case {
                        turn: unit.number,
                        name: unit.name,
                        schema: &self.schema,
                        rendered,
                        reasons: &self.config.judge_reasons,
                    };
                    for (judge, settings) in self.config.judges().into_iter().enumerate() {
                        for repeat in 0..self.config.repeats {
                            let seat = Seat {
                                role: &settings.role,
                                repeat,
                            };
                            let said = ask_judge(asks, &subject.naming, seat, &case).await?;
                            ruling.judgements.push(Judgement {
                                judge,
                                repeat,
                                calls: keys(asks),
                                said: said
                                    .map(|read| Said {
                                        score: read.value.score,
                                        flags: read.value.flags,
                                        verdict: read.value.json,
                                        raw: read.raw,
                                    })
                                    .map_err(|failure| failure_json(&failure)),
                            });
                        }
                    }
                }
            }
            rulings.push(ruling);
        }
        Ok(rulings)
    }

    fn subject(&self, row: &Row) -> Subject {
        Subject::of(&row.data, self.corpus.as_deref(), &self.shelf)
    }

    /// Asks what the journal does not have, and says what comes of it.
    pub(super) async fn hear(
        &self,
        caller: &Caller,
        row: &Row,
        place: usize,
    ) -> Result<Heard, Cause> {
        let mut asker = Asker::new(caller, self.prompts.reask());
        let revised = self.revise(&mut asker, row).await?;
        if let Some(durable) = asker.pending.take() {
            durable.await.map_err(|error| Cause::Call(error.into()))?;
        }
        let score = |ruling: &Ruling| match ruling.verdict(self.config.aggregate) {
            Some(verdict) => Ok(verdict.at("score").as_f64().unwrap_or_default()),
            None => Err(kind(ruling.error().as_ref())),
        };
        let units = revised.rulings.iter().map(|ruling| UnitHeard {
            score: score(ruling),
            marks: ruling
                .judgements
                .iter()
                .map(|one| {
                    let value = one.said.as_ref().map(|said| said.score);
                    (
                        one.judge,
                        one.repeat,
                        value.map_err(|error| kind(Some(error))),
                    )
                })
                .collect(),
        });
        Ok(Heard {
            place,
            is_new: false,
            paid: asker.paid,
            changed: revised.json != row.json,
            units: units.collect(),
        })
    }

    /// The row as the journal has it judged.
    pub(super) async fn recalled(&self, row: &Row) -> Result<Revised, Cause> {
        self.revise(&mut Asker::new(&self.recall, self.prompts.reask()), row)
            .await
    }

    async fn revise(&self, asker: &mut Asker<'_>, row: &Row) -> Result<Revised, Cause> {
        let subject = self.subject(row);
        let take = |asker: &mut Asker<'_>| std::mem::take(&mut asker.keys);
        let rulings = self.rulings(&subject, asker, take).await?;
        let has_keys = self.config.profile == Profile::Forgemark || row.data.forgemark.is_some();
        let about = has_keys.then(|| self.about(asker));
        let whole = self.config.granularity == Judging::Conversation || revise::is_whole(&row.data);
        let mut revised = Revised {
            json: row.json.clone(),
            rulings,
            whole,
            about,
        };
        let mut json = std::mem::take(&mut revised.json);
        self.sentence(&revised).revise(&mut json);
        revised.json = json;
        Ok(revised)
    }

    /// What is to be written of a conversation.
    pub(super) fn sentence<'a>(&'a self, revised: &'a Revised) -> Sentence<'a> {
        Sentence {
            granularity: self.config.granularity,
            whole: revised.whole,
            aggregate: self.config.aggregate,
            reasons: &self.config.judge_reasons,
            about: revised.about.clone(),
            rulings: &revised.rulings,
        }
    }

    /// Who judged, by what, and what it took.
    fn about(&self, asker: &Asker<'_>) -> Object {
        let judge = |one: &RoleSettings| {
            Json::object([
                ("name", Json::from(one.role.as_str())),
                ("model", Json::from(one.agent_name())),
            ])
        };
        let mut about = Object::new();
        about.insert(
            "judges",
            self.config
                .judges()
                .into_iter()
                .map(judge)
                .collect::<Json>(),
        );
        about.insert("repeats", i64::from(self.config.repeats));
        about.insert("aggregate", self.config.aggregate.as_str());
        about.insert("prompts", self.prompts.hash());
        about.insert(
            "usage",
            Json::object([
                ("prompt_tokens", Json::from(asker.usage.prompt)),
                ("completion_tokens", Json::from(asker.usage.completion)),
                ("cached_tokens", Json::from(asker.usage.cached)),
                ("reasoning_tokens", Json::from(asker.usage.reasoning)),
            ]),
        );
        about.insert(
            "cost_usd",
            Json::from(asker.cost.map(|micros| micros as f64 / 1e6)),
        );
        about
    }

    /// The keys of the calls behind judgements of a row that could not be read; none where not all is known.
    pub(super) async fn failed(&self, row: &Row) -> Result<Vec<String>, DialogueError> {
        match self.recalled(row).await {
            Ok(revised) => Ok(revised
                .rulings
                .into_iter()
                .flat_map(|ruling| ruling.judgements)
                .filter(|one| one.said.is_err())
                .flat_map(|one| one.calls)
                .collect()),
            Err(why) => unknown(why).map(|()| Vec::new()),
        }
    }
}

/// Passes over what the journal does not know; anything else is an error.
pub(super) fn unknown(why: Cause) -> Result<(), DialogueError> {
    match why {
        Cause::Call(CallError::Cancelled) => Ok(()),
        Cause::Call(CallError::Journal(error)) => Err(error.into()),
        Cause::Prompt(error) => Err(error.into()),
        Cause::Call(other) => Err(DialogueError::Probe {
            role: crate::work::JUDGE.to_owned(),
            detail: other.to_string(),
        }),
    }
}

fn kind(error: Option<&Json>) -> String {
    error
        .map_or("", |error| error.str_or("kind", ""))
        .to_owned()
}

/// What judging will still ask for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forecast {
    /// Conversations that are to be judged.
    pub conversations: u64,
    /// Of these, how many are judged already.
    pub judged: u64,
    /// Calls without failures, by judge.
    pub calls: BTreeMap<String, u64>,
    /// Their prompt tokens, at four characters a token.
    pub prompt_tokens: BTreeMap<String, u64>,
    /// Their reply tokens, as many as replies usually take.
    pub completion_tokens: BTreeMap<String, u64>,
    /// US dollars; `None` when a price is not configured.
    pub cost_usd: Option<f64>,
    /// Turns or conversations that nobody will be asked about, because their passages are gone.
    pub without_evidence: u64,
}

/// Counts what the journal does not know in place of asking it.
struct Counting<'a> {
    known: Asker<'a>,
    calls: BTreeMap<String, (u64, u64)>,
}

impl Asks for Counting<'_> {
    type Halt = Cause;

    async fn ask(
        &mut self,
        role: &str,
        item: &str,
        request: &ChatRequest,
        reasons: &[String],
    ) -> Result<Result<Read<Verdict>, Failure>, Cause> {
        match self.known.ask(role, item, request, reasons).await {
            Err(Cause::Call(CallError::Cancelled)) => {}
            known => return known,
        }
        let chars = |message: &forgemark_model::chat::Message| message.content.chars().count();
        let chars: usize = request.messages.iter().map(chars).sum();
        let entry = self.calls.entry(role.to_owned()).or_default();
        entry.0 += 1;
        entry.1 += chars as u64 / CHARS_PER_TOKEN;
        // Stands for a reply that can be read; nobody looks at it.
        let json = Arc::new(Json::empty_object());
        Ok(Ok(Read {
            value: Verdict {
                score: 0.0,
                flags: Vec::new(),
                json: Arc::clone(&json),
            },
            raw: json,
            said: String::new(),
            calls: Vec::new(),
            at: forgemark_contract::time::Timestamp(0),
        }))
    }
}

/// What is still to be asked.
pub(super) async fn forecast(bench: &Bench, docket: &Docket) -> Result<Forecast, DialogueError> {
    let mut found = Forecast {
        cost_usd: Some(0.0),
        ..Forecast::default()
    };
    for place in 0..docket.len() {
        let row = docket.row(place)?;
        let mut counting = Counting {
            known: Asker::new(&bench.recall, bench.prompts.reask()),
            calls: BTreeMap::new(),
        };
        let subject = bench.subject(&row);
        let rulings = match bench.rulings(&subject, &mut counting, |_| Vec::new()).await {
            Ok(rulings) => rulings,
            Err(why) => {
                unknown(why)?;
                continue;
            }
        };
        found.conversations += 1;
        found.judged += u64::from(counting.calls.is_empty());
        found.without_evidence += rulings.iter().filter(|one| one.unasked.is_some()).count() as u64;
        for (role, (calls, tokens)) in counting.calls {
            *found.calls.entry(role.clone()).or_default() += calls;
            *found.prompt_tokens.entry(role.clone()).or_default() += tokens;
            *found.completion_tokens.entry(role).or_default() +=
                calls * crate::estimate::REPLY_TOKENS[2];
        }
    }
    for settings in bench.config.judges() {
        let role = settings.role.as_str();
        let tokens = |of: &BTreeMap<String, u64>| of.get(role).copied().unwrap_or_default();
        let cost = crate::estimate::cost_usd(
            &bench.config,
            settings,
            tokens(&found.prompt_tokens),
            tokens(&found.completion_tokens),
        );
        found.cost_usd = found.cost_usd.zip(cost).map(|(sum, cost)| sum + cost);
    }
    Ok(found)
}
