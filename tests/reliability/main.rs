//! What the spout keeps when the parts around it do not: a real Kafka and a real ZooKeeper that hang (SIGSTOP) or are
//! gone (SIGKILL), between them the program and a fake Storm parent.
//!
//! One test binary of its own, with servers of its own, since it takes them away from everybody.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod hung;
mod matrix;
mod outage;
mod restarts;
#[expect(dead_code, reason = "some states of the parts need several brokers")]
mod scene;
mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The servers are one test's at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
