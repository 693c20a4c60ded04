//! The loop in which a model checks and improves its own answer, and what decides in it.

use forgemark_contract::json::Json;
use forgemark_model::Failure;

use super::ask::{SELF_CHECK, Task, reason};
use super::config::Protocol;
use super::engine::Halt;
use super::latex;
use super::prompts::{Prompt, PromptError};
use super::replies::{Checked, SelfCheck};

/// One answer with its check.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Round {
    /// From 1.
    pub(crate) number: i64,
    pub(crate) answer: String,
    pub(crate) raw: String,
    pub(crate) check: Json,
}

/// How a loop ended.
#[derive(Debug)]
pub(crate) struct Improved {
    pub(crate) rounds: Vec<Round>,
    /// `succeeded`, `failed` or `ill-posed`.
    pub(crate) status: &'static str,
    /// Why it failed.
    pub(crate) failure: Option<(&'static str, String)>,
}

/// What a check decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Succeeded,
    IllPosed,
    Failed,
    Refine,
}

/// What a check decides. Under the original's rules a passed check ends the loop even when it calls the question ill-posed; under
/// ours that claim counts whatever the verdict is.
fn decide(protocol: Protocol, check: Option<&SelfCheck>, last: bool) -> Next {
    let Some(check) = check else {
        return Next::Failed;
    };
    match (protocol, check.passes, check.ill_posed) {
        (Protocol::Forgemark1, _, true) | (Protocol::Crb1, false, true) => Next::IllPosed,
        (Protocol::Crb1, true, _) | (Protocol::Forgemark1, true, false) => Next::Succeeded,
        (_, false, false) if last => Next::Failed,
        (_, false, false) => Next::Refine,
    }
}

/// The prompts of a loop.
pub(crate) struct Asks<'a> {
    /// What is checked.
    pub(crate) checked: Checked,
    /// The prompt that asks for a check of an answer.
    pub(crate) check: &'a (dyn Fn(&str) -> Result<Prompt, PromptError> + Send + Sync),
    /// The prompt that asks for a better answer: the last one, and the feedback.
    pub(crate) refine: &'a (dyn Fn(&str, &str) -> Result<Prompt, PromptError> + Send + Sync),
}

/// Lets `model` check its first answer and improve it until it approves or `max_rounds` are over. `purpose` begins the names of
/// the calls.
pub(crate) async fn improve(
    task: &mut Task<'_>,
    model: &str,
    purpose: &str,
    max_rounds: u32,
    first: (String, String),
    asks: &Asks<'_>,
) -> Result<Improved, Halt> {
    let protocol = task.engine.settings.protocol;
    let (mut answer, mut raw) = first;
    let mut rounds = Vec::new();
    let ended = |rounds, status, failure| {
        Ok(Improved {
            rounds,
            status,
            failure,
        })
    };
    for round in 1..=max_rounds {
        let asked = task
            .json(
                model,
                &format!("{purpose}r{round}/check"),
                &(asks.check)(&answer)?,
                |value| SelfCheck::from_json(value, asks.checked, protocol),
            )
            .await?;
        let (check, failure) = match asked.value {
            Ok(check) => (Some(check), None),
            Err(failure) => (None, Some(failure)),
        };
        let kept = match &check {
            Some(check) => check.clone(),
            None => SelfCheck::unreadable(asks.checked),
        };
        rounds.push(Round {
            number: i64::from(round),
            answer: answer.clone(),
            raw: raw.clone(),
            check: kept.json,
        });
        match decide(protocol, check.as_ref(), round == max_rounds) {
            Next::Succeeded => return ended(rounds, "succeeded", None),
            Next::IllPosed => return ended(rounds, "ill-posed", None),
            Next::Failed => {
                let why = failure.as_ref().map(reason);
                let never = || (SELF_CHECK, "no round passed its own check".to_owned());
                return ended(rounds, "failed", Some(why.unwrap_or_else(never)));
            }
            Next::Refine => {}
        }
        let purpose = format!("{purpose}r{}/answer", round + 1);
        let prompt = (asks.refine)(&answer, &kept.improvements)?;
        match task.text(model, &purpose, &prompt).await? {
            Ok(better) => {
                // The original cleans first texts only.
                answer = match protocol {
                    Protocol::Crb1 => better.clone(),
                    Protocol::Forgemark1 => latex::clean(&better).into_owned(),
                };
                raw = better;
            }
            Err(failure) => return ended(rounds, "failed", Some(reason(&failure))),
        }
    }
    ended(
        rounds,
        "failed",
        Some((SELF_CHECK, "no round is allowed".to_owned())),
    )
}

/// How a loop ends that never began.
pub(crate) fn nothing(failure: &Failure) -> Improved {
    Improved {
        rounds: Vec::new(),
        status: "failed",
        failure: Some(reason(failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(passes: bool, ill_posed: bool) -> SelfCheck {
        SelfCheck {
            passes,
            ill_posed,
            ..SelfCheck::unreadable(Checked::Answer)
        }
    }

    #[test]
    fn the_order_of_decisions_is_the_protocols() {
        use Next::{Failed, IllPosed, Refine, Succeeded};
        // passes, ill-posed, last round: ours, the original's
        let table = [
            (true, false, false, Succeeded, Succeeded),
            (true, true, false, IllPosed, Succeeded),
            (true, true, true, IllPosed, Succeeded),
            (false, true, false, IllPosed, IllPosed),
            (false, true, true, IllPosed, IllPosed),
            (false, false, false, Refine, Refine),
            (false, false, true, Failed, Failed),
        ];
        for (passes, ill_posed, last, ours, theirs) in table {
            let check = check(passes, ill_posed);
            let of = |protocol| decide(protocol, Some(&check), last);
            assert_eq!(
                of(Protocol::Forgemark1),
                ours,
                "{passes} {ill_posed} {last}"
            );
            assert_eq!(of(Protocol::Crb1), theirs, "{passes} {ill_posed} {last}");
        }
        for protocol in Protocol::ALL {
            assert_eq!(decide(protocol, None, false), Failed);
        }
    }
}
