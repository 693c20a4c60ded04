//! Examples: what units that stayed become, before any trainer's format.
//!
//! A prompt is what was really said before an answer, earlier answers included. What cannot become an example is said with
//! the reason: a conversation without an answer, a prompt whose answers nothing separates.

mod pairs;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use forgemark_contract::json::Json;
use forgemark_contract::store::ChatMessage;
use forgemark_contract::text::{python_lower_collapse, sha256_hex};

use crate::error::{CurateError, Result};
use crate::recipe::{Answers, LabelRule, Recipe, Task};
use crate::stages::{self, Decision, Fate, Reason, Verdict};
use crate::tree::{Candidates, Forest, Group, rank, score};

/// One example.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// A name that depends on nothing but the task and the records: 16 hexadecimal digits.
    pub id: String,
    /// What it is.
    pub body: Body,
    /// The definitions of the tools that the model had: `metadata.tools` of the first record that has it.
    pub tools: Option<Json>,
    /// The records that it was made from, as places in the forest.
    pub records: Vec<usize>,
}

/// What an example is.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Messages to imitate; `train` is set on every one.
    Conversation {
        /// From the first to the last answer.
        messages: Vec<ChatMessage>,
        /// The reward of the last answer that has one.
        reward: Option<f64>,
    },
    /// A better and a worse answer.
    Pair {
        /// What was said before.
        prompt: Vec<ChatMessage>,
        /// The better answer.
        chosen: Vec<ChatMessage>,
        /// The worse answer.
        rejected: Vec<ChatMessage>,
        /// Their scores; a label counts as infinite.
        scores: (f64, f64),
    },
    /// An answer and whether it is good.
    Labelled {
        /// What was said before.
        prompt: Vec<ChatMessage>,
        /// The answer.
        completion: Vec<ChatMessage>,
        /// Whether it is good.
        label: bool,
    },
    /// All answers, best first.
    Ranked {
        /// What was said before.
        prompt: Vec<ChatMessage>,
        /// The answers with their ranks from 1; equally good ones share a rank.
        answers: Vec<(Vec<ChatMessage>, usize)>,
    },
    /// All answers with their rewards, in the order of time.
    Rollout {
        /// What was said before.
        prompt: Vec<ChatMessage>,
        /// The answers.
        responses: Vec<Response>,
        /// `metadata.group_id` of the first answer that has one.
        group_id: Option<String>,
        /// `metadata.ground_truth` of the first record that has one.
        ground_truth: Option<Json>,
    },
}

/// An answer with its reward.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The answer.
    pub messages: Vec<ChatMessage>,
    /// Its reward.
    pub reward: Option<f64>,
    /// Where the reward is from.
    pub source: Option<String>,
}

/// The examples of a cut, and what became of units that made none.
#[derive(Debug, Default)]
pub struct Shaped {
    /// The examples, in the order of groups.
    pub examples: Vec<Example>,
    /// The place of the group of each.
    pub groups: Vec<usize>,
    /// What made no example, and why.
    pub skipped: Vec<Decision>,
}

/// Makes the examples of all groups.
///
/// # Errors
/// [`CurateError::PartialRanks`] for a list that is to be ranked and of which only some answers have a rank.
pub fn shape(forest: &Forest, verdict: &Verdict, recipe: &Recipe) -> Result<Shaped> {
    let mut shaper = Shaper {
        forest,
        verdict,
        shaped: Shaped::default(),
    };
    for (place, group) in forest.groups.iter().enumerate() {
        match &recipe.task {
            Task::Sft => shaper.conversations(group, recipe.answers == Answers::Best),
            task => {
                for set in stages::open_candidates(forest, verdict, group) {
                    shaper.answers(task, group, &set)?;
                }
            }
        }
        let count = shaper.shaped.examples.len();
        shaper.shaped.groups.resize(count, place);
    }
    Ok(shaper.shaped)
}

struct Shaper<'a> {
    forest: &'a Forest,
    verdict: &'a Verdict,
    shaped: Shaped,
}

