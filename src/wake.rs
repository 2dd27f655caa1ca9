//! Wakes the spout thread out of `poll(2)`: from librdkafka's threads, the offsets thread and signal handlers.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// A wake descriptor; clones wake the same thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    eventfd: OwnedFd,
    /// A wake that has not been noticed yet: the next ones need no system call.
    pending: AtomicBool,
}

impl Waker {
    /// Makes the descriptor.
    ///
    /// # Errors
    /// The error of `eventfd(2)`: too many open files.
    pub fn new() -> std::io::Result<Self> {
        let eventfd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self(Arc::new(Inner { eventfd, pending: AtomicBool::new(false) })))
    }

    /// Makes the spout thread look around, now or when it next waits. Never blocks, takes no lock.
    pub fn wake(&self) {
        if !self.0.pending.swap(true, Ordering::AcqRel) {
            // It fails only when the counter is full, and then the thread wakes anyway.
            let _ = rustix::io::write(&self.0.eventfd, &1u64.to_ne_bytes());
        }
    }

    /// Forgets the wakes so far. Call it before looking at what they announce.
    pub fn clear(&self) {
        let mut count = [0; 8];
        // EAGAIN: nobody woke us.
        let _ = rustix::io::read(&self.0.eventfd, &mut count);
        // Acquire: what a wake that we swallow here announces must be seen after this call.
        self.0.pending.swap(false, Ordering::AcqRel);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.eventfd.as_fd()
    }
}
