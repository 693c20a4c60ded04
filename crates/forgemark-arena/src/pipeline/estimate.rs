//! How many calls a command will make, before it makes any.
//!
//! What is missing is counted by the keys of the folder. What will follow from it is not known before: how often a model
//! improves its text, how many critiques allege a fault, how many questions are replaced. For these the expected numbers take the
//! shares of the published arena of eight models, and the bounds take the most that the configuration allows.

use std::collections::BTreeMap;
use std::path::Path;

use forgemark_contract::arena::{CONTRADICTOR, EVALUATOR, QuestionKey};
use forgemark_journal::Storage;

use super::config::{CritiqueMode, Model, Role, Settings};
use super::controls::Examined;
use super::dossier::{Attempts, Claim, Dossier, dossiers, newest};
use super::engine::Stage;
use super::error::ArenaError;
use super::folder::Folder;
use super::run::RunOptions;

/// Calls for a question with its answers and checks: 849 generations, 1,297 checks and 448 refinements for 772 records.
const QUESTION_CALLS: f64 = 2_594.0 / 772.0;
/// Attempts for a questioner and run where five are allowed: 772 records for 352.
const ATTEMPTS: f64 = 772.0 / 352.0;
/// Calls for an answer: 2,688 first ones, 3,335 checks and 647 refinements for 2,688 records.
const ANSWER_CALLS: f64 = 6_670.0 / 2_688.0;
/// Answers of those that a valid question would have: 1,925 of 2,464.
const ANSWERED: f64 = 1_925.0 / 2_464.0;
/// Calls for a critique with checks: 6,542 first ones, 6,932 checks and 390 refinements for 6,542 records.
const CRITIQUE_CALLS: f64 = 13_864.0 / 6_542.0;
/// Critiques that allege a fault: 2,276 of 6,542.
const CLAIMS: f64 = 2_276.0 / 6_542.0;
/// Answers that call their question ill-posed, whether their check passed or not: 91 of 2,688.
const ILL_POSED: f64 = 91.0 / 2_688.0;
/// Messages of a debate: 4,835 in 2,246.
const MESSAGES: f64 = 4_835.0 / 2_246.0;

/// Calls for one reply in JSON at most: the first, and three repairs of the original's rules; ours are one less.
const JSON_MOST: f64 = 4.0;

/// Tokens of a request beyond its template, and of a reply, by stage: a quarter of the characters that the published arena
/// stores; what models think is not in it.
const TOKENS: [(Stage, f64, f64); 5] = [
    (Stage::Questions, 700.0, 480.0),
    (Stage::Answers, 500.0, 420.0),
    (Stage::Critiques, 1_000.0, 190.0),
    (Stage::Debates, 1_300.0, 145.0),
    (Stage::Judge, 1_500.0, 135.0),
];

/// Tokens of the rules that a request begins with, roughly.
const RULES: f64 = 900.0;

/// What a stage will ask of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct StageEstimate {
    /// The stage.
    pub stage: Stage,
    /// The slug of the model.
    pub model: String,
    /// Records that the model will probably make; a debate counts half for each side.
    pub records: f64,
    /// Calls that it will probably take.
    pub calls: f64,
    /// The most calls that it may take.
    pub most_calls: f64,
    /// Prompt tokens of the probable calls.
    pub prompt_tokens: f64,
    /// Completion tokens of the probable calls.
    pub completion_tokens: f64,
    /// What they cost in US dollars; `None` where no price is configured.
    pub cost_usd: Option<f64>,
}

/// What a command will ask.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    /// By stage and model, in this order; nothing for a model that has nothing to do.
    pub rows: Vec<StageEstimate>,
}

impl Estimate {
    /// The probable cost; `None` when any price is unknown.
    pub fn cost_usd(&self) -> Option<f64> {
        self.rows.iter().map(|row| row.cost_usd).sum()
    }

    /// The probable number of calls.
    pub fn calls(&self) -> f64 {
        self.rows.iter().map(|row| row.calls).sum()
    }

    /// The most calls.
    pub fn most_calls(&self) -> f64 {
        self.rows.iter().map(|row| row.most_calls).sum()
    }
}

