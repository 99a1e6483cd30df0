//! Groups that are the columns of a matrix: one group for each SIMD lane.
//!
//! ```text
//! for each block of columns, in row order:
//!   first     v = rule(w, g, m) into w, with the sums of each column at its last tau
//!   then, for the strips of 16 columns that are not done:
//!   again     the sums at the next probe
//!   shrink    the same, where no probe can be above its root: applies it on the way
//!   apply     what is left to apply
//! ```
//!
//! Where the rows of a block are short enough, the later sweeps find it in L2. Else they are a page
//! long, so that the matrix is streamed and its pages are not looked up too often.

use super::contiguous::{AGAIN, Done, FIRST, SHRINK};
use super::flat::Flat;
use super::groups::Groups;
use super::shrink::{Cut, Cuts, Tally};
use super::solver::{State, Step, Threshold, solve_wide};
use super::source::Source;
use super::sums::{Question, excess, terms};
use crate::Exec;
use crate::simd::{Kernel, Simd};
use core::mem::MaybeUninit;
use core::ops::Range;

/// Columns that are done together: a cache line, and a vector of the widest instruction set.
const STRIP: usize = 16;
/// Vectors of a strip at most.
const VECTORS: usize = 4;
/// Columns of a block, at most, where its w fits `FITS`.
const NARROW: usize = 256;
/// Elements: 512 KiB of w, half of a 1 MiB L2.
const FITS: usize = 128 * 1024;
/// Columns of a block, at most, where the later sweeps miss L2 anyway: rows of 4 KiB, a page, so that
/// they are streamed.
const WIDE: usize = 1024;
/// Rows summed in f32 before a fold into f64.
const FOLD: usize = 256;
/// Rows that a strip is taken through at once, its sums in registers: many where the block is in L2;
/// where it is streamed, four rows of w, g and m are 12 streams, which the prefetcher follows.
const TILE_NARROW: usize = 32;
const TILE_WIDE: usize = 4;
/// f32 that a column of a block needs in scratch: the fields of `Lanes`.
const FIELDS: usize = 7;

/// Whether the later sweeps of a narrow block find it in L2.
fn fits(groups: Groups) -> bool {
    groups.outer * NARROW <= FITS
}

fn tile_rows(groups: Groups) -> usize {
    if fits(groups) { TILE_NARROW } else { TILE_WIDE }
}

/// Columns of a block, by shape only: blocks of nearly the same width.
pub(crate) fn block(groups: Groups) -> usize {
    let most = if fits(groups) { NARROW } else { WIDE };
    let blocks = groups.groups.div_ceil(most).max(1);
    groups.groups.div_ceil(blocks).next_multiple_of(STRIP).max(STRIP)
}

/// Scratch of one block.
pub(crate) fn block_scratch(groups: Groups) -> usize {
    FIELDS * block(groups)
}

/// Scratch in all. On one thread the blocks take turns with it.
pub(crate) fn scratch_len(exec: Exec, groups: Groups) -> usize {
    if !groups.is_columns() || groups.len() == 0 {
        return 0;
    }
    let tasks = if exec.is_parallel() { groups.groups.div_ceil(block(groups)) } else { 1 };
    tasks * block_scratch(groups)
}

/// Solves and applies a block of columns.
pub(crate) struct Columns<'a, Src> {
    pub(crate) question: Question<'a>,
    pub(crate) source: Src,
    pub(crate) groups: Groups,
    pub(crate) range: Range<usize>,
    pub(crate) w: Flat<'a>,
    pub(crate) tau: Flat<'a>,
    pub(crate) scratch: &'a mut [f32],
}

/// What each column carries through a sweep.
struct Lanes<'a> {
    /// What is still to be cut off at the probe, or at the end.
    cut: &'a mut [f32],
    /// The guess of ||x||_2.
    norm: &'a mut [f32],
    /// Of the last apply.
    scale: &'a mut [f32],
    c: &'a mut [f32],
    /// The three sums over some rows.
    sums: [&'a mut [f32]; 3],
}

/// The search of one column.
#[derive(Clone, Copy, Default)]
struct Search {
    state: State,
    /// The cut that is applied to v already.
    base: f32,
    found: Option<Threshold>,
    /// Sums over all rows.
    total: [f64; 3],
}

