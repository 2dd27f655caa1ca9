//! The Kafka, of one broker or several, and ZooKeeper of the test process, started by the first test that needs them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;

/// The servers start in some seconds; a loaded machine may need more.
const START_LIMIT: Duration = Duration::from_secs(150);

/// Where the servers listen.
pub struct Stack {
    /// Kafka, `host:port`; of several brokers all, with commas between.
    pub kafka: String,
    /// ZooKeeper, `host:port`.
    pub zookeeper: String,
    /// What the launcher said when all was ready.
    ready: Value,
    /// The launcher's commands and answers. It stops everything when its stdin closes, and that it does with this
    /// process, however it ends.
    launcher: Mutex<(ChildStdin, Receiver<String>)>,
}

impl Stack {
    /// Starts another one, with options of the launcher, for a test that needs servers of its own.
    pub fn start(arguments: &[&str]) -> Self {
        start(arguments).unwrap_or_else(|reason| {
            panic!(
                "these tests need the local Kafka and ZooKeeper, and those did not start: {reason}\n\
                 Run scripts/test, which builds their launcher first, or build it with: mvn -f topology/pom.xml package"
            )
        })
    }

    /// Port of the one broker.
    pub fn kafka_port(&self) -> u16 {
        port(&self.kafka)
    }

    /// The brokers' addresses: that of node 1, which is the server `kafka-1` to the launcher, and so on.
    pub fn brokers(&self) -> Vec<&str> {
        self.kafka.split(',').collect()
    }

    /// Their ports.
    pub fn kafka_ports(&self) -> Vec<u16> {
        self.brokers().into_iter().map(port).collect()
    }

    /// Has the launcher do something to a server, for example `freeze kafka`. What others do with it meanwhile is their
    /// own trouble: only for tests that have the stack to themselves.
    pub fn order(&self, command: &str) {
        self.try_order(command).unwrap_or_else(|answer| panic!("{command}: {answer}"));
    }

    /// The same, where the server may be in that state already.
    pub fn try_order(&self, command: &str) -> Result<(), String> {
        let (stdin, answers) = &mut *self.launcher.lock().expect("never poisoned");
        writeln!(stdin, "{command}").expect("the launcher lives");
        let answer = answers.recv_timeout(START_LIMIT).expect("the launcher answers");
        if answer.starts_with("{\"ok\"") { Ok(()) } else { Err(answer) }
    }

    /// The listener for clients with a certificate.
    pub fn tls(&self) -> &str {
        self.told("kafkaTls")
    }

    /// The listener for clients with a password, with TLS, too.
    pub fn sasl(&self) -> &str {
        self.told("kafkaSasl")
    }

    /// A file that the launcher made for clients of the two.
    pub fn certificate(&self, name: &str) -> String {
        format!("{}/{name}", self.told("tlsDir"))
    }

    fn told(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_else(|| panic!("no {key:?} in {}", self.ready))
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

/// The stack; all tests share it, so each one uses topics and paths of its own. Its Kafka forbids what an ACL forbids,
/// and has listeners with TLS, too.
pub fn stack() -> &'static Stack {
    let authorizer = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let otherwise = "allow.everyone.if.no.acl.found=true";
    stack_with(&["--tls", "--broker-property", authorizer, "--broker-property", otherwise])
}

/// The same, for whoever is first to ask: the launcher's options count then.
pub fn stack_with(arguments: &[&str]) -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| Stack::start(arguments))
}

/// What a tool of Kafka itself prints; `class` is its name after `org.apache.kafka.tools.`.
pub fn kafka_tool(class: &str, servers: &str, arguments: &[&str]) -> String {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("topology/kafka/target/lib/*");
    let mut tool = Command::new(java());
    tool.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
        .arg(lib)
        .arg(format!("org.apache.kafka.tools.{class}"));
    let output = tool.args(["--bootstrap-server", servers]).args(arguments).output().expect("java");
    String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
}

fn java() -> PathBuf {
    std::env::var_os("JAVA_HOME").map_or_else(|| PathBuf::from("java"), |home| Path::new(&home).join("bin/java"))
}

fn start(arguments: &[&str]) -> Result<Stack, String> {
    let jar = launcher()?;
    let java = java();
    let mut child = Command::new(&java)
        .arg("-cp")
        .arg(&jar)
        .arg("io.github.kafkashellspout.stack.Stack")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", java.display()))?;
    let stdin = child.stdin.take().expect("piped");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
        let _ = child.wait();
    });
    let line = lines.recv_timeout(START_LIMIT).map_err(|_| format!("no answer in {} s", START_LIMIT.as_secs()))?;
    let ready: Value = serde_json::from_str(&line)
        .map_err(|_| format!("the launcher {} said {line:?} instead of where the servers are", jar.display()))?;
    let address = |server: &str| ready[server].as_str().map(str::to_owned).ok_or(format!("no {server:?} in {line}"));
    let (kafka, zookeeper) = (address("kafka")?, address("zookeeper")?);
    Ok(Stack { kafka, zookeeper, ready, launcher: Mutex::new((stdin, lines)) })
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
