//! Tables in an object store: a local server that speaks S3, and none at all.
//!
//! The address and the credentials come from the environment, which a test cannot change in its own process: so these run the
//! other tests of this program in another one.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use forgemark_contract::store::{StoreError, Stores as _};
use forgemark_store::LanceStores;

use crate::python::Python;
use crate::support::ROOT;

/// A server on this machine; it ends with the value.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(python: &Python) -> Self {
        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let port = listener.local_addr().unwrap().port().to_string();
        drop(listener);
        let mut command = python.command();
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let mut server = Server { child, address };
        while TcpStream::connect(&server.address).is_err() {
            assert!(
                server.child.try_wait().unwrap().is_none(),
                "the server ended"
            );
            std::thread::yield_now();
        }
        server
    }

    /// The status of an answer to a PUT.
    fn put(&self, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, length) = (&self.address, body.len());
        let authorization = "Authorization: AWS4-HMAC-SHA256 Credential=k/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n";
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

/// This test program, for the tests of a name, with an object store at `endpoint`.
fn again(endpoint: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("AWS_ENDPOINT", endpoint);
    command
        .env("AWS_ACCESS_KEY_ID", "k")
        .env("AWS_SECRET_ACCESS_KEY", "s");
    command
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ALLOW_HTTP", "true");
    command
}

fn passes(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    said
}

/// Set for the process that opens a table where nothing answers.
const NOBODY: &str = "FORGEMARK_TEST_NOBODY";

#[test]
fn a_table_where_nothing_answers() {
    if std::env::var_os(NOBODY).is_none() {
        // A port that nobody listens on: one that was just given back.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut command = again(&endpoint);
        command.args(["objects::a_table_where_nothing_answers", "--exact"]);
        let said = passes(command.env(NOBODY, "1"));
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    // It comes back at all: retries are few.
    let error = LanceStores
        .open("s3://bucket/table")
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

mod heavy {
    use super::*;

    #[test]
    fn what_holds_on_a_disk_holds_on_s3() {
        let Some(python) = Python::with("objects") else {
            return;
        };
        let server = Server::start(&python);
        assert_eq!(server.put("/bucket", "", ""), "200");
        let once = "If-None-Match: *\r\n";
        assert_eq!(server.put("/bucket/once", once, "a"), "200");
        // Without this two writers could make one version.
        assert_eq!(
            server.put("/bucket/once", once, "b"),
            "412",
            "no server for this test"
        );
        let mut command = again(&format!("http://{}", server.address));
        command
            .env(ROOT, "s3://bucket/stores")
            .args(["suite::", "search::"]);
        let said = passes(&mut command);
        let last = said
            .lines()
            .rev()
            .find(|line| line.starts_with("test result"));
        println!("{}", last.unwrap_or_default());
        assert!(!said.contains(" 0 passed"), "{said}");
    }
}
