//! Ratings of parts of an arena: the questions of one topic, or of one attempt.

use std::collections::BTreeSet;

use forgemark_contract::arena::QuestionKey;
use forgemark_contract::json::{Json, Object};
use forgemark_stats::rating::Labelled;

use super::{Options, Ratings, rate};
use crate::adjudicate::Adjudicator;
use crate::corpus::Corpus;
use crate::games::Walk;
use crate::graph::Name;
use crate::stats::topics;

/// What questions are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Their topic, by slug.
    Topic,
    /// Their attempt.
    Attempt,
}

impl By {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Topic => "topic",
            By::Attempt => "attempt",
        }
    }
}

/// The ratings on one part of the questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The topic or the attempt.
    pub name: String,
    /// The ratings, each part with its own gauge: the mean of its questioners is 1000.
    pub ratings: Ratings,
}

/// The ratings of each part that has games, in the order of attempts or of slugs. A part has few games, so most of its ratings are
/// infinite under maximum likelihood; [`super::Model::Firth`] keeps them finite.
pub fn rate_parts(
    corpus: &Corpus,
    adjudicator: &Adjudicator<'_>,
    walk: &Walk,
    labelled: &Labelled,
    options: Options,
    by: By,
) -> Vec<Part> {
    let topics = topics(corpus, adjudicator);
    // Attempts before topics, and by their number.
    let part = |question: &QuestionKey<Name>| match by {
        By::Topic => (0, topics.get(question).copied().unwrap_or_default()),
        By::Attempt => (question.attempt, ""),
    };
    let parts: BTreeSet<(i64, &str)> = (walk.meetings.iter())
        .map(|meeting| part(&meeting.question))
        .collect();
    let parts = parts.into_iter().map(|wanted| {
        let walk = walk.only(|question| part(question) == wanted);
        Part {
            name: match by {
                By::Topic => wanted.1.to_owned(),
                By::Attempt => wanted.0.to_string(),
            },
            ratings: rate(adjudicator, &walk, labelled, options),
        }
    });
    parts.filter(|part| part.ratings.games > 0).collect()
}

impl Part {
    /// The name, the counts and the ratings, without what is the same in all parts.
    pub fn to_json(&self) -> Json {
        let ratings = &self.ratings;
        let rows = ratings.rows.iter().filter(|row| row.wins + row.losses > 0);
        Json::Object(Object::from([
            ("part", Json::from(self.name.as_str())),
            ("games", Json::from(ratings.games)),
            ("valid_questions", Json::from(ratings.valid)),
            ("unresolved", Json::from(ratings.unresolved)),
            ("log_likelihood", Json::from(ratings.log_likelihood)),
            ("ratings", rows.map(super::Row::to_json).collect()),
        ]))
    }
}
