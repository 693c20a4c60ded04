//! An arena run over a disk in memory, and models that add.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forgemark_arena::pipeline::config::{KEYS, Settings};
use forgemark_arena::pipeline::prompts::Prompts;
use forgemark_arena::pipeline::{ArenaError, ArenaRun, Environment, RunOptions, Stage, Summary};
use forgemark_contract::json::{self, Json};
use forgemark_contract::settings::{Origin, Resolved};
use forgemark_contract::time::Timestamp;
use forgemark_journal::OpenOptions;
use forgemark_model::{
    Agent, AgentReply, Backend, Budget, CallerConfig, ChatRequest, HttpConfig, ModelConfig, Params,
    Retry, RoleConfig,
};
use forgemark_run::Cancel;
use forgemark_testkit::MemDisk;
use forgemark_testkit::aftermath;
pub(crate) use forgemark_testkit::aftermath::assert_same;

/// The arena folder of every run here.
pub(crate) const OUT: &str = "/arena";

/// Replies in place of a player's: by its name, what it is asked, and the request.
pub(crate) type Before = dyn Fn(&Asked<'_>) -> Option<AgentReply> + Send + Sync;

/// What a player is asked.
pub(crate) struct Asked<'a> {
    /// The player.
    pub(crate) name: &'a str,
    /// Which prompt it is.
    pub(crate) task: &'a str,
    /// The prompt with what varies.
    pub(crate) prompt: &'a str,
    /// The whole request.
    pub(crate) request: &'a ChatRequest,
}

/// A model that adds, rightly in so many cases of a hundred. What it does is a function of its name and the prompt.
pub(crate) struct Player {
    name: String,
    right: u64,
    log: Arc<Mutex<Vec<String>>>,
    before: Option<Arc<Before>>,
}

fn share(parts: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(b"|");
    }
    u64::from(hasher.finalize().as_bytes()[0]) * 100 / 256
}

/// The text between two others.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(inside, _)| inside)
}

/// The sum that a question asks for.
fn sum(prompt: &str) -> Option<i64> {
    let terms = between(prompt, "What is ", "?")?;
    let (a, b) = terms.split_once(" + ")?;
    Some(a.trim().parse::<i64>().ok()? + b.trim().parse::<i64>().ok()?)
}

/// Whether the answer of a prompt is right.
fn is_right(prompt: &str) -> bool {
    let said = between(prompt, "The sum is ", ".").and_then(|said| said.parse().ok());
    said.is_some() && said == sum(prompt)
}

pub(crate) fn object(pairs: &[(&str, Json)]) -> AgentReply {
    let pairs = pairs.iter().map(|(key, value)| (*key, value.clone()));
    let object: forgemark_contract::json::Object =
        pairs.map(|(key, value)| (key.to_owned(), value)).collect();
    AgentReply::json(&Json::Object(object))
}

