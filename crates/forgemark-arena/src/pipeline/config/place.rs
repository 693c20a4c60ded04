//! Where something stands in a JSON file, for messages.

use forgemark_contract::json::parse_str;

/// A step from a value to one inside it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// The value of a key.
    Key(&'a str),
    /// The entry of a list, from 0.
    Index(usize),
}

/// The line, from 1, on which the value at `path` begins; of the deepest part of the path that is there. `text` is JSON that was
/// parsed before.
pub(super) fn line(text: &str, path: &[Step<'_>]) -> usize {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    scan.find(path);
    text[..scan.at.min(text.len())].matches('\n').count() + 1
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes to the value at `path`; stays at the last one that is there.
    fn find(&mut self, path: &[Step<'_>]) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return true;
        };
        let here = self.at;
        let found = match (step, self.peek()) {
            (Step::Key(key), Some(b'{')) => {
                self.entry(|scan| scan.string() == Some((*key).to_owned()))
            }
            (Step::Index(index), Some(b'[')) => self.item(*index),
            _ => false,
        };
        if !found {
            self.at = here;
            return false;
        }
        self.find(rest)
    }

    /// Goes to the value of the key for which `is` holds, which reads the key.
    fn entry(&mut self, is: impl Fn(&mut Self) -> bool) -> bool {
        self.at += 1;
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return false;
            }
            let matches = is(self);
            self.space();
            self.at += 1; // the colon
            self.space();
            if matches {
                return true;
            }
            self.skip();
            self.space();
            if self.peek() != Some(b',') {
                return false;
            }
            self.at += 1;
        }
    }

    fn item(&mut self, index: usize) -> bool {
        self.at += 1;
        for _ in 0..index {
            self.space();
            self.skip();
            self.space();
            if self.peek() != Some(b',') {
                return false;
            }
            self.at += 1;
        }
        self.space();
        self.peek() != Some(b']')
    }

    /// Reads a string.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.skip();
        parse_str(self.text.get(start..self.at)?)
            .ok()?
            .as_str()
            .map(str::to_owned)
    }

    /// Goes behind one value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    while let Some(byte) = self.peek() {
                        self.at += if byte == b'\\' { 2 } else { 1 };
                        if byte == b'"' {
                            break;
                        }
                    }
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => return,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}
