//! From decisions to outcomes: what a policy says of each claim, and whether questions are valid.

use std::borrow::Cow;
use std::collections::BTreeSet;

use forgemark_contract::arena::{
    Answer, AnswerKey, CONTRADICTOR, ClaimKey, Critique, EVALUATOR, Judgment, Label, QuestionKey,
};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::corpus::Corpus;
use crate::graph::{Graph, Name};
use crate::policy::{
    Conflict, LabelKeys, Mixed, Order, Orphans, Participants, People, Policy, Quorum, Rule,
    Unanimity,
};

/// What a decision says, whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// `claimant_wins`, and the older words for it.
    ClaimantWins,
    /// `mixed`
    Mixed,
    /// `defender_wins_incorrect`
    DefenderWins,
    /// `defender_wins_minor`
    DefenderWinsMinor,
    /// `wrong_problem`
    WrongProblem,
    /// `unknown`, `other`, `invalid` or a word that nobody knows.
    Nothing,
}

impl Verdict {
    /// The verdict of a word, `ill_posed` for claims that a question is ill-posed, where two of the older words mean the
    /// opposite.
    pub fn parse(word: &str, ill_posed: bool) -> Self {
        let plain = word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let word = if plain {
            Cow::Borrowed(word)
        } else {
            Cow::Owned(word.trim().to_lowercase())
        };
        match (&*word, ill_posed) {
            ("claimant_wins", _) | ("correct", false) | ("ill-posed" | "incorrect", true) => {
                Verdict::ClaimantWins
            }
            ("mixed", _) => Verdict::Mixed,
            ("defender_wins_incorrect", _)
            | ("incorrect", false)
            | ("not ill-posed" | "correct", true) => Verdict::DefenderWins,
            ("defender_wins_minor", _) => Verdict::DefenderWinsMinor,
            ("wrong_problem", _)
            | ("incorrect but wrong reason", false)
            | ("ill-posed but wrong reason", true) => Verdict::WrongProblem,
            _ => Verdict::Nothing,
        }
    }

    /// The side of it; `None` where it says nothing, or nothing under this reading of `mixed`.
    pub fn side(self, mixed: Mixed) -> Option<Outcome> {
        match (self, mixed) {
            (Verdict::ClaimantWins, _) | (Verdict::Mixed, Mixed::Claimant) => {
                Some(Outcome::Claimant)
            }
            (Verdict::DefenderWins | Verdict::DefenderWinsMinor | Verdict::WrongProblem, _)
            | (Verdict::Mixed, Mixed::Defender) => Some(Outcome::Defender),
            (Verdict::Mixed, Mixed::Dropped) => Some(Outcome::Dropped),
            (Verdict::Mixed, Mixed::Abstains) | (Verdict::Nothing, _) => None,
        }
    }
}

/// Who is right about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Who alleges the fault.
    Claimant,
    /// Who defends.
    Defender,
    /// It is decided that the claim decides nothing.
    Dropped,
    /// Nobody decides, or those who do disagree.
    Unresolved,
}

impl Outcome {
    /// The word in `adjudications.jsonl`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Claimant => "claimant",
            Outcome::Defender => "defender",
            Outcome::Dropped => "dropped",
            Outcome::Unresolved => "unresolved",
        }
    }

    /// What several claims about one thing say together: one for the claimant decides, else one for the defender, else one that is
    /// dropped.
    pub fn together(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
        outcomes.into_iter().min().unwrap_or(Outcome::Unresolved)
    }
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The judges.
    Panel,
    /// People, or the model in their place.
    People,
    /// Nobody.
    Nobody,
}

impl By {
    /// The word in `adjudications.jsonl`.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Panel => "panel",
            By::People => "people",
            By::Nobody => "nobody",
        }
    }
}

/// An outcome and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The outcome.
    pub outcome: Outcome,
    /// Who decided.
    pub by: By,
}

