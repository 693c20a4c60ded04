//! The client against a server of somebody else: `server_checks WIRE CHAT_URL MODEL KEY [EMBEDDINGS_URL]`.
//!
//! `tests/servers` starts the servers and runs it. Each line that it prints is a check that held, or what the server does not
//! have; the first one that does not hold ends it with exit code 1. The server takes `KEY` and no other
//! one; where it takes any, `KEY` is empty.

#![expect(
    clippy::print_stdout,
    reason = "a program of checks speaks to the one who started it"
)]

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forgemark_contract::json::parse_str;
use forgemark_contract::time::Timestamp;
use forgemark_journal::{DiskStorage, Journal, OpenOptions};
use forgemark_model::schema::{list, object, text};
use forgemark_model::{
    Backend, Budget, CallError, Called, Caller, CallerConfig, ChatReply, ChatRequest, Clock, Embed,
    EmbedError, EndpointConfig, EndpointError, ErrorKind, FailureKind, Finish, HttpConfig,
    HttpEmbedder, Message, ModelConfig, Params, ReplyFormat, Retry, RoleConfig, Secret, ToolChoice,
    ToolSpec, Wire, list_models,
};

type Checked = Result<(), Box<dyn Error>>;

fn main() -> Checked {
    let args: Vec<String> = env::args().skip(1).collect();
    let [wire, url, model, key, rest @ ..] = args.as_slice() else {
        return Err("usage: server_checks WIRE CHAT_URL MODEL KEY [EMBEDDINGS_URL]".into());
    };
    let folder = tempfile::tempdir()?;
    let server = Server {
        wire: Wire::from_word(wire).ok_or("the wire is openai or anthropic")?,
        url: url.clone(),
        model: model.clone(),
        key: key.clone(),
        journal: open(folder.path())?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        server.all().await?;
        match rest.first() {
            Some(url) => server.vectors(url).await,
            None => Ok(()),
        }
    })
}

fn open(folder: &Path) -> Result<Journal, Box<dyn Error>> {
    let options = OpenOptions::default();
    Ok(Journal::open(Arc::new(DiskStorage), folder, options)?.0)
}

fn clock() -> Clock {
    Arc::new(|| Timestamp::from_epoch_seconds(1_900_000_000))
}

/// A check that held.
fn held(what: &str) {
    println!("ok {what}");
}

fn holds(condition: bool, what: &str, found: &impl Debug) -> Checked {
    if condition {
        Ok(())
    } else {
        let found: String = format!("{found:?}").chars().take(2_000).collect();
        Err(format!("{what}: {found}").into())
    }
}

fn ask(words: &str) -> ChatRequest {
    ChatRequest::new(vec![Message::user(words)], 0)
}

/// A server, and how to reach it.
struct Server {
    wire: Wire,
    url: String,
    model: String,
    key: String,
    journal: Journal,
}

impl Server {
    fn endpoint(&self, url: &str, key: &str) -> EndpointConfig {
        EndpointConfig {
            wire: self.wire,
            api_key: (!key.is_empty()).then(|| Secret::new(key)),
            ..EndpointConfig::new("here", url)
        }
    }

    fn caller_at(
        &self,
        endpoint: EndpointConfig,
        model: &str,
        params: Params,
    ) -> Result<Caller, Box<dyn Error>> {
        let retry = Retry {
            backoff: Duration::from_millis(50),
            give_up_after: Duration::from_secs(20),
            ..Retry::default()
        };
        let model = ModelConfig {
            model: model.to_owned(),
            backend: Backend::Http(vec![endpoint]),
            prices: None,
            retry,
        };
        let role = RoleConfig {
            model: "main".to_owned(),
            params,
            attempt_timeout: None,
        };
        let config = CallerConfig {
            models: BTreeMap::from([("main".to_owned(), model)]),
            roles: BTreeMap::from([("user".to_owned(), role)]),
            services: BTreeMap::new(),
            budget: Budget::default(),
            http: HttpConfig::default(),
        };
        Ok(Caller::new(&config, self.journal.clone(), clock())?)
    }

    fn caller(&self, params: Params) -> Result<Caller, Box<dyn Error>> {
        self.caller_at(self.endpoint(&self.url, &self.key), &self.model, params)
    }

    async fn call(&self, params: &Params, request: &ChatRequest) -> Result<Called, Box<dyn Error>> {
        let called = self
            .caller(params.clone())?
            .call("user", "check/1", request)
            .await?;
        called.durable.clone().await?;
        Ok(called)
    }

    async fn reply(
        &self,
        params: &Params,
        request: &ChatRequest,
    ) -> Result<ChatReply, Box<dyn Error>> {
        Ok(self.call(params, request).await?.outcome?)
    }

