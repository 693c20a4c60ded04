//! One row of `synthetic_qa.jsonl` against itself.

use std::collections::HashMap;

use forgemark_contract::dialogue::derive::{is_judgement, mean_score};
use forgemark_contract::dialogue::{DROP_REASONS, DatasetRow, RawResult};
use forgemark_contract::json::{self, Json};
use forgemark_contract::shape::ShapeFinding;

use super::expect::Expect;
use super::grounding::{check_turn, judge_score};
use super::report::{At, Collector, Kind};
use super::side;
use crate::render::round4;

/// Support scores of turns are added up in thousandths.
const SUPPORT_ROUNDING: f64 = 1.01e-3;

/// Checks a row: what follows from its turns, what it says of itself, what its turns rest on.
pub(super) fn check(
    at: At<'_>,
    expect: &Expect<'_>,
    value: &Json,
    bytes: &[u8],
    shapes: &[ShapeFinding],
    to: &mut Collector,
) {
    let row = expect.row;
    let expected = expect.dataset();
    if expected != bytes
        && let Ok(expected) = json::parse(&expected)
    {
        side::report(at, &expected, value, shapes, &[], &|_| at.line, to);
    }
    for (place, turn) in row.turns.iter().enumerate() {
        if turn.turn_index != place as i64 + 1 {
            let what = format!("is {}, expected {}", turn.turn_index, place + 1);
            to.add(at, Kind::Order, &format!("turns[{place}].turn_index"), what);
        }
        check_turn(at, place, row, to);
    }
    judge_score(at, "conversation_judge", &row.conversation_judge, to);
    if let Some(ours) = &row.forgemark {
        let mut look = Look { at, row, to };
        look.judged(ours);
        if expect.is_ours() {
            look.summary(ours, expect);
            look.inputs(ours);
            look.identity(ours);
            look.raw_results();
        }
    }
}

/// What our own object and inputs say of a row.
struct Look<'a, 'c> {
    at: At<'a>,
    row: &'a DatasetRow,
    to: &'c mut Collector,
}

impl Look<'_, '_> {
    fn expect(&mut self, path: &str, found: &Json, expected: &Json) {
        for one in super::diff::diff(expected, found) {
            let path = if one.path.is_empty() {
                path.to_owned()
            } else {
                format!("{path}.{}", one.path)
            };
            self.to.add(self.at, Kind::Derived, &path, one.what);
        }
    }

    fn summary(&mut self, ours: &Json, expect: &Expect<'_>) {
        let row = self.row;
        let (status, reason) = (ours.str_or("status", ""), ours.str_or("drop_reason", "?"));
        let known = match status {
            "completed" => reason.is_empty(),
            "dropped" => !reason.is_empty() && DROP_REASONS.contains(&reason),
            _ => false,
        };
        if !known {
            let what =
                format!("is {status:?} with the drop reason {reason:?}, which do not go together");
            self.to
                .add(self.at, Kind::Derived, "forgemark.status", what);
        }
        let turns = Json::from(row.turns.len());
        self.expect("forgemark.turns", ours.at("turns"), &turns);
        if status == "completed" && expect.target().is_some_and(|n| n != row.turns.len() as i64) {
            let what = format!(
                "is completed with {} turns of {}",
                row.turns.len(),
                expect.target().unwrap_or_default()
            );
            self.to
                .add(self.at, Kind::Derived, "forgemark.status", what);
        }
        self.support(ours);
    }

    /// The score of the row, and whether its judging is what its inputs say.
    fn judged(&mut self, ours: &Json) {
        let row = self.row;
        let judged = match row.conversation_judge.at("score").as_f64() {
            Some(score) => Some(score),
            None => mean_score(row.turns.iter().map(|turn| turn.qa_judge.at("score"))),
        };
        let judged = Json::from(judged.map(round4));
        self.expect("forgemark.judge_score", ours.at("judge_score"), &judged);
        let per_conversation = row.inputs.bool_or("judge_enabled", false)
            && row.inputs.str_or("judge_granularity", "") == "conversation";
        let status = ours.str_or("status", "");
        let (has, failed) = (
            is_judgement(&row.conversation_judge),
            ours.get("judge_error").is_some(),
        );
        // A dropped conversation may have ended before its judge was asked.
        let missing = per_conversation && status == "completed" && !has && !failed;
        if (has && failed) || missing || (!per_conversation && (has || failed)) {
            let what = "judgement and judge_error do not go with the judging that inputs name";
            self.to
                .add(self.at, Kind::Judge, "conversation_judge", what);
        }
    }

