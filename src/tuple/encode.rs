//! Writes the frame of a record, in one pass, into a buffer that is reused: here multilang's `emit`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::{lossy, string};
use super::{Field, Record, Stream, binary};
use crate::multilang::{TupleId, Wire};

/// How bytes become a value of the tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As text; what is not UTF-8 goes by [`Undecodable`].
    Utf8,
    /// Standard base64 with padding, always.
    Base64,
    /// As they are; JSON cannot say that, so only the companion gets it.
    Bytes,
}

/// What becomes of bytes that should be UTF-8 and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecodable {
    /// Each invalid sequence becomes U+FFFD, as Storm's own `JsonSerializer` does.
    Replace,
    /// The whole key or value becomes base64; the topology has to tell by itself.
    Base64,
}

/// Turns records into emit frames.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The frames' form.
    pub wire: Wire,
    /// The tuple's values, in order.
    pub fields: Vec<Field>,
    /// For the field `key`.
    pub key: Encoding,
    /// For the field `value` and the headers.
    pub value: Encoding,
    /// For both when they are [`Encoding::Utf8`].
    pub undecodable: Undecodable,
}

impl Encoder {
    /// Appends a whole frame, `end` line included. Without an id Storm does not track the tuple; without a stream it goes
    /// to `default`.
    pub fn emit(&self, id: Option<TupleId>, stream: Option<&Stream>, record: &Record<'_>, out: &mut Vec<u8>) {
        if self.wire == Wire::Companion {
            return binary::emit(self, id, stream, record, out);
        }
        // need_task_ids is true unless said otherwise, and then a list of tasks comes back for each tuple.
        out.extend_from_slice(b"{\"command\":\"emit\",\"need_task_ids\":false,");
        if let Some(id) = id {
            out.extend_from_slice(b"\"id\":");
            id.write(out);
            out.push(b',');
        }
        if let Some(stream) = stream {
            stream.write(out);
        }
        out.extend_from_slice(b"\"tuple\":[");
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.field(field, record, out);
        }
        out.extend_from_slice(b"]}\nend\n");
    }

    fn field(&self, field: &Field, record: &Record<'_>, out: &mut Vec<u8>) {
        match field {
            Field::Topic => string(record.topic, out),
            Field::Partition => integer(record.partition.into(), out),
            Field::Offset => integer(record.offset, out),
            Field::Timestamp => match record.timestamp {
                Some(millis) => integer(millis, out),
                None => out.extend_from_slice(b"null"),
            },
            Field::Key => self.bytes(record.key, self.key, out),
            Field::Value => self.bytes(record.value, self.value, out),
            Field::Headers => self.headers(record, out),
            Field::Header(wanted) => self.header(wanted, record, out),
        }
    }

    fn headers(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        out.push(b'[');
        if let Some(headers) = record.headers {
            let mut first = true;
            headers.each(&mut |name, value| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.push(b'[');
                lossy(name, out);
                out.push(b',');
                self.bytes(value, self.value, out);
                out.push(b']');
            });
        }
        out.push(b']');
    }

    fn header(&self, wanted: &str, record: &Record<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"null");
        if let Some(headers) = record.headers {
            // The last one counts, as in Kafka's own Headers.lastHeader.
            headers.each(&mut |name, value| {
                if name == wanted.as_bytes() {
                    out.truncate(start);
                    self.bytes(value, self.value, out);
                }
            });
        }
    }

    fn bytes(&self, bytes: Option<&[u8]>, encoding: Encoding, out: &mut Vec<u8>) {
        let Some(bytes) = bytes else {
            out.extend_from_slice(b"null");
            return;
        };
        match (encoding, self.undecodable) {
            // The configuration takes Bytes only for the companion.
            (Encoding::Base64 | Encoding::Bytes, _) => quoted_base64(bytes, out),
            (Encoding::Utf8, undecodable) => match simdutf8::basic::from_utf8(bytes) {
                Ok(text) => string(text, out),
                Err(_) if undecodable == Undecodable::Base64 => quoted_base64(bytes, out),
                Err(_) => lossy(bytes, out),
            },
        }
    }
}

fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn quoted_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    base64(bytes, out);
    out.push(b'"');
}

