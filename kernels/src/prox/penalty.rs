//! What a penalty is to the kernels: its form, which says how its prox is found, and facts about it.
//!
//! With `e = 1/d`, the step where the metric is Euclidean:
//!
//! | form | prox | how it runs |
//! | --- | --- | --- |
//! | [`Soft`](Form::Soft) | `soft(v, lambda1 e) / (1 + beta e)` | one pass, in vectors |
//! | [`Element`](Form::Element) | a function of each `abs(v)` and e | in f64, between two passes in vectors |
//! | [`Group`](Form::Group) | `soft(v, tau e) / (1 + c e)`, where sums over the group tell tau and c | sums and cuts in vectors |
//! | [`Whole`](Form::Whole) | any function of the group | one group after another, in scalar code |

use super::solver::Solver;
use core::fmt::Debug;

/// A penalty on weights, `R(x) = sum_g r(x_g)`: what the kernels need to know about it.
///
/// It is implemented by every regulariser here, and by those of an embedder, which
/// [`Own`](super::Own) carries into a [`Regularizer`](super::Regularizer). Its numbers are those of the
/// objective: no step is multiplied in.
///
/// ```
/// use proxtape_kernels::prox::{self, Form, GroupProx, Groups, Metric, Own, Penalty, Regularizer};
/// use proxtape_kernels::prox::{Steps, Work, Zeros, scratch_len};
/// use proxtape_kernels::{Exec, Isa};
///
/// /// `r(x) = sum_i x_i` where no x is negative, and infinite elsewhere: `x_i = max(v_i - e_i, 0)`.
/// #[derive(Debug)]
/// struct Nonnegative;
///
/// impl Penalty for Nonnegative {
///     fn form(&self) -> Form<'_> {
///         Form::Whole(self)
///     }
/// }
///
/// impl GroupProx for Nonnegative {
///     fn prox(&self, v: &mut [f32], e: Steps<'_>) {
///         v.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - e.at(i)).max(0.0));
///     }
///
///     fn value(&self, x: &[f32]) -> f64 {
///         let one = |&x: &f32| if x < 0.0 { f64::INFINITY } else { f64::from(x) };
///         x.iter().map(one).sum()
///     }
/// }
///
/// static NONNEGATIVE: Nonnegative = Nonnegative;
/// let reg = Regularizer::Own(Own::new(&NONNEGATIVE).times(0.5));
/// assert_eq!(reg.zeros(), Zeros::All);
/// let (exec, groups) = (Exec::new(Isa::detect()), Groups::rows(2, 2));
/// let (mut v, mut tau) = ([3.0, -1.0, 0.5, 2.0], [0.0; 2]);
/// let mut scratch = vec![0.0; scratch_len(exec, &reg, groups)];
/// let work = Work { tau: &mut tau, scratch: &mut scratch };
/// prox::prox(exec, &reg, groups, &mut v, Metric::Euclidean { step: 2.0 }, work);
/// assert_eq!(v, [2.0, 0.0, 0.0, 1.0]);
/// ```
pub trait Penalty: Debug + Send + Sync {
    /// How its prox is found: the same at each call.
    fn form(&self) -> Form<'_>;

    /// Whether there is a prox where e differs between the elements of a group, as under Adam.
    fn supports_diagonal(&self) -> bool {
        true
    }

    /// Whether every number is in its range; the kernels refuse one that is not.
    fn is_valid(&self) -> bool {
        self.form().is_valid()
    }

    /// What it makes exactly zero where it is strong enough.
    fn zeros(&self) -> Zeros {
        self.form().zeros()
    }

    /// Whether it is convex and its prox exact, so that no two points are further apart after the prox
    /// than before.
    fn is_convex(&self) -> bool {
        matches!(self.form(), Form::Soft(_) | Form::Group(..))
    }
}

/// The forms that a penalty can have.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// Of `lambda1` and `beta` alone: nothing is solved for.
    Soft(Terms),
    /// A function of each weight alone.
    Element(&'a dyn Element),
    /// These terms, whose tau and c a solver finds in each group.
    Group(Terms, &'a dyn Solver),
    /// Any function of the group.
    Whole(&'a dyn GroupProx),
}

impl core::fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Form::Soft(terms) => f.debug_tuple("Soft").field(terms).finish(),
            Form::Element(_) => f.write_str("Element(..)"),
            Form::Group(terms, _) => f.debug_tuple("Group").field(terms).finish_non_exhaustive(),
            Form::Whole(_) => f.write_str("Whole(..)"),
        }
    }
}

