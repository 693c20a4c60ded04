//! Bodies on their way out: whole, cut, or in pieces.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Long enough for the first half of a cut body to be on the wire.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// The script cuts the connection.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script cuts the connection")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The body of a reply.
#[derive(Debug)]
pub(super) enum Reply {
    /// In one piece; empty once it is sent.
    Whole(Bytes),
    /// The first half, then an error. `total` is what the header promises.
    Cut {
        half: Bytes,
        total: u64,
        pause: Pin<Box<Sleep>>,
    },
    /// Pieces of `size` bytes with pauses between them.
    Slow {
        rest: Bytes,
        size: usize,
        interval: Duration,
        pause: Option<Pin<Box<Sleep>>>,
    },
}

impl Reply {
    pub(super) fn cut(body: &Bytes) -> Self {
        let total = body.len() as u64;
        Self::Cut {
            half: body.slice(..body.len() / 2),
            total,
            pause: Box::pin(sleep(BEFORE_CUT)),
        }
    }

    pub(super) fn slow(body: Bytes, pieces: u32, interval: Duration) -> Self {
        let size = body.len().div_ceil(pieces.max(1) as usize).max(1);
        Self::Slow {
            rest: body,
            size,
            interval,
            pause: None,
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let piece = match self.get_mut() {
            Self::Whole(body) => std::mem::take(body),
            Self::Cut { half, pause, .. } => {
                let half = std::mem::take(half);
                if half.is_empty() {
                    ready!(pause.as_mut().poll(context));
                    return Poll::Ready(Some(Err(Cut)));
                }
                half
            }
            Self::Slow {
                rest,
                size,
                interval,
                pause,
            } => {
                if let Some(waiting) = pause {
                    ready!(waiting.as_mut().poll(context));
                }
                *pause = Some(Box::pin(sleep(*interval)));
                rest.split_to((*size).min(rest.len()))
            }
        };
        if piece.is_empty() {
            Poll::Ready(None)
        } else {
            Poll::Ready(Some(Ok(Frame::data(piece))))
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(rest) | Self::Slow { rest, .. } => rest.is_empty(),
            Self::Cut { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(rest) | Self::Slow { rest, .. } => rest.len() as u64,
            Self::Cut { total, .. } => *total,
        })
    }
}
