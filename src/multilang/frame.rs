//! Splits the byte stream from the parent into frames: the lines before a line that is exactly `end`.

use thiserror::Error;

/// The longest frame accepted, in bytes. The handshake of a large topology is some hundred KiB; more than this
/// is not Storm talking, and a frame that never ends must not eat the memory of the worker's host.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// Space asked of each read, in bytes: one full pipe.
const READ_BYTES: usize = 64 << 10;

/// A byte stream that cannot be a multilang stream.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// No `end` line came in [`MAX_FRAME_BYTES`].
    #[error("a frame of more than {MAX_FRAME_BYTES} bytes came on stdin without a line `end`; is the parent Storm?")]
    TooLong,
    /// A length that no frame of the Java companion has.
    #[error(
        "a frame of {0} bytes is announced on stdin, which the companion never sends; is the parent another program?"
    )]
    Length(usize),
}

/// Collects bytes and hands out whole frames. One buffer, reused; a byte is searched for line ends once.
#[derive(Debug, Default)]
pub struct FrameReader {
    buf: Vec<u8>,
    /// Where the current, not yet complete frame begins.
    begin: usize,
    /// Where its last, not yet complete line begins.
    line: usize,
    /// Up to where `buf` was searched for `\n`.
    searched: usize,
}

impl FrameReader {
    /// The buffer to append to, with room for one read; frames handed out before are dropped from it.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        if self.begin > 0 {
            self.buf.drain(..self.begin);
            self.line -= self.begin;
            self.searched -= self.begin;
            self.begin = 0;
        }
        self.buf.reserve(READ_BYTES);
        &mut self.buf
    }

    /// The next whole frame without its `end` line and last line break, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError::TooLong`]; the stream cannot be used after it.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        while let Some(found) = memchr::memchr(b'\n', &self.buf[self.searched..]) {
            let newline = self.searched + found;
            let (begin, line) = (self.begin, self.line);
            self.searched = newline + 1;
            self.line = newline + 1;
            if is_end(&self.buf[line..newline]) {
                self.begin = newline + 1;
                let last = line.saturating_sub(1).max(begin);
                return Ok(Some(&self.buf[begin..last]));
            }
        }
        self.searched = self.buf.len();
        if self.buf.len() - self.begin > MAX_FRAME_BYTES { Err(FrameError::TooLong) } else { Ok(None) }
    }

    /// What was read after the last whole frame.
    pub fn rest(&self) -> &[u8] {
        &self.buf[self.begin..]
    }

    /// Bytes of a frame that has begun and not ended: at EOF, what was cut off.
    pub fn unfinished(&self) -> usize {
        self.buf.len() - self.begin
    }
}

/// A carriage return is tolerated: no JSON text has a line `end\r` either.
fn is_end(line: &[u8]) -> bool {
    line.strip_suffix(b"\r").unwrap_or(line) == b"end"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(reader: &mut FrameReader, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for chunk in chunks {
            reader.buffer().extend_from_slice(chunk);
            while let Some(frame) = reader.next_frame().expect("frame") {
                frames.push(frame.to_vec());
            }
        }
        frames
    }

    #[test]
    fn a_frame_is_the_lines_before_end() {
        let mut reader = FrameReader::default();
        let frames = read_all(&mut reader, &[b"{\"a\":1}\nend\n{\n \"b\":2\n}\nend\r\nend\nrest"]);
        assert_eq!(frames, [b"{\"a\":1}".to_vec(), b"{\n \"b\":2\n}".to_vec(), b"".to_vec()]);
        assert_eq!(reader.unfinished(), 4);
    }

    #[test]
    fn the_word_end_inside_a_line_ends_nothing() {
        let frames = read_all(&mut FrameReader::default(), &[b"\"end\"\n end\nend \nend\n"]);
        assert_eq!(frames, [b"\"end\"\n end\nend ".to_vec()]);
    }

    #[test]
    fn a_frame_without_end_is_refused_before_it_eats_the_memory() {
        let mut reader = FrameReader::default();
        let chunk = vec![b'x'; 1 << 20];
        let refused = (0..80).any(|_| {
            reader.buffer().extend_from_slice(&chunk);
            reader.next_frame() == Err(FrameError::TooLong)
        });
        assert!(refused);
        assert!(reader.unfinished() <= MAX_FRAME_BYTES + chunk.len());
    }

    proptest! {
        #[test]
        fn any_split_of_the_stream_gives_the_same_frames(
            texts in prop::collection::vec("([a-z{}\" ]{0,6}\n){0,3}[a-z{}\"]{0,9}", 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let texts: Vec<String> =
                texts.into_iter().filter(|text| text.lines().all(|line| line != "end")).collect();
            let stream: Vec<u8> = texts.iter().flat_map(|text| format!("{text}\nend\n").into_bytes()).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let frames = read_all(&mut FrameReader::default(), &chunks);
            let expected: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(frames, expected);
        }
    }
}
