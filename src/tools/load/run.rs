//! One contender's run: its processes, and what was seen of them.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use super::contender::Contender;
use super::counters::Counters;
use super::handshake::handshake;
use super::options::LoadOptions;
use super::parent::{Outcome, Parent};
use super::sample::{Sample, Sampler};
use crate::sockets::{Census, Endpoint};

/// How often a sample is taken.
const PERIOD: Duration = Duration::from_secs(1);

/// How often it is looked whether there is a reason to end.
const GLANCE: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Debug)]
pub struct Run {
    /// The contender's name.
    pub name: String,
    /// One a second while it ran.
    pub samples: Vec<Sample>,
    /// One of each child that ended as it was told to.
    pub outcomes: Vec<Outcome>,
    /// What ended the run before its time: a child that is no spout, gave no answer, or ended.
    pub problem: Option<String>,
    /// The first limit that was broken.
    pub broken: Option<String>,
    /// Sockets toward the spouts' endpoints that nobody held and the kernel still worked on, right after the end.
    pub left: usize,
    /// In TIME_WAIT toward the spouts' endpoints, right after the end.
    pub time_wait: usize,
    /// Where the spouts' sockets led to.
    pub endpoints: BTreeSet<Endpoint>,
}

/// What all children of a run share.
struct Shared<'a> {
    contender: &'a Contender,
    options: &'a LoadOptions,
    conf: &'a Map<String, Value>,
    counters: &'a [Counters],
    stop: &'a AtomicBool,
    problem: Mutex<Option<String>>,
}

/// Runs it. `told` hears of each sample; `interrupted` ends it early.
///
/// # Errors
/// No directory for pid files, or no thread.
pub fn run(
    contender: &Contender,
    options: &LoadOptions,
    conf: &Map<String, Value>,
    brokers: &[i32],
    interrupted: &AtomicBool,
    mut told: impl FnMut(&Sample),
) -> Result<Run> {
    let pid_dir = tempfile::tempdir().context("a directory for pid files")?;
    let counters: Vec<Counters> = (0..options.spouts).map(|_| Counters::default()).collect();
    let stop = AtomicBool::new(false);
    let shared = Shared { contender, options, conf, counters: &counters, stop: &stop, problem: Mutex::default() };
    let mut sampler = Sampler::new(brokers.to_vec(), bootstrap(conf));
    let (mut seen, mut broken) = (vec![], None);
    let outcomes = std::thread::scope(|scope| -> Result<Vec<Outcome>> {
        let children = start(scope, &shared, pid_dir.path());
        let begun = Instant::now();
        let mut due = begun + PERIOD;
        while children.is_ok() && !shared.is_over(begun) && !interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(GLANCE.min(due.saturating_duration_since(Instant::now())));
            if Instant::now() >= due {
                // A machine that is too busy to look each second is looked at less often.
                due = (due + PERIOD).max(Instant::now());
                let sample = sampler.take(&counters);
                if broken.is_none() {
                    broken = options.limits.broken_by(&sample);
                }
                told(&sample);
                seen.push(sample);
            }
        }
        stop.store(true, Ordering::Relaxed);
        let join = |child: ScopedJoinHandle<Option<Outcome>>| child.join().ok().flatten();
        Ok(children?.into_iter().filter_map(join).collect())
    })?;
    let problem = shared.problem.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (left, time_wait) = remains(sampler.endpoints());
    let endpoints = sampler.endpoints().clone();
    Ok(Run { name: contender.name.clone(), samples: seen, outcomes, problem, broken, left, time_wait, endpoints })
}

type Children<'scope> = Vec<ScopedJoinHandle<'scope, Option<Outcome>>>;

fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared,
    pid_dir: &'scope std::path::Path,
) -> Result<Children<'scope>> {
    let mut children = vec![];
    for index in 0..shared.counters.len() {
        let child = std::thread::Builder::new()
            .name(format!("parent-{index}"))
            .spawn_scoped(scope, move || shared.live(index, pid_dir))
            .context("a thread for a child")?;
        children.push(child);
    }
    Ok(children)
}

impl Shared<'_> {
    /// The whole life of one child; the first that fails ends them all.
    fn live(&self, index: usize, pid_dir: &std::path::Path) -> Option<Outcome> {
        let counters = &self.counters[index];
        let result = self.try_live(index, pid_dir);
        let pid = counters.pid.swap(0, Ordering::Relaxed);
        result
            .inspect_err(|error| {
                let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
                let who = if pid == 0 { "a spout".to_owned() } else { format!("a spout (pid {pid})") };
                problem.get_or_insert_with(|| format!("{}: {who}: {error:#}", self.contender.name));
                self.stop.store(true, Ordering::Relaxed);
            })
            .ok()
    }

    fn try_live(&self, index: usize, pid_dir: &std::path::Path) -> Result<Outcome> {
        let handshake = handshake(pid_dir, self.conf, index, self.counters.len());
        let words = &self.contender.words;
        let mut parent = Parent::start(words, &handshake, self.options, &self.counters[index])?;
        parent.play(self.stop)?;
        parent.end()
    }

    fn is_over(&self, begun: Instant) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            return true;
        }
        match self.options.nexts {
            Some(_) => self.counters.iter().all(|counters| counters.done.load(Ordering::Relaxed)),
            None => begun.elapsed().as_secs() >= self.options.seconds,
        }
    }
}

/// The addresses that the spouts begin with, as far as they have one.
fn bootstrap(conf: &Map<String, Value>) -> Vec<Endpoint> {
    let servers = conf.get("kafka.spout.bootstrap.servers").and_then(Value::as_str).unwrap_or_default();
    let addresses = servers.split(',').filter_map(|server| server.trim().to_socket_addrs().ok());
    addresses.flatten().map(Endpoint::To).collect()
}

/// Sockets of nobody, and those in TIME_WAIT, toward these endpoints.
fn remains(endpoints: &BTreeSet<Endpoint>) -> (usize, usize) {
    let mut census = Census::default();
    census.look(std::process::id() as i32);
    let [orphans, time_wait] = [census.orphans(), census.time_wait()]
        .map(|found| endpoints.iter().filter_map(|endpoint| found.get(endpoint)).sum());
    (orphans, time_wait)
}
