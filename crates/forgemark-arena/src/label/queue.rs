//! Which claims a person is asked about, and in which order.

use std::collections::BTreeMap;

use forgemark_contract::arena::{ClaimKey, Debate, Label};
use forgemark_stats::rating::{ELO_PER_LOGIT, Rating, firth};

use super::USUAL_CONFIDENCE;
use crate::adjudicate::{Adjudicator, Case, Outcome};
use crate::corpus::Corpus;
use crate::games::Walk;
use crate::graph::{Graph, Name};

/// Which claims come into the queue. All are claims of newest attempts, on valid questions, that were debated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum QueuePolicy {
    /// The judges' verdicts are not one word, and nobody else decided with confidence.
    #[default]
    Contested,
    /// At least two other people labelled it, with different verdicts.
    TieBreak,
    /// Others labelled it: all of low confidence, and of the rest a tenth, the same one for everybody, so that agreement can be
    /// measured.
    Overlap,
    /// As [`QueuePolicy::Contested`], those first whose decision moves the ratings most; see [`Information`].
    RankInformation,
}

/// Of the claims that one other person decided with confidence, one in so many is in the overlap.
const OVERLAP: u64 = 10;

impl QueuePolicy {
    /// All of them.
    pub const ALL: [QueuePolicy; 4] = [
        QueuePolicy::Contested,
        QueuePolicy::TieBreak,
        QueuePolicy::Overlap,
        QueuePolicy::RankInformation,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            QueuePolicy::Contested => "contested",
            QueuePolicy::TieBreak => "tie-break",
            QueuePolicy::Overlap => "overlap",
            QueuePolicy::RankInformation => "rank-information",
        }
    }
}

/// A claim to decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task {
    /// The claim.
    pub key: ClaimKey<Name>,
    /// What deciding it is expected to move; under [`QueuePolicy::RankInformation`] only.
    pub information: Option<Information>,
}

/// What a decision about a claim is expected to move.
///
/// The ratings (bipartite with Firth's penalty, which is finite for everybody) are fitted three times: as things stand, with the
/// claim decided for the claimant, and with it decided for the defender. The two changes are averaged with the weights `p` and `1 - p`,
/// where `p = (c + 1) / (c + d + 2)` and `c`, `d` are the judges on the claimant's and the defender's side. A model without games
/// counts as one of average strength, so that its first game moves it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Information {
    /// Expected number of pairs of models, within a role, that change their order.
    pub swaps: f64,
    /// Expected root of the mean squared change of a rating over all models and roles, in Elo points.
    pub elo: f64,
}

/// The claims that `user` is asked about, in order.
///
/// Claims that decide whether a question is valid come first, then lower attempts; within these the order is drawn from the user's
/// name and the claim's key, so that it is the same at every start, differs between people, and new claims leave the order of the
/// others alone. Under [`QueuePolicy::RankInformation`] the expected movement decides first. Claims that the person has labelled stay in
/// the queue, so that they can be come back to; claims on a question that their label made invalid leave it at the next start.
pub fn queue(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    user: &str,
    policy: QueuePolicy,
) -> Vec<Task> {
    let docket = adjudicator.docket;
    let others = |key: &ClaimKey<Name>| Others::of(corpus, docket.graph, key, user);
    let me = docket.graph.name(user);
    let is_mine = |key: &ClaimKey<Name>| {
        let mut labels = docket.graph.labels.get(key).into_iter().flatten();
        labels.any(|(name, _)| Some(*name) == me)
    };
    let wanted = |key: &&ClaimKey<Name>| {
        let question = &key.answer.question;
        docket.graph.is_live(question)
            && debated(corpus, docket.graph, key)
            && (is_mine(key) || !adjudicator.is_invalid(question))
            && match policy {
                QueuePolicy::Contested | QueuePolicy::RankInformation => {
                    let case = docket.cases.get(key);
                    case.is_some_and(Case::is_contested) && others(key).decisive == 0
                }
                QueuePolicy::TieBreak => others(key).verdicts.len() > 1,
                QueuePolicy::Overlap => {
                    let others = others(key);
                    let drawn = || draw("overlap", docket.graph, key).is_multiple_of(OVERLAP);
                    (others.people > 0 && others.decisive == 0) || (others.decisive == 1 && drawn())
                }
            }
    };
    let place = |key: &ClaimKey<Name>| {
        let of_question = key.critique.is_none() || docket.is_contradiction(key);
        let attempt = key.answer.question.attempt;
        (!of_question, attempt, draw(user, docket.graph, key))
    };
    let mut keys: Vec<ClaimKey<Name>> = docket.claims.iter().filter(wanted).copied().collect();
    keys.sort_by_cached_key(place);
    if policy != QueuePolicy::RankInformation {
        let task = |key| Task {
            key,
            information: None,
        };
        return keys.into_iter().map(task).collect();
    }
    let walk = Walk::new(corpus, adjudicator);
    let found = information(corpus, adjudicator, &walk, &keys);
    let mut found: Vec<_> = keys.into_iter().zip(found).collect();
    found.sort_by(|(_, a), (_, b)| {
        (b.swaps.total_cmp(&a.swaps)).then_with(|| b.elo.total_cmp(&a.elo))
    });
    let task = |(key, information)| Task {
        key,
        information: Some(information),
    };
    found.into_iter().map(task).collect()
}

