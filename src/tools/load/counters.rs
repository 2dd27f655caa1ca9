//! What passes between the thread that plays a child's parent and the one that takes samples.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64};

/// What is counted while it happens; read by the sampler.
#[derive(Debug, Default)]
pub struct Counters {
    /// Of the child; 0 before it runs and after its end.
    pub pid: AtomicI32,
    /// `next` commands answered.
    pub nexts: AtomicU64,
    /// Tuples.
    pub emits: AtomicU64,
    /// `ack` commands answered.
    pub acks: AtomicU64,
    /// `fail` commands answered.
    pub fails: AtomicU64,
    /// Whether `--nexts` is reached.
    pub done: AtomicBool,
}
