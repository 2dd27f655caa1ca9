//! The broker that coordinates the group, when it leads nothing of ours.

use std::time::{Duration, Instant};

use crate::load::Load;
use crate::reader::Reader;
use crate::support::brokers::{add_partition, group_coordinated_by};
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{group, proc, report, wait_for};
use crate::{LIMIT, SESSION, alone};

/// Switching on again makes another client, which may ask the broker that hangs first.
const ACTIVATE_LIMIT: Duration = Duration::from_secs(5);

/// A spout whose partitions brokers 1 and 2 lead, and whose group broker 3 coordinates.
fn coordinated_by_3() -> (Topic, String, Reader, Load) {
    let topic = Topic::placed("coordinated", &[&[1], &[2]]);
    let group = group_coordinated_by(3);
    let mut reader = Reader::begin(&topic, |conf| conf.spout("group.id", group.as_str()));
    let load = Load::start(&topic, &[0, 1]);
    reader.keeps_up(&load, &[0, 1]);
    reader.meanwhile(|| {
        wait_for("a copy", || group::committed(&stack().kafka, &group, &topic.name, 0));
    });
    (topic, group, reader, load)
}

#[test]
fn a_coordinator_that_hangs_delays_neither_commits_nor_new_partitions_nor_an_end() {
    let _alone = alone();
    let (topic, _, mut reader, load) = coordinated_by_3();
    reader.forget_pauses();
    stack().order("freeze kafka-3");
    let begun = Instant::now();
    reader.keeps_up(&load, &[0, 1]);
    let stored = begun.elapsed();
    off_and_on(&mut reader, &load);
    reader.meanwhile(|| add_partition(&topic, 1));
    let more = Load::start(&topic, &[2]);
    let begun = Instant::now();
    reader.keeps_up(&more, &[2]);
    let added = begun.elapsed();
    reader.keeps_up(&load, &[0, 1]);
    report(&format!(
        "coordinator hangs: read and stored after {stored:?}, a new partition read and stored after {added:?}"
    ));
    assert!(stored < LIMIT && added < LIMIT, "{stored:?} {added:?}");
    assert_eq!(reader.errors, [""; 0]);
    for (name, how) in [("SIGTERM", FakeParent::terminate as fn(&mut FakeParent)), ("EOF", FakeParent::close_stdin)] {
        let exit = reader.end(how);
        report(&format!("coordinator hangs: {name} {:?}, exit code {:?}", exit.took, exit.code));
        assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
        let begun = Instant::now();
        reader.begin_again();
        reader.keeps_up(&load, &[0, 1]);
        report(&format!("coordinator hangs: a process that begins has caught up after {:?}", begun.elapsed()));
    }
    stack().order("thaw kafka-3");
    reader.has_all(load, &[0, 1]);
    reader.has_all(more, &[2]);
    reader.finish();
}

fn off_and_on(reader: &mut Reader, load: &Load) {
    let begun = Instant::now();
    let reply = reader.parent().deactivate();
    reader.take(reply);
    let ports = stack().kafka_ports();
    reader.until("no socket to Kafka", |reader| proc::to_ports(&proc::sockets(reader.pid()), &ports) == 0);
    let off = begun.elapsed();
    let begun = Instant::now();
    reader.parent().activate();
    reader.keeps_up(load, &[0, 1]);
    let on = begun.elapsed();
    report(&format!("coordinator hangs: deactivated, no socket after {off:?}; activated, caught up after {on:?}"));
    assert!(off < LIMIT && on < ACTIVATE_LIMIT, "{off:?} {on:?}");
}

/// Any broker's death delays a commit by up to `offsets.commit.timeout.ms`: the coordinator waits for the copy on that
/// broker until it is out of sync.
#[test]
fn a_commit_that_the_coordinator_holds_back_does_not_hold_back_what_it_leads() {
    let _alone = alone();
    let partitions = [0, 1];
    let topic = Topic::placed("leads", &[&[1], &[2]]);
    let group = group_coordinated_by(1);
    let mut reader = Reader::begin(&topic, |conf| conf.spout("group.id", group));
    let load = Load::start(&topic, &partitions);
    reader.keeps_up(&load, &partitions);
    reader.forget_pauses();
    stack().order("kill kafka-3");
    reader.idle(SESSION + LIMIT);
    let pause = reader.pause(&partitions);
    report(&format!("a broker dies that has a copy of the group's offsets and nothing else of ours: pause {pause:?}"));
    assert!(pause < LIMIT, "{pause:?}");
    reader.has_all(load, &partitions);
    assert_eq!(reader.errors, [""; 0]);
    reader.finish();
}
