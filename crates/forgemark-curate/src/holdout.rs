//! Evaluation items from files of JSON lines, one line at a time.
//!
//! A line is an object with a text under `text`, `question`, `prompt` or `input`, a vector under `vector` or `embedding`, or
//! both, and a name under `id`; without one the item is named after its file and line. Other keys are passed over.

use std::io::{self, BufRead};

use forgemark_contract::json::{Json, parse};

use crate::recipe::HoldoutItem;

#[cfg(test)]
mod tests;

/// Why an item cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HoldoutError {
    /// The file.
    #[error("{file}: {source}")]
    Read {
        /// Its name.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A line of it.
    #[error("{file}, line {line}: {what}")]
    Line {
        /// Its name.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it and what to do.
        what: String,
    },
}

/// Keys under which a text may stand, the first that is there counts.
const TEXTS: [&str; 4] = ["text", "question", "prompt", "input"];
/// Keys under which a vector may stand.
const VECTORS: [&str; 2] = ["vector", "embedding"];

/// The items of a file. Blank lines are passed over; after an error there is no more.
pub fn items<'f>(
    file: &'f str,
    mut lines: impl BufRead + 'f,
) -> impl Iterator<Item = Result<HoldoutItem, HoldoutError>> + 'f {
    let (mut number, mut bytes, mut ended) = (0, Vec::new(), false);
    std::iter::from_fn(move || {
        while !ended {
            bytes.clear();
            number += 1;
            match lines.read_until(b'\n', &mut bytes) {
                Ok(0) => ended = true,
                Ok(_) if bytes.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let item = item(file, number, bytes.trim_ascii());
                    ended = item.is_err();
                    return Some(item);
                }
                Err(source) => {
                    ended = true;
                    let file = file.to_owned();
                    return Some(Err(HoldoutError::Read { file, source }));
                }
            }
        }
        None
    })
}

fn item(file: &str, line: usize, bytes: &[u8]) -> Result<HoldoutItem, HoldoutError> {
    let fail = |what: String| HoldoutError::Line {
        file: file.to_owned(),
        line,
        what,
    };
    let json = parse(bytes).map_err(|error| fail(format!("it is no JSON: {error}")))?;
    if json.as_object().is_none() {
        return Err(fail(format!(
            "expected an object, found {}",
            json.type_name()
        )));
    }
    let text = TEXTS.iter().find_map(|key| json.at(key).to_text());
    let vector = VECTORS.iter().find_map(|key| json.at(key).as_array());
    let vector = vector.map(|numbers| {
        let numbers = numbers
            .iter()
            .map(|number| Some(Json::as_f64(number)? as f32));
        let finite = |numbers: &Vec<f32>| numbers.iter().all(|x| x.is_finite());
        let numbers = numbers.collect::<Option<Vec<f32>>>().filter(finite);
        numbers.ok_or_else(|| fail("its vector holds what is no finite number".to_owned()))
    });
    let vector = vector.transpose()?;
    if text.is_none() && vector.is_none() {
        return Err(fail(format!(
            "it has neither a text ({}) nor a vector ({})",
            TEXTS.join(", "),
            VECTORS.join(", ")
        )));
    }
    let id = match json.at("id") {
        Json::Null => format!("{file}:{line}"),
        id => id
            .to_text()
            .map_or_else(|| forgemark_contract::json::to_line_text(id), Into::into),
    };
    Ok(HoldoutItem {
        id,
        text: text.map(Into::into).unwrap_or_default(),
        vector,
    })
}
