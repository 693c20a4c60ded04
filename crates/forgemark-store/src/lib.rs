//! The versioned record store.
