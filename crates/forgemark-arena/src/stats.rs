//! What an arena's decisions add up to under a policy: counts, the flow of the protocol, agreement, who wins how often.

mod agreement;
mod json;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use forgemark_contract::arena::{Benchmark, Judgment, QuestionKey};
use forgemark_stats::{Interval, Z_95, wilson};

pub(crate) use json::interval_json;

pub use agreement::{Agreement, AlphaOf, JudgeStats, Panel};

use crate::adjudicate::{Adjudicator, Case, Outcome};
use crate::corpus::Corpus;
use crate::games::{End, OwnAnswer, Walk};
use crate::graph::Name;
use crate::policy::{LabelKeys, Orphans, Policy};

/// A count of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// How many.
    pub hits: u64,
    /// Of how many.
    pub n: u64,
}

impl Share {
    /// Counts one.
    pub fn add(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.n += 1;
    }

    /// The ratio, in [0, 1]; `None` of nothing.
    pub fn ratio(self) -> Option<f64> {
        (self.n > 0).then(|| self.hits as f64 / self.n as f64)
    }

    /// Its 95 % interval, by Wilson.
    pub fn interval(self) -> Option<Interval> {
        wilson(self.hits, self.n, Z_95)
    }
}

/// Everything that `arena stats` says.
#[derive(Debug)]
pub struct Stats {
    /// The policy behind it.
    pub policy: Policy,
    /// Live questions.
    pub questions: u64,
    /// Live questions that succeeded and are valid.
    pub valid: u64,
    /// Answers to live questions.
    pub answers: u64,
    /// Of these, those that call their question ill-posed.
    pub ill_posed_answers: u64,
    /// Critiques on live questions by their last verdict; unread ones under `unknown`.
    pub critiques: BTreeMap<String, u64>,
    /// Debates about live ill-posed claims, and about live critiques.
    pub debates: (u64, u64),
    /// Decisions of judges by kind of claim and verdict, of all attempts.
    pub verdicts: BTreeMap<(String, String), u64>,
    /// Live claims by how many people labelled them.
    pub labels: BTreeMap<u64, u64>,
    /// Live claims on which the judges' verdicts are not all one word.
    pub contested: u64,
    /// The same, counted once for each answer.
    pub contested_answers: u64,
    /// Meetings by their end; see [`Walk::ends`].
    pub flow: BTreeMap<End, u64>,
    /// Meetings by what became of the answerer's critique of the questioner's own answer.
    pub own: BTreeMap<OwnAnswer, u64>,
    /// Meetings that end with a winner on questions that are invalid; they are no games.
    pub on_invalid: u64,
    /// Agreement of judges with one another and with people.
    pub agreement: Agreement,
    /// By model.
    pub models: BTreeMap<String, ModelStats>,
    /// Games by answerer and questioner.
    pub matrix: BTreeMap<(String, String), Share>,
    /// Questions by what the claims against them come to, without orphan judgments and with them.
    pub validity: [Validity; 2],
    /// By attempt.
    pub attempts: BTreeMap<i64, Part>,
    /// By topic.
    pub topics: BTreeMap<String, Part>,
}

/// How often one model is right in each part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelStats {
    /// As a critic: decided critique claims on live questions that are upheld.
    pub claimant: Share,
    /// As who answered: decided claims on live questions against its answer to another's question that are rejected.
    pub defender: Share,
    /// As a questioner: decided claims on live questions against its own answers that are rejected.
    pub own_answer: Share,
    /// Runs by the first attempt that succeeded and is valid.
    pub first_valid: BTreeMap<i64, u64>,
    /// Runs without such an attempt.
    pub never_valid: u64,
    /// Games as an answerer that it wins.
    pub answerer: Share,
    /// Games as a questioner that it wins.
    pub questioner: Share,
}

/// How many questions the claims against them make valid or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// Questions against whose own answer a claim is upheld.
    pub own_upheld: u64,
    /// Questions against whose own answer all decided claims are rejected.
    pub own_rejected: u64,
    /// Questions whose ill-posed claims are upheld.
    pub ill_posed_upheld: u64,
    /// Questions whose decided ill-posed claims are all rejected.
    pub ill_posed_rejected: u64,
    /// Questions that are invalid for one reason or the other.
    pub invalid: u64,
    /// Of these, the live ones.
    pub invalid_live: u64,
}

/// What one topic or attempt holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// Questions.
    pub questions: u64,
    /// Of these, live ones.
    pub live: u64,
    /// Of the live ones, those that succeeded and are valid.
    pub valid: u64,
    /// Games on them that answerers win.
    pub games: Share,
}

