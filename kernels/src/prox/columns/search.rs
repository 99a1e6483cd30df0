//! Any solver, in f64: one search for each group, all in step.

use super::{Block, COLUMNS, Done, Lanes, Pace, STRIP, Spot, Tile, VECTORS};
use crate::prox::shrink::{Cut, Cuts, Tally};
use crate::prox::solver::{Probe, State, Step, Threshold, solve_wide};
use crate::prox::source::Scale;
use crate::prox::sums::terms;
use crate::prox::sweep::Elements;
use crate::simd::{Kernel, Simd};
use core::mem::MaybeUninit;

/// Of `Lanes::more`, by column: the guess of ||x||_2, and the last two numbers of a `Cut`.
const NORM_GUESS: usize = 0;
const SCALE: usize = 1;
const C: usize = 2;

/// The search of one group.
#[derive(Clone, Copy, Default)]
struct Search {
    state: State,
    found: Option<Threshold>,
}

impl<M: Scale> Block<'_, M> {
    /// The first probes.
    pub(super) fn aim(&self, lanes: &mut Lanes<'_>) {
        lanes.cut.fill(0.0);
        lanes.more[NORM_GUESS].fill(0.0);
        for i in 0..self.range.len() {
            self.aim_at(i, &self.start_of(i).probe, lanes);
        }
    }

    fn start_of(&self, i: usize) -> State {
        self.question.solver.start(f64::from(self.warm(i)))
    }

    /// Sets the probe of group i.
    fn aim_at(&self, i: usize, probe: &Probe, lanes: &mut Lanes<'_>) {
        let inner = self.band.groups.inner;
        let columns = i * inner..(i + 1) * inner;
        lanes.cut[columns.clone()].fill(self.question.cut(probe.tau));
        lanes.more[NORM_GUESS][columns].fill(probe.s as f32);
    }

    /// The sums of all columns at the first probes, for `search`.
    #[inline(always)]
    pub(super) fn sum<S: Simd>(
        &self,
        s: S,
        elements: impl Elements<Scale = M>,
        lanes: &mut Lanes<'_>,
    ) {
        let strips = &[true; COLUMNS / STRIP][..self.columns().div_ceil(STRIP)];
        let pace = Pace::first(self.band.groups);
        self.sum_strips::<S, _, true>(s, elements, (strips, pace), lanes);
    }

    #[inline(always)]
    fn sum_strips<S: Simd, E: Elements<Scale = M>, const NORM: bool>(
        &self,
        s: S,
        elements: E,
        (strips, pace): (&[bool], Pace),
        lanes: &mut Lanes<'_>,
    ) {
        lanes.clear(strips);
        let mut sums = Sums::<M, E, NORM> { block: self, elements, lanes };
        self.tiles(s, (strips, pace), &mut sums);
    }

    /// Solves and applies, from the first sums on.
    #[inline(never)]
    pub(super) fn search<S: Simd>(&self, s: S, lanes: &mut Lanes<'_>) -> Done {
        s.vectorize(Solve::<M, true> { block: self, lanes })
    }

    /// Off the fast path: v is made already, and nothing is cut off.
    #[cold]
    #[inline(never)]
    pub(super) fn irregular<S: Simd>(&self, s: S, lanes: &mut Lanes<'_>) -> Done {
        s.vectorize(Solve::<M, false> { block: self, lanes })
    }

    /// Hands the sums of a group to the solver; returns how many passes it made itself.
    fn advance<const NORM: bool>(&self, g: usize, search: &mut Search, lanes: &Lanes<'_>) -> u64 {
        let (question, state, inner) = (&self.question, &mut search.state, self.band.groups.inner);
        let total = |k| (g * inner..(g + 1) * inner).map(|i| lanes.sum(i, k)).sum();
        let sums = question.sums::<NORM>(state.probe, [total(0), total(1), total(2)]);
        let step = sums
            .map_or(Step::Wide, |sums| question.solver.next(question.wide_step(), state, &sums));
        let (found, passes) = match step {
            Step::Done(threshold) => (Some(threshold), 0),
            Step::Probe => (None, 0),
            Step::Wide => {
                let (threshold, passes) = self.solve_wide(g);
                (Some(threshold), u64::from(passes))
            }
        };
        search.found = found;
        passes
    }

    /// The search with sums in f64.
    fn solve_wide(&self, g: usize) -> (Threshold, u32) {
        let (question, warm) = (&self.question, f64::from(self.warm(g)));
        let indices = self.band.indices(self.range.start + g);
        // SAFETY: the elements of the group are inside the buffers and this task's own.
        let elements = indices.map(|at| unsafe { self.made.wide(at) });
        solve_wide(question.solver, question.wide_step(), warm, elements)
    }
}

struct Solve<'b, 'a, 'l, 'm, M, const NORM: bool> {
    block: &'b Block<'a, M>,
    lanes: &'l mut Lanes<'m>,
}

