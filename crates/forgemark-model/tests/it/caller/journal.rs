//! What is known is not paid for again, and what cannot be kept is not paid for at all.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forgemark_journal::storage::LockAttempt;
use forgemark_journal::{AppendFile, DiskStorage, Journal, OpenOptions, ReadFile, Storage};
use forgemark_model::{
    Agent, AgentReply, Backend, Budget, CallError, Caller, CallerConfig, ChatRequest, HttpConfig,
    ModelConfig, Params, Retry, RoleConfig,
};

use super::support::{Answer, Server, Setup, ask, call, caller, clock, dir};

#[tokio::test]
async fn a_resumed_run_asks_nothing_that_it_knows() {
    let server = Server::start(|seen| Answer::text(&format!("reply {}", seen.n))).await;
    let dir = dir();
    let setup = Setup::of(&[&server]);
    let mut first = Vec::new();
    {
        let caller = setup.caller(dir.path());
        for n in 0..5 {
            first.push(call(&caller, &format!("Hi {n}")).await.expect("an outcome"));
        }
    }
    let paid = server.seen().len();
    let caller = setup.caller(dir.path());
    for (n, before) in first.iter().enumerate() {
        let now = call(&caller, &format!("Hi {n}")).await.expect("an outcome");
        assert!(now.replayed);
        assert_eq!(
            (now.key, now.at, now.usage),
            (before.key, before.at, before.usage)
        );
        assert_eq!(now.outcome, before.outcome);
    }
    assert_eq!(server.seen().len(), paid);
    assert_eq!(caller.snapshot().replayed, 5);
    // Another sample of the same request is another call.
    let other = ChatRequest {
        sample: 1,
        ..ask("Hi 0")
    };
    assert!(
        !caller
            .call("user", "c/1", &other)
            .await
            .expect("an outcome")
            .replayed
    );
}

#[tokio::test]
async fn a_reply_is_known_before_it_is_durable_and_durable_when_it_says_so() {
    let server = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let caller = Setup::of(&[&server]).caller(dir.path());
    let called = caller
        .call("user", "c/1", &ask("Hi"))
        .await
        .expect("an outcome");
    let again = caller
        .call("user", "c/1", &ask("Hi"))
        .await
        .expect("an outcome");
    assert!(again.replayed);
    again.durable.await.expect("durable");
    // What was appended before is durable with it.
    assert!(matches!(called.durable.now(), Some(Ok(()))));
}

#[tokio::test]
async fn earlier_sessions_count_in_the_budget() {
    let server = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let mut setup = Setup::of(&[&server]);
    setup.budget = Budget {
        max_calls: Some(3),
        ..Budget::default()
    };
    {
        let caller = setup.caller(dir.path());
        call(&caller, "a").await.expect("an outcome");
        call(&caller, "b").await.expect("an outcome");
    }
    let caller = setup.caller(dir.path());
    call(&caller, "c").await.expect("an outcome");
    let error = call(&caller, "d").await.expect_err("spent");
    assert_eq!(error.to_string(), "the budget of 3 calls is spent (3)");
    // What is known costs nothing.
    assert!(call(&caller, "a").await.expect("an outcome").replayed);
}

struct Echo {
    asked: AtomicUsize,
}

impl Agent for Echo {
    fn reply(&self, request: &ChatRequest) -> AgentReply {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let last = request
            .messages
            .last()
            .map_or("", |message| message.content.as_str());
        AgentReply::text(format!("You said: {last}"))
    }
}

#[tokio::test]
async fn an_agent_goes_through_the_same_journal() {
    let echo = Arc::new(Echo {
        asked: AtomicUsize::new(0),
    });
    let model = ModelConfig {
        model: "offline:echo".to_owned(),
        backend: Backend::Agent(echo.clone()),
        prices: None,
        retry: Retry::default(),
    };
    let role = RoleConfig {
        model: "echo".to_owned(),
        params: Params::default(),
        attempt_timeout: None,
    };
    let config = CallerConfig {
        models: BTreeMap::from([("echo".to_owned(), model)]),
        roles: BTreeMap::from([("user".to_owned(), role)]),
        services: BTreeMap::new(),
        budget: Budget {
            max_cost_micro_usd: Some(1),
            ..Budget::default()
        },
        http: HttpConfig::default(),
    };
    let dir = dir();
    let first = {
        let caller = caller(&config, dir.path());
        assert!(
            caller
                .probe("user")
                .await
                .expect("a known role")
                .is_usable()
        );
        call(&caller, "Hi").await.expect("an outcome")
    };
    assert_eq!(
        first.outcome.as_ref().expect("a reply").content,
        "You said: Hi"
    );
    // It costs nothing, and that is known.
    assert_eq!(first.cost_micro_usd, Some(0));
    let caller = caller(&config, dir.path());
    let again = call(&caller, "Hi").await.expect("an outcome");
    assert!(again.replayed);
    assert_eq!(again.outcome, first.outcome);
    assert_eq!(echo.asked.load(Ordering::Relaxed), 1);
}

/// A disk that is full from some moment on.
#[derive(Debug, Clone, Default)]
struct Filling {
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FillingFile {
    file: Box<dyn AppendFile>,
    full: Arc<AtomicBool>,
}

impl AppendFile for FillingFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl Filling {
    fn wrap(&self, file: Box<dyn AppendFile>) -> Box<dyn AppendFile> {
        let full = Arc::clone(&self.full);
        Box::new(FillingFile { file, full })
    }
}

impl Storage for Filling {
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(self.wrap(DiskStorage.open_append(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(self.wrap(DiskStorage.create(path)?))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        DiskStorage.open_read(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        DiskStorage.read(path)
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        DiskStorage.len(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        DiskStorage.list(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        DiskStorage.create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        DiskStorage.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        DiskStorage.remove(path)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        DiskStorage.truncate(path, len)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        DiskStorage.sync_dir(path)
    }

    fn try_lock(&self, path: &Path, owner: &str) -> io::Result<LockAttempt> {
        DiskStorage.try_lock(path, owner)
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_spending() {
    let server = Server::start(|_| Answer::text("well")).await;
    let dir = dir();
    let disk = Filling::default();
    let options = OpenOptions::default();
    let (journal, _) =
        Journal::open(Arc::new(disk.clone()), dir.path(), options).expect("a journal");
    let config = Setup::of(&[&server]).config();
    let caller = Caller::new(&config, journal, clock()).expect("a valid configuration");
    call(&caller, "kept").await.expect("an outcome");
    disk.full.store(true, Ordering::SeqCst);
    // The first to notice has paid; its reply is never called safe.
    let lost = call(&caller, "lost").await.expect_err("not durable");
    assert!(matches!(lost, CallError::Journal(_)), "{lost}");
    let refused = call(&caller, "refused").await.expect_err("not even asked");
    assert!(matches!(refused, CallError::Journal(_)), "{refused}");
    assert_eq!(server.calls(), 2);
    // What is known is still told.
    let kept = caller.call("user", "c-1/t-1", &ask("kept")).await;
    assert!(kept.expect("an outcome").replayed);
}
