//! The macro that turns one table into a struct, its writer, its reader and its shape, and the field types it knows.

use std::sync::Arc;

use super::{Shape, ShapeError, Table};
use crate::json::{Json, Object, WriteJson, Writer};
use crate::time::Timestamp;

/// A Rust type that can stand in a record.
pub trait Field: WriteJson + Sized {
    /// What its JSON looks like.
    const SHAPE: Shape;

    /// Reads it.
    ///
    /// # Errors
    /// [`ShapeError`] when the value is of another kind.
    fn from_field(value: &Json) -> Result<Self, ShapeError>;

    /// The same as a tree.
    fn to_field(&self) -> Json;
}

/// An object with a table of keys.
pub trait Record: Field {
    /// Its keys, in the order in which they are written.
    const TABLE: &'static Table;
}

/// The error for a value of the wrong kind.
pub(crate) fn mismatch(expected: &str, found: &Json) -> ShapeError {
    ShapeError::here(format!("expected {expected}, found {}", found.type_name()))
}

/// The entries of `object` that no rule of `table` names.
pub(crate) fn unknown_entries<'k>(
    table: &'static Table,
    object: &Object,
    name: &dyn Fn(&'static str) -> &'k str,
) -> Object {
    let known = |key: &str| {
        table
            .fields
            .iter()
            .any(|rule| name(rule.key) == key || rule.legacy == Some(key))
    };
    let unknown = object.iter().filter(|(key, _)| !known(key));
    unknown
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect()
}

impl Field for Json {
    const SHAPE: Shape = Shape::Any;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        Ok(value.clone())
    }

    fn to_field(&self) -> Json {
        self.clone()
    }
}

impl Field for Object {
    const SHAPE: Shape = Shape::Object;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        value
            .as_object()
            .cloned()
            .ok_or_else(|| mismatch("an object", value))
    }

    fn to_field(&self) -> Json {
        Json::Object(self.clone())
    }
}

/// Lone surrogates are replaced by U+FFFD; a field where they must survive is a [`Json`].
impl Field for String {
    const SHAPE: Shape = Shape::Text;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        value
            .to_text()
            .map(std::borrow::Cow::into_owned)
            .ok_or_else(|| mismatch("a string", value))
    }

    fn to_field(&self) -> Json {
        Json::Str(self.clone())
    }
}

impl Field for i64 {
    const SHAPE: Shape = Shape::Integer { min: i64::MIN };

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        value.as_i64().ok_or_else(|| mismatch("an integer", value))
    }

    fn to_field(&self) -> Json {
        Json::Int(*self)
    }
}

impl Field for f64 {
    const SHAPE: Shape = Shape::Number;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        value.as_f64().ok_or_else(|| mismatch("a number", value))
    }

    fn to_field(&self) -> Json {
        Json::Float(*self)
    }
}

/// Written with the shortest digits that read back to the same single; what is beyond its range reads as infinite.
impl Field for f32 {
    const SHAPE: Shape = Shape::Number;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        f64::from_field(value).map(|value| value as f32)
    }

    fn to_field(&self) -> Json {
        Json::Float(crate::json::shortest_f32(*self))
    }
}

/// Written with a `Z`; any RFC 3339 instant is read.
impl Field for Timestamp {
    const SHAPE: Shape = Shape::LedgerTime;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        let text = value
            .as_str()
            .ok_or_else(|| mismatch("an instant", value))?;
        Timestamp::parse(text).map_err(|error| ShapeError::here(error.to_string()))
    }

    fn to_field(&self) -> Json {
        Json::Str(self.ledger_style())
    }
}

impl WriteJson for Timestamp {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.str(&self.ledger_style());
    }
}

impl Field for bool {
    const SHAPE: Shape = Shape::Bool;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        value.as_bool().ok_or_else(|| mismatch("a boolean", value))
    }

    fn to_field(&self) -> Json {
        Json::Bool(*self)
    }
}

/// `None` is `null`; a key that may be absent is declared `opt` in the record instead.
impl<T: Field> Field for Option<T> {
    const SHAPE: Shape = Shape::Nullable(&T::SHAPE);

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        if value.is_null() {
            Ok(None)
        } else {
            T::from_field(value).map(Some)
        }
    }

    fn to_field(&self) -> Json {
        self.as_ref().map_or(Json::Null, Field::to_field)
    }
}

