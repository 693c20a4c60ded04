//! `forgemark store embed STORE --model NAME`
//!
//! ```text
//! probes ─ model ─> digest ─ is it the model of the store? ─> rows without a vector ─ batches ─> model ─> one write a batch
//! ```
//!
//! A row is asked for once: its vector is its mark that it is done. So a kill loses one batch, and the same command goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forgemark_contract::json::{Json, Object};
use forgemark_contract::store::probe::{self, PROBES};
use forgemark_contract::store::{self, At, EmbedError, Embedded, RecordStore, VectorModel};
use forgemark_corpus::hashed_words;
use forgemark_model::{
    Embed, EmbedError as ModelError, Embedding, EndpointConfig, ErrorKind as ModelFault,
    HttpEmbedder, Retry, Secret, Spent,
};
use forgemark_run::Cancel;
use tokio::runtime::Runtime;

use super::{open, usage};
use crate::Context;
use crate::cli::store::StoreEmbedArgs;
use crate::clock;
use crate::error::rooms::endpoint_hint;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::network;
use crate::providers;
use crate::signals::drain_on_signal;

/// The model that needs no network.
const HASHED: &str = "hashed";

/// What the store calls it, so that nobody takes its vectors for those of a language model.
const HASHED_NAME: &str = "hashed words (not a semantic model)";

/// The length of its vectors where nobody says another.
const HASHED_DIMENSIONS: u32 = 512;

/// How often progress is said.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Gives vectors to the records that have a text and no vector.
///
/// # Errors
/// A store that cannot be read or written or holds the vectors of another model, and a model that cannot be asked or
/// answers with something else than vectors. What was written before stays.
pub(super) fn run(args: &StoreEmbedArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let store = open(&args.store.store, context)?;
    let model = model(args, &*store, context)?;
    let cancel = Cancel::new();
    drain_on_signal(
        &context.printer,
        &cancel,
        "stopping; what was written stays, and the same command goes on",
    )?;
    let asking = Asking {
        runtime: context.runtime()?,
        model: &*model.asked,
        cancel,
    };
    let known = known(&*store, &asking, model.name, context)?;
    let mut progress = Progress {
        context,
        began: Instant::now(),
        said: Instant::now(),
        texts: 0,
    };
    let mut vectors = |texts: &[String]| {
        let vectors = asking.ask(texts)?;
        progress.add(texts.len());
        Ok(vectors)
    };
    let batch = args.batch as usize;
    let done = store::embed(&*store, &known, &mut vectors, batch, clock::now());
    let done = done.map_err(|error| match error {
        EmbedError::Store(error) => error.into(),
        EmbedError::Model(error) => failed(error, args),
        error @ EmbedError::Answer { .. } => AppError::new(ErrorKind::Endpoint, error.to_string()),
    })?;
    say(&done, &known, model.asked.spent(), args, context)?;
    Ok(Exit::Done)
}

/// A model, and what the store calls it.
struct Model {
    name: String,
    asked: Box<dyn Embed>,
}

fn model(
    args: &StoreEmbedArgs,
    store: &dyn RecordStore,
    context: &Context<'_>,
) -> Result<Model, AppError> {
    if args.model != HASHED {
        return http(args, context);
    }
    if args.endpoint.is_some() || args.api_key_env.is_some() {
        return Err(usage("--model hashed is built in and asks no endpoint")
            .hint("leave out --endpoint and --api-key-env, or name the endpoint's model"));
    }
    let dimensions = match args.dimensions {
        Some(asked) => asked,
        None => (store.snapshot(&At::Latest)?.stats()?.dimensions).unwrap_or(HASHED_DIMENSIONS),
    };
    Ok(Model {
        name: HASHED_NAME.to_owned(),
        asked: Box::new(Hashed(dimensions as usize)),
    })
}

fn http(args: &StoreEmbedArgs, context: &Context<'_>) -> Result<Model, AppError> {
    let provider = providers::by_place(&args.model, args.endpoint.as_deref().unwrap_or(""));
    let base_url = match (&args.endpoint, provider) {
        (Some(url), _) => url.as_str(),
        (None, Some(provider)) => provider.base_url,
        (None, None) => {
            let known = providers::PROVIDERS.iter().map(|provider| provider.name);
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(usage(format!(
                "no endpoint is known for the model {:?}",
                args.model
            ))
            .hint("add --endpoint URL, such as http://127.0.0.1:8080/v1")
            .hint(format!("or put a provider before a slash: {known}"))
            .hint("--model hashed needs no endpoint"));
        }
    };
    let name = provider.map_or(args.model.as_str(), |provider| {
        provider.own_model_name(&args.model)
    });
    let endpoint = EndpointConfig {
        api_key: key(
            args,
            provider.map_or(&[], |provider| provider.key_env),
            context,
        )?,
        ..EndpointConfig::new(provider.map_or("endpoint", |p| p.name), base_url)
    };
    let http = network::http(context.env, None).map_err(|error| {
        AppError::new(ErrorKind::Config, format!("{}: {}", error.path, error.what))
    })?;
    let asked = HttpEmbedder::new(
        name,
        args.dimensions,
        &endpoint,
        &http,
        Retry::default(),
        Arc::new(clock::now),
    )?;
    Ok(Model {
        name: name.to_owned(),
        asked: Box::new(asked),
    })
}

