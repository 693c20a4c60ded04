//! The binary: hands the process to the application and its answer to the shell.

use std::ffi::OsString;
use std::process::ExitCode;

use forgemark_app::env::Environment;
#[cfg(not(feature = "store"))]
use forgemark_app::stores::NoStores as LinkedStores;
use forgemark_app::{Build, run, run_as_pdf_child};
#[cfg(feature = "store")]
use forgemark_store::LanceStores as LinkedStores;
use mimalloc::MiMalloc;

/// A fifth of a run's CPU time is spent on small strings that one thread makes and another frees; this
/// allocator halves it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `0.1.0 (1936a2ad1c5e)`; the commit comes from the build script.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("FORGEMARK_BUILD_COMMIT"),
    ")"
);

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = run_as_pdf_child(&args) {
        return code;
    }
    run(
        &args,
        &Environment::of_process(),
        Build {
            version: VERSION,
            #[cfg(feature = "store")]
            tables: Some(&forgemark_store::LanceTables),
            #[cfg(not(feature = "store"))]
            tables: None,
        },
        &LinkedStores,
    )
    .into()
}
