//! How an entry of a file stands there, where that is not how its record would be written.
//!
//! Older writers had other orders of keys, and anybody may write `null` for what is absent. A file that is read and written
//! again keeps both, so that a program that changes one entry changes nothing else.

use crate::json::{Json, Object};
use crate::shape::{Shape, Table};

/// What a record does not say about the object that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layout {
    /// The record says everything.
    Plain,
    /// The value itself: a `null` for an absent key, or a text with lone surrogates.
    Exact(Json),
    /// The keys in their order.
    Object(Vec<(Box<str>, Layout)>),
    /// The items of an array.
    Items(Vec<Layout>),
}

impl Layout {
    /// The layout of an object that a record of `table` was read from; `None` when the record says everything.
    pub(super) fn of(table: &'static Table, value: &Json) -> Option<Box<Layout>> {
        match of_record(table, value) {
            Layout::Plain => None,
            other => Some(Box::new(other)),
        }
    }

    /// `written`, which a record gave, in this layout. What the record has lost or gained since goes or stays.
    pub(super) fn apply(&self, written: Option<Json>) -> Option<Json> {
        match (self, written) {
            (Layout::Plain, written) => written,
            (Layout::Exact(Json::Null), None) => Some(Json::Null),
            (Layout::Exact(exact), Some(Json::Str(text))) => {
                let same = exact.to_text().is_some_and(|lossy| lossy == text);
                Some(if same { exact.clone() } else { Json::Str(text) })
            }
            (Layout::Object(keys), Some(Json::Object(mut object))) => {
                let mut ordered = Object::with_capacity(object.len());
                for (key, layout) in keys {
                    if let Some(value) = layout.apply(object.remove(key)) {
                        ordered.insert(&**key, value);
                    }
                }
                for (key, value) in object {
                    ordered.insert(key, value);
                }
                Some(Json::Object(ordered))
            }
            (Layout::Items(layouts), Some(Json::Array(items))) => {
                let mut layouts = layouts.iter();
                let laid = items.into_iter().filter_map(|item| match layouts.next() {
                    Some(layout) => layout.apply(Some(item)),
                    None => Some(item),
                });
                Some(Json::Array(laid.collect()))
            }
            (_, written) => written,
        }
    }
}

fn of_record(table: &'static Table, value: &Json) -> Layout {
    let Some(object) = value.as_object() else {
        return Layout::Plain;
    };
    let place = |key: &str| table.fields.iter().position(|rule| rule.key == key);
    let mut keys = Vec::with_capacity(object.len());
    let mut plain = true;
    let mut last = 0;
    for (key, value) in object {
        // Keys that no rule names are written last, in their order.
        let here = place(key).unwrap_or(table.fields.len());
        plain &= here >= last;
        last = here;
        let layout = match table.fields.get(here) {
            Some(rule) if value.is_null() && !rule.required => Layout::Exact(Json::Null),
            Some(rule) => of_value(rule.shape, value),
            None => Layout::Plain,
        };
        plain &= layout == Layout::Plain;
        keys.push((key, layout));
    }
    if plain {
        return Layout::Plain;
    }
    let keys = keys.into_iter().map(|(key, layout)| (key.into(), layout));
    Layout::Object(keys.collect())
}

fn of_value(shape: Shape, value: &Json) -> Layout {
    match (shape, value) {
        (Shape::Nullable(inner), value) => of_value(*inner, value),
        (Shape::Record(table), value) => of_record(table, value),
        (Shape::Array(item), Json::Array(items)) => {
            let layouts: Vec<Layout> = items.iter().map(|value| of_value(*item, value)).collect();
            if layouts.iter().all(|layout| *layout == Layout::Plain) {
                Layout::Plain
            } else {
                Layout::Items(layouts)
            }
        }
        // Texts that stand in the record as trees are exact already; keeping them once more does no harm.
        (_, Json::Utf16(_)) => Layout::Exact(value.clone()),
        _ => Layout::Plain,
    }
}