/// Appends standard base64.
pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).expect("the space is exactly enough");
    debug_assert_eq!(start + written, out.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::tuple::tests::HeaderList;

    fn encoder(fields: &[&str]) -> Encoder {
        Encoder {
            wire: Wire::Multilang,
            fields: fields.iter().map(|field| field.parse().expect("field")).collect(),
            key: Encoding::Utf8,
            value: Encoding::Utf8,
            undecodable: Undecodable::Replace,
        }
    }

    fn record(value: Option<&[u8]>) -> Record<'_> {
        Record { topic: "t", partition: 3, offset: 42, timestamp: None, key: None, value, headers: None }
    }

    /// The frame as the parent reads it: line by line until `end`, then one JSON document.
    fn read_back(frame: &[u8]) -> Value {
        let text = std::str::from_utf8(frame).expect("UTF-8");
        let mut lines = text.split(['\n', '\r']);
        let document: Vec<&str> = lines.by_ref().take_while(|line| *line != "end").collect();
        assert_eq!(lines.collect::<Vec<_>>(), [""], "exactly one frame");
        serde_json::from_str(&document.join("\n")).expect("JSON")
    }

    fn tuple(encoder: &Encoder, record: &Record<'_>) -> Value {
        let mut frame = Vec::new();
        encoder.emit(Some(TupleId { slot: 0, offset: record.offset }), None, record, &mut frame);
        read_back(&frame)["tuple"].clone()
    }

    #[test]
    fn the_frame_is_what_shell_spout_expects() {
        let mut frame = Vec::new();
        encoder(&["value"]).emit(Some(TupleId { slot: 7, offset: 42 }), None, &record(Some(b"a\"b")), &mut frame);
        encoder(&["value"]).emit(None, Some(&Stream::new("s\"1", 1)), &record(Some(b"")), &mut frame);
        let expected = "{\"command\":\"emit\",\"need_task_ids\":false,\"id\":\"7:42\",\"tuple\":[\"a\\\"b\"]}\nend\n\
                        {\"command\":\"emit\",\"need_task_ids\":false,\"stream\":\"s\\\"1\",\"tuple\":[\"\"]}\nend\n";
        assert_eq!(std::str::from_utf8(&frame).expect("UTF-8"), expected);
    }

    #[test]
    fn every_field_is_written_in_order() {
        let headers: HeaderList =
            vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"\xff".to_vec(), None), (b"a".to_vec(), Some(b"2".to_vec()))];
        let record =
            Record { timestamp: Some(1_700_000_000_000), key: Some(b"k"), headers: Some(&headers), ..record(None) };
        let encoder =
            encoder(&["topic", "partition", "offset", "timestamp", "key", "value", "headers", "header.a", "header.b"]);
        let expected = json!([
            "t",
            3,
            42,
            1_700_000_000_000_i64,
            "k",
            null,
            [["a", "1"], ["\u{fffd}", null], ["a", "2"]],
            "2",
            null
        ]);
        assert_eq!(tuple(&encoder, &record), expected);
    }

    #[test]
    fn bytes_that_are_not_utf8_go_by_the_chosen_rule() {
        let mut encoder = encoder(&["value"]);
        assert_eq!(tuple(&encoder, &record(Some(b"a\xf0\x9fb"))), json!(["a\u{fffd}b"]));
        encoder.undecodable = Undecodable::Base64;
        assert_eq!(tuple(&encoder, &record(Some(b"a\xf0\x9fb"))), json!(["YfCfYg=="]));
        assert_eq!(tuple(&encoder, &record(Some(b"ab"))), json!(["ab"]));
        encoder.value = Encoding::Base64;
        assert_eq!(tuple(&encoder, &record(Some(b"ab"))), json!(["YWI="]));
    }

    #[test]
    fn awkward_texts_arrive_whole() {
        let long = "x".repeat(10 << 20);
        for text in
            ["end", "\nend\n", "\"\\/\u{8}\u{c}\r\n\t\0\u{1f}\u{7f}", "\u{2028}\u{2029}\u{85}", "\u{10ffff}é", &long]
        {
            assert_eq!(tuple(&encoder(&["value"]), &record(Some(text.as_bytes()))), json!([text]));
        }
    }

    proptest! {
        #[test]
        fn serde_json_reads_back_any_bytes(
            key in prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
            value in prop::option::of(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                any::<String>().prop_map(String::into_bytes),
            ]),
            base64_always: bool,
            base64_undecodable: bool,
            offset in 0..i64::MAX,
        ) {
            let mut encoder = encoder(&["offset", "key", "value"]);
            encoder.value = if base64_always { Encoding::Base64 } else { Encoding::Utf8 };
            encoder.undecodable = if base64_undecodable { Undecodable::Base64 } else { Undecodable::Replace };
            let record = Record { key: key.as_deref(), offset, ..record(value.as_deref()) };
            let text = |bytes: &[u8]| match String::from_utf8(bytes.to_vec()) {
                Ok(text) => text,
                Err(_) if base64_undecodable => STANDARD.encode(bytes),
                Err(_) => String::from_utf8_lossy(bytes).into_owned(),
            };
            let expected_value = value.as_deref().map(|bytes| if base64_always { STANDARD.encode(bytes) } else { text(bytes) });
            prop_assert_eq!(tuple(&encoder, &record), json!([offset, key.as_deref().map(text), expected_value]));
        }
    }
}
