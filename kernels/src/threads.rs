//! The only file that knows rayon.
//!
//! Work is cut by shape, never by the number of threads, and sums are folded in a fixed order, so
//! the same inputs and instruction set give the same bits at any number of threads. Only `join`
//! and parallel iterators are used: entering a pool from outside, `scope` and `spawn` allocate.

use crate::isa::Isa;
use core::fmt;
use core::marker::PhantomData;
use rayon::prelude::*;

/// How a convolution of 3 x 3 or 5 x 5 taps at stride 1 is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Convolution {
    /// By Winograd's algorithm where it pays: its rounding error is a share of the largest magnitudes
    /// around an output ([`Conv2d::is_winograd`](crate::conv::Conv2d::is_winograd) has the bound).
    /// Gradients from operands of 1e37 and more may not be finite where those of `Exact` are.
    #[default]
    Fast,
    /// As the sum of each output's own products: an outlier rounds only the outputs that see it.
    Exact,
}

/// How kernels run: the instruction set, and whether large work may be cut into tasks.
///
/// ```
/// use proxtape_kernels::{Exec, Isa};
/// let exec = Exec::new(Isa::detect()).parallel();
/// let mut y = vec![0.0; 10];
/// exec.chunks(&mut y, 4, |i, part| part.fill(i as f32));
/// assert_eq!(y, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exec {
    isa: Isa,
    parallel: bool,
    convolution: Convolution,
}

impl Exec {
    /// Everything on the calling thread.
    pub fn new(isa: Isa) -> Exec {
        Exec { isa, parallel: false, convolution: Convolution::Fast }
    }

    /// The same with another way to compute convolutions.
    ///
    /// ```
    /// use proxtape_kernels::{Convolution, Exec, Isa};
    /// let exec = Exec::new(Isa::detect()).with_convolution(Convolution::Exact);
    /// assert_eq!(exec.parallel().convolution(), Convolution::Exact);
    /// ```
    pub fn with_convolution(self, convolution: Convolution) -> Exec {
        Exec { convolution, ..self }
    }

    /// How convolutions are computed.
    pub fn convolution(self) -> Convolution {
        self.convolution
    }

    /// Large work is cut into tasks for the rayon pool that the caller is in; see [`Pool`].
    pub fn parallel(self) -> Exec {
        Exec { parallel: true, ..self }
    }

    /// The same instruction set on the calling thread alone, for work too small to cut.
    pub fn sequential(self) -> Exec {
        Exec { parallel: false, ..self }
    }

    /// The instruction set.
    pub fn isa(self) -> Isa {
        self.isa
    }

    /// Whether work may be cut into tasks.
    pub fn is_parallel(self) -> bool {
        self.parallel
    }

    /// Runs both, at the same time if it may.
    #[inline]
    pub fn join(self, a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
        if self.parallel {
            let (mut a, mut b) = (Some(a), Some(b));
            let mut a = || a.take().into_iter().for_each(|a| a());
            let mut b = || b.take().into_iter().for_each(|b| b());
            both(&mut a, &mut b);
        } else {
            a();
            b();
        }
    }

    /// Calls `f(i)` for each i in 0..n.
    #[inline]
    pub fn each(self, n: usize, f: impl Fn(usize) + Send + Sync) {
        tasks(self, n, &f);
    }

    /// Calls `f(i, part)` for each part of `chunk` elements of `y`; the last may be shorter.
    #[inline]
    pub fn chunks<T: Send>(
        self,
        y: &mut [T],
        chunk: usize,
        f: impl Fn(usize, &mut [T]) + Send + Sync,
    ) {
        let y = Parts::new(y, chunk);
        // SAFETY: each i comes once.
        self.each(y.count(), |i| f(i, unsafe { y.part(i) }));
    }

    /// As [`chunks`](Exec::chunks), over two buffers cut into the same number of parts.
    ///
    /// ```
    /// use proxtape_kernels::{Exec, Isa, Parts};
    /// let (mut y, mut sums) = ([1.0, 2.0, 3.0, 4.0, 5.0], [0.0; 2]);
    /// let (pairs, each) = (Parts::new(&mut y, 3), Parts::new(&mut sums, 1));
    /// Exec::new(Isa::detect()).chunks2(pairs, each, |_, y, sum| sum[0] = y.iter().sum());
    /// assert_eq!(sums, [6.0, 9.0]);
    /// ```
    #[inline]
    pub fn chunks2<T: Send, U: Send>(
        self,
        y: Parts<'_, T>,
        z: Parts<'_, U>,
        f: impl Fn(usize, &mut [T], &mut [U]) + Send + Sync,
    ) {
        let n = y.count().min(z.count());
        // SAFETY: each i comes once.
        self.each(n, |i| unsafe { f(i, y.part(i), z.part(i)) });
    }

