//! One run of one row: submit it, let it get warm, measure, kill it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::cluster::{Cluster, Worker, built};
use super::counts::{self, Window};
use super::options::{Guarantee, Options, Pace};
use super::rows::Row;
use super::sample::{self, Sampler, now_millis};
use super::stop;
use super::topic::Topic;

const MAIN: &str = "io.github.kafkashellspout.bench.BenchTopology";

/// From the submission to the first tuple it takes 6 s when nothing else runs.
const FIRST_TUPLE_LIMIT: Duration = Duration::from_secs(90);

/// A worker that hangs in its own end is killed by the supervisor after 3 s.
const GONE_LIMIT: Duration = Duration::from_mins(1);

/// Of a worker's log, when a row fails.
const LOG_LINES: usize = 3;

/// The cluster, and the workers that are about to end on it.
pub struct Bench<'a> {
    /// What is asked.
    pub options: &'a Options,
    /// Where it runs.
    pub cluster: Cluster,
    jar: PathBuf,
    ending: Vec<i32>,
    runs: u32,
}

/// A topology that runs.
pub struct Running {
    name: String,
    /// Where its bolts write.
    pub dir: PathBuf,
    /// Its worker.
    pub worker: Worker,
}

/// What a run has in common with all of its comparison.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Ackers or none.
    pub guarantee: Guarantee,
    /// Of the spout; as many bolts and ackers.
    pub tasks: u32,
    /// Values begin with the time they were made at.
    pub latency: bool,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Tuples that the bolt had.
    pub tuples: u64,
    /// In so many seconds.
    pub seconds: f64,
    /// CPU of the worker's JVM meanwhile.
    pub worker_cpu: f64,
    /// CPU of the spout's processes meanwhile.
    pub spout_cpu: f64,
    /// Most memory of the spout's processes.
    pub spout_rss: u64,
    /// And of the worker.
    pub worker_rss: u64,
    /// The topic ended within the time.
    pub ran_out: bool,
}

impl Measured {
    /// Tuples a second.
    pub fn rate(&self) -> f64 {
        self.tuples as f64 / self.seconds
    }

    /// CPU seconds of a million tuples, worker and spout.
    pub fn cpu_per_million(&self) -> f64 {
        self.per_million(self.worker_cpu + self.spout_cpu)
    }

    /// So much of a million tuples.
    pub fn per_million(&self, cpu: f64) -> f64 {
        cpu / self.tuples as f64 * 1e6
    }
}

