//! Admission and commit of conversations, both in the order of the run.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgemark_corpus::{ChunkId, Corpus};
use forgemark_run::{Flow, ItemKey, Next, Pipeline, View};

use crate::config::{Config, Coverage, Exhaustion};
use crate::conversation::{Conversation, DropReason, Plan};
use crate::deck::{Balance, Deck};
use crate::error::DialogueError;
use crate::outcome::Outcome;
use crate::plan::Planner;
use crate::rng::Rng;
use crate::run::{Adopted, Begun};
use crate::work::DialogueWork;
use crate::writer::Writer;

/// Passages offered to the user role.
pub const OFFER: usize = 6;
/// Latest questions of a language that a prompt shows.
pub(crate) const RECENT: usize = 8;

/// Dropped conversations in a row after which a run without a limit of its own on them stops: the
/// documents have no more to ask, or a model cannot do what is asked, and each one costs calls.
pub(crate) const MOST_DROPS_IN_A_ROW: u64 = 200;

/// Tallies of a run, live and at its end.
#[derive(Debug, Default)]
pub struct Tally {
    /// Good conversations.
    pub good: AtomicU64,
    /// Complete turns of good conversations.
    pub turns: AtomicU64,
    /// Dropped conversations, by reason in the order of [`DropReason::ALL`].
    pub dropped: [AtomicU64; 5],
    /// Sum of judge scores in thousandths, and how many.
    pub score_milli: AtomicU64,
    /// Conversations with a judge score.
    pub scored: AtomicU64,
    /// Sum of support scores in thousandths.
    pub support_milli: AtomicU64,
    /// Conversations with a support score.
    pub supported: AtomicU64,
}

impl Tally {
    pub(crate) fn add(&self, outcome: &Outcome) {
        let add = |cell: &AtomicU64, n: u64| {
            cell.fetch_add(n, Ordering::Relaxed);
        };
        match outcome.dropped {
            None => {
                add(&self.good, 1);
                add(&self.turns, outcome.turns);
                if let Some(score) = outcome.judge_score {
                    add(&self.score_milli, (score * 1000.0).round().max(0.0) as u64);
                    add(&self.scored, 1);
                }
                if let Some(support) = outcome.support {
                    add(
                        &self.support_milli,
                        (support * 1000.0).round().max(0.0) as u64,
                    );
                    add(&self.supported, 1);
                }
            }
            Some(reason) => {
                let cells = DropReason::ALL.iter().zip(&self.dropped);
                for (_, cell) in cells.filter(|(known, _)| **known == reason) {
                    add(cell, 1);
                }
            }
        }
    }

    /// Dropped conversations in all.
    pub fn n_dropped(&self) -> u64 {
        self.dropped
            .iter()
            .map(|cell| cell.load(Ordering::Relaxed))
            .sum()
    }

    /// Dropped conversations by reason.
    pub fn drops(&self) -> BTreeMap<&'static str, u64> {
        DropReason::ALL
            .iter()
            .zip(&self.dropped)
            .map(|(reason, cell)| (reason.as_str(), cell.load(Ordering::Relaxed)))
            .filter(|(_, n)| *n > 0)
            .collect()
    }
}

/// When a run stops because too much fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFailed {
    /// This many dropped conversations.
    Count(u64),
    /// This share of the conversations, in (0, 1], once at least 20 have ended.
    Share(f64),
}

impl MaxFailed {
    fn is_exceeded(self, dropped: u64, ended: u64) -> bool {
        match self {
            MaxFailed::Count(most) => dropped > most,
            MaxFailed::Share(most) => ended >= 20 && dropped as f64 > most * ended as f64,
        }
    }
}

/// One language.
#[derive(Debug)]
struct Group {
    quota: u64,
    next: u64,
    good: u64,
    /// Ordinals that must be made whatever the quota says (they were made before a rewind).
    at_least: u64,
    deck: Deck,
    /// Outcomes that have not left the window, oldest first.
    unsettled: VecDeque<(Vec<ChunkId>, Vec<Arc<str>>)>,
    /// Latest questions as of the last settled conversation, oldest first.
    recent: VecDeque<Arc<str>>,
    /// Nothing more can be planned (exhaustion policy `stop`).
    exhausted: bool,
    /// Conversations that the original began: the first ordinals go on with them.
    begun: Vec<Arc<Begun>>,
}

impl Group {
    fn is_done(&self) -> bool {
        self.exhausted || self.has_its_total()
    }

    fn has_its_total(&self) -> bool {
        self.good >= self.quota && self.next >= self.at_least
    }

    fn settle(&mut self) {
        if let Some((covered, questions)) = self.unsettled.pop_front() {
            self.deck.settle(&covered);
            for question in questions {
                if self.recent.len() == RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(question);
            }
        }
    }
}

