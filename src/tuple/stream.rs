//! The stream a tuple goes to.

use std::sync::Arc;

/// An output stream other than `default`, as the emit frame has it. Cheap to clone: each partition has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    name: Arc<str>,
    /// `"stream":"NAME",`
    member: Arc<[u8]>,
}

impl Stream {
    /// A declared stream.
    pub fn new(name: &str) -> Self {
        let member = format!("\"stream\":{},", serde_json::Value::from(name));
        Self { name: name.into(), member: member.into_bytes().into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Appends its member of an emit frame.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.member);
    }
}