impl<'a> Bench<'a> {
    /// Starts the cluster.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(options: &'a Options, root: &Path) -> Result<Self> {
        let jar = built(root, "bench/target/bench.jar")?;
        let cluster = Cluster::start(root)?;
        // The launcher's commands are words, and the path of the sources may have spaces.
        let copy = cluster.dir.join("bench.jar");
        fs::copy(&jar, &copy).with_context(|| format!("{} to {}", jar.display(), copy.display()))?;
        Ok(Self { options, cluster, jar: copy, ending: Vec::new(), runs: 0 })
    }

    /// One run from begin to end.
    ///
    /// # Errors
    /// It could not be measured.
    pub fn run(&mut self, row: &Row, topic: &Topic, setting: Setting, pace: Pace) -> Result<Measured> {
        let running = self.submit(row, topic, setting)?;
        let measured = self.measure(row, &running, topic, pace);
        // Also after an error: the next one wants the machine for itself.
        let killed = self.kill(running);
        let measured = measured?;
        killed?;
        Ok(measured)
    }

    /// Submits the row and waits until it has a worker, and, if it is to emit something, for the first tuple.
    ///
    /// # Errors
    /// It does not start.
    pub fn submit(&mut self, row: &Row, topic: &Topic, setting: Setting) -> Result<Running> {
        self.runs += 1;
        let name = format!("{}-{}-{}", row.name, setting.guarantee.word(), self.runs);
        let dir = self.cluster.dir.join("bench").join(&name);
        fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        let settings = dir.join("settings");
        fs::write(&settings, self.settings(row, topic, setting, &name, &dir)?)
            .with_context(|| settings.display().to_string())?;
        let command = format!("submit-jar {} {MAIN} {name} {}", self.jar.display(), settings.display());
        self.cluster.command(&command)?;
        let worker = match self.wait_for_begin(&name, &dir, topic.records > 0) {
            Ok(worker) => worker,
            Err(error) => {
                // What is wrong with the row is worth more than what comes after it.
                let _ = self.cluster.command(&format!("kill-topology {name} 0"));
                return Err(error);
            }
        };
        Ok(Running { name, dir, worker })
    }

    fn settings(&self, row: &Row, topic: &Topic, setting: Setting, name: &str, dir: &Path) -> Result<String> {
        let Setting { guarantee, tasks, latency } = setting;
        let ackers = if guarantee == Guarantee::AtLeastOnce { tasks } else { 0 };
        let mut text = format!(
            "dir={}\nackers={ackers}\ntasks={tasks}\nbolts={tasks}\nlatency={}\ntopology.max.spout.pending={}\n\
             topology.worker.childopts={}\n",
            dir.display(),
            u8::from(latency),
            self.options.pending,
            self.options.worker_jvm
        );
        for (key, value) in row.settings(self.options, &self.cluster, topic, name)? {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{key}={value}");
        }
        Ok(text)
    }

    /// Waits for the first tuple, or only for the bolt, and for the end of the workers before.
    fn wait_for_begin(&mut self, name: &str, dir: &Path, tuples: bool) -> Result<Worker> {
        let begun = || {
            if let Some(log) = self.cluster.worker_log(name).filter(|log| log.contains("Async loop died")) {
                bail!("the worker has died; its log has:\n{}", complaints(&log));
            }
            Ok(counts::lines(dir)?.last().is_some_and(|line| line.count > 0 || !tuples).then_some(()))
        };
        if stop::wait_for(FIRST_TUPLE_LIMIT, begun)?.is_none() {
            let log = self.cluster.worker_log(name).unwrap_or_default();
            bail!("no tuple for {} s; the worker's log has:\n{}", FIRST_TUPLE_LIMIT.as_secs(), complaints(&log));
        }
        let ending = std::mem::take(&mut self.ending);
        let gone = stop::wait_for(GONE_LIMIT, || Ok(ending.iter().all(|pid| !sample::is_running(*pid)).then_some(())))?;
        ensure!(gone.is_some(), "the worker of the row before did not end within {} s", GONE_LIMIT.as_secs());
        let workers = self.cluster.workers(name)?;
        workers.into_iter().next().context("the topology has no worker any more")
    }

    fn measure(&mut self, row: &Row, running: &Running, topic: &Topic, pace: Pace) -> Result<Measured> {
        let Running { worker, dir, name } = running;
        ensure!(!row.has_child() || !worker.children.is_empty(), "the spout has no process any more");
        stop::sleep(pace.warm_up)?;
        let spouts = Sampler::start(worker.children.clone());
        let jvm = Sampler::start(vec![worker.pid]);
        let begin = now_millis();
        let slept = stop::sleep(pace.measure);
        let (spouts, jvm) = (spouts.finish(), jvm.finish());
        slept?;
        let window =
            counts::window(&counts::lines(dir)?, begin, now_millis(), row.reads_kafka().then_some(topic.records));
        let log = || complaints(&self.cluster.worker_log(name).unwrap_or_default());
        let lives = worker.children.iter().chain([&worker.pid]).all(|pid| sample::is_running(*pid));
        ensure!(lives, "the worker or the spout ended meanwhile; the worker's log has:\n{}", log());
        let Some(window) = window.filter(|window| window.tuples() > 0) else {
            bail!("no tuple came meanwhile; either the topic ended before, or the worker's log tells:\n{}", log())
        };
        let Window { first, last, ran_out } = window;
        Ok(Measured {
            tuples: window.tuples(),
            seconds: window.seconds(),
            worker_cpu: (last.cpu_nanos - first.cpu_nanos) as f64 / 1e9,
            spout_cpu: sample::cpu_between(&spouts, first.millis, last.millis),
            spout_rss: sample::most_rss(&spouts, first.millis, last.millis),
            worker_rss: sample::most_rss(&jvm, first.millis, last.millis),
            ran_out,
        })
    }

    /// Ends it. That it has ended is waited for only when the next one has begun: both take some seconds.
    ///
    /// # Errors
    /// The cluster's.
    pub fn kill(&mut self, running: Running) -> Result<()> {
        self.ending.extend(running.worker.children);
        self.ending.push(running.worker.pid);
        self.cluster.command(&format!("kill-topology {} 0", running.name))?;
        Ok(())
    }
}

/// What in a worker's log tells why it went wrong.
fn complaints(log: &str) -> String {
    let bad =
        log.lines().filter(|line| line.contains("ERROR") || line.contains("Exception:") || line.contains("Caused by"));
    let lines: Vec<String> = bad.take(LOG_LINES).map(|line| format!("    {line}")).collect();
    if lines.is_empty() { "    (no error)".to_owned() } else { lines.join("\n") }
}
