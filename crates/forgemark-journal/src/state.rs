//! What the records so far add up to. Small, whatever the number of records: it is what a checkpoint holds.

use std::collections::BTreeMap;

use forgemark_contract::json::{self, Json};

use crate::record::{
    BatchRecord, BatchStage, CallOutcome, CallRecord, ImportRecord, Link, Record, lengths, number,
    text,
};

/// Calls, tokens and cost, over all runs of the journal. Replies that were thrown away count: they were paid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// By role.
    pub by_role: BTreeMap<String, RoleTotals>,
    /// By endpoint, and there by model. A journal that was begun by an earlier release knows here only of the calls since
    /// it was opened by one that counts them: less than by role.
    pub by_endpoint: BTreeMap<String, BTreeMap<String, RoleTotals>>,
}

/// Calls, tokens and cost of one role, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleTotals {
    /// Calls with an outcome, failures included.
    pub calls: u64,
    /// Calls whose outcome is a typed failure.
    pub failures: u64,
    /// Tries that gave no outcome.
    pub retries: u64,
    /// Tokens of requests, cached ones included.
    pub prompt: u64,
    /// Tokens of replies, reasoning included.
    pub completion: u64,
    /// Tokens of requests that an endpoint had cached.
    pub cached: u64,
    /// Tokens of replies that were reasoning.
    pub reasoning: u64,
    /// Known cost in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// Calls whose price is unknown; when there are any, the cost is a lower bound.
    pub unknown_price_calls: u64,
}

/// The fields of [`RoleTotals`] by name, in the order in which they are written.
const FIELDS: [&str; 9] = [
    "calls",
    "failures",
    "retries",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_micro_usd",
    "unknown_price_calls",
];

impl RoleTotals {
    fn fields(&self) -> [u64; 9] {
        [
            self.calls,
            self.failures,
            self.retries,
            self.prompt,
            self.completion,
            self.cached,
            self.reasoning,
            self.cost_micro_usd,
            self.unknown_price_calls,
        ]
    }

    fn fields_mut(&mut self) -> [&mut u64; 9] {
        [
            &mut self.calls,
            &mut self.failures,
            &mut self.retries,
            &mut self.prompt,
            &mut self.completion,
            &mut self.cached,
            &mut self.reasoning,
            &mut self.cost_micro_usd,
            &mut self.unknown_price_calls,
        ]
    }

    /// These totals and others.
    #[must_use]
    pub fn plus(mut self, other: &RoleTotals) -> Self {
        for (field, more) in self.fields_mut().into_iter().zip(other.fields()) {
            *field = field.saturating_add(more);
        }
        self
    }
}

impl Totals {
    /// All roles together.
    pub fn all(&self) -> RoleTotals {
        self.by_role
            .values()
            .fold(RoleTotals::default(), RoleTotals::plus)
    }

    /// Adds a call.
    pub(crate) fn add(&mut self, call: &CallRecord) {
        let usage = &call.usage;
        let one = RoleTotals {
            calls: 1,
            failures: u64::from(matches!(call.outcome, CallOutcome::Failure { .. })),
            retries: call.attempts.len() as u64,
            prompt: usage.prompt,
            completion: usage.completion,
            cached: usage.cached,
            reasoning: usage.reasoning,
            cost_micro_usd: call.cost_micro_usd.unwrap_or(0),
            unknown_price_calls: u64::from(call.cost_micro_usd.is_none()),
        };
        add_to(&mut self.by_role, &call.role, &one);
        if !self.by_endpoint.contains_key(&call.endpoint) {
            self.by_endpoint
                .insert(call.endpoint.clone(), BTreeMap::new());
        }
        if let Some(models) = self.by_endpoint.get_mut(&call.endpoint) {
            add_to(models, &call.model, &one);
        }
    }

    /// The totals as they stand in commits: `{role: {field: number}}`.
    pub fn to_json(&self) -> Json {
        all_to_json(&self.by_role)
    }

