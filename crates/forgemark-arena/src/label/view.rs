//! What a person sees of a claim: before the label nothing that says who wrote it, after it everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use forgemark_contract::arena::{
    Answer, Benchmark, ClaimKey, Critique, Debate, Judgment, Label, SelfCheck, slug,
};
use forgemark_contract::json::parse;
use forgemark_journal::Storage;

use super::ticket;
use crate::adjudicate::{Adjudicator, Outcome};
use crate::corpus::{Corpus, Ref, Stored};
use crate::graph::Name;
use crate::redact::{Redactor, Replacement, SOME_MODEL};

/// What stands in place of the name of who alleges the fault, and of who defends.
const CLAIMANT: &str = "[claimant]";
const DEFENDER: &str = "[defender]";

/// The registry of an arena folder, which knows names that files do not hold.
const REGISTRY: &str = "configs/models.json";

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The question is ill-posed.
    IllPosed,
    /// The questioner's own answer is wrong.
    OwnAnswer,
    /// Another's answer is wrong.
    Answer,
}

impl Kind {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::IllPosed => "the question is ill-posed",
            Kind::OwnAnswer => "the questioner's own answer is faulty",
            Kind::Answer => "the answer is faulty",
        }
    }
}

/// A message of a debate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `claimant` or `defender`.
    pub who: &'static str,
    /// The round.
    pub round: i64,
    /// The message.
    pub text: String,
    /// Whether the speaker gives in.
    pub concedes: bool,
}

/// A claim as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The name of the claim that names nobody.
    pub ticket: String,
    /// What it is about.
    pub kind: Kind,
    /// The topic.
    pub topic: String,
    /// The question.
    pub question: String,
    /// The answer that the claim is about; for an ill-posed claim what was written in place of an answer.
    pub answer: String,
    /// The claim.
    pub claim: String,
    /// What was said about it.
    pub debate: Vec<Said>,
    /// The names that were replaced; empty in an open view.
    pub replaced: Vec<Replacement>,
}

/// A decision of a judge or a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// Whose it is.
    pub who: String,
    /// The verdict.
    pub verdict: String,
    /// The confidence, from 1 to 5.
    pub confidence: Option<i64>,
    /// Why.
    pub text: String,
}

/// What a blind view leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    /// The key of the claim.
    pub key: String,
    /// Who alleges the fault.
    pub claimant: String,
    /// Who defends.
    pub defender: String,
    /// The decisions of judges.
    pub judges: Vec<Opinion>,
    /// The labels of other people.
    pub people: Vec<Opinion>,
    /// What the policy makes of the decisions as they were read, without the labels of this session.
    pub outcome: Outcome,
}

/// Every model of an arena with all names that it is known by, by slug.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    /// The names in the files, and those of the registry in the folder where there is one.
    pub(super) fn of(corpus: &Corpus, storage: &dyn Storage, dir: &Path) -> Self {
        let mut names = Names::default();
        for file in &corpus.files {
            names.add(file.place.questioner.as_deref());
        }
        for (_, _, record) in corpus.all::<Answer>() {
            names.add(Some(&record.answer_model));
        }
        for (_, _, record) in corpus.all::<Critique>() {
            names.add(Some(&record.critic));
        }
        for (_, _, record) in corpus.all::<Judgment>() {
            names.add(record.judge_model.as_deref());
        }
        let registry = storage.read(&dir.join(REGISTRY)).ok();
        let registry = registry.and_then(|bytes| parse(&bytes).ok());
        for model in registry.iter().flat_map(|value| value.items("models")) {
            let Some(name) = model.at("name").as_str() else {
                continue;
            };
            let known = names.0.entry(slug(name)).or_default();
            let display = model.at("display_name").as_str();
            known.extend([name].into_iter().chain(display).map(str::to_owned));
        }
        names
    }

    fn add(&mut self, name: Option<&str>) {
        if let Some(name) = name.filter(|name| !self.0.contains_key(*name)) {
            let names = self.0.entry(slug(name)).or_default();
            names.extend([name.to_owned(), slug(name)]);
        }
    }

    fn redactor(&self, claimant: &str, defender: &str) -> Redactor {
        let stand_in = |model: &str| {
            if model == claimant {
                CLAIMANT
            } else if model == defender {
                DEFENDER
            } else {
                SOME_MODEL
            }
        };
        let models = self.0.iter();
        Redactor::of_forms(models.map(|(model, names)| (names, stand_in(model))))
    }
}

/// Who alleges the fault, and who defends.
fn parties(key: &ClaimKey<Name>) -> (Name, Name) {
    match key.critique {
        Some((_, critic)) => (critic, key.answer.answerer),
        None => (key.answer.answerer, key.answer.question.questioner),
    }
}

