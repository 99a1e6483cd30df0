//! Strided elementwise functions and sums against a naive walk over all indices.

mod support;

use proxtape_kernels::broadcast::{self, Strided, StridedMut};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Accumulate, Exec, Isa, Pool, Simd};
use support::{Canary, Guarded, Rng, execs, isas};

/// a b - a, exact on small integers, and not zero where a tail's lanes are zero only in b.
#[derive(Clone, Copy)]
struct Mixed;

impl Map<2> for Mixed {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        s.sub(s.mul(a, b), a)
    }
}

/// x + 1, which is not zero in the unused lanes of a tail.
#[derive(Clone, Copy)]
struct PlusOne;

impl Map<1> for PlusOne {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.add(x, s.splat(1.0))
    }
}

/// All indices of `dims` in row-major order.
fn indices(dims: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let total: usize = dims.iter().product();
    (0..total).map(move |mut flat| {
        let mut index: Vec<usize> = dims
            .iter()
            .rev()
            .map(|&d| {
                let i = flat % d;
                flat /= d;
                i
            })
            .collect();
        index.reverse();
        index
    })
}

fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}

/// The length that strides ask for.
fn reach(dims: &[usize], strides: &[usize]) -> usize {
    if dims.contains(&0) {
        return 0;
    }
    1 + dims.iter().zip(strides).map(|(d, s)| (d - 1) * s).sum::<usize>()
}

/// Row-major strides of `dims`, zero where `mask` has a zero, as of a tensor without that axis.
fn strides(dims: &[usize], mask: &[usize]) -> Vec<usize> {
    let (mut strides, mut stride) = (vec![0; dims.len()], 1);
    for k in (0..dims.len()).rev() {
        if mask[k] != 0 {
            strides[k] = stride;
            stride *= dims[k];
        }
    }
    strides
}

/// Random dims of small and odd lengths, and two operands: broadcast, permuted or with gaps.
fn problem(rng: &mut Rng) -> (Vec<usize>, [Vec<usize>; 2]) {
    let axes = rng.below(7);
    let dims: Vec<usize> = (0..axes)
        .map(|k| [1, 2, 3, 5, 8, 17, 40, 0][rng.below(if k == 0 { 8 } else { 7 })])
        .collect();
    let mut dims = dims;
    while dims.iter().product::<usize>() > 30_000 {
        let largest = (0..axes).max_by_key(|&k| dims[k]).unwrap();
        dims[largest] = 1 + rng.below(3);
    }
    let operand = |rng: &mut Rng| {
        let mask: Vec<usize> = (0..axes).map(|_| usize::from(rng.below(3) > 0)).collect();
        let mut s = strides(&dims, &mask);
        match rng.below(4) {
            0 => s.iter_mut().for_each(|s| *s *= 2),
            1 if axes > 1 => {
                // A transposed operand: the strides of two axes of a permuted tensor.
                let (i, j) = (rng.below(axes), rng.below(axes));
                let mut turned = dims.clone();
                turned.swap(i, j);
                s = strides(&turned, &vec![1; axes]);
                s.swap(i, j);
            }
            _ => {}
        }
        s
    };
    let a = operand(rng);
    let b = operand(rng);
    (dims, [a, b])
}

#[test]
fn map_matches_a_naive_walk() {
    let mut rng = Rng::new(11);
    for round in 0..300 {
        let (dims, [sa, sb]) = problem(&mut rng);
        let a = rng.ints(reach(&dims, &sa), -4, 4);
        let b = rng.ints(reach(&dims, &sb), -4, 4);
        let want: Vec<f32> = indices(&dims)
            .map(|i| {
                let (a, b) = (a[offset(&i, &sa)], b[offset(&i, &sb)]);
                a * b - a
            })
            .collect();
        let (a, b) = (Guarded::new(&a), Guarded::new(&b));
        let x =
            [Strided { data: a.slice(), strides: &sa }, Strided { data: b.slice(), strides: &sb }];
        for exec in execs() {
            let mut y = Canary::new(want.len(), round % 3);
            broadcast::map(exec, Mixed, &dims, x, y.slice_mut(), Accumulate::Store);
            y.check();
            assert_eq!(y.slice(), want, "{dims:?} {x:?} on {exec:?}");
            broadcast::map(exec, Mixed, &dims, x, y.slice_mut(), Accumulate::Add);
            y.check();
            assert!(y.slice().iter().zip(&want).all(|(y, w)| *y == 2.0 * w), "{dims:?} {exec:?}");
        }
    }
}

