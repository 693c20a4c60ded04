//! A cut: rows and a plan to files.
//!
//! ```text
//! NAME.SIDE.jsonl              the examples in the trainer's format, and nothing else; or Parquet, Arrow, in shards
//! NAME.SIDE.provenance.jsonl   line by line where each is from
//! NAME.redactions.jsonl        the records in which secrets or personal data were found, with the kinds, where looked for
//! NAME.decisions.jsonl         every row, unit and example that was dropped or kept, with the reason
//! NAME.README.md               the dataset card
//! NAME.manifest.json           what was made, from what and how; written last
//! ```
//!
//! Without a split there is one side without a name.
//!
//! ```text
//! snapshot ─ scan: keys ─> groups in order ─ batch: whole rows ─> units ─ compare (where a stage asks) ─┐
//!               │                          ─ batch: whole rows ─> units ─ judge ─ shape ─> examples <───┘
//!               └─> decisions                                                                 └─ mix, split, order ─> files
//! ```
//!
//! Nothing is kept in memory for each row: a batch of whole groups is, buffers are, and for each unit that is compared, each
//! group that is divided among sides and each example that is mixed a byte to a few. Stages that compare texts or vectors
//! hold these while they run, and a group is always read whole.

mod batch;
mod card;
mod examples;
mod forecast;
mod manifest;
mod previous;
mod scan;
mod sides;
mod verify;

#[cfg(test)]
mod tests;

use forgemark_contract::json::{Json, Object, WriteJson, to_pretty, write_line};
use forgemark_contract::store::{ContextRecord, Snapshot};

use crate::encode::Encoding;
use crate::error::{CurateError, Result};
use crate::formats::{self, Format, Layout};
use crate::output::{FileDigest, LineFile, Output, put};
use crate::recipe::{OnFind, Order, Recipe};
use crate::redact::Kind;
use crate::shape::{self, Example};
use crate::spill::code::Key;
use crate::spill::{Scratch, Sorted, Sorter, Spool};
use crate::split::{self, MixRule, SplitRule, Ties};
use crate::stages::{
    self, Alone, Among, Answers, Decision, Fate, Gather, Prior, Reason, STAGES, Verdict, Wanted,
};
use crate::tree::Forest;

use batch::{Batch, Batches};
use examples::Examples;

pub(crate) use examples::{Head, Heads};
pub use forecast::{Forecast, forecast};
pub use manifest::{Manifest, Side, diff};
pub use previous::Previous;
pub use verify::{CutFiles, verify};

/// What the name of the file with the examples' origins ends with.
pub const PROVENANCE: &str = ".provenance.jsonl";

/// What the name of the file with the decisions ends with.
pub const DECISIONS: &str = ".decisions.jsonl";

/// What the name of the file with the records in which something was found ends with.
pub const REDACTIONS: &str = ".redactions.jsonl";

/// What the name of a manifest ends with, in each profile.
pub const MANIFEST: &str = ".manifest.json";

/// How a cut is made and written.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is made.
    pub recipe: Recipe,
    /// The trainer's format.
    pub format: Format,
    /// What the rows are kept in, how it is compressed, and in how many files.
    pub encoding: Encoding,
    /// What the names of the files begin with; may hold folders, divided by `/` on every machine.
    pub name: String,
    /// How examples are divided; `None` makes one side.
    pub split: Option<SplitRule>,
    /// How much of each source is taken; `None` takes all.
    pub mix: Option<MixRule>,
    /// The seed by which lines are put in another order; `None` keeps the order of groups.
    pub shuffle: Option<u64>,
}

impl Plan {
    /// Whether every value can be followed.
    ///
    /// # Errors
    /// [`CurateError::Recipe`] names the first that cannot.
    pub fn check(&self) -> Result<()> {
        self.recipe.check()?;
        let task = formats::Task::from(&self.recipe.task);
        if Layout::new(self.format).columns(task).is_none() {
            return Err(CurateError::Recipe {
                key: "shape",
                what: format!("{} has no rows for {}", self.format.word(), task.word()),
            });
        }
        self.encoding.check_for(self.format, task)?;
        if let Some(split) = &self.split {
            split.check()?;
        }
        let part = |part: &str| !part.is_empty() && part != "." && part != "..";
        if self.name.contains(['\\', ':', '\0']) || !self.name.split('/').all(part) {
            return Err(CurateError::Recipe {
                key: "name",
                what: format!(
                    "{:?} is no name for files; use folders and a name divided by `/`, such as sft/v1",
                    self.name
                ),
            });
        }
        Ok(())
    }

