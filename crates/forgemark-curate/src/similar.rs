//! Which rows are near duplicates of which.
//!
//! [`vectors`] compares embeddings, [`text`] compares wordings. Both give the answer of the naive loop, which compares
//! every row with every row that was kept before it; only the way there is shorter.

pub mod planted;
pub mod text;
pub mod vectors;