/// The ordered half of a dialogue run.
#[derive(Debug)]
pub(crate) struct DialoguePipeline {
    config: Arc<Config>,
    planner: Planner,
    groups: Vec<Group>,
    /// Attached before the first commit; `None` only while outcomes are restored.
    writer: Option<Writer>,
    seq: u64,
    tally: Arc<Tally>,
    limit: Option<u64>,
    good_now: u64,
    dropped_now: u64,
    ended_now: u64,
    drops_in_a_row: u64,
    max_failed: Option<MaxFailed>,
    stopped_by: Option<StoppedBy>,
}

/// Why the pipeline itself asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppedBy {
    /// Only dropped conversations for too long.
    NoProgress,
    /// `--limit` is reached.
    Limit,
    /// `--max-failed` is exceeded.
    MaxFailed,
}

/// What a pipeline is made of.
pub(crate) struct PipelineParts {
    pub(crate) config: Arc<Config>,
    pub(crate) planner: Planner,
    /// Document index of every passage.
    pub(crate) document_of: Vec<u32>,
    /// Coverage of every passage before this run, a language.
    pub(crate) used: Vec<Vec<u32>>,
    /// Latest questions before this run, a language, oldest first.
    pub(crate) recent: Vec<Vec<Arc<str>>>,
    /// Commits in the output folder so far.
    pub(crate) seq: u64,
    pub(crate) tally: Arc<Tally>,
    pub(crate) limit: Option<u64>,
    pub(crate) max_failed: Option<MaxFailed>,
    pub(crate) at_least: Vec<u64>,
    /// What is taken over from a run of the original.
    pub(crate) adopted: Adopted,
}

impl DialoguePipeline {
    pub(crate) fn new(parts: PipelineParts) -> Self {
        let balance = match parts.config.coverage {
            Coverage::Off => Balance::None,
            Coverage::Balanced | Coverage::Compat { .. } => Balance::Documents,
        };
        let groups = (0..parts.planner.groups())
            .map(|index| Group {
                quota: parts.config.quotas.get(index).copied().unwrap_or(0),
                next: 0,
                good: parts.adopted.counted(index),
                at_least: parts.at_least.get(index).copied().unwrap_or(0),
                deck: Deck::new(
                    &parts.document_of,
                    parts.used.get(index).map_or(&[], Vec::as_slice),
                    balance,
                    parts.config.seed,
                    index as u32,
                ),
                unsettled: VecDeque::new(),
                recent: parts.recent.get(index).cloned().unwrap_or_default().into(),
                exhausted: false,
                begun: parts.adopted.begun(index).to_vec(),
            })
            .collect();
        parts.adopted.add_to(&parts.tally);
        Self {
            config: parts.config,
            planner: parts.planner,
            groups,
            writer: None,
            seq: parts.seq,
            tally: parts.tally,
            limit: parts.limit,
            good_now: 0,
            dropped_now: 0,
            ended_now: 0,
            drops_in_a_row: 0,
            max_failed: parts.max_failed,
            stopped_by: None,
        }
    }

    /// Gives the pipeline the writer of its commits.
    pub(crate) fn attach(&mut self, writer: Writer) {
        self.writer = Some(writer);
    }

    /// Replays a conversation that was committed before this process: the plan that it had is made
    /// again (and returned, for its wave's state), and its outcome is counted.
    pub(crate) fn restore(
        &mut self,
        outcome: &Outcome,
        corpus: &Corpus,
    ) -> Result<Plan, DialogueError> {
        let group = outcome.key.group as usize;
        let expected = self.groups.get(group).map(|group| group.next);
        if expected != Some(outcome.key.ordinal) {
            return Err(DialogueError::JournalOrder {
                found: outcome.key.to_string(),
                expected: expected.unwrap_or_default(),
            });
        }
        let plan = self.plan(group);
        let covered = outcome
            .covered
            .iter()
            .filter_map(|topic| corpus.find_topic(topic))
            .collect();
        let claims = outcome
            .claims
            .iter()
            .map(|text| Arc::from(text.as_str()))
            .collect();
        self.count(outcome, covered, claims);
        self.seq = outcome.seq;
        Ok(plan)
    }

    fn count(&mut self, outcome: &Outcome, covered: Vec<ChunkId>, claims: Vec<Arc<str>>) {
        if let Some(group) = self.groups.get_mut(outcome.key.group as usize) {
            group.good += u64::from(outcome.is_good());
            group.unsettled.push_back((covered, claims));
        }
        self.tally.add(outcome);
    }

