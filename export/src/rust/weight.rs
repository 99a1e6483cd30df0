//! The values of a weight, with or without its zeros.

/// A weight below this share of non-zeros is kept by rows: 6 bytes for a non-zero instead of 4 for
/// each weight, and the sum of a row goes one by one instead of eight at a time. (A convolution goes
/// through its image for each weight that is not zero, however they are kept.)
const SPARSE: f64 = 0.3;

/// The values of a weight.
#[derive(Clone, Debug)]
pub(crate) enum Weight {
    Dense(Vec<f32>),
    /// Row o has `values[starts[o]..starts[o + 1]]` at these positions of the row.
    Sparse {
        starts: Vec<u32>,
        positions: Vec<u32>,
        values: Vec<f32>,
    },
}

impl Weight {
    pub(super) fn of(values: Vec<f32>, rows: usize) -> Weight {
        let nonzero = values.iter().filter(|&&w| w != 0.0).count();
        if nonzero as f64 >= SPARSE * values.len() as f64 {
            return Weight::Dense(values);
        }
        let width = values.len() / rows;
        let (mut starts, mut positions, mut kept) = (vec![0], Vec::new(), Vec::new());
        for row in values.chunks_exact(width) {
            let row = row.iter().enumerate().filter(|(_, w)| **w != 0.0);
            for (position, &w) in row {
                // A parameter has at most 2^30 elements.
                positions.push(position as u32);
                kept.push(w);
            }
            starts.push(kept.len() as u32);
        }
        Weight::Sparse { starts, positions, values: kept }
    }

    /// Whether it is kept by rows.
    pub(super) fn is_sparse(&self) -> bool {
        matches!(self, Weight::Sparse { .. })
    }

    /// Multiplies row o by `scale[o]`.
    pub(super) fn scale(&mut self, scale: &[f64]) {
        let times = |w: &mut f32, s: f64| *w = (s * f64::from(*w)) as f32;
        match self {
            Weight::Dense(values) => {
                let width = values.len() / scale.len();
                for (row, &s) in values.chunks_exact_mut(width).zip(scale) {
                    row.iter_mut().for_each(|w| times(w, s));
                }
            }
            Weight::Sparse { starts, values, .. } => {
                for (ends, &s) in starts.windows(2).zip(scale) {
                    values[ends[0] as usize..ends[1] as usize].iter_mut().for_each(|w| times(w, s));
                }
            }
        }
    }
}
