//! The regularised optimiser step, fused: one pass over memory where a group fits into a cache.
//!
//! ```text
//! SGD        v = w - eta g                                          prox step  eta
//! momentum   m = beta m + g;  v = w - eta m                                    eta / (1 - beta)
//! Nesterov   m = beta m + g;  v = w - eta (g + beta m)                         eta / (1 - beta)
//! Adam(W)    m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g^2       diagonal metric
//!            v = (1 - eta decay) w - e m / (1 - beta1^t)            e = eta / (sqrt(s / (1 - beta2^t)) + eps)
//! then       w = prox(v)
//! ```
//!
//! A prox step beyond f32 counts as the largest f32.
//!
//! Momentum is PyTorch's form. At its fixed point m = g/(1 - beta), so a prox with step
//! eta/(1 - beta), and for Adam one in the metric 1/e, leaves the stationary points of
//! `loss + R`: **lambda means the objective**, under every rule. (With a prox step of eta, as in
//! plain SGD, momentum would weigh R by 1 - beta.)
//!
//! The prox is exact for the subproblem of its step, `argmin_x R(x) + |x - v|^2 / (2 step)` with the step
//! of the table, up to the rounding of f32; the momentum step as a whole is no proximal gradient step of
//! the objective.
//!
//! [`update`] reads w, g and the moments once and writes w and the moments once; the search for a
//! group's threshold runs while the group is in cache. Groups longer than that, and columns of a large
//! weight, are swept again from memory. [`Panels`] take g a few rows at a time.
//! Moments and weights below the smallest normal f32 become +0.0: denormals would slow every later
//! step, and a prox makes many.

mod panel;
mod rules;
mod unfused;

pub use panel::{PanelScratch, Panels, Produce, RowsData};
pub use unfused::{unfused_scratch_len, update_unfused};

use crate::Exec;
use crate::prox::{self, Band, Flat, Groups, Outcome, Regularizer, Work};
use rules::{Adam, Fused, Momentum, Parts, Sgd};

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent; no moments.
    Sgd,
    /// Heavy-ball momentum, one moment.
    Momentum {
        /// The share of the old moment, in 0..1.
        beta: f32,
    },
    /// Nesterov's momentum, one moment.
    Nesterov {
        /// The share of the old moment, in 0..1.
        beta: f32,
    },
    /// Adam with decoupled decay (AdamW), two moments.
    Adam {
        /// The share of the old first moment, in 0..1.
        beta1: f32,
        /// The share of the old second moment, in 0..1.
        beta2: f32,
        /// Added to the root of the second moment; at least 1e-30, so that no step is 0/0.
        eps: f32,
        /// The share of w that a unit of eta takes away, beside any regulariser.
        decay: f32,
    },
}

impl Rule {
    /// Buffers of moments that it keeps: 0, 1 or 2.
    pub fn moments(&self) -> usize {
        match self {
            Rule::Sgd => 0,
            Rule::Momentum { .. } | Rule::Nesterov { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }

    /// Whether the prox of its step is in a diagonal metric: each weight has a step size of its own. A
    /// regulariser may have no prox there ([`Regularizer::supports_diagonal`]).
    pub fn is_diagonal(&self) -> bool {
        match self {
            Rule::Sgd | Rule::Momentum { .. } | Rule::Nesterov { .. } => false,
            Rule::Adam { .. } => true,
        }
    }

    /// Whether every number is in its range.
    pub fn is_valid(&self) -> bool {
        self.out_of_range().is_none()
    }

    /// The first number that is not in its range.
    ///
    /// ```
    /// use proxtape_kernels::update::Rule;
    /// let wrong = Rule::Momentum { beta: 1.0 }.out_of_range().unwrap();
    /// assert_eq!((wrong.name, wrong.found), ("beta", 1.0));
    /// assert_eq!(wrong.expected, "a number of at least 0 and below 1");
    /// ```
    pub fn out_of_range(&self) -> Option<OutOfRange> {
        let wrong = |fits: bool, name, expected, found| {
            (!fits).then_some(OutOfRange { name, expected, found })
        };
        let share =
            |name, x| wrong((0.0..1.0).contains(&x), name, "a number of at least 0 and below 1", x);
        let is_size = |x: f32, least: f32| x >= least && x.is_finite();
        match *self {
            Rule::Sgd => None,
            Rule::Momentum { beta } | Rule::Nesterov { beta } => share("beta", beta),
            Rule::Adam { beta1, beta2, eps, decay } => {
                let [eps_in, decay_in] =
                    ["a finite number of at least 1e-30", "a finite number of at least 0"];
                let eps = wrong(is_size(eps, 1e-30), "eps", eps_in, eps);
                let decay = wrong(is_size(decay, 0.0), "decay", decay_in, decay);
                share("beta1", beta1).or(share("beta2", beta2)).or(eps).or(decay)
            }
        }
    }
}

/// A number of a [`Rule`] that is not in its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutOfRange {
    /// The name of the field.
    pub name: &'static str,
    /// The range.
    pub expected: &'static str,
    /// The number.
    pub found: f32,
}

/// One step for one weight tensor, or for the groups of it that a [`Band`] has.
#[derive(Clone, Copy, Debug)]
pub struct Update<G = Groups> {
    /// The penalty, with the numbers of the objective.
    pub reg: Regularizer,
    /// How the weights fall into groups.
    pub groups: G,
    /// The rule.
    pub rule: Rule,
    /// The learning rate.
    pub eta: f32,
    /// Which step this is, from 1: Adam's bias correction.
    pub step: u64,
}

impl<G: Into<Band> + Copy> Update<G> {
    fn in_band(&self) -> Update<Band> {
        let Update { reg, groups, rule, eta, step } = *self;
        Update { reg, groups: groups.into(), rule, eta, step }
    }
}

/// What a step reads and writes.
#[derive(Debug)]
pub struct UpdateData<'a> {
    /// The weights, in and out.
    pub w: &'a mut [f32],
    /// The gradient of the loss.
    pub g: &'a [f32],
    /// The first moment, zeros before the first step; empty for [`Rule::Sgd`].
    pub m: &'a mut [f32],
    /// Adam's second moment, zeros before the first step; empty for the other rules.
    pub v: &'a mut [f32],
    /// One for each group, zeros before the first step, kept between steps; empty where the
    /// regulariser [is elementwise](Regularizer::is_elementwise).
    pub tau: &'a mut [f32],
}

