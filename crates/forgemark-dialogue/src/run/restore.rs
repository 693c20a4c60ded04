//! Taking up what the folder holds: imports, rewinds, the memory of questions, committed outcomes.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::dialogue::{DatasetRow, LedgerRow};
use forgemark_contract::ids::{CallKey, RunId, topic_id};
use forgemark_contract::json;
use forgemark_corpus::Corpus;
use forgemark_journal::{
    ArtifactSet, ImportRecord, Journal, JournalError, Record, Recovered, Storage,
};

use super::{Adopted, Environment, RunOptions, STATE_DIR};
use crate::config::Profile;
use crate::conversation::{Conversation, DropReason, Plan};
use crate::error::DialogueError;
use crate::outcome::Outcome;
use crate::pipeline::{DialoguePipeline, PipelineParts, Tally};
use crate::plan::{Planner, PlannerParts};
use crate::question::Question;
use crate::registry::Registry;
use crate::render::{APPEND_FILES, DATASET, LEDGER, Renderer};
use crate::writer::Writer;

/// Reads a ledger that lies in the folder without a journal, once, so that its questions and its
/// coverage count. Other artifacts are taken as they are and appended to. Answers whether there was
/// anything that an earlier start, which was perhaps killed in between, had not read yet.
pub(crate) fn import(
    storage: &Arc<dyn Storage>,
    out_dir: &Path,
    journal: &Journal,
    recovered: &Recovered,
) -> Result<bool, DialogueError> {
    let mut changed = false;
    for name in APPEND_FILES {
        if recovered.imports.iter().any(|known| known.file == name) {
            continue;
        }
        let path = out_dir.join(name);
        let unreadable = |source| JournalError::Read {
            path: path.clone(),
            source: Arc::new(source),
        };
        let length = storage.len(&path).map_err(unreadable)?;
        if length.unwrap_or(0) == 0 {
            continue;
        }
        let bytes = storage.read(&path).map_err(unreadable)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let rows = line_breaks(&bytes[..whole]);
        journal
            .append(Record::Import(ImportRecord {
                file: name.to_owned(),
                sha256: forgemark_contract::text::sha256_hex(&bytes[..whole]),
                rows: rows as u64,
                bytes: whole as u64,
            }))
            .wait()?;
        changed = true;
    }
    Ok(changed)
}

/// A way back to the first dropped conversation that is to be made again.
pub(super) struct Rewind {
    /// The item to go back to.
    pub(super) to: u64,
    /// The replies of the dropped conversations.
    pub(super) forget: Vec<CallKey>,
    /// How many ordinals each language had, so that no conversation that was good is lost.
    pub(super) at_least: Vec<u64>,
}

/// How to make dropped conversations again, all or those with a reason; `None` when there are none.
/// `at_least` are the ordinals that an earlier retry, which has not come so far again, must make.
pub(super) fn rewind(
    environment: &Environment,
    recovered: &Recovered,
    first_item: u64,
    reason: Option<DropReason>,
    mut at_least: Vec<u64>,
) -> Result<Option<Rewind>, DialogueError> {
    at_least.resize(environment.config.languages.len(), 0);
    let mut to = None;
    let mut failed = Vec::new();
    for item in recovered.items_from(first_item) {
        let item = item?;
        let Some(outcome) = Outcome::from_json(&item.payload) else {
            continue;
        };
        if let Some(cell) = at_least.get_mut(outcome.key.group as usize) {
            *cell = (*cell).max(outcome.key.ordinal + 1);
        }
        let Some(dropped) = outcome.dropped else {
            continue;
        };
        if reason.is_none_or(|wanted| wanted == dropped) {
            to.get_or_insert(item.index);
            failed.push(outcome.id);
        }
    }
    let Some(to) = to else { return Ok(None) };
    let mut forget: Vec<CallKey> = Vec::new();
    for entry in forgemark_journal::dump(&environment.storage, &environment.out_dir)? {
        if let Record::Call(call) = entry?.record
            && call
                .item
                .split('/')
                .next()
                .is_some_and(|id| failed.iter().any(|known| known == id))
        {
            forget.push(call.key);
        }
    }
    Ok(Some(Rewind {
        to,
        forget,
        at_least,
    }))
}

/// Opens the memory of questions. Returns it with the number of commits that it holds already.
pub(super) fn open_registry(
    environment: &Environment,
    recovered: &Recovered,
) -> Result<(Registry, u64), DialogueError> {
    let dir = environment.out_dir.join(STATE_DIR).join("questions");
    Ok(Registry::open(
        &environment.storage,
        &dir,
        environment.config.matching,
        recovered.items_committed(),
    )?)
}