/// Counts what is missing in a folder. Nothing is written.
///
/// # Errors
/// A folder that cannot be read.
pub fn estimate(
    storage: &dyn Storage,
    dir: &Path,
    settings: &Settings,
    options: &RunOptions,
) -> Result<Estimate, ArenaError> {
    let folder = Folder::load(storage, dir, settings)?;
    let known = dossiers(folder.corpus(), folder.gone());
    let mut found = count(settings, options, &known);
    let controls = super::controls::load(storage, dir)?;
    let wanted = settings.controls.planted_faults + settings.controls.planted_correct;
    for (role, stage, examined) in [
        (Role::Judge, Stage::Judge, Examined::Judge),
        (Role::Critique, Stage::Critiques, Examined::Critic),
    ] {
        for model in settings.with_role(role) {
            let own = controls.iter();
            let own = own.filter(|one| one.examined == examined && one.model == model.slug);
            let missing = f64::from(wanted) - own.count() as f64;
            let row = found.rows.iter_mut();
            let mut row = row.filter(|row| row.stage == stage && row.model == model.slug);
            if let Some(row) = row.next().filter(|_| missing > 0.0) {
                row.calls += missing;
                row.most_calls += missing * JSON_MOST;
            }
        }
    }
    Ok(found)
}

/// The same for what is known of a folder.
pub(crate) fn count(
    settings: &Settings,
    options: &RunOptions,
    known: &super::dossier::Dossiers,
) -> Estimate {
    let judges = settings.with_role(Role::Judge);
    let mut counts = Counts {
        settings,
        options,
        judges: judges.map(|judge| judge.slug.clone()).collect(),
        sums: BTreeMap::new(),
    };
    let none = Attempts::new();
    for run in &settings.runs {
        for model in settings.with_role(Role::Benchmark) {
            let whose = (model.slug.clone(), run.id.clone());
            let attempts = known.get(&whose).unwrap_or(&none);
            counts.chain(&model.slug, &run.id, run.outer_attempt, true, attempts);
        }
    }
    for ((questioner, run), attempts) in known {
        let planned = settings.runs.iter().any(|known| known.id == *run)
            && (settings.model(questioner)).is_some_and(|model| model.has(Role::Benchmark));
        if !planned {
            counts.chain(questioner, run, 1, false, attempts);
        }
    }
    counts.estimate()
}

/// Records and calls of one stage and model.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    records: f64,
    calls: f64,
    most: f64,
}

struct Counts<'s> {
    settings: &'s Settings,
    options: &'s RunOptions,
    judges: Vec<String>,
    sums: BTreeMap<(Stage, String), Sum>,
}

/// How many of something are expected, and at most.
#[derive(Debug, Clone, Copy)]
struct Many {
    likely: f64,
    most: f64,
}

impl Many {
    const ONE: Many = Many {
        likely: 1.0,
        most: 1.0,
    };

    fn times(self, likely: f64, most: f64) -> Many {
        Many {
            likely: self.likely * likely,
            most: self.most * most,
        }
    }
}

