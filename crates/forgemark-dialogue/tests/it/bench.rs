//! A dialogue run over a disk in memory, a small generated corpus and scripted models.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forgemark_contract::json::{self, Json};
use forgemark_contract::settings::{Origin, Resolved};
use forgemark_contract::time::{Clock, Timestamp};
use forgemark_corpus::{Corpus, CorpusOptions, PdfChild};
use forgemark_dialogue::DialogueError;
use forgemark_dialogue::config::{Config, KEYS, Personas, SeedTopics};
use forgemark_dialogue::judge::{self, LateJudge};
use forgemark_dialogue::prompts::Prompts;
use forgemark_dialogue::run::{DialogueRun, Environment, RunOptions, Summary};
use forgemark_journal::{DiskStorage, OpenOptions};
use forgemark_model::scripted::{Dialogue, Engine, Script};
use forgemark_model::{
    Agent, AgentReply, Backend, Budget, CallerConfig, ChatRequest, EndpointConfig, HttpConfig,
    ModelConfig, Params, Prices, ReplyFormat, Retry, RoleConfig, Secret, ServiceConfig, WhenDown,
};
use forgemark_run::Cancel;
use forgemark_testkit::MemDisk;
use forgemark_testkit::aftermath;
pub(crate) use forgemark_testkit::aftermath::assert_same;

/// The output folder of every run here.
pub(crate) const OUT: &str = "/out";

/// Documents of made-up but different sentences. `passages` is about how many chunks each has.
pub(crate) fn corpus(documents: usize, passages: usize) -> Arc<Corpus> {
    corpus_of((0..documents).map(|document| {
        let mut text = String::new();
        for sentence in 0..passages * 9 {
            let n = document * 10_000 + sentence;
            write!(
                text,
                "Valve {n} of section {document} opens at {} bar and feeds line {}. ",
                n % 37 + 1,
                n * 7 % 1_000
            )
            .unwrap();
        }
        (format!("section-{document:02}.txt"), text)
    }))
}

/// A corpus of these files.
pub(crate) fn corpus_of(files: impl IntoIterator<Item = (String, String)>) -> Arc<Corpus> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let nobody = PdfChild {
        program: PathBuf::from("/nowhere"),
        leading_args: Vec::new(),
    };
    let options = CorpusOptions::new(folder.path(), folder.path().join(".index"), nobody);
    let (corpus, report) = Corpus::open(&DiskStorage, &options).unwrap();
    assert!(report.damaged.is_empty(), "{:?}", report.damaged);
    Arc::new(corpus)
}

/// Replies in place of the script's: by the number of the call and the request.
type Before = dyn Fn(u64, &ChatRequest) -> Option<AgentReply> + Send + Sync;

/// A scripted model in this process that counts its calls and may answer by other rules.
pub(crate) struct Counting {
    engine: Engine,
    calls: AtomicU64,
    pub(crate) before: Option<Box<Before>>,
}

impl Counting {
    pub(crate) fn new(script: &Script) -> Self {
        Self {
            engine: Engine::new(script).unwrap(),
            calls: AtomicU64::new(0),
            before: None,
        }
    }

    pub(crate) fn before(
        mut self,
        before: impl Fn(u64, &ChatRequest) -> Option<AgentReply> + Send + Sync + 'static,
    ) -> Arc<Self> {
        self.before = Some(Box::new(before));
        Arc::new(self)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Agent for Counting {
    fn reply(&self, request: &ChatRequest) -> AgentReply {
        let n = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let own = self.before.as_ref().and_then(|before| before(n, request));
        own.unwrap_or_else(|| self.engine.reply(request))
    }
}

/// Name of the schema that a request asks for: which role it is.
pub(crate) fn role(request: &ChatRequest) -> &str {
    match &request.format {
        ReplyFormat::JsonSchema { name, .. } => name,
        _ => "",
    }
}

/// A script with these ready-made replies.
pub(crate) fn script(seed: u64, settings: Dialogue) -> Script {
    Script::new(seed).dialogue(settings)
}

/// Waits of milliseconds in place of seconds.
pub(crate) fn hasty() -> Retry {
    let ms = Duration::from_millis;
    Retry {
        attempt_timeout: ms(400),
        deadline: ms(3_000),
        answered_failures: 4,
        backoff: ms(2),
        max_backoff: ms(20),
        breaker_failures: 3,
        breaker_pause: ms(5),
        max_breaker_pause: ms(40),
        rate_limit_pause: ms(5),
        max_retry_after: ms(50),
        give_up_after: ms(600),
        unusable_recheck: ms(100),
    }
}

/// What a run is made from. Change what differs, then [`Bench::run`].
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) disk: MemDisk,
    pub(crate) corpus: Arc<Corpus>,
    pub(crate) settings: BTreeMap<String, Json>,
    pub(crate) backend: Backend,
    pub(crate) options: RunOptions,
    pub(crate) seeds: Option<SeedTopics>,
    pub(crate) retry: Retry,
    pub(crate) prices: Option<Prices>,
    pub(crate) budget: Budget,
    pub(crate) row_clock: Clock,
    pub(crate) prompts: BTreeMap<String, String>,
    pub(crate) service_key: Option<Secret>,
}

