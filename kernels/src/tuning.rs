//! What the kernels ask of an instruction set: tiles by its registers, blocks by the caches of the CPUs
//! that have it. Each backend has one table, [`Simd::TUNING`](crate::Simd::TUNING).

/// Vectors of a row of a tile: each broadcast of A serves two FMAs. A third would take a third more
/// registers for B, and leave a tile fewer rows.
pub(crate) const VECTORS: usize = 2;

/// The most rows of a tile: those with 1 to so many are compiled.
pub(crate) const MOST_ROWS: usize = 14;

/// The numbers of one instruction set. They are this package's own, so that no other one can make an
/// instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Rows of GEMM's tile, at most [`MOST_ROWS`].
    pub(crate) rows: usize,
    /// Depth of a panel. Each panel reads and writes C once more, so it should be deep; what limits it
    /// is the caches.
    pub(crate) kc: usize,
    /// Rows of a block of A, which must stay in L2 with room for what streams through.
    pub(crate) mc: usize,
    /// Columns of a panel of B, which stays in L3.
    pub(crate) nc: usize,
    /// Elements between lines that share so few sets of L1 and L2 that a sliver of them would not stay
    /// there.
    pub(crate) same_sets: usize,
    /// Whether a tile that will be added to C asks for C before it is computed.
    pub(crate) prefetch_c: bool,
    /// Rows of the tile of dot products, `conv/dots/tile.rs`: 3 or 8.
    pub(crate) dot_rows: usize,
    /// Vectors of samples that a sparse layer takes at once.
    pub(crate) sample_vectors: usize,
    /// The windows of a sparse layer start at multiples of this.
    pub(crate) window_alignment: usize,
    /// The share of weights up to which a sparse layer is faster than a dense one.
    pub(crate) sparse: Densities,
}

/// Densities up to which `sparse` pays; its doc has the measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Densities {
    /// Linear layers of few samples, taken in windows.
    pub(crate) windows: f64,
    /// Linear layers of more samples, taken in turned tiles.
    pub(crate) samples: f64,
    pub(crate) conv: f64,
}

impl Tuning {
    /// For sixteen registers, measured with 8 lanes and the caches of Zen 3.
    pub(crate) const SIXTEEN_REGISTERS: Tuning = Tuning {
        // 6 x 2 accumulators + 2 of B + 1 broadcast = 15 of 16. Per step of k 12 FMAs (6 cycles)
        // against 8 loads (4 cycles).
        rows: 6,
        // A sliver of B stays in L1 beside one of A: (16 + 6) * 4 B * 320 = 28 KiB of 32 KiB.
        kc: 320,
        // 240 * 320 * 4 B = 300 KiB of 512 KiB.
        mc: 240,
        // 2048 * 320 * 4 B = 2.5 MiB.
        nc: 2048,
        // 2 KiB: two sets of an L1 of 8 ways.
        same_sets: 1 << 9,
        // No gain: a tile is small beside its panel.
        prefetch_c: false,
        // 3 x 3 accumulators, with 1 + 3 for the operands; per step 9 FMAs (4.5 cycles) against 6
        // loads (3).
        dot_rows: 3,
        sample_vectors: 4,
        window_alignment: 1,
        sparse: Densities { windows: 0.3, samples: 0.3, conv: 0.1 },
    };

    /// The same, if the kernels have code for it.
    pub(crate) const fn checked(self) -> Tuning {
        assert!(1 <= self.rows && self.rows <= MOST_ROWS, "tiles have 1 to MOST_ROWS rows");
        assert!(self.dot_rows == 3 || self.dot_rows == 8, "tiles of dot products have 3 or 8 rows");
        self
    }
}
