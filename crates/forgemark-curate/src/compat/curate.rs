//! The stages, each over single records.

use forgemark_contract::store::{ContextRecord, lifecycle};

use super::config::Config;
use super::files::Counts;
use crate::similar::vectors::{self, Scorer};

/// Drops what the stages drop and counts after each.
pub(super) fn curate(listed: Vec<ContextRecord>, config: &Config) -> (Vec<ContextRecord>, Counts) {
    let mut counts = Counts {
        input_records: listed.len(),
        ..Counts::default()
    };
    let mut records = listed;
    // Contradicted records are visible to a list, and stay out even when retired ones are included.
    records.retain(|record| record.lifecycle_status != lifecycle::CONTRADICTED);
    counts.after_lifecycle = records.len();
    if let Some(min) = config.min_reward {
        records.retain(|record| record.reward().is_none_or(|reward| reward >= min));
    }
    counts.after_reward_filter = records.len();
    if let Some(threshold) = config.dedup_threshold {
        let greedy = vectors::first_kept_wins(&embeddings(&records), &search(threshold));
        records = without(records, |place| greedy.keeper[place].is_some());
    }
    counts.after_dedup = records.len();
    if let Some(threshold) = config.decontaminate_threshold
        && !config.decontaminate_against.is_empty()
    {
        let held: Vec<Option<&[f32]>> = config
            .decontaminate_against
            .iter()
            .map(|vector| Some(vector.as_slice()))
            .collect();
        let matches = vectors::first_matches(&embeddings(&records), &held, &search(threshold));
        records = without(records, |place| matches[place].is_some());
    }
    counts.after_decontaminate = records.len();
    (records, counts)
}

fn search(threshold: f32) -> vectors::Search {
    vectors::Search {
        distance: f64::from(threshold),
        scorer: Scorer::SequentialF32,
        threads: vectors::default_threads(),
    }
}

fn embeddings(records: &[ContextRecord]) -> Vec<Option<&[f32]>> {
    records
        .iter()
        .map(|record| record.embedding.as_deref())
        .collect()
}

fn without(records: Vec<ContextRecord>, dropped: impl Fn(usize) -> bool) -> Vec<ContextRecord> {
    let kept = records
        .into_iter()
        .enumerate()
        .filter(|(place, _)| !dropped(*place));
    kept.map(|(_, record)| record).collect()
}
