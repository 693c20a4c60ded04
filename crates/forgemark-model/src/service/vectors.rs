//! Vectors of texts for a run, at an OpenAI-compatible `/embeddings`.

use forgemark_contract::json::{Json, Object};

use crate::embed::answer::ordered;

/// What a base address leads to.
pub const PATH: &str = "/embeddings";

/// The request for the vectors of `texts`; with `dimensions` where the model can shorten its vectors.
pub fn request(model: &str, texts: &[&str], dimensions: Option<u32>) -> Json {
    let mut body = Object::new();
    body.insert("model", model);
    let texts: Json = texts.iter().map(|text| Json::from(*text)).collect();
    body.insert("input", texts);
    if let Some(dimensions) = dimensions {
        body.insert("dimensions", dimensions);
    }
    body.insert("encoding_format", "float");
    Json::Object(body)
}

/// The vectors of `texts` texts in their order, all of one length, `dimensions` where that is given, each scaled to length 1.
///
/// # Errors
/// What is wrong with the answer, as a fragment: another number of vectors, another length, numbers that are not finite, a
/// vector without a direction.
pub fn read(answer: &Json, texts: usize, dimensions: Option<u32>) -> Result<Vec<Vec<f32>>, String> {
    let Some(items) = answer.at("data").as_array() else {
        return Err("the body has no list `data`".to_owned());
    };
    let mut vectors = ordered(items, texts).map_err(|wrong| wrong.to_string())?;
    let first = vectors.first().map_or(0, Vec::len);
    let expected = dimensions.map_or(first, |n| n as usize);
    for (text, vector) in vectors.iter_mut().enumerate() {
        if vector.len() != expected {
            let found = vector.len();
            return Err(format!(
                "the vector of text {text} has {found} values and not {expected}"
            ));
        }
        let square: f64 = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
        if square <= 0.0 {
            return Err(format!("the vector of text {text} is 0"));
        }
        let length = square.sqrt();
        for value in vector {
            *value = (f64::from(*value) / length) as f32;
        }
    }
    Ok(vectors)
}

/// The cosine of two vectors of length 1: their product, summed in the order of their values.
pub fn cosine(left: &[f32], right: &[f32]) -> f64 {
    let products = left.iter().zip(right);
    products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
