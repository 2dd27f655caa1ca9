//! The one Kafka and ZooKeeper of the test process, started by the first test that needs them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

/// Both servers start in some seconds; a loaded machine may need more.
const START_LIMIT: Duration = Duration::from_secs(150);

/// Where the servers listen.
pub struct Stack {
    /// Kafka, `host:port`.
    pub kafka: String,
    /// ZooKeeper, `host:port`.
    pub zookeeper: String,
    /// The launcher stops everything when this pipe closes, and that it does with this process, however it ends.
    _stdin: ChildStdin,
}

impl Stack {
    /// Port of Kafka.
    pub fn kafka_port(&self) -> u16 {
        port(&self.kafka)
    }

    /// Port of ZooKeeper.
    pub fn zookeeper_port(&self) -> u16 {
        port(&self.zookeeper)
    }
}

/// The port of `host:port`.
pub fn port(address: &str) -> u16 {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("host:port")
}

/// The stack; all tests share it, so each one uses topics and paths of its own.
pub fn stack() -> &'static Stack {
    static STACK: LazyLock<Result<Stack, String>> = LazyLock::new(start);
    match &*STACK {
        Ok(stack) => stack,
        Err(reason) => panic!(
            "these tests need the local Kafka and ZooKeeper, and those did not start: {reason}\n\
             Run scripts/test, which builds their launcher first, or build it with: mvn -f topology/pom.xml package"
        ),
    }
}

fn start() -> Result<Stack, String> {
    let jar = launcher()?;
    let java =
        std::env::var_os("JAVA_HOME").map_or_else(|| PathBuf::from("java"), |home| Path::new(&home).join("bin/java"));
    let mut child = Command::new(&java)
        .arg("-cp")
        .arg(&jar)
        .arg("io.github.kafkashellspout.stack.Stack")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", java.display()))?;
    let stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let (sender, line) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = stdout.read_line(&mut line);
        let _ = sender.send(read.map(|_| line));
        // Nothing else is asked of it; the pipe stays open so that it may print.
        let _ = std::io::copy(&mut stdout, &mut std::io::sink());
        let _ = child.wait();
    });
    let line = line
        .recv_timeout(START_LIMIT)
        .map_err(|_| format!("no answer in {} s", START_LIMIT.as_secs()))?
        .map_err(|error| error.to_string())?;
    let ready: Value = serde_json::from_str(&line)
        .map_err(|_| format!("the launcher {} said {line:?} instead of where the servers are", jar.display()))?;
    let address = |server: &str| ready[server].as_str().map(str::to_owned).ok_or(format!("no {server:?} in {line}"));
    Ok(Stack { kafka: address("kafka")?, zookeeper: address("zookeeper")?, _stdin: stdin })
}

fn launcher() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("topology/stack/target");
    let files = std::fs::read_dir(&target).ok().into_iter().flatten().flatten();
    let found = files.map(|file| file.path()).find(|path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        stem.starts_with("stack-") && path.extension().is_some_and(|extension| extension == "jar")
    });
    found.ok_or_else(|| format!("there is no {}/stack-*.jar", target.display()))
}
