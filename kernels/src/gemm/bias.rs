//! The summand of a product that repeats along rows or columns.

/// What is added to C before the activation.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a> {
    /// Nothing.
    None,
    /// m numbers, one for each row of C.
    Rows(&'a [f32]),
    /// n numbers, one for each column of C.
    Cols(&'a [f32]),
}

impl Bias<'_> {
    pub(super) fn t(self) -> Self {
        match self {
            Bias::None => Bias::None,
            Bias::Rows(b) => Bias::Cols(b),
            Bias::Cols(b) => Bias::Rows(b),
        }
    }

    #[track_caller]
    pub(super) fn check(self, [m, n]: [usize; 2]) {
        match self {
            Bias::None => {}
            Bias::Rows(b) => assert!(b.len() == m, "gemm: bias has {} elements, not {m}", b.len()),
            Bias::Cols(b) => assert!(b.len() == n, "gemm: bias has {} elements, not {n}", b.len()),
        }
    }

    pub(super) fn at(self, i: usize, j: usize) -> f32 {
        match self {
            Bias::None => 0.0,
            Bias::Rows(b) => b[i],
            Bias::Cols(b) => b[j],
        }
    }
}
