//! `forgemark arena label DIR --user NAME`
//!
//! ```text
//! keys ─> front: which keys do what ─> Session (forgemark-arena): queue, view, labels
//!              │
//!              └─> screen: what is drawn ─> terminal: raw mode, alternate screen
//! ```
//!
//! `--list`, `--show` and `--verdict` do the same without a terminal.

mod front;
mod screen;
mod terminal;
mod text;

use forgemark_arena::Adjudicator;
use forgemark_arena::label::{Book, LabelError, QueuePolicy, Session, Sight, Task, check_user};
use forgemark_contract::arena::Label;
use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::nearest;

use super::ground;
use crate::Context;
use crate::assemble::{disk, owner};
use crate::cli::label::ArenaLabelArgs;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// Lets a person label claims, or lists, shows and labels without a terminal.
///
/// # Errors
/// A folder, policy or file of labels that cannot be read, a name or verdict that is none, no terminal, labels that another
/// process has or that cannot be written, a stdout that takes nothing.
pub fn run(args: &ArenaLabelArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    check_user(&args.user).map_err(failed)?;
    let asks = !args.list && args.show.is_none() && args.verdict.is_none();
    if asks {
        terminal::check()?;
    }
    let policy = ground::policy(&args.policy)?;
    let corpus = ground::load(&args.dir, context)?;
    let looks = args.list || args.show.is_some();
    let open = if looks { Book::look } else { Book::open };
    let book = open(disk(), &args.dir, &args.user, &owner()).map_err(failed)?;
    ground::with_docket(&corpus, |docket| {
        let adjudicator = Adjudicator::new(docket, &policy);
        let asked = QueuePolicy::from(args.queue);
        // One claim needs no queue.
        let tasks: Vec<Task> = if asks || args.list {
            forgemark_arena::label::queue(&corpus, &adjudicator, &args.user, asked)
        } else {
            Vec::new()
        };
        let sight = if args.open { Sight::Open } else { Sight::Blind };
        let place = (&*disk(), args.dir.as_path());
        let mut session =
            Session::new(&corpus, &adjudicator, place, &args.user, book, tasks, sight);
        if args.list {
            list(&mut session, args, context)
        } else if let Some(key) = &args.show {
            session.find(key).map_err(failed)?;
            show(&session, args, context)
        } else if let Some(verdict) = &args.verdict {
            save(&mut session, verdict, args, context)
        } else if session.is_empty() {
            let queue = asked.as_str();
            context.printer.result(format!(
                "nothing to label: no claim is in the queue `{queue}`"
            ))?;
            Ok(Exit::Done)
        } else {
            let front = front::Front::new(session, &args.user, asked.as_str());
            let (labelled, all) = terminal::run(front)?;
            let path = args
                .dir
                .join("evaluations")
                .join(format!("{}.json", args.user));
            let text = format!("{labelled} of {all} claims labelled: {}", path.display());
            context.printer.result(escape::for_line(&text))?;
            Ok(Exit::Done)
        }
    })
}

fn list(
    session: &mut Session<'_>,
    args: &ArenaLabelArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let mut rows = Vec::with_capacity(session.len());
    for at in 0..session.len() {
        session.jump(at);
        let (Some(view), Some(task)) = (session.view(), session.task()) else {
            continue;
        };
        rows.push((
            view,
            task.key.answer.question.attempt,
            task.information,
            session.label().cloned(),
        ));
    }
    if args.json.json {
        let rows = rows.into_iter().map(|(view, attempt, information, label)| {
            let mut object = Object::from([
                ("ticket", Json::from(view.ticket)),
                ("kind", Json::from(view.kind.as_str())),
                ("topic", Json::from(view.topic)),
                ("attempt", Json::from(attempt)),
                ("label", label.as_ref().map_or(Json::Null, Label::to_json)),
            ]);
            if let Some(information) = information {
                object.insert("expected_swaps", information.swaps);
                object.insert("expected_elo", information.elo);
            }
            Json::Object(object)
        });
        context.printer.json_line(&Json::Array(rows.collect()))?;
        return Ok(Exit::Done);
    }
    let mut columns = vec![
        ("", Align::Right),
        ("ticket", Align::Left),
        ("claim", Align::Left),
        ("topic", Align::Left),
        ("attempt", Align::Right),
        ("your label", Align::Left),
    ];
    let informed = QueuePolicy::from(args.queue) == QueuePolicy::RankInformation;
    if informed {
        columns.push(("swaps", Align::Right));
        columns.push(("Elo", Align::Right));
    }
    let mut table = Table::new(&columns);
    let labelled = rows.iter().filter(|(.., label)| label.is_some()).count();
    let all = rows.len();
    for (at, (view, attempt, information, label)) in rows.into_iter().enumerate() {
        let verdict = label.map_or(String::new(), |label| label.verdict);
        let mut cells = vec![
            (at + 1).to_string(),
            view.ticket,
            view.kind.as_str().to_owned(),
            view.topic,
            attempt.to_string(),
            verdict,
        ];
        if let Some(found) = information {
            cells.push(format!("{:.2}", found.swaps));
            cells.push(format!("{:.1}", found.elo));
        }
        table.row(cells);
    }
    context.printer.result(table.to_string())?;
    context
        .printer
        .result(format!("{labelled} of {all} labelled"))?;
    Ok(Exit::Done)
}

