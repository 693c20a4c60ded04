//! The columns of a table, and records as rows of them. The other way is [`crate::decode`].

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, Int32Builder, LargeBinaryBuilder, LargeStringBuilder,
    ListBuilder, StringBuilder, StructBuilder,
};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use forgemark_contract::json::{WriteJson, to_compact};
use forgemark_contract::store::{ContextRecord, Parts, Relationship, StateMetadata, StoreOptions};

/// The key of the metric in the metadata of the schema, as the original has it.
pub(crate) const METRIC: &str = "lance-context:distance_metric";
/// The key in the metadata of the schema that marks a table of ours: one row for each id.
pub(crate) const LAYOUT: &str = "forgemark:layout";
/// The layout that this version writes.
pub(crate) const LAYOUT_VERSION: &str = "1";
/// The column of vectors.
pub(crate) const EMBEDDING: &str = "embedding";
/// The column of positions: unique, and never changed. Lists are in its order.
pub(crate) const ORDINAL: &str = "ordinal";

/// Most rows in one batch of a data file.
const BATCH: usize = 8192;
/// Rows that are made sooner than a thread of their own.
const FEW_ROWS: usize = 512;

/// The schema of a new table.
pub(crate) fn schema(options: &StoreOptions) -> Schema {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let needed = |name: &str| Field::new(name, DataType::Utf8, false);
    let key = ("lance-schema:unenforced-primary-key", "true");
    let key = HashMap::from([(key.0.to_owned(), key.1.to_owned())]);
    let mut fields = vec![
        needed("id").with_metadata(key),
        text("external_id"),
        needed("run_id"),
        text("bot_id"),
        text("session_id"),
        text("tenant"),
        text("source"),
        Field::new("created_at", instant.clone(), false),
        // The original has a dictionary with keys of eight bits here, which Lance cannot read back when more than 127
        // distinct roles meet in one batch of a scan.
        needed("role"),
        Field::new("state_metadata", DataType::Struct(state_fields()), true),
        Field::new("metadata", DataType::LargeUtf8, true),
        Field::new("relationships", DataType::List(edge_field()), true),
        Field::new("expires_at", instant.clone(), true),
        text("retention_policy"),
        needed("lifecycle_status"),
        Field::new("retired_at", instant.clone(), true),
        text("retired_reason"),
        text("supersedes_id"),
        text("superseded_by_id"),
        needed("content_type"),
        Field::new("text_payload", DataType::LargeUtf8, true),
        Field::new("binary_payload", DataType::LargeBinary, true),
        text("payload_uri"),
        Field::new("payload_size", DataType::Int64, true),
        text("payload_checksum"),
    ];
    fields.extend(options.dimensions.map(embedding_field));
    fields.extend([
        Field::new("seq", DataType::Int64, true),
        text("parent_id"),
        text("branch_id"),
        text("candidate_group"),
        Field::new("message", DataType::LargeUtf8, true),
        Field::new("updated_at", instant, true),
        text("origin_digest"),
        Field::new(ORDINAL, DataType::Int64, false),
    ]);
    let metadata = HashMap::from([
        (METRIC.to_owned(), options.metric.word().to_owned()),
        (LAYOUT.to_owned(), LAYOUT_VERSION.to_owned()),
    ]);
    Schema::new_with_metadata(fields, metadata)
}

/// The column of vectors of a length.
pub(crate) fn embedding_field(dimensions: u32) -> Field {
    let value = Arc::new(Field::new("item", DataType::Float32, true));
    // Lengths are checked to fit when a vector is taken and when a store is made.
    let length = i32::try_from(dimensions).unwrap_or(i32::MAX);
    Field::new(EMBEDDING, DataType::FixedSizeList(value, length), true)
}

/// The length of the vectors of a table.
pub(crate) fn dimensions(schema: &Schema) -> Option<u32> {
    match schema.field_with_name(EMBEDDING).ok()?.data_type() {
        DataType::FixedSizeList(_, length) => u32::try_from(*length).ok(),
        _ => None,
    }
}

/// The columns that are read for `parts`, of those that the table has.
pub(crate) fn projection(schema: &Schema, parts: Parts) -> Vec<String> {
    let wanted = |name: &str| match name {
        "text_payload" | "message" => parts.text,
        "metadata" | "state_metadata" => parts.metadata,
        EMBEDDING => parts.vector,
        "binary_payload" => parts.binary,
        _ => true,
    };
    let names = schema.fields().iter().map(|field| field.name());
    names.filter(|name| wanted(name)).cloned().collect()
}

