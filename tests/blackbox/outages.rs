//! Kafka or ZooKeeper away, for a while or for good.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use procfs::net::TcpState;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaApiKey;
use rdkafka::types::RDKafkaRespErr;

use crate::support::conf::Conf;
use crate::support::kafka::{Producer, Record, Topic};
use crate::support::parent::FakeParent;
use crate::support::proxy::Proxy;
use crate::support::stack::{Stack, stack};
use crate::support::wire::Emit;
use crate::support::{proc, report, zk};

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.local_addr().expect("address").to_string()
}

fn topic_with(count: usize) -> Topic {
    let topic = Topic::new("outages", 1);
    topic.produce(0, (0..count).map(|number| number.to_string()));
    topic
}

/// A server that cannot be reached is an error after ten seconds, and until then and after it each `next` is answered.
fn unreachable_from_the_start(conf: &Conf, words: &[&str]) {
    let begun = Instant::now();
    let mut parent = FakeParent::activated(conf);
    let mut slowest = Duration::ZERO;
    let mut last = Instant::now();
    let mut errors = Vec::new();
    parent.next_until("error", |reply| {
        slowest = slowest.max(last.elapsed());
        last = Instant::now();
        errors.append(&mut reply.errors);
        !errors.is_empty()
    });
    let took = begun.elapsed();
    report(&format!("{}: error after {took:?}, slowest next {slowest:?}", words[0]));
    assert!(words.iter().all(|word| errors[0].contains(word)), "{words:?} in {errors:?}");
    assert!((Duration::from_secs(5)..Duration::from_secs(30)).contains(&took), "{took:?}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    parent.terminate();
    let exit = parent.wait_for_exit();
    report(&format!("{}: end by SIGTERM {:?}", words[0], exit.took));
    assert!(exit.code == Some(69) && exit.took < LIMIT, "{exit:?}");
    assert!(exit.stderr.contains(words[1]), "{exit:?}");
}

#[test]
fn kafka_that_cannot_be_reached_is_named_with_its_address() {
    let (topic, address) = (topic_with(0), nobody());
    let conf = Conf::new(&[&topic]).spout("bootstrap.servers", address.as_str());
    unreachable_from_the_start(&conf, &["Kafka", &address]);
}

#[test]
fn zookeeper_that_cannot_be_reached_is_named_with_its_address_and_key() {
    let (topic, address) = (topic_with(1), nobody());
    let conf = Conf::new(&[&topic]).spout("zookeeper.connect", address.as_str());
    unreachable_from_the_start(&conf, &["ZooKeeper", &address, "kafka.spout.zookeeper.connect"]);
}

/// A spout that has emitted ten records, with its ZooKeeper behind a relay.
fn behind_a_relay(configure: impl FnOnce(Conf) -> Conf) -> (Proxy, Topic, Conf, FakeParent, Vec<Emit>) {
    let topic = topic_with(10);
    let proxy = Proxy::new(&stack().zookeeper);
    let conf = configure(Conf::new(&[&topic]).spout("zookeeper.connect", proxy.address()));
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    (proxy, topic, conf, parent, emits)
}

#[test]
fn while_zookeeper_is_away_reading_goes_on_and_then_the_offsets_follow() {
    let (proxy, topic, conf, mut parent, emits) = behind_a_relay(|conf| conf);
    parent.ack_all(&emits[..5]);
    zk::wait_for_offset(&conf.node(0), 5);
    proxy.take_away();
    parent.ack_all(&emits[5..]);
    topic.produce(0, ["while it is away"]);
    let more = parent.collect(1);
    parent.ack_all(&more);
    assert_eq!(zk::offset(&conf.node(0)), Some(5));
    proxy.bring_back();
    zk::wait_for_offset(&conf.node(0), 11);
    parent.finish();
}

#[test]
fn a_session_that_has_expired_is_replaced_by_another_one() {
    // The server grants no less than twice its tick of 2 s, and the client gives up after 7/5 of that.
    let (proxy, _topic, conf, mut parent, emits) =
        behind_a_relay(|conf| conf.spout("zookeeper.session.timeout.ms", 4000));
    proxy.take_away();
    parent.ack_all(&emits);
    parent.next_until("end of the session", |reply| {
        reply.logs.iter().any(|(_, text)| text.contains("the session is over"))
    });
    proxy.bring_back();
    zk::wait_for_offset(&conf.node(0), 10);
    parent.finish();
}

#[test]
fn a_session_that_the_server_has_ended_is_replaced_by_another_one() {
    let (proxy, _topic, conf, mut parent, emits) = behind_a_relay(|conf| conf);
    parent.ack_all(&emits[..4]);
    zk::wait_for_offset(&conf.node(0), 4);
    // Meanwhile the spout must not take it back.
    proxy.take_away();
    zk::close_session(&proxy.greeting());
    proxy.bring_back();
    parent.next_until("end of the session", |reply| {
        reply.logs.iter().any(|(_, text)| text.contains("the session is over"))
    });
    parent.ack_all(&emits[4..]);
    zk::wait_for_offset(&conf.node(0), 10);
    parent.finish();
}

#[test]
fn a_znode_that_must_not_be_written_is_told_and_written_once_it_may() {
    let (_proxy, topic, conf, mut parent, emits) = behind_a_relay(|conf| conf);
    parent.ack_all(&emits[..4]);
    zk::wait_for_offset(&conf.node(0), 4);
    zk::protect(&conf.node(0), true);
    parent.ack_all(&emits[4..]);
    parent.wait_for_error(&[&conf.node(0), "not authorized"]);
    topic.produce(0, ["meanwhile"]);
    let more = parent.collect(1);
    parent.ack_all(&more);
    assert_eq!(zk::offset(&conf.node(0)), Some(4));
    zk::protect(&conf.node(0), false);
    zk::wait_for_offset(&conf.node(0), 11);
    parent.finish();
}

/// Clusters of Storm 1 have ZooKeeper 3.4, which knows no `create2`.
#[test]
fn a_zookeeper_of_3_4_keeps_offsets_too() {
    let old = Stack::start(&["--zookeeper-lib", "topology/zookeeper34/target/lib"]);
    let topic = topic_with(10);
    let conf = Conf::new(&[&topic]).spout("zookeeper.connect", format!("{}/a/chroot", old.zookeeper));
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..6]);
    parent.finish();
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(4);
    assert_eq!(emits[0].text(0), "6");
    parent.ack_all(&emits);
    parent.finish();
    let mut parent = FakeParent::activated(&conf);
    assert_eq!(parent.idle(Duration::from_millis(500)), []);
    parent.finish();
}

