//! The weights that a training starts from.

use crate::compare::SMALL;
use crate::support::Folder;
use proxtape::checkpoint;
use std::fs;

/// Two models of one shape, the first of which is start.safetensors.
fn weights(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("small.toml", SMALL);
    for seed in [1, 2] {
        folder.done(&format!("train small.toml --epochs 1 --seed {seed} --out w{seed} --quiet"));
    }
    put(&folder, 1);
    folder
}

fn put(folder: &Folder, seed: u32) {
    let model = folder.path(&format!("w{seed}/model.safetensors"));
    fs::copy(model, folder.path("start.safetensors")).unwrap();
}

/// As a program wrote it that kept no hash.
fn strip(folder: &Folder, file: &str) {
    let text = fs::read_to_string(folder.path(file)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("weights_hash"));
    let stripped: String = lines.map(|line| format!("{line}\n")).collect();
    assert!(stripped.len() < text.len(), "{text}");
    folder.write(file, &stripped);
}

const COMPARE: &str = "compare small.toml --weights start.safetensors --families none,l1 --lambdas \
                       1e-3 --seeds 1 --epochs 1 --threads 1 --quiet --out cmp";

#[test]
fn comparison_refuses_start_weights_that_have_changed() {
    let folder = weights("weights-compare");
    assert_eq!(folder.run(&format!("{COMPARE} --stop-after 13")).code, 130);
    put(&folder, 2);
    for command in ["compare --resume cmp --quiet", COMPARE] {
        let ran = folder.run(command);
        assert_eq!(ran.code, 1, "{command}: {}", ran.err);
    }
    let ran = folder.run("compare --resume cmp --quiet");
    for part in ["start.safetensors: expected the weights", "hash ", "put the old file back"] {
        assert!(ran.err.contains(part), "{part} should be in {}", ran.err);
    }
    put(&folder, 1);
    folder.done("compare --resume cmp --quiet");
    folder.done(COMPARE);
}

#[test]
fn run_that_was_never_saved_refuses_start_weights_that_have_changed() {
    let folder = weights("weights-train");
    let train = "train small.toml --weights start.safetensors --stop-after 1 --quiet --out run";
    assert_eq!(folder.run(train).code, 130);
    // As a process leaves it that is killed before it saves.
    for file in ["state.safetensors", "model.safetensors"] {
        fs::remove_file(folder.path(&format!("run/{file}"))).unwrap();
    }
    put(&folder, 2);
    let ran = folder.run("train --resume run --quiet");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("start.safetensors: expected the weights"), "{}", ran.err);
    put(&folder, 1);
    folder.done("train --resume run --quiet");
    // A recipe tells which weights it means; a flag means others.
    put(&folder, 2);
    let ran = folder.run("train run/recipe.toml --out again --quiet");
    assert!(ran.code == 1 && ran.err.contains("expected the weights"), "{}", ran.err);
    folder.done("train run/recipe.toml --weights start.safetensors --out again --quiet");
}

#[test]
fn folders_without_a_hash_of_their_start_weights_go_on() {
    let folder = weights("weights-old");
    assert_eq!(folder.run(&format!("{COMPARE} --stop-after 13")).code, 130);
    strip(&folder, "cmp/recipe.toml");
    for cell in fs::read_dir(folder.path("cmp/cells")).unwrap() {
        let name = cell.unwrap().file_name().into_string().unwrap();
        strip(&folder, &format!("cmp/cells/{name}/recipe.toml"));
    }
    folder.done("compare --resume cmp --quiet");
    folder.done(COMPARE);

    let train = "train small.toml --weights start.safetensors --stop-after 1 --quiet --out run";
    assert_eq!(folder.run(train).code, 130);
    strip(&folder, "run/recipe.toml");
    for file in ["state.safetensors", "model.safetensors"] {
        fs::remove_file(folder.path(&format!("run/{file}"))).unwrap();
    }
    let ran = folder.done("train --resume run");
    assert!(ran.err.contains("keeps no hash of its weights"), "{}", ran.err);
}

#[test]
fn weights_too_small_for_a_normal_number_are_told() {
    let folder = weights("weights-tiny");
    let whole = folder.checkpoint("start.safetensors");
    let name = whole.tensors[0].0.clone();
    let told = format!("tensor \"{name}\": 3 of its values are too small for a normal f32");
    let mut tiny = whole.clone();
    tiny.tensors[0].2[4..7].fill(-1e-40);
    checkpoint::write(&folder.path("start.safetensors"), &tiny).unwrap();
    let train = "train small.toml --weights start.safetensors --epochs 1";
    let ran = folder.done(&format!("{train} --out tiny"));
    assert!(ran.err.contains(&told), "{}", ran.err);
    assert!(
        !folder
            .done("train small.toml --weights w2/model.safetensors --epochs 1")
            .err
            .contains("normal")
    );

    fs::copy(folder.path("start.safetensors"), folder.path("w1/model.safetensors")).unwrap();
    for command in ["eval w1", "compact w1", "inspect w1", "export w1 --to onnx", "report w1"] {
        let ran = folder.done(command);
        assert!(ran.err.contains(&told), "{command}: {}", ran.err);
    }
    assert_eq!(folder.done("eval w2").err, "");
    let ran = folder.done(&COMPARE.replace("--quiet", "--budget 0s"));
    assert_eq!(ran.err.matches(&told).count(), 1, "{}", ran.err);

    // As F64, of which an f32 keeps nothing.
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (name, shape, values) in &whole.tensors {
        let start = data.len();
        values.iter().for_each(|_| data.extend(1e-310_f64.to_le_bytes()));
        let told = serde_json::json!({
            "dtype": "F64", "shape": shape.dims(), "data_offsets": [start, data.len()],
        });
        header.insert(name.clone(), told);
    }
    let header = serde_json::Value::from(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    fs::write(folder.path("start.safetensors"), file).unwrap();
    let ran = folder.done(&format!("{train} --out double"));
    for (name, _, values) in &whole.tensors {
        let told = format!("tensor \"{name}\": {} of its values", values.len());
        assert!(ran.err.contains(&told), "{told} should be in {}", ran.err);
    }
}
