//! `launcher.sh` in a directory as Storm leaves it: nothing is executable.

use std::fs::{Permissions, copy, create_dir, set_permissions, write};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The directory, and what the script finds around it.
pub struct Script {
    dir: TempDir,
}

impl Script {
    /// With the program beside it.
    pub fn new() -> Self {
        let script = Self::without_program();
        let program = script.resources().join("kafka-shell-spout");
        copy(env!("CARGO_BIN_EXE_kafka-shell-spout"), &program).expect("a copy");
        set_permissions(program, Permissions::from_mode(0o644)).expect("permissions");
        script
    }

    /// With nothing beside it.
    pub fn without_program() -> Self {
        let script = Self { dir: tempfile::tempdir().expect("a directory") };
        for dir in [script.resources(), script.temporary(), script.commands()] {
            create_dir(dir).expect("a directory");
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/launcher.sh");
        let target = script.resources().join("launcher.sh");
        copy(source, &target).expect("a copy");
        set_permissions(target, Permissions::from_mode(0o644)).expect("permissions");
        script
    }

    /// `chmod` fails on the program, as it does for a user who does not own it.
    pub fn of_another_owner(self) -> Self {
        let chmod = self.commands().join("chmod");
        let text = "#!/bin/sh\ncase $2 in ./*) exit 1 ;; esac\nPATH=${PATH#*:} exec chmod \"$@\"\n";
        write(&chmod, text).expect("a stub");
        set_permissions(chmod, Permissions::from_mode(0o755)).expect("permissions");
        self
    }

    /// Gives the resources to a user; others may read them, and write to `TMPDIR`.
    pub fn is_owned_by(&self, user: u32) {
        for file in ["", "kafka-shell-spout", "launcher.sh"] {
            chown(self.resources().join(file), Some(user), Some(user)).expect("root may");
        }
        for (dir, mode) in [(self.dir.path().to_owned(), 0o755), (self.temporary(), 0o1777)] {
            set_permissions(dir, Permissions::from_mode(mode)).expect("permissions");
        }
    }

    /// `sh launcher.sh` among the system's own commands.
    pub fn unchanged(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg("launcher.sh").current_dir(self.resources()).env("TMPDIR", self.temporary());
        command
    }

    /// `sh launcher.sh`, as a worker runs it.
    pub fn command(&self) -> Command {
        let path = format!("{}:{}", self.commands().display(), std::env::var("PATH").expect("PATH"));
        let mut command = self.unchanged();
        command.env("PATH", path);
        command
    }

    /// Where the script and the program lie.
    pub fn resources(&self) -> PathBuf {
        self.dir.path().join("resources")
    }

    /// `TMPDIR`.
    pub fn temporary(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    fn commands(&self) -> PathBuf {
        self.dir.path().join("bin")
    }
}
