//! Filters as the right-hand sides of the products.
//!
//! For each block of input channels and each residue: slivers of one or two vectors of outputs, in
//! each [kh, kw, input, output] in the order in which the staged planes are read.

use super::{Cuts, Direct, width};
use crate::conv::lanes::to_lanes;
use crate::conv::winograd::Filters;
use crate::gemm::view::Dest;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;

/// Taps that are turned at one time.
pub(super) const MOST_TAPS: usize = 128;

/// Input channels of a task.
const INPUTS: usize = 8;

impl Direct {
    /// Packs all filters.
    pub(super) fn pack(&self, exec: Exec, filters: Filters<'_>, cuts: &Cuts, dst: &mut [f32]) {
        assert!(dst.len() >= self.filters_len(cuts.lanes));
        let dst = Dest { ptr: dst.as_mut_ptr(), stride: [0, 0] };
        exec.each(filters.size[0].div_ceil(INPUTS), |task| {
            let inputs = (task * INPUTS, filters.size[0].min((task + 1) * INPUTS));
            // The destination is long enough, and each task has its own inputs.
            exec.isa().run(Pack { direct: self, filters, cuts, inputs, dst });
        });
    }
}

struct Pack<'a> {
    direct: &'a Direct,
    filters: Filters<'a>,
    cuts: &'a Cuts,
    /// The first, and the end.
    inputs: (usize, usize),
    dst: Dest,
}

impl Kernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Pack {
            direct, filters: Filters { w, steps, size: [inputs, outputs], .. }, cuts, ..
        } = self;
        let [kh, kw] = [direct.shape.kh, direct.shape.kw];
        let pitch = outputs.next_multiple_of(S::LANES);
        let mut turned = [0.0f32; MOST_TAPS * 16];
        for d in self.inputs.0..self.inputs.1 {
            let block = d / cuts.channels * cuts.channels;
            let (c, count) = (d - block, cuts.channels.min(inputs - block));
            for n in (0..outputs).step_by(S::LANES) {
                let live = S::LANES.min(outputs - n);
                let first = d * steps[0] + n * steps[1];
                to_lanes(s, (w, first, steps[1]), live, kh * kw, (&mut turned, S::LANES));
                let most = width::<S>(pitch);
                let sliver = n / most * most;
                let width = most.min(pitch - sliver);
                let mut at = block * kh * kw * pitch;
                for phase in direct.phases.iter() {
                    let [th, tw] = [phase.window.h.taps, phase.window.w.taps];
                    let first = at + sliver * th * tw * count + n - sliver;
                    for (i, j) in (0..th).flat_map(|i| (0..tw).map(move |j| (i, j))) {
                        let tap = phase.tap(0, i) * kw + phase.tap(1, j);
                        let to = first + ((i * tw + j) * count + c) * width;
                        // SAFETY: a vector of the packed filters, which this input alone writes.
                        unsafe {
                            s.store_ptr(self.dst.ptr.add(to), s.load(&turned[tap * S::LANES..]))
                        };
                    }
                    at += count * th * tw * pitch;
                }
            }
        }
    }
}
