//! Shared values are laid out once.
//!
//! A conversation's turns stand in several rows, in its own file and in the state of its wave. They are the same
//! [`Arc`]s everywhere, so a writer that remembers where it wrote one copies its bytes the next time, and where the
//! nesting differs only moves the lines. What is written is the same with and without a memo.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Style;

/// Shorter values are written again: looking them up costs as much.
const SHORTEST: usize = 64;

/// Where shared values stand in a text.
#[derive(Default)]
pub struct Memo {
    style: Option<Style>,
    /// By the address of the value.
    spots: HashMap<usize, Spot>,
}

/// One value in a text.
#[derive(Clone)]
struct Spot {
    start: usize,
    end: usize,
    depth: usize,
    /// Keeps the value alive, so that no other can get its address.
    _value: Arc<dyn Any + Send + Sync>,
}

/// A text that was written with a memo, to copy from.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Where its shared values stand.
    pub memo: &'a Memo,
}

/// Bytes of a value, and the number of containers that were open around it.
pub(super) struct Found<'a> {
    pub(super) text: &'a [u8],
    pub(super) depth: usize,
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo")
            .field("style", &self.style)
            .field("values", &self.spots.len())
            .finish()
    }
}

impl Memo {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.style = None;
        self.spots.clear();
    }

    pub(super) fn note<T: Any + Send + Sync>(
        &mut self,
        value: &Arc<T>,
        style: Style,
        depth: usize,
        start: usize,
        end: usize,
    ) {
        if end - start < SHORTEST {
            return;
        }
        if *self.style.get_or_insert(style) == style {
            let spot = Spot {
                start,
                end,
                depth,
                _value: Arc::clone(value) as Arc<dyn Any + Send + Sync>,
            };
            self.spots.insert(address(value), spot);
        }
    }

    /// Start, end and depth of a value that was written in this style.
    pub(super) fn place<T>(
        &self,
        value: &Arc<T>,
        style: Style,
    ) -> Option<(std::ops::Range<usize>, usize)> {
        if self.style != Some(style) {
            return None;
        }
        let spot = self.spots.get(&address(value))?;
        Some((spot.start..spot.end, spot.depth))
    }
}

impl<'a> Known<'a> {
    pub(super) fn find<T>(&self, value: &Arc<T>, style: Style) -> Option<Found<'a>> {
        let (range, depth) = self.memo.place(value, style)?;
        let text = self.text.get(range)?;
        Some(Found { text, depth })
    }
}

fn address<T>(value: &Arc<T>) -> usize {
    Arc::as_ptr(value).addr()
}

/// Appends the text of a value, its lines moved from a nesting of `from` spaces to one of `to`. No line feed stands
/// inside a JSON string, so all of them are of the layout.
pub(super) fn paste(out: &mut Vec<u8>, text: &[u8], from: usize, to: usize) {
    if from == to {
        out.extend_from_slice(text);
        return;
    }
    let mut rest = text;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, next) = rest.split_at(end + 1);
        out.extend_from_slice(line);
        if to > from {
            out.resize(out.len() + (to - from), b' ');
            rest = next;
        } else {
            rest = next.get(from - to..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
}
