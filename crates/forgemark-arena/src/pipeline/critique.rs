//! A model criticises an answer.

use std::sync::Arc;

use forgemark_contract::arena::{self, CritiqueAttempt};
use forgemark_contract::json::Json;

use super::ask::{SELF_CHECK, Task, reason};
use super::chain::Asked;
use super::config::Gate;
use super::dossier::Claim;
use super::engine::{Halt, Stage};
use super::folder::{self, Made, Product};
use super::latex;
use super::names;
use super::prompts::Prompt;
use super::replies::{Checked, Critique, SelfCheck};

impl Asked<'_> {
    /// The critique of a claim: the one that is there, or a new one; `None` where none is to be made.
    pub(crate) async fn critique(
        self,
        claim: &Claim,
        answer: &str,
    ) -> Result<Option<Arc<arena::Critique>>, Halt> {
        let engine = self.engine();
        if let Some(stood) = self.dossier.critiques.get(claim) {
            engine.tally.keep();
            return Ok(Some(Arc::clone(stood)));
        }
        let Some((_, critic)) = claim.critique.as_ref() else {
            return Ok(None);
        };
        if !engine.does(Stage::Critiques) || engine.settings.model(critic).is_none() {
            return Ok(None);
        }
        let settings = &engine.settings.critiques;
        let path = folder::critique_path(self.key.questioner, claim);
        engine.admit(format!("critiques {path}"), settings.limit)?;
        let name = names::critique(&claim.key(self.key));
        let mut task = Task::begin(engine, critic, name).await?;
        let made = self.criticise(&mut task, critic, answer).await?;
        let status = if made.failure.is_some() {
            "failed"
        } else {
            "succeeded"
        };
        let record = Arc::new(arena::Critique {
            question: self.question.to_owned(),
            run_id: Some(self.key.run.to_owned()),
            outer_attempt: Some(self.key.attempt),
            topic_slug: Some(self.chain.topic.slug.clone()),
            question_author: self.key.questioner.to_owned(),
            critic: critic.clone(),
            answer_author: claim.answerer.clone(),
            status: status.to_owned(),
            attempts: Some(made.attempts),
            ..arena::Critique::default()
        });
        let product = Product::Critique(Arc::clone(&record));
        let provenance = Some(task.provenance(critic, status, made.failure));
        let made = Made {
            path,
            product,
            provenance,
        };
        engine
            .keep(Stage::Critiques, status == "failed", made)
            .await?;
        Ok(Some(record))
    }

    async fn criticise(
        self,
        task: &mut Task<'_>,
        critic: &str,
        answer: &str,
    ) -> Result<Criticised, Halt> {
        let engine = self.engine();
        let (settings, prompts) = (&engine.settings.critiques, &engine.prompts);
        let mut prompt = prompts.critique(self.question, answer)?;
        let mut attempts: Vec<CritiqueAttempt> = Vec::new();
        let rounds = if settings.self_improve {
            settings.max_rounds
        } else {
            1
        };
        let mut checked = None;
        for round in 1..=rounds {
            let purpose = format!("r{round}/critique");
            let (critique, raw, failure) = self.read(task, critic, &purpose, &prompt).await?;
            let Some(critique) = critique else {
                return Ok(Criticised { attempts, failure });
            };
            attempts.push(CritiqueAttempt {
                round: i64::from(round),
                cleaned_critique: Some(latex::clean(&raw).into_owned()),
                raw_critique: raw,
                verdict: critique.verdict.clone(),
                notes: critique.notes.clone(),
                suggestions: critique.suggestions.clone(),
                ..CritiqueAttempt::default()
            });
            if !settings.self_improve {
                break;
            }
            let claim = critique.claim();
            let check = self.check(task, critic, round, answer, &claim).await?;
            let kept = check.clone();
            let kept = kept.unwrap_or_else(|| SelfCheck::unreadable(Checked::Critique));
            if let Some(last) = attempts.last_mut() {
                last.evaluation = Some(kept.json);
            }
            checked = Some(check.as_ref().is_some_and(|check| check.passes));
            match check {
                Some(check) if !check.passes && round < rounds => {
                    let feedback = check.improvements.as_str();
                    prompt = prompts.refine_critique(self.question, answer, &claim, feedback)?;
                }
                _ => break,
            }
        }
        let unread = attempts.last().is_none_or(|last| last.verdict == "unknown");
        let failure = match (unread, settings.gate, checked) {
            (true, ..) => Some(("bad_output", "the verdict cannot be read".to_owned())),
            (_, Gate::SelfCheck, Some(false)) => {
                Some((SELF_CHECK, "no round passed its own check".to_owned()))
            }
            _ => None,
        };
        Ok(Criticised { attempts, failure })
    }

    /// A critique and what was written; without a reply the reason.
    async fn read(
        self,
        task: &mut Task<'_>,
        critic: &str,
        purpose: &str,
        prompt: &Prompt,
    ) -> Result<(Option<Critique>, String, Option<(&'static str, String)>), Halt> {
        let protocol = self.engine().settings.protocol;
        let read = |value: &Json| Critique::from_json(value, protocol);
        let asked = task.json(critic, purpose, prompt, read).await?;
        Ok(match asked.value {
            Ok(critique) => (Some(critique), asked.text, None),
            Err(failure) if asked.text.is_empty() => (None, asked.text, Some(reason(&failure))),
            Err(_) => (Some(Critique::unreadable(&asked.text)), asked.text, None),
        })
    }

    async fn check(
        self,
        task: &mut Task<'_>,
        critic: &str,
        round: u32,
        answer: &str,
        claim: &str,
    ) -> Result<Option<SelfCheck>, Halt> {
        let engine = self.engine();
        let protocol = engine.settings.protocol;
        let prompt = engine
            .prompts
            .check_critique(self.question, answer, claim)?;
        let purpose = format!("r{round}/check");
        let read = |value: &Json| SelfCheck::from_json(value, Checked::Critique, protocol);
        let asked = task.json(critic, &purpose, &prompt, read).await?;
        Ok(asked.value.ok())
    }
}

/// What came of criticising.
struct Criticised {
    attempts: Vec<CritiqueAttempt>,
    failure: Option<(&'static str, String)>,
}
