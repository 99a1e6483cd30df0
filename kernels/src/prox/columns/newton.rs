//! Newton's method, one group in each lane.

use super::{
    AHEAD, Columns, Done, Lanes, STRIP, TILE_NARROW, TILE_WIDE, Tile, VECTORS, WIDE, fits, is_large,
};
use crate::prox::newton::{Above, Equation};
use crate::prox::source::Source;
use crate::prox::sweep::{FIRST, SHRINK};
use crate::simd::Simd;
use core::ops::Range;

/// Of `Lanes::more`, by group: the cut, its part that is not cut off yet, the last count, and the
/// three sums.
const CUT: usize = 0;
const PART: usize = 1;
const BEFORE: usize = 2;
const SUMS: usize = 3;

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
        let mut strips = [true; WIDE / STRIP];
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

    /// Sums over all rows of the marked strips at the cuts, or parts of cuts, `from`.
    #[inline(always)]
    fn sweep<S: Simd, const MODE: u8>(
        &self,
        s: S,
        (strips, from): (&[bool], usize),
        lanes: &mut Lanes<'_>,
    ) {
        let inner = self.groups.inner;
        if inner == 1 {
            lanes.cut.copy_from_slice(lanes.more[from]);
        } else {
            let cuts = lanes.cut.chunks_mut(inner).zip(lanes.more[from].iter());
            cuts.for_each(|(cut, &x)| cut.fill(x));
        }
        lanes.clear(strips);
        let streams = if MODE == FIRST { is_large(self.groups) } else { !fits(self.groups) };
        let step = if streams { TILE_WIDE } else { TILE_NARROW };
        let ahead = if streams { AHEAD } else { 0 };
        self.tiles(s, (strips, step), &mut Sweep::<Src, MODE> { task: self, lanes, ahead });
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
    /// How far ahead in its row is what is wanted next from memory; 0 where all is in cache.
    ahead: usize,
}

impl<S: Simd, Src: Source, const MODE: u8> Tile<S> for Sweep<'_, '_, '_, Src, MODE> {
    const IS_HOT: bool = true;

    #[inline(always)]
    fn tile(&mut self, s: S, rows: Range<usize>, from: usize, live: usize) {
        // Copies: a store could change what a reference shows.
        let (elements, stride, ahead) = (self.task.elements, self.task.stride(), self.ahead);
        let mut acc = [[s.zero(); 3]; VECTORS];
        let mut cut = [s.zero(); VECTORS];
        for (k, cut) in cut.iter_mut().enumerate().take(STRIP / S::LANES) {
            *cut = s.load(&self.lanes.cut[from + k * S::LANES..]);
        }
        let mut at = self.task.at(rows.start, from);
        for _ in rows {
            for k in 0..STRIP / S::LANES {
                let n = S::LANES.min(live.saturating_sub(k * S::LANES));
                if n > 0 {
                    // SAFETY: the columns are inside the matrix and this task's own.
                    unsafe {
                        let at = (at + k * S::LANES, n);
                        elements.above::<S, MODE>(s, cut[k], at, &mut acc[k]);
                    }
                }
            }
            // Four rows of three streams are more than the prefetchers of a CPU follow.
            match (ahead, MODE) {
                (0, _) => {}
                (_, FIRST) => elements.source.prefetch(at + ahead),
                _ => elements.w.prefetch(at + ahead),
            }
            at += stride;
        }
        for (k, acc) in acc.iter().enumerate().take(STRIP / S::LANES) {
            for (sum, &x) in acc.iter().enumerate().take(if Src::DIAGONAL { 3 } else { 2 }) {
                self.lanes.add(s, from + k * S::LANES, sum, x);
            }
        }
    }
}
