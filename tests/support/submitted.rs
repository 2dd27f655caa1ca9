//! A topology on the real cluster: the native spout, and a bolt that notes what it saw in files that outlive it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::kafka::{Topic, unique};
use super::{Cluster, PATIENCE, Worker, report, wait_or, zk};

/// Partitions of every topic here.
pub const PARTITIONS: usize = 4;

const LOG_LINES_SHOWN: usize = 40;

/// A submitted topology that reads a topic of its own; it is killed at the end of the test.
pub struct Submitted<'a> {
    /// Its name.
    pub name: String,
    cluster: &'a Cluster,
    topic: Topic,
    seen: TempDir,
    produced: usize,
}

/// One line of the bolt: a tuple.
pub struct Seen {
    /// `ack`, `fail` or `drop`.
    pub how: String,
    /// The spout's task.
    pub task: u32,
    /// The record's number.
    pub number: usize,
    /// Milliseconds since the epoch.
    pub millis: u64,
}

/// What passed between a spout's task, in one of its lives, and Storm, if the topology was submitted with `watch=1`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Whether Storm tracks tuples, or some of them.
    pub with_id: bool,
    /// Whether it does not.
    pub without_id: bool,
    /// Most tuples that were neither acked nor failed.
    pub in_flight: usize,
    /// How deep commands were nested in emits.
    pub nested: usize,
    /// Ids of tuples that came again though Storm had neither acked nor failed them.
    pub twice: Vec<String>,
    /// When Storm said `deactivate`, in milliseconds since the epoch.
    pub deactivated: Vec<u64>,
    /// Most tuples that came after a `deactivate` and before the next `activate`.
    pub inactive: usize,
    /// The longest time between two `nextTuple` of an active spout, in milliseconds.
    pub gap: u64,
}

impl<'a> Submitted<'a> {
    /// Makes a topic and submits the topology. `arguments` are more `KEY=VALUE`s for it.
    pub fn new(cluster: &'a Cluster, stem: &str, arguments: &str) -> Self {
        let name = unique(stem);
        let topic = Topic::new(stem, PARTITIONS as i32);
        let seen = tempfile::tempdir().expect("a directory");
        cluster.command(&format!(
            "submit {name} seen.dir={} kafka.spout.bootstrap.servers={} kafka.spout.topics={} \
             kafka.spout.zookeeper.connect={} kafka.spout.offset.commit.period.ms=200 \
             topology.message.timeout.secs=300 {arguments}",
            seen.path().display(),
            cluster.kafka,
            topic.name,
            cluster.zookeeper
        ));
        Self { name, cluster, topic, seen, produced: 0 }
    }

    /// Produces so many more records: number `n` goes to partition `n % PARTITIONS` and has offset `n / PARTITIONS`.
    pub fn produce(&mut self, count: usize) {
        let numbers = self.produced..self.produced + count;
        for partition in 0..PARTITIONS {
            let here = numbers.clone().filter(|number| number % PARTITIONS == partition);
            self.topic.produce(partition as i32, here.map(|number| number.to_string()));
        }
        self.produced += count;
    }

    /// Everything the bolt saw, over all its lives; each life's in its order.
    pub fn seen(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for text in self.notes("seen-") {
            seen.extend(text.lines().filter_map(Seen::parse));
        }
        seen
    }

    /// How many tuples the bolt saw, over all its lives; cheap enough to be asked again and again.
    pub fn seen_count(&self) -> usize {
        self.notes("seen-").iter().map(|text| memchr::memchr_iter(b'\n', text.as_bytes()).count()).sum()
    }

    /// What was seen of each life of each task of the spout.
    pub fn watched(&self) -> Vec<Watched> {
        self.notes("watch-").iter().map(|text| Watched::parse(text)).collect()
    }

