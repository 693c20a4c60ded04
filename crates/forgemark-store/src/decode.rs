//! Rows of a table as records: the columns that are there, whatever of the usual types they have.
//!
//! The original's tables have had a role as a dictionary, texts as `Utf8`, `LargeUtf8` or blobs, and lack the columns that
//! came later; so columns are found by name and cast, and what is not there is `None`.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::shape::Field as _;
use forgemark_contract::store::{Bytes, ChatMessage, ContextRecord, Relationship, StateMetadata};
use forgemark_contract::time::Timestamp;

/// A value of a table that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{column} of record {record}: {what}")]
pub(crate) struct DecodeError {
    column: String,
    /// The id of the record, `?` where the whole column is wrong.
    record: String,
    what: String,
}

/// The rows of `batch` as records, in their order. Columns that no record has are passed over.
///
/// # Errors
/// [`DecodeError`] where a column has a type that cannot be cast, or a text that should be JSON is not.
pub(crate) fn records(batch: &RecordBatch) -> Result<Vec<ContextRecord>, DecodeError> {
    let mut records = vec![ContextRecord::default(); batch.num_rows()];
    let rows = &mut records[..];
    // The id first, for the errors of the others.
    if let Some(ids) = batch.column_by_name("id") {
        texts("id", ids, rows, |row, text| row.id = text)?;
    }
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        read(field.name(), column, rows)?;
    }
    Ok(records)
}

fn read(name: &str, column: &ArrayRef, rows: &mut [ContextRecord]) -> Result<(), DecodeError> {
    match name {
        "external_id" => texts(name, column, rows, |row, text| row.external_id = Some(text)),
        "run_id" => texts(name, column, rows, |row, text| row.run_id = text),
        "bot_id" => texts(name, column, rows, |row, text| row.bot_id = Some(text)),
        "session_id" => texts(name, column, rows, |row, text| row.session_id = Some(text)),
        "tenant" => texts(name, column, rows, |row, text| row.tenant = Some(text)),
        "source" => texts(name, column, rows, |row, text| row.source = Some(text)),
        "created_at" => instants(name, column, rows, |row, at| row.created_at = at),
        "role" => texts(name, column, rows, |row, text| row.role = text),
        "state_metadata" => states(name, column, rows),
        "metadata" => json(name, column, rows, |row, json| {
            row.metadata = Some(json);
            Ok(())
        }),
        "relationships" => relationships(name, column, rows),
        "expires_at" => instants(name, column, rows, |row, at| row.expires_at = Some(at)),
        "retention_policy" => texts(name, column, rows, |row, text| {
            row.retention_policy = Some(text);
        }),
        "lifecycle_status" => texts(name, column, rows, |row, text| row.lifecycle_status = text),
        "retired_at" => instants(name, column, rows, |row, at| row.retired_at = Some(at)),
        "retired_reason" => texts(name, column, rows, |row, text| {
            row.retired_reason = Some(text);
        }),
        "supersedes_id" => texts(name, column, rows, |row, text| {
            row.supersedes_id = Some(text);
        }),
        "superseded_by_id" => texts(name, column, rows, |row, text| {
            row.superseded_by_id = Some(text);
        }),
        "content_type" => texts(name, column, rows, |row, text| row.content_type = text),
        "text_payload" => texts(name, column, rows, |row, text| {
            row.text_payload = Some(text);
        }),
        "binary_payload" => bytes(name, column, rows, |row, bytes| {
            row.binary_payload = Some(bytes);
        }),
        "payload_uri" => texts(name, column, rows, |row, text| row.payload_uri = Some(text)),
        "payload_size" => {
            let sizes = cast(name, column, &DataType::Int64)?;
            let sizes = sizes.as_primitive::<Int64Type>();
            for (row, size) in rows.iter_mut().zip(sizes) {
                row.payload_size = size;
            }
            Ok(())
        }
        "payload_checksum" => texts(name, column, rows, |row, text| {
            row.payload_checksum = Some(text);
        }),
        "embedding" => vectors(name, column, rows),
        "seq" => {
            let numbers = cast(name, column, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            for (row, number) in rows.iter_mut().zip(numbers) {
                row.seq = number;
            }
            Ok(())
        }
        "parent_id" => texts(name, column, rows, |row, text| row.parent_id = Some(text)),
        "branch_id" => texts(name, column, rows, |row, text| row.branch_id = Some(text)),
        "candidate_group" => texts(name, column, rows, |row, text| {
            row.candidate_group = Some(text);
        }),
        "message" => json(name, column, rows, |row, json| {
            let message = ChatMessage::from_field(&json);
            row.message = Some(message.map_err(|error| error.to_string())?);
            Ok(())
        }),
        "updated_at" => instants(name, column, rows, |row, at| row.updated_at = Some(at)),
        "origin_digest" => texts(name, column, rows, |row, text| {
            row.origin_digest = Some(text);
        }),
        _ => Ok(()),
    }
}

fn cast(name: &str, column: &ArrayRef, to: &DataType) -> Result<ArrayRef, DecodeError> {
    if column.data_type() == to {
        return Ok(column.clone());
    }
    // A value that does not fit is an error, and not a null.
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, to, &options).map_err(|error: ArrowError| DecodeError {
        column: name.to_owned(),
        record: "?".to_owned(),
        what: error.to_string(),
    })
}

