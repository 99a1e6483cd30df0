//! The search for the threshold of a group: what a solver asks of it, and what it answers.
//!
//! A solver is a resumable search. The kernel calls `start`, sums what the probe asks for, hands
//! the sums to `next`, and so on until `Done`. The contiguous kernel loops over one group; the
//! column kernel runs those of a block in step, one sweep of the block for each round.

/// Finds tau and c of `x_i = soft(v_i, tau e_i) / (1 + c e_i)` from sums over the group, in scalar f64.
///
/// ```
/// use proxtape_kernels::prox::{self, Form, Groups, Metric, Own, Penalty, Regularizer, Solver};
/// use proxtape_kernels::prox::{State, Step, Sums, Terms, Threshold, Work};
/// use proxtape_kernels::{Exec, Isa};
///
/// /// `lambda2 ||x||_2 + beta/2 ||x||_2^2` of each group. With `n = ||v||_2` and one step e for all,
/// /// `||x||_2 = (n - lambda2 e)_+ / (1 + beta e)` and `c = beta + lambda2 / ||x||_2`.
/// #[derive(Debug)]
/// struct GroupElastic {
///     lambda2: f32,
///     beta: f32,
/// }
///
/// impl Penalty for GroupElastic {
///     fn form(&self) -> Form<'_> {
///         let GroupElastic { lambda2, beta } = *self;
///         Form::Group(Terms { lambda2, beta, ..Terms::default() }, self)
///     }
///
///     fn supports_diagonal(&self) -> bool {
///         false
///     }
/// }
///
/// impl Solver for GroupElastic {
///     fn needs_norm(&self) -> bool {
///         true
///     }
///
///     fn start(&self, _warm: f64) -> State {
///         State::at(0.0)
///     }
///
///     fn next(&self, step: Option<f64>, _: &mut State, sums: &Sums) -> Step {
///         let [lambda2, beta] = [self.lambda2, self.beta].map(f64::from);
///         let e = step.expect("the metric is Euclidean");
///         let norm = (sums.squares.sqrt() - lambda2 * e).max(0.0) / (1.0 + beta * e);
///         // A norm of 0 gives an infinite c: the group is zero.
///         Step::Done(Threshold { tau: 0.0, c: beta + lambda2 / norm })
///     }
/// }
///
/// static PENALTY: GroupElastic = GroupElastic { lambda2: 1.0, beta: 1.0 };
/// let reg = Regularizer::Own(Own::new(&PENALTY));
/// let (mut v, mut tau) = ([3.0, 4.0, 0.5, 0.5], [0.0; 2]);
/// let work = Work { tau: &mut tau, scratch: &mut [] };
/// let at = Metric::Euclidean { step: 1.0 };
/// prox::prox(Exec::new(Isa::detect()), &reg, Groups::rows(2, 2), &mut v, at, work);
/// assert_eq!(v, [1.2, 1.6, 0.0, 0.0]);
/// ```
pub trait Solver: Sync {
    /// Whether it needs the sums of squares: in a diagonal metric those of [`Sums`] with an s, and else
    /// `squares` beside the others.
    fn needs_norm(&self) -> bool;

    /// The lambda2 of the sums with an s.
    fn lambda2(&self) -> f64 {
        0.0
    }

    /// (lambda1, rho) where all that is solved is `tau = lambda1 + rho sum (a - tau e)_+`: then
    /// vectors do it, and the rest of this trait serves what is not mild.
    fn linear(&self) -> Option<(f32, f32)> {
        None
    }

    /// The first probe. `warm` is the group's last tau: any number, NaN too.
    fn start(&self, warm: f64) -> State;

    /// Takes the sums at `state.probe`, and moves the probe or is done, after finitely many calls.
    /// `step` is e where the metric is Euclidean.
    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step;
}

/// The point at which a solver wants sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probe {
    /// The threshold.
    pub tau: f64,
    /// A guess of `||x||_2`, in a diagonal metric and where the norm is needed.
    pub s: f64,
}

