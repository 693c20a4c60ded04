//! `forgemark scripted-server`

use std::net::SocketAddr;

use forgemark_contract::json::Json;
use forgemark_model::scripted::{Script, Server, StartError, Stats};
use forgemark_run::Cancel;

use crate::Context;
use crate::cli::ScriptedServerArgs;
use crate::config::document::Document;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::signals;
use crate::table::{Align, Table};

/// Serves until a signal; the first line on stdout is the base URL, the last ones are what was
/// counted. Being stopped is the usual end, so the exit code is 0.
///
/// # Errors
/// A script that cannot be followed, or an address that cannot be listened at.
pub fn run(args: &ScriptedServerArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let script = match &args.script {
        None => Script::new(0),
        Some(path) => {
            let document = Document::read(path)?;
            let script = if document.value.is_null() {
                Ok(Script::new(0))
            } else {
                Script::from_json(&document.value)
            };
            script.map_err(|error| document.error_at(&error.path, &error.what))?
        }
    };
    let address = SocketAddr::new(args.bind, args.port);
    let running = Server::start(&script, address).map_err(start_error)?;
    let stop = Cancel::new();
    signals::drain_on_signal(&context.printer, &stop, "stopping")?;
    if !args.bind.is_loopback() {
        context.printer.warn(format!(
            "{} can be reached by others, and no key is checked",
            running.addr
        ));
    }
    if args.json.json {
        context.printer.json_line(&Json::from([
            ("base_url", running.base_url().into()),
            ("pid", std::process::id().into()),
        ]))?;
    } else {
        context.printer.result(running.base_url())?;
        context.printer.note(format!(
            "serving a scripted model; counters at http://{}/stats; Ctrl-C stops it",
            running.addr
        ));
    }
    let runtime = context.runtime()?;
    runtime.block_on(stop.cancelled());
    let stats = running.stop();
    if args.json.json {
        context.printer.json_line(&stats.to_json())?;
    } else {
        context.printer.result(summary(&stats))?;
    }
    Ok(Exit::Done)
}

fn start_error(error: StartError) -> AppError {
    match error {
        StartError::Listen { address, source } => {
            let taken = source.kind() == std::io::ErrorKind::AddrInUse;
            let error = AppError::new(ErrorKind::Io, format!("cannot listen on {address}"))
                .caused_by(source);
            if taken {
                error.hint("`--port 0` picks a free port")
            } else {
                error
            }
        }
        StartError::Script(error) => AppError::new(ErrorKind::Config, error.to_string()),
        StartError::Thread(source) => {
            AppError::new(ErrorKind::Io, "cannot start the server").caused_by(source)
        }
    }
}

fn summary(stats: &Stats) -> String {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    let mut row = |name: &str, n: u64| table.row([name, &human::count(n)]);
    row("calls", stats.calls);
    row("different calls", stats.distinct_keys);
    row("paid", stats.paid);
    row("paid again", stats.paid_again);
    row("without a reply", stats.unanswered);
    row("most at a time", stats.max_in_flight);
    for (status, n) in &stats.replies_by_status {
        row(&format!("status {status}"), *n);
    }
    for (fault, n) in &stats.faults {
        row(&format!("fault {fault}"), *n);
    }
    table.to_string()
}