impl Player {
    fn own(&self, asked: &Asked<'_>) -> AgentReply {
        let Asked {
            name, task, prompt, ..
        } = asked;
        let knows = |what: &str| {
            let question = between(prompt, "What is ", "?").unwrap_or_default();
            share(&[name, what, question]) < self.right
        };
        let pass = |ill_posed: bool| {
            let mut pairs = vec![
                ("issues", Json::Array(Vec::new())),
                ("improvements", Json::from("")),
                ("verdict", Json::from("pass")),
            ];
            if ill_posed {
                pairs.push(("ill_posed", Json::Bool(false)));
            }
            object(&pairs)
        };
        match *task {
            "question" => {
                let a = asked.request.sample % 900 + 100;
                let b = asked.request.sample / 1_000 % 900 + 100;
                let question = format!("What is {a} + {b}?");
                let right = share(&[name, "own", &question]) < self.right;
                let said = a + b + u64::from(!right);
                AgentReply::text(format!(
                    "[QUESTION] {question}\n[ANSWER] The sum is {said}."
                ))
            }
            "answer" | "refine" => {
                let said = sum(prompt).unwrap_or(0) + i64::from(!knows("answer"));
                AgentReply::text(format!("The sum is {said}."))
            }
            "question_check" | "answer_check" => pass(true),
            "critique_check" => pass(false),
            "critique" | "critique_refine" => {
                let correct = is_right(prompt) == knows("critique");
                object(&[
                    ("notes", Json::from("the digits were added one by one")),
                    ("suggestions", Json::from("")),
                    (
                        "verdict",
                        Json::from(if correct { "correct" } else { "incorrect" }),
                    ),
                ])
            }
            "debate_critique" | "debate_illposed" => {
                let claimant = prompt.contains("side=\"claimant\"");
                let concede = is_right(prompt) == claimant;
                object(&[
                    ("message", Json::from(format!("{name} adds again"))),
                    ("concede", Json::Bool(concede)),
                ])
            }
            "judge_critique" | "judge_illposed" => {
                let wrong = !is_right(prompt) && *task == "judge_critique";
                let verdict = if wrong {
                    "claimant_wins"
                } else {
                    "defender_wins_incorrect"
                };
                object(&[
                    ("reasoning", Json::from("the sum decides")),
                    ("verdict", Json::from(verdict)),
                    ("confidence", Json::Int(5)),
                ])
            }
            other => panic!("nobody asks for {other}"),
        }
    }
}

impl Agent for Player {
    fn reply(&self, request: &ChatRequest) -> AgentReply {
        let prompt = &request.messages[1].content;
        let task = between(prompt, "<task role=\"", "\"").expect("a task line");
        self.log
            .lock()
            .unwrap()
            .push(format!("{} {task}", self.name));
        let asked = Asked {
            name: &self.name,
            task,
            prompt,
            request,
        };
        let before = self.before.as_ref().and_then(|before| before(&asked));
        before.unwrap_or_else(|| self.own(&asked))
    }
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
    pub(crate) settings: BTreeMap<String, Json>,
    /// Name and skill of each model.
    pub(crate) models: Vec<(String, u64)>,
    /// Backends of models that are no players.
    pub(crate) backends: BTreeMap<String, Backend>,
    pub(crate) options: RunOptions,
    pub(crate) budget: Budget,
    /// What was asked, in the order of arrival.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    pub(crate) before: Option<Arc<Before>>,
}

impl Bench {
    /// Four models, two runs.
    pub(crate) fn new() -> Self {
        let bench = Bench {
            disk: MemDisk::new(),
            settings: BTreeMap::new(),
            models: Vec::new(),
            backends: BTreeMap::new(),
            options: RunOptions {
                skip_probe: true,
                ..RunOptions::default()
            },
            budget: Budget::default(),
            log: Arc::default(),
            before: None,
        };
        bench
            .set(
                "topics",
                Json::from(vec![Json::from("sums"), "more sums".into()]),
            )
            .set("questions.max_outer_attempts", 3)
            .set("questions.max_rounds", 2)
            .set("answers.max_rounds", 2)
            .set("critiques.max_rounds", 2)
            .set("debates.rounds", 2)
            .player("lab/ann", 95)
            .player("lab/ben", 75)
            .player("lab/cleo", 60)
            .player("lab/dan", 40)
    }

    pub(crate) fn set(mut self, path: &str, value: impl Into<Json>) -> Self {
        assert!(
            KEYS.iter().any(|key| key.path == path),
            "there is no key {path}"
        );
        self.settings.insert(path.to_owned(), value.into());
        self
    }

    pub(crate) fn player(mut self, name: &str, right: u64) -> Self {
        self.models.push((name.to_owned(), right));
        self
    }

