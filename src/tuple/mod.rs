//! A Kafka record becomes the frame of a Storm tuple; knows neither librdkafka nor the spout.

mod binary;
mod encode;
mod fields;
mod json;
mod stream;

pub use encode::{Encoder, Encoding, Undecodable};
pub use fields::Field;
pub use stream::Stream;

/// One record, borrowed from the fetch buffer.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// Partition number.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch, of creation or append as the topic is configured; `None` if the record has none.
    pub timestamp: Option<i64>,
    /// Key bytes; `None` is a record without a key.
    pub key: Option<&'a [u8]>,
    /// Value bytes; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers; `None` if there are none.
    pub headers: Option<&'a dyn Headers>,
}

/// Takes a header's name and value.
pub type VisitHeader<'a> = dyn FnMut(&[u8], Option<&[u8]>) + 'a;

/// Record headers (KIP-82): an ordered list in which a name may come twice.
pub trait Headers {
    /// Hands each name and value to `visit`, in order. Names are bytes: not every producer writes UTF-8.
    fn each(&self, visit: &mut VisitHeader<'_>);
}

#[cfg(test)]
mod tests {
    use super::{Headers, VisitHeader};

    /// Names and values.
    pub type HeaderList = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    impl Headers for HeaderList {
        fn each(&self, visit: &mut VisitHeader<'_>) {
            for (name, value) in self {
                visit(name, value.as_deref());
            }
        }
    }
}