/// The key: of the variable that is named, else of the provider's own.
fn key(
    args: &StoreEmbedArgs,
    own: &[&str],
    context: &Context<'_>,
) -> Result<Option<Secret>, AppError> {
    let named = args.api_key_env.as_deref();
    let variables = named.as_slice();
    let variables = if variables.is_empty() { own } else { variables };
    for variable in variables {
        let value = context.env.get(variable);
        let value = value.map_err(|error| AppError::new(ErrorKind::Config, error.to_string()))?;
        if let Some(value) = value {
            context.printer.hide(value);
            return Ok(Some(Secret::new(value)));
        }
    }
    match variables.first() {
        None => Ok(None),
        Some(variable) => {
            let what = format!("the environment variable {variable} is not set");
            Err(AppError::new(ErrorKind::Config, what).hint(format!(
                "export {variable}, or name another with --api-key-env"
            )))
        }
    }
}

/// The model as the store is to know it. One whose vectors differ in their last bits only keeps the digest that is there.
fn known(
    store: &dyn RecordStore,
    asking: &Asking<'_>,
    name: String,
    context: &Context<'_>,
) -> Result<VectorModel, AppError> {
    let probes = PROBES.map(str::to_owned);
    let vectors = asking.ask(&probes).map_err(|error| match error {
        Stopped::Interrupted => interrupted(),
        Stopped::Model(error) => model_error(&error),
    })?;
    let found = VectorModel {
        name,
        digest: probe::digest(&vectors),
        dimensions: vectors.first().map_or(0, |vector| vector.len() as u32),
    };
    let stats = store.snapshot(&At::Latest)?.stats()?;
    let same = |there: &VectorModel| {
        there.name == found.name
            && there.dimensions == found.dimensions
            && probe::is_same(&there.digest, &vectors)
    };
    if let Some(there) = stats.model {
        if same(&there) {
            return Ok(there);
        }
        if stats.vectors > 0 {
            return Err(other_model(&there, &found));
        }
    } else if stats.vectors > 0 {
        let vectors = human::plural(stats.vectors, "record has a vector", "records have vectors");
        context.printer.warn(format!(
            "{vectors} already, of a model that the store does not know; they are left as they are"
        ));
    }
    if let Some(made_for) = stats.dimensions.filter(|n| *n != found.dimensions) {
        let what = format!(
            "the vectors of {} have {} values, and the store is made for {made_for}",
            found.name, found.dimensions
        );
        return Err(usage(what).hint(format!(
            "--dimensions {made_for}, where the model can shorten its vectors; else use another store"
        )));
    }
    Ok(found)
}

/// The vectors of the store are not of this model.
fn other_model(there: &VectorModel, found: &VectorModel) -> AppError {
    let what = if there.name != found.name {
        format!(
            "the vectors of the store are of {}, and not of {}",
            there.name, found.name
        )
    } else if there.dimensions != found.dimensions {
        format!(
            "the vectors of the store have {} values, and {} makes {} now",
            there.dimensions, found.name, found.dimensions
        )
    } else {
        format!(
            "{} is another model than the one that made the vectors of the store: it makes other vectors of the same texts \
             (digest {}, now {})",
            found.name, there.digest, found.digest
        )
    };
    usage(what)
        .hint("vectors of two models cannot be compared: ask the model of the store")
        .hint("or take the records into another store and embed that")
}

/// A model, and what it takes to wait for it.
struct Asking<'a> {
    runtime: Runtime,
    model: &'a dyn Embed,
    cancel: Cancel,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("stopped before all records had a vector")]
    Interrupted,
    #[error(transparent)]
    Model(ModelError),
}

impl Asking<'_> {
    fn ask(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Stopped> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Stopped::Interrupted),
                vectors = self.model.embed(texts) => vectors.map_err(Stopped::Model),
            }
        })
    }
}

/// The built-in model: words, hashed to so many dimensions.
struct Hashed(usize);

impl Embed for Hashed {
    fn embed<'a>(&'a self, texts: &'a [String]) -> Embedding<'a> {
        let vectors = texts
            .iter()
            .map(|text| hashed_words(text, self.0))
            .collect();
        Box::pin(std::future::ready(Ok(vectors)))
    }

    fn spent(&self) -> Spent {
        Spent::default()
    }
}

struct Progress<'a> {
    context: &'a Context<'a>,
    began: Instant,
    said: Instant,
    texts: u64,
}

