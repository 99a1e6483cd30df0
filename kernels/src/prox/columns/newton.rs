//! Newton's method, one group in each lane.

use super::near::{FAR, NEAR};
use super::{Columns, Done, Lanes, STRIP, TILE_NARROW, TILE_WIDE, Tile, VECTORS, WIDEST, streams};
use crate::prox::newton::{Above, Equation};
use crate::prox::source::Source;
use crate::prox::sweep::{FIRST, SHRINK};
use crate::simd::Simd;
use core::ops::Range;

/// Of `Lanes::more`, by group: the cut, its part that is not cut off yet, the last count, the three
/// sums; the first cut, and the sums there.
const CUT: usize = 0;
const PART: usize = 1;
const BEFORE: usize = 2;
const SUMS: usize = 3;
const START: usize = 6;
const BASE: usize = 7;

/// Rows summed in f32 before a fold into two parts.
const FOLD: usize = 128;
/// Columns from a tile to the one that is asked for from memory meanwhile: 16 cache lines of each row.
const AHEAD: usize = 256;
/// Probes that the lists answer at most; more than six in all were never seen.
const PROBES: usize = 8;

/// The positions of lanes.
static LANES: [f32; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

impl<Src: Source> Columns<'_, Src> {
    /// `None` where something is not mild: then v is made, and nothing is cut off.
    #[inline(always)]
    pub(super) fn newton<S: Simd>(
        &self,
        s: S,
        equation: &Equation<S>,
        lanes: &mut Lanes<'_>,
    ) -> Option<Done> {
        let (first, count, inner) = (self.range.start, self.range.len(), self.groups.inner);
        // The lanes past the last group go along.
        let vectors = || (0..count).step_by(S::LANES);
        let mut strips = [true; WIDEST / STRIP];
        let strips = &mut strips[..self.columns().div_ceil(STRIP)];
        let mut done = Done { passes: count as u64, ..Done::default() };

        lanes.more[CUT].fill(0.0);
        for (i, cut) in lanes.more[CUT][..count].iter_mut().enumerate() {
            // SAFETY: tau has one element for each group, and this one is the task's own.
            *cut = unsafe { self.tau.get(first + i) };
        }
        for i in vectors() {
            let start = equation.start(s, s.load(&lanes.more[CUT][i..]));
            s.store(&mut lanes.more[CUT][i..], start);
        }
        lanes.more[BEFORE].fill(f32::NAN);
        lanes.more[SUMS..].iter_mut().for_each(|sums| sums.fill(0.0));
        self.sweep::<S, FIRST>(s, (strips, CUT), lanes);
        let n = self.groups.group_size() as f32;
        let is_mild = |i| {
            let mild = equation.is_mild(s, &lanes.above::<S, Src>(s, i), n);
            s.count(mild) == S::LANES as u32
        };
        if !vectors().all(is_mild) {
            return None;
        }
        self.near(s, equation, lanes);
        for pass in 1.. {
            strips.fill(pass == 1);
            for i in vectors() {
                let is_done = lanes.step(s, equation, i, (lanes.above::<S, Src>(s, i), pass == 1));
                let open = S::LANES as u32 - s.count(is_done);
                if open == 0 {
                    continue;
                }
                done.passes += u64::from(open);
                let last = count.min(i + S::LANES);
                strips[i * inner / STRIP..=(last * inner - 1) / STRIP].fill(true);
            }
            if !strips.contains(&true) {
                break;
            }
            self.sweep::<S, SHRINK>(s, (strips, PART), lanes);
        }
        for i in vectors() {
            let tau = equation.tau(s, s.load(&lanes.more[CUT][i..]));
            s.store(&mut lanes.more[CUT][i..], tau);
        }
        for (i, &tau) in lanes.more[CUT][..count].iter().enumerate() {
            // SAFETY: tau has one element for each group, and this one is the task's own.
            unsafe { self.tau.set(first + i, tau) };
        }
        done.kept = lanes.high[0][..self.columns()].iter().map(|&x| x as u64).sum();
        Some(done)
    }

    /// Moves the cuts as far as the lists of near elements tell the sums there.
    #[inline(always)]
    fn near<S: Simd>(&self, s: S, equation: &Equation<S>, lanes: &mut Lanes<'_>) {
        if lanes.near.iter().any(|list| list.is_full()) {
            return;
        }
        let (low, high) = lanes.more.split_at_mut(START);
        high[0].copy_from_slice(low[CUT]);
        (0..3).for_each(|k| high[BASE - START + k].copy_from_slice(low[SUMS + k]));
        for _ in 0..PROBES {
            let mut open = 0;
            for i in (0..self.range.len()).step_by(S::LANES) {
                let sums = lanes.above::<S, Src>(s, i);
                let (next, is_done) = equation.step(s, &sums, s.load(&lanes.more[BEFORE][i..]));
                let start = s.load(&lanes.more[START][i..]);
                let next = s.select(is_done, sums.cut, next);
                let moved = s.abs(s.sub(next, start));
                let is_far = s.gt(moved, s.mul(start, s.splat(FAR)));
                // What is far goes back to the first probe, and memory is asked.
                s.store(&mut lanes.more[CUT][i..], s.select(is_far, start, next));
                let before = s.select(is_far, s.splat(f32::NAN), sums.count);
                s.store(&mut lanes.more[BEFORE][i..], before);
                for k in 0..3 {
                    let [base, sum] = [BASE, SUMS].map(|from| s.load(&lanes.more[from + k][i..]));
                    s.store(&mut lanes.more[SUMS + k][i..], s.select(is_far, base, sum));
                }
                open += S::LANES as u32 - s.count(s.mask_or(is_done, is_far));
            }
            if open == 0 {
                break;
            }
            self.sums_near(s, lanes);
        }
    }

    /// The sums at the present cuts.
    #[inline(always)]
    fn sums_near<S: Simd>(&self, s: S, lanes: &mut Lanes<'_>) {
        let inner = self.groups.inner;
        spread(inner, lanes.more[START], lanes.first);
        spread(inner, lanes.more[CUT], lanes.cut);
        self.flips::<S>(lanes);
        lanes.low.iter_mut().for_each(|x| x.fill(0.0));
        self.by_group(s, lanes);
        for i in (0..self.range.len()).step_by(S::LANES) {
            let load = |k: usize| s.load(&lanes.more[k][i..]);
            let weight = if Src::DIAGONAL { BASE + 2 } else { BASE };
            let shift = s.sub(load(CUT), load(START));
            let slope = s.neg_mul_add(shift, load(weight), load(BASE + 1));
            let sums = [
                s.add(load(BASE), load(SUMS)),
                s.add(slope, load(SUMS + 1)),
                s.add(load(BASE + 2), load(SUMS + 2)),
            ];
            for (k, sum) in sums.into_iter().enumerate() {
                s.store(&mut lanes.more[SUMS + k][i..], sum);
            }
        }
    }

    /// Sums over all rows of the marked strips at the cuts, or parts of cuts, `from`.
    #[inline(always)]
    fn sweep<S: Simd, const MODE: u8>(
        &self,
        s: S,
        (strips, from): (&[bool], usize),
        lanes: &mut Lanes<'_>,
    ) {
        spread(self.groups.inner, lanes.more[from], lanes.cut);
        lanes.clear(strips);
        let streams = streams(self.groups);
        let step = if streams { TILE_WIDE } else { TILE_NARROW };
        for start in (0..self.groups.outer).step_by(FOLD) {
            let rows = start..self.groups.outer.min(start + FOLD);
            let op = &mut Sweep::<Src, MODE> { task: self, lanes, streams };
            self.tiles(s, (strips, step), rows, op);
            for i in (0..self.columns()).step_by(S::LANES).filter(|i| strips[i / STRIP]) {
                lanes.fold(s, i);
            }
        }
        self.by_group(s, lanes);
    }

    /// The sums of groups from those of columns.
    #[inline(always)]
    fn by_group<S: Simd>(&self, s: S, lanes: &mut Lanes<'_>) {
        let inner = self.groups.inner;
        for k in 0..if Src::DIAGONAL { 3 } else { 2 } {
            if inner == 1 {
                for i in (0..self.range.len()).step_by(S::LANES) {
                    let sum = s.add(s.load(&lanes.high[k][i..]), s.load(&lanes.low[k][i..]));
                    s.store(&mut lanes.more[SUMS + k][i..], sum);
                }
            } else {
                for g in 0..self.range.len() {
                    let columns = g * inner..(g + 1) * inner;
                    lanes.more[SUMS + k][g] = columns.map(|i| lanes.sum(i, k)).sum::<f64>() as f32;
                }
            }
        }
    }
}

