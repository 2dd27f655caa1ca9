//! What goes to the parent, collected in one buffer so that a reply is one write.

use std::io;
use std::os::fd::BorrowedFd;

use super::Wire;
use super::log::{Level, LogQueue};
use crate::companion;

/// Capacity kept when the buffer has been written out, in bytes: the reply with a 10 MB record should not hold
/// its memory for ever.
const KEPT_CAPACITY: usize = 1 << 20;

/// Log lines that travel with one reply: enough to drain a burst soon, few enough not to delay the `sync`.
const LOGS_PER_REPLY: usize = 64;

/// Unsent bytes on their way to the parent, in order.
#[derive(Debug, Default)]
pub struct Replies {
    buf: Vec<u8>,
    sent: usize,
    wire: Wire,
}

impl Replies {
    /// The answer to the handshake, the last JSON document if the parent is the companion.
    pub fn pid(&mut self, pid: u32, wire: Wire) {
        match wire {
            Wire::Multilang => self.document(&serde_json::json!({ "pid": pid })),
            Wire::Companion => self.document(&serde_json::json!({ "pid": pid, "wire": companion::VERSION })),
        }
        self.wire = wire;
    }

    /// Ends the answer to one command; log lines that wait travel before it. The companion gets them alone: it waits for no
    /// answers.
    pub fn sync(&mut self, logs: &LogQueue) {
        logs.drain(LOGS_PER_REPLY, |level, message| self.log(level, message));
        if self.wire == Wire::Multilang {
            self.buf.extend_from_slice(b"{\"command\":\"sync\"}\nend\n");
        }
    }

    /// An error for Storm UI (`reportError`: shown there, throttled by Storm); the spout goes on.
    pub fn error(&mut self, message: &str) {
        if self.wire == Wire::Companion {
            return companion::error(message, &mut self.buf);
        }
        self.document(&serde_json::json!({ "command": "error", "msg": message }));
    }

    /// The buffer, to append whole emit frames to.
    pub fn frames(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Bytes not yet taken by the pipe.
    pub fn unsent(&self) -> usize {
        self.buf.len() - self.sent
    }

    /// Writes as much as the pipe takes; with a non-blocking descriptor it never blocks.
    ///
    /// # Errors
    /// The error of `write(2)`; `EPIPE` means that the parent is gone.
    pub fn write_to(&mut self, stdout: BorrowedFd<'_>) -> io::Result<()> {
        while self.sent < self.buf.len() {
            match rustix::io::write(stdout, &self.buf[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(rustix::io::Errno::AGAIN) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.sent == self.buf.len() {
            self.sent = 0;
            self.buf.clear();
            self.buf.shrink_to(KEPT_CAPACITY);
        } else if self.sent > KEPT_CAPACITY {
            // While nobody reads, what was sent must not pile up before what was not.
            self.buf.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }

    fn log(&mut self, level: Level, message: &str) {
        if self.wire == Wire::Companion {
            return companion::log(level, message, &mut self.buf);
        }
        self.document(&serde_json::json!({ "command": "log", "level": level.code(), "msg": message }));
    }

    fn document(&mut self, json: &serde_json::Value) {
        // Display of a Value cannot fail and never has a raw line break.
        self.buf.extend_from_slice(json.to_string().as_bytes());
        self.buf.extend_from_slice(b"\nend\n");
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn text(replies: &Replies) -> String {
        String::from_utf8(replies.buf.clone()).expect("UTF-8")
    }

    #[test]
    fn a_sync_carries_the_logs_that_wait_before_it() {
        let logs = LogQueue::default();
        logs.push(Level::Warn, "line one\nend\nline \"two\"".to_owned());
        let mut replies = Replies::default();
        replies.sync(&logs);
        replies.sync(&logs);
        assert_eq!(
            text(&replies),
            "{\"command\":\"log\",\"level\":3,\"msg\":\"line one\\nend\\nline \\\"two\\\"\"}\nend\n\
             {\"command\":\"sync\"}\nend\n{\"command\":\"sync\"}\nend\n"
        );
    }

    #[test]
    fn a_full_pipe_keeps_the_rest_for_later() {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).expect("pipe");
        let mut replies = Replies::default();
        let expected: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        replies.frames().extend_from_slice(&expected);
        let mut received = Vec::new();
        while received.len() < expected.len() {
            replies.write_to(writer.as_fd()).expect("write");
            let mut chunk = vec![0; 100_000];
            let count = rustix::io::read(&reader, &mut chunk).expect("read");
            received.extend_from_slice(&chunk[..count]);
        }
        assert_eq!(received, expected);
        assert_eq!(replies.unsent(), 0);
    }

    #[test]
    fn a_parent_that_is_gone_is_an_error_not_a_panic() {
        let (reader, writer) = rustix::pipe::pipe().expect("pipe");
        drop(reader);
        let mut replies = Replies::default();
        replies.pid(1, Wire::Multilang);
        let error = replies.write_to(writer.as_fd()).expect_err("EPIPE");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