/// Takes one step. `scratch` as [`prox::scratch_len`]. Of a [`Band`] the buffers are those of the whole
/// matrix, and the elements outside are neither read nor written.
///
/// ```
/// use proxtape_kernels::prox::{self, Groups, L11L12, Regularizer};
/// use proxtape_kernels::update::{Rule, Update, UpdateData, update};
/// use proxtape_kernels::{Exec, Isa};
/// let op = Update {
///     reg: Regularizer::L11L12(L11L12 { lambda1: 0.5, rho: 0.25 }),
///     groups: Groups::rows(2, 2),
///     rule: Rule::Momentum { beta: 0.5 },
///     eta: 0.5,
///     step: 1,
/// };
/// let (mut w, g) = ([4.0, 1.0, 0.25, -0.5], [2.0, 0.0, 0.5, 0.0]);
/// let (mut m, mut tau) = ([0.0; 4], [0.0; 2]);
/// let data = UpdateData { w: &mut w, g: &g, m: &mut m, v: &mut [], tau: &mut tau };
/// update(Exec::new(Isa::detect()), &op, data, &mut []);
/// // The prox step is 0.5 / (1 - 0.5) = 1, so tau = 0.5 + 0.25 * (3 - tau) = 1 for the first row.
/// assert_eq!((w, tau), ([2.0, 0.0, 0.0, 0.0], [1.0, 0.5]));
/// ```
///
/// # Panics
/// If a buffer does not fit `op.groups` and `op.rule`, memory cannot hold these, or a parameter is out of
/// range.
pub fn update<G: Into<Band> + Copy>(
    exec: Exec,
    op: &Update<G>,
    data: UpdateData<'_>,
    scratch: &mut [f32],
) -> Outcome {
    update_in(exec, &op.in_band(), data, scratch)
}

fn update_in(exec: Exec, op: &Update<Band>, data: UpdateData<'_>, scratch: &mut [f32]) -> Outcome {
    dispatch(op, data, FusedPass { exec, op, scratch })
}

/// Something to do with the operands of a rule, whichever it is.
trait Pass {
    fn run<P: Parts>(self, parts: P, w: Flat<'_>, tau: &mut [f32]) -> Outcome;
}

struct FusedPass<'a> {
    exec: Exec,
    op: &'a Update<Band>,
    scratch: &'a mut [f32],
}

impl Pass for FusedPass<'_> {
    fn run<P: Parts>(self, parts: P, w: Flat<'_>, tau: &mut [f32]) -> Outcome {
        let FusedPass { exec, op, scratch } = self;
        prox::run(exec, (&op.reg, op.groups), Fused(parts), w, Work { tau, scratch })
    }
}

/// Checks the operands, and names the rule once.
fn dispatch(op: &Update<Band>, data: UpdateData<'_>, pass: impl Pass) -> Outcome {
    let UpdateData { w, g, m, v, tau } = data;
    let Update { rule, eta, .. } = *op;
    check(op, [w.len(), g.len(), m.len(), v.len()]);
    let (w, m) = (Flat::new(w), Flat::new(m));
    match rule {
        Rule::Sgd => pass.run(Sgd { w, g, eta }, w, tau),
        Rule::Momentum { beta } => pass.run(Momentum::<false> { w, g, m, eta, beta }, w, tau),
        Rule::Nesterov { beta } => pass.run(Momentum::<true> { w, g, m, eta, beta }, w, tau),
        Rule::Adam { .. } => pass.run(Adam::new(op, (w, g), (m, Flat::new(v))), w, tau),
    }
}

/// Checks the parameters and the lengths of w, g, m and v.
fn check(op: &Update<Band>, lengths: [usize; 4]) {
    let Update { groups, rule, eta, .. } = *op;
    let n = groups.buffer_len();
    let moment = |i: usize| if rule.moments() > i { n } else { 0 };
    for ((name, len), want) in
        ["w", "g", "m", "v"].into_iter().zip(lengths).zip([n, n, moment(0), moment(1)])
    {
        assert!(len == want, "update: {name} has {len} elements, {groups:?} {rule:?} need {want}");
    }
    assert!(eta >= 0.0 && eta.is_finite(), "update: eta is {eta}");
    assert!(rule.is_valid(), "update: a parameter is out of range: {rule:?}");
    assert!(op.step > 0, "update: steps count from 1");
}