#[test]
fn a_bootstrap_server_that_does_not_exist_is_no_trouble_beside_one_that_does() {
    let topic = topic_with(3);
    let servers = format!("no.such.host.invalid:9092,{},{}", nobody(), stack().kafka);
    let conf = Conf::new(&[&topic]).spout("bootstrap.servers", servers);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(3);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.finish();
}

/// The broker closes what is idle for two seconds: the connection to the group's coordinator, and that of a client that
/// has nothing to read is never idle.
#[test]
fn connections_that_the_broker_closes_for_idleness_leave_nothing_behind() {
    let properties =
        ["--broker-property", "connections.max.idle.ms=2000", "--broker-property", "auto.create.topics.enable=true"];
    let eager = Stack::start(&properties);
    let topic = Topic::later("outages");
    let record = Record { value: Some(b"x"), ..Record::default() };
    let producer = Producer::new(&eager.kafka, &[]);
    topic.send_with(&producer, std::slice::from_ref(&record));
    let conf = Conf::new(&[&topic]).spout("bootstrap.servers", eager.kafka.as_str());
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(1);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 1);
    for _ in 0..80 {
        assert_eq!(parent.idle(Duration::from_millis(100)), []);
        let sockets = proc::sockets(parent.pid());
        assert!(proc::count(&sockets, &TcpState::CloseWait) <= 1 && sockets.len() <= 4, "{sockets:?}");
    }
    topic.send_with(&Producer::new(&eager.kafka, &[]), &[record]);
    let emits = parent.collect(1);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 2);
    parent.finish();
}