    pub(crate) fn before(
        mut self,
        before: impl Fn(&Asked<'_>) -> Option<AgentReply> + Send + Sync + 'static,
    ) -> Self {
        self.before = Some(Arc::new(before));
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

    pub(crate) fn stages(self, stages: &[Stage]) -> Self {
        self.options(|options| options.stages = stages.iter().copied().collect())
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        let mut resolved = Resolved::defaults(KEYS).unwrap();
        let flag = || Origin::Flag("--set".to_owned());
        let known = self.settings.get("models").and_then(Json::as_array);
        if known.is_none() {
            let names = self
                .models
                .iter()
                .map(|(name, _)| Json::from(name.as_str()));
            resolved.set("models".to_owned(), names.collect(), flag());
        }
        for (path, value) in &self.settings {
            resolved.set(path.clone(), value.clone(), flag());
        }
        Arc::new(Settings::new(&resolved, &|_| Ok(None)).unwrap())
    }

    fn callers(&self, settings: &Settings) -> CallerConfig {
        let mut config = CallerConfig {
            models: BTreeMap::new(),
            roles: BTreeMap::new(),
            services: BTreeMap::new(),
            budget: self.budget,
            http: HttpConfig {
                connect_timeout: Duration::from_secs(2),
                ..HttpConfig::default()
            },
        };
        for model in &settings.models {
            let known = self.models.iter().find(|(name, _)| *name == model.name);
            let player = Player {
                name: model.slug.clone(),
                right: known.map_or(50, |(_, right)| *right),
                log: Arc::clone(&self.log),
                before: self.before.clone(),
            };
            let own = self.backends.get(&model.name).cloned();
            let model_config = ModelConfig {
                model: model.name.clone(),
                backend: own.unwrap_or_else(|| Backend::Agent(Arc::new(player))),
                prices: None,
                retry: hasty(),
            };
            config.models.insert(model.slug.clone(), model_config);
            let role = RoleConfig {
                model: model.slug.clone(),
                params: Params::default(),
                attempt_timeout: None,
            };
            config.roles.insert(model.slug.clone(), role);
        }
        config
    }

    pub(crate) fn environment(&self) -> Environment {
        let settings = self.settings();
        // An instant that differs from call to call, as real ones do.
        let ticks = AtomicU64::new(0);
        let clock = move || {
            let n = ticks.fetch_add(1, Ordering::Relaxed) as i64;
            Timestamp(1_893_456_000_000_000 + n * 1_001)
        };
        Environment {
            storage: Arc::new(self.disk.clone()),
            out_dir: PathBuf::from(OUT),
            prompts: Arc::new(Prompts::load(settings.protocol, &BTreeMap::new()).unwrap()),
            callers: self.callers(&settings),
            clock: Arc::new(clock),
            owner: "this test".to_owned(),
            journal: OpenOptions::default(),
            settings,
        }
    }

    pub(crate) fn open(&self) -> Result<ArenaRun, ArenaError> {
        ArenaRun::open(self.environment(), self.options.clone())
    }

    pub(crate) fn try_run(&self) -> Result<Summary, ArenaError> {
        self.try_run_with(Cancel::new())
    }

    pub(crate) fn try_run_with(&self, cancel: Cancel) -> Result<Summary, ArenaError> {
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

    /// How often players were asked.
    pub(crate) fn calls(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// Every file but those of our own state.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.disk)
    }

    /// The entries of a file of the arena.
    pub(crate) fn entries(&self, path: &str) -> Vec<Json> {
        let files = self.files();
        let value = json::parse(files.get(path).expect(path)).unwrap();
        let list = value.get("decisions").unwrap_or(&value);
        list.as_array().unwrap().to_vec()
    }

    /// The lines of a file.
    pub(crate) fn lines(&self, path: &str) -> Vec<Json> {
        let files = self.files();
        let lines = files.get(path).expect(path).split(|byte| *byte == b'\n');
        lines
            .filter(|line| !line.is_empty())
            .map(|line| json::parse(line).unwrap())
            .collect()
    }
}

/// Every file of a disk but those of our own state.
pub(crate) fn files(disk: &MemDisk) -> BTreeMap<String, Vec<u8>> {
    aftermath::artifacts(disk, Path::new(OUT))
}

/// The folder as a path.
pub(crate) fn root() -> &'static Path {
    Path::new(OUT)
}