    /// Whether the vectors of examples are looked at.
    fn compares_examples(&self) -> bool {
        self.split.is_some()
    }
}

/// Makes a cut of the rows of a snapshot. Intermediate results go to `scratch`.
///
/// The same rows and the same plan give the same bytes, whatever becomes of the store meanwhile: a snapshot does not change.
///
/// # Errors
/// A plan that cannot be followed, a value that is missing where the plan says so, a store that cannot be read, and a file
/// that cannot be written.
pub fn cut(
    snapshot: &dyn Snapshot,
    plan: &Plan,
    scratch: &dyn Scratch,
    output: &mut dyn Output,
) -> Result<Manifest> {
    cut_from(None, snapshot, plan, scratch, output)
}

/// Makes a cut that goes on from an earlier one of the same recipe: see [`Previous`].
///
/// # Errors
/// As [`cut`].
pub fn cut_after(
    previous: &Previous,
    snapshot: &dyn Snapshot,
    plan: &Plan,
    scratch: &dyn Scratch,
    output: &mut dyn Output,
) -> Result<Manifest> {
    cut_from(Some(previous), snapshot, plan, scratch, output)
}

fn cut_from(
    previous: Option<&Previous>,
    snapshot: &dyn Snapshot,
    plan: &Plan,
    scratch: &dyn Scratch,
    output: &mut dyn Output,
) -> Result<Manifest> {
    plan.check()?;
    let prior = previous.map(|previous| &previous.prior);
    let recipe = &plan.recipe;
    let scan::Scanned {
        rows,
        living,
        listed,
        mut hidden,
        mut members,
        changed_at,
    } = scan::scan(snapshot, recipe, scratch)?;
    let mut counts = vec![("rows", rows), ("lifecycle", living), ("filter", listed)];

    let mut among = compare(snapshot, recipe, prior, &mut members, scratch)?;
    let mut making = Making::new(plan, prior, scratch)?;
    {
        let mut answers = among.as_mut().map(Among::answers).transpose()?;
        let vectors = plan.compares_examples();
        let mut batches = Batches::new(snapshot, recipe, &mut members, vectors)?;
        while let Some(batch) = batches.next()? {
            making.batch(&batch, answers.as_mut())?;
        }
    }
    drop(members);
    counts.extend(making.counts());

    let mut heads = making.heads;
    let mut left_out = Spool::new(scratch)?;
    if let Some(rule) = &plan.mix {
        heads = split::mix(&mut heads, rule, scratch, |head| {
            left_out.push(&head.left_out).map(drop)
        })?;
        counts.push(("mix", heads.len()));
    }
    let mut decisions = LineFile::create(output, &format!("{}{DECISIONS}", plan.name))?;
    sides::append_spool(&mut hidden, &mut decisions)?;
    sides::append_sorted(making.found, &mut decisions)?;
    sides::append_sorted(making.decisions, &mut decisions)?;
    for lines in [&mut making.skipped, &mut making.refused, &mut left_out] {
        sides::append_spool(lines, &mut decisions)?;
    }
    let mut files = vec![decisions.finish()?];
    if recipe.redact.is_some() {
        counts.push(("redacted", making.redactions.len()));
        let mut file = LineFile::create(output, &format!("{}{REDACTIONS}", plan.name))?;
        sides::append_sorted(making.redactions, &mut file)?;
        files.push(file.finish()?);
    }

    let sides = match &plan.split {
        Some(rule) => {
            let twins = among.as_mut().map(|among| &mut among.twins);
            Some(split::split(&mut heads, making.ties, twins, rule, scratch)?)
        }
        None => None,
    };
    let content = sides::Content {
        layout: making.layout,
        heads: &mut heads,
        examples: &mut making.examples,
        sides: sides.as_ref(),
    };
    let layout = content.layout;
    let written = sides::write(plan, content, scratch, output, &mut files)?;
    if plan.format == Format::LlamaFactory {
        files.push(describe(plan, layout, &written, output)?);
    }
    let mut manifest = Manifest::new(plan, snapshot, &counts, written, sides.as_ref());
    manifest.set_changed_at(changed_at);
    if recipe.tokens.is_some() {
        manifest.set_tokens(&making.tokens);
    }
    if let Some(previous) = previous {
        manifest.set_previous(previous.version, making.settled);
    }
    let card_name = format!("{}.README.md", plan.name);
    let card = card::write(&manifest, plan, layout, snapshot);
    put(output, &card_name, card.as_bytes())?;
    files.push(FileDigest::of(&card_name, card.as_bytes()));
    manifest.set_files(&files);
    put(
        output,
        &format!("{}{MANIFEST}", plan.name),
        &manifest.bytes(),
    )?;
    Ok(manifest)
}

