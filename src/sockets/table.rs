//! The TCP table of one network namespace.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use procfs::ProcResult;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::Process;

use super::Endpoint;

/// A row.
#[derive(Debug, Clone)]
pub struct Row {
    /// State.
    pub state: TcpState,
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// The rows that belong to a descriptor by its inode, and those that belong to nobody.
#[derive(Debug, Default)]
pub struct Table {
    /// By the socket's inode.
    pub rows: HashMap<u64, Row>,
    /// In TIME_WAIT: the kernel's own, without inode.
    pub time_wait: Vec<Row>,
    /// Closed by the program and not yet by the kernel, or not yet accepted by the program.
    pub orphans: Vec<Row>,
    listening: HashSet<u16>,
}

impl Table {
    /// Reads the table of the network namespace that `process` lives in, IPv4 and IPv6.
    ///
    /// # Errors
    /// The process is gone, or `/proc/PID/net` cannot be read.
    pub fn of(process: &Process) -> ProcResult<Self> {
        let mut table = Self::default();
        // A kernel without IPv6 has no such file.
        let v6 = process.tcp6().unwrap_or_default();
        for TcpNetEntry { local_address, remote_address, state, inode, .. } in process.tcp()?.into_iter().chain(v6) {
            let row = Row { state, local: plain(local_address), remote: plain(remote_address) };
            match row.state {
                TcpState::TimeWait => table.time_wait.push(row),
                TcpState::Listen => {
                    table.listening.insert(row.local.port());
                    table.rows.insert(inode, row);
                }
                _ if inode == 0 => table.orphans.push(row),
                _ => drop(table.rows.insert(inode, row)),
            }
        }
        Ok(table)
    }

    /// What to count a row under: the other end or, where clients come in by ports of chance, our own one.
    pub fn endpoint(&self, row: &Row) -> Endpoint {
        if self.listening.contains(&row.local.port()) {
            Endpoint::On(row.local.port())
        } else {
            Endpoint::To(row.remote)
        }
    }
}

/// An IPv4 address in IPv6's clothes is an IPv4 address: a JVM's sockets are all IPv6.
fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V6(v6) => SocketAddr::new(v6.to_canonical(), address.port()),
        IpAddr::V4(_) => address,
    }
}
