//! Multilang, to the byte.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::exit::until_in_time;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::proxy::Proxy;
use crate::support::stack::stack;
use crate::support::wire::{Emit, level};
use crate::support::{report, wait_for, zk};

fn topic_with(count: usize) -> Topic {
    let topic = Topic::new("protocol", 1);
    topic.produce(0, (0..count).map(|number| number.to_string()));
    topic
}

#[test]
fn the_pid_file_is_empty_and_the_only_file() {
    let topic = topic_with(0);
    let parent = FakeParent::start(&Conf::new(&[&topic]));
    let files: Vec<_> = std::fs::read_dir(parent.pid_dir()).expect("a directory").flatten().collect();
    assert_eq!(files.len(), 1, "the supervisor reads every name as a number");
    assert_eq!(files[0].file_name().to_str(), Some(parent.pid().to_string().as_str()));
    assert_eq!(files[0].metadata().expect("a file").len(), 0);
    parent.finish();
}

#[test]
fn a_pid_directory_that_is_missing_is_told_on_stderr_and_ends_nothing() {
    let topic = topic_with(1);
    let mut parent = FakeParent::spawn(&[]);
    std::fs::remove_dir(parent.pid_dir()).expect("it is empty");
    parent.shake_hands(&Conf::new(&[&topic]));
    parent.activate();
    parent.collect(1);
    assert!(parent.stderr().contains("no pid file in"), "{}", parent.stderr());
    parent.finish();
}

#[test]
fn the_handshake_and_the_first_commands_are_answered_before_any_server_is() {
    let topic = topic_with(0);
    let silent = Proxy::new(&stack().zookeeper);
    silent.freeze();
    let conf =
        Conf::new(&[&topic]).spout("bootstrap.servers", silent.address()).spout("zookeeper.connect", silent.address());
    let begun = Instant::now();
    let mut parent = FakeParent::start(&conf);
    let (handshake, activated) = (begun.elapsed(), Instant::now());
    parent.activate();
    for _ in 0..10 {
        let reply = parent.next();
        assert!(reply.emits.is_empty() && reply.errors.is_empty(), "{reply:?}");
    }
    let commands = activated.elapsed();
    report(&format!("nobody answers: handshake {handshake:?}, activate and 10 next {commands:?}"));
    assert!(handshake < Duration::from_secs(3) && commands < Duration::from_secs(5), "{handshake:?}, {commands:?}");
}

#[test]
fn log_lines_travel_with_their_level() {
    let topic = topic_with(1);
    let mut parent = FakeParent::start(&Conf::new(&[&topic]).spout("log.level", "debug"));
    let mut logs = parent.activate().logs;
    logs.append(&mut parent.command("ack", &json!("no id of ours")).logs);
    parent.send_frame(b"nonsense");
    logs.append(&mut parent.reply().logs);
    parent.next_until("record", |reply| {
        logs.append(&mut reply.logs);
        !reply.emits.is_empty()
    });
    let has = |wanted: u64, words: &str| logs.iter().any(|(level, text)| *level == wanted && text.contains(words));
    assert!(has(level::INFO, "kafka-shell-spout"), "{logs:?}");
    assert!(has(level::INFO, &format!("{}/0", topic.name)), "{logs:?}");
    assert!(has(level::WARN, "an id that is not ours"), "{logs:?}");
    assert!(has(level::ERROR, "nonsense"), "{logs:?}");
    parent.finish();
}

#[test]
fn lines_below_the_log_level_stay_at_home() {
    let topic = topic_with(1);
    let mut parent = FakeParent::start(&Conf::new(&[&topic]).spout("log.level", "warn"));
    let mut logs = parent.activate().logs;
    logs.append(&mut parent.command("fail", &json!("no id of ours")).logs);
    parent.next_until("record", |reply| {
        logs.append(&mut reply.logs);
        !reply.emits.is_empty()
    });
    assert!(!logs.is_empty() && logs.iter().all(|(level, _)| *level >= level::WARN), "{logs:?}");
    parent.finish();
}

/// Each document is checked as it is read, so a single line of librdkafka's would end this test.
#[test]
fn stdout_has_nothing_but_protocol_whatever_librdkafka_has_to_say() {
    let topic = topic_with(300);
    let conf = Conf::new(&[&topic]).spout("consumer.debug", "all").spout("log.level", "debug");
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(300);
    parent.ack_all(&emits);
    parent.deactivate();
    parent.activate();
    let mut logs = Vec::new();
    parent.next_until("line of librdkafka's", |reply| {
        logs.append(&mut reply.logs);
        logs.iter().any(|(at, text)| *at == level::DEBUG && text.contains("librdkafka"))
    });
    parent.finish();
}

