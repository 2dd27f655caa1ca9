//! `load --plan`: what spouts hold, computed. The laws are librdkafka's, with the numbers measured; docs/sizing.md has
//! the measurements beside them.

use std::fmt::Write as _;

use super::options::LoadOptions;
use crate::kafka::Sizes;
use crate::spout::FETCHED_BYTES;
use crate::tools::table::Table;

/// Threads of a spout without those of librdkafka's brokers: ours, ZooKeeper's two, and four of each client.
const THREADS: u64 = 11;

/// Each of the two clients has a thread for every broker of the cluster, connected or not.
const THREADS_PER_BROKER: u64 = 2;

/// Descriptors that are neither sockets nor librdkafka's wake-up pipes.
const FILES: u64 = 20;

/// Two pipes of two ends, one pipe for each broker's thread.
const PIPES_PER_BROKER: u64 = 4;

/// The group's coordinator, by either client.
const COORDINATOR: u64 = 2;

/// A session.
const ZOOKEEPER: u64 = 1;

/// Each client asks one broker first, and closes that connection when it was idle for 30 s.
const BOOTSTRAP: u64 = 2;

/// Resident, in bytes.
const IDLE_BYTES: u64 = 11 << 20;
const BROKER_BYTES: u64 = 100 << 10;
/// What the allocator keeps, and answers under way.
const BUSY_BYTES: u64 = 50 << 20;
/// A producer makes none larger.
const BATCH_BYTES: u64 = 1 << 20;
/// A record of 100 bytes in a batch, and librdkafka's own beside it.
const RECORD_BYTES: u64 = 134;
const RECORD_OVERHEAD: u64 = 400;

/// What one spout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    partitions: u64,
    sockets: u64,
    sockets_at_start: u64,
    threads: u64,
    descriptors: u64,
    idle_bytes: u64,
    busy_bytes: u64,
}

/// Of the task with the most partitions, where all of them may be led by brokers of their own.
fn plan(brokers: u64, partitions: u64, tasks: u64) -> Plan {
    let partitions = partitions.div_ceil(tasks);
    let leaders = partitions.min(brokers);
    let sockets = leaders + COORDINATOR + ZOOKEEPER;
    let idle_bytes = IDLE_BYTES + brokers * BROKER_BYTES;
    // What lies fetched holds answers of brokers that are in part done with.
    let kept = (Sizes::of(0).records as u64 + BATCH_BYTES / RECORD_BYTES) * (RECORD_BYTES + RECORD_OVERHEAD);
    Plan {
        partitions,
        sockets,
        sockets_at_start: sockets + BOOTSTRAP,
        threads: THREADS + THREADS_PER_BROKER * brokers,
        descriptors: FILES + PIPES_PER_BROKER * brokers + sockets + BOOTSTRAP,
        idle_bytes,
        busy_bytes: idle_bytes + BUSY_BYTES + (partitions * kept).min(2 * FETCHED_BYTES as u64),
    }
}

/// For people.
pub fn text(options: &LoadOptions) -> String {
    let (brokers, partitions, tasks) =
        (u64::from(options.brokers), u64::from(options.partitions), u64::from(options.spouts));
    let plan = plan(brokers, partitions, tasks);
    let mut table = Table::new(vec![String::new(), "one spout".to_owned(), format!("all {tasks}")]);
    let mut row = |name: &str, one: u64| {
        table.row(vec![name.to_owned(), one.to_string(), (one * tasks).to_string()]);
    };
    row("partitions, at most", plan.partitions);
    row("sockets: leaders + 2 for the coordinator + ZooKeeper", plan.sockets);
    row("sockets in the first 30 s", plan.sockets_at_start);
    row("open descriptors", plan.descriptors);
    row("threads: 11 + 2 for each broker of the cluster", plan.threads);
    row("memory when idle, MiB", plan.idle_bytes >> 20);
    row("memory under full load, 100-byte records, at most, MiB", plan.busy_bytes >> 20);
    let mut text = format!("{brokers} brokers, {partitions} partitions, {tasks} spouts\n\n{table}\n");
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "A broker sees at most {tasks} connections of readers, the group's coordinator {} more; ZooKeeper has {tasks} sessions.",
        COORDINATOR * tasks
    );
    if plan.threads > 500 {
        text.push_str(
            "librdkafka has a thread for every broker of the cluster, connected or not. They sleep; the limits of threads\n\
             and descriptors (ulimit -u, ulimit -n, pids.max of the cgroup) must allow for them. Fewer, larger spouts have\n\
             fewer; so has kafka.spout.offsets.mirror.group: false, which leaves out one client of two.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/sizing.md: brokers, partitions, tasks; then what was measured of one spout, and its memory in MiB.
    #[test]
    fn the_plan_is_what_was_measured() {
        for ((brokers, partitions, tasks), sockets, threads, rss) in [
            ((1, 1, 1), 4, 13, 17),
            ((1, 12, 1), 4, 13, 68),
            ((1, 100, 1), 4, 13, 129),
            ((1, 1000, 1), 4, 13, 146),
            ((3, 600, 50), 6, 17, 14),
        ] {
            let plan = plan(brokers, partitions, tasks);
            assert_eq!((plan.sockets, plan.threads), (sockets, threads), "{brokers} {partitions} {tasks}");
            assert!(plan.busy_bytes >> 20 >= rss, "{partitions}: {} MiB", plan.busy_bytes >> 20);
        }
        // One spout, 100 partitions, 100 brokers; without ZooKeeper, its two threads and its four descriptors.
        let plan = plan(100, 400, 1);
        assert_eq!((plan.threads - 2, plan.sockets - 1), (209, 102));
        assert!(plan.descriptors.abs_diff(518 + 4) <= 10, "{}", plan.descriptors);
    }
}
