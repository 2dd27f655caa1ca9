//! The encoded tuples that are kept for replay until they are acked.
//!
//! Frames are appended to chunks of [`CHUNK_BYTES`]; a chunk is used again when its last frame is released. Keeping
//! a record thus costs no allocation of its own, and a replay needs neither a seek nor a second fetch.

/// Size of a chunk, in bytes. One slow tuple pins at most this much.
const CHUNK_BYTES: usize = 64 << 10;

/// Empty chunks kept for reuse; what is above goes back to the allocator.
const SPARE_CHUNKS: usize = 64;

/// One kept frame. Give it back with [`KeptBytes::release`].
#[derive(Debug)]
pub enum Kept {
    /// A part of a chunk.
    Shared {
        /// Index of the chunk.
        chunk: u32,
        /// Where the frame begins in it.
        start: u32,
        /// Its length.
        len: u32,
    },
    /// A frame that has failed: moved out, so that a poison record pins nothing but itself.
    Own(Box<[u8]>),
}

/// The owner of all kept frames of a task.
#[derive(Debug, Default)]
pub struct KeptBytes {
    chunks: Vec<Chunk>,
    empty: Vec<u32>,
    current: Option<u32>,
    held: usize,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    live: u32,
}

impl KeptBytes {
    /// Bytes held, frames already released in a chunk that is still pinned included.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Keeps the frame that `write` appends; `hint` is about how long it will be.
    pub fn keep(&mut self, hint: usize, write: impl FnOnce(&mut Vec<u8>)) -> Kept {
        let index = self.chunk_for(hint);
        let chunk = &mut self.chunks[index as usize];
        let start = chunk.bytes.len();
        write(&mut chunk.bytes);
        let len = chunk.bytes.len() - start;
        chunk.live += 1;
        self.held += len;
        // A frame is far below 4 GiB: librdkafka caps a record at 1 GB, and a chunk takes nothing after 64 KiB.
        Kept::Shared { chunk: index, start: start as u32, len: len as u32 }
    }

    /// The frame.
    pub fn get<'a>(&'a self, kept: &'a Kept) -> &'a [u8] {
        match kept {
            Kept::Shared { chunk, start, len } => {
                &self.chunks[*chunk as usize].bytes[*start as usize..][..*len as usize]
            }
            Kept::Own(bytes) => bytes,
        }
    }

    /// Moves a frame out of its chunk.
    pub fn move_out(&mut self, kept: Kept) -> Kept {
        let own = match kept {
            Kept::Shared { .. } => self.get(&kept).into(),
            Kept::Own(_) => return kept,
        };
        self.release(kept);
        let own: Box<[u8]> = own;
        self.held += own.len();
        Kept::Own(own)
    }

    /// Lets a frame go.
    pub fn release(&mut self, kept: Kept) {
        match kept {
            Kept::Own(bytes) => self.held -= bytes.len(),
            Kept::Shared { chunk: index, .. } => {
                let chunk = &mut self.chunks[index as usize];
                chunk.live -= 1;
                if chunk.live == 0 {
                    self.held -= chunk.bytes.len();
                    chunk.bytes.clear();
                    if self.current != Some(index) {
                        self.retire(index);
                    }
                }
            }
        }
    }

    fn chunk_for(&mut self, hint: usize) -> u32 {
        if let Some(index) = self.current {
            let bytes = &self.chunks[index as usize].bytes;
            if bytes.is_empty() || bytes.len() + hint <= bytes.capacity().min(CHUNK_BYTES) {
                return index;
            }
        }
        let index = self.empty.pop().unwrap_or_else(|| {
            self.chunks.push(Chunk::default());
            (self.chunks.len() - 1) as u32
        });
        self.chunks[index as usize].bytes.reserve(hint.max(CHUNK_BYTES));
        self.current = Some(index);
        index
    }

    fn retire(&mut self, index: u32) {
        let bytes = &mut self.chunks[index as usize].bytes;
        if self.empty.len() >= SPARE_CHUNKS || bytes.capacity() > 2 * CHUNK_BYTES {
            *bytes = Vec::new();
        }
        self.empty.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_stay_whole_and_memory_comes_back(
            steps in prop::collection::vec((0..3u8, 1..90_000usize, any::<prop::sample::Index>()), 1..120),
        ) {
            let mut store = KeptBytes::default();
            let mut frames: Vec<(Kept, Vec<u8>)> = Vec::new();
            for (number, (what, len, which)) in steps.into_iter().enumerate() {
                match what {
                    0 if !frames.is_empty() => {
                        let (kept, _) = frames.swap_remove(which.index(frames.len()));
                        store.release(kept);
                    }
                    1 if !frames.is_empty() => {
                        let (kept, bytes) = frames.swap_remove(which.index(frames.len()));
                        frames.push((store.move_out(kept), bytes));
                    }
                    _ => {
                        let bytes = vec![number as u8; len];
                        frames.push((store.keep(len / 2, |out| out.extend_from_slice(&bytes)), bytes));
                    }
                }
                for (kept, bytes) in &frames {
                    prop_assert_eq!(store.get(kept), &bytes[..]);
                }
                prop_assert!(store.held() >= frames.iter().map(|(_, bytes)| bytes.len()).sum());
            }
            for (kept, _) in frames {
                store.release(kept);
            }
            prop_assert_eq!(store.held(), 0);
        }
    }

    #[test]
    fn a_steady_flow_uses_the_same_few_chunks_again() {
        let mut store = KeptBytes::default();
        let mut window = std::collections::VecDeque::new();
        for _ in 0..100_000 {
            window.push_back(store.keep(200, |out| out.resize(out.len() + 200, b'x')));
            if window.len() > 1000 {
                store.release(window.pop_front().expect("window"));
            }
        }
        assert!(store.chunks.len() <= 5, "{} chunks for 200 kB in flight", store.chunks.len());
        assert!(store.chunks.iter().all(|chunk| chunk.bytes.capacity() <= CHUNK_BYTES));
    }
}
