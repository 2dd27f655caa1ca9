//! The main job on a real Storm: Kafka, ZooKeeper and `LocalCluster` from Maven jars, driven by `scripts/demo`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// `scripts/demo` with our binary. It keeps its things in `temporary`, and leads a process group, as a shell's job does.
fn command(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/demo"));
    command.args(["--spout", env!("CARGO_BIN_EXE_kafka-shell-spout")]).args(arguments);
    command.env("TMPDIR", temporary).env_remove("NO_COLOR").process_group(0);
    command
}

/// Runs the demonstration in a directory; gives what it printed, and asserts that it found everything in order.
fn demo_in(temporary: &Path, arguments: &[&str]) -> String {
    let output = command(temporary, arguments).output().expect("scripts/demo can be run");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/demo ended with {}:\n{printed}\n{errors}", output.status);
    printed
}

/// The same in a directory of its own, of which nothing may be left.
fn demo(arguments: &[&str]) -> String {
    let temporary = temporary();
    let printed = demo_in(temporary.path(), arguments);
    assert_eq!(left_in(&temporary), Vec::<String>::new(), "{printed}");
    printed
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// What runs have left in their directory; the JVM's own figures in it are not theirs.
fn left_in(temporary: &TempDir) -> Vec<String> {
    let entries = temporary.path().read_dir().expect("the temporary directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("kafka-shell-spout-")).collect()
}

/// The number at the beginning of a row of the summary.
fn row(printed: &str, name: &str) -> u64 {
    let line =
        printed.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name:?} in:\n{printed}"));
    let digits: String = line[name.len()..].trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{line:?} has no number"))
}

fn every_line_arrives_with_failing_tuples(storm: &str) {
    let printed = demo(&["--storm", storm, "--records", "20000", "--fail-one-in", "100"]);
    assert!(printed.contains(&format!("kafka-shell-spout with Storm {storm}, ")), "{printed}");
    assert_eq!(row(&printed, "produced"), 20_000, "{printed}");
    assert_eq!(row(&printed, "distinct"), 20_000, "{printed}");
    assert_eq!(row(&printed, "received"), 20_200, "{printed}");
    assert_eq!(row(&printed, "lost"), 0, "{printed}");
    assert_eq!(row(&printed, "committed in ZooKeeper"), 20_000, "{printed}");
    assert_eq!(row(&printed, "sockets after close"), 0, "{printed}");
    assert!(!printed.contains("CLOSE_WAIT"), "{printed}");
}

#[test]
fn every_line_arrives_through_local_cluster_2_8_3_with_failing_tuples() {
    every_line_arrives_with_failing_tuples("2.8.3");
}

#[test]
fn every_line_arrives_through_local_cluster_1_1_3_with_failing_tuples_and_the_usual_ports_taken() {
    // ZooKeeper's, LocalCluster's for its own, Kafka's, Nimbus's, a worker's. One that is taken already is as good.
    let usual = [2181, 2000, 9092, 6627, 6700];
    let taken: Vec<_> = usual.iter().map(|port| TcpListener::bind(("127.0.0.1", *port))).collect();
    every_line_arrives_with_failing_tuples("1.1.3");
    drop(taken);
}

#[test]
fn two_spout_tasks_share_the_partitions_in_a_real_storm() {
    let printed = demo(&["--records", "5000", "--spout-tasks", "2", "--partitions", "5"]);
    assert_eq!(row(&printed, "distinct"), 5000, "{printed}");
    assert_eq!(row(&printed, "duplicates"), 0, "{printed}");
    assert_eq!(row(&printed, "spout processes"), 2, "{printed}");
}

/// The table of a live view as often as it was drawn, each a list of lines without their escapes.
fn frames(printed: &str) -> Vec<Vec<String>> {
    let bodies = printed.split("\x1b[?25l").skip(1).map(|frame| frame.split("\x1b[J").next().unwrap_or_default());
    bodies.map(|body| without_escapes(body).trim_start_matches('\r').lines().map(str::to_owned).collect()).collect()
}

/// Each is `ESC [ digits letter`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part.trim_start_matches(|c: char| c.is_ascii_digit())[1..])
}

#[test]
fn the_live_view_draws_over_itself_within_a_small_terminal() {
    let arguments = ["--view", "live", "--columns", "60", "--lines", "14", "--partitions", "30", "--seconds", "3"];
    let printed = demo(&arguments);
    let frames = frames(&printed);
    assert!(frames.len() >= 3, "{} frames in:\n{printed}", frames.len());
    for frame in &frames {
        assert!(frame.len() < 14 && frame.iter().all(|line| line.len() < 60), "{frame:#?}");
    }
    let last = frames.last().expect("a frame");
    let up = format!("\r\x1b[{}A", last.len());
    assert!(printed.matches(&up).count() >= 2, "the cursor does not go up to the table's beginning:\n{printed:?}");
    assert!(last[0].starts_with("[####"), "{last:#?}");
    assert!(last.iter().any(|line| line.contains("ESTABLISHED")), "{last:#?}");
    assert!(last.iter().filter(|line| line.starts_with("lines/")).count() >= 3, "{last:#?}");
    assert!(last.iter().any(|line| line.contains(" more partitions with a lag of at most ")), "{last:#?}");
    let after = printed.rsplit("\x1b[?25h").next().expect("the end");
    assert!(!after.contains('\x1b') && row(after, "lost") == 0, "the cursor comes back before the summary:\n{after:?}");
}

