//! Any solver, in f64: one search for each group, all in step.

use super::{Columns, Done, Lanes, STRIP, TILE_NARROW, TILE_WIDE, Tile, VECTORS, WIDE, fits};
use crate::prox::shrink::{Cut, Cuts, Tally};
use crate::prox::solver::{State, Step, Threshold, solve_wide};
use crate::prox::source::Source;
use crate::prox::sums::terms;
use crate::prox::sweep::AGAIN;
use crate::simd::Simd;
use core::mem::MaybeUninit;
use core::ops::Range;

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

impl<Src: Source> Columns<'_, Src> {
    #[inline(always)]
    pub(super) fn search<S: Simd, const NORM: bool, const MODE: u8>(
        &self,
        s: S,
        lanes: &mut Lanes<'_>,
    ) -> Done {
        let (first, count, inner) = (self.range.start, self.range.len(), self.groups.inner);
        // A thousand searches are 100 KiB, which a small block should not have to clear.
        let mut memory = [const { MaybeUninit::<Search>::uninit() }; WIDE];
        for (i, search) in memory[..count].iter_mut().enumerate() {
            // SAFETY: tau has one element for each group, and this one is the task's own.
            let warm = f64::from(unsafe { self.tau.get(first + i) });
            search.write(Search { state: self.question.solver.start(warm), found: None });
        }
        // SAFETY: the first `count` are initialised above, and `memory` is not used otherwise.
        let searches: &mut [Search] =
            unsafe { core::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), count) };
        let mut strips = [true; WIDE / STRIP];
        let strips = &mut strips[..self.columns().div_ceil(STRIP)];
        let step = if fits(self.groups) { TILE_NARROW } else { TILE_WIDE };
        let mut passes = 0;

        self.aim(searches, lanes);
        lanes.clear(strips);
        self.tiles(s, (strips, step), &mut Sums::<Src, NORM, MODE> { task: self, lanes });
        loop {
            strips.fill(false);
            for (g, search) in searches.iter_mut().enumerate().filter(|(_, x)| x.found.is_none()) {
                passes += 1 + self.advance::<NORM>(g, search, lanes);
                if search.found.is_none() {
                    strips[g * inner / STRIP..=((g + 1) * inner - 1) / STRIP].fill(true);
                }
            }
            if !strips.contains(&true) {
                break;
            }
            self.aim(searches, lanes);
            lanes.clear(strips);
            self.tiles(s, (strips, step), &mut Sums::<Src, NORM, AGAIN> { task: self, lanes });
        }

        for (i, search) in searches.iter().enumerate() {
            let threshold = search.found.unwrap_or_default();
            let cut = Cut::new(threshold, self.question.step);
            let columns = i * inner..(i + 1) * inner;
            lanes.cut[columns.clone()].fill(cut.cut);
            lanes.more[SCALE][columns.clone()].fill(cut.scale);
            lanes.more[C][columns].fill(cut.c);
            let tau = threshold.tau.min(f64::from(f32::MAX)) as f32;
            // SAFETY: tau has one element for each group, and this one is the task's own.
            unsafe { self.tau.set(first + i, tau) };
        }
        strips.fill(true);
        let divides = lanes.more[C][..self.columns()].iter().any(|&c| c != 0.0);
        let mut apply = Apply { task: self, lanes, divides, tally: Tally::new(s) };
        self.tiles(s, (strips, step), &mut apply);
        Done { nan: apply.tally.is_bad(s), passes, kept: apply.tally.kept() }
    }

    /// Sets the probes of the next sweep.
    fn aim(&self, searches: &[Search], lanes: &mut Lanes<'_>) {
        let inner = self.groups.inner;
        lanes.cut.fill(0.0);
        lanes.more[NORM_GUESS].fill(0.0);
        for (i, search) in searches.iter().enumerate() {
            let columns = i * inner..(i + 1) * inner;
            lanes.cut[columns.clone()].fill(self.question.cut(search.state.probe.tau));
            lanes.more[NORM_GUESS][columns].fill(search.state.probe.s as f32);
        }
    }

    /// Hands the sums of a group to the solver; returns how many passes it made itself.
    fn advance<const NORM: bool>(&self, g: usize, search: &mut Search, lanes: &Lanes<'_>) -> u64 {
        let (question, state, inner) = (&self.question, &mut search.state, self.groups.inner);
        let total = |k| (g * inner..(g + 1) * inner).map(|i| lanes.sum(i, k)).sum();
        let Some(sums) = question.sums::<NORM>(state.probe, [total(0), total(1), total(2)]) else {
            let (threshold, passes) = self.solve_wide(g);
            search.found = Some(threshold);
            return u64::from(passes);
        };
        if let Step::Done(x) = question.solver.next(question.wide_step(), state, &sums) {
            search.found = Some(x);
        }
        0
    }

    /// The search with sums in f64.
    fn solve_wide(&self, g: usize) -> (Threshold, u32) {
        let (question, g) = (&self.question, self.range.start + g);
        // SAFETY: tau has one element for each group, and g and its elements are this task's own.
        unsafe {
            let warm = f64::from(self.tau.get(g));
            let elements = self.groups.indices(g).map(|at| self.elements.wide(at));
            solve_wide(question.solver, question.wide_step(), warm, elements)
        }
    }
}

