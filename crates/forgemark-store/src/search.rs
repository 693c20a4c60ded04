//! Searching a table of ours, with its indexes where it has them.
//!
//! | asked for | index of that kind | answer |
//! |---|---|---|
//! | vector | not asked for, or none | exact: the distance of every row that is visible and passes the filter |
//! | vector, approximate | there | the index's, with the distances computed anew from the vectors |
//! | words | none | exact BM25, with the statistics of the rows that are visible and pass the filter |
//! | words | there | the index's BM25: statistics of all rows it knows, lengths of texts rounded |
//!
//! Visibility and filter are part of the search, so there are `k` hits wherever as many rows pass. Words are cut in one way
//! for the index, for texts that it has not seen, and for the query: see [`word_params`].

use std::sync::Mutex;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array as _, Float32Array, RecordBatch};
use forgemark_contract::store::measure::fusion_depth;
use forgemark_contract::store::resolve::check_query;
use forgemark_contract::store::search::{List, Seeker, Words, hits};
use forgemark_contract::store::{Hit, Parts, RowNumber, Scan, Search, StoreError};
use futures_util::TryStreamExt as _;
use lance::dataset::scanner::Scanner;
use lance::index::DatasetIndexExt as _;
use lance_index::scalar::FullTextSearchQuery;
use lance_index::scalar::inverted::InvertedIndexParams;

use crate::columns::{self, EMBEDDING};
use crate::runtime::wait;
use crate::snapshot::{LanceSnapshot, addresses_of};
use crate::table::{lock, metric};

/// The column whose words are looked for.
pub(crate) const TEXT: &str = "text_payload";

/// The column in which a search of words gives its weights.
const SCORE: &str = "_score";

/// How many candidates an approximate search looks at for each hit that is wanted; their distances are computed anew.
const REFINE: u32 = 8;

/// How texts are cut into words: by the rules of Unicode, with a dictionary for scripts without spaces, in lower case, without
/// accents. No stemming and no stop words, because records have any language.
pub(crate) fn word_params() -> InvertedIndexParams {
    InvertedIndexParams::default()
        .base_tokenizer("icu/split".to_owned())
        .stem(false)
        .remove_stop_words(false)
}

/// The hits of a search, best first.
pub(crate) fn search(snapshot: &LanceSnapshot, search: &Search) -> Result<Vec<Hit>, StoreError> {
    check_query(search, columns::dimensions(&snapshot.schema))?;
    let (distances, weights) = wait(&snapshot.table.uri, lists(snapshot, search))?;
    hits(snapshot, distances, weights, search.k)
}

async fn lists(
    snapshot: &LanceSnapshot,
    search: &Search,
) -> Result<(Option<List>, Option<List>), StoreError> {
    let fused = search.vector.is_some() && search.text.is_some();
    let indexes = Indexes::of(snapshot).await?;
    let depth = if fused {
        fusion_depth(search.k)
    } else {
        search.k
    };
    let near = match &search.vector {
        Some(vector) if search.approximate && indexes.vectors => {
            Some(near(snapshot, search, vector, depth).await?)
        }
        _ => None,
    };
    let weights = match &search.text {
        Some(text) if indexes.text => {
            // The list of an index is cut only where the answer may be approximate.
            let whole = fused && !search.approximate;
            let depth = (!whole).then_some(depth);
            Some(with_words(snapshot, search, text, depth).await?)
        }
        _ => None,
    };
    let rest = Search {
        vector: search.vector.clone().filter(|_| near.is_none()),
        text: search.text.clone().filter(|_| weights.is_none()),
        ..search.clone()
    };
    if rest.vector.is_none() && rest.text.is_none() {
        return Ok((near, weights));
    }
    let (distances, shares) = scanned(snapshot, &rest, fused).await?;
    Ok((near.or(distances), weights.or(shares)))
}

struct Indexes {
    vectors: bool,
    text: bool,
}

impl Indexes {
    async fn of(snapshot: &LanceSnapshot) -> Result<Self, StoreError> {
        let fault = |error| snapshot.table.fault("reading the list of indexes", error);
        let indices = snapshot.dataset.load_indices().await.map_err(fault)?;
        let over = |name: &str| {
            let id = snapshot.dataset.schema().field(name).map(|field| field.id);
            indices
                .iter()
                .any(|index| index.fields.first().copied() == id)
        };
        Ok(Indexes {
            vectors: over(EMBEDDING),
            text: over(TEXT),
        })
    }
}

fn rows(search: &Search) -> Scan {
    Scan {
        visibility: Some(search.visibility),
        filter: search.filter.clone(),
        parts: Parts::KEYS,
        offset: 0,
        limit: None,
    }
}

