//! Checks of gradients: the reverse mode against central differences.
//!
//! An operation y = f(x0, x1, ...) is projected on a random cotangent c, s(x) = <c, f(x)>, and the
//! gradient g that the tape computes for s is compared with
//!
//! ```text
//! <g, d> = (4 D(h) - D(2h)) / 3 + O(h^4),      D(h) = (s(x + h d) - s(x - h d)) / 2h
//! ```
//!
//! along random directions d (the idea of JAX's `check_vjp`: the cost does not grow with the number
//! of elements) or along every coordinate; see [`Probe`]. Each input has directions of its own, so
//! that an error names the input. Beside that, every check
//!
//! - replays the tape at another point, fills all memory that an operation must not rely on with
//!   NaN, replays again, and wants the same bits: stale values and gaps in what is stored show;
//! - uses every input a second time, so that each product is asked for with
//!   [`Accumulate::Add`](crate::Accumulate::Add).
//!
//! **How exact it is.** [`GradCheck::run`] takes differences of the f32 forward function. Its
//! rounding is about 6e-8 of y, so with h = cbrt(f32::EPSILON) = 5e-3 a difference is good to some
//! 1e-5 of s for an elementwise function and to 1e-4 after a few layers; the tolerance is
//! [`SINGLE`] = 1e-3. That finds a wrong sign, factor or term; an error in one of n elements is
//! about 1/sqrt(n) of a random direction, so check up to 10^4 elements or use coordinates.
//! [`GradCheck::run_against`] takes differences of an f64 reference with h = 6e-6, which are good
//! to 1e-9; both values and gradients are compared at [`DOUBLE`] = 1e-5, and what is measured is
//! the f32 error of the operation itself.
//!
//! **Kinks.** Where a kink of relu or max lies in the interval, the differences at h and 2h
//! disagree, or the function bends as no smooth one does; the gradient has no say in this. Such a
//! probe is repeated at other points (and along fewer coordinates, which meet fewer kinks), and
//! skipped after [`ATTEMPTS`]. The check fails if it skips more than a quarter.

mod difference;
mod engine;
mod probing;
mod report;
#[cfg(test)]
mod tests;

pub use report::{At, Fault, GradError, Report};

use crate::params::Params;
use crate::random::Random;
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use difference::Precision;
use engine::Engine;
use probing::{Eval, Probing};
use proxtape_kernels::Exec;
use report::Tally;
use std::ops::Range;

/// The tolerance of [`GradCheck::run`], as a share of the largest component.
pub const SINGLE: f64 = 1e-3;
/// The tolerance of [`GradCheck::run_against`], as a share of the largest component.
pub const DOUBLE: f64 = 1e-5;
/// How often a probe that met a kink is repeated before it is skipped.
pub const ATTEMPTS: usize = 6;
/// Random cotangents, unless the probe is the Jacobian.
const COTANGENTS: usize = 2;

/// One input of the function under test: its shape, and the point where it is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    shape: Shape,
    values: Vec<f32>,
}

impl Input {
    /// An input at given values.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, values: impl Into<Vec<f32>>) -> Input {
        let (shape, values) = (shape.into(), values.into());
        assert!(shape.len() == values.len(), "input: {} values for {shape}", values.len());
        Input { shape, values }
    }

    /// An input at uniform random values.
    pub fn uniform(shape: impl Into<Shape>, range: Range<f32>, random: &mut Random) -> Input {
        let shape = shape.into();
        let width = f64::from(range.end) - f64::from(range.start);
        let values = (0..shape.len()).map(|_| f64::from(range.start) + width * unit(random));
        Input { shape, values: values.map(|v| v as f32).collect() }
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The values.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Along what the function is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// This many random directions for each input: 5 evaluations of the function each.
    Directions(usize),
    /// Every coordinate of every input: n gradient components for each cotangent.
    Coordinates,
    /// Every coordinate of every input against every output: the full m x n Jacobian, from m
    /// backward passes. For small functions; an error then names the output too.
    Jacobian,
}

