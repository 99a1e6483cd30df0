//! Newton's method, one group of a batch in each lane. The sums of one are folded and the equations
//! of all solved while the next is swept.

use super::visit::SumAbove;
use super::{BATCH, Done, Task};
use crate::prox::band::Band;
use crate::prox::flat::UNROLL;
use crate::prox::newton::{Above, Equation};
use crate::prox::source::{Scale, Streams};
use crate::prox::sweep::{Streaming, Sweep};
use crate::simd::{Kernel, Simd};
use core::ops::Range;

/// The most elements that are prefetched before their turn: 64 KiB of w, of g and of m, which leaves most
/// of L2 to the group.
const AHEAD: usize = 16 * 1024;

/// Elements whose w, g and m, 48 MiB, come from memory. (From L3 the step takes 1.2 times as long where
/// the first sweep asks ahead.)
const STREAMS: usize = 4 * 1024 * 1024;

/// The prefetch ahead of the sweeps.
pub(super) struct Ahead {
    /// What the groups to come will read.
    streams: Streams,
    /// The next element to prefetch.
    at: usize,
    /// Whether the first sweep asks too.
    streaming: bool,
}

impl Ahead {
    /// Before the first group of a task.
    pub(super) fn new(streams: Streams, band: Band, first: usize) -> Ahead {
        let Band { groups, start, .. } = band;
        let streaming = groups.len() > STREAMS && groups.outer == 1;
        let at = if streaming { start + first * groups.inner + BATCH } else { 0 };
        Ahead { streams, at, streaming }
    }
}

/// A batch of groups, at most one for each lane.
pub(super) struct Newton<'a, 't, M> {
    task: &'t Task<'a, M>,
    equation: &'t Equation,
    batch: Range<usize>,
    ahead: &'t mut Ahead,
    /// The end of the batch in memory.
    end: usize,
    /// The first cuts.
    cuts: [f32; 16],
    /// The sums of the last sweep: count, excess and weight.
    sums: [[f32; 16]; 3],
    counts: [f64; 16],
}

impl<'a, 't, M: Scale> Newton<'a, 't, M> {
    #[inline(always)]
    pub(super) fn new<S: Simd>(
        s: S,
        task: &'t Task<'a, M>,
        equation: &'t Equation,
        batch: Range<usize>,
        ahead: &'t mut Ahead,
    ) -> Self {
        let mut cuts = [0.0; 16];
        for (cut, g) in cuts.iter_mut().zip(batch.clone()) {
            *cut = task.warm(g);
        }
        let Band { groups, start, stride } = task.band;
        let end = start + (groups.outer - 1) * stride + batch.end * groups.inner;
        let cuts = s.to_lanes(equation.start(s, s.load(&cuts)));
        Newton { task, equation, batch, ahead, end, cuts, sums: [[0.0; 16]; 3], counts: [0.0; 16] }
    }

    /// Makes v, and sums at the first cuts.
    #[inline(always)]
    pub(super) fn first<S: Simd>(&mut self, s: S, elements: impl Sweep<Scale = M>) {
        for i in 0..self.batch.len() {
            if self.ahead.streaming {
                self.sweep(s, Streaming(elements), (i, self.cuts[i]));
            } else {
                self.sweep(s, elements, (i, self.cuts[i]));
            }
        }
    }

    /// Solves and applies, after `first`.
    #[inline(never)]
    pub(super) fn settle<S: Simd>(&mut self, s: S) -> Done {
        s.vectorize(Settle(self))
    }

    /// The sums of group i of the batch, where `cut` is still to be cut off.
    #[inline(always)]
    fn sweep<S: Simd, E: Sweep<Scale = M>>(&mut self, s: S, elements: E, (i, cut): (usize, f32)) {
        let (task, g) = (self.task, self.batch.start + i);
        let mut sum = SumAbove {
            elements,
            cut: s.splat(cut),
            acc: [[s.zero(); 3]; UNROLL],
            streams: &self.ahead.streams,
            ahead: self.ahead.at..self.end + AHEAD,
        };
        let total = task.fold(s, g, &mut sum);
        let at = sum.ahead.start;
        self.ahead.at = at;
        for (sum, total) in self.sums.iter_mut().zip(total) {
            sum[i] = total as f32;
        }
        self.counts[i] = total[0];
    }

    #[inline(always)]
    fn above<S: Simd>(&self, s: S, cut: S::F) -> Above<S> {
        let [count, excess, weight] = self.sums.each_ref().map(|x| s.load(x));
        Above { cut, count, excess, weight: if M::DIAGONAL { weight } else { count } }
    }
}

struct Settle<'n, 'a, 't, M>(&'n mut Newton<'a, 't, M>);

impl<M: Scale> Kernel for Settle<'_, '_, '_, M> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let newton = self.0;
        let Newton { task, equation, .. } = *newton;
        let (first, n) = (newton.batch.start, newton.batch.len());
        let mut done = Done { passes: n as u64, ..Done::default() };
        newton.ahead.at = newton.ahead.at.max(newton.end);
        let mut cut = s.load(&newton.cuts);
        let size = task.band.groups.group_size() as f32;
        let mild = equation.is_mild(s, &newton.above(s, cut), size);
        let mut open = s.select_or_zero(s.first_lanes(n), s.splat(1.0));
        if s.count(mild) < S::LANES as u32 {
            let mild = s.to_lanes(s.select_or_zero(mild, s.splat(1.0)));
            for (i, _) in mild[..n].iter().enumerate().filter(|(_, mild)| **mild == 0.0) {
                done.add(task.irregular(s, first + i));
            }
            open = s.mul(open, s.load(&mild));
        }
        let own = s.to_lanes(open);
        // What is cut off already, and the last count.
        let (mut base, mut before) = (s.zero(), s.splat(f32::NAN));
        for pass in 1.. {
            let (next, is_done) = equation.step(s, &newton.above(s, cut), before);
            cut = s.select(is_done, cut, next);
            let parts = s.to_lanes(s.sub(cut, base));
            let moves = s.to_lanes(s.select(is_done, s.zero(), open));
            // The first cut is cut off even where it is the last.
            let swept = if pass == 1 { &own } else { &moves };
            if swept[..n].iter().all(|&x| x == 0.0) {
                break;
            }
            before = s.load(&newton.sums[0]);
            for i in (0..n).filter(|&i| swept[i] != 0.0) {
                newton.sweep(s, task.made, (i, parts[i]));
                done.passes += u64::from(moves[i] != 0.0);
            }
            base = cut;
        }
        let taus = s.to_lanes(equation.tau(s, cut));
        for i in (0..n).filter(|&i| own[i] != 0.0) {
            done.kept += newton.counts[i] as u64;
            task.set_tau(first + i, taus[i]);
        }
        done
    }
}
