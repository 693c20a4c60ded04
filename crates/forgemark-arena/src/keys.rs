//! The keys of records, from what they say and from where they stand.

use forgemark_contract::arena::{
    Answer, AnswerKey, Benchmark, ClaimKey, Critique, Debate, Judgment, Label, Place, QuestionKey,
    Row, epoch_one_id,
};

/// A question's key; `None` where a part is absent.
pub(crate) fn of_question<'a>(
    place: &'a Place,
    record: &'a Benchmark,
) -> Option<QuestionKey<&'a str>> {
    question(record, place.questioner.as_deref())
}

pub(crate) fn of_answer(record: &Answer) -> Option<AnswerKey<&str>> {
    answer(
        record,
        Some(&record.question_model),
        Some(&record.answer_model),
    )
}

pub(crate) fn of_critique<'a>(place: &'a Place, record: &'a Critique) -> Option<ClaimKey<&'a str>> {
    Some(ClaimKey {
        answer: answer(
            record,
            Some(&record.question_author),
            Some(&record.answer_author),
        )?,
        critique: Some((
            filled(place.mode.as_deref())?,
            filled(Some(&record.critic))?,
        )),
    })
}

/// A debate does not name its questioner, whom the path names; what else is absent in it, its other fields and the path
/// say.
pub(crate) fn of_debate<'a>(place: &'a Place, record: &'a Debate) -> Option<ClaimKey<&'a str>> {
    let questioner = place.questioner.as_deref();
    let Some(mode) = place.mode.as_deref() else {
        let claimant = record.claimant.as_deref().unwrap_or(&record.alice_model);
        return Some(ClaimKey {
            answer: answer(record, questioner, Some(claimant))?,
            critique: None,
        });
    };
    let critic = record.critic.as_deref().unwrap_or(&record.alice_model);
    let answerer = record.answer_author.as_deref().unwrap_or(&record.bob_model);
    Some(ClaimKey {
        answer: answer(record, questioner, Some(answerer))?,
        critique: Some((filled(Some(mode))?, filled(Some(critic))?)),
    })
}

pub(crate) fn of_judgment(record: &Judgment) -> Option<ClaimKey<&str>> {
    decision(
        record,
        &record.kind,
        [
            record.question_model.as_deref(),
            record.answer_model.as_deref(),
            record.mode.as_deref(),
            record.critic_model.as_deref(),
        ],
        record.id.as_deref(),
    )
}

/// The key of a label. Labels of ill-posed claims may carry a critic, which is no part of the key of such a claim.
pub(crate) fn of_label(record: &Label) -> Option<ClaimKey<&str>> {
    decision(
        record,
        &record.kind,
        [
            record.question_model.as_deref(),
            record.answer_model.as_deref(),
            record.mode.as_deref(),
            record.critic_model.as_deref(),
        ],
        record.id.as_deref(),
    )
}

fn decision<'a>(
    record: &'a impl Row,
    kind: &str,
    [questioner, answerer, mode, critic]: [Option<&'a str>; 4],
    id: Option<&'a str>,
) -> Option<ClaimKey<&'a str>> {
    let critique = if kind == "illposed" {
        None
    } else {
        Some((filled(mode)?, filled(critic)?))
    };
    let (questioner, answerer) = (filled(questioner)?, filled(answerer)?);
    let run = match filled(record.run()) {
        Some(run) => run,
        None => run_of_id(id?, questioner, answerer, critique)?,
    };
    Some(ClaimKey {
        answer: AnswerKey {
            question: QuestionKey {
                run,
                questioner,
                attempt: record.attempt(),
            },
            answerer,
        },
        critique,
    })
}

/// The run at the end of an id of the first epoch, whose labels say it nowhere else.
fn run_of_id<'a>(
    id: &'a str,
    questioner: &str,
    answerer: &str,
    critique: Option<(&str, &str)>,
) -> Option<&'a str> {
    let start = epoch_one_id(questioner, answerer, critique, Some(""), None);
    let run = id.strip_prefix(&start)?;
    (!run.is_empty() && run != "unknown" && !run.contains('/')).then_some(run)
}

fn answer<'a>(
    record: &'a impl Row,
    questioner: Option<&'a str>,
    answerer: Option<&'a str>,
) -> Option<AnswerKey<&'a str>> {
    Some(AnswerKey {
        question: question(record, questioner)?,
        answerer: filled(answerer)?,
    })
}

fn question<'a>(record: &'a impl Row, questioner: Option<&'a str>) -> Option<QuestionKey<&'a str>> {
    Some(QuestionKey {
        run: filled(record.run())?,
        questioner: filled(questioner)?,
        attempt: record.attempt(),
    })
}

fn filled(part: Option<&str>) -> Option<&str> {
    part.filter(|part| !part.is_empty())
}
