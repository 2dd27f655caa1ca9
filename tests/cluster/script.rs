//! `launcher.sh` without a Storm around it.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use rustix::process::geteuid;

use super::program_of;
use super::support::script::Script;
use super::support::{report, wait_for};

/// Users that need not exist: who extracted the jar, and who runs the worker.
const OWNER: u32 = 65_533;
const WORKER: u32 = 65_534;

#[test]
fn the_launcher_script_becomes_the_program() {
    let script = Script::new();
    let mut child = script.command().stdin(Stdio::piped()).spawn().expect("sh");
    let program = script.resources().join("kafka-shell-spout");
    wait_for("the program in place of the shell", || (program_of(child.id())? == program).then_some(()));
    drop(child.stdin.take());
    assert!(child.wait().expect("its end").success());
}

#[test]
fn the_launcher_script_runs_a_copy_and_leaves_none_where_chmod_is_refused() {
    let script = Script::new().of_another_owner();
    let mut child = script.command().stdin(Stdio::piped()).spawn().expect("sh");
    wait_for("the copy in place of the shell", || {
        program_of(child.id())?.starts_with(script.temporary()).then_some(())
    });
    assert_eq!(script.temporary().read_dir().expect("TMPDIR").count(), 0, "a copy for each start would fill the disk");
    drop(child.stdin.take());
    assert!(child.wait().expect("its end").success());
}

#[test]
fn the_launcher_script_runs_a_copy_for_a_user_who_owns_nothing_here() {
    if !geteuid().is_root() {
        report("not root: nobody else's process can be started here");
        return;
    }
    let script = Script::new();
    script.is_owned_by(OWNER);
    let mut command = script.unchanged();
    let mut child = command.uid(WORKER).gid(WORKER).stdin(Stdio::piped()).spawn().expect("sh");
    wait_for("the copy in place of the shell", || {
        program_of(child.id())?.starts_with(script.temporary()).then_some(())
    });
    assert_eq!(script.temporary().read_dir().expect("TMPDIR").count(), 0, "a copy for each start would fill the disk");
    drop(child.stdin.take());
    assert!(child.wait().expect("its end").success());
}

#[test]
fn the_launcher_script_says_what_is_wrong_when_nothing_can_be_run() {
    let script = Script::new().of_another_owner();
    let refused = script.command().env("TMPDIR", "/nonexistent").output().expect("sh");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(126), "{said}");
    assert!(said.contains("resources/kafka-shell-spout cannot be made executable"), "{said}");
    assert!(said.contains("set TMPDIR"), "{said}");

    let missing = Script::without_program().command().output().expect("sh");
    let said = String::from_utf8_lossy(&missing.stderr);
    assert_eq!(missing.status.code(), Some(127), "{said}");
    assert!(said.contains("there is no kafka-shell-spout in"), "{said}");
}
