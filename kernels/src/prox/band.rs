//! Groups in some columns of a matrix.

use super::groups::Groups;
use crate::size;
use core::fmt;

/// Elements of a task: 128 KiB of each buffer, 10 to 20 microseconds of work, against a few for a
/// task that another thread takes.
pub(crate) const TASK: usize = 32 * 1024;

/// A view [`groups`](Band::groups) whose rows are parts of those of a wider matrix: row `a` of
/// `[outer, groups * inner]` begins at `start + a * stride` in the buffer of a matrix
/// `[outer, stride]`. So groups of different widths on one weight are some bands, side by side.
///
/// ```
/// use proxtape_kernels::prox::{Band, Groups};
/// // [2, 9] in groups of 3, 1 and 5 columns.
/// let band = |start, inner| Band { groups: Groups { outer: 2, groups: 1, inner }, start, stride: 9 };
/// let [a, b, c] = [band(0, 3), band(3, 1), band(4, 5)];
/// assert_eq!(b.indices(0).collect::<Vec<_>>(), [3, 12]);
/// assert_eq!(a.buffer_len(), c.buffer_len());
/// // All of a buffer is a band too.
/// assert_eq!(Band::from(Groups::rows(4, 3)), Band { groups: Groups::rows(4, 3), start: 0, stride: 12 });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// The groups, as if their rows followed one another.
    pub groups: Groups,
    /// The first column.
    pub start: usize,
    /// Columns of the whole matrix.
    pub stride: usize,
}

impl From<Groups> for Band {
    /// # Panics
    /// If memory cannot hold the groups.
    #[track_caller]
    fn from(groups: Groups) -> Band {
        groups.len();
        Band { groups, start: 0, stride: groups.groups * groups.inner }
    }
}

/// As the groups alone where these are all of a buffer.
impl fmt::Debug for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Band { groups, start, stride } = self;
        match self.is_all() {
            true => groups.fmt(f),
            false => {
                let mut all = f.debug_struct("Band");
                all.field("groups", groups).field("start", start).field("stride", stride).finish()
            }
        }
    }
}

impl Band {
    /// Whether the groups are all of a buffer.
    pub fn is_all(&self) -> bool {
        let columns = self.groups.groups.checked_mul(self.groups.inner);
        self.start == 0 && columns == Some(self.stride)
    }

    /// How many elements the buffer of the whole matrix has.
    ///
    /// # Panics
    /// If memory cannot hold so many, or the groups do not lie inside its columns.
    #[track_caller]
    pub fn buffer_len(&self) -> usize {
        let Band { groups, start, stride } = *self;
        groups.len();
        let end = size::total("Band", &[start, groups.groups * groups.inner]);
        assert!(end <= stride, "Band: columns {start} to {end} of {stride}");
        size::elements("Band", &[groups.outer, stride])
    }

    /// Where the elements of group g are in the buffer, in memory order.
    ///
    /// # Panics
    /// As [`buffer_len`](Band::buffer_len), and if there is no such group.
    #[track_caller]
    pub fn indices(self, g: usize) -> impl Iterator<Item = usize> + Clone {
        self.runs_of(g).flatten()
    }

    /// The runs of group g in the buffer, in memory order.
    ///
    /// # Panics
    /// As [`indices`](Band::indices).
    #[track_caller]
    pub fn runs_of(self, g: usize) -> impl Iterator<Item = core::ops::Range<usize>> + Clone {
        self.buffer_len();
        let Band { groups: Groups { groups, inner, .. }, start, stride } = self;
        assert!(g < groups, "Band: there is no group {g} of {groups}");
        let from = start + g * inner;
        self.rows().map(move |a| a * stride + from..a * stride + from + inner)
    }

    /// Where all elements of its groups are in the buffer, in memory order.
    ///
    /// # Panics
    /// As [`buffer_len`](Band::buffer_len).
    #[track_caller]
    pub fn elements(self) -> impl Iterator<Item = usize> + Clone {
        self.buffer_len();
        let Band { groups: Groups { groups, inner, .. }, start, stride } = self;
        self.rows().flat_map(move |a| a * stride + start..a * stride + start + groups * inner)
    }

    /// The rows that hold anything: any number of them may hold nothing.
    fn rows(self) -> core::ops::Range<usize> {
        0..if self.groups.groups * self.groups.inner == 0 { 0 } else { self.groups.outer }
    }

    /// Runs that cover the elements: pieces of at most about `most` elements.
    pub(crate) fn runs(self, most: usize) -> impl Fn(usize) -> core::ops::Range<usize> + Copy {
        let (row, stride, n) =
            (self.groups.groups * self.groups.inner, self.stride, self.groups.len());
        move |i| match row == stride {
            true => self.start + i * most..self.start + n.min((i + 1) * most),
            false => self.start + i * stride..self.start + i * stride + row,
        }
    }

    /// How many runs there are.
    pub(crate) fn run_count(self, most: usize) -> usize {
        match self.groups.groups * self.groups.inner == self.stride {
            true => self.groups.len().div_ceil(most),
            false => self.groups.outer,
        }
    }

    /// The same groups, a single one as one run where its rows follow one another.
    #[track_caller]
    pub(crate) fn reduced(self) -> Band {
        let Groups { groups, inner, .. } = self.groups;
        if groups == 1 && inner == self.stride {
            Band { groups: self.groups.reduced(), start: self.start, stride: self.groups.len() }
        } else {
            self
        }
    }
}
