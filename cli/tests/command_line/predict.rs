//! `predict`: images as PNG and IDX, sound and broken.

use crate::support::Folder;
use png::{BitDepth, ColorType, Encoder};
use serde_json::Value;
use std::fs::{self, File};

const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/digits-images-idx3-ubyte");

/// A folder with a trained run of the digits.
fn trained(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.done("train digits --epochs 3 --lambda 0 --out run --quiet");
    folder
}

fn write_png(folder: &Folder, name: &str, (color, depth): (ColorType, BitDepth), data: &[u8]) {
    write_sized(folder, name, [8, 8], (color, depth), data);
}

fn write_sized(
    folder: &Folder,
    name: &str,
    [height, width]: [u32; 2],
    (color, depth): (ColorType, BitDepth),
    data: &[u8],
) {
    let mut encoder = Encoder::new(File::create(folder.path(name)).unwrap(), width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        // 0 is white and 1 is black.
        encoder.set_palette(vec![255, 255, 255, 0, 0, 0]);
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
}

/// An 8 x 8 drawing of nothing but black and white, as truth values.
fn drawing() -> [bool; 64] {
    let rows = [0x18, 0x3c, 0x66, 0x06, 0x0c, 0x30, 0x7e, 0x7e_u8];
    std::array::from_fn(|i| rows[i / 8] >> (7 - i % 8) & 1 == 1)
}

/// The drawing with so many bytes for a pixel.
fn bytes(white: &[u8], black: &[u8]) -> Vec<u8> {
    drawing().iter().flat_map(|&on| if on { white } else { black }).copied().collect()
}

fn logits(prediction: &Value) -> Vec<f64> {
    prediction["logits"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn classes_of_the_digits_are_those_that_eval_counts() {
    let folder = trained("predict");
    let labels = fs::read(IMAGES.replace("images-idx3", "labels-idx1")).unwrap();
    let json = folder.done(&format!("predict run {IMAGES} --json")).json();
    let predictions = json["predictions"].as_array().unwrap();
    assert_eq!((predictions.len(), &json["classes"]), (1797, &10.into()));
    let right = |(p, label): &(&Value, &u8)| p["class"] == **label;
    let right = predictions.iter().zip(&labels[8..]).filter(right).count();
    assert!(right > 1500, "{right} of 1797 are right");
    for (i, p) in predictions.iter().enumerate() {
        assert_eq!((&p["file"], &p["index"]), (&IMAGES.into(), &i.into()));
        let logits = logits(p);
        let class = p["class"].as_u64().unwrap() as usize;
        assert!(logits.iter().all(|&x| x <= logits[class]));
        let sum: f64 = logits.iter().map(|x| (x - logits[class]).exp()).sum();
        assert!((p["probability"].as_f64().unwrap() - 1.0 / sum).abs() < 1e-6);
        let top: Vec<f64> = p["top"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["probability"].as_f64().unwrap())
            .collect();
        assert!(top.len() == 3 && top.is_sorted_by(|a, b| a >= b) && top[0] == p["probability"]);
        assert!(p["name"].is_null());
    }
    let text = folder.done(&format!("predict run {IMAGES} --first 2")).out;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.starts_with("image ") && text.contains("idx3-ubyte 1 "), "{text}");
}

/// However a picture is kept, its pixels are the same; and they are those of IDX.
#[test]
fn every_form_of_png_gives_the_same() {
    let folder = trained("predict-png");
    let header = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8];
    let idx = |white: u8, black: u8| [&header[..], &bytes(&[white], &[black])].concat();
    fs::write(folder.path("drawing.idx"), idx(16, 0)).unwrap();
    fs::write(folder.path("dark.idx"), idx(0, 16)).unwrap();
    let bits = |set: bool| -> Vec<u8> {
        let bit = |row: &[bool]| row.iter().fold(0, |byte, &on| byte << 1 | u8::from(on == set));
        drawing().chunks(8).map(bit).collect()
    };
    let eight = BitDepth::Eight;
    let all = [
        ("grey.png", ColorType::Grayscale, eight, bytes(&[255], &[0])),
        ("grey1.png", ColorType::Grayscale, BitDepth::One, bits(true)),
        ("grey16.png", ColorType::Grayscale, BitDepth::Sixteen, bytes(&[255; 2], &[0; 2])),
        ("alpha.png", ColorType::GrayscaleAlpha, eight, bytes(&[255, 255], &[0, 255])),
        ("rgb.png", ColorType::Rgb, eight, bytes(&[255; 3], &[0; 3])),
        ("rgb16.png", ColorType::Rgb, BitDepth::Sixteen, bytes(&[255; 6], &[0; 6])),
        ("rgba.png", ColorType::Rgba, eight, bytes(&[255; 4], &[0, 0, 0, 255])),
        ("palette.png", ColorType::Indexed, BitDepth::One, bits(false)),
    ];
    let mut arguments = "predict run drawing.idx".to_owned();
    for (name, color, depth, data) in &all {
        write_png(&folder, name, (*color, *depth), data);
        arguments += &format!(" {name}");
    }
    let json = folder.done(&format!("{arguments} drawing.idx --json")).json();
    let predictions = json["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), all.len() + 2);
    for p in predictions {
        assert_eq!(p["logits"], predictions[0]["logits"], "{}", p["file"]);
    }
    // Dark on light, turned round.
    write_png(&folder, "dark.png", (ColorType::Grayscale, eight), &bytes(&[0], &[255]));
    // A batch of another size may round differently.
    let json = folder.done("predict run dark.png dark.idx --invert --json").json();
    for p in json["predictions"].as_array().unwrap() {
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-4;
        let (a, b) = (logits(p), logits(&predictions[0]));
        assert!(a.iter().zip(&b).all(close), "{}: {a:?} and {b:?}", p["file"]);
    }
    let json = folder.done("predict run dark.png --json").json();
    assert_ne!(json["predictions"][0]["logits"], predictions[0]["logits"]);
}

/// Red, green and blue come in this order, and the names of the classes with them.
#[test]
fn colours_are_the_channels_of_the_network() {
    let folder = Folder::new("predict-colours");
    let mut records = Vec::new();
    for i in 0..100 {
        // Class 0 is red, class 1 green, class 2 blue.
        records.push(i % 3);
        let plane = |c: u8| vec![if c == i % 3 { 250 } else { 5 }; 32 * 32];
        records.extend((0..3).flat_map(plane));
    }
    fs::create_dir(folder.path("data")).unwrap();
    for name in (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".into()]) {
        fs::write(folder.path("data").join(name), &records).unwrap();
    }
    folder.write(
        "net.toml",
        "[data]\nsource = \"cifar10:data\"\n[model]\nlayer = [{ kind = \"global-avg-pool\" }, \
         { kind = \"linear\", name = \"fc\", out = 10 }]\n[train]\nepochs = 5\nschedule = { kind = \
         \"constant\", eta = 0.3 }\n",
    );
    folder.done("train net.toml --out run --quiet");
    let size = [32, 32];
    let (rgb, grey) = (ColorType::Rgb, ColorType::Grayscale);
    for (name, color) in [("red", [250, 5, 5]), ("green", [5, 250, 5]), ("blue", [5, 5, 250])] {
        let data: Vec<u8> = color.repeat(32 * 32);
        write_sized(&folder, &format!("{name}.png"), size, (rgb, BitDepth::Eight), &data);
    }
    write_sized(&folder, "grey.png", size, (grey, BitDepth::Eight), &[99; 32 * 32]);
    let json = folder.done("predict run red.png green.png blue.png grey.png --json").json();
    let told = |key: &str| -> Vec<Value> {
        json["predictions"].as_array().unwrap().iter().map(|p| p[key].clone()).collect()
    };
    assert_eq!(told("class")[..3], [0, 1, 2]);
    assert_eq!(told("name")[..3], ["airplane", "automobile", "bird"]);
    let text = folder.done("predict run blue.png").out;
    assert!(text.contains("bird"), "{text}");
}

#[test]
fn images_that_do_not_fit_or_mean_harm_are_refused() {
    let folder = trained("predict-refused");
    folder.done("export run --to onnx --quiet");
    folder.done("export run --to rust --quiet");
    let (grey, rgb, eight) = (ColorType::Grayscale, ColorType::Rgb, BitDepth::Eight);
    write_png(&folder, "good.png", (grey, eight), &bytes(&[255], &[0]));
    let good = fs::read(folder.path("good.png")).unwrap();
    for (name, len) in [("header", 30), ("half", good.len() / 2), ("end", good.len() - 16)] {
        fs::write(folder.path(&format!("cut-{name}.png")), &good[..len]).unwrap();
    }
    let mut flipped = good.clone();
    flipped[good.len() - 20] ^= 0x40;
    fs::write(folder.path("flipped.png"), flipped).unwrap();
    // 2^31 - 1 pixels a side, with a right checksum: nothing of that size is there to allocate.
    let mut bomb = good.clone();
    bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let sum = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&sum.to_be_bytes());
    fs::write(folder.path("bomb.png"), bomb).unwrap();
    write_sized(&folder, "wide.png", [8, 9], (grey, eight), &[0; 72]);
    write_png(&folder, "colours.png", (rgb, eight), &bytes(&[255, 255, 254], &[0; 3]));
    write_png(&folder, "glass.png", (ColorType::Rgba, eight), &bytes(&[255; 4], &[0, 0, 0, 254]));
    folder.write("photo.jpg", "\u{7f}");
    fs::write(folder.path("photo.jpg"), [0xff, 0xd8, 0xff, 0xe0, 0, 0]).unwrap();
    folder.write("empty", "");
    folder.write("text.txt", "a picture");
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 8];
    idx.extend([7; 128]);
    fs::write(folder.path("cut.idx"), &idx[..100]).unwrap();
    fs::write(folder.path("magic.idx"), [&[0, 0, 13, 3], &idx[4..]].concat()).unwrap();
    fs::write(folder.path("huge.idx"), [&idx[..4], &[0xff; 12], &idx[16..]].concat()).unwrap();
    fs::write(folder.path("seven.idx"), [&idx[..15], &[7], &idx[16..128]].concat()).unwrap();
    fs::write(folder.path("labels.idx"), [0, 0, 8, 1, 0, 0, 0, 2, 5, 5]).unwrap();
    fs::write(folder.path("broken.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]).unwrap();
    for (image, tells) in [
        ("cut-header.png", "cut-header.png: expected a whole PNG file"),
        ("cut-half.png", "a whole PNG file"),
        ("flipped.png", "a whole PNG file"),
        ("bomb.png", "2147483647 x 2147483647 pixels"),
        ("wide.png", "expected images of 8 x 8 pixels (height x width), 1 channel, as run/model"),
        ("wide.png", "found 8 x 9 pixels"),
        ("colours.png", "expected a grey picture, found colours"),
        ("glass.png", "without transparent pixels"),
        ("photo.jpg", "found JPEG; convert it to PNG"),
        ("empty", "an empty file"),
        ("text.txt", "expected a PNG file, or an IDX file"),
        ("nowhere.png", "nowhere.png"),
        (".", "a folder"),
        ("cut.idx", "cut.idx: byte 16: expected 128 bytes of pixels"),
        ("magic.idx", "0x0d"),
        ("huge.idx", "huge.idx"),
        ("seven.idx", "found 8 x 7 pixels"),
        ("labels.idx", "3 or 4 dimensions of images"),
        ("broken.gz", "broken.gz"),
        ("run/model.safetensors", "a PNG file, or an IDX file"),
    ] {
        // A good image before it is not predicted either: all or nothing.
        let ran = folder.run(&format!("predict run good.png {image}"));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{image}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(tells), "{image}: {}", ran.err);
    }
    // All rows are there, and no more than the end of the file is missing.
    assert_eq!(folder.run("predict run cut-end.png").code, 1);
    for (model, tells) in [
        ("run/model.onnx", "name the model that it was exported from"),
        ("run/model.rs", "name the model that it was exported from"),
        ("good.png", "good.png"),
        ("nowhere", "nowhere"),
    ] {
        let ran = folder.run(&format!("predict {model} good.png"));
        assert!(ran.code == 1 && ran.err.contains(tells), "{model}: {}", ran.err);
    }
    assert_eq!(folder.run("predict run").code, 2);
    assert_eq!(folder.run("predict run good.png --first 0").code, 2);
}

/// A palette of 16 colours or fewer: a decoder may take an index behind it for black.
#[test]
fn index_outside_of_the_palette_is_refused_with_its_place() {
    let folder = trained("predict-palette");
    let write = |name: &str, depth: BitDepth, [colours, alphas]: [usize; 2], data: &[u8]| {
        let mut encoder = Encoder::new(File::create(folder.path(name)).unwrap(), 8, 8);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(depth);
        encoder.set_palette([0; 3].repeat(colours));
        if alphas > 0 {
            encoder.set_trns(vec![255; alphas]);
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
    };
    let at = |place: usize, value: u8, len: usize| -> Vec<u8> {
        (0..len).map(|i| if i == place { value } else { 0 }).collect()
    };
    for (name, depth, counts, data, tells) in [
        ("8", BitDepth::Eight, [2, 0], at(21, 2, 64), "below 2, .* found 2 at x = 5, y = 2"),
        ("4", BitDepth::Four, [3, 3], at(30, 0x0f, 32), "below 3, .* found 15 at x = 5, y = 7"),
        ("2", BitDepth::Two, [1, 0], at(1, 0x40, 16), "below 1, .* found 1 at x = 4, y = 0"),
        ("1", BitDepth::One, [1, 0], at(7, 0x01, 8), "below 1, .* found 1 at x = 7, y = 7"),
        ("alphas", BitDepth::Eight, [2, 3], at(0, 0, 64), "at most 2 values of opacity.* found 3"),
    ] {
        write(&format!("{name}.png"), depth, counts, &data);
        let ran = folder.run(&format!("predict run {name}.png"));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}: {}", ran.err);
        let mut from = 0;
        for part in tells.split(".*") {
            let at = ran.err[from..].find(part).unwrap_or_else(|| panic!("{part}: {}", ran.err));
            from += at + part.len();
        }
        assert!(ran.err.contains(&format!("{name}.png: ")), "{}", ran.err);
    }
    // Opacity for the first colours alone: the others are opaque.
    write("good.png", BitDepth::Two, [4, 2], &[0xe4; 16]);
    folder.done("predict run good.png");
}

/// The checksum of a chunk, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[test]
fn picture_that_uses_a_sixteenth_of_its_range_is_told_of() {
    let folder = trained("dim");
    let wide = |value: u16| value.to_be_bytes();
    for (name, depth, white, is_dim) in [
        ("twelve-bits", BitDepth::Sixteen, &wide(4095)[..], true),
        ("eight-bits", BitDepth::Sixteen, &wide(255), true),
        ("digits", BitDepth::Eight, &[16], true),
        ("truth", BitDepth::Eight, &[1], true),
        ("full", BitDepth::Sixteen, &wide(65535), false),
        ("half", BitDepth::Eight, &[128], false),
        ("black", BitDepth::Eight, &[0], false),
    ] {
        let data = bytes(white, &vec![0; white.len()]);
        write_png(&folder, &format!("{name}.png"), (ColorType::Grayscale, depth), &data);
        let ran = folder.done(&format!("predict run {name}.png"));
        assert_eq!(ran.err.contains("nearly black"), is_dim, "{name}: {}", ran.err);
        assert!(!is_dim || ran.err.contains(&format!("{name}.png")), "{}", ran.err);
    }
    let ran = folder.done("predict run truth.png full.png digits.png");
    assert!(ran.err.contains("truth.png") && ran.err.contains("1 more"), "{}", ran.err);
    assert_eq!(folder.done("predict run truth.png --quiet").err, "");
}

#[test]
fn picture_of_another_size_is_told_with_its_own_channels() {
    let folder = Folder::new("predict-size");
    folder.done("train digits --epochs 1 --out run --quiet");
    write_sized(&folder, "wide.png", [8, 9], (ColorType::Rgb, BitDepth::Eight), &[9; 216]);
    let ran = folder.run("predict run wide.png");
    assert!(ran.err.contains("found 8 x 9 pixels (height x width), 3 channels"), "{}", ran.err);
}
