//! `forgemark help [COMMAND or TOPIC]`

use std::fmt::Write as _;

use forgemark_contract::settings::nearest;
use forgemark_model::scripted::Fault;

use crate::Context;
use crate::cli::HelpArgs;
use crate::env::{PREFIX, VARIABLES, generic_name};
use crate::error::{AppError, ErrorKind};
use crate::exit::{self, Exit};
use crate::tables;

const TOPICS: [&str; 3] = ["exit-codes", "environment", "script"];

/// A script with every key.
const SCRIPT: &str = include_str!("help/script.yaml");

/// Prints the help of a command, or a topic.
///
/// # Errors
/// When there is no such command or topic.
pub fn run(args: &HelpArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let text = match args
        .topic
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["exit-codes"] => exit::table_text(),
        ["environment"] => environment(),
        ["script"] => script(),
        path => command(path, context)?,
    };
    context.printer.result_raw(&text)?;
    Ok(Exit::Done)
}

fn command(path: &[&str], context: &Context<'_>) -> Result<String, AppError> {
    let mut root = crate::command(context.build);
    root.build();
    let mut command = &mut root;
    for name in path {
        let names: Vec<String> = command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .map(|sub| sub.get_name().to_owned())
            .chain(TOPICS.map(str::to_owned))
            .collect();
        if command.find_subcommand(name).is_none() {
            let error = AppError::new(
                ErrorKind::Usage,
                format!("there is no command or topic '{name}'"),
            );
            return Err(match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `forgemark help {near}`?")),
                None => error.hint("`forgemark help` lists all commands"),
            });
        }
        command = command
            .find_subcommand_mut(name)
            .ok_or_else(|| AppError::new(ErrorKind::Bug, "a command vanished"))?;
    }
    // Only the whole program has more to say in its long help.
    let help = if path.is_empty() {
        command.render_long_help()
    } else {
        command.render_help()
    };
    Ok(help.ansi().to_string())
}

fn environment() -> String {
    let mut text = String::from("Environment variables:\n");
    let width = VARIABLES
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, meaning) in VARIABLES {
        let _ = writeln!(text, "  {name:width$}  {meaning}");
    }
    let _ = write!(
        text,
        "\nEvery configuration key: {PREFIX} and the key in capitals, `__` for the dots; above the file,\nbelow flags. `{}` sets `run.batch_size`.\n\nOf a `.env` file beside the configuration of a dialogue run, secrets are read (names that end in\n_API_KEY, _TOKEN, _SECRET or _SECRET_KEY) and `LLM_ROLE_API_KEY_ENV`; the real environment wins.\n",
        generic_name("run.batch_size"),
    );
    for table in tables::ALL {
        let _ = write!(
            text,
            "\nShorter names for keys of `forgemark {}`:\n",
            table.name
        );
        for key in table.keys {
            for name in key.env {
                let _ = writeln!(text, "  {name:40}  {}", key.path);
            }
        }
    }
    text
}

/// The example, and the name of every fault as the scripted model knows it.
fn script() -> String {
    let mut text = SCRIPT.to_owned();
    let names: Vec<&str> = Fault::all().iter().map(Fault::name).collect();
    for line in names.chunks(5) {
        let _ = writeln!(text, "#   {}", line.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SourceFile;
    use crate::config::document::Document;
    use forgemark_model::scripted::Script;

    #[test]
    fn the_example_can_be_followed() {
        let text = script();
        assert!(text.ends_with("invented_coverage_target\n"), "{text}");
        let document = Document::parse(&SourceFile {
            name: "script".into(),
            text,
        })
        .unwrap();
        let script = Script::from_json(&document.value).unwrap();
        assert_eq!((script.seed, script.rules.len()), (7, 2));
    }
}
