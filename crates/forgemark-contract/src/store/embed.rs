//! Vectors for the rows that have a text and no vector yet.

use super::api::{At, Parts, RecordStore, Scan, VectorModel};
use super::{Edit, Key, StoreError};
use crate::json::{Json, Object};
use crate::time::Timestamp;

#[cfg(test)]
mod tests;

/// What was filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Embedded {
    /// Rows that have a vector now and had none.
    pub rows: u64,
    /// Writes, each of which made a version.
    pub batches: u64,
    /// The version afterwards.
    pub version: u64,
}

/// Why filling in ended early. What was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError<E> {
    /// The store did not do as asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model did not answer.
    #[error("{0}")]
    Model(E),
    /// The model's answer cannot be used.
    #[error(
        "the model {model} answered {count} texts, the first of them that of record {record}: {what}"
    )]
    Answer {
        /// The model.
        model: String,
        /// How many texts it was given.
        count: usize,
        /// The id of the first.
        record: String,
        /// What is wrong.
        what: String,
    },
}

/// What makes vectors of texts, one for each in their order.
pub type Embedder<'e, E> = dyn FnMut(&[String]) -> Result<Vec<Vec<f32>>, E> + 'e;

/// Asks `embed` for the vectors of all rows that are not deleted, have a text that is more than white space, and have no vector.
///
/// Rows go in the order of insertion, `batch` of them (at least one) to a call and to a write: what is killed loses one batch
/// at most, and the same call goes on where it ended. The model is declared to the store first, which refuses a model or
/// digest that its vectors were not made with. `now` becomes the `updated_at` of the rows.
///
/// # Errors
/// [`EmbedError`]; rows that were written before it stay written.
pub fn embed<E>(
    store: &dyn RecordStore,
    model: &VectorModel,
    embed: &mut Embedder<'_, E>,
    batch: usize,
    now: Timestamp,
) -> Result<Embedded, EmbedError<E>> {
    store.declare_vectors(model)?;
    let snapshot = store.snapshot(&At::Latest)?;
    let mut done = Embedded {
        version: snapshot.version(),
        ..Embedded::default()
    };
    let scan = Scan {
        parts: Parts {
            text: true,
            vector: true,
            ..Parts::KEYS
        },
        ..Scan::everything()
    };
    let mut ids = Vec::new();
    let mut texts = Vec::new();
    for row in snapshot.scan(&scan)? {
        let (_, row) = row?;
        let text = row.text_payload.filter(|text| !text.trim().is_empty());
        if let (Some(text), None) = (text, row.embedding) {
            ids.push(row.id);
            texts.push(text);
        }
        if texts.len() >= batch.max(1) {
            fill(store, model, embed, (&mut ids, &mut texts), now, &mut done)?;
        }
    }
    if !texts.is_empty() {
        fill(store, model, embed, (&mut ids, &mut texts), now, &mut done)?;
    }
    Ok(done)
}

fn fill<E>(
    store: &dyn RecordStore,
    model: &VectorModel,
    embed: &mut Embedder<'_, E>,
    (ids, texts): (&mut Vec<String>, &mut Vec<String>),
    now: Timestamp,
    done: &mut Embedded,
) -> Result<(), EmbedError<E>> {
    let vectors = embed(texts).map_err(EmbedError::Model)?;
    if let Some(what) = unusable(&vectors, texts.len(), model) {
        return Err(EmbedError::Answer {
            model: model.name.clone(),
            count: texts.len(),
            record: ids.first().cloned().unwrap_or_default(),
            what,
        });
    }
    texts.clear();
    let rows = ids.len() as u64;
    let edits = ids.drain(..).zip(vectors).map(|(id, vector)| {
        let values = vector.into_iter().map(|value| f64::from(value).into());
        let mut fields = Object::new();
        fields.insert("embedding", values.collect::<Json>());
        Edit::Patch {
            key: Key::Id(id),
            fields,
        }
    });
    let written = store.write(edits.collect(), now)?;
    done.rows += rows;
    done.batches += 1;
    done.version = written.version;
    Ok(())
}

fn unusable(vectors: &[Vec<f32>], texts: usize, model: &VectorModel) -> Option<String> {
    let dimensions = model.dimensions as usize;
    if vectors.len() != texts {
        return Some(format!("{} vectors came back", vectors.len()));
    }
    vectors.iter().enumerate().find_map(|(at, vector)| {
        if vector.len() != dimensions {
            let found = vector.len();
            return Some(format!(
                "vector {at} has {found} values, and {dimensions} were declared"
            ));
        }
        (!vector.iter().all(|value| value.is_finite()))
            .then(|| format!("vector {at} has a value that is not a finite number"))
    })
}
