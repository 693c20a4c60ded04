//! A cut: rows and a plan to files.
//!
//! ```text
//! NAME.SIDE.jsonl              the examples in the trainer's format, and nothing else
//! NAME.SIDE.provenance.jsonl   line by line where each is from
//! NAME.redactions.jsonl        the records in which secrets or personal data were found, with the kinds, where looked for
//! NAME.decisions.jsonl         every row, unit and example that was dropped or kept, with the reason
//! NAME.README.md               the dataset card
//! NAME.manifest.json           what was made, from what and how; written last
//! ```
//!
//! Without a split there is one side without a name.

mod card;
mod manifest;

#[cfg(test)]
mod tests;

use forgemark_contract::json::{Json, Object, write_line};
use forgemark_contract::store::ContextRecord;

use crate::compat::{Snapshot, fraction};
use crate::error::Result;
use crate::formats::{self, Format, Layout};
use crate::output::{FileDigest, LineFile, Output, put};
use crate::recipe::{OnFind, Recipe};
use crate::redact::Kind;
use crate::select;
use crate::shape::{self, Example};
use crate::split::{self, MixRule, Sides, SplitRule};
use crate::stages::{self, Decision, Fate, Reason};
use crate::tree::Forest;

pub use manifest::{Manifest, Side, diff, verify};

/// How a cut is made and written.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is made.
    pub recipe: Recipe,
    /// The trainer's format.
    pub format: Format,
    /// What the names of the files begin with; may hold folders, divided by `/`.
    pub name: String,
    /// Where the rows come from.
    pub snapshot: Snapshot,
    /// How examples are divided; `None` makes one side.
    pub split: Option<SplitRule>,
    /// How much of each source is taken; `None` takes all.
    pub mix: Option<MixRule>,
    /// The seed by which lines are put in another order; `None` keeps the order of groups.
    pub shuffle: Option<u64>,
}

/// Makes a cut of `rows`: all rows of one version of the store, one for each id, in the order of insertion.
///
/// # Errors
/// A plan that cannot be followed, a value that is missing where the plan says so, and a file that cannot be written.
pub fn cut(
    rows: impl IntoIterator<Item = ContextRecord>,
    plan: &Plan,
    output: &mut dyn Output,
) -> Result<Manifest> {
    let recipe = &plan.recipe;
    recipe.check()?;
    let mut decisions = LineFile::create(output, &format!("{}.decisions.jsonl", plan.name))?;
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    let mut records = Vec::new();
    let (mut all, mut hidden) = (0, 0);
    for (row, reason) in select::sift(rows, recipe.visibility, &recipe.filter) {
        all += 1;
        // What is contradicted is visible to a list, and never trained on.
        let wrong = row.lifecycle_status == forgemark_contract::store::lifecycle::CONTRADICTED;
        match reason.or(wrong.then_some("contradicted")) {
            None => records.push(row),
            Some(stage) => {
                hidden += usize::from(stage != "filter");
                let dropped = Some(Reason::new(stage, "not to be seen"));
                explain(
                    &mut decisions,
                    &Decision {
                        unit: "row",
                        records: vec![row.id],
                        dropped,
                    },
                )?;
            }
        }
    }
    counts.push(("rows", all));
    counts.push(("lifecycle", all - hidden));
    counts.push(("filter", records.len()));

    let mut forest = Forest::new(records, &recipe.group_by)?;
    let rule = recipe.redact.as_ref();
    let redacted = rule
        .map(|rule| forest.redact(&rule.kinds))
        .unwrap_or_default();
    let mut verdict = stages::run(&forest, recipe)?;
    if rule.is_some_and(|rule| rule.on_find == OnFind::Drop) {
        for (record, kinds) in &redacted {
            verdict.fates[*record] = Fate::Gone;
            explain(&mut decisions, &found(&forest, *record, kinds))?;
        }
    }
    for decision in &verdict.decisions {
        explain(&mut decisions, decision)?;
    }
    counts.extend(&verdict.left);
    let shaped = shape::shape(&forest, &verdict, recipe)?;
    for decision in &shaped.skipped {
        explain(&mut decisions, decision)?;
    }
    counts.push(("examples", shaped.examples.len()));

    let layout = Layout::of(plan.format, &shaped.examples);
    let mut examples = Vec::with_capacity(shaped.examples.len());
    for example in shaped.examples {
        match formats::lines(layout, &example, "", 0) {
            Ok(_) => examples.push(example),
            Err(rule) => explain(&mut decisions, &refused(&forest, &example, rule))?,
        }
    }
    counts.push(("format", examples.len()));
    if let Some(rule) = &plan.mix {
        let taken = split::mix(&forest, &examples, rule);
        let mut places = taken.iter().copied().peekable();
        let mut kept = Vec::with_capacity(taken.len());
        for (place, example) in examples.into_iter().enumerate() {
            if places.next_if_eq(&place).is_some() {
                kept.push(example);
            } else {
                explain(&mut decisions, &left_out(&forest, &example))?;
            }
        }
        examples = kept;
        counts.push(("mix", examples.len()));
    }
    let mut files = vec![decisions.finish()?];
    if rule.is_some() {
        counts.push(("redacted", redacted.len()));
        let mut file = LineFile::create(output, &format!("{}.redactions.jsonl", plan.name))?;
        for (record, kinds) in &redacted {
            let line = Json::object([
                ("record", Json::from(&forest.records[*record].id)),
                (
                    "kinds",
                    kinds.iter().map(|kind| Json::from(kind.word())).collect(),
                ),
            ]);
            file.write(|out| write_line(out, &line))?;
        }
        files.push(file.finish()?);
    }

    let sides = match &plan.split {
        Some(rule) => Some(split::split(&forest, &verdict, recipe, &examples, rule)?),
        None => None,
    };
    let written = write_sides(
        &forest,
        &examples,
        sides.as_ref(),
        plan,
        layout,
        output,
        &mut files,
    )?;
    let mut manifest = Manifest::new(plan, &counts, written, sides.as_ref(), &examples);
    let card_name = format!("{}.README.md", plan.name);
    let card = card::write(&manifest, plan);
    put(output, &card_name, card.as_bytes())?;
    files.push(FileDigest::of(&card_name, card.as_bytes()));
    manifest.set_files(&files);
    put(
        output,
        &format!("{}.manifest.json", plan.name),
        &manifest.bytes(),
    )?;
    Ok(manifest)
}

