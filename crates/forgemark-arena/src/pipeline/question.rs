//! A model asks a question and answers it itself.

use std::sync::Arc;

use forgemark_contract::arena::{Benchmark, Generation, QuestionKey, Refinement};

use super::ask::{Asked, Task};
use super::chain::Chain;
use super::dossier::{Attempts, Dossier};
use super::engine::{Halt, Stage};
use super::folder::{self, Made, Product};
use super::improve::{Asks, Round, improve, nothing};
use super::latex;
use super::names;
use super::prompts::{Earlier, Question, Replace};
use super::replies::{Checked, Tagged};

impl Chain {
    /// Makes the question of an attempt where it is missing; goes on with one that failed while it may try more.
    pub(crate) async fn question(
        &self,
        number: i64,
        earlier: &Attempts,
        dossier: &mut Dossier,
    ) -> Result<(), Halt> {
        let engine = &*self.engine;
        let settings = &engine.settings;
        let most = settings.questions.max_question_attempts as usize;
        let mut generations = Vec::new();
        if let Some(stood) = &dossier.question {
            generations = stood.generation_rounds.clone().unwrap_or_default();
            if stood.status == "succeeded" || generations.len() >= most {
                engine.tally.keep();
                return Ok(());
            }
        }
        let questioner = self.questioner.as_str();
        let limit = settings.questions.limit;
        engine.admit(format!("questions {questioner}"), limit)?;
        let key = QuestionKey {
            run: self.run.id.as_str(),
            questioner,
            attempt: number,
        };
        let mut task = Task::begin(engine, questioner, names::question(&key)).await?;
        let before = Before::of(earlier);
        let mut last = None;
        while generations.len() < most {
            let generated = self.generate(&mut task, &before, &generations).await?;
            let improved = match generated {
                Ok((question, improved)) => {
                    generations.push(generation(&question, improved.rounds, improved.status));
                    (improved.status, improved.failure)
                }
                Err(failure) => {
                    generations.push(generation("", Vec::new(), "failed"));
                    ("failed", failure)
                }
            };
            let (status, failure) = improved;
            last = Some((status, failure));
            if status == "succeeded" {
                break;
            }
        }
        let (status, failure) = last.unwrap_or(("failed", None));
        let record = Arc::new(Benchmark {
            run_id: self.run.id.clone(),
            outer_attempt: Some(number),
            topic_slug: self.topic.slug.clone(),
            topic_name: Some(self.topic.name.clone()),
            status: status.to_owned(),
            generation_rounds: Some(generations),
            ..Benchmark::default()
        });
        let made = Made {
            path: folder::question_path(questioner),
            product: Product::Question(Arc::clone(&record)),
            provenance: Some(task.provenance(questioner, status, failure)),
        };
        engine
            .keep(Stage::Questions, status == "failed", made)
            .await?;
        dossier.question = Some(record);
        Ok(())
    }

    /// One question with its answers, or why there is none.
    async fn generate(
        &self,
        task: &mut Task<'_>,
        before: &Before,
        generations: &[Generation],
    ) -> Result<Result<(String, super::improve::Improved), Option<(&'static str, String)>>, Halt>
    {
        let settings = &self.engine.settings;
        let prompts = &self.engine.prompts;
        let number = generations.len() + 1;
        let questioner = self.questioner.as_str();
        let mut rejected: Vec<Earlier<'_>> = before
            .questions
            .iter()
            .map(|(question, why)| Earlier { question, why })
            .collect();
        rejected.extend(generations.iter().filter_map(|round| {
            let last = round.refinement_rounds.last()?;
            Some(Earlier {
                question: &last.question,
                why: &round.status,
            })
        }));
        let prompt = prompts.question(&Question {
            topic: &self.topic.name,
            rejected: &rejected,
            replace: before.replace,
        })?;
        let asked: Asked<Tagged> = task
            .tagged(questioner, &format!("g{number}/question"), &prompt)
            .await?;
        let tagged = match asked.value {
            Ok(tagged) => tagged,
            Err(failure) => return Ok(Err(nothing(&failure).failure)),
        };
        let question = latex::clean(&tagged.question).into_owned();
        let answer = latex::clean(&tagged.answer).into_owned();
        let improved = improve(
            task,
            questioner,
            &format!("g{number}/"),
            settings.questions.max_rounds,
            (answer, asked.text),
            &Asks {
                checked: Checked::OwnAnswer,
                check: &|answer| prompts.check_answer(Checked::OwnAnswer, &question, answer, ""),
                refine: &|answer, feedback| prompts.refine(&question, answer, feedback),
            },
        )
        .await?;
        Ok(Ok((question, improved)))
    }
}

/// The questions of earlier attempts.
struct Before {
    /// Each with what became of it.
    questions: Vec<(String, String)>,
    /// Why there is another attempt; `None` for the first.
    replace: Option<Replace>,
}

impl Before {
    /// An attempt failed, or its question succeeded and was found invalid.
    fn of(attempts: &Attempts) -> Self {
        let (mut questions, mut invalid, mut failed) = (Vec::new(), false, false);
        for question in attempts
            .values()
            .filter_map(|dossier| dossier.question.as_ref())
        {
            let succeeded = question.status == "succeeded";
            invalid |= succeeded;
            failed |= !succeeded;
            let rounds = question.generation_rounds.as_deref().unwrap_or_default();
            for (number, round) in rounds.iter().enumerate() {
                let Some(last) = round.refinement_rounds.last() else {
                    continue;
                };
                let accepted = succeeded && number + 1 == rounds.len();
                let why = if accepted { "invalid" } else { &round.status };
                questions.push((last.question.clone(), why.to_owned()));
            }
        }
        let replace = match (invalid, failed) {
            (true, true) => Some(Replace::Both),
            (true, false) => Some(Replace::Invalidated),
            (false, true) => Some(Replace::Failed),
            (false, false) => None,
        };
        Before { questions, replace }
    }
}

fn generation(question: &str, rounds: Vec<Round>, status: &str) -> Generation {
    let refinements = rounds.into_iter().map(|round| Refinement {
        round: round.number,
        question: question.to_owned(),
        answer: round.answer,
        raw_answer: Some(round.raw),
        evaluation: round.check,
        ..Refinement::default()
    });
    Generation {
        refinement_rounds: refinements.collect(),
        status: status.to_owned(),
        ..Generation::default()
    }
}