/// What groups have in common with their columns.
#[inline(always)]
fn spread(inner: usize, by_group: &[f32], by_column: &mut [f32]) {
    if inner == 1 {
        by_column.copy_from_slice(by_group);
    } else {
        let columns = by_column.chunks_mut(inner).zip(by_group);
        columns.for_each(|(columns, &x)| columns.fill(x));
    }
}

impl Lanes<'_> {
    /// What the last sweep told about the groups from i.
    #[inline(always)]
    fn above<S: Simd, Src: Source>(&self, s: S, i: usize) -> Above<S> {
        let load = |k: usize| s.load(&self.more[k][i..]);
        let count = load(SUMS);
        let weight = if Src::DIAGONAL { load(SUMS + 2) } else { count };
        Above { cut: load(CUT), count, excess: load(SUMS + 1), weight }
    }

    /// The next cuts of the groups from i; returns which of them stay.
    #[inline(always)]
    fn step<S: Simd>(
        &mut self,
        s: S,
        equation: &Equation<S>,
        i: usize,
        (sums, first): (Above<S>, bool),
    ) -> S::M {
        let (next, is_done) = equation.step(s, &sums, s.load(&self.more[BEFORE][i..]));
        let cut = s.select(is_done, sums.cut, next);
        s.store(&mut self.more[CUT][i..], cut);
        s.store(&mut self.more[BEFORE][i..], sums.count);
        // Nothing is cut off before the second sweep.
        s.store(&mut self.more[PART][i..], if first { cut } else { s.sub(cut, sums.cut) });
        is_done
    }
}

