//! Filters as people write them: `role = "user" and metadata.judge.score >= 0.5`.
//!
//! ```text
//! any     = all { "or" all }
//! all     = one { "and" one }
//! one     = "not" one | "(" any ")" | place test
//! test    = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!         | [ "not" ] "in" "(" value { "," value } ")"
//!         | [ "not" ] "contains" value
//!         | [ "not" ] "between" value "and" value
//!         | "is" [ "not" ] ( "missing" | "null" )
//! place   = COLUMN | "metadata" { "." KEY } | "state_metadata" "." KEY      KEY may stand in double quotes
//! value   = "text" | 'text' | NUMBER | true | false
//! ```
//!
//! Words are read without regard to case. A value that is not there meets no test but `is missing`; `!=`, `not in` and
//! everything under `not` hold for it, since they deny such a test. Instants are texts in RFC 3339 form, or dates alone, which mean
//! the beginning of the day in UTC.

use super::{Condition, Filter, Path};
use crate::json::{Json, parse_str};
use crate::time::Timestamp;

/// How deep parentheses and `not` may nest.
const DEEPEST: usize = 64;

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct ExpressionError {
    /// Where, in characters from 1; one behind the last where something is missing.
    pub column: usize,
    /// What was expected and what was found, with what to write.
    pub what: String,
}

/// Reads an expression; see the head of the module for its grammar. White space alone lets every record pass.
///
/// # Errors
/// [`ExpressionError`] for the first place that cannot be read.
pub fn filter_from_expression(text: &str) -> Result<Filter, ExpressionError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        end: text.chars().count() + 1,
    };
    if parser.tokens.is_empty() {
        return Ok(Filter::none());
    }
    let filter = parser.any()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name or a word, with its dots; quoted keys are parts too.
    Word(Vec<String>),
    Value(Json),
    /// One of `( ) , = != < <= > >=`.
    Sign(&'static str),
}

#[derive(Debug)]
struct Placed {
    token: Token,
    column: usize,
    text: String,
}

const SIGNS: [&str; 11] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<Placed>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut column = 1;
    loop {
        let blank = rest.len() - rest.trim_start().len();
        column += rest[..blank].chars().count();
        rest = &rest[blank..];
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let fail = |what: &str| {
            Err(ExpressionError {
                column,
                what: what.to_owned(),
            })
        };
        let (token, length) =
            if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                let meant = match sign {
                    "==" => "=",
                    "<>" => "!=",
                    other => other,
                };
                (Token::Sign(meant), sign.len())
            } else if first == '"' || first == '\'' {
                let Some((value, length)) = quoted(rest, first) else {
                    return fail("a text is not closed, or has an escape that is none");
                };
                (Token::Value(Json::Str(value)), length)
            } else if first.is_ascii_digit() || matches!(first, '-' | '+' | '.') {
                let end = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
                    .unwrap_or(rest.len());
                match parse_str(&rest[..end]) {
                    Ok(number @ (Json::Int(_) | Json::BigInt(_))) => (Token::Value(number), end),
                    Ok(Json::Float(number)) if number.is_finite() => {
                        (Token::Value(Json::Float(number)), end)
                    }
                    _ => return fail("expected a number such as 3 or 0.5; texts stand in quotes"),
                }
            } else if first.is_alphabetic() || first == '_' {
                match name(rest) {
                    Some((parts, length)) => (word_or_value(parts), length),
                    None => return fail("a key in quotes is not closed"),
                }
            } else {
                return fail(&format!(
                    "unexpected `{first}`; texts stand in quotes, such as role = \"user\""
                ));
            };
        tokens.push(Placed {
            token,
            column,
            text: rest[..length].to_owned(),
        });
        column += rest[..length].chars().count();
        rest = &rest[length..];
    }
}

