//! Regularisers over groups of weights, and their exact proximal operators.
//!
//! `x = argmin 1/2 sum_i d_i (x_i - v_i)^2 + R(x)`, with `R` the sum over groups of one penalty.
//! Here `p,q` means the p-norm inside a group and the q-norm across groups:
//!
//! ```text
//! l1,1   sum_g sum_i |x_gi|                 l2,1   sum_g (sum_i x_gi^2)^(1/2)
//! l1,2   1/2 sum_g (sum_i |x_gi|)^2         l2     1/2 sum_g sum_i x_gi^2
//! ```
//!
//! Every convex penalty here is `lambda1 l1,1 + rho l1,2 + lambda2 l2,1 + beta l2` with some terms
//! left out, and its prox has one shape, with `e = 1/d` (the step, where the metric is Euclidean):
//!
//! ```text
//! x_i = soft(v_i, tau e_i) / (1 + c e_i)    tau = lambda1 + rho ||x||_1    c = beta + lambda2 / ||x||_2
//! ```
//!
//! So a penalty is scalar code that solves for `(tau, c)` of a group from a few sums over it
//! ([`Solver`]), and the kernels that sum and apply (`contiguous.rs`, `columns.rs`) know no
//! penalty. [`Penalty`] has the other forms that there are, and [`Own`] brings one from elsewhere. `tau` is in the units of the objective: it does not depend on the step, and it is the
//! price that one unit of `||x||_1` pays. It is kept for each group from step to step, since the
//! search starts there. Passes over a group of 784, l1,1 + l1,2: 3.7 from nothing; from the last tau
//! 2.0 where the weights move smoothly, and 2.5 where each step moves them by 1 % at random (the
//! test `mean_passes_are_few`). The last pass but for rare cases applies the result.

mod band;
mod certificate;
mod cges;
mod columns;
mod contiguous;
mod elastic;
mod elementwise;
mod exclusive;
mod flat;
mod group_lasso;
mod groups;
mod l0;
mod l1;
mod l11_l12;
mod l2;
mod l_half;
mod mcp;
mod newton;
mod own;
mod penalty;
mod run;
mod shrink;
mod solver;
mod source;
mod sparse_group_lasso;
mod sums;
mod sweep;
mod transformed_l1;
mod whole;

pub use band::Band;
pub use cges::{Cges, CgesOneShot};
pub use elastic::Elastic;
pub use exclusive::Exclusive;
pub use group_lasso::GroupLasso;
pub use groups::Groups;
pub use l_half::LHalf;
pub use l0::L0;
pub use l1::L1;
pub use l2::L2;
pub use l11_l12::L11L12;
pub use mcp::Mcp;
pub use own::Own;
pub use penalty::{Element, Form, GroupProx, Penalty, Steps, Terms, Zeros};
pub use solver::{Probe, Solver, State, Step, Sums, Threshold};
pub use sparse_group_lasso::SparseGroupLasso;
pub use transformed_l1::TransformedL1;

pub(crate) use band::TASK;
pub(crate) use flat::{Flat, Visit, load_at, visit_run};
pub(crate) use run::run;
pub(crate) use source::{Scale, Source, Streams, Uniform, Varied};

use crate::Exec;
use source::{Diagonal, Euclidean};

