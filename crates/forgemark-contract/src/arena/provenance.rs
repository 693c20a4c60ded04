//! How a record was made: the line of `provenance.jsonl`.

use crate::json::{Json, Object};
use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// A line of `provenance.jsonl`: how one record of an arena folder was made. The files of the arena themselves hold nothing
    /// of it.
    Provenance {
        /// The record: its kind and its key as keys are printed, such as `answer 1/q/a/1`; of a judgment also the judge.
        req record: String = Shape::Filled,
        /// Who made it, as a slug; of debates the claimant.
        req model: String = Shape::Filled,
        /// The rules of the protocol that it was made under.
        req protocol: String = Shape::Filled,
        /// How it ended, in the words of the record: `succeeded`, `failed` or `ill-posed`.
        req status: String = Shape::Filled,
        /// Why it failed, as a word: that of a failed call, such as `refusal` or `bad_output`, or `self_check` where the model
        /// never approved of what it wrote.
        may failure: String = Shape::Filled,
        /// What was said about the failure.
        may detail: String,
        /// The prompts and rubrics that were used, with the digest of each.
        req prompts: Object = Shape::Object,
        /// The keys of the calls in the journal, in order.
        req calls: Vec<String>,
        /// Tokens of the calls: `prompt`, `completion`, `cached`, `reasoning`.
        req usage: Object = Shape::Object,
        /// Names that were replaced before a judge saw the text, each with what stood there and how often.
        may redactions: Vec<Json>,
        /// What a reader should know, such as a note on how a reply was read.
        may notes: Vec<String>,
    }
}
