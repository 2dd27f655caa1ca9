//! `kafka-shell-spout load`, with our own spout.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::kafka::Topic;
use crate::support::stack::{kafka_tool, stack};
use crate::support::wait_for;
use crate::tool::{Load, Ran};

fn spouts(ran: &Ran) -> Value {
    ran.json()["runs"][0].clone()
}

#[test]
fn against_the_mock_cluster_all_sockets_are_counted_and_none_is_left() {
    let load = Load::new();
    let ran = load.run(&[
        "--embedded",
        "--spouts",
        "2",
        "--seconds",
        "4",
        "--fail",
        "0.1",
        "--ack-delay",
        "20",
        "--max-close-wait",
        "0",
        "--max-established-per-spout",
        "7",
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let run = spouts(&ran);
    let samples = run["samples"].as_array().expect("samples");
    let last = samples.last().expect("one a second");
    assert!(samples.len() >= 3 && last["emits"].as_u64() > Some(100), "{last}");
    assert!(last["fails"].as_u64() > Some(0) && last["acks"].as_u64() > last["fails"].as_u64(), "{last}");
    // At least a leader each, and nothing but ESTABLISHED.
    assert!(last["states"]["ESTABLISHED"].as_u64() >= Some(2), "{last}");
    assert_eq!(last["spouts"].as_array().map(Vec::len), Some(2));
    assert_eq!(run["sockets_left"], 0);
    let ends = run["ends"].as_array().expect("ends");
    // 69: the coordinator did not answer to the last offsets in the time that an end has, on a machine that is busy.
    assert!(
        ends.len() == 2 && ends.iter().all(|end| [0, 69].contains(&end["exit_code"].as_i64().unwrap_or(-1))),
        "{ends:?}"
    );
    let csv = load.csv();
    assert_eq!(csv.len(), samples.len() + 1);
    assert!(csv.iter().all(|line| line.len() == csv[0].len()), "{csv:?}");
    let [svg, png] = ["svg", "png"].map(|kind| std::fs::read(load.file(kind)).expect("a chart"));
    assert!(svg.starts_with(b"<svg") && String::from_utf8_lossy(&svg).contains("ESTABLISHED"));
    assert!(png.starts_with(b"\x89PNG"));
}

#[test]
fn the_first_limit_that_is_broken_is_named_and_ends_in_code_1() {
    let ran = Load::new().run(&["--embedded", "--seconds", "2", "--max-close-wait", "5", "--max-established", "0"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("limit broken: --max-established 0: "), "{ran:?}");
}

#[test]
fn two_spouts_are_compared_in_one_table_and_keys_reach_only_theirs() {
    let load = Load::new();
    let ours = env!("CARGO_BIN_EXE_kafka-shell-spout");
    let [slow, fast] = [format!("slow: kafka.spout.next.hold.ms=7 {ours} spout"), format!("fast: {ours}")];
    let ran = load.run(&["--embedded", "--seconds", "2", "--rate", "5", "--compare", &slow, &fast]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let head: Vec<&str> = ran.out.lines().next().expect("a table").split_whitespace().collect();
    assert_eq!(head, ["slow", "fast"]);
    let names: std::collections::BTreeSet<_> = load.csv().into_iter().skip(1).map(|line| line[0].clone()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["fast", "slow"]);
    let wrong = format!("wrong: kafka.spout.no.such.key=7 {ours} spout");
    let ran = load.run(&["--embedded", "--seconds", "2", "--compare", &wrong, &fast]);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.err.contains("wrong: a spout") && ran.err.contains("kafka.spout.no.such.key"), "{ran:?}");
}

#[test]
fn each_spout_is_asked_so_often_and_no_more() {
    let ran = Load::new().run(&["--embedded", "--spouts", "2", "--nexts", "300", "--end", "eof", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // The samples end with the last full second.
    let run = spouts(&ran);
    let last = run["samples"].as_array().and_then(|samples| samples.last().cloned());
    assert!(last.is_none_or(|sample| sample["nexts"].as_u64() <= Some(600)), "{run}");
}

#[test]
fn a_spout_that_is_switched_off_and_on_and_killed_leaves_no_socket() {
    let arguments =
        ["--embedded", "--seconds", "5", "--cycle", "1", "--end", "kill", "--json", "--max-close-wait", "0"];
    let ran = Load::new().run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let run = spouts(&ran);
    assert_eq!((&run["ends"][0]["exit_code"], &run["sockets_left"]), (&Value::from(137), &Value::from(0)));
}

#[test]
fn ctrl_c_ends_it_with_its_results_and_without_a_child_left() {
    let load = Load::new();
    let key = "kafka.spout.group.id=ctrl-c";
    let mut command = load.command(&["--embedded", "--seconds", "600", "--set", key]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("load");
    let parent = Pid::from_raw(child.id() as i32).expect("a pid");
    let children = || children_of(parent);
    let spout = wait_for("its child", || children().first().copied());
    std::thread::sleep(std::time::Duration::from_millis(1500));
    kill_process(parent, Signal::INT).expect("it lives");
    let status = wait_for("its end", || child.try_wait().expect("wait"));
    assert_eq!(status.code(), Some(130));
    assert!(procfs::process::Process::new(spout).is_err(), "the child has ended");
    assert!(load.csv().len() > 1, "what was seen until then is kept");
}

#[test]
fn when_it_is_killed_its_spouts_end_by_themselves() {
    let load = Load::new();
    let mut child = load
        .command(&["--embedded", "--seconds", "600"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("load");
    let parent = Pid::from_raw(child.id() as i32).expect("a pid");
    let spout = wait_for("its child", || children_of(parent).first().copied());
    kill_process(parent, Signal::KILL).expect("it lives");
    child.wait().expect("wait");
    wait_for("the child's end", || procfs::process::Process::new(spout).is_err().then_some(()));
}

fn children_of(parent: Pid) -> Vec<i32> {
    let all = procfs::process::all_processes().expect("/proc").flatten();
    let ppid = parent.as_raw_nonzero().get();
    all.filter(|process| process.stat().is_ok_and(|stat| stat.ppid == ppid)).map(|process| process.pid()).collect()
}

#[test]
fn on_a_real_kafka_and_zookeeper_a_topic_is_made_read_and_deleted() {
    let (load, stack) = (Load::new(), stack());
    let ran = load.run(&[
        "--bootstrap",
        &stack.kafka,
        "--zookeeper",
        &stack.zookeeper,
        "--partitions",
        "6",
        "--records",
        "5000",
        "--produce",
        "100",
        "--seconds",
        "4",
        "--max-close-wait",
        "0",
        "--max-established-per-spout",
        "4",
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let run = spouts(&ran);
    let last = run["samples"].as_array().and_then(|samples| samples.last().cloned()).expect("samples");
    assert!(last["acks"].as_u64() >= Some(5000), "{last}");
    let to: Vec<&str> = run["endpoints"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(to.contains(&stack.kafka.as_str()) && to.contains(&stack.zookeeper.as_str()), "{to:?}");
    let other = Topic::new("kept", 1);
    let listed = kafka_tool("TopicCommand", &stack.kafka, &["--list"]);
    assert!(listed.contains(&other.name) && !listed.contains("kafka-shell-spout-load-"), "{listed}");
}

#[test]
fn a_plan_says_what_many_spouts_hold() {
    let ran = Load::new().run(&["--plan", "--brokers", "3", "--partitions", "600", "--spouts", "50"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for word in ["sockets", "threads", "memory"] {
        assert!(ran.out.to_lowercase().contains(word), "{ran:?}");
    }
}
