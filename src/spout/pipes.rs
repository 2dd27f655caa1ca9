//! stdin, stdout and signals: the only place where the spout thread waits.
//!
//! One `poll(2)` watches all of them, so no thread of its own is needed to drain stdin: it is read whenever the parent
//! has written, and stdout is non-blocking, so neither pipe can keep the other from moving. Storm nests acks inside
//! emits when it has no ackers; a child that blocks in a write would deadlock there.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, OFlags};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::input::Input;
use crate::multilang::Replies;
use crate::wake::Waker;

/// A nap: some twenty commands of a parent that waits for nothing.
const NAP: Duration = Duration::from_micros(200);

/// Of the pipe to the companion.
const PIPE_BYTES: usize = 1 << 20;

/// Both ends of the conversation with the parent.
pub struct Pipes {
    stdin: OwnedFd,
    stdout: OwnedFd,
    signals: Signals,
    waker: Waker,
    /// What the parent said.
    pub input: Input,
    /// What it is to hear.
    pub replies: Replies,
    /// stdin has ended.
    pub ended: bool,
    /// Nobody reads stdout any more.
    pub broken: bool,
}

impl Pipes {
    /// Takes stdin and stdout for the protocol alone: whatever a library prints goes to stderr from here on.
    ///
    /// # Errors
    /// The descriptors cannot be duplicated, or the signals not be caught.
    pub fn take(waker: Waker) -> io::Result<Self> {
        let stdin = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        let stdout = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
        Self::new(stdin, stdout, waker)
    }

    fn new(stdin: OwnedFd, stdout: OwnedFd, waker: Waker) -> io::Result<Self> {
        // A terminal's or a file's flags are shared with other processes; a pipe's end is ours alone.
        if FileType::from_raw_mode(rustix::fs::fstat(&stdout)?.st_mode) == FileType::Fifo {
            let flags = rustix::fs::fcntl_getfl(&stdout)?;
            rustix::fs::fcntl_setfl(&stdout, flags | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            stdin,
            stdout,
            signals: Signals::catch()?,
            waker,
            input: Input::default(),
            replies: Replies::default(),
            ended: false,
            broken: false,
        })
    }

    /// Lets the parent go on for a moment, so that it is read once for many commands, and needs to wake nobody for each.
    pub fn nap() {
        std::thread::sleep(NAP);
    }

    /// Asks for a larger pipe to the parent, where the system gives one: fewer turns between the two processes.
    pub fn widen(&self) {
        // As before if not: an unprivileged user has so much for all pipes together.
        let _ = rustix::pipe::fcntl_setpipe_size(&self.stdout, PIPE_BYTES);
    }

    /// Waits for the parent, a signal, a wake, or `until`, and reads once. Flush before: what is unsent is waited for, too.
    ///
    /// # Errors
    /// `poll(2)` or `read(2)` fail, which they do not on descriptors that are open.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        let (readable, broken) = self.poll(timeout)?;
        if broken {
            self.broken = true;
        }
        if readable {
            let buffer = self.input.buffer();
            match rustix::io::read(&self.stdin, rustix::buffer::spare_capacity(buffer)) {
                Ok(0) => self.ended = true,
                Ok(_) | Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether stdin has input, and whether stdout has lost its reader.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<(bool, bool)> {
        // A timeout that does not fit is a timeout that never comes.
        let timeout = timeout.and_then(|timeout| timeout.try_into().ok());
        let wanted = if self.replies.unsent() > 0 { PollFlags::OUT } else { PollFlags::empty() };
        // An ended or broken pipe is always ready: it must not be asked again.
        let stdin = if self.ended { self.waker.as_fd() } else { self.stdin.as_fd() };
        let stdout = if self.broken { self.waker.as_fd() } else { self.stdout.as_fd() };
        let mut fds = [
            PollFd::from_borrowed_fd(stdin, PollFlags::IN),
            PollFd::from_borrowed_fd(self.waker.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.pipe.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stdout, if self.broken { PollFlags::empty() } else { wanted }),
        ];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((false, false)),
            Err(error) => return Err(error.into()),
        }
        let readable = !self.ended && !fds[0].revents().is_empty();
        let broken = !self.broken && fds[3].revents().contains(PollFlags::ERR);
        if !fds[1].revents().is_empty() {
            self.waker.clear();
        }
        if !fds[2].revents().is_empty() {
            self.signals.drain();
        }
        Ok((readable, broken))
    }

    /// Writes what the pipe takes.
    pub fn flush(&mut self) {
        if !self.broken && self.replies.unsent() > 0 && self.replies.write_to(self.stdout.as_fd()).is_err() {
            self.broken = true;
        }
    }

    /// SIGTERM has come.
    pub fn terminated(&self) -> bool {
        self.signals.terminate.load(Ordering::Acquire)
    }

    /// SIGINT has come.
    pub fn interrupted(&self) -> bool {
        self.signals.interrupt.load(Ordering::Acquire)
    }
}

/// A signal sets its flag, then writes a byte; Storm sends SIGTERM twice within milliseconds, so a second one means
/// nothing more.
struct Signals {
    pipe: UnixStream,
    terminate: Arc<AtomicBool>,
    interrupt: Arc<AtomicBool>,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let (pipe, writer) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let signals = Self { pipe, terminate: Arc::default(), interrupt: Arc::default() };
        for (signal, flag) in [(SIGTERM, &signals.terminate), (SIGINT, &signals.interrupt)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(signals)
    }

    fn drain(&mut self) {
        let mut bytes = [0; 64];
        while rustix::io::read(&self.pipe, &mut bytes).is_ok_and(|count| count == bytes.len()) {}
    }
}
