//! One frame from the parent, understood.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::id::TupleId;

/// What the parent asks. In multilang every variant but [`Command::TaskIds`] is answered with one `sync`; the companion waits
/// for no answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Emit something, if there is something.
    Next,
    /// The tuples were processed, with all their descendants.
    Ack(Ids),
    /// The tuples failed or timed out (Storm does not say which).
    Fail(Ids),
    /// The topology runs; also the first command ever.
    Activate,
    /// The topology stops or pauses; acks and fails may still come.
    Deactivate,
    /// The tasks an emit went to. We never ask for them; not answered.
    TaskIds,
    /// From the Java companion alone: is somebody there, and does it want the state?
    Ping {
        /// It does.
        status: bool,
    },
    /// From the Java companion alone: so many tuples have been given to Storm since the start.
    Emitted(u64),
}

/// The ids of an ack or fail: one, as Storm writes it, or a list, as the Java companion does.
/// `None` stands for an id that this process did not write.
#[derive(Debug, PartialEq, Eq)]
pub enum Ids {
    /// A scalar id.
    One(Option<TupleId>),
    /// A list of ids.
    Many(Vec<Option<TupleId>>),
}

impl Ids {
    /// The ids, in the order they were written.
    pub fn as_slice(&self) -> &[Option<TupleId>] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

/// A frame that is no command. The parent waits for an answer all the same.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Not JSON, or not of the shape of a command.
    #[error("malformed frame of {bytes} bytes on stdin ({reason}): {excerpt}")]
    Malformed {
        /// Length of the frame.
        bytes: usize,
        /// What the JSON parser says.
        reason: String,
        /// The beginning of the frame.
        excerpt: String,
    },
    /// A command that multilang does not have for spouts.
    #[error("unknown command {0:?} on stdin; a spout knows next, ack, fail, activate and deactivate")]
    Unknown(String),
    /// A frame of the Java companion that this version does not know, or whose body has not the length it should have.
    #[error("frame of kind {kind} with {bytes} bytes on stdin is none of wire version {}", crate::companion::VERSION)]
    Binary {
        /// Its kind.
        kind: u8,
        /// Length of its body.
        bytes: usize,
    },
}

/// The shape of every command; other keys are ignored.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    command: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

impl Command {
    /// Understands one frame, in any JSON layout and key order.
    ///
    /// # Errors
    /// [`CommandError`]: the frame is reported and answered, and the spout goes on.
    pub fn parse(frame: &[u8]) -> Result<Self, CommandError> {
        match Self::parse_exact(frame) {
            Some(command) => Ok(command),
            None => Self::parse_any(frame),
        }
    }

    /// The layouts that Storm writes, without a JSON parser: these are nearly all commands of a spout's life.
    fn parse_exact(frame: &[u8]) -> Option<Self> {
        let body = frame.strip_prefix(b"{\"")?.strip_suffix(b"\"}")?;
        let (verb, id) = if let Some(rest) = body.strip_prefix(b"command\":\"") {
            split_once(rest, b"\",\"id\":\"")?
        } else {
            let (id, verb) = split_once(body.strip_prefix(b"id\":\"")?, b"\",\"command\":\"")?;
            (verb, id)
        };
        // Backslashes and quotes do not occur in our ids; TupleId::parse refuses them, and then serde_json decides.
        match verb {
            b"next" if id.is_empty() => Some(Self::Next),
            b"ack" => Some(Self::Ack(Ids::One(Some(TupleId::parse(id)?)))),
            b"fail" => Some(Self::Fail(Ids::One(Some(TupleId::parse(id)?)))),
            _ => None,
        }
    }

    fn parse_any(frame: &[u8]) -> Result<Self, CommandError> {
        let malformed = |reason: String| CommandError::Malformed {
            bytes: frame.len(),
            reason,
            excerpt: String::from_utf8_lossy(&frame[..frame.len().min(200)]).into_owned(),
        };
        if frame.trim_ascii_start().first() == Some(&b'[') {
            return match serde_json::from_slice::<Vec<i64>>(frame) {
                Ok(_) => Ok(Self::TaskIds),
                Err(error) => Err(malformed(error.to_string())),
            };
        }
        let Envelope { command, id } = serde_json::from_slice(frame).map_err(|error| malformed(error.to_string()))?;
        let ids = |command: fn(Ids) -> Self| match id {
            Some(id) => Ok(command(parse_ids(id.get()))),
            None => Err(malformed("no id".to_owned())),
        };
        match command.as_ref() {
            "next" => Ok(Self::Next),
            "ack" => ids(Self::Ack),
            "fail" => ids(Self::Fail),
            "activate" => Ok(Self::Activate),
            "deactivate" => Ok(Self::Deactivate),
            unknown => Err(CommandError::Unknown(unknown.chars().take(100).collect())),
        }
    }
}

