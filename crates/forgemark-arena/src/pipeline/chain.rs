//! The questions of one questioner on one run, from the first attempt to the last judgment.
//!
//! ```text
//! attempt n: question ── critiques of the questioner's own answer ─┬─ debate ─ judges ─┬─ valid? ── no: attempt n + 1
//!                                                                  └─ ...              ┘    │ yes
//!            every other model: answer ─┬─ evaluator's critique ── debate ── judges         │
//!                                       └─ ill-posed ── debate ── judges ── valid? ── no: attempt n + 1
//! ```
//!
//! Chains know nothing of each other, and within a chain whatever does not stand on each other runs at the same time. What
//! exists is taken as it is; what a stage that is not at work would have to make is missing, and what stands on it is left out.

use std::sync::Arc;

use forgemark_contract::arena::{CONTRADICTOR, Critique, EVALUATOR, QuestionKey};
use futures_util::future::join_all;

use super::config::{CritiqueMode, Role, Run, Topic};
use super::dossier::{Attempts, Claim, Dossier, newest};
use super::engine::{Engine, Halt, Stage};

/// One questioner and one run.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) engine: Arc<Engine>,
    /// The questioner's slug; it need not be a model of the configuration.
    pub(crate) questioner: String,
    pub(crate) run: Run,
    /// Whether the configuration asks for questions of this questioner on this run.
    pub(crate) asked_for: bool,
    pub(crate) topic: Topic,
}

/// A question whose answers and claims are worked on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'c> {
    pub(crate) chain: &'c Chain,
    pub(crate) key: QuestionKey<&'c str>,
    pub(crate) dossier: &'c Dossier,
    /// The question's text.
    pub(crate) question: &'c str,
    /// The questioner's own answer.
    pub(crate) own_answer: &'c str,
}

impl Chain {
    /// Does everything that there is to do. Answers the questions with all that is known of them.
    ///
    /// # Errors
    /// [`Halt`] when something could not be ended; all else was.
    pub(crate) async fn work(&self, mut known: Attempts) -> (Attempts, Option<Halt>) {
        let first = self.run.outer_attempt;
        let least = if self.asks() { first } else { i64::MIN };
        let mut number = newest(&known).map_or(first, |(number, _)| number.max(least));
        loop {
            let mut dossier = known.remove(&number).unwrap_or_default();
            let worked = self.attempt(number, &known, &mut dossier).await;
            let failed = dossier.question.is_some() && !dossier.succeeded();
            known.insert(number, dossier);
            let replace = match worked {
                Err(halt) => return (known, Some(halt)),
                Ok(invalid) => invalid || failed,
            };
            let most = i64::from(self.engine.settings.questions.max_outer_attempts);
            if !replace || number >= most || !self.asks() {
                return (known, None);
            }
            number += 1;
        }
    }

    /// Whether this chain may ask.
    fn asks(&self) -> bool {
        self.asked_for && self.engine.does(Stage::Questions)
    }

    /// Works on one attempt. Answers whether its question is invalid.
    async fn attempt(
        &self,
        number: i64,
        earlier: &Attempts,
        dossier: &mut Dossier,
    ) -> Result<bool, Halt> {
        if self.asks() {
            self.question(number, earlier, dossier).await?;
        }
        let Some(question) = dossier.question.clone().filter(|_| dossier.succeeded()) else {
            return Ok(false);
        };
        let Some(last) = question.last() else {
            return Ok(false);
        };
        let key = QuestionKey {
            run: self.run.id.as_str(),
            questioner: self.questioner.as_str(),
            attempt: number,
        };
        let engine = &*self.engine;
        let invalid =
            |dossier: &Dossier| dossier.is_invalid(key, &engine.settings.policy, &engine.judges);
        let stood = dossier.clone();
        let asked = |dossier| Asked {
            chain: self,
            key,
            dossier,
            question: &last.question,
            own_answer: &last.answer,
        };
        let found = asked(&stood).contradictions().await;
        take(dossier, found)?;
        if invalid(dossier) {
            return Ok(true);
        }
        let stood = dossier.clone();
        let found = asked(&stood).answers().await;
        take(dossier, found)?;
        Ok(invalid(dossier))
    }
}