impl<T: Field> Field for Vec<T> {
    const SHAPE: Shape = Shape::Array(&T::SHAPE);

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        let items = value
            .as_array()
            .ok_or_else(|| mismatch("an array", value))?;
        let read = |(place, item)| T::from_field(item).map_err(|error| error.under_index(place));
        items.iter().enumerate().map(read).collect()
    }

    fn to_field(&self) -> Json {
        self.iter().map(Field::to_field).collect()
    }
}

impl<T: Field + std::any::Any + Send + Sync> Field for Arc<T> {
    const SHAPE: Shape = T::SHAPE;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        T::from_field(value).map(Arc::new)
    }

    fn to_field(&self) -> Json {
        (**self).to_field()
    }
}

impl<T: WriteJson + std::any::Any + Send + Sync> WriteJson for Arc<T> {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.shared(self);
    }
}

/// Declares a record.
///
/// ```text
/// record! {
///     /// What it is.
///     Name + forgemark {             // `+ forgemark`: our own object may stand last
///         /// What it says.
///         req key: Type,             // always written
///         opt key: Type,             // Option<Type>; the key is left out when `None`
///         may key: Type,             // the same, and `null` reads as `None`
///         list key: Type,            // Vec<Type>; left out when empty, missing and `null` read as empty
///         req field as "key": Type = Shape::Object, // another key, a stricter shape for the check
///         req key or "old": Type,    // an older name that readers accept
///     }
/// }
/// ```
///
/// Every record also has `extra`, the unknown keys, written after the known ones and before `forgemark`.
macro_rules! record {
    (@type req $ty:ty) => { $ty };
    (@type opt $ty:ty) => { Option<$ty> };
    (@type may $ty:ty) => { Option<$ty> };
    (@type list $ty:ty) => { Vec<$ty> };
    (@required req) => { true };
    (@required opt) => { false };
    (@required may) => { false };
    (@required list) => { false };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@legacy) => { None };
    (@legacy $legacy:literal) => { Some($legacy) };
    (@shape may $ty:ty) => { <Option<$ty> as $crate::shape::Field>::SHAPE };
    (@shape may $ty:ty, $shape:expr) => { $crate::shape::Shape::Nullable(&$shape) };
    (@shape list $ty:ty) => { <Option<Vec<$ty>> as $crate::shape::Field>::SHAPE };
    (@shape $presence:ident $ty:ty) => { <$ty as $crate::shape::Field>::SHAPE };
    (@shape $presence:ident $ty:ty, $shape:expr) => { $shape };
    (@write req $w:ident, $key:expr, $value:expr) => { $w.field($key, &$value); };
    (@write opt $w:ident, $key:expr, $value:expr) => { if let Some(value) = &$value { $w.field($key, value); } };
    (@write may $w:ident, $key:expr, $value:expr) => { if let Some(value) = &$value { $w.field($key, value); } };
    (@write list $w:ident, $key:expr, $value:expr) => { if !$value.is_empty() { $w.field($key, &$value); } };
    (@tree req $object:ident, $key:expr, $value:expr) => {
        $object.insert($key, $crate::shape::Field::to_field(&$value));
    };
    (@tree opt $object:ident, $key:expr, $value:expr) => {
        if let Some(value) = &$value {
            $object.insert($key, $crate::shape::Field::to_field(value));
        }
    };
    (@tree may $object:ident, $key:expr, $value:expr) => {
        $crate::shape::record::record!(@tree opt $object, $key, $value);
    };
    (@tree list $object:ident, $key:expr, $value:expr) => {
        if !$value.is_empty() {
            $object.insert($key, $crate::shape::Field::to_field(&$value));
        }
    };
    (@read may $ty:ty, $found:expr, $key:expr) => {
        $crate::shape::record::record!(@read opt $ty, $found.filter(|value| !value.is_null()), $key)
    };
    (@read list $ty:ty, $found:expr, $key:expr) => {
        $crate::shape::record::record!(@read may Vec<$ty>, $found, $key).unwrap_or_default()
    };
    (@read req $ty:ty, $found:expr, $key:expr) => {
        match $found {
            Some(value) => <$ty as $crate::shape::Field>::from_field(value).map_err(|error| error.under_key($key))?,
            None => return Err($crate::shape::ShapeError::here("missing").under_key($key)),
        }
    };
    (@read opt $ty:ty, $found:expr, $key:expr) => {
        match $found {
            Some(value) => {
                Some(<$ty as $crate::shape::Field>::from_field(value).map_err(|error| error.under_key($key))?)
            }
            None => None,
        }
    };
    (
        $(#[doc = $doc:literal])*
        $name:ident $(+ $forgemark:ident)? {
            $(
                $(#[doc = $field_doc:literal])*
                $presence:ident $field:ident $(as $key:literal)? $(or $legacy:literal)? : $ty:ty $(= $shape:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                pub $field: $crate::shape::record::record!(@type $presence $ty),
            )*
            /// Keys that this version does not know, in their order.
            pub extra: $crate::json::Object,
            $(
                /// What we add to the contract, written last; left out in the `compat` profile.
                pub $forgemark: Option<$crate::json::Json>,
            )?
        }

        impl $name {
            /// Reads the record; keys that it does not know end up in `extra`.
            ///
            /// # Errors
            /// [`ShapeError`](crate::shape::ShapeError) with the place of a key that is missing or of another kind.
            pub fn from_json(value: &$crate::json::Json) -> Result<Self, $crate::shape::ShapeError> {
                Self::read_renamed(value, &|key| key)
            }

            /// The record as a tree, for where one is needed; files are better written from the record itself.
            pub fn to_json(&self) -> $crate::json::Json {
                let mut object = $crate::json::Object::new();
                $(
                    $crate::shape::record::record!(
                        @tree $presence object, $crate::shape::record::record!(@key $field $($key)?), self.$field
                    );
                )*
                for (key, value) in &self.extra {
                    object.insert(key, value.clone());
                }
                $(
                    if let Some(ours) = &self.$forgemark {
                        object.insert(stringify!($forgemark), ours.clone());
                    }
                )?
                $crate::json::Json::Object(object)
            }

            pub(crate) fn read_renamed<'k>(
                value: &$crate::json::Json,
                name: &dyn Fn(&'static str) -> &'k str,
            ) -> Result<Self, $crate::shape::ShapeError> {
                let Some(object) = value.as_object() else {
                    return Err($crate::shape::record::mismatch("an object", value));
                };
                Ok($name {
                    $(
                        $field: {
                            let key = name($crate::shape::record::record!(@key $field $($key)?));
                            let found = object.get(key)$(.or_else(|| object.get($legacy)))?;
                            $crate::shape::record::record!(@read $presence $ty, found, key)
                        },
                    )*
                    extra: $crate::shape::record::unknown_entries(
                        <Self as $crate::shape::Record>::TABLE, object, name,
                    ),
                    $( $forgemark: object.get(stringify!($forgemark)).cloned(), )?
                })
            }

            #[inline]
            pub(crate) fn write_renamed<'k>(
                &self,
                w: &mut $crate::json::Writer<'_>,
                name: impl Fn(&'static str) -> &'k str,
            ) {
                w.begin_object();
                $(
                    $crate::shape::record::record!(
                        @write $presence w, name($crate::shape::record::record!(@key $field $($key)?)), self.$field
                    );
                )*
                w.entries(&self.extra);
                $(
                    if let Some(ours) = &self.$forgemark {
                        w.field(stringify!($forgemark), ours);
                    }
                )?
                w.end_object();
            }
        }

        impl $crate::shape::Record for $name {
            const TABLE: &'static $crate::shape::Table = &$crate::shape::Table {
                name: stringify!($name),
                doc: concat!($($doc),*).trim_ascii(),
                fields: &[
                    $(
                        $crate::shape::FieldRule {
                            key: $crate::shape::record::record!(@key $field $($key)?),
                            legacy: $crate::shape::record::record!(@legacy $($legacy)?),
                            shape: $crate::shape::record::record!(@shape $presence $ty $(, $shape)?),
                            required: $crate::shape::record::record!(@required $presence),
                            doc: concat!($($field_doc),*).trim_ascii(),
                        },
                    )*
                    $(
                        $crate::shape::FieldRule {
                            key: stringify!($forgemark),
                            legacy: None,
                            shape: $crate::shape::Shape::Object,
                            required: false,
                            doc: "What Forgemark adds to the contract.",
                        },
                    )?
                ],
            };
        }

        impl $crate::shape::Field for $name {
            const SHAPE: $crate::shape::Shape = $crate::shape::Shape::Record(<Self as $crate::shape::Record>::TABLE);

            fn from_field(value: &$crate::json::Json) -> Result<Self, $crate::shape::ShapeError> {
                Self::from_json(value)
            }

            fn to_field(&self) -> $crate::json::Json {
                self.to_json()
            }
        }

        impl $crate::json::WriteJson for $name {
            fn write_json(&self, w: &mut $crate::json::Writer<'_>) {
                self.write_renamed(w, |key| key);
            }
        }
    };
}

pub(crate) use record;
