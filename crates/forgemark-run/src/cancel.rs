//! The wish to drain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Asks a run to drain: nothing new starts, what is in flight ends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cancel {
    sender: Arc<watch::Sender<bool>>,
    hooks: Arc<Mutex<Hooks>>,
}

#[derive(Default)]
struct Hooks {
    next: u64,
    hooks: BTreeMap<u64, Box<dyn Fn() + Send>>,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks")
            .field("hooks", &self.hooks.len())
            .finish_non_exhaustive()
    }
}

/// Keeps what [`Cancel::when_cancelled`] was given; dropping it takes it back.
#[derive(Debug)]
#[must_use = "dropping it takes the hook back"]
pub struct Hooked {
    number: u64,
    hooks: Arc<Mutex<Hooks>>,
}

impl Drop for Hooked {
    fn drop(&mut self) {
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.hooks.remove(&self.number);
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// A token that nobody has pulled yet.
    pub fn new() -> Self {
        Self {
            sender: Arc::new(watch::Sender::new(false)),
            hooks: Arc::default(),
        }
    }

    /// Asks for the drain, and calls the hooks before it returns. Pulling it again changes nothing.
    pub fn cancel(&self) {
        if self.sender.send_replace(true) {
            return;
        }
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.hooks.values().for_each(|hook| hook());
    }

    /// Has `hook` called when the drain is asked for, by whoever asks; at once when it was asked for already. It must
    /// be short and must not use this token.
    pub fn when_cancelled(&self, hook: impl Fn() + Send + 'static) -> Hooked {
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        let number = hooks.next;
        hooks.next += 1;
        if self.is_cancelled() {
            hook();
        } else {
            hooks.hooks.insert(number, Box::new(hook));
        }
        Hooked {
            number,
            hooks: Arc::clone(&self.hooks),
        }
    }

    /// Whether the drain was asked for.
    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }

    /// Resolves when the drain is asked for. Cancel safe.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = receiver.wait_for(|pulled| *pulled).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn hooks_are_called_once_by_whoever_cancels() {
        let cancel = Cancel::new();
        let called = Arc::new(AtomicU64::new(0));
        let count = |by: u64| {
            let called = Arc::clone(&called);
            move || {
                called.fetch_add(by, Ordering::SeqCst);
            }
        };
        let _first = cancel.when_cancelled(count(1));
        drop(cancel.when_cancelled(count(10)));
        cancel.clone().cancel();
        assert_eq!(
            called.load(Ordering::SeqCst),
            1,
            "not the one that was taken back"
        );
        cancel.cancel();
        assert_eq!(called.load(Ordering::SeqCst), 1);
        let _late = cancel.when_cancelled(count(100));
        assert_eq!(called.load(Ordering::SeqCst), 101, "too late to wait");
    }
}
