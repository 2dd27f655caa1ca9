//! The state of the spout in its log.

use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::wire::Reply;

/// The newest status line of a reply.
fn status(reply: &Reply) -> Option<Value> {
    let line = reply.logs.iter().rev().find_map(|(_, text)| text.strip_prefix("status "))?;
    Some(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
}

/// Says `next` until the status is so.
fn wait_for_status(parent: &mut FakeParent, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    let mut found = None;
    parent.next_until(what, |reply| {
        found = status(reply).filter(|status| so(status));
        found.is_some()
    });
    found.expect("found above")
}

#[test]
fn the_status_line_has_counters_offsets_lag_and_sockets() {
    let topic = Topic::new("status", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 4).spout("status.period.ms", 100);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(4);
    parent.ack(&emits[0]);
    parent.ack(&emits[1]);
    parent.fail(&emits[3]);
    let partition = |committed: i64| json!([{"topic": topic.name, "partition": 0, "position": 6, "acked": 2, "committed": committed, "end": 10, "lag": 8}]);
    let found = wait_for_status(&mut parent, "the status", |status| {
        status["in_flight"] == 4 && status["partitions"] == partition(2)
    });
    assert_eq!(found["pid"], parent.pid(), "{found}");
    for (counter, value) in
        [("emitted", 6), ("retried", 1), ("acked", 2), ("failed", 1), ("lag", 8), ("task", 3), ("partition_count", 1)]
    {
        assert_eq!(found[counter], value, "{counter} in {found}");
    }
    assert_eq!(found["active"], true);
    let sockets = found["sockets"]["ESTABLISHED"].as_u64().expect("a number");
    assert!((3..=4).contains(&sockets) && found["sockets"].get("CLOSE_WAIT").is_none(), "{found}");
    assert!(found["rss_bytes"].as_u64().expect("a number") > 1 << 20 && found["cpu_ms"].is_u64(), "{found}");
    parent.finish();
}

#[test]
fn with_many_partitions_the_status_names_those_with_the_most_lag() {
    let topic = Topic::new("wide", 60);
    topic.produce(59, ["last".to_owned()]);
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 1).spout("status.period.ms", 100);
    let mut parent = FakeParent::activated(&conf);
    let found = wait_for_status(&mut parent, "the lag of the last partition", |status| status["lag"] == 1);
    assert_eq!((&found["partition_count"], found["partitions"].as_array().map(Vec::len)), (&json!(60), Some(50)));
    assert_eq!(found["partitions"][0]["partition"], 59, "{found}");
    parent.finish();
}

#[test]
fn there_is_no_status_line_unless_one_is_wanted() {
    let topic = Topic::new("silent", 1);
    topic.produce(0, ["a".to_owned()]);
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]));
    let mut seen = 0;
    let begun = std::time::Instant::now();
    parent.next_until("half a second", |reply| {
        seen += usize::from(status(reply).is_some());
        begun.elapsed() > std::time::Duration::from_millis(500)
    });
    assert_eq!(seen, 0);
    parent.finish();
}
