//! More partitions than may lie fetched at once, with batches as large as producers make them.

use std::time::Duration;

use crate::support::companion::{FakeCompanion, Tuple, kind};
use crate::support::conf::Conf;
use crate::support::kafka::{Producer, Record, Topic};
use crate::support::stack::stack;
use crate::support::{proc, report, zk};

const PARTITIONS: i32 = 80;

/// Records of a partition: one batch of nearly a megabyte.
const RECORDS: usize = 8000;

const WINDOW: usize = 5000;

/// What was seen of each partition.
struct Seen {
    next: Vec<i64>,
    count: usize,
    resident: u64,
}

impl Seen {
    fn new() -> Self {
        Self { next: vec![0; PARTITIONS as usize], count: 0, resident: 0 }
    }

    /// Takes tuples, which have to come in order, none twice and none left out; acks them.
    fn take(&mut self, companion: &mut FakeCompanion, tuples: &[Tuple]) {
        for tuple in tuples {
            let next = &mut self.next[tuple.long(0) as usize];
            assert_eq!(tuple.long(1), *next, "partition {}", tuple.long(0));
            *next += 1;
        }
        self.count += tuples.len();
        self.resident = self.resident.max(proc::resident(companion.parent.pid()));
        companion.ack(tuples);
    }
}

fn conf(topic: &Topic) -> Conf {
    let value = "x".repeat(100);
    let producer = Producer::new(
        &stack().kafka,
        &[("linger.ms", "100"), ("batch.num.messages", "10000"), ("queue.buffering.max.messages", "1000000")],
    );
    let record = |partition| Record { partition, value: Some(value.as_bytes()), ..Record::default() };
    let records: Vec<Record<'_>> =
        (0..PARTITIONS).flat_map(|partition| std::iter::repeat_n(record(partition), RECORDS)).collect();
    topic.send_with(&producer, &records);
    Conf::new(&[topic]).fields(&["partition", "offset"]).spout("max.in.flight", WINDOW)
}

#[test]
fn what_lies_fetched_is_bounded_and_every_record_comes_once_and_in_order() {
    let topic = Topic::new("many", PARTITIONS);
    let conf = conf(&topic);
    let mut companion = FakeCompanion::activated(&conf);
    // Nothing is acked, so nothing more is taken, and the broker has time.
    let tuples = companion.collect(WINDOW);
    assert_eq!(companion.listen(Duration::from_secs(2)), []);
    let mut seen = Seen::new();
    seen.take(&mut companion, &tuples);
    let all = PARTITIONS as usize * RECORDS;
    while seen.count < all {
        let tuples = companion.collect(WINDOW.min(all - seen.count) / 2 + 1);
        seen.take(&mut companion, &tuples);
    }
    assert!(seen.next.iter().all(|next| *next == RECORDS as i64), "{:?}", seen.next);
    // A batch of each of them would be 350 MB.
    report(&format!("{} MB resident with {PARTITIONS} partitions of {RECORDS} records each", seen.resident >> 20));
    assert!(seen.resident < 180 << 20, "{} MB", seen.resident >> 20);
    for partition in 0..PARTITIONS {
        zk::wait_for_offset(&conf.node(partition), RECORDS as i64);
        topic.produce(partition, ["one more"]);
    }
    let tuples = companion.collect(PARTITIONS as usize);
    seen.take(&mut companion, &tuples);
    assert!(seen.next.iter().all(|next| *next == RECORDS as i64 + 1), "{:?}", seen.next);
    companion.finish();
}

#[test]
fn partitions_that_wait_for_their_turn_are_read_after_deactivate_and_activate_too() {
    let topic = Topic::new("many", PARTITIONS);
    let conf = conf(&topic);
    let mut companion = FakeCompanion::activated(&conf);
    let mut seen = Seen::new();
    let all = PARTITIONS as usize * RECORDS;
    while seen.count < all / 4 {
        let tuples = companion.collect(WINDOW / 2);
        seen.take(&mut companion, &tuples);
    }
    companion.send(kind::DEACTIVATE, &[]);
    let tuples = companion.listen(Duration::from_millis(500));
    seen.take(&mut companion, &tuples);
    companion.send(kind::ACTIVATE, &[]);
    while seen.count < all {
        let tuples = companion.collect(WINDOW.min(all - seen.count) / 2 + 1);
        seen.take(&mut companion, &tuples);
    }
    for partition in 0..PARTITIONS {
        zk::wait_for_offset(&conf.node(partition), RECORDS as i64);
    }
    companion.finish();
}

#[test]
fn partitions_with_a_full_window_keep_no_other_from_its_turn() {
    // Nothing is acked of these, so they stop at the limit with a batch fetched.
    const FULL: i64 = 40;
    const LIMIT: usize = 500;
    let topic = Topic::new("many", PARTITIONS);
    let conf = conf(&topic).spout("max.in.flight", 200_000).spout("max.uncommitted.offsets", LIMIT);
    let mut companion = FakeCompanion::activated(&conf);
    let others = (PARTITIONS as usize - FULL as usize) * RECORDS;
    let (mut count, all) = (0, others + FULL as usize * LIMIT);
    while count < all {
        let tuples = companion.collect((all - count).min(500));
        count += tuples.len();
        companion.ack(tuples.iter().filter(|tuple| tuple.long(0) >= FULL));
    }
    for partition in FULL as i32..PARTITIONS {
        zk::wait_for_offset(&conf.node(partition), RECORDS as i64);
    }
    companion.finish();
}
