//! Smaller kernels: outer rows and columns of positions that are zero for all filters and channels.
//!
//! Output o reads row o stride - padding + k dilation. Without the first t of the K rows, and with
//! the padding less t dilation, the row that is left as k - t reads the same. The padding is the
//! same on both sides, so the free way of the kernel changes by dilation (b - t) where b rows leave
//! at the end, and the number of outputs must not change with it.

use super::weight::Weight;

impl Weight {
    /// Cuts what can be cut; returns whether there was anything.
    pub(super) fn trim(&mut self) -> bool {
        let Some(window) = self.window else { return false };
        let cut = [0, 1].map(|axis| {
            let (kernel, zero) = (self.kernel[axis], self.zero_ends(axis));
            let way = window.way(axis, kernel);
            let outputs = way / window.stride[axis];
            let fits = |[t, b]: [usize; 2]| {
                let d = window.dilation[axis];
                let same = (way + d * b).checked_sub(d * t).map(|way| way / window.stride[axis]);
                t + b < kernel && t * d <= window.padding[axis] && same == Some(outputs)
            };
            let pairs = (0..=zero[0]).flat_map(|t| (0..=zero[1]).map(move |b| [t, b]));
            pairs.filter(|&c| fits(c)).max_by_key(|c| c[0] + c[1]).unwrap_or_default()
        });
        if cut == [[0; 2]; 2] {
            return false;
        }
        self.cut_kernel(cut);
        true
    }

    /// How many rows (axis 0) or columns (axis 1) of positions are zero at the start and at the end.
    fn zero_ends(&self, axis: usize) -> [usize; 2] {
        let [kh, kw] = self.kernel;
        let mut zero = vec![true; self.kernel[axis]];
        for plane in self.w.chunks_exact(kh * kw) {
            for (k, &w) in plane.iter().enumerate() {
                zero[if axis == 0 { k / kw } else { k % kw }] &= w == 0.0;
            }
        }
        let start = zero.iter().take_while(|&&z| z).count();
        [start, zero.iter().rev().take_while(|&&z| z).count()]
    }

    /// Cuts [start, end] rows and [start, end] columns.
    fn cut_kernel(&mut self, [rows, columns]: [[usize; 2]; 2]) {
        let [kh, kw] = self.kernel;
        let kept = |w: &[f32]| -> Vec<f32> {
            let rows = w.chunks_exact(kw).take(kh - rows[1]).skip(rows[0]);
            rows.flat_map(|row| &row[columns[0]..kw - columns[1]]).copied().collect()
        };
        self.w = self.w.chunks_exact(kh * kw).flat_map(kept).collect();
        self.kernel = [kh - rows[0] - rows[1], kw - columns[0] - columns[1]];
        if let Some(window) = &mut self.window {
            window.padding[0] -= rows[0] * window.dilation[0];
            window.padding[1] -= columns[0] * window.dilation[1];
        }
    }
}
