//! One instant, two spellings. Files carry UTC with microseconds as Python's `datetime.isoformat` writes it, with the offset
//! in dataset rows and a `Z` in the ledger and the run state; a microsecond part of zero is left out.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

/// An instant as microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// Text that is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a timestamp such as 2030-01-02T03:04:05.000006Z")]
pub struct TimestampError {
    /// The text.
    pub text: String,
}

/// Where instants come from; only data here, the clock itself lives above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A fixed start plus the rank of the item, for byte-identical runs (`SOURCE_DATE_EPOCH`).
    Logical {
        /// Start in seconds since 1970.
        epoch_s: i64,
    },
}

impl Timestamp {
    /// The instant `seconds` after 1970 (before it when negative).
    pub fn from_epoch_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// This instant and `micros` more.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Timestamp(self.0.saturating_add(micros))
    }

    /// Dataset, conversation, turn and index rows: `2030-01-02T03:04:05.000006+00:00`.
    pub fn dataset_style(self) -> String {
        self.spell("+00:00")
    }

    /// Ledger and run state: `2030-01-02T03:04:05.000006Z`.
    pub fn ledger_style(self) -> String {
        self.spell("Z")
    }

    /// Reads either spelling, and any other RFC 3339 instant; digits beyond microseconds are cut off.
    ///
    /// # Errors
    /// [`TimestampError`] when the text is none; local times without an offset are none.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError {
            text: text.to_owned(),
        })?;
        Ok(Timestamp(instant.as_microsecond()))
    }

    fn spell(self, suffix: &str) -> String {
        // Instants outside jiff's years -9999 to 9999 cannot come from a file or a clock; they are held at its ends.
        let bounds = (
            jiff::Timestamp::MIN.as_microsecond(),
            jiff::Timestamp::MAX.as_microsecond(),
        );
        let micros = self.0.clamp(bounds.0, bounds.1);
        let instant =
            jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let at = jiff::tz::Offset::UTC.to_datetime(instant);
        let (date, time) = (at.date(), at.time());
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        let micros = time.subsec_nanosecond() / 1_000;
        if micros != 0 {
            // Writing to a `String` cannot fail.
            let _ = write!(text, ".{micros:06}");
        }
        text.push_str(suffix);
        text
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        Timestamp::parse(text)
    }
}