/// A penalty on weights. Its numbers are those of the objective: no step is multiplied in.
///
/// ```
/// use proxtape_kernels::prox::{Groups, L11L12, Regularizer};
/// let reg = Regularizer::L11L12(L11L12 { lambda1: 0.5, rho: 2.0 });
/// // Two groups of two: 0.5 * (1 + 2 + 3) + 2 / 2 * ((1 + 2)^2 + 3^2).
/// assert_eq!(reg.value(Groups::rows(2, 2), &[1.0, -2.0, 0.0, 3.0]), 21.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Regularizer {
    /// No penalty.
    #[default]
    None,
    /// l2, weight decay in the objective.
    L2(L2),
    /// l1,1, the lasso.
    L1(L1),
    /// l1,1 + l2, the elastic net.
    Elastic(Elastic),
    /// l2,1.
    GroupLasso(GroupLasso),
    /// l1,1 + l2,1.
    SparseGroupLasso(SparseGroupLasso),
    /// l1,2, the exclusive lasso.
    Exclusive(Exclusive),
    /// l1,1 + l1,2.
    L11L12(L11L12),
    /// l2,1 + l1,2, exactly.
    Cges(Cges),
    /// l2,1 and then l1,2 once, as published.
    CgesOneShot(CgesOneShot),
    /// Transformed l1, not convex.
    TransformedL1(TransformedL1),
    /// The minimax concave penalty, not convex.
    Mcp(Mcp),
    /// The number of weights that are not zero, not convex.
    L0(L0),
    /// The square root of each weight, not convex.
    LHalf(LHalf),
    /// A penalty from elsewhere.
    Own(Own),
}

impl Regularizer {
    /// The one place that tells regularisers apart: one line for each.
    fn penalty(&self) -> &dyn Penalty {
        match self {
            Regularizer::None => &l2::NONE,
            Regularizer::L2(r) => r,
            Regularizer::L1(r) => r,
            Regularizer::Elastic(r) => r,
            Regularizer::GroupLasso(r) => r,
            Regularizer::SparseGroupLasso(r) => r,
            Regularizer::Exclusive(r) => r,
            Regularizer::L11L12(r) => r,
            Regularizer::Cges(r) => r,
            Regularizer::CgesOneShot(r) => r,
            Regularizer::TransformedL1(r) => r,
            Regularizer::Mcp(r) => r,
            Regularizer::L0(r) => r,
            Regularizer::LHalf(r) => r,
            Regularizer::Own(r) => r,
        }
    }

    fn form(&self) -> Form<'_> {
        self.penalty().form()
    }

    /// Whether each weight is treated alone, so that groups, `tau` and scratch do not matter.
    pub fn is_elementwise(&self) -> bool {
        matches!(self.form(), Form::Soft(_) | Form::Element(_))
    }

    /// Whether [`prox`] works in a diagonal metric and [`update`](crate::update) with Adam: all do
    /// but [`CgesOneShot`], which is published for one step size only.
    pub fn supports_diagonal(&self) -> bool {
        self.penalty().supports_diagonal()
    }

    /// Whether every parameter is finite and in its range: not negative, and `a` and `gamma`
    /// positive.
    pub fn is_valid(&self) -> bool {
        self.penalty().is_valid()
    }

    /// What it makes exactly zero where it is strong enough, as [`Penalty::zeros`].
    ///
    /// ```
    /// use proxtape_kernels::prox::{Elastic, Regularizer, Zeros};
    /// let of = |lambda1| Regularizer::Elastic(Elastic { lambda1, beta: 1.0 });
    /// assert_eq!((of(0.5).zeros(), of(0.0).zeros()), (Zeros::All, Zeros::Nothing));
    /// ```
    pub fn zeros(&self) -> Zeros {
        self.penalty().zeros()
    }

    /// Whether it is convex and its prox exact, as [`Penalty::is_convex`].
    pub fn is_convex(&self) -> bool {
        self.penalty().is_convex()
    }
}

/// The metric of the quadratic term.
#[derive(Clone, Copy, Debug)]
pub enum Metric<'a> {
    /// `d_i = 1/step`: prox of `step * R`. A step of 0 gives the identity.
    Euclidean {
        /// The effective step.
        step: f32,
    },
    /// `d_i > 0` for each weight, as in Adam. A `1 / d_i` beyond f32 counts as the largest f32.
    Diagonal {
        /// One for each weight.
        d: &'a [f32],
    },
}

