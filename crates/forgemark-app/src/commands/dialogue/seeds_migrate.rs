//! `forgemark dialogue seeds-migrate CONFIG`: seed topics of any shape, written as the new version.

use std::fmt::Write as _;
use std::path::Path;

use forgemark_contract::json::{Json, Object};
use forgemark_dialogue::config::SeedFile;
use forgemark_journal::write_atomic;

use crate::Context;
use crate::assemble::{Project, disk};
use crate::cli::seeds::SeedsMigrateArgs;
use crate::config::document::Document;
use crate::config::{SourceFile, seed_file, show};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;

/// Reads the old file, writes the new one, and reads that back.
///
/// # Errors
/// A source that is missing or no seed topics, or a destination that is there.
pub fn run(args: &SeedsMigrateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let project = Project::read(&args.config, &args.set.set, context)?;
    let configured = project
        .loaded
        .settings
        .str("run.data.seeding.topics.path")
        .map_err(|error| project.loaded.explain(&[error]))?;
    let configured = project.path(configured);
    let source = args.source_file.as_deref().unwrap_or(&configured);
    let place = seed_file::find(source);
    if let seed_file::Place::Missing(path) = &place {
        return Err(AppError::new(
            ErrorKind::Config,
            format!("there are no seed topics at {}", path.display()),
        )
        .hint("name the old file or folder with `--source-file`"));
    }
    let file = SeedFile::from_json(&seed_file::read(&place)?).map_err(|error| {
        AppError::new(ErrorKind::Config, format!("{}: {error}", source.display()))
            .hint("the simplest shape is a mapping of topics to lists of questions")
    })?;
    let mut dest = args.dest_file.clone().unwrap_or_else(|| configured.clone());
    if dest.is_dir() {
        dest = dest.join(seed_file::WHOLE);
    }
    if dest.exists() && !args.overwrite {
        return Err(AppError::new(
            ErrorKind::Usage,
            format!("{} is there already", dest.display()),
        )
        .hint("`--overwrite` replaces it, comments are not kept; `--dest-file` names another"));
    }
    let text = yaml(&file.to_json());
    read_back(&dest, &text, &file)?;
    let failed = |source| AppError::Io {
        action: "write",
        path: dest.clone(),
        source,
    };
    let storage = disk();
    if let Some(folder) = dest
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        storage.create_dir_all(folder).map_err(failed)?;
    }
    write_atomic(&*storage, &dest, text.as_bytes()).map_err(failed)?;
    let (variants, topics, questions) = file.counts();
    if args.json.json {
        context.printer.json_line(&Json::object([
            ("source", Json::from(source.display().to_string())),
            ("dest", Json::from(dest.display().to_string())),
            ("variants", Json::from(variants)),
            ("topics", Json::from(topics)),
            ("questions", Json::from(questions)),
        ]))?;
    } else {
        context.printer.result(format!(
            "{}: {variants} variants, {topics} topics, {questions} questions; comments are not kept",
            dest.display()
        ))?;
    }
    Ok(Exit::Done)
}

/// Fails unless the text says what the file said.
fn read_back(dest: &Path, text: &str, file: &SeedFile) -> Result<(), AppError> {
    let written = Document::parse(&SourceFile {
        name: dest.display().to_string(),
        text: text.to_owned(),
    })?;
    match SeedFile::from_json(&written.value) {
        Ok(again) if again == *file => Ok(()),
        _ => Err(AppError::new(
            ErrorKind::Bug,
            "the new seed topics do not read back as the old ones; nothing was written",
        )),
    }
}

/// Mappings and lists one entry a line, so that people can edit them.
fn yaml(value: &Json) -> String {
    let mut out = String::new();
    if let Some(object) = value.as_object() {
        mapping(&mut out, object, 0);
    }
    out
}

fn mapping(out: &mut String, object: &Object, depth: usize) {
    let indent = "  ".repeat(depth);
    for (key, value) in object {
        let key = show::scalar(&Json::from(key));
        // Writing to a string cannot fail.
        match value {
            Json::Object(inner) if inner.iter().next().is_some() => {
                let _ = writeln!(out, "{indent}{key}:");
                mapping(out, inner, depth + 1);
            }
            Json::Array(items) if !items.is_empty() => {
                let _ = writeln!(out, "{indent}{key}:");
                for item in items {
                    let _ = writeln!(out, "{indent}- {}", show::scalar(item));
                }
            }
            other => {
                let _ = writeln!(out, "{indent}{key}: {}", show::scalar(other));
            }
        }
    }
}
