//! Decisions of judges and people as records: who decided what about a claim, and why.

use std::collections::HashMap;

use super::{
    Arena, Found, about, add_to_arena, answer_place, claim_place, edge, in_place, of_claim, parsed,
    question_key, slug,
};
use crate::arena::{AnswerKey, ClaimKey, Judgment, Label, ListFile, Row, epoch_one_id};
use crate::ingest::Unit;
use crate::ingest::unit::Draft;
use crate::shape::ShapeError;
use crate::store::ChatMessage;

/// First places of judgments and of labels in the session of their claim, behind every debate.
const JUDGMENTS_FROM: i64 = 10_000;
const LABELS_FROM: i64 = 20_000;

/// What a decision says of its claim.
struct Decides<'r> {
    kind: &'r str,
    id: Option<&'r str>,
    questioner: Option<&'r str>,
    answerer: Option<&'r str>,
    mode: Option<&'r str>,
    critic: Option<&'r str>,
}

/// A record that decides a claim.
trait Decision: Row {
    fn decides(&self) -> Decides<'_>;

    /// Whose decision it says that it is.
    fn judge(&self) -> Option<&str> {
        None
    }

    /// The decision of `who` as a message, with its metadata.
    fn draft(&self, who: &str) -> Draft;
}

macro_rules! decides {
    () => {
        fn decides(&self) -> Decides<'_> {
            Decides {
                kind: &self.kind,
                id: self.id.as_deref(),
                questioner: self.question_model.as_deref(),
                answerer: self.answer_model.as_deref(),
                mode: self.mode.as_deref(),
                critic: self.critic_model.as_deref(),
            }
        }
    };
}

impl Decision for Judgment {
    decides!();

    fn judge(&self) -> Option<&str> {
        self.judge_model.as_deref()
    }

    fn draft(&self, who: &str) -> Draft {
        let judge = slug(self.judge_model.as_deref().unwrap_or(who));
        let why = self.reasoning.as_ref().or(self.error.as_ref());
        let mut message = ChatMessage::text("judge", why.map_or("", String::as_str));
        message.name = Some(judge.clone());
        let mut draft = Draft::new(message);
        draft.place = Some(format!("judgment/{judge}"));
        draft.seq = Some(JUDGMENTS_FROM);
        let failed = self.status.as_deref() == Some("failed");
        draft.lifecycle = failed.then(|| "failed".to_owned());
        draft.metadata.insert("judge", &judge);
        draft.metadata.insert("verdict", &self.verdict);
        if let Some(confidence) = self.confidence {
            draft.metadata.insert("confidence", confidence);
        }
        if let Some(status) = &self.status {
            draft.metadata.insert("status", status);
        }
        draft
    }
}

impl Decision for Label {
    decides!();

    fn draft(&self, who: &str) -> Draft {
        let why = self.comment.as_deref().unwrap_or_default();
        let mut message = ChatMessage::text("labeller", why);
        message.name = Some(who.to_owned());
        let mut draft = Draft::new(message);
        draft.place = Some(format!("label/{who}"));
        draft.seq = Some(LABELS_FROM);
        draft.metadata.insert("user", who);
        draft.metadata.insert("verdict", &self.verdict);
        if let Some(confidence) = self.confidence {
            draft.metadata.insert("confidence", confidence);
        }
        draft
    }
}

impl Arena {
    pub(super) fn judgments(&mut self, bytes: &[u8], who: &str, found: &mut Found) {
        self.decisions::<Judgment>(bytes, ("judgment", "judges", who), found);
    }

    pub(super) fn labels(&mut self, bytes: &[u8], who: &str, found: &mut Found) {
        self.decisions::<Label>(bytes, ("label", "labels", who), found);
    }