impl Form<'_> {
    fn is_valid(&self) -> bool {
        match self {
            Form::Soft(terms) | Form::Group(terms, _) => terms.is_valid(),
            Form::Element(element) => element.is_valid(),
            Form::Whole(function) => function.is_valid(),
        }
    }

    fn zeros(&self) -> Zeros {
        match self {
            Form::Soft(terms) | Form::Group(terms, _) => terms.zeros(),
            Form::Element(element) if element.value(1.0) > 0.0 => Zeros::All,
            Form::Element(_) => Zeros::Nothing,
            Form::Whole(_) => Zeros::All,
        }
    }
}

/// What a penalty makes exactly zero, where it is strong enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// Nothing, as l2, or a penalty without strength.
    Nothing,
    /// All but one weight of each group, as l1,2 alone.
    AllButOne,
    /// Whole groups.
    All,
}

/// `lambda1 ||x||_1 + beta/2 ||x||_2^2 + lambda2 ||x||_2 + rho/2 ||x||_1^2` of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// The weight of l1,1.
    pub lambda1: f32,
    /// The weight of l2.
    pub beta: f32,
    /// The weight of l2,1.
    pub lambda2: f32,
    /// The weight of l1,2.
    pub rho: f32,
}

impl Terms {
    pub(crate) fn is_valid(&self) -> bool {
        let all = [self.lambda1, self.beta, self.lambda2, self.rho];
        all.iter().all(|&x| x >= 0.0 && x.is_finite())
    }

    fn zeros(&self) -> Zeros {
        match self {
            Terms { lambda1, lambda2, .. } if *lambda1 > 0.0 || *lambda2 > 0.0 => Zeros::All,
            Terms { rho, .. } if *rho > 0.0 => Zeros::AllButOne,
            _ => Zeros::Nothing,
        }
    }

    /// The terms of `factor` times the penalty.
    pub(crate) fn times(&self, factor: f32) -> Terms {
        let Terms { lambda1, beta, lambda2, rho } = *self;
        let [lambda1, beta, lambda2, rho] = [lambda1, beta, lambda2, rho].map(|x| factor * x);
        Terms { lambda1, beta, lambda2, rho }
    }
}

/// e of some elements, none of them negative.
#[derive(Clone, Copy, Debug)]
pub enum Steps<'a> {
    /// The same for all.
    Same(f32),
    /// One for each.
    Each(&'a [f32]),
}

impl Steps<'_> {
    /// e of element i.
    pub fn at(&self, i: usize) -> f32 {
        match self {
            Steps::Same(e) => *e,
            Steps::Each(e) => e[i],
        }
    }
}

/// A penalty of each weight alone, the same for w and -w, that is not soft thresholding; all in f64.
pub trait Element: Sync {
    /// Whether every number is in its range.
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

/// A penalty of a group as a whole, whose prox is any code: the form that fits all, and the slow one.
///
/// The kernels make v, copy each group to scratch, call [`prox`](GroupProx::prox), and copy it back:
/// one group after another, on the calling thread.
pub trait GroupProx: Sync {
    /// Whether every number is in its range.
    fn is_valid(&self) -> bool {
        true
    }

    /// `v <- argmin_x r(x) + 1/2 sum_i (x_i - v_i)^2 / e_i` for one group, in memory order.
    ///
    /// Every v is finite: an entry that was not comes as 0, and leaves as NaN. What is below the
    /// smallest normal f32 is +0.0 afterwards, and what is not finite NaN. An entry whose e is 0 stays as
    /// it was, whatever it is given here.
    fn prox(&self, v: &mut [f32], e: Steps<'_>);

    /// r of one group.
    fn value(&self, x: &[f32]) -> f64;

    /// A factor on r that [`prox`](GroupProx::prox) need not know: its e are multiplied by it. That of
    /// [`Own`](super::Own).
    fn strength(&self) -> f32 {
        1.0
    }
}
