//! Checkpoints as files: round trips, files that are broken in every way, and PyTorch's names.
#![cfg(feature = "safetensors")]

use proxtape::checkpoint::{self, Checkpoint, FileError, Place};
use proxtape::{Kind, Params, Shape};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

#[path = "checkpoint/checksum.rs"]
mod checksum;
#[path = "checkpoint/python.rs"]
mod python;
#[path = "checkpoint/state_dict.rs"]
mod state_dict;

/// A folder of one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let name = format!("checkpoint-{test}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads these bytes as a file.
    fn read(&self, bytes: &[u8]) -> Result<Checkpoint, FileError> {
        let path = self.path("bytes");
        fs::write(&path, bytes).unwrap();
        checkpoint::read(&path)
    }

    /// The error of these bytes.
    fn fault(&self, bytes: &[u8]) -> FileError {
        let error = self.read(bytes).expect_err("a broken file must not load");
        assert_eq!(error.file(), Some(&*self.path("bytes")));
        assert!(error.to_string().starts_with(&self.path("bytes").display().to_string()));
        assert!(!error.advice().is_empty());
        error
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file with this header and so many zeros of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// What f32 and JSON have of awkward values.
fn awkward() -> Checkpoint {
    let specials =
        [0x7fc0_0000, 0x7f80_0001, 0xffff_ffff, 0x8000_0000, 1, 0x807f_ffff, 0x7f7f_ffff];
    let specials = specials.map(f32::from_bits);
    let mut c = Checkpoint::default();
    c.put("z.weight", [7], &specials);
    c.put("scalar", [], &[f32::NEG_INFINITY]);
    c.put("empty", [0], &[]);
    c.put("empty too", [3, 0, 2], &[]);
    c.put("a \"quoted\"\\\n\u{1}\u{1f980} name", [1, 2, 1, 1, 1, 2], &[0.1, 0.2, 0.3, 0.4]);
    c.put("", [1], &[1.0]);
    let many: Vec<f32> = (0..40_000).map(|i| i as f32).collect();
    c.put("many", [200, 200], &many);
    for i in 0..20 {
        c.note(&format!("text {i}"), i);
    }
    c.note("quotes \"\\ \u{7f}\u{2028}", "\"\r\n\t\0 \u{1f980}");
    c.note("", "");
    c
}

fn small() -> Checkpoint {
    let mut c = Checkpoint::default();
    c.put("fc.weight", [1, 2], &[1.5, -2.0]);
    c.put("fc.bias", [1], &[0.25]);
    c.note("epoch", 3);
    c.note("seed", 7);
    c
}

type Bits = Vec<(String, Shape, Vec<u32>)>;

/// Values as bits, since NaN is unlike itself.
fn bits(c: &Checkpoint) -> Bits {
    let tensors = c.tensors.iter();
    tensors.map(|(n, s, x)| (n.clone(), *s, x.iter().map(|x| x.to_bits()).collect())).collect()
}

#[test]
fn round_trip_keeps_every_bit_and_the_order() {
    let folder = Folder::new("round");
    let path = folder.path("model.safetensors");
    for saved in [awkward(), small(), Checkpoint::default()] {
        checkpoint::write(&path, &saved).unwrap();
        let loaded = checkpoint::read(&path).unwrap();
        assert_eq!(bits(&loaded), bits(&saved));
        assert_eq!(loaded.texts, saved.texts);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "a temporary file was left");
}

#[test]
fn bytes_are_those_of_the_format() {
    let folder = Folder::new("bytes");
    let path = folder.path("model");
    checkpoint::write(&path, &small()).unwrap();
    let header = |digits: &str| {
        let header = format!(
            r#"{{"__metadata__":{{"proxtape.checksum":"file:xxh3-128:{digits}","epoch":"3","seed":"7"}},"fc.weight":{{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}},"fc.bias":{{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}}}"#
        );
        let mut bytes = file(&format!("{header:0$}", header.len().next_multiple_of(8)), 0);
        for x in [1.5_f32, -2.0, 0.25] {
            bytes.extend(x.to_le_bytes());
        }
        bytes
    };
    let sum = xxhash_rust::xxh3::xxh3_128(&header(&"0".repeat(32)));
    assert_eq!(fs::read(&path).unwrap(), header(&format!("{sum:032x}")));
}

#[test]
fn reference_crate_reads_what_is_written() {
    let folder = Folder::new("crate");
    let path = folder.path("model");
    let saved = awkward();
    checkpoint::write(&path, &saved).unwrap();
    let bytes = fs::read(&path).unwrap();
    let loaded = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(loaded.len(), saved.tensors.len());
    for (name, shape, values) in &saved.tensors {
        let tensor = loaded.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (safetensors::Dtype::F32, &shape[..]));
        let want: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(tensor.data(), want);
    }
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let mut texts = header.metadata().clone().unwrap();
    texts.remove("proxtape.checksum").unwrap();
    assert_eq!(texts.into_iter().collect::<std::collections::BTreeMap<_, _>>(), saved.texts);
}

