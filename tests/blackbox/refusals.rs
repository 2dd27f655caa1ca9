//! What the spout will not work with: told once in Storm UI, once on stderr, and by the exit code.

use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;

/// A spout with one wrong setting tells so in answer to the first command.
fn refused(conf: &Conf, words: &[&str]) {
    let mut parent = FakeParent::start(conf);
    let reply = parent.activate();
    assert_eq!(reply.errors.len(), 1, "{reply:?}");
    assert!(words.iter().all(|word| reply.errors[0].contains(word)), "{words:?} in {:?}", reply.errors);
    let exit = parent.wait_for_exit();
    assert_eq!(exit.code, Some(78), "{exit:?}");
    assert!(exit.stderr.contains(&reply.errors[0]), "{exit:?}");
    assert!(exit.unread.is_empty(), "{exit:?}");
}

fn conf() -> Conf {
    // Nobody connects, so the topic need not exist.
    Conf::new(&[&Topic::later("refusals")])
}

#[test]
fn a_misspelt_key_is_named_with_the_nearest_one() {
    refused(
        &conf().spout("max.in.fligth", 5),
        &["kafka.spout.max.in.fligth", "did you mean kafka.spout.max.in.flight?"],
    );
}

#[test]
fn a_wrong_value_is_named_with_what_would_be_right() {
    refused(&conf().spout("max.in.flight", "many"), &["kafka.spout.max.in.flight", "\"many\"", "from 1 to"]);
    refused(&conf().spout("tombstones", "keep"), &["kafka.spout.tombstones", "\"keep\"", "emit, skip"]);
    refused(&conf().spout("topics", Value::Null), &["kafka.spout.topics", "is not set"]);
}

#[test]
fn a_planned_key_or_value_is_not_yet_there() {
    refused(&conf().spout("topics.pattern", "a.*"), &["kafka.spout.topics.pattern", "not yet"]);
    refused(&conf().spout("offsets.takeover", "group"), &["kafka.spout.offsets.takeover", "not yet"]);
    refused(&conf().spout("processing.guarantee", "AT_MOST_ONCE"), &["kafka.spout.processing.guarantee", "not yet"]);
    refused(&conf().spout("retry.exhausted", "stream:dead"), &["kafka.spout.retry.exhausted", "not yet"]);
}

#[test]
fn the_number_of_fields_must_be_that_of_the_declared_ones() {
    let conf = conf().fields(&["key", "value"]).declare(&["value"]);
    refused(&conf, &["kafka.spout.fields", "2 values a tuple (key, value)", "declares 1 output fields (value)"]);
}

#[test]
fn a_property_that_librdkafka_does_not_take_is_told_in_its_own_words() {
    refused(
        &conf().spout("consumer.fetch.wait.max.mss", 5),
        &["kafka.spout.consumer.fetch.wait.max.mss", "No such configuration property"],
    );
    refused(
        &conf().spout("consumer.auto.offset.reset", "latest"),
        &["kafka.spout.consumer.auto.offset.reset", "kafka.spout.first.poll.offset.strategy"],
    );
}

#[test]
fn a_handshake_that_is_none_ends_with_its_own_exit_code() {
    let without_context = json!({"pidDir": "/tmp", "conf": {}}).to_string();
    for garbage in ["nonsense", "{\"command\":\"next\",\"id\":\"\"}", &without_context, "[]"] {
        let mut parent = FakeParent::spawn(&[]);
        parent.send_frame(garbage.as_bytes());
        let exit = parent.wait_for_exit();
        assert_eq!(exit.code, Some(76), "{garbage}: {exit:?}");
        assert!(exit.stderr.contains("handshake") && exit.unread.is_empty(), "{exit:?}");
    }
}

#[test]
fn a_handshake_that_is_cut_off_ends_with_its_own_exit_code() {
    let mut parent = FakeParent::spawn(&[]);
    parent.write(b"{\"pidDir\":\"/tmp\",\"conf\"");
    parent.close_stdin();
    let exit = parent.wait_for_exit();
    assert_eq!(exit.code, Some(76), "{exit:?}");
    assert!(exit.stderr.contains("in the middle of the handshake"), "{exit:?}");
}

#[test]
fn a_wrong_command_line_ends_with_its_own_exit_code() {
    let exit = FakeParent::spawn(&["--no-such-option"]).wait_for_exit();
    assert_eq!(exit.code, Some(64), "{exit:?}");
    assert!(exit.stderr.contains("--no-such-option") && exit.unread.is_empty(), "{exit:?}");
}

#[test]
fn defaults_come_from_a_file_and_the_component_wins_over_it() {
    let topic = Topic::new("refusals", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("spout.conf");
    std::fs::write(&file, "# comment\nkafka.spout.max.in.flight = 3\nkafka.spout.tombstones=nonsense\n")
        .expect("write");
    let mut parent = FakeParent::spawn(&["spout", "--config", file.to_str().expect("UTF-8")]);
    parent.shake_hands(&Conf::new(&[&topic]).spout("tombstones", "skip"));
    parent.activate();
    assert_eq!(parent.collect(3).len(), 3);
    assert_eq!(parent.idle(std::time::Duration::from_millis(300)), []);
    parent.finish();
}
