//! What the judges said of one thing, and what becomes its score.

use std::sync::Arc;

use forgemark_contract::json::{Json, Object};

use crate::config::Aggregate;

/// One judgement: a judge, asked once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judgement {
    /// Place of the judge among those that are asked.
    pub(super) judge: usize,
    /// Which time it was asked, from 0.
    pub(super) repeat: u32,
    /// What it said, or the typed reason why it said nothing.
    pub(super) said: Result<Said, Json>,
    /// Keys of the calls behind it, hexadecimal.
    pub(super) calls: Vec<String>,
}

/// A judgement that could be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    /// In [0, 10].
    pub(super) score: f64,
    /// The judge's object, verbatim.
    pub(super) verdict: Arc<Json>,
    /// The whole reply.
    pub(super) raw: Arc<Json>,
    /// Deviations.
    pub(super) flags: Vec<String>,
}

/// All judgements of a turn or of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ruling {
    /// The turn; `None` for the conversation as a whole.
    pub(super) turn: Option<i64>,
    /// Why nobody was asked.
    pub(super) unasked: Option<Json>,
    pub(super) judgements: Vec<Judgement>,
}

impl Ruling {
    fn said(&self) -> impl Iterator<Item = &Said> {
        self.judgements
            .iter()
            .filter_map(|one| one.said.as_ref().ok())
    }

    /// Judgements that could be read.
    pub(super) fn readable(&self) -> usize {
        self.said().count()
    }

    /// What the contract's judge object says: the judge's own words where there is one judgement, else the aggregate.
    /// `None` when nothing could be read. That is never a score.
    ///
    /// Of several: the score is their mean or median, a reason counts when at least half of them give it, a question or an
    /// answer is fine when more than half say so, and the notes are those of the judgement nearest to the score.
    pub(super) fn verdict(&self, aggregate: Aggregate) -> Option<Arc<Json>> {
        let said: Vec<&Said> = self.said().collect();
        if let [one] = said.as_slice()
            && self.judgements.len() == 1
        {
            return Some(Arc::clone(&one.verdict));
        }
        let scores: Vec<f64> = said.iter().map(|one| one.score).collect();
        let score = aggregate.of(&scores)?;
        let mut reasons: Vec<(String, usize)> = Vec::new();
        for reason in said.iter().flat_map(|one| one.verdict.items("reasons")) {
            let Some(word) = reason.as_str() else {
                continue;
            };
            match reasons.iter_mut().find(|(known, _)| known == word) {
                Some((_, n)) => *n += 1,
                None => reasons.push((word.to_owned(), 1)),
            }
        }
        let named = reasons.into_iter().filter(|(_, n)| n * 2 >= said.len());
        let fine = |key: &str| {
            let yes = said.iter().filter(|one| one.verdict.bool_or(key, false));
            Json::from(yes.count() * 2 > said.len())
        };
        let nearest = said
            .iter()
            .min_by(|a, b| (a.score - score).abs().total_cmp(&(b.score - score).abs()))?;
        Some(Arc::new(Json::object([
            ("score", Json::from(score)),
            ("reasons", named.map(|(word, _)| Json::from(word)).collect()),
            ("notes", nearest.verdict.at("notes").clone()),
            ("question_ok", fine("question_ok")),
            ("answer_ok", fine("answer_ok")),
        ])))
    }

    /// The raw replies: the one, or a list.
    pub(super) fn raw(&self) -> Json {
        let mut raw: Vec<Json> = self.said().map(|one| (*one.raw).clone()).collect();
        match (raw.pop(), raw.is_empty()) {
            (None, _) => Json::empty_object(),
            (Some(one), true) => one,
            (Some(last), false) => {
                raw.push(last);
                Json::Array(raw)
            }
        }
    }

    /// Why there is no verdict.
    pub(super) fn error(&self) -> Option<Json> {
        if self.readable() > 0 {
            return None;
        }
        let first = || {
            self.judgements
                .iter()
                .find_map(|one| one.said.as_ref().err())
        };
        self.unasked.as_ref().or_else(first).cloned()
    }

    /// What stands beside a verdict under `forgemark`.
    pub(super) fn sidecar(&self) -> Object {
        let mut sidecar = Object::new();
        sidecar.insert("readable", self.readable());
        sidecar.insert("asked", self.judgements.len());
        let flags: Vec<Json> = self
            .said()
            .flat_map(|one| one.flags.iter().map(|flag| Json::from(flag.as_str())))
            .collect();
        if !flags.is_empty() {
            sidecar.insert("flags", Json::Array(flags));
        }
        let calls = self.judgements.iter().flat_map(|one| &one.calls);
        let calls: Json = calls.map(|key| Json::from(key.as_str())).collect();
        sidecar.insert("calls", calls);
        sidecar
    }
}

#[cfg(test)]
mod tests;
