//! The state of the spout as one JSON line in the log, for people and tools that watch it.

use procfs::process::Process;
use serde::Serialize;

use super::Spout;
use super::life::Life;
use super::slot::{Slot, Stage};
use crate::companion;
use crate::kafka;
use crate::multilang::Replies;
use crate::sockets::SocketCount;

/// Partitions in one line, those with the most lag: a log line is at most 8 KiB long.
const MAX_PARTITIONS: usize = 50;

/// What the line has, after the word `status`. Counters are since the start of the process.
#[derive(Debug, Serialize)]
struct Status<'a> {
    pid: u32,
    /// Storm's task id.
    task: i64,
    /// Whether Storm has said `activate` last.
    active: bool,
    in_flight: usize,
    emitted: u64,
    retried: u64,
    acked: u64,
    failed: u64,
    given_up: u64,
    lost_to_retention: u64,
    /// Records between the lowest one not done and the end of the log, over all partitions; null while an end is not known.
    lag: Option<i64>,
    rss_bytes: u64,
    /// User and system time of the process, in ms.
    cpu_ms: u64,
    /// By state, with the kernel's names.
    sockets: SocketCount,
    /// How many partitions are ours; more than `partitions` lists, if there are many.
    partition_count: usize,
    partitions: Vec<PartitionStatus<'a>>,
}

#[derive(Debug, Serialize)]
struct PartitionStatus<'a> {
    topic: &'a str,
    partition: i32,
    /// The next offset to read.
    position: i64,
    /// The lowest offset that is not done.
    acked: i64,
    /// The next offset to read that the store is known to have.
    committed: Option<i64>,
    /// The next offset to be written, as a fetch last said.
    end: Option<i64>,
    lag: Option<i64>,
}

impl Spout {
    /// Tells the companion the state.
    pub(super) fn tell_status(&self, replies: &mut Replies) {
        companion::status(&self.status().figures(), replies.frames());
    }

    /// Logs the state, if that is wanted.
    pub(super) fn report_status(&self) {
        match serde_json::to_string(&self.status()) {
            Ok(status) => tracing::info!("status {status}"),
            Err(error) => tracing::warn!("the status cannot be written: {error}"),
        }
    }

    fn status(&self) -> Status<'_> {
        let mut partitions: Vec<_> = self.slots.iter().map(|slot| self.partition_status(slot)).collect();
        let lag = partitions.iter().map(|partition| partition.lag).sum();
        if partitions.len() > MAX_PARTITIONS {
            partitions.sort_by_key(|partition| std::cmp::Reverse(partition.lag));
            partitions.truncate(MAX_PARTITIONS);
        }
        let totals = &self.flow.totals;
        let (rss_bytes, cpu_ms) = memory_and_time().unwrap_or_default();
        Status {
            pid: std::process::id(),
            task: self.context.task_id,
            active: matches!(self.life, Life::Open { active: true, .. }),
            in_flight: self.flow.in_flight(),
            emitted: totals.emitted,
            retried: totals.retried,
            acked: totals.acked,
            failed: totals.failed,
            given_up: totals.exhausted,
            lost_to_retention: totals.lost,
            lag,
            rss_bytes,
            cpu_ms,
            sockets: SocketCount::of_this_process().unwrap_or_default(),
            partition_count: self.slots.len(),
            partitions,
        }
    }

    fn partition_status<'a>(&self, slot: &'a Slot) -> PartitionStatus<'a> {
        let acked = if self.config.ackers { slot.tracker.commit_offset() } else { slot.handed };
        let end = match (&self.life, &slot.stage) {
            (Life::Open { consumer, .. }, Stage::Reading(_)) => {
                kafka::known_end(consumer, &slot.part.topic, slot.part.partition)
            }
            _ => None,
        };
        PartitionStatus {
            topic: &slot.part.topic,
            partition: slot.part.partition,
            position: slot.tracker.position(),
            acked,
            committed: slot.stored,
            end,
            lag: end.map(|end| (end - acked).max(0)),
        }
    }
}

impl Status<'_> {
    /// What a metric can take, by the names that storm-kafka's metric had where there was one.
    fn figures(&self) -> Vec<(String, i64)> {
        let mut figures: Vec<_> = [
            ("in_flight", self.in_flight as i64),
            ("emitted", self.emitted as i64),
            ("retried", self.retried as i64),
            ("acked", self.acked as i64),
            ("failed", self.failed as i64),
            ("given_up", self.given_up as i64),
            ("lost_to_retention", self.lost_to_retention as i64),
            ("rss_bytes", self.rss_bytes as i64),
            ("cpu_ms", self.cpu_ms as i64),
            ("sockets", self.sockets.total() as i64),
            ("partitions", self.partition_count as i64),
        ]
        .map(|(name, number)| (name.to_owned(), number))
        .into();
        figures.extend(self.lag.map(|lag| ("totalSpoutLag".to_owned(), lag)));
        for partition in &self.partitions {
            let name = |figure| format!("{}/partition_{}/{figure}", partition.topic, partition.partition);
            figures.push((name("latestEmittedOffset"), partition.position - 1));
            figures.push((name("latestCompletedOffset"), partition.acked - 1));
            figures.extend(partition.end.map(|end| (name("latestTimeOffset"), end)));
            figures.extend(partition.lag.map(|lag| (name("spoutLag"), lag)));
        }
        figures
    }
}

fn memory_and_time() -> procfs::ProcResult<(u64, u64)> {
    let stat = Process::myself()?.stat()?;
    let milliseconds = (stat.utime + stat.stime) * 1000 / procfs::ticks_per_second();
    Ok((stat.rss * procfs::page_size(), milliseconds))
}
