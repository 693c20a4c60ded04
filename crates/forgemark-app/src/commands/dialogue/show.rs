//! `forgemark dialogue show DIR [ID]`

use std::fmt::Write as _;
use std::path::Path;

use forgemark_contract::dialogue::{ConversationFile, IndexRow, Turn, derive};
use forgemark_contract::json::{self, Json};

use crate::Context;
use crate::cli::DialogueShowArgs;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// Lists conversations, or shows one with its evidence.
///
/// # Errors
/// A folder without conversations, an id that is not there, a file that is damaged.
pub fn run(args: &DialogueShowArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    match &args.id {
        None => list(args, context),
        Some(id) => one(&args.dir, id, args.json.json, context),
    }
}

fn list(args: &DialogueShowArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    use std::io::BufRead as _;
    let path = args.dir.join("conversations_index.jsonl");
    let failed = |source| AppError::Io {
        action: "read",
        path: path.clone(),
        source,
    };
    let file = std::fs::File::open(&path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => AppError::new(
            ErrorKind::NotFound,
            format!("there are no conversations in {}", args.dir.display()),
        )
        .hint("name the output folder of a run (`saving.output_dir`)"),
        _ => failed(source),
    })?;
    let reader = std::io::BufReader::new(file);
    let mut table = Table::new(&[
        ("conversation", Align::Left),
        ("language", Align::Left),
        ("turns", Align::Right),
        ("status", Align::Left),
        ("score", Align::Right),
        ("support", Align::Right),
        ("first question", Align::Left),
    ]);
    let (mut shown, mut total) = (0_usize, 0_usize);
    for (number, line) in reader.split(b'\n').enumerate() {
        let line = line.map_err(failed)?;
        if line.is_empty() {
            continue;
        }
        total += 1;
        if shown >= args.limit {
            continue;
        }
        shown += 1;
        let row = json::parse(&line)
            .map_err(|error| error.to_string())
            .and_then(|value| IndexRow::from_json(&value).map_err(|error| error.to_string()))
            .map_err(|what| damaged(&path, number + 1, &what))?;
        let ours = row.forgemark.as_ref();
        let status = ours.map_or("", |ours| ours.str_or("status", ""));
        let reason = ours.map_or("", |ours| ours.str_or("drop_reason", ""));
        let status = if reason.is_empty() {
            status.to_owned()
        } else {
            format!("{status}: {reason}")
        };
        let file = read(&args.dir, &row.conversation_id).ok();
        let summary = file.as_ref().and_then(|file| file.forgemark.as_ref());
        let number = |key: &str| {
            summary
                .and_then(|summary| summary.get(key)?.as_f64())
                .map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
        };
        let first = file
            .as_ref()
            .and_then(|file| file.turns.first())
            .and_then(|turn| derive::user_message(turn))
            .unwrap_or_default();
        let turns = file.as_ref().map_or(0, |file| file.turns.len());
        table.row([
            row.conversation_id.as_str(),
            &row.language,
            &format!("{turns}/{}", row.n_turns),
            &status,
            &number("judge_score"),
            &number("support"),
            &escape::truncate(&escape::for_line(&first), 60),
        ]);
    }
    if total == 0 {
        return Err(AppError::new(
            ErrorKind::NotFound,
            format!("there is no conversation in {}", args.dir.display()),
        ));
    }
    context.printer.result(table.to_string())?;
    if total > shown {
        context
            .printer
            .note(format!("{} more; --limit N shows more", total - shown));
    }
    context.printer.note(format!(
        "next: forgemark dialogue show {} ID",
        args.dir.display()
    ));
    Ok(Exit::Done)
}

fn damaged(path: &Path, line: usize, what: &str) -> AppError {
    AppError::new(
        ErrorKind::Damaged,
        format!("{}:{line}: {what}", path.display()),
    )
    .hint("`forgemark validate` lists everything that is wrong with the folder")
}

fn read(dir: &Path, id: &str) -> Result<ConversationFile, AppError> {
    // An id is a file name here, so it must not be able to name anything else.
    if id.contains(['/', '\\']) || id.starts_with('.') {
        return Err(AppError::new(
            ErrorKind::Usage,
            format!("{id:?} is not a conversation id"),
        ));
    }
    let path = dir.join("conversations").join(format!("{id}.json"));
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(AppError::new(
                ErrorKind::NotFound,
                format!("there is no conversation {id} in {}", dir.display()),
            )
            .hint(format!(
                "`forgemark dialogue show {}` lists them",
                dir.display()
            )));
        }
        Err(source) => {
            return Err(AppError::Io {
                action: "read",
                path,
                source,
            });
        }
    };
    json::parse(&bytes)
        .map_err(|error| error.to_string())
        .and_then(|value| ConversationFile::from_json(&value).map_err(|error| error.to_string()))
        .map_err(|what| damaged(&path, 1, &what))
}

fn one(dir: &Path, id: &str, as_json: bool, context: &Context<'_>) -> Result<Exit, AppError> {
    let file = read(dir, id)?;
    if as_json {
        context.printer.json_line(&file)?;
        return Ok(Exit::Done);
    }
    context.printer.result_raw(&render(&file))?;
    Ok(Exit::Done)
}

