//! Partitions that get another leader while they are read.

use std::time::Duration;

use crate::load::Load;
use crate::reader::Reader;
use crate::support::brokers::{self, elect_preferred, group_coordinated_by, port_of, reassign, wait_for_leaders};
use crate::support::kafka::Topic;
use crate::support::stack::stack;
use crate::support::{proc, report, wait_for};
use crate::{LIMIT, SESSION, alone};

/// Broker 1 leads two, and has no copy of the others: Kafka shows no record before every copy in sync has it, and a
/// dead one is in sync for the length of a session.
const REPLICAS: &[&[i32]] = &[&[1, 2], &[1, 3], &[2, 3], &[3, 2]];
const ALL: [i32; 4] = [0, 1, 2, 3];
const LED_BY: [i32; 4] = [1, 1, 2, 3];

#[test]
fn a_leader_that_is_killed_and_comes_back_is_read_on_without_a_gap_or_a_repetition() {
    let _alone = alone();
    let topic = Topic::placed("killed", REPLICAS);
    let group = group_coordinated_by(1);
    let mut reader = Reader::begin(&topic, |conf| conf.spout("group.id", group.as_str()));
    let load = Load::start(&topic, &ALL);
    reader.keeps_up(&load, &ALL);
    reader.forget_pauses();
    stack().order("kill kafka-1");
    reader.meanwhile(|| wait_for_leaders(&topic, &[2, 3, 2, 3]));
    reader.keeps_up(&load, &ALL);
    let (its, others) = (reader.pause(&[0, 1]), reader.pause(&[2, 3]));
    report(&format!(
        "a leader is killed: its partitions pause {its:?} (Kafka's session {SESSION:?}), others {others:?}"
    ));
    assert!(its < 3 * SESSION && others < LIMIT, "{its:?} {others:?}");
    reader.meanwhile(|| stack().order("start kafka-1"));
    reader.meanwhile(brokers::wait_until_whole);
    reader.keeps_up(&load, &ALL);
    reader.forget_pauses();
    reader.meanwhile(elect_preferred);
    reader.meanwhile(|| wait_for_leaders(&topic, &LED_BY));
    reader.keeps_up(&load, &ALL);
    let pause = reader.pause(&ALL);
    report(&format!("leadership moves back to it: pause {pause:?}"));
    assert!(pause < SESSION, "{pause:?}");
    reader.has_all(load, &ALL);
    reader.is_copied(&group, &ALL);
    // Leaders, two to the coordinator, ZooKeeper.
    reader.settles_at(3 + 1 + 1 + 1);
    assert_eq!(reader.errors, [""; 0]);
    reader.finish();
}

#[test]
fn leadership_that_is_moved_in_order_under_load_makes_no_gap_and_no_repetition() {
    let _alone = alone();
    let partitions = [0, 1, 2];
    let topic = Topic::placed("moved", &[&[1, 2], &[2, 3], &[3, 1]]);
    let mut reader = Reader::begin(&topic, |conf| conf);
    let load = Load::start(&topic, &partitions);
    reader.keeps_up(&load, &partitions);
    // The same copies with another leader; then other brokers altogether, and back.
    let moves: [(&[&[i32]], [i32; 3]); 3] =
        [(&[&[2, 1], &[3, 2], &[1, 3]], [2, 3, 1]), (&[&[3], &[1], &[2]], [3, 1, 2]), (&[&[1], &[2], &[3]], [1, 2, 3])];
    for (replicas, led_by) in moves {
        reader.forget_pauses();
        reader.meanwhile(|| reassign(&topic, replicas));
        if replicas[0].len() > 1 {
            reader.meanwhile(elect_preferred);
        }
        reader.meanwhile(|| wait_for_leaders(&topic, &led_by));
        reader.keeps_up(&load, &partitions);
        let pause = reader.pause(&partitions);
        report(&format!("leadership moves to {led_by:?}, copies {replicas:?}: pause {pause:?}"));
        assert!(pause < SESSION, "{pause:?}");
    }
    reader.has_all(load, &partitions);
    assert_eq!(reader.errors, [""; 0]);
    reader.finish();
}

#[test]
fn the_connection_to_a_broker_that_leads_nothing_any_more_is_released() {
    let _alone = alone();
    let idle = Duration::from_secs(3);
    let partitions = [0, 1];
    let topic = Topic::placed("released", &[&[1], &[2]]);
    let group = group_coordinated_by(3);
    // A question about partitions may go to any broker that is connected, and is use.
    let mut reader = Reader::begin(&topic, |conf| {
        conf.spout("group.id", group)
            .spout("consumer.connections.max.idle.ms", idle.as_millis() as u64)
            .spout("partition.refresh.period.ms", 30_000)
    });
    let load = Load::start(&topic, &partitions);
    reader.keeps_up(&load, &partitions);
    let to_it = |reader: &Reader| proc::to_port(&proc::sockets(reader.pid()), port_of(2));
    assert!(to_it(&reader) >= 1);
    reader.meanwhile(|| reassign(&topic, &[&[1], &[1]]));
    reader.meanwhile(|| wait_for_leaders(&topic, &[1, 1]));
    let took = reader.until("the end of the connection", |reader| to_it(reader) == 0);
    report(&format!("the connection to a broker that leads nothing any more ends after {took:?} (idle time {idle:?})"));
    assert!(took < 3 * idle, "{took:?}");
    reader.keeps_up(&load, &partitions);
    // And it stays away, but for a question that any broker may be asked.
    wait_for("a second without it", || {
        let without = (0..10).all(|_| {
            reader.idle(Duration::from_millis(100));
            to_it(&reader) == 0
        });
        without.then_some(())
    });
    reader.has_all(load, &partitions);
    reader.settles_at(1 + 1 + 1 + 1);
    reader.finish();
}
