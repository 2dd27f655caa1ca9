//! The stream a tuple goes to.

use std::sync::Arc;

/// An output stream other than `default`, as the emit frame has it. Cheap to clone: each partition has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    name: Arc<str>,
    /// Its number on the companion's wire.
    number: u16,
    /// `"stream":"NAME",`
    member: Arc<[u8]>,
}

impl Stream {
    /// A declared stream; `number` is its place in the list that the companion gets, of which `default` is the first.
    pub fn new(name: &str, number: u16) -> Self {
        let member = format!("\"stream\":{},", serde_json::Value::from(name));
        Self { name: name.into(), number, member: member.into_bytes().into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Appends its member of an emit frame.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.member);
    }
}