/// The decisions about one claim.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Of judges, one each: the last that stands in the files.
    pub judges: Vec<(Name, Verdict)>,
    /// Of people, with whether the label's key is as that of its claim.
    pub humans: Vec<(Name, Verdict, bool)>,
    /// Of models in people's place.
    pub models: Vec<(Name, Verdict, bool)>,
}

impl Case {
    /// Whether the judges' verdicts are not all one word; a decision that failed is a word of its own.
    pub fn is_contested(&self) -> bool {
        let first = self.judges.first().map(|(_, verdict)| *verdict);
        self.judges
            .iter()
            .any(|(_, verdict)| Some(*verdict) != first)
    }
}

/// Every claim of an arena with its decisions, whatever the policy.
#[derive(Debug)]
pub struct Docket<'c> {
    /// The graph of the arena.
    pub graph: &'c Graph<'c>,
    /// The decisions by claim.
    pub cases: FxHashMap<ClaimKey<Name>, Case>,
    /// Claims that a critique or an answer makes, in order.
    pub claims: Vec<ClaimKey<Name>>,
    /// Judged or labelled claims that nothing makes, in order.
    pub orphans: Vec<ClaimKey<Name>>,
    /// The verdict of each critique; `None` where it could not be read or the critic did not stand by it.
    pub critiques: FxHashMap<ClaimKey<Name>, Option<&'c str>>,
    /// The status of each answer; of several records the first, unless a later one succeeded and it did not.
    pub answers: FxHashMap<AnswerKey<Name>, &'c str>,
    /// Claims against a question's validity by question, orphans included.
    by_question: FxHashMap<QuestionKey<Name>, Vec<ClaimKey<Name>>>,
    made: FxHashSet<ClaimKey<Name>>,
    contradictor: Option<Name>,
    evaluator: Option<Name>,
}

impl<'c> Docket<'c> {
    /// The claims of a corpus.
    pub fn new(corpus: &'c Corpus, graph: &'c Graph<'c>) -> Self {
        let mut cases: FxHashMap<ClaimKey<Name>, Case> =
            FxHashMap::with_capacity_and_hasher(graph.judgments.len(), FxBuildHasher);
        // In the order of the files, where the records of neighbours lie together: a large arena does not fit into a cache.
        let mut judged: Vec<_> = graph.judgments.iter().collect();
        judged.sort_unstable_by_key(|(_, decisions)| decisions.first().map(|(_, at)| *at));
        for (key, decisions) in judged {
            let judges = &mut cases.entry(*key).or_default().judges;
            judges.reserve_exact(decisions.len());
            for (judge, at) in decisions {
                let Some(record) = corpus.record::<Judgment>(*at) else {
                    continue;
                };
                let verdict = Verdict::parse(&record.verdict, key.critique.is_none());
                match judges.iter_mut().find(|(other, _)| other == judge) {
                    Some((_, last)) => *last = verdict,
                    None => judges.push((*judge, verdict)),
                }
            }
        }
        for (decisions, of_models) in [(&graph.labels, false), (&graph.adjudications, true)] {
            for (key, labels) in decisions {
                let case = cases.entry(*key).or_default();
                for (user, at) in labels {
                    let Some(record) = corpus.record::<Label>(*at) else {
                        continue;
                    };
                    let ill_posed = key.critique.is_none();
                    let verdict = Verdict::parse(&record.verdict, ill_posed);
                    let clean =
                        !ill_posed || (record.mode.is_none() && record.critic_model.is_none());
                    let labels = if of_models {
                        &mut case.models
                    } else {
                        &mut case.humans
                    };
                    labels.push((*user, verdict, clean));
                }
            }
        }
        let mut answers = FxHashMap::with_capacity_and_hasher(graph.answers.len(), FxBuildHasher);
        for (key, places) in &graph.answers {
            let mut records = places.iter().filter_map(|at| corpus.record::<Answer>(*at));
            let Some(first) = records.next() else {
                continue;
            };
            let status = if records.any(|record| record.status == "succeeded") {
                "succeeded"
            } else {
                first.status.as_str()
            };
            answers.insert(*key, status);
        }
        let mut critiques =
            FxHashMap::with_capacity_and_hasher(graph.critiques.len(), FxBuildHasher);
        let mut claims = Vec::new();
        let mut criticised: Vec<_> = graph.critiques.iter().collect();
        criticised.sort_unstable_by_key(|(_, places)| places.last().copied());
        for (key, places) in criticised {
            let record = places.last().and_then(|at| corpus.record::<Critique>(*at));
            let Some(record) = record else { continue };
            let fine = record.status == "succeeded";
            let read = record
                .verdict()
                .filter(|verdict| fine && *verdict != "unknown");
            critiques.insert(*key, read);
            if record.is_claim() {
                claims.push(*key);
            }
        }
        for (answer, status) in &answers {
            if *status == "ill-posed" {
                claims.push(ill_posed(*answer));
            }
        }
        claims.sort_unstable();
        let made: FxHashSet<_> = claims.iter().copied().collect();
        let mut orphans: Vec<_> = cases
            .keys()
            .filter(|key| !made.contains(key))
            .copied()
            .collect();
        orphans.sort_unstable();
        let contradictor = graph.name(CONTRADICTOR);
        let mut by_question: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for key in claims.iter().chain(&orphans) {
            let against_own = key.answer.answerer == key.answer.question.questioner
                && key
                    .critique
                    .is_some_and(|(mode, _)| Some(mode) == contradictor);
            if key.critique.is_none() || against_own {
                by_question
                    .entry(key.answer.question)
                    .or_default()
                    .push(*key);
            }
        }
        Docket {
            graph,
            cases,
            claims,
            orphans,
            critiques,
            answers,
            by_question,
            made,
            contradictor,
            evaluator: graph.name(EVALUATOR),
        }
    }

