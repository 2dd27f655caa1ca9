//! A ZooKeeper that is away for long while the spout works as fast as it can.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::alone;
use super::support::conf::Conf;
use super::support::kafka::{Producer, Record, Topic};
use super::support::parent::FakeParent;
use super::support::stack::stack;
use super::support::wire::Emit;
use super::support::{proc, report, wait_for, zk};

/// For a longer outage, in seconds.
const SECONDS_VARIABLE: &str = "KAFKA_SHELL_SPOUT_OUTAGE_SECONDS";

const PARTITIONS: usize = 12;

/// Records that wait in Kafka, about: there is always one to emit.
const AHEAD: usize = 200_000;

/// Tuples that wait for their ack; fewer than may be in flight.
const WINDOW: usize = 1000;

/// What an outage may add to the resident memory, of whatever length: what is remembered is one offset a partition.
const GROWTH: u64 = 32 << 20;

/// A producer that keeps ahead of what is read.
struct Load {
    produced: Arc<AtomicUsize>,
    read: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(topic: Arc<Topic>) -> Self {
        let [produced, read] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let (sent, seen, end) = (Arc::clone(&produced), Arc::clone(&read), Arc::clone(&stop));
        let client = Producer::new(&stack().kafka, &[]);
        let work = move || {
            let value = [b'x'; 100];
            while !end.load(Ordering::Relaxed) {
                if sent.load(Ordering::Relaxed) - seen.load(Ordering::Relaxed) > AHEAD {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
                for number in 0..1000 * PARTITIONS {
                    let partition = (number % PARTITIONS) as i32;
                    client.enqueue(&topic.name, &Record { partition, value: Some(&value), ..Record::default() });
                }
                client.finish();
                sent.fetch_add(1000 * PARTITIONS, Ordering::Relaxed);
            }
        };
        Self { produced, read, stop, thread: Some(std::thread::spawn(work)) }
    }

    /// No more records; gives how many there are.
    fn end(&mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("ended once").join().expect("the producer");
        self.produced.load(Ordering::Relaxed)
    }
}

/// A parent that asks without a pause and acks in order, late.
struct Topology {
    parent: FakeParent,
    waiting: VecDeque<Emit>,
    /// By partition, the offset that has to come next.
    next: [i64; PARTITIONS],
    read: usize,
    largest: u64,
    looked: Instant,
}

impl Topology {
    fn step(&mut self, keep: usize) {
        let emits = self.parent.next().emits;
        for emit in &emits {
            let (partition, offset) = (emit.integer(0) as usize, emit.integer(1));
            assert_eq!(offset, self.next[partition], "partition {partition}");
            self.next[partition] += 1;
        }
        self.read += emits.len();
        self.waiting.extend(emits);
        while self.waiting.len() > keep {
            let emit = self.waiting.pop_front().expect("not empty");
            self.parent.ack(&emit);
        }
        if self.looked.elapsed() > Duration::from_millis(200) {
            self.looked = Instant::now();
            self.largest = self.largest.max(proc::resident(self.parent.pid()));
        }
    }

    /// Works for so long; gives the largest resident memory and the number of records.
    fn work(&mut self, time: Duration, load: &Load) -> (u64, usize) {
        let (begun, before) = (Instant::now(), self.read);
        self.largest = 0;
        while begun.elapsed() < time {
            self.step(WINDOW);
            load.read.store(self.read, Ordering::Relaxed);
        }
        (self.largest, self.read - before)
    }
}

#[test]
fn memory_stays_bounded_while_zookeeper_is_away_under_full_load() {
    let _alone = alone();
    let seconds = std::env::var(SECONDS_VARIABLE).map_or(10, |text| text.parse().expect(SECONDS_VARIABLE));
    let topic = Arc::new(Topic::new("outage", PARTITIONS as i32));
    let conf = Conf::new(&[&topic]).fields(&["partition", "offset", "value"]);
    let mut load = Load::start(Arc::clone(&topic));
    wait_for("a backlog", || (load.produced.load(Ordering::Relaxed) > AHEAD).then_some(()));
    let mut topology = Topology {
        parent: FakeParent::activated(&conf),
        waiting: VecDeque::new(),
        next: [0; PARTITIONS],
        read: 0,
        largest: 0,
        looked: Instant::now(),
    };
    // Prefetched records fill their queues first.
    topology.work(Duration::from_secs(5), &load);
    let (before, _) = topology.work(Duration::from_secs(5), &load);
    stack().order("kill zookeeper");
    let (during, records) = topology.work(Duration::from_secs(seconds), &load);
    stack().order("start zookeeper");
    let produced = load.end();
    let begun = Instant::now();
    while topology.read < produced {
        topology.step(WINDOW);
    }
    topology.step(0);
    for (partition, next) in topology.next.iter().enumerate() {
        zk::wait_for_offset(&conf.node(partition as i32), *next);
    }
    let took = begun.elapsed();
    topology.parent.finish();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    report(&format!(
        "ZooKeeper away for {seconds} s, {records} records read meanwhile ({} a second): largest RSS {:.1} MiB before, \
         {:.1} MiB during; the rest read and all offsets stored {took:?} after it was back; 0 of {produced} lost or repeated",
        records as u64 / seconds,
        mib(before),
        mib(during),
    ));
    assert!(during < before + GROWTH, "{before} bytes before, {during} during the outage");
}