/// Takes what branches found, also where others of them could not be ended.
fn take(dossier: &mut Dossier, found: Vec<(Dossier, Option<Halt>)>) -> Result<(), Halt> {
    let mut first = None;
    for (part, halt) in found {
        dossier.merge(part);
        first = first.or(halt);
    }
    first.map_or(Ok(()), Err)
}

impl Asked<'_> {
    pub(crate) fn engine(&self) -> &Engine {
        &self.chain.engine
    }

    /// Critiques of the questioner's own answer, and what follows from them.
    async fn contradictions(self) -> Vec<(Dossier, Option<Halt>)> {
        let (engine, questioner) = (self.engine(), self.key.questioner);
        let mut claims = Vec::new();
        for mode in &engine.settings.critiques.modes {
            match mode {
                CritiqueMode::Contradictor => claims.extend(
                    (engine.settings.with_role(Role::Critique))
                        .filter(|critic| critic.slug != questioner)
                        .map(|critic| Claim::critique(questioner, CONTRADICTOR, &critic.slug)),
                ),
                CritiqueMode::Custom => claims.extend(self.custom(questioner)),
                CritiqueMode::Evaluator | CritiqueMode::All => {}
            }
        }
        // What is there already counts too, whoever made it.
        let stood = (self.dossier.critiques.keys()).filter(|claim| claim.answerer == questioner);
        claims.extend(stood.cloned());
        self.critiques(claims, self.own_answer).await
    }

    fn custom(self, answerer: &str) -> Vec<Claim> {
        let custom = self.engine().settings.critiques.custom.iter();
        let ours =
            custom.filter(|one| one.questioner == self.key.questioner && one.answerer == answerer);
        let mode = CritiqueMode::Custom.as_str();
        ours.map(|one| Claim::critique(answerer, mode, &one.critic))
            .collect()
    }

    async fn critiques(self, mut claims: Vec<Claim>, answer: &str) -> Vec<(Dossier, Option<Halt>)> {
        claims.sort_unstable();
        claims.dedup();
        join_all(
            claims
                .into_iter()
                .map(|claim| self.critique_and_on(claim, answer)),
        )
        .await
    }

    /// A critique, and what follows from it.
    async fn critique_and_on(self, claim: Claim, answer: &str) -> (Dossier, Option<Halt>) {
        let mut found = Dossier::default();
        let halt = async {
            let Some(critique) = self.critique(&claim, answer).await? else {
                return Ok(());
            };
            found.critiques.insert(claim.clone(), Arc::clone(&critique));
            let judged = critique.is_claim() || self.is_forced(&critique);
            if judged {
                self.settle(&claim, answer, &mut found).await?;
            }
            Ok(())
        }
        .await;
        (found, halt.err())
    }

    /// Whether a critique without a fault is judged all the same.
    fn is_forced(self, critique: &Critique) -> bool {
        self.engine().settings.judge.force_correct_critiques
            && critique.status == "succeeded"
            && critique.verdict() == Some("correct")
    }

    /// The answers of all others, and what follows from them.
    async fn answers(self) -> Vec<(Dossier, Option<Halt>)> {
        let (engine, questioner) = (self.engine(), self.key.questioner);
        let own = engine.settings.answers.allow_self_answering;
        let answerers = engine.settings.with_role(Role::Answer);
        let mut answerers: Vec<String> = answerers
            .filter(|model| own || model.slug != questioner)
            .map(|model| model.slug.clone())
            .collect();
        answerers.extend(self.dossier.answers.keys().cloned());
        answerers.sort_unstable();
        answerers.dedup();
        join_all(
            answerers
                .into_iter()
                .map(|answerer| self.answer_and_on(answerer)),
        )
        .await
    }

    async fn answer_and_on(self, answerer: String) -> (Dossier, Option<Halt>) {
        let mut found = Dossier::default();
        let halt = self.answer_branch(&answerer, &mut found).await;
        (found, halt.err())
    }

    async fn answer_branch(self, answerer: &str, found: &mut Dossier) -> Result<(), Halt> {
        let questioner = self.key.questioner;
        let Some(answer) = self.answer(answerer).await? else {
            return Ok(());
        };
        found
            .answers
            .insert(answerer.to_owned(), Arc::clone(&answer));
        if answerer == questioner {
            return Ok(());
        }
        let text = answer
            .last()
            .map(|last| last.answer.as_str())
            .unwrap_or_default();
        match answer.status.as_str() {
            "ill-posed" => {
                let claim = Claim::ill_posed(answerer);
                self.settle(&claim, text, found).await
            }
            "succeeded" => {
                let critic = |slug: &str| {
                    let model = self.engine().settings.model(slug);
                    model.is_some_and(|model| model.has(Role::Critique))
                };
                let mut claims = Vec::new();
                for mode in &self.engine().settings.critiques.modes {
                    match mode {
                        CritiqueMode::Evaluator if critic(questioner) => {
                            claims.push(Claim::critique(answerer, EVALUATOR, questioner));
                        }
                        CritiqueMode::All if critic(answerer) => {
                            claims.push(Claim::critique(answerer, mode.as_str(), answerer));
                        }
                        CritiqueMode::Custom => claims.extend(self.custom(answerer)),
                        _ => {}
                    }
                }
                let stood = self.dossier.critiques.keys();
                claims.extend(stood.filter(|claim| claim.answerer == answerer).cloned());
                take(found, self.critiques(claims, text).await)
            }
            _ => Ok(()),
        }
    }

    /// Debate and judgments of a claim.
    async fn settle(self, claim: &Claim, answer: &str, found: &mut Dossier) -> Result<(), Halt> {
        let critique = found
            .critiques
            .get(claim)
            .or_else(|| self.dossier.critiques.get(claim))
            .cloned();
        let made = found.answers.get(&claim.answerer);
        let answered = made
            .or_else(|| self.dossier.answers.get(&claim.answerer))
            .cloned();
        let matter = Matter {
            asked: self,
            claim,
            answer,
            critique: critique.as_deref(),
            answered: answered.as_deref(),
        };
        let debate = matter.debate().await?;
        if let Some(debate) = &debate {
            found.debates.insert(claim.clone(), Arc::clone(debate));
        }
        let judges: Vec<&str> = self.engine().judges.iter().map(String::as_str).collect();
        let judged = judges
            .into_iter()
            .map(|judge| matter.judgment(judge, debate.as_deref()));
        let mut first = None;
        for judgment in join_all(judged).await {
            match judgment {
                Ok(Some(judgment)) => {
                    let judge = judgment.judge_model.clone().unwrap_or_default();
                    found.judgments.insert((claim.clone(), judge), judgment);
                }
                Ok(None) => {}
                Err(halt) => {
                    first.get_or_insert(halt);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// A claim with what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matter<'c> {
    pub(crate) asked: Asked<'c>,
    pub(crate) claim: &'c Claim,
    /// The answer that is criticised, or that calls the question ill-posed.
    pub(crate) answer: &'c str,
    /// The critique; `None` for ill-posed claims.
    pub(crate) critique: Option<&'c Critique>,
    /// The answer's record; `None` for the questioner's own.
    pub(crate) answered: Option<&'c forgemark_contract::arena::Answer>,
}

impl Matter<'_> {
    /// Who alleges the fault.
    pub(crate) fn alice(&self) -> &str {
        match &self.claim.critique {
            Some((_, critic)) => critic,
            None => &self.claim.answerer,
        }
    }

    /// Who defends.
    pub(crate) fn bob(&self) -> &str {
        match &self.claim.critique {
            Some(_) => &self.claim.answerer,
            None => self.asked.key.questioner,
        }
    }
}