impl Shaper<'_> {
    fn skip(&mut self, records: &[usize], why: &str) {
        let ids = records
            .iter()
            .map(|record| self.forest.records[*record].id.clone());
        self.shaped.skipped.push(Decision {
            unit: "example",
            records: ids.collect(),
            dropped: Some(Reason::new("shape", why)),
        });
    }

    fn push(&mut self, word: &str, records: Vec<usize>, body: Body) {
        let ids = records
            .iter()
            .map(|record| self.forest.records[*record].id.as_str());
        let name = std::iter::once(word)
            .chain(ids)
            .collect::<Vec<_>>()
            .join("\u{1f}");
        let mut id = sha256_hex(name.as_bytes());
        id.truncate(16);
        let tools = records.iter().find_map(|record| {
            let tools = self.forest.records[*record].metadata_field("tools")?;
            let some = tools.as_array().is_some_and(|list| !list.is_empty());
            some.then(|| tools.clone())
        });
        self.shaped.examples.push(Example {
            id,
            body,
            tools,
            records,
        });
    }

    fn conversations(&mut self, group: &Group, best: bool) {
        let mut ended: HashSet<Vec<usize>> = HashSet::new();
        for leaf in self.forest.leaves(group, best) {
            let mut path = self.forest.path(leaf);
            if self.verdict.dropped_leaves.contains(&leaf) {
                continue;
            }
            let whole = path.len();
            let end = path
                .iter()
                .position(|record| self.verdict.fates[*record] == Fate::Gone);
            path.truncate(end.unwrap_or(whole));
            let trained: Vec<bool> = (0..path.len())
                .map(|place| self.is_trained(&path, place))
                .collect();
            let Some(last) = trained.iter().rposition(|trained| *trained) else {
                if whole == path.len() {
                    self.skip(&path, "there is no answer to learn from");
                }
                continue;
            };
            // What comes after the last answer that is learned has no effect on it.
            path.truncate(last + 1);
            // Branches that were cut back to the same beginning are one.
            if !ended.insert(path.clone()) {
                continue;
            }
            let messages = path
                .iter()
                .zip(&trained)
                .map(|(record, trained)| ChatMessage {
                    train: Some(*trained),
                    ..self.forest.messages[*record].clone()
                });
            let body = Body::Conversation {
                messages: messages.collect(),
                reward: self.forest.reward(&path),
            };
            self.push("sft", path, body);
        }
    }

    /// Whether an answer may be learned: it and what it answers were kept, it says something, and nobody forbade it.
    fn is_trained(&self, path: &[usize], place: usize) -> bool {
        let message = &self.forest.messages[path[place]];
        if !message.is_assistant() || message.is_blank() || message.train == Some(false) {
            return false;
        }
        let asked = path[..place]
            .iter()
            .rev()
            .take_while(|record| !self.forest.records[**record].is_assistant());
        asked
            .chain([&path[place]])
            .all(|record| self.verdict.fates[*record] == Fate::Train)
    }

    fn messages(&self, records: &[usize]) -> Vec<ChatMessage> {
        records
            .iter()
            .map(|record| self.forest.messages[*record].clone())
            .collect()
    }

    fn records(set: &Candidates, answers: &[&Vec<usize>]) -> Vec<usize> {
        let answers = answers.iter().flat_map(|answer| answer.iter());
        set.prompt.iter().chain(answers).copied().collect()
    }

    fn answers(&mut self, task: &Task, group: &Group, set: &Candidates) -> Result<()> {
        let is_blank = |answer: &&Vec<usize>| {
            answer
                .iter()
                .all(|record| self.forest.messages[*record].is_blank())
        };
        let all: Vec<&Vec<usize>> = set
            .answers
            .iter()
            .filter(|answer| !is_blank(answer))
            .collect();
        if all.is_empty() {
            self.skip(&Self::records(set, &[]), "every answer is empty");
            return Ok(());
        }
        let prompt = self.messages(&set.prompt);
        match task {
            Task::Sft => {}
            Task::Pairs(rule) => {
                let scored: Vec<pairs::Scored> = all
                    .iter()
                    .enumerate()
                    .filter_map(|(place, answer)| {
                        Some(pairs::Scored {
                            place,
                            score: self.score(answer)?,
                            normal: python_lower_collapse(&self.text(answer)),
                        })
                    })
                    .collect();
                let pairs = pairs::choose(&scored, rule);
                if pairs.is_empty() {
                    self.skip(
                        &Self::records(set, &all),
                        "no two answers are a pair under the rule",
                    );
                }
                for (chosen, rejected) in pairs {
                    let (chosen, rejected) = (&scored[chosen], &scored[rejected]);
                    let answers = [all[chosen.place], all[rejected.place]];
                    let body = Body::Pair {
                        prompt: prompt.clone(),
                        chosen: self.messages(answers[0]),
                        rejected: self.messages(answers[1]),
                        scores: (chosen.score, rejected.score),
                    };
                    self.push("pair", Self::records(set, &answers), body);
                }
            }
            Task::Labels(rule) => {
                for answer in all {
                    let records = Self::records(set, &[answer]);
                    let Some(label) = self.label(answer, rule) else {
                        self.skip(&records, "neither good nor bad under the rule");
                        continue;
                    };
                    let completion = self.messages(answer);
                    let prompt = prompt.clone();
                    self.push(
                        "label",
                        records,
                        Body::Labelled {
                            prompt,
                            completion,
                            label,
                        },
                    );
                }
            }
            Task::Ranked => {
                let Some(ranked) = self.ranked(group, &all)? else {
                    self.skip(
                        &Self::records(set, &all),
                        "the answers have no ranks and no scores",
                    );
                    return Ok(());
                };
                let answers = ranked
                    .iter()
                    .map(|(answer, rank)| (self.messages(all[*answer]), *rank))
                    .collect();
                self.push(
                    "ranked",
                    Self::records(set, &all),
                    Body::Ranked { prompt, answers },
                );
            }
            Task::Rollout { drop_zero_variance } => {
                let rewards: Vec<Option<f64>> = all
                    .iter()
                    .map(|answer| self.forest.reward(answer))
                    .collect();
                if *drop_zero_variance && rewards.windows(2).all(|pair| pair[0] == pair[1]) {
                    self.skip(&Self::records(set, &all), "all answers have one reward");
                    return Ok(());
                }
                let text = |record: &usize, key: &str| {
                    let value = self.forest.records[*record]
                        .metadata_field(key)
                        .and_then(Json::as_str);
                    value.map(str::to_owned)
                };
                let responses = all.iter().zip(rewards).map(|(answer, reward)| Response {
                    messages: self.messages(answer),
                    reward,
                    source: answer
                        .iter()
                        .rev()
                        .find_map(|record| text(record, "reward_source")),
                });
                let records = Self::records(set, &all);
                let body = Body::Rollout {
                    responses: responses.collect(),
                    group_id: all
                        .iter()
                        .flat_map(|answer| answer.iter())
                        .find_map(|record| text(record, "group_id")),
                    ground_truth: records.iter().find_map(|record| {
                        self.forest.records[*record]
                            .metadata_field("ground_truth")
                            .cloned()
                    }),
                    prompt,
                };
                self.push("rollout", records, body);
            }
        }
        Ok(())
    }

    fn text(&self, answer: &[usize]) -> String {
        let texts = answer
            .iter()
            .map(|record| self.forest.messages[*record].content_text());
        texts.collect::<Vec<_>>().join("\n")
    }

    fn score(&self, answer: &[usize]) -> Option<f64> {
        answer
            .iter()
            .rev()
            .find_map(|record| score(&self.forest.records[*record]))
    }

    fn label(&self, answer: &[usize], rule: &LabelRule) -> Option<bool> {
        let score = self.score(answer)?;
        if score >= rule.good {
            Some(true)
        } else if score <= rule.bad {
            Some(false)
        } else {
            None
        }
    }

    /// The answers, best first, each with its rank; `None` where nothing orders them.
    fn ranked(
        &self,
        group: &Group,
        answers: &[&Vec<usize>],
    ) -> Result<Option<Vec<(usize, usize)>>> {
        let ranks: Vec<Option<i64>> = answers
            .iter()
            .map(|answer| {
                answer
                    .iter()
                    .find_map(|record| rank(&self.forest.records[*record]))
            })
            .collect();
        let keys: Option<Vec<f64>> = if ranks.iter().any(Option::is_some) {
            if let Some(place) = ranks.iter().position(Option::is_none) {
                let record = answers[place]
                    .first()
                    .map_or("", |record| &self.forest.records[*record].id);
                return Err(CurateError::PartialRanks {
                    group: group
                        .key
                        .as_ref()
                        .map(|key| key.join("/"))
                        .unwrap_or_default(),
                    record: record.to_owned(),
                });
            }
            ranks
                .into_iter()
                .map(|rank| rank.map(|rank| rank as f64))
                .collect()
        } else {
            answers
                .iter()
                .map(|answer| self.score(answer).map(|score| -score))
                .collect()
        };
        let Some(keys) = keys else { return Ok(None) };
        let mut order: Vec<usize> = (0..answers.len()).collect();
        order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]));
        let mut ranked: Vec<(usize, usize)> = Vec::with_capacity(order.len());
        for answer in order {
            let rank = match ranked.last() {
                None => 1,
                Some((before, rank)) => {
                    rank + usize::from(keys[*before].total_cmp(&keys[answer]).is_lt())
                }
            };
            ranked.push((answer, rank));
        }
        Ok(Some(ranked))
    }
}