/// Writes what LLaMA-Factory looks up: `dataset_info.json` in the folder of the files, with an entry for each of them.
fn describe(
    plan: &Plan,
    layout: Layout,
    sides: &[Side],
    output: &mut dyn Output,
) -> Result<FileDigest> {
    let (folder, _) = plan.name.rsplit_once('/').unwrap_or_default();
    let name = format!(
        "{folder}{}dataset_info.json",
        if folder.is_empty() { "" } else { "/" }
    );
    let task = formats::Task::from(&plan.recipe.task);
    let files = sides.iter().flat_map(|side| &side.files);
    let columns = layout.columns(task);
    let entries = files.filter_map(|file| {
        let columns = columns.as_ref()?;
        let file = file.rsplit('/').next().unwrap_or_default();
        let end = plan.encoding.extension();
        let key = file.strip_suffix(end).unwrap_or(file);
        let info = formats::llama_factory_info(file, columns, task);
        Some((key.to_owned(), info))
    });
    let mut bytes = to_pretty(&Json::Object(entries.collect()));
    bytes.push(b'\n');
    put(output, &name, &bytes)?;
    Ok(FileDigest::of(&name, &bytes))
}

/// Compares the units with each other, where a stage of the recipe does.
fn compare(
    snapshot: &dyn Snapshot,
    recipe: &Recipe,
    prior: Option<&Prior>,
    members: &mut Sorted,
    scratch: &dyn Scratch,
) -> Result<Option<Among>> {
    if !Gather::is_needed(recipe) {
        return Ok(None);
    }
    let wanted = Wanted {
        texts: recipe.exact || recipe.near.is_some() || recipe.order == Order::Length,
        vectors: Gather::reads_vectors(recipe),
    };
    let mut gather = Gather::new(recipe, prior, scratch);
    let mut batches = Batches::new(snapshot, recipe, members, wanted.vectors)?;
    while let Some(batch) = batches.next()? {
        for item in stages::items(&batch.forest, recipe, wanted) {
            gather.add(&item, &batch.forest, &batch.ordinals, batch.groups_before)?;
        }
    }
    gather.compare().map(Some)
}

/// What is made of the groups, batch by batch.
struct Making<'p, 's> {
    plan: &'p Plan,
    prior: Option<&'p Prior>,
    alone: Alone<'p>,
    /// Units that have the decision of an earlier cut.
    settled: u64,
    /// Units so far.
    units: u64,
    /// Units that each stage has dropped.
    dropped: [u64; STAGES.len()],
    /// Examples before the format has looked at them.
    shaped: u64,
    /// The tokens of each example that stayed, where they are counted.
    tokens: Vec<u32>,
    /// Decisions on records in which something was found, where these are dropped, in the order of rows.
    found: Sorter<'s>,
    /// Decisions on units, in the declared order.
    decisions: Sorter<'s>,
    /// Decisions on what made no example.
    skipped: Spool,
    /// Decisions on examples that the format cannot say.
    refused: Spool,
    /// Lines on records in which something was found, in the order of rows.
    redactions: Sorter<'s>,
    layout: Layout,
    heads: Heads,
    examples: Examples,
    ties: Ties<'s>,
}