/// A claim; without names where `names` are given.
pub(super) fn view(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    key: &ClaimKey<Name>,
    names: Option<&Names>,
) -> View {
    let graph = adjudicator.docket.graph;
    let question = graph.questions.get(&key.answer.question);
    let question: Option<&Benchmark> = last(corpus, question);
    let asked = question.and_then(Benchmark::last);
    let own = key.answer.answerer == key.answer.question.questioner;
    let answer: Option<&Answer> = last(corpus, graph.answers.get(&key.answer));
    let answered = answer
        .and_then(Answer::last)
        .map(|last| last.answer.as_str());
    let own_answer = asked.map(|asked| asked.answer.as_str()).filter(|_| own);
    let claim = match key.critique {
        Some(_) => critique_text(last(corpus, graph.critiques.get(key))),
        None => ill_posed_text(answer),
    };
    let debate: Option<&Debate> = last(corpus, graph.debates.get(key));
    let mut view = View {
        ticket: ticket(graph, key),
        kind: match (key.critique, own) {
            (None, _) => Kind::IllPosed,
            (Some(_), true) => Kind::OwnAnswer,
            (Some(_), false) => Kind::Answer,
        },
        topic: question.map_or(String::new(), |question| {
            let name = question.topic_name.as_ref();
            name.unwrap_or(&question.topic_slug).clone()
        }),
        question: asked.map_or(String::new(), |asked| asked.question.clone()),
        answer: own_answer.or(answered).unwrap_or_default().to_owned(),
        claim,
        debate: debate.map_or(Vec::new(), said),
        replaced: Vec::new(),
    };
    if let Some(names) = names {
        let (claimant, defender) = parties(key);
        let redactor = names.redactor(graph.text(claimant), graph.text(defender));
        let said = view.debate.iter_mut().map(|said| &mut said.text);
        let texts = [&mut view.question, &mut view.answer, &mut view.claim];
        for text in texts.into_iter().chain(said) {
            let (blind, mut replaced) = redactor.apply(text);
            *text = blind;
            view.replaced.append(&mut replaced);
        }
    }
    view
}

/// Everything that the blind view of a claim leaves out. `user` sees the labels of others.
pub(super) fn reveal(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    key: &ClaimKey<Name>,
    user: &str,
) -> Reveal {
    let graph = adjudicator.docket.graph;
    let (claimant, defender) = parties(key);
    let judges = graph.judgments.get(key).into_iter().flatten();
    let judges = judges.filter_map(|(judge, at)| {
        let record = corpus.record::<Judgment>(*at)?;
        Some(Opinion {
            who: graph.text(*judge).to_owned(),
            verdict: record.verdict.clone(),
            confidence: record.confidence,
            text: record.reasoning.clone().unwrap_or_default(),
        })
    });
    let people = graph.labels.get(key).into_iter().flatten();
    let people = people.filter(|(name, _)| graph.text(*name) != user);
    let people = people.filter_map(|(name, at)| {
        let record = corpus.record::<Label>(*at)?;
        Some(Opinion {
            who: graph.text(*name).to_owned(),
            verdict: record.verdict.clone(),
            confidence: record.confidence,
            text: record.comment.clone().unwrap_or_default(),
        })
    });
    Reveal {
        key: graph.show_claim(key),
        claimant: graph.text(claimant).to_owned(),
        defender: graph.text(defender).to_owned(),
        judges: judges.collect(),
        people: people.collect(),
        outcome: adjudicator.claim(key).outcome,
    }
}

fn last<'c, T: Stored>(corpus: &'c Corpus, places: Option<&Vec<Ref>>) -> Option<&'c T> {
    corpus.record::<T>(*places?.last()?)
}

fn said(debate: &Debate) -> Vec<Said> {
    let messages = debate.history.iter();
    let messages = messages.map(|message| Said {
        who: match message.is_alice() {
            Some(true) => "claimant",
            Some(false) => "defender",
            None => "somebody",
        },
        round: message.round,
        text: message.message.clone(),
        concedes: message.concedes(),
    });
    messages.collect()
}

fn critique_text(critique: Option<&Critique>) -> String {
    let Some(last) = critique.and_then(Critique::last) else {
        return String::new();
    };
    let mut text = format!("The answer is {}.\n\n{}", last.verdict, last.notes);
    if let Some(suggestions) = last.suggestions.as_deref().filter(|text| !text.is_empty()) {
        text.push_str("\n\nSuggestions: ");
        text.push_str(suggestions);
    }
    text
}

fn ill_posed_text(answer: Option<&Answer>) -> String {
    let claim = answer.and_then(|answer| answer.ill_posed_claim.as_ref());
    let Some(check) = claim.map(SelfCheck) else {
        return String::new();
    };
    let issues = check.issues();
    let mut text = String::from("The question is ill-posed.\n");
    for issue in &issues {
        text.push_str("\n- ");
        text.push_str(issue);
    }
    let improvements = check.improvements().join("; ");
    if !improvements.is_empty() {
        text.push_str("\n\nWhat should change: ");
        text.push_str(&improvements);
    }
    text
}