impl Stats {
    /// The statistics of a walk. `resamples` is for the intervals of alpha.
    pub fn new(
        corpus: &Corpus,
        adjudicator: &Adjudicator<'_>,
        walk: &Walk,
        resamples: u32,
        seed: u64,
    ) -> Self {
        let docket = adjudicator.docket;
        let graph = docket.graph;
        let live = |key: &QuestionKey<Name>| graph.is_live(key);
        let mut critiques = BTreeMap::new();
        for (key, verdict) in &docket.critiques {
            if live(&key.answer.question) {
                let word = verdict.unwrap_or("unknown").to_owned();
                *critiques.entry(word).or_insert(0) += 1;
            }
        }
        let mut verdicts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (_, _, record) in corpus.all::<Judgment>() {
            let kind = if record.kind == "illposed" {
                "ill-posed"
            } else {
                "critique"
            };
            *verdicts.entry((kind, &record.verdict)).or_default() += 1;
        }
        let verdicts = verdicts.into_iter();
        let verdicts =
            verdicts.map(|((kind, verdict), n)| ((kind.to_owned(), verdict.to_owned()), n));
        let live_debates = |ill: bool| {
            let debates = graph.debates.keys();
            let debates = debates.filter(|key| live(&key.answer.question));
            debates.filter(|key| key.critique.is_none() == ill).count() as u64
        };
        let live_answers = docket.answers.iter().filter(|(key, _)| live(&key.question));
        let (labels, contested, contested_answers) = contested(adjudicator);
        let mut own = BTreeMap::new();
        for meeting in &walk.meetings {
            *own.entry(meeting.own).or_insert(0) += 1;
        }
        let on_invalid = walk.meetings.iter();
        let on_invalid =
            on_invalid.filter(|meeting| meeting.invalid && meeting.end.answerer_wins().is_some());
        let topics = topics(corpus, adjudicator);
        let part = |named: &dyn Fn(&QuestionKey<Name>) -> String| parts(adjudicator, walk, named);
        Stats {
            policy: adjudicator.policy.clone(),
            questions: walk.live as u64,
            valid: walk.valid as u64,
            answers: live_answers.clone().count() as u64,
            ill_posed_answers: live_answers
                .filter(|(_, status)| **status == "ill-posed")
                .count() as u64,
            critiques,
            debates: (live_debates(true), live_debates(false)),
            verdicts: verdicts.collect(),
            labels,
            contested,
            contested_answers,
            flow: walk.ends(),
            own,
            on_invalid: on_invalid.count() as u64,
            agreement: Agreement::new(adjudicator, resamples, seed),
            models: models(corpus, adjudicator, walk),
            matrix: matrix(adjudicator, walk),
            validity: [Orphans::Ignored, Orphans::Counted].map(|o| validity(adjudicator, o)),
            attempts: (part(&|key| format!("{:09}", key.attempt)).into_iter())
                .filter_map(|(attempt, part)| Some((attempt.parse().ok()?, part)))
                .collect(),
            topics: part(&|key| topics.get(key).copied().unwrap_or_default().to_owned()),
        }
    }

    /// Meetings with an answer that the answerer wins, that the questioner wins and that are dropped, those on invalid questions
    /// included, as the original's protocol flow counts them.
    pub fn outcomes(&self) -> [u64; 3] {
        let mut outcomes = [0; 3];
        for (end, n) in &self.flow {
            match (end, end.answerer_wins()) {
                (End::QuestionFailed | End::AnswerMissing, _) => {}
                (_, Some(true)) => outcomes[0] += n,
                (_, Some(false)) => outcomes[1] += n,
                (_, None) => outcomes[2] += n,
            }
        }
        outcomes
    }

    /// Games that answerers win, of all games.
    pub fn games(&self) -> Share {
        self.matrix
            .values()
            .fold(Share::default(), |all, cell| Share {
                hits: all.hits + cell.hits,
                n: all.n + cell.n,
            })
    }
}

/// Live claims by labels, how many are contested, and on how many answers.
fn contested(adjudicator: &Adjudicator<'_>) -> (BTreeMap<u64, u64>, u64, u64) {
    let docket = adjudicator.docket;
    let (mut labels, mut contested, mut answers) = (BTreeMap::new(), 0, BTreeSet::new());
    for key in &docket.claims {
        if !docket.graph.is_live(&key.answer.question) {
            continue;
        }
        let case = docket.cases.get(key);
        let joined = case.map_or(0, |case| {
            let normalised = adjudicator.policy.label_keys == LabelKeys::Normalised;
            let joins = case
                .humans
                .iter()
                .filter(|(.., clean)| *clean || normalised);
            joins.count() as u64
        });
        *labels.entry(joined).or_insert(0) += 1;
        if case.is_some_and(Case::is_contested) {
            contested += 1;
            answers.insert(key.answer);
        }
    }
    (labels, contested, answers.len() as u64)
}

/// The topic of every question, by slug.
pub(crate) fn topics<'c>(
    corpus: &'c Corpus,
    adjudicator: &Adjudicator<'_>,
) -> HashMap<QuestionKey<Name>, &'c str> {
    let questions = adjudicator.docket.graph.questions.iter();
    questions
        .filter_map(|(key, places)| {
            let record = corpus.record::<Benchmark>(*places.last()?)?;
            Some((*key, record.topic_slug.as_str()))
        })
        .collect()
}

