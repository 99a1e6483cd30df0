//! The header of a safetensors file, from text and to text.
//!
//! The crate `safetensors` keeps names and texts in hash maps: its bytes change from run to run
//! where there are several texts, and of two tensors of one name it silently takes the last. So
//! the outer object is read and written here, and only what stands for one tensor is left to it.

use super::checksum::{self, Stated};
use super::error::{FileError, Place, quoted, shortened};
use super::{Checkpoint, MAX_HEADER, RETRY};
use ::safetensors::tensor::TensorInfo;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

/// The name under which texts stand.
const TEXTS: &str = "__metadata__";

/// The most tensors of a file: a training of 4,096 layers, the most that a model has, keeps 16,384
/// parameters three times in its state.
const MAX_TENSORS: usize = 1 << 17;

/// What the extents of a tensor without values may come to beside its zeros. No byte of the file stands
/// behind them.
const MAX_EMPTY: usize = 1 << 16;

/// A header, checked but for the size of the file.
#[derive(Debug)]
pub(super) struct Header {
    /// Without the checksum.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) checksum: Option<Stated>,
    /// In the order of the header.
    pub(super) tensors: Vec<(String, TensorInfo)>,
    /// How many bytes of data follow the header.
    pub(super) data_len: usize,
}

/// The header of a checkpoint, with a blank checksum.
pub(super) fn render(checkpoint: &Checkpoint) -> Result<String, FileError> {
    let mut entries = Vec::with_capacity(checkpoint.tensors.len() + 1);
    if checkpoint.texts.contains_key(checksum::NAME) {
        let expected = format!("no text named {}", checksum::NAME);
        let advice = "give the text another name: the checksum of the file has this one";
        return Err(FileError::new(Place::Whole, expected, "one", advice));
    }
    let texts = checkpoint.texts.iter().map(|(name, text)| (&**name, text));
    // The checksum comes first, where no text before it can look like it.
    let texts: Vec<_> = core::iter::once((checksum::NAME, &checksum::blank()))
        .chain(texts)
        .map(|(name, text)| format!("{}:{}", json(name), json(text)))
        .collect();
    entries.push(format!("\"{TEXTS}\":{{{}}}", texts.join(",")));
    let mut names = HashSet::from([TEXTS]);
    let mut offset = 0;
    for (name, shape, values) in &checkpoint.tensors {
        let fault = |expected: String, found: String, advice| {
            Err(FileError::new(Place::Tensor(name.clone()), expected, found, advice))
        };
        if !names.insert(name) {
            let expected = format!("one tensor of a name and none named {TEXTS}");
            return fault(expected, "another".into(), "give each tensor a name of its own");
        }
        if elements(shape) != Some(values.len()) {
            let expected = format!("as many values as {shape} holds");
            return fault(expected, values.len().to_string(), "give it the shape of its values");
        }
        let end = offset + 4 * values.len();
        let dims: Vec<_> = shape.iter().map(usize::to_string).collect();
        entries.push(format!(
            "{}:{{\"dtype\":\"F32\",\"shape\":[{}],\"data_offsets\":[{offset},{end}]}}",
            json(name),
            dims.join(",")
        ));
        offset = end;
    }
    let mut header = format!("{{{}}}", entries.join(","));
    let padding = header.len().next_multiple_of(8) - header.len();
    let _ = write!(header, "{:padding$}", "");
    if header.len() as u64 > MAX_HEADER {
        let expected = format!("names and texts of at most {MAX_HEADER} bytes in all");
        let advice = "save fewer or shorter texts";
        return Err(FileError::new(Place::Whole, expected, header.len().to_string(), advice));
    }
    Ok(header)
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}

/// The number of elements, or `None` if that overflows. Empty tensors are no way round the limit:
/// the other extents must fit as well, so that any product of them does.
fn elements(shape: &[usize]) -> Option<usize> {
    let bound = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d.max(1)))?;
    match shape.contains(&0) {
        true => (bound <= MAX_EMPTY).then_some(0),
        false => Some(bound),
    }
}

impl Header {
    /// Reads and checks a header that starts at byte `start` of its file.
    pub(super) fn parse(text: &str, start: u64) -> Result<Header, FileError> {
        let mut texts = BTreeMap::new();
        let mut checksum = None;
        let mut tensors = Vec::new();
        for Member { name, value, at } in Members::of(text, start)? {
            if name == TEXTS {
                for Member { name, value, at } in Members::of(value, at)? {
                    let text = serde_json::from_str(value);
                    let what = || format!("the text of {}", quoted(&name));
                    let text: String = text.map_err(|e| unparsable(&e, what(), (value, at)))?;
                    match Stated::of((&name, &text), (value, at))? {
                        None => _ = texts.insert(name, text),
                        stated => checksum = stated,
                    }
                }
            } else {
                let info = serde_json::from_str(value);
                let what = || format!("dtype, shape and data_offsets of tensor {}", quoted(&name));
                let info = info.map_err(|e| unparsable(&e, what(), (value, at)))?;
                tensors.push((name, info));
            }
        }
        let data_len = layout(&tensors)?;
        Ok(Header { texts, checksum, tensors, data_len })
    }
}

