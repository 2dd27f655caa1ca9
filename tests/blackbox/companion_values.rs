//! What a tuple holds on the binary wire to the Java companion.

use serde_json::json;

use crate::support::companion::{Datum, FakeCompanion};
use crate::support::conf::Conf;
use crate::support::kafka::{self, Record, Topic};
use crate::support::parent::FakeParent;
use crate::support::zk;

#[test]
fn with_the_encoding_bytes_values_are_as_they_are_in_kafka() {
    let topic = Topic::new("companion", 1);
    let values: [&[u8]; 5] = [b"text", b"a\xff\xfeb", b"", b"\x00\xf0\x9f", "\u{1f600}".as_bytes()];
    let mut records =
        values.map(|value| Record { key: Some(b"\xfe"), value: Some(value), ..Record::default() }).to_vec();
    records.push(Record::default());
    topic.send(&records);
    let conf = Conf::new(&[&topic]).fields(&["key", "value"]).spout("value.encoding", "bytes");
    for (key, expected) in [("bytes", Datum::Bytes(vec![0xfe])), ("utf8", Datum::Text("\u{fffd}".to_owned()))] {
        let mut companion = FakeCompanion::activated(&conf.clone().spout("key.encoding", key));
        let tuples = companion.collect(6);
        for (tuple, value) in tuples.iter().zip(values) {
            assert_eq!(tuple.values, [expected.clone(), Datum::Bytes(value.to_vec())]);
        }
        assert_eq!(tuples[5].values, [Datum::Null, Datum::Null]);
        companion.finish();
    }
}

#[test]
fn the_encoding_bytes_is_refused_where_there_is_json() {
    for key in ["key.encoding", "value.encoding"] {
        let conf = Conf::new(&[&Topic::later("companion")]).spout(key, "bytes");
        let mut parent = FakeParent::start(&conf);
        let reply = parent.activate();
        let told = format!(
            "kafka.spout.{key}: bytes: JSON has no bytes; it needs NativeKafkaSpout, the Java companion. Use base64, \
             or the companion"
        );
        assert!(reply.errors.len() == 1 && reply.errors[0].contains(&told), "{reply:?}");
        assert_eq!(parent.wait_for_exit().code, Some(78));
    }
}

#[test]
fn records_of_several_topics_go_to_the_streams_that_are_named_and_come_again_there() {
    let topics = ["a", "b", "c"].map(|name| Topic::new(name, 1));
    for topic in &topics {
        topic.produce(0, [topic.name.clone()]);
    }
    let [a, b, c] = &topics;
    let routes = json!({a.name.clone(): "one", b.name.clone(): "two"});
    let conf = Conf::new(&[a, b, c]).stream("one", &["value"]).stream("two", &["value"]);
    let mut companion = FakeCompanion::activated(&conf.clone().spout("stream.by.topic", routes));
    let mut expected = [(&a.name, "one"), (&b.name, "two"), (&c.name, "default")];
    expected.sort_unstable();
    for again in [true, false] {
        let tuples = companion.collect(3);
        let mut found: Vec<_> = tuples.iter().map(|tuple| (tuple.text(0), tuple.stream.as_str())).collect();
        found.sort_unstable();
        assert!(
            found.iter().copied().eq(expected.iter().map(|(topic, stream)| (topic.as_str(), *stream))),
            "{found:?}"
        );
        if again {
            companion.fail(&tuples);
        } else {
            companion.ack(&tuples);
        }
    }
    for topic in &topics {
        zk::wait_for_offset(&conf.node_of(topic, 0), 1);
    }
    companion.finish();
}

#[test]
fn every_field_of_a_record_can_be_had() {
    let topic = Topic::new("companion", 2);
    let headers = kafka::headers();
    let bare = Record { partition: 1, timestamp: Some(1), value: Some(b"bare"), ..Record::default() };
    let full = Record {
        partition: 1,
        key: Some(b"k\xff"),
        value: Some(b"v"),
        timestamp: Some(1_700_000_000_123),
        headers: Some(headers),
    };
    let tombstone = Record { partition: 1, key: Some(b"gone"), timestamp: Some(2), ..Record::default() };
    topic.send(&[bare, full, tombstone]);
    let fields =
        ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "header.trace", "header.none"];
    let mut companion = FakeCompanion::activated(&Conf::new(&[&topic]).fields(&fields));
    let tuples = companion.collect(3);
    let text = |text: &str| Datum::Text(text.to_owned());
    let place =
        |offset, timestamp| vec![text(&topic.name), Datum::Long(1), Datum::Long(offset), Datum::Long(timestamp)];
    let list = |entries: &[(&str, Datum)]| {
        Datum::List(entries.iter().map(|(name, value)| Datum::List(vec![text(name), value.clone()])).collect())
    };
    let headers = list(&[
        ("trace", text("first")),
        ("trace", text("last")),
        ("empty", text("")),
        ("null", Datum::Null),
        ("bytes", text("\u{fffd}")),
    ]);
    let bare = [place(0, 1), vec![Datum::Null, text("bare"), list(&[]), Datum::Null, Datum::Null]].concat();
    let full =
        [place(1, 1_700_000_000_123), vec![text("k\u{fffd}"), text("v"), headers, text("last"), Datum::Null]].concat();
    let tombstone = [place(2, 2), vec![text("gone"), Datum::Null, list(&[]), Datum::Null, Datum::Null]].concat();
    assert_eq!([&tuples[0].values, &tuples[1].values, &tuples[2].values], [&bare, &full, &tombstone]);
    companion.finish();
}

#[test]
fn a_record_of_ten_megabytes_arrives_whole() {
    let topic = Topic::later("companion");
    topic.create(1, &[("max.message.bytes", "12000000")]);
    let large: String = (0..10_000_000u32).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let conf = Conf::new(&[&topic]);
    let mut companion = FakeCompanion::activated(&conf);
    topic.produce(0, [large.as_bytes(), b"small"]);
    let tuples = companion.collect(2);
    assert!(tuples[0].text(0) == large, "{} bytes came", tuples[0].text(0).len());
    assert_eq!(tuples[1].text(0), "small");
    companion.ack(&tuples);
    zk::wait_for_offset(&conf.node(0), 2);
    companion.finish();
}