/// What a prox needs beside the weights.
#[derive(Debug)]
pub struct Work<'a> {
    /// In: where the search for each group starts; any number, NaN included, gives the same result
    /// up to the rounding of f32. Out: the `tau` of each group, or the largest f32 where that is more
    /// (the weights are right then too); 0 of a penalty that has none. One for each group, or empty where
    /// [`is_elementwise`](Regularizer::is_elementwise).
    pub tau: &'a mut [f32],
    /// At least [`scratch_len`] elements, overwritten.
    pub scratch: &'a mut [f32],
}

/// What happened: the same at any number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// An entry of v was NaN or infinite; it came out as NaN.
    pub nan: bool,
    /// Passes that summed over a group, added up over the groups.
    pub passes: u64,
    /// Weights that are exactly zero now.
    pub zeros: u64,
}

/// How many elements of scratch [`prox`] and [`update`](crate::update::update) want.
///
/// Groups that are columns want any, for sums and thresholds of the columns of a block, and so does a
/// penalty that is [any function of a group](Form::Whole).
///
/// # Panics
/// If memory cannot hold `groups`.
#[track_caller]
pub fn scratch_len<G: Into<Band>>(exec: Exec, reg: &Regularizer, groups: G) -> usize {
    let band = groups.into();
    band.buffer_len();
    match reg.form() {
        Form::Soft(_) | Form::Element(_) => 0,
        Form::Group(..) => {
            columns::scratch_len(run::tasks(exec, band.groups), band.reduced().groups)
        }
        Form::Whole(_) => whole::scratch_len(band.groups),
    }
}

/// `v <- argmin_x R(x) + 1/2 sum_i d_i (x_i - v_i)^2`, exactly, for each group.
///
/// A weight that becomes zero is +0.0, and so is any below the smallest normal f32. An entry that
/// is NaN or infinite comes out as NaN, raises [`Outcome::nan`], and the rest of its group is
/// solved without it.
///
/// ```
/// use proxtape_kernels::prox::{self, Groups, L11L12, Metric, Regularizer, Work};
/// use proxtape_kernels::{Exec, Isa};
/// let reg = Regularizer::L11L12(L11L12 { lambda1: 0.5, rho: 1.0 });
/// let (mut v, mut tau) = ([3.0, -1.0], [0.0]);
/// let work = Work { tau: &mut tau, scratch: &mut [] };
/// let at = Metric::Euclidean { step: 1.0 };
/// prox::prox(Exec::new(Isa::detect()), &reg, Groups::whole(2), &mut v, at, work);
/// // tau = 0.5 + 1 * |1.25|, and 1.25 = 3 - tau.
/// assert_eq!((v, tau), ([1.25, 0.0], [1.75]));
/// ```
///
/// Of a [`Band`] the elements outside are neither read nor written, and `d` is of the whole matrix.
///
/// # Panics
/// If `v`, `d` or `tau` does not fit `groups`, memory cannot hold these, scratch is short, a parameter of
/// `reg` is out of range, the step is negative or not finite, or `reg` has no prox in a diagonal metric.
pub fn prox<G: Into<Band>>(
    exec: Exec,
    reg: &Regularizer,
    groups: G,
    v: &mut [f32],
    at: Metric<'_>,
    work: Work<'_>,
) -> Outcome {
    prox_in(exec, (reg, groups.into()), v, at, work)
}

fn prox_in(
    exec: Exec,
    (reg, band): (&Regularizer, Band),
    v: &mut [f32],
    at: Metric<'_>,
    work: Work<'_>,
) -> Outcome {
    let n = band.buffer_len();
    assert!(v.len() == n, "prox: v has {} elements, {band:?} needs {n}", v.len());
    let v = Flat::new(v);
    match at {
        Metric::Euclidean { step } => {
            assert!(step >= 0.0 && step.is_finite(), "prox: step is {step}");
            run(exec, (reg, band), Euclidean { v, step }, v, work)
        }
        Metric::Diagonal { d } => {
            assert!(d.len() == n, "prox: d has {} elements, {band:?} needs {n}", d.len());
            run(exec, (reg, band), Diagonal { v, d }, v, work)
        }
    }
}
