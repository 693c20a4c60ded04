//! Tokenizers as their models publish them: `tokenizer.json`.

use forgemark_contract::text::sha256_hex;

use super::CountTokens;

/// A file that is no tokenizer.
#[derive(Debug, thiserror::Error)]
#[error(
    "no tokenizer can be read from it: {what}; expected a tokenizer.json of the Hugging Face format"
)]
pub struct TokenizerError {
    what: String,
}

#[derive(Debug)]
struct FromFile(tokenizers::Tokenizer);

/// Reads the content of a `tokenizer.json`; returns the tokenizer and the SHA-256 of the content.
///
/// # Errors
/// [`TokenizerError`] with what the format's own reader says.
pub fn read(bytes: &[u8]) -> Result<(impl CountTokens + 'static, String), TokenizerError> {
    let tokenizer = tokenizers::Tokenizer::from_bytes(bytes);
    let tokenizer = tokenizer.map_err(|error| TokenizerError {
        what: error.to_string(),
    })?;
    Ok((FromFile(tokenizer), sha256_hex(bytes)))
}

impl CountTokens for FromFile {
    fn count(&self, text: &str) -> Result<usize, String> {
        let encoding = self.0.encode_fast(text, false);
        encoding
            .map(|encoding| encoding.len())
            .map_err(|error| error.to_string())
    }
}
