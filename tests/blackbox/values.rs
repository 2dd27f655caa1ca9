//! Records as they come out of a real broker, and the tuples they become.

use rdkafka::bindings::{rd_kafka_header_add, rd_kafka_headers_t, rd_kafka_resp_err_t};
use rdkafka::message::OwnedHeaders;
use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::kafka::{self, Producer, Record, Topic};
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::zk;

fn valued(value: &[u8]) -> Record<'_> {
    Record { value: Some(value), ..Record::default() }
}

/// The tuples that the spout makes of these records.
fn tuples(records: &[Record<'_>], configure: impl FnOnce(Conf) -> Conf) -> Vec<Vec<Value>> {
    let topic = Topic::new("values", 1);
    topic.send(records);
    let mut parent = FakeParent::activated(&configure(Conf::new(&[&topic])));
    let emits = parent.collect(records.len());
    parent.ack_all(&emits);
    parent.finish();
    emits.into_iter().map(|emit| emit.tuple).collect()
}

#[test]
fn awkward_texts_arrive_whole() {
    let texts = [
        "plain",
        "",
        "end",
        "\nend\n",
        "a\nend\nb",
        "\r\nend\r\n",
        "\"quoted\" \\back/slash",
        "\u{0}\u{1}\u{8}\t\u{b}\u{c}\u{1f}\u{7f}\u{85}",
        "\u{2028}\u{2029}\u{feff}",
        "é 日本 😀 \u{10ffff}",
        "{\"command\":\"sync\"}",
    ];
    let records: Vec<_> = texts.iter().map(|text| valued(text.as_bytes())).collect();
    let expected: Vec<_> = texts.iter().map(|text| vec![json!(text)]).collect();
    assert_eq!(tuples(&records, |conf| conf), expected);
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_unless_told_otherwise() {
    let records = [valued(b"a\xff\xfeb"), valued(b"\xf0\x9f"), valued("é".as_bytes())];
    let expected = [[json!("a\u{fffd}\u{fffd}b")], [json!("\u{fffd}")], [json!("é")]];
    assert_eq!(tuples(&records, |conf| conf), expected);
}

#[test]
fn bytes_that_are_not_utf8_become_base64_when_told_so_and_others_stay_text() {
    let records = [valued(b"a\xff\xfeb"), valued(b"\x80"), valued("é".as_bytes())];
    let expected = [[json!("Yf/+Yg==")], [json!("gA==")], [json!("é")]];
    assert_eq!(tuples(&records, |conf| conf.spout("undecodable", "base64")), expected);
}

#[test]
fn with_base64_every_value_is_base64() {
    let records = [valued(b"text"), valued(b""), valued(b"\x00\xff")];
    let expected = [[json!("dGV4dA==")], [json!("")], [json!("AP8=")]];
    assert_eq!(tuples(&records, |conf| conf.spout("value.encoding", "base64")), expected);
}

#[test]
fn a_tombstone_is_a_null_and_an_empty_value_is_not() {
    let records = [Record { key: Some(b"gone"), ..Record::default() }, valued(b"")];
    let expected = [[json!("gone"), Value::Null], [Value::Null, json!("")]];
    assert_eq!(tuples(&records, |conf| conf.fields(&["key", "value"])), expected);
}

#[test]
fn tombstones_that_are_skipped_hold_back_no_offset() {
    let topic = Topic::new("values", 1);
    let tombstone = Record { key: Some(b"gone"), ..Record::default() };
    topic.send(&[tombstone.clone(), valued(b"1"), tombstone.clone(), valued(b""), tombstone]);
    let conf = Conf::new(&[&topic]).spout("tombstones", "skip");
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(2);
    assert_eq!([emits[0].text(0), emits[1].text(0)], ["1", ""]);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 5);
    parent.finish();
}

#[test]
fn a_long_run_of_skipped_tombstones_holds_up_nothing() {
    let topic = Topic::new("values", 1);
    let mut records = vec![Record { key: Some(b"gone"), ..Record::default() }; 20_000];
    records.push(valued(b"last"));
    topic.send(&records);
    // A next that were held among the tombstones would not come back in time.
    let conf = Conf::new(&[&topic]).spout("tombstones", "skip").spout("next.hold.ms", 600_000);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(1);
    assert_eq!(emits[0].text(0), "last");
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 20_001);
    parent.finish();
}

#[test]
fn every_field_of_a_record_can_be_had() {
    let topic = Topic::new("values", 2);
    let headers = with_name_that_is_not_utf8(kafka::headers());
    let timestamp = 1_700_000_000_123;
    let full = Record {
        partition: 1,
        key: Some(b"k\xff"),
        value: Some(b"v"),
        timestamp: Some(timestamp),
        headers: Some(headers),
    };
    topic.send(&[Record { partition: 1, timestamp: Some(1), ..valued(b"bare") }, full]);
    let fields =
        ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "header.trace", "header.none"];
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).fields(&fields));
    let emits = parent.collect(2);
    let bare = json!([topic.name, 1, 0, 1, null, "bare", [], null, null]);
    assert_eq!(Value::Array(emits[0].tuple.clone()), bare);
    let headers = json!([
        ["trace", "first"],
        ["trace", "last"],
        ["empty", ""],
        ["null", null],
        ["bytes", "\u{fffd}"],
        ["n\u{fffd}me", "odd"],
    ]);
    let full = json!([topic.name, 1, 1, timestamp, "k\u{fffd}", "v", headers, "last", null]);
    assert_eq!(Value::Array(emits[1].tuple.clone()), full);
    parent.ack_all(&emits);
    parent.finish();
}

#[test]
fn a_record_of_ten_megabytes_arrives_whole_and_does_not_stay_in_memory() {
    let topic = Topic::later("values");
    topic.create(1, &[("max.message.bytes", "12000000")]);
    let large: String = (0..10_000_000u32).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]));
    topic.produce(0, [large.as_bytes(), b"small"]);
    let emits = parent.collect(2);
    assert!(emits[0].text(0) == large, "{} bytes came", emits[0].text(0).len());
    assert_eq!(emits[1].text(0), "small");
    parent.ack_all(&emits);
    parent.finish();
}

#[test]
fn records_are_read_in_every_compression() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = Topic::new("values", 1);
        let values: Vec<String> = (0..200).map(|number| format!("{codec} {number} {}", "x".repeat(200))).collect();
        let records: Vec<_> = values.iter().map(|value| valued(value.as_bytes())).collect();
        topic.send_with(&Producer::new(&stack().kafka, &[("compression.type", codec)]), &records);
        let mut parent = FakeParent::activated(&Conf::new(&[&topic]));
        let emits = parent.collect(values.len());
        assert!(emits.iter().map(|emit| emit.text(0)).eq(values.iter().map(String::as_str)), "{codec}");
        parent.finish();
    }
}

/// Adds the header `n\xffme`, which rdkafka's own interface cannot name and other producers can.
fn with_name_that_is_not_utf8(headers: OwnedHeaders) -> OwnedHeaders {
    let native = std::ptr::from_ref(headers.as_borrowed()).cast::<rd_kafka_headers_t>().cast_mut();
    let (name, value) = (b"n\xffme", b"odd");
    // SAFETY: rdkafka makes a BorrowedHeaders only by casting librdkafka's list, which `headers` owns alone; name and
    // value are copied.
    let error = unsafe {
        rd_kafka_header_add(
            native,
            name.as_ptr().cast(),
            name.len() as isize,
            value.as_ptr().cast(),
            value.len() as isize,
        )
    };
    assert_eq!(error, rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    headers
}
