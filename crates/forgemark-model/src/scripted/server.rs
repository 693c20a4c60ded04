//! The HTTP server around the engine.
//!
//! ```text
//! thread 0: accept --round robin--> connections of thread 0, 1, ... n
//! each thread: one single-threaded runtime; a connection never changes its thread
//! connection: read body -> Engine -> wait -> deliver      counters are shared atomics
//! ```
//!
//! A runtime a thread instead of one runtime of many threads: a call is some 20 microseconds of
//! work, and moving it between threads costs more than it gains.

mod batches;
mod counters;
mod delivery;
mod routes;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::engine::Engine;
use super::script::{Script, ScriptError};
pub use counters::{LogEntry, Stats};
use routes::Shared;

/// Starts scripted servers.
#[derive(Debug)]
pub struct Server;

/// How a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOptions {
    /// Threads that serve, at least 1; by default one for each core, but at most 8.
    pub threads: Option<usize>,
    /// Keep a [`LogEntry`] for each chat call. For tests: it is never emptied.
    pub log: bool,
}

impl ServerOptions {
    /// As many threads as cores, no log.
    pub const PLAIN: Self = Self {
        threads: None,
        log: false,
    };
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The script cannot be followed.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no thread or no event queue.
    #[error("cannot start a server thread")]
    Thread(#[source] io::Error),
}

impl Server {
    /// Starts a server on `addr` (port 0 picks a free one) in threads of its own.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(script: &Script, addr: SocketAddr) -> Result<Running, StartError> {
        Self::start_with(script, addr, ServerOptions::PLAIN)
    }

    /// As [`Server::start`], with options.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start_with(
        script: &Script,
        addr: SocketAddr,
        options: ServerOptions,
    ) -> Result<Running, StartError> {
        let engine = Engine::new(script)?;
        let shared = Arc::new(Shared::new(engine, script, options.log));
        let listen = |source| StartError::Listen {
            address: addr,
            source,
        };
        let listener = TcpListener::bind(addr).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;

        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let n_threads = options.threads.unwrap_or(cores.min(8)).max(1);
        let (stop, stopped) = watch::channel(());
        let mut running = Running {
            addr,
            shared,
            stop: Some(stop),
            threads: Vec::new(),
        };
        let mut inboxes = Vec::new();
        let mut workers = Vec::new();
        for _ in 0..n_threads {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(StartError::Thread)?;
            let (inbox, connections) = mpsc::unbounded_channel();
            inboxes.push(inbox);
            workers.push((runtime, connections));
        }
        // The accepting task lives in the first runtime, which the loop below hands to a thread.
        let accepting = workers.first().map(|(runtime, _)| runtime.handle().clone());
        if let Some(handle) = accepting {
            let shared = Arc::clone(&running.shared);
            handle.spawn(accept(listener, inboxes, shared));
        }
        for (n, (runtime, connections)) in workers.into_iter().enumerate() {
            let shared = Arc::clone(&running.shared);
            let stopped = stopped.clone();
            let thread = std::thread::Builder::new()
                .name(format!("scripted-{n}"))
                .spawn(move || serve(&runtime, connections, &shared, stopped))
                .map_err(StartError::Thread)?;
            running.threads.push(thread);
        }
        Ok(running)
    }
}

/// A server at work. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    /// Where it listens, with the port that was picked.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<watch::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// The base URL that clients want: `http://127.0.0.1:4000/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// What was counted so far. A call is counted before its reply leaves.
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }

    /// Starts again from nothing: counters, log, attempts by call, and the storm.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// The chat calls in order of arrival; empty unless [`ServerOptions::log`] is set.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.counters.log()
    }

    /// Waits until the server stops, which it does only when its process ends.
    pub fn wait(mut self) -> Stats {
        for thread in self.threads.drain(..) {
            // A thread that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
        self.shared.counters.snapshot()
    }

    /// Closes every connection at once and ends the threads; what was counted.
    pub fn stop(mut self) -> Stats {
        self.end();
        self.shared.counters.snapshot()
    }

    fn end(&mut self) {
        // Closing the channel is the signal.
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Hands new connections to the threads in turn.
async fn accept(
    listener: TcpListener,
    inboxes: Vec<mpsc::UnboundedSender<TcpStream>>,
    shared: Arc<Shared>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    for inbox in inboxes.iter().cycle() {
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                // Out of file descriptors, most likely: wait for some to close.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        shared.counters.connected();
        // A connection that the system gives up meanwhile is the client's to notice.
        if let Ok(stream) = stream.into_std()
            && inbox.send(stream).is_err()
        {
            return;
        }
    }
}

/// Runs the connections of one thread until the server stops.
fn serve(
    runtime: &Runtime,
    mut connections: mpsc::UnboundedReceiver<TcpStream>,
    shared: &Arc<Shared>,
    mut stopped: watch::Receiver<()>,
) {
    runtime.block_on(async {
        loop {
            tokio::select! {
                // Nothing is ever sent: this ends when the sender goes.
                _ = stopped.changed() => return,
                stream = connections.recv() => {
                    let Some(stream) = stream else { return };
                    tokio::spawn(connection(stream, Arc::clone(shared)));
                }
            }
        }
    });
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
        return;
    };
    // A reply is one small write; without this it could wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| routes::answer(Arc::clone(&shared), request));
    // Errors here are clients that go away, and the cuts of the script.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