/// The text between quotes and how long it is with them. Double quotes take JSON's escapes; in single ones `''` is one quote.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let body = &rest[1..];
    if quote == '\'' {
        let mut text = String::new();
        let mut parts = body.split('\'');
        let mut length = 1;
        let mut part = parts.next()?;
        loop {
            text.push_str(part);
            length += part.len() + 1;
            match parts.next() {
                // Two quotes in a row leave an empty part between them.
                Some("") if body[length - 1..].starts_with('\'') => {
                    text.push('\'');
                    length += 1;
                    part = parts.next()?;
                }
                Some(_) => return Some((text, length)),
                None => return None,
            }
        }
    }
    let mut escaped = false;
    let end = body.char_indices().find_map(|(place, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(place)
    })?;
    let length = end + 2;
    match parse_str(&rest[..length]) {
        Ok(Json::Str(text)) => Some((text, length)),
        _ => None,
    }
}

/// A name with its dots, whose later parts may stand in double quotes.
fn name(rest: &str) -> Option<(Vec<String>, usize)> {
    let mut parts = Vec::new();
    let mut length = 0;
    loop {
        let here = &rest[length..];
        let (part, taken) = if here.starts_with('"') {
            quoted(here, '"')?
        } else {
            let end = here
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                .unwrap_or(here.len());
            (here[..end].to_owned(), end)
        };
        parts.push(part);
        length += taken;
        if rest[length..].starts_with('.') {
            length += 1;
        } else {
            return Some((parts, length));
        }
    }
}

