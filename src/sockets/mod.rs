//! TCP sockets of processes by state and by the other end, from `/proc`.

mod account;
mod table;

use std::fmt;
use std::ops::AddAssign;

use procfs::ProcResult;
use procfs::net::TcpState;
use procfs::process::Process;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use self::account::{Account, Census, Endpoint, Look, StormWorker, command_line};

/// The kernel's names of the states (`include/net/tcp_states.h`), in the order of a connection's life.
pub const STATES: [&str; 11] = [
    "LISTEN",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "CLOSING",
    "TIME_WAIT",
    "CLOSE",
];

/// How many sockets are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketCount([usize; STATES.len()]);

impl SocketCount {
    /// Counts the sockets of this process. One that is closed and in TIME_WAIT belongs to no process any more.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn of_this_process() -> ProcResult<Self> {
        // No more than this, and without a thread: the spout thread asks it, even when there is nothing left to be had.
        let process = Process::myself()?;
        let (_, inodes) = account::descriptors(process.pid())?;
        let table = table::Table::of(&process)?;
        let mut count = Self::default();
        for row in inodes.iter().filter_map(|(_, inode)| table.rows.get(inode)) {
            count.add(&row.state);
        }
        Ok(count)
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// In one state, by its place in [`STATES`].
    pub fn of(&self, state: usize) -> usize {
        self.0[state]
    }

    /// In one state, by its name; 0 for a name that is none.
    pub fn named(&self, state: &str) -> usize {
        self.present().find(|(name, _)| *name == state).map_or(0, |(_, count)| count)
    }

    /// The states that occur, and how often.
    pub fn present(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.all().filter(|(_, count)| *count > 0)
    }

    /// All states.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, usize)> {
        STATES.into_iter().zip(self.0)
    }

    fn add(&mut self, state: &TcpState) {
        self.0[index(state)] += 1;
    }
}

impl AddAssign for SocketCount {
    fn add_assign(&mut self, other: Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }
}

/// The states that occur: `{"ESTABLISHED":3}`.
impl Serialize for SocketCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (state, count) in self.present() {
            map.serialize_entry(state, &count)?;
        }
        map.end()
    }
}

impl fmt::Display for SocketCount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} TCP sockets", self.total())?;
        for (index, (state, count)) in self.present().enumerate() {
            write!(out, "{} {count} {state}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

/// Place in [`STATES`].
fn index(state: &TcpState) -> usize {
    match state {
        TcpState::Listen => 0,
        TcpState::SynSent => 1,
        // The kernel's own name for a request that it has not made a socket of yet.
        TcpState::SynRecv | TcpState::NewSynRecv => 2,
        TcpState::Established => 3,
        TcpState::CloseWait => 4,
        TcpState::LastAck => 5,
        TcpState::FinWait1 => 6,
        TcpState::FinWait2 => 7,
        TcpState::Closing => 8,
        TcpState::TimeWait => 9,
        TcpState::Close => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_connection_is_counted_at_both_ends_and_a_half_closed_one_is_told_apart() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
        let client = std::net::TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let server = listener.accept().expect("accept").0;
        let count = SocketCount::of_this_process().expect("/proc");
        assert!(count.named("ESTABLISHED") >= 2 && count.named("LISTEN") >= 1, "{count}");
        drop(server);
        let count = SocketCount::of_this_process().expect("/proc");
        assert!(count.named("CLOSE_WAIT") >= 1, "{count}");
        assert!(count.to_string().contains("1 CLOSE_WAIT"), "{count}");
        drop(client);
    }
}