impl<M: Scale, const NORM: bool> Kernel for Solve<'_, '_, '_, '_, M, NORM> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Solve { block, lanes } = self;
        let (question, count, inner) =
            (&block.question, block.range.len(), block.band.groups.inner);
        // A thousand searches are 100 KiB, which a small block should not have to clear.
        let mut memory = [const { MaybeUninit::<Search>::uninit() }; COLUMNS];
        for (i, search) in memory[..count].iter_mut().enumerate() {
            search.write(Search { state: block.start_of(i), found: None });
        }
        // SAFETY: the first `count` are initialised above, and `memory` is not used otherwise.
        let searches: &mut [Search] =
            unsafe { core::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), count) };
        let mut strips = [true; COLUMNS / STRIP];
        let strips = &mut strips[..block.columns().div_ceil(STRIP)];
        let mut passes = 0;

        if !NORM {
            block.aim(lanes);
            block.sum_strips::<S, _, NORM>(
                s,
                block.made,
                (strips, Pace::later(block.band.groups)),
                lanes,
            );
        }
        loop {
            strips.fill(false);
            for (g, search) in searches.iter_mut().enumerate().filter(|(_, x)| x.found.is_none()) {
                passes += 1 + block.advance::<NORM>(g, search, lanes);
                if search.found.is_none() {
                    block.aim_at(g, &search.state.probe, lanes);
                    strips[g * inner / STRIP..=((g + 1) * inner - 1) / STRIP].fill(true);
                }
            }
            if !strips.contains(&true) {
                break;
            }
            block.sum_strips::<S, _, NORM>(
                s,
                block.made,
                (strips, Pace::later(block.band.groups)),
                lanes,
            );
        }

        for (i, search) in searches.iter().enumerate() {
            let mut threshold = search.found.unwrap_or_default();
            block.set_tau(i, threshold.tau.min(f64::from(f32::MAX)) as f32);
            if M::DIAGONAL && !threshold.fits() {
                let elements = block.band.indices(block.range.start + i);
                // SAFETY: the elements of the group are inside the buffers and this task's own.
                threshold = unsafe { block.made.apply_wide(threshold, elements) };
            }
            let cut = Cut::new(threshold, question.step);
            let columns = i * inner..(i + 1) * inner;
            lanes.cut[columns.clone()].fill(cut.cut);
            lanes.more[SCALE][columns.clone()].fill(cut.scale);
            lanes.more[C][columns].fill(cut.c);
        }
        strips.fill(true);
        let divides = lanes.more[C][..block.columns()].iter().any(|&c| c != 0.0);
        let mut apply = Apply { block, lanes, divides, tally: Tally::new(s) };
        block.tiles(s, (strips, Pace::later(block.band.groups)), &mut apply);
        Done { passes, ..apply.tally.done(s) }
    }
}

struct Sums<'b, 'a, 'l, 'm, M, E, const NORM: bool> {
    block: &'b Block<'a, M>,
    elements: E,
    lanes: &'l mut Lanes<'m>,
}

impl<S: Simd, M: Scale, E: Elements<Scale = M>, const NORM: bool> Tile<S>
    for Sums<'_, '_, '_, '_, M, E, NORM>
{
    const IS_HOT: bool = false;

    #[inline(always)]
    fn tile(&mut self, s: S, Spot { rows, from, live, ahead }: Spot) {
        let (block, lanes) = (self.block, &mut *self.lanes);
        let mut acc = [[s.zero(); 3]; VECTORS];
        let mut levels = [block.question.levels(s, s.zero(), s.zero()); VECTORS];
        for (k, level) in levels.iter_mut().enumerate().take(STRIP / S::LANES) {
            let i = from + k * S::LANES;
            let norm = if NORM { s.load(&lanes.more[NORM_GUESS][i..]) } else { s.zero() };
            *level = block.question.levels(s, s.load(&lanes.cut[i..]), norm);
        }
        for row in rows {
            let at = block.at(row, from);
            for k in 0..STRIP / S::LANES {
                let n = S::LANES.min(live.saturating_sub(k * S::LANES));
                if n > 0 {
                    // SAFETY: the columns are inside the matrix and this task's own.
                    let x = unsafe { self.elements.get(s, at + k * S::LANES, n) };
                    for (acc, t) in acc[k].iter_mut().zip(terms::<S, M, NORM>(s, &levels[k], x)) {
                        *acc = s.add(*acc, t);
                    }
                }
            }
            if ahead > 0 {
                self.elements.prefetch(at.wrapping_add(ahead));
            }
        }
        for (k, acc) in acc.iter().enumerate().take(STRIP / S::LANES) {
            for (sum, &x) in acc.iter().enumerate() {
                lanes.add(s, from + k * S::LANES, sum, x);
            }
        }
    }
}

struct Apply<'b, 'a, 'l, 'm, S: Simd, M> {
    block: &'b Block<'a, M>,
    lanes: &'l Lanes<'m>,
    divides: bool,
    tally: Tally<S>,
}

impl<S: Simd, M: Scale> Tile<S> for Apply<'_, '_, '_, '_, S, M> {
    const IS_HOT: bool = false;

    #[inline(always)]
    fn tile(&mut self, s: S, Spot { rows, from, live, ahead }: Spot) {
        let mut tally = self.tally;
        for k in 0..STRIP / S::LANES {
            let (i, n) = (from + k * S::LANES, S::LANES.min(live.saturating_sub(k * S::LANES)));
            if n == 0 {
                continue;
            }
            let load = |x: &[f32]| s.load(&x[i..]);
            let cuts = Cuts {
                cut: load(self.lanes.cut),
                scale: load(self.lanes.more[SCALE]),
                c: load(self.lanes.more[C]),
                divides: self.divides,
            };
            for row in rows.clone() {
                let at = self.block.at(row, i);
                // SAFETY: the columns are inside the matrix and this task's own.
                unsafe { self.block.made.apply(s, &cuts, &mut tally, (at, n)) };
                if ahead > 0 && k == 0 {
                    self.block.made.prefetch(at.wrapping_add(ahead));
                }
            }
        }
        self.tally = tally;
    }
}
