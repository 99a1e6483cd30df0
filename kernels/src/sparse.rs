//! Layers whose weights are mostly zero: y = act(W x + b) without the zeros.
//!
//! The zeros need no pattern. A layer is laid out once, from its dense weights, for the instruction
//! set and the number of samples that it will see:
//!
//! ```text
//! a few samples     lanes along rows of W; x is looked up in windows     sparse/windows.rs
//! many samples      lanes along samples, on turned tiles of x            sparse/samples.rs
//! a convolution     lanes along the pixels of an image                   sparse/conv.rs
//! ```
//!
//! The last two are the same product (`sparse/runs.rs`): a row of W is a list of taps, each of which
//! adds w times a run of neighbours.
//!
//! The results are those of the dense layer up to rounding, for finite x: whether 0 times infinity
//! makes a NaN depends on the layout. The order of a sum depends on the weights, the instruction set
//! and the layout, never on the number of threads.

mod conv;
mod runs;
mod samples;
mod windows;

pub use conv::SparseConv2d;

use crate::activation::Activation;
use crate::isa::Isa;
use crate::size;
use crate::threads::Exec;
use runs::Runs;
use windows::Windows;

/// Up to so many samples for each lane are taken in windows. (300 x 784 at 5 %, windows and turned
/// tiles: 8 samples with 16 lanes 6.3 and 6.5 us; with 8 lanes 4 samples 5.1 and 5.8, 5 samples
/// 7.4 and 5.9.)
fn few(isa: Isa) -> usize {
    isa.lanes() / 2
}

/// A matrix W: `[out, in]` without its zeros, for samples x: `[N, in]`.
///
/// ```
/// use proxtape_kernels::sparse::{SparseForward, SparseLinear};
/// use proxtape_kernels::{Activation, Exec, Isa};
/// let exec = Exec::new(Isa::detect());
/// let w = SparseLinear::new(exec.isa(), &[0.0, 2.0, 0.0, 0.0, 0.0, -1.0], [2, 3], 1);
/// assert_eq!(w.kept(), 2);
/// let op = SparseForward { x: &[1.0, 10.0, 100.0], bias: None, activation: Activation::Relu };
/// let mut y = [f32::NAN; 2];
/// w.forward(exec, &op, &mut y, &mut vec![0.0; w.scratch_len(1)]);
/// assert_eq!(y, [20.0, 0.0]);
/// ```
#[derive(Clone, Debug)]
pub struct SparseLinear {
    isa: Isa,
    rows: usize,
    cols: usize,
    kept: usize,
    layout: Layout,
}

#[derive(Clone, Debug)]
enum Layout {
    Windows(Windows),
    Runs(Runs),
}

/// What [`SparseLinear::forward`] and [`SparseConv2d::forward`] read.
#[derive(Clone, Copy, Debug)]
pub struct SparseForward<'a> {
    /// `[N, in]`, or `[N, C, H, W]`.
    pub x: &'a [f32],
    /// `[out]`.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
}

impl SparseLinear {
    /// Whether there is a layout for a shape `[out, in]`: offsets are u32.
    pub fn serves([rows, cols]: [usize; 2]) -> bool {
        // A row takes room even if it has no column.
        cols <= 1 << 26 && size::product(&[rows, cols.max(1)]).is_some_and(|len| len <= LIMIT)
    }

    /// Lays out w: `[out, in]` for `samples` samples at a time: it takes any number, and is fastest
    /// with about so many.
    ///
    /// # Panics
    /// If [`serves`](Self::serves) says no, or the length of `w` is not out * in.
    #[track_caller]
    pub fn new(isa: Isa, w: &[f32], [rows, cols]: [usize; 2], samples: usize) -> SparseLinear {
        assert!(SparseLinear::serves([rows, cols]), "sparse: no layout for {rows} x {cols}");
        length("w", w.len(), rows * cols);
        let kept = w.iter().filter(|&&w| w != 0.0).count();
        let layout = if samples <= few(isa) {
            Layout::Windows(Windows::new(isa, w, [rows, cols]))
        } else {
            Layout::Runs(samples::runs(isa, w, [rows, cols]))
        };
        SparseLinear { isa, rows, cols, kept, layout }
    }

    /// Weights that are not zero.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Scratch elements that [`forward`](SparseLinear::forward) wants for so many samples.
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[track_caller]
    pub fn scratch_len(&self, samples: usize) -> usize {
        match &self.layout {
            Layout::Windows(w) => w.scratch_len(),
            Layout::Runs(_) => {
                samples::scratch_len(self.isa, [self.rows, self.cols], samples, self.kept)
            }
        }
    }