fn explain(file: &mut LineFile<'_>, decision: &Decision) -> Result<()> {
    file.write(|out| write_line(out, decision))
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

fn write_sides(
    forest: &Forest,
    examples: &[Example],
    sides: Option<&Sides>,
    plan: &Plan,
    layout: Layout,
    output: &mut dyn Output,
    files: &mut Vec<FileDigest>,
) -> Result<Vec<Side>> {
    let one = [(String::new(), 1.0)];
    let names = plan.split.as_ref().map_or(&one[..], |rule| &rule.sides);
    let mut written = Vec::new();
    for (number, (name, share)) in names.iter().enumerate() {
        let dot = if name.is_empty() { "" } else { "." };
        let stem = format!("{}{dot}{name}", plan.name);
        let on_side = |place: &usize| sides.is_none_or(|sides| sides.of[*place] == number);
        let mut order: Vec<usize> = (0..examples.len()).filter(on_side).collect();
        if let Some(seed) = plan.shuffle {
            order.sort_by(|a, b| {
                fraction(seed, &examples[*a].id).total_cmp(&fraction(seed, &examples[*b].id))
            });
        }
        let mut provenance = Vec::with_capacity(order.len());
        let mut lines = LineFile::create(output, &format!("{stem}.jsonl"))?;
        for place in &order {
            let example = &examples[*place];
            let first = lines.lines();
            // The rules were tried on every example before.
            for line in formats::lines(layout, example, name, first as usize).unwrap_or_default() {
                lines.write(|out| write_line(out, &line))?;
                provenance.push(place_of(forest, example));
            }
        }
        let n_lines = lines.lines();
        files.push(lines.finish()?);
        let mut side_file = LineFile::create(output, &format!("{stem}.provenance.jsonl"))?;
        for line in &provenance {
            side_file.write(|out| write_line(out, line))?;
        }
        files.push(side_file.finish()?);
        written.push(Side {
            name: name.clone(),
            share: *share,
            examples: order.len() as u64,
            lines: n_lines,
        });
    }
    Ok(written)
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
