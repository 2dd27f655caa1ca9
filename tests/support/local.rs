//! `scripts/stack` as a user runs it, but on ports and in a directory of the test's own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Below what the kernel gives to clients, so that none takes the port before the server does.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A state directory, and what runs from it; nothing does after the end of the test.
pub struct Local {
    home: TempDir,
    /// For Kafka.
    pub kafka: u16,
    /// For ZooKeeper.
    pub zookeeper: u16,
}

/// How a command ended.
pub struct Ran {
    /// Exit code.
    pub code: Option<i32>,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Ran {
    /// stdout of a command that must have done what it was told.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }
}

impl Local {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a directory"), kafka: free_port(), zookeeper: free_port() }
    }

    /// `scripts/stack up` on the ports; the servers do not outlive this process, not even if it is killed.
    pub fn up(&self) -> Ran {
        self.up_until_end_of(std::process::id())
    }

    /// The same for another process.
    pub fn up_until_end_of(&self, pid: u32) -> Ran {
        self.run(&format!("scripts/stack up {} --until-end-of {pid}", self.port_options()))
    }

    /// The options that say which ports.
    pub fn port_options(&self) -> String {
        format!("--kafka-port {} --zookeeper-port {}", self.kafka, self.zookeeper)
    }

    /// A line of shell, at the top of the repository.
    pub fn run(&self, line: &str) -> Ran {
        self.run_with_input(line, "")
    }

    /// The same with something on stdin.
    pub fn run_with_input(&self, line: &str, input: &str) -> Ran {
        let file = self.home.path().join("input");
        std::fs::write(&file, input).expect("a file");
        let output = Command::new("bash")
            .args(["-c", line])
            .current_dir(root())
            .env("XDG_STATE_HOME", self.home.path())
            .stdin(Stdio::from(std::fs::File::open(file).expect("the file")))
            .output()
            .expect("bash");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Where data, logs and state are.
    pub fn dir(&self) -> PathBuf {
        self.home.path().join("kafka-shell-spout/stack")
    }

    /// What the launcher's state says, for example of `kafka.pid`.
    pub fn state(&self, key: &str) -> Option<String> {
        let state = std::fs::read_to_string(self.dir().join("stack.properties")).ok()?;
        state.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
    }

    /// A process id of the state.
    pub fn pid(&self, of: &str) -> u32 {
        self.state(&format!("{of}.pid")).and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("no pid of {of}"))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.dir().join("stack.properties").exists() {
            self.run("scripts/stack down");
        }
    }
}

/// Compose 2, a plugin of Docker, or else 1, a program.
pub fn compose() -> &'static str {
    let two = Command::new("docker").args(["compose", "version"]).output();
    if two.is_ok_and(|output| output.status.success()) { "docker compose" } else { "docker-compose" }
}

/// Top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A version that topology/pom.xml has, for example of `kafka`.
pub fn version_of(part: &str) -> String {
    let pom = text_of("topology/pom.xml");
    let version = pom.split_once(&format!("<{part}.version>")).and_then(|(_, rest)| rest.split_once('<'));
    version.unwrap_or_else(|| panic!("no version of {part} in the pom")).0.to_owned()
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(PORTS);
        if is_free(port) {
            return port;
        }
    }
}

/// Whether one could listen on it.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
