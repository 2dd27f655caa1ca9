//! Which partitions are read, by which task, and from when on.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::wire::Emit;
use crate::support::{proc, wait_for, zk};

fn topic_with(partitions: i32, count: usize) -> Topic {
    let topic = Topic::new("assignment", partitions);
    for partition in 0..partitions {
        topic.produce(partition, (0..count).map(|number| number.to_string()));
    }
    topic
}

fn partition(emit: &Emit) -> (String, i64) {
    (emit.text(0).to_owned(), emit.integer(1))
}

#[test]
fn two_tasks_share_the_partitions_of_all_topics_with_none_missing_and_none_twice() {
    let (a, b) = (topic_with(3, 10), topic_with(4, 10));
    // "10" sorts before "9" as text.
    let conf = Conf::new(&[&a, &b]).fields(&["topic", "partition", "value"]);
    let mut first = FakeParent::activated(&conf.clone().task(9, &[9, 10]));
    let mut second = FakeParent::activated(&conf.clone().task(10, &[9, 10]));
    let emits = [first.collect(40), second.collect(30)];
    let mut all = BTreeMap::new();
    for emit in emits.iter().flatten() {
        *all.entry(partition(emit)).or_insert(0) += 1;
    }
    assert!(all.len() == 7 && all.values().all(|count| *count == 10), "{all:?}");
    let of = |index: usize| emits[index].iter().map(partition).collect::<BTreeSet<_>>();
    let expected = [(&a, 0), (&a, 2), (&b, 1), (&b, 3)].map(|(topic, number)| (topic.name.clone(), number));
    assert_eq!(of(0), BTreeSet::from(expected), "dealt like cards, by topic, then number");
    assert!(of(0).is_disjoint(&of(1)));
    first.ack_all(&emits[0]);
    second.ack_all(&emits[1]);
    for (topic, partitions) in [(&a, 3), (&b, 4)] {
        for number in 0..partitions {
            zk::wait_for_offset(&conf.node_of(topic, number), 10);
        }
    }
    first.finish();
    second.finish();
}

#[test]
fn a_task_without_a_partition_waits_and_ends_content() {
    let topic = topic_with(1, 1);
    let conf = Conf::new(&[&topic]);
    let mut idle = FakeParent::activated(&conf.clone().task(6, &[5, 6]));
    let mut busy = FakeParent::activated(&conf.task(5, &[5, 6]));
    assert_eq!(busy.collect(1).len(), 1);
    assert_eq!(idle.idle(std::time::Duration::from_millis(300)), []);
    busy.finish();
    idle.finish();
}

#[test]
fn a_partition_that_is_added_while_we_run_is_read_from_its_beginning() {
    let topic = topic_with(1, 2);
    let conf = Conf::new(&[&topic]).fields(&["partition", "value"]).spout("partition.refresh.period.ms", 200);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(2);
    parent.ack_all(&emits);
    topic.grow(3);
    topic.produce(1, ["of one"]);
    topic.produce(2, ["of two"]);
    let emits = parent.collect(2);
    let came: BTreeMap<i64, &str> = emits.iter().map(|emit| (emit.integer(0), emit.text(1))).collect();
    assert_eq!(came, BTreeMap::from([(1, "of one"), (2, "of two")]));
    parent.ack_all(&emits);
    for (number, offset) in [(0, 2), (1, 1), (2, 1)] {
        zk::wait_for_offset(&conf.node(number), offset);
    }
    parent.finish();
}

/// What a client keeps of each partition is fixed when it is made: it is replaced by one that keeps less of each.
#[test]
fn partitions_that_have_become_many_are_read_on_by_another_client() {
    const FEW: i32 = 10;
    const MANY: i32 = 40;
    let topic = topic_with(FEW, 2);
    let conf = Conf::new(&[&topic]).fields(&["partition", "offset"]).spout("partition.refresh.period.ms", 200);
    let mut parent = FakeParent::activated(&conf);
    let mut emits = parent.collect(2 * FEW as usize);
    // Half of them are in flight while the client is replaced.
    parent.ack_all(&emits[..FEW as usize]);
    topic.grow(MANY as usize);
    (0..MANY).for_each(|partition| topic.produce(partition, ["more"]));
    emits.extend(parent.collect(MANY as usize));
    let came: BTreeSet<(i64, i64)> = emits.iter().map(|emit| (emit.integer(0), emit.integer(1))).collect();
    assert_eq!(came.len(), emits.len(), "none came twice");
    assert!(parent.said().iter().any(|line| line.contains("40 partitions: the Kafka client is made anew")));
    parent.ack_all(&emits[FEW as usize..]);
    for partition in 0..MANY {
        zk::wait_for_offset(&conf.node(partition), if partition < FEW { 3 } else { 1 });
    }
    // One leader, the group's coordinator, ZooKeeper, and a connection of the start.
    let sockets = proc::sockets(parent.pid());
    assert!(sockets.len() <= 4, "{sockets:?}");
    parent.finish();
}