fn show(
    session: &Session<'_>,
    args: &ArenaLabelArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let Some(view) = session.view() else {
        return Ok(Exit::Bug);
    };
    let reveal = session.reveal();
    if args.json.json {
        context
            .printer
            .json_line(&text::json(&view, reveal.as_ref(), session.label()))?;
        return Ok(Exit::Done);
    }
    let mut sections = text::claim(&view);
    if let Some(label) = session.label() {
        sections.push(text::label(label));
    }
    sections.extend(reveal.iter().flat_map(text::reveal));
    for section in sections {
        let title = escape::for_line(&section.title);
        let body = escape::for_terminal(&section.text);
        context.printer.result(format!("{title}\n\n{body}\n"))?;
    }
    Ok(Exit::Done)
}

fn save(
    session: &mut Session<'_>,
    asked: &str,
    args: &ArenaLabelArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    let Some((key, verdict)) = asked.rsplit_once('=') else {
        let what = format!("'{}' is no KEY=VERDICT", asked.escape_debug());
        return Err(AppError::new(ErrorKind::Usage, what)
            .hint("`--list` shows the tickets of the claims in the queue"));
    };
    session.find(key).map_err(failed)?;
    session.choose(verdict).map_err(failed)?;
    if let Some(confidence) = args.confidence {
        session.set_confidence(confidence).map_err(failed)?;
    }
    if let Some(comment) = &args.comment {
        session.set_comment(comment);
    }
    session.save().map_err(failed)?;
    let ticket = session.view().map_or(String::new(), |view| view.ticket);
    let file = session.file().display().to_string();
    if args.json.json {
        let label = session.label().map_or(Json::Null, Label::to_json);
        context.printer.json_line(&Json::object([
            ("ticket", Json::from(ticket)),
            ("label", label),
            ("file", Json::from(file)),
        ]))?;
    } else {
        let text = format!("{ticket}: {verdict} saved in {file}");
        context.printer.result(escape::for_line(&text))?;
    }
    Ok(Exit::Done)
}

/// What can be done about a label that cannot be made.
fn failed(error: LabelError) -> AppError {
    let message = error.to_string();
    match error {
        LabelError::User { .. } => AppError::new(ErrorKind::Usage, message)
            .hint("the name becomes that of a file, such as `ann` or `a.smith`"),
        LabelError::Lock(error) => error.into(),
        LabelError::Unreadable { source, .. } => AppError::new(ErrorKind::Damaged, message)
            .caused_by(source)
            .hint("restore the file from a copy, or move it away; it was left as it is"),
        LabelError::Read { path, source } => AppError::Io {
            action: "read",
            path,
            source,
        },
        LabelError::Write { path, source } => AppError::Io {
            action: "write",
            path,
            source,
        },
        LabelError::NoClaim { .. } => AppError::new(ErrorKind::NotFound, message)
            .hint("`--list` shows the tickets of the claims in the queue"),
        LabelError::NoVerdict { word, words } => {
            let error = AppError::new(ErrorKind::Usage, message);
            match nearest(&word, words.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the verdicts are {}", words.join(", "))),
            }
        }
        LabelError::Undecided | LabelError::Confidence(_) => {
            AppError::new(ErrorKind::Usage, message)
        }
    }
}

#[cfg(test)]
mod tests;