/// The name of a claim that says nothing about who takes part in it: ten hexadecimal digits of the BLAKE3 hash of its key.
pub fn ticket(graph: &Graph<'_>, key: &ClaimKey<Name>) -> String {
    let hash = blake3::hash(graph.show_claim(key).as_bytes()).to_hex();
    hash.as_str().get(..10).unwrap_or_default().to_owned()
}

/// What deciding each of some claims is expected to move.
pub fn information(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    walk: &Walk,
    keys: &[ClaimKey<Name>],
) -> Vec<Information> {
    let now = ratings(walk);
    let of = |key: &ClaimKey<Name>| {
        let case = adjudicator.docket.cases.get(key);
        let rule = adjudicator.rule_of(key);
        let on = |side: Outcome| {
            let judges = case.map_or(&[][..], |case| &case.judges);
            let sides = judges.iter().map(|(_, verdict)| verdict.side(rule.mixed));
            sides.filter(|found| *found == Some(side)).count() as f64
        };
        let (claimant, defender) = (on(Outcome::Claimant), on(Outcome::Defender));
        let upheld = (claimant + 1.0) / (claimant + defender + 2.0);
        let mut expected = Information::default();
        for (outcome, weight) in [
            (Outcome::Claimant, upheld),
            (Outcome::Defender, 1.0 - upheld),
        ] {
            let assumed = adjudicator.assuming(*key, outcome);
            let then = ratings(&walk.redone(corpus, &assumed, &key.answer.question));
            let moved = moved(&now, &then);
            expected.swaps += weight * moved.swaps;
            expected.elo += weight * moved.elo;
        }
        expected
    };
    keys.iter().map(of).collect()
}

/// The ratings of answerers and of questioners.
fn ratings(walk: &Walk) -> [Vec<Rating>; 2] {
    let fit = firth(&walk.design());
    [fit.answerers, fit.questioners]
}

fn moved(now: &[Vec<Rating>; 2], then: &[Vec<Rating>; 2]) -> Information {
    let (mut swaps, mut squares, mut n) = (0.0, 0.0, 0.0);
    let logit = |rating: &Rating| rating.logit.unwrap_or(0.0);
    for (now, then) in now.iter().zip(then) {
        let both = now.iter().map(logit).zip(then.iter().map(logit));
        let both: Vec<(f64, f64)> = both.collect();
        for (at, (before, after)) in both.iter().enumerate() {
            squares += (ELO_PER_LOGIT * (after - before)).powi(2);
            n += 1.0;
            let later = both.iter().skip(at + 1);
            let swapped = later.filter(|(b, a)| before.total_cmp(b) != after.total_cmp(a));
            swaps += swapped.count() as f64;
        }
    }
    let elo = if n > 0.0 { f64::sqrt(squares / n) } else { 0.0 };
    Information { swaps, elo }
}

/// Other people's labels of one claim.
struct Others {
    people: usize,
    /// Labels with at least the usual confidence that say something.
    decisive: usize,
    /// The last verdict of each.
    verdicts: Vec<String>,
}

impl Others {
    fn of(corpus: &Corpus, graph: &Graph<'_>, key: &ClaimKey<Name>, user: &str) -> Self {
        let mut labels: BTreeMap<Name, &Label> = BTreeMap::new();
        for (name, at) in graph.labels.get(key).into_iter().flatten() {
            if graph.text(*name) != user
                && let Some(label) = corpus.record::<Label>(*at)
            {
                labels.insert(*name, label);
            }
        }
        let decisive = |label: &&&Label| {
            label.confidence.unwrap_or(USUAL_CONFIDENCE) >= USUAL_CONFIDENCE
                && label.verdict != "unknown"
        };
        let mut verdicts: Vec<String> =
            labels.values().map(|label| label.verdict.clone()).collect();
        verdicts.sort_unstable();
        verdicts.dedup();
        Others {
            people: labels.len(),
            decisive: labels.values().filter(decisive).count(),
            verdicts,
        }
    }
}

/// Whether anything was said about a claim.
fn debated(corpus: &Corpus, graph: &Graph<'_>, key: &ClaimKey<Name>) -> bool {
    let places = graph.debates.get(key).into_iter().flatten();
    let mut debates = places.filter_map(|at| corpus.record::<Debate>(*at));
    debates.any(|debate| !debate.history.is_empty())
}

/// A number that depends on a word and a claim alone.
fn draw(seed: &str, graph: &Graph<'_>, key: &ClaimKey<Name>) -> u64 {
    let hash = blake3::hash(format!("{seed}\n{}", graph.show_claim(key)).as_bytes());
    let mut number = [0; 8];
    for (to, from) in number.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    u64::from_le_bytes(number)
}
