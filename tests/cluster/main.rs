//! The topology as a jar on a real Storm: Nimbus and Supervisor in processes of their own, workers as the supervisor
//! starts them, the program as the worker starts it from the jar's `resources/`.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Makes tests of functions that take a cluster: one for each Storm. Each says whose turn it is: `alone` or
/// `beside_others`.
macro_rules! on_each_storm {
    ($($turn:ident $name:ident)*) => {
        mod storm_2_8_3 {
            $(#[test]
            fn $name() {
                let _turn = crate::$turn();
                super::$name(crate::support::cluster());
            })*
        }

        mod storm_1_1_3 {
            $(#[test]
            fn $name() {
                let _turn = crate::$turn();
                super::$name(crate::support::old_cluster());
            })*
        }
    };
}

mod ahead;
mod bolts;
mod cells;
mod deaths;
mod flux;
mod native;
mod packaged;
mod script;
mod settings;
#[path = "../support/cluster.rs"]
mod support;

static TURN: RwLock<()> = RwLock::new(());

/// No other test meanwhile: this one takes most of the machine, or kills what others stand on.
fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Others do no harm, nor does this one.
fn beside_others() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

/// How many sockets to Kafka a process has.
fn kafka_sockets(cluster: &support::Cluster, pid: u32) -> usize {
    let port = cluster.kafka.rsplit(':').next().and_then(|port| port.parse().ok()).expect("host:port");
    support::proc::to_port(&support::proc::sockets(pid), port)
}

/// What a process runs.
fn program_of(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe")).ok()
}
