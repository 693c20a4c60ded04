//! A conversation that the original began: its complete turns are kept as they are.

use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_corpus::ChunkId;

use super::services::Shown;
use super::{Halt, Session};
use crate::conversation::{Dropped, TurnFacts};
use crate::question::Question;
use crate::run::Begun;

impl Session<'_> {
    /// Takes the turns over, as if they had been made here.
    pub(super) async fn take_up(&mut self, begun: &Begun) -> Result<(), Halt> {
        self.conversation.at = begun.at;
        self.conversation.raw.clone_from(&begun.raw);
        for (turn, in_ledger) in begun.turns.iter().zip(&begun.in_ledger) {
            let text = |value: &Json, key: &str| value.str_or(key, "").to_owned();
            let question = text(&turn.qa_generation, "user_message");
            let mut asked = Question::new(&question, self.config().matching);
            let decides = !in_ledger && !question.is_empty();
            if decides {
                let number = self.conversation.turns.len() as u32 + 1;
                // One that the model takes no vector of is compared by its text.
                if let Ok(with_vector) = self.question(number, &question).await? {
                    asked = with_vector;
                }
            }
            // What is in the ledger is known from there. One that was asked before stays where it is all the same.
            if decides && self.ctx.decide(&asked)?.is_err() {
                return Err(Halt::Stale);
            }
            self.conversation.claims.push(Arc::from(asked.text()));
            let corpus = &self.work.corpus;
            let covered = corpus.find_topic(turn.qa_generation.str_or("coverage_target", ""));
            self.conversation.facts.push(TurnFacts {
                asked_at: begun.at,
                source_path: covered
                    .map_or_else(String::new, |chunk| corpus.source(chunk).to_owned()),
                // What is in the ledger is counted there.
                covered: covered.filter(|_| !in_ledger),
                covered_topic: covered
                    .filter(|_| !in_ledger)
                    .map(|chunk| Arc::from(corpus.topic_id(chunk))),
                support_milli: None,
                in_ledger: *in_ledger,
            });
            let shown = turn.tool_events.iter().flat_map(|event| {
                let found = event.result.items("results").iter();
                found.filter_map(|passage| self.passage(passage).map(Shown::Chunk))
            });
            let shown: Vec<Shown> = shown.collect();
            self.shown.push(shown);
            let answer = text(&turn.kb_answer, "assistant_message");
            self.said.push((question, answer));
            self.conversation.turns.push(Arc::clone(turn));
        }
        match begun.dropped {
            Some(reason) => Err(Halt::Drop(Dropped {
                reason,
                turn: begun.turns.len() as u32 + 1,
                detail: "dropped before the run went on here".to_owned(),
            })),
            None => Ok(()),
        }
    }

    /// The passage of a search result, if the documents still have it.
    fn passage(&self, result: &Json) -> Option<ChunkId> {
        let corpus = &self.work.corpus;
        let ordinal = result.at("chunk_index").as_u64()?;
        let topic = forgemark_contract::ids::topic_id(result.str_or("source", ""), ordinal);
        corpus.find_topic(&topic)
    }
}
