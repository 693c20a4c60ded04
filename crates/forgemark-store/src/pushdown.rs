//! Visibility and filters as an expression that the scan evaluates.
//!
//! What a column can say itself becomes a comparison, which an index may answer. Everything else (paths below the metadata, parts
//! of texts, spellings of instants) becomes a function over the column that asks [`Condition::holds`], so there is one rule for
//! what a filter means. A comparison with null is not true in either; below a `Not` that is spelled out.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use forgemark_contract::json::Json;
use forgemark_contract::store::select::{Condition, Filter, Path, TEXT_COLUMNS, Visibility};
use forgemark_contract::store::{ContextRecord, TOMBSTONE_CONTENT_TYPE, lifecycle};
use forgemark_contract::time::Timestamp;

use crate::decode;

/// What a scan lets through.
pub(crate) struct Pushdown<'t> {
    /// The columns of the table.
    pub(crate) schema: &'t Schema,
    /// Ids that a row names as replaced.
    pub(crate) superseded: Arc<HashSet<String>>,
}

impl Pushdown<'_> {
    /// The rows that are visible, or not deleted where `visibility` says nothing, and pass the filter.
    pub(crate) fn rows(&self, visibility: Option<Visibility>, filter: &Filter) -> Expr {
        let mut all = vec![column("content_type").not_eq(lit(TOMBSTONE_CONTENT_TYPE))];
        if let Some(visibility) = visibility {
            self.visible(visibility, &mut all);
        }
        all.push(self.filter(filter, true));
        conjunction(all)
    }

    fn visible(&self, visibility: Visibility, all: &mut Vec<Expr>) {
        if !visibility.include_expired && self.has("expires_at") {
            let expires = column("expires_at");
            let later = expires.clone().gt(instant(visibility.reference_time));
            all.push(expires.is_null().or(later));
        }
        if visibility.include_retired {
            return;
        }
        if self.has("lifecycle_status") {
            let words = [lifecycle::ACTIVE, lifecycle::CONTRADICTED];
            all.push(column("lifecycle_status").in_list(words.map(lit).to_vec(), false));
        }
        for name in ["retired_at", "superseded_by_id"] {
            if self.has(name) {
                all.push(column(name).is_null());
            }
        }
        if !self.superseded.is_empty() {
            let superseded = self.superseded.clone();
            all.push(function(
                "forgemark_in_use",
                vec![column("id")],
                move |rows| !superseded.contains(&rows.id),
            ));
        }
    }

    /// `positive`: whether null may stand for false, which it may not below a `Not`.
    fn filter(&self, filter: &Filter, positive: bool) -> Expr {
        match filter {
            Filter::All(filters) => {
                conjunction(filters.iter().map(|f| self.filter(f, positive)).collect())
            }
            Filter::Any(filters) => {
                let any = filters.iter().map(|f| self.filter(f, positive));
                any.reduce(Expr::or).unwrap_or_else(|| lit(false))
            }
            Filter::Not(filter) => !self.filter(filter, false),
            Filter::Field(path, condition) => {
                let expression = self
                    .native(path, condition)
                    .unwrap_or_else(|| self.general(path, condition));
                if positive {
                    expression
                } else {
                    expression.is_true()
                }
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.schema.field_with_name(name).is_ok()
    }

    /// A comparison of a column, where there is one that means the same.
    fn native(&self, path: &Path, condition: &Condition) -> Option<Expr> {
        let [name] = path.parts() else {
            return None;
        };
        let field = self.schema.field_with_name(name).ok()?;
        let comparable = TEXT_COLUMNS.contains(&name.as_str())
            || matches!(name.as_str(), "created_at" | "updated_at" | "seq");
        if !comparable {
            return None;
        }
        match field.data_type() {
            // Empty ones are looked for in the metadata too.
            _ if matches!(name.as_str(), "tenant" | "source") => {
                let Condition::Equals(Json::Str(text)) = condition else {
                    return None;
                };
                let elsewhere = self.general(path, condition);
                let here = column(name).eq(lit(text.as_str()));
                Some(here.or(column(name).is_null().and(elsewhere)))
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Dictionary(..) => {
                let literal = |text: &str| match field.data_type() {
                    DataType::LargeUtf8 => lit(ScalarValue::LargeUtf8(Some(text.to_owned()))),
                    _ => lit(text),
                };
                match condition {
                    Condition::Equals(Json::Str(text)) => Some(column(name).eq(literal(text))),
                    Condition::OneOf(values) => {
                        let texts = values.iter().filter_map(Json::as_str).map(literal);
                        Some(column(name).in_list(texts.collect(), false))
                    }
                    Condition::Missing => Some(column(name).is_null()),
                    _ => None,
                }
            }
            DataType::Timestamp(..) => match condition {
                Condition::Between(low, high) => {
                    let Bound(low) = bound(low)?;
                    let Bound(high) = bound(high)?;
                    let there = column(name).is_not_null();
                    let low = low.map(|at| column(name).gt_eq(instant(at)));
                    let high = high.map(|at| column(name).lt_eq(instant(at)));
                    let bounds = [low, high].into_iter().flatten();
                    Some(conjunction(std::iter::once(there).chain(bounds).collect()))
                }
                Condition::Missing => Some(column(name).is_null()),
                _ => None,
            },
            DataType::Int64 => match condition {
                Condition::Equals(Json::Int(value)) => Some(column(name).eq(lit(*value))),
                Condition::Missing => Some(column(name).is_null()),
                _ => None,
            },
            _ => None,
        }
    }

    /// A function over the columns that the path may look at.
    fn general(&self, path: &Path, condition: &Condition) -> Expr {
        let named = path.parts().first().map_or("", String::as_str);
        let mut columns = vec![named];
        if matches!(named, "tenant" | "source") {
            columns.push("metadata");
        }
        columns.retain(|name| self.has(name));
        if columns.is_empty() {
            return lit(condition.holds(None));
        }
        let columns = columns.into_iter().map(column).collect();
        let filter = Filter::Field(path.clone(), condition.clone());
        function("forgemark_holds", columns, move |row| filter.matches(row))
    }
}

fn conjunction(all: Vec<Expr>) -> Expr {
    all.into_iter()
        .reduce(Expr::and)
        .unwrap_or_else(|| lit(true))
}

pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

fn instant(at: Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at.0), None))
}