/// What the folder held before this run, in the form that the pipeline needs.
struct Before {
    /// Coverage of every passage, a language.
    used: Vec<Vec<u32>>,
    /// Latest questions, a language.
    recent: Vec<Vec<Arc<str>>>,
    seq: u64,
}

/// Gives the registry the questions of a commit that it does not hold yet.
fn remember_questions(
    environment: &Environment,
    outcome: &Outcome,
    known: u64,
    registry: &Registry,
) -> Result<(), DialogueError> {
    if outcome.seq > known {
        let matching = environment.config.matching;
        let questions: Vec<Question> = outcome
            .claims
            .iter()
            .map(|text| Question::new(text, matching))
            .collect();
        registry.add(outcome.seq, &questions)?;
    }
    Ok(())
}

impl Before {
    /// Reads imports and the outcomes of earlier runs.
    fn read(
        environment: &Environment,
        recovered: &Recovered,
        first_item: u64,
        known: u64,
        registry: &Registry,
    ) -> Result<Self, DialogueError> {
        let config = &environment.config;
        let languages = config.languages.len();
        let mut before = Self {
            used: vec![vec![0; environment.corpus.chunks().len()]; languages],
            recent: vec![Vec::new(); languages],
            seq: 0,
        };
        let imported = imported_ledger(environment, recovered)?;
        if known == 0 {
            let questions: Vec<Question> = imported
                .iter()
                .map(|row| Question::new(&row.question, config.matching))
                .collect();
            registry.add(0, &questions)?;
        }
        let places = Places::of(&environment.corpus);
        for row in &imported {
            let topic = places.topic(row);
            for group in 0..languages {
                before.cover(environment, group, &topic);
                before.remember(group, &row.question);
            }
        }
        for item in recovered.items() {
            let item = item?;
            if item.index >= first_item {
                break;
            }
            let Some(outcome) = Outcome::from_json(&item.payload) else {
                continue;
            };
            before.seq = outcome.seq;
            remember_questions(environment, &outcome, known, registry)?;
            let group = (outcome.key.group as usize).min(languages.saturating_sub(1));
            for topic in &outcome.covered {
                before.cover(environment, group, topic);
            }
            for claim in &outcome.claims {
                before.remember(group, claim);
            }
        }
        Ok(before)
    }

    fn cover(&mut self, environment: &Environment, group: usize, topic: &str) {
        if let Some(chunk) = environment.corpus.find_topic(topic)
            && let Some(cell) = self
                .used
                .get_mut(group)
                .and_then(|used| used.get_mut(chunk.index()))
        {
            *cell += 1;
        }
    }

    fn remember(&mut self, group: usize, question: &str) {
        if let Some(recent) = self.recent.get_mut(group) {
            if recent.len() == crate::pipeline::RECENT {
                recent.remove(0);
            }
            recent.push(Arc::from(question));
        }
    }
}

/// Finds passages by what the ledger of another program says of them.
struct Places<'c> {
    paths: HashSet<&'c str>,
}

impl<'c> Places<'c> {
    fn of(corpus: &'c Corpus) -> Self {
        let documents = corpus.documents().iter();
        Self {
            paths: documents.map(|document| document.path.as_str()).collect(),
        }
    }

    /// The topic id of a row here. The original's is made of an absolute path, which another folder or user does not
    /// have, so the row's source and the number of its passage say it; an invented one stays as it is.
    fn topic(&self, row: &LedgerRow) -> String {
        let mut rest = row.source_path.as_str();
        let number = row
            .topic_id
            .rsplit_once('-')
            .and_then(|(_, number)| number.parse().ok());
        let Some(number) = number else {
            return row.topic_id.clone();
        };
        loop {
            if self.paths.contains(rest) {
                return topic_id(rest, number);
            }
            match rest.split_once('/') {
                Some((_, below)) => rest = below,
                None => return row.topic_id.clone(),
            }
        }
    }
}

/// Rows of an imported ledger. A row that is none is skipped: it was not ours to keep.
fn imported_ledger(
    environment: &Environment,
    recovered: &Recovered,
) -> Result<Vec<LedgerRow>, DialogueError> {
    let Some(import) = recovered
        .imports
        .iter()
        .find(|import| import.file == LEDGER)
    else {
        return Ok(Vec::new());
    };
    let path = environment.out_dir.join(LEDGER);
    let bytes = environment
        .storage
        .read(&path)
        .map_err(|source| JournalError::Read {
            path,
            source: Arc::new(source),
        })?;
    let end = (import.bytes as usize).min(bytes.len());
    Ok(bytes[..end]
        .split(|byte| *byte == b'\n')
        .filter_map(|line| LedgerRow::from_json(&json::parse(line).ok()?).ok())
        .collect())
}