fn word_or_value(parts: Vec<String>) -> Token {
    match parts.as_slice() {
        [word] if word.eq_ignore_ascii_case("true") => Token::Value(true.into()),
        [word] if word.eq_ignore_ascii_case("false") => Token::Value(false.into()),
        _ => Token::Word(parts),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    /// The column behind the last character.
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.next)
    }

    fn column(&self) -> usize {
        self.peek().map_or(self.end, |placed| placed.column)
    }

    fn error(&self, what: impl Into<String>) -> ExpressionError {
        ExpressionError {
            column: self.column(),
            what: what.into(),
        }
    }

    fn unexpected(&self, expected: &str) -> ExpressionError {
        let found = self
            .peek()
            .map_or("the end".to_owned(), |placed| format!("`{}`", placed.text));
        self.error(format!("expected {expected}, found {found}"))
    }

    /// Takes a word of the language, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let is = matches!(
            self.peek(),
            Some(Placed { token: Token::Word(parts), .. })
                if matches!(parts.as_slice(), [one] if one.eq_ignore_ascii_case(word))
        );
        self.next += usize::from(is);
        is
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is =
            matches!(self.peek(), Some(Placed { token: Token::Sign(one), .. }) if *one == sign);
        self.next += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Filter, ExpressionError> {
        let mut any = vec![self.all()?];
        while self.word("or") {
            any.push(self.all()?);
        }
        Ok(only(any, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, ExpressionError> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Ok(only(all, Filter::All))
    }

    fn one(&mut self) -> Result<Filter, ExpressionError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(format!("nested deeper than {DEEPEST}")));
        }
        let filter = if self.word("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.sign("(") {
            let inner = self.any()?;
            if !self.sign(")") {
                return Err(self.unexpected("`)`, `and` or `or`"));
            }
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn place(&mut self) -> Result<Path, ExpressionError> {
        let expected = "a column or metadata.KEY";
        let Some(Placed {
            token: Token::Word(parts),
            ..
        }) = self.peek()
        else {
            return Err(self.unexpected(expected));
        };
        let path = match parts.split_first() {
            // A quoted key may hold a dot, which a path as text cannot say.
            Some((column, keys)) if column == "metadata" && !keys.is_empty() => {
                if keys.iter().any(String::is_empty) {
                    return Err(self.error("a key is empty"));
                }
                Path::metadata(keys.iter().map(String::as_str))
            }
            _ => Path::parse(&parts.join("."))
                .map_err(|error| self.error(format!("{}: {}", error.key, error.what)))?,
        };
        self.next += 1;
        Ok(path)
    }

    fn value(&mut self, path: &Path) -> Result<Json, ExpressionError> {
        let Some(Placed {
            token: Token::Value(value),
            ..
        }) = self.peek()
        else {
            return Err(self.unexpected("a value: \"text\", a number, true or false"));
        };
        let value = if is_time(path) {
            let instant = value.as_str().and_then(instant);
            let instant = instant.ok_or_else(|| {
                self.error("expected an instant such as \"2030-01-02T03:04:05Z\" or \"2030-01-02\"")
            })?;
            Json::from(instant.ledger_style())
        } else {
            value.clone()
        };
        self.next += 1;
        Ok(value)
    }

    fn test(&mut self) -> Result<Filter, ExpressionError> {
        let path = self.place()?;
        let field = |condition| Filter::Field(path.clone(), condition);
        if self.word("is") {
            let denied = self.word("not");
            if !(self.word("missing") || self.word("null")) {
                return Err(self.unexpected("`missing` or `not missing`"));
            }
            return Ok(deny(denied, field(Condition::Missing)));
        }
        let denied = self.word("not");
        if self.word("in") {
            if !self.sign("(") {
                return Err(self.unexpected("`(` and values, such as in (\"a\", \"b\")"));
            }
            let mut values = vec![self.value(&path)?];
            while self.sign(",") {
                values.push(self.value(&path)?);
            }
            if !self.sign(")") {
                return Err(self.unexpected("`,` or `)`"));
            }
            let one_of = if is_time(&path) {
                let each = values.into_iter().map(|value| equals(&path, value));
                Filter::Any(each.collect())
            } else {
                field(Condition::OneOf(values))
            };
            return Ok(deny(denied, one_of));
        }
        if self.word("contains") {
            let part = self.value(&path)?;
            return Ok(deny(denied, field(Condition::Contains(part))));
        }
        if self.word("between") {
            let low = self.value(&path)?;
            if !self.word("and") {
                return Err(self.unexpected("`and` and the upper bound"));
            }
            let high = self.value(&path)?;
            return Ok(deny(denied, field(Condition::Between(low, high))));
        }
        if denied {
            return Err(self.unexpected("`in`, `contains` or `between` after `not`"));
        }
        for sign in ["=", "!=", "<=", ">=", "<", ">"] {
            if !self.sign(sign) {
                continue;
            }
            let value = self.value(&path)?;
            let at_most = |value: Json| field(Condition::Between(Json::Null, value));
            let at_least = |value: Json| field(Condition::Between(value, Json::Null));
            let other = |value: Json| deny(true, equals(&path, value));
            return Ok(match sign {
                "=" => equals(&path, value),
                "!=" => other(value),
                "<=" => at_most(value),
                ">=" => at_least(value),
                "<" => Filter::All(vec![at_most(value.clone()), other(value)]),
                _ => Filter::All(vec![at_least(value.clone()), other(value)]),
            });
        }
        Err(self.unexpected("`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains`, `between` or `is`"))
    }
}

/// Instants are equal whatever their spelling.
fn equals(path: &Path, value: Json) -> Filter {
    let condition = if is_time(path) {
        Condition::Between(value.clone(), value)
    } else {
        Condition::Equals(value)
    };
    Filter::Field(path.clone(), condition)
}

fn is_time(path: &Path) -> bool {
    matches!(path.parts(), [column] if column == "created_at" || column == "updated_at")
}

fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
        .or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z")))
        .ok()
}

fn deny(denied: bool, filter: Filter) -> Filter {
    if denied {
        Filter::Not(Box::new(filter))
    } else {
        filter
    }
}

