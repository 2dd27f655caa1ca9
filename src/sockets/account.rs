//! What one process holds.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use procfs::process::Process;
use procfs::{ProcError, ProcResult};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};
use serde::Serialize;

use super::SocketCount;
use super::table::{Row, Table};

/// What sockets are counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Those that lead to this address.
    To(SocketAddr),
    /// Those that came in by this port, the one that listens there included.
    On(u16),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(address) => address.fmt(out),
            Self::On(port) => write!(out, "(in by port {port})"),
        }
    }
}

/// What a worker of Storm is called, from its command line (`BasicContainer`: `-Dstorm.id`, `-Dworker.id`,
/// `-Dworker.port`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StormWorker {
    /// The topology's id.
    pub storm_id: String,
    /// The worker's.
    pub worker_id: String,
    /// Its slot.
    pub port: u16,
}

/// One process.
#[derive(Debug, Clone)]
pub struct Account {
    /// Process id.
    pub pid: i32,
    /// The command line, words joined by spaces; the name in brackets of what has none.
    pub command: String,
    /// Whether it is a worker of Storm, and which one.
    pub storm: Option<StormWorker>,
    /// Open descriptors.
    pub fds: usize,
    /// TCP sockets by state.
    pub states: SocketCount,
    /// Descriptors that are TCP sockets and stand in no table any more: the connection is long over, the descriptor
    /// was never closed, and netstat and ss do not show it.
    pub off_table: usize,
    /// TCP sockets by the other end.
    pub endpoints: BTreeMap<Endpoint, SocketCount>,
}

/// What became of a look at a process.
#[derive(Debug)]
pub enum Look {
    /// It lives.
    At(Box<Account>),
    /// There is none by this pid.
    Gone,
    /// It lives, and its descriptors are not ours to see; with the path that was refused.
    Denied(PathBuf),
}

/// Looks at processes at one moment: the table of a network namespace, which may be long, is read once.
#[derive(Debug, Default)]
pub struct Census {
    tables: HashMap<PathBuf, Table>,
}

impl Census {
    /// Counts what the process holds.
    pub fn look(&mut self, pid: i32) -> Look {
        match self.try_look(pid) {
            Ok(account) => Look::At(Box::new(account)),
            Err(ProcError::PermissionDenied(path)) => {
                Look::Denied(path.unwrap_or_else(|| format!("/proc/{pid}/fd").into()))
            }
            // A process that ends while we look loses one file of /proc after the other.
            Err(_) => Look::Gone,
        }
    }