    async fn all(&self) -> Checked {
        self.listed().await?;
        let reply = self.chat().await?;
        self.again(&reply).await?;
        self.length().await?;
        match self.wire {
            Wire::OpenAi => self.stop().await?,
            Wire::Anthropic => self.stop_without_seed().await?,
        }
        self.at_the_same_time().await?;
        self.schema().await?;
        self.json_object().await?;
        self.tools().await?;
        self.long().await?;
        self.refused_key().await?;
        self.wrong_address().await?;
        self.unknown_model().await
    }

    async fn listed(&self) -> Checked {
        let endpoint = self.endpoint(&self.url, &self.key);
        let names = list_models(&endpoint, &HttpConfig::default(), Duration::from_secs(20)).await?;
        holds(names.contains(&self.model), "the list of models", &names)?;
        held("the list of models names the model");
        Ok(())
    }

    async fn chat(&self) -> Result<ChatReply, Box<dyn Error>> {
        let called = self.call(&plain(), &ask("Which valve leaks?")).await?;
        holds(!called.replayed, "a first call is sent", &called)?;
        let reply = called.outcome?;
        holds(
            reply.finish == Finish::Stop && !reply.content.trim().is_empty(),
            "a reply",
            &reply,
        )?;
        let said = &reply.tree;
        let raw = match self.wire {
            Wire::OpenAi => said.items("choices")[0].at("message").str_or("content", ""),
            Wire::Anthropic => said.items("content")[0].str_or("text", ""),
        };
        holds(reply.content == raw, "the text of the reply", &reply)?;
        let usage = said.at("usage");
        let count = |key: &str| usage.at(key).as_u64().unwrap_or(0);
        let (prompt, completion) = match self.wire {
            Wire::OpenAi => (count("prompt_tokens"), count("completion_tokens")),
            Wire::Anthropic => {
                let cached =
                    count("cache_read_input_tokens") + count("cache_creation_input_tokens");
                (count("input_tokens") + cached, count("output_tokens"))
            }
        };
        holds(
            reply.usage_known
                && prompt > 0
                && completion > 0
                && (reply.usage.prompt, reply.usage.completion) == (prompt, completion)
                && called.usage == reply.usage,
            "the tokens",
            &reply,
        )?;
        held("a reply, its text and its tokens are those of the body");
        Ok(reply)
    }

    async fn again(&self, first: &ChatReply) -> Checked {
        let again = self.call(&plain(), &ask("Which valve leaks?")).await?;
        let body = again.outcome.as_ref().map(|reply| &reply.body);
        holds(
            again.replayed && body == Ok(&first.body),
            "the same call comes from the journal",
            &again,
        )?;
        held("the same call is not sent again");
        Ok(())
    }

    async fn length(&self) -> Checked {
        let params = Params {
            max_tokens: Some(3),
            ..forced()
        };
        let reply = self.reply(&params, &ask("Say much.")).await?;
        let kind = reply.failure().map(|failure| failure.kind);
        holds(
            kind == Some(FailureKind::Length) && reply.usage.completion == 3,
            "a reply cut at 3 tokens",
            &reply,
        )?;
        held("max_tokens cuts the reply, and a cut reply is a typed failure");
        Ok(())
    }

    async fn stop(&self) -> Checked {
        for sample in 0..20 {
            let request = ChatRequest {
                sample,
                ..ask("Say something.")
            };
            let whole = self.reply(&plain(), &request).await?.content;
            // A word that is not the first one and occurs once, so that it is plain where the reply has to end.
            let words: Vec<&str> = whole
                .split(' ')
                .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
                .collect();
            let once = |word: &&&str| whole.matches(**word).count() == 1;
            let Some(word) = words.iter().skip(1).find(once) else {
                continue;
            };
            let params = Params {
                stop: vec![(*word).to_owned()],
                ..plain()
            };
            let cut = self.reply(&params, &request).await?;
            let expected = whole.split(word).next().unwrap_or_default().trim_end();
            holds(
                cut.content.trim_end() == expected && cut.finish == Finish::Stop,
                &format!("{whole:?}, stopped at {word:?}"),
                &cut,
            )?;
            held("the same seed gives the same text, and a stop word ends it");
            return Ok(());
        }
        Err("no reply has a word to stop at".into())
    }

    /// The same where no seed can be sent: some reply says itself that a stop word ended it.
    async fn stop_without_seed(&self) -> Checked {
        let stop = "which what when where how why does must can the".split(' ');
        let params = Params {
            stop: stop.map(str::to_owned).collect(),
            ..plain()
        };
        for sample in 0..40 {
            let request = ChatRequest {
                sample,
                ..ask("Say something.")
            };
            let reply = self.reply(&params, &request).await?;
            let said = params.stop.iter().any(|word| reply.content.contains(word));
            holds(!said, "text before a stop word", &reply)?;
            if !reply.tree.at("stop_sequence").is_null() {
                holds(reply.finish == Finish::Stop, "a stop word", &reply)?;
                held("a stop word ends the text, and the server says so");
                return Ok(());
            }
        }
        Err("no reply was ended by a stop word".into())
    }

