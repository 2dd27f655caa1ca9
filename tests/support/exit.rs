//! How a child ended, and scenes that end it.

use std::time::Duration;

use super::report;

/// How a child ended.
#[derive(Debug)]
pub struct Exit {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// From the request to end, if there was one.
    pub took: Duration,
    /// Frames that the parent had not read.
    pub unread: Vec<Vec<u8>>,
    /// stderr.
    pub stderr: String,
}

impl Exit {
    /// Whether the child gave up closing when its second was over. Where nothing hangs it is the machine that was slow.
    pub fn is_abandoned(&self) -> bool {
        let reasons = ["does not let go", "does not answer", "does not confirm"];
        self.code == Some(69) && reasons.iter().any(|reason| self.stderr.contains(reason))
    }
}

/// Plays a scene that ends the child, again if the machine was too slow to show anything.
pub fn until_in_time<T>(name: &str, mut scene: impl FnMut() -> (Exit, T)) -> (Exit, T) {
    for _ in 0..5 {
        let (exit, rest) = scene();
        report(&format!("end by {name}: {:?}", exit.took));
        if !exit.is_abandoned() {
            return (exit, rest);
        }
    }
    panic!("end by {name}: the close was abandoned each time");
}
