//! Calls that go with batches, against the scripted server, which counts what was paid.

mod kill;
mod relay;
mod results;
mod support;
