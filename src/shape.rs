//! Shapes of tensors: up to six axes, row-major, no heap.

use core::fmt;
use core::ops::Deref;
use proxtape_kernels::size;

/// The most axes that a tensor may have.
pub const MAX_RANK: usize = 6;

/// The extents of a tensor, outermost first. An empty shape is a scalar.
///
/// ```
/// use proxtape::Shape;
/// let s = Shape::from([2, 3]);
/// assert_eq!((s.len(), s.rank(), s[1]), (6, 2, 3));
/// assert_eq!(s.to_string(), "[2, 3]");
/// assert_eq!(Shape::from([]).len(), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Shape = Shape { dims: [0; MAX_RANK], rank: 0 };

    /// The number of elements: the product of the extents.
    ///
    /// # Panics
    /// If memory cannot hold so many: see [`checked_len`](Self::checked_len).
    #[expect(clippy::len_without_is_empty, reason = "a shape is no container")]
    #[track_caller]
    pub fn len(&self) -> usize {
        size::elements("Shape", self.dims())
    }

    /// The number of elements, if memory could hold so many, the extents of 0 left out: the elements of
    /// any of the axes are then no more.
    ///
    /// ```
    /// use proxtape::Shape;
    /// assert_eq!(Shape::from([1 << 40, 0]).checked_len(), Some(0));
    /// assert_eq!(Shape::from([1 << 32, 1 << 32]).checked_len(), None);
    /// ```
    pub fn checked_len(&self) -> Option<usize> {
        size::product(self.dims())
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The extents.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// The row-major view `[outer, axis, inner]` around one axis.
    ///
    /// # Panics
    /// If there is no such axis, or memory cannot hold the elements.
    #[track_caller]
    pub fn around(&self, axis: usize) -> [usize; 3] {
        self.len();
        let dims = self.dims();
        [dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product()]
    }

    /// The shape of `n` samples of this shape: a new first axis.
    ///
    /// # Panics
    /// If there is no room for another axis.
    pub fn batch(&self, n: usize) -> Shape {
        std::iter::once(n).chain(self.iter().copied()).collect()
    }

    /// The same extents without one axis.
    pub fn without(&self, axis: usize) -> Shape {
        self.iter().enumerate().filter(|&(i, _)| i != axis).map(|(_, &d)| d).collect()
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        self.dims()
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(extents: I) -> Shape {
        let mut shape = Shape::SCALAR;
        for d in extents {
            assert!(shape.rank < MAX_RANK, "a tensor has at most {MAX_RANK} axes");
            shape.dims[shape.rank] = d;
            shape.rank += 1;
        }
        shape
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Shape {
        dims.iter().copied().collect()
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Shape {
        const { assert!(N <= MAX_RANK, "a tensor has at most six axes") };
        dims.into_iter().collect()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}