    /// y = act(x W^T + bias) for x: `[N, in]` and y: `[N, out]`.
    ///
    /// # Panics
    /// If a length does not fit, memory cannot hold x, `scratch` is shorter than [`scratch_len`](Self::scratch_len) says,
    /// or the instruction set is not the one of the layout.
    #[track_caller]
    pub fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        let &SparseLinear { rows, cols, .. } = self;
        assert!(exec.isa().name() == self.isa.name(), "sparse: laid out for {:?}", self.isa);
        if rows == 0 {
            return length("y", y.len(), 0);
        }
        let samples = y.len() / rows;
        length("y", y.len(), samples * rows);
        length("x", op.x.len(), size::elements("sparse: x", &[samples, cols]));
        op.check_bias(rows);
        let wants = self.scratch_len(samples);
        assert!(scratch.len() >= wants, "sparse: scratch is {}, wanted {wants}", scratch.len());
        if samples == 0 {
            return;
        }
        match &self.layout {
            Layout::Windows(w) => w.forward(exec, op, y, scratch),
            Layout::Runs(runs) => {
                samples::forward(exec, runs, op, [rows, cols], y, scratch);
            }
        }
    }
}

/// Elements of a weight, or of an image: offsets and counts then fit u32 with room for every tile.
const LIMIT: usize = 1 << 30;

impl SparseForward<'_> {
    #[track_caller]
    fn check_bias(&self, rows: usize) {
        if let Some(bias) = self.bias {
            length("bias", bias.len(), rows);
        }
    }
}

#[track_caller]
fn length(name: &str, found: usize, wanted: usize) {
    assert!(found == wanted, "sparse: {name} has {found} elements, not {wanted}");
}

/// The positions of what is not zero in each row, and the rows by how many they have, most first:
/// neighbours in that order are alike, so loops over them end alike.
fn by_count(w: &[f32], rows: usize, cols: usize) -> Vec<(u32, Vec<u32>)> {
    let kept = |row: &[f32]| (0..cols as u32).filter(|&j| row[j as usize] != 0.0).collect();
    let mut all: Vec<(u32, Vec<u32>)> =
        (0..rows).map(|i| (i as u32, kept(&w[i * cols..][..cols]))).collect();
    all.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.len()));
    all
}

/// Whether leaving out the zeros is faster than the dense kernel at this density.
///
/// By measurements on Zen 5, one thread, zeros in no order: how many times as fast linear layers of
/// 300 x 784, 100 x 300 and 500 x 800 are as the dense kernel on weights that were turned
/// beforehand, or that lie as they are where that is faster; the least of the three.
///
/// ```text
///               density   0.05   0.1   0.2   0.3   0.5
/// 16 lanes,  1 sample      4.7   3.5   2.2   1.7   0.9    windows
///            8 samples     2.7   2.0   1.3   1.0   0.7
///            9 samples     3.4   2.3   1.4   0.8   0.6    turned tiles, half full
///           32 samples     5.2   3.7   2.1   1.4   0.7
///  8 lanes,  1 sample      3.8   2.7   1.9   1.5   1.0    windows
///            4 samples     4.0   2.9   1.9   1.5   1.1
///            9 samples     4.1   2.9   1.8   1.2   0.8    turned tiles, a vector hardly begun
///           32 samples     7.5   5.3   3.4   2.4   1.1
/// ```
///
/// Convolutions of LeNet-5, vgg-small and ResNet-20, 1 and 16 images, beside Winograd's where that is
/// the dense kernel; the least, which is vgg conv6 with 16 images, or a layer of one channel.
///
/// ```text
///               density   0.01   0.03   0.05   0.1   0.2
/// 16 lanes                 2.0    1.8    1.4   0.8   0.4
///  8 lanes                 2.0    2.1    1.9   1.3   0.7
/// ```
pub fn pays(isa: Isa, kind: Kind, kept: usize, weights: usize) -> bool {
    let densities = isa.tuning().sparse;
    let most = match kind {
        Kind::Linear { samples } if samples > few(isa) => densities.samples,
        Kind::Linear { .. } => densities.windows,
        Kind::Conv2d => densities.conv,
    };
    kept as f64 <= most * weights as f64
}

/// What kind of layer [`pays`] is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A [`SparseLinear`] for so many samples.
    Linear {
        /// N.
        samples: usize,
    },
    /// A [`SparseConv2d`].
    Conv2d,
}