struct Sums<'a, 'l, 'm, Src, const NORM: bool, const MODE: u8> {
    task: &'a Columns<'a, Src>,
    lanes: &'l mut Lanes<'m>,
}

impl<S: Simd, Src: Source, const NORM: bool, const MODE: u8> Tile<S>
    for Sums<'_, '_, '_, Src, NORM, MODE>
{
    const IS_HOT: bool = false;

    #[inline(always)]
    fn tile(&mut self, s: S, rows: Range<usize>, from: usize, live: usize) {
        let (task, lanes) = (self.task, &mut *self.lanes);
        let mut acc = [[s.zero(); 3]; VECTORS];
        let mut levels = [task.question.levels(s, s.zero(), s.zero()); VECTORS];
        for (k, level) in levels.iter_mut().enumerate().take(STRIP / S::LANES) {
            let i = from + k * S::LANES;
            let norm = if NORM { s.load(&lanes.more[NORM_GUESS][i..]) } else { s.zero() };
            *level = task.question.levels(s, s.load(&lanes.cut[i..]), norm);
        }
        for row in rows {
            let at = task.at(row, from);
            for k in 0..STRIP / S::LANES {
                let n = S::LANES.min(live.saturating_sub(k * S::LANES));
                if n > 0 {
                    // SAFETY: the columns are inside the matrix and this task's own.
                    let x = unsafe { task.elements.get::<S, MODE>(s, at + k * S::LANES, n) };
                    for (acc, t) in acc[k].iter_mut().zip(terms::<S, Src, NORM>(s, &levels[k], x)) {
                        *acc = s.add(*acc, t);
                    }
                }
            }
        }
        for (k, acc) in acc.iter().enumerate().take(STRIP / S::LANES) {
            for (sum, &x) in acc.iter().enumerate() {
                lanes.add(s, from + k * S::LANES, sum, x);
            }
        }
    }
}

struct Apply<'a, 'l, 'm, S: Simd, Src> {
    task: &'a Columns<'a, Src>,
    lanes: &'l Lanes<'m>,
    divides: bool,
    tally: Tally<S>,
}

impl<S: Simd, Src: Source> Tile<S> for Apply<'_, '_, '_, S, Src> {
    const IS_HOT: bool = false;

    #[inline(always)]
    fn tile(&mut self, s: S, rows: Range<usize>, from: usize, live: usize) {
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
                let at = (self.task.at(row, i), n);
                // SAFETY: the columns are inside the matrix and this task's own.
                unsafe { self.task.elements.apply(s, &cuts, &mut tally, at) };
            }
        }
        self.tally = tally;
    }
}