    /// Whether a critique or an answer makes the claim.
    pub fn is_made(&self, key: &ClaimKey<Name>) -> bool {
        self.made.contains(key)
    }

    /// The claims against the validity of a question: of contradictors against the questioner's own answer, and ill-posed ones.
    /// Orphans come with them.
    pub fn against(&self, question: &QuestionKey<Name>) -> &[ClaimKey<Name>] {
        self.by_question.get(question).map_or(&[], Vec::as_slice)
    }

    /// The key of the critique that an answerer wrote of the questioner's own answer.
    pub fn contradiction(
        &self,
        question: QuestionKey<Name>,
        critic: Name,
    ) -> Option<ClaimKey<Name>> {
        let answerer = question.questioner;
        Some(ClaimKey {
            answer: AnswerKey { question, answerer },
            critique: Some((self.contradictor?, critic)),
        })
    }

    /// The key of the critique that the questioner wrote of an answer.
    pub fn evaluation(&self, answer: AnswerKey<Name>) -> Option<ClaimKey<Name>> {
        Some(ClaimKey {
            answer,
            critique: Some((self.evaluator?, answer.question.questioner)),
        })
    }

    /// Whether a claim is about the questioner's own answer, by a contradictor.
    pub fn is_contradiction(&self, key: &ClaimKey<Name>) -> bool {
        key.critique
            .is_some_and(|(mode, _)| Some(mode) == self.contradictor)
    }
}

/// The claim of an answer that calls its question ill-posed.
pub(crate) fn ill_posed(answer: AnswerKey<Name>) -> ClaimKey<Name> {
    let critique = None;
    ClaimKey { answer, critique }
}

/// A policy at work on a docket.
#[derive(Debug)]
pub struct Adjudicator<'d> {
    /// What it decides on.
    pub docket: &'d Docket<'d>,
    /// How it decides.
    pub policy: &'d Policy,
    /// The judges whose decisions count.
    judges: BTreeSet<Name>,
    /// The model in people's place.
    model: Option<Name>,
    /// A claim that is taken as decided.
    assumed: Option<(ClaimKey<Name>, Outcome)>,
}

/// Decisions that count, each with its side.
type Votes = Vec<(Name, Verdict)>;

