//! A PyTorch state_dict, saved as safetensors, into the parameters of the matching model.

use super::error::{FileError, Place, quoted, shortened};
use super::open_file::{Content, OpenFile};
use crate::checkpoint::admit::{self, Unfit};
use crate::params::Params;
use std::collections::HashMap;
use std::path::Path;

/// What wrappers of PyTorch put before all names: data parallelism, a module that holds the model,
/// and compilation.
const WRAPPERS: [&str; 3] = ["module.", "model.", "_orig_mod."];

/// Names that only the state of a training has.
const TRAINING: [&str; 3] = ["optimizer.", "good.", "best."];

/// What batch normalisation in PyTorch counts and nothing here needs.
const COUNTER: &str = "num_batches_tracked";

/// What [`load_state_dict`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// How many tensors were loaded: every parameter of the model.
    pub tensors: usize,
    /// How many tensors were passed over: the counters `num_batches_tracked`.
    pub ignored: usize,
    /// What stood before every name and was dropped, such as `module.`; mostly nothing.
    pub prefix: String,
    /// The tensors with values too small for a normal f32, and how many: these became 0.
    pub vanished: Vec<(String, usize)>,
}

/// Loads a PyTorch state_dict, saved as safetensors, into the model that it belongs to.
///
/// Names and shapes must be those of the model: linear weights are [out, in] and filters
/// [OC, C, KH, KW] on both sides, and running statistics are loaded as well. A prefix `module.`,
/// `model.` or `_orig_mod.` that all names carry is dropped; `num_batches_tracked` is passed over.
///
/// ```
/// use proxtape::checkpoint::{self, Checkpoint};
/// use proxtape::{Kind, Params};
/// let path = std::env::temp_dir().join(format!("proxtape-doc-state-{}", std::process::id()));
/// let mut theirs = Checkpoint::default();
/// theirs.put("module.fc.weight", [1, 2], &[3.0, 4.0]);
/// checkpoint::write(&path, &theirs)?;
///
/// let mut params = Params::new();
/// let w = params.add("fc.weight", Kind::Weight, [1, 2]);
/// let loaded = checkpoint::load_state_dict(&path, &mut params)?;
/// assert_eq!((params.value(w), &*loaded.prefix), (&[3.0, 4.0][..], "module."));
/// std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, tensors are missing, unexpected, or of another shape or type, or one
/// holds a NaN, an infinity or a negative variance; no parameter has changed then. (A magnitude below
/// the smallest normal f32 becomes +0.0, as in training: [`Loaded::vanished`] counts them.)
pub fn load_state_dict(path: &Path, params: &mut Params) -> Result<Loaded, FileError> {
    load(OpenFile::open(path)?, params)
}

/// Loads a state_dict from a file that is in memory, as [`load_state_dict`] does. Errors call it
/// `state_dict`.
///
/// # Errors
/// As [`load_state_dict`], but for those of the disk.
pub fn parse_state_dict(file: &[u8], params: &mut Params) -> Result<Loaded, FileError> {
    load(OpenFile::named("state_dict", file)?, params)
}

fn load(mut source: OpenFile<'_>, params: &mut Params) -> Result<Loaded, FileError> {
    let path = source.path;
    let tensors = std::mem::take(&mut source.header.tensors);
    let prefix = wrapper(params, tensors.iter().map(|(name, _)| &**name));
    let names = tensors.iter().map(|(name, _)| &name[prefix.len()..]);
    let mut left: HashMap<&str, usize> = names.enumerate().map(|(i, name)| (name, i)).collect();

    let mut differences = Differences::default();
    let mut found = Vec::new();
    for id in params.ids() {
        let (name, shape) = (params.name(id), params.shape(id));
        let Some(i) = left.remove(name) else {
            differences.missing.push(name.to_owned());
            continue;
        };
        let info = &tensors[i].1;
        match Content::of(info.dtype) {
            Content::Float(float) if info.shape == shape.dims() => found.push((id, i, float)),
            _ => {
                let has = shortened(&format!("{} of {:?}", info.dtype, info.shape), 80);
                let unlike = format!("{} with {has} where the model has {shape}", quoted(name));
                differences.unlike.push(unlike);
            }
        }
    }
    let is_counter = |name: &str| name.rsplit('.').next() == Some(COUNTER);
    let all = left.len();
    // In the order of the file, so that the same file always gives the same message.
    let mut unexpected: Vec<_> = left.into_iter().filter(|(name, _)| !is_counter(name)).collect();
    unexpected.sort_by_key(|&(_, i)| i);
    let ignored = all - unexpected.len();
    differences.unexpected = unexpected.into_iter().map(|(name, _)| name.to_owned()).collect();
    if !differences.is_empty() {
        return Err(differences.error(params.ids().len(), &prefix).in_file(path));
    }

    // All values are read before the first is set, since reading can fail as well.
    let mut values = Vec::with_capacity(found.len());
    for &(id, i, float) in &found {
        let (name, info) = &tensors[i];
        let (read, vanished) = source.values(name, info, float)?;
        admit::check_param(params, id, &read).map_err(|e| unfit(name, &e).in_file(path))?;
        values.push((read, vanished));
    }
    let mut vanished = Vec::new();
    for (&(id, i, _), (values, before)) in found.iter().zip(&values) {
        match before + admit::set(params, id, values) {
            0 => {}
            n => vanished.push((tensors[i].0.clone(), n)),
        }
    }
    Ok(Loaded { tensors: found.len(), ignored, prefix, vanished })
}

