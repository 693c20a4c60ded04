//! Two models debate a claim: Alice, who alleges a fault, and Bob, who defends.

use std::sync::Arc;

use forgemark_contract::arena::{self, Debate, Message};

use super::ask::{Task, reason};
use super::chain::Matter;
use super::config::{Model, Protocol};
use super::engine::{Halt, Stage};
use super::folder::{self, Made, Product};
use super::names;
use super::prompts::{self, DebateKind, Said, Side};
use super::replies::{self, Turn};

impl Matter<'_> {
    /// The debate: the one that is there, or a new one; `None` where none is to be made.
    pub(crate) async fn debate(self) -> Result<Option<Arc<Debate>>, Halt> {
        let engine = self.asked.engine();
        if let Some(stood) = self.asked.dossier.debates.get(self.claim) {
            engine.tally.keep();
            return Ok(Some(Arc::clone(stood)));
        }
        let (alice, bob) = (self.alice().to_owned(), self.bob().to_owned());
        let debates = |slug: &str| {
            let model = engine.settings.model(slug);
            model.is_some_and(Model::debates)
        };
        let is_claim = self.critique.is_none_or(arena::Critique::is_claim);
        if !engine.does(Stage::Debates) || !is_claim || !debates(&alice) || !debates(&bob) {
            return Ok(None);
        }
        engine.admit("debates".to_owned(), engine.settings.debates.limit)?;
        let key = self.claim.key(self.asked.key);
        let mut task = Task::begin(engine, &alice, names::debate(&key)).await?;
        let (history, failure) = self.exchange(&mut task, &alice, &bob).await?;
        let ill_posed = self.claim.critique.is_none();
        let record = Arc::new(Debate {
            question: self.asked.question.to_owned(),
            run_id: Some(self.asked.key.run.to_owned()),
            outer_attempt: Some(self.asked.key.attempt),
            topic_slug: Some(self.asked.chain.topic.slug.clone()),
            alice_model: alice.clone(),
            bob_model: bob,
            claimant: ill_posed.then(|| alice.clone()),
            answer_author: (!ill_posed).then(|| self.claim.answerer.clone()),
            critic: (!ill_posed).then(|| alice.clone()),
            history,
            ..Debate::default()
        });
        let failed = failure.is_some();
        let status = if failed { "failed" } else { "succeeded" };
        let made = Made {
            path: folder::debate_path(self.asked.key.questioner, self.claim),
            product: Product::Debate(Arc::clone(&record)),
            provenance: Some(task.provenance(&alice, status, failure)),
        };
        engine.keep(Stage::Debates, failed, made).await?;
        Ok(Some(record))
    }

    /// The claim as debaters and judges read it. The original leaves out what a critic suggests.
    pub(crate) fn claim_text(self) -> String {
        if let Some(last) = self.critique.and_then(|critique| critique.last()) {
            let suggestions = match self.asked.engine().settings.protocol {
                Protocol::Forgemark1 => last.suggestions.as_deref(),
                Protocol::Crb1 => None,
            };
            return replies::claim(&last.verdict, &last.notes, suggestions);
        }
        let answered = self.answered;
        let claim = answered.and_then(|answer| answer.ill_posed_claim.as_ref());
        claim.map(replies::ill_posed_claim).unwrap_or_default()
    }

    /// What is said, and why it ended early. In each round Bob speaks first; a concession of his ends the debate at once, one of
    /// Alice's after her message.
    async fn exchange(
        self,
        task: &mut Task<'_>,
        alice: &str,
        bob: &str,
    ) -> Result<(Vec<Message>, Option<(&'static str, String)>), Halt> {
        let settings = &self.asked.engine().settings.debates;
        let mut history: Vec<Message> = Vec::new();
        for round in 1..=settings.rounds {
            for side in [Side::Bob, Side::Alice] {
                let model = match side {
                    Side::Bob => bob,
                    Side::Alice => alice,
                };
                let said: Vec<Said<'_>> = history.iter().filter_map(Said::of).collect();
                let prompt = self.asked.engine().prompts.debate(&prompts::Debate {
                    kind: match self.critique {
                        Some(_) => DebateKind::Critique,
                        None => DebateKind::IllPosed,
                    },
                    side,
                    question: self.asked.question,
                    answer: self.answer,
                    claim: &self.claim_text(),
                    transcript: &said,
                    round,
                    rounds: settings.rounds,
                    transcript_chars: settings.transcript_chars,
                })?;
                let purpose = format!("r{round}/{}", side.as_str());
                let asked = task.json(model, &purpose, &prompt, Turn::from_json).await?;
                let turn = match asked.value {
                    Ok(turn) => turn,
                    Err(failure) if asked.text.is_empty() => {
                        return Ok((history, Some(reason(&failure))));
                    }
                    Err(_) => Turn::unreadable(&asked.text),
                };
                history.push(Message {
                    round: i64::from(round),
                    speaker: side.as_str().to_owned(),
                    message: turn.message,
                    concede: Some(turn.concede),
                    ..Message::default()
                });
                if turn.concede && settings.allow_concede {
                    return Ok((history, None));
                }
            }
        }
        Ok((history, None))
    }
}
