//! The seam between a penalty and the kernels: what a penalty asks of a group, and what it answers.
//!
//! A solver is a resumable search. The kernel calls `start`, sums what the probe asks for, hands
//! the sums to `next`, and so on until `Done`. The contiguous kernel loops over one group; the
//! column kernel runs those of a block in step, one sweep of the block for each round.

/// A penalty on weights: what the kernels need to know about it.
pub(crate) trait Penalty: Sync {
    fn form(&self) -> Form<'_>;

    fn supports_diagonal(&self) -> bool {
        true
    }
}

/// The shapes that a penalty can have.
pub(crate) enum Form<'a> {
    /// tau and c are known before the group is seen: lambda1 and beta.
    Soft(Terms),
    /// A function of each weight alone.
    Element(&'a dyn Element),
    /// tau and c are solved for in each group.
    Group(Terms, &'a dyn Solver),
}

/// `lambda1 ||x||_1 + beta/2 ||x||_2^2 + lambda2 ||x||_2 + rho/2 ||x||_1^2` of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) lambda1: f32,
    pub(crate) beta: f32,
    pub(crate) lambda2: f32,
    pub(crate) rho: f32,
}

impl Terms {
    pub(crate) fn is_valid(&self) -> bool {
        let all = [self.lambda1, self.beta, self.lambda2, self.rho];
        all.iter().all(|&x| x >= 0.0 && x.is_finite())
    }
}

/// e of some elements.
pub(crate) enum Steps<'a> {
    Same(f32),
    Each(&'a [f32]),
}

/// A penalty of each weight alone that is not soft thresholding; all in f64.
pub(crate) trait Element: Sync {
    fn is_valid(&self) -> bool;
    /// argmin over x >= 0 of 1/2 (x - a)^2 + e R(x), for a >= 0.
    fn shrink(&self, a: f64, e: f64) -> f64;
    /// The same for many, in place: one indirect call, behind which the function is known. What is
    /// not above 0, a NaN too, becomes 0.
    fn shrink_all(&self, a: &mut [f32], e: Steps<'_>) {
        let one = |a: &mut f32, e: f32| {
            *a = if *a > 0.0 { self.shrink(f64::from(*a), f64::from(e)) as f32 } else { 0.0 };
        };
        match e {
            Steps::Same(e) => a.iter_mut().for_each(|a| one(a, e)),
            Steps::Each(e) => a.iter_mut().zip(e).for_each(|(a, &e)| one(a, e)),
        }
    }
    /// R(a), for a >= 0.
    fn value(&self, a: f64) -> f64;
    /// R'(a) for a > 0, and its limit at 0: infinite where a zero stays zero at any gradient.
    fn slope(&self, a: f64) -> f64;
}

/// The point at which a solver wants sums.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Probe {
    pub(crate) tau: f64,
    /// A guess of ||x||_2, used by `Measure::Shrunk` only.
    pub(crate) s: f64,
}

/// Sums over a group at a probe. With `b_i = (|v_i| - tau e_i)_+` and A the elements with b > 0:
///
/// - `Above`: count = |A|, excess = sum b, weight = sum over A of e;
/// - `Squares` (Euclidean only): these, and squares = sum b^2;
/// - `Shrunk`: with `q_i = b_i / (s + lambda2 e_i)`: excess = sum q, squares = sum q^2,
///   cubes = sum q^2 / (s + lambda2 e).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    /// The tau where the sums were taken, after rounding.
    pub(crate) tau: f64,
    pub(crate) count: f64,
    pub(crate) weight: f64,
    pub(crate) excess: f64,
    pub(crate) squares: f64,
    pub(crate) cubes: f64,
    /// The share of a sum that its rounding may be; 0 for sums in f64.
    pub(crate) rounding: f64,
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

/// Where the search of one group stands. One record serves every solver, so that the column
/// kernel can hold many of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub(crate) probe: Probe,
    pub(crate) pass: u32,
    /// Passes of the outer search, where there are two.
    pub(crate) outer: u32,
    pub(crate) count: f64,
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) at_lo: f64,
    pub(crate) at_hi: f64,
}

impl State {
    pub(crate) fn at(tau: f64) -> State {
        State { probe: Probe { tau, s: 0.0 }, hi: f64::INFINITY, ..State::default() }
    }
}

/// `x_i = soft(v_i, tau e_i) / (1 + c e_i)`; an infinite c makes the group zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) tau: f64,
    pub(crate) c: f64,
}

/// What a solver wants next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Sums at `state.probe`.
    Probe,
    /// The whole search with sums in f64; never asked of these.
    Wide,
    Done(Threshold),
}

/// A penalty of the group as a whole, in scalar f64.
pub(crate) trait Solver: Sync {
    /// Whether it needs `Squares` (Euclidean) and `Shrunk` (diagonal), and not just `Above`.
    fn needs_norm(&self) -> bool;

    /// The lambda2 of `Shrunk`.
    fn lambda2(&self) -> f64 {
        0.0
    }

    /// (lambda1, rho) where all that is solved is `tau = lambda1 + rho sum (a - tau e)_+`: then
    /// vectors do it, and the rest of this trait serves what is not mild.
    fn linear(&self) -> Option<(f32, f32)> {
        None
    }

    /// The first probe. `warm` is the group's last tau: any number.
    fn start(&self, warm: f64) -> State;

    /// Takes the sums at `state.probe`. `step` is e where the metric is Euclidean.
    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step;
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