impl<'p, 's> Making<'p, 's> {
    fn new(plan: &'p Plan, prior: Option<&'p Prior>, scratch: &'s dyn Scratch) -> Result<Self> {
        Ok(Making {
            plan,
            prior,
            settled: 0,
            alone: Alone::new(&plan.recipe),
            units: 0,
            dropped: [0; STAGES.len()],
            shaped: 0,
            tokens: Vec::new(),
            found: Sorter::new(scratch),
            decisions: Sorter::new(scratch),
            skipped: Spool::new(scratch)?,
            refused: Spool::new(scratch)?,
            redactions: Sorter::new(scratch),
            layout: Layout::new(plan.format),
            heads: Heads::new(scratch)?,
            examples: Examples::new(scratch)?,
            ties: Ties::new(scratch),
        })
    }

    fn batch(&mut self, batch: &Batch, answers: Option<&mut Answers<'_>>) -> Result<()> {
        let mut verdict = self.judge(batch, answers)?;
        self.redacted(batch, &mut verdict)?;
        let forest = &batch.forest;
        if let Some(rule) = &self.plan.split {
            self.ties.see(forest, rule)?;
        }
        let shaped = shape::shape(forest, &verdict, &self.plan.recipe)?;
        for decision in &shaped.skipped {
            self.skipped.push(&line_of(decision))?;
        }
        self.shaped += shaped.examples.len() as u64;
        for (example, group) in shaped.examples.iter().zip(&shaped.groups) {
            self.layout.see(example);
            match formats::lines(self.layout, example, "", 0) {
                Ok(_) => self.keep(batch, example, *group)?,
                Err(rule) => {
                    let refused = refused(forest, example, rule);
                    self.refused.push(&line_of(&refused))?;
                }
            }
        }
        Ok(())
    }

    /// Decides on the units.
    fn judge(&mut self, batch: &Batch, mut answers: Option<&mut Answers<'_>>) -> Result<Verdict> {
        let (recipe, forest) = (&self.plan.recipe, &batch.forest);
        let wanted = Wanted {
            texts: recipe.reads_texts_alone() || recipe.order == Order::Length,
            vectors: false,
        };
        let mut verdict = Verdict::new(forest);
        for item in stages::items(forest, recipe, wanted) {
            let number = self.units;
            self.units += 1;
            let found = match &mut answers {
                Some(answers) => answers.of(number)?,
                None => None,
            };
            let first_id = stages::first_id(&item, forest);
            let (order, ordinals) = (recipe.order, &batch.ordinals);
            let (key, earlier) = stages::place(&item, forest, ordinals, order, number, self.prior);
            let reason = match earlier {
                Some(earlier) => earlier.dropped.clone(),
                None => self.alone.judge(&item, forest, found)?,
            };
            self.settled += u64::from(earlier.is_some());
            if self.prior.is_some() && self.plan.split.is_some() {
                let group = batch.groups_before + item.group as u64;
                self.ties.name(first_id, group)?;
                let gave_way =
                    |reason: &&Reason| matches!(reason.stage, "exact" | "near" | "semantic");
                let keeper = reason.as_ref().filter(gave_way);
                if let Some(by) = keeper.and_then(|reason| reason.by.as_deref()) {
                    self.ties.name(by, group)?;
                }
            }
            if let Some(reason) = &reason {
                verdict.drop(recipe.unit, &item, reason);
                if let Some(stage) = STAGES.iter().position(|stage| *stage == reason.stage) {
                    self.dropped[stage] += 1;
                }
            }
            let ids = item.records.iter();
            let decision = Decision {
                unit: recipe.unit.word(),
                records: ids
                    .map(|record| forest.records[*record].id.clone())
                    .collect(),
                dropped: reason,
            };
            self.decisions.push(&key.0, &line_of(&decision))?;
        }
        Ok(verdict)
    }

    /// Says what was found in the records, and drops these where the rule says so.
    fn redacted(&mut self, batch: &Batch, verdict: &mut Verdict) -> Result<()> {
        let rule = self.plan.recipe.redact.as_ref();
        let drop = rule.is_some_and(|rule| rule.on_find == OnFind::Drop);
        for (record, kinds) in &batch.redacted {
            let key = Key::default().uint(batch.ordinals[*record]);
            if drop {
                verdict.fates[*record] = Fate::Gone;
                let decision = found(&batch.forest, *record, kinds);
                self.found.push(&key.0, &line_of(&decision))?;
            }
            let line = Json::object([
                ("record", Json::from(&batch.forest.records[*record].id)),
                (
                    "kinds",
                    kinds.iter().map(|kind| Json::from(kind.word())).collect(),
                ),
            ]);
            self.redactions.push(&key.0, &line_of(&line))?;
        }
        Ok(())
    }

