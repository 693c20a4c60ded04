//! Records as conversations that may branch.
//!
//! ```text
//! group ─ threads (session, branch) ─ each record after its parent ─┬─ branches: from the first message to a last one
//!                                                                   └─ answers: siblings after one and the same prompt
//! ```
//!
//! The parent of a record is the one that it names; where it names none, the record before it in its thread. Answers in a
//! row, with nothing said in between, are siblings: several tries at one prompt. What follows several tries follows the
//! best of them. Answers in other threads of the group are siblings too when what was said before them is the same, which
//! joins the samples that were drawn for one prompt in sessions of their own.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use forgemark_contract::json::{Json, to_compact};
use forgemark_contract::store::{ChatMessage, Content, ContextRecord};

use crate::error::{CurateError, Result};
use crate::redact::{Kind, redact_message};
use crate::select::Path;

#[cfg(test)]
mod tests;

/// All records with their places in conversations.
#[derive(Debug)]
pub struct Forest {
    /// The records, in the order in which they came, without their texts, which stand in the messages.
    pub records: Vec<ContextRecord>,
    /// Each record as a message.
    pub messages: Vec<ChatMessage>,
    /// The record before each.
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    /// The groups, in the order of their first records.
    pub groups: Vec<Group>,
}

/// Records that belong together.
#[derive(Debug)]
pub struct Group {
    /// The values that make it one; `None` for a record that is alone.
    pub key: Option<Vec<String>>,
    /// Its records, thread by thread.
    pub records: Vec<usize>,
}

/// Answers to one prompt.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// The records of the prompt, from the first.
    pub prompt: Vec<usize>,
    /// The answers, each with the tool calls and results that belong to it.
    pub answers: Vec<Vec<usize>>,
}

impl Forest {
    /// Plants the records.
    ///
    /// # Errors
    /// Two records with one id, or records that are each other's ancestors.
    pub fn new(mut records: Vec<ContextRecord>, group_by: &[Path]) -> Result<Self> {
        let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(records.len());
        for (place, record) in records.iter().enumerate() {
            if by_id.insert(&record.id, place).is_some() {
                return Err(CurateError::DuplicateId {
                    record: record.id.clone(),
                });
            }
        }
        let mut groups = group(&records, group_by);
        let mut parents = vec![None; records.len()];
        for group in &mut groups {
            plant(&records, &by_id, group, &mut parents);
        }
        groups.sort_by_cached_key(|group| first_moment(&records, group));
        let mut children = vec![Vec::new(); records.len()];
        for group in &groups {
            for record in &group.records {
                if let Some(parent) = parents[*record] {
                    let siblings: &mut Vec<usize> = &mut children[parent];
                    siblings.push(*record);
                }
            }
        }
        let messages = records.iter_mut().map(message_of).collect();
        let forest = Forest {
            records,
            messages,
            parents,
            children,
            groups,
        };
        forest.refuse_cycles()?;
        Ok(forest)
    }

    /// Redacts all messages; returns the records in which something was found, with what it was.
    pub fn redact(&mut self, kinds: &[Kind]) -> Vec<(usize, Vec<Kind>)> {
        let messages = self.messages.iter_mut().enumerate();
        let found = messages.map(|(record, message)| (record, redact_message(message, kinds)));
        found.filter(|(_, kinds)| !kinds.is_empty()).collect()
    }

    fn refuse_cycles(&self) -> Result<()> {
        let mut rooted = vec![false; self.records.len()];
        for start in 0..self.records.len() {
            let mut way = vec![start];
            while let Some(parent) = way.last().and_then(|last| self.parents[*last]) {
                if rooted[parent] {
                    break;
                }
                if way.len() > self.records.len() {
                    return Err(CurateError::ParentCycle {
                        record: self.records[start].id.clone(),
                    });
                }
                way.push(parent);
            }
            for record in way {
                rooted[record] = true;
            }
        }
        Ok(())
    }

    /// The record before a record.
    pub fn parent(&self, record: usize) -> Option<usize> {
        self.parents[record]
    }

    /// The records from the first of the conversation up to this one.
    pub fn path(&self, record: usize) -> Vec<usize> {
        let mut path: Vec<usize> =
            std::iter::successors(Some(record), |last| self.parents[*last]).collect();
        path.reverse();
        path
    }

