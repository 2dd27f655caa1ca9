//! A real Storm cluster with its Kafka and ZooKeeper, through the launcher of `topology/cluster`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use super::stop;

/// Four servers start, in some 10 s when nothing else runs.
const START_LIMIT: Duration = Duration::from_mins(5);

/// A JVM or two start for a command.
const COMMAND_LIMIT: Duration = Duration::from_mins(3);

const GLANCE: Duration = Duration::from_millis(20);

/// Nimbus, Supervisor, Kafka and ZooKeeper. All of it ends with us, however we end: the launcher's stdin ends then.
pub struct Cluster {
    /// Kafka, `host:port`.
    pub kafka: String,
    /// ZooKeeper, `host:port`.
    pub zookeeper: String,
    /// Everything is below, ours too: the launcher removes it.
    pub dir: PathBuf,
    /// `None` once it has been told to stop.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    child: Child,
}

/// A worker's JVM.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Process id.
    pub pid: i32,
    /// Process ids.
    pub children: Vec<i32>,
}

/// `java` of `JAVA_HOME`, or else of the path.
pub fn java() -> PathBuf {
    std::env::var_os("JAVA_HOME").map_or_else(|| PathBuf::from("java"), |home| Path::new(&home).join("bin/java"))
}

/// A file that Maven makes.
///
/// # Errors
/// It is not there.
pub fn built(root: &Path, path: &str) -> Result<PathBuf> {
    let file = root.join("topology").join(path);
    if file.exists() {
        Ok(file)
    } else {
        bail!(
            "there is no {}; run scripts/bench, which builds it first, or: mvn -f topology/pom.xml package",
            file.display()
        )
    }
}

impl Cluster {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, or a signal came.
    pub fn start(root: &Path) -> Result<Self> {
        let jar = built(root, "cluster/launcher/target/cluster-launcher.jar")?;
        let mut command = Command::new(java());
        command.arg("-Xmx64m").arg(format!("-Djava.io.tmpdir={}", std::env::temp_dir().display()));
        command.arg("-jar").arg(&jar).args(["--slots", "4"]);
        // Ctrl-C is for us, and we end it by its stdin.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child =
            command.spawn().with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the launcher's stdout")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut cluster =
            Self { kafka: String::new(), zookeeper: String::new(), dir: PathBuf::new(), stdin, lines, child };
        let ready = cluster.answer(START_LIMIT).context("the cluster did not start; its launcher's words are above")?;
        let text = |key: &str| {
            ready[key].as_str().map(str::to_owned).with_context(|| format!("the launcher said no {key}: {ready}"))
        };
        (cluster.kafka, cluster.zookeeper, cluster.dir) = (text("kafka")?, text("zookeeper")?, text("dir")?.into());
        Ok(cluster)
    }

    /// Gives a command to the launcher and waits until it is done.
    ///
    /// # Errors
    /// It failed, or a signal came.
    pub fn command(&mut self, command: &str) -> Result<Value> {
        let stdin = self.stdin.as_mut().context("the cluster has been stopped")?;
        writeln!(stdin, "{command}").with_context(|| format!("cluster: {command}"))?;
        let answer = self.answer(COMMAND_LIMIT).with_context(|| format!("cluster: {command}"))?;
        match answer["error"].as_str() {
            None => Ok(answer),
            Some(error) => Err(anyhow!("cluster: {command}: {error}")),
        }
    }

    fn answer(&mut self, limit: Duration) -> Result<Value> {
        let begun = Instant::now();
        loop {
            stop::check()?;
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => return serde_json::from_str(&line).with_context(|| format!("the launcher said {line:?}")),
                Err(RecvTimeoutError::Disconnected) => bail!("the launcher has ended"),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() > limit => {
                    bail!("no answer for {} s", limit.as_secs())
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The workers of a topology that live now.
    ///
    /// # Errors
    /// The launcher fails, or a signal came.
    pub fn workers(&mut self, topology: &str) -> Result<Vec<Worker>> {
        let answer = self.command("processes")?;
        let id = format!("{topology}-");
        let number = |value: &Value| value.as_i64().unwrap_or(0) as i32;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let own = list(&answer["workers"])
            .into_iter()
            .filter(|worker| worker["topology"].as_str().is_some_and(|topology| topology.starts_with(&id)));
        Ok(own
            .map(|worker| Worker {
                pid: number(&worker["pid"]),
                children: list(&worker["children"]).iter().map(number).collect(),
            })
            .collect())
    }

    /// What the workers of a topology logged last; `None` before the first one has begun.
    pub fn worker_log(&self, topology: &str) -> Option<String> {
        let id = format!("{topology}-");
        let artifacts = std::fs::read_dir(self.dir.join("storm/logs/workers-artifacts")).ok()?;
        let own = artifacts.flatten().find(|dir| dir.file_name().to_string_lossy().starts_with(&id))?;
        let ports = std::fs::read_dir(own.path()).ok()?.flatten();
        let logs = ports.filter_map(|port| std::fs::read_to_string(port.path().join("worker.log")).ok());
        Some(logs.collect())
    }
}

impl Drop for Cluster {
    /// Stops everything and waits for that.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