/// A conversation as text, with everything from models and documents escaped.
fn render(file: &ConversationFile) -> String {
    let mut out = String::new();
    let line = |text: &str| escape::for_line(text).into_owned();
    let _ = writeln!(out, "conversation  {}", line(&file.conversation_id));
    let _ = writeln!(out, "language      {}", line(&file.language));
    for (side, text) in [
        ("user", &file.personas.user),
        ("assistant", &file.personas.assistant),
    ] {
        if !text.is_empty() {
            let _ = writeln!(out, "{side:<12}  {}", line(text));
        }
    }
    if let Some(ours) = &file.forgemark {
        let reason = ours.str_or("drop_reason", "");
        let _ = writeln!(
            out,
            "status        {} {}",
            ours.str_or("status", ""),
            line(reason)
        );
        if let Some(detail) = ours
            .get("drop")
            .and_then(|drop| drop.get("detail")?.as_str())
        {
            let _ = writeln!(out, "              {}", line(detail));
        }
    }
    for turn in &file.turns {
        render_turn(&mut out, turn);
    }
    if let Some(score) = file.conversation_judge.get("score").and_then(Json::as_f64) {
        let notes = file.conversation_judge.str_or("notes", "");
        let _ = writeln!(out, "\njudge of the conversation: {score} {}", line(notes));
    }
    out
}

fn indented(text: &str) -> String {
    escape::for_terminal(text)
        .lines()
        .collect::<Vec<_>>()
        .join("\n    ")
}

fn render_turn(out: &mut String, turn: &Turn) {
    let question = derive::user_message(turn).unwrap_or_default();
    let answer = derive::assistant_message(turn).unwrap_or_default();
    let _ = writeln!(out, "\n[{}] {}", turn.turn_index, turn.question_mode);
    let _ = writeln!(out, "  Q {}", indented(&question));
    for event in &turn.tool_events {
        let query = event.arguments.str_or("query", "");
        let found: Vec<String> = event
            .result
            .items("results")
            .iter()
            .map(|hit| match hit.get("link") {
                Some(link) => link.to_text().unwrap_or_default().into_owned(),
                None => format!(
                    "{}#chunk{}",
                    hit.str_or("source", "?"),
                    hit.i64_or("chunk_index", -1)
                ),
            })
            .collect();
        let found = found.join(", ");
        let _ = writeln!(
            out,
            "  tool {} {:?} -> {}",
            escape::for_line(&event.name),
            escape::for_line(query),
            escape::for_line(match event.result.at("error").as_str() {
                Some(error) => error,
                None => &found,
            })
        );
    }
    let _ = writeln!(out, "  A {}", indented(&answer));
    if let Some(score) = turn.qa_judge.get("score").and_then(Json::as_f64) {
        let reasons: Vec<&str> = turn
            .qa_judge
            .items("reasons")
            .iter()
            .filter_map(Json::as_str)
            .collect();
        let _ = writeln!(
            out,
            "  judge {score} {} {}",
            escape::for_line(&reasons.join(", ")),
            escape::for_line(turn.qa_judge.str_or("notes", ""))
        );
    }
    let Some(ours) = &turn.forgemark else { return };
    if let Some(error) = ours.get("judge_error") {
        let _ = writeln!(
            out,
            "  judge failed: {}",
            escape::for_line(error.str_or("detail", ""))
        );
    }
    if let Some(support) = ours.get("support") {
        let score = support.get("score").and_then(Json::as_f64);
        let _ = writeln!(
            out,
            "  support {}",
            score.map_or_else(|| "-".to_owned(), |score| format!("{score:.3}"))
        );
        for claim in support.items("claims") {
            let place = evidence_name(ours, claim.str_or("topic_id", ""));
            let score = claim.get("score").and_then(Json::as_f64).unwrap_or(0.0);
            let _ = writeln!(
                out,
                "    {score:.2} {} <- {}",
                escape::truncate(&escape::for_line(claim.str_or("claim", "")), 90),
                escape::for_line(&place)
            );
        }
    }
    let names: Vec<String> = ours
        .items("evidence")
        .iter()
        .map(|entry| {
            let page = entry
                .get("page")
                .and_then(Json::as_i64)
                .map_or_else(String::new, |page| format!(" p. {page}"));
            format!("{}{page}", entry.str_or("source", ""))
        })
        .collect();
    let _ = writeln!(out, "  evidence {}", escape::for_line(&names.join(", ")));
    for page in ours.items("evidence") {
        let Some(snippet) = page.at("snippet").as_str() else {
            continue;
        };
        let _ = writeln!(
            out,
            "  web {} {:?}: {}",
            escape::for_line(page.str_or("source", "")),
            escape::for_line(page.str_or("title", "")),
            escape::truncate(&escape::for_line(snippet), 200)
        );
    }
    for flag in ours.items("flags").iter().filter_map(Json::as_str) {
        let _ = writeln!(out, "  note {}", escape::for_line(flag));
    }
}

/// Where a passage of the evidence comes from.
fn evidence_name(ours: &Json, topic: &str) -> String {
    ours.items("evidence")
        .iter()
        .find(|entry| entry.str_or("topic_id", "") == topic)
        .map_or_else(
            || "no passage".to_owned(),
            |entry| entry.str_or("source", "").to_owned(),
        )
}
