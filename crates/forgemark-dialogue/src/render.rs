//! From a finished conversation to the bytes of every artifact.
//!
//! All rows are functions of the conversation, the configuration and the sequence number of the
//! commit, so that a run that is killed and repeated writes the same bytes.

use std::sync::Arc;

use forgemark_contract::dialogue::derive::{self, Head};
use forgemark_contract::dialogue::{
    BatchedState, ConversationFile, DatasetRow, IndexRow, Personas, RunState, ShareGptRow,
    SingleState, Slot, Turn,
};
use forgemark_contract::ids::RunId;
use forgemark_contract::json::{Json, Known, Memo, Object, Style, WriteJson, Writer, write_line};
use forgemark_contract::time::{Clock, Timestamp};

use crate::config::{Config, Judging, Profile};
use crate::conversation::{Conversation, Plan};

/// Append-only files of a run, in the order of the commit record.
pub(crate) const DATASET: &str = "synthetic_qa.jsonl";
pub(crate) const LEDGER: &str = "coverage_ledger.jsonl";
pub(crate) const TURNS: &str = "turns.jsonl";
pub(crate) const SHAREGPT: &str = "conversations_sharegpt.jsonl";
pub(crate) const JUDGED: &str = "conversations_sharegpt_judged.jsonl";
pub(crate) const INDEX: &str = "conversations_index.jsonl";
/// All of them.
pub(crate) const APPEND_FILES: [&str; 6] = [DATASET, LEDGER, TURNS, SHAREGPT, JUDGED, INDEX];
/// Folder of the conversation files.
pub(crate) const CONVERSATIONS: &str = "conversations";
/// Folder of the run states.
pub(crate) const RUN_STATE: &str = "run_state";

/// The texts of one conversation, and the room in which they are made: buffers that are used again and again, because
/// the system clears every page that it hands out anew.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Bytes for each append-only file, in the order of [`APPEND_FILES`].
    pub(crate) lines: [Vec<u8>; 6],
    /// The conversation files of the wave that is being filled, one after the other: its state is made of their parts.
    files: Vec<u8>,
    in_files: Memo,
    state: Vec<u8>,
    /// Shared values in the latest line.
    in_line: Memo,
}

impl Texts {
    /// Forgets the conversation files: the state of their wave is written.
    pub(crate) fn end_wave(&mut self) {
        self.files.clear();
        self.in_files.clear();
    }

    /// Writes a value as a file of its own, from parts of the conversation files where it shares some.
    fn state(&mut self, value: &impl WriteJson) -> &[u8] {
        self.state.clear();
        let known = [Known {
            text: &self.files,
            memo: &self.in_files,
        }];
        let mut own = Memo::default();
        value.write_json(&mut Writer::with_memo(
            &mut self.state,
            Style::FILE,
            &mut own,
            &known,
        ));
        &self.state
    }
}

/// Appends a row in which values may be shared, and leaves in `memo` where they stand.
fn write_shared(out: &mut Vec<u8>, memo: &mut Memo, value: &impl WriteJson) {
    memo.clear();
    value.write_json(&mut Writer::with_memo(out, Style::LINE, memo, &[]));
    out.push(b'\n');
}

/// What is the same for every conversation of a run.
#[derive(Debug)]
pub(crate) struct Renderer {
    config: Arc<Config>,
    run: RunId,
    clock: Clock,
    /// Path of the output folder relative to the project root, with `/` at its end; empty when the
    /// output folder is outside it.
    output_prefix: String,
    /// Identity of the prompts, hexadecimal.
    prompts: String,
    /// The tool schema that the assistant was offered; `[]` without tools.
    tools: Json,
    /// Version of this program.
    version: &'static str,
}

impl Renderer {
    pub(crate) fn new(
        config: Arc<Config>,
        run: RunId,
        clock: Clock,
        output_prefix: String,
        prompts: String,
        tools: Json,
        version: &'static str,
    ) -> Self {
        Self {
            config,
            run,
            clock,
            output_prefix,
            prompts,
            tools,
            version,
        }
    }

    fn ours(&self) -> bool {
        self.config.profile == Profile::Forgemark
    }