#[test]
fn reduce_matches_a_naive_walk() {
    let mut rng = Rng::new(12);
    for round in 0..400 {
        let (dims, [sa, sb]) = problem(&mut rng);
        let a = rng.ints(reach(&dims, &sa), -3, 3);
        let b = rng.ints(reach(&dims, &sb), -3, 3);
        let mask: Vec<usize> = dims.iter().map(|_| rng.below(2)).collect();
        let mut sy = strides(&dims, &mask);
        if let (true, Some(i), Some(j)) =
            (round % 3 == 0, mask.iter().position(|&m| m != 0), mask.iter().rposition(|&m| m != 0))
        {
            // y itself may be transposed.
            let mut turned = dims.clone();
            turned.swap(i, j);
            sy = strides(&turned, &mask);
            sy.swap(i, j);
        }
        let cells: usize =
            dims.iter().zip(&mask).map(|(d, m)| if *m == 0 { 1 } else { *d }).product();
        let mut want = vec![0.0; cells];
        for i in indices(&dims) {
            let (a, b) = (a[offset(&i, &sa)], b[offset(&i, &sb)]);
            want[offset(&i, &sy)] += a * b - a;
        }
        let (a, b) = (Guarded::new(&a), Guarded::new(&b));
        let x =
            [Strided { data: a.slice(), strides: &sa }, Strided { data: b.slice(), strides: &sb }];
        for exec in execs() {
            let mut y = Canary::new(cells, round % 3);
            let to = StridedMut { data: y.slice_mut(), strides: &sy };
            broadcast::reduce(exec, Mixed, &dims, x, to, Accumulate::Store);
            y.check();
            assert_eq!(y.slice(), want, "{dims:?} {x:?} to {sy:?} on {exec:?}");
            let to = StridedMut { data: y.slice_mut(), strides: &sy };
            broadcast::reduce(exec, Mixed, &dims, x, to, Accumulate::Add);
            y.check();
            assert!(y.slice().iter().zip(&want).all(|(y, w)| *y == 2.0 * w), "{dims:?} {exec:?}");
        }
    }
}

#[test]
fn reduce_leaves_out_the_unused_lanes_of_a_tail() {
    for exec in execs() {
        for n in 1..=4 * exec.isa().lanes() + 3 {
            for (dims, sx, sy) in [
                (vec![n], vec![1], vec![0]),
                (vec![2, n], vec![n, 1], vec![1, 0]),
                (vec![2, n], vec![n, 1], vec![0, 1]),
                (vec![n, 2], vec![1, n], vec![0, 1]),
            ] {
                let data = Guarded::new(&vec![1.0; reach(&dims, &sx)]);
                let x = Strided { data: data.slice(), strides: &sx };
                let mut want = vec![0.0; reach(&dims, &sy)];
                indices(&dims).for_each(|i| want[offset(&i, &sy)] += 2.0);
                let mut y = vec![f32::NAN; want.len()];
                let to = StridedMut { data: &mut y, strides: &sy };
                broadcast::reduce(exec, PlusOne, &dims, [x], to, Accumulate::Store);
                assert_eq!(y, want, "{dims:?} on {exec:?}");
            }
        }
    }
}

#[test]
fn large_broadcasts_have_the_same_bits_at_any_number_of_threads() {
    let mut rng = Rng::new(13);
    // [N, C, spatial] with a bias for each channel, and a row added to a matrix.
    for (dims, sb) in [([8, 30, 701], [0, 1, 0]), ([1, 300, 701], [0, 0, 1])] {
        let total: usize = dims.iter().product();
        let (a, b) = (rng.vec(total, -1.0, 1.0), rng.vec(701, -1.0, 1.0));
        let sa = [dims[1] * dims[2], dims[2], 1];
        let x = [Strided { data: &a, strides: &sa }, Strided { data: &b, strides: &sb }];
        for isa in isas() {
            let run = |exec: Exec| {
                let mut y = vec![f32::NAN; total];
                broadcast::map(exec, Mixed, &dims, x, &mut y, Accumulate::Store);
                let mut sums = vec![f32::NAN; reach(&dims, &sb)];
                let to = StridedMut { data: &mut sums, strides: &sb };
                broadcast::reduce(exec, Mixed, &dims, x, to, Accumulate::Store);
                y.extend(sums);
                y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let want = run(Exec::new(isa));
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                assert!(pool.install(|| run(pool.exec(isa))) == want, "{threads} threads");
            }
        }
    }
}

#[test]
#[should_panic(expected = "operand 1 has 5 elements, [2, 3] with strides [3, 1] needs more")]
fn map_names_the_operand_whose_strides_reach_too_far() {
    let x = [
        Strided { data: &[0.0; 6], strides: &[3, 1] },
        Strided { data: &[0.0; 5], strides: &[3, 1] },
    ];
    let exec = Exec::new(Isa::detect());
    broadcast::map(exec, Mixed, &[2, 3], x, &mut [0.0; 6], Accumulate::Store);
}

#[test]
#[should_panic(expected = "needs more")]
fn map_refuses_strides_that_overflow() {
    let x = [Strided { data: &[0.0; 6], strides: &[usize::MAX, 1] }];
    let exec = Exec::new(Isa::detect());
    broadcast::map(exec, PlusOne, &[3, 2], x, &mut [0.0; 6], Accumulate::Store);
}

#[test]
#[should_panic(expected = "do not make it dense")]
fn reduce_refuses_overlapping_cells() {
    let x = [Strided { data: &[0.0; 6], strides: &[3, 1] }];
    let exec = Exec::new(Isa::detect());
    let to = StridedMut { data: &mut [0.0; 6], strides: &[1, 1] };
    broadcast::reduce(exec, PlusOne, &[2, 3], x, to, Accumulate::Store);
}
