//! A process whose output is read.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::sample;
use crate::stop;

/// A process that writes nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of a wait that a signal may end.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Between two looks at its CPU.
const PERIOD: Duration = Duration::from_millis(50);

/// It is killed when it is dropped, and when we are killed.
pub struct Process {
    child: Child,
    looked: Instant,
    cpu: Option<f64>,
}

impl Process {
    /// Starts it; stdin and stdout are as the command has them.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        // SAFETY: one system call between fork and exec, and no memory is touched.
        unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) };
        let child =
            command.spawn().with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        Ok(Self { child, looked: Instant::now(), cpu: None })
    }

    /// The same with both pipes.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn piped(command: &mut Command) -> Result<Self> {
        Self::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    /// What came, in the first part of the buffer; 0 bytes at the end.
    ///
    /// # Errors
    /// Nothing comes for long, a signal came, or the system's.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.look();
        let stdout = self.child.stdout.as_ref().context("its stdout is no pipe")?;
        let begun = Instant::now();
        loop {
            match poll(&mut [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN)], Some(&GLANCE)) {
                Ok(0) => ensure!(begun.elapsed() < PATIENCE, "it has written nothing for {} s", PATIENCE.as_secs()),
                Ok(_) => match rustix::io::read(stdout, &mut *buffer) {
                    Err(Errno::INTR) => {}
                    result => return Ok(result?),
                },
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            stop::check()?;
        }
    }

    /// # Errors
    /// It has gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// CPU seconds when it was last looked at.
    pub fn cpu(&self) -> Option<f64> {
        self.cpu
    }

    fn look(&mut self) {
        if self.cpu.is_none() || self.looked.elapsed() > PERIOD {
            self.looked = Instant::now();
            self.cpu = sample::of(self.child.id() as i32).map(|(cpu, _)| cpu).filter(|cpu| *cpu > 0.0).or(self.cpu);
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It fails, or a signal came.
    pub fn wait(&mut self) -> Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("it ended with {status}");
                }
                return Ok(());
            }
            self.look();
            stop::sleep(Duration::from_millis(5))?;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