/// Checks that the tensors fill the data without gap or overlap; the length of the data.
fn layout(tensors: &[(String, TensorInfo)]) -> Result<usize, FileError> {
    for (name, TensorInfo { dtype, shape, data_offsets: (start, end) }) in tensors {
        let dims = shortened(&format!("{shape:?}"), 80);
        let bits = elements(shape).and_then(|n| n.checked_mul(dtype.bitsize()));
        let expected = match bits {
            Some(bits) if bits % 8 == 0 && end.checked_sub(*start) == Some(bits / 8) => continue,
            Some(bits) => format!("{} bytes for {dtype} of {dims}", bits.div_ceil(8)),
            None if shape.contains(&0) => {
                format!("extents of at most {MAX_EMPTY} together beside a 0")
            }
            None => "a shape that fits in memory".to_owned(),
        };
        let offsets = format!("data_offsets of {start} to {end}");
        let found = if bits.is_some() { offsets } else { dims };
        return Err(FileError::new(Place::Tensor(name.clone()), expected, found, RETRY));
    }
    let mut order: Vec<_> = tensors.iter().map(|(name, info)| (info.data_offsets, name)).collect();
    order.sort();
    let (mut data_len, mut before) = (0, None::<&String>);
    for ((start, end), name) in order {
        if start != data_len {
            let after = before.map_or("the header".to_owned(), |name| quoted(name));
            let expected = format!("data from offset {data_len} on, right after {after}");
            let what = if start < data_len { "an overlap" } else { "a gap" };
            let found = format!("{what}: data_offsets of {start} to {end}");
            return Err(FileError::new(Place::Tensor(name.clone()), expected, found, RETRY));
        }
        (data_len, before) = (end, Some(name));
    }
    Ok(data_len)
}

fn unparsable(error: &serde_json::Error, what: String, (json, at): (&str, u64)) -> FileError {
    let lines = json.split_inclusive('\n').take(error.line().saturating_sub(1));
    let place = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let found = format!("what does not fit ({})", shortened(message, 160));
    FileError::new(Place::Byte(at + place as u64), what, found, RETRY)
}

/// One member of a JSON object.
struct Member<'a> {
    name: String,
    /// The text of the value, not yet parsed.
    value: &'a str,
    /// Where the value starts in the file.
    at: u64,
}

/// A walk over the members of a JSON object.
struct Members<'a> {
    text: &'a str,
    /// The next byte of the text.
    next: usize,
    /// Where the text starts in the file.
    start: u64,
}

impl<'a> Members<'a> {
    /// All members, in their order; values are only delimited, as their readers parse them.
    fn of(text: &'a str, start: u64) -> Result<Vec<Member<'a>>, FileError> {
        let mut walk = Members { text, next: 0, start };
        let mut members = Vec::new();
        let mut names = HashSet::new();
        walk.token(b"{")?;
        if walk.peek() == Some(b'}') {
            walk.token(b"}")?;
        } else {
            while walk.member(&mut members, &mut names)? == b',' {
                if members.len() > MAX_TENSORS {
                    let expected = format!("at most {MAX_TENSORS} tensors, and as many texts");
                    let advice = "save it in several files";
                    return Err(FileError::new(Place::Whole, expected, "more", advice));
                }
            }
        }
        match walk.peek() {
            None => Ok(members),
            Some(_) => Err(walk.fault("the end of the header")),
        }
    }

    /// Reads a member and what follows it: a comma or the closing brace.
    fn member(
        &mut self,
        members: &mut Vec<Member<'a>>,
        names: &mut HashSet<String>,
    ) -> Result<u8, FileError> {
        self.peek();
        let at = self.start + self.next as u64;
        let name = self.string()?;
        let decoded: Result<String, _> = serde_json::from_str(name);
        let name = decoded.map_err(|e| unparsable(&e, "a name".into(), (name, at)))?;
        if !names.insert(name.clone()) {
            let found = format!("{} again", quoted(&name));
            let advice = "save the file again with a name for each tensor";
            return Err(FileError::new(Place::Byte(at), "each name once", found, advice));
        }
        self.token(b":")?;
        self.peek();
        let at = self.start + self.next as u64;
        let value = self.value()?;
        members.push(Member { name, value, at });
        self.token(b",}")
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.next..];
        let space = rest.iter().take_while(|b| b" \t\r\n".contains(b)).count();
        self.next += space;
        rest.get(space).copied()
    }

    /// Takes one of some bytes.
    fn token(&mut self, wanted: &[u8]) -> Result<u8, FileError> {
        match self.peek() {
            Some(byte) if wanted.contains(&byte) => {
                self.next += 1;
                Ok(byte)
            }
            _ => {
                let wanted: Vec<_> = wanted.iter().map(|&b| format!("'{}'", b as char)).collect();
                Err(self.fault(&format!("{} of a JSON object", wanted.join(" or "))))
            }
        }
    }

    /// Takes a string, quotes included. All cuts are at quotes, so they fall between characters.
    fn string(&mut self) -> Result<&'a str, FileError> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("a name in quotes"));
        }
        let first = self.next;
        let bytes = self.text.as_bytes();
        self.next += 1;
        loop {
            match bytes.get(self.next) {
                Some(b'"') => break,
                Some(b'\\') => self.next = (self.next + 2).min(bytes.len()),
                Some(_) => self.next += 1,
                None => return Err(self.fault("a closing quote")),
            }
        }
        self.next += 1;
        Ok(&self.text[first..self.next])
    }

    /// Takes a value: a string, something in brackets, or all up to the next comma or bracket.
    fn value(&mut self) -> Result<&'a str, FileError> {
        let first = self.next;
        let mut depth = 0_usize;
        loop {
            match self.text.as_bytes().get(self.next) {
                None => return Err(self.fault("more of a JSON object")),
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.next += 1;
                }
                Some(b'}' | b']' | b',') if depth == 0 => break,
                Some(b'}' | b']') => {
                    depth -= 1;
                    self.next += 1;
                }
                Some(_) => self.next += 1,
            }
        }
        Ok(&self.text[first..self.next])
    }

    fn fault(&self, expected: &str) -> FileError {
        let found = match self.text[self.next..].chars().next() {
            Some(c) => format!("{c:?}"),
            None => "its end".to_owned(),
        };
        FileError::new(Place::Byte(self.start + self.next as u64), expected, found, RETRY)
    }
}
