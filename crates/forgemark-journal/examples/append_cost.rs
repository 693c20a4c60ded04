//! What an append and its durability cost: CPU time a call at a given rate, from an asynchronous runtime, on a real disk.
//!
//! `cargo run --release -p forgemark-journal --example append_cost -- FOLDER [CALLS] [PER_SECOND] [TASKS]`

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use forgemark_contract::ids::CallKey;
    use forgemark_contract::json::Json;
    use forgemark_contract::time::Timestamp;
    use forgemark_journal::{
        ArtifactSet, CallOutcome, CallRecord, DiskStorage, Journal, OpenOptions, Record, Usage,
        inspect,
    };

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let mut arguments = std::env::args().skip(1);
        let folder = PathBuf::from(arguments.next().ok_or("a folder is needed")?);
        let mut number = |default: u64| match arguments.next() {
            Some(text) => text.parse(),
            None => Ok(default),
        };
        let (calls, per_second, tasks) = (number(60_000)?, number(6_000)?, number(256)?);
        std::fs::create_dir_all(&folder)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()?;
        let storage = Arc::new(DiskStorage);
        let mut report = String::new();
        // The same loop without a journal is what the runtime and the timer cost.
        let idle = runtime.block_on(load(None, calls, per_second, tasks));
        let (journal, _) = Journal::open(storage.clone(), &folder, OpenOptions::default())?;
        let busy = runtime.block_on(load(Some(&journal), calls, per_second, tasks));
        let written = journal.bytes_by_kind();
        writeln!(
            report,
            "{calls} calls in {:.2} s, CPU each: {:.1} us user, {:.1} us system (without a journal {:.1} and {:.1}), wait {:.2} ms",
            busy.wall.as_secs_f64(),
            micros(busy.cpu.user, calls),
            micros(busy.cpu.system, calls),
            micros(idle.cpu.user, calls),
            micros(idle.cpu.system, calls),
            busy.waited.as_secs_f64() * 1e3 / calls as f64,
        )?;
        writeln!(
            report,
            "journal {} bytes, index {} bytes",
            written.journal, written.index
        )?;
        drop(journal);
        let start = Instant::now();
        let (journal, _) = Journal::open(storage.clone(), &folder, OpenOptions::default())?;
        writeln!(
            report,
            "open: {:.1} ms",
            start.elapsed().as_secs_f64() * 1e3
        )?;
        let start = Instant::now();
        let cpu = cpu_time()?;
        let (mut found, mut missing) = (0, 0);
        for n in 0..calls {
            found += u64::from(journal.lookup(&key(n))?.is_some());
            missing += u64::from(journal.lookup(&key(n + (1 << 40)))?.is_none());
        }
        let each = micros(cpu_time()?.since(cpu).sum(), 2 * calls);
        writeln!(
            report,
            "{found} found and {missing} missing keys: {each:.2} us each, {:.2} s in all",
            start.elapsed().as_secs_f64()
        )?;
        commits(&journal, &mut report)?;
        drop(journal);
        let storage: Arc<dyn forgemark_journal::Storage> = storage;
        let records = inspect(&storage, &folder)?.map(|found| found.records);
        writeln!(report, "{} records", records.unwrap_or(0))?;
        std::io::stdout().write_all(report.as_bytes())?;
        Ok(())
    }

    /// Commits of one and of sixteen items, each of six turns: seven append-only files and a file of its own.
    fn commits(journal: &Journal, report: &mut String) -> Result<(), Box<dyn Error>> {
        const FILES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
        let mut set = ArtifactSet::open(journal, &FILES)?;
        let row = "r".repeat(1024);
        for group in [1, 16] {
            let (start, cpu) = (Instant::now(), cpu_time()?);
            let commits = 64 / group;
            for _ in 0..commits {
                let first = journal.committed().through;
                for item in first..first + group {
                    for file in FILES {
                        for _ in 0..6 {
                            set.append(file, row.as_bytes())?;
                        }
                    }
                    set.put(&format!("conv/{item}.json"), &[b'x'; 12_000])?;
                }
                set.commit((0..group).map(|_| Json::from(row.as_str())).collect())?
                    .wait()?;
            }
            writeln!(
                report,
                "commits of {group} items: {:.1} ms each, {:.0} us of CPU an item",
                start.elapsed().as_secs_f64() * 1e3 / commits as f64,
                micros(cpu_time()?.since(cpu).sum(), 64),
            )?;
        }
        Ok(())
    }

    struct Cost {
        wall: Duration,
        cpu: Cpu,
        waited: Duration,
    }

    fn key(n: u64) -> CallKey {
        CallKey::of(&n.to_le_bytes())
    }

    async fn load(journal: Option<&Journal>, calls: u64, per_second: u64, tasks: u64) -> Cost {
        let body = Bytes::from("x".repeat(2048));
        let start = Instant::now();
        let cpu = cpu_time().unwrap_or_default();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let (journal, body) = (journal.cloned(), body.clone());
                tokio::spawn(async move {
                    let mut waited = Duration::ZERO;
                    for n in (task..calls).step_by(tasks as usize) {
                        let due = start + Duration::from_secs_f64(n as f64 / per_second as f64);
                        tokio::time::sleep_until(due.into()).await;
                        let Some(journal) = &journal else { continue };
                        let asked = Instant::now();
                        if journal.lookup(&key(n)).is_ok_and(|known| known.is_none()) {
                            let durable = journal.append(Record::Call(call(n, body.clone())));
                            if durable.await.is_err() {
                                break;
                            }
                        }
                        waited += asked.elapsed();
                    }
                    waited
                })
            })
            .collect();
        let mut waited = Duration::ZERO;
        for task in running {
            waited += task.await.unwrap_or_default();
        }
        Cost {
            wall: start.elapsed(),
            cpu: cpu_time().unwrap_or_default().since(cpu),
            waited,
        }
    }

    fn call(n: u64, body: Bytes) -> CallRecord {
        CallRecord {
            key: key(n),
            at: Timestamp(1_900_000_000_000_000),
            item: format!("run-w0001-s{n:04}/3/assistant"),
            role: "assistant".to_owned(),
            model: "some-model-70b-instruct".to_owned(),
            endpoint: "http://localhost:8000/v1".to_owned(),
            attempts: Vec::new(),
            usage: Usage {
                prompt: 3000,
                completion: 400,
                ..Usage::default()
            },
            cost_micro_usd: Some(1234),
            latency_ms: 250,
            outcome: CallOutcome::Reply(body),
        }
    }

    fn micros(time: Duration, calls: u64) -> f64 {
        time.as_secs_f64() * 1e6 / calls as f64
    }

    #[derive(Clone, Copy, Default)]
    struct Cpu {
        user: Duration,
        system: Duration,
    }

    impl Cpu {
        fn since(self, before: Cpu) -> Cpu {
            Cpu {
                user: self.user.saturating_sub(before.user),
                system: self.system.saturating_sub(before.system),
            }
        }

        fn sum(self) -> Duration {
            self.user + self.system
        }
    }

    /// CPU time of this process, all threads.
    fn cpu_time() -> Result<Cpu, Box<dyn Error>> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let fields = stat.rsplit_once(')').ok_or("no such file")?.1;
        let mut fields = fields.split_whitespace().skip(11);
        // The kernel counts in hundredths of a second here, whatever its own tick is.
        let mut ticks = || fields.next().unwrap_or("0").parse::<u64>();
        Ok(Cpu {
            user: Duration::from_millis(ticks()? * 10),
            system: Duration::from_millis(ticks()? * 10),
        })
    }
}