/// Where a pipeline takes up.
pub(super) struct Earlier<'a> {
    pub(super) recovered: &'a Recovered,
    /// Items that were committed before the run began.
    pub(super) first_item: u64,
    /// Commits that the registry holds already.
    pub(super) known: u64,
    pub(super) registry: &'a Registry,
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one constructor, used once"
)]
pub(super) fn build_pipeline(
    environment: &Environment,
    options: &RunOptions,
    run: &RunId,
    artifacts: ArtifactSet,
    renderer: Renderer,
    tally: &Arc<Tally>,
    at_least: Vec<u64>,
    adopted: Adopted,
    earlier: &Earlier<'_>,
) -> Result<DialoguePipeline, DialogueError> {
    let before = Before::read(
        environment,
        earlier.recovered,
        earlier.first_item,
        earlier.known,
        earlier.registry,
    )?;
    let config = &environment.config;
    let personas = environment.personas.clone().unwrap_or_default();
    let planner = Planner::new(&PlannerParts {
        seed: config.seed,
        turns: config.turns,
        batch_size: config.batch_size,
        compat_ids: config.profile == Profile::Compat,
        languages: &config.languages,
        run,
        user_personas: &personas.user,
        assistant_personas: &personas.assistant,
        seeds: environment.seeds.as_ref(),
        run_question: &config.question,
    })?;
    let document_of = environment
        .corpus
        .chunks()
        .iter()
        .map(|chunk| chunk.doc)
        .collect();
    let mut pipeline = DialoguePipeline::new(PipelineParts {
        config: Arc::clone(config),
        planner,
        document_of,
        used: before.used,
        recent: before.recent,
        seq: before.seq,
        tally: Arc::clone(tally),
        limit: options.limit,
        max_failed: options.max_failed,
        at_least,
        adopted,
    });
    let mut wave: Vec<(Plan, Outcome)> = Vec::new();
    let mut seq = before.seq;
    // One by one: a run of weeks has more outcomes than memory should hold.
    for item in earlier.recovered.items_from(earlier.first_item) {
        let item = item?;
        let Some(outcome) = Outcome::from_json(&item.payload) else {
            continue;
        };
        seq = outcome.seq;
        remember_questions(environment, &outcome, earlier.known, earlier.registry)?;
        let plan = pipeline.restore(&outcome, &environment.corpus)?;
        wave.retain(|(known, _)| known.sketch.wave_id == plan.sketch.wave_id);
        wave.push((plan, outcome));
    }
    let complete = wave
        .last()
        .is_none_or(|(plan, _)| plan.sketch.slot + 1 == config.batch_size);
    let stored = if complete {
        Vec::new()
    } else {
        stored_slots(environment, wave)?
    };
    let (storage, out_dir) = (
        Arc::clone(&environment.storage),
        environment.out_dir.clone(),
    );
    let read = move |path: &str| storage.read(&out_dir.join(path)).ok();
    let writer = Writer::start(artifacts, renderer, config.batch_size, stored, seq, read)
        .map_err(DialogueError::Thread)?;
    pipeline.attach(writer);
    Ok(pipeline)
}

/// The committed conversations of an incomplete wave, read back from the last dataset rows for the
/// wave's state.
fn stored_slots(
    environment: &Environment,
    wave: Vec<(Plan, Outcome)>,
) -> Result<Vec<Arc<Conversation>>, DialogueError> {
    let path = environment.out_dir.join(DATASET);
    let rows = tail_rows(environment, &path, wave.len())?;
    let mut slots = Vec::with_capacity(wave.len());
    for ((plan, outcome), line) in wave.into_iter().zip(rows) {
        let row = json::parse(&line)
            .ok()
            .and_then(|value| DatasetRow::from_json(&value).ok());
        slots.push(Arc::new(Conversation::stored(
            Arc::new(plan),
            &outcome,
            row,
        )));
    }
    Ok(slots)
}

/// Number of line breaks.
fn line_breaks(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

/// The last `n` lines of a file, oldest first.
fn tail_rows(
    environment: &Environment,
    path: &Path,
    n: usize,
) -> Result<Vec<Vec<u8>>, DialogueError> {
    const STEP: u64 = 1 << 20;
    let failed = |source| JournalError::Read {
        path: path.to_owned(),
        source: Arc::new(source),
    };
    let file = environment.storage.open_read(path).map_err(failed)?;
    let length = file.len().map_err(failed)?;
    let mut from = length;
    let mut bytes: Vec<u8> = Vec::new();
    // One more line break than lines, because the last byte is one.
    while from > 0 && line_breaks(&bytes) <= n {
        let step = STEP.min(from);
        from -= step;
        let mut block = vec![0u8; step as usize];
        file.read_exact_at(&mut block, from).map_err(failed)?;
        block.append(&mut bytes);
        bytes = block;
    }
    let mut lines: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    let extra = lines.len().saturating_sub(n);
    Ok(lines.split_off(extra))
}
