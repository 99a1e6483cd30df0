//! What a file holds of a model or a training: named tensors and named texts.

use crate::params::{ParamId, Params};
use crate::shape::Shape;
use core::fmt;
use core::str::FromStr;
use std::collections::{BTreeMap, HashMap};

pub(crate) mod admit;
#[cfg(feature = "safetensors")]
mod safetensors;

#[cfg(feature = "safetensors")]
pub use self::safetensors::{
    FileError, Loaded, Place, Replacement, is_temporary, load_state_dict, parse, parse_state_dict,
    read, read_sealed, to_bytes, write,
};

/// Named tensors and named texts.
///
/// ```
/// use proxtape::checkpoint::Checkpoint;
/// use proxtape::{Kind, Params};
/// let mut params = Params::new();
/// let w = params.add("fc.weight", Kind::Weight, [2]);
/// params.value_mut(w).copy_from_slice(&[1.0, 2.0]);
/// let mut checkpoint = Checkpoint::default();
/// checkpoint.put_params("", &params);
/// params.value_mut(w).fill(0.0);
/// checkpoint.get_params("", &mut params)?;
/// assert_eq!(params.value(w), [1.0, 2.0]);
/// # Ok::<(), proxtape::checkpoint::CheckpointError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Row-major values by name, in the order of writing.
    pub tensors: Vec<(String, Shape, Vec<f32>)>,
    /// Texts by name; numbers are written so that they come back exactly.
    pub texts: BTreeMap<String, String>,
    /// The types of tensors that a file has and that were passed over, by name: integers and truth
    /// values. They are not written.
    pub passed_over: BTreeMap<String, String>,
}

/// Something is missing from a checkpoint, or does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointError(pub(crate) String);

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CheckpointError {}

impl admit::Unfit {
    fn of(&self, name: &str) -> CheckpointError {
        let admit::Unfit { index, value, expected } = self;
        CheckpointError(format!(
            "tensor {name:?}: expected {expected}, found {value} at index {index}; the file is of no \
             use"
        ))
    }
}

impl Checkpoint {
    /// Adds a tensor. Who writes it, or reads parameters from it, checks that it has as many values as its
    /// shape.
    pub fn put(&mut self, name: &str, shape: impl Into<Shape>, values: &[f32]) {
        self.tensors.push((name.to_owned(), shape.into(), values.to_vec()));
    }

    /// Adds every parameter under its name after a prefix.
    pub fn put_params(&mut self, prefix: &str, params: &Params) {
        for id in params.ids() {
            let name = format!("{prefix}{}", params.name(id));
            self.put(&name, params.shape(id), params.value(id));
        }
    }

    /// Adds a text.
    pub fn note(&mut self, name: &str, value: impl ToString) {
        self.texts.insert(name.to_owned(), value.to_string());
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// If there is none of floating-point numbers.
    pub fn get(&self, name: &str) -> Result<(Shape, &[f32]), CheckpointError> {
        let found = self.tensors.iter().find(|(n, ..)| n == name);
        let missing = || self.missing(name);
        found.map(|(_, shape, values)| (*shape, &values[..])).ok_or_else(missing)
    }

    fn missing(&self, name: &str) -> CheckpointError {
        CheckpointError(match self.passed_over.get(name) {
            Some(dtype) => {
                format!("tensor {name:?}: expected F32, F64, F16 or BF16, found {dtype}")
            }
            None => format!("there is no tensor {name:?}"),
        })
    }

    /// Reads every parameter from the tensor of its name after a prefix. A magnitude below the
    /// smallest normal f32 becomes +0.0, as in training: the tensors where that was so are returned,
    /// each with the number of such values.
    ///
    /// # Errors
    /// If a tensor is missing, has another shape or another number of values than its shape, or holds a
    /// NaN, an infinity or a negative variance; parameters before it have changed by then.
    pub fn get_params(
        &self,
        prefix: &str,
        params: &mut Params,
    ) -> Result<Vec<(String, usize)>, CheckpointError> {
        let mut vanished = Vec::new();
        let ids: Vec<ParamId> = params.ids().collect();
        let tensors: HashMap<_, _> = self.tensors.iter().map(|(n, s, v)| (&**n, (*s, v))).collect();
        for id in ids {
            let name = format!("{prefix}{}", params.name(id));
            let missing = || self.missing(&name);
            let &(shape, values) = tensors.get(&*name).ok_or_else(missing)?;
            if shape != params.shape(id) {
                let wants = params.shape(id);
                let what = format!("tensor {name:?} has {shape} and the model wants {wants}");
                return Err(CheckpointError(what));
            }
            if values.len() != shape.len() {
                let (has, wants) = (values.len(), shape.len());
                let what =
                    format!("tensor {name:?} has {has} values and its shape {shape} wants {wants}");
                return Err(CheckpointError(what));
            }
            admit::check_param(params, id, values).map_err(|e| e.of(&name))?;
            match admit::set(params, id, values) {
                0 => {}
                n => vanished.push((name, n)),
            }
        }
        Ok(vanished)
    }

    /// The tensor of a name, of finite values from `least` on.
    pub(crate) fn get_from(&self, name: &str, least: f32) -> Result<&[f32], CheckpointError> {
        let values = self.get(name)?.1;
        admit::check(values, least).map_err(|e| e.of(name))?;
        Ok(values)
    }

    /// The number that a text holds.
    ///
    /// # Errors
    /// If there is no such text, or it is no number of this type.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<T, CheckpointError> {
        let text = self.texts.get(name);
        let wrong = || {
            let found = text.map_or("nothing".to_owned(), |text| format!("{text:?}"));
            CheckpointError(format!("{name:?} should be a number and is {found}"))
        };
        text.and_then(|text| text.parse().ok()).ok_or_else(wrong)
    }
}
