//! JSON Schemas of the replies, in the subset that strict structured output accepts everywhere: every property required, no
//! further ones. What is optional in the files may be empty here.
//!
//! The order of the properties is the order in which a model writes them: reasons before the verdict.

use forgemark_contract::arena::CRITIQUE_VERDICTS;
use forgemark_contract::json::Json;
use forgemark_model::ReplyFormat;
use forgemark_model::schema::{list, object, of_type, one_of, text, within};

use super::{Checked, Task};

/// Schema name of the questioner's check of its own answer.
pub const QUESTION_CHECK: &str = "arena_question_check";
/// Schema name of an answerer's check.
pub const ANSWER_CHECK: &str = "arena_answer_check";
/// Schema name of a critic's check.
pub const CRITIQUE_CHECK: &str = "arena_critique_check";
/// Schema name of a critique.
pub const CRITIQUE: &str = "arena_critique";
/// Schema name of a debater's message.
pub const DEBATE_TURN: &str = "arena_debate_turn";
/// Schema name of a judgment on a critique.
pub const JUDGE_CRITIQUE: &str = "arena_judge_critique";
/// Schema name of a judgment on an ill-posed claim.
pub const JUDGE_ILL_POSED: &str = "arena_judge_illposed";

/// The form of a self-check.
pub fn self_check_format(checked: Checked) -> ReplyFormat {
    let issues = ("issues", list(text()));
    let improvements = ("improvements", text());
    let verdict = ("verdict", one_of(&["pass", "fail"]));
    match checked {
        Checked::Critique => format(CRITIQUE_CHECK, object([issues, improvements, verdict])),
        Checked::OwnAnswer | Checked::Answer => {
            let name = if checked == Checked::Answer {
                ANSWER_CHECK
            } else {
                QUESTION_CHECK
            };
            let ill_posed = ("ill_posed", of_type("boolean"));
            format(name, object([issues, ill_posed, improvements, verdict]))
        }
    }
}

/// The form of a critique.
pub fn critique_format() -> ReplyFormat {
    let known = &CRITIQUE_VERDICTS[..CRITIQUE_VERDICTS.len() - 1];
    format(
        CRITIQUE,
        object([
            ("notes", text()),
            ("suggestions", text()),
            ("verdict", one_of(known)),
        ]),
    )
}

/// The form of a debater's message.
pub fn turn_format() -> ReplyFormat {
    format(
        DEBATE_TURN,
        object([("message", text()), ("concede", of_type("boolean"))]),
    )
}

/// The form of a judgment.
pub fn judgment_format(task: Task) -> ReplyFormat {
    let name = match task {
        Task::Critique => JUDGE_CRITIQUE,
        Task::IllPosed => JUDGE_ILL_POSED,
    };
    let confidence = within("integer", 1, 5);
    format(
        name,
        object([
            ("reasoning", text()),
            ("verdict", one_of(&task.verdicts())),
            ("confidence", confidence),
        ]),
    )
}

fn format(name: &str, schema: Json) -> ReplyFormat {
    ReplyFormat::JsonSchema {
        name: name.to_owned(),
        schema: schema.into(),
    }
}
