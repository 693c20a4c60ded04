//! What the rows of a bundle say about themselves, for its card.

use std::collections::BTreeMap;

use forgemark_contract::dialogue::bundle::{LEFTOVERS, OURS};
use forgemark_contract::json::Json;

/// Counts over rows that fit the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Rows.
    pub rows: u64,
    /// Rows by language label; empty where there is none.
    pub languages: BTreeMap<String, u64>,
    /// Messages by role and by the model that wrote them; empty where it is unknown.
    pub models: BTreeMap<(String, String), u64>,
    /// Rows with a score.
    pub judged: u64,
    /// Rows that were dropped and are here all the same (`saving.profile: compat`).
    pub dropped: u64,
    /// Values that fit no column.
    pub leftovers: u64,
}

impl Facts {
    /// Adds a row whose columns have their default names.
    pub(super) fn add(&mut self, row: &Json) {
        self.rows += 1;
        let metadata = row.at("metadata");
        let language = metadata.str_or("language", "").to_owned();
        *self.languages.entry(language).or_default() += 1;
        for message in row.items("messages") {
            let text = |key| message.str_or(key, "").to_owned();
            *self
                .models
                .entry((text("role"), text("agent")))
                .or_default() += 1;
        }
        let judge = row.at("judge");
        let has_score = |value: &Json| value.at("score").as_f64().is_some();
        let judged = judge.items("per_turn").iter().any(has_score)
            || has_score(judge.at("conversation"))
            || judge.at("avg_score").as_f64().is_some();
        self.judged += u64::from(judged);
        let ours = metadata.at(OURS);
        self.dropped += u64::from(ours.str_or("status", "") == "dropped");
        self.leftovers += ours.items(LEFTOVERS).len() as u64;
    }
}