fn state_fields() -> Fields {
    Fields::from(vec![
        Field::new("step", DataType::Int32, true),
        Field::new("active_plan_id", DataType::Utf8, true),
        Field::new("tokens_used", DataType::Int32, true),
        Field::new("custom", DataType::Utf8, true),
    ])
}

fn edge_fields() -> Fields {
    Fields::from(vec![
        Field::new("target_id", DataType::Utf8, false),
        Field::new("relation", DataType::Utf8, false),
        Field::new("weight", DataType::Float32, true),
    ])
}

fn edge_field() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Struct(edge_fields()), true))
}

/// `rows` with their ordinals as batches of at most [`BATCH`] rows with the columns of `schema`, which is that of a table of
/// ours. They are made side by side.
///
/// # Errors
/// Where Arrow refuses; records that went through the rules of an edit fit.
pub(crate) fn encode(
    schema: &SchemaRef,
    rows: &[(i64, &ContextRecord)],
) -> Result<Vec<RecordBatch>, ArrowError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let size = rows.len().div_ceil(cores).clamp(FEW_ROWS, BATCH);
    let one = |rows: &[(i64, &ContextRecord)]| {
        let columns = schema.fields().iter().map(|field| column(field, rows));
        let columns = columns.collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
        RecordBatch::try_new(schema.clone(), columns)
    };
    if rows.len() <= size {
        return rows.chunks(size).map(one).collect();
    }
    thread::scope(|scope| {
        let batches = rows.chunks(size).map(|rows| scope.spawn(move || one(rows)));
        let batches: Vec<_> = batches.collect();
        let ends = batches.into_iter().map(thread::ScopedJoinHandle::join);
        ends.map(|end| end.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn column(field: &Field, rows: &[(i64, &ContextRecord)]) -> Result<ArrayRef, ArrowError> {
    let column: ArrayRef = match field.name().as_str() {
        "id" => texts(rows, |row| Some(&row.id)),
        "external_id" => texts(rows, |row| row.external_id.as_ref()),
        "run_id" => texts(rows, |row| Some(&row.run_id)),
        "bot_id" => texts(rows, |row| row.bot_id.as_ref()),
        "session_id" => texts(rows, |row| row.session_id.as_ref()),
        "tenant" => texts(rows, |row| row.tenant.as_ref()),
        "source" => texts(rows, |row| row.source.as_ref()),
        "created_at" => instants(rows, |row| Some(row.created_at.0)),
        "role" => texts(rows, |row| Some(&row.role)),
        "state_metadata" => states(rows),
        "metadata" => json(rows, |row| row.metadata.as_ref()),
        "relationships" => relationships(rows),
        "expires_at" => instants(rows, |row| row.expires_at.map(|at| at.0)),
        "retention_policy" => texts(rows, |row| row.retention_policy.as_ref()),
        "lifecycle_status" => texts(rows, |row| Some(&row.lifecycle_status)),
        "retired_at" => instants(rows, |row| row.retired_at.map(|at| at.0)),
        "retired_reason" => texts(rows, |row| row.retired_reason.as_ref()),
        "supersedes_id" => texts(rows, |row| row.supersedes_id.as_ref()),
        "superseded_by_id" => texts(rows, |row| row.superseded_by_id.as_ref()),
        "content_type" => texts(rows, |row| Some(&row.content_type)),
        "text_payload" => {
            let mut builder = LargeStringBuilder::new();
            for (_, row) in rows {
                builder.append_option(row.text_payload.as_deref());
            }
            Arc::new(builder.finish())
        }
        "binary_payload" => {
            let mut builder = LargeBinaryBuilder::new();
            for (_, row) in rows {
                builder.append_option(row.binary_payload.as_ref().map(|bytes| &bytes.0));
            }
            Arc::new(builder.finish())
        }
        "payload_uri" => texts(rows, |row| row.payload_uri.as_ref()),
        "payload_size" => integers(rows, |_, row| row.payload_size),
        "payload_checksum" => texts(rows, |row| row.payload_checksum.as_ref()),
        EMBEDDING => vectors(field, rows)?,
        "seq" => integers(rows, |_, row| row.seq),
        "parent_id" => texts(rows, |row| row.parent_id.as_ref()),
        "branch_id" => texts(rows, |row| row.branch_id.as_ref()),
        "candidate_group" => texts(rows, |row| row.candidate_group.as_ref()),
        "message" => json(rows, |row| row.message.as_ref()),
        "updated_at" => instants(rows, |row| row.updated_at.map(|at| at.0)),
        "origin_digest" => texts(rows, |row| row.origin_digest.as_ref()),
        ORDINAL => integers(rows, |ordinal, _| Some(ordinal)),
        _ => arrow_array::new_null_array(field.data_type(), rows.len()),
    };
    Ok(column)
}

fn texts<'r>(
    rows: &[(i64, &'r ContextRecord)],
    value: impl Fn(&'r ContextRecord) -> Option<&'r String>,
) -> ArrayRef {
    let values = rows.iter().map(|(_, row)| value(row));
    Arc::new(values.collect::<StringArray>())
}

fn integers(
    rows: &[(i64, &ContextRecord)],
    value: impl Fn(i64, &ContextRecord) -> Option<i64>,
) -> ArrayRef {
    let values = rows.iter().map(|(ordinal, row)| value(*ordinal, row));
    Arc::new(values.collect::<Int64Array>())
}

fn instants(
    rows: &[(i64, &ContextRecord)],
    value: impl Fn(&ContextRecord) -> Option<i64>,
) -> ArrayRef {
    let values = rows.iter().map(|(_, row)| value(row));
    Arc::new(values.collect::<TimestampMicrosecondArray>())
}

fn json<'r, T: WriteJson + 'r>(
    rows: &[(i64, &'r ContextRecord)],
    value: impl Fn(&'r ContextRecord) -> Option<&'r T>,
) -> ArrayRef {
    let mut builder = LargeStringBuilder::new();
    for (_, row) in rows {
        let text = value(row).map(|value| to_compact(value));
        builder.append_option(text.map(|text| String::from_utf8_lossy(&text).into_owned()));
    }
    Arc::new(builder.finish())
}

fn states(rows: &[(i64, &ContextRecord)]) -> ArrayRef {
    let mut steps = Int32Builder::new();
    let mut plans = StringBuilder::new();
    let mut tokens = Int32Builder::new();
    let mut customs = StringBuilder::new();
    let mut there = Vec::with_capacity(rows.len());
    let absent = StateMetadata::default();
    // The rules of an edit let no larger number through.
    let small = |value: Option<i64>| value.and_then(|value| i32::try_from(value).ok());
    for (_, row) in rows {
        there.push(row.state_metadata.is_some());
        let state = row.state_metadata.as_ref().unwrap_or(&absent);
        steps.append_option(small(state.step));
        plans.append_option(state.active_plan_id.as_deref());
        tokens.append_option(small(state.tokens_used));
        customs.append_option(state.custom.as_deref());
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(steps.finish()),
        Arc::new(plans.finish()),
        Arc::new(tokens.finish()),
        Arc::new(customs.finish()),
    ];
    Arc::new(arrow_array::StructArray::new(
        state_fields(),
        columns,
        Some(there.into()),
    ))
}

fn relationships(rows: &[(i64, &ContextRecord)]) -> ArrayRef {
    let edge = StructBuilder::new(
        edge_fields(),
        vec![
            Box::new(StringBuilder::new()),
            Box::new(StringBuilder::new()),
            Box::new(Float32Builder::new()),
        ],
    );
    let mut builder = ListBuilder::new(edge).with_field(edge_field());
    for (_, row) in rows {
        for edge in &row.relationships {
            append_edge(builder.values(), edge);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn append_edge(builder: &mut StructBuilder, edge: &Relationship) {
    for (place, text) in [&edge.target_id, &edge.relation].into_iter().enumerate() {
        if let Some(texts) = builder.field_builder::<StringBuilder>(place) {
            texts.append_value(text);
        }
    }
    if let Some(weights) = builder.field_builder::<Float32Builder>(2) {
        weights.append_option(edge.weight);
    }
    builder.append(true);
}

fn vectors(field: &Field, rows: &[(i64, &ContextRecord)]) -> Result<ArrayRef, ArrowError> {
    let DataType::FixedSizeList(value, length) = field.data_type() else {
        let kind = field.data_type();
        return Err(ArrowError::SchemaError(format!("embedding is a {kind}")));
    };
    let floats = Float32Builder::with_capacity(rows.len() * length.unsigned_abs() as usize);
    let mut builder = FixedSizeListBuilder::new(floats, *length).with_field(value.clone());
    for (_, row) in rows {
        match &row.embedding {
            Some(vector) => builder.values().append_slice(vector),
            None => builder
                .values()
                .append_nulls(length.unsigned_abs() as usize),
        }
        builder.append(row.embedding.is_some());
    }
    Ok(Arc::new(builder.finish()))
}