    /// Reads what [`Totals::to_json`] wrote; what is missing is zero.
    pub fn from_json(json: &Json) -> Self {
        Totals {
            by_role: all_from_json(json),
            by_endpoint: BTreeMap::new(),
        }
    }
}

/// Adds to the totals of a name. The name is copied only once.
fn add_to(all: &mut BTreeMap<String, RoleTotals>, name: &str, one: &RoleTotals) {
    if let Some(totals) = all.get_mut(name) {
        *totals = totals.plus(one);
    } else {
        all.insert(name.to_owned(), *one);
    }
}

fn all_to_json(all: &BTreeMap<String, RoleTotals>) -> Json {
    let all = all.iter().map(|(name, totals)| {
        let fields = FIELDS.into_iter().zip(totals.fields());
        let fields = fields.map(|(name, value)| (name.to_owned(), Json::from(value)));
        (name.clone(), Json::Object(fields.collect()))
    });
    Json::Object(all.collect())
}

fn all_from_json(json: &Json) -> BTreeMap<String, RoleTotals> {
    let all = json.as_object().into_iter().flat_map(json::Object::iter);
    let read = all.map(|(name, found)| {
        let mut totals = RoleTotals::default();
        for (field, name) in totals.fields_mut().into_iter().zip(FIELDS) {
            *field = found.at(name).as_u64().unwrap_or(0);
        }
        (name.to_owned(), totals)
    });
    read.collect()
}

/// A batch that is not closed, as the state knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenBatch {
    /// Position of the record that says what it holds.
    pub(crate) intended: u64,
    pub(crate) provider_id: Option<String>,
}

/// A run of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct RunInfo {
    /// Its id.
    pub run_id: String,
    /// Its newest plan.
    pub plan: Json,
    /// Items that were committed when it first began. Another run may have committed items in between.
    pub first_item: u64,
    /// How it ended, when it did and has not gone on since.
    pub end: Option<RunEnd>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// As the pipeline says: `completed`, `partial`, `failed`.
    pub status: String,
    /// Whatever else the pipeline wanted to know.
    pub detail: Json,
}

/// The committed state of the artifacts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Committed {
    /// Number of items.
    pub through: u64,
    /// Append-only artifacts and their committed length in bytes.
    pub files: BTreeMap<String, u64>,
    /// Files that the last commit replaces, and what takes their place. Done by [`crate::ArtifactSet::open`].
    pub swaps: BTreeMap<String, String>,
}

/// The sum of all records up to a position.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct State {
    /// In the order in which they first began.
    pub(crate) runs: Vec<RunInfo>,
    /// The one that began or went on last.
    pub(crate) current: Option<usize>,
    pub(crate) imports: Vec<ImportRecord>,
    /// `None` before the first commit.
    pub(crate) committed: Option<Committed>,
    /// Position of the commit that is the last one in force.
    pub(crate) last_commit: Option<u64>,
    /// Positions of rewinds and the items that they went back to, oldest first. Only those that still matter: a rewind is
    /// dropped when a later one goes back as far.
    pub(crate) rewinds: Vec<(u64, u64)>,
    pub(crate) totals: Totals,
    /// Records of which the totals by endpoint know nothing.
    pub(crate) uncounted: u64,
    /// Batches that are not closed, by their id with us.
    pub(crate) batches: BTreeMap<String, OpenBatch>,
    pub(crate) records: u64,
}

