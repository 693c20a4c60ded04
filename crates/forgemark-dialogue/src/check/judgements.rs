//! The sheet of single judgements against the rows that bear their aggregate.

use std::collections::{BTreeMap, HashMap};
use std::io;

use forgemark_contract::dialogue::DatasetRow;
use forgemark_contract::json::Json;
use forgemark_journal::ReadFile;
use std::sync::Arc;

use super::lines::{Lines, parse_line};
use super::report::{At, Collector, Kind};
use super::side::{hash, id_key};
use crate::config::Aggregate;
use crate::judge::{JUDGEMENTS, JudgementLine};

/// Aggregates are made of the same numbers in the same order.
const ROUNDING: f64 = 1e-9;
/// Stands for the conversation as a whole where a turn has its number.
const WHOLE: i64 = -1;

/// One judgement.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Judge, model and prompts.
    who: u64,
    repeat: u64,
    score: Option<f64>,
    line: u64,
}

/// All judgements, by conversation and turn. Memory is some fifty bytes a judgement.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    is_there: bool,
    /// Whether a line could not be read, so that one may be missed.
    is_damaged: bool,
    entries: HashMap<u64, BTreeMap<i64, Vec<Entry>>>,
    /// The first line of each conversation.
    ids: HashMap<u64, (String, u64)>,
}

fn who(judge: &str, model: &str, prompts: &str) -> u64 {
    hash(&[judge.as_bytes(), model.as_bytes(), prompts.as_bytes()])
}

impl Sheet {
    /// Reads the first `end` bytes of the file.
    pub(super) fn read(file: Arc<dyn ReadFile>, end: u64, to: &mut Collector) -> io::Result<Self> {
        let mut sheet = Sheet {
            is_there: true,
            ..Sheet::default()
        };
        let count = to.count(JUDGEMENTS);
        count.files += 1;
        count.bytes += end;
        let mut lines = Lines::new(file, end);
        while let Some(line) = lines.next()? {
            to.count(JUDGEMENTS).rows += 1;
            let number = line.number;
            let Some(value) = parse_line(JUDGEMENTS, line, to) else {
                sheet.is_damaged = true;
                continue;
            };
            let at = At::line(JUDGEMENTS, number);
            match JudgementLine::from_json(&value) {
                Err(what) => {
                    sheet.is_damaged = true;
                    to.add(at, Kind::Shape, "", what);
                }
                Ok(one) => sheet.take(at, number, one, to),
            }
        }
        Ok(sheet)
    }

    fn take(&mut self, at: At<'_>, line: u64, one: JudgementLine, to: &mut Collector) {
        let key = id_key(&one.conversation_id);
        let turn = one.turn_index.unwrap_or(WHOLE);
        let entry = Entry {
            who: who(&one.judge, &one.model, &one.prompts),
            repeat: one.repeat,
            score: one.score,
            line,
        };
        let of_turn = self
            .entries
            .entry(key)
            .or_default()
            .entry(turn)
            .or_default();
        let known = of_turn
            .iter()
            .find(|known| known.who == entry.who && known.repeat == entry.repeat);
        if let Some(known) = known {
            let what = format!("is the judgement of line {} once more", known.line);
            to.add(at.of(&one.conversation_id), Kind::Repeated, "", what);
        } else {
            of_turn.push(entry);
        }
        self.ids.entry(key).or_insert((one.conversation_id, line));
    }

    /// Compares the judgements of a conversation with what its row makes of them.
    pub(super) fn check(&mut self, at: At<'_>, row: &DatasetRow, to: &mut Collector) {
        let key = id_key(&row.conversation_id);
        self.ids.remove(&key);
        let entries = self.entries.remove(&key).unwrap_or_default();
        for (turn, found) in &entries {
            if *turn != WHOLE && !row.turns.iter().any(|one| one.turn_index == *turn) {
                let line = found.first().map_or(0, |entry| entry.line);
                let at = At::line(JUDGEMENTS, line).of(&row.conversation_id);
                to.add(
                    at,
                    Kind::Orphan,
                    "turn_index",
                    "the conversation has no such turn",
                );
            }
        }
        let Some(judging) = row.forgemark.as_ref().and_then(|ours| ours.get("judging")) else {
            return;
        };
        if let Some(about) = judging.get("turn") {
            for (place, turn) in row.turns.iter().enumerate() {
                let sidecar = turn
                    .forgemark
                    .as_ref()
                    .map_or(&Json::Null, |ours| ours.at("judge"));
                let found = entries.get(&turn.turn_index).map_or(&[][..], Vec::as_slice);
                let path = format!("turns[{place}].qa_judge");
                self.unit(at, &path, about, sidecar, &turn.qa_judge, found, to);
            }
        }
        if let Some(about) = judging.get("conversation") {
            let found = entries.get(&WHOLE).map_or(&[][..], Vec::as_slice);
            let judge = &row.conversation_judge;
            self.unit(at, "conversation_judge", about, about, judge, found, to);
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "two callers, each with its own parts"
    )]
    fn unit(
        &self,
        at: At<'_>,
        path: &str,
        about: &Json,
        sidecar: &Json,
        judge: &Json,
        found: &[Entry],
        to: &mut Collector,
    ) {
        let prompts = about.str_or("prompts", "");
        let judges: Vec<u64> = about
            .items("judges")
            .iter()
            .map(|one| who(one.str_or("name", ""), one.str_or("model", ""), prompts))
            .collect();
        let repeats = about.at("repeats").as_u64().unwrap_or_default();
        // In the order in which they were asked, as the aggregate was made.
        let asked: Vec<&Entry> = judges
            .iter()
            .flat_map(|who| found.iter().filter(move |one| one.who == *who))
            .filter(|one| one.repeat < repeats)
            .collect();
        let expected = sidecar.at("asked").as_u64();
        if expected != Some(asked.len() as u64) {
            if !self.is_damaged {
                let what = format!(
                    "rests on {} judgements, {JUDGEMENTS} {} {}",
                    super::diff::shown(sidecar.at("asked")),
                    if self.is_there {
                        "has"
                    } else {
                        "is not there and has"
                    },
                    asked.len()
                );
                to.add(at, Kind::Judge, path, what);
            }
            return;
        }
        let scores: Vec<f64> = asked.iter().filter_map(|one| one.score).collect();
        let readable = sidecar.at("readable").as_u64();
        let aggregate = match about.str_or("aggregate", "") {
            "median" => Aggregate::Median,
            _ => Aggregate::Mean,
        };
        let made = aggregate.of(&scores);
        let same = match (made, judge.at("score").as_f64()) {
            (Some(made), Some(score)) => (made - score).abs() <= ROUNDING,
            (None, None) => true,
            _ => false,
        };
        if !same || readable != Some(scores.len() as u64) {
            let what = format!(
                "has the score {}, the {} of its {} judgements is {}",
                super::diff::shown(judge.at("score")),
                aggregate.as_str(),
                scores.len(),
                made.map_or("none".to_owned(), |score| score.to_string())
            );
            to.add(at, Kind::Judge, path, what);
        }
    }

    /// Reports judgements of conversations that are not there.
    pub(super) fn finish(&self, excused: &dyn Fn(&str) -> bool, to: &mut Collector) {
        let mut orphans: Vec<&(String, u64)> = self.ids.values().collect();
        orphans.sort_unstable_by_key(|(_, line)| *line);
        for (id, line) in orphans.into_iter().filter(|(id, _)| !excused(id)) {
            let what = "synthetic_qa.jsonl has no such conversation";
            to.add(At::line(JUDGEMENTS, *line).of(id), Kind::Orphan, "", what);
        }
    }
}
