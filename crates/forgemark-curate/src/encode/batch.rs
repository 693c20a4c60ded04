//! Rows to record batches and back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, FieldRef, Fields, Schema};
use forgemark_contract::json::{Json, Object, parse_str, to_compact};

use crate::formats::schema::{Columns, Field, Kind, Uses, present};

/// The key under which Arrow keeps the name of an extension type.
const EXTENSION: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
const JSON: &str = "arrow.json";

/// The Arrow schema of declared columns. Every field may be null, as readers expect it; what may not be absent is checked
/// before.
pub fn arrow_schema(columns: &Columns) -> Schema {
    let fields: Vec<FieldRef> = columns
        .fields()
        .map(|field| arrow_field(field, columns.uses))
        .collect();
    Schema::new(fields)
}

fn arrow_field(field: &Field, uses: Uses) -> FieldRef {
    named(field.name, field.kind, uses)
}

fn named(name: &str, kind: Kind, uses: Uses) -> FieldRef {
    let field = ArrowField::new(name, data_type(kind, uses), true);
    Arc::new(if kind == Kind::Json {
        field.with_metadata(HashMap::from([
            (EXTENSION.to_owned(), JSON.to_owned()),
            (EXTENSION_METADATA.to_owned(), String::new()),
        ]))
    } else {
        field
    })
}

fn data_type(kind: Kind, uses: Uses) -> DataType {
    match kind {
        Kind::Text | Kind::Json => DataType::Utf8,
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::List(item) => DataType::List(named("item", *item, uses)),
        Kind::Struct(fields) => DataType::Struct(struct_fields(fields, uses)),
    }
}

fn struct_fields(fields: &'static [Field], uses: Uses) -> Fields {
    present(fields, uses)
        .map(|field| arrow_field(field, uses))
        .collect()
}

/// The batch of rows that fit the columns.
pub(super) fn batch(
    columns: &Columns,
    schema: &Arc<Schema>,
    rows: &[Json],
) -> Result<RecordBatch, ArrowError> {
    let arrays = columns
        .fields()
        .map(|field| {
            let values: Vec<Option<&Json>> =
                rows.iter().map(|row| value(row, field.name)).collect();
            array(field.kind, columns.uses, &values)
        })
        .collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), arrays)
}

fn value<'a>(object: &'a Json, key: &str) -> Option<&'a Json> {
    object.get(key).filter(|value| !value.is_null())
}

fn array(kind: Kind, uses: Uses, values: &[Option<&Json>]) -> Result<ArrayRef, ArrowError> {
    let nulls = || values.iter().map(Option::is_some).collect::<NullBuffer>();
    Ok(match kind {
        Kind::Text => {
            let texts = values.iter().map(|value| value.and_then(Json::as_str));
            Arc::new(texts.collect::<StringArray>())
        }
        Kind::Json => {
            let texts = values.iter().map(|value| {
                let text = to_compact((*value)?);
                Some(String::from_utf8_lossy(&text).into_owned())
            });
            Arc::new(texts.collect::<StringArray>())
        }
        Kind::Bool => {
            let flags = values.iter().map(|value| value.and_then(Json::as_bool));
            Arc::new(flags.collect::<BooleanArray>())
        }
        Kind::Int => {
            let numbers = values.iter().map(|value| value.and_then(Json::as_i64));
            Arc::new(numbers.collect::<Int64Array>())
        }
        Kind::Float => {
            let numbers = values.iter().map(|value| value.and_then(Json::as_f64));
            Arc::new(numbers.collect::<Float64Array>())
        }
        Kind::List(item) => {
            let items =
                |value: Option<&Json>| value.and_then(Json::as_array).map_or(0, <[Json]>::len);
            let offsets = OffsetBuffer::<i32>::from_lengths(values.iter().copied().map(items));
            let inner: Vec<Option<&Json>> = values
                .iter()
                .filter_map(|value| value.and_then(Json::as_array))
                .flatten()
                .map(|value| Some(value).filter(|value| !value.is_null()))
                .collect();
            let inner = array(*item, uses, &inner)?;
            let field = named("item", *item, uses);
            Arc::new(ListArray::try_new(field, offsets, inner, Some(nulls()))?)
        }
        Kind::Struct(fields) => {
            let arrays = present(fields, uses)
                .map(|field| {
                    let inner: Vec<Option<&Json>> = values
                        .iter()
                        .map(|object| object.and_then(|object| value(object, field.name)))
                        .collect();
                    array(field.kind, uses, &inner)
                })
                .collect::<Result<Vec<_>, _>>()?;
            let fields = struct_fields(fields, uses);
            Arc::new(StructArray::try_new(fields, arrays, Some(nulls()))?)
        }
    })
}

/// The rows of a batch; what is null has no key. Columns of types that no JSON has stand as their name in angle brackets, so
/// that whoever checks the row says what is there.
pub(super) fn rows(batch: &RecordBatch) -> Vec<Json> {
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| object(schema.fields(), batch.columns(), row))
        .collect()
}

fn object(fields: &Fields, columns: &[ArrayRef], row: usize) -> Json {
    let mut object = Object::with_capacity(fields.len());
    for (field, column) in fields.iter().zip(columns) {
        if let Some(value) = cell(field, column, row) {
            object.insert(field.name(), value);
        }
    }
    Json::Object(object)
}

fn cell(field: &ArrowField, array: &ArrayRef, row: usize) -> Option<Json> {
    if array.is_null(row) {
        return None;
    }
    let text = |text: &str| {
        if field
            .metadata()
            .get(EXTENSION)
            .is_some_and(|name| name == JSON)
        {
            parse_str(text).unwrap_or_else(|_| Json::from(text))
        } else {
            Json::from(text)
        }
    };
    let list = |field: &ArrowField, items: ArrayRef| {
        let items = (0..items.len()).map(|row| cell(field, &items, row).unwrap_or_default());
        items.collect::<Json>()
    };
    macro_rules! number {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value(row).into()
        };
    }
    Some(match array.data_type() {
        DataType::Null => return None,
        DataType::Utf8 => text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => text(array.as_string_view().value(row)),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => i64::from(array.as_primitive::<Int8Type>().value(row)).into(),
        DataType::Int16 => i64::from(array.as_primitive::<Int16Type>().value(row)).into(),
        DataType::Int32 => i64::from(array.as_primitive::<Int32Type>().value(row)).into(),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => i64::from(array.as_primitive::<UInt8Type>().value(row)).into(),
        DataType::UInt16 => i64::from(array.as_primitive::<UInt16Type>().value(row)).into(),
        DataType::UInt32 => i64::from(array.as_primitive::<UInt32Type>().value(row)).into(),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)).into(),
        DataType::Float64 => number!(Float64Type),
        DataType::List(item) => list(item, array.as_list::<i32>().value(row)),
        DataType::LargeList(item) => list(item, array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(item, _) => list(item, array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => object(fields, array.as_struct().columns(), row),
        other => Json::from(format!("<{other}>")),
    })
}