/// Values that no network can work with.
fn unfit(name: &str, Unfit { index, value, expected }: &Unfit) -> FileError {
    let place = Place::Tensor(name.to_owned());
    let advice = "save the weights from before they stopped being numbers";
    FileError::new(place, *expected, format!("{value} at index {index}"), advice)
}

/// The wrappers that all names carry and that are no part of the model's own names.
fn wrapper<'a>(params: &Params, names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let mut prefix = String::new();
    if names.is_empty() {
        return prefix;
    }
    let own = |wrapper: &str| params.ids().all(|id| params.name(id).starts_with(wrapper));
    let all = |names: &[&str], wrapper: &str| names.iter().all(|name| name.starts_with(wrapper));
    while let Some(wrapper) = WRAPPERS.into_iter().find(|w| all(&names, w) && !own(w)) {
        prefix.push_str(wrapper);
        names.iter_mut().for_each(|name| *name = &name[wrapper.len()..]);
    }
    prefix
}

/// How the tensors of a file differ from the parameters of a model.
#[derive(Default)]
struct Differences {
    missing: Vec<String>,
    unexpected: Vec<String>,
    unlike: Vec<String>,
}

impl Differences {
    fn is_empty(&self) -> bool {
        [&self.missing, &self.unexpected, &self.unlike].into_iter().all(Vec::is_empty)
    }

    fn error(&self, params: usize, prefix: &str) -> FileError {
        let names = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>();
        let mut found = Vec::new();
        for (what, items) in [
            ("missing", names(&self.missing)),
            ("unexpected", names(&self.unexpected)),
            ("of another shape or type", self.unlike.clone()),
        ] {
            if !items.is_empty() {
                found.push(format!("{} {what} ({})", items.len(), few(&items)));
            }
        }
        let mut found = found.join(", ");
        if !prefix.is_empty() {
            found.push_str(&format!(" after {prefix:?} was dropped from all names"));
        }
        let expected = format!("the {params} tensors of the model");
        FileError::new(Place::Whole, expected, found, self.advice())
    }

    fn advice(&self) -> String {
        let of_training = |name: &String| TRAINING.iter().any(|start| name.starts_with(start));
        if self.unexpected.iter().any(of_training) {
            return "this is the state of a training; load the model that was saved beside it, or \
                    resume the training"
                .to_owned();
        }
        let first = self.missing.first().map_or("", |name| name);
        let before = |long: &str, short: &str| {
            long.strip_suffix(short).filter(|rest| rest.ends_with('.')).map(str::to_owned)
        };
        let file = self.unexpected.iter().find_map(|name| before(name, first));
        let model = self.unexpected.iter().find_map(|name| before(first, name));
        match (file, model) {
            (Some(prefix), _) if !first.is_empty() => format!(
                "names in the file start with {}, those of the model do not: save the state_dict \
                 of the inner module",
                quoted(&prefix)
            ),
            (_, Some(prefix)) => format!(
                "names of the model start with {}, those in the file do not: load into a model \
                 without it",
                quoted(&prefix)
            ),
            _ => "build the model that the file was saved from".to_owned(),
        }
    }
}

/// The first few of a list.
fn few(items: &[String]) -> String {
    const FEW: usize = 3;
    let mut text = items[..items.len().min(FEW)].join(", ");
    if items.len() > FEW {
        text.push_str(&format!(" and {} more", items.len() - FEW));
    }
    text
}