    /// The last records of a group's branches. With `best`, only those that are reached by the best of several answers.
    pub fn leaves(&self, group: &Group, best: bool) -> Vec<usize> {
        let is_leaf = |record: &usize| self.children[*record].is_empty();
        let is_best = |record: &usize| {
            !best
                || self
                    .path(*record)
                    .iter()
                    .all(|record| self.best_sibling(group, *record) == *record)
        };
        group
            .records
            .iter()
            .copied()
            .filter(is_leaf)
            .filter(is_best)
            .collect()
    }

    /// The best of a record and the other answers beside it; of what is no answer the record itself.
    fn best_sibling(&self, group: &Group, record: usize) -> usize {
        if !self.records[record].is_assistant() {
            return record;
        }
        let beside = |other: &&usize| {
            self.parents[**other] == self.parents[record] && self.records[**other].is_assistant()
        };
        let siblings: Vec<usize> = match self.parents[record] {
            Some(parent) => self.children[parent]
                .iter()
                .filter(beside)
                .copied()
                .collect(),
            // Answers without any prompt are tries of one only within a session.
            None => group
                .records
                .iter()
                .filter(beside)
                .filter(|other| self.records[**other].session_id == self.records[record].session_id)
                .copied()
                .collect(),
        };
        best(&self.records, &siblings).unwrap_or(record)
    }

    /// The sets of answers of a group, in the order of their first answers.
    pub fn candidates(&self, group: &Group) -> Vec<Candidates> {
        let mut places: HashMap<u64, usize> = HashMap::new();
        let mut hashes: HashMap<usize, u64> = HashMap::new();
        let mut sets: Vec<Candidates> = Vec::new();
        for record in group.records.iter().copied() {
            let parent = self.parents[record];
            let continues = parent.is_some_and(|parent| {
                let role = self.records[parent].role.as_str();
                role.eq_ignore_ascii_case("tool") || self.records[parent].is_assistant()
            });
            if !self.records[record].is_assistant() || continues {
                continue;
            }
            let key = match &self.records[record].candidate_group {
                Some(name) => hash_of(&("group", name)),
                None => parent.map_or(0, |parent| self.content_hash(parent, &mut hashes)),
            };
            let place = *places.entry(key).or_insert_with(|| {
                sets.push(Candidates {
                    prompt: parent.map(|parent| self.path(parent)).unwrap_or_default(),
                    answers: Vec::new(),
                });
                sets.len() - 1
            });
            sets[place].answers.push(self.answer(record));
        }
        for set in &mut sets {
            set.answers
                .sort_by_key(|answer| answer.first().map(|record| moment(&self.records[*record])));
        }
        sets
    }

    /// An answer and what belongs to it: calls, results and further answers up to the next thing that a user says.
    fn answer(&self, record: usize) -> Vec<usize> {
        let next = |last: &usize| {
            self.children[*last].iter().copied().find(|child| {
                self.records[*child].is_assistant()
                    || self.records[*child].role.eq_ignore_ascii_case("tool")
            })
        };
        std::iter::successors(Some(record), next).collect()
    }

    /// A hash of all that was said up to a record.
    fn content_hash(&self, record: usize, known: &mut HashMap<usize, u64>) -> u64 {
        let mut open = vec![record];
        while let Some(parent) = open
            .last()
            .filter(|last| !known.contains_key(last))
            .and_then(|last| self.parents[*last])
        {
            open.push(parent);
        }
        let mut hash = 0;
        for record in open.into_iter().rev() {
            hash = *known
                .entry(record)
                .or_insert_with(|| hash_of(&(hash, to_compact(&self.messages[record]))));
        }
        hash
    }

    /// The reward of an answer: that of its last record that has one.
    pub fn reward(&self, answer: &[usize]) -> Option<f64> {
        answer
            .iter()
            .rev()
            .find_map(|record| self.records[*record].reward())
    }
}

/// What a score is made of: a label beats every number.
pub fn score(record: &ContextRecord) -> Option<f64> {
    match record.metadata_field("label").and_then(Json::as_str) {
        Some("chosen") => Some(f64::INFINITY),
        Some("rejected") => Some(f64::NEG_INFINITY),
        _ => record.reward().filter(|reward| !reward.is_nan()),
    }
}

/// The explicit rank of a record, 1 for the best.
pub fn rank(record: &ContextRecord) -> Option<i64> {
    record.metadata_field("rank")?.as_i64()
}