    async fn at_the_same_time(&self) -> Checked {
        let caller = self.caller(plain())?;
        let requests: Vec<ChatRequest> = (100..108)
            .map(|sample| ChatRequest {
                sample,
                ..ask("Which one?")
            })
            .collect();
        let calls = requests
            .iter()
            .map(|request| caller.call("user", "check/2", request));
        let mut texts = Vec::new();
        for called in futures_util::future::join_all(calls).await {
            texts.push(called?.outcome?.content);
        }
        texts.sort();
        texts.dedup();
        holds(texts.len() > 4, "eight samples differ", &texts)?;
        held("eight calls at the same time, with samples of their own");
        Ok(())
    }

    async fn schema(&self) -> Checked {
        let schema = object([("name", text()), ("parts", list(text()))]);
        let request = ChatRequest {
            format: ReplyFormat::JsonSchema {
                name: "parts".to_owned(),
                schema: schema.into(),
            },
            ..ask("Name the parts as JSON.")
        };
        let reply = self.reply(&plain(), &request).await?;
        if self.wire == Wire::Anthropic {
            println!("not here: schemas of replies");
            return Ok(());
        }
        let json = parse_str(&reply.content)?;
        let keys: Vec<&str> = json
            .as_object()
            .map_or_else(Vec::new, |o| o.keys().collect());
        let list = json.at("parts").as_array();
        holds(
            keys == ["name", "parts"] && list.is_some() && json.at("name").as_str().is_some(),
            "a reply after its schema",
            &reply,
        )?;
        held("a schema is sent, and the reply follows it");
        Ok(())
    }

    async fn json_object(&self) -> Checked {
        if self.wire == Wire::Anthropic {
            println!("not here: replies as JSON objects");
            return Ok(());
        }
        for sample in 0..8 {
            let request = ChatRequest {
                format: ReplyFormat::JsonObject,
                sample,
                ..ask("Any JSON object.")
            };
            let reply = self.reply(&plain(), &request).await?;
            if reply.finish == Finish::Length {
                // The object may be a large one.
                continue;
            }
            let json = parse_str(&reply.content)?;
            holds(json.as_object().is_some(), "a JSON object", &reply)?;
            held("a JSON object is asked for, and comes");
            return Ok(());
        }
        Err("no JSON object has an end".into())
    }

    async fn tools(&self) -> Checked {
        let tool = ToolSpec {
            name: "search".to_owned(),
            description: "Searches.".to_owned(),
            parameters: object([("query", text())]).into(),
        };
        let request = ChatRequest {
            tools: vec![tool],
            tool_choice: ToolChoice::Required,
            ..ask("Search for a valve.")
        };
        // Room for words before the call: the model begins one with every fiftieth word.
        let params = Params {
            max_tokens: Some(4_000),
            ..plain()
        };
        let reply = self.reply(&params, &request).await?;
        let Some(call) = reply.tool_calls.first() else {
            holds(
                reply.finish == Finish::Stop && !reply.content.trim().is_empty(),
                "text in place of a call",
                &reply,
            )?;
            println!("not here: tool calls; the reply is text");
            return Ok(());
        };
        let arguments = parse_str(&call.arguments)?;
        holds(
            reply.finish == Finish::ToolCalls
                && call.name == "search"
                && !call.id.is_empty()
                && arguments.at("query").as_str().is_some(),
            "a tool call",
            &reply,
        )?;
        // What a tool found goes back under the call's id, and the model goes on.
        let mut next = request.clone();
        next.tool_choice = ToolChoice::None;
        next.messages.push(reply.to_message());
        next.messages
            .push(Message::tool(&call.id, "search", "The blue valve leaks."));
        let last = self.reply(&plain(), &next).await?;
        // llama.cpp knows `tool_choice: none` in chat completions and not in messages.
        let may_call = self.wire == Wire::Anthropic;
        holds(
            last.usage.prompt > reply.usage.prompt && (may_call || last.tool_calls.is_empty()),
            "the reply after a tool's result",
            &last,
        )?;
        held("a tool is called, and its result is taken back");
        Ok(())
    }