impl<'d> Adjudicator<'d> {
    /// The policy on this docket.
    pub fn new(docket: &'d Docket<'d>, policy: &'d Policy) -> Self {
        let left_out = |judge: &Name| {
            let text = docket.graph.text(*judge);
            policy.without_judges.iter().any(|out| out == text)
        };
        let judges = docket.graph.judges().iter().copied();
        Adjudicator {
            docket,
            policy,
            judges: judges.filter(|judge| !left_out(judge)).collect(),
            model: match &policy.people {
                People::Humans => None,
                People::Model(model) => docket.graph.name(model),
            },
            assumed: None,
        }
    }

    /// The same with one claim taken as decided, whoever said what about it.
    #[must_use]
    pub fn assuming(&self, key: ClaimKey<Name>, outcome: Outcome) -> Self {
        Adjudicator {
            docket: self.docket,
            policy: self.policy,
            judges: self.judges.clone(),
            model: self.model,
            assumed: Some((key, outcome)),
        }
    }

    /// What a rule makes of a claim.
    pub fn rule(&self, rule: &Rule, key: &ClaimKey<Name>) -> Ruling {
        if let Some((_, outcome)) = self.assumed.filter(|(assumed, _)| assumed == key) {
            return Ruling {
                outcome,
                by: By::People,
            };
        }
        let Some(case) = self.docket.cases.get(key) else {
            return Ruling {
                outcome: Outcome::Unresolved,
                by: By::Nobody,
            };
        };
        let panel = || {
            self.panel(rule, key, case)
                .map(|outcome| (outcome, By::Panel))
        };
        let people = || {
            self.people(rule, key, case)
                .map(|outcome| (outcome, By::People))
        };
        let decided = match rule.order {
            Order::Panel => panel(),
            Order::People => people(),
            Order::PanelThenPeople => panel()
                .filter(|(outcome, _)| *outcome != Outcome::Unresolved)
                .or_else(people),
            Order::PeopleThenPanel => people().or_else(panel),
        };
        let (outcome, by) = decided.unwrap_or((Outcome::Unresolved, By::Nobody));
        let by = if outcome == Outcome::Unresolved {
            By::Nobody
        } else {
            by
        };
        Ruling { outcome, by }
    }

    /// What the panel says; `None` without a decision that counts, [`Outcome::Unresolved`] where it does not agree.
    pub fn panel(&self, rule: &Rule, key: &ClaimKey<Name>, case: &Case) -> Option<Outcome> {
        let takes_part = Graph::participants(key);
        let excluded = rule.participants == Participants::Excluded;
        let mut decided = 0;
        let mut votes: Votes = Vec::with_capacity(case.judges.len());
        for (judge, verdict) in &case.judges {
            if !self.judges.contains(judge) || (excluded && takes_part.contains(judge)) {
                continue;
            }
            decided += 1;
            if verdict.side(rule.mixed).is_some() {
                votes.push((*judge, *verdict));
            }
        }
        let wanted = match rule.quorum {
            Quorum::None => 1,
            Quorum::Full => {
                let may = self.judges.iter();
                may.filter(|judge| !takes_part.contains(judge)).count()
            }
        };
        if decided < wanted {
            return (decided > 0).then_some(Outcome::Unresolved);
        }
        agreed(&votes, rule.unanimity, rule.mixed)
    }

    /// What people say; `None` where nobody labelled the claim.
    pub fn people(&self, rule: &Rule, key: &ClaimKey<Name>, case: &Case) -> Option<Outcome> {
        let takes_part = Graph::participants(key);
        let excluded = rule.participants == Participants::Excluded;
        let labels = match self.policy.people {
            People::Humans => &case.humans,
            People::Model(_) => &case.models,
        };
        let counts = |(user, _, clean): &&(Name, Verdict, bool)| {
            (*clean || self.policy.label_keys == LabelKeys::Normalised)
                && (self.policy.people == People::Humans || Some(*user) == self.model)
                && !(excluded && takes_part.contains(user))
        };
        let labels: Votes = (labels.iter().filter(counts))
            .map(|(user, verdict, _)| (*user, *verdict))
            .collect();
        if labels.is_empty() {
            return None;
        }
        let sided: Votes = (labels.iter().copied())
            .filter(|(_, verdict)| verdict.side(rule.mixed).is_some())
            .collect();
        // Labels such as `other` say that the claim decides nothing, unless somebody decides it.
        let unanimity = match rule.conflict {
            Conflict::Unresolved => Unanimity::Side,
            Conflict::Majority => Unanimity::Majority,
        };
        Some(agreed(&sided, unanimity, rule.mixed).unwrap_or(Outcome::Dropped))
    }

