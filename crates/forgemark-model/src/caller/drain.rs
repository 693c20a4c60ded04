//! The wish that nothing new is sent.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set once, never taken back.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    draining: AtomicBool,
    told: Notify,
}

impl Drain {
    /// Wishes it.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    /// Whether it is wished.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Resolves when it is wished. Cancel safe.
    pub(crate) async fn drained(&self) {
        // Made before looking, so that a wish in between is not missed.
        let told = self.told.notified();
        if !self.is_draining() {
            told.await;
        }
    }
}
