//! What `adjudications.jsonl` says, and what it does to the records that it is about.

use super::{Arena, Found, answer_place, claim_place, question_key};
use crate::arena::{Adjudication, AnswerKey, ClaimKey, slug};
use crate::ingest::unit::Draft;
use crate::json::{Json, parse};
use crate::shape::ShapeError;

impl Arena {
    pub(super) fn adjudications(&mut self, bytes: &[u8], found: &mut Found) {
        for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(error) = self.adjudication(line) {
                found.problem(Some(place as u64 + 1), error);
            }
        }
    }

    fn adjudication(&mut self, line: &[u8]) -> Result<(), ShapeError> {
        let value = parse(line).map_err(|error| {
            ShapeError::here(format!("no JSON: column {}: {}", error.column, error.what))
        })?;
        let row = Adjudication::from_json(&value)?;
        let policy = self.policy.get_or_insert_with(|| row.policy_digest.clone());
        if *policy != row.policy_digest {
            let what = "the lines before are of another policy; a file holds one";
            return Err(ShapeError::here(what).under_key("policy_digest"));
        }
        let missing = |key: &str| ShapeError::here("it is missing").under_key(key);
        let question = question_key(
            Some(&row.run_id),
            &row.question_model,
            Some(row.outer_attempt),
        )?;
        let answer = row.answer_model.as_ref().map(|answerer| AnswerKey {
            question: question.clone(),
            answerer: slug(answerer),
        });
        let (key, outcomes): (String, &[&str]) = match row.subject.as_str() {
            "question" => (question.to_string(), &["valid", "invalid"]),
            "answer" => {
                let answer = answer.ok_or_else(|| missing("answer_model"))?;
                (answer_place(&answer), &["right", "wrong", "dropped"])
            }
            "claim" => {
                let critique = match (&row.mode, &row.critic_model) {
                    (None, _) => None,
                    (Some(mode), Some(critic)) => Some((mode.clone(), slug(critic))),
                    (Some(_), None) => return Err(missing("critic_model")),
                };
                let answer = answer.ok_or_else(|| missing("answer_model"))?;
                let outcomes = &["claimant", "defender", "dropped", "unresolved"];
                (claim_place(&ClaimKey { answer, critique }), outcomes)
            }
            other => {
                let what = format!("expected claim, answer or question, found {other}");
                return Err(ShapeError::here(what).under_key("subject"));
            }
        };
        if !outcomes.contains(&row.outcome.as_str()) {
            let words = outcomes.join(", ");
            let what = format!("expected one of {words}, found {}", row.outcome);
            return Err(ShapeError::here(what).under_key("outcome"));
        }
        if self.adjudications.contains_key(&key) {
            let what = format!("{key} was adjudicated by an earlier line, which counts");
            return Err(ShapeError::here(what));
        }
        self.adjudications.insert(key, row);
        Ok(())
    }

    /// Writes what was adjudicated about `place` into a draft; whether it says who is right.
    pub(super) fn decide(&self, place: &str, draft: &mut Draft) -> bool {
        let Some(row) = self.adjudications.get(place) else {
            return false;
        };
        let verdict = match row.outcome.as_str() {
            "right" | "claimant" => Some(("chosen", 1.0)),
            "wrong" | "defender" => Some(("rejected", 0.0)),
            _ => None,
        };
        if let Some((label, reward)) = verdict {
            draft.metadata.insert("label", label);
            draft
                .metadata
                .insert("reward", row.reward.unwrap_or(reward));
            let source = format!("adjudication:{}@{}", row.policy, row.policy_digest);
            draft.metadata.insert("reward_source", source);
        }
        let decided = Json::object([
            ("outcome", Json::from(&row.outcome)),
            ("reason", Json::from(&row.reason)),
            ("by", row.decided_by.clone().unwrap_or_default().into()),
            ("claims", row.claims.clone().unwrap_or_default().into()),
            ("policy", Json::from(&row.policy)),
            ("policy_digest", Json::from(&row.policy_digest)),
        ]);
        draft.metadata.insert("adjudication", decided);
        verdict.is_some()
    }
}