/// Sums over a group at a probe. With `b_i = (|v_i| - tau e_i)_+` and A the elements with b > 0:
///
/// - `count = |A|`, `excess = sum b`, `weight` the sum of e over A;
/// - where the norm is needed and the metric is Euclidean: these, and `squares = sum b^2`;
/// - where it is needed and the metric is diagonal, with `q_i = b_i / (s + lambda2 e_i)`:
///   `excess = sum q`, `squares = sum q^2`, `cubes = sum q^2 / (s + lambda2 e)`.
///
/// The others are 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// The tau where the sums were taken, after rounding.
    pub tau: f64,
    /// See [`Sums`], as of all that follow.
    pub count: f64,
    /// The sum of e.
    pub weight: f64,
    /// The sum of b, or of q.
    pub excess: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// The sum of `q^2 / (s + lambda2 e)`.
    pub cubes: f64,
    /// The share of a sum that its rounding may be; 0 for sums in f64.
    pub rounding: f64,
}

/// The largest share of a result that the rounding of sums in f32 may be, where a solver can tell.
const BLUR: f64 = 1e-5;

impl Sums {
    /// Whether a difference of sums, as a share of what is subtracted, is lost in their rounding: then
    /// sums in f64 decide.
    pub(crate) fn blur(&self, difference: f64) -> bool {
        (-self.rounding..self.rounding / BLUR).contains(&difference)
    }
}

/// Where the search of one group stands: the probe, and fields that are the solver's own, for the kernels
/// read none of them. One record serves every solver, so that the column kernel can hold many of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Where sums are wanted.
    pub probe: Probe,
    /// Passes so far.
    pub pass: u32,
    /// Passes of the outer search, where there are two.
    pub outer: u32,
    /// The count of the last pass.
    pub count: f64,
    /// The lower end of a bracket.
    pub lo: f64,
    /// Its upper end.
    pub hi: f64,
    /// A function at the lower end.
    pub at_lo: f64,
    /// A function at the upper end.
    pub at_hi: f64,
}

impl State {
    /// A search that starts at this tau, in a bracket without an upper end.
    pub fn at(tau: f64) -> State {
        State { probe: Probe { tau, s: 0.0 }, hi: f64::INFINITY, ..State::default() }
    }
}

/// `x_i = soft(v_i, tau e_i) / (1 + c e_i)`; an infinite c makes the group zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Threshold {
    /// The slope of the terms that are absolute values.
    pub tau: f64,
    /// The curvature of the others.
    pub c: f64,
}

/// What a solver wants next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Sums at `state.probe`.
    Probe,
    /// The whole search again with sums in f64, of which `rounding` is 0: never asked of these.
    Wide,
    /// This threshold.
    Done(Threshold),
}

/// `warm` if it can be a tau of a penalty with this lambda1, else lambda1, which is below any.
pub(crate) fn clean(warm: f64, lambda1: f64) -> f64 {
    if warm > lambda1 && warm < f64::from(f32::MAX) { warm } else { lambda1 }
}

/// Runs a whole search with sums in f64: for groups whose sums leave the range of f32, or whose result
/// their rounding would blur, which is rare. `elements` yields (v, e); those that are not finite are
/// left out.
#[cold]
#[inline(never)]
pub(crate) fn solve_wide(
    solver: &dyn Solver,
    step: Option<f64>,
    warm: f64,
    elements: impl Iterator<Item = (f64, f64)> + Clone,
) -> (Threshold, u32) {
    let mut state = solver.start(warm);
    let mut passes = 0;
    loop {
        passes += 1;
        let Probe { tau, s } = state.probe;
        let mut sums = Sums { tau, ..Sums::default() };
        for (v, e) in elements.clone() {
            let b = v.abs() - tau * e;
            if b > 0.0 && b.is_finite() {
                sums.count += 1.0;
                sums.weight += e;
                if solver.needs_norm() && step.is_none() {
                    let den = s + solver.lambda2() * e;
                    sums.excess += b / den;
                    sums.squares += (b / den).powi(2);
                    sums.cubes += (b / den).powi(2) / den;
                } else {
                    sums.excess += b;
                    sums.squares += b * b;
                }
            }
        }
        if let Step::Done(threshold) = solver.next(step, &mut state, &sums) {
            return (threshold, passes);
        }
    }
}