fn texts(
    name: &str,
    column: &ArrayRef,
    rows: &mut [ContextRecord],
    set: impl Fn(&mut ContextRecord, String),
) -> Result<(), DecodeError> {
    let column = cast(name, column, &DataType::LargeUtf8)?;
    for (row, text) in rows.iter_mut().zip(column.as_string::<i64>()) {
        if let Some(text) = text {
            set(row, text.to_owned());
        }
    }
    Ok(())
}

fn bytes(
    name: &str,
    column: &ArrayRef,
    rows: &mut [ContextRecord],
    set: impl Fn(&mut ContextRecord, Bytes),
) -> Result<(), DecodeError> {
    let column = cast(name, column, &DataType::LargeBinary)?;
    for (row, bytes) in rows.iter_mut().zip(column.as_binary::<i64>()) {
        if let Some(bytes) = bytes {
            set(row, Bytes(bytes.to_vec()));
        }
    }
    Ok(())
}

fn instants(
    name: &str,
    column: &ArrayRef,
    rows: &mut [ContextRecord],
    set: impl Fn(&mut ContextRecord, Timestamp),
) -> Result<(), DecodeError> {
    let column = cast(
        name,
        column,
        &DataType::Timestamp(TimeUnit::Microsecond, None),
    )?;
    let micros = column.as_primitive::<TimestampMicrosecondType>();
    for (row, micros) in rows.iter_mut().zip(micros) {
        if let Some(micros) = micros {
            set(row, Timestamp(micros));
        }
    }
    Ok(())
}

fn json(
    name: &str,
    column: &ArrayRef,
    rows: &mut [ContextRecord],
    set: impl Fn(&mut ContextRecord, Json) -> Result<(), String>,
) -> Result<(), DecodeError> {
    let column = cast(name, column, &DataType::LargeUtf8)?;
    for (row, text) in rows.iter_mut().zip(column.as_string::<i64>()) {
        let Some(text) = text else { continue };
        let json = parse_str(text).map_err(|error| error.to_string());
        json.and_then(|json| set(row, json))
            .map_err(|what| DecodeError {
                column: name.to_owned(),
                record: row.id.clone(),
                what,
            })?;
    }
    Ok(())
}

fn states(name: &str, column: &ArrayRef, rows: &mut [ContextRecord]) -> Result<(), DecodeError> {
    let integer = |name: &str| Field::new(name, DataType::Int64, true);
    let text = |name: &str| Field::new(name, DataType::LargeUtf8, true);
    let fields = vec![
        integer("step"),
        text("active_plan_id"),
        integer("tokens_used"),
        text("custom"),
    ];
    let column = cast(name, column, &DataType::Struct(fields.into()))?;
    let state = column.as_struct();
    let [step, plan, tokens, custom] = state.columns() else {
        return Ok(());
    };
    let steps = step.as_primitive::<Int64Type>().iter();
    let plans = plan.as_string::<i64>().iter();
    let tokens = tokens.as_primitive::<Int64Type>().iter();
    let customs = custom.as_string::<i64>().iter();
    let values = steps.zip(plans).zip(tokens.zip(customs)).enumerate();
    for (row, (at, ((step, plan), (tokens_used, custom)))) in rows.iter_mut().zip(values) {
        row.state_metadata = state.is_valid(at).then(|| StateMetadata {
            step,
            active_plan_id: plan.map(str::to_owned),
            tokens_used,
            custom: custom.map(str::to_owned),
            ..StateMetadata::default()
        });
    }
    Ok(())
}

fn relationships(
    name: &str,
    column: &ArrayRef,
    rows: &mut [ContextRecord],
) -> Result<(), DecodeError> {
    let text = |name: &str| Field::new(name, DataType::LargeUtf8, true);
    let fields = vec![
        text("target_id"),
        text("relation"),
        Field::new("weight", DataType::Float32, true),
    ];
    let edge = Field::new("item", DataType::Struct(fields.into()), true);
    let column = cast(name, column, &DataType::LargeList(Arc::new(edge)))?;
    for (row, edges) in rows.iter_mut().zip(column.as_list::<i64>().iter()) {
        let Some(edges) = edges else { continue };
        let [targets, relations, weights] = edges.as_struct().columns() else {
            continue;
        };
        let targets = targets.as_string::<i64>().iter();
        let relations = relations.as_string::<i64>().iter();
        let weights = weights.as_primitive::<Float32Type>().iter();
        let edges = targets.zip(relations).zip(weights);
        row.relationships = edges
            .map(|((target, relation), weight)| Relationship {
                target_id: target.unwrap_or_default().to_owned(),
                relation: relation.unwrap_or_default().to_owned(),
                weight,
                ..Relationship::default()
            })
            .collect();
    }
    Ok(())
}

fn vectors(name: &str, column: &ArrayRef, rows: &mut [ContextRecord]) -> Result<(), DecodeError> {
    let DataType::FixedSizeList(_, length) = column.data_type() else {
        return Err(DecodeError {
            column: name.to_owned(),
            record: "?".to_owned(),
            what: format!("has the type {}, no list of one length", column.data_type()),
        });
    };
    let value = Arc::new(Field::new("item", DataType::Float32, true));
    let column = cast(name, column, &DataType::FixedSizeList(value, *length))?;
    for (row, vector) in rows.iter_mut().zip(column.as_fixed_size_list().iter()) {
        row.embedding = vector.map(|vector| vector.as_primitive::<Float32Type>().values().to_vec());
    }
    Ok(())
}
