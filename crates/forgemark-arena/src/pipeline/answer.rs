//! A model answers the question of another one.

use std::sync::Arc;

use forgemark_contract::arena::{Answer, AnswerAttempt, AnswerKey};

use super::ask::Task;
use super::chain::Asked;
use super::config::OverrideKey;
use super::engine::{Halt, Stage};
use super::folder::{self, Made, Product};
use super::improve::{Asks, improve, nothing};
use super::latex;
use super::names;
use super::replies::Checked;

impl Asked<'_> {
    /// The answer of a model: the one that is there, or a new one; `None` where none is to be made.
    pub(crate) async fn answer(self, answerer: &str) -> Result<Option<Arc<Answer>>, Halt> {
        let engine = self.engine();
        if let Some(stood) = self.dossier.answers.get(answerer) {
            engine.tally.keep();
            return Ok(Some(Arc::clone(stood)));
        }
        if !engine.does(Stage::Answers) {
            return Ok(None);
        }
        let settings = &engine.settings;
        let questioner = self.key.questioner;
        engine.admit(
            format!("answers {questioner} {answerer}"),
            settings.answers.limit,
        )?;
        let key = AnswerKey {
            question: self.key,
            answerer,
        };
        let mut task = Task::begin(engine, answerer, names::answer(&key)).await?;
        let prompts = &engine.prompts;
        let note = self.note(answerer);
        let prompt = prompts.answer(self.question)?;
        let first = task.text(answerer, "r1/answer", &prompt).await?;
        let improved = match first {
            Err(failure) => nothing(&failure),
            Ok(raw) => {
                let first = (latex::clean(&raw).into_owned(), raw);
                let asks = Asks {
                    checked: Checked::Answer,
                    check: &|answer| {
                        prompts.check_answer(Checked::Answer, self.question, answer, note)
                    },
                    refine: &|answer, feedback| prompts.refine(self.question, answer, feedback),
                };
                let rounds = settings.answers.max_rounds;
                improve(&mut task, answerer, "", rounds, first, &asks).await?
            }
        };
        let status = improved.status;
        let claim = improved.rounds.last().filter(|_| status == "ill-posed");
        let claim = claim.map(|last| last.check.clone());
        let attempts = improved.rounds.into_iter().map(|round| AnswerAttempt {
            round: round.number,
            answer: round.answer,
            raw_answer: Some(round.raw),
            evaluation: Some(round.check),
            ..AnswerAttempt::default()
        });
        let record = Arc::new(Answer {
            question_model: questioner.to_owned(),
            answer_model: answerer.to_owned(),
            question: self.question.to_owned(),
            run_id: Some(self.key.run.to_owned()),
            outer_attempt: Some(self.key.attempt),
            topic_slug: Some(self.chain.topic.slug.clone()),
            ill_posed_claim: claim,
            status: status.to_owned(),
            attempts: Some(attempts.collect()),
            ..Answer::default()
        });
        let made = Made {
            path: folder::answer_path(questioner, answerer),
            product: Product::Answer(Arc::clone(&record)),
            provenance: Some(task.provenance(answerer, status, improved.failure)),
        };
        engine
            .keep(Stage::Answers, status == "failed", made)
            .await?;
        Ok(Some(record))
    }

    /// Why the question is not ill-posed, where the configuration says so; empty elsewhere. A place in the original's list is
    /// that of the run among those of the configuration, because the lists of a first attempt stand so.
    fn note(&self, answerer: &str) -> &str {
        let settings = &self.chain.engine.settings;
        let key = &self.key;
        let means = |question: &OverrideKey| match question {
            OverrideKey::Index(place) => {
                let run = settings.runs.get(*place);
                run.is_some_and(|run| run.id == key.run && key.attempt == run.outer_attempt)
            }
            OverrideKey::Run { id, outer_attempt } => {
                id == key.run && outer_attempt.is_none_or(|attempt| attempt == key.attempt)
            }
        };
        let mut overrides = settings.answers.ill_posed_overrides.iter();
        let found = overrides.find(|one| {
            one.questioner == key.questioner && one.answerer == answerer && means(&one.question)
        });
        found.map_or("", |one| &one.reason)
    }
}
