//! Servers that end and come back while the spout works.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use procfs::net::TcpState;

use super::alone;
use super::support::conf::Conf;
use super::support::kafka::Topic;
use super::support::parent::FakeParent;
use super::support::stack::stack;
use super::support::wire::Emit;
use super::support::{proc, report, zk};

const PARTITIONS: i32 = 4;
const EACH: usize = 50;

struct Reader {
    topic: Topic,
    conf: Conf,
    parent: FakeParent,
    /// How often each record came, by partition and offset.
    seen: BTreeMap<(i64, i64), usize>,
    expected: usize,
}

impl Reader {
    fn new(configure: impl FnOnce(Conf) -> Conf) -> Self {
        let topic = Topic::new("restarts", PARTITIONS);
        let conf = configure(Conf::new(&[&topic]).fields(&["partition", "offset"]));
        let parent = FakeParent::activated(&conf);
        let mut reader = Self { topic, conf, parent, seen: BTreeMap::new(), expected: 0 };
        reader.produce_and_read();
        reader
    }

    fn produce_and_read(&mut self) {
        for partition in 0..PARTITIONS {
            self.topic.produce(partition, (0..EACH).map(|number| number.to_string()));
        }
        self.expected += EACH * PARTITIONS as usize;
        while self.seen.len() < self.expected {
            let emits = self.parent.collect_at_least(1);
            self.take(&emits);
        }
    }

    fn take(&mut self, emits: &[Emit]) {
        for emit in emits {
            *self.seen.entry((emit.integer(0), emit.integer(1))).or_default() += 1;
        }
        self.parent.ack_all(emits);
    }

    fn is_stored(&self) {
        for partition in 0..PARTITIONS {
            zk::wait_for_offset(&self.conf.node(partition), (self.expected / PARTITIONS as usize) as i64);
        }
    }

    /// Nothing came twice, nothing is left over.
    fn finish(mut self) {
        // What was in trouble while the server was away is asked for again by now, at the latest.
        assert_eq!(self.parent.idle(Duration::from_secs(4)), []);
        assert!(self.seen.values().all(|times| *times == 1), "{:?}", self.seen);
        let sockets = proc::sockets(self.parent.pid());
        assert_eq!(proc::count(&sockets, &TcpState::CloseWait), 0, "{sockets:?}");
        assert!(sockets.len() <= 4, "{sockets:?}");
        self.parent.finish();
    }
}

#[test]
fn a_broker_that_is_killed_and_comes_back_is_read_on_without_a_gap_or_a_repetition() {
    let _alone = alone();
    let mut reader = Reader::new(|conf| conf);
    for _ in 0..2 {
        stack().order("kill kafka");
        assert_eq!(reader.parent.idle(Duration::from_secs(2)), []);
        stack().order("start kafka");
        let begun = Instant::now();
        reader.produce_and_read();
        report(&format!("broker is back: all of it read after {:?}", begun.elapsed()));
        reader.is_stored();
    }
    reader.finish();
}

#[test]
fn a_broker_that_restarts_in_order_is_read_on_without_a_gap_or_a_repetition() {
    let _alone = alone();
    let mut reader = Reader::new(|conf| conf);
    stack().order("stop kafka");
    assert_eq!(reader.parent.idle(Duration::from_millis(500)), []);
    reader.parent.deactivate();
    reader.parent.activate();
    assert_eq!(reader.parent.idle(Duration::from_millis(500)), []);
    stack().order("start kafka");
    reader.produce_and_read();
    reader.is_stored();
    reader.finish();
}

#[test]
fn offsets_follow_a_zookeeper_that_was_away_for_longer_than_the_session() {
    let _alone = alone();
    let mut reader = Reader::new(|conf| conf.spout("zookeeper.session.timeout.ms", 1500));
    reader.is_stored();
    let pid = reader.parent.pid();
    let before = proc::resident(pid);
    stack().order("kill zookeeper");
    for _ in 0..6 {
        reader.produce_and_read();
        assert_eq!(reader.parent.idle(Duration::from_secs(1)), []);
    }
    let grown = proc::resident(pid).saturating_sub(before);
    stack().order("start zookeeper");
    let begun = Instant::now();
    reader.is_stored();
    report(&format!(
        "ZooKeeper is back: offsets stored after {:?}; {} KiB more resident",
        begun.elapsed(),
        grown >> 10
    ));
    reader.produce_and_read();
    reader.is_stored();
    reader.finish();
}
