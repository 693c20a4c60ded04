//! `forgemark dialogue show DIR [ID]`

use std::fmt::Write as _;
use std::path::Path;

use forgemark_contract::dialogue::{ConversationFile, DatasetRow, IndexRow, Turn, derive};
use forgemark_contract::json::{self, Json};
use forgemark_dialogue::check::conversation_file;

use crate::Context;
use crate::cli::DialogueShowArgs;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;
use crate::table::{Align, Table};

/// What the list is read from.
const INDEX: &str = "conversations_index.jsonl";
const DATASET: &str = "synthetic_qa.jsonl";

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

/// A conversation as the list shows it; the file is missing where it is gone.
struct Listed {
    id: String,
    language: String,
    n_turns: i64,
    status: String,
    drop_reason: String,
    file: Option<ConversationFile>,
}

impl Listed {
    fn of_index(dir: &Path, value: &Json) -> Result<Self, String> {
        let row = IndexRow::from_json(value).map_err(|error| error.to_string())?;
        let ours = row.forgemark.as_ref();
        let word =
            |key: &str| ours.map_or_else(String::new, |ours| ours.str_or(key, "").to_owned());
        Ok(Self {
            file: read(dir, &row.conversation_id).ok(),
            language: row.language,
            n_turns: row.n_turns,
            status: word("status"),
            drop_reason: word("drop_reason"),
            id: row.conversation_id,
        })
    }

    fn of_row(value: &Json) -> Result<Self, String> {
        let row = DatasetRow::from_json(value).map_err(|error| error.to_string())?;
        let file = conversation_file(&row);
        let ours = file.forgemark.as_ref();
        let word =
            |key: &str| ours.map_or_else(String::new, |ours| ours.str_or(key, "").to_owned());
        Ok(Self {
            id: file.conversation_id.clone(),
            language: file.language.clone(),
            n_turns: file.n_turns,
            status: word("status"),
            drop_reason: word("drop_reason"),
            file: Some(file),
        })
    }
}

fn list(args: &DialogueShowArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    use std::io::BufRead as _;
    // Without one of the two the rows say it all: a run may leave files out (`saving.artifacts`).
    let from_index = args.dir.join(INDEX).is_file() && args.dir.join("conversations").is_dir();
    let path = args.dir.join(if from_index { INDEX } else { DATASET });
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
        let listed = json::parse(&line)
            .map_err(|error| error.to_string())
            .and_then(|value| {
                if from_index {
                    Listed::of_index(&args.dir, &value)
                } else {
                    Listed::of_row(&value)
                }
            })
            .map_err(|what| damaged(&path, number + 1, &what))?;
        let status = if listed.drop_reason.is_empty() {
            listed.status
        } else {
            format!("{}: {}", listed.status, listed.drop_reason)
        };
        let file = listed.file;
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
            listed.id.as_str(),
            &listed.language,
            &format!("{turns}/{}", listed.n_turns),
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

/// The conversation of an id from the rows, for a folder without its file.
fn from_rows(dir: &Path, id: &str) -> Result<Option<ConversationFile>, AppError> {
    use std::io::BufRead as _;
    let path = dir.join(DATASET);
    let failed = |source| AppError::Io {
        action: "read",
        path: path.clone(),
        source,
    };
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    for line in std::io::BufReader::new(file).split(b'\n') {
        let line = line.map_err(failed)?;
        // Only a row that has the id somewhere is read.
        if !line.windows(id.len()).any(|part| part == id.as_bytes()) {
            continue;
        }
        let row = json::parse(&line).ok();
        if let Some(row) = row.filter(|row| row.str_or("conversation_id", "") == id)
            && let Ok(row) = DatasetRow::from_json(&row)
        {
            return Ok(Some(conversation_file(&row)));
        }
    }
    Ok(None)
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
            if let Some(file) = from_rows(dir, id)? {
                return Ok(file);
            }
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