    /// The plan of the next ordinal of a group.
    fn plan(&mut self, index: usize) -> Plan {
        let lookahead = self.config.lookahead as u64;
        let compat = match self.config.coverage {
            Coverage::Compat { epsilon, fraction } => Some((epsilon, fraction)),
            Coverage::Balanced | Coverage::Off => None,
        };
        let seed = self.config.seed;
        let group = &mut self.groups[index];
        let ordinal = group.next;
        if ordinal >= lookahead {
            group.settle();
        }
        let reservation = match compat {
            None => group.deck.reserve(OFFER),
            Some((epsilon, fraction)) => {
                let mut rng = Rng::new(seed, &[index as u64, ordinal], "compat-offer");
                group.deck.draw_compat(OFFER, epsilon, fraction, &mut rng)
            }
        };
        group.next += 1;
        let begun = group.begun.get(ordinal as usize).map(Arc::clone);
        let mut sketch = self.planner.sketch(index as u32, ordinal);
        if let Some(begun) = &begun {
            begun.settle(&mut sketch);
        }
        Plan {
            sketch,
            reservation,
            recent: group.recent.iter().cloned().collect(),
            begun,
        }
    }

    /// Why the pipeline itself ended the run, if it did.
    pub(crate) fn stopped_by(&self) -> Option<StoppedBy> {
        self.stopped_by
    }

    /// Whether every language has its total, and all that there was before a rewind.
    pub(crate) fn is_complete(&self) -> bool {
        self.groups.iter().all(Group::has_its_total)
    }

    /// Whether a language ran out of material under the policy `stop`.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.groups.iter().any(|group| group.exhausted)
    }

    /// Ends the writer.
    pub(crate) fn finish(self, active: Vec<Arc<Conversation>>) -> Result<(), DialogueError> {
        let complete = self.is_complete();
        match self.writer {
            Some(writer) => Ok(writer.finish(active, complete)?),
            None => Ok(()),
        }
    }
}

impl Pipeline for DialoguePipeline {
    type Work = DialogueWork;
    type Error = DialogueError;

    fn next(&mut self, view: &View) -> Result<Next<Plan>, DialogueError> {
        if self.writer.as_ref().is_some_and(Writer::has_failed) {
            // The failure itself comes out of the next commit or of the end.
            return Ok(Next::Wait);
        }
        let in_flight: u64 = view.uncommitted.values().sum();
        if self
            .limit
            .is_some_and(|limit| self.good_now + in_flight >= limit)
        {
            return Ok(Next::Wait);
        }
        let mut done = true;
        let mut lowest_open = None;
        for index in 0..self.groups.len() {
            let uncommitted = view.uncommitted_in(index as u32);
            let group = &self.groups[index];
            if group.is_done() && uncommitted == 0 {
                continue;
            }
            done = false;
            let lowest = *lowest_open.get_or_insert(index);
            // Later languages may run ahead, but only with half of the window, so that the
            // replacements of dropped conversations always find a place in it.
            let ahead: u64 = view
                .uncommitted
                .iter()
                .filter(|(group, _)| **group as usize > lowest)
                .map(|(_, n)| n)
                .sum();
            if index > lowest && (ahead + 1) * 2 > self.config.lookahead as u64 {
                break;
            }
            let wanted = group.good + uncommitted < group.quota || group.next < group.at_least;
            if group.is_done() || !wanted {
                continue;
            }
            if self.config.exhaustion == Exhaustion::Stop && group.deck.next_use(OFFER) > 0 {
                self.groups[index].exhausted = true;
                continue;
            }
            let plan = self.plan(index);
            return Ok(Next::Start(plan.sketch.key, plan));
        }
        Ok(if done { Next::Done } else { Next::Wait })
    }

    fn may_commit(&self, key: ItemKey) -> bool {
        self.groups
            .iter()
            .take(key.group as usize)
            .all(Group::is_done)
    }

    fn commit(
        &mut self,
        _key: ItemKey,
        _plan: &Arc<Plan>,
        conversation: Conversation,
    ) -> Result<Flow, DialogueError> {
        self.seq += 1;
        let outcome = Outcome::of(&conversation, self.seq);
        self.count(
            &outcome,
            conversation.covered(),
            conversation.claims.clone(),
        );
        self.ended_now += 1;
        self.good_now += u64::from(outcome.is_good());
        self.dropped_now += u64::from(!outcome.is_good());
        self.drops_in_a_row = if outcome.is_good() {
            0
        } else {
            self.drops_in_a_row + 1
        };
        if let Some(writer) = &self.writer {
            writer.commit(self.seq, Arc::new(conversation))?;
        }
        if self
            .max_failed
            .is_some_and(|most| most.is_exceeded(self.dropped_now, self.ended_now))
        {
            self.stopped_by = Some(StoppedBy::MaxFailed);
            return Ok(Flow::Drain);
        }
        if self.max_failed.is_none() && self.drops_in_a_row >= MOST_DROPS_IN_A_ROW {
            self.stopped_by = Some(StoppedBy::NoProgress);
            return Ok(Flow::Drain);
        }
        if self.limit.is_some_and(|limit| self.good_now >= limit) && !self.is_complete() {
            self.stopped_by = Some(StoppedBy::Limit);
            return Ok(Flow::Drain);
        }
        Ok(Flow::Continue)
    }
}
