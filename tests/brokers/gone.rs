//! A broker that is gone for good.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::reader::Reader;
use crate::support::brokers::{group_coordinated_by, wait_for_leaders};
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{report, zk};
use crate::{LIMIT, alone};

/// After so long what is away is an error.
pub const GRACE: Duration = Duration::from_secs(10);

/// How many there are, for long enough that the partitions are asked for again and again.
fn most_sockets(reader: &mut Reader) -> usize {
    let (begun, mut most) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(4) {
        reader.idle(Duration::from_millis(50));
        // Two leaders, two to the coordinator, ZooKeeper, and one on its way.
        most = most.max(reader.sockets(2 + 2 + 1 + 1).len());
    }
    most
}

#[test]
fn a_broker_that_is_gone_for_good_stops_nothing_of_a_replicated_topic() {
    let _alone = alone();
    let partitions = [0, 1, 2];
    let topic = Topic::placed("gone", &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]]);
    let mut reader = Reader::begin(&topic, |conf| conf);
    let load = Load::start(&topic, &partitions);
    reader.keeps_up(&load, &partitions);
    stack().order("kill kafka-2");
    reader.meanwhile(|| wait_for_leaders(&topic, &[1, 3, 3]));
    reader.keeps_up(&load, &partitions);
    let most = most_sockets(&mut reader);
    reader.keeps_up(&load, &partitions);
    assert_eq!(reader.errors, [""; 0]);
    let exit = reader.end(FakeParent::terminate);
    report(&format!("a broker is gone: at most {most} sockets, SIGTERM {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
    // A process that never knew it.
    let begun = Instant::now();
    reader.begin_again();
    reader.keeps_up(&load, &partitions);
    report(&format!("a process that begins without it has caught up after {:?}", begun.elapsed()));
    reader.has_all(load, &partitions);
    assert_eq!(reader.errors, [""; 0]);
    let exit = reader.end(FakeParent::close_stdin);
    report(&format!("a broker is gone: end of stdin {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
}

/// Partitions with one copy each; the load goes to 0 and 2, since nobody would take what goes to 1.
pub fn one_copy_each() -> (Topic, Reader, Load) {
    let topic = Topic::placed("only", &[&[1], &[2], &[3]]);
    topic.produce(1, (0..5).map(|number| number.to_string()));
    // Not one of those who go on: a broker holds back whatever is asked after a commit on the same connection, and a
    // commit waits for every copy in sync.
    let group = group_coordinated_by(2);
    let mut reader = Reader::begin(&topic, |conf| conf.spout("group.id", group));
    let load = Load::start(&topic, &[0, 2]);
    reader.keeps_up(&load, &[0, 2]);
    reader.until("the records of partition 1", |reader| reader.position(1) == 5);
    reader.until("their offset", |reader| zk::offset(&reader.conf.node(1)) == Some(5));
    (topic, reader, load)
}

#[test]
fn the_only_copy_of_a_partition_that_is_gone_stops_only_that_partition() {
    let _alone = alone();
    let (topic, mut reader, load) = one_copy_each();
    reader.forget_pauses();
    stack().order("kill kafka-2");
    reader.meanwhile(|| wait_for_leaders(&topic, &[1, -1, 3]));
    let most = most_sockets(&mut reader);
    reader.keeps_up(&load, &[0, 2]);
    let pause = reader.pause(&[0, 2]);
    let exit = reader.end(FakeParent::close_stdin);
    report(&format!(
        "a partition without a leader: the others pause {pause:?}, at most {most} sockets; end of stdin {:?}, exit code {:?}",
        exit.took, exit.code
    ));
    assert!(pause < LIMIT && exit.took < LIMIT && matches!(exit.code, Some(0 | 69)), "{pause:?} {exit:?}");
    let begun = Instant::now();
    reader.begin_again();
    reader.keeps_up(&load, &[0, 2]);
    report(&format!("a process that begins has caught up with the others after {:?}", begun.elapsed()));
    let exit = reader.end(FakeParent::terminate);
    report(&format!("a partition without a leader: SIGTERM {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.took < LIMIT && matches!(exit.code, Some(0 | 69)), "{exit:?}");
    reader.begin_again();
    // It comes back, and with it what it had.
    reader.meanwhile(|| stack().order("start kafka-2"));
    topic.produce(1, ["5"]);
    let begun = Instant::now();
    reader.until("the record of partition 1", |reader| reader.position(1) == 6);
    report(&format!("the leader is back: its partition is read after {:?}", begun.elapsed()));
    reader.has_all(load, &[0, 2]);
    reader.finish();
}

#[test]
fn a_partition_without_a_leader_is_named_in_storm_ui() {
    let _alone = alone();
    let (topic, mut reader, load) = one_copy_each();
    stack().order("kill kafka-2");
    reader.meanwhile(|| wait_for_leaders(&topic, &[1, -1, 3]));
    let begun = Instant::now();
    let name = format!("{}/1", topic.name);
    let told = |reader: &Reader| reader.errors.iter().any(|error| error.contains(&name));
    reader.until("an error that names the partition", |reader| told(reader) || begun.elapsed() > 3 * GRACE);
    report(&format!("a partition without a leader: after {:?} {:?}", begun.elapsed(), reader.errors));
    assert!(told(&reader), "{:?}", reader.errors);
    assert!(reader.errors.iter().all(|error| error.contains(&name)), "{:?}", reader.errors);
    // It is over when the leader is back.
    reader.meanwhile(|| stack().order("start kafka-2"));
    topic.produce(1, ["5"]);
    reader.until("the record of partition 1", |reader| reader.position(1) == 6);
    reader.has_all(load, &[0, 2]);
    reader.finish();
}

/// The start of a partition that was never read needs the ends of its log.
#[test]
fn a_partition_without_a_leader_from_the_start_is_named_in_storm_ui_and_stops_no_other() {
    let _alone = alone();
    let topic = Topic::placed("headless", &[&[2], &[1], &[3]]);
    stack().order("kill kafka-2");
    wait_for_leaders(&topic, &[-1, 1, 3]);
    let begun = Instant::now();
    let mut reader = Reader::begin(&topic, |conf| conf);
    let load = Load::start(&topic, &[1, 2]);
    reader.keeps_up(&load, &[1, 2]);
    let others = begun.elapsed();
    let name = format!("{}/0", topic.name);
    reader.until("an error", |reader| !reader.errors.is_empty());
    report(&format!(
        "a partition without a leader from the start: the others are read after {others:?}; after {:?} {:?}",
        begun.elapsed(),
        reader.errors
    ));
    assert!(begun.elapsed() < 3 * GRACE && reader.errors[0].contains(&name), "{:?}", reader.errors);
    let exit = reader.end(FakeParent::terminate);
    report(&format!("a partition without a leader from the start: SIGTERM {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.took < LIMIT && exit.code == Some(69) && exit.stderr.contains(&name), "{exit:?}");
}