impl<Src: Source> Kernel for Columns<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) -> Done {
        if self.question.solver.needs_norm() {
            self.solve::<S, true>(s)
        } else {
            self.solve::<S, false>(s)
        }
    }
}

impl<Src: Source> Columns<'_, Src> {
    #[inline(always)]
    fn solve<S: Simd, const NORM: bool>(&mut self, s: S) -> Done {
        let (width, first, count) = (block(self.groups), self.range.start, self.range.len());
        let mut parts = core::mem::take(&mut self.scratch).chunks_exact_mut(width);
        let mut next = || parts.next().expect("scratch holds FIELDS parts");
        let mut lanes = Lanes {
            cut: next(),
            norm: next(),
            scale: next(),
            c: next(),
            sums: [next(), next(), next()],
        };
        // A thousand searches are 128 KiB, which a small block should not have to clear.
        let mut memory = [const { MaybeUninit::<Search>::uninit() }; WIDE];
        for (i, search) in memory[..count].iter_mut().enumerate() {
            // SAFETY: tau has one element for each column, and this one is the task's own.
            let warm = f64::from(unsafe { self.tau.get(first + i) });
            search.write(Search { state: self.question.solver.start(warm), ..Search::default() });
        }
        // SAFETY: the first `count` are initialised above, and `memory` is not used otherwise.
        let searches: &mut [Search] =
            unsafe { core::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), count) };
        let mut strips = [false; WIDE / STRIP];
        strips[..count.div_ceil(STRIP)].fill(true);
        let (mut tally, mut passes, mut stored) = (Tally::new(s), 0, false);

        self.aim(searches, &mut lanes);
        self.sweep::<S, NORM, FIRST>(s, searches, (&mut lanes, &strips), &mut tally);
        loop {
            passes += self.advance::<NORM>(searches, &strips);
            for (strip, searches) in strips.iter_mut().zip(searches.chunks(STRIP)) {
                *strip = searches.iter().any(|x| x.found.is_none());
            }
            if !strips.contains(&true) {
                break;
            }
            let open = |x: &&mut Search| x.found.is_none();
            let shrink = !NORM && searches.iter_mut().filter(open).all(|x| x.state.below);
            self.aim(searches, &mut lanes);
            if shrink {
                // The first store takes all columns along; those that are done reach their end.
                if !stored {
                    strips[..count.div_ceil(STRIP)].fill(true);
                }
                tally.set_again(stored);
                stored = true;
                let work = (&mut lanes, &strips[..]);
                self.sweep::<S, NORM, SHRINK>(s, searches, work, &mut tally);
                for (i, search) in searches.iter_mut().enumerate() {
                    if strips[i / STRIP] {
                        search.base = search.base.max(self.goal(search));
                    }
                }
            } else {
                self.sweep::<S, NORM, AGAIN>(s, searches, (&mut lanes, &strips), &mut tally);
            }
        }

        for (i, search) in searches.iter().enumerate() {
            let threshold = search.found.unwrap_or_default();
            let cut = Cut::new(threshold, self.question.step);
            lanes.cut[i] = (cut.cut - search.base).max(0.0);
            (lanes.scale[i], lanes.c[i]) = (cut.scale, cut.c);
            let left = lanes.cut[i] > 0.0 || cut.scale != 1.0 || cut.c != 0.0;
            strips[i / STRIP] |= left || !stored;
            let tau = threshold.tau.min(f64::from(f32::MAX)) as f32;
            // SAFETY: tau has one element for each column, and this one is the task's own.
            unsafe { self.tau.set(first + i, tau) };
        }
        tally.set_again(stored);
        self.apply(s, &lanes, &strips, &mut tally);
        Done { nan: tally.is_bad(s), passes, kept: tally.kept() }
    }

    /// The cut that a column aims at now.
    fn goal(&self, search: &Search) -> f32 {
        self.question.cut(search.found.map_or(search.state.probe.tau, |x| x.tau))
    }

    /// Sets the probes of the next sweep, and clears the totals.
    fn aim(&self, searches: &mut [Search], lanes: &mut Lanes<'_>) {
        lanes.cut.fill(0.0);
        lanes.norm.fill(0.0);
        for (i, search) in searches.iter_mut().enumerate() {
            lanes.cut[i] = (self.goal(search) - search.base).max(0.0);
            lanes.norm[i] = search.state.probe.s as f32;
            search.total = [0.0; 3];
        }
    }

    /// Hands the totals to the solver, column by column; returns how many were swept.
    fn advance<const NORM: bool>(&self, searches: &mut [Search], strips: &[bool]) -> u64 {
        let (question, mut passes) = (&self.question, 0);
        for (i, search) in searches.iter_mut().enumerate() {
            if search.found.is_some() || !strips[i / STRIP] {
                continue;
            }
            passes += 1;
            let state = &mut search.state;
            search.found = match question.sums::<NORM>(state.probe, search.total) {
                Some(sums) => match question.solver.next(question.wide_step(), state, &sums) {
                    Step::Done(threshold) => Some(threshold),
                    Step::Probe => None,
                },
                None => {
                    let (threshold, more) = self.solve_wide(self.range.start + i, search.base);
                    passes += u64::from(more);
                    Some(threshold)
                }
            };
        }
        passes
    }

    /// Sums over all rows of the marked strips, into the totals.
    #[inline(always)]
    fn sweep<S: Simd, const NORM: bool, const MODE: u8>(
        &self,
        s: S,
        searches: &mut [Search],
        (lanes, strips): (&mut Lanes<'_>, &[bool]),
        tally: &mut Tally<S>,
    ) {
        let count = self.range.len();
        for fold in blocks(0..self.groups.outer, FOLD) {
            lanes.sums.iter_mut().for_each(|x| x.fill(0.0));
            for rows in blocks(fold, tile_rows(self.groups)) {
                for from in marked(strips, count) {
                    let (rows, live) = (rows.clone(), count - from);
                    if live >= STRIP {
                        self.tile::<S, NORM, MODE>(s, rows, (from, STRIP), (lanes, tally));
                    } else {
                        self.tile::<S, NORM, MODE>(s, rows, (from, live), (lanes, tally));
                    }
                }
            }
            for (i, search) in searches.iter_mut().enumerate() {
                for (total, sums) in search.total.iter_mut().zip(&lanes.sums) {
                    *total += f64::from(sums[i]);
                }
            }
        }
    }

    /// `live` <= 16 columns, from column `from` of the block, in a few rows. Each line of a row is
    /// finished before the next row: rows a power of two apart share one set of L1.
    #[inline(always)]
    fn tile<S: Simd, const NORM: bool, const MODE: u8>(
        &self,
        s: S,
        rows: Range<usize>,
        (from, live): (usize, usize),
        (lanes, tally): (&mut Lanes<'_>, &mut Tally<S>),
    ) {
        const { assert!(STRIP.is_multiple_of(S::LANES) && STRIP / S::LANES <= VECTORS) };
        let mut levels = [self.question.levels(s, s.zero(), s.zero()); VECTORS];
        let mut acc = [[s.zero(); 3]; VECTORS];
        for k in 0..STRIP / S::LANES {
            let i = from + k * S::LANES;
            let norm = if NORM { s.load(&lanes.norm[i..]) } else { s.zero() };
            levels[k] = self.question.levels(s, s.load(&lanes.cut[i..]), norm);
            for (acc, sums) in acc[k].iter_mut().zip(&lanes.sums) {
                *acc = s.load(&sums[i..]);
            }
        }
        let mut local = *tally;
        for row in rows {
            let start = row * self.groups.groups + self.range.start + from;
            for k in 0..STRIP / S::LANES {
                let (at, n) =
                    (start + k * S::LANES, S::LANES.min(live.saturating_sub(k * S::LANES)));
                if n == 0 {
                    continue;
                }
                // SAFETY: the columns are inside the matrix and this task's own.
                let (v, e) = unsafe {
                    if MODE == FIRST {
                        let (v, e) = self.source.first(s, at, n);
                        if !Src::IN_PLACE {
                            self.w.store(s, at, n, v);
                        }
                        (v, e)
                    } else {
                        (self.w.load(s, at, n), self.source.e(s, at, n))
                    }
                };
                let (b, t) = if Src::DIAGONAL {
                    let b = excess::<S, true>(s, &levels[k], v, e);
                    (b, terms::<S, true, NORM>(s, &levels[k], b, e))
                } else {
                    let b = excess::<S, false>(s, &levels[k], v, e);
                    (b, terms::<S, false, NORM>(s, &levels[k], b, e))
                };
                if MODE == SHRINK {
                    let x = local.finish(s, v, b);
                    // SAFETY: the columns are inside the matrix and this task's own.
                    unsafe { self.w.store(s, at, n, x) };
                }
                for (acc, t) in acc[k].iter_mut().zip(t) {
                    *acc = s.add(*acc, t);
                }
            }
        }
        if MODE == SHRINK {
            *tally = local;
        }
        for (k, acc) in acc.iter().enumerate().take(STRIP / S::LANES) {
            for (acc, sums) in acc.iter().zip(&mut lanes.sums) {
                s.store(&mut sums[from + k * S::LANES..], *acc);
            }
        }
    }

    fn solve_wide(&self, column: usize, base: f32) -> (Threshold, u32) {
        let question = &self.question;
        let elements = self.groups.indices(column).map(|at| {
            // SAFETY: the element is one of the column, which is this task's own.
            let (v, e) = unsafe { (self.w.get(at), self.source.e_one(at)) };
            let (v, e) = (f64::from(v), f64::from(e));
            // What is applied already is added again; what it made zero stays below the root.
            let base = f64::from(base) * if question.step.is_some() { 1.0 } else { e };
            (if v == 0.0 { 0.0 } else { v.abs() + base }, e)
        });
        // SAFETY: tau has one element for each column, and this one is the task's own.
        let warm = f64::from(unsafe { self.tau.get(column) });
        solve_wide(question.solver, question.wide_step(), warm, elements)
    }

    #[inline(always)]
    fn apply<S: Simd>(&self, s: S, lanes: &Lanes<'_>, strips: &[bool], tally: &mut Tally<S>) {
        let count = self.range.len();
        let divides = lanes.c[..count].iter().any(|&c| c != 0.0);
        if !strips.contains(&true) {
            return;
        }
        for rows in blocks(0..self.groups.outer, tile_rows(self.groups)) {
            for from in marked(strips, count) {
                for i in (from..count.min(from + STRIP)).step_by(S::LANES) {
                    let (cut, scale) = (s.load(&lanes.cut[i..]), s.load(&lanes.scale[i..]));
                    let cuts = Cuts { cut, scale, c: s.load(&lanes.c[i..]), divides };
                    let rows = rows.clone();
                    if count - i >= S::LANES {
                        self.apply_tile(s, rows, (i, S::LANES), (&cuts, tally));
                    } else {
                        self.apply_tile(s, rows, (i, count - i), (&cuts, tally));
                    }
                }
            }
        }
    }

    /// One vector of n columns, from column i of the block, in a few rows.
    #[inline(always)]
    fn apply_tile<S: Simd>(
        &self,
        s: S,
        rows: Range<usize>,
        (i, n): (usize, usize),
        (cuts, tally): (&Cuts<S>, &mut Tally<S>),
    ) {
        let mut local = *tally;
        for row in rows {
            let at = row * self.groups.groups + self.range.start + i;
            // SAFETY: the columns are inside the matrix and this task's own.
            unsafe {
                let (v, e) = (self.w.load(s, at, n), self.source.e(s, at, n));
                let x = if Src::DIAGONAL {
                    cuts.apply::<true>(s, &mut local, v, e)
                } else {
                    cuts.apply::<false>(s, &mut local, v, e)
                };
                self.w.store(s, at, n, x);
            }
        }
        *tally = local;
    }
}

/// A range in parts of `step`; the last may be shorter.
#[inline(always)]
fn blocks(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(step).map(move |from| from..end.min(from + step))
}

/// The first column of each marked strip.
#[inline(always)]
fn marked(strips: &[bool], count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(STRIP).filter(move |i| strips[i / STRIP])
}
