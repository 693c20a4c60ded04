//! Rollout rows as records, so that trajectories go the same way as conversations.

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object};
use forgemark_contract::shape::Field as _;
use forgemark_contract::store::{ContextRecord, RolloutRecord};

/// Roles that are part of what was said; others (`grade`, `artifact`) are about it.
const SAID: [&str; 4] = ["system", "user", "assistant", "tool"];

/// The records of trajectories, in the order of problem, trajectory and position. Rows that are excluded from training
/// take their whole trajectory with them: what is left would be another one.
///
/// A trajectory becomes a session, and its problem the metadata's `group_id`, so that grouping by `metadata.group_id` joins
/// the trajectories of a problem. The reward of a trajectory, the last one that any of its rows has, stands with its last answer.
pub fn records(rows: impl IntoIterator<Item = RolloutRecord>) -> Vec<ContextRecord> {
    let mut trajectories: BTreeMap<(String, String), Vec<RolloutRecord>> = BTreeMap::new();
    for row in rows {
        let key = (row.problem_id.clone(), row.rollout_id.clone());
        trajectories.entry(key).or_default().push(row);
    }
    let mut records = Vec::new();
    for mut rows in trajectories.into_values() {
        if rows
            .iter()
            .any(|row| row.include_in_training == Some(false))
        {
            continue;
        }
        rows.sort_by(|a, b| (a.sequence_order, &a.id).cmp(&(b.sequence_order, &b.id)));
        let reward = rows.iter().rev().find_map(|row| row.reward);
        let grader = rows.iter().rev().find_map(|row| row.grader_id.clone());
        let last = rows
            .iter()
            .rposition(|row| row.role.eq_ignore_ascii_case("assistant"));
        for (place, row) in rows.into_iter().enumerate() {
            if SAID.iter().any(|role| role.eq_ignore_ascii_case(&row.role)) {
                let rewarded = reward.filter(|_| Some(place) == last);
                records.push(record(row, rewarded, grader.as_deref()));
            }
        }
    }
    records
}

fn record(row: RolloutRecord, reward: Option<f32>, grader: Option<&str>) -> ContextRecord {
    let mut metadata = match &row.metadata {
        Some(Json::Object(metadata)) => metadata.clone(),
        _ => Object::new(),
    };
    metadata.insert("group_id", &row.problem_id);
    if let Some(reward) = reward {
        metadata.insert("reward", reward.to_field());
        if let Some(grader) = grader {
            metadata.insert("reward_source", grader);
        }
    }
    if let Some(policy) = &row.policy_version {
        metadata.insert("policy_version", policy);
    }
    let text = row.content.unwrap_or_default();
    ContextRecord {
        run_id: row.rollout_id.clone(),
        session_id: Some(row.rollout_id),
        source: row.dataset,
        content_type: row.content_type,
        metadata: Some(Json::Object(metadata)),
        seq: Some(row.sequence_order),
        ..ContextRecord::text(row.id, row.role, text, row.created_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{self, Format, validate};
    use crate::recipe::{Recipe, Task};
    use crate::select::Path;
    use crate::testing::{neutral, plan, recipe, texts, try_cut};
    use forgemark_contract::time::Timestamp;

    fn row(rollout: &str, place: i64, role: &str, content: &str) -> RolloutRecord {
        RolloutRecord {
            id: format!("{rollout}-{place}"),
            rollout_id: rollout.to_owned(),
            problem_id: "p".to_owned(),
            sequence_order: place,
            role: role.to_owned(),
            created_at: Timestamp::from_epoch_seconds(place),
            content: Some(content.to_owned()),
            content_type: "text/plain".to_owned(),
            ..RolloutRecord::default()
        }
    }

    fn trajectory(rollout: &str, answer: &str, reward: f32) -> Vec<RolloutRecord> {
        let mut grade = row(rollout, 4, "grade", "well done");
        grade.reward = Some(reward);
        grade.grader_id = Some("unit-tests".to_owned());
        vec![
            grade,
            row(rollout, 0, "user", "solve x"),
            row(rollout, 1, "assistant", "let me run it"),
            row(rollout, 2, "tool", "42"),
            row(rollout, 3, "assistant", answer),
        ]
    }

    #[test]
    fn d26_trajectories_of_a_problem_are_one_example() {
        let mut rows = trajectory("r1", "it is 42", 1.0);
        rows.extend(trajectory("r2", "it is 41", 0.1));
        let mut excluded = trajectory("r3", "?", 0.0);
        excluded[2].include_in_training = Some(false);
        rows.extend(excluded);
        let by_problem = Recipe {
            group_by: vec![Path::metadata(["group_id"])],
            ..recipe(Task::Rollout {
                drop_zero_variance: true,
            })
        };
        let lines = neutral(records(rows), by_problem);
        assert_eq!(lines.len(), 1);
        assert_eq!(texts(lines[0].at("prompt")), ["solve x"]);
        assert_eq!(lines[0].str_or("group_id", ""), "p");
        let responses = lines[0].items("responses");
        assert_eq!(
            texts(responses[0].at("messages")),
            ["let me run it", "42", "it is 42"]
        );
        let rewards: Vec<Option<f64>> = responses
            .iter()
            .map(|response| response.at("reward").as_f64())
            .collect();
        assert_eq!(rewards, [Some(1.0), Some(0.1)]);
        assert_eq!(responses[1].str_or("reward_source", ""), "unit-tests");
    }

    #[test]
    fn d26_policies_are_trained_on_the_problems_of_trajectories() {
        let mut rows = trajectory("r1", "it is 42", 1.0);
        rows.extend(trajectory("r2", "it is 41", 0.1));
        let records = records(rows);
        for format in [Format::Verl, Format::Trl, Format::OpenRlhf] {
            let by_problem = Recipe {
                group_by: vec![Path::metadata(["group_id"])],
                ..recipe(Task::Rollout {
                    drop_zero_variance: true,
                })
            };
            let written = try_cut(records.clone(), &plan(by_problem, format)).unwrap();
            let lines = written.lines("cut.jsonl");
            assert_eq!(lines.len(), 1, "{}", format.word());
            let asked = ["prompt", "input"].into_iter();
            let asked: Vec<&str> = asked
                .filter_map(|key| lines[0].get(key))
                .flat_map(texts)
                .collect();
            assert_eq!(asked, ["solve x"], "{}", format.word());
            let found = validate(format, formats::Task::Rollout, lines.into_iter().map(Ok));
            assert_eq!(found, [], "{}", format.word());
        }
    }
}
