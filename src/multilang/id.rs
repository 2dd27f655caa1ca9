//! The id of a tuple on the wire: `"<slot>:<offset>"`, for example `"3:1042"`.

/// Names one emitted record: the slot (a partition as this process holds it; numbers are never used twice, so that
/// an ack for a partition that left us and came back is told apart) and the record's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TupleId {
    /// Number of the slot, counted from 0 in the life of this process.
    pub slot: u32,
    /// The Kafka offset of the record.
    pub offset: i64,
}

impl TupleId {
    /// Appends the id as a JSON string.
    pub fn write(self, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        out.push(b'"');
        out.extend_from_slice(digits.format(self.slot).as_bytes());
        out.push(b':');
        out.extend_from_slice(digits.format(self.offset).as_bytes());
        out.push(b'"');
    }

    /// Reads what stands between the quotes; `None` if this process cannot have written it.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let colon = memchr::memchr(b':', text)?;
        let slot = decimal(&text[..colon])?;
        let offset = decimal(&text[colon + 1..])?;
        Some(Self { slot: u32::try_from(slot).ok()?, offset })
    }
}

fn decimal(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |sum, &digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back(slot: u32, offset in 0..i64::MAX) {
            let id = TupleId { slot, offset };
            let mut json = Vec::new();
            id.write(&mut json);
            let text: String = serde_json::from_slice(&json).expect("a JSON string");
            prop_assert_eq!(TupleId::parse(text.as_bytes()), Some(id));
        }

        #[test]
        fn any_other_text_is_foreign(text in "[0-9a-z:-]{0,30}") {
            let ours = text.split_once(':').is_some_and(|(slot, offset)| {
                let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                digits(slot) && digits(offset) && slot.parse::<u32>().is_ok() && offset.parse::<i64>().is_ok()
            });
            prop_assert_eq!(TupleId::parse(text.as_bytes()).is_some(), ours);
        }
    }
}
