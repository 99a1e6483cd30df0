//! A window that slides over an image: its limits, and the size of what it gives.

use super::ModelError;
use super::context::LayerContext;

/// The most that kernel, stride, padding and dilation may be, in each direction. No image is larger, and
/// all that is computed from them then stays far below the range of an index.
const MAX_EXTENT: usize = 65_535;

pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
}

impl Window {
    /// [OH, OW] = (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1.
    pub(super) fn output(
        &self,
        at: LayerContext<'_>,
        size: [usize; 2],
    ) -> Result<[usize; 2], ModelError> {
        for (name, least, extents) in [
            ("kernel", 1, self.kernel),
            ("stride", 1, self.stride),
            ("padding", 0, self.padding),
            ("dilation", 1, self.dilation),
        ] {
            if let Some(extent) = extents.iter().find(|e| !(least..=MAX_EXTENT).contains(e)) {
                return Err(at.error(format!(
                    "{name} is a number from {least} to {MAX_EXTENT}, not {extent}"
                )));
            }
        }
        let mut out = [0; 2];
        for i in 0..2 {
            let (k, p, d) = (self.kernel[i], self.padding[i], self.dilation[i]);
            // The limits, and that of a sample, keep both far below the largest number.
            let (span, padded) = ((k - 1) * d + 1, size[i] + 2 * p);
            if span > padded {
                return Err(at.error(format!(
                    "a window of {k} (dilation {d}) does not fit into {} with padding {p}",
                    size[i],
                )));
            }
            out[i] = (padded - span) / self.stride[i] + 1;
        }
        Ok(out)
    }
}