/// A check of gradients.
///
/// ```
/// use proxtape::gradcheck::{GradCheck, Input, Probe};
/// use proxtape::{Exec, Isa, ops};
/// let check = GradCheck::new(Exec::new(Isa::detect())).probe(Probe::Jacobian);
/// let a = Input::new([3], [0.5, -1.0, 2.0]);
/// let b = Input::new([3], [1.5, 0.25, -3.0]);
/// let report = check.run(|tape, x| ops::mul(tape, x[0], x[1]), &[a, b])?;
/// assert_eq!((report.compared, report.skipped), (18, 0));
/// # Ok::<(), proxtape::gradcheck::GradError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GradCheck {
    exec: Exec,
    probe: Probe,
    params: Params,
    seed: u64,
    tolerance: Option<f64>,
}

impl GradCheck {
    /// A check along eight random directions for each input.
    pub fn new(exec: Exec) -> GradCheck {
        let params = Params::new();
        GradCheck { exec, probe: Probe::Directions(8), params, seed: 0, tolerance: None }
    }

    /// Along what to differentiate.
    pub fn probe(self, probe: Probe) -> GradCheck {
        GradCheck { probe, ..self }
    }

    /// The parameters that the recorded graph refers to, such as running statistics. They stay as
    /// they are in each evaluation, and no gradient of them is checked: what is to be checked is
    /// an input.
    pub fn params(self, params: Params) -> GradCheck {
        GradCheck { params, ..self }
    }

    /// Seeds directions, cotangents, and before each evaluation the tape's own stream with
    /// `Random::new(seed)`: dropout keeps its mask.
    pub fn seed(self, seed: u64) -> GradCheck {
        GradCheck { seed, ..self }
    }

    /// What error to allow, as a share of the largest component, in place of [`SINGLE`] or
    /// [`DOUBLE`].
    pub fn tolerance(self, tolerance: f64) -> GradCheck {
        GradCheck { tolerance: Some(tolerance), ..self }
    }

    /// Compares the gradient with central differences of the recorded function itself, in f32.
    ///
    /// A wrong function with the gradient that belongs to it passes; see
    /// [`run_against`](GradCheck::run_against).
    ///
    /// # Errors
    /// What is wrong first: see [`Fault`].
    ///
    /// ```
    /// use proxtape::gradcheck::{GradCheck, Input};
    /// use proxtape::{Accumulate, Exec, Forward, Isa, Primitive, Vjp};
    ///
    /// /// y = x^3, with a gradient that forgets the factor 3.
    /// struct Cube;
    /// impl Primitive for Cube {
    ///     fn name(&self) -> &'static str {
    ///         "cube"
    ///     }
    ///     fn forward(&self, cx: Forward<'_>) {
    ///         cx.y.iter_mut().zip(cx.x.get(0)).for_each(|(y, x)| *y = x * x * x);
    ///     }
    ///     fn vjp(&self, cx: Vjp<'_>) {
    ///         for ((dx, x), dy) in cx.dx.iter_mut().zip(cx.x.get(0)).zip(cx.dy) {
    ///             *dx = x * x * dy + if cx.accumulate == Accumulate::Add { *dx } else { 0.0 };
    ///         }
    ///     }
    /// }
    /// let check = GradCheck::new(Exec::new(Isa::detect()));
    /// let x = Input::new([2], [0.5, -1.0]);
    /// let error = check.run(|tape, x| tape.record(Cube, x, [2]), &[x]).unwrap_err();
    /// assert!(error.to_string().starts_with("cube: input 0, direction 0: got "));
    /// ```
    pub fn run(
        &self,
        record: impl Fn(&mut Tape, &[Var]) -> Var,
        inputs: &[Input],
    ) -> Result<Report, GradError> {
        self.compare(&record, inputs, None)
    }

