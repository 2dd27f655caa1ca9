//! `scripts/stack`: Kafka and ZooKeeper that outlive the command that starts them, and end when they are told to.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use support::local::{Local, free_port, is_free, text_of, version_of};
use support::{report, wait_for};

/// Two JVMs each: one stack at a time is enough for the machine.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lives(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).join("exe").exists()
}

/// The words of a server's row.
fn row<'a>(table: &'a str, server: &str) -> Vec<&'a str> {
    let row = table.lines().find(|line| line.starts_with(server));
    row.unwrap_or_else(|| panic!("no {server} in\n{table}")).split_whitespace().collect()
}

#[test]
fn up_and_down_again_with_records_between() {
    let _turn = alone();
    let mut local = Local::new();
    let before = local.run("scripts/stack status");
    assert_eq!(before.code, Some(3), "{}{}", before.out, before.err);
    assert_eq!(row(&before.out, "kafka")[1], "down", "{}", before.out);
    assert!(before.out.contains("scripts/stack up"), "{}", before.out);
    assert!(!local.dir().exists(), "who only looks leaves nothing");

    let said = local.up().ok();
    let kafka = format!("127.0.0.1:{}", local.kafka);
    assert!(said.contains(&format!("Kafka {} listens on {kafka}", version_of("kafka"))), "{said}");
    assert!(said.contains("What to do next"), "{said}");
    the_table_is_true(&local);
    records_go_through(&local);
    another_up_starts_nothing(&local);

    let pids = ["launcher", "kafka", "zookeeper"].map(|of| local.pid(of));
    let said = local.run("scripts/stack down").ok();
    let place = |what: &str| said.find(what).unwrap_or_else(|| panic!("no {what:?} in {said}"));
    assert!(place("kafka (pid") < place("zookeeper (pid") && place("zookeeper (pid") < place("are down"), "{said}");
    assert!(!pids.into_iter().any(lives), "down leaves a process");
    assert!(is_free(local.kafka) && is_free(local.zookeeper), "down leaves a port open");
    assert_eq!(local.run("scripts/stack status").code, Some(3));
    assert!(local.run("scripts/stack down").ok().contains("It was not up"), "a second down has nothing to do");

    // The data know nothing of the ports.
    (local.kafka, local.zookeeper) = (free_port(), free_port());
    local.up().ok();
    let topics = local.run("scripts/stack run kafka-topics --list").ok();
    assert!(topics.lines().any(|topic| topic == "lines"), "{topics}");
    local.run("scripts/stack down --delete").ok();
    let left: Vec<_> = local.dir().read_dir().expect("the directory").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["lock"], "what --delete leaves");
}

fn the_table_is_true(local: &Local) {
    let table = local.run("scripts/stack status").ok();
    report(&format!("scripts/stack status\n{table}"));
    for (server, port) in [("kafka", local.kafka), ("zookeeper", local.zookeeper)] {
        let row = row(&table, server);
        assert_eq!(row[1..4], ["up", &format!("127.0.0.1:{port}"), &local.pid(server).to_string()], "{table}");
        assert!(row[4].ends_with('s'), "an uptime of seconds or minutes: {table}");
        assert_eq!(row[5], version_of(server), "{table}");
        assert!(Path::new(row[6]).is_dir(), "{table}");
        assert!(lives(local.pid(server)) && !is_free(port));
    }
}

fn records_go_through(local: &Local) {
    local.run("scripts/stack run kafka-topics --create --topic lines --partitions 2").ok();
    local.run_with_input("scripts/stack run kafka-console-producer --topic lines", "one\ntwo\nthree\n").ok();
    let consumer = "scripts/stack run kafka-console-consumer --topic lines --from-beginning";
    let read = local.run(&format!("{consumer} --max-messages 3 --timeout-ms 30000")).ok();
    let mut lines: Vec<_> = read.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "three", "two"]);
    let nodes = local.run("scripts/stack run zkCli ls /").ok();
    assert!(nodes.contains("[zookeeper]"), "{nodes}");
}

fn another_up_starts_nothing(local: &Local) {
    let pids = ["launcher", "kafka", "zookeeper"].map(|of| local.pid(of));
    let again = local.up().ok();
    assert!(again.contains("up already") && again.contains(&local.kafka.to_string()), "{again}");
    let anywhere = local.run("scripts/stack up").ok();
    assert!(anywhere.contains("up already"), "who names no port takes what there is: {anywhere}");
    let elsewhere = local.run(&format!("scripts/stack up --kafka-port {}", free_port()));
    assert_eq!(elsewhere.code, Some(2), "{}", elsewhere.out);
    assert!(elsewhere.err.contains("up already on ports") && elsewhere.err.contains("down first"), "{}", elsewhere.err);
    assert_eq!(pids, ["launcher", "kafka", "zookeeper"].map(|of| local.pid(of)));
}

