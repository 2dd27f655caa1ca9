//! Closing clients, in the order that librdkafka wants, on threads of their own: it can hang.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::client::Consumer;
use super::group::{GroupAnswer, GroupCommit};
use super::partitions::Queue;

/// What the closing threads tell.
#[derive(Debug)]
pub enum Closing {
    /// What the group's coordinator said to the last offsets, if it was asked and has answered. The client closes next.
    Committed(Option<GroupAnswer>),
    /// A client is gone, and with it all its sockets.
    Closed {
        /// How long it took.
        took: Duration,
    },
}

/// What is to be closed. Other handles of the client must go soon.
pub enum Work {
    /// The client that reads, and its queues.
    Reader(Arc<Consumer>, Vec<Queue>),
    /// The client for the group's offsets.
    Group {
        /// The client.
        client: Arc<Consumer>,
        /// The last offsets, on their way.
        last: Option<GroupCommit>,
        /// How long their answer may keep the close.
        patience: Duration,
    },
}

/// The spout thread's end of the closing threads, one for each kind of client: neither waits for the other. They are made
/// at the start: at the end there may be none to be had.
pub struct Closer {
    readers: Sender<Work>,
    groups: Sender<Work>,
}

impl Closer {
    /// Starts the threads. `tell` is called there.
    ///
    /// # Errors
    /// No thread can be made.
    pub fn start(tell: impl Fn(Closing) + Clone + Send + 'static) -> std::io::Result<Self> {
        Ok(Self { readers: start("kafka-close", tell.clone())?, groups: start("group-close", tell)? })
    }

    /// Closes a client behind this call, after those of its kind that were handed over before.
    pub fn close(&self, work: Work) {
        let thread = if matches!(work, Work::Reader(..)) { &self.readers } else { &self.groups };
        // It lives as long as this handle.
        let _ = thread.send(work);
    }
}

fn start(name: &str, tell: impl Fn(Closing) + Send + 'static) -> std::io::Result<Sender<Work>> {
    let (clients, inbox) = channel();
    let work = move || {
        for work in inbox {
            let begun = Instant::now();
            close(work, &tell);
            tell(Closing::Closed { took: begun.elapsed() });
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(clients)
}

/// Partitions, then queues, then the client itself, whose destruction joins librdkafka's threads and closes their
/// sockets.
fn close(work: Work, tell: &dyn Fn(Closing)) {
    let client = match work {
        Work::Reader(client, queues) => {
            if let Ok(assignment) = client.assignment()
                && let Err(error) = client.incremental_unassign(&assignment)
            {
                tracing::debug!("closing the Kafka client: {error}");
            }
            drop(queues);
            client
        }
        Work::Group { client, last, patience } => {
            tell(Closing::Committed(last.and_then(|last| last.poll(patience))));
            client
        }
    };
    destroy(client);
}

/// Waits until the metadata thread has let go of its handle, then drops the last one: were that one dropped there,
/// the metadata thread would be the one to hang.
fn destroy(mut client: Arc<Consumer>) {
    loop {
        match Arc::try_unwrap(client) {
            Ok(last) => return drop(last),
            Err(shared) => {
                client = shared;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
