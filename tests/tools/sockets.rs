//! `kafka-shell-spout sockets`.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::support::{report, wait_for};
use crate::tool::{Load, Ran, run, tool};

/// Killed when it goes, with all that it has started.
struct Sleeper(Child);

impl Sleeper {
    /// A process that nobody else's command line names.
    fn new(seconds: &str) -> Self {
        Self::start(Command::new("sleep").arg(seconds))
    }

    fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().expect("the program starts"))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.0.id() as i32) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

fn ourselves() -> String {
    std::process::id().to_string()
}

fn process(ran: &Ran) -> Value {
    ran.json()["processes"][0].clone()
}

/// The states of this process's sockets toward an address.
fn toward(address: SocketAddr) -> Value {
    let process = process(&run(&mut tool(&["sockets", &ourselves(), "--json"])));
    let endpoints = process["endpoints"].as_array().cloned().unwrap_or_default();
    let found = endpoints.iter().find(|endpoint| endpoint["endpoint"] == address.to_string());
    found.map_or(Value::Null, |endpoint| endpoint["states"].clone())
}

#[test]
fn sockets_are_counted_by_state_and_by_the_other_end() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("an address");
    let connect = || (TcpStream::connect(address).expect("connect"), listener.accept().expect("accept").0);
    let kept: Vec<_> = (0..3).map(|_| connect()).collect();
    let half_closed: Vec<_> = (0..2).map(|_| connect().0).collect();
    assert_eq!(toward(address), serde_json::json!({"ESTABLISHED": 3, "CLOSE_WAIT": 2}));
    let ran = run(&mut tool(&["sockets", &ourselves()]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let row = ran.out.lines().find(|line| line.contains(&address.to_string())).expect("a row of the endpoint");
    assert!(row.split_whitespace().any(|cell| cell == "3") && row.split_whitespace().any(|cell| cell == "2"), "{row}");
    drop((kept, half_closed));
}

#[test]
fn a_socket_that_was_closed_first_is_counted_by_its_other_end_alone() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("an address");
    let client = TcpStream::connect(address).expect("connect");
    let mut server = listener.accept().expect("accept").0;
    drop(client);
    assert_eq!(server.read(&mut [0]).expect("the end"), 0);
    drop(server);
    let document = run(&mut tool(&["sockets", &ourselves(), "--json"])).json();
    let listed = document["time_wait"].as_array().expect("a list").clone();
    let found = listed.iter().find(|entry| entry["endpoint"] == address.to_string()).expect("in TIME_WAIT");
    assert_eq!(found["count"], 1);
    assert_eq!(document["processes"][0]["states"]["TIME_WAIT"], 0, "it belongs to nobody");
}

#[test]
fn the_document_has_all_eleven_states_and_what_the_process_is() {
    let sleeper = Sleeper::new("4711.125");
    let ran = run(&mut tool(&["sockets", &sleeper.pid(), "--json"]));
    let process = process(&ran);
    assert_eq!(process["pid"], sleeper.0.id());
    assert_eq!(process["command"], "sleep 4711.125");
    assert_eq!(process["off_table"], 0);
    assert!(process["fds"].as_u64() >= Some(3), "{process}");
    assert_eq!(process["states"].as_object().expect("an object").len(), 11, "{process}");
}

#[test]
fn a_tcp_socket_in_no_table_is_counted_and_a_socket_of_another_kind_is_not() {
    let (unix, _other_end) = UnixStream::pair().expect("a pair");
    // SAFETY: no pointer is passed.
    let tcp = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    assert!(tcp >= 0, "a socket");
    // SAFETY: the descriptor was just made, and nothing else has it.
    let tcp = unsafe { OwnedFd::from_raw_fd(tcp) };
    let mut command = Command::new("sleep");
    command.arg("4711.0625").stdin(OwnedFd::from(unix)).stdout(tcp);
    let holder = Sleeper::start(&mut command);
    let process = process(&run(&mut tool(&["sockets", &holder.pid(), "--json"])));
    assert_eq!(process["off_table"], 1, "{process}");
}

