//! The judge role: of a turn, or of the whole conversation.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_model::chat::{ChatRequest, Failure};

use super::answer::Answered;
use super::{Asked, Halt, JUDGE, Session, Shown};
use crate::config::Judging;
use crate::judging::{Asks, Case, Read, Seat, ask_judge, evidence_of_all, failure_json};
use crate::prompts::{JudgeContext, PromptError, Prompts, Rendered};
use crate::replies::{JUDGE_CONVERSATION, JUDGE_TURN, Verdict};

/// A judged turn.
pub(super) struct Judged {
    /// `{}` when it was not judged or the judge failed.
    pub(super) verdict: Arc<Json>,
    pub(super) raw: Arc<Json>,
    /// Why the judge gave nothing. A failed judgment is never a score.
    pub(super) error: Option<Json>,
    pub(super) calls: Vec<String>,
    pub(super) flags: Vec<String>,
}

impl Session<'_> {
    pub(super) async fn judge_turn(
        &mut self,
        turn: u32,
        asked: &Asked,
        answered: &Answered,
    ) -> Result<Judged, Halt> {
        let empty = Arc::new(Json::empty_object());
        if self.config().judging != Judging::Turn {
            return Ok(Judged {
                verdict: Arc::clone(&empty),
                raw: empty,
                error: None,
                calls: Vec::new(),
                flags: Vec::new(),
            });
        }
        let rendered = self.judge_prompt(
            &answered.shown,
            &asked.question,
            &answered.text,
            Prompts::judge_turn,
        )?;
        Ok(match self.judge(turn, JUDGE_TURN, rendered).await? {
            Ok(read) => Judged {
                verdict: read.value.json,
                raw: read.raw,
                error: None,
                calls: read.calls,
                flags: read.value.flags,
            },
            Err(failure) => Judged {
                verdict: Arc::clone(&empty),
                raw: empty,
                error: Some(failure_json(&failure)),
                calls: Vec::new(),
                flags: Vec::new(),
            },
        })
    }

    pub(super) async fn judge_conversation(&mut self) -> Result<(), Halt> {
        let (question, answer) = self
            .said
            .last()
            .map_or(("", ""), |(question, answer)| (question, answer));
        let rendered = self.judge_prompt(
            &evidence_of_all(&self.shown),
            question,
            answer,
            Prompts::judge_conversation,
        )?;
        match self.judge(0, JUDGE_CONVERSATION, rendered).await? {
            Ok(read) => {
                self.conversation
                    .push_conversation_judge(read.value.json, read.raw);
            }
            Err(failure) => self.conversation.judge_error = Some(failure_json(&failure)),
        }
        Ok(())
    }

    /// What a judge is given, in either granularity.
    fn judge_prompt(
        &self,
        evidence: &[Shown],
        question: &str,
        answer: &str,
        template: impl FnOnce(&Prompts, &JudgeContext<'_>) -> Result<Rendered, PromptError>,
    ) -> Result<Rendered, Halt> {
        let sketch = &self.plan.sketch;
        let context = JudgeContext {
            language: &sketch.language,
            reasons: &self.config().judge_reasons,
            user_persona: &sketch.user_persona_text(),
            assistant_persona: &sketch.assistant_persona_text(),
            history: &self.history(),
            passages: &self.shown_passages(evidence),
            question,
            answer,
        };
        self.render(|prompts| template(prompts, &context))
    }

    async fn judge(
        &mut self,
        turn: u32,
        name: &'static str,
        rendered: Rendered,
    ) -> Result<Result<Read<Verdict>, Failure>, Halt> {
        let work = self.work;
        let naming = self.naming();
        let seat = Seat {
            role: JUDGE,
            repeat: 0,
        };
        let case = Case {
            turn,
            name,
            schema: &work.schemas.judge,
            rendered: &rendered,
            reasons: &work.config.judge_reasons,
        };
        ask_judge(self, &naming, seat, &case).await
    }
}

impl Asks for Session<'_> {
    type Halt = Halt;

    async fn ask(
        &mut self,
        role: &str,
        item: &str,
        request: &ChatRequest,
        reasons: &[String],
    ) -> Result<Result<Read<Verdict>, Failure>, Halt> {
        let validate = |json: &Json| Verdict::from_json(json, reasons);
        self.ask_json(role, item, request, validate).await
    }
}
