//! The end of the process: what is committed, how long it takes, what is left.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::conf::Conf;
use crate::support::exit::{Exit, until_in_time};
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::wire::Emit;
use crate::support::{proc, report, wait_for, zk};

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

/// SIGTERM leaves this long for late acks; less, so that a test can tell whether it was in time.
const SURELY_IN_GRACE: Duration = Duration::from_millis(300);

/// After so long the child has seen a signal, on any machine that is in time at all.
const SURELY_SEEN: Duration = Duration::from_millis(100);

/// A spout that has emitted ten records, of which six are acked and none is committed.
fn six_of_ten(configure: impl FnOnce(Conf) -> Conf) -> (Conf, FakeParent, Vec<Emit>) {
    let topic = Topic::new("ends", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = configure(Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000));
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..6]);
    assert_eq!(zk::offset(&conf.node(0)), Some(0));
    (conf, parent, emits)
}

/// Ends it one way, and checks the promises that all ways have in common.
fn ends_in_order(name: &str, end: impl Fn(&mut FakeParent)) -> Exit {
    let (exit, (conf, sockets)) = until_in_time(name, || {
        let (conf, mut parent, _) = six_of_ten(|conf| conf);
        let sockets = proc::sockets(parent.pid());
        assert!(sockets.len() >= 2, "{sockets:?}");
        end(&mut parent);
        (parent.wait_for_exit(), (conf, sockets))
    });
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.took < LIMIT, "{exit:?}");
    assert_eq!(zk::offset(&conf.node(0)), Some(6));
    wait_for("no socket but in TIME_WAIT", || proc::remains(&sockets).is_empty().then_some(()));
    assert!(exit.stderr.contains("0 TCP sockets") && exit.stderr.contains("10 emitted"), "{exit:?}");
    exit
}

#[test]
fn sigterm_commits_the_acked_prefix_and_ends_in_time() {
    ends_in_order("SIGTERM", FakeParent::terminate);
}

#[test]
fn sigterm_that_comes_twice_is_the_same_as_once() {
    ends_in_order("SIGTERM twice", |parent| {
        parent.terminate();
        // The supervisor's and ShellSpout's: so far apart that the kernel does not make one of them.
        std::thread::sleep(SURELY_SEEN);
        parent.terminate();
    });
}

#[test]
fn sigint_commits_the_acked_prefix_and_ends_in_time() {
    ends_in_order("SIGINT", FakeParent::interrupt);
}

#[test]
fn the_end_of_stdin_commits_the_acked_prefix_and_ends_in_time() {
    ends_in_order("EOF", FakeParent::close_stdin);
}

#[test]
fn a_parent_that_is_gone_is_noticed_though_it_has_said_nothing() {
    ends_in_order("EPIPE", FakeParent::close_stdout);
}

#[test]
fn sigterm_and_the_end_of_stdin_together_wait_for_nobody() {
    let exit = ends_in_order("SIGTERM and EOF", |parent| {
        parent.terminate();
        parent.close_stdin();
    });
    assert!(exit.unread.is_empty(), "{exit:?}");
}

#[test]
fn acks_that_are_in_the_pipe_when_stdin_ends_are_committed() {
    let (exit, conf) = until_in_time("EOF after three acks", || {
        let (conf, mut parent, emits) = six_of_ten(|conf| conf);
        for emit in &emits[6..9] {
            parent.send("ack", &emit.id());
        }
        parent.close_stdin();
        (parent.wait_for_exit(), conf)
    });
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(zk::offset(&conf.node(0)), Some(9));
}

#[test]
fn acks_that_arrive_after_sigterm_are_committed_and_nothing_is_emitted_any_more() {
    for attempt in 0..10 {
        let (conf, mut parent, emits) = six_of_ten(|conf| conf.spout("max.in.flight", 10).spout("retry.jitter", 0));
        parent.terminate();
        let begun = Instant::now();
        std::thread::sleep(SURELY_SEEN);
        let late = emits[6..9].iter().flat_map(|emit| [("ack", emit.id()), ("next", json!(""))]);
        let failed = [("fail", emits[9].id()), ("next", json!("")), ("next", json!(""))];
        let sent = late.chain(failed).flat_map(|(command, id)| parent.try_send(command, &id)).count();
        if begun.elapsed() > SURELY_IN_GRACE {
            report(&format!("attempt {attempt}: this machine was too slow to be in time"));
            continue;
        }
        let emitted: usize = (0..sent).map(|_| parent.reply().emits.len()).sum();
        assert_eq!(emitted, 0, "not even what failed comes again");
        let exit = parent.wait_for_exit();
        if !exit.is_abandoned() {
            assert_eq!(exit.code, Some(0), "{exit:?}");
            assert_eq!(zk::offset(&conf.node(0)), Some(9));
            return;
        }
    }
    panic!("this machine is too slow to say anything");
}

fn held_next_is_answered(name: &str, end: impl Fn(&mut FakeParent)) {
    let (exit, conf) = until_in_time(name, || {
        let (conf, mut parent, emits) = six_of_ten(|conf| conf.spout("next.hold.ms", 600_000));
        parent.ack_all(&emits[6..]);
        // Nothing is left to read and nothing is in flight: this one is held.
        parent.send("next", &json!(""));
        end(&mut parent);
        assert!(parent.reply().emits.is_empty());
        (parent.wait_for_exit(), conf)
    });
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
    assert_eq!(zk::offset(&conf.node(0)), Some(10));
}

#[test]
fn a_next_that_is_held_open_is_answered_at_sigterm() {
    held_next_is_answered("SIGTERM with a held next", FakeParent::terminate);
}

#[test]
fn a_next_that_is_held_open_is_answered_at_the_end_of_stdin() {
    held_next_is_answered("EOF with a held next", FakeParent::close_stdin);
}

#[test]
fn a_next_that_is_held_open_is_answered_as_soon_as_a_record_comes() {
    let topic = Topic::new("ends", 1);
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).spout("next.hold.ms", 600_000));
    parent.send("next", &json!(""));
    topic.produce(0, ["now"]);
    let reply = parent.reply();
    assert_eq!(reply.emits.len(), 1);
    parent.ack_all(&reply.emits);
    parent.finish();
}

#[test]
fn the_end_of_stdin_before_the_handshake_is_an_end_in_order() {
    let mut parent = FakeParent::spawn(&[]);
    parent.close_stdin();
    let exit = parent.wait_for_exit();
    assert!(exit.code == Some(0) && exit.took < LIMIT && exit.unread.is_empty(), "{exit:?}");
}

#[test]
fn the_last_words_are_in_the_log_file() {
    let topic = Topic::new("ends", 1);
    topic.produce(0, ["a"]);
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("spout.log");
    let (exit, ()) = until_in_time("SIGTERM", || {
        let mut parent = FakeParent::activated(&Conf::new(&[&topic]).spout("log.file", file.to_str().expect("UTF-8")));
        parent.collect(1);
        parent.terminate();
        (parent.wait_for_exit(), ())
    });
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let log = std::fs::read_to_string(file).expect("the log file");
    assert!(log.contains("kafka-shell-spout 0") && log.contains("reading from offset 0"), "{log}");
    assert!(log.contains("ended by Terminate") && log.contains("0 TCP sockets"), "{log}");
}
