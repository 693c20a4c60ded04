//! A model that takes no part in a claim judges it.

use std::sync::Arc;

use forgemark_contract::arena::{self, Debate};
use forgemark_contract::json::Json;
use forgemark_model::FailureKind;

use super::ask::{Task, UNDECIDED, reason};
use super::chain::Matter;
use super::engine::{Halt, Stage};
use super::folder::{self, Made, Product};
use super::names;
use super::prompts::{self, Prompt, Said};
use super::redact;
use super::replies::{self, Judgment};

impl Matter<'_> {
    /// The judgment of a judge: the one that is there, or a new one; `None` where none is to be made.
    pub(crate) async fn judgment(
        self,
        judge: &str,
        debate: Option<&Debate>,
    ) -> Result<Option<Arc<arena::Judgment>>, Halt> {
        let engine = self.asked.engine();
        let whose = (self.claim.clone(), judge.to_owned());
        if let Some(stood) = self.asked.dossier.judgments.get(&whose) {
            engine.tally.keep();
            return Ok(Some(Arc::clone(stood)));
        }
        let settings = &engine.settings.judge;
        let debated = debate.is_some_and(|debate| !debate.history.is_empty());
        if !engine.does(Stage::Judge)
            || judge == self.alice()
            || judge == self.bob()
            || !(debated || settings.allow_no_debate)
        {
            return Ok(None);
        }
        engine.admit(format!("judge {judge}"), settings.limit)?;
        let key = self.claim.key(self.asked.key);
        let mut task = Task::begin(engine, judge, names::judgment(&key, judge)).await?;
        let kind = match self.claim.critique {
            Some(_) => replies::Task::Critique,
            None => replies::Task::IllPosed,
        };
        let prompt = self.judge_prompt(&mut task, kind, debate)?;
        let protocol = engine.settings.protocol;
        let read = |value: &Json| Judgment::from_json(value, kind, settings.confidence, protocol);
        let asked = task.json(judge, "judgment", &prompt, read).await?;
        let (critic, mode) = match &self.claim.critique {
            Some((mode, critic)) => (Some(critic.clone()), Some(mode.clone())),
            None => (None, None),
        };
        let mut record = arena::Judgment {
            kind: if mode.is_some() {
                "critique"
            } else {
                "illposed"
            }
            .to_owned(),
            mode,
            question_model: Some(self.asked.key.questioner.to_owned()),
            answer_model: Some(self.claim.answerer.clone()),
            critic_model: critic,
            verdict: "unknown".to_owned(),
            judge_model: Some(judge.to_owned()),
            raw_response: Some(asked.text).filter(|text| !text.is_empty()),
            run_id: Some(self.asked.key.run.to_owned()),
            outer_attempt: Some(self.asked.key.attempt),
            topic_slug: Some(self.asked.chain.topic.slug.clone()),
            ..arena::Judgment::default()
        };
        let failure = match asked.value {
            Ok(judgment) => {
                record.verdict = judgment.verdict;
                record.confidence = judgment.confidence;
                record.reasoning = Some(judgment.reasoning).filter(|text| !text.is_empty());
                let said = "the judge decides nothing".to_owned();
                (record.verdict == "unknown").then_some((UNDECIDED, said))
            }
            Err(failure) => {
                // The original says so only where the judge could not be asked.
                let ours = protocol == super::config::Protocol::Forgemark1;
                if ours || failure.kind == FailureKind::ContextLength {
                    record.error = Some(format!("{}: {}", failure.kind, failure.detail));
                }
                Some(reason(&failure))
            }
        };
        let status = if failure.is_some() {
            "failed"
        } else {
            "succeeded"
        };
        record.status = Some(status.to_owned());
        let record = Arc::new(record);
        let made = Made {
            path: folder::judgment_path(judge),
            product: Product::Judgment(Arc::clone(&record)),
            provenance: Some(task.provenance(judge, status, failure)),
        };
        engine.keep(Stage::Judge, status == "failed", made).await?;
        Ok(Some(record))
    }

    /// What the judge is shown, without names.
    fn judge_prompt(
        self,
        task: &mut Task<'_>,
        kind: replies::Task,
        debate: Option<&Debate>,
    ) -> Result<Prompt, Halt> {
        let engine = self.asked.engine();
        let settings = &engine.settings;
        let (alice, bob) = (self.alice(), self.bob());
        let redactor = redact::of_claim(&settings.models, alice, bob, settings.protocol);
        let mut log = Vec::new();
        let mut blind = |place: String, text: &str| {
            let (redacted, replaced) = redactor.apply(text);
            log.extend(replaced.iter().map(|one| {
                Json::object([
                    ("in", Json::from(place.as_str())),
                    ("at", Json::from(one.at.start)),
                    ("was", Json::from(one.was.as_str())),
                    ("by", Json::from(one.by.as_str())),
                ])
            }));
            redacted
        };
        let question = blind("question".to_owned(), self.asked.question);
        let answer = blind("answer".to_owned(), self.answer);
        let claim = blind("claim".to_owned(), &self.claim_text());
        let history = debate.map(|debate| debate.history.as_slice());
        let history = history.unwrap_or_default().iter().enumerate();
        let messages: Vec<arena::Message> = history
            .map(|(place, message)| arena::Message {
                message: blind(format!("message {}", place + 1), &message.message),
                ..message.clone()
            })
            .collect();
        let said: Vec<Said<'_>> = messages.iter().filter_map(Said::of).collect();
        let prompt = engine.prompts.judge(&prompts::Judge {
            task: kind,
            question: &question,
            answer: &answer,
            claim: &claim,
            transcript: &said,
            transcript_chars: settings.debates.transcript_chars,
        })?;
        task.redacted(log);
        Ok(prompt)
    }
}
