//! Every operation of the SIMD seam, on every instruction set, lane by lane.

mod support;

use proxtape_kernels::{Kernel, Simd};
use support::{Canary, Guarded, Rng, isas};

/// Applies a binary operation to whole vectors and then to a tail.
struct Check;

impl Kernel for Check {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let special = [0.0, -0.0, 1.5, -2.5, f32::NAN, f32::INFINITY, 1e-40, -3.0e38];
        let mut rng = Rng::new(1);
        for round in 0..50 {
            let mut x: Vec<f32> = rng.vec(S::LANES, -4.0, 4.0);
            let mut y: Vec<f32> = rng.vec(S::LANES, -4.0, 4.0);
            if round % 2 == 1 {
                x.iter_mut().for_each(|x| *x = special[rng.below(8)]);
                y.iter_mut().for_each(|y| *y = special[rng.below(8)]);
            }
            let (a, b) = (s.load(&x), s.load(&y));
            let lanes = |v: S::F| s.to_lanes(v)[..S::LANES].to_vec();
            let each = |f: fn(f32, f32) -> f32| -> Vec<f32> {
                x.iter().zip(&y).map(|(&x, &y)| f(x, y)).collect()
            };
            let same = |got: S::F, want: fn(f32, f32) -> f32, name: &str| {
                for (g, w) in lanes(got).iter().zip(each(want)) {
                    let equal = g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan());
                    assert!(equal, "{}: {name} gives {g}, not {w}", S::NAME);
                }
            };
            same(s.add(a, b), |x, y| x + y, "add");
            same(s.sub(a, b), |x, y| x - y, "sub");
            same(s.mul(a, b), |x, y| x * y, "mul");
            same(s.div(a, b), |x, y| x / y, "div");
            same(s.max(a, b), |x, y| if x > y { x } else { y }, "max");
            same(s.min(a, b), |x, y| if x < y { x } else { y }, "min");
            same(s.abs(a), |x, _| x.abs(), "abs");
            same(s.neg(a), |x, _| -x, "neg");
            same(s.sqrt(s.abs(a)), |x, _| x.abs().sqrt(), "sqrt");
            same(s.round(a), |x, _| x.round_ties_even(), "round");
            same(s.select(s.lt(a, b), a, b), |x, y| if x < y { x } else { y }, "lt");
            same(s.select(s.le(a, b), a, b), |x, y| if x <= y { x } else { y }, "le");
            same(s.select(s.gt(a, b), a, b), |x, y| if x > y { x } else { y }, "gt");
            same(s.select(s.ge(a, b), a, b), |x, y| if x >= y { x } else { y }, "ge");
            same(s.select(s.eq(a, b), s.zero(), b), |x, y| if x == y { 0.0 } else { y }, "eq");
            same(s.select(s.ne(a, a), s.zero(), a), |x, _| if x.is_nan() { 0.0 } else { x }, "ne");
            same(s.select_or_zero(s.lt(a, b), a), |x, y| if x < y { x } else { 0.0 }, "or zero");
            same(s.or(s.abs(a), s.sign_bit(b)), |x, y| x.abs().copysign(y), "copysign");
            let joined: Vec<f32> = x.iter().chain(&y).copied().collect();
            let (even, odd) = s.deinterleave(a, b);
            for (l, (even, odd)) in lanes(even).into_iter().zip(lanes(odd)).enumerate() {
                assert_eq!(even.to_bits(), joined[2 * l].to_bits(), "{}: deinterleave", S::NAME);
                assert_eq!(odd.to_bits(), joined[2 * l + 1].to_bits(), "{}: deinterleave", S::NAME);
            }
            let less = x.iter().zip(&y).filter(|(x, y)| x < y).count();
            assert_eq!(s.count(s.lt(a, b)) as usize, less);
            assert_eq!(s.any(s.lt(a, b)), less > 0);
            same(
                s.biased_exponent(s.abs(a)),
                |x, _| (x.abs().to_bits() >> 23) as f32,
                "biased_exponent",
            );
        }
        for n in 0..=S::LANES + 2 {
            let got = s.to_lanes(s.select(s.first_lanes(n), s.splat(1.0), s.splat(2.0)));
            assert!((0..S::LANES).all(|i| (got[i] == 1.0) == (i < n)), "{}: {n}", S::NAME);
            assert_eq!(s.count(s.first_lanes(n)) as usize, n.min(S::LANES));
        }
        for n in -126..=127 {
            let got = s.to_lanes(s.exp2_int(s.splat(n as f32)))[0];
            assert_eq!(got, 2f32.powi(n), "{}: exp2_int({n})", S::NAME);
        }
        let x = rng.vec(S::LANES, -1.0, 1.0);
        let (a, want) = (s.load(&x), x.iter().map(|&x| f64::from(x)).sum::<f64>());
        assert!((f64::from(s.sum(a)) - want).abs() < 1e-6);
        assert_eq!(s.max_lane(a), x.iter().copied().fold(f32::MIN, f32::max));
        let (three, seven) = (s.splat(3.0), s.splat(7.0));
        assert_eq!(s.to_lanes(s.mul_add(three, three, seven))[0], 16.0);
        assert_eq!(s.to_lanes(s.neg_mul_add(three, three, seven))[0], -2.0);
        // (1 + e)(1 - e) - 1 is -e^2 when it is rounded once, and 0 when the product is rounded too.
        let (up, down) = (s.splat(1.0 + f32::EPSILON), s.splat(1.0 - f32::EPSILON));
        let product = s.to_lanes(s.mul_add(up, down, s.splat(-1.0)))[0];
        assert_eq!(product != 0.0, S::FUSED, "{}: FUSED", S::NAME);
    }
}

#[test]
fn operations_match_scalar_code() {
    isas().into_iter().for_each(|isa| isa.run(Check));
}

/// Copies a tail.
struct CopyTail<'a>(&'a [f32], &'a mut [f32]);

impl Kernel for CopyTail<'_> {
    type Output = [f32; 16];
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f32; 16] {
        let v = s.load_tail(self.0);
        s.store_tail(self.1, v);
        s.to_lanes(v)
    }
}

#[test]
fn tails_touch_nothing_past_their_end() {
    for isa in isas() {
        for n in 0..=isa.lanes() {
            let x: Vec<f32> = (1..=n).map(|i| i as f32).collect();
            let mut y = Canary::new(n, 1);
            let lanes = isa.run(CopyTail(Guarded::new(&x).slice(), y.slice_mut()));
            y.check();
            assert_eq!(y.slice(), x);
            assert_eq!(lanes[..n], x);
            assert!(lanes[n..].iter().all(|x| x.to_bits() == 0));
            let mut guarded = Guarded::new(&x);
            isa.run(CopyTail(&x, guarded.slice_mut()));
            assert_eq!(guarded.slice(), x);
        }
    }
}
