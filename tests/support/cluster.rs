//! A real Storm cluster, and eyes on it: the same as the black-box tests have, on this cluster's Kafka and ZooKeeper.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[expect(dead_code, reason = "the black-box tests need more of it")]
#[path = "kafka.rs"]
pub mod kafka;
#[expect(dead_code, reason = "the black-box tests need more of it")]
#[path = "proc.rs"]
pub mod proc;
#[path = "script.rs"]
pub mod script;
#[path = "submitted.rs"]
pub mod submitted;
#[expect(dead_code, reason = "the black-box tests need more of it")]
#[path = "zk.rs"]
pub mod zk;

/// Where the modules above look for Kafka and ZooKeeper.
pub mod stack {
    pub use super::cluster as stack;
}

/// The limit of every wait. Here a JVM or two start meanwhile, on a machine that may be busy.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Workers there can be. Several topologies run at once.
const SLOTS: &str = "10";

/// Four servers start, in some 10 s when nothing else runs.
const START_LIMIT: Duration = Duration::from_mins(5);

/// A server's start is the longest command.
const COMMAND_LIMIT: Duration = Duration::from_mins(3);

/// Nimbus, Supervisor, Kafka and ZooKeeper.
pub struct Cluster {
    /// Kafka, `host:port`.
    pub kafka: String,
    /// ZooKeeper, `host:port`.
    pub zookeeper: String,
    /// Everything the cluster writes is below.
    pub dir: PathBuf,
    /// What the launcher said when all was ready.
    ready: Value,
    launcher: Mutex<Launcher>,
}

struct Launcher {
    /// `None` once it has been told to stop.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    child: Child,
}

/// A worker's JVM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Process id.
    pub pid: u32,
    /// Id of its topology.
    pub topology: String,
    /// Its own id, new at every start.
    pub id: String,
    /// Process ids.
    pub children: Vec<u32>,
}

/// Storm 2.8.3; all tests share it.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Result<Cluster, String>> =
        LazyLock::new(|| Cluster::start(&["--storm", "2.8.3", "--slots", SLOTS, "--tls"]));
    started(&CLUSTER)
}

/// Storm 1.1.3 on the same Kafka and ZooKeeper, for the tests that ask for it.
pub fn old_cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Result<Cluster, String>> = LazyLock::new(|| {
        let (kafka, zookeeper) = (&cluster().kafka, &cluster().zookeeper);
        Cluster::start(&["--storm", "1.1.3", "--slots", SLOTS, "--kafka", kafka, "--zookeeper", zookeeper])
    });
    started(&CLUSTER)
}

