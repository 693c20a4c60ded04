//! Decisions between items that run at the same time.
//!
//! Every decision ever asked by an uncommitted item is kept with its claim, accepted or not, and
//! indexed by the buckets of the claim. That is enough to know, when a claim of a lower item
//! appears or vanishes, exactly which higher decisions could come out differently.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ItemKey;

/// What makes claims conflict, and the memory of all claims that are final.
///
/// Implementations must be deterministic: the same claims finalized in the same order give the
/// same answers.
pub trait Knowledge: Send + Sync + 'static {
    /// What an item claims.
    type Claim: Clone + Send + Sync + 'static;
    /// Failure of the memory of final claims (a disk error, say).
    type Error: Send + 'static;

    /// Buckets of a claim: two claims that conflict share at least one.
    fn buckets<'a>(&self, claim: &'a Self::Claim) -> &'a [u64];

    /// Whether two claims conflict. Symmetric.
    fn conflicts(&self, left: &Self::Claim, right: &Self::Claim) -> bool;

    /// Whether a final claim conflicts with `claim`.
    ///
    /// # Errors
    /// When the memory of final claims cannot be read.
    fn conflicts_with_final(&self, claim: &Self::Claim) -> Result<bool, Self::Error>;

    /// Makes the accepted claims of a committed item final. Called in key order.
    ///
    /// # Errors
    /// When the memory of final claims cannot be written.
    fn finalize(&self, key: ItemKey, claims: &[Self::Claim]) -> Result<(), Self::Error>;
}

/// Outcome of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No claim of a lower key, nor an earlier one of the same item, conflicts.
    Accepted,
    /// Some claim of a lower key, or an earlier one of the same item, conflicts.
    Conflict,
}

/// The item was rewound while it was running: what it computes is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// An item that has to run again, because its decision number `decision` came out differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewind {
    /// The item.
    pub key: ItemKey,
    /// The first decision that is void, from 0.
    pub decision: usize,
    /// Calls that the item had begun when it asked for the void decision.
    pub calls_before: u64,
}

/// Shorthand for the claim type of a knowledge.
pub type Claims<K> = <K as Knowledge>::Claim;

struct Decision<C> {
    claim: C,
    verdict: Verdict,
    calls_before: u64,
}

struct Item<C> {
    epoch: u64,
    decisions: Vec<Decision<C>>,
}

/// A place of a decision in the order of the run.
type Place = (ItemKey, usize);

struct State<C> {
    items: HashMap<ItemKey, Item<C>>,
    buckets: HashMap<u64, Vec<Place>>,
    rewinds: BTreeMap<ItemKey, Rewind>,
    rewinds_total: u64,
}

/// The tentative decisions of all uncommitted items over a [`Knowledge`].
pub struct Speculation<K: Knowledge> {
    knowledge: K,
    state: Mutex<State<K::Claim>>,
}

impl<K: Knowledge> fmt::Debug for Speculation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speculation").finish_non_exhaustive()
    }
}

impl<K: Knowledge> Speculation<K> {
    /// Starts with no uncommitted item.
    pub fn new(knowledge: K) -> Self {
        Self {
            knowledge,
            state: Mutex::new(State {
                items: HashMap::new(),
                buckets: HashMap::new(),
                rewinds: BTreeMap::new(),
                rewinds_total: 0,
            }),
        }
    }

    /// The memory of final claims.
    pub fn knowledge(&self) -> &K {
        &self.knowledge
    }

    fn lock(&self) -> MutexGuard<'_, State<K::Claim>> {
        // A panic while the lock is held would leave the books half written; the task that
        // panicked has already ended the run, so going on with the data is only for shutdown.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an item (again) and returns its epoch, which its decisions must carry.
    pub(crate) fn open(&self, key: ItemKey) -> u64 {
        let mut state = self.lock();
        let item = state.items.entry(key).or_insert(Item {
            epoch: 0,
            decisions: Vec::new(),
        });
        item.epoch += 1;
        item.epoch
    }

    /// Decides claim number `index` of an item. A decision that is already on record (the item
    /// replays) is answered from the record. Nothing is returned when the item was rewound
    /// meanwhile.
    ///
    /// # Errors
    /// The knowledge's own failure.
    pub(crate) fn decide(
        &self,
        key: ItemKey,
        epoch: u64,
        index: usize,
        calls_before: u64,
        claim: &K::Claim,
    ) -> Result<Result<Verdict, Stale>, K::Error> {
        let mut state = self.lock();
        match state.items.get(&key) {
            Some(item) if item.epoch == epoch => {
                if let Some(known) = item.decisions.get(index) {
                    return Ok(Ok(known.verdict));
                }
            }
            _ => return Ok(Err(Stale)),
        }
        // Under the lock, because a commit moves claims from the books to the final ones.
        let in_final = self.knowledge.conflicts_with_final(claim)?;
        let verdict = if in_final || self.conflicts_below(&state, (key, index), claim) {
            Verdict::Conflict
        } else {
            Verdict::Accepted
        };
        for &bucket in self.knowledge.buckets(claim) {
            state.buckets.entry(bucket).or_default().push((key, index));
        }
        if let Some(item) = state.items.get_mut(&key) {
            item.decisions.push(Decision {
                claim: claim.clone(),
                verdict,
                calls_before,
            });
        }
        if verdict == Verdict::Accepted {
            self.revalidate_above(&mut state, key, claim.clone())?;
        }
        Ok(Ok(verdict))
    }

