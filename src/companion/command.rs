//! Reads the companion's frames.

use super::to_child;
use crate::multilang::{Command, CommandError, FrameError, Ids, MAX_FRAME_BYTES, TupleId};

/// Bytes of an id: slot and offset.
const ID_BYTES: usize = 12;

/// Space asked of each read, in bytes.
const READ_BYTES: usize = 64 << 10;

/// Collects bytes and hands out whole commands.
#[derive(Debug, Default)]
pub struct FrameReader {
    buf: Vec<u8>,
    begin: usize,
}

impl FrameReader {
    /// Goes on with what was read, and not understood, before the two sides had agreed on this wire.
    pub fn after(rest: &[u8]) -> Self {
        Self { buf: rest.to_vec(), begin: 0 }
    }

    /// The buffer to append to, with room for one read.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.buf.drain(..self.begin);
        self.begin = 0;
        self.buf.reserve(READ_BYTES);
        &mut self.buf
    }

    /// The next whole command, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// A length that no frame has; the stream cannot be used after it.
    pub fn next_command(&mut self) -> Result<Option<Result<Command, CommandError>>, FrameError> {
        let rest = &self.buf[self.begin..];
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 || length > MAX_FRAME_BYTES {
            return Err(FrameError::Length(length));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        self.begin += 4 + length;
        Ok(Some(parse(frame[0], &frame[1..])))
    }

    /// Bytes of a frame that has begun and not ended.
    pub fn unfinished(&self) -> usize {
        self.buf.len() - self.begin
    }
}

fn parse(kind: u8, body: &[u8]) -> Result<Command, CommandError> {
    let odd = || CommandError::Binary { kind, bytes: body.len() };
    Ok(match (kind, body) {
        (to_child::ACK, body) => Command::Ack(ids(body).ok_or_else(odd)?),
        (to_child::FAIL, body) => Command::Fail(ids(body).ok_or_else(odd)?),
        (to_child::ACTIVATE, []) => Command::Activate,
        (to_child::DEACTIVATE, []) => Command::Deactivate,
        (to_child::PING, [status]) => Command::Ping { status: *status != 0 },
        (to_child::EMITTED, body) => Command::Emitted(u64::from_be_bytes(body.try_into().map_err(|_| odd())?)),
        _ => return Err(odd()),
    })
}

fn ids(body: &[u8]) -> Option<Ids> {
    let (ids, []) = body.as_chunks::<ID_BYTES>() else { return None };
    let id = |bytes: &[u8; ID_BYTES]| {
        let (slot, offset) = bytes.split_first_chunk::<4>()?;
        let offset = i64::from_be_bytes(offset.try_into().ok()?);
        Some(TupleId { slot: u32::from_be_bytes(*slot), offset })
    };
    Some(Ids::Many(ids.iter().map(id).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the companion writes it.
    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() + 1) as u32;
        [&length.to_be_bytes()[..], &[kind], body].concat()
    }

    fn read_all(stream: &[u8], chunk: usize) -> Vec<Result<Command, String>> {
        let (mut reader, mut commands) = (FrameReader::default(), Vec::new());
        for chunk in stream.chunks(chunk) {
            reader.buffer().extend_from_slice(chunk);
            while let Some(command) = reader.next_command().expect("frames") {
                commands.push(command.map_err(|error| error.to_string()));
            }
        }
        assert_eq!(reader.unfinished(), 0);
        commands
    }

    #[test]
    fn commands_are_read_in_any_pieces() {
        let id = |slot: u32, offset: i64| [&slot.to_be_bytes()[..], &offset.to_be_bytes()].concat();
        let stream = [
            frame(to_child::ACTIVATE, &[]),
            frame(to_child::ACK, &[id(1, 2), id(3, i64::MAX)].concat()),
            frame(to_child::FAIL, &id(0, 7)),
            frame(to_child::PING, &[1]),
            frame(to_child::EMITTED, &5u64.to_be_bytes()),
            frame(to_child::DEACTIVATE, &[]),
        ]
        .concat();
        let some = |slot, offset| Some(TupleId { slot, offset });
        for chunk in [1, 2, 7, 1000] {
            let expected = [
                Command::Activate,
                Command::Ack(Ids::Many(vec![some(1, 2), some(3, i64::MAX)])),
                Command::Fail(Ids::Many(vec![some(0, 7)])),
                Command::Ping { status: true },
                Command::Emitted(5),
                Command::Deactivate,
            ];
            assert_eq!(read_all(&stream, chunk), expected.map(Ok));
        }
    }

    #[test]
    fn a_frame_that_is_no_command_is_told_and_passed_over() {
        let stream = [frame(99, b"?"), frame(to_child::ACK, &[0; 13]), frame(to_child::ACTIVATE, &[])].concat();
        let commands = read_all(&stream, 1000);
        assert!(commands[0].as_ref().is_err_and(|error| error.contains("99")), "{commands:?}");
        assert!(commands[1].as_ref().is_err_and(|error| error.contains("13")), "{commands:?}");
        assert_eq!(commands[2], Ok(Command::Activate));
    }

    proptest! {
        #[test]
        fn no_stream_panics(stream in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = FrameReader::after(&stream);
            while let Ok(Some(_)) = reader.next_command() {}
        }
    }
}
