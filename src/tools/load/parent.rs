//! Storm's part, for one child: what a ShellSpout does, strictly in turns.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::child::Child;
use super::counters::Counters;
use super::options::{Ending, LoadOptions};

/// Storm's executor sleeps so long when a `next` emitted nothing.
const IDLE_SLEEP: Duration = Duration::from_millis(1);

/// How long `--cycle` leaves a spout deactivated.
const PAUSE: Duration = Duration::from_secs(1);

/// How a child's life went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// From the start of the process to its answer to the handshake.
    pub handshake: Duration,
    /// From `activate` to the first tuple.
    pub first_tuple: Option<Duration>,
    /// From the signal, or the end of stdin, to the end of the process.
    pub end: Duration,
    /// Exit code; of a signal, 128 and its number, as a shell has it.
    pub code: i32,
    /// What it said on stderr last, if the code is not 0; empty if nothing.
    pub last_words: String,
    /// How many `error` commands it sent, and the last one's text.
    pub errors: (u64, Option<String>),
}

/// Plays until `stop`, then ends the child.
pub struct Parent<'a> {
    child: Child,
    options: &'a LoadOptions,
    counters: &'a Counters,
    outcome: Outcome,
    activated: Instant,
    /// Ids of the tuples that wait for their ack, in order of their emit.
    pending: VecDeque<(Instant, Box<RawValue>)>,
    random: fastrand::Rng,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    need_task_ids: Option<bool>,
    pid: Option<i64>,
}

/// What a frame was, once it is read.
enum Said {
    Sync,
    Emit { id: Option<Box<RawValue>>, wants_tasks: bool },
    Error(String),
    Log,
}

impl<'a> Parent<'a> {
    /// Starts the child and shakes hands.
    ///
    /// # Errors
    /// The program cannot be started, or is no multilang spout.
    pub fn start(words: &[String], handshake: &str, options: &'a LoadOptions, counters: &'a Counters) -> Result<Self> {
        let begun = Instant::now();
        let mut child = Child::start(words, Duration::from_secs(options.patience))?;
        counters.pid.store(child.pid(), Ordering::Relaxed);
        child.send(handshake)?;
        let answered = child.receive(|frame| {
            let pid = serde_json::from_slice::<Message>(frame).ok().and_then(|message| message.pid);
            pid.with_context(|| format!("is no multilang spout: its answer to the handshake is {}", shown(frame)))
        });
        answered.context("the handshake")?;
        let outcome = Outcome { handshake: begun.elapsed(), ..Outcome::default() };
        let random = fastrand::Rng::with_seed(child.pid() as u64);
        Ok(Self { child, options, counters, outcome, activated: Instant::now(), pending: VecDeque::new(), random })
    }

    /// Activates it, and asks for tuples and acks them until `stop`.
    ///
    /// # Errors
    /// The child says what is not multilang, gives no answer, or ends.
    pub fn play(&mut self, stop: &AtomicBool) -> Result<()> {
        self.command("activate")?;
        self.activated = Instant::now();
        let (mut next_due, mut cycle_due) = (self.activated, self.activated + self.cycle());
        while !stop.load(Ordering::Relaxed) {
            self.answer_pending()?;
            let now = Instant::now();
            if now >= cycle_due {
                self.pause()?;
                cycle_due = Instant::now() + self.cycle();
            }
            let emitted = match self.options.rate.period() {
                Some(period) if now >= next_due && self.may_ask() => {
                    // What was missed is not made up for.
                    next_due = (next_due + period).max(now);
                    self.next()?
                }
                _ => false,
            };
            if !emitted {
                std::thread::sleep(IDLE_SLEEP);
            }
        }
        Ok(())
    }

    /// Ends the child as `--end` says, and waits.
    ///
    /// # Errors
    /// It is still there when the patience ends, or does not answer `deactivate`.
    pub fn end(mut self) -> Result<Outcome> {
        if self.options.end == Ending::Term {
            self.command("deactivate")?;
        }
        let begun = Instant::now();
        match self.options.end {
            Ending::Term => self.child.signal(Signal::TERM),
            Ending::Kill => self.child.signal(Signal::KILL),
            Ending::Eof => {}
        }
        self.child.close_pipes();
        let Some(status) = self.child.wait_for_end(Duration::from_secs(self.options.patience))? else {
            bail!("was still there {} s after it was told to end, and was killed", self.options.patience);
        };
        self.counters.pid.store(0, Ordering::Relaxed);
        self.outcome.end = begun.elapsed();
        self.outcome.code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        if self.outcome.code != 0 {
            self.outcome.last_words = self.child.last_words();
        }
        Ok(self.outcome)
    }

