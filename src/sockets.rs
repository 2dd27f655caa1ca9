//! TCP sockets of this process by state, from `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use procfs::ProcResult;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};
use serde::Serialize;

/// How many sockets are in which state, by the kernel's names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SocketCount(BTreeMap<&'static str, usize>);

impl SocketCount {
    /// Counts the sockets of this process. One that is closed and in TIME_WAIT belongs to no process any more.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn of_this_process() -> ProcResult<Self> {
        let process = Process::myself()?;
        let mut ours = BTreeSet::new();
        for descriptor in process.fd()? {
            // A descriptor may be closed while we look.
            if let Ok(FDTarget::Socket(inode)) = descriptor.map(|descriptor| descriptor.target) {
                ours.insert(inode);
            }
        }
        let mut count = Self::default();
        let v6 = process.tcp6().unwrap_or_default();
        for TcpNetEntry { state, inode, .. } in process.tcp()?.into_iter().chain(v6) {
            if ours.contains(&inode) {
                *count.0.entry(name(&state)).or_default() += 1;
            }
        }
        Ok(count)
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }
}

impl fmt::Display for SocketCount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} TCP sockets", self.total())?;
        for (index, (state, count)) in self.0.iter().enumerate() {
            write!(out, "{} {count} {state}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

fn name(state: &TcpState) -> &'static str {
    match state {
        TcpState::Established => "ESTABLISHED",
        TcpState::SynSent => "SYN_SENT",
        TcpState::SynRecv | TcpState::NewSynRecv => "SYN_RECV",
        TcpState::FinWait1 => "FIN_WAIT1",
        TcpState::FinWait2 => "FIN_WAIT2",
        TcpState::TimeWait => "TIME_WAIT",
        TcpState::Close => "CLOSE",
        TcpState::CloseWait => "CLOSE_WAIT",
        TcpState::LastAck => "LAST_ACK",
        TcpState::Listen => "LISTEN",
        TcpState::Closing => "CLOSING",
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
        assert!(count.0["ESTABLISHED"] >= 2 && count.0["LISTEN"] >= 1, "{count}");
        drop(server);
        let count = SocketCount::of_this_process().expect("/proc");
        assert!(count.0["CLOSE_WAIT"] >= 1, "{count}");
        assert!(count.to_string().contains("1 CLOSE_WAIT"), "{count}");
        drop(client);
    }
}
