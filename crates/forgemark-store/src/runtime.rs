//! Blocking calls over Lance, which is asynchronous.
//!
//! Futures run on a runtime of this crate, and the caller waits on another thread than its own: so a call works in any
//! thread, one of another runtime included.

use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};

use forgemark_contract::store::StoreError;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

fn runtime(uri: &str) -> Result<&'static Runtime, StoreError> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let mut builder = Builder::new_multi_thread();
    let made = builder.enable_all().thread_name("forgemark-store").build();
    let made = made.map_err(|error| StoreError::Storage {
        uri: uri.to_owned(),
        what: "the threads that read and write it could not be started".to_owned(),
        source: Some(Box::new(error)),
    })?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// The storage layer broke off: a panic in it.
fn broken_off(uri: &str) -> StoreError {
    StoreError::Storage {
        uri: uri.to_owned(),
        what: "the storage layer broke off without an answer, which is a fault of its own"
            .to_owned(),
        source: None,
    }
}

/// Runs a future to its end; `uri` is for errors.
pub(crate) fn wait<T: Send>(
    uri: &str,
    future: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let runtime = runtime(uri)?;
    let ended = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join());
    ended.unwrap_or_else(|_| Err(broken_off(uri)))
}

/// What a future gives that runs already.
pub(crate) struct Pending<T>(Receiver<T>);

impl<T> Pending<T> {
    /// Waits for it; `uri` is for errors.
    pub(crate) fn wait(self, uri: &str) -> Result<T, StoreError> {
        self.0.recv().map_err(|_| broken_off(uri))
    }
}

/// Starts a future.
pub(crate) fn start<T: Send + 'static>(
    uri: &str,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<Pending<T>, StoreError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime(uri)?.spawn(async move {
        // Whoever asked may have gone away.
        let _ = sender.send(future.await);
    });
    Ok(Pending(receiver))
}