#[test]
fn compose_sets_what_the_launcher_sets() {
    let _turn = alone();
    let local = Local::new();
    local.up().ok();
    let compose = text_of("docker-compose.yml");
    let (_, same) = compose.split_once("# From here on as scripts/stack has it.").expect("the comment");
    let ours = std::fs::read_to_string(local.dir().join("kafka.properties")).expect("the broker's configuration");
    let mut compared = 0;
    for line in same.lines().map(str::trim).skip(1).take_while(|line| line.starts_with("KAFKA_")) {
        let (name, value) = line.split_once(": ").expect("NAME: value");
        let key = name["KAFKA_".len()..].to_lowercase().replace('_', ".");
        let expected = format!("{key}={}", value.trim_matches('"'));
        assert!(ours.lines().any(|line| line == expected), "docker-compose.yml has {expected}, the launcher\n{ours}");
        compared += 1;
    }
    assert_eq!(compared, 12);

    let ours = std::fs::read_to_string(local.dir().join("zookeeper.properties")).expect("ZooKeeper's configuration");
    for (name, key) in [
        ("ZOO_TICK_TIME", "tickTime="),
        ("ZOO_MAX_CLIENT_CNXNS", "maxClientCnxns="),
        ("ZOO_ADMINSERVER_ENABLED", "admin.enableServer="),
        ("ZOO_4LW_COMMANDS_WHITELIST", "4lw.commands.whitelist="),
        ("ZOO_CFG_EXTRA", ""),
    ] {
        let value = compose.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}: ")));
        for value in value.unwrap_or_else(|| panic!("no {name}")).trim_matches('"').split(' ') {
            assert!(
                ours.lines().any(|line| line == format!("{key}{value}")),
                "{name} is {value}, the launcher's\n{ours}"
            );
        }
    }
}

#[test]
fn what_a_killed_launcher_left_is_no_obstacle() {
    let _turn = alone();
    let local = Local::new();
    // Ids that others have got since.
    std::fs::create_dir_all(local.dir()).expect("a directory");
    let stale = format!("launcher.pid={0}\nkafka.pid={0}\nzookeeper.pid={0}\n", std::process::id());
    std::fs::write(local.dir().join("stack.properties"), stale).expect("a state");
    assert_eq!(local.run("scripts/stack status").code, Some(3));
    let mut other = Other::start();
    local.up_until_end_of(other.0.id()).ok();

    let (launcher, kafka) = (local.pid("launcher"), local.pid("kafka"));
    kill_process(Pid::from_raw(launcher as i32).expect("a pid"), Signal::KILL).expect("the launcher lived");
    wait_for("the end of the launcher", || (!lives(launcher)).then_some(()));
    assert_eq!(local.run("scripts/stack status").code, Some(3));
    // Its servers end by themselves, and up waits for that.
    local.up_until_end_of(other.0.id()).ok();
    assert!(!lives(kafka) && lives(local.pid("kafka")));
    assert_eq!(local.run("scripts/stack status").code, Some(0));

    let pids = ["launcher", "kafka", "zookeeper"].map(|of| local.pid(of));
    other.end();
    wait_for("the end that --until-end-of asks for", || (!pids.into_iter().any(lives)).then_some(()));
}

#[test]
fn who_has_a_port_is_named() {
    let local = Local::new();
    let _kafka = TcpListener::bind(("127.0.0.1", local.kafka)).expect("a free port");
    let _zookeeper = TcpListener::bind(("0.0.0.0", local.zookeeper)).expect("a free port");
    let refused = local.up();
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    let program = std::env::args().next().expect("this program, as it was started");
    for port in [local.kafka, local.zookeeper] {
        let owner = format!("port {port} is taken by pid {} ({program}", std::process::id());
        assert!(refused.err.contains(&owner), "no {owner:?} in {}", refused.err);
    }
    assert!(refused.err.contains("scripts/stack up --kafka-port PORT --zookeeper-port PORT"), "{}", refused.err);
    assert!(!local.dir().join("stack.properties").exists(), "nothing was started");

    let table = local.run(&format!("scripts/stack status {}", local.port_options()));
    assert_eq!(table.code, Some(3));
    assert!(table.out.contains(&format!("Port {} is taken by pid", local.kafka)), "{}", table.out);
}

#[test]
fn a_wrong_command_line_is_refused() {
    let local = Local::new();
    for wrong in
        ["", "sideways", "up --kafka-port", "up --kafka-port 70000", "up down", "status --delete", "run kafka-tea"]
    {
        let refused = local.run(&format!("scripts/stack {wrong}"));
        assert_eq!(refused.code, Some(64), "{wrong}: {}{}", refused.out, refused.err);
        assert!(refused.err.contains("--help"), "{wrong}: {}", refused.err);
    }
    let help = local.run("scripts/stack --help").ok();
    assert!(help.contains("up|down|status") && help.contains("Exit codes"), "{help}");
}

/// Some process.
struct Other(Child);

impl Other {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().expect("sleep"))
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.end();
    }
}
