//! Vectors that have to be there before a conversation begins: those of the passages, where passages are found by vectors of a
//! model, and those of all earlier questions, where questions are compared by meaning.
//!
//! The passages' are kept beside the index, by text and model, so that they are paid once whatever runs use them; the journal
//! has what they cost. The questions' are in the journal.

use forgemark_contract::json::Json;
use forgemark_corpus::{ChunkId, VectorCache};
use forgemark_journal::JournalError;
use forgemark_model::ServiceRequest;
use forgemark_model::caller::{CallError, Caller};
use forgemark_model::service::vectors;
use futures_util::{StreamExt as _, stream};

use super::Environment;
use crate::config::{EMBEDDINGS, Embeddings};
use crate::error::DialogueError;
use crate::question::Question;
use crate::registry::Registry;
use crate::work::{DialogueWork, read_vector, vector_request};

/// Calls at the same time.
const AT_ONCE: usize = 8;

/// Why the vectors are not there.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The run cannot go on with a call now.
    Call(CallError),
    /// It cannot go on at all.
    Error(DialogueError),
}

impl From<CallError> for Stopped {
    fn from(error: CallError) -> Self {
        Stopped::Call(error)
    }
}

impl From<JournalError> for Stopped {
    fn from(error: JournalError) -> Self {
        Stopped::Error(error.into())
    }
}

impl From<forgemark_corpus::CorpusError> for Stopped {
    fn from(error: forgemark_corpus::CorpusError) -> Self {
        Stopped::Error(error.into())
    }
}

/// Brings all of them.
pub(super) async fn bring(
    environment: &Environment,
    caller: &Caller,
    work: &DialogueWork,
    registry: &Registry,
) -> Result<(), Stopped> {
    let Some(embeddings) = &environment.config.services.embeddings else {
        return Ok(());
    };
    if embeddings.retrieval {
        of_passages(environment, embeddings, caller, work).await?;
    }
    of_questions(environment, embeddings, caller, registry).await
}

async fn of_passages(
    environment: &Environment,
    embeddings: &Embeddings,
    caller: &Caller,
    work: &DialogueWork,
) -> Result<(), Stopped> {
    let corpus = &environment.corpus;
    let mut cache = VectorCache::open(
        std::sync::Arc::clone(&environment.storage),
        &environment.index_dir,
        &embeddings.model,
        embeddings.dimensions,
    )?;
    let missing = cache.missing(corpus);
    let parts = missing.chunks(embeddings.batch).map(<[ChunkId]>::to_vec);
    let asked = parts.map(|part| of_part(environment, embeddings, caller, part));
    let mut asked = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(made) = asked.next().await {
        // What was paid is kept before anything else can go wrong.
        cache.add(corpus, &made?)?;
    }
    drop(asked);
    if let Some(vectors) = cache.finish(corpus)? {
        // A run is driven once.
        let _ = work.vectors.set(vectors);
    }
    Ok(())
}

/// The vectors of some passages. A number of texts that the endpoint does not take is halved.
async fn of_part(
    environment: &Environment,
    embeddings: &Embeddings,
    caller: &Caller,
    part: Vec<ChunkId>,
) -> Result<Vec<(ChunkId, Vec<f32>)>, Stopped> {
    let corpus = &environment.corpus;
    let mut made = Vec::with_capacity(part.len());
    let mut rest = vec![part];
    while let Some(part) = rest.pop() {
        let texts: Vec<&str> = part.iter().map(|chunk| corpus.text(*chunk)).collect();
        let request = ServiceRequest {
            body: vectors::request(&embeddings.model, &texts, embeddings.dimensions),
            sample: 0,
        };
        let n = texts.len();
        let read = |answer: &Json| vectors::read(answer, n, embeddings.dimensions);
        let check = |answer: &Json| read(answer).map(drop);
        let first = part
            .first()
            .map_or_else(String::new, |chunk| corpus.topic_id(*chunk));
        let item = format!("index/{first}");
        let asked = caller
            .ask_unkept(EMBEDDINGS, &item, &request, &check)
            .await?;
        match asked.outcome {
            Ok(answer) => {
                let vectors = read(&answer).unwrap_or_default();
                made.extend(part.iter().copied().zip(vectors));
            }
            Err(_) if part.len() > 1 => {
                let (left, right) = part.split_at(part.len() / 2);
                rest.push(right.to_vec());
                rest.push(left.to_vec());
            }
            Err(failure) => {
                return Err(Stopped::Error(DialogueError::Vector {
                    passage: part
                        .first()
                        .map_or_else(String::new, |one| corpus.descriptor(*one)),
                    detail: failure.to_string(),
                }));
            }
        }
    }
    Ok(made)
}

/// The vectors of the final questions, in their order: from the journal, and those of questions from elsewhere from the model.
async fn of_questions(
    environment: &Environment,
    embeddings: &Embeddings,
    caller: &Caller,
    registry: &Registry,
) -> Result<(), Stopped> {
    let matching = environment.config.matching;
    let texts = registry.without_vectors()?;
    let asked = texts.iter().map(|text| async move {
        let request = vector_request(embeddings, text);
        if let Some(answer) = caller.known(EMBEDDINGS, &request)? {
            return Ok((text, read_vector(embeddings, &answer)));
        }
        let check = |answer: &Json| read_vector(embeddings, answer).map(drop);
        let asked = caller
            .ask(EMBEDDINGS, "questions/earlier", &request, &check)
            .await?;
        let vector = match asked.outcome {
            Ok(answer) => read_vector(embeddings, &answer),
            Err(failure) => Err(failure.to_string()),
        };
        Ok::<_, CallError>((text, vector))
    });
    let mut asked = stream::iter(asked).buffered(AT_ONCE);
    while let Some(made) = asked.next().await {
        let (text, vector) = made?;
        let vector = vector.map_err(|detail| {
            Stopped::Error(DialogueError::Vector {
                passage: format!("the earlier question {text:?}"),
                detail,
            })
        })?;
        registry.bring(&Question::new(text, matching).with_vector(&vector));
    }
    Ok(())
}
