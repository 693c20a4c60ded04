//! The terminal itself: it is taken over, and given back whatever happens.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use ratatui::crossterm::event::{self, Event};

use super::front::{Flow, Front};
use super::screen;
use crate::error::{AppError, ErrorKind};

/// Whether there is a terminal to label in.
///
/// # Errors
/// With the way to label without one.
pub(super) fn check() -> Result<(), AppError> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(AppError::new(ErrorKind::Usage, "labelling needs a terminal")
        .hint("without one: `--list`, `--show KEY`, `--verdict KEY=VERDICT --confidence N --comment TEXT`"))
}

/// Takes keys until the person leaves. How many claims are labelled, and of how many.
///
/// # Errors
/// When the terminal cannot be used. What was saved stays.
pub(super) fn run(mut front: Front<'_>) -> Result<(usize, usize), AppError> {
    let ended = take_keys(&mut front);
    // Also after an error, so that the shell is usable.
    let restored = ratatui::try_restore();
    let lost = |source| AppError::Io {
        action: "use",
        path: PathBuf::from("the terminal"),
        source,
    };
    ended.and(restored).map_err(lost)?;
    Ok((front.session.labelled(), front.session.len()))
}

fn take_keys(front: &mut Front<'_>) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    loop {
        terminal.draw(|frame| screen::draw(frame, front))?;
        if let Event::Key(key) = event::read()?
            && front.key(key) == Flow::Leave
        {
            return Ok(());
        }
    }
}