    fn keep(&mut self, batch: &Batch, example: &Example, group: usize) -> Result<()> {
        let forest = &batch.forest;
        if let Some(rule) = &self.plan.recipe.tokens {
            let messages = example
                .records
                .iter()
                .map(|record| &forest.messages[*record]);
            // What the rule could not count is not here.
            self.tokens.push(rule.count(messages).unwrap_or(0) as u32);
        }
        let provenance = line_of(&place_of(forest, example));
        let mut head = Head {
            place: self.examples.push(example, &provenance)?,
            id: example.id.clone(),
            group: batch.groups_before + group as u64,
            ..Head::default()
        };
        if let Some(rule) = &self.plan.mix {
            head.part = rule.part(forest, &example.records);
            head.left_out = line_of(&left_out(forest, example));
        }
        if let Some(rule) = &self.plan.split {
            let recipe = &self.plan.recipe;
            split::describe(&mut head, forest, recipe, &example.records, rule);
        }
        self.heads.push(&head)
    }

    /// What was left after each stage that ran.
    fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut left = self.units;
        let mut counts = vec![("units", left)];
        for (stage, dropped) in STAGES.iter().zip(self.dropped) {
            left -= dropped;
            if stages::runs(&self.plan.recipe, stage) {
                counts.push((stage, left));
            }
        }
        counts.push(("examples", self.shaped));
        counts.push(("format", self.heads.len()));
        counts
    }
}

/// A value as a line of a file.
fn line_of(value: &(impl WriteJson + ?Sized)) -> Vec<u8> {
    let mut line = Vec::new();
    write_line(&mut line, value);
    line
}

fn ids(forest: &Forest, example: &Example) -> Vec<String> {
    example
        .records
        .iter()
        .map(|record| forest.records[*record].id.clone())
        .collect()
}

fn refused(forest: &Forest, example: &Example, rule: String) -> Decision {
    Decision {
        unit: "example",
        records: ids(forest, example),
        dropped: Some(Reason::new("format", rule)),
    }
}

fn found(forest: &Forest, record: usize, kinds: &[Kind]) -> Decision {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
    Decision {
        unit: "row",
        records: vec![forest.records[record].id.clone()],
        dropped: Some(Reason::new("redact", words.join(", "))),
    }
}

fn left_out(forest: &Forest, example: &Example) -> Decision {
    Decision {
        unit: "example",
        records: ids(forest, example),
        dropped: Some(Reason::new("mix", "more than the share of its source")),
    }
}

/// Where an example is from: its records with their external ids beside them, and every scope value that occurs.
fn place_of(forest: &Forest, example: &Example) -> Json {
    let records = || {
        example
            .records
            .iter()
            .map(|record| &forest.records[*record])
    };
    let values = |pick: fn(&ContextRecord) -> Option<&String>| {
        let mut values: Vec<&String> = records().filter_map(pick).collect();
        values.sort_unstable();
        values.dedup();
        values.into_iter().map(Json::from).collect::<Json>()
    };
    let mut object = Object::from([
        ("id", Json::from(&example.id)),
        (
            "record_ids",
            records().map(|row| Json::from(&row.id)).collect(),
        ),
        (
            "external_ids",
            records()
                .map(|row| Json::from(row.external_id.clone()))
                .collect(),
        ),
        ("sessions", values(|row| row.session_id.as_ref())),
        ("sources", values(|row| row.source.as_ref())),
        ("tenants", values(|row| row.tenant.as_ref())),
        ("runs", values(|row| Some(&row.run_id))),
    ]);
    let times = records().map(|row| row.created_at);
    if let (Some(start), Some(end)) = (times.clone().min(), times.max()) {
        object.insert("created_at_start", start.ledger_style());
        object.insert("created_at_end", end.ledger_style());
    }
    Json::Object(object)
}
