//! Keys that stand twice, and what records stand on.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use forgemark_contract::arena::{
    Answer, AnswerKey, Benchmark, ClaimKey, Critique, Judgment, Label,
};

use super::{Class, Findings};
use crate::corpus::{Corpus, Ref, Stored};
use crate::graph::{Graph, Name, Under};

pub(super) fn check(corpus: &Corpus, graph: &Graph<'_>, findings: &mut Findings<'_>) {
    let mut links = Links {
        corpus,
        graph,
        findings,
    };
    links.duplicates();
    links.answers();
    links.critiques();
    links.debates();
    links.judgments();
    links.labels();
    links.adjudications();
}

struct Links<'f, 'c, 'g> {
    corpus: &'g Corpus,
    graph: &'g Graph<'g>,
    findings: &'f mut Findings<'c>,
}

impl Links<'_, '_, '_> {
    fn duplicates(&mut self) {
        let graph = self.graph;
        self.repeated(&graph.questions, |key| graph.show_question(key));
        self.repeated(&graph.answers, |key| graph.show_answer(key));
        self.repeated(&graph.critiques, |key| graph.show_claim(key));
        self.repeated(&graph.debates, |key| graph.show_claim(key));
        for (key, decisions) in &graph.judgments {
            for (judge, places) in by_name(decisions) {
                if places.len() < 2 {
                    continue;
                }
                let verdict = |at: &Ref| Some(self.record::<Judgment>(*at)?.verdict.as_str());
                let verdicts: BTreeSet<&str> = places.iter().filter_map(verdict).collect();
                let verdicts: Vec<&str> = verdicts.into_iter().collect();
                let judge = graph.text(judge);
                let (shown, last) = (graph.show_claim(key), places.len() - 1);
                if verdicts.len() > 1 {
                    let what = format!("{judge} says {}", verdicts.join(" and "));
                    let (class, places) = (Class::ConflictingJudgment, places.clone());
                    self.findings.entries(class, places, shown.clone(), what);
                }
                let what = format!("{judge} decided it {} times", places.len());
                let places = places[..last].to_vec();
                self.findings
                    .entries(Class::DuplicateJudgment, places, shown, what);
            }
        }
        for labels in [&graph.labels, &graph.adjudications] {
            for (key, decisions) in labels {
                for (user, places) in by_name(decisions) {
                    if let [earlier @ .., _] = places.as_slice()
                        && !earlier.is_empty()
                    {
                        let what =
                            format!("{} decided it {} times", graph.text(user), places.len());
                        let shown = graph.show_claim(key);
                        self.findings
                            .entries(Class::DuplicateLabel, earlier.to_vec(), shown, what);
                    }
                }
            }
        }
    }

    fn repeated<K: Eq + Hash>(&mut self, under: &Under<K>, show: impl Fn(&K) -> String) {
        for (key, places) in under {
            if let [earlier @ .., last] = places.as_slice()
                && !earlier.is_empty()
            {
                let last = self
                    .corpus
                    .file(*last)
                    .map_or("", |file| file.path.as_str());
                let what = format!("it stands {} times, last in {last}", places.len());
                self.findings
                    .entries(Class::DuplicateKey, earlier.to_vec(), show(key), what);
            }
        }
    }

    fn answers(&mut self) {
        let graph = self.graph;
        for (key, places) in &graph.answers {
            if !graph.questions.contains_key(&key.question) {
                let what = format!("no question {}", graph.show_question(&key.question));
                let shown = graph.show_answer(key);
                self.findings
                    .entries(Class::AnswerWithoutQuestion, places.clone(), shown, what);
            }
        }
        // Whoever answers one question of a questioner is expected to answer all.
        let pairs: BTreeSet<(Name, Name)> = (graph.answers.keys())
            .map(|key| (key.question.questioner, key.answerer))
            .collect();
        for (key, places) in &graph.questions {
            let succeeded = |at: &Ref| {
                let record = self.record::<Benchmark>(*at);
                record.is_some_and(|record| record.status == "succeeded")
            };
            if !graph.is_live(key) || !places.iter().any(succeeded) {
                continue;
            }
            let answerers = pairs.range((key.questioner, Name::FIRST)..);
            for (_, answerer) in answerers.take_while(|(asker, _)| *asker == key.questioner) {
                let (question, answerer) = (*key, *answerer);
                let key = AnswerKey { question, answerer };
                if !graph.answers.contains_key(&key) {
                    let what = format!("{} has not answered it", graph.text(answerer));
                    let shown = graph.show_question(&question);
                    self.findings
                        .entries(Class::MissingAnswer, places.clone(), shown, what);
                }
            }
        }
    }

    fn critiques(&mut self) {
        let graph = self.graph;
        for (key, places) in &graph.critiques {
            let question = &key.answer.question;
            // A questioner's own answer is that of its benchmark.
            let own = question.questioner == key.answer.answerer;
            let there = if own {
                graph.questions.contains_key(question)
            } else {
                graph.answers.contains_key(&key.answer)
            };
            if !there {
                let what = format!("no answer {}", graph.show_answer(&key.answer));
                let shown = graph.show_claim(key);
                self.findings
                    .entries(Class::CritiqueWithoutAnswer, places.clone(), shown, what);
            }
            let claims = |at: &Ref| self.record::<Critique>(*at).is_some_and(Critique::is_claim);
            if places.last().is_some_and(claims) && !graph.debates.contains_key(key) {
                let verdict = places
                    .last()
                    .and_then(|at| self.record::<Critique>(*at)?.verdict());
                let what = format!("verdict {}, and no debate", verdict.unwrap_or("absent"));
                let shown = graph.show_claim(key);
                self.findings
                    .entries(Class::UndebatedClaim, places.clone(), shown, what);
            }
        }
        for (key, places) in &graph.answers {
            let claim = ill_posed(*key);
            if self.calls_ill_posed(key) && !graph.debates.contains_key(&claim) {
                let what = "the question is called ill-posed, and there is no debate";
                let shown = graph.show_claim(&claim);
                self.findings
                    .entries(Class::UndebatedClaim, places.clone(), shown, what);
            }
        }
    }

    fn debates(&mut self) {
        let graph = self.graph;
        for (key, places) in &graph.debates {
            let shown = graph.show_claim(key);
            let missing = match key.critique {
                Some(_) if !graph.critiques.contains_key(key) => Some("no critique makes it"),
                None if !self.calls_ill_posed(&key.answer) => Some("no answer makes it"),
                _ => None,
            };
            if let Some(what) = missing {
                let class = Class::DebateWithoutClaim;
                self.findings
                    .entries(class, places.clone(), shown.clone(), what);
            }
            if !graph.judgments.contains_key(key) {
                let live = if graph.is_live(&key.answer.question) {
                    "the newest attempt"
                } else {
                    "an older attempt"
                };
                let what = format!("no judge decided it ({live})");
                self.findings
                    .entries(Class::UnjudgedDebate, places.clone(), shown, what);
            }
        }
    }

    fn judgments(&mut self) {
        let graph = self.graph;
        for (key, decisions) in &graph.judgments {
            let places = || decisions.iter().map(|(_, at)| *at).collect::<Vec<Ref>>();
            let shown = graph.show_claim(key);
            let missing = match key.critique {
                Some(_) if !graph.critiques.contains_key(key) => {
                    Some((Class::JudgedWithoutCritique, "critique"))
                }
                None if !graph.debates.contains_key(key) || !self.calls_ill_posed(&key.answer) => {
                    Some((
                        Class::JudgedWithoutIllPosed,
                        "debate, or no answer that makes it",
                    ))
                }
                _ => None,
            };
            if let Some((class, what)) = missing {
                let what = format!("{}, and no {what}", several(decisions.len(), "judgment"));
                self.findings.entries(class, places(), shown.clone(), what);
            }
            let there: BTreeSet<Name> = decisions.iter().map(|(judge, _)| *judge).collect();
            let out = Graph::participants(key);
            let may = graph.judges().iter().filter(|judge| !out.contains(judge));
            let absent: Vec<&str> = (may.filter(|judge| !there.contains(judge)))
                .map(|judge| graph.text(*judge))
                .collect();
            if !absent.is_empty() {
                let live = if graph.is_live(&key.answer.question) {
                    "live"
                } else {
                    "older"
                };
                let what = format!(
                    "{} ({live}), without {}",
                    several(there.len(), "judge"),
                    absent.join(", ")
                );
                self.findings
                    .entries(Class::TooFewJudges, places(), shown, what);
            }
        }
    }

    fn labels(&mut self) {
        let graph = self.graph;
        for (key, decisions) in &graph.labels {
            let places: Vec<Ref> = decisions.iter().map(|(_, at)| *at).collect();
            let shown = graph.show_claim(key);
            if let Some(class) = self.labelled_nothing(key) {
                let what = several(decisions.len(), "label");
                self.findings
                    .entries(class, places.clone(), shown.clone(), what);
            }
            let users: BTreeSet<Name> = decisions.iter().map(|(user, _)| *user).collect();
            if users.len() < 2 {
                continue;
            }
            let verdict = |at: &Ref| Some(self.record::<Label>(*at)?.verdict.as_str());
            let verdicts: BTreeSet<&str> = places.iter().filter_map(verdict).collect();
            let verdicts: Vec<&str> = verdicts.into_iter().collect();
            let (class, what) = if verdicts.len() > 1 {
                (Class::ConflictingLabels, verdicts.join(" and "))
            } else {
                let what = format!("{} people say {}", users.len(), verdicts.join(""));
                (Class::SharedLabel, what)
            };
            self.findings.entries(class, places, shown, what);
        }
    }

    /// The class of a label whose claim nobody makes.
    fn labelled_nothing(&self, key: &ClaimKey<Name>) -> Option<Class> {
        match key.critique {
            Some(_) if !self.graph.critiques.contains_key(key) => Some(Class::LabelWithoutCritique),
            None if !self.calls_ill_posed(&key.answer) => Some(Class::LabelWithoutIllPosed),
            _ => None,
        }
    }

    fn adjudications(&mut self) {
        let graph = self.graph;
        let mut users = BTreeSet::new();
        for (key, decisions) in &graph.adjudications {
            let shown = graph.show_claim(key);
            let out = Graph::participants(key);
            let contested = self.is_contested(key);
            let missing = self.labelled_nothing(key);
            for (user, at) in decisions {
                users.insert(*user);
                let found = |class, what: &str| (class, vec![*at], shown.clone(), what.to_owned());
                let what = [
                    missing
                        .map(|_| found(Class::AdjudicationWithoutClaim, "nobody makes the claim")),
                    (!contested).then(|| {
                        let what = "its judges agree, or its question is an older attempt";
                        found(Class::AdjudicationGap, what)
                    }),
                    out.contains(user)
                        .then(|| found(Class::SelfAdjudication, "it takes part in the claim")),
                ];
                for (class, places, shown, what) in what.into_iter().flatten() {
                    self.findings.entries(class, places, shown, what);
                }
            }
        }
        for (key, decisions) in &graph.judgments {
            if users.is_empty() || !self.is_contested(key) {
                continue;
            }
            let made = graph
                .adjudications
                .get(key)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let made: BTreeSet<Name> = made.iter().map(|(user, _)| *user).collect();
            for user in users.difference(&made) {
                let what = format!("{} did not decide it", graph.text(*user));
                let places = decisions.iter().map(|(_, at)| *at).collect();
                let shown = graph.show_claim(key);
                self.findings
                    .entries(Class::AdjudicationGap, places, shown, what);
            }
        }
    }

    /// Whether a claim is live and its judges do not all say the same word.
    fn is_contested(&self, key: &ClaimKey<Name>) -> bool {
        let Some(decisions) = self.graph.judgments.get(key) else {
            return false;
        };
        let verdict = |at: Ref| Some(self.record::<Judgment>(at)?.verdict.as_str());
        let mut verdicts = decisions.iter().filter_map(|(_, at)| verdict(*at));
        let first = verdicts.next();
        self.graph.is_live(&key.answer.question) && verdicts.any(|other| Some(other) != first)
    }

    /// Whether an answer calls its question ill-posed.
    fn calls_ill_posed(&self, key: &AnswerKey<Name>) -> bool {
        let places = self
            .graph
            .answers
            .get(key)
            .map(Vec::as_slice)
            .unwrap_or_default();
        places.iter().any(|at| {
            let record = self.record::<Answer>(*at);
            record.is_some_and(|record| record.status == "ill-posed")
        })
    }

    fn record<T: Stored>(&self, at: Ref) -> Option<&T> {
        self.corpus.record(at)
    }
}

/// The claim of an answer that calls its question ill-posed.
fn ill_posed(answer: AnswerKey<Name>) -> ClaimKey<Name> {
    let critique = None;
    ClaimKey { answer, critique }
}

/// `1 label`, `2 labels`.
fn several(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

fn by_name(decisions: &[(Name, Ref)]) -> BTreeMap<Name, Vec<Ref>> {
    let mut by_name: BTreeMap<Name, Vec<Ref>> = BTreeMap::new();
    for (name, at) in decisions {
        by_name.entry(*name).or_default().push(*at);
    }
    by_name
}
