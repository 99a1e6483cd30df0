//! The step on panels of rows: whoever makes the gradient hands over a few rows at a time, which are
//! still in cache, and no buffer for all of it exists.
//!
//! ```text
//! for each strand of panels (a task):
//!   for each panel:   gradient of its rows -> panel (L2);   w, m, v, tau of its rows <- step
//! ```
//!
//! Two steps over a large weight move seven times its size: the product writes g (a line is read
//! before it is written), the step reads w, g and m and writes w and m. Panels move four times.
//! (Asking for a panel's w and m between the tiles of its product, to overlap the two, made it 5 to
//! 20 % slower in the order of the tiles, and no faster line after line.)

use super::{Update, UpdateData, check, update};
use crate::gemm::blocks::LINE;
use crate::prox::{self, Flat, Groups, Outcome, TASK};
use crate::{Exec, Isa, size};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Elements of a panel at most, where a tile of rows is not longer: 256 KiB. The w and m of one row
/// stream beside it, so it stays in the L2 of Zen 3 (512 KiB).
const PANEL: usize = 1 << 16;

/// Strands, each with a panel of its own and panels one after another: their scratch does not grow
/// with the weight, and four threads have two each.
const STRANDS: usize = 8;

/// How a weight of rows is cut into panels of whole rows and whole groups; by shape alone.
///
/// ```
/// use proxtape_kernels::prox::{GroupLasso, Groups, Regularizer};
/// use proxtape_kernels::update::{PanelScratch, Panels, Rule, RowsData, Update};
/// use proxtape_kernels::{Exec, Isa};
/// let exec = Exec::new(Isa::detect());
/// let reg = Regularizer::GroupLasso(GroupLasso { lambda2: 0.0 });
/// let op = Update { reg, groups: Groups::rows(2, 3), rule: Rule::Sgd, eta: 0.5, step: 1 };
/// let panels = Panels::new(exec, &op, 3).unwrap();
/// let (mut w, mut tau) = ([1.0; 6], [0.0; 2]);
/// let data = RowsData { w: &mut w, m: &mut [], v: &mut [], tau: &mut tau };
/// let mut scratch = vec![0.0; panels.scratch_len(0)];
/// panels.update(data, PanelScratch { buffer: &mut scratch, producer: 0 }, &|rows, g, _| {
///     for (row, g) in rows.zip(g.chunks_mut(3)) {
///         g.fill(row as f32);
///     }
/// });
/// assert_eq!(w, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]);
/// // Groups that are columns have no whole group in a few rows.
/// let op = Update { groups: Groups::columns(2, 3), ..op };
/// assert!(Panels::new(exec, &op, 3).is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    exec: Exec,
    op: &'a Update,
    /// Elements of a row.
    row: usize,
    /// Rows in all, and of a panel.
    rows: usize,
    per: usize,
}

/// What a step by rows reads and writes: [`UpdateData`] without the gradient.
#[derive(Debug)]
pub struct RowsData<'a> {
    /// The weights, in and out.
    pub w: &'a mut [f32],
    /// As [`UpdateData::m`].
    pub m: &'a mut [f32],
    /// As [`UpdateData::v`].
    pub v: &'a mut [f32],
    /// As [`UpdateData::tau`].
    pub tau: &'a mut [f32],
}

/// Memory for a step by rows.
#[derive(Debug)]
pub struct PanelScratch<'a> {
    /// At least [`Panels::scratch_len`] elements, overwritten.
    pub buffer: &'a mut [f32],
    /// How many of them the producer of a panel wants: the argument of that function.
    pub producer: usize,
}

/// Writes the gradient of some rows, one after another, on the calling thread; the last slice is
/// scratch.
pub type Produce<'a> = dyn Fn(Range<usize>, &mut [f32], &mut [f32]) + Sync + 'a;