#[test]
fn a_topic_that_does_not_exist_yet_is_named_and_read_once_it_does() {
    let topic = Topic::later("assignment");
    let conf = Conf::new(&[&topic]).spout("partition.refresh.period.ms", 200);
    let mut parent = FakeParent::activated(&conf);
    parent.wait_for_error(&[&topic.name, "does not exist", "kafka.spout.topics"]);
    topic.create(1, &[]);
    topic.produce(0, ["at last"]);
    let emits = parent.collect(1);
    assert_eq!(emits[0].text(0), "at last");
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 1);
    parent.finish();
}

#[test]
fn a_topic_that_is_missing_keeps_no_other_one_from_being_read() {
    let (there, missing) = (topic_with(1, 1), Topic::later("assignment"));
    let conf = Conf::new(&[&there, &missing]);
    let mut parent = FakeParent::activated(&conf);
    parent.collect(1);
    parent.terminate();
    let exit = parent.wait_for_exit();
    assert_eq!(exit.code, Some(69), "{exit:?}");
    assert!(exit.stderr.contains(&missing.name), "{exit:?}");
}

/// A new topic that sorts before another one shifts everyone's partitions, with tuples in flight.
#[test]
fn partitions_that_change_hands_lose_nothing() {
    let (mut new, mut old) = (Topic::later("assignment"), Topic::later("assignment"));
    if new.name > old.name {
        std::mem::swap(&mut new, &mut old);
    }
    old.create(2, &[]);
    for number in 0..2 {
        old.produce(number, (0..100).map(|value| value.to_string()));
    }
    let conf = Conf::new(&[&new, &old])
        .fields(&["topic", "partition", "value"])
        .spout("max.in.flight", 20)
        .spout("partition.refresh.period.ms", 100);
    let mut tasks = [3, 4].map(|task| FakeParent::activated(&conf.clone().task(task, &[3, 4])));
    let mut acked: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut late = Vec::new();
    for task in &mut tasks {
        let emits = task.collect(20);
        for emit in emits.iter().step_by(2) {
            ack(task, emit, &mut acked);
        }
        late.push(emits.into_iter().skip(1).step_by(2).collect::<Vec<_>>());
    }
    new.create(1, &[]);
    new.produce(0, ["a", "b", "c"]);
    for (task, late) in tasks.iter_mut().zip(&mut late) {
        task.next_until("partition that goes", |reply| {
            late.append(&mut reply.emits);
            reply.logs.iter().any(|(_, text)| text.contains("ours no longer"))
        });
    }
    // Acks for what is another task's by now: they do no harm, and no good.
    for (task, late) in tasks.iter_mut().zip(&late) {
        for emit in late {
            ack(task, emit, &mut acked);
        }
    }
    let ends =
        [(&new, 0, 3), (&old, 0, 100), (&old, 1, 100)].map(|(topic, number, end)| (conf.node_of(topic, number), end));
    wait_for("all offsets at their ends", || {
        for task in &mut tasks {
            for emit in task.next().emits {
                ack(task, &emit, &mut acked);
            }
        }
        ends.iter().all(|(path, end)| zk::offset(path) == Some(*end)).then_some(())
    });
    assert_eq!(acked.len(), 203);
    for task in tasks {
        task.finish();
    }
}

fn ack(task: &mut FakeParent, emit: &Emit, acked: &mut BTreeSet<Vec<String>>) {
    task.ack(emit);
    acked.insert(emit.tuple.iter().map(ToString::to_string).collect());
}
