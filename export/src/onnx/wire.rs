//! Protocol Buffers on the wire: fields of a number and a value, no more than ONNX needs.
//!
//! ```text
//! field  = key value         key = 8 number + type, a varint
//! type 0 = varint: 7 bits a byte, the lowest first, the top bit says that more follow
//! type 2 = length (varint) and so many bytes: a text, a message, or raw values
//! type 5 = 4 bytes;  type 1 = 8 bytes
//! ```

/// A message that is written.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn new() -> Message {
        Message::default()
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    /// A number; a negative one takes ten bytes.
    pub(super) fn int(mut self, field: u64, n: i64) -> Message {
        self.varint(field << 3);
        self.varint(n as u64);
        self
    }

    pub(super) fn float(mut self, field: u64, x: f32) -> Message {
        self.varint(field << 3 | 5);
        self.0.extend(x.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u64, bytes: impl AsRef<[u8]>) -> Message {
        let bytes = bytes.as_ref();
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(super) fn message(self, field: u64, message: Message) -> Message {
        self.bytes(field, message.0)
    }

    /// One field for each message.
    pub(super) fn messages(
        self,
        field: u64,
        messages: impl IntoIterator<Item = Message>,
    ) -> Message {
        messages.into_iter().fold(self, |all, message| all.message(field, message))
    }
}

/// A value that is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Int(i64),
    Float(f32),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn int(self) -> Option<i64> {
        if let Value::Int(n) = self { Some(n) } else { None }
    }

    pub(super) fn float(self) -> Option<f32> {
        if let Value::Float(x) = self { Some(x) } else { None }
    }

    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Whole numbers, one or packed.
    pub(super) fn ints(self) -> Option<Vec<i64>> {
        match self {
            Value::Int(n) => Some(vec![n]),
            Value::Bytes(mut bytes) => {
                let mut ints = Vec::new();
                while !bytes.is_empty() {
                    ints.push(varint(&mut bytes)? as i64);
                }
                Some(ints)
            }
            Value::Float(_) => None,
        }
    }
}

/// The fields of a message, in order; `None` where the bytes are none.
pub(super) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Int(varint(&mut bytes)? as i64),
            1 => {
                // No field of 8 bytes is wanted here.
                bytes = bytes.get(8..)?;
                continue;
            }
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(len)?;
                bytes = rest;
                Value::Bytes(value)
            }
            5 => {
                let (value, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                Value::Float(f32::from_le_bytes(*value))
            }
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 150 and "testing" are the examples of the format's own documentation.
    #[test]
    fn fields_are_written_as_documented_and_read_back() {
        let bytes = Message::new().int(1, 150).bytes(2, "testing").float(3, -0.1).int(4, -1);
        let bytes = bytes.finish();
        let wants = b"\x08\x96\x01\x12\x07testing\x1d\xcd\xcc\xcc\xbd\x20";
        assert_eq!(&bytes[..wants.len()], wants);
        let wants = [
            (1, Value::Int(150)),
            (2, Value::Bytes(b"testing")),
            (3, Value::Float(-0.1)),
            (4, Value::Int(-1)),
        ];
        assert_eq!(fields(&bytes).unwrap(), wants);
        for cut in [1, 4, 9, 13, bytes.len() - 1] {
            assert_eq!(fields(&bytes[..cut]), None, "{cut} bytes");
        }
        assert_eq!(fields(&[0xff; 12]), None);
    }
}
