//! The binary wire to the Java companion: tuples come unasked, and nobody waits for an answer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::companion::{FakeCompanion, Said, Tuple, kind};
use crate::support::conf::Conf;
use crate::support::exit::until_in_time;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{proc, report, wait_for, zk};

/// Long enough for what is on its way to come, and for several commits.
const A_WHILE: Duration = Duration::from_millis(400);

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

fn topic_with(count: usize) -> Topic {
    let topic = Topic::new("companion", 1);
    topic.produce(0, (0..count).map(|number| number.to_string()));
    topic
}

fn texts(tuples: &[Tuple]) -> impl Iterator<Item = &str> {
    tuples.iter().map(|tuple| tuple.text(0))
}

fn in_order(tuples: &[Tuple], count: usize) -> bool {
    texts(tuples).map(str::to_owned).eq((0..count).map(|number| number.to_string()))
}

#[test]
fn tuples_come_unasked_once_activated_and_not_before() {
    let topic = topic_with(1000);
    let conf = Conf::new(&[&topic]);
    let mut companion = FakeCompanion::start(&conf);
    assert_eq!(companion.listen(A_WHILE), []);
    companion.send(kind::ACTIVATE, &[]);
    let tuples = companion.collect(1000);
    assert!(in_order(&tuples, 1000));
    companion.ack(&tuples);
    topic.produce(0, ["later"]);
    let later = companion.collect(1);
    assert_eq!(later[0].text(0), "later");
    companion.ack(&later);
    zk::wait_for_offset(&conf.node(0), 1001);
    companion.finish();
}

#[test]
fn only_the_acked_prefix_is_committed_whether_acks_come_alone_or_many_at_once() {
    let topic = topic_with(1000);
    let conf = Conf::new(&[&topic]);
    let mut companion = FakeCompanion::activated(&conf);
    let tuples = companion.collect(1000);
    for index in [0, 4, 2] {
        companion.ack([&tuples[index]]);
    }
    zk::wait_for_offset(&conf.node(0), 1);
    assert_eq!(companion.listen(A_WHILE), []);
    assert_eq!(zk::offset(&conf.node(0)), Some(1), "record 1 is pending");
    companion.ack(&tuples[5..]);
    companion.ack([&tuples[1]]);
    zk::wait_for_offset(&conf.node(0), 3);
    companion.ack([&tuples[3]]);
    zk::wait_for_offset(&conf.node(0), 1000);
    companion.finish();
}

#[test]
fn failed_tuples_come_again_with_the_same_bytes_and_hold_back_the_offset() {
    let topic = topic_with(10);
    let conf = Conf::new(&[&topic]).spout("retry.initial.delay.ms", 200).spout("retry.jitter", 0);
    let mut companion = FakeCompanion::activated(&conf);
    let tuples = companion.collect(10);
    companion.fail(&tuples[3..5]);
    companion.ack(tuples[..3].iter().chain(&tuples[5..]));
    let again = companion.collect(2);
    assert_eq!(again, tuples[3..5]);
    assert_eq!(companion.listen(A_WHILE), []);
    assert_eq!(zk::offset(&conf.node(0)), Some(3));
    companion.ack(&again);
    zk::wait_for_offset(&conf.node(0), 10);
    companion.finish();
}

#[test]
fn acks_that_come_twice_or_of_nobody_change_nothing() {
    let topic = topic_with(4);
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 2);
    let mut companion = FakeCompanion::activated(&conf);
    let mut tuples = companion.collect(2);
    companion.ack([&tuples[0], &tuples[0]]);
    let foreign = [(7, 0), (0, 99), (0, -1), (u32::MAX, i64::MAX)];
    let foreign = foreign.map(|id| Tuple { id: Some(id), ..tuples[0].clone() });
    companion.ack(&foreign);
    companion.fail(&foreign);
    companion.fail([&tuples[0]]);
    tuples.append(&mut companion.collect(1));
    assert_eq!(companion.listen(A_WHILE), [], "an ack that comes twice makes no room for two");
    companion.ack(&tuples[1..]);
    tuples.append(&mut companion.collect(1));
    assert!(in_order(&tuples, 4));
    companion.ack(&tuples[3..]);
    zk::wait_for_offset(&conf.node(0), 4);
    companion.finish();
}