fn parse_ids(json: &str) -> Ids {
    let scalar =
        |json: &str| serde_json::from_str::<Cow<str>>(json).ok().and_then(|text| TupleId::parse(text.as_bytes()));
    match serde_json::from_str::<Vec<&RawValue>>(json) {
        Ok(list) => Ids::Many(list.into_iter().map(|id| scalar(id.get())).collect()),
        Err(_) => Ids::One(scalar(json)),
    }
}

fn split_once<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(bytes, separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(slot: u32, offset: i64) -> TupleId {
        TupleId { slot, offset }
    }

    fn parse(json: &str) -> Command {
        Command::parse(json.as_bytes()).expect("a command")
    }

    #[test]
    fn commands_are_understood_in_any_layout_and_key_order() {
        for json in [
            r#"{"command":"next","id":""}"#,
            r#"{"id":"","command":"next"}"#,
            "{ \"id\" : null,\n\"command\":\"n\\u0065xt\"}",
        ] {
            assert_eq!(parse(json), Command::Next, "{json}");
        }
        for json in [
            r#"{"command":"ack","id":"7:42"}"#,
            r#"{"id":"7:42","command":"ack"}"#,
            "\t{ \"extra\": [1,{}], \"command\": \"ack\" ,\n \"id\": \"7\\u003a42\" }\n",
        ] {
            assert_eq!(parse(json), Command::Ack(Ids::One(Some(id(7, 42)))), "{json}");
        }
        assert_eq!(parse(r#"{"command":"fail","id":"0:1"}"#), Command::Fail(Ids::One(Some(id(0, 1)))));
        assert_eq!(parse(r#"{"command":"activate","id":""}"#), Command::Activate);
        assert_eq!(parse(r#"{"command":"deactivate"}"#), Command::Deactivate);
        assert_eq!(parse("[4, 5]"), Command::TaskIds);
    }

    #[test]
    fn ids_may_be_lists_and_foreign_ids_are_told_apart() {
        let expected = Command::Ack(Ids::Many(vec![Some(id(1, 2)), None, Some(id(3, 4)), None]));
        assert_eq!(parse(r#"{"command":"ack","id":["1:2",17,"3:4",{"a":[]}]}"#), expected);
        for foreign in ["17", "\"abc\"", "\"1:x\"", "{\"a\":1}", "true", "\"\\\"1:2\""] {
            let json = format!(r#"{{"command":"fail","id":{foreign}}}"#);
            assert_eq!(parse(&json), Command::Fail(Ids::One(None)), "{json}");
        }
    }

    #[test]
    fn what_is_no_command_is_an_error_that_shows_it() {
        for bad in [
            "",
            "nonsense",
            "{\"command\":5}",
            "{\"id\":\"1:2\"}",
            "{\"command\":\"ack\"}",
            "[\"x\"]",
            "{\"command\":\"next\"",
        ] {
            let error = Command::parse(bad.as_bytes()).expect_err(bad);
            assert!(matches!(error, CommandError::Malformed { .. }), "{bad}: {error}");
            assert!(error.to_string().contains(bad), "{error}");
        }
        let error = Command::parse(b"{\"command\":\"n\xff\"}").expect_err("not UTF-8");
        assert!(matches!(error, CommandError::Malformed { .. }));
        let error = Command::parse(br#"{"command":"reboot","id":""}"#).expect_err("unknown");
        assert!(error.to_string().contains("\"reboot\""), "{error}");
    }

    proptest! {
        #[test]
        fn the_fast_path_agrees_with_serde_json(
            verb in prop_oneof!["next", "ack", "fail", "activate", "deactivate", "[a-z]{1,6}"],
            id in prop_oneof!["[0-9]{1,4}:[0-9]{1,9}", Just(String::new()), "[0-9:\\\\\"a,{}]{0,9}"],
            command_first: bool,
        ) {
            let (verb_json, id_json) = (serde_json::to_string(&verb)?, serde_json::to_string(&id)?);
            let json = if command_first {
                format!("{{\"command\":{verb_json},\"id\":{id_json}}}")
            } else {
                format!("{{\"id\":{id_json},\"command\":{verb_json}}}")
            };
            if let Some(fast) = Command::parse_exact(json.as_bytes()) {
                prop_assert_eq!(fast, Command::parse_any(json.as_bytes()).expect("agrees"));
            }
        }

        #[test]
        fn no_frame_panics(frame in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::parse(&frame);
        }
    }
}
