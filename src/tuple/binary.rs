//! A record as a frame of the companion's wire.

use super::encode::{Encoder, Encoding, Undecodable, base64};
use super::{Field, Record, Stream};
use crate::companion::{self, Value, to_parent};
use crate::multilang::TupleId;

/// Set in a tuple's flags if it has an id.
const HAS_ID: u8 = 1;

/// Appends a whole frame.
pub fn emit(encoder: &Encoder, id: Option<TupleId>, stream: Option<&Stream>, record: &Record<'_>, out: &mut Vec<u8>) {
    let start = companion::begin(to_parent::EMIT, out);
    out.push(if id.is_some() { HAS_ID } else { 0 });
    out.extend_from_slice(&stream.map_or(0, Stream::number).to_be_bytes());
    if let Some(TupleId { slot, offset }) = id {
        out.extend_from_slice(&slot.to_be_bytes());
        out.extend_from_slice(&offset.to_be_bytes());
    }
    // The configuration has as many fields as the stream declares: not 65,536.
    out.extend_from_slice(&(encoder.fields.len() as u16).to_be_bytes());
    for field in &encoder.fields {
        write(encoder, field, record, out);
    }
    companion::end(start, out);
}

fn write(encoder: &Encoder, field: &Field, record: &Record<'_>, out: &mut Vec<u8>) {
    match field {
        Field::Topic => Value::Text(record.topic).write(out),
        Field::Partition => Value::Long(record.partition.into()).write(out),
        Field::Offset => Value::Long(record.offset).write(out),
        Field::Timestamp => record.timestamp.map_or(Value::Null, Value::Long).write(out),
        Field::Key => bytes(encoder, record.key, encoder.key, out),
        Field::Value => bytes(encoder, record.value, encoder.value, out),
        Field::Headers => headers(encoder, record, out),
        Field::Header(wanted) => {
            let start = out.len();
            Value::Null.write(out);
            if let Some(headers) = record.headers {
                // The last one counts.
                headers.each(&mut |name, value| {
                    if name == wanted.as_bytes() {
                        out.truncate(start);
                        bytes(encoder, value, encoder.value, out);
                    }
                });
            }
        }
    }
}

fn headers(encoder: &Encoder, record: &Record<'_>, out: &mut Vec<u8>) {
    let mut count = 0;
    if let Some(headers) = record.headers {
        headers.each(&mut |_, _| count += 1);
    }
    Value::List(count).write(out);
    if let Some(headers) = record.headers {
        headers.each(&mut |name, value| {
            Value::List(2).write(out);
            text(name, Undecodable::Replace, out);
            bytes(encoder, value, encoder.value, out);
        });
    }
}

fn bytes(encoder: &Encoder, bytes: Option<&[u8]>, encoding: Encoding, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else { return Value::Null.write(out) };
    match encoding {
        Encoding::Utf8 => text(bytes, encoder.undecodable, out),
        Encoding::Base64 => companion::text_of(out, |out| base64(bytes, out)),
        Encoding::Bytes => Value::Bytes(bytes).write(out),
    }
}

fn text(bytes: &[u8], undecodable: Undecodable, out: &mut Vec<u8>) {
    match (simdutf8::basic::from_utf8(bytes), undecodable) {
        (Ok(text), _) => Value::Text(text).write(out),
        (Err(_), Undecodable::Base64) => companion::text_of(out, |out| base64(bytes, out)),
        (Err(_), Undecodable::Replace) => companion::text_of(out, |out| lossy(bytes, out)),
    }
}

/// Each sequence that is not UTF-8 becomes U+FFFD.
fn lossy(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::companion::value;
    use crate::multilang::Wire;
    use crate::tuple::tests::HeaderList;

    /// Reads as the companion does; bytes become a list of numbers.
    struct Reader<'a>(&'a [u8]);

    impl<'a> Reader<'a> {
        fn take(&mut self, count: usize) -> &'a [u8] {
            let (taken, rest) = self.0.split_at(count);
            self.0 = rest;
            taken
        }

        fn number(&mut self, bytes: usize) -> i64 {
            let negative = bytes == 8 && self.0[0] & 0x80 != 0;
            self.take(bytes).iter().fold(if negative { -1 } else { 0 }, |sum, byte| sum << 8 | i64::from(*byte))
        }

        fn value(&mut self) -> Json {
            match self.number(1) as u8 {
                value::NULL => Json::Null,
                value::LONG => self.number(8).into(),
                value::LIST => (0..self.number(4)).map(|_| self.value()).collect(),
                kind => {
                    let length = self.number(4) as usize;
                    let bytes = self.take(length);
                    match kind {
                        value::STRING => std::str::from_utf8(bytes).expect("UTF-8").into(),
                        value::BYTES => bytes.into(),
                        _ => panic!("kind {kind}"),
                    }
                }
            }
        }
    }

    fn read_back(frame: &[u8]) -> (Option<(i64, i64)>, i64, Json) {
        let mut reader = Reader(frame);
        assert_eq!(reader.number(4) as usize, frame.len() - 4);
        assert_eq!(reader.number(1) as u8, to_parent::EMIT);
        let has_id = reader.number(1) == 1;
        let stream = reader.number(2);
        let id = has_id.then(|| (reader.number(4), reader.number(8)));
        let tuple = (0..reader.number(2)).map(|_| reader.value()).collect();
        assert_eq!(reader.0, b"", "nothing after the last value");
        (id, stream, tuple)
    }

    fn encoder(fields: &[&str], value: Encoding) -> Encoder {
        let fields = fields.iter().map(|field| field.parse().expect("field")).collect();
        Encoder { wire: Wire::Companion, fields, key: Encoding::Utf8, value, undecodable: Undecodable::Replace }
    }

    #[test]
    fn every_field_is_written_in_order() {
        let headers: HeaderList =
            vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"\xff".to_vec(), None), (b"a".to_vec(), Some(b"2".to_vec()))];
        let record = Record {
            topic: "t",
            partition: 3,
            offset: 42,
            timestamp: Some(-1),
            key: Some(b"k\xff"),
            value: None,
            headers: Some(&headers),
        };
        let fields = ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "header.a", "header.b"];
        let mut frame = Vec::new();
        let id = TupleId { slot: 7, offset: 42 };
        encoder(&fields, Encoding::Bytes).emit(Some(id), Some(&Stream::new("s", 2)), &record, &mut frame);
        let headers = json!([["a", [49]], ["\u{fffd}", null], ["a", [50]]]);
        let tuple = json!(["t", 3, 42, -1, "k\u{fffd}", null, headers, [50], null]);
        assert_eq!(read_back(&frame), (Some((7, 42)), 2, tuple));
    }

    proptest! {
        #[test]
        fn any_value_reads_back(value in prop::collection::vec(any::<u8>(), 0..300), encoding in 0..3) {
            let (encoding, expected) = match encoding {
                0 => (Encoding::Utf8, json!(String::from_utf8_lossy(&value))),
                1 => (Encoding::Base64, json!(STANDARD.encode(&value))),
                _ => (Encoding::Bytes, json!(value)),
            };
            let record = Record {
                topic: "t", partition: 0, offset: 0, timestamp: None, key: None, value: Some(&value), headers: None,
            };
            let mut frame = Vec::new();
            encoder(&["value"], encoding).emit(None, None, &record, &mut frame);
            prop_assert_eq!(read_back(&frame), (None, 0, json!([expected])));
        }
    }
}