    /// Who decided a claim under a rule: those whose decisions the outcome stands on.
    pub fn deciders(&self, key: &ClaimKey<Name>, ruling: Ruling) -> Vec<Name> {
        let Some(case) = self.docket.cases.get(key) else {
            return Vec::new();
        };
        let mut names: Vec<Name> = match (ruling.by, &self.policy.people) {
            (By::Nobody, _) => Vec::new(),
            (By::Panel, _) => (case.judges.iter())
                .filter(|(judge, verdict)| {
                    self.judges.contains(judge) && *verdict != Verdict::Nothing
                })
                .map(|(judge, _)| *judge)
                .collect(),
            (By::People, People::Humans) => case.humans.iter().map(|(user, ..)| *user).collect(),
            (By::People, People::Model(_)) => self.model.into_iter().collect(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the policy's rule for its kind makes of a claim, in the walk of a game.
    pub fn claim(&self, key: &ClaimKey<Name>) -> Ruling {
        self.rule(self.rule_of(key), key)
    }

    /// The rule for a claim's kind.
    pub fn rule_of(&self, key: &ClaimKey<Name>) -> &'d Rule {
        if key.critique.is_none() {
            &self.policy.ill_posed
        } else if self.docket.is_contradiction(key) {
            &self.policy.contradictor
        } else {
            &self.policy.evaluator
        }
    }

    /// What the claims of contradictors against a question say together, and what the claims that it is ill-posed do, under the
    /// rule for validity; `orphans` also counts claims that nothing makes.
    pub fn validity(
        &self,
        question: &QuestionKey<Name>,
        orphans: Orphans,
    ) -> (Option<Outcome>, Option<Outcome>) {
        let counts =
            |key: &&ClaimKey<Name>| orphans == Orphans::Counted || self.docket.is_made(key);
        let outcome = |ill: bool| {
            let keys = self.docket.against(question).iter().filter(counts);
            let rulings = keys
                .filter(|key| key.critique.is_none() == ill)
                .map(|key| self.rule(&self.policy.validity, key).outcome)
                .collect::<Vec<_>>();
            (!rulings.is_empty()).then(|| Outcome::together(rulings))
        };
        (outcome(false), outcome(true))
    }

    /// Whether a question is invalid: a claim against the questioner's own answer, or that it is ill-posed, is upheld.
    pub fn is_invalid(&self, question: &QuestionKey<Name>) -> bool {
        let (own, ill) = self.validity(question, self.policy.orphans);
        own == Some(Outcome::Claimant) || ill == Some(Outcome::Claimant)
    }
}

/// What votes say; `None` without any.
fn agreed(votes: &[(Name, Verdict)], unanimity: Unanimity, mixed: Mixed) -> Option<Outcome> {
    let (_, first) = *votes.first()?;
    let side = |verdict: Verdict| verdict.side(mixed);
    let together = match unanimity {
        Unanimity::Verdict => votes.iter().all(|(_, verdict)| *verdict == first),
        Unanimity::Side => votes
            .iter()
            .all(|(_, verdict)| side(*verdict) == side(first)),
        Unanimity::Majority => {
            let sides = [Outcome::Claimant, Outcome::Defender, Outcome::Dropped];
            let most = sides.into_iter().find(|wanted| {
                let with = votes.iter().filter(|(_, v)| side(*v) == Some(*wanted));
                2 * with.count() > votes.len()
            });
            return Some(most.unwrap_or(Outcome::Unresolved));
        }
    };
    let agreed = together.then(|| side(first)).flatten();
    Some(agreed.unwrap_or(Outcome::Unresolved))
}
