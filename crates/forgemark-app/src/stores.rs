//! Stores of records, as far as the command line knows them: what the binary hands in, and errors.

use forgemark_contract::store::{RecordStore, StoreError, StoreOptions, Stores};

use crate::error::{AppError, ErrorKind};

/// For a binary that was built without a store: every store is refused.
#[derive(Debug, Clone, Copy)]
pub struct NoStores;

impl NoStores {
    fn refuse(uri: &str) -> StoreError {
        StoreError::Storage {
            uri: uri.to_owned(),
            what: "this binary was built without the store; build it with its default features"
                .to_owned(),
            source: None,
        }
    }
}

impl Stores for NoStores {
    fn open(&self, uri: &str) -> Result<Box<dyn RecordStore>, StoreError> {
        Err(NoStores::refuse(uri))
    }

    fn create(&self, uri: &str, _: &StoreOptions) -> Result<Box<dyn RecordStore>, StoreError> {
        Err(NoStores::refuse(uri))
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NotFound { .. }
            | StoreError::NoRecord { .. }
            | StoreError::NoVersion { .. } => ErrorKind::NotFound,
            StoreError::Busy { .. } => ErrorKind::Locked,
            StoreError::Unreachable { .. } => ErrorKind::Endpoint,
            StoreError::Storage { .. } => ErrorKind::Io,
            StoreError::Exists { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Duplicate { .. }
            | StoreError::Invalid { .. }
            | StoreError::TagExists { .. }
            | StoreError::Dimensions { .. }
            | StoreError::Metric { .. } => ErrorKind::Usage,
        };
        let message = error.to_string();
        match error {
            StoreError::Storage {
                source: Some(source),
                ..
            } => AppError::new(kind, message).caused_by(source),
            _ => AppError::new(kind, message),
        }
    }
}
