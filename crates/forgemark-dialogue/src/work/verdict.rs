//! The judge role: of a turn, or of the whole conversation.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_model::chat::{ChatRequest, Failure, Message, ReplyFormat};

use super::answer::Answered;
use super::ask::Read;
use super::{ANSWER_ATTEMPTS, Asked, Halt, JUDGE, Session, Shown, failure_json};
use crate::config::Judging;
use crate::prompts::{JudgeContext, PromptError, Prompts, Rendered};
use crate::replies::{JUDGE_CONVERSATION, JUDGE_TURN, Verdict};

/// Most passages that a judge of a whole conversation is shown.
const CONVERSATION_EVIDENCE: usize = 40;

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
                raw: read.reply.tree,
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
            &self.all_evidence(),
            question,
            answer,
            Prompts::judge_conversation,
        )?;
        match self.judge(0, JUDGE_CONVERSATION, rendered).await? {
            Ok(read) => {
                self.conversation
                    .push_conversation_judge(read.value.json, read.reply.tree);
            }
            Err(failure) => self.conversation.judge_error = Some(failure_json(&failure)),
        }
        Ok(())
    }

    /// Passages shown in any turn, those of the last turns first, up to a limit.
    fn all_evidence(&self) -> Vec<Shown> {
        let mut all: Vec<Shown> = Vec::new();
        for shown in self.shown.iter().rev() {
            for one in shown {
                if all.len() < CONVERSATION_EVIDENCE && !all.contains(one) {
                    all.push(one.clone());
                }
            }
        }
        all
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
        schema: &'static str,
        rendered: Rendered,
    ) -> Result<Result<Read<Verdict>, Failure>, Halt> {
        let config = Arc::clone(&self.work.config);
        let mut last = None;
        for attempt in 0..ANSWER_ATTEMPTS {
            let mut request = ChatRequest::new(
                vec![
                    Message::system(rendered.system.as_str()),
                    Message::user(rendered.task.as_str()),
                ],
                self.sample(turn, JUDGE, attempt),
            );
            request.format = ReplyFormat::JsonSchema {
                name: schema.to_owned(),
                schema: self.work.schemas.judge.clone(),
            };
            let item = self.item(turn, JUDGE, attempt);
            let validate = |json: &Json| Verdict::from_json(json, &config.judge_reasons);
            match self.ask_json(JUDGE, &item, &request, validate).await? {
                Ok(read) => return Ok(Ok(read)),
                Err(failure) => last = Some(failure),
            }
        }
        Ok(Err(last.unwrap_or(Failure {
            kind: forgemark_model::chat::FailureKind::ModelError,
            detail: "the judge was not asked".to_owned(),
        })))
    }
}
