//! Whether what a side says is in the language of its conversation, and what is done when it is not.
//!
//! Another language or script is an error of the reply like any other: the model is told what is wrong with it and asked
//! again (`language.retries` times), through the same template that repairs unreadable replies. Each of these calls is
//! journaled, and every decision is a function of the reply, so a resumed run takes the same ones.

use forgemark_contract::json::Json;
use forgemark_language::{Finding, Verdict};

use super::{Halt, Session};
use crate::config::OnMismatch;
use crate::conversation::DropReason;
use crate::render::round4;

/// What was found about a message, and how often it was asked for again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken {
    finding: Finding,
    corrections: u32,
}

/// What to do with a reply.
pub(super) enum Heard {
    /// Take it; `None` where nothing is checked.
    Take(Option<Spoken>),
    /// Ask again, with what is wrong.
    Again(String),
}

impl Spoken {
    pub(super) fn verdict(&self) -> Verdict {
        self.finding.verdict
    }

    pub(super) fn to_json(self) -> Json {
        let Finding {
            detected,
            script,
            share,
            verdict,
        } = self.finding;
        Json::object([
            ("detected", Json::from(detected.map(|told| told.code))),
            (
                "confidence",
                Json::from(detected.map(|told| round4(told.confidence))),
            ),
            ("script", Json::from(script)),
            ("script_share", Json::from(share.map(round4))),
            ("verdict", Json::from(verdict.as_str())),
            ("corrections", Json::from(i64::from(self.corrections))),
        ])
    }
}

impl Session<'_> {
    /// Listens to a message of which `corrections` versions were sent back before.
    pub(super) fn hear(&self, turn: u32, text: &str, corrections: u32) -> Result<Heard, Halt> {
        let policy = self.config().language;
        let label = match policy.on_mismatch {
            OnMismatch::Off => return Ok(Heard::Take(None)),
            _ => self.work.labels.get(self.plan.sketch.key.group as usize),
        };
        let Some(label) = label else {
            return Ok(Heard::Take(None));
        };
        let finding = label.check(text);
        let taken = Heard::Take(Some(Spoken {
            finding,
            corrections,
        }));
        if finding.verdict != Verdict::Mismatch || policy.on_mismatch == OnMismatch::Record {
            return Ok(taken);
        }
        let found = match (finding.detected, finding.script) {
            (Some(told), _) => told.name,
            (None, Some(script)) => script,
            (None, None) => "another language",
        };
        let wanted = label.text();
        if corrections < policy.retries {
            return Ok(Heard::Again(format!(
                "its text is in {found}, and this conversation is held in {wanted}; say the same in {wanted}"
            )));
        }
        if policy.on_mismatch == OnMismatch::Drop {
            let what = format!("a message is in {found}, not in {wanted}");
            return Err(Self::drop_as(DropReason::LanguageMismatch, turn, what));
        }
        Ok(taken)
    }
}
