//! What a judge is shown of a conversation, read back from its row.
//!
//! The evidence is what the answers were really shown: rows of ours name it (`forgemark.evidence`), and the documents hold
//! it; rows of the original hold the results of the assistant's searches, and name passages of the documents, whose texts
//! are taken from there. What a model says that it has read is no evidence.
//! A turn whose passages are not in the documents any more is not judged at all: on less than it was shown, every answer
//! looks invented.

use std::sync::Arc;

use forgemark_contract::dialogue::derive::{assistant_message, user_message};
use forgemark_contract::dialogue::{DatasetRow, ToolEvent, Turn};
use forgemark_contract::ids::topic_id;
use forgemark_contract::json::Json;
use forgemark_corpus::{ChunkId, Corpus};

use crate::judging::Naming;
use crate::passages::Passage;
use crate::web::WebPage;
use crate::work::Shelf;

/// Stands for a question or an answer that a row does not have.
const MISSING: &str = "(missing)";

/// Word of the reason why a turn was not judged.
pub(super) const EVIDENCE_MISSING: &str = "evidence_missing";

/// A conversation before its judges.
pub(super) struct Subject {
    pub(super) naming: Naming,
    pub(super) language: String,
    pub(super) user_persona: String,
    pub(super) assistant_persona: String,
    pub(super) turns: Vec<Exchanged>,
}

/// One turn.
pub(super) struct Exchanged {
    /// As the row has it.
    pub(super) index: i64,
    pub(super) question: String,
    pub(super) answer: String,
    /// The passages that the answer was shown, or how many of them are gone.
    pub(super) shown: Result<Vec<Passage>, usize>,
}

/// Whether a row is one of ours: it names its run. A row of the original that was judged here has a `forgemark` object,
/// but no run.
pub(crate) fn is_ours(forgemark: Option<&Json>) -> bool {
    forgemark.is_some_and(|ours| ours.at("run_id").as_str().is_some())
}

impl Subject {
    pub(super) fn of(row: &DatasetRow, corpus: Option<&Corpus>, shelf: &Shelf) -> Self {
        let text = |key: &str| row.inputs.str_or(key, "").to_owned();
        Self {
            naming: naming(row),
            language: text("target_language"),
            user_persona: text("user_persona"),
            assistant_persona: text("assistant_persona"),
            turns: row
                .turns
                .iter()
                .map(|turn| exchanged(turn, corpus, shelf))
                .collect(),
        }
    }
}

/// The names that the run itself gave the calls of a conversation, as far as its row says what they are made of.
fn naming(row: &DatasetRow) -> Naming {
    let id = row.conversation_id.clone();
    let ours = row.forgemark.as_ref();
    let language = row.inputs.str_or("target_language", "");
    let languages = row.inputs.items("target_languages");
    let group = languages
        .iter()
        .position(|one| one.as_str() == Some(language));
    let known = ours.and_then(|ours| {
        Some(Naming {
            run: ours.at("run_id").as_str()?.to_owned(),
            ordinal: ours.at("ordinal").as_u64()?,
            group: group.unwrap_or_default() as u32,
            id: id.clone(),
        })
    });
    known.unwrap_or_else(|| Naming {
        run: id.clone(),
        group: 0,
        ordinal: 0,
        id,
    })
}

fn exchanged(turn: &Arc<Turn>, corpus: Option<&Corpus>, shelf: &Shelf) -> Exchanged {
    let text = |text: Option<std::borrow::Cow<'_, str>>| {
        text.map_or_else(|| MISSING.to_owned(), |text| text.trim().to_owned())
    };
    let named = turn
        .forgemark
        .as_ref()
        .and_then(|ours| ours.get("evidence"));
    Exchanged {
        index: turn.turn_index,
        question: text(user_message(turn)),
        answer: text(assistant_message(turn)),
        shown: match named {
            Some(evidence) => in_documents(evidence, corpus, shelf),
            None => Ok(of_another_program(turn, corpus, shelf)),
        },
    }
}

/// The passages that a row of ours names; a chunk that lies elsewhere in its document now is not the one that was shown.
fn in_documents(
    evidence: &Json,
    corpus: Option<&Corpus>,
    shelf: &Shelf,
) -> Result<Vec<Passage>, usize> {
    let evidence = evidence.as_array().unwrap_or_default();
    let of_chunk = |one: &Json| {
        let corpus = corpus?;
        let id = corpus.find_topic(one.at("topic_id").as_str()?)?;
        let chunk = corpus.chunk(id)?;
        let lies = (Some(u64::from(chunk.start)), Some(u64::from(chunk.end)));
        let lay = (one.at("char_start").as_u64(), one.at("char_end").as_u64());
        (lies == lay).then(|| shelf.passages(corpus, &[id]))
    };
    let mut passages = Vec::with_capacity(evidence.len());
    let mut gone = 0;
    for one in evidence {
        // What a web search found stands in the row itself.
        let found = match WebPage::of_evidence(one) {
            Some(page) => Some(vec![page.passage()]),
            None => of_chunk(one),
        };
        match found {
            Some(found) => passages.extend(found),
            None => gone += 1,
        }
    }
    if gone == 0 { Ok(passages) } else { Err(gone) }
}

/// What a row without our evidence rests on: the passages of the documents that its question names, and what the
/// assistant's searches found.
fn of_another_program(turn: &Turn, corpus: Option<&Corpus>, shelf: &Shelf) -> Vec<Passage> {
    let asked = &turn.qa_generation;
    let of_descriptor = |fact: &Json| {
        let descriptor = fact.at("source_descriptor").as_str()?;
        let (path, ordinal) = descriptor.rsplit_once("#chunk")?;
        Some(topic_id(path, ordinal.parse().ok()?))
    };
    let named = asked.at("coverage_target").as_str().map(str::to_owned);
    let facts = asked
        .items("grounding_facts")
        .iter()
        .filter_map(of_descriptor);
    let chunks: Vec<ChunkId> = named
        .into_iter()
        .chain(facts)
        .filter_map(|topic| corpus?.find_topic(&topic))
        .collect();
    let mut passages = corpus.map_or_else(Vec::new, |corpus| shelf.passages(corpus, &chunks));
    passages.extend(turn.tool_events.iter().flat_map(found_by));
    let mut all: Vec<Passage> = Vec::new();
    for passage in passages {
        if !all
            .iter()
            .any(|known| known.descriptor == passage.descriptor)
        {
            all.push(passage);
        }
    }
    all
}

/// The passages in the result of a tool, as the original writes them: chunks of documents, or hits of a web search.
fn found_by(event: &ToolEvent) -> Vec<Passage> {
    let hit = |hit: &Json| {
        let text = |key: &str| hit.at(key).to_text().map(std::borrow::Cow::into_owned);
        let (source, descriptor, text) = if let Some(content) = text("content") {
            let source = text("source").unwrap_or_default();
            let place = hit.at("chunk_index").as_i64();
            let descriptor =
                place.map_or_else(|| source.clone(), |place| format!("{source}#chunk{place}"));
            (source, descriptor, content)
        } else {
            let link = text("link").unwrap_or_default();
            let said = [text("title"), text("snippet")];
            let said: Vec<String> = said.into_iter().flatten().collect();
            (link.clone(), link, said.join("\n"))
        };
        (!text.trim().is_empty()).then(|| Passage {
            topic_id: descriptor.as_str().into(),
            source: source.into(),
            descriptor: descriptor.into(),
            page: None,
            text: text.into(),
        })
    };
    event
        .result
        .items("results")
        .iter()
        .filter_map(hit)
        .collect()
}