fn succeeded(corpus: &Corpus, adjudicator: &Adjudicator<'_>, key: &QuestionKey<Name>) -> bool {
    let places = adjudicator.docket.graph.questions.get(key);
    let record = places.and_then(|places| corpus.record::<Benchmark>(*places.last()?));
    record.is_some_and(|record| record.status == "succeeded")
}

fn models(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    walk: &Walk,
) -> BTreeMap<String, ModelStats> {
    let docket = adjudicator.docket;
    let graph = docket.graph;
    let mut models: BTreeMap<String, ModelStats> = BTreeMap::new();
    let named = walk.answerers.iter().chain(&walk.questioners);
    for name in named {
        models.entry(graph.text(*name).to_owned()).or_default();
    }
    let mut of = |name: Name, change: &dyn Fn(&mut ModelStats)| {
        change(models.entry(graph.text(name).to_owned()).or_default());
    };
    // Every judged claim, as the original counts, whether its critique is still there or not.
    for key in docket.cases.keys() {
        let Some((_, critic)) = key.critique else {
            continue;
        };
        if !graph.is_live(&key.answer.question) || docket.cases[key].judges.is_empty() {
            continue;
        }
        let upheld = match adjudicator.claim(key).outcome {
            Outcome::Claimant => true,
            Outcome::Defender => false,
            Outcome::Dropped | Outcome::Unresolved => continue,
        };
        of(critic, &|model| model.claimant.add(upheld));
        let own = key.answer.answerer == key.answer.question.questioner;
        of(key.answer.answerer, &|model| {
            let share = if own {
                &mut model.own_answer
            } else {
                &mut model.defender
            };
            share.add(!upheld);
        });
    }
    for meeting in &walk.meetings {
        if let Some(wins) = meeting.answerer_wins() {
            of(meeting.answerer, &|model| model.answerer.add(wins));
            of(meeting.question.questioner, &|model| {
                model.questioner.add(!wins);
            });
        }
    }
    let mut runs: BTreeMap<(Name, Name), Vec<QuestionKey<Name>>> = BTreeMap::new();
    for key in graph.questions.keys() {
        runs.entry((key.questioner, key.run))
            .or_default()
            .push(*key);
    }
    for ((questioner, _), mut keys) in runs {
        keys.sort_unstable();
        let first = keys
            .iter()
            .find(|key| succeeded(corpus, adjudicator, key) && !adjudicator.is_invalid(key));
        of(questioner, &|model| match first {
            Some(key) => *model.first_valid.entry(key.attempt).or_insert(0) += 1,
            None => model.never_valid += 1,
        });
    }
    models
}

fn matrix(adjudicator: &Adjudicator<'_>, walk: &Walk) -> BTreeMap<(String, String), Share> {
    let text = |name: Name| adjudicator.docket.graph.text(name).to_owned();
    let mut cells: BTreeMap<(Name, Name), Share> = BTreeMap::new();
    for meeting in &walk.meetings {
        if let Some(wins) = meeting.answerer_wins() {
            let cell = cells.entry((meeting.answerer, meeting.question.questioner));
            cell.or_default().add(wins);
        }
    }
    let cells = cells.into_iter();
    cells
        .map(|((answerer, questioner), share)| ((text(answerer), text(questioner)), share))
        .collect()
}

fn validity(adjudicator: &Adjudicator<'_>, orphans: Orphans) -> Validity {
    let graph = adjudicator.docket.graph;
    let mut found = Validity::default();
    for key in graph.questions.keys() {
        let (own, ill) = adjudicator.validity(key, orphans);
        let (claimant, defender) = (Some(Outcome::Claimant), Some(Outcome::Defender));
        found.own_upheld += u64::from(own == claimant);
        found.own_rejected += u64::from(own == defender);
        found.ill_posed_upheld += u64::from(ill == claimant);
        found.ill_posed_rejected += u64::from(ill == defender);
        if own == claimant || ill == claimant {
            found.invalid += 1;
            found.invalid_live += u64::from(graph.is_live(key));
        }
    }
    found
}

fn parts(
    adjudicator: &Adjudicator<'_>,
    walk: &Walk,
    named: &dyn Fn(&QuestionKey<Name>) -> String,
) -> BTreeMap<String, Part> {
    let graph = adjudicator.docket.graph;
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for key in graph.questions.keys() {
        let part = parts.entry(named(key)).or_default();
        part.questions += 1;
        part.live += u64::from(graph.is_live(key));
    }
    for same in walk.meetings.chunk_by(|a, b| a.question == b.question) {
        let Some(first) = same.first() else { continue };
        let part = parts.entry(named(&first.question)).or_default();
        part.valid += u64::from(!first.invalid && first.end != End::QuestionFailed);
        for wins in same.iter().filter_map(crate::games::Meeting::answerer_wins) {
            part.games.add(wins);
        }
    }
    parts
}
