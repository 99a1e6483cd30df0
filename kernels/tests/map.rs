//! The elementwise loop against scalar code: every tail, alignment, destination and cut.

mod support;

use proxtape_kernels::map::{Map, MapInPlace, map, update};
use proxtape_kernels::{Accumulate, Exec, Isa, Pool, Simd};
use support::{Canary, Guarded, Rng, execs, isas};

/// a b - c, exact on small integers, and different for each order of its operands.
#[derive(Clone, Copy)]
struct Mixed;

impl Map<3> for Mixed {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b, c]: [S::F; 3]) -> S::F {
        s.sub(s.mul(a, b), c)
    }
}

impl MapInPlace<2> for Mixed {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, y: S::F, [a, b]: [S::F; 2]) -> S::F {
        s.sub(s.mul(y, a), b)
    }
}

#[derive(Clone, Copy)]
struct Constant;

impl Map<0> for Constant {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, []: [S::F; 0]) -> S::F {
        s.splat(5.0)
    }
}

/// Every length up to four vectors and some, and both sides of a task's border.
fn sizes(isa: Isa) -> impl Iterator<Item = usize> {
    (0..=4 * isa.lanes() + 3).chain([32767, 32768, 32769, 65536, 70001])
}

#[test]
fn map_matches_scalar_code_at_every_length_and_alignment() {
    let mut rng = Rng::new(3);
    let pool = rng.ints(3 * 80_000, -9, 9);
    for exec in execs() {
        for n in sizes(exec.isa()) {
            for offset in 0..if n < 100 { 3 } else { 1 } {
                let x = [0, 1, 2].map(|j| &pool[j * 80_000 + offset * (j + 1)..][..n]);
                let want = |i: usize| x[0][i] * x[1][i] - x[2][i];
                let mut y = Canary::new(n, offset);
                map(exec, Mixed, x, y.slice_mut(), Accumulate::Store);
                y.check();
                assert!((0..n).all(|i| y.slice()[i] == want(i)), "store {n} on {exec:?}");
                map(exec, Mixed, x, y.slice_mut(), Accumulate::Add);
                y.check();
                assert!((0..n).all(|i| y.slice()[i] == 2.0 * want(i)), "add {n} on {exec:?}");
                let old = y.slice().to_vec();
                update(exec, Mixed, y.slice_mut(), [x[0], x[1]]);
                y.check();
                let want = |i: usize| old[i] * x[0][i] - x[1][i];
                assert!((0..n).all(|i| y.slice()[i] == want(i)), "update {n} on {exec:?}");
            }
        }
    }
}

#[test]
fn map_reads_and_writes_nothing_past_the_end() {
    let ones = [1.0; 80];
    for isa in isas() {
        let exec = Exec::new(isa);
        for n in 0..=4 * isa.lanes() + 3 {
            let x = Guarded::new(&ones[..n]);
            let mut y = Guarded::new(&ones[..n]);
            map(exec, Mixed, [x.slice(); 3], y.slice_mut(), Accumulate::Store);
            map(exec, Mixed, [x.slice(); 3], y.slice_mut(), Accumulate::Add);
            update(exec, Mixed, y.slice_mut(), [x.slice(); 2]);
            assert_eq!(y.slice(), vec![-1.0; n]);
        }
    }
}

#[test]
fn map_without_operands_fills() {
    for exec in execs() {
        let mut y = Canary::new(37, 1);
        map(exec, Constant, [], y.slice_mut(), Accumulate::Store);
        y.check();
        assert_eq!(y.slice(), [5.0; 37]);
    }
}

#[test]
fn map_gives_the_same_bits_at_any_number_of_threads() {
    #[derive(Clone, Copy)]
    struct Tanh;
    impl Map<1> for Tanh {
        #[inline(always)]
        fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
            proxtape_kernels::math::tanh(s, x)
        }
    }
    let x = Rng::new(4).vec(100_003, -5.0, 5.0);
    for isa in isas() {
        let mut want = vec![f32::NAN; x.len()];
        map(Exec::new(isa), Tanh, [&x], &mut want, Accumulate::Store);
        for threads in [1, 2, 4] {
            let pool = Pool::new(threads).unwrap();
            let mut y = vec![f32::NAN; x.len()];
            pool.install(|| map(pool.exec(isa), Tanh, [&x], &mut y, Accumulate::Store));
            assert!(y.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

#[test]
#[should_panic(expected = "map: operand 1 has 4 elements, y has 3")]
fn map_names_the_operand_of_the_wrong_length() {
    let exec = Exec::new(Isa::detect());
    map(exec, Mixed, [&[0.0; 3], &[0.0; 4], &[0.0; 3]], &mut [0.0; 3], Accumulate::Store);
}
