//! The answers to embedding requests: a vector for each text, which follows from the text.

use forgemark_contract::json::{Json, Style, Writer, parse};

use super::fault::Fault;
use super::hash::{Draws, Purpose, hash128};
use super::services::words;

/// Longest vectors that a request may ask for.
pub(super) const MAX_DIMENSIONS: u32 = 16_384;

/// Bytes of text a token, roughly.
const BYTES_PER_TOKEN: usize = 4;

/// What an embedding request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    model: String,
    texts: Vec<String>,
    dimensions: u32,
}

impl Asked {
    /// Reads a request; `None` when it is none, asks for nothing, or holds an empty text, which the `OpenAI` API refuses too.
    pub(super) fn read(body: &[u8], dimensions: u32) -> Option<Self> {
        let request = parse(body).ok()?;
        let texts = match request.at("input") {
            Json::Array(texts) => texts.iter().map(text).collect::<Option<Vec<_>>>()?,
            one => vec![text(one)?],
        };
        let dimensions = match request.get("dimensions") {
            None | Some(Json::Null) => dimensions,
            Some(asked) => u32::try_from(asked.as_u64()?).ok()?,
        };
        let usable = !texts.is_empty() && (1..=MAX_DIMENSIONS).contains(&dimensions);
        usable.then(|| Asked {
            model: request.str_or("model", "").to_owned(),
            texts,
            dimensions,
        })
    }

    /// The body of the answer, changed by `fault`. Every vector has the length 1 and follows from text, model and seed: with
    /// `by_word` it is the sum of its words' vectors, so that texts of the same words are near; without, any two texts are
    /// far apart.
    pub(super) fn answer(&self, seed: u64, by_word: bool, fault: Option<&Fault>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.texts.len() * self.dimensions as usize * 12 + 256);
        let mut w = Writer::new(&mut out, Style::COMPACT);
        w.begin_object();
        w.field("object", "list");
        w.key("data");
        w.begin_array();
        let last = self.texts.len() - 1;
        for (index, text) in self.texts.iter().enumerate() {
            if index == last && matches!(fault, Some(Fault::MissingVector)) {
                break;
            }
            let mut vector = self.vector(text, seed, by_word);
            match fault {
                Some(Fault::ShortVector) if index == last => vector.truncate(vector.len() / 2),
                Some(Fault::NanVector) if index == last => vector.fill(f32::NAN),
                _ => {}
            }
            w.begin_object();
            w.field("object", "embedding");
            w.field("index", &(index as u64));
            w.field("embedding", &vector);
            w.end_object();
        }
        w.end_array();
        w.field("model", self.model.as_str());
        let bytes: usize = self.texts.iter().map(String::len).sum();
        let tokens = (bytes / BYTES_PER_TOKEN + self.texts.len()) as u64;
        w.key("usage");
        w.begin_object();
        w.field("prompt_tokens", &tokens);
        w.field("total_tokens", &tokens);
        w.end_object();
        w.end_object();
        out
    }

    fn vector(&self, text: &str, seed: u64, by_word: bool) -> Vec<f32> {
        let draw = |text: &str| {
            let hash = hash128(hash128(0, self.model.as_bytes()), text.as_bytes());
            let draws = Draws::new(hash, seed, 0);
            (0..self.dimensions as usize).map(move |n| 2.0 * draws.unit(Purpose::Value(n)) - 1.0)
        };
        let words = if by_word { words(text) } else { Vec::new() };
        let mut values: Vec<f64> = match words.first() {
            None => draw(text).collect(),
            Some(_) => vec![0.0; self.dimensions as usize],
        };
        for word in &words {
            for (sum, value) in values.iter_mut().zip(draw(word)) {
                *sum += value;
            }
        }
        let square: f64 = values.iter().map(|value| value * value).sum();
        // All draws at 0 together do not happen; were they, nothing is divided by 0.
        let length = square.sqrt().max(f64::MIN_POSITIVE);
        values.iter().map(|value| (value / length) as f32).collect()
    }
}

fn text(value: &Json) -> Option<String> {
    let text = value.to_text()?;
    (!text.is_empty()).then(|| text.into_owned())
}