fn started(cluster: &'static Result<Cluster, String>) -> &'static Cluster {
    match cluster {
        Ok(cluster) => cluster,
        Err(reason) => panic!("these tests need the local Storm cluster, and that did not start: {reason}"),
    }
}

impl Cluster {
    /// Starts one and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        let jar = Path::new(env!("CARGO_MANIFEST_DIR")).join("topology/cluster/launcher/target/cluster-launcher.jar");
        if !jar.exists() {
            return Err(format!(
                "there is no {}; run scripts/test, which builds it first, or: mvn -f topology/pom.xml package",
                jar.display()
            ));
        }
        let java = std::env::var_os("JAVA_HOME")
            .map_or_else(|| PathBuf::from("java"), |home| Path::new(&home).join("bin/java"));
        let mut child = Command::new(&java)
            .args(["-Xmx64m", "-jar"])
            .arg(&jar)
            .args(["--spout", env!("CARGO_BIN_EXE_kafka-shell-spout")])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", java.display()))?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let launcher = Launcher { stdin, lines, child };
        let line = launcher.lines.recv_timeout(START_LIMIT).map_err(|_| "its launcher said nothing; see above")?;
        let ready: Value = serde_json::from_str(&line).map_err(|_| format!("the launcher said {line:?}"))?;
        let text = |key: &str| ready[key].as_str().map(str::to_owned).ok_or(format!("no {key:?} in {line}"));
        let (kafka, zookeeper, dir) = (text("kafka")?, text("zookeeper")?, text("dir")?.into());
        Ok(Self { kafka, zookeeper, dir, ready, launcher: Mutex::new(launcher) })
    }

    /// Gives a command to the launcher, waits for its end and asserts that it was obeyed.
    pub fn command(&self, command: &str) -> Value {
        self.try_command(command).unwrap_or_else(|reason| panic!("{command}: {reason}"))
    }

    /// The same; what went wrong is the error.
    pub fn try_command(&self, command: &str) -> Result<Value, String> {
        let mut launcher = self.launcher.lock().map_err(|error| error.to_string())?;
        let stdin = launcher.stdin.as_mut().ok_or("the launcher has been stopped")?;
        writeln!(stdin, "{command}").map_err(|error| format!("the launcher: {error}"))?;
        let line = launcher.lines.recv_timeout(COMMAND_LIMIT).map_err(|_| "no answer")?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| format!("the launcher said {line:?}"))?;
        match answer["error"].as_str() {
            None => Ok(answer),
            Some(error) => Err(error.to_owned()),
        }
    }

    /// The workers that live now.
    pub fn workers(&self) -> Vec<Worker> {
        let answer = self.command("processes");
        let pid = |value: &Value| value.as_u64().expect("a pid") as u32;
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let worker = |worker: &Value| Worker {
            pid: pid(&worker["pid"]),
            topology: text(&worker["topology"]),
            id: text(&worker["id"]),
            children: worker["children"].as_array().expect("a list").iter().map(pid).collect(),
        };
        answer["workers"].as_array().expect("a list").iter().map(worker).collect()
    }

    /// Those of one topology, by its name.
    pub fn workers_of(&self, topology: &str) -> Vec<Worker> {
        let id = format!("{topology}-");
        self.workers().into_iter().filter(|worker| worker.topology.starts_with(&id)).collect()
    }

    /// The log of each worker that a topology has had, by the topology's name.
    pub fn worker_logs(&self, topology: &str) -> Vec<(PathBuf, String)> {
        let artifacts = self.dir.join("storm/logs/workers-artifacts");
        let id = format!("{topology}-");
        let topologies = std::fs::read_dir(artifacts).into_iter().flatten().flatten();
        let own = topologies.filter(|dir| dir.file_name().to_string_lossy().starts_with(&id));
        let ports = own.flat_map(|dir| std::fs::read_dir(dir.path()).into_iter().flatten().flatten());
        let logs = ports.map(|port| port.path().join("worker.log"));
        logs.map(|log| (log.clone(), std::fs::read_to_string(log).unwrap_or_default())).collect()
    }

    /// What the launcher said of its Kafka with TLS, for example `kafkaTls`.
    pub fn told(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_else(|| panic!("no {key:?} in {}", self.ready))
    }

    /// Where the supervisor keeps pid files and extracted jars.
    pub fn local_dir(&self) -> PathBuf {
        self.dir.join("storm/storm-local")
    }
}

impl Drop for Cluster {
    /// Stops everything and waits for that: the next cluster needs the memory.
    fn drop(&mut self) {
        if let Ok(launcher) = self.launcher.get_mut() {
            drop(launcher.stdin.take());
            let _ = launcher.child.wait();
        }
    }
}

/// SIGKILL.
pub fn kill(pid: u32) {
    let pid = Pid::from_raw(pid as i32).expect("a pid");
    kill_process(pid, Signal::KILL).expect("the process lives and is ours");
}

/// Whether the process runs. One that only waits for its parent to take note of its end does not.
pub fn is_running(pid: u32) -> bool {
    let stat = procfs::process::Process::new(pid as i32).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.state != 'Z')
}

/// Waits until `look` finds something.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_or(|| what.to_owned(), look)
}

/// The same; `what` is asked for when the wait was in vain.
pub fn wait_or<T>(what: impl FnOnce() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {} s in vain for: {}", PATIENCE.as_secs(), what());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Prints a measured value past the test harness, which would keep it from the reader of a run that passes.
pub fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "measured: {line}");
}