    fn try_look(&mut self, pid: i32) -> ProcResult<Account> {
        let process = Process::new(pid)?;
        // Side by side: with ten thousand sockets the kernel takes some 70 ms for either.
        let (found, table) = std::thread::scope(|scope| {
            let found = std::thread::Builder::new().spawn_scoped(scope, || descriptors(pid));
            let table = self.table(&process);
            let found = found.map_or_else(
                // No thread is to be had.
                |_| descriptors(pid),
                |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
            (found, table)
        });
        let ((fds, inodes), table) = (found?, table?);
        let (mut states, mut endpoints) = (SocketCount::default(), BTreeMap::<_, SocketCount>::new());
        let mut missing = vec![];
        for (fd, inode) in inodes {
            if let Some(row) = table.rows.get(&inode) {
                states.add(&row.state);
                endpoints.entry(table.endpoint(row)).or_default().add(&row.state);
            } else {
                missing.push((fd, inode));
            }
        }
        missing.retain(|(fd, _)| is_tcp(pid, *fd));
        if !missing.is_empty() {
            // Opened between the two; or skipped by the kernel, as it may while others come and go.
            let again = Table::of(&process)?;
            missing.retain(|(_, inode)| !again.rows.contains_key(inode));
        }
        let words = process.cmdline().unwrap_or_default();
        Ok(Account {
            pid,
            command: command_line(&process),
            storm: storm_worker(&words),
            fds,
            states,
            off_table: missing.len(),
            endpoints,
        })
    }

    /// Sockets in TIME_WAIT in all network namespaces looked into so far, by the other end. They belong to no process.
    pub fn time_wait(&self) -> BTreeMap<Endpoint, usize> {
        self.count(|table| &table.time_wait)
    }

    /// The same of other sockets that no process holds: closed by the program, and the kernel still works on them.
    pub fn orphans(&self) -> BTreeMap<Endpoint, usize> {
        self.count(|table| &table.orphans)
    }

    fn count(&self, rows: impl Fn(&Table) -> &Vec<Row>) -> BTreeMap<Endpoint, usize> {
        let mut count = BTreeMap::new();
        for table in self.tables.values() {
            for row in rows(table) {
                *count.entry(table.endpoint(row)).or_default() += 1;
            }
        }
        count
    }

    fn table(&mut self, process: &Process) -> ProcResult<&Table> {
        let pid = process.pid();
        // Not ours to see, or no namespaces in this kernel: a table of its own.
        let namespace = std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap_or_else(|_| pid.to_string().into());
        if !self.tables.contains_key(&namespace) {
            self.tables.insert(namespace.clone(), Table::of(process)?);
        }
        Ok(&self.tables[&namespace])
    }
}

/// How many descriptors there are, and number and inode of those that are sockets.
pub(super) fn descriptors(pid: i32) -> ProcResult<(usize, Vec<(i32, u64)>)> {
    let path = format!("/proc/{pid}/fd");
    let failed = |error: rustix::io::Errno| match error {
        rustix::io::Errno::ACCESS | rustix::io::Errno::PERM => ProcError::PermissionDenied(Some(path.clone().into())),
        _ => ProcError::NotFound(Some(path.clone().into())),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir: OwnedFd = openat(CWD, &path, flags, Mode::empty()).map_err(failed)?;
    let (mut count, mut sockets, mut target) = (0, vec![], Vec::with_capacity(64));
    for entry in Dir::read_from(&dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(fd) = entry.file_name().to_str().ok().and_then(|name| name.parse::<i32>().ok()) else { continue };
        count += 1;
        target.clear();
        // A descriptor may be closed while we look.
        let Ok(link) = readlinkat(&dir, entry.file_name(), std::mem::take(&mut target)) else { continue };
        if let Some(inode) = socket_inode(link.as_bytes()) {
            sockets.push((fd, inode));
        }
        target = link.into_bytes();
    }
    Ok((count, sockets))
}

/// `socket:[42]`
fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The name of a socket's protocol is an extended attribute of its descriptor (sockfs, as lsof reads it).
fn is_tcp(pid: i32, fd: i32) -> bool {
    let mut name = [0_u8; 32];
    let path = format!("/proc/{pid}/fd/{fd}");
    rustix::fs::getxattr(path, "system.sockprotoname", &mut name)
        .is_ok_and(|length| matches!(name[..length].trim_ascii_end(), b"TCP" | b"TCP\0" | b"TCPv6" | b"TCPv6\0"))
}

/// The words of its command line, or its name in brackets.
pub fn command_line(process: &Process) -> String {
    match process.cmdline() {
        Ok(words) if !words.is_empty() => words.join(" "),
        _ => process.stat().map(|stat| format!("[{}]", stat.comm)).unwrap_or_default(),
    }
}

fn storm_worker(words: &[String]) -> Option<StormWorker> {
    // The process that writes a worker's stdout to a file has the whole of the worker's command line in its own.
    if words.iter().any(|word| word.ends_with(".LogWriter")) {
        return None;
    }
    let property = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    Some(StormWorker {
        storm_id: property("-Dstorm.id=")?.to_owned(),
        worker_id: property("-Dworker.id=")?.to_owned(),
        port: property("-Dworker.port=")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    fn ourselves() -> Account {
        match Census::default().look(std::process::id() as i32) {
            Look::At(account) => *account,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sockets_are_counted_by_the_other_end_and_clients_by_the_port_they_came_in_by() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
        let address = listener.local_addr().expect("address");
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).expect("connect")).collect();
        let _servers: Vec<_> = clients.iter().map(|_| listener.accept().expect("accept")).collect();
        let account = ourselves();
        assert_eq!(account.endpoints[&Endpoint::To(address)].named("ESTABLISHED"), 3);
        let incoming = account.endpoints[&Endpoint::On(address.port())];
        assert_eq!((incoming.named("ESTABLISHED"), incoming.named("LISTEN")), (3, 1));
    }

    #[test]
    fn an_ipv4_address_is_one_address_whichever_kind_of_socket_leads_there() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
        let address = listener.local_addr().expect("address");
        // As a JVM connects.
        let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), address.port()));
        let _clients = [address, mapped].map(|address| TcpStream::connect(address).expect("connect"));
        assert_eq!(ourselves().endpoints[&Endpoint::To(address)].named("ESTABLISHED"), 2);
    }

    #[test]
    fn a_tcp_socket_that_is_in_no_table_is_told_apart_from_other_sockets() {
        use std::os::fd::AsRawFd as _;
        let before = ourselves().off_table;
        let unix = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        let udp = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        // SAFETY: no pointer is passed.
        let tcp = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        assert!(tcp >= 0 && ourselves().off_table > before, "{:?}", ourselves());
        let pid = std::process::id() as i32;
        assert_eq!([tcp, unix.as_raw_fd(), udp.as_raw_fd()].map(|fd| is_tcp(pid, fd)), [true, false, false]);
        // SAFETY: the descriptor was made above and is used nowhere else.
        unsafe { libc::close(tcp) };
    }

    #[test]
    fn a_worker_of_storm_is_known_by_its_command_line() {
        let words =
            ["java", "-Dstorm.id=wc-1-17", "-Dworker.id=0a-1b", "-Dworker.port=6700", "org.apache.storm.Worker"];
        let words = words.map(str::to_owned);
        let expected = StormWorker { storm_id: "wc-1-17".to_owned(), worker_id: "0a-1b".to_owned(), port: 6700 };
        assert_eq!(storm_worker(&words), Some(expected));
        assert_eq!(storm_worker(&words[..3]), None);
        let writer = [&["org.apache.storm.LogWriter".to_owned()], &words[..]].concat();
        assert_eq!(storm_worker(&writer), None, "the process that writes the worker's log");
    }

    #[test]
    fn a_pid_that_is_none_is_gone() {
        assert!(matches!(Census::default().look(i32::MAX), Look::Gone));
    }
}
