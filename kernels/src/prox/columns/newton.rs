//! Newton's method, one group in each lane.

use super::{Block, COLUMNS, Done, Lanes, Pace, STRIP, Spot, Tile, VECTORS};
use crate::prox::newton::{Above as Sums, Equation};
use crate::prox::source::{Scale, Source};
use crate::prox::sweep::{Fresh, Sweep};
use crate::simd::{Kernel, Simd};

/// Of `Lanes::more`, by group: the cut, its part that is not cut off yet, the last count, and the
/// three sums.
const CUT: usize = 0;
const PART: usize = 1;
const BEFORE: usize = 2;
const SUMS: usize = 3;

impl<M: Scale> Block<'_, M> {
    /// The first cuts.
    #[inline(always)]
    pub(super) fn start<S: Simd>(&self, s: S, equation: &Equation, lanes: &mut Lanes<'_>) {
        lanes.more[CUT].fill(0.0);
        for (i, cut) in lanes.more[CUT][..self.range.len()].iter_mut().enumerate() {
            *cut = self.warm(i);
        }
        for cut in lanes.more[CUT].chunks_exact_mut(S::LANES) {
            let start = equation.start(s, s.load(cut));
            s.store(cut, start);
        }
        lanes.more[BEFORE].fill(f32::NAN);
        lanes.more[SUMS..].iter_mut().for_each(|sums| sums.fill(0.0));
    }

    /// Makes v, and sums at the first cuts.
    #[inline(always)]
    pub(super) fn first<S: Simd, Src: Source<Scale = M>>(
        &self,
        s: S,
        fresh: Fresh<'_, Src>,
        lanes: &mut Lanes<'_>,
    ) {
        let strips = &[true; COLUMNS / STRIP][..self.columns().div_ceil(STRIP)];
        self.sweep(s, fresh, (strips, CUT), lanes);
    }

    /// Solves and applies, after `first`.
    #[inline(never)]
    pub(super) fn newton<S: Simd>(&self, s: S, equation: &Equation, lanes: &mut Lanes<'_>) -> Done {
        s.vectorize(Newton { block: self, equation, lanes })
    }

    /// Sums over all rows of the marked strips at the cuts, or parts of cuts, `from`.
    #[inline(always)]
    fn sweep<S: Simd, E: Sweep<Scale = M>>(
        &self,
        s: S,
        elements: E,
        (strips, from): (&[bool], usize),
        lanes: &mut Lanes<'_>,
    ) {
        let inner = self.band.groups.inner;
        if inner == 1 {
            lanes.cut.copy_from_slice(lanes.more[from]);
        } else {
            let cuts = lanes.cut.chunks_mut(inner).zip(lanes.more[from].iter());
            cuts.for_each(|(cut, &x)| cut.fill(x));
        }
        lanes.clear(strips);
        let pace = if E::IS_FIRST { Pace::first } else { Pace::later };
        let above = &mut Above { block: self, elements, lanes };
        self.tiles(s, (strips, pace(self.band.groups)), above);
        for k in 0..if M::DIAGONAL { 3 } else { 2 } {
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

struct Newton<'b, 'a, 'l, 'm, M> {
    block: &'b Block<'a, M>,
    equation: &'b Equation,
    lanes: &'l mut Lanes<'m>,
}

impl<M: Scale> Kernel for Newton<'_, '_, '_, '_, M> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Newton { block, equation, lanes } = self;
        let (count, inner) = (block.range.len(), block.band.groups.inner);
        // The lanes past the last group go along.
        let vectors = || (0..count).step_by(S::LANES);
        let n = block.band.groups.group_size() as f32;
        let is_mild = |i| {
            let mild = equation.is_mild(s, &lanes.above::<S, M>(s, i), n);
            s.count(mild) == S::LANES as u32
        };
        let mut done = Done { passes: count as u64, ..Done::default() };
        if !vectors().all(is_mild) {
            return block.irregular(s, lanes);
        }
        let mut strips = [true; COLUMNS / STRIP];
        let strips = &mut strips[..block.columns().div_ceil(STRIP)];
        for pass in 1.. {
            strips.fill(pass == 1);
            for i in vectors() {
                let is_done = lanes.step(s, equation, i, (lanes.above::<S, M>(s, i), pass == 1));
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
            block.sweep(s, block.made, (strips, PART), lanes);
        }
        for i in vectors() {
            let tau = equation.tau(s, s.load(&lanes.more[CUT][i..]));
            s.store(&mut lanes.more[CUT][i..], tau);
        }
        for (i, &tau) in lanes.more[CUT][..count].iter().enumerate() {
            block.set_tau(i, tau);
        }
        done.kept = lanes.high[0][..block.columns()].iter().map(|&x| x as u64).sum();
        done
    }
}

impl Lanes<'_> {
    /// The sums of the last sweep for the groups from i.
    #[inline(always)]
    fn above<S: Simd, M: Scale>(&self, s: S, i: usize) -> Sums<S> {
        let load = |k: usize| s.load(&self.more[k][i..]);
        let count = load(SUMS);
        let weight = if M::DIAGONAL { load(SUMS + 2) } else { count };
        Sums { cut: load(CUT), count, excess: load(SUMS + 1), weight }
    }

    /// The next cuts of the groups from i; returns which of them stay.
    #[inline(always)]
    fn step<S: Simd>(
        &mut self,
        s: S,
        equation: &Equation,
        i: usize,
        (sums, first): (Sums<S>, bool),
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

/// Sums over a tile.
struct Above<'b, 'a, 'l, 'm, M, E> {
    block: &'b Block<'a, M>,
    elements: E,
    lanes: &'l mut Lanes<'m>,
}

impl<S: Simd, M: Scale, E: Sweep<Scale = M>> Tile<S> for Above<'_, '_, '_, '_, M, E> {
    const IS_HOT: bool = true;

    #[inline(always)]
    fn tile(&mut self, s: S, Spot { rows, from, live, ahead }: Spot) {
        // Copies: a store could change what a reference shows.
        let (elements, stride) = (self.elements, self.block.stride());
        let mut acc = [[s.zero(); 3]; VECTORS];
        let mut cut = [s.zero(); VECTORS];
        for (k, cut) in cut.iter_mut().enumerate().take(STRIP / S::LANES) {
            *cut = s.load(&self.lanes.cut[from + k * S::LANES..]);
        }
        let mut at = self.block.at(rows.start, from);
        for _ in rows {
            for k in 0..STRIP / S::LANES {
                let n = S::LANES.min(live.saturating_sub(k * S::LANES));
                if n > 0 {
                    // SAFETY: the columns are inside the matrix and this task's own.
                    unsafe {
                        let at = (at + k * S::LANES, n);
                        elements.above(s, cut[k], at, &mut acc[k]);
                    }
                }
            }
            if ahead > 0 {
                elements.prefetch(at.wrapping_add(ahead));
            }
            at += stride;
        }
        for (k, acc) in acc.iter().enumerate().take(STRIP / S::LANES) {
            for (sum, &x) in acc.iter().enumerate().take(if M::DIAGONAL { 3 } else { 2 }) {
                self.lanes.add(s, from + k * S::LANES, sum, x);
            }
        }
    }
}