impl State {
    /// Takes in the record at `position`.
    pub(crate) fn apply(&mut self, position: u64, record: &Record, link: &Link) {
        if !matches!(record, Record::Checkpoint { .. }) {
            self.records += 1;
        }
        match record {
            Record::Run { run_id, plan } => self.begin(run_id, plan),
            Record::Call(call) => self.totals.add(call),
            Record::Commit(commit) => {
                let committed = self.committed.get_or_insert_default();
                committed.through = commit.through;
                for (file, len) in &commit.files {
                    committed.files.insert(file.clone(), *len);
                }
                committed.swaps.clone_from(&commit.swaps);
                self.last_commit = Some(position);
            }
            Record::Rewind { to, .. } => {
                self.committed = Some(Committed {
                    through: *to,
                    files: link.files.clone(),
                    swaps: BTreeMap::new(),
                });
                self.last_commit = link.prev;
                self.rewinds.retain(|(_, earlier)| earlier < to);
                self.rewinds.push((position, *to));
            }
            Record::Import(import) => self.imports.push(import.clone()),
            Record::Batch(batch) => self.apply_batch(position, batch),
            Record::End { status, detail } => {
                if let Some(run) = self.current.and_then(|place| self.runs.get_mut(place)) {
                    run.end = Some(RunEnd {
                        status: status.clone(),
                        detail: detail.clone(),
                    });
                }
            }
            Record::Checkpoint { .. } => {}
        }
    }

    fn apply_batch(&mut self, position: u64, batch: &BatchRecord) {
        match &batch.stage {
            BatchStage::Intended(_) => {
                let open = OpenBatch {
                    intended: position,
                    provider_id: None,
                };
                self.batches.insert(batch.id.clone(), open);
            }
            BatchStage::Submitted { provider_id } => {
                if let Some(open) = self.batches.get_mut(&batch.id) {
                    open.provider_id = Some(provider_id.clone());
                }
            }
            BatchStage::Closed { .. } => {
                self.batches.remove(&batch.id);
            }
        }
    }

    fn begin(&mut self, run_id: &str, plan: &Json) {
        if let Some(place) = self.runs.iter().position(|run| run.run_id == run_id) {
            self.runs[place].plan = plan.clone();
            self.runs[place].end = None;
            self.current = Some(place);
        } else {
            self.current = Some(self.runs.len());
            self.runs.push(RunInfo {
                run_id: run_id.to_owned(),
                plan: plan.clone(),
                first_item: self.through(),
                end: None,
            });
        }
    }

    /// Items committed so far.
    pub(crate) fn through(&self) -> u64 {
        self.committed
            .as_ref()
            .map_or(0, |committed| committed.through)
    }

    /// Id of the current run; empty before the first.
    pub(crate) fn run_id(&self) -> &str {
        let run = self.current.and_then(|place| self.runs.get(place));
        run.map_or("", |run| run.run_id.as_str())
    }

    /// Items of the commit at `position` that no later rewind has dropped are those below this number.
    pub(crate) fn valid_below(&self, position: u64) -> u64 {
        let later = self.rewinds.iter().filter(|(rewind, _)| *rewind > position);
        later.map(|(_, to)| *to).min().unwrap_or(u64::MAX)
    }

    /// The state as a checkpoint holds it.
    pub(crate) fn to_json(&self) -> Json {
        let runs = self.runs.iter().map(|run| {
            let end = run.end.as_ref().map(|end| {
                Json::object([
                    ("status", Json::from(&end.status)),
                    ("detail", end.detail.clone()),
                ])
            });
            Json::object([
                ("run_id", Json::from(&run.run_id)),
                ("plan", run.plan.clone()),
                ("first_item", Json::from(run.first_item)),
                ("end", Json::from(end)),
            ])
        });
        let imports = self.imports.iter().map(|import| {
            Json::object([
                ("file", Json::from(&import.file)),
                ("sha256", Json::from(&import.sha256)),
                ("rows", Json::from(import.rows)),
                ("bytes", Json::from(import.bytes)),
            ])
        });
        let committed = self.committed.as_ref().map(|committed| {
            Json::object([
                ("through", Json::from(committed.through)),
                ("files", Json::from(committed.files.clone())),
                ("swaps", Json::from(committed.swaps.clone())),
            ])
        });
        let rewinds = self
            .rewinds
            .iter()
            .map(|(position, to)| Json::from(vec![*position, *to]));
        let endpoints = self.totals.by_endpoint.iter().map(|(endpoint, models)| {
            Json::object([
                ("endpoint", Json::from(endpoint)),
                ("models", all_to_json(models)),
            ])
        });
        let batches = self.batches.iter().map(|(id, batch)| {
            Json::object([
                ("id", Json::from(id)),
                ("intended", Json::from(batch.intended)),
                ("provider_id", Json::from(batch.provider_id.clone())),
            ])
        });
        Json::object([
            ("runs", runs.collect()),
            ("current", Json::from(self.current)),
            ("imports", imports.collect()),
            ("committed", Json::from(committed)),
            ("last_commit", Json::from(self.last_commit)),
            ("rewinds", rewinds.collect()),
            ("totals", self.totals.to_json()),
            ("endpoints", endpoints.collect()),
            ("uncounted", Json::from(self.uncounted)),
            ("batches", batches.collect()),
            ("records", Json::from(self.records)),
        ])
    }

