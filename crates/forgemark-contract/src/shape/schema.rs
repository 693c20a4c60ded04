//! JSON Schemas (draft 2020-12) from the same tables as the check.

use std::collections::BTreeMap;

use super::{Shape, Table};
use crate::json::{Json, Object};

/// The pattern of an instant before its offset.
const TIME: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?";

/// The schema document of a record, with every table that it reaches under `$defs`.
pub fn record_schema(table: &'static Table, title: &str) -> Json {
    schema_document(Shape::Record(table), title)
}

/// The schema document of a shape.
pub fn schema_document(shape: Shape, title: &str) -> Json {
    let mut defs = Defs::new();
    let root = of_shape(shape, &mut defs).into_object();
    let mut document = Object::from([
        (
            "$schema",
            "https://json-schema.org/draft/2020-12/schema".into(),
        ),
        ("title", title.into()),
    ]);
    for (key, value) in root {
        document.insert(key, value);
    }
    if !defs.is_empty() {
        let defs = defs
            .into_iter()
            .map(|(name, def)| (name.to_owned(), def.unwrap_or_default()));
        document.insert("$defs", Json::Object(defs.collect()));
    }
    Json::Object(document)
}

/// Tables by name; `None` while a table is being made.
type Defs = BTreeMap<&'static str, Option<Json>>;

fn typed(name: &str) -> Object {
    Object::from([("type", name.into())])
}

fn of_shape(shape: Shape, defs: &mut Defs) -> Json {
    let object = match shape {
        Shape::Any => Object::new(),
        Shape::Bool => typed("boolean"),
        Shape::Integer { min } => {
            let mut schema = typed("integer");
            if min > i64::MIN {
                schema.insert("minimum", min);
            }
            schema
        }
        Shape::Number => typed("number"),
        Shape::Text => typed("string"),
        Shape::Filled => {
            let mut schema = typed("string");
            schema.insert("minLength", 1);
            schema
        }
        Shape::QuestionHash { empty } => pattern(
            if empty {
                "^([0-9a-f]{16})?$"
            } else {
                "^[0-9a-f]{16}$"
            }
            .to_owned(),
        ),
        Shape::DatasetTime => pattern(format!("{TIME}\\+00:00$")),
        Shape::LedgerTime => pattern(format!("{TIME}Z$")),
        Shape::OneOf(words) => {
            Object::from([("enum", words.iter().map(|word| Json::from(*word)).collect())])
        }
        Shape::Object => typed("object"),
        Shape::Array(item) => {
            let mut schema = typed("array");
            let items = of_shape(*item, defs);
            if items.is_truthy() {
                schema.insert("items", items);
            }
            schema
        }
        Shape::Nullable(inner) => Object::from([(
            "anyOf",
            Json::Array(vec![of_shape(*inner, defs), typed("null").into()]),
        )]),
        Shape::Record(table) => reference(table, defs),
        Shape::Closed(table) => {
            let schema = reference(table, defs);
            if let Some(Some(Json::Object(def))) = defs.get_mut(table.name) {
                def.insert("additionalProperties", false);
            }
            schema
        }
        Shape::EmptyOr(table) => {
            let mut empty = typed("object");
            empty.insert("maxProperties", 0);
            Object::from([(
                "anyOf",
                Json::Array(vec![empty.into(), reference(table, defs).into()]),
            )])
        }
        Shape::Having { table, key } => {
            let mut schema = reference(table, defs);
            schema.insert("required", vec![key]);
            schema
        }
        Shape::Switch { key, with, without } => Object::from([
            ("if", Json::object([("required", vec![key].into())])),
            ("then", reference(with, defs).into()),
            ("else", reference(without, defs).into()),
        ]),
    };
    Json::Object(object)
}

fn pattern(pattern: String) -> Object {
    let mut schema = typed("string");
    schema.insert("pattern", pattern);
    schema
}

fn reference(table: &'static Table, defs: &mut Defs) -> Object {
    if !defs.contains_key(table.name) {
        defs.insert(table.name, None);
        let def = of_table(table, defs);
        defs.insert(table.name, Some(def));
    }
    Object::from([("$ref", format!("#/$defs/{}", table.name).into())])
}

fn of_table(table: &'static Table, defs: &mut Defs) -> Json {
    let mut properties = Object::new();
    let mut required: Vec<&str> = Vec::new();
    let mut either: Vec<Json> = Vec::new();
    for rule in table.fields {
        let mut schema = of_shape(rule.shape, defs).into_object();
        if !rule.doc.is_empty() {
            schema.insert("description", rule.doc);
        }
        properties.insert(rule.key, schema.clone());
        match rule.legacy {
            Some(legacy) => {
                schema.insert("deprecated", true);
                properties.insert(legacy, schema);
                let sets =
                    [rule.key, legacy].map(|key| Json::object([("required", vec![key].into())]));
                either.push(Json::object([("anyOf", Json::Array(sets.to_vec()))]));
            }
            None if rule.required => required.push(rule.key),
            None => {}
        }
    }
    let mut schema = typed("object");
    schema.insert("description", table.doc);
    schema.insert("properties", properties);
    schema.insert("required", required);
    if !either.is_empty() {
        schema.insert("allOf", Json::Array(either));
    }
    Json::Object(schema)
}