    fn cycle(&self) -> Duration {
        // A hundred years are never.
        self.options.cycle.map_or(Duration::from_hours(876_000), Duration::from_secs)
    }

    fn may_ask(&self) -> bool {
        let asked = self.counters.nexts.load(Ordering::Relaxed);
        if self.options.nexts.is_some_and(|nexts| asked >= nexts) {
            self.counters.done.store(true, Ordering::Relaxed);
            return false;
        }
        (self.pending.len() as u64) < self.options.pending
    }

    fn next(&mut self) -> Result<bool> {
        let emitted = self.command("next")?;
        self.counters.nexts.fetch_add(1, Ordering::Relaxed);
        if emitted > 0 && self.outcome.first_tuple.is_none() {
            self.outcome.first_tuple = Some(self.activated.elapsed());
        }
        Ok(emitted > 0)
    }

    /// Acks or fails what is due.
    fn answer_pending(&mut self) -> Result<()> {
        let delay = Duration::from_millis(self.options.ack_delay);
        while self.pending.front().is_some_and(|(emitted, _)| emitted.elapsed() >= delay) {
            let Some((_, id)) = self.pending.pop_front() else { break };
            let failed = self.options.fail > 0.0 && self.random.f64() < self.options.fail;
            let (command, counter) = if failed { ("fail", &self.counters.fails) } else { ("ack", &self.counters.acks) };
            self.exchange(command, id.get())?;
            counter.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        self.command("deactivate")?;
        let begun = Instant::now();
        while begun.elapsed() < PAUSE {
            self.answer_pending()?;
            std::thread::sleep(IDLE_SLEEP);
        }
        self.command("activate")?;
        Ok(())
    }

    fn command(&mut self, command: &str) -> Result<u64> {
        self.exchange(command, "\"\"")
    }

    /// Sends a command and reads until its `sync`; gives the number of tuples that came.
    fn exchange(&mut self, command: &str, id: &str) -> Result<u64> {
        self.child.send(&format!("{{\"command\":\"{command}\",\"id\":{id}}}"))?;
        let mut emitted = 0;
        loop {
            match self.child.receive(read).with_context(|| format!("the answer to {command:?}"))? {
                Said::Sync => return Ok(emitted),
                Said::Log => {}
                Said::Error(text) => self.outcome.errors = (self.outcome.errors.0 + 1, Some(text)),
                Said::Emit { id, wants_tasks } => {
                    emitted += 1;
                    self.counters.emits.fetch_add(1, Ordering::Relaxed);
                    self.pending.extend(id.map(|id| (Instant::now(), id)));
                    if wants_tasks {
                        self.child.send("[1]")?;
                    }
                }
            }
        }
    }
}

fn read(frame: &[u8]) -> Result<Said> {
    let message: Message =
        serde_json::from_slice(frame).with_context(|| format!("is not multilang: {}", shown(frame)))?;
    let text = |message: &Message| message.msg.as_deref().unwrap_or_default().to_owned();
    match message.command.as_deref() {
        Some("sync") => Ok(Said::Sync),
        Some("emit") => Ok(Said::Emit {
            id: message.id.map(ToOwned::to_owned),
            // Storm answers with the tasks unless it is told not to.
            wants_tasks: message.need_task_ids.unwrap_or(true),
        }),
        Some("error") => Ok(Said::Error(text(&message))),
        Some("log" | "metrics") => Ok(Said::Log),
        _ => bail!("is no command that Storm knows: {}", shown(frame)),
    }
}

/// The beginning of a frame.
fn shown(frame: &[u8]) -> String {
    let text = String::from_utf8_lossy(frame);
    format!("{:?}", text.chars().take(200).collect::<String>())
}
