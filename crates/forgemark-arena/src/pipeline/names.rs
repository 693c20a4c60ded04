//! The names of records in provenance, journal and samples.

use std::fmt::Display;

use forgemark_contract::arena::{AnswerKey, ClaimKey, QuestionKey};

/// `question RUN/Q/ATTEMPT`
pub(crate) fn question(key: &QuestionKey<impl Display>) -> String {
    format!("question {key}")
}

/// `answer RUN/Q/A/ATTEMPT`
pub(crate) fn answer(key: &AnswerKey<impl Display>) -> String {
    format!("answer {key}")
}

/// `critique RUN/Q/A/C/MODE/ATTEMPT`
pub(crate) fn critique(key: &ClaimKey<impl Display>) -> String {
    format!("critique {key}")
}

/// `debate RUN/Q/A/C/MODE/ATTEMPT`
pub(crate) fn debate(key: &ClaimKey<impl Display>) -> String {
    format!("debate {key}")
}

/// `judgment RUN/Q/A/C/MODE/ATTEMPT by J`
pub(crate) fn judgment(key: &ClaimKey<impl Display>, judge: &str) -> String {
    format!("judgment {key} by {judge}")
}
