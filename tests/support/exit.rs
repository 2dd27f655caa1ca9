//! How a child is ended and how it ended, and scenes that end it.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::parent::FakeParent;
use super::wire::Message;
use super::{report, wait_for};

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

impl FakeParent {
    /// SIGTERM, as the supervisor and `ShellSpout.close` send it.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// SIGINT.
    pub fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    fn signal(&mut self, signal: Signal) {
        self.asked.get_or_insert_with(Instant::now);
        kill_process(Pid::from_raw(self.pid() as i32).expect("a pid"), signal).expect("the child lives");
    }

    /// The end of stdin.
    pub fn close_stdin(&mut self) {
        self.asked.get_or_insert_with(Instant::now);
        self.stdin = None;
    }

    /// The end of the parent's interest in stdout.
    pub fn close_stdout(&mut self) {
        self.asked.get_or_insert_with(Instant::now);
        self.stdout = None;
    }

    /// Waits for the child's end. Nobody reads stdout meanwhile.
    pub fn wait_for_exit(mut self) -> Exit {
        let status = wait_for("the child's end", || self.child.try_wait().expect("wait"));
        let took = self.asked.map_or(Duration::ZERO, |asked| asked.elapsed());
        let begun = Instant::now();
        while self.stdout.is_some() && self.read_some(begun) {}
        let mut unread: Vec<Vec<u8>> = std::iter::from_fn(|| self.buffered_frame()).collect();
        if self.answers_ahead && !self.binary {
            unread.retain(|frame| !matches!(Message::read(frame.clone()), Message::Emit(_) | Message::Sync));
        }
        assert!(status.code().is_some() || status.signal() == Some(9), "{status}; {}", self.account());
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().expect("no panic there");
        }
        Exit { code: status.code(), took, unread, stderr: self.stderr() }
    }

    /// Ends the child as the end of a worker does, and checks that all its answers have been read and that it was
    /// content.
    pub fn finish(mut self) {
        self.close_stdin();
        let exit = self.wait_for_exit();
        assert!(exit.unread.is_empty() && (exit.code == Some(0) || exit.is_abandoned()), "{exit:?}");
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