fn only(mut filters: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if filters.len() == 1 {
        filters.remove(0)
    } else {
        join(filters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ContextRecord;

    fn record() -> ContextRecord {
        ContextRecord {
            session_id: Some("s".to_owned()),
            source: Some("it's".to_owned()),
            seq: Some(3),
            metadata: Some(
                parse_str(r#"{"judge": {"score": 0.5}, "tags": ["a", "b"], "n": 7, "odd key": {"x.y": 1}, "ok": true}"#)
                    .unwrap(),
            ),
            ..ContextRecord::text("r", "user", "hello world", Timestamp::from_epoch_seconds(1_893_553_445))
        }
    }

    #[test]
    fn expressions_select_as_they_say() {
        let holds = |text: &str| filter_from_expression(text).unwrap().matches(&record());
        let yes = [
            "",
            "role = \"user\" and metadata.judge.score >= 0.5 and not source in (\"a\",\"b\")",
            "role == 'user'",
            "source = 'it''s'",
            "role = 'x' OR seq = 3",
            "role = 'x' and seq = 4 or seq = 3",
            "role = 'x' and (seq = 4 or seq = 3) or metadata.ok = true",
            "metadata.tags contains \"a\"",
            "metadata.tags not contains \"c\"",
            "text_payload contains 'lo w'",
            "metadata.nothing is missing and metadata.n is not missing",
            "metadata.n > 6 and metadata.n < 8 and metadata.n != 8",
            "metadata.n between 7 and 7",
            "metadata.n not between 8 and 9",
            "metadata.nothing != 1 and not metadata.nothing = 1",
            "metadata.\"odd key\".\"x.y\" = 1",
            "created_at = \"2030-01-02T05:04:05+02:00\"",
            "created_at >= \"2030-01-02\" and created_at < \"2030-01-03\"",
            "created_at in (\"2030-01-02T03:04:05Z\")",
            "not not role = \"user\"",
            "text_payload = \"hello\\u0020world\"",
        ];
        for text in yes {
            assert!(holds(text), "{text}");
        }
        let no = [
            "metadata.nothing < 5",
            "metadata.nothing >= 5",
            "metadata.n < 7",
            "metadata.n > 7",
            "metadata.n is missing",
            "role = 'x' and seq = 3",
            "role in ('x', 'y')",
            "created_at > \"2030-01-02T03:04:05Z\"",
            "metadata.ok = false",
        ];
        for text in no {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_column() {
        let said = |text: &str| filter_from_expression(text).unwrap_err().to_string();
        assert_eq!(
            said("role = user"),
            "column 8: expected a value: \"text\", a number, true or false, found `user`"
        );
        assert_eq!(
            said("colour = 'red'"),
            "column 1: colour: no such column; a path is a column, metadata.KEY or state_metadata.KEY"
        );
        assert_eq!(
            said("role 'x'"),
            "column 6: expected `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains`, `between` or `is`, found `'x'`"
        );
        assert_eq!(
            said("(role = 'x'"),
            "column 12: expected `)`, `and` or `or`, found the end"
        );
        assert_eq!(
            said("role = 'x' role = 'y'"),
            "column 12: expected `and`, `or` or the end, found `role`"
        );
        assert_eq!(
            said("é = 1"),
            "column 1: é: no such column; a path is a column, metadata.KEY or state_metadata.KEY"
        );
        assert_eq!(
            said("role = 'x"),
            "column 8: a text is not closed, or has an escape that is none"
        );
        assert_eq!(
            said("seq = 3x"),
            "column 7: expected a number such as 3 or 0.5; texts stand in quotes"
        );
        assert_eq!(
            said("seq = 1e999"),
            "column 7: expected a number such as 3 or 0.5; texts stand in quotes"
        );
        assert!(said("created_at > 'soon'").starts_with("column 14: expected an instant"));
        assert!(
            said(&format!("{}role = 'x'", "(".repeat(1_000))).contains("nested deeper than 64")
        );
        assert!(said(&"not ".repeat(100_000)).contains("nested deeper than 64"));
        assert!(said("metadata..a = 1").contains("a key is empty"));
        assert!(said("role @ 3").contains("unexpected `@`"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_ends_the_program(text in "[a-z.()'\"\\\\=<>!, 0-9é-]{0,60}") {
            let _ = filter_from_expression(&text);
        }
    }
}
