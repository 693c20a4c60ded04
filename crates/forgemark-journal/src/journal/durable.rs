//! Waiting until something is safe.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use super::Shared;
use crate::error::JournalError;

/// The promise that what was appended survives a power loss: a future, or [`Durable::wait`] from code that may block. Dropping
/// it changes nothing; asking a clone is free.
///
/// # Cancel safety
/// It can be dropped and polled again at any time.
#[must_use = "nothing is known to be safe before this was awaited"]
pub struct Durable {
    promise: Promise,
    /// The waker that is registered, so that polling again does not register it again.
    registered: Option<Waker>,
}

#[derive(Clone)]
enum Promise {
    Known(Result<(), JournalError>),
    At { shared: Arc<Shared>, position: u64 },
}

impl Durable {
    /// Something that is safe already, such as a reply that was read back.
    pub fn ready() -> Self {
        Durable::from(Promise::Known(Ok(())))
    }

    /// Something that was refused.
    pub(crate) fn failed(error: JournalError) -> Self {
        Durable::from(Promise::Known(Err(error)))
    }

    /// Everything before `position`.
    pub(super) fn at(shared: Arc<Shared>, position: u64) -> Self {
        Durable::from(Promise::At { shared, position })
    }

    /// The answer, when it is known.
    pub fn now(&self) -> Option<Result<(), JournalError>> {
        match &self.promise {
            Promise::Known(answer) => Some(answer.clone()),
            Promise::At { shared, position } => {
                let reached = || shared.acknowledged.load(Ordering::Acquire) >= *position;
                if reached() {
                    return Some(Ok(()));
                }
                let error = shared.failed.get()?;
                // The failure may be that of a later write.
                Some(if reached() {
                    Ok(())
                } else {
                    Err(error.clone())
                })
            }
        }
    }

    /// Blocks the thread until it is safe. Not for threads that serve an asynchronous runtime.
    ///
    /// # Errors
    /// The failure that came first, [`JournalError::Write`] for a full disk.
    pub fn wait(mut self) -> Result<(), JournalError> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            match self.answer(&waker) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    fn answer(&mut self, waker: &Waker) -> Poll<Result<(), JournalError>> {
        if let Some(answer) = self.now() {
            return Poll::Ready(answer);
        }
        let known = self.registered.as_ref();
        if !known.is_some_and(|known| known.will_wake(waker))
            && let Promise::At { shared, position } = &self.promise
        {
            let mut waiters = shared
                .waiters
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiters.push((*position, waker.clone()));
            drop(waiters);
            self.registered = Some(waker.clone());
        }
        // The writer moves the mark first and wakes then, so one of the two sees the other.
        self.now().map_or(Poll::Pending, Poll::Ready)
    }
}

impl From<Promise> for Durable {
    fn from(promise: Promise) -> Self {
        Durable {
            promise,
            registered: None,
        }
    }
}

impl Clone for Durable {
    fn clone(&self) -> Self {
        Durable::from(self.promise.clone())
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Durable").field(&self.now()).finish()
    }
}

impl Future for Durable {
    type Output = Result<(), JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer(context.waker())
    }
}

/// Wakes a thread that blocks.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
