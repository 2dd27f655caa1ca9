//! The point of it all: how many sockets there are.

use std::collections::BTreeSet;
use std::time::Instant;

use procfs::net::TcpState;
use rdkafka::mocking::MockCluster;

use crate::support::conf::Conf;
use crate::support::kafka::{Producer, Record, Topic};
use crate::support::parent::FakeParent;
use crate::support::proc::Socket;
use crate::support::stack::{port, stack};
use crate::support::{proc, report, wait_for};

const PARTITIONS: i32 = 12;
const NEXTS: usize = 100_000;

/// Reads until each of the partitions has delivered; the last tuple stays in flight, so that no `next` is held open.
fn reading(conf: &Conf) -> FakeParent {
    let mut parent = FakeParent::activated(conf);
    let mut partitions = BTreeSet::new();
    parent.next_until("tuple of each partition", |reply| {
        partitions.extend(reply.emits.iter().map(|emit| emit.integer(0)));
        partitions.len() == PARTITIONS as usize
    });
    parent
}

fn states(sockets: &[Socket]) -> String {
    let count = |state| proc::count(sockets, &state);
    format!("{} ESTABLISHED, {} CLOSE_WAIT", count(TcpState::Established), count(TcpState::CloseWait))
}

#[test]
fn there_is_a_socket_for_each_leader_and_no_more_for_any_number_of_nexts() {
    let topic = Topic::new("sockets", PARTITIONS);
    for partition in 0..PARTITIONS {
        topic.produce(partition, ["x"]);
    }
    let conf = Conf::new(&[&topic]).fields(&["partition"]).spout("next.hold.ms", 0);
    let mut parent = reading(&conf);
    let before = proc::sockets(parent.pid());
    // One leader, the coordinator, ZooKeeper, and one more that may be on its way.
    let most = 1 + 1 + 1 + 1;
    assert!(proc::count(&before, &TcpState::Established) <= most, "{before:?}");
    assert_eq!(proc::count(&before, &TcpState::CloseWait), 0, "{before:?}");
    let (begun, descriptors) = (Instant::now(), proc::descriptors(parent.pid()));
    for _ in 0..NEXTS {
        parent.next();
    }
    let after = proc::sockets(parent.pid());
    report(&format!(
        "{PARTITIONS} partitions: {} before, {} after {NEXTS} nexts in {:?}",
        states(&before),
        states(&after),
        begun.elapsed()
    ));
    assert!(proc::count(&after, &TcpState::Established) <= most, "{after:?}");
    assert_eq!(proc::count(&after, &TcpState::CloseWait), 0, "{after:?}");
    assert!(proc::descriptors(parent.pid()) <= descriptors + 1);
    // The very same connections, but for one that may have gone or come.
    let same = after.iter().filter(|socket| before.contains(socket)).count();
    assert!(same + 1 >= before.len() && after.len() <= before.len() + 1, "{before:?} {after:?}");
    assert_eq!(proc::to_port(&after, stack().zookeeper_port()), 1);
    parent.finish();
}

#[test]
fn with_several_brokers_there_is_a_socket_for_each_leader() {
    let brokers = 3;
    let mock = MockCluster::new(brokers).expect("mock cluster");
    let topic = Topic::later("sockets");
    mock.create_topic(&topic.name, PARTITIONS, 1).expect("topic");
    for partition in 0..PARTITIONS {
        mock.partition_leader(&topic.name, partition, Some(partition % brokers + 1)).expect("leader");
    }
    let records: Vec<_> = (0..PARTITIONS)
        .flat_map(|partition| vec![Record { partition, value: Some(b"x"), ..Record::default() }; 50])
        .collect();
    topic.send_with(&Producer::new(&mock.bootstrap_servers(), &[]), &records);
    let conf = Conf::new(&[&topic]).fields(&["partition"]).spout("bootstrap.servers", mock.bootstrap_servers());
    let mut parent = reading(&conf);
    for _ in 0..500 {
        parent.next();
    }
    report(&format!("{brokers} brokers: {}", states(&proc::sockets(parent.pid()))));
    // The leaders, the coordinator as librdkafka's reader has it and as the group's offsets go there, and ZooKeeper. One
    // more was asked who coordinates; it goes when it has been idle for ten seconds.
    let most = brokers as usize + 1 + 1 + 1;
    let sockets = wait_for("no more sockets than that", || {
        let sockets = proc::sockets(parent.pid());
        (proc::count(&sockets, &TcpState::Established) <= most).then_some(sockets)
    });
    report(&format!("{brokers} brokers, ten seconds later: {}", states(&sockets)));
    for address in mock.bootstrap_servers().split(',') {
        assert!(proc::to_port(&sockets, port(address)) >= 1, "{address} leads partitions: {sockets:?}");
    }
    assert_eq!(proc::count(&sockets, &TcpState::CloseWait), 0, "{sockets:?}");
    parent.finish();
}
