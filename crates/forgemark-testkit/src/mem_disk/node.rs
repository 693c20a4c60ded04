//! The content of one file, as seen and as durable.

/// Bytes that the system writes or loses as one.
const SECTOR: usize = 512;

/// A file without its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    data: Vec<u8>,
    durable: Vec<u8>,
    /// `data` and `durable` are known to agree up to here, so that a sync copies only what is new.
    common: usize,
}

impl Node {
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
    }

    /// Empties the file. That is not durable.
    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.common = 0;
    }

    /// Cuts the file, durably.
    pub(super) fn truncate(&mut self, len: usize) {
        self.data.truncate(len);
        self.durable.truncate(len);
        self.common = self.common.min(len);
    }

    pub(super) fn sync(&mut self) {
        self.durable.truncate(self.common);
        self.durable.extend_from_slice(&self.data[self.common..]);
        self.common = self.data.len();
    }

    /// Changes a byte, durably.
    pub(super) fn flip(&mut self, offset: usize) -> bool {
        if let Some(byte) = self.durable.get_mut(offset) {
            *byte ^= 0x40;
        }
        let seen = self.data.get_mut(offset);
        seen.map(|byte| *byte ^= 0x40).is_some()
    }

    /// What is left when the power goes.
    pub(super) fn lost(&self) -> Node {
        Node::stable(self.durable.clone())
    }

    /// What is left when the power goes while the system was writing.
    pub(super) fn lost_in_part(&self, random: &mut Random) -> Node {
        if self.common < self.durable.len() {
            // The file was emptied and written again: either state may be on the disk.
            let whole = if random.below(2) == 0 {
                &self.durable
            } else {
                &self.data
            };
            return Node::stable(whole.clone());
        }
        let tail = self.data.len() - self.common;
        let kept = self.common + random.below(tail as u64 + 1) as usize;
        let mut left = self.data[..kept].to_vec();
        let mut place = self.common;
        while place < kept {
            let end = ((place / SECTOR + 1) * SECTOR).min(kept);
            if random.below(2) == 0 {
                left[place..end].fill(0);
            }
            place = end;
        }
        Node::stable(left)
    }

    fn stable(data: Vec<u8>) -> Node {
        Node {
            durable: data.clone(),
            common: data.len(),
            data,
        }
    }
}

/// Random numbers from a seed (splitmix64).
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number from 0 to `bound` - 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