/// A demonstration that runs on.
struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    printed: String,
}

impl Running {
    /// Starts one and waits until it has printed this.
    fn until(temporary: &TempDir, arguments: &[&str], wanted: &str) -> Self {
        let mut child =
            command(temporary.path(), arguments).stdout(Stdio::piped()).spawn().expect("scripts/demo can be run");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut running = Self { child, output, printed: String::new() };
        while !running.printed.contains(wanted) {
            let read = running.output.read_line(&mut running.printed).expect("text");
            assert!(read > 0, "it ended before {wanted:?}:\n{}", running.printed);
        }
        running
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The processes that it has started, and theirs.
    fn family(&self) -> BTreeSet<i32> {
        let mut family = BTreeSet::from([self.child.id() as i32]);
        let parents: Vec<(i32, i32)> = procfs::process::all_processes()
            .expect("/proc")
            .filter_map(|process| process.and_then(|process| process.stat()).ok())
            .map(|stat| (stat.pid, stat.ppid))
            .collect();
        let mut known = 0;
        while known < family.len() {
            known = family.len();
            family.extend(
                parents.iter().filter(|(_, parent)| family.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
            );
        }
        family
    }

    fn end(mut self) -> (ExitStatus, String) {
        self.output.read_to_string(&mut self.printed).expect("text");
        (self.child.wait().expect("its end"), self.printed)
    }
}

/// Those that still run, after a time that is enough for those that end by themselves.
fn alive_after(pids: &BTreeSet<i32>, patience: Duration) -> Vec<i32> {
    let begun = Instant::now();
    loop {
        let runs = |pid: &&i32| {
            procfs::process::Process::new(**pid).and_then(|process| process.stat()).is_ok_and(|stat| stat.state != 'Z')
        };
        let alive: Vec<i32> = pids.iter().filter(runs).copied().collect();
        if alive.is_empty() || begun.elapsed() > patience {
            return alive;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn ctrl_c_ends_all_processes_with_a_summary_and_gives_the_cursor_back() {
    let temporary = temporary();
    let running = Running::until(&temporary, &["--view", "live", "--columns", "80", "--lines", "24"], "lines/11 ");
    let family = running.family();
    assert!(family.len() >= 6, "driver, launcher, Kafka, ZooKeeper, Storm, spout: {family:?}");
    kill_process_group(running.pid(), Signal::INT).expect("it runs");
    let (status, printed) = running.end();
    assert_eq!(status.code(), Some(130), "{printed}");
    assert_eq!(alive_after(&family, Duration::ZERO), Vec::<i32>::new(), "{printed}");
    assert_eq!(left_in(&temporary), Vec::<String>::new(), "{printed}");
    let after = printed.rsplit("\x1b[?25h").next().expect("the end");
    assert!(!after.contains('\x1b'), "{after:?}");
    assert_eq!(row(after, "committed in ZooKeeper"), row(after, "distinct"), "{after}");
    assert!(after.contains("spout ended              yes") && after.contains("Ended by a signal; "), "{after}");
}

#[test]
fn ctrl_c_ends_a_start_too() {
    let temporary = temporary();
    let running = Running::until(&temporary, &[], "starting Kafka");
    let family = running.family();
    kill_process_group(running.pid(), Signal::INT).expect("it runs");
    let (status, printed) = running.end();
    assert_eq!(status.code(), Some(130), "{printed}");
    assert_eq!(alive_after(&family, Duration::ZERO), Vec::<i32>::new(), "{printed}");
    assert_eq!(left_in(&temporary), Vec::<String>::new(), "{printed}");
}

#[test]
fn what_a_killed_run_leaves_ends_by_itself_and_disturbs_no_other() {
    let temporary = temporary();
    let killed = Running::until(&temporary, &["--rate", "500"], "ESTABLISHED");
    let family = killed.family();
    assert!(family.len() >= 6, "driver, launcher, Kafka, ZooKeeper, Storm, spout: {family:?}");
    kill_process(killed.pid(), Signal::KILL).expect("it runs");
    let (status, _) = killed.end();
    assert_eq!(status.signal(), Some(9));
    assert_eq!(left_in(&temporary).len(), 1);
    let printed = demo_in(temporary.path(), &["--records", "1000"]);
    assert_eq!(row(&printed, "distinct"), 1000, "{printed}");
    assert_eq!(alive_after(&family, Duration::from_mins(1)), Vec::<i32>::new(), "{printed}");
    assert!(printed.contains(", left by a run that was killed"), "{printed}");
    assert_eq!(left_in(&temporary), Vec::<String>::new(), "{printed}");
}