impl<'a> Panels<'a> {
    /// Panels for a weight of rows of `row` elements; `None` where rows do not hold whole groups.
    ///
    /// # Panics
    /// If `row` does not divide the weight, or memory cannot hold `op.groups`.
    pub fn new(exec: Exec, op: &'a Update, row: usize) -> Option<Panels<'a>> {
        let (groups, n) = (op.groups.reduced(), op.groups.len());
        if n == 0 {
            return None;
        }
        assert!(row > 0 && n.is_multiple_of(row), "panels: rows of {row} in {n} elements");
        let whole = groups.outer == 1 && row.is_multiple_of(groups.inner);
        if !(whole || op.reg.is_elementwise()) {
            return None;
        }
        let exec = if n < 2 * TASK { exec.sequential() } else { exec };
        Some(Panels { exec, op, row, rows: n / row, per: rows_of_panel(exec.isa(), row, n / row) })
    }

    /// Rows of a panel; the last may have fewer.
    pub fn panel_rows(&self) -> usize {
        self.per
    }

    fn strands(&self) -> usize {
        if self.exec.is_parallel() { STRANDS.min(self.rows.div_ceil(self.per)) } else { 1 }
    }

    /// The step of some rows.
    fn part(&self, rows: usize) -> Update {
        let n = rows * self.row;
        let inner = self.op.groups.reduced().inner;
        let groups = match self.op.reg.is_elementwise() {
            true => Groups::whole(n),
            false => Groups::rows(n / inner, inner),
        };
        Update { groups, ..*self.op }
    }

    /// Scratch of one strand: the panel, what the prox wants, and what the producer does.
    #[track_caller]
    fn strand_len(&self, producer: usize) -> [usize; 3] {
        let op = self.part(self.per);
        let prox = prox::scratch_len(self.exec.sequential(), &op.reg, op.groups);
        // Whole cache lines.
        [self.per * self.row, prox, producer].map(|n| size::padded("panels: scratch of", n, LINE))
    }

    /// Scratch in all, where the producer wants `producer` elements.
    ///
    /// # Panics
    /// If memory cannot hold it.
    #[track_caller]
    pub fn scratch_len(&self, producer: usize) -> usize {
        let strand = size::total("panels: scratch of", &self.strand_len(producer));
        size::elements("panels: scratch of", &[self.strands(), strand])
    }

    /// Takes one step: the same as [`update`] with the gradient that `produce` makes, which is asked
    /// once for each row.
    ///
    /// # Panics
    /// As [`update`], and if scratch is short.
    pub fn update(
        &self,
        data: RowsData<'_>,
        scratch: PanelScratch<'_>,
        produce: &Produce<'_>,
    ) -> Outcome {
        let RowsData { w, m, v, tau } = data;
        let PanelScratch { buffer: scratch, producer } = scratch;
        check(&self.op.in_band(), [w.len(), self.op.groups.len(), m.len(), v.len()]);
        let taus = if self.op.reg.is_elementwise() { 0 } else { self.op.groups.groups };
        let have = tau.len();
        assert!(
            have == taus || taus == 0,
            "update: tau has {have} elements, {taus} groups need {taus}"
        );
        let (need, have) = (self.scratch_len(producer), scratch.len());
        assert!(have >= need, "update: scratch has {have} elements, the panels need {need}");
        let taus_of_row = taus / self.rows;
        let own = self.strand_len(producer);
        let moments = [0, 1].map(|i| if self.op.rule.moments() > i { self.row } else { 0 });
        let [w, m, v, tau, scratch] = [w, m, v, tau, scratch].map(Flat::new);
        let (nan, passes, zeros) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let panels = self.rows.div_ceil(self.per);
        let strands = self.strands();
        self.exec.each(strands, |strand| {
            // SAFETY: each strand has a part of scratch, and panels of its own.
            let scratch = unsafe {
                let len = own.iter().sum::<usize>();
                scratch.part(strand * len, len)
            };
            let (panel, scratch) = scratch.split_at_mut(own[0]);
            let (scratch, more) = scratch.split_at_mut(own[1]);
            for i in strand * panels / strands..(strand + 1) * panels / strands {
                let rows = i * self.per..self.rows.min((i + 1) * self.per);
                let g = &mut panel[..rows.len() * self.row];
                // SAFETY: each panel comes once, and its rows lie in every buffer: the lengths were
                // checked.
                let [w, m, v, tau] = unsafe {
                    [
                        lines(w, &rows, self.row),
                        lines(m, &rows, moments[0]),
                        lines(v, &rows, moments[1]),
                        lines(tau, &rows, taus_of_row),
                    ]
                };
                produce(rows.clone(), g, more);
                let op = self.part(rows.len());
                let data = UpdateData { w, g, m, v, tau };
                let outcome = update(self.exec.sequential(), &op, data, scratch);
                nan.fetch_or(outcome.nan, Relaxed);
                passes.fetch_add(outcome.passes, Relaxed);
                zeros.fetch_add(outcome.zeros, Relaxed);
            }
        });
        Outcome { nan: nan.into_inner(), passes: passes.into_inner(), zeros: zeros.into_inner() }
    }
}

/// Rows of `row` elements.
///
/// # Safety
/// As [`Flat::part`].
unsafe fn lines<'a>(x: Flat<'a>, rows: &Range<usize>, row: usize) -> &'a mut [f32] {
    // SAFETY: passed on from the caller.
    unsafe { x.part(rows.start * row, rows.len() * row) }
}

/// Whole tiles of the product, so that none of them has few rows.
fn rows_of_panel(isa: Isa, row: usize, rows: usize) -> usize {
    let tile = isa.tuning().rows;
    ((PANEL / row / tile).max(1) * tile).min(rows)
}
