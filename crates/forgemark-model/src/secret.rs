//! API keys, and keeping them out of everything that is written.
//!
//! The application reads keys from the environment and hands them in as [`Secret`]. They leave it only as a header value
//! that is marked sensitive. Endpoints echo keys in error texts, and a debugging proxy may echo whole requests, so every
//! text and every body that goes into an error, a notice or the journal passes a scrubber first.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use memchr::memmem::Finder;

/// What stands for a hidden value.
const MASK: &[u8] = b"***";

/// Shorter values are not hidden in errors: masking every `x` because a local server's key is `x` would make messages
/// unreadable and protect nothing.
const MIN_IN_ERRORS: usize = 8;

/// Shorter values are not hidden in replies, which are data: `lm-studio` and `local-key` are dummy keys that a text may
/// well mention. Keys of paid services are longer.
const MIN_IN_REPLIES: usize = 16;

/// A value that must not be shown. `Debug` hides it; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value`, without the white space around it that files and shells add.
    pub fn new(value: &str) -> Self {
        Secret(value.trim().to_owned())
    }

    /// The value itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Replaces known secrets by `***`.
#[derive(Clone, Default)]
pub(crate) struct Scrubber {
    finders: Vec<Finder<'static>>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} values)", self.finders.len())
    }
}

impl Scrubber {
    /// Hides these values from now on.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut values: Vec<&str> = secrets
            .into_iter()
            .map(Secret::expose)
            .filter(|value| value.len() >= MIN_IN_ERRORS)
            .collect();
        // A secret that contains another one has to be replaced first.
        values.sort_by_key(|value| (std::cmp::Reverse(value.len()), *value));
        values.dedup();
        Scrubber {
            finders: values
                .into_iter()
                .map(|value| Finder::new(value.as_bytes()).into_owned())
                .collect(),
        }
    }

    /// The reply without secrets: the same bytes when it holds none, which costs one search a secret and no copy.
    pub(crate) fn reply(&self, body: Bytes) -> Bytes {
        match self.replaced(&body, MIN_IN_REPLIES) {
            Some(clean) => Bytes::from(clean),
            None => body,
        }
    }

    /// The body of an error without secrets.
    pub(crate) fn error_body(&self, body: Bytes) -> Bytes {
        match self.replaced(&body, MIN_IN_ERRORS) {
            Some(clean) => Bytes::from(clean),
            None => body,
        }
    }

    /// The text of an error without secrets.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.replaced(text.as_bytes(), MIN_IN_ERRORS) {
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    fn replaced(&self, bytes: &[u8], min_len: usize) -> Option<Vec<u8>> {
        let mut clean: Option<Vec<u8>> = None;
        // The longest comes first.
        for finder in self
            .finders
            .iter()
            .take_while(|finder| finder.needle().len() >= min_len)
        {
            let source = clean.as_deref().unwrap_or(bytes);
            if finder.find(source).is_none() {
                continue;
            }
            let mut out = Vec::with_capacity(source.len());
            let mut from = 0;
            for place in finder.find_iter(source) {
                out.extend_from_slice(source.get(from..place).unwrap_or_default());
                out.extend_from_slice(MASK);
                from = place + finder.needle().len();
            }
            out.extend_from_slice(source.get(from..).unwrap_or_default());
            clean = Some(out);
        }
        clean
    }
}
