//! What the black-box tests stand on: a real Kafka and ZooKeeper, a fake Storm parent, and eyes on `/proc`.

pub mod brokers;
pub mod companion;
pub mod conf;
pub mod exit;
pub mod group;
pub mod kafka;
pub mod local;
pub mod parent;
pub mod parents;
pub mod proc;
pub mod proxy;
pub mod stack;
pub mod wire;
pub mod zk;

use std::io::Write as _;
use std::time::{Duration, Instant};

/// The limit of every wait. Far above what anything takes, so that a loaded machine decides no test.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `look` finds something.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_or(|| what.to_owned(), look)
}

/// The same; what was waited for is asked only when it was in vain.
pub fn wait_or<T>(what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {} s in vain for: {}", PATIENCE.as_secs(), what());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Prints a measured value past the test harness, which would keep it from the reader of a run that passes.
pub fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "measured: {line}");
}
