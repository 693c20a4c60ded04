//! What Lance says went wrong, as an error of the store.

use std::error::Error as StdError;

use forgemark_contract::store::StoreError;

/// Parts of messages by which a connection that failed is known from an answer that refuses.
const NO_CONNECTION: [&str; 6] = [
    "error sending request",
    "error trying to connect",
    "connection refused",
    "dns error",
    "operation timed out",
    "failed to lookup address",
];

/// What went wrong when `doing` at `uri`.
pub(crate) fn fault(uri: &str, doing: &str, error: lance::Error) -> StoreError {
    let uri = uri.to_owned();
    if matches!(error, lance::Error::DatasetNotFound { .. }) {
        return StoreError::NotFound { uri };
    }
    let chain = chain(&error);
    let lower = chain.to_lowercase();
    if uri.contains("://") && NO_CONNECTION.iter().any(|part| lower.contains(part)) {
        return StoreError::Unreachable { uri, what: chain };
    }
    let remedy = remedy(&error, &lower);
    StoreError::Storage {
        uri,
        what: format!("{doing} failed: {chain}{remedy}"),
        source: Some(Box::new(error)),
    }
}

/// What to do about it, after a semicolon; nothing where nobody knows.
fn remedy(error: &lance::Error, lower: &str) -> &'static str {
    if lower.contains("no space left") || lower.contains("os error 28") {
        "; make room on the disk, nothing was lost"
    } else if lower.contains("no object store provider found") {
        "; this program was built without object stores, which are the cargo features s3, gs and az"
    } else if lower.contains("permission denied") || lower.contains("read-only file system") {
        "; check who owns the folder and who may write to it"
    } else if matches!(error, lance::Error::NotFound { .. }) || lower.contains("not found") {
        "; a file of the table is missing: `forgemark store fsck` says which, and an older version may be whole"
    } else if matches!(error, lance::Error::CorruptFile { .. }) {
        "; a file of the table is damaged: restore it from a copy, or read an older version"
    } else {
        ""
    }
}

/// The messages from the outermost to the innermost that say more than the one before.
fn chain(error: &lance::Error) -> String {
    let mut text = error.to_string();
    let mut cause: Option<&dyn StdError> = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}