#[test]
fn a_word_finds_the_processes_with_it_in_their_command_lines() {
    let time = format!("4711.{}", std::process::id());
    let sleepers = [Sleeper::new(&time), Sleeper::new(&time)];
    let document = run(&mut tool(&["sockets", &format!("sleep {time}"), "--json"])).json();
    let mut pids: Vec<u64> = document["processes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|process| process["pid"].as_u64())
        .collect();
    let mut expected: Vec<u64> = sleepers.iter().map(|sleeper| u64::from(sleeper.0.id())).collect();
    pids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(pids, expected);
}

#[test]
fn a_worker_of_storm_is_named_with_its_topology_its_id_and_its_port() {
    let mut command = Command::new("sh");
    // sh is asked to do nothing with these.
    command.args(["-c", "sleep 4711.5; :", "java", "-Dstorm.id=wc-3-17", "-Dworker.id=0a1b", "-Dworker.port=6701"]);
    let worker = Sleeper::start(&mut command);
    let pid = worker.pid();
    let storm = process(&run(&mut tool(&["sockets", &pid, "--json"])))["storm"].clone();
    assert_eq!(storm, serde_json::json!({"storm_id": "wc-3-17", "worker_id": "0a1b", "port": 6701}));
    let text = run(&mut tool(&["sockets", &pid])).out;
    assert!(text.contains("Storm worker 0a1b of wc-3-17 on port 6701"), "{text}");
}

#[test]
fn what_is_not_there_is_said_and_the_others_are_shown() {
    let ran = run(&mut tool(&["sockets", &i32::MAX.to_string(), "no such command line", &ourselves(), "--json"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("there is no process 2147483647"), "{ran:?}");
    assert!(ran.err.contains("no process has \"no such command line\" in its command line"), "{ran:?}");
    assert_eq!(process(&ran)["pid"], std::process::id());
    let nobody = run(&mut tool(&["sockets", &i32::MAX.to_string()]));
    assert_eq!((nobody.code, nobody.out.as_str()), (Some(1), ""), "{nobody:?}");
}

#[test]
fn a_process_of_another_user_is_refused_with_words() {
    let mut command = tool(&["sockets", "1"]);
    let dir = tempfile::tempdir().expect("a directory");
    if rustix::process::getuid().is_root() {
        // Root may see everything; nobody may not.
        let program = dir.path().join("kafka-shell-spout");
        std::fs::copy(env!("CARGO_BIN_EXE_kafka-shell-spout"), &program).expect("a copy");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).expect("permissions");
        command = Command::new(program);
        command.args(["sockets", "1"]).uid(65534).gid(65534).current_dir("/");
    }
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("process 1 belongs to another user") && ran.err.contains("/proc/1/fd"), "{ran:?}");
}

#[test]
fn sockets_in_another_network_namespace_are_seen() {
    let load = Load::new();
    let inside = load.command(&["--embedded", "3", "--seconds", "60", "--produce", "0"]);
    let mut command = Command::new("unshare");
    // Who is not root needs a user namespace, too.
    command.arg(if rustix::process::getuid().is_root() { "-n" } else { "-rn" });
    command.arg(inside.get_program()).args(inside.get_args()).stderr(Stdio::null());
    let other = Sleeper::start(&mut command);
    let pid = other.pid();
    wait_for("the mock cluster's three listeners", || {
        // Both namespaces in one look.
        let ran = run(&mut tool(&["sockets", &ourselves(), &pid, "--json"]));
        (ran.json()["processes"][1]["states"]["LISTEN"] == 3).then_some(())
    });
}

#[test]
fn a_watch_looks_again_and_ends_when_all_are_gone() {
    let sleeper = Sleeper::new("4711.75");
    let pid = sleeper.pid();
    let mut watch = tool(&["sockets", &pid, "--watch", "--json"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(Duration::from_millis(1500));
    drop(sleeper);
    let status = wait_for("the end of the watch", || watch.try_wait().expect("wait"));
    assert_eq!(status.code(), Some(1), "what was watched is gone");
    let mut output = String::new();
    watch.stdout.take().expect("piped").read_to_string(&mut output).expect("UTF-8");
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines.len() >= 3, "{output}");
    let last: Value = serde_json::from_str(lines[lines.len() - 1]).expect("a document a line");
    assert_eq!(last["processes"], serde_json::json!([]));
}

/// The deadline is 100 ms for 10,000 sockets; both ends of 5,000 connections are ours.
#[test]
fn ten_thousand_sockets_are_counted_at_once() {
    const CONNECTIONS: usize = 5000;
    let limit = getrlimit(Resource::Nofile);
    let enough = limit.maximum.is_none_or(|maximum| maximum as usize > 2 * CONNECTIONS + 200);
    assert!(enough, "the hard limit of descriptors is {:?}; raise it: ulimit -Hn 20000", limit.maximum);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("a soft limit");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("an address");
    let _connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| (TcpStream::connect(address).expect("connect"), listener.accept().expect("accept").0))
        .collect();
    assert_eq!(toward(address), serde_json::json!({"ESTABLISHED": CONNECTIONS}));
    let mut times = vec![];
    // Other tests use this machine, too: one time without them will do.
    wait_for("a count in three times 100 ms", || {
        let ran = run(&mut tool(&["sockets", &ourselves()]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        times.push(ran.took);
        (ran.took < 3 * Duration::from_millis(100)).then_some(())
    });
    report(&format!("{} sockets counted in {times:?}", 2 * CONNECTIONS));
}
