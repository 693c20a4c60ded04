//! The machine's clock, read here and handed to the rooms below.

use std::time::{SystemTime, UNIX_EPOCH};

use forgemark_contract::time::Timestamp;

/// The present instant by the machine's clock.
pub fn now() -> Timestamp {
    of_system(SystemTime::now())
}

/// An instant of the machine's clock; one before 1970 counts as 1970.
pub(crate) fn of_system(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
