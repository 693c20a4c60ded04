//! What names a question, an answer and a claim, and how it is printed.
//!
//! The parts are of any type that can be compared, so that an index can hold numbers for names.

use std::fmt;

use sha1::{Digest, Sha1};

use crate::text::hex;

/// A question: a run, who asks, and which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionKey<S> {
    /// The run.
    pub run: S,
    /// The questioner.
    pub questioner: S,
    /// The attempt, from 1.
    pub attempt: i64,
}

/// An answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerKey<S> {
    /// The question.
    pub question: QuestionKey<S>,
    /// The answerer; the questioner for its own answer.
    pub answerer: S,
}

/// A claim: that of a critique, or that a question is ill-posed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey<S> {
    /// The answer that is criticised, or that calls its question ill-posed.
    pub answer: AnswerKey<S>,
    /// The mode and the critic; `None` for an ill-posed claim.
    pub critique: Option<(S, S)>,
}

impl<S> QuestionKey<S> {
    /// The key with its parts put through `f`.
    pub fn map<T>(self, mut f: impl FnMut(S) -> T) -> QuestionKey<T> {
        QuestionKey {
            run: f(self.run),
            questioner: f(self.questioner),
            attempt: self.attempt,
        }
    }
}

impl<S> AnswerKey<S> {
    /// The key with its parts put through `f`.
    pub fn map<T>(self, mut f: impl FnMut(S) -> T) -> AnswerKey<T> {
        AnswerKey {
            question: self.question.map(&mut f),
            answerer: f(self.answerer),
        }
    }
}

impl<S> ClaimKey<S> {
    /// The key with its parts put through `f`.
    pub fn map<T>(self, mut f: impl FnMut(S) -> T) -> ClaimKey<T> {
        ClaimKey {
            answer: self.answer.map(&mut f),
            critique: self.critique.map(|(mode, critic)| (f(mode), f(critic))),
        }
    }
}

/// `run/questioner/attempt`
impl<S: fmt::Display> fmt::Display for QuestionKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.run, self.questioner, self.attempt)
    }
}

/// `run/questioner/answerer/attempt`
impl<S: fmt::Display> fmt::Display for AnswerKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let QuestionKey {
            run,
            questioner,
            attempt,
        } = &self.question;
        write!(f, "{run}/{questioner}/{}/{attempt}", self.answerer)
    }
}

/// `run/questioner/answerer/critic/mode/attempt`, as task ids are printed; `unknown` stands for the parts that an ill-posed
/// claim does not have.
impl<S: fmt::Display> fmt::Display for ClaimKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AnswerKey { question, answerer } = &self.answer;
        write!(f, "{}/{}/{answerer}/", question.run, question.questioner)?;
        match &self.critique {
            Some((mode, critic)) => write!(f, "{critic}/{mode}")?,
            None => f.write_str("unknown/unknown")?,
        }
        write!(f, "/{}", question.attempt)
    }
}

/// The id of a decision in the first epoch: `illposed/Q/A/RUN` or `critique/MODE/Q/C__A/RUN`. Without a run the topic and
/// the first 10 hexadecimal digits of the SHA-1 of the question stand in its place, and without those `unknown`.
///
/// `critique` is the mode and the critic, `None` for an ill-posed claim.
pub fn epoch_one_id(
    questioner: &str,
    answerer: &str,
    critique: Option<(&str, &str)>,
    run: Option<&str>,
    topic_and_question: Option<(&str, &str)>,
) -> String {
    let place = match critique {
        Some((mode, critic)) => format!("critique/{mode}/{questioner}/{critic}__{answerer}"),
        None => format!("illposed/{questioner}/{answerer}"),
    };
    match (run, topic_and_question) {
        (Some(run), _) => format!("{place}/{run}"),
        (None, Some((topic, question))) => {
            let digest = hex(&Sha1::digest(question.as_bytes()));
            format!("{place}/{topic}/{}", digest.get(..10).unwrap_or_default())
        }
        (None, None) => format!("{place}/unknown"),
    }
}
