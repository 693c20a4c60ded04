//! The lines of the three tasks.

use forgemark_contract::json::{Style, WriteJson, Writer};
use forgemark_contract::store::ContextRecord;
use forgemark_contract::time::Timestamp;

use super::Snapshot;
use super::config::{Config, Form, Task};
use super::group::Group;
use crate::error::{CurateError, Result};
use crate::output::LineFile;

/// Writes the lines of all groups and says how many they are.
pub(super) fn write(
    groups: &[Group],
    config: &Config,
    snapshot: &Snapshot,
    file: &mut LineFile<'_>,
) -> Result<usize> {
    let mut lines = 0;
    for group in groups {
        let records = &group.records;
        let provenance = Provenance { records, snapshot };
        let mut emit = |line: &dyn Fn(&mut Writer<'_>)| {
            lines += 1;
            file.write(|out| {
                let mut w = Writer::new(out, Style::RUST_LINE);
                w.begin_object();
                line(&mut w);
                w.field("provenance", &provenance);
                w.end_object();
                out.push(b'\n');
            })
        };
        let candidates: Vec<&ContextRecord> = records
            .iter()
            .filter(|record| record.is_assistant())
            .collect();
        // Everything that is no answer is the prompt, also what was said after an answer.
        let prompt = |w: &mut Writer<'_>| {
            w.key("prompt");
            w.begin_array();
            for record in records.iter().filter(|record| !record.is_assistant()) {
                w.value(&Message(record));
            }
            w.end_array();
        };
        match config.task {
            Task::Sft => {
                let best = records
                    .iter()
                    .filter_map(ContextRecord::reward)
                    .reduce(f64::max);
                emit(&|w| {
                    let messages: Vec<Message<'_>> = records.iter().map(Message).collect();
                    w.field("messages", &messages);
                    optional(w, "reward", best.as_ref());
                })?;
            }
            _ if candidates.is_empty() => {}
            Task::Preference => match config.form {
                Form::Paired => {
                    if let Some((best, worst)) = best_and_worst(&candidates) {
                        emit(&|w| {
                            w.field("form", "paired");
                            prompt(w);
                            w.field("chosen", &[Message(best)][..]);
                            w.field("rejected", &[Message(worst)][..]);
                        })?;
                    }
                }
                Form::Unpaired => {
                    for candidate in &candidates {
                        let Some(label) = label(candidate, config.min_reward) else {
                            continue;
                        };
                        emit(&|w| {
                            w.field("form", "unpaired");
                            prompt(w);
                            w.field("completion", &[Message(candidate)][..]);
                            w.field("label", &label);
                        })?;
                    }
                }
                Form::Ranked => {
                    let ranked = ranked(&candidates, &group.key)?;
                    emit(&|w| {
                        w.field("form", "ranked");
                        prompt(w);
                        w.key("candidates");
                        w.begin_array();
                        for (record, rank) in &ranked {
                            w.begin_object();
                            w.field("messages", &[Message(record)][..]);
                            w.field("rank", rank);
                            optional(w, "reward", record.reward().as_ref());
                            w.end_object();
                        }
                        w.end_array();
                    })?;
                }
            },
            Task::Rollout => {
                let group_id = candidates
                    .iter()
                    .find_map(|record| record.metadata_field("group_id")?.as_str());
                emit(&|w| {
                    prompt(w);
                    w.key("responses");
                    w.begin_array();
                    for record in &candidates {
                        w.begin_object();
                        w.field("messages", &[Message(record)][..]);
                        optional(w, "reward", record.reward().as_ref());
                        optional(w, "reward_source", reward_source(record));
                        w.end_object();
                    }
                    w.end_array();
                    optional(w, "group_id", group_id);
                })?;
            }
        }
    }
    Ok(lines)
}

/// The source of a reward, where it is a text.
pub(super) fn reward_source(record: &ContextRecord) -> Option<&str> {
    record.metadata_field("reward_source")?.as_str()
}

/// What orders candidates: a label beats every reward, and none at all counts as 0.
fn score(record: &ContextRecord) -> f64 {
    match word(record) {
        Some("chosen") => f64::INFINITY,
        Some("rejected") => f64::NEG_INFINITY,
        _ => record.reward().unwrap_or(0.0),
    }
}

fn word(record: &ContextRecord) -> Option<&str> {
    record.metadata_field("label")?.as_str()
}