#[test]
fn what_is_no_command_is_answered_with_an_error_and_one_sync() {
    let topic = topic_with(2);
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).spout("max.in.flight", 1));
    let first = parent.collect(1);
    for (frame, words) in [
        (&b"{\"command\":\"next\""[..], "malformed"),
        (b"", "malformed"),
        (b"{\"command\":7,\"id\":\"\"}", "malformed"),
        (b"{\"command\":\"ack\"}", "no id"),
        (b"{\"command\":\"n\xff\xfext\",\"id\":\"\"}", "malformed"),
        (b"{\"command\":\"reboot\",\"id\":\"\"}", "\"reboot\""),
        (b"[\"x\"]", "malformed"),
    ] {
        parent.send_frame(frame);
        let reply = parent.reply();
        assert_eq!(reply.errors.len(), 1, "{reply:?}");
        assert!(reply.errors[0].contains(words), "{:?}", reply.errors);
        assert!(reply.emits.is_empty());
    }
    parent.ack_all(&first);
    assert_eq!(parent.collect(1)[0].text(0), "1");
    // Finds a second sync, if there was one.
    parent.finish();
}

#[test]
fn a_list_of_ids_is_as_good_as_one_ack_for_each() {
    let topic = topic_with(10);
    let conf = Conf::new(&[&topic]).spout("retry.jitter", 0);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    let ids = |range: std::ops::Range<usize>| Value::Array(emits[range].iter().map(Emit::id).collect());
    parent.command("ack", &ids(0..7));
    parent.command("fail", &ids(7..10));
    parent.command("ack", &json!([]));
    let again: Vec<String> = parent.collect(3).iter().map(|emit| emit.text(0).to_owned()).collect();
    assert_eq!(again, ["7", "8", "9"]);
    zk::wait_for_offset(&conf.node(0), 7);
    // Ids that nobody wrote are passed over.
    parent.command("ack", &json!(["7:x", 5, null, {"a": 1}, emits[7].id()]));
    zk::wait_for_offset(&conf.node(0), 8);
    parent.finish();
}

#[test]
fn task_ids_are_read_and_not_answered() {
    let topic = topic_with(1);
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]));
    for frame in [&b"[4,5]"[..], b"[]", b"[ 12 ]"] {
        parent.send_frame(frame);
    }
    parent.collect(1);
    parent.send_frame(b"[4,5]");
    parent.next();
    // Finds a sync too many.
    parent.finish();
}

#[test]
fn commands_may_come_byte_by_byte() {
    let topic = topic_with(3);
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]));
    let mut emits = 0;
    wait_for("three tuples", || {
        for byte in b"{\"command\":\"next\",\"id\":\"\"}\nend\n" {
            parent.write(&[*byte]);
        }
        emits += parent.reply().emits.len();
        (emits == 3).then_some(())
    });
    parent.finish();
}

#[test]
fn several_commands_in_one_write_are_answered_in_order() {
    let topic = topic_with(3);
    let conf = Conf::new(&[&topic]).spout("next.hold.ms", 60_000);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(3);
    let ack = |index: usize| format!("{{\"command\":\"ack\",\"id\":{}}}\nend\n", emits[index].id());
    let next = "{\"command\":\"next\",\"id\":\"\"}\nend\n";
    // The next in the middle is held open, as nothing is in flight: what follows must not wait for its end.
    let all = [ack(0), ack(1), ack(2), next.to_owned(), ack(0), next.to_owned(), ack(1)].concat();
    let begun = Instant::now();
    parent.write(all.as_bytes());
    for _ in 0..7 {
        assert!(parent.reply().errors.is_empty());
    }
    assert!(begun.elapsed() < Duration::from_secs(50), "a held next kept others waiting");
    parent.finish();
}

#[test]
fn a_frame_that_is_cut_off_by_the_end_of_stdin_is_not_obeyed() {
    let (exit, conf) = until_in_time("EOF in the middle of a frame", || {
        let topic = topic_with(5);
        let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000);
        let mut parent = FakeParent::activated(&conf);
        let emits = parent.collect(5);
        parent.ack_all(&emits[..3]);
        // All of the command is there but for its end.
        let ack = json!({"command": "ack", "id": emits[3].id()}).to_string();
        parent.write(format!("{ack}\nen").as_bytes());
        parent.close_stdin();
        (parent.wait_for_exit(), conf)
    });
    assert!(exit.code == Some(0) && exit.unread.is_empty(), "{exit:?}");
    assert_eq!(zk::offset(&conf.node(0)), Some(3));
}