#[test]
fn no_more_are_in_flight_than_the_window_has() {
    let topic = topic_with(20);
    let mut companion = FakeCompanion::activated(&Conf::new(&[&topic]).spout("max.in.flight", 7));
    let tuples = companion.collect(7);
    assert_eq!(companion.listen(A_WHILE), []);
    companion.ack(&tuples[..2]);
    assert!(texts(&companion.collect(2)).eq(["7", "8"]));
    assert_eq!(companion.listen(A_WHILE), []);
    companion.fail(&tuples[2..4]);
    let again = companion.collect(2);
    assert!(texts(&again).eq(["2", "3"]), "retries come first: {again:?}");
    assert_eq!(companion.listen(A_WHILE), []);
    companion.finish();
}

#[test]
fn the_window_is_storms_own_and_6000_more_that_the_companion_decodes_ahead() {
    let topic = topic_with(8200);
    for (pending, window) in [(json!(10), 6010), (Value::Null, 8000)] {
        let mut companion = FakeCompanion::activated(&Conf::new(&[&topic]).set("topology.max.spout.pending", pending));
        companion.collect(window);
        assert_eq!(companion.listen(A_WHILE), []);
        assert_eq!(companion.status()["in_flight"], window as i64);
        companion.finish();
    }
}

#[test]
fn without_ackers_tuples_have_no_id_and_offsets_are_committed_as_far_as_storm_has_been_given_them() {
    let topic = topic_with(600);
    let conf = Conf::new(&[&topic]).set("topology.acker.executors", 0);
    let mut companion = FakeCompanion::activated(&conf);
    let tuples = companion.collect(600);
    assert!(in_order(&tuples, 600) && tuples.iter().all(|tuple| tuple.id.is_none()));
    companion.listen(A_WHILE);
    assert_eq!(zk::offset(&conf.node(0)), Some(0), "all may still be in the companion's hands");
    companion.emitted(300);
    companion.listen(A_WHILE);
    let half = zk::offset(&conf.node(0)).expect("an offset");
    assert!(half <= 300, "{half}");
    companion.emitted(600);
    zk::wait_for_offset(&conf.node(0), 600);
    companion.finish();
}

#[test]
fn without_ackers_what_was_not_given_to_storm_comes_again_after_the_end() {
    let topic = topic_with(100);
    let conf = Conf::new(&[&topic]).set("topology.acker.executors", 0);
    let mut companion = FakeCompanion::activated(&conf);
    companion.collect(100);
    companion.emitted(40);
    companion.finish();
    let mut companion = FakeCompanion::activated(&conf);
    let first: usize = companion.collect(1)[0].text(0).parse().expect("a number");
    assert!(first <= 40, "{first}");
    companion.collect(99 - first);
    companion.emitted(100 - first as u64);
    companion.send(kind::DEACTIVATE, &[]);
    zk::wait_for_offset(&conf.node(0), 100);
    companion.finish();
}

#[test]
fn after_deactivate_nothing_comes_acks_count_and_activate_goes_on() {
    let topic = topic_with(20);
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 10);
    let mut companion = FakeCompanion::activated(&conf);
    let mut tuples = companion.collect(10);
    companion.send(kind::DEACTIVATE, &[]);
    companion.ack(&tuples[..5]);
    assert_eq!(companion.ping(), [], "the acks have made room, but nobody may use it");
    wait_for("no socket to Kafka", || {
        (proc::to_port(&proc::sockets(companion.parent.pid()), stack().kafka_port()) == 0).then_some(())
    });
    companion.fail([&tuples[5]]);
    assert_eq!(companion.listen(A_WHILE), []);
    zk::wait_for_offset(&conf.node(0), 5);
    companion.send(kind::ACTIVATE, &[]);
    let mut more = companion.collect(6);
    assert_eq!(more.remove(0), tuples[5], "what failed comes first");
    tuples.append(&mut more);
    companion.ack(&tuples[5..]);
    tuples.append(&mut companion.collect(5));
    assert!(in_order(&tuples, 20));
    companion.ack(&tuples[15..]);
    zk::wait_for_offset(&conf.node(0), 20);
    companion.finish();
}