    /// Whether an accepted decision below `place` conflicts with `claim`.
    fn conflicts_below(&self, state: &State<K::Claim>, place: Place, claim: &K::Claim) -> bool {
        self.peers(state, claim).into_iter().any(|peer| {
            peer < place
                && state
                    .items
                    .get(&peer.0)
                    .and_then(|item| item.decisions.get(peer.1))
                    .is_some_and(|decision| {
                        decision.verdict == Verdict::Accepted
                            && self.knowledge.conflicts(&decision.claim, claim)
                    })
        })
    }

    /// Places of all decisions that share a bucket with `claim`, in order, without repeats.
    fn peers(&self, state: &State<K::Claim>, claim: &K::Claim) -> Vec<Place> {
        let mut places: Vec<Place> = self
            .knowledge
            .buckets(claim)
            .iter()
            .filter_map(|bucket| state.buckets.get(bucket))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Judges again every decision of items above `key` that `claim` may touch, after `claim`
    /// appeared or vanished, and rewinds those that come out differently (which may make more
    /// claims vanish, and so on upwards).
    fn revalidate_above(
        &self,
        state: &mut State<K::Claim>,
        key: ItemKey,
        claim: K::Claim,
    ) -> Result<(), K::Error> {
        let mut changed: Vec<(ItemKey, K::Claim)> = vec![(key, claim)];
        while let Some((source, claim)) = changed.pop() {
            for peer in self.peers(state, &claim) {
                if peer.0 <= source {
                    continue;
                }
                let Some(decision) = state
                    .items
                    .get(&peer.0)
                    .and_then(|item| item.decisions.get(peer.1))
                else {
                    continue;
                };
                if !self.knowledge.conflicts(&decision.claim, &claim) {
                    continue;
                }
                let peer_claim = decision.claim.clone();
                let before = decision.verdict;
                let now = if self.knowledge.conflicts_with_final(&peer_claim)?
                    || self.conflicts_below(state, peer, &peer_claim)
                {
                    Verdict::Conflict
                } else {
                    Verdict::Accepted
                };
                if now != before {
                    changed.extend(
                        self.cut(state, peer)
                            .into_iter()
                            .map(|vanished| (peer.0, vanished)),
                    );
                }
            }
        }
        Ok(())
    }

    /// Voids the decisions of an item from `place` on and marks the item for a rewind. Returns the
    /// accepted claims that vanished.
    fn cut(&self, state: &mut State<K::Claim>, place: Place) -> Vec<K::Claim> {
        let (key, index) = place;
        let Some(item) = state.items.get_mut(&key) else {
            return Vec::new();
        };
        let calls_before = item
            .decisions
            .get(index)
            .map_or(0, |decision| decision.calls_before);
        let cut: Vec<Decision<K::Claim>> = item.decisions.drain(index..).collect();
        item.epoch += 1;
        for decision in &cut {
            for bucket in self.knowledge.buckets(&decision.claim) {
                if let Some(places) = state.buckets.get_mut(bucket) {
                    places.retain(|peer| peer.0 != key || peer.1 < index);
                    if places.is_empty() {
                        state.buckets.remove(bucket);
                    }
                }
            }
        }
        let rewind = Rewind {
            key,
            decision: index,
            calls_before,
        };
        state.rewinds_total += 1;
        state
            .rewinds
            .entry(key)
            .and_modify(|known| {
                if rewind.decision < known.decision {
                    *known = rewind;
                }
            })
            .or_insert(rewind);
        cut.into_iter()
            .filter(|decision| decision.verdict == Verdict::Accepted)
            .map(|decision| decision.claim)
            .collect()
    }

    /// Takes the items that have to run again, in key order.
    pub(crate) fn take_rewinds(&self) -> Vec<Rewind> {
        std::mem::take(&mut self.lock().rewinds)
            .into_values()
            .collect()
    }

    /// Whether there are items that have to run again.
    pub(crate) fn has_rewinds(&self) -> bool {
        !self.lock().rewinds.is_empty()
    }

    /// Rewinds so far.
    pub fn rewinds_total(&self) -> u64 {
        self.lock().rewinds_total
    }

    /// Checks every decision of the lowest uncommitted item against final claims and, when all
    /// stand, makes its accepted claims final. Returns false (and marks the item for a rewind)
    /// when a decision came out differently.
    ///
    /// # Errors
    /// The knowledge's own failure.
    pub(crate) fn commit(&self, key: ItemKey) -> Result<bool, K::Error> {
        let mut state = self.lock();
        if state.rewinds.contains_key(&key) {
            return Ok(false);
        }
        let Some(item) = state.items.get(&key) else {
            return Ok(true);
        };
        let mut accepted: Vec<K::Claim> = Vec::new();
        let mut wrong = None;
        for (index, decision) in item.decisions.iter().enumerate() {
            let conflict = accepted
                .iter()
                .any(|own| self.knowledge.conflicts(own, &decision.claim))
                || self.knowledge.conflicts_with_final(&decision.claim)?;
            if conflict != (decision.verdict == Verdict::Conflict) {
                wrong = Some(index);
                break;
            }
            if !conflict {
                accepted.push(decision.claim.clone());
            }
        }
        if let Some(index) = wrong {
            let vanished = self.cut(&mut state, (key, index));
            for claim in vanished {
                self.revalidate_above(&mut state, key, claim)?;
            }
            return Ok(false);
        }
        self.knowledge.finalize(key, &accepted)?;
        if let Some(item) = state.items.remove(&key) {
            for decision in &item.decisions {
                for bucket in self.knowledge.buckets(&decision.claim) {
                    if let Some(places) = state.buckets.get_mut(bucket) {
                        places.retain(|peer| peer.0 != key);
                        if places.is_empty() {
                            state.buckets.remove(bucket);
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
