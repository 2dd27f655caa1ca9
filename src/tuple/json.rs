//! JSON strings at memory speed, straight into the buffer.

/// Bytes looked at together: what a 128-bit register holds.
const LANES: usize = 16;

/// Appends `text` as a JSON string.
pub fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escaped(text, out);
    out.push(b'"');
}

/// Appends bytes as a JSON string; each sequence that is not UTF-8 becomes U+FFFD, as in Storm's own `JsonSerializer`.
pub fn lossy(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        escaped(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Appends what stands between the quotes. Most texts need no escape, or few: what needs none is copied in one piece.
fn escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let clean = clean_prefix(rest);
        out.extend_from_slice(&rest[..clean]);
        let Some(&byte) = rest.get(clean) else { return };
        escape(byte, out);
        rest = &rest[clean + 1..];
    }
}

/// How many bytes at the beginning need no escape.
fn clean_prefix(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<LANES>();
    // Without branches inside a chunk, so that the compiler makes vector instructions of it.
    let clean =
        chunks.iter().take_while(|chunk| chunk.iter().fold(0, |any, &byte| any | needs_escape(byte)) == 0).count();
    let begin = clean * LANES;
    let tail = bytes[begin..].iter().take_while(|&&byte| needs_escape(byte) == 0).count();
    begin + tail
}

/// Not 0 if so.
fn needs_escape(byte: u8) -> u8 {
    u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\')
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(text, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn every_byte_is_written_as_serde_json_does_wherever_it_stands() {
        for byte in 0..0x80u8 {
            for before in [0, 1, 15, 16, 17, 40] {
                let text = format!("{}{}{}", "x".repeat(before), char::from(byte), "é".repeat(20));
                assert_eq!(written(&text), serde_json::to_string(&text).expect("a string"));
            }
        }
    }

    proptest! {
        #[test]
        fn serde_json_writes_the_same(text in any::<String>(), plain in "[a-z \"\\\\\n]{0,80}") {
            for text in [text, plain] {
                prop_assert_eq!(written(&text), serde_json::to_string(&text)?);
            }
        }

        #[test]
        fn what_is_not_utf8_is_replaced_as_the_standard_library_does(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            lossy(&bytes, &mut out);
            prop_assert_eq!(String::from_utf8(out)?, serde_json::to_string(&String::from_utf8_lossy(&bytes))?);
        }
    }
}
