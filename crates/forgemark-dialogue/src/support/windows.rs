//! Windows of passages that may support a claim.

use std::ops::Range;

use super::claims::{Claim, Claims};
use super::sentences::sentences;
use super::tokens::{Kind, scan};
use super::{ClaimSupport, Doubt, Evidence, MISSING_NUMBER, NEGATION, OTHER_WORD};

/// How many windows a claim is compared with in detail: the ones with most of its words. More
/// than one, because the best by words may be the one that denies it.
const CANDIDATES: usize = 3;

/// A window with words of a claim.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Index of its last sentence.
    last: u32,
    /// Whether the sentence before belongs to it.
    two: bool,
    /// Bit i: the window has word i of the claim.
    words: u64,
}

struct Sentence {
    passage: usize,
    span: Range<usize>,
    /// Where its words begin in [`Search::words`].
    words: u32,
}

/// Collects the best windows of every claim, passage by passage.
pub(super) struct Search<'a> {
    claims: &'a Claims,
    sentences: Vec<Sentence>,
    /// Everything but function words, of all sentences one after the other.
    words: Vec<Word>,
    /// For each claim its best windows, best first.
    best: Vec<Vec<Candidate>>,
    /// Words of each claim in the sentence before and in this one.
    before: Vec<u64>,
    now: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Word {
    hash: u64,
    /// Place among all words of the sentence, function words included.
    place: u32,
    negation: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(claims: &'a Claims) -> Self {
        let n = claims.list.len();
        Self {
            claims,
            sentences: Vec::with_capacity(128),
            words: Vec::with_capacity(1024),
            best: vec![Vec::with_capacity(CANDIDATES); n],
            before: vec![0; n],
            now: vec![0; n],
        }
    }

    pub(super) fn add(&mut self, passage: usize, text: &str) {
        self.before.fill(0);
        let mut first = true;
        for span in sentences(text) {
            self.now.fill(0);
            let last = self.sentences.len() as u32;
            let words = self.words.len() as u32;
            let (claims, now, all) = (self.claims, &mut self.now, &mut self.words);
            let mut place = 0;
            scan(&text[span.clone()], |token| {
                let negation = token.kind == Kind::Negation;
                if token.counts() {
                    claims.matches(token.hash, |claim, place| now[claim] |= 1 << place);
                }
                if negation || token.counts() {
                    all.push(Word {
                        hash: token.hash,
                        place,
                        negation,
                    });
                }
                place += 1;
            });
            self.sentences.push(Sentence {
                passage,
                span,
                words,
            });
            for ((now, before), best) in self.now.iter().zip(&self.before).zip(&mut self.best) {
                if *now == 0 {
                    continue;
                }
                offer(
                    best,
                    Candidate {
                        last,
                        two: false,
                        words: *now,
                    },
                );
                let both = now | before;
                if !first && both != *now && both != *before {
                    offer(
                        best,
                        Candidate {
                            last,
                            two: true,
                            words: both,
                        },
                    );
                }
            }
            std::mem::swap(&mut self.before, &mut self.now);
            first = false;
        }
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
                candidates
                    .iter()
                    .map(|candidate| self.score(claim, *candidate))
                    .fold(none, |best, found| {
                        if found.score > best.score {
                            found
                        } else {
                            best
                        }
                    })
            })
            .collect()
    }

    /// The support of `claim` in one window.
    fn score(&self, claim: &Claim, candidate: Candidate) -> ClaimSupport {
        let has = |hash: &u64| {
            let place = claim.words.iter().position(|word| word == hash);
            place.is_some_and(|place| candidate.words & (1 << place) != 0)
        };
        let last = candidate.last as usize;
        let first = last - usize::from(candidate.two);
        let window = self.window(claim, first, last);
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
        let recall = f64::from(candidate.words.count_ones()) / claim.words.len() as f64;
        let factor = |applies: bool, factor: f64| if applies { factor } else { 1.0 };
        let score = recall
            * factor(number_missing, MISSING_NUMBER)
            * factor(name_missing || word_replaced, OTHER_WORD)
            * factor(negation_differs, NEGATION);
        let span = self.sentences[first].span.start..self.sentences[last].span.end;
        ClaimSupport {
            claim: claim.span.clone(),
            score,
            recall,
            best: Some(Evidence {
                passage: self.sentences[last].passage,
                span,
            }),
            doubts: doubts
                .into_iter()
                .filter(|(applies, _)| *applies)
                .map(|(_, doubt)| doubt)
                .collect(),
        }
    }

    /// What the sentences `first` to `last` say.
    fn window(&self, claim: &Claim, first: usize, last: usize) -> Window {
        // "do not", "must never be": a denial stands up to three words before what it denies.
        const BEFORE: u32 = 3;
        let mut order = Vec::with_capacity(48);
        let mut negations: Vec<(u32, usize)> = Vec::new();
        let (mut from, mut to, mut to_sentence) = (None, 0, first);
        let mut offset = 0;
        order.push(None);
        for index in first..=last {
            let end = self
                .sentences
                .get(index + 1)
                .map_or(self.words.len(), |next| next.words as usize);
            let words = &self.words[self.sentences[index].words as usize..end];
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
        Window { order, denies }
    }
}

/// Keeps the windows with most words; an equal one that comes later loses.
fn offer(best: &mut Vec<Candidate>, candidate: Candidate) {
    let count = candidate.words.count_ones();
    let place = best.partition_point(|kept| kept.words.count_ones() >= count);
    if place < CANDIDATES {
        best.truncate(CANDIDATES - 1);
        best.insert(place, candidate);
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
