//! The statistics of one side: of its curated records, whether a line was made of them or not.

use std::collections::BTreeMap;

use forgemark_contract::json::{Style, Writer};
use forgemark_contract::store::ContextRecord;

use super::config::{Config, Form, Task};
use super::files::Counts;
use super::group::Group;
use super::lines::{optional, reward_source};
use crate::spread::Spread;

type Tally<'r> = BTreeMap<&'r str, u64>;

/// Where a record lacks a field.
const NONE: &str = "__none__";

/// Appends the whole file.
pub(super) fn write(groups: &[Group], counts: Counts, config: &Config, out: &mut Vec<u8>) {
    let records = || groups.iter().flat_map(|group| &group.records);
    let measured: Vec<(f64, bool)> = records().map(tokens).collect();
    let counted = measured.iter().any(|(_, counted)| *counted);
    let guessed = measured.iter().any(|(_, counted)| !*counted);
    let sizes = groups
        .iter()
        .map(|group| group.records.len() as f64)
        .collect();
    let rewards = records().filter_map(ContextRecord::reward).collect();
    let sources = tally(records().filter_map(reward_source));

    let mut w = Writer::new(out, Style::RUST_FILE);
    w.begin_object();
    w.field("task", config.task.word());
    w.field("examples", &(counts.examples as u64));
    w.field("num_groups", &(groups.len() as u64));
    write_tally(
        &mut w,
        "by_role",
        &tally(records().map(|record| record.role.as_str())),
    );
    let sources_of = records().map(|record| record.source.as_deref().unwrap_or(NONE));
    write_tally(&mut w, "by_source", &tally(sources_of));
    let tenants = records().map(|record| record.tenant.as_deref().unwrap_or(NONE));
    write_tally(&mut w, "by_tenant", &tally(tenants));
    w.field("records_per_group", &Spread::of(sizes).unwrap_or_default());
    if let Some(spread) = Spread::of(measured.iter().map(|(value, _)| *value).collect()) {
        w.key("tokens");
        w.begin_object();
        spread.write_entries(&mut w);
        let source = match (counted, guessed) {
            (true, true) => "mixed",
            (true, false) => "tokens_used",
            _ => "length_proxy",
        };
        w.field("source", source);
        w.end_object();
    }
    w.key("excluded");
    w.begin_object();
    for (key, before, after) in [
        ("lifecycle", counts.input_records, counts.after_lifecycle),
        (
            "reward_threshold",
            counts.after_lifecycle,
            counts.after_reward_filter,
        ),
        ("dedup", counts.after_reward_filter, counts.after_dedup),
        (
            "decontaminate",
            counts.after_dedup,
            counts.after_decontaminate,
        ),
    ] {
        w.field(key, &(before.saturating_sub(after) as u64));
    }
    w.end_object();
    let form = (config.task == Task::Preference).then_some(config.form);
    optional(&mut w, "preference_form", form.map(Form::word));
    optional(&mut w, "reward", Spread::of(rewards).as_ref());
    if !sources.is_empty() {
        write_tally(&mut w, "reward_sources", &sources);
    }
    w.end_object();
}

/// The tokens of a record, and whether they were counted: where they were not, its words stand for them.
fn tokens(record: &ContextRecord) -> (f64, bool) {
    let used = record
        .state_metadata
        .as_ref()
        .and_then(|state| state.tokens_used);
    if let Some(tokens) = used.filter(|tokens| *tokens >= 0) {
        return (tokens as f64, true);
    }
    let text = record.text_payload.as_deref().unwrap_or_default();
    (text.split_whitespace().count() as f64, false)
}

fn tally<'r>(words: impl Iterator<Item = &'r str>) -> Tally<'r> {
    let mut tally = Tally::new();
    for word in words {
        *tally.entry(word).or_default() += 1;
    }
    tally
}

fn write_tally(w: &mut Writer<'_>, key: &str, tally: &Tally<'_>) {
    w.key(key);
    w.begin_object();
    for (word, count) in tally {
        w.field(word, count);
    }
    w.end_object();
}
