//! Nothing is lost when the spout is killed with -9 again and again.

use std::time::{Duration, Instant};

use crate::support::conf::Conf;
use crate::support::group::committed;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::wire::Emit;
use crate::support::{PATIENCE, report, wait_for, zk};

/// How many records; more for a longer run.
const RECORDS_VARIABLE: &str = "KAFKA_SHELL_SPOUT_STORM_RECORDS";
const PARTITIONS: usize = 12;
const KILLS: usize = 5;

/// Tuples that wait for their ack, in no order.
const WINDOW: usize = 300;

struct Ledger {
    /// Records of each partition that have been acked.
    acked: Vec<Vec<bool>>,
    distinct: usize,
    emitted: usize,
    random: fastrand::Rng,
}

impl Ledger {
    fn take(&mut self, emit: &Emit) {
        let (partition, offset) = (emit.integer(0) as usize, emit.integer(1) as usize);
        assert_eq!(emit.text(2), (offset * PARTITIONS + partition).to_string(), "the record is another one");
        if !std::mem::replace(&mut self.acked[partition][offset], true) {
            self.distinct += 1;
        }
    }

    /// One process, until `enough` distinct records are acked; gives the tuples that still wait, too.
    fn life(&mut self, conf: &Conf, enough: usize) -> (FakeParent, Vec<Emit>) {
        let mut parent = FakeParent::activated(conf);
        let mut waiting: Vec<Emit> = Vec::new();
        let mut last = Instant::now();
        while self.distinct < enough {
            let emits = parent.next().emits;
            if !emits.is_empty() {
                last = Instant::now();
            }
            assert!(last.elapsed() < PATIENCE, "{} of {enough} records have come, and no more do", self.distinct);
            self.emitted += emits.len();
            waiting.extend(emits);
            let keep = if last.elapsed() < Duration::from_millis(200) { WINDOW } else { 0 };
            while waiting.len() > keep && self.distinct < enough {
                let emit = waiting.swap_remove(self.random.usize(..waiting.len()));
                if self.random.u8(..) == 0 {
                    parent.fail(&emit);
                } else {
                    // Counted before it is said: a kill between the two must not look like a loss.
                    self.take(&emit);
                    parent.ack(&emit);
                }
            }
        }
        (parent, waiting)
    }

    /// No stored offset may be past a record that was never acked.
    fn audit(&self, stored: &dyn Fn(i32) -> Option<i64>) {
        for (partition, acked) in self.acked.iter().enumerate() {
            let stored = stored(partition as i32).unwrap_or(0) as usize;
            let lost = acked[..stored].iter().position(|acked| !acked);
            assert_eq!(lost, None, "partition {partition}: {stored} is stored, and this offset was never acked");
        }
    }
}

#[test]
fn nothing_is_lost_when_the_process_is_killed_with_minus_nine_again_and_again() {
    let records = std::env::var(RECORDS_VARIABLE).map_or(50_000, |text| text.parse().expect(RECORDS_VARIABLE));
    storm(records, |conf| conf, |conf, _, partition| zk::offset(&conf.node(partition)));
}

#[test]
fn the_same_with_the_offsets_in_the_group() {
    let in_group = |conf: Conf| conf.spout("offsets.store", "group");
    storm(20_000, in_group, |conf, topic, partition| {
        let group = format!("{}-kafka", conf.topology_name());
        Some(committed(&stack().kafka, &group, &topic.name, partition)?.0)
    });
}

fn storm(records: usize, store: impl Fn(Conf) -> Conf, stored: impl Fn(&Conf, &Topic, i32) -> Option<i64>) {
    let (each, seed) = (usize::div_ceil(records, PARTITIONS), fastrand::u64(..));
    let records = each * PARTITIONS;
    let topic = Topic::new("storm", PARTITIONS as i32);
    for partition in 0..PARTITIONS {
        topic.produce(partition as i32, (0..each).map(|offset| (offset * PARTITIONS + partition).to_string()));
    }
    let conf = Conf::new(&[&topic]).fields(&["partition", "offset", "value"]).spout("retry.max.delay.ms", 50);
    let conf = store(conf);
    let stored = |partition| stored(&conf, &topic, partition);
    let random = fastrand::Rng::with_seed(seed);
    let mut ledger = Ledger { acked: vec![vec![false; each]; PARTITIONS], distinct: 0, emitted: 0, random };
    let begun = Instant::now();
    for kill in 1..=KILLS {
        let (mut parent, _) = ledger.life(&conf, records * kill / (KILLS + 1));
        parent.kill();
        assert_eq!(parent.wait_for_exit().code, None);
        ledger.audit(&stored);
    }
    let (mut parent, waiting) = ledger.life(&conf, records);
    parent.ack_all(&waiting);
    // What comes now has come before; when it is acked, too, the offsets stand at the ends.
    wait_for("all offsets at the ends of their logs", || {
        let emits = parent.next().emits;
        ledger.emitted += emits.len();
        parent.ack_all(&emits);
        (0..PARTITIONS as i32).all(|partition| stored(partition) == Some(each as i64)).then_some(())
    });
    parent.finish();
    ledger.audit(&stored);
    report(&format!(
        "kill -9 storm: {records} records, {KILLS} kills, seed {seed}: 0 lost, {} emits more than records (retries and \
         duplicates), {:?}",
        ledger.emitted - records,
        begun.elapsed()
    ));
}
