//! What the kernel says about a process and its sockets.

use std::collections::BTreeSet;

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};

/// One TCP socket of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Port of this end.
    pub local: u16,
    /// Port of the other end.
    pub remote: u16,
    /// State.
    pub state: TcpState,
}

/// The TCP sockets that a living process holds.
pub fn sockets(pid: u32) -> Vec<Socket> {
    let mut inodes = BTreeSet::new();
    for descriptor in process(pid).fd().expect("/proc/PID/fd") {
        // A descriptor may be closed while we look.
        if let Ok(FDTarget::Socket(inode)) = descriptor.map(|descriptor| descriptor.target) {
            inodes.insert(inode);
        }
    }
    all().into_iter().filter(|entry| inodes.contains(&entry.inode)).map(|entry| socket(&entry)).collect()
}

/// How many of them are in this state.
pub fn count(sockets: &[Socket], state: &TcpState) -> usize {
    sockets.iter().filter(|socket| socket.state == *state).count()
}

/// How many lead to this port.
pub fn to_port(sockets: &[Socket], port: u16) -> usize {
    sockets.iter().filter(|socket| socket.remote == port).count()
}

/// How many lead to one of these ports.
pub fn to_ports(sockets: &[Socket], ports: &[u16]) -> usize {
    sockets.iter().filter(|socket| ports.contains(&socket.remote)).count()
}

/// What is left on the machine of sockets that a process had, TIME_WAIT not counted: that is the kernel's.
pub fn remains(of: &[Socket]) -> Vec<Socket> {
    let same = |left: &Socket| of.iter().any(|socket| (socket.local, socket.remote) == (left.local, left.remote));
    all().iter().map(socket).filter(|left| left.state != TcpState::TimeWait && same(left)).collect()
}

/// The same, with what the other ends still hold.
pub fn remains_at_both_ends(of: &[Socket]) -> Vec<Socket> {
    let other = of.iter().map(|Socket { local, remote, state }| Socket {
        local: *remote,
        remote: *local,
        state: state.clone(),
    });
    remains(&of.iter().cloned().chain(other).collect::<Vec<_>>())
}

/// Open descriptors.
pub fn descriptors(pid: u32) -> usize {
    process(pid).fd_count().expect("/proc/PID/fd")
}

/// Threads.
pub fn threads(pid: u32) -> usize {
    process(pid).tasks().expect("/proc/PID/task").count()
}

/// Resident memory, in bytes.
pub fn resident(pid: u32) -> u64 {
    process(pid).status().expect("/proc/PID/status").vmrss.expect("VmRSS") * 1024
}

fn process(pid: u32) -> Process {
    Process::new(pid as i32).expect("the process lives")
}

fn all() -> Vec<TcpNetEntry> {
    let mut entries = procfs::net::tcp().expect("/proc/net/tcp");
    entries.extend(procfs::net::tcp6().unwrap_or_default());
    entries
}

fn socket(entry: &TcpNetEntry) -> Socket {
    Socket { local: entry.local_address.port(), remote: entry.remote_address.port(), state: entry.state.clone() }
}