/// The best of several records, the first where nothing separates them.
fn best(records: &[ContextRecord], among: &[usize]) -> Option<usize> {
    let key = |place: &usize| {
        let record = &records[*place];
        (
            rank(record).map_or(i64::MIN, i64::saturating_neg),
            score(record).unwrap_or(f64::NEG_INFINITY),
        )
    };
    let better = |a: &usize, b: &usize| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    among.iter().copied().reduce(|first, other| {
        if better(&other, &first).is_gt() {
            other
        } else {
            first
        }
    })
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Time and id, the order of everything that has no other.
pub(crate) fn moment(record: &ContextRecord) -> (i64, String) {
    (record.created_at.0, record.id.clone())
}

fn first_moment(records: &[ContextRecord], group: &Group) -> Option<(i64, String)> {
    group
        .records
        .iter()
        .map(|record| moment(&records[*record]))
        .min()
}

/// The values that make a record part of a group; `None` for a record that is alone, whose key is no text, so that no value
/// of a user can equal it.
pub(crate) fn group_key(record: &ContextRecord, by: &[Path]) -> Option<Vec<String>> {
    let text = |value: &Json| {
        value.as_str().map_or_else(
            || String::from_utf8_lossy(&to_compact(value)).into_owned(),
            str::to_owned,
        )
    };
    let value = |path: &Path| path.value(record).filter(|value| !value.is_null());
    let key: Option<Vec<String>> = by
        .iter()
        .map(|path| value(path).as_deref().map(text))
        .collect();
    key.filter(|key| !key.is_empty())
}

fn group(records: &[ContextRecord], by: &[Path]) -> Vec<Group> {
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (record, row) in records.iter().enumerate() {
        let key = group_key(row, by);
        let mut open = |key| {
            groups.push(Group {
                key,
                records: Vec::new(),
            });
            groups.len() - 1
        };
        let place = match key {
            Some(key) => *places.entry(key.clone()).or_insert_with(|| open(Some(key))),
            None => open(None),
        };
        groups[place].records.push(record);
    }
    groups
}

/// Finds the parents of a group's records and puts these in the order of threads.
fn plant(
    records: &[ContextRecord],
    by_id: &HashMap<&str, usize>,
    group: &mut Group,
    parents: &mut [Option<usize>],
) {
    let mut threads: BTreeMap<(Option<&str>, Option<&str>), Vec<usize>> = BTreeMap::new();
    for record in &group.records {
        let row = &records[*record];
        let thread = (row.session_id.as_deref(), row.branch_id.as_deref());
        threads.entry(thread).or_default().push(*record);
    }
    let mut threads: Vec<Vec<usize>> = threads.into_values().collect();
    for thread in &mut threads {
        // A position says more than a time, where every record of the thread has one.
        let placed = thread.iter().all(|record| records[*record].seq.is_some());
        thread.sort_by_cached_key(|record| {
            let row = &records[*record];
            (if placed { row.seq } else { None }, moment(row))
        });
    }
    threads.sort_by_cached_key(|thread| thread.first().map(|record| moment(&records[*record])));
    let members: std::collections::HashSet<usize> = group.records.iter().copied().collect();
    let mut first_of: HashMap<&str, usize> = HashMap::new();
    for thread in &threads {
        let mut tries: Vec<usize> = Vec::new();
        for record in thread.iter().copied() {
            let row = &records[record];
            let named = row
                .parent_id
                .as_deref()
                .and_then(|id| by_id.get(id).copied());
            let first = row
                .candidate_group
                .as_deref()
                .map(|name| *first_of.entry(name).or_insert(record));
            parents[record] = if let Some(parent) =
                named.filter(|parent| members.contains(parent) && *parent != record)
            {
                Some(parent)
            } else if let Some(first) = first.filter(|first| *first != record) {
                parents[first]
            } else if row.is_assistant()
                && tries
                    .last()
                    .is_some_and(|last| records[*last].is_assistant())
            {
                tries.last().and_then(|last| parents[*last])
            } else {
                best(records, &tries)
            };
            let beside = tries.last().is_some_and(|last| {
                row.is_assistant()
                    && records[*last].is_assistant()
                    && parents[*last] == parents[record]
            });
            if !beside {
                tries.clear();
            }
            tries.push(record);
        }
    }
    group.records = threads.into_iter().flatten().collect();
}

/// Makes a message of a record: of the structured one where there is one, else of role and text, which it takes.
fn message_of(record: &mut ContextRecord) -> ChatMessage {
    let text = record.text_payload.take();
    match record.message.take() {
        Some(mut message) => {
            if message.content.is_none() && message.tool_calls.is_empty() {
                message.content = text.map(Content::Text);
            }
            message
        }
        None => ChatMessage::text(record.role.clone(), text.unwrap_or_default()),
    }
}
