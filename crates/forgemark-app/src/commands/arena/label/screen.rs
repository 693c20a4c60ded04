//! What a labeller sees.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use unicode_width::UnicodeWidthChar as _;

use super::front::{Front, HELP, Mode, Pane};
use super::text::Section;
use crate::escape;

/// From this width on the two columns stand side by side.
const WIDE: u16 = 100;

/// Draws everything, and keeps the columns from being scrolled past their ends.
pub(super) fn draw(frame: &mut Frame<'_>, front: &mut Front<'_>) {
    let choices = u16::try_from(front.session.choices().len()).unwrap_or(0);
    let [head, body, choose, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(choices + 4),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(head_line(front)).style(reversed()), head);
    let [about, said] = front.columns();
    if body.width >= WIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
                .areas(body);
        column(frame, front, left, Pane::About, &about);
        column(frame, front, right, Pane::Said, &said);
    } else {
        let shown = match front.pane {
            Pane::About => &about,
            Pane::Said => &said,
        };
        column(frame, front, body, front.pane, shown);
    }
    frame.render_widget(choice(front), choose);
    let help = "1-7 verdict  + - sure  c comment  Enter save  x on  u undo  Tab  ? help  q leave";
    frame.render_widget(Paragraph::new(help).style(dim()), keys);
    if front.mode == Mode::Help {
        let area = centred(frame.area(), 68, 14);
        frame.render_widget(Clear, area);
        frame.render_widget(
            Paragraph::new(HELP).block(Block::bordered().title("Keys")),
            area,
        );
    }
}

fn head_line(front: &Front<'_>) -> String {
    let session = &front.session;
    let state = match (session.label().is_some(), session.is_changed()) {
        (_, true) => "unsaved",
        (true, false) => "labelled",
        (false, false) => "open",
    };
    let text = format!(
        " {} | {} | claim {}/{} | {} labelled | {state}",
        front.user,
        front.queue,
        session.position() + 1,
        session.len(),
        session.labelled()
    );
    escape::for_line(&text).into_owned()
}

fn column(
    frame: &mut Frame<'_>,
    front: &mut Front<'_>,
    area: Rect,
    pane: Pane,
    sections: &[Section],
) {
    let width = usize::from(area.width.saturating_sub(2)).max(1);
    let mut lines = Vec::new();
    for section in sections {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        for part in wrapped(&escape::for_line(&section.title), width) {
            lines.push(Line::styled(
                part,
                Style::new().add_modifier(Modifier::BOLD),
            ));
        }
        let text = escape::for_terminal(&section.text);
        lines.extend(wrapped(&text, width).into_iter().map(Line::raw));
    }
    let tall = usize::from(area.height.saturating_sub(2));
    let most = lines.len().saturating_sub(tall);
    let at = &mut front.scroll[pane as usize];
    *at = (*at).min(most);
    let below = most - *at;
    let title = match pane {
        Pane::About => "Question and answer",
        Pane::Said => "Claim and debate",
    };
    let more = match below {
        0 => String::new(),
        n => format!(" {n} more "),
    };
    let focus = if front.pane == pane {
        Style::new().add_modifier(Modifier::BOLD)
    } else {
        dim()
    };
    let block = Block::bordered()
        .title(title)
        .title_bottom(more)
        .border_style(focus);
    let shown: Vec<Line<'_>> = lines.into_iter().skip(*at).take(tall).collect();
    frame.render_widget(Paragraph::new(shown).block(block), area);
}

fn choice<'t>(front: &Front<'_>) -> Paragraph<'t> {
    let draft = front.session.draft();
    let choices = front.session.choices().into_iter().enumerate();
    let mut lines: Vec<Line<'_>> = choices
        .map(|(at, (word, meaning))| {
            let chosen = draft.verdict.as_deref() == Some(word);
            let mark = if chosen { '*' } else { ' ' };
            let style = if chosen {
                Style::new().add_modifier(Modifier::BOLD)
            } else {
                Style::new()
            };
            Line::from(vec![
                Span::styled(format!("{mark}{} {word:<24}", at + 1), style),
                Span::styled(meaning, dim()),
            ])
        })
        .collect();
    let (comment, cursor) = match &front.mode {
        Mode::Comment(text) => (text.clone(), "_"),
        _ => (draft.comment.clone(), ""),
    };
    let comment = escape::for_line(&comment).into_owned();
    lines.push(Line::raw(format!(
        " confidence {}   comment: {comment}{cursor}",
        draft.confidence
    )));
    lines.push(match &front.mode {
        Mode::Jump(digits) => Line::raw(format!(" go to claim: {digits}_")),
        _ => Line::styled(
            format!(" {}", escape::for_line(&front.news)),
            Style::new().add_modifier(Modifier::BOLD),
        ),
    });
    Paragraph::new(lines).block(Block::bordered().title("Your label"))
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn reversed() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// The lines of a text, broken at spaces where there are any, so that none is wider than `width` cells.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let cells = |c: char| c.width().unwrap_or(0);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut rest: String = line.replace('\t', "    ");
        loop {
            let (mut used, mut end, mut space) = (0, rest.len(), None);
            for (at, c) in rest.char_indices() {
                if used + cells(c) > width {
                    end = at;
                    break;
                }
                used += cells(c);
                if c == ' ' {
                    space = Some(at);
                }
            }
            // A character that is wider than everything still has to go somewhere.
            let first = rest.chars().next().map_or(1, char::len_utf8);
            if end.max(first) >= rest.len() {
                break;
            }
            let fits = rest.get(end..).is_some_and(|after| after.starts_with(' '));
            let cut = if fits {
                end
            } else {
                space.filter(|at| *at > 0).unwrap_or(end)
            }
            .max(first);
            let after = rest.split_off(cut);
            lines.push(rest.trim_end().to_owned());
            rest = after.strip_prefix(' ').map_or(after.clone(), str::to_owned);
        }
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_never_too_wide() {
        let lines = |text: &str, width| wrapped(text, width);
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("one two three", 6), ["one", "two", "three"]);
        assert_eq!(lines("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(lines("", 4), [""]);
        // Two cells each.
        assert_eq!(lines("日本語です", 4), ["日本", "語で", "す"]);
        assert_eq!(lines("日本", 1), ["日", "本"]);
    }
}
