//! The store on Lance; one binary, because each that links Lance is large.

// The attribute tells clippy that helpers outside of test functions are test code too.
#[cfg(test)]
mod heavy;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod layout;
#[cfg(all(test, feature = "s3"))]
mod objects;
#[cfg(test)]
mod original;
#[cfg(test)]
mod payload;
#[cfg(test)]
mod pushdown;
#[cfg(test)]
mod python;
#[cfg(test)]
mod search;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod support;
