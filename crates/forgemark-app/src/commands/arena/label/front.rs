//! Which key does what. It knows no terminal: it takes keys, and says what the screen shows.

use forgemark_arena::label::{CONFIDENCE, LabelError, Session};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::text;

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Draw and wait for the next key.
    On,
    /// The person is done.
    Leave,
}

/// What keys mean now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// Choosing, moving, saving.
    Normal,
    /// Writing the comment.
    Comment(String),
    /// Writing the number of a claim.
    Jump(String),
    /// Reading what the keys do.
    Help,
}

/// The two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pane {
    /// Question and answer.
    About,
    /// Claim, debate and what was hidden.
    Said,
}

/// A session with keys.
#[derive(Debug)]
pub(super) struct Front<'a> {
    pub(super) session: Session<'a>,
    pub(super) user: String,
    pub(super) queue: &'static str,
    pub(super) mode: Mode,
    pub(super) pane: Pane,
    /// First line of each column that is shown.
    pub(super) scroll: [usize; 2],
    /// The last line of news.
    pub(super) news: String,
    /// Whether `q` was pressed over something that is not saved.
    leaving: bool,
}

/// What every key does.
pub(super) const HELP: &str = "\
1-7        choose the verdict
+ -        more and less confidence
c          write the comment; Enter keeps it, Esc does not
Enter, s   save; on a saved claim: on to the next open one
n p        next and previous claim (also right and left)
x          next open claim
g          jump to a claim by its number
u          undo the last save
Tab        the other column
arrows, j k, PgUp PgDn, Home   scroll
?          this page
q, Ctrl-C  leave; what is saved is on disk";

impl<'a> Front<'a> {
    pub(super) fn new(session: Session<'a>, user: &str, queue: &'static str) -> Self {
        Front {
            session,
            user: user.to_owned(),
            queue,
            mode: Mode::Normal,
            pane: Pane::About,
            scroll: [0; 2],
            news: String::new(),
            leaving: false,
        }
    }

    /// The texts of the two columns.
    pub(super) fn columns(&self) -> [Vec<text::Section>; 2] {
        let Some(view) = self.session.view() else {
            return [Vec::new(), Vec::new()];
        };
        let mut said = Vec::new();
        if let Some(label) = self.session.label() {
            // First what is new; the claim was read before.
            said.push(text::label(label));
        }
        said.extend(self.session.reveal().iter().flat_map(text::reveal));
        said.extend(text::said(&view));
        [text::about(&view), said]
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Flow {
        if key.kind == KeyEventKind::Release {
            return Flow::On;
        }
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        if held && key.code == KeyCode::Char('c') {
            return Flow::Leave;
        }
        let before = self.session.position();
        let flow = match std::mem::replace(&mut self.mode, Mode::Normal) {
            Mode::Normal if !held => self.normal(key.code),
            Mode::Normal => Flow::On,
            Mode::Help => Flow::On,
            Mode::Comment(text) => self.comment(text, key.code, held),
            Mode::Jump(digits) => self.jump(digits, key.code),
        };
        if self.session.position() != before {
            self.scroll = [0; 2];
            self.pane = Pane::About;
        }
        flow
    }

    fn normal(&mut self, code: KeyCode) -> Flow {
        let leaving = std::mem::take(&mut self.leaving);
        self.news.clear();
        match code {
            KeyCode::Char(digit @ '1'..='9') => self.choose(digit),
            KeyCode::Char('+' | '=') => self.confidence(1),
            KeyCode::Char('-') => self.confidence(-1),
            KeyCode::Char('c') => self.mode = Mode::Comment(self.session.draft().comment),
            KeyCode::Enter | KeyCode::Char('s') => self.save(),
            KeyCode::Char('n') | KeyCode::Right => self.session.next(),
            KeyCode::Char('p') | KeyCode::Left => self.session.previous(),
            KeyCode::Char('x') => self.skip(),
            KeyCode::Char('g') => self.mode = Mode::Jump(String::new()),
            KeyCode::Char('u') => self.undo(),
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Tab | KeyCode::BackTab => {
                self.pane = match self.pane {
                    Pane::About => Pane::Said,
                    Pane::Said => Pane::About,
                };
            }
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll_by(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll_by(10),
            KeyCode::PageUp => self.scroll_by(-10),
            KeyCode::Home => self.scroll[self.pane as usize] = 0,
            KeyCode::Char('q') if leaving || !self.session.is_changed() => return Flow::Leave,
            KeyCode::Char('q') => {
                self.leaving = true;
                "this choice is not saved: Enter saves it, q again leaves"
                    .clone_into(&mut self.news);
            }
            _ => {}
        }
        Flow::On
    }

    fn choose(&mut self, digit: char) {
        let number = digit.to_digit(10).unwrap_or(0) as usize;
        let choices = self.session.choices();
        let word = number.checked_sub(1).and_then(|at| choices.get(at));
        if let Some((word, _)) = word {
            let chosen = self.session.choose(word);
            self.say(chosen, "");
        }
    }

    fn confidence(&mut self, by: i64) {
        let wanted = self.session.draft().confidence + by;
        if CONFIDENCE.contains(&wanted) {
            let set = self.session.set_confidence(wanted);
            self.say(set, "");
        }
    }

    fn comment(&mut self, mut text: String, code: KeyCode, held: bool) -> Flow {
        match code {
            KeyCode::Enter => {
                self.session.set_comment(text.trim());
                return Flow::On;
            }
            KeyCode::Esc => return Flow::On,
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char('u') if held => text.clear(),
            KeyCode::Char(c) if !held && !c.is_control() => text.push(c),
            _ => {}
        }
        self.mode = Mode::Comment(text);
        Flow::On
    }

    fn jump(&mut self, mut digits: String, code: KeyCode) -> Flow {
        match code {
            KeyCode::Enter => {
                let place = digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                if !place.is_some_and(|place| self.session.jump(place)) {
                    let all = self.session.len();
                    self.news = format!("there is no claim {digits}: they are 1 to {all}");
                }
                return Flow::On;
            }
            KeyCode::Esc => return Flow::On,
            KeyCode::Backspace => {
                digits.pop();
            }
            KeyCode::Char(c) if c.is_ascii_digit() && digits.len() < 9 => digits.push(c),
            _ => {}
        }
        self.mode = Mode::Jump(digits);
        Flow::On
    }

    fn save(&mut self) {
        if self.session.label().is_some() && !self.session.is_changed() {
            self.skip();
            return;
        }
        let saved = self.session.save();
        if saved.is_ok() {
            // Where what was hidden is.
            (self.pane, self.scroll) = (Pane::Said, [self.scroll[0], 0]);
        }
        self.say(
            saved,
            "saved: Enter goes on to the next open claim, u takes it back",
        );
    }

    fn skip(&mut self) {
        if !self.session.skip() {
            "every other claim of the queue is labelled".clone_into(&mut self.news);
        }
    }

    fn undo(&mut self) {
        self.news = match self.session.undo() {
            Ok(true) => "undone: what was saved stands here again, unsaved".to_owned(),
            Ok(false) => "nothing was saved since the start".to_owned(),
            Err(error) => error_text(&error),
        };
    }

    fn say(&mut self, result: Result<(), LabelError>, good: &str) {
        self.news = match result {
            Ok(()) => good.to_owned(),
            Err(error) => error_text(&error),
        };
    }

    fn scroll_by(&mut self, lines: isize) {
        let at = &mut self.scroll[self.pane as usize];
        *at = at.saturating_add_signed(lines);
    }
}

/// An error with what caused it, in one line.
fn error_text(error: &LabelError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