/// The lists of what has no index, by looking at every row.
async fn scanned(
    snapshot: &LanceSnapshot,
    search: &Search,
    fused: bool,
) -> Result<(Option<List>, Option<List>), StoreError> {
    let mut names = vec!["id".to_owned()];
    names.extend(search.vector.as_ref().map(|_| EMBEDDING.to_owned()));
    names.extend(search.text.as_ref().map(|_| TEXT.to_owned()));
    let condition = snapshot.condition(&rows(search)).await?;
    let mut batches = snapshot
        .batches(&names, Some(condition), None, None)
        .await?;
    let tokenizer = word_params().build();
    let tokenizer = tokenizer.map_err(|error| snapshot.table.fault("making a tokenizer", error))?;
    let tokenizer = Mutex::new(tokenizer);
    let cut = |text: &str| {
        let mut words = Vec::new();
        let mut tokenizer = lock(&tokenizer);
        let mut tokens = tokenizer.token_stream_for_doc(text);
        while let Some(token) = tokens.next() {
            words.push(token.text.clone());
        }
        words
    };
    let vector = search.vector.as_deref();
    let vector = vector.map(|vector| (vector, metric(&snapshot.dataset)));
    let mut seeker = Seeker::new(vector, search.text.as_deref(), Words::Bm25(&cut));
    if !fused {
        seeker.keep(search.k);
    }
    while let Some(batch) = batches.try_next().await? {
        let (ids, numbers) = keys(&batch);
        let vectors = batch.column_by_name(EMBEDDING);
        let vectors = vectors.map(AsArray::as_fixed_size_list);
        let texts = batch.column_by_name(TEXT).map(AsArray::as_string::<i64>);
        for (row, (id, number)) in ids.zip(numbers).enumerate() {
            let vector = vectors.filter(|vectors| vectors.is_valid(row));
            let vector = vector.map(|vectors| vectors.value(row));
            let vector = vector
                .as_ref()
                .map(|v| &v.as_primitive::<Float32Type>().values()[..]);
            let text = texts
                .filter(|texts| texts.is_valid(row))
                .map(|texts| texts.value(row));
            seeker.see((id, number), vector, text);
        }
    }
    Ok(seeker.finish())
}

/// The rows that the index of the vectors finds near, with their distances as an exact search has them.
async fn near(
    snapshot: &LanceSnapshot,
    search: &Search,
    vector: &[f32],
    depth: usize,
) -> Result<List, StoreError> {
    let fault = |error| {
        snapshot
            .table
            .fault("searching the index of the vectors", error)
    };
    let condition = snapshot.condition(&rows(search)).await?;
    let mut scan = snapshot.dataset.scan();
    scan.prefilter(true).filter_expr(condition);
    scan.project(&["id", EMBEDDING]).map_err(fault)?;
    scan.with_row_address();
    let query = Float32Array::from(vector.to_vec());
    scan.nearest(EMBEDDING, &query, depth).map_err(fault)?;
    scan.refine(REFINE);
    let metric = metric(&snapshot.dataset);
    let mut found = Vec::new();
    for batch in batches(&scan).await.map_err(fault)? {
        let (ids, numbers) = keys(&batch);
        let Some(vectors) = batch.column_by_name(EMBEDDING) else {
            continue;
        };
        for ((id, number), other) in ids.zip(numbers).zip(vectors.as_fixed_size_list().iter()) {
            let Some(other) = other else { continue };
            let distance = metric.distance(vector, other.as_primitive::<Float32Type>().values());
            if !distance.is_nan() {
                found.push(((id.to_owned(), number), distance));
            }
        }
    }
    Ok(found)
}

/// The rows that the index of the texts finds, with its weights; `None` for the depth is all of them.
async fn with_words(
    snapshot: &LanceSnapshot,
    search: &Search,
    text: &str,
    depth: Option<usize>,
) -> Result<List, StoreError> {
    let fault = |error| {
        snapshot
            .table
            .fault("searching the index of the texts", error)
    };
    let depth = match depth {
        Some(depth) => depth as u64,
        None => snapshot.count(None).await?,
    };
    let query = FullTextSearchQuery::new(text.to_owned())
        .with_column(TEXT.to_owned())
        .map_err(fault)?
        .limit(Some(i64::try_from(depth).unwrap_or(i64::MAX)));
    let condition = snapshot.condition(&rows(search)).await?;
    let mut scan = snapshot.dataset.scan();
    scan.prefilter(true).filter_expr(condition);
    scan.project(&["id"]).map_err(fault)?;
    scan.with_row_address();
    scan.full_text_search(query).map_err(fault)?;
    let mut found = Vec::new();
    for batch in batches(&scan).await.map_err(fault)? {
        let (ids, numbers) = keys(&batch);
        let Some(scores) = batch.column_by_name(SCORE) else {
            continue;
        };
        let scores = scores.as_primitive::<Float32Type>().values().iter();
        let rows = ids.zip(numbers).zip(scores);
        found.extend(rows.map(|((id, number), score)| ((id.to_owned(), number), *score)));
    }
    Ok(found)
}

async fn batches(scan: &Scanner) -> lance::Result<Vec<RecordBatch>> {
    let stream = scan.try_into_stream().await?;
    stream.try_collect().await
}

/// The ids and numbers of the rows of a batch.
fn keys(batch: &RecordBatch) -> (impl Iterator<Item = &str>, impl Iterator<Item = RowNumber>) {
    let ids = batch.column_by_name("id");
    let ids = ids
        .into_iter()
        .flat_map(|ids| ids.as_string::<i32>().iter());
    (ids.flatten(), addresses_of(batch).map(RowNumber))
}
