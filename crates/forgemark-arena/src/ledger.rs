//! `adjudications.jsonl`: who is right under a policy, for readers that know none.

use std::path::Path;

use forgemark_contract::arena::{Adjudication, AnswerKey, Benchmark, ClaimKey, QuestionKey};
use forgemark_contract::json::to_line;
use forgemark_journal::{Storage, write_atomic};

use crate::adjudicate::Adjudicator;
use crate::corpus::Corpus;
use crate::games::{End, Walk};
use crate::graph::Name;

/// The name of the file in an arena folder.
pub const FILE: &str = "adjudications.jsonl";

/// What a policy decides, line by line: every question, every claim that something makes, and every answer to a live question, each
/// in the order of keys. An answer is right or wrong where its game has a winner, and dropped otherwise.
pub fn adjudications(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    walk: &Walk,
) -> Vec<Adjudication> {
    let ledger = Ledger {
        corpus,
        adjudicator,
        digest: adjudicator.policy.digest(),
    };
    let docket = adjudicator.docket;
    let mut questions: Vec<_> = docket.graph.questions.keys().copied().collect();
    questions.sort_by_cached_key(|key| key.map(|name| docket.graph.text(name)));
    let mut claims = docket.claims.clone();
    claims.sort_by_cached_key(|key| key.map(|name| docket.graph.text(name)));
    let met = |end: End| !matches!(end, End::QuestionFailed | End::AnswerMissing);
    let mut meetings: Vec<_> = walk.meetings.iter().filter(|m| met(m.end)).collect();
    meetings.sort_by_cached_key(|meeting| {
        let key = AnswerKey {
            question: meeting.question,
            answerer: meeting.answerer,
        };
        key.map(|name| docket.graph.text(name))
    });
    let mut lines: Vec<Adjudication> = questions.iter().map(|key| ledger.question(key)).collect();
    lines.extend(claims.iter().map(|key| ledger.claim(key)));
    lines.extend(meetings.into_iter().map(|meeting| {
        let outcome = match meeting.answerer_wins() {
            Some(true) => "right",
            Some(false) => "wrong",
            None => "dropped",
        };
        let reason = if meeting.invalid {
            "question_invalid"
        } else {
            meeting.end.as_str()
        };
        let claim = meeting.claim.filter(|key| docket.is_made(key));
        let deciders = claim.zip(meeting.ruling);
        Adjudication {
            answer_model: Some(ledger.text(meeting.answerer)),
            reward: meeting.answerer_wins().map(|won| f64::from(u8::from(won))),
            claims: claim.map(|key| vec![docket.graph.show_claim(&key)]),
            decided_by: deciders
                .map(|(key, ruling)| ledger.names(&adjudicator.deciders(&key, ruling))),
            ..ledger.line("answer", &meeting.question, outcome, reason)
        }
    }));
    lines
}

/// Writes `adjudications.jsonl` into an arena folder, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write(storage: &dyn Storage, dir: &Path, lines: &[Adjudication]) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(&to_line(line));
        bytes.push(b'\n');
    }
    write_atomic(storage, &dir.join(FILE), &bytes)
}

struct Ledger<'a> {
    corpus: &'a Corpus,
    adjudicator: &'a Adjudicator<'a>,
    digest: String,
}

impl Ledger<'_> {
    fn text(&self, name: Name) -> String {
        self.adjudicator.docket.graph.text(name).to_owned()
    }

    fn names(&self, names: &[Name]) -> Vec<String> {
        let mut names: Vec<String> = names.iter().map(|name| self.text(*name)).collect();
        names.sort_unstable();
        names
    }

    fn line(
        &self,
        subject: &str,
        question: &QuestionKey<Name>,
        outcome: &str,
        reason: &str,
    ) -> Adjudication {
        let places = self.adjudicator.docket.graph.questions.get(question);
        let record = places.and_then(|places| self.corpus.record::<Benchmark>(*places.last()?));
        Adjudication {
            subject: subject.to_owned(),
            run_id: self.text(question.run),
            outer_attempt: question.attempt,
            question_model: self.text(question.questioner),
            topic_slug: record.map(|record| record.topic_slug.clone()),
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            policy: self.adjudicator.policy.name.clone(),
            policy_digest: self.digest.clone(),
            ..Adjudication::default()
        }
    }

    fn question(&self, key: &QuestionKey<Name>) -> Adjudication {
        use crate::adjudicate::Outcome;
        let docket = self.adjudicator.docket;
        let (own, ill) = self
            .adjudicator
            .validity(key, self.adjudicator.policy.orphans);
        let upheld = Some(Outcome::Claimant);
        let (outcome, reason) = match (own == upheld, ill == upheld) {
            (true, _) => ("invalid", "self_critique_upheld"),
            (_, true) => ("invalid", "ill_posed_upheld"),
            _ if own.is_none() && ill.is_none() => ("valid", "uncontested"),
            _ => ("valid", "not_upheld"),
        };
        let claims = docket.against(key).iter().filter(|key| {
            let rule = &self.adjudicator.policy.validity;
            self.adjudicator.rule(rule, key).outcome == Outcome::Claimant
        });
        let claims: Vec<String> = claims.map(|key| docket.graph.show_claim(key)).collect();
        Adjudication {
            claims: (outcome == "invalid").then_some(claims),
            ..self.line("question", key, outcome, reason)
        }
    }

    fn claim(&self, key: &ClaimKey<Name>) -> Adjudication {
        let ruling = self.adjudicator.claim(key);
        let names = self.names(&self.adjudicator.deciders(key, ruling));
        let question = &key.answer.question;
        let line = self.line(
            "claim",
            question,
            ruling.outcome.as_str(),
            ruling.by.as_str(),
        );
        Adjudication {
            answer_model: Some(self.text(key.answer.answerer)),
            mode: key.critique.map(|(mode, _)| self.text(mode)),
            critic_model: key.critique.map(|(_, critic)| self.text(critic)),
            decided_by: (!names.is_empty()).then_some(names),
            ..line
        }
    }
}