#[test]
fn failed_write_keeps_the_old_file() {
    let folder = Folder::new("atomic");
    let path = folder.path("model");
    checkpoint::write(&path, &small()).unwrap();

    // The rename fails: a folder has the name.
    let target = folder.path("folder");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("inside"), "x").unwrap();
    checkpoint::write(&target, &small()).unwrap_err();
    assert_eq!(fs::read(target.join("inside")).unwrap(), b"x");
    checkpoint::write(&folder.path("no folder/model"), &small()).unwrap_err();
    assert_eq!(checkpoint::read(&path).unwrap(), small());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "a temporary file was left");
}

#[test]
fn unfit_checkpoint_is_not_written() {
    let folder = Folder::new("unfit");
    let path = folder.path("model");
    fs::write(&path, "old").unwrap();
    let mut twice = small();
    twice.put("fc.bias", [1], &[0.0]);
    let mut reserved = small();
    reserved.put("__metadata__", [1], &[0.0]);
    let mut short = small();
    short.put("short", [3], &[0.0]);
    let mut huge = small();
    huge.put("huge", [usize::MAX, 2], &[]);
    for (c, name) in
        [(twice, "fc.bias"), (reserved, "__metadata__"), (short, "short"), (huge, "huge")]
    {
        let error = checkpoint::write(&path, &c).unwrap_err();
        assert_eq!(error.place(), Place::Tensor(name.to_owned()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let folder = Folder::new("truncation");
    let path = folder.path("model");
    checkpoint::write(&path, &small()).unwrap();
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        folder.fault(&whole[..len]);
    }
    let mut longer = whole;
    longer.push(0);
    let error = folder.fault(&longer);
    assert_eq!((error.expected(), error.found()), ("12 bytes of tensors behind the header", "13"));
}

#[test]
fn changed_byte_never_panics_and_is_judged_as_by_the_reference() {
    let folder = Folder::new("corruption");
    let path = folder.path("model");
    // Without a checksum, which would find every change before the header is judged.
    let header = r#"{"__metadata__":{"epoch":"3","seed":"7"},"fc.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"fc.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}  "#;
    let mut whole = file(header, 0);
    whole.extend([1.5_f32, -2.0, 0.25].iter().flat_map(|x| x.to_le_bytes()));
    fs::write(&path, &whole).unwrap();
    let data = whole.len() - 12;
    // Changed in place: to write thousands of files anew takes the disk many seconds.
    let mut changed = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let mut set = |at: usize, byte: u8| {
        changed.seek(SeekFrom::Start(at as u64)).unwrap();
        changed.write_all(&[byte]).unwrap();
    };
    for (at, &before) in whole.iter().enumerate() {
        let flips = (0..8).map(|bit| before ^ (1 << bit));
        for byte in flips.chain([0, 0xff, b'"', b'\\', b'{', b'}', b',', b' ']) {
            set(at, byte);
            let loaded = checkpoint::read(&path);
            let mut bytes = whole.clone();
            bytes[at] = byte;
            let reference = safetensors::SafeTensors::deserialize(&bytes);
            assert_eq!(loaded.is_ok(), reference.is_ok(), "byte {at} is {byte}: {loaded:?}");
            assert!(loaded.is_ok() || at < data, "byte {at} of the data is {byte}");
            assert!(loaded.is_err() || at >= 8 || byte == before, "byte {at} is {byte}");
        }
        set(at, before);
    }
    assert_eq!(checkpoint::read(&path).unwrap(), small());
}

#[test]
fn random_bytes_never_panic() {
    let folder = Folder::new("random");
    let mut state = 1_u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for round in (0..500).step_by(5) {
        let bytes: Vec<u8> = (0..round).map(|_| random()).collect();
        folder.fault(&bytes);
        // The same behind an honest length, and from the alphabet of headers.
        let alphabet = b"{}[]\":, \\0a_";
        let header: Vec<u8> =
            bytes.iter().map(|b| alphabet[*b as usize % alphabet.len()]).collect();
        let header = String::from_utf8(header).unwrap();
        if folder.read(&file(&header, 0)).is_ok() {
            assert_eq!(header.replace(' ', ""), "{}");
        }
        let _ = folder.read(&file(&format!("{{\"a\":{header}"), 0));
    }
}

#[test]
fn claims_are_checked_before_memory_is_asked_for() {
    let folder = Folder::new("claims");
    for claim in [1 << 60, u64::MAX, u64::MAX - 7, 9] {
        let mut bytes = u64::to_le_bytes(claim).to_vec();
        bytes.extend(b"{}      ");
        let error = folder.fault(&bytes);
        assert_eq!(error.place(), Place::Byte(0));
        assert_eq!(error.found(), format!("a length of {claim}"));
    }
    let huge = r#"{"a":{"dtype":"F32","shape":[288230376151711744],"data_offsets":[0,1152921504606846976]}}"#;
    let error = folder.fault(&file(huge, 4));
    assert_eq!(error.expected(), "1152921504606846976 bytes of tensors behind the header");
}

#[test]
fn broken_headers_tell_what_and_where() {
    let folder = Folder::new("headers");
    let tensor = |name: &str, shape: &str, [start, end]: [u64; 2]| {
        format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let of = |a: [u64; 2], b: [u64; 2]| {
        format!("{{{},{}}}", tensor("a", "[1]", a), tensor("b", "[1]", b))
    };
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let closed = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    #[rustfmt::skip]
    let cases: Vec<(String, usize, &str)> = vec![
        (String::new(), 0, "byte 8: expected '{' of a JSON object, found its end"),
        ("null".into(), 0, "byte 8: expected '{' of a JSON object, found 'n'"),
        ("{} x".into(), 0, "byte 11: expected the end of the header, found 'x'"),
        ("{\"a\"}".into(), 0, "byte 12: expected ':' of a JSON object, found '}'"),
        ("{,}".into(), 0, "byte 9: expected a name in quotes, found ','"),
        ("{\"a".into(), 0, "byte 11: expected a closing quote, found its end"),
        ("{\"a\\".into(), 0, "byte 12: expected a closing quote"),
        ("{\"\\ud800\":{}}".into(), 0, "expected a name, found what does not fit"),
        ("{\"a\":{}}".into(), 0, "shape and data_offsets of tensor \"a\", found what does not fit (missing field"),
        ("{\"a\":3}".into(), 0, "tensor \"a\", found what does not fit (invalid type"),
        (deep, 0, "expected more of a JSON object, found its end"),
        (closed, 0, "found what does not fit"),
        (r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#.into(), 4, "byte 38: expected dtype"),
        (r#"{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}"#.into(), 4, "unknown variant `F7`"),
        (r#"{"__metadata__":{"a":1}}"#.into(), 0, "expected the text of \"a\""),
        (r#"{"__metadata__":{"a":"1","a":"2"}}"#.into(), 0, "byte 33: expected each name once, found \"a\" again"),
        (r#"{"__metadata__":{},"__metadata__":{}}"#.into(), 0, "expected each name once"),
        (of([0, 4], [4, 8]).replace("\"b\"", "\"\\u0061\""), 8, "expected each name once, found \"a\" again"),
        (of([0, 4], [4, 8]).replace("\"b\"", "\"a\""), 8, "expected each name once, found \"a\" again"),
        (of([0, 4], [2, 6]), 6, "tensor \"b\": expected data from offset 4 on, right after \"a\", found an overlap"),
        (of([0, 4], [0, 4]), 4, "found an overlap: data_offsets of 0 to 4"),
        (of([0, 4], [8, 12]), 12, "tensor \"b\": expected data from offset 4 on, right after \"a\", found a gap"),
        (of([4, 8], [8, 12]), 12, "tensor \"a\": expected data from offset 0 on, right after the header"),
        (of([0, 4], [4, 9]), 9, "tensor \"b\": expected 4 bytes for F32 of [1], found data_offsets of 4 to 9"),
        (of([0, 4], [8, 4]), 4, "found data_offsets of 8 to 4"),
        (of([0, 4], [4, 8]), 7, "expected 8 bytes of tensors behind the header, found 7"),
        (format!("{{{}}}", tensor("a", "[1,1,1,1,1,1,1]", [0, 4])), 4, "tensor \"a\": expected at most 6 axes, found 7"),
        (format!("{{{}}}", tensor("a", "[4294967296,4294967296]", [0, 0])), 0, "expected a shape that fits in memory"),
        (format!("{{{}}}", tensor("a", "[0,4294967296,4294967296]", [0, 0])), 0, "expected extents of at most 65536 together beside a 0"),
        (r#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#.into(), 1, "expected F32, F64, F16 or BF16, found F8_E4M3"),
    ];
    for (header, data, want) in cases {
        let error = folder.fault(&file(&header, data)).to_string();
        assert!(error.contains(want), "wanted {want}\ngot {error}");
        assert!(error.len() < 600 + folder.0.as_os_str().len(), "{} bytes", error.len());
    }
    let mut latin = file("{\"a\":1}", 0);
    latin[10] = 0xe4;
    assert!(
        folder.fault(&latin).to_string().contains("byte 10: expected UTF-8, found the byte 0xe4")
    );
    assert!(checkpoint::read(&folder.0).unwrap_err().to_string().contains("found a folder"));
    assert!(folder.fault(b"PK\x03\x04 a file of torch.save").advice().contains("torch.save"));
}

#[test]
fn other_types_become_f32_and_integers_are_passed_over() {
    let folder = Folder::new("types");
    let header = r#" { "__metadata__" : { "format" : "pt" } , "d" : {"data_offsets":[0,16],"shape":[2],"dtype":"F64"},
        "n.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[16,24]},
        "h":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},
        "b":{"dtype":"BF16","shape":[2],"data_offsets":[28,32]} } "#;
    let mut bytes = file(header, 0);
    bytes.extend(0.1_f64.to_le_bytes());
    bytes.extend(1e300_f64.to_le_bytes());
    bytes.extend(41_i64.to_le_bytes());
    bytes.extend([0x3c01_u16, 0x8001, 0x3f81, 0x8001].iter().flat_map(|x| x.to_le_bytes()));
    let c = folder.read(&bytes).unwrap();
    let want: [(&str, [f32; 2]); 3] = [
        ("d", [0.1, f32::INFINITY]),
        ("h", [1.0 + 1.0 / 1024.0, -(-24_f32).exp2()]),
        ("b", [1.0 + 1.0 / 128.0, -f32::from_bits(0x0001_0000)]),
    ];
    let got: Vec<_> = c.tensors.iter().map(|(n, s, x)| (n.as_str(), s.dims(), &x[..])).collect();
    let want: Vec<_> = want.iter().map(|(n, x)| (*n, &[2][..], &x[..])).collect();
    assert_eq!(got, want);
    assert_eq!(c.texts["format"], "pt");
}

/// No byte of a file stands behind the other extents of a tensor without values, or behind many of
/// these: what goes over them would take hours.
#[test]
fn integers_under_a_wanted_name_are_told_by_their_type() {
    let header = r#"{"w":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},
        "b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#;
    let found = checkpoint::parse(&file(header, 16)).unwrap();
    let mut params = Params::new();
    params.add("w", Kind::Weight, [2]);
    let told = [
        found.get("w").unwrap_err().to_string(),
        found.get_params("", &mut params).unwrap_err().to_string(),
    ];
    for told in told {
        assert_eq!(told, "tensor \"w\": expected F32, F64, F16 or BF16, found I32");
    }
    assert_eq!(found.get("v").unwrap_err().to_string(), "there is no tensor \"v\"");
}

#[test]
fn claims_without_values_have_limits() {
    let folder = Folder::new("claims");
    let empty = |shape: &str| {
        file(
            &format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,0]}}}}"),
            0,
        )
    };
    for shape in ["[0]", "[0,5]", "[65536,0]", "[256,0,256]", "[0,0]"] {
        assert!(folder.read(&empty(shape)).is_ok(), "{shape}");
    }
    for shape in ["[1099511627776,0]", "[0,65537]", "[65536,0,2]", "[0,18446744073709551615]"] {
        let error = folder.fault(&empty(shape)).to_string();
        assert!(error.contains("tensor \"a\"") && error.contains("at most 65536"), "{error}");
    }
    let many = |n: usize| {
        let one = |i| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        file(&format!("{{{}}}", (0..n).map(one).collect::<Vec<_>>().join(",")), 0)
    };
    assert_eq!(folder.read(&many(100_000)).unwrap().tensors.len(), 100_000);
    assert!(folder.fault(&many(200_000)).to_string().contains("at most 131072 tensors"));
    for open in ["{\"a\":", "[", "{\"a\":["] {
        folder.fault(&file(&format!("{{\"a\":{}", open.repeat(200_000)), 0));
        folder.fault(&file(&format!("{{\"__metadata__\":{}", open.repeat(200_000)), 0));
    }
}
