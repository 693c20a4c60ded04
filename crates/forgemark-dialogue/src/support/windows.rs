//! Windows of passages that may support a claim.

use std::sync::Arc;

use super::claims::{Claim, Claims};
use super::memory::{Reading, read};
use super::{ClaimSupport, Doubt, Evidence, MISSING_NUMBER, NEGATION, OTHER_WORD};

/// How many windows a claim is compared with in detail: the ones with most of its words. More
/// than one, because the best by words may be the one that denies it.
const CANDIDATES: usize = 3;

/// A window with words of a claim.
#[derive(Debug, Clone, Copy, Default)]
struct Candidate {
    /// Index of its passage.
    passage: u32,
    /// Index of its last sentence in the passage.
    last: u32,
    /// Whether the sentence before belongs to it.
    two: bool,
    /// Bit i: the window has word i of the claim.
    words: u64,
}

/// The best windows of a claim, best first; those without words are none.
type Best = [Candidate; CANDIDATES];

/// Collects the best windows of every claim, passage by passage.
pub(super) struct Search<'a> {
    claims: &'a Claims,
    passages: Vec<Arc<Reading>>,
    best: Vec<Best>,
    /// Words of each claim in the sentence before and in this one.
    before: Vec<u64>,
    now: Vec<u64>,
}

impl<'a> Search<'a> {
    pub(super) fn new(claims: &'a Claims) -> Self {
        let n = claims.list.len();
        Self {
            claims,
            passages: Vec::with_capacity(8),
            best: vec![Best::default(); n],
            before: vec![0; n],
            now: vec![0; n],
        }
    }

    pub(super) fn add(&mut self, text: &str) {
        let passage = self.passages.len() as u32;
        let reading = read(text);
        self.before.fill(0);
        for (last, sentence) in reading.sentences.iter().enumerate() {
            self.now.fill(0);
            let (claims, now) = (self.claims, &mut self.now);
            for word in reading.words_of(sentence) {
                if !word.negation {
                    claims.matches(word.hash, |claim, place| now[claim] |= 1 << place);
                }
            }
            for ((now, before), best) in self.now.iter().zip(&self.before).zip(&mut self.best) {
                if *now == 0 {
                    continue;
                }
                let one = Candidate {
                    passage,
                    last: last as u32,
                    two: false,
                    words: *now,
                };
                offer(best, one);
                let both = now | before;
                if last > 0 && both != *now && both != *before {
                    let two = Candidate {
                        two: true,
                        words: both,
                        ..one
                    };
                    offer(best, two);
                }
            }
            std::mem::swap(&mut self.before, &mut self.now);
        }
        self.passages.push(reading);
    }

    /// The support of every claim in what was added.
    pub(super) fn finish(self) -> Vec<ClaimSupport> {
        let claims = self.claims.list.iter().zip(&self.best);
        claims
            .map(|(claim, candidates)| {
                let none = ClaimSupport {
                    claim: claim.span.clone(),
                    score: 0.0,
                    recall: 0.0,
                    best: None,
                    doubts: Vec::new(),
                };
                let mut best = none;
                for candidate in candidates.iter().filter(|candidate| candidate.words != 0) {
                    // No factor is above 1: a window scores no more than the words it has.
                    if best.score < recall(claim, candidate) {
                        let found = self.score(claim, *candidate);
                        if found.score > best.score {
                            best = found;
                        }
                    }
                }
                best
            })
            .collect()
    }

    /// The support of `claim` in one window.
    fn score(&self, claim: &Claim, candidate: Candidate) -> ClaimSupport {
        let has = |hash: &u64| {
            let place = claim.words.iter().position(|word| word == hash);
            place.is_some_and(|place| candidate.words & (1 << place) != 0)
        };
        let passage = &self.passages[candidate.passage as usize];
        let last = candidate.last as usize;
        let first = last - usize::from(candidate.two);
        let window = Window::read(claim, passage, first, last);
        let number_missing = claim.numbers.iter().any(|hash| !has(hash));
        let name_missing = claim.names.iter().any(|hash| !has(hash));
        let word_replaced = window.replaces(&claim.order, has);
        let negation_differs = claim.denies != window.denies;
        let doubts = [
            (number_missing, Doubt::NumberMissing),
            (name_missing, Doubt::NameMissing),
            (word_replaced, Doubt::WordReplaced),
            (negation_differs, Doubt::NegationDiffers),
        ];
        let recall = recall(claim, &candidate);
        let factor = |applies: bool, factor: f64| if applies { factor } else { 1.0 };
        let score = recall
            * factor(number_missing, MISSING_NUMBER)
            * factor(name_missing || word_replaced, OTHER_WORD)
            * factor(negation_differs, NEGATION);
        let span = passage.sentences[first].span.start..passage.sentences[last].span.end;
        ClaimSupport {
            claim: claim.span.clone(),
            score,
            recall,
            best: Some(Evidence {
                passage: candidate.passage as usize,
                span,
            }),
            doubts: doubts
                .into_iter()
                .filter(|(applies, _)| *applies)
                .map(|(_, doubt)| doubt)
                .collect(),
        }
    }
}

