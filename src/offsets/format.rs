//! The bytes of a znode, as storm-kafka writes and reads them (`PartitionManager.commit` and its constructor).
//!
//! `{"topology":{"id":"wc-1-1700000000","name":"wc"},"offset":42,"partition":0,"broker":{"host":"h1","port":9092},"topic":"t"}`,
//! in this key order, without spaces, strings escaped as json-simple 1.1 does. The offset is the next one to read.

use std::fmt::Write as _;

use serde::Deserialize;
use thiserror::Error;

/// Whose commits these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Topology id, with the nonce of its submission, for example `wc-1-1700000000`.
    pub topology_id: String,
    /// Topology name.
    pub topology_name: String,
}

/// What a znode says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The next offset to read.
    pub offset: i64,
    /// Id of the topology that wrote it.
    pub topology_id: String,
}

/// A leader's address as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host.
    pub host: String,
    /// Port.
    pub port: i32,
}

/// Bytes that are no offset of ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    /// Not the legacy JSON. The old spout takes such a node for "no commit"; so do we, aloud.
    #[error("{0}")]
    Unreadable(String),
    /// The node is another topic's: writing there would destroy it, reading it would be nonsense.
    #[error("it names topic {0:?}")]
    OtherTopic(String),
}

/// The bytes to store.
pub fn write(writer: &Writer, offset: i64, topic: &str, partition: i32, broker: &Broker) -> Vec<u8> {
    let mut json = String::with_capacity(200);
    json.push_str("{\"topology\":{\"id\":");
    quote(&writer.topology_id, &mut json);
    json.push_str(",\"name\":");
    quote(&writer.topology_name, &mut json);
    // Writing to a String cannot fail.
    let _ = write!(json, "}},\"offset\":{offset},\"partition\":{partition},\"broker\":{{\"host\":");
    quote(&broker.host, &mut json);
    let _ = write!(json, ",\"port\":{}}},\"topic\":", broker.port);
    quote(topic, &mut json);
    json.push('}');
    json.into_bytes()
}

/// Reads what the old spout would accept: both `topology.id`, a string, and `offset`, an integer, must be there.
///
/// # Errors
/// [`FormatError`].
pub fn read(bytes: &[u8], topic: &str) -> Result<Stored, FormatError> {
    #[derive(Deserialize)]
    struct Node {
        topology: Topology,
        offset: i64,
        topic: Option<String>,
    }
    #[derive(Deserialize)]
    struct Topology {
        id: String,
    }
    let node: Node = serde_json::from_slice(bytes).map_err(|error| {
        FormatError::Unreadable(format!("{error}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)])))
    })?;
    match node.topic {
        Some(other) if other != topic => Err(FormatError::OtherTopic(other)),
        // -1 and -2 are "latest" and "earliest" in Kafka's protocol, never an offset.
        _ if node.offset < 0 => Err(FormatError::Unreadable(format!("offset {} is below 0", node.offset))),
        _ => Ok(Stored { offset: node.offset, topology_id: node.topology.id }),
    }
}

/// `org.json.simple.JSONValue.escape`: the slash too, and all that it takes for a control character, as `\uXXXX`.
fn quote(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '/' => json.push_str("\\/"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2000}'..='\u{20ff}' => {
                let _ = write!(json, "\\u{:04X}", u32::from(c));
            }
            _ => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn writer(id: &str, name: &str) -> Writer {
        Writer { topology_id: id.to_owned(), topology_name: name.to_owned() }
    }

    #[test]
    fn the_bytes_are_those_of_the_old_spout() {
        let broker = Broker { host: "h1".to_owned(), port: 9092 };
        let bytes = write(&writer("wc-1-1700000000", "wc"), 42, "t", 0, &broker);
        let expected = r#"{"topology":{"id":"wc-1-1700000000","name":"wc"},"offset":42,"partition":0,"broker":{"host":"h1","port":9092},"topic":"t"}"#;
        assert_eq!(std::str::from_utf8(&bytes).expect("UTF-8"), expected);
        assert_eq!(read(&bytes, "t"), Ok(Stored { offset: 42, topology_id: "wc-1-1700000000".to_owned() }));
    }

    #[test]
    fn strings_are_escaped_as_json_simple_does() {
        let mut json = String::new();
        quote("a/\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}\u{2028}é😀", &mut json);
        assert_eq!(json, "\"a\\/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007F\\u2028é😀\"");
    }

    #[test]
    fn what_the_old_spout_would_not_accept_is_no_offset() {
        for wrong in [
            "",
            "42",
            "{}",
            r#"{"offset":42}"#,
            r#"{"topology":{"id":"x"},"offset":"42"}"#,
            r#"{"topology":{"id":7},"offset":42}"#,
            r#"{"topology":{"id":"x"},"offset":-2}"#,
            "\u{1}",
        ] {
            assert!(matches!(read(wrong.as_bytes(), "t"), Err(FormatError::Unreadable(_))), "{wrong}");
        }
        let other = r#"{"topology":{"id":"x"},"offset":42,"topic":"other"}"#;
        assert_eq!(read(other.as_bytes(), "t"), Err(FormatError::OtherTopic("other".to_owned())));
        let without = r#"{"extra":[],"topology":{"id":"x","name":"y"},"offset":42}"#;
        assert_eq!(read(without.as_bytes(), "t"), Ok(Stored { offset: 42, topology_id: "x".to_owned() }));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(id: String, name: String, offset in 0..i64::MAX, topic: String, host: String) {
            let bytes = write(&writer(&id, &name), offset, &topic, 7, &Broker { host, port: 1 });
            prop_assert_eq!(read(&bytes, &topic), Ok(Stored { offset, topology_id: id }));
            let json: serde_json::Value = serde_json::from_slice(&bytes)?;
            prop_assert_eq!(json["topology"]["name"].as_str(), Some(name.as_str()));
        }
    }
}