/// A spout with more to say than any pipe holds, whose parent does not read; and how many bytes stand in the pipe.
fn not_read(configure: impl FnOnce(Conf) -> Conf) -> (Conf, FakeCompanion, u64) {
    let topic = Topic::new("companion", 1);
    topic.produce(0, (0..UNREAD).map(|number| format!("{number} {}", "x".repeat(500))));
    let conf = configure(Conf::new(&[&topic]).spout("max.in.flight", UNREAD));
    let companion = FakeCompanion::activated(&conf);
    let mut before = 0;
    let stands = wait_for("a pipe that is full", || {
        let now = companion.parent.unread_bytes();
        let full = now > 50_000 && now == before;
        before = now;
        std::thread::sleep(A_WHILE);
        full.then_some(now)
    });
    (conf, companion, stands)
}

const UNREAD: usize = 20_000;

#[test]
fn a_companion_that_does_not_read_stops_the_spout_and_loses_nothing() {
    let (conf, mut companion, stands) = not_read(|conf| conf);
    let resident = proc::resident(companion.parent.pid());
    let tuples = companion.collect(1);
    companion.ack(&tuples);
    // Written before anybody read: the pipe's content and one more write.
    let emitted = companion.status()["emitted"];
    report(&format!(
        "nobody reads: {stands} bytes in the pipe, {emitted} of {UNREAD} tuples emitted, {} MB resident",
        resident >> 20
    ));
    assert!(emitted < UNREAD as i64 / 2, "{emitted} tuples were emitted to nobody");
    companion.finish();
    let mut companion = FakeCompanion::activated(&conf);
    let mut next = 1;
    while next < UNREAD {
        let tuples = companion.collect(1);
        let number = tuples[0].text(0).split(' ').next().expect("a number").parse::<usize>().expect("a number");
        assert_eq!(number, next);
        companion.ack(&tuples);
        next += 1;
    }
    zk::wait_for_offset(&conf.node(0), UNREAD as i64);
    companion.finish();
}

#[test]
fn sigterm_ends_a_spout_that_nobody_reads_in_time() {
    let (exit, conf) = until_in_time("SIGTERM with a full pipe to the companion", || {
        let (conf, mut companion, _) = not_read(|conf| conf.spout("offset.commit.period.ms", 3_600_000));
        let tuples = companion.collect(70);
        companion.ack(&tuples);
        companion.parent.terminate();
        (companion.wait_for_exit(), conf)
    });
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{:?} {:?} {}", exit.code, exit.took, exit.stderr);
    assert_eq!(zk::offset(&conf.node(0)), Some(70));
}

