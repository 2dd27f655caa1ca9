//! The fields a tuple is made of.

use std::fmt;
use std::str::FromStr;

/// One entry of `kafka.spout.fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Topic name, a string.
    Topic,
    /// Partition number, an integer.
    Partition,
    /// Offset, an integer. Storm 2.6 and later give an `Integer` below 2^31 and a `Long` above: read it as `Number`.
    Offset,
    /// Milliseconds since the epoch, an integer, or null.
    Timestamp,
    /// The key in `kafka.spout.key.encoding`, or null.
    Key,
    /// The value in `kafka.spout.value.encoding`; null for a tombstone.
    Value,
    /// All headers: a list of `[name, value]` pairs, values encoded as the value is.
    Headers,
    /// The last header of that name, encoded as the value is, or null.
    Header(String),
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "topic" => Self::Topic,
            "partition" => Self::Partition,
            "offset" => Self::Offset,
            "timestamp" => Self::Timestamp,
            "key" => Self::Key,
            "value" => Self::Value,
            "headers" => Self::Headers,
            other => match other.strip_prefix("header.") {
                Some(name) if !name.is_empty() => Self::Header(name.to_owned()),
                _ => {
                    return Err(format!(
                        "{other:?} is no field; there are topic, partition, offset, timestamp, key, value, headers and header.NAME"
                    ));
                }
            },
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic => out.write_str("topic"),
            Self::Partition => out.write_str("partition"),
            Self::Offset => out.write_str("offset"),
            Self::Timestamp => out.write_str("timestamp"),
            Self::Key => out.write_str("key"),
            Self::Value => out.write_str("value"),
            Self::Headers => out.write_str("headers"),
            Self::Header(name) => write!(out, "header.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_read_back() {
        for name in ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "header.trace-id"] {
            assert_eq!(name.parse::<Field>().expect(name).to_string(), name);
        }
        for wrong in ["", "values", "header.", "Topic"] {
            assert!(wrong.parse::<Field>().expect_err(wrong).contains("header.NAME"));
        }
    }
}
