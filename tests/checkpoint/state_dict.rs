//! PyTorch's names: what loads into a model, and what an unfit file is told.

use super::{Folder, file};
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::{Kind, Params, Shape};
use std::fs;

/// fc.weight: [2, 3], fc.bias: [2], bn.running_mean: [2]; all -1.
pub(crate) fn model() -> Params {
    let mut params = Params::new();
    params.add("fc.weight", Kind::Weight, [2, 3]);
    params.add("fc.bias", Kind::Bias, [2]);
    params.add("bn.running_mean", Kind::Running, [2]);
    params.ids().for_each(|id| params.value_mut(id).fill(-1.0));
    params
}

/// A state_dict of `model` with names after a prefix.
fn state_dict(prefix: &str) -> Checkpoint {
    let mut c = Checkpoint::default();
    c.put(&format!("{prefix}bn.running_mean"), [2], &[9.0, 10.0]);
    c.put(&format!("{prefix}fc.bias"), [2], &[7.0, 8.0]);
    c.put(&format!("{prefix}fc.weight"), [2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    c
}

pub(crate) fn values(params: &Params) -> Vec<f32> {
    params.ids().flat_map(|id| params.value(id)).copied().collect()
}

#[test]
fn state_dict_loads_with_or_without_wrappers() {
    let folder = Folder::new("state-dict");
    let path = folder.path("model");
    for prefix in ["", "module.", "model.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]
    {
        let mut c = state_dict(prefix);
        c.put(&format!("{prefix}bn.num_batches_tracked"), [], &[3.0]);
        checkpoint::write(&path, &c).unwrap();
        let mut params = model();
        let loaded = checkpoint::load_state_dict(&path, &mut params).unwrap();
        assert_eq!((loaded.tensors, loaded.ignored, &*loaded.prefix), (3, 1, prefix));
        assert_eq!(values(&params), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
    }
}

#[test]
fn wrapper_that_is_the_models_own_name_stays() {
    let folder = Folder::new("own-name");
    let path = folder.path("model");
    let mut params = Params::new();
    let w = params.add("model.w", Kind::Weight, [1]);
    for (prefix, want) in [("", ""), ("module.", "module.")] {
        let mut c = Checkpoint::default();
        c.put(&format!("{prefix}model.w"), [1], &[5.0]);
        checkpoint::write(&path, &c).unwrap();
        params.value_mut(w).fill(0.0);
        assert_eq!(checkpoint::load_state_dict(&path, &mut params).unwrap().prefix, want);
        assert_eq!(params.value(w), [5.0]);
    }
}

#[test]
fn unfit_state_dict_changes_nothing_and_lists_what_differs() {
    let folder = Folder::new("unfit-state-dict");
    let path = folder.path("model");
    let error = |c: &Checkpoint| {
        checkpoint::write(&path, c).unwrap();
        let mut params = model();
        let error = checkpoint::load_state_dict(&path, &mut params).unwrap_err();
        assert_eq!(values(&params), [-1.0; 10], "{error}");
        assert_eq!(error.file(), Some(&*path));
        error
    };
    let mut c = state_dict("");
    c.tensors.remove(1);
    c.tensors[1].1 = Shape::from([3, 2]);
    ["x", "y", "z", "u", "v"].iter().for_each(|name| c.put(name, [1], &[0.0]));
    let e = error(&c);
    assert_eq!(e.expected(), "the 3 tensors of the model");
    assert_eq!(
        e.found(),
        r#"1 missing ("fc.bias"), 5 unexpected ("x", "y", "z" and 2 more), 1 of another shape or type ("fc.weight" with F32 of [3, 2] where the model has [2, 3])"#
    );

    for start in ["optimizer.", "good.", "best."] {
        let mut c = state_dict("");
        c.put(&format!("{start}m"), [1], &[0.0]);
        let e = error(&c);
        assert_eq!(e.found(), format!("1 unexpected (\"{start}m\")"));
        assert!(e.advice().contains("the state of a training"), "{e}");
    }
    // Not all names carry the wrapper, or it is an unknown one: a hint and no guess.
    let mut c = state_dict("module.");
    c.put("head", [1], &[0.0]);
    assert!(error(&c).advice().contains("start with \"module.\""));
    assert!(error(&state_dict("net.")).advice().contains("start with \"net.\""));
    assert!(error(&Checkpoint::default()).found().starts_with("3 missing"));
}

#[test]
fn values_that_are_no_numbers_are_refused_and_tiny_ones_become_zero() {
    let folder = Folder::new("no-numbers");
    let path = folder.path("model");
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut c = state_dict("");
        let name = c.tensors[1].0.clone();
        *c.tensors[1].2.last_mut().unwrap() = value;
        let index = c.tensors[1].2.len() - 1;
        checkpoint::write(&path, &c).unwrap();
        let mut params = model();
        let error = checkpoint::load_state_dict(&path, &mut params).unwrap_err();
        assert_eq!(error.found(), format!("{value} at index {index}"));
        assert!(error.to_string().contains(&format!("tensor {name:?}")), "{error}");
        assert_eq!(values(&params), [-1.0; 10], "{error}");
    }
    let mut c = state_dict("");
    c.tensors[1..].iter_mut().for_each(|(.., values)| values.fill(-1e-39));
    checkpoint::write(&path, &c).unwrap();
    let mut params = model();
    let loaded = checkpoint::load_state_dict(&path, &mut params).unwrap();
    let count = |(name, _, values): &(String, Shape, Vec<f32>)| (name.clone(), values.len());
    assert_eq!(loaded.vanished, c.tensors[1..].iter().rev().map(count).collect::<Vec<_>>());
    assert!(values(&params)[..8].iter().all(|x| x.to_bits() == 0), "{:?}", values(&params));
}

#[test]
fn state_dict_of_integers_is_no_model() {
    let folder = Folder::new("integers");
    let header = r#"{"w":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#;
    fs::write(folder.path("model"), file(header, 4)).unwrap();
    let mut params = Params::new();
    params.add("w", Kind::Weight, [4]);
    let error = checkpoint::load_state_dict(&folder.path("model"), &mut params).unwrap_err();
    assert!(error.found().contains("\"w\" with I8 of [4] where the model has [4]"), "{error}");
}