    async fn long(&self) -> Checked {
        let long = "valve ".repeat(20_000);
        let called = self.call(&plain(), &ask(&long)).await?;
        let kind = called.outcome.as_ref().map_err(|failure| failure.kind);
        holds(
            kind.is_err_and(|kind| kind == FailureKind::ContextLength),
            "a request longer than the context",
            &called.outcome.map(|reply| reply.content),
        )?;
        let trimmed = ChatRequest {
            messages: vec![
                Message::user(long),
                Message::assistant("Yes."),
                Message::user("And now?"),
            ],
            droppable: 0..2,
            ..ask("")
        };
        let reply = self.reply(&plain(), &trimmed).await?;
        holds(
            reply.usage.prompt < 1_000,
            "a trimmed request",
            &reply.usage,
        )?;
        held("a request that is too long is trimmed where it may be, else a typed failure");
        Ok(())
    }

    /// The error of a call that no endpoint can serve.
    async fn unusable(&self, caller: &Caller) -> Result<EndpointError, Box<dyn Error>> {
        match caller.call("user", "check/3", &ask("Are you there?")).await {
            Err(CallError::Unusable(error)) => Ok(error),
            other => Err(format!("such a call cannot be served: {other:?}").into()),
        }
    }

    async fn refused_key(&self) -> Checked {
        if self.key.is_empty() {
            println!("not here: keys");
            return Ok(());
        }
        let wrong = "a-wrong-key-0123456789";
        let caller = self.caller_at(self.endpoint(&self.url, wrong), &self.model, plain())?;
        let error = self.unusable(&caller).await?;
        holds(
            kind(&error) == Some(ErrorKind::Auth) && !error.to_string().contains(wrong),
            "a wrong key",
            &error,
        )?;
        held("a wrong key is named as such, and not shown");
        Ok(())
    }

    async fn wrong_address(&self) -> Checked {
        let url = format!("{}/nowhere/v1", self.url.trim_end_matches("/v1"));
        let caller = self.caller_at(self.endpoint(&url, &self.key), &self.model, plain())?;
        let error = self.unusable(&caller).await?;
        holds(
            kind(&error) == Some(ErrorKind::NoRoute),
            "a wrong address",
            &error,
        )?;
        held("an address without a chat service is named as such");
        Ok(())
    }

    async fn unknown_model(&self) -> Checked {
        let endpoint = self.endpoint(&self.url, &self.key);
        let caller = self.caller_at(endpoint, "absent-1", plain())?;
        let request = ask("Who are you?");
        match caller.call("user", "check/4", &request).await {
            Ok(called) => {
                let reply = called.outcome?;
                holds(!reply.content.trim().is_empty(), "a reply", &reply)?;
                println!("not here: names of models; any one is served");
            }
            Err(CallError::Unusable(error)) => {
                holds(
                    kind(&error) == Some(ErrorKind::NoModel),
                    "an unknown model",
                    &error,
                )?;
                held("an unknown model is named as such");
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    async fn vectors(&self, url: &str) -> Checked {
        let make = |url: &str| {
            let endpoint = self.endpoint(url, &self.key);
            let retry = Retry {
                give_up_after: Duration::from_secs(20),
                ..Retry::default()
            };
            HttpEmbedder::new(
                &self.model,
                None,
                &endpoint,
                &HttpConfig::default(),
                retry,
                clock(),
            )
        };
        let texts: Vec<String> = ["a blue valve", "a red belt", "a blue valve"]
            .map(str::to_owned)
            .into();
        let model = make(url)?;
        let vectors = model.embed(&texts).await?;
        let along = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let square = |v: &[f32]| along(v, v);
        holds(
            vectors.len() == 3
                && vectors
                    .iter()
                    .all(|v| v.len() > 1 && (square(v) - 1.0).abs() < 1e-3)
                && along(&vectors[0], &vectors[2]) > 0.9999
                && along(&vectors[0], &vectors[1]) < 0.99
                && model.spent().calls == 1
                && model.spent().tokens > 3,
            "three vectors of length 1",
            &(
                vectors.iter().map(|v| square(v)).collect::<Vec<_>>(),
                model.spent(),
            ),
        )?;
        held("vectors: one for each text, equal ones for equal texts");
        match make(&self.url)?.embed(&texts).await {
            Err(EmbedError::Unusable(_) | EmbedError::Refused { .. }) => {
                held("a server without vectors is a typed error");
                Ok(())
            }
            other => Err(format!("a server without vectors: {other:?}").into()),
        }
    }
}

/// What the only endpoint said last.
fn kind(error: &EndpointError) -> Option<ErrorKind> {
    error.endpoints.first().and_then(|failure| failure.kind)
}

/// A seed, and room for a whole reply.
fn plain() -> Params {
    Params {
        max_tokens: Some(400),
        seed: Some(11),
        temperature: Some(1.0),
        ..Params::default()
    }
}

/// As [`plain`], with the model's first choice at each step.
fn forced() -> Params {
    Params {
        temperature: Some(0.0),
        ..plain()
    }
}
