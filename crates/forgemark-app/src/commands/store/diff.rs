//! `forgemark store diff STORE BEFORE [AFTER]`

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use forgemark_contract::json::{Json, to_compact};
use forgemark_contract::store::{At, ContextRecord, Parts, RowNumber, Scan, Snapshot};

use super::{open, texts};
use crate::Context;
use crate::cli::store::StoreDiffArgs;
use crate::error::AppError;
use crate::escape;
use crate::exit::Exit;
use crate::human;

/// What a record was in the earlier version.
struct Before {
    row: RowNumber,
    hash: u64,
}

/// Says what became of the records of a store between two versions. Memory grows with the number of records, not with what
/// they hold.
///
/// # Errors
/// A store or version that is not there.
pub(super) fn run(args: &StoreDiffArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let store = open(&args.store.store, context)?;
    let before = store.snapshot(&at(&args.before))?;
    let after = store.snapshot(&args.after.as_deref().map_or(At::Latest, at))?;
    let mut said = Said {
        context,
        args,
        shown: 0,
        counts: [0; 3],
    };
    let mut old: HashMap<String, Before> = HashMap::new();
    for row in before.scan(&Scan::everything())? {
        let (row, record) = row?;
        let hash = hash(&record);
        old.insert(record.id, Before { row, hash });
    }
    for row in after.scan(&Scan::everything())? {
        let (_, record) = row?;
        match old.remove(&record.id) {
            None => said.say(Change::Added, &record, &[])?,
            Some(Before { hash: was, .. }) if was == hash(&record) => {}
            Some(Before { row, .. }) => {
                let fields = match one(&*before, row)? {
                    Some(earlier) => changed(&earlier, &record),
                    None => Vec::new(),
                };
                said.say(Change::Changed, &record, &fields)?;
            }
        }
    }
    let mut gone: Vec<RowNumber> = old.into_values().map(|before| before.row).collect();
    gone.sort();
    for rows in gone.chunks(1_000) {
        for record in before.take(rows, Parts::KEYS)? {
            said.say(Change::Removed, &record, &[])?;
        }
    }
    said.end(&*before, &*after)?;
    Ok(Exit::Done)
}

/// A number is a version, everything else a tag.
fn at(word: &str) -> At {
    match word.parse() {
        Ok(number) => At::Version(number),
        Err(_) if word == "latest" => At::Latest,
        Err(_) => At::Tag(word.to_owned()),
    }
}

fn one(snapshot: &dyn Snapshot, row: RowNumber) -> Result<Option<ContextRecord>, AppError> {
    Ok(snapshot.take(&[row], Parts::ALL)?.pop())
}

fn hash(record: &ContextRecord) -> u64 {
    let mut hasher = DefaultHasher::new();
    to_compact(record).hash(&mut hasher);
    hasher.finish()
}

/// The fields that differ; of the metadata, its keys.
fn changed(before: &ContextRecord, after: &ContextRecord) -> Vec<String> {
    fn differing(prefix: &str, before: &Json, after: &Json, fields: &mut Vec<String>) {
        let keys = |value: &Json| -> Vec<String> {
            let object = value.as_object();
            object.map_or(Vec::new(), |object| {
                object.keys().map(str::to_owned).collect()
            })
        };
        let mut all = keys(before);
        all.extend(keys(after));
        all.sort();
        all.dedup();
        for key in all {
            let (old, new) = (before.at(&key), after.at(&key));
            if old == new {
                continue;
            }
            if prefix.is_empty() && key == "metadata" {
                differing("metadata.", old, new, fields);
            } else {
                fields.push(format!("{prefix}{key}"));
            }
        }
    }
    let mut fields = Vec::new();
    differing("", &before.to_json(), &after.to_json(), &mut fields);
    fields
}

#[derive(Clone, Copy)]
enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        }
    }
}

struct Said<'a> {
    context: &'a Context<'a>,
    args: &'a StoreDiffArgs,
    shown: usize,
    counts: [u64; 3],
}

impl Said<'_> {
    fn say(
        &mut self,
        change: Change,
        record: &ContextRecord,
        fields: &[String],
    ) -> Result<(), AppError> {
        self.counts[change as usize] += 1;
        let printer = &self.context.printer;
        if self.args.store.json.json {
            printer.json_line(&Json::object([
                ("change", Json::from(change.word())),
                ("id", Json::from(&record.id)),
                ("external_id", record.external_id.clone().into()),
                ("fields", texts(fields)),
            ]))?;
        } else if self.shown < self.args.limit {
            self.shown += 1;
            let name = record.external_id.as_ref().unwrap_or(&record.id);
            let line = format!("{:7}  {name}  {}", change.word(), fields.join(", "));
            printer.result(escape::for_line(line.trim_end()))?;
        }
        Ok(())
    }

    fn end(&self, before: &dyn Snapshot, after: &dyn Snapshot) -> Result<(), AppError> {
        if self.args.store.json.json {
            return Ok(());
        }
        let all: u64 = self.counts.iter().sum();
        let hidden = all - self.shown as u64;
        if hidden > 0 {
            self.context.printer.note(format!(
                "{} more; `--limit N` shows more",
                human::count(hidden)
            ));
        }
        let [added, changed, removed] = self.counts.map(human::count);
        self.context.printer.result(format!(
            "version {} to {}: {added} added, {changed} changed, {removed} removed",
            before.version(),
            after.version()
        ))?;
        Ok(())
    }
}