    /// The whole lines of the files whose names begin so.
    fn notes(&self, kind: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.seen.path()).expect("the directory").flatten();
        let own = files.filter(|file| file.file_name().to_string_lossy().starts_with(kind));
        let read = own.map(|file| {
            let mut text = std::fs::read_to_string(file.path()).expect("a file of the topology");
            // A line without an end is being written.
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
            text
        });
        read.collect()
    }

    /// Numbers of the records that the bolt acked.
    pub fn acked(&self) -> BTreeSet<usize> {
        self.seen().iter().filter(|seen| seen.how == "ack").map(|seen| seen.number).collect()
    }

    /// Numbers of the records that the bolt failed.
    pub fn failed(&self) -> BTreeSet<usize> {
        self.seen().iter().filter(|seen| seen.how == "fail").map(|seen| seen.number).collect()
    }

    /// How many records there are.
    pub fn produced(&self) -> usize {
        self.produced
    }

    /// Waits until the bolt has acked that many different records.
    pub fn wait_for_acked(&self, count: usize) {
        self.wait_for_numbers(count, |seen| seen.how == "ack");
    }

    /// Waits until the bolt has seen that many different records, whatever its answers were.
    pub fn wait_for_seen(&self, count: usize) {
        self.wait_for_numbers(count, |_| true);
    }

    fn wait_for_numbers(&self, count: usize, wanted: impl Fn(&Seen) -> bool) {
        let (mut most, mut since) = (0, Instant::now());
        loop {
            // Which of them are wanted is asked only when there can be enough of them.
            let mut found = self.seen_count();
            if found >= count {
                let numbers: BTreeSet<usize> =
                    self.seen().iter().filter(|seen| wanted(seen)).map(|seen| seen.number).collect();
                found = numbers.len();
                if found >= count {
                    return;
                }
            }
            if found > most {
                (most, since) = (found, Instant::now());
            }
            let idle = since.elapsed();
            assert!(idle < PATIENCE, "{found} of {count} records have come, and no more do{}", self.log_tail());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until ZooKeeper has the ends of the logs.
    pub fn wait_for_ends(&self) {
        for partition in 0..PARTITIONS {
            let end = (self.produced / PARTITIONS + usize::from(partition < self.produced % PARTITIONS)) as i64;
            zk::wait_for_offset(&self.node(partition), end);
        }
    }

    /// Waits until all that was produced is acked, and until ZooKeeper has the ends of the logs; gives how many tuples
    /// came again.
    pub fn wait_for_all(&self) -> usize {
        self.wait_for_acked(self.produced);
        self.wait_for_ends();
        let seen = self.seen().len();
        report(&format!("{}: {} records, 0 lost, {} came again", self.name, self.produced, seen - self.produced));
        seen - self.produced
    }

    /// Of each partition, the first offset that was not acked.
    pub fn first_not_acked(&self) -> Vec<usize> {
        let acked = self.acked();
        let is_acked = |partition, offset| acked.contains(&(offset * PARTITIONS + partition));
        let first = |partition| (0..self.produced).take_while(|offset| is_acked(partition, *offset)).count();
        (0..PARTITIONS).map(first).collect()
    }

    /// No stored offset may be past a record that was never acked.
    pub fn audit(&self) {
        // In this order: an ack comes before its offset is stored.
        let stored = self.stored();
        let acked = self.acked();
        for (partition, stored) in stored.into_iter().enumerate() {
            let lost = (0..stored).find(|offset| !acked.contains(&(offset * PARTITIONS + partition)));
            assert_eq!(lost, None, "partition {partition}: {stored} is stored, and this offset was never acked");
        }
    }

    /// The stored offset of each partition.
    pub fn stored(&self) -> Vec<usize> {
        (0..PARTITIONS).map(|partition| zk::offset(&self.node(partition)).unwrap_or(0) as usize).collect()
    }

    fn node(&self, partition: usize) -> String {
        format!("/kafka-spout/{}-kafka/partition_{partition}", self.name)
    }

    /// Its workers that live now.
    pub fn workers(&self) -> Vec<Worker> {
        self.cluster.workers_of(&self.name)
    }

    /// What its workers have logged, over all their lives.
    pub fn log(&self) -> String {
        self.cluster.worker_logs(&self.name).into_iter().map(|(_, text)| text).collect()
    }

    /// Waits for one worker with one child.
    pub fn wait_for_worker(&self) -> Worker {
        self.wait_for_workers("one worker with one child", |workers| match workers {
            [worker] => worker.children.len() == 1,
            _ => false,
        })
        .remove(0)
    }

    /// Waits until the workers are as wanted.
    pub fn wait_for_workers(&self, what: &str, wanted: impl Fn(&[Worker]) -> bool) -> Vec<Worker> {
        let found = || Some(self.workers()).filter(|workers| wanted(workers));
        wait_or(|| format!("{what}, not {:?}{}", self.workers(), self.log_tail()), found)
    }

    /// Kills the topology, so many seconds after its deactivation, and waits for the end of its workers.
    pub fn kill(&self, wait: u32) {
        self.cluster.command(&format!("kill-topology {} {wait}", self.name));
        self.wait_for_workers("the end of all workers", <[Worker]>::is_empty);
    }

    /// What the supervisor extracted from the jar.
    pub fn resources(&self) -> PathBuf {
        let stormdist = self.cluster.local_dir().join("supervisor/stormdist");
        let id = format!("{}-", self.name);
        let dirs = std::fs::read_dir(&stormdist).expect("stormdist").flatten();
        let own = dirs.map(|dir| dir.path()).find(|dir| {
            let name = dir.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with(&id)
        });
        own.expect("the topology is on the supervisor").join("resources")
    }

    /// The end of the workers' logs, for the message of a test that fails.
    fn log_tail(&self) -> String {
        let mut tail = String::new();
        for (log, text) in self.cluster.worker_logs(&self.name) {
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n  ");
            tail.extend(["\n", &log.display().to_string(), ":\n  ", &last]);
        }
        tail
    }
}

impl Seen {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let how = words.next()?.to_owned();
        Some(Self {
            how,
            task: words.next()?.parse().ok()?,
            number: words.next()?.parse().ok()?,
            millis: words.next()?.parse().ok()?,
        })
    }
}

impl Watched {
    fn parse(text: &str) -> Self {
        let mut watched = Self::default();
        for line in text.lines() {
            let (what, value) = line.split_once(' ').unwrap_or((line, ""));
            match what {
                "with-id" => watched.with_id = true,
                "without-id" => watched.without_id = true,
                // The last line of each has the most.
                "in-flight" => watched.in_flight = value.parse().expect("a number"),
                "nested" => watched.nested = value.parse().expect("a number"),
                "twice" => watched.twice.push(value.to_owned()),
                "activate" => {}
                "deactivate" => watched.deactivated.push(value.parse().expect("a time")),
                "gap" => watched.gap = value.parse().expect("a time"),
                "inactive" => watched.inactive = value.parse().expect("a number"),
                _ => panic!("the spout's notes have the line {line:?}"),
            }
        }
        watched
    }
}

impl Drop for Submitted<'_> {
    /// Its slots are needed by the next test. A test that failed has said enough.
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.workers().is_empty() {
            self.kill(1);
        }
    }
}
