//! What the parent says: multilang, or after the handshake the companion's frames.

use crate::companion;
use crate::multilang::{Command, CommandError, FrameError, FrameReader, Handshake, HandshakeError, Wire};

/// Reads commands off one of the two wires.
pub enum Input {
    /// JSON documents.
    Multilang(FrameReader),
    /// Binary frames.
    Companion(companion::FrameReader),
}

impl Default for Input {
    /// Every conversation begins in JSON.
    fn default() -> Self {
        Self::Multilang(FrameReader::default())
    }
}

impl Input {
    /// The buffer to append what was read to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Multilang(frames) => frames.buffer(),
            Self::Companion(frames) => frames.buffer(),
        }
    }

    /// The first frame of a conversation.
    ///
    /// # Errors
    /// The stream is none of multilang's.
    pub fn handshake(&mut self) -> Result<Option<Result<Handshake, HandshakeError>>, FrameError> {
        match self {
            Self::Multilang(frames) => Ok(frames.next_frame()?.map(Handshake::parse)),
            Self::Companion(_) => Ok(None),
        }
    }

    /// Goes on with the wire that the handshake has named.
    pub fn goes_on_with(&mut self, wire: Wire) {
        if let (Self::Multilang(frames), Wire::Companion) = (&*self, wire) {
            *self = Self::Companion(companion::FrameReader::after(frames.rest()));
        }
    }

    /// The next command, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be used any more.
    pub fn next_command(&mut self) -> Result<Option<Result<Command, CommandError>>, FrameError> {
        match self {
            Self::Multilang(frames) => Ok(frames.next_frame()?.map(Command::parse)),
            Self::Companion(frames) => frames.next_command(),
        }
    }

    /// Bytes of a frame that has begun and not ended.
    pub fn unfinished(&self) -> usize {
        match self {
            Self::Multilang(frames) => frames.unfinished(),
            Self::Companion(frames) => frames.unfinished(),
        }
    }
}