impl Counts<'_> {
    fn does(&self, stage: Stage) -> bool {
        self.options.stages.contains(&stage)
    }

    fn add(&mut self, stage: Stage, model: &str, records: Many, calls: Many) {
        if !self.does(stage) || self.settings.model(model).is_none() {
            return;
        }
        let sum = self.sums.entry((stage, model.to_owned())).or_default();
        sum.records += records.likely;
        sum.calls += records.likely * calls.likely;
        sum.most += records.most * calls.most;
    }

    fn chain(
        &mut self,
        questioner: &str,
        run: &str,
        first: i64,
        asked_for: bool,
        attempts: &Attempts,
    ) {
        let settings = self.settings;
        let most = i64::from(settings.questions.max_outer_attempts);
        let empty = Dossier::default();
        let (number, dossier) = newest(attempts).unwrap_or((first - 1, &empty));
        let judges = self.judges.iter().cloned().collect();
        let key = QuestionKey {
            run,
            questioner,
            attempt: number,
        };
        let dead = dossier.question.is_none()
            || !dossier.succeeded()
            || dossier.is_invalid(key, &settings.policy, &judges);
        let left = (most - number).max(0) as f64;
        let may_ask = asked_for && self.does(Stage::Questions);
        if !dead {
            let open = self.own_answer(questioner, dossier, Many::ONE);
            self.others(questioner, dossier, Many::ONE);
            // What is not decided yet may still make another attempt necessary.
            if may_ask && open {
                let more = Many {
                    likely: 0.0,
                    most: left,
                };
                self.attempts(questioner, more);
            }
        } else if may_ask && left > 0.0 {
            let likely = if number < first { ATTEMPTS } else { 1.0 };
            let more = Many {
                likely: likely.min(left),
                most: left,
            };
            self.attempts(questioner, more);
        }
    }

    /// New attempts, and what follows from them.
    fn attempts(&mut self, questioner: &str, attempts: Many) {
        let questions = self.settings.questions;
        let rounds = f64::from(questions.max_rounds);
        let tries = f64::from(questions.max_question_attempts);
        let calls = Many {
            likely: QUESTION_CALLS,
            // A generation with its tags repaired, and for each round a check and an answer.
            most: tries * (3.0 + JSON_MOST * rounds + 2.0 * (rounds - 1.0)),
        };
        self.add(Stage::Questions, questioner, attempts, calls);
        let empty = Dossier::default();
        self.own_answer(questioner, &empty, attempts);
        let valid = Many {
            likely: attempts.likely.min(1.0) * ANSWERED,
            most: attempts.most,
        };
        self.others(questioner, &empty, valid);
    }

    /// Critiques of the questioner's own answer. Says whether any is still open.
    fn own_answer(&mut self, questioner: &str, dossier: &Dossier, times: Many) -> bool {
        let modes = &self.settings.critiques.modes;
        let mut claims: Vec<Claim> = Vec::new();
        if modes.contains(&CritiqueMode::Contradictor) {
            let critics = self.settings.with_role(Role::Critique);
            let critics = critics.filter(|critic| critic.slug != questioner);
            let claim = |slug: &str| Claim::critique(questioner, CONTRADICTOR, slug);
            claims.extend(critics.map(|critic| claim(&critic.slug)));
        }
        claims.extend(self.custom(questioner, questioner));
        let stood = dossier.critiques.keys();
        claims.extend(stood.filter(|claim| claim.answerer == questioner).cloned());
        self.critiques(claims, dossier, times)
    }

    fn custom(&self, questioner: &str, answerer: &str) -> Vec<Claim> {
        let critiques = &self.settings.critiques;
        if !critiques.modes.contains(&CritiqueMode::Custom) {
            return Vec::new();
        }
        let ours = critiques.custom.iter();
        let ours = ours.filter(|one| one.questioner == questioner && one.answerer == answerer);
        let mode = CritiqueMode::Custom.as_str();
        ours.map(|one| Claim::critique(answerer, mode, &one.critic))
            .collect()
    }

    /// The answers of others.
    fn others(&mut self, questioner: &str, dossier: &Dossier, times: Many) {
        let settings = self.settings;
        let rounds = f64::from(settings.answers.max_rounds);
        let calls = Many {
            likely: ANSWER_CALLS,
            most: 2.0 + JSON_MOST * rounds + 2.0 * (rounds - 1.0),
        };
        let answerers = settings.with_role(Role::Answer);
        for answerer in answerers.filter(|model| model.slug != questioner) {
            let answerer = answerer.slug.as_str();
            let answered = dossier.answers.get(answerer);
            let mut critiques = times;
            let mut ill_posed = times.times(ILL_POSED, 1.0);
            match answered.map(|answer| answer.status.as_str()) {
                None => self.add(Stage::Answers, answerer, times, calls),
                Some("succeeded") => ill_posed = times.times(0.0, 0.0),
                Some("ill-posed") => {
                    critiques = times.times(0.0, 0.0);
                    ill_posed = times;
                }
                Some(_) => continue,
            }
            let claim = Claim::ill_posed(answerer);
            self.claim(questioner, &claim, dossier, ill_posed);
            let mut claims = self.custom(questioner, answerer);
            let critic = |slug: &str| {
                let model = settings.model(slug);
                model.is_some_and(|model| model.has(Role::Critique))
            };
            for mode in &settings.critiques.modes {
                match mode {
                    CritiqueMode::Evaluator if critic(questioner) => {
                        claims.push(Claim::critique(answerer, EVALUATOR, questioner));
                    }
                    CritiqueMode::All if critic(answerer) => {
                        claims.push(Claim::critique(answerer, mode.as_str(), answerer));
                    }
                    _ => {}
                }
            }
            if critiques.most > 0.0 {
                self.critiques(claims, dossier, critiques);
            }
        }
    }

    /// Critiques and what follows from them. Says whether any is still open.
    fn critiques(&mut self, mut claims: Vec<Claim>, dossier: &Dossier, times: Many) -> bool {
        claims.sort_unstable();
        claims.dedup();
        let settings = &self.settings.critiques;
        let rounds = f64::from(settings.max_rounds);
        let calls = if settings.self_improve {
            Many {
                likely: CRITIQUE_CALLS,
                most: rounds * 2.0 * JSON_MOST,
            }
        } else {
            Many::ONE.times(1.0, JSON_MOST)
        };
        let mut open = false;
        for claim in claims {
            let critic = claim.critique.as_ref().map(|(_, critic)| critic.clone());
            let claimed = match dossier.critiques.get(&claim) {
                Some(critique) if critique.is_claim() => times,
                Some(_) => continue,
                None => {
                    open = true;
                    let critic = critic.unwrap_or_default();
                    self.add(Stage::Critiques, &critic, times, calls);
                    times.times(CLAIMS, 1.0)
                }
            };
            open |= self.claim("", &claim, dossier, claimed);
        }
        open
    }

    /// Debate and judgments of a claim. Says whether any is still open.
    fn claim(&mut self, questioner: &str, claim: &Claim, dossier: &Dossier, times: Many) -> bool {
        if times.most <= 0.0 {
            return false;
        }
        let (alice, bob) = match &claim.critique {
            Some((_, critic)) => (critic.clone(), claim.answerer.clone()),
            None => (claim.answerer.clone(), questioner.to_owned()),
        };
        let mut open = false;
        let debates = |slug: &str| {
            let model = self.settings.model(slug);
            model.is_some_and(Model::debates)
        };
        let mut judged = dossier.debates.contains_key(claim);
        if !judged && debates(&alice) && debates(&bob) {
            open = true;
            let rounds = f64::from(self.settings.debates.rounds);
            let half = times.times(0.5, 0.5);
            let calls = Many {
                likely: MESSAGES,
                most: rounds * 2.0 * JSON_MOST,
            };
            self.add(Stage::Debates, &alice, half, calls);
            self.add(Stage::Debates, &bob, half, calls);
            judged = self.does(Stage::Debates);
        }
        if !judged && !self.settings.judge.allow_no_debate {
            return open;
        }
        for judge in self.judges.clone() {
            let decided = dossier
                .judgments
                .contains_key(&(claim.clone(), judge.clone()));
            if judge != alice && judge != bob && !decided {
                open = true;
                let calls = Many::ONE.times(1.0, JSON_MOST);
                self.add(Stage::Judge, &judge, times, calls);
            }
        }
        open
    }

    fn estimate(self) -> Estimate {
        let settings = self.settings;
        let rows = self.sums.into_iter().map(|((stage, model), sum)| {
            let tokens = TOKENS.iter().find(|(of, ..)| *of == stage);
            let (context, reply) =
                tokens.map_or((0.0, 0.0), |(_, context, reply)| (*context, *reply));
            let prompt_tokens = sum.calls * (RULES + context);
            let completion_tokens = sum.calls * reply;
            let known = settings.model(&model);
            let free = known.is_some_and(|model| model.skill.is_some());
            let cost = known.and_then(|model| {
                let names = [&model.name, &model.call.model];
                let price = names
                    .into_iter()
                    .find_map(|name| settings.prices.get(name))?;
                let usual = prompt_tokens * price.input + completion_tokens * price.output;
                Some(usual * settings.batch.price_share(&model.call) / 1e6)
            });
            StageEstimate {
                stage,
                model,
                records: sum.records,
                calls: sum.calls,
                most_calls: sum.most,
                prompt_tokens,
                completion_tokens,
                cost_usd: if free { Some(0.0) } else { cost },
            }
        });
        Estimate {
            rows: rows.collect(),
        }
    }
}
