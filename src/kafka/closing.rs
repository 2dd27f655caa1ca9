//! Closing the client, in the order that librdkafka wants, on a thread of its own: it can hang.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::client::Consumer;
use super::partitions::Queue;

/// The client is gone, and with it every socket to Kafka.
#[derive(Debug)]
pub struct Closed {
    /// How long it took.
    pub took: Duration,
}

/// Closes the client behind this call and tells when it is done: partitions, then queues, then the client itself,
/// whose destruction joins librdkafka's threads and closes their sockets.
/// `tell` is called on that thread.
pub fn close(consumer: Arc<Consumer>, queues: Vec<Queue>, tell: impl FnOnce(Closed) + Send + 'static) {
    let begun = Instant::now();
    let work = move || {
        if let Ok(assignment) = consumer.assignment()
            && let Err(error) = consumer.incremental_unassign(&assignment)
        {
            tracing::debug!("closing the Kafka client: {error}");
        }
        drop(queues);
        destroy(consumer);
        tell(Closed { took: begun.elapsed() });
    };
    if let Err(error) = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(work) {
        // No thread to be had: the closure, and the client in it, were dropped, which closes it here and now.
        tracing::error!("no thread to close the Kafka client on: {error}");
    }
}

/// Waits until the metadata thread has let go of its handle, then drops the last one: were that one dropped there,
/// the metadata thread would be the one to hang.
fn destroy(mut consumer: Arc<Consumer>) {
    loop {
        match Arc::try_unwrap(consumer) {
            Ok(last) => return drop(last),
            Err(shared) => {
                consumer = shared;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
