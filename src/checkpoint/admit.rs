//! Which values may come into a model from outside.
//!
//! A NaN or an infinity is refused: all that is computed from it would be NaN. A variance is at least
//! 0. Magnitudes below the smallest normal f32 become +0.0 in what is trained, as the optimiser's step
//! does it: arithmetic with them is a hundred times slower on many CPUs. Running statistics keep them, for
//! training does.

use crate::params::{Kind, ParamId, Params};

/// What [`Params`] call the running variance of a batch normalisation.
const VARIANCE: &str = "running_var";

/// The first of some values that may not come in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfit {
    pub(crate) index: usize,
    pub(crate) value: f32,
    /// What was expected.
    pub(crate) expected: &'static str,
}

/// Looks for a value that is no number, or is negative where `least` is 0.
pub(crate) fn check(values: &[f32], least: f32) -> Result<(), Unfit> {
    let fits = |x: &f32| x.is_finite() && *x >= least;
    let expected = if least == 0.0 { "finite values of at least 0" } else { "finite values" };
    match values.iter().position(|x| !fits(x)) {
        None => Ok(()),
        Some(index) => Err(Unfit { index, value: values[index], expected }),
    }
}

/// Whether these may become the values of a parameter.
pub(crate) fn check_param(params: &Params, id: ParamId, values: &[f32]) -> Result<(), Unfit> {
    let variance = params.kind(id) == Kind::Running && params.name(id).ends_with(VARIANCE);
    check(values, if variance { 0.0 } else { f32::MIN })
}

/// Sets the values of a parameter, and counts those that became 0.
pub(crate) fn set(params: &mut Params, id: ParamId, values: &[f32]) -> usize {
    let kind = params.kind(id);
    let own = params.value_mut(id);
    own.copy_from_slice(values);
    let mut vanished = 0;
    if kind != Kind::Running {
        for x in own.iter_mut().filter(|x| x.is_subnormal()) {
            *x = 0.0;
            vanished += 1;
        }
    }
    vanished
}
