//! The journal on simulated and real disks; one binary.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod artifacts;
mod batches;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod index;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod rewind;
#[cfg(test)]
mod runtime;
mod staged;
#[cfg(test)]
mod support;
