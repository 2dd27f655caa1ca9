//! The topology as a jar on a real Storm: Nimbus and Supervisor in processes of their own, workers as the supervisor
//! starts them, the program as the worker starts it from the jar's `resources/`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Makes tests of functions that take a cluster: one for each Storm.
macro_rules! on_each_storm {
    ($($name:ident)*) => {
        mod storm_2_8_3 {
            $(#[test]
            fn $name() {
                let _turn = crate::alone();
                super::$name(crate::support::cluster());
            })*
        }

        mod storm_1_1_3 {
            $(#[test]
            fn $name() {
                let _turn = crate::alone();
                super::$name(crate::support::old_cluster());
            })*
        }
    };
}

mod bolts;
mod cells;
mod deaths;
mod script;
mod settings;
#[path = "../support/cluster.rs"]
mod support;

/// One test at a time: they kill what they all stand on.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a process runs.
fn program_of(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe")).ok()
}
