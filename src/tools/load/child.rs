//! A spout process and its pipes.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child as Process, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::multilang::{FrameReader, MAX_FRAME_BYTES};
use crate::tools::inherit_nothing;

/// Of stderr, for the message when a child dies.
const LAST_WORDS: usize = 2000;

/// How long a wait for its end sleeps.
const GLANCE: Duration = Duration::from_millis(5);

/// The process. It is killed with all that it has started when it is dropped.
pub struct Child {
    process: Process,
    pipes: Option<(OwnedFd, OwnedFd)>,
    frames: FrameReader,
    last_words: Arc<Mutex<Vec<u8>>>,
    patience: Duration,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts it in a process group of its own: Ctrl-C is for us, and we end it as Storm would.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(words: &[String], patience: Duration) -> Result<Self> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inherit_nothing(&mut command);
        let mut process = command.spawn().with_context(|| format!("{} cannot be started", words[0]))?;
        let last_words = Arc::default();
        if let Some(pipe) = process.stderr.take() {
            collect(pipe, Arc::clone(&last_words));
        }
        let pipes = process.stdin.take().map(OwnedFd::from).zip(process.stdout.take().map(OwnedFd::from));
        if let Some((stdin, stdout)) = &pipes {
            for pipe in [stdin, stdout] {
                fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
            }
        }
        Ok(Self { process, pipes, frames: FrameReader::default(), last_words, patience, status: None })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.id() as i32
    }

    /// Writes a frame and its `end` line.
    ///
    /// # Errors
    /// The child reads nothing for as long as the patience lasts, or has gone.
    pub fn send(&mut self, frame: &str) -> Result<()> {
        let bytes = format!("{frame}\nend\n");
        let (mut rest, begun) = (bytes.as_bytes(), Instant::now());
        while !rest.is_empty() {
            let Some((stdin, _)) = &self.pipes else { bail!("its stdin is closed") };
            match rustix::io::write(stdin, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, begun, "does not read its stdin")?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.gone(&format!("stdin: {error}"))),
            }
        }
        Ok(())
    }

    /// Waits for the next frame and hands it to `read`.
    ///
    /// # Errors
    /// No whole frame comes for as long as the patience lasts, the child has gone, or `read` fails.
    pub fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        loop {
            let frame = self.frames.next_frame();
            if let Some(frame) = frame.map_err(|_| anyhow!("wrote {MAX_FRAME_BYTES} bytes without a line `end`"))? {
                return read(frame);
            }
            let Some((_, stdout)) = &self.pipes else { bail!("its stdout is closed") };
            match rustix::io::read(stdout, rustix::buffer::spare_capacity(self.frames.buffer())) {
                Ok(0) => return Err(self.gone("stdout has ended")),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, begun, "gave no answer")?,
                Err(error) => return Err(self.gone(&format!("stdout: {error}"))),
            }
        }
    }

    fn wait(&self, what: PollFlags, begun: Instant, problem: &str) -> Result<()> {
        let left = self.patience.saturating_sub(begun.elapsed());
        if left.is_zero() {
            bail!("{problem} for {} s{}", self.patience.as_secs(), self.last_words());
        }
        let Some((stdin, stdout)) = &self.pipes else { bail!("its pipes are closed") };
        let pipe = if what == PollFlags::OUT { stdin } else { stdout };
        let mut descriptors = [PollFd::from_borrowed_fd(pipe.as_fd(), what)];
        // A wait that was interrupted is tried again by the caller.
        let _ = poll(&mut descriptors, Some(&left.try_into()?));
        Ok(())
    }

    /// The error of a child that has closed a pipe: its end says more, if it comes soon.
    fn gone(&mut self, what: &str) -> anyhow::Error {
        let end = self.wait_for_end(Duration::from_secs(1)).ok().flatten();
        let words = self.last_words();
        match end {
            Some(status) => anyhow!("ended ({status}){words}"),
            None => anyhow!("{what}{words}"),
        }
    }

    /// What it wrote to stderr last, with a comma before it.
    pub fn last_words(&self) -> String {
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        let text = text.trim();
        if text.is_empty() { String::new() } else { format!("; its last words: {text}") }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid()) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }

    /// Closes its stdin and stdout.
    pub fn close_pipes(&mut self) {
        self.pipes = None;
    }

    /// Waits for the end; `None` if it does not come in that time.
    ///
    /// # Errors
    /// The system's.
    pub fn wait_for_end(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let begun = Instant::now();
        while self.status.is_none() && !self.has_ended() {
            if begun.elapsed() > time {
                return Ok(None);
            }
            std::thread::sleep(GLANCE);
        }
        if self.status.is_none() {
            self.kill_group();
            self.status = Some(self.process.wait()?);
        }
        Ok(self.status)
    }

    /// Whether only its exit status is left. That is not taken, so its number is nobody else's.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Pid::from_raw(self.pid()).is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), options), Ok(Some(_))))
    }

    /// What it has started goes with it.
    fn kill_group(&self) {
        if let Some(group) = Pid::from_raw(self.pid()) {
            // All of them may be gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be another's.
        if self.status.is_none() {
            self.kill_group();
            let _ = self.process.wait();
        }
    }
}

/// Keeps the end of what comes, until the child and all that it has started have closed it.
fn collect(mut pipe: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&buffer[..count]);
            let excess = kept.len().saturating_sub(LAST_WORDS);
            kept.drain(..excess);
        }
    });
}