impl Progress<'_> {
    fn add(&mut self, texts: usize) {
        self.texts += texts as u64;
        let printer = &self.context.printer;
        if printer.err_is_terminal() && self.said.elapsed() >= PROGRESS_EVERY {
            self.said = Instant::now();
            let time = human::duration(self.began.elapsed());
            let texts = human::plural(self.texts, "text", "texts");
            printer.note(format!("{texts} in {time}"));
        }
    }
}

fn interrupted() -> AppError {
    AppError::new(ErrorKind::Interrupted, Stopped::Interrupted.to_string())
        .hint("what was written stays; the same command goes on")
}

fn failed(error: Stopped, args: &StoreEmbedArgs) -> AppError {
    match error {
        Stopped::Interrupted => interrupted(),
        Stopped::Model(error) => {
            let app = model_error(&error);
            let app = match error {
                ModelError::Refused { texts: 1, .. } => app.hint(
                    "find the record with `forgemark store search`, and shorten, split or delete it; or use a model with a longer context",
                ),
                ModelError::Answer { .. } if args.batch > 1 => app.hint("try a smaller --batch"),
                _ => app,
            };
            app.hint("what was written stays; the same command goes on")
        }
    }
}

fn model_error(error: &ModelError) -> AppError {
    let app = AppError::new(ErrorKind::Endpoint, error.to_string());
    match error {
        ModelError::Unusable(unusable) => {
            let kinds = unusable.endpoints.iter().filter_map(|failure| failure.kind);
            kinds.fold(app, |app, kind| app.hint(hint(kind)))
        }
        ModelError::Refused { .. } | ModelError::Answer { .. } => app,
    }
}

/// What to do about an endpoint that fails in this way.
fn hint(kind: ModelFault) -> &'static str {
    match kind {
        ModelFault::Auth => "check the key; --api-key-env names the variable that holds it",
        ModelFault::NoModel => "check --model: the endpoint does not have it",
        ModelFault::Connect => "start the server, or correct --endpoint",
        ModelFault::NoRoute | ModelFault::NotChat | ModelFault::Cut => {
            "check --endpoint: it must lead to an OpenAI-compatible server with /embeddings, usually with `/v1` at the end"
        }
        ModelFault::RateLimited => "wait, and run the same command again",
        other => endpoint_hint(other),
    }
}

fn say(
    done: &Embedded,
    model: &VectorModel,
    spent: Spent,
    args: &StoreEmbedArgs,
    context: &Context<'_>,
) -> Result<(), AppError> {
    let printer = &context.printer;
    if args.store.json.json {
        printer.json_line(&Json::Object(Object::from([
            ("rows", Json::from(done.rows)),
            ("batches", done.batches.into()),
            ("version", done.version.into()),
            ("model", Json::from(&model.name)),
            ("digest", Json::from(&model.digest)),
            ("dimensions", model.dimensions.into()),
            ("calls", spent.calls.into()),
            ("retries", spent.retries.into()),
            ("tokens", spent.tokens.into()),
            ("calls_without_usage", spent.uncounted.into()),
        ])))?;
        return Ok(());
    }
    let rows = match done.rows {
        0 => "every record with a text has a vector".to_owned(),
        n => format!(
            "{} of {} values by {}",
            human::plural(n, "vector", "vectors"),
            human::count(model.dimensions.into()),
            model.name
        ),
    };
    printer.result(format!("{rows}; version {}", done.version))?;
    if spent.calls > 0 {
        let calls = human::plural(spent.calls, "call", "calls");
        let tokens = match spent.uncounted {
            0 => human::plural(spent.tokens, "token", "tokens"),
            n if n == spent.calls => "tokens not said".to_owned(),
            n => format!(
                "at least {} tokens, {n} calls did not say",
                human::count(spent.tokens)
            ),
        };
        let retries = match spent.retries {
            0 => String::new(),
            n => format!(
                "; {}",
                human::plural(n, "attempt was repeated", "attempts were repeated")
            ),
        };
        printer.result(format!("{calls}, {tokens}{retries}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that never answers.
    struct Silent;

    impl Embed for Silent {
        fn embed<'a>(&'a self, _: &'a [String]) -> Embedding<'a> {
            Box::pin(std::future::pending())
        }

        fn spent(&self) -> Spent {
            Spent::default()
        }
    }

    #[test]
    fn a_stop_ends_a_call_that_waits() {
        let asking = Asking {
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
            model: &Silent,
            cancel: Cancel::new(),
        };
        let cancel = asking.cancel.clone();
        let stop = std::thread::spawn(move || cancel.cancel());
        let stopped = asking.ask(&["a".to_owned()]);
        stop.join().unwrap();
        assert!(matches!(stopped, Err(Stopped::Interrupted)), "{stopped:?}");
        assert_eq!(interrupted().exit(), Exit::Interrupted);
    }
}
