//! A real Storm cluster whose parts are killed and stopped at random while it works.

use std::time::{Duration, Instant};

#[expect(dead_code, reason = "the other tests on a cluster need more of it")]
#[path = "support/cluster.rs"]
mod support;

use support::submitted::Submitted;
use support::{PATIENCE, cluster, kill, report, wait_for};

/// For a longer run: how many records, how many blows, and the seed of an earlier run.
const RECORDS_VARIABLE: &str = "KAFKA_SHELL_SPOUT_CHAOS_RECORDS";
const BLOWS_VARIABLE: &str = "KAFKA_SHELL_SPOUT_CHAOS_BLOWS";
const SEED_VARIABLE: &str = "KAFKA_SHELL_SPOUT_CHAOS_SEED";

fn number<T: std::str::FromStr>(variable: &str, otherwise: impl FnOnce() -> T) -> T {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => otherwise(),
    }
}

/// Few records come slowly enough that blows fall while tuples are in flight. What the bolt never answers keeps its
/// offset back for some seconds: one that is stored too early shows at once.
const OF_FEW: &str = "sleep.ms=1 drop.one.in=1999 topology.message.timeout.secs=5";

/// So many are in flight at each blow without that.
const MANY: usize = 200_000;

/// What is done to the cluster.
#[derive(Debug, Clone, Copy)]
enum Blow {
    KillSpout,
    KillWorker,
    KillSupervisor,
    KillKafka,
    StopKafka,
    FreezeKafka,
    KillZooKeeper,
    FreezeZooKeeper,
}

const BLOWS: [Blow; 8] = [
    Blow::KillSpout,
    Blow::KillWorker,
    Blow::KillSupervisor,
    Blow::KillKafka,
    Blow::StopKafka,
    Blow::FreezeKafka,
    Blow::KillZooKeeper,
    Blow::FreezeZooKeeper,
];

impl Blow {
    /// Strikes, and mends after `time` what does not mend itself.
    fn strike(self, topology: &Submitted<'_>, time: Duration) {
        let for_a_while = |blow: &str, mend: &str| {
            cluster().command(blow);
            std::thread::sleep(time);
            cluster().command(mend);
        };
        match self {
            // Nobody is there to be killed while Storm is about to start another one.
            Self::KillSpout => kill(topology.wait_for_worker().children[0]),
            Self::KillWorker => kill(topology.wait_for_worker().pid),
            Self::KillSupervisor => for_a_while("kill supervisor", "start supervisor"),
            Self::KillKafka => for_a_while("kill kafka", "start kafka"),
            Self::StopKafka => for_a_while("stop kafka", "start kafka"),
            Self::FreezeKafka => for_a_while("freeze kafka", "thaw kafka"),
            Self::KillZooKeeper => for_a_while("kill zookeeper", "start zookeeper"),
            Self::FreezeZooKeeper => for_a_while("freeze zookeeper", "thaw zookeeper"),
        }
    }
}

/// Waits until the bolt has seen so many tuples; gives how many it has.
fn wait_until_seen(topology: &Submitted<'_>, count: usize) -> usize {
    let (mut most, mut since) = (0, Instant::now());
    while most < count {
        let seen = topology.seen_count();
        if seen > most {
            (most, since) = (seen, Instant::now());
        }
        assert!(since.elapsed() < 2 * PATIENCE, "the bolt has seen {most} of {count} tuples, and sees no more");
        std::thread::sleep(Duration::from_millis(20));
    }
    most
}

#[test]
fn nothing_is_lost_while_all_parts_are_killed_and_stopped_at_random() {
    let records = number(RECORDS_VARIABLE, || 20_000);
    let blows = number(BLOWS_VARIABLE, || 5);
    let seed = number(SEED_VARIABLE, || fastrand::u64(..));
    report(&format!("chaos: {records} records, {blows} blows, {SEED_VARIABLE}={seed}"));
    let mut random = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();
    let arguments = if records < MANY { OF_FEW } else { "" };
    let mut topology = Submitted::new(cluster(), "chaos", arguments);
    // Each kind before any comes twice.
    let mut kinds: Vec<Blow> = Vec::new();
    for number in 0..blows {
        // Each blow has records of its own to fall among, that most of them may not be through before it.
        let before = topology.produced();
        topology.produce(records * (number + 1) / blows - before);
        if kinds.is_empty() {
            kinds.extend(BLOWS);
        }
        let blow = kinds.swap_remove(random.usize(..kinds.len()));
        let at = wait_until_seen(&topology, before + random.usize(1..=records / blows / 4));
        let time = Duration::from_millis(random.u64(500..4000));
        let produced = topology.produced();
        report(&format!("chaos, {:?}: {blow:?} at {at} of {produced} tuples, for {time:?}", begun.elapsed()));
        blow.strike(&topology, time);
        topology.audit();
    }
    wait_for("a worker", || (!topology.workers().is_empty()).then_some(()));
    let again = topology.wait_for_all();
    report(&format!("chaos: {records} records, {blows} blows: 0 lost, {again} came again, {:?}", begun.elapsed()));
}