impl Bench {
    /// Ten single conversations of two turns, judged by turn, in one language.
    pub(crate) fn new(agent: Arc<dyn Agent>) -> Self {
        Self::with(corpus(6, 8), Backend::Agent(agent))
    }

    pub(crate) fn with(corpus: Arc<Corpus>, backend: Backend) -> Self {
        let bench = Self {
            disk: MemDisk::new(),
            corpus,
            settings: BTreeMap::new(),
            backend,
            options: RunOptions {
                skip_probe: true,
                ..RunOptions::default()
            },
            seeds: None,
            retry: hasty(),
            prices: None,
            budget: Budget::default(),
            row_clock: Clock::Logical {
                epoch_s: 1_900_000_000,
            },
            prompts: BTreeMap::new(),
            service_key: None,
        };
        bench
            .set("run.total_samples", 10)
            .set("run.data.seeding.topics.enabled", false)
            .set("personas.enabled", true)
            .set("judge.enabled", true)
            .set("judge.mode", "online")
            .set("judge.granularity", "turn")
            .set("llm.agents.user.model", "scripted-1")
            .set("llm.agents.assistant.model", "scripted-1")
            .set("llm.agents.judge.model", "scripted-1")
            .set("documents.path", "knowledge")
            .set("saving.output_dir", "out")
    }

    /// Replies of the scripted dialogue, in this process.
    pub(crate) fn scripted(seed: u64, settings: Dialogue) -> (Self, Arc<Counting>) {
        let agent = Arc::new(Counting::new(&script(seed, settings)));
        (Self::new(Arc::clone(&agent) as Arc<dyn Agent>), agent)
    }

    /// The endpoints at these URLs.
    pub(crate) fn http(urls: &[String]) -> Self {
        Self::with(corpus(6, 8), http(urls))
    }

    pub(crate) fn set(mut self, path: &str, value: impl Into<Json>) -> Self {
        assert!(
            KEYS.iter().any(|key| key.path == path),
            "there is no key {path}"
        );
        self.settings.insert(path.to_owned(), value.into());
        self
    }

    pub(crate) fn on(mut self, disk: &MemDisk) -> Self {
        self.disk = disk.clone();
        self
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut RunOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        let mut resolved = Resolved::defaults(KEYS).unwrap();
        for (path, value) in &self.settings {
            resolved.set(
                path.clone(),
                value.clone(),
                Origin::Flag("--set".to_owned()),
            );
        }
        Arc::new(Config::new(&resolved).unwrap())
    }

    fn callers(&self) -> CallerConfig {
        let role = || RoleConfig {
            model: "main".to_owned(),
            params: Params::default(),
            attempt_timeout: None,
        };
        CallerConfig {
            models: BTreeMap::from([(
                "main".to_owned(),
                ModelConfig {
                    model: "scripted-1".to_owned(),
                    backend: self.backend.clone(),
                    prices: self.prices,
                    retry: self.retry,
                },
            )]),
            roles: ["user", "assistant", "judge"]
                .map(str::to_owned)
                .into_iter()
                .chain(self.config().judges().iter().map(|one| one.role.clone()))
                .map(|name| (name, role()))
                .collect(),
            services: self.services(),
            budget: self.budget,
            http: HttpConfig {
                connect_timeout: Duration::from_secs(2),
                ..HttpConfig::default()
            },
        }
    }

    /// The services that are configured, at the addresses of their keys.
    fn services(&self) -> BTreeMap<String, ServiceConfig> {
        let config = self.config();
        let services = config.services.all().into_iter().map(|service| {
            let url = service.place.base_url.as_str();
            let mut endpoint = EndpointConfig::new(format!("{}-server", service.name), url);
            endpoint.api_key = self.service_key.clone();
            let give_up_after = match service.when_down {
                WhenDown::Suspend => self.retry.give_up_after,
                WhenDown::Fail => Duration::from_hours(1),
            };
            let config = ServiceConfig {
                model: service.model.to_owned(),
                endpoints: vec![endpoint],
                address: service.address,
                method: service.method,
                price: service.price,
                retry: Retry {
                    give_up_after,
                    ..self.retry
                },
                when_down: service.when_down,
            };
            (service.name.to_owned(), config)
        });
        services.collect()
    }