    /// The time of a row. Under the logical clock it is the epoch plus the rank of the row's key:
    /// 2,000 microseconds a conversation and 1 a turn.
    fn time(&self, real: Timestamp, seq: u64, turn: u64) -> Timestamp {
        match self.clock {
            Clock::System => real,
            Clock::Logical { epoch_s } => Timestamp::from_epoch_seconds(epoch_s)
                .plus_micros((seq * 2_000 + turn.min(1_999)) as i64),
        }
    }

    fn granularity(&self) -> &'static str {
        match self.config.judging {
            Judging::Conversation => "conversation",
            Judging::Off | Judging::Turn => "turn",
        }
    }

    fn personas(plan: &Plan) -> Personas {
        let sketch = &plan.sketch;
        let id = |persona: &Option<Arc<crate::config::Persona>>| {
            persona
                .as_ref()
                .map_or_else(String::new, |persona| persona.id.clone())
        };
        Personas {
            user: sketch.user_persona_text(),
            assistant: sketch.assistant_persona_text(),
            user_id: id(&sketch.user_persona),
            assistant_id: id(&sketch.assistant_persona),
            extra: Object::new(),
        }
    }

    /// The `inputs` of a run; with a plan those of one conversation.
    fn inputs(&self, language: &str, plan: Option<&Plan>, status: &str, drop: &str) -> Json {
        let config = &self.config;
        let mut inputs = Object::with_capacity(34);
        let list = |names: &[String]| {
            Json::Array(names.iter().map(|name| Json::from(name.as_str())).collect())
        };
        let (seed_path, seed_variant, seed_probability) =
            config.seed_topics.clone().unwrap_or_default();
        let batched = config.batch_size > 1;
        let run_id = match plan {
            Some(plan) if batched || plan.begun.is_some() => plan.sketch.id.as_str(),
            Some(plan) => plan.sketch.wave_id.as_str(),
            None => self.run.as_str(),
        };
        inputs.insert("question", config.question.as_str());
        inputs.insert("target_language", language);
        inputs.insert("target_languages", list(&config.languages));
        inputs.insert("question_seed", config.question.as_str());
        inputs.insert("run_id", run_id);
        inputs.insert("resume_run_id", config.resume_run_id.as_str());
        let quota = config
            .languages
            .iter()
            .position(|known| known == language)
            .and_then(|index| config.quotas.get(index))
            .copied()
            .unwrap_or_default();
        inputs.insert("total_samples", quota);
        inputs.insert("min_turns", i64::from(config.turns.min));
        inputs.insert("max_turns", i64::from(config.turns.max));
        inputs.insert(
            "turn_count_distribution",
            match config.turns.distribution {
                crate::config::TurnDistribution::Uniform => "uniform",
                crate::config::TurnDistribution::Poisson => "poisson",
                crate::config::TurnDistribution::Exponential => "exponential",
            },
        );
        inputs.insert("turn_count_mean", Json::from(config.turns.mean));
        inputs.insert("seed_topics_path", seed_path);
        inputs.insert("seed_topics_variant", seed_variant);
        inputs.insert("seed_topics_probability", seed_probability);
        inputs.insert("seed_topics_enabled", config.seed_topics.is_some());
        inputs.insert("retrieval_default_k", config.top_k);
        if let Some(plan) = plan {
            let personas = Self::personas(plan);
            inputs.insert("user_persona", personas.user);
            inputs.insert("assistant_persona", personas.assistant);
            inputs.insert("user_persona_id", personas.user_id);
            inputs.insert("assistant_persona_id", personas.assistant_id);
        }
        inputs.insert("user_agent_used_name", config.user.agent_name());
        inputs.insert("assistant_agent_used_name", config.assistant.agent_name());
        inputs.insert("judge_enabled", config.judging != Judging::Off);
        inputs.insert("judge_granularity", self.granularity());
        inputs.insert("judge_reasons", list(&config.judge_reasons));
        inputs.insert("project_root", ".");
        inputs.insert("config_dir", ".");
        if let Some(plan) = plan {
            inputs.insert("n_turns", i64::from(plan.sketch.turns));
            if batched {
                inputs.insert("batch_size", config.batch_size);
                inputs.insert("conversation_index", plan.sketch.slot);
                inputs.insert("conversation_status", status);
                inputs.insert("drop_reason", drop);
            }
        }
        Json::Object(inputs)
    }

    /// Renders everything that a conversation adds: the lines of the append-only files, and the relative path and bytes
    /// of its own file.
    pub(crate) fn render<'t>(
        &self,
        conversation: &Conversation,
        seq: u64,
        texts: &'t mut Texts,
    ) -> (String, &'t [u8]) {
        let plan = &conversation.plan;
        let sketch = &plan.sketch;
        let id = sketch.id.as_str();
        let turns = &conversation.turns;
        let head = Head {
            conversation_id: id.to_owned(),
            timestamp: self.time(conversation.at, seq, 1_999).dataset_style(),
            judge_granularity: self.granularity().to_owned(),
            conversation_judge: Arc::clone(&conversation.judge),
        };
        let mut inputs = self.inputs(
            &conversation.language,
            Some(plan),
            conversation.status(),
            conversation.drop_word(),
        );
        if self.config.judging == Judging::Conversation
            && let Some(inputs) = inputs.as_object_mut()
        {
            inputs.insert("conversation_judge", (*conversation.judge).clone());
        }
        let inputs = Arc::new(inputs);
        let messages = Arc::new(derive::dataset_messages(turns));
        let with_tools = Arc::new(derive::messages_with_tools(turns));
        let history = Arc::new(derive::history(turns));
        let user_reasoning = Arc::new(derive::user_reasoning(turns));
        let assistant_reasoning = Arc::new(derive::assistant_reasoning(turns));
        let empty = Arc::new(Json::empty_object());
        let last = turns.last();
        let last_of = |pick: fn(&Turn) -> &Arc<Json>| {
            last.map_or_else(|| Arc::clone(&empty), |turn| Arc::clone(pick(turn)))
        };
        let personas = Self::personas(plan);
        let summary = self
            .ours()
            .then(|| Json::Object(self.summary(conversation)));
        let relative = format!("{CONVERSATIONS}/{id}.json");

        texts.lines.iter_mut().for_each(Vec::clear);
        let in_line = &mut texts.in_line;
        let [dataset, ledger, turn_lines, sharegpt, judged, index] = &mut texts.lines;
        let answer = last_of(|turn| &turn.kb_answer);
        write_shared(
            dataset,
            in_line,
            &DatasetRow {
                conversation_id: id.to_owned(),
                timestamp: head.timestamp.clone(),
                question: self.config.question.clone(),
                inputs: Arc::clone(&inputs),
                qa_generation_plan: last_of(|turn| &turn.qa_generation),
                kb_final_answer: Arc::clone(&answer),
                qa_judge: last_of(|turn| &turn.qa_judge),
                conversation_judge: Arc::clone(&conversation.judge),
                turns: turns.clone(),
                conversation_history: Arc::clone(&history),
                messages: Arc::clone(&messages),
                raw_result: answer,
                raw_results: conversation.raw.clone(),
                extra: Object::new(),
                forgemark: summary.clone(),
            },
        );
        for (turn, facts) in turns.iter().zip(&conversation.facts) {
            let number = turn.turn_index.unsigned_abs();
            let stamp = self.time(facts.asked_at, seq, number).ledger_style();
            let row = derive::ledger_row(&stamp, &facts.source_path, turn);
            if let Some(mut row) = row.filter(|_| !facts.in_ledger) {
                // A turn that was taken over says nothing of ours, and neither does its row.
                row.forgemark = turn.forgemark.is_some().then(|| {
                    Json::object([
                        ("conversation_id", Json::from(id)),
                        ("turn_index", Json::from(turn.turn_index)),
                        ("run_id", Json::from(self.run.as_str())),
                        ("language", Json::from(&*conversation.language)),
                    ])
                });
                write_line(ledger, &row);
            }
            let mut row = derive::turn_row(&head, turn);
            row.forgemark.clone_from(&turn.forgemark);
            write_line(turn_lines, &row);
        }
        let exported = conversation.dropped.is_none() || self.config.profile == Profile::Compat;
        if exported && !turns.is_empty() {
            let mut metadata = derive::metadata(
                &head,
                turns,
                i64::from(sketch.turns),
                &conversation.language,
                &personas,
            );
            metadata.forgemark.clone_from(&summary);
            let mut row = ShareGptRow {
                messages: Arc::new(derive::sharegpt_messages(turns)),
                messages_with_tools: Arc::clone(&with_tools),
                metadata,
                user_reasoning: Arc::clone(&user_reasoning),
                assistant_reasoning: Arc::clone(&assistant_reasoning),
                judge: None,
                extra: Object::new(),
            };
            write_shared(sharegpt, in_line, &row.renamed(&self.config.columns));
            let enabled = self.config.judging != Judging::Off;
            if derive::is_judged(turns, &conversation.judge, enabled) {
                row.judge = Some(derive::judge_payload(turns, &conversation.judge));
                let known = [Known {
                    text: sharegpt,
                    memo: in_line,
                }];
                let mut own = Memo::default();
                row.renamed(&self.config.columns)
                    .write_json(&mut Writer::with_memo(
                        judged,
                        Style::LINE,
                        &mut own,
                        &known,
                    ));
                judged.push(b'\n');
            }
        }
        write_line(
            index,
            &IndexRow {
                conversation_id: id.to_owned(),
                timestamp: head.timestamp.clone(),
                n_turns: i64::from(sketch.turns),
                seed_question: self.config.question.clone(),
                language: conversation.language.to_string(),
                conversation_file: format!("{}{relative}", self.output_prefix),
                extra: Object::new(),
                forgemark: self.ours().then(|| {
                    Json::object([
                        ("status", Json::from(conversation.status())),
                        ("drop_reason", Json::from(conversation.drop_word())),
                        ("turns", Json::from(turns.len())),
                    ])
                }),
            },
        );
        let file = ConversationFile {
            conversation_id: id.to_owned(),
            timestamp: head.timestamp,
            seed_question: self.config.question.clone(),
            inputs,
            n_turns: i64::from(sketch.turns),
            language: conversation.language.to_string(),
            personas,
            messages,
            messages_with_tools: with_tools,
            user_reasoning,
            assistant_reasoning,
            conversation_judge: Arc::clone(&conversation.judge),
            turns: turns.clone(),
            conversation_history: history,
            raw_results: conversation.raw.clone(),
            extra: Object::new(),
            forgemark: summary,
        };
        let start = texts.files.len();
        file.write_json(&mut Writer::with_memo(
            &mut texts.files,
            Style::FILE,
            &mut texts.in_files,
            &[],
        ));
        (relative, texts.files.get(start..).unwrap_or_default())
    }

    /// What we add about a conversation: status, provenance, spending, scores.
    fn summary(&self, conversation: &Conversation) -> Object {
        let sketch = &conversation.plan.sketch;
        let mut summary = Object::new();
        summary.insert("status", conversation.status());
        summary.insert("drop_reason", conversation.drop_word());
        if let Some(dropped) = &conversation.dropped {
            summary.insert(
                "drop",
                Json::object([
                    ("turn", Json::from(i64::from(dropped.turn))),
                    ("detail", Json::from(dropped.detail.as_str())),
                ]),
            );
        }
        summary.insert("run_id", self.run.as_str());
        summary.insert("ordinal", sketch.key.ordinal);
        if let Some(begun) = &conversation.plan.begun {
            summary.insert("taken_over", begun.turns.len());
        }
        summary.insert("seed", self.config.seed);
        summary.insert("turns", conversation.turns.len());
        summary.insert(
            "support",
            Json::from(conversation.mean_support().map(round4)),
        );
        summary.insert(
            "judge_score",
            Json::from(conversation.judge_score().map(round4)),
        );
        if let Some(error) = &conversation.judge_error {
            summary.insert("judge_error", error.clone());
        }
        summary.insert(
            "material_uses",
            i64::from(conversation.plan.reservation.uses),
        );
        summary.insert("calls", conversation.calls);
        summary.insert(
            "usage",
            Json::object([
                ("prompt_tokens", Json::from(conversation.usage.prompt)),
                (
                    "completion_tokens",
                    Json::from(conversation.usage.completion),
                ),
                ("cached_tokens", Json::from(conversation.usage.cached)),
                ("reasoning_tokens", Json::from(conversation.usage.reasoning)),
            ]),
        );
        summary.insert(
            "cost_usd",
            Json::from(
                conversation
                    .cost_micro_usd
                    .map(|micros| micros as f64 / 1e6),
            ),
        );
        summary.insert("prompts", self.prompts.as_str());
        summary.insert("tools", self.tools.clone());
        summary.insert("version", self.version);
        summary
    }

    /// The inputs of a conversation in a state: those of the run, and what late judging has said since.
    fn slot_inputs(&self, view: &SlotView) -> Arc<Json> {
        let mut inputs = self.inputs(
            &view.plan.sketch.language,
            Some(&view.plan),
            view.status,
            view.drop,
        );
        if let Some(inputs) = inputs.as_object_mut() {
            for (key, value) in &view.judged_later {
                inputs.insert(key, value.clone());
            }
        }
        Arc::new(inputs)
    }

    /// A run state with one conversation (batch size 1).
    pub(crate) fn single_state<'t>(
        &self,
        wave: &RunId,
        slot: &StateSlot,
        seq: u64,
        texts: &'t mut Texts,
    ) -> &'t [u8] {
        let view = slot.view();
        let state = RunState::Single(SingleState {
            run_id: wave.to_string(),
            status: state_status(std::slice::from_ref(slot)).to_owned(),
            updated_at: self.time(view.at, seq, 1_999).ledger_style(),
            n_turns: i64::from(view.plan.sketch.turns),
            inputs: self.slot_inputs(&view),
            turns: view.turns,
            raw_results: view.raw,
            extra: Object::new(),
            forgemark: None,
        });
        texts.state(&state)
    }

    /// A run state of a wave. `complete`: it has all the slots that it will ever have.
    pub(crate) fn batched_state<'t>(
        &self,
        wave: &RunId,
        slots: &[StateSlot],
        complete: bool,
        seq: u64,
        texts: &'t mut Texts,
    ) -> &'t [u8] {
        let views: Vec<SlotView> = slots.iter().map(StateSlot::view).collect();
        let language = views
            .first()
            .map(|view| view.plan.sketch.language.to_string());
        let at = views
            .iter()
            .map(|view| view.at)
            .max()
            .unwrap_or(Timestamp(0));
        let n_turns = views
            .iter()
            .map(|view| i64::from(view.plan.sketch.turns))
            .max();
        let state = RunState::Batched(BatchedState {
            run_id: wave.to_string(),
            status: if complete {
                state_status(slots)
            } else {
                IN_PROGRESS
            }
            .to_owned(),
            updated_at: self.time(at, seq, 1_999).ledger_style(),
            n_turns: n_turns.unwrap_or(0),
            batch_size: slots.len().max(1) as i64,
            inputs: Arc::new(self.inputs(&language.unwrap_or_default(), None, "", "")),
            conversations: views
                .into_iter()
                .map(|view| Slot {
                    conversation_index: view.plan.sketch.slot as i64,
                    conversation_id: view.plan.sketch.id.to_string(),
                    target_n_turns: i64::from(view.plan.sketch.turns),
                    status: view.status.to_owned(),
                    drop_reason: view.drop.to_owned(),
                    inputs: self.slot_inputs(&view),
                    turns: view.turns,
                    raw_results: view.raw,
                    extra: Object::new(),
                    forgemark: None,
                })
                .collect(),
            extra: Object::new(),
            forgemark: None,
        });
        texts.state(&state)
    }
}