#[test]
fn zookeeper_that_hangs_does_not_keep_the_process_from_ending_in_time() {
    let (proxy, _topic, conf, mut parent, emits) =
        behind_a_relay(|conf| conf.spout("offset.commit.period.ms", 3_600_000));
    proxy.freeze();
    parent.ack_all(&emits);
    parent.terminate();
    let exit = parent.wait_for_exit();
    report(&format!("SIGTERM while ZooKeeper hangs: {:?}", exit.took));
    assert!(exit.code == Some(69) && exit.took < LIMIT, "{exit:?}");
    assert!(exit.stderr.contains(proxy.address()) && exit.stderr.contains("may come again"), "{exit:?}");
    assert_eq!(zk::offset(&conf.node(0)), Some(0));
}

/// A write that ZooKeeper has done and whose answer was lost is no other writer's.
#[test]
fn an_answer_that_was_lost_is_no_conflict() {
    let (proxy, _topic, conf, mut parent, emits) = behind_a_relay(|conf| conf);
    let (last, others) = emits.split_last().expect("ten tuples");
    for emit in others {
        parent.ack(emit);
        parent.idle(Duration::from_millis(20));
        proxy.take_away();
        proxy.bring_back();
    }
    // By a connection that lasts: an end without one would be an end with a code of its own.
    parent.ack(last);
    zk::wait_for_offset(&conf.node(0), 10);
    let reply = parent.next();
    assert!(!reply.logs.iter().any(|(_, text)| text.contains("somebody else")), "{reply:?}");
    assert!(reply.errors.is_empty(), "{reply:?}");
    parent.finish();
}

fn mock_with(count: usize) -> (MockCluster<'static, DefaultProducerContext>, Topic) {
    let mock = MockCluster::new(1).expect("mock cluster");
    let topic = Topic::later("outages");
    mock.create_topic(&topic.name, 1, 1).expect("topic");
    let record = Record { value: Some(b"x"), ..Record::default() };
    topic.send_with(&Producer::new(&mock.bootstrap_servers(), &[]), &vec![record; count]);
    (mock, topic)
}

#[test]
fn a_kafka_that_hangs_does_not_keep_the_process_from_ending_in_time() {
    let (mock, topic) = mock_with(10);
    let conf = Conf::new(&[&topic])
        .spout("bootstrap.servers", mock.bootstrap_servers())
        .spout("partition.refresh.period.ms", 100)
        .spout("offset.commit.period.ms", 3_600_000);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    mock.broker_round_trip_time(1, Duration::from_secs(100)).expect("a slow broker");
    parent.ack_all(&emits);
    parent.idle(Duration::from_millis(500));
    parent.terminate();
    let exit = parent.wait_for_exit();
    report(&format!("SIGTERM while Kafka hangs: {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.took < LIMIT, "{exit:?}");
    zk::wait_for_offset(&conf.node(0), 10);
}

#[test]
fn a_trouble_that_is_over_is_no_reason_for_an_error_or_an_exit_code() {
    let (mock, topic) = mock_with(3);
    // More than librdkafka tries by itself.
    mock.request_errors(RDKafkaApiKey::ListOffsets, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE; 20]);
    let conf = Conf::new(&[&topic]).spout("bootstrap.servers", mock.bootstrap_servers());
    let mut parent = FakeParent::activated(&conf);
    parent.idle(Duration::from_millis(1500));
    mock.clear_request_errors(RDKafkaApiKey::ListOffsets);
    let emits = parent.collect(3);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 3);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(12) {
        let reply = parent.next();
        assert!(reply.errors.is_empty(), "{reply:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    parent.finish();
}
