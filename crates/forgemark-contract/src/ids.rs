//! Identifiers that stand in files: runs, waves, conversations, topics, calls.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};

use crate::text::hex;

/// Longest id in bytes: file systems allow 255 for a name, and a suffix and an extension must fit.
const MAX_ID_BYTES: usize = 200;

/// Text that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing at all.
    #[error("an id may not be empty")]
    Empty,
    /// Too long for a file name.
    #[error("id of {bytes} bytes is longer than {MAX_ID_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It names files, so it may not hold a separator or a control character, nor begin with a dot or a dash.
    #[error("id '{id}' cannot name a file: {what}")]
    Unsafe {
        /// The id.
        id: String,
        /// What is wrong, as a fragment.
        what: &'static str,
    },
    /// Not 64 hexadecimal digits.
    #[error("call key '{0}' is not 64 hexadecimal digits")]
    CallKey(String),
}

/// Checks that `id` can name a file inside its folder on every system.
fn check_id(id: &str) -> Result<(), IdError> {
    let fail = |what| {
        Err(IdError::Unsafe {
            id: id.to_owned(),
            what,
        })
    };
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { bytes: id.len() });
    }
    if id.starts_with(['.', '-']) {
        return fail("it begins with a dot or a dash");
    }
    if id.chars().any(|c| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
    }) {
        return fail("it has a separator, a space, a wildcard or a control character");
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks that the text can name a file, which it does.
            ///
            /// # Errors
            /// [`IdError`] when it is empty, too long or unsafe in a path.
            pub fn new(id: impl Into<String>) -> Result<Self, IdError> {
                let id = id.into();
                check_id(&id)?;
                Ok($name(id))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(id: &str) -> Result<Self, IdError> {
                $name::new(id)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// The id of a run. It names state files and begins every conversation id.
    RunId
}

text_id! {
    /// The id of a conversation: `<run>-w0001-s0003` for ours, anything that can name a file in foreign output.
    ConversationId
}

/// The id of slot `slot` of wave `wave`, both counted from 0 and padded to four digits. Unlike the original's
/// `<run>-0003`, it can never equal the id of a wave.
pub fn conversation_id(run: &RunId, wave: u64, slot: u64) -> ConversationId {
    ConversationId(format!("{run}-w{wave:04}-s{slot:04}"))
}

/// The name of a wave's state: `<run>-w0001`.
pub fn wave_id(run: &RunId, wave: u64) -> RunId {
    RunId(format!("{run}-w{wave:04}"))
}

/// The original's id of a wave: the run id itself for wave 0, else `<run>-0001`.
pub fn compat_wave_id(run: &RunId, wave: u64) -> RunId {
    if wave == 0 {
        run.clone()
    } else {
        RunId(format!("{run}-{wave:04}"))
    }
}

/// The original's conversation id: the wave id in single mode (`slot` is `None`), else `<wave id>-0003`.
pub fn compat_conversation_id(run: &RunId, wave: u64, slot: Option<u64>) -> ConversationId {
    let wave = compat_wave_id(run, wave);
    ConversationId(slot.map_or_else(|| wave.to_string(), |slot| format!("{wave}-{slot:04}")))
}

/// The id of a chunk: MD5 of the document's path relative to the corpus root, with `/` between its parts, then the chunk's
/// number from 0. The original hashes the absolute path, so its ids change when a project moves.
pub fn topic_id(relative_posix_path: &str, ordinal: u64) -> String {
    format!(
        "{}-{ordinal}",
        hex(&Md5::digest(relative_posix_path.as_bytes()))
    )
}

/// The key of a model call: a hash of its canonical request. Text form: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub [u8; 32]);

impl CallKey {
    /// The BLAKE3 hash of `bytes` as a key.
    pub fn of(bytes: &[u8]) -> Self {
        CallKey(*blake3::hash(bytes).as_bytes())
    }

    /// The first eight bytes, little endian, for an index of 64-bit keys.
    pub fn prefix(&self) -> u64 {
        self.0[..8]
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallKey({self})")
    }
}

impl FromStr for CallKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::CallKey(text.to_owned());
        if text.len() != 64
            || !text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return Err(wrong());
        }
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().enumerate() {
            let digits = text.get(place * 2..place * 2 + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(CallKey(key))
    }
}