    fn support(&mut self, ours: &Json) {
        let scores: Vec<f64> = self
            .row
            .turns
            .iter()
            .filter_map(|turn| turn.forgemark.as_ref()?.at("support").at("score").as_f64())
            .collect();
        let mean = forgemark_stats::mean(&scores);
        let found = ours.at("support").as_f64();
        let fits = match (mean, found) {
            (Some(mean), Some(found)) => (mean - found).abs() <= SUPPORT_ROUNDING,
            (None, None) => ours.at("support").is_null(),
            _ => false,
        };
        if !fits {
            let what = format!(
                "is {}, the mean of the turns is {}",
                super::diff::shown(ours.at("support")),
                mean.map_or("null".to_owned(), |mean| format!("{mean:.4}"))
            );
            self.to
                .add(self.at, Kind::Support, "forgemark.support", what);
        }
    }

    /// `inputs` repeats some of what the row says.
    fn inputs(&mut self, ours: &Json) {
        let row = self.row;
        let inputs = &row.inputs;
        for (key, expected) in [
            ("conversation_status", ours.at("status")),
            ("drop_reason", ours.at("drop_reason")),
            ("conversation_judge", &*row.conversation_judge),
        ] {
            if let Some(found) = inputs.get(key) {
                self.expect(&format!("inputs.{key}"), found, expected);
            }
        }
        let question = Json::from(row.question.as_str());
        self.expect("inputs.question", inputs.at("question"), &question);
    }

    /// The id says which wave and slot it is, and both follow from the ordinal.
    fn identity(&mut self, ours: &Json) {
        let row = self.row;
        let batch = row.inputs.i64_or("batch_size", 1).max(1);
        let Some(ordinal) = ours.at("ordinal").as_i64().filter(|ordinal| *ordinal >= 0) else {
            self.to
                .add(self.at, Kind::Order, "forgemark.ordinal", "is no ordinal");
            return;
        };
        let (wave, slot) = (ordinal / batch, ordinal % batch);
        let end = format!("-w{wave:04}-s{slot:04}");
        let run = ours.str_or("run_id", "");
        // One that the original began has kept its id.
        let begun = ours.get("taken_over").is_some();
        let begins = row
            .conversation_id
            .strip_suffix(&end)
            .is_some_and(|rest| !run.is_empty() && rest.starts_with(run));
        if !begins && !begun {
            let what = format!(
                "is conversation {ordinal} of run {run}, whose id begins with {run} and ends with {end}"
            );
            self.to.add(self.at, Kind::Order, "forgemark.ordinal", what);
        }
        if row.inputs.get("batch_size").is_some() {
            let slot = Json::from(slot);
            self.expect(
                "inputs.conversation_index",
                row.inputs.at("conversation_index"),
                &slot,
            );
            let id = Json::from(row.conversation_id.as_str());
            self.expect("inputs.run_id", row.inputs.at("run_id"), &id);
        }
    }

    /// The raw results hold what was read from the replies, once a turn and once for a judge of the whole.
    fn raw_results(&mut self) {
        let row = self.row;
        let mut of_turn: HashMap<i64, usize> = HashMap::new();
        for (place, raw) in row.raw_results.iter().enumerate() {
            match &**raw {
                RawResult::Turn(raw) => {
                    of_turn.insert(raw.turn_index, place);
                }
                RawResult::Conversation(raw) => self.expect(
                    &format!("raw_results[{place}].conversation_judge"),
                    &raw.conversation_judge,
                    &row.conversation_judge,
                ),
            }
        }
        for turn in &row.turns {
            let found = of_turn.get(&turn.turn_index).copied();
            let Some((at, RawResult::Turn(raw))) =
                found.and_then(|at| Some((at, &**row.raw_results.get(at)?)))
            else {
                let what = format!("has nothing for turn {}", turn.turn_index);
                self.to.add(self.at, Kind::Missing, "raw_results", what);
                continue;
            };
            for (key, found, expected) in [
                ("qa_output", &raw.qa_output, &turn.qa_generation),
                ("kb_output", &raw.kb_output, &turn.kb_answer),
                ("qa_judge", &raw.qa_judge, &turn.qa_judge),
            ] {
                self.expect(&format!("raw_results[{at}].{key}"), found, expected);
            }
        }
    }
}