struct Sweep<'a, 'l, 'm, Src, const MODE: u8> {
    task: &'a Columns<'a, Src>,
    lanes: &'l mut Lanes<'m>,
    /// Whether the elements come from memory.
    streams: bool,
}

impl<Src: Source, const MODE: u8> Sweep<'_, '_, '_, Src, MODE> {
    /// Elements from a tile to what is wanted from memory meanwhile: further in the same rows, or in
    /// the next ones. 0 where all is in cache.
    #[inline(always)]
    fn ahead(&self, from: usize) -> usize {
        let (columns, stride) = (self.task.columns(), self.task.stride());
        match from + AHEAD < columns {
            _ if !self.streams => 0,
            true => AHEAD,
            false => (TILE_WIDE * stride + AHEAD).saturating_sub(columns),
        }
    }
}

impl<S: Simd, Src: Source, const MODE: u8> Tile<S> for Sweep<'_, '_, '_, Src, MODE> {
    #[inline(always)]
    fn tile(&mut self, s: S, rows: Range<usize>, from: usize, live: usize) {
        // Copies: a store could change what a reference shows.
        let (elements, stride, ahead) = (self.task.elements, self.task.stride(), self.ahead(from));
        let sums = if Src::DIAGONAL { 3 } else { 2 };
        let mut acc = [[s.zero(); 3]; VECTORS];
        let mut cut = [s.zero(); VECTORS];
        for k in 0..STRIP / S::LANES {
            let i = from + k * S::LANES;
            cut[k] = s.load(&self.lanes.cut[i..]);
            for (sum, acc) in acc[k].iter_mut().enumerate().take(sums) {
                *acc = s.load(&self.lanes.short[sum][i..]);
            }
        }
        let near = &mut self.lanes.near[from / self.task.blocks.chunk_columns()];
        let lists = MODE == FIRST && near.has_room(rows.len() * STRIP);
        let mut at = self.task.at(rows.start, from);
        for _ in rows {
            for k in 0..STRIP / S::LANES {
                let n = S::LANES.min(live.saturating_sub(k * S::LANES));
                if n > 0 {
                    // SAFETY: the columns are inside the matrix and this task's own, and the list has
                    // room for all rows.
                    unsafe {
                        let at = (at + k * S::LANES, n);
                        let (a, b, e) = elements.above::<S, MODE>(s, cut[k], at, &mut acc[k]);
                        if lists {
                            let near_by = s.mul(cut[k], s.splat(NEAR));
                            let near_by = if Src::DIAGONAL { s.mul(near_by, e) } else { near_by };
                            let column = s.splat((from + k * S::LANES) as f32);
                            let column = s.add(column, s.load(&LANES));
                            let mut is_near = s.lt(s.abs(b), near_by);
                            if n < S::LANES {
                                is_near = s.mask_and(is_near, s.first_lanes(n));
                            }
                            // One vector in twenty: appending none would take as long as the sums.
                            if s.any(is_near) {
                                near.push(s, Src::DIAGONAL, is_near, (a, e, column));
                            }
                        }
                    }
                }
            }
            match (ahead, MODE) {
                (0, _) => {}
                (_, FIRST) => elements.source.prefetch(at + ahead),
                _ => elements.w.prefetch(at + ahead),
            }
            at += stride;
        }
        for (k, acc) in acc.iter().enumerate().take(STRIP / S::LANES) {
            for (sum, &x) in acc.iter().enumerate().take(sums) {
                s.store(&mut self.lanes.short[sum][from + k * S::LANES..], x);
            }
        }
    }
}