    /// Reads what [`State::to_json`] wrote. The error says what is wrong, as a fragment.
    pub(crate) fn from_json(json: &Json) -> Result<State, String> {
        let runs = json.items("runs").iter().map(|run| {
            let end = run.at("end");
            Ok(RunInfo {
                run_id: text(run, "run_id")?,
                plan: run.at("plan").clone(),
                first_item: number(run, "first_item")?,
                end: end.get("status").map(|status| RunEnd {
                    status: status.as_str().unwrap_or_default().to_owned(),
                    detail: end.at("detail").clone(),
                }),
            })
        });
        let imports = json.items("imports").iter().map(|import| {
            Ok(ImportRecord {
                file: text(import, "file")?,
                sha256: text(import, "sha256")?,
                rows: number(import, "rows")?,
                bytes: number(import, "bytes")?,
            })
        });
        let committed = match json.at("committed") {
            Json::Null => None,
            found => Some(Committed {
                through: number(found, "through")?,
                files: lengths(found.at("files"))?,
                swaps: found
                    .at("swaps")
                    .as_object()
                    .into_iter()
                    .flat_map(json::Object::iter)
                    .map(|(file, from)| {
                        (
                            file.to_owned(),
                            from.as_str().unwrap_or_default().to_owned(),
                        )
                    })
                    .collect(),
            }),
        };
        let rewinds = json.items("rewinds").iter().map(|pair| {
            let pair = pair.as_array().unwrap_or_default();
            let number = |place: usize| pair.get(place).and_then(Json::as_u64);
            number(0)
                .zip(number(1))
                .ok_or_else(|| "rewind without position".to_owned())
        });
        let records = number(json, "records")?;
        let mut totals = Totals::from_json(json.at("totals"));
        for endpoint in json.items("endpoints") {
            let models = all_from_json(endpoint.at("models"));
            totals
                .by_endpoint
                .insert(text(endpoint, "endpoint")?, models);
        }
        // An earlier release did not count by endpoint.
        let uncounted = match json.get("endpoints") {
            Some(_) => json.at("uncounted").as_u64().unwrap_or(0),
            None => records,
        };
        let batches = json.items("batches").iter().map(|batch| {
            let open = OpenBatch {
                intended: number(batch, "intended")?,
                provider_id: batch.at("provider_id").as_str().map(str::to_owned),
            };
            Ok((text(batch, "id")?, open))
        });
        Ok(State {
            runs: runs.collect::<Result<_, String>>()?,
            current: json.at("current").as_u64().map(|place| place as usize),
            imports: imports.collect::<Result<_, String>>()?,
            committed,
            last_commit: json.at("last_commit").as_u64(),
            rewinds: rewinds.collect::<Result<_, String>>()?,
            totals,
            uncounted,
            batches: batches.collect::<Result<_, String>>()?,
            records,
        })
    }
}