    pub(crate) fn environment(&self) -> Environment {
        let config = self.config();
        // An instant that differs from call to call, as real ones do.
        let ticks = AtomicU64::new(0);
        let clock = move || {
            let n = ticks.fetch_add(1, Ordering::Relaxed) as i64;
            Timestamp(1_893_456_000_000_000 + n * 1_001)
        };
        Environment {
            storage: Arc::new(self.disk.clone()),
            out_dir: PathBuf::from(OUT),
            output_prefix: "out/".to_owned(),
            personas: config.personas.as_ref().map(|_| Personas::built_in()),
            corpus: Arc::clone(&self.corpus),
            index_dir: PathBuf::from("/index"),
            prompts: Arc::new(Prompts::load(&self.prompts).unwrap()),
            seeds: self.seeds.clone(),
            callers: self.callers(),
            clock: Arc::new(clock),
            row_clock: self.row_clock,
            version: "0.0.0",
            owner: "this test".to_owned(),
            journal: OpenOptions::default(),
            config,
        }
    }

    /// What judging later stands on.
    pub(crate) fn judging(&self) -> judge::Environment {
        let made = self.environment();
        judge::Environment {
            storage: made.storage,
            out_dir: made.out_dir,
            config: made.config,
            corpus: Some(made.corpus),
            prompts: made.prompts,
            callers: made.callers,
            clock: made.clock,
            owner: made.owner,
            journal: made.journal,
        }
    }

    pub(crate) fn try_judge(
        &self,
        options: judge::Options,
    ) -> Result<judge::Summary, DialogueError> {
        try_judge_in(self.judging(), options, Cancel::new())
    }

    pub(crate) fn judge(&self) -> judge::Summary {
        self.try_judge(judge::Options::default()).unwrap()
    }

    pub(crate) fn open(&self) -> Result<DialogueRun, DialogueError> {
        DialogueRun::open(self.environment(), self.options.clone())
    }

    pub(crate) fn try_run(&self) -> Result<Summary, DialogueError> {
        self.try_run_with(Cancel::new())
    }

    pub(crate) fn try_run_with(&self, cancel: Cancel) -> Result<Summary, DialogueError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { self.open()?.drive(cancel).await })
    }

    pub(crate) fn run(&self) -> Summary {
        self.try_run().unwrap()
    }

    /// The artifacts: every file but those of our own state.
    pub(crate) fn artifacts(&self) -> BTreeMap<String, Vec<u8>> {
        artifacts(&self.disk)
    }

    /// The rows of an artifact.
    pub(crate) fn rows(&self, name: &str) -> Vec<Json> {
        let files = self.disk.files();
        let bytes = files.get(&Path::new(OUT).join(name)).expect(name);
        assert!(
            bytes.is_empty() || bytes.ends_with(b"\n"),
            "{name} ends in the middle of a row"
        );
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines.map(|line| json::parse(line).unwrap()).collect()
    }

    /// A whole file.
    pub(crate) fn file(&self, name: &str) -> Json {
        json::parse(&self.disk.files()[&Path::new(OUT).join(name)]).unwrap()
    }
}

/// Judges what lies in an environment's folder.
pub(crate) fn try_judge_in(
    environment: judge::Environment,
    options: judge::Options,
    cancel: Cancel,
) -> Result<judge::Summary, DialogueError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let options = judge::Options {
        skip_probe: true,
        ..options
    };
    runtime.block_on(async { LateJudge::open(environment, options)?.drive(cancel).await })
}

pub(crate) fn http(urls: &[String]) -> Backend {
    let endpoint = |(n, url): (usize, &String)| EndpointConfig::new(format!("e{n}"), url);
    Backend::Http(urls.iter().enumerate().map(endpoint).collect())
}

/// Every file of a disk but those of our own state.
pub(crate) fn artifacts(disk: &MemDisk) -> BTreeMap<String, Vec<u8>> {
    aftermath::artifacts(disk, Path::new(OUT))
}

/// What an index row says about a conversation: status, drop word and turns.
pub(crate) fn standing(row: &Json) -> (String, String, i64) {
    let ours = row.at("forgemark");
    (
        ours.str_or("status", "?").to_owned(),
        ours.str_or("drop_reason", "?").to_owned(),
        ours.at("turns").as_i64().unwrap_or(-1),
    )
}

/// The text of every question that a run has used, in the order of the run.
pub(crate) fn questions(bench: &Bench) -> Vec<String> {
    let rows = bench.rows("turns.jsonl");
    rows.iter()
        .map(|row| row.at("user_message").as_str().unwrap().to_owned())
        .collect()
}
