//! Chance that is decided by seed, model, purpose and task.

/// The draws of one model.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    key: [u8; 32],
}

impl Draw {
    pub(super) fn new(seed: u64, slug: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(slug.as_bytes());
        Self {
            key: *hasher.finalize().as_bytes(),
        }
    }

    fn number(&self, purpose: &str, task: &[&str]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in std::iter::once(&purpose).chain(task) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut bytes = [0; 8];
        hasher.finalize_xof().fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number of [0, 1).
    pub(super) fn share(&self, purpose: &str, task: &[&str]) -> f64 {
        // 53 bits fill a mantissa.
        (self.number(purpose, task) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `n`, which must not be 0.
    pub(super) fn below(&self, n: u64, purpose: &str, task: &[&str]) -> u64 {
        self.number(purpose, task) % n.max(1)
    }
}