/// The first of the best and the first of the worst candidates; `None` when no score separates them.
fn best_and_worst<'r>(
    candidates: &[&'r ContextRecord],
) -> Option<(&'r ContextRecord, &'r ContextRecord)> {
    let (first, rest) = candidates.split_first()?;
    let (mut best, mut worst) = (*first, *first);
    for candidate in rest {
        if score(candidate) > score(best) {
            best = candidate;
        }
        if score(candidate) < score(worst) {
            worst = candidate;
        }
    }
    (best.id != worst.id).then_some((best, worst))
}

fn label(record: &ContextRecord, min_reward: Option<f64>) -> Option<bool> {
    match word(record) {
        Some("chosen") => Some(true),
        Some("rejected") => Some(false),
        _ => Some(record.reward()? >= min_reward?),
    }
}

/// Candidates with their ranks: by explicit rank where all have one, else by score from the top, in both cases stable.
fn ranked<'r>(
    candidates: &[&'r ContextRecord],
    group: &str,
) -> Result<Vec<(&'r ContextRecord, i64)>> {
    let rank = |record: &ContextRecord| {
        record
            .metadata_field("rank")
            .and_then(forgemark_contract::json::Json::as_i64)
    };
    let unranked = candidates.iter().find(|record| rank(record).is_none());
    let mut ordered = candidates.to_vec();
    match unranked {
        None => ordered.sort_by_key(|record| rank(record)),
        Some(record) if candidates.iter().any(|other| rank(other).is_some()) => {
            return Err(CurateError::PartialRanks {
                group: group.to_owned(),
                record: record.id.clone(),
            });
        }
        Some(_) => ordered.sort_by(|a, b| score(b).total_cmp(&score(a))),
    }
    let places = ordered.into_iter().zip(1..);
    Ok(places
        .map(|(record, place)| (record, rank(record).unwrap_or(place)))
        .collect())
}

/// Writes an entry where there is something to write.
pub(super) fn optional(w: &mut Writer<'_>, key: &str, value: Option<&(impl WriteJson + ?Sized)>) {
    if let Some(value) = value {
        w.field(key, value);
    }
}

struct Message<'r>(&'r ContextRecord);

impl WriteJson for Message<'_> {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        w.field("role", &self.0.role);
        w.field(
            "content",
            self.0.text_payload.as_deref().unwrap_or_default(),
        );
        w.end_object();
    }
}

/// Where a line came from; the scope is that of the group's first record.
struct Provenance<'r> {
    records: &'r [ContextRecord],
    snapshot: &'r Snapshot,
}

impl WriteJson for Provenance<'_> {
    fn write_json(&self, w: &mut Writer<'_>) {
        let external: Vec<&String> = self
            .records
            .iter()
            .filter_map(|record| record.external_id.as_ref())
            .collect();
        let ids: Vec<&String> = self.records.iter().map(|record| &record.id).collect();
        w.begin_object();
        w.field("context_uri", &self.snapshot.uri);
        w.field("version", &self.snapshot.version);
        w.field("record_ids", &ids);
        if !external.is_empty() {
            w.field("external_ids", &external);
        }
        if let Some(first) = self.records.first() {
            optional(w, "tenant", first.tenant.as_ref());
            optional(w, "source", first.source.as_ref());
            optional(w, "bot_id", first.bot_id.as_ref());
            optional(w, "session_id", first.session_id.as_ref());
            w.field("run_id", &first.run_id);
        }
        if let Some((start, end)) = bounds(self.records.iter()) {
            w.field("created_at_start", &rust_time(start));
            w.field("created_at_end", &rust_time(end));
        }
        w.end_object();
    }
}

/// The first and the last instant.
pub(super) fn bounds<'r>(
    records: impl Iterator<Item = &'r ContextRecord>,
) -> Option<(Timestamp, Timestamp)> {
    let instants = records.map(|record| (record.created_at, record.created_at));
    instants.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// An instant as chrono's serde writes it: the fraction in three or six digits, or none.
pub(super) fn rust_time(at: Timestamp) -> String {
    let mut text = at.ledger_style();
    if at.0.rem_euclid(1_000_000) != 0 && at.0.rem_euclid(1_000) == 0 {
        // `.123000Z` is `.123Z` there.
        text.truncate(text.len() - "000Z".len());
        text.push('Z');
    }
    text
}