    /// As [`chunks`](Exec::chunks), over three buffers cut into the same number of parts.
    #[inline]
    pub fn chunks3<T: Send, U: Send, V: Send>(
        self,
        y: Parts<'_, T>,
        z: Parts<'_, U>,
        w: Parts<'_, V>,
        f: impl Fn(usize, &mut [T], &mut [U], &mut [V]) + Send + Sync,
    ) {
        let n = y.count().min(z.count()).min(w.count());
        // SAFETY: each i comes once.
        self.each(n, |i| unsafe { f(i, y.part(i), z.part(i), w.part(i)) });
    }
}

/// Rayon's machinery is compiled here, once, and not again for every kernel: a tenth of the compile
/// time of this package. The indirect call is nothing beside a task.
#[inline(never)]
fn tasks(exec: Exec, n: usize, f: &(dyn Fn(usize) + Send + Sync)) {
    if exec.parallel && n > 1 {
        (0..n).into_par_iter().for_each(f);
    } else {
        (0..n).for_each(f);
    }
}

/// As [`tasks`], for two.
#[inline(never)]
fn both(a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
    rayon::join(a, b);
}

/// A slice cut into parts of `chunk` elements, the last of which may be shorter.
pub struct Parts<'a, T> {
    ptr: *mut T,
    len: usize,
    chunk: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: this stands for an exclusive borrow of elements that may be sent to another thread, and
// `part` gives each of them to one thread only.
unsafe impl<T: Send> Send for Parts<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    /// Cuts a slice.
    ///
    /// # Panics
    /// If `chunk` is 0.
    #[inline]
    #[track_caller]
    pub fn new(slice: &'a mut [T], chunk: usize) -> Self {
        assert!(chunk > 0, "a part of a buffer has at least one element");
        Parts { ptr: slice.as_mut_ptr(), len: slice.len(), chunk, slice: PhantomData }
    }

    fn count(&self) -> usize {
        self.len.div_ceil(self.chunk)
    }

    /// Part `i`.
    ///
    /// # Safety
    /// No other reference to the same part may be alive.
    #[expect(clippy::mut_from_ref, reason = "the caller asks for each part once")]
    unsafe fn part(&self, i: usize) -> &mut [T] {
        let start = i * self.chunk;
        assert!(start < self.len, "part {i} of {}", self.count());
        let len = self.chunk.min(self.len - start);
        // SAFETY: start + len is at most the length of the slice that is borrowed for 'a, and the
        // caller has no other reference to it.
        unsafe { core::slice::from_raw_parts_mut(self.ptr.add(start), len) }
    }
}

impl<T> fmt::Debug for Parts<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({} elements by {})", self.len, self.chunk)
    }
}

/// A pool of threads, or just the calling thread.
///
/// Run a whole training loop inside one [`install`](Pool::install). An embedder who has a rayon
/// pool calls that pool's `install` instead and uses [`Exec::parallel`].
pub struct Pool {
    threads: usize,
    pool: Option<rayon::ThreadPool>,
}

impl Pool {
    /// A pool of `threads` threads; 0 means one for each core. One thread starts no pool.
    ///
    /// # Errors
    /// If the operating system refuses to start the threads.
    pub fn new(threads: usize) -> Result<Pool, PoolError> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        };
        if threads == 1 {
            return Ok(Pool { threads, pool: None });
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(Pool { threads, pool: Some(pool.map_err(|e| PoolError(e.to_string()))?) })
    }

    /// How many threads work.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The [`Exec`] for code that runs inside this pool.
    pub fn exec(&self, isa: Isa) -> Exec {
        Exec { parallel: self.pool.is_some(), ..Exec::new(isa) }
    }

    /// Runs `f` in the pool.
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(f),
            None => f(),
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} threads)", self.threads)
    }
}

/// The operating system refused to start the threads.
#[derive(Clone, Debug)]
pub struct PoolError(String);

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start the thread pool: {}", self.0)
    }
}

impl std::error::Error for PoolError {}