    /// Compares the value with an f64 reference of the function, and the gradient with central
    /// differences of that reference.
    ///
    /// The reference takes the values of the inputs and returns those of the output, row-major.
    ///
    /// # Errors
    /// What is wrong first: see [`Fault`].
    ///
    /// ```
    /// use proxtape::gradcheck::{GradCheck, Input, Probe};
    /// use proxtape::{Exec, Isa, ops};
    /// let check = GradCheck::new(Exec::new(Isa::detect())).probe(Probe::Coordinates);
    /// let x = Input::new([3], [0.5, -1.0, 2.0]);
    /// let square = |x: &[Vec<f64>]| x[0].iter().map(|x| x * x).collect();
    /// check.run_against(|tape, x| ops::mul(tape, x[0], x[0]), square, &[x])?;
    /// # Ok::<(), proxtape::gradcheck::GradError>(())
    /// ```
    pub fn run_against(
        &self,
        record: impl Fn(&mut Tape, &[Var]) -> Var,
        reference: impl Fn(&[Vec<f64>]) -> Vec<f64>,
        inputs: &[Input],
    ) -> Result<Report, GradError> {
        self.compare(&record, inputs, Some(&reference))
    }

    fn compare(
        &self,
        record: &Record<'_>,
        inputs: &[Input],
        reference: Option<&Reference<'_>>,
    ) -> Result<Report, GradError> {
        let mut engine = Engine::record(self, record, inputs);
        let mut random = Random::new(self.seed ^ 0x9E37_79B9_7F4A_7C15);
        let mut tally = Tally::new(engine.name());
        let base: Point =
            inputs.iter().map(|x| x.values.iter().map(|&v| f64::from(v)).collect()).collect();
        let y = engine.value(&base);
        let precision = match reference {
            Some(_) => Precision::double(self.tolerance.unwrap_or(DOUBLE)),
            None => Precision::single(self.tolerance.unwrap_or(SINGLE)),
        };
        if let Some(reference) = reference {
            tally.values(&y, &reference(&base), precision.tolerance)?;
        }
        let cotangents = self.cotangents(y.len(), &mut random);
        let dense = cotangent(y.len(), &mut random);
        let elsewhere = precision.wander(&base, &mut random);
        tally.replay(&engine.replays(&base, &elsewhere, &dense))?;
        tally.accumulation(&engine.accumulation(self, (record, inputs), &base, &dense))?;
        let gradients = cotangents.iter().map(|c| engine.gradients(&base, c)).collect();
        let mut eval: Box<Eval<'_>> = match reference {
            Some(reference) => Box::new(|_, x| reference(x)),
            None => Box::new(|engine, x| engine.value(x)),
        };
        let mut probing = Probing {
            probe: self.probe,
            precision,
            base,
            cotangents,
            gradients,
            engine: &mut engine,
            eval: &mut *eval,
            random: &mut random,
        };
        for input in 0..inputs.len() {
            probing.input(input, &mut tally)?;
        }
        Ok(tally.report)
    }

    /// Random cotangents of either sign that are not small anywhere, or the unit vectors.
    fn cotangents(&self, len: usize, random: &mut Random) -> Vec<Vec<f32>> {
        let one_hot = |i: usize| (0..len).map(move |j| if i == j { 1.0 } else { 0.0 });
        match self.probe {
            Probe::Jacobian => (0..len).map(|i| one_hot(i).collect()).collect(),
            _ => (0..COTANGENTS).map(|_| cotangent(len, random)).collect(),
        }
    }
}

fn cotangent(len: usize, random: &mut Random) -> Vec<f32> {
    (0..len).map(|_| (sign(random) * (0.5 + unit(random))) as f32).collect()
}

/// The values of all inputs.
type Point = Vec<Vec<f64>>;
/// What records the function under test.
type Record<'a> = dyn Fn(&mut Tape, &[Var]) -> Var + 'a;
/// The function in f64.
type Reference<'a> = dyn Fn(&[Vec<f64>]) -> Vec<f64> + 'a;

/// A random number in [0, 1).
fn unit(random: &mut Random) -> f64 {
    f64::from(random.next_u32()) / f64::from(u32::MAX).next_up()
}

fn sign(random: &mut Random) -> f64 {
    if random.next_u32() >> 31 == 0 { 1.0 } else { -1.0 }
}
