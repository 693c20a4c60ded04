//! A relay between the caller and the server that can fall silent at any request, before or after the server has it: the
//! moments at which a process may be killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A moment: request `at` (from 1), before the server gets it or after it has answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: usize,
    pub(crate) answered: bool,
}

/// A running relay. It ends with its runtime.
pub(crate) struct Relay {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    silent: Arc<Notify>,
}

impl Relay {
    /// Between callers and the server at `to` (`127.0.0.1:4000`).
    pub(crate) async fn start(to: String, silence: Option<Moment>) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = Relay {
            url: format!("http://{}/v1", listener.local_addr().expect("an address")),
            requests: Arc::default(),
            silent: Arc::default(),
        };
        let (requests, silent) = (Arc::clone(&relay.requests), Arc::clone(&relay.silent));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (to, requests, silent) =
                    (to.clone(), Arc::clone(&requests), Arc::clone(&silent));
                tokio::spawn(async move {
                    // The end of a connection is nobody's failure.
                    let _ = serve(stream, &to, silence, &requests, &silent).await;
                });
            }
        });
        relay
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Resolves when it has fallen silent.
    pub(crate) async fn silent(&self) {
        self.silent.notified().await;
    }
}

async fn serve(
    mut stream: TcpStream,
    to: &str,
    silence: Option<Moment>,
    requests: &AtomicUsize,
    silent: &Notify,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(request) = message(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
        let now = silence.filter(|moment| moment.at == number);
        if now.is_some_and(|moment| !moment.answered) {
            silent.notify_one();
            return std::future::pending().await;
        }
        let mut server = TcpStream::connect(to).await?;
        server.write_all(&request).await?;
        let answer = message(&mut server, &mut Vec::new()).await?;
        if now.is_some() {
            silent.notify_one();
            return std::future::pending().await;
        }
        let Some(answer) = answer else {
            return Ok(());
        };
        stream.write_all(&answer).await?;
    }
}

/// The next message with its body, which ends where its length says.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        let head = buffer.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|length| length.trim().parse::<usize>().ok());
            let end = head + 4 + length.unwrap_or(0);
            if buffer.len() >= end {
                let rest = buffer.split_off(end);
                return Ok(Some(std::mem::replace(buffer, rest)));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}