    fn decisions<T: Decision>(
        &mut self,
        bytes: &[u8],
        (kind, relation, who): (&str, &str, &str),
        found: &mut Found,
    ) {
        let list: ListFile<T> = parsed(bytes, found);
        // Of several decisions about one claim the last one counts, as it does everywhere.
        let place = |row: &T| claim_of(row).ok().map(|claim| claim_place(&claim));
        let last: HashMap<String, usize> = (list.records())
            .filter_map(|(index, row)| Some((place(row)?, index)))
            .collect();
        self.entries(&list, found, |arena, index, row| {
            let claim = claim_of(row)?;
            let session = claim_place(&claim);
            if let Some(later) = last.get(&session).filter(|later| **later != index) {
                let what = format!("{session} is decided again by entry [{later}], which counts");
                return Err(ShapeError::here(what));
            }
            in_place(row.judge().map(|judge| ("judge_model", judge, who)))?;
            arena.decision(row, &claim, (kind, relation, who))
        });
    }

    fn decision<T: Decision>(
        &mut self,
        row: &T,
        claim: &ClaimKey<String>,
        (kind, relation, who): (&str, &str, &str),
    ) -> Result<Unit, ShapeError> {
        let session = claim_place(claim);
        let place = match claim.critique {
            Some(_) if !self.seen.contains(&session) => {
                return Err(ShapeError::here(format!("there is no critique {session}")));
            }
            Some(_) => format!("{session}/critique"),
            None => {
                let place = answer_place(&claim.answer);
                if !self.seen.contains(&place) {
                    return Err(ShapeError::here(format!("there is no answer {place}")));
                }
                place
            }
        };
        let target = self.external(&place);
        let mut draft = row.draft(who);
        let own = std::mem::replace(
            &mut draft.metadata,
            about(kind, &claim.answer.question, None),
        );
        add_to_arena(&mut draft, &of_claim(claim));
        add_to_arena(&mut draft, &own);
        let own_place = format!("{session}/{}", draft.place.as_deref().unwrap_or_default());
        if !self.seen.insert(own_place.clone()) {
            // Two files of one judge, such as one that is named after another.
            return Err(ShapeError::here(format!(
                "{own_place} stands in an earlier file"
            )));
        }
        let n = self.decided.entry(format!("{session}/{kind}")).or_insert(0);
        draft.seq = draft.seq.map(|first| first + *n);
        *n += 1;
        draft.relationships = vec![edge(&target, relation)];
        draft.parent_elsewhere = Some(target);
        let question = claim.answer.question.to_string();
        let head = self.head(&question, &session, &session, &row.to_field());
        Ok(self.unit(head, vec![draft]))
    }
}

/// The claim that a decision is about. Labels of ill-posed claims may carry a critic, which is no part of the key.
fn claim_of<T: Decision>(row: &T) -> Result<ClaimKey<String>, ShapeError> {
    let decides = row.decides();
    let filled = |part: Option<&str>, key: &str| match part.filter(|part| !part.is_empty()) {
        Some(part) => Ok(part.to_owned()),
        None => Err(ShapeError::here("it is missing").under_key(key)),
    };
    let questioner = filled(decides.questioner, "question_model")?;
    let answerer = filled(decides.answerer, "answer_model")?;
    let critique = if decides.kind == "illposed" {
        None
    } else {
        Some((
            filled(decides.mode, "mode")?,
            slug(&filled(decides.critic, "critic_model")?),
        ))
    };
    // Labels of the first epoch say their run in their id only.
    let parts = critique
        .as_ref()
        .map(|(mode, critic)| (mode.as_str(), critic.as_str()));
    let start = epoch_one_id(&questioner, &answerer, parts, Some(""), None);
    let of_id = || {
        decides
            .id?
            .strip_prefix(&start)
            .filter(|run| !run.contains('/'))
    };
    let run = row.run().or_else(of_id);
    Ok(ClaimKey {
        answer: AnswerKey {
            question: question_key(run, &questioner, row.outer_attempt())?,
            answerer: slug(&answerer),
        },
        critique,
    })
}
