//! Matrices as views: element (i, j) lies at `data[i * row_stride + j * col_stride]`.
//!
//! A transpose swaps the two dimensions and the two strides, so it costs nothing.

/// A matrix that is read.
///
/// ```
/// use proxtape_kernels::gemm::MatRef;
/// let a = MatRef::row_major(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3);
/// assert_eq!((a.t().rows(), a.t().cols()), (3, 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a> {
    data: &'a [f32],
    size: [usize; 2],
    stride: [usize; 2],
}

/// A matrix that is written. No two of its elements share memory.
#[derive(Debug)]
pub struct MatMut<'a> {
    data: &'a mut [f32],
    size: [usize; 2],
    stride: [usize; 2],
}

/// One more than the offset of the last element; 0 for an empty matrix.
fn extent(size: [usize; 2], stride: [usize; 2]) -> Option<usize> {
    if size.contains(&0) {
        return Some(0);
    }
    let last = |i: usize| (size[i] - 1).checked_mul(stride[i]);
    last(0)?.checked_add(last(1)?)?.checked_add(1)
}

#[track_caller]
fn check(len: usize, size: [usize; 2], stride: [usize; 2]) {
    let wants = extent(size, stride);
    assert!(
        wants.is_some_and(|wants| len >= wants),
        "matrix: data has {len} elements, {} x {} with strides {} and {} needs {}",
        size[0],
        size[1],
        stride[0],
        stride[1],
        wants.map_or_else(|| "more than memory".to_owned(), |n| n.to_string()),
    );
}

impl<'a> MatRef<'a> {
    /// A dense matrix, row after row.
    ///
    /// # Panics
    /// If `data` is shorter than rows * cols.
    #[track_caller]
    pub fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Self {
        MatRef::strided(data, [rows, cols], [cols, 1])
    }

    /// A view `[rows, cols]` with strides `[row_stride, col_stride]`, counted in elements.
    ///
    /// # Panics
    /// If an element lies past the end of `data`.
    #[track_caller]
    pub fn strided(data: &'a [f32], size: [usize; 2], stride: [usize; 2]) -> Self {
        check(data.len(), size, stride);
        MatRef { data, size, stride }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        let MatRef { data, size: [m, n], stride: [rs, cs] } = self;
        MatRef { data, size: [n, m], stride: [cs, rs] }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.size[0]
    }

    /// How many columns.
    pub fn cols(&self) -> usize {
        self.size[1]
    }

    /// The distance from a row to the next, in elements.
    pub fn row_stride(&self) -> usize {
        self.stride[0]
    }

    /// The distance from a column to the next, in elements.
    pub fn col_stride(&self) -> usize {
        self.stride[1]
    }

    /// The elements, and those between them.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }
}

impl<'a> MatMut<'a> {
    /// A dense matrix, row after row.
    ///
    /// # Panics
    /// If `data` is shorter than rows * cols.
    #[track_caller]
    pub fn row_major(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        MatMut::strided(data, [rows, cols], [cols, 1])
    }

    /// A view `[rows, cols]` with strides `[row_stride, col_stride]`, counted in elements.
    ///
    /// # Panics
    /// If an element lies past the end of `data`, or if rows and columns overlap: one stride must
    /// step over the whole extent of the other dimension.
    #[track_caller]
    pub fn strided(data: &'a mut [f32], size: [usize; 2], stride: [usize; 2]) -> Self {
        check(data.len(), size, stride);
        let steps_over = |i: usize| {
            size[i] <= 1 || (size[1 - i] > 0 && stride[i] > (size[1 - i] - 1) * stride[1 - i])
        };
        let inner = |i: usize| size[i] <= 1 || stride[i] > 0;
        assert!(
            size.contains(&0) || (steps_over(0) && inner(1)) || (steps_over(1) && inner(0)),
            "matrix: elements of {} x {} with strides {} and {} overlap",
            size[0],
            size[1],
            stride[0],
            stride[1],
        );
        MatMut { data, size, stride }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        let MatMut { data, size: [m, n], stride: [rs, cs] } = self;
        MatMut { data, size: [n, m], stride: [cs, rs] }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.size[0]
    }

    /// How many columns.
    pub fn cols(&self) -> usize {
        self.size[1]
    }

    /// The distance from a row to the next, in elements.
    pub fn row_stride(&self) -> usize {
        self.stride[0]
    }

    /// The distance from a column to the next, in elements.
    pub fn col_stride(&self) -> usize {
        self.stride[1]
    }

    /// Where the kernels write.
    pub(crate) fn dest(&mut self) -> Dest {
        Dest { ptr: self.data.as_mut_ptr(), stride: self.stride }
    }
}

/// The memory of a matrix that several tasks write, each its own elements.
///
/// Whoever holds one must keep inside the matrix it was made from, and that matrix borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Dest {
    pub(crate) ptr: *mut f32,
    pub(crate) stride: [usize; 2],
}

// SAFETY: a Dest is only an address; the tasks that share one write disjoint elements.
unsafe impl Send for Dest {}
// SAFETY: as above.
unsafe impl Sync for Dest {}

impl Dest {
    /// The address of element (i, j).
    ///
    /// # Safety
    /// The element must lie in the matrix this was made from.
    #[inline(always)]
    pub(crate) unsafe fn at(self, i: usize, j: usize) -> *mut f32 {
        // SAFETY: the offset stays inside the allocation, by contract.
        unsafe { self.ptr.add(i * self.stride[0] + j * self.stride[1]) }
    }
}
