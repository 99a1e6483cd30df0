//! How a flat buffer of weights falls into groups.

use crate::size;

/// A `[outer, groups, inner]` view of a flat buffer: group g owns the elements `(a, g, b)`.
///
/// | weight | group | view |
/// | --- | --- | --- |
/// | linear [out, in] | output neuron | `rows(out, in)` |
/// | linear [out, in] | input feature | `columns(out, in)` |
/// | conv [OC, C, KH, KW] | filter | `rows(OC, C*KH*KW)` |
/// | conv | input channel | `{ outer: OC, groups: C, inner: KH*KW }` |
/// | conv | kernel position | `columns(OC, C*KH*KW)` |
/// | any | the whole / blocks of k | `whole(n)` / `blocks(n, k)` |
///
/// ```
/// use proxtape_kernels::prox::Groups;
/// assert_eq!(Groups::columns(3, 4), Groups { outer: 3, groups: 4, inner: 1 });
/// assert_eq!(Groups::blocks(12, 4).groups, 3);
/// assert_eq!(Groups { outer: 2, groups: 3, inner: 5 }.indices(1).nth(6), Some(21));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// How many runs a group consists of.
    pub outer: usize,
    /// How many groups there are.
    pub groups: usize,
    /// The length of a run.
    pub inner: usize,
}

impl Groups {
    /// One group of n.
    pub fn whole(n: usize) -> Groups {
        Groups { outer: 1, groups: 1, inner: n }
    }

    /// `groups` runs of `inner`.
    pub fn rows(groups: usize, inner: usize) -> Groups {
        Groups { outer: 1, groups, inner }
    }

    /// The columns of a row-major [outer, groups] matrix.
    pub fn columns(outer: usize, groups: usize) -> Groups {
        Groups { outer, groups, inner: 1 }
    }

    /// n elements in blocks of k.
    ///
    /// # Panics
    /// If k is 0 or does not divide n.
    pub fn blocks(n: usize, k: usize) -> Groups {
        assert!(k > 0 && n.is_multiple_of(k), "Groups::blocks: {n} elements in blocks of {k}");
        Groups { outer: 1, groups: n / k, inner: k }
    }

    /// How many elements there are.
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[expect(clippy::len_without_is_empty, reason = "a shape, not a container")]
    #[inline]
    #[track_caller]
    pub fn len(&self) -> usize {
        size::elements("Groups", &[self.outer, self.groups, self.inner])
    }

    /// How many elements a group has.
    ///
    /// # Panics
    /// As [`len`](Self::len).
    #[inline]
    #[track_caller]
    pub fn group_size(&self) -> usize {
        self.len();
        self.outer * self.inner
    }

    /// Where the elements of group g are, in memory order.
    ///
    /// # Panics
    /// As [`len`](Self::len), and if there is no such group.
    #[track_caller]
    pub fn indices(self, g: usize) -> impl Iterator<Item = usize> + Clone {
        self.len();
        assert!(g < self.groups, "Groups: there is no group {g} of {}", self.groups);
        // Any number of runs may hold nothing.
        let runs = if self.inner == 0 { 0 } else { self.outer };
        (0..runs).flat_map(move |a| {
            let start = (a * self.groups + g) * self.inner;
            start..start + self.inner
        })
    }

    /// The same groups, a single one as one run.
    #[track_caller]
    pub(crate) fn reduced(self) -> Groups {
        if self.groups == 1 { Groups::whole(self.len()) } else { self }
    }

    /// Whether the groups are done side by side, in row order: a run shorter than a page or two would
    /// take a new page and half a cache line each time.
    pub(crate) fn is_columns(self) -> bool {
        self.inner == 1 || (self.outer > 1 && self.inner <= 256)
    }
}