/// Share of the claim's words that the window has, in [0, 1].
fn recall(claim: &Claim, candidate: &Candidate) -> f64 {
    f64::from(candidate.words.count_ones()) / claim.words.len() as f64
}

/// Keeps the windows with most words; an equal one that comes later loses.
fn offer(best: &mut Best, candidate: Candidate) {
    let count = candidate.words.count_ones();
    let place = best.partition_point(|kept| kept.words.count_ones() >= count);
    if place < CANDIDATES {
        best[place..].rotate_right(1);
        best[place] = candidate;
    }
}

/// What a window says, beside which words it has.
struct Window {
    /// Content words and numbers in order; `None` where a sentence begins or ends.
    order: Vec<Option<u64>>,
    /// Whether it denies anywhere from just before the first matched word to the last.
    denies: bool,
}

/// The most words that may stand where other words stood.
const GAP: usize = 3;

impl Window {
    /// What the sentences `first` to `last` say.
    fn read(claim: &Claim, passage: &Reading, first: usize, last: usize) -> Self {
        // "do not", "must never be": a denial stands up to three words before what it denies.
        const BEFORE: u32 = 3;
        let mut order = Vec::with_capacity(48);
        let mut negations: Vec<(u32, usize)> = Vec::new();
        let (mut from, mut to, mut to_sentence) = (None, 0, first);
        let mut offset = 0;
        order.push(None);
        for index in first..=last {
            let words = passage.words_of(&passage.sentences[index]);
            for word in words {
                let place = offset + word.place;
                if word.negation {
                    negations.push((place, index));
                    continue;
                }
                order.push(Some(word.hash));
                if claim.words.contains(&word.hash) {
                    from.get_or_insert(place);
                    to = place;
                    to_sentence = index;
                }
            }
            offset += words.last().map_or(0, |word| word.place + 1);
            order.push(None);
        }
        let from = from.unwrap_or(0).saturating_sub(BEFORE);
        // "members pay nothing": a denial may also be the word right behind the last one.
        let denies = negations.iter().any(|(place, sentence)| {
            (from..=to).contains(place) || (*place == to + 1 && *sentence == to_sentence)
        });
        Self { order, denies }
    }

    /// Whether a run of words that the window lacks stands between the same neighbours as a run
    /// of other words of the window: "opened butter at 4" for "opened yoghurt at 4". Beginning and
    /// end of a sentence are neighbours too.
    fn replaces(&self, claim: &[u64], has: impl Fn(&u64) -> bool) -> bool {
        let mut at = 0;
        while at < claim.len() {
            if has(&claim[at]) {
                at += 1;
                continue;
            }
            let length = claim[at..].iter().take_while(|hash| !has(hash)).count();
            let left = at.checked_sub(1).map(|before| claim[before]);
            let right = claim.get(at + length).copied();
            if length <= GAP
                && (left.is_some() || right.is_some())
                && self.has_gap(left, right, &has)
            {
                return true;
            }
            at += length;
        }
        false
    }

    /// Whether one to [`GAP`] words that are not in the claim stand between `left` and `right`.
    fn has_gap(&self, left: Option<u64>, right: Option<u64>, has: impl Fn(&u64) -> bool) -> bool {
        let starts = self
            .order
            .iter()
            .enumerate()
            .filter(|(_, hash)| **hash == left);
        starts.into_iter().any(|(start, _)| {
            let after = &self.order[start + 1..];
            let others = after
                .iter()
                .take(GAP)
                .take_while(|hash| hash.as_ref().is_some_and(|hash| !has(hash)))
                .count();
            others > 0 && after.get(others).is_some_and(|hash| *hash == right)
        })
    }
}