#[test]
fn the_end_of_stdin_commits_the_acks_that_are_in_the_pipe_and_ends_in_time() {
    let (exit, conf) = until_in_time("EOF from the companion", || {
        let topic = topic_with(10);
        let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000);
        let mut companion = FakeCompanion::activated(&conf);
        let tuples = companion.collect(10);
        companion.ack(&tuples[..6]);
        // A frame that is cut off is not obeyed.
        companion.parent.write(&[0, 0, 0, 13, kind::ACK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        companion.parent.close_stdin();
        (companion.wait_for_exit(), conf)
    });
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
    assert!(exit.stderr.contains("10 emitted, 0 retried, 6 acked"), "{exit:?}");
    assert_eq!(zk::offset(&conf.node(0)), Some(6));
}

#[test]
fn a_companion_that_is_gone_is_noticed_though_it_has_said_nothing() {
    let (exit, ()) = until_in_time("EPIPE to the companion", || {
        let topic = topic_with(10);
        let mut companion = FakeCompanion::activated(&Conf::new(&[&topic]));
        companion.collect(10);
        companion.parent.close_stdout();
        (companion.wait_for_exit(), ())
    });
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
}

#[test]
fn a_ping_is_answered_and_with_the_state_if_that_is_wanted() {
    let topic = topic_with(10);
    let mut companion = FakeCompanion::activated(&Conf::new(&[&topic]).spout("max.in.flight", 4));
    let tuples = companion.collect(4);
    companion.ack(&tuples[..2]);
    companion.collect(2);
    companion.ping();
    wait_for("the figures", || {
        let status = companion.status();
        let figure = |name: &str| status.get(name).copied();
        let partition = |name: &str| figure(&format!("{}/partition_0/{name}", topic.name));
        let expected = [("emitted", 6), ("acked", 2), ("in_flight", 4), ("failed", 0), ("partitions", 1)];
        assert!(expected.iter().all(|(name, number)| figure(name) == Some(*number)), "{status:?}");
        let offsets = ["latestEmittedOffset", "latestCompletedOffset", "latestTimeOffset", "spoutLag"].map(partition);
        // The end of the log is known a moment later.
        (offsets == [Some(5), Some(1), Some(10), Some(8)] && figure("totalSpoutLag") == Some(8)).then_some(())
    });
    companion.finish();
}

#[test]
fn logs_come_without_being_asked_for() {
    let topic = topic_with(1);
    let mut companion = FakeCompanion::activated(&Conf::new(&[&topic]));
    let words = format!("{}/0", topic.name);
    wait_for("the log line that names the partition", || match companion.read() {
        Said::Log(2, text) => text.contains(&words).then_some(()),
        _ => None,
    });
    companion.finish();
}

#[test]
fn a_wrong_configuration_is_told_as_an_error_and_by_the_exit_code() {
    let conf = Conf::new(&[&Topic::later("companion")]).spout("max.in.fligth", 5);
    let mut companion = FakeCompanion::activated(&conf);
    let error = companion.wait_for_error(&["kafka.spout.max.in.fligth", "did you mean kafka.spout.max.in.flight?"]);
    let exit = companion.wait_for_exit();
    assert!(exit.code == Some(78) && exit.stderr.contains(&error) && exit.unread.is_empty(), "{exit:?}");
}

#[test]
fn a_frame_that_is_no_command_is_told_and_the_spout_goes_on() {
    let topic = topic_with(2);
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 1);
    let mut companion = FakeCompanion::activated(&conf);
    let first = companion.collect(1);
    for (kind, body, words) in
        [(99, &b"?"[..], "kind 99 with 1 bytes"), (kind::ACK, &[0; 13], "kind 1 with 13 bytes"), (0, b"", "kind 0")]
    {
        companion.send(kind, body);
        companion.wait_for_error(&[words, "none of wire version 1"]);
    }
    companion.ack(&first);
    let second = companion.collect(1);
    companion.ack(&second);
    zk::wait_for_offset(&conf.node(0), 2);
    companion.finish();
}

#[test]
fn a_length_that_no_frame_has_ends_the_spout_with_its_own_exit_code() {
    for length in [0, u32::MAX] {
        let topic = topic_with(3);
        let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000);
        let mut companion = FakeCompanion::activated(&conf);
        let tuples = companion.collect(3);
        companion.ack(&tuples[..2]);
        companion.parent.write(&length.to_be_bytes());
        let exit = companion.wait_for_exit();
        assert!(exit.code == Some(76) && exit.stderr.contains(&format!("a frame of {length} bytes")), "{exit:?}");
        assert_eq!(zk::offset(&conf.node(0)), Some(2), "what was acked counts");
    }
}

#[test]
fn a_companion_of_another_version_gets_multilang() {
    let topic = topic_with(5);
    let conf = Conf::new(&[&topic]).wire(&[99]);
    // Reads the answer to the handshake strictly: it names no wire.
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(5);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 5);
    parent.finish();
    let mut companion = FakeCompanion::activated(&conf);
    topic.produce(0, ["5"]);
    assert_eq!(companion.collect(1)[0].text(0), "5");
    companion.finish();
}