/// The instant of a bound; without one there is no bound.
struct Bound(Option<Timestamp>);

/// Reads a bound of an instant; `None` where it is compared as a text.
fn bound(value: &Json) -> Option<Bound> {
    match value {
        Json::Null => Some(Bound(None)),
        Json::Str(text) => {
            let at = Timestamp::parse(text).ok()?;
            Some(Bound(Some(at)))
        }
        _ => None,
    }
}

/// A function over columns of records.
struct Rule {
    name: &'static str,
    signature: Signature,
    columns: Vec<String>,
    holds: Box<dyn Fn(&ContextRecord) -> bool + Send + Sync>,
}

fn function(
    name: &'static str,
    columns: Vec<Expr>,
    holds: impl Fn(&ContextRecord) -> bool + Send + Sync + 'static,
) -> Expr {
    let names = columns.iter().map(|column| match column {
        Expr::Column(column) => column.name.clone(),
        other => other.to_string(),
    });
    let rule = Rule {
        name,
        signature: Signature::any(columns.len(), Volatility::Immutable),
        columns: names.collect(),
        holds: Box::new(holds),
    };
    ScalarUDF::new_from_impl(Same(Arc::new(rule))).call(columns)
}

/// A rule, which is equal to itself only: what it captures cannot be compared.
struct Same(Arc<Rule>);

impl std::fmt::Debug for Same {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Same {}

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

impl ScalarUDFImpl for Same {
    fn name(&self) -> &str {
        self.0.name
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let rows = args.number_rows;
        let arrays = args.args.into_iter().map(|value| value.into_array(rows));
        let arrays = arrays.collect::<Result<Vec<ArrayRef>, DataFusionError>>()?;
        let fields = self.0.columns.iter().zip(&arrays);
        let fields = fields.map(|(name, array)| Field::new(name, array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        let batch = RecordBatch::try_new(schema, arrays)?;
        let records = decode::records(&batch);
        let records = records.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let holds = records.iter().map(|record| Some((self.0.holds)(record)));
        Ok(ColumnarValue::Array(Arc::new(
            holds.collect::<BooleanArray>(),
        )))
    }
}