/// One conversation in a run state.
#[derive(Debug, Clone)]
pub(crate) enum StateSlot {
    /// Committed.
    Ended(Arc<Conversation>),
    /// Admitted; with what is complete of it.
    Active(Arc<Conversation>),
}

struct SlotView {
    plan: Arc<Plan>,
    status: &'static str,
    drop: &'static str,
    turns: Vec<Arc<Turn>>,
    raw: Vec<Arc<forgemark_contract::dialogue::RawResult>>,
    judged_later: Vec<(&'static str, Json)>,
    at: Timestamp,
}

impl StateSlot {
    fn view(&self) -> SlotView {
        let (conversation, active) = match self {
            StateSlot::Ended(conversation) => (conversation, false),
            StateSlot::Active(conversation) => (conversation, true),
        };
        SlotView {
            plan: Arc::clone(&conversation.plan),
            status: if active {
                "active"
            } else {
                conversation.status()
            },
            drop: if active { "" } else { conversation.drop_word() },
            turns: conversation.turns.clone(),
            raw: conversation.raw.clone(),
            judged_later: conversation.judged_later.clone(),
            at: conversation.at,
        }
    }
}

/// Status of a run state that is not complete.
const IN_PROGRESS: &str = "in_progress";

fn state_status(slots: &[StateSlot]) -> &'static str {
    if slots.iter().all(|slot| matches!(slot, StateSlot::Ended(_))) {
        "completed"
    } else {
        IN_PROGRESS
    }
}

/// Four decimals, the precision of scores in rows.
pub(crate) fn round4(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
