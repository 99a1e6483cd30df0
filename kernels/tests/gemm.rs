//! gemm against a naive f64 oracle: exact on integers, at every edge, on every instruction set.

mod support;

use proxtape_kernels::gemm::{
    Bias, ByRows, Gemm, MatMut, MatRef, PackedB, PackedGemm, gemm, scratch_len,
};
use proxtape_kernels::{Activation, Exec, Isa, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    Rows,
    Columns,
    /// Neither stride is 1.
    Sparse,
}

const LAYOUTS: [Layout; 3] = [Layout::Rows, Layout::Columns, Layout::Sparse];

impl Layout {
    fn strides(self, rows: usize, cols: usize) -> [usize; 2] {
        match self {
            Layout::Rows => [cols, 1],
            Layout::Columns => [1, rows],
            Layout::Sparse => [2 * cols + 3, 2],
        }
    }
    /// Elements up to and with the last one.
    fn extent(self, rows: usize, cols: usize) -> usize {
        let [rs, cs] = self.strides(rows, cols);
        if rows * cols == 0 { 0 } else { (rows - 1) * rs + (cols - 1) * cs + 1 }
    }
    fn view(self, x: &[f32], rows: usize, cols: usize) -> MatRef<'_> {
        MatRef::strided(x, [rows, cols], self.strides(rows, cols))
    }
}

/// C in f64, row-major.
fn oracle(op: &Gemm<'_>, c: &[f64], n: usize) -> Vec<f64> {
    let (m, k) = (op.a.rows(), op.a.cols());
    let at = |x: &MatRef<'_>, i: usize, j: usize| {
        f64::from(x.data()[i * x.row_stride() + j * x.col_stride()])
    };
    let mut y = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            let dot: f64 = (0..k).map(|p| at(&op.a, i, p) * at(&op.b, p, j)).sum();
            let old = if op.beta == 0.0 { 0.0 } else { f64::from(op.beta) * c[i * n + j] };
            let bias = match op.bias {
                Bias::None => 0.0,
                Bias::Rows(b) => f64::from(b[i]),
                Bias::Cols(b) => f64::from(b[j]),
            };
            let x = f64::from(op.alpha) * dot + old + bias;
            y[i * n + j] = if op.activation == Activation::Relu { x.max(0.0) } else { x };
        }
    }
    y
}

/// One product, exactly as it must be.
#[derive(Clone, Copy, Debug)]
struct Case {
    shape: [usize; 3],
    layouts: [Layout; 3],
    alpha: f32,
    beta: f32,
    bias: u8,
    activation: Activation,
}

impl Case {
    fn plain(shape: [usize; 3], layouts: [Layout; 3]) -> Case {
        Case { shape, layouts, alpha: 1.0, beta: 0.0, bias: 0, activation: Activation::None }
    }

    /// Operands of small integers that end at protected pages, C between canaries, or at a page.
    fn check(self, exec: Exec, rng: &mut Rng) {
        let [m, n, k] = self.shape;
        let [la, lb, lc] = self.layouts;
        let a = Guarded::new(&rng.ints(la.extent(m, k), -3, 3));
        let b = Guarded::new(&rng.ints(lb.extent(k, n), -3, 3));
        let bias = Guarded::new(&rng.ints(if self.bias == 1 { m } else { n }, -9, 9));
        let op = Gemm {
            alpha: self.alpha,
            beta: self.beta,
            bias: match self.bias {
                0 => Bias::None,
                1 => Bias::Rows(bias.slice()),
                _ => Bias::Cols(bias.slice()),
            },
            activation: self.activation,
            ..Gemm::new(la.view(a.slice(), m, k), lb.view(b.slice(), k, n))
        };
        let old = rng.ints(m * n, -5, 5);
        let [rs, cs] = lc.strides(m, n);
        let mut scratch = Canary::new(scratch_len(exec.isa(), [m, n, k]), rng.below(16));
        let mut c = Canary::new(lc.extent(m, n), rng.below(16));
        let mut guarded = Guarded::new(&vec![f32::NAN; lc.extent(m, n)]);
        let mut from_packed = Canary::new(lc.extent(m, n), rng.below(16));
        let packs = self.alpha == 1.0 && self.beta == 0.0;
        if packs {
            let packed = PackedB::new(exec, op.b);
            let c = MatMut::strided(from_packed.slice_mut(), [m, n], [rs, cs]);
            let mut scratch = Canary::new(packed.scratch_len(m), rng.below(16));
            let (a, bias, activation) = (op.a, op.bias, op.activation);
            let prepacked = PackedGemm { a, bias, activation };
            packed.product(exec, &prepacked, c, scratch.slice_mut());
            scratch.check();
            from_packed.check();
        }
        for c in [c.slice_mut(), guarded.slice_mut()] {
            if self.beta != 0.0 {
                (0..m * n).for_each(|i| c[i / n * rs + i % n * cs] = old[i]);
            }
            gemm(exec, &op, MatMut::strided(c, [m, n], [rs, cs]), scratch.slice_mut());
        }
        scratch.check();
        c.check();
        let old: Vec<f64> = old.iter().map(|&x| f64::from(x)).collect();
        let want = oracle(&op, &old, n);
        let from_packed = packs.then(|| from_packed.slice());
        for c in [c.slice(), guarded.slice()].into_iter().chain(from_packed) {
            for (i, &want) in want.iter().enumerate() {
                let got = c[i / n * rs + i % n * cs];
                assert!(
                    f64::from(got) == want,
                    "{exec:?} {self:?} at {}, {}: {got} is not {want}",
                    i / n,
                    i % n
                );
            }
            if lc == Layout::Sparse {
                let written = c.iter().filter(|x| !x.is_nan()).count();
                assert_eq!(written, m * n, "{self:?} wrote between the elements of c");
            }
        }
    }
}

/// Tile rows and columns on an instruction set.
fn tile(isa: Isa) -> [usize; 2] {
    if isa.lanes() == 16 { [14, 32] } else { [6, 2 * isa.lanes()] }
}

#[test]
fn gemm_is_exact_on_integers_at_every_tail() {
    let rng = &mut Rng::new(1);
    for isa in isas() {
        let [mr, nr] = tile(isa);
        let exec = Exec::new(isa);
        let rows: Vec<usize> = (0..=mr + 1).chain([2 * mr - 1, 2 * mr, 2 * mr + 1]).collect();
        for &m in &rows {
            for n in (0..=nr + 1).chain([2 * nr, 2 * nr + 1, 3 * nr - 1]) {
                let k = [1, 2, 7, 33][(m + n) % 4];
                let layouts = std::array::from_fn(|_| LAYOUTS[rng.below(3)]);
                Case::plain([m, n, k], layouts).check(exec, rng);
            }
        }
        // Enough rows and columns that both operands are packed.
        for k in 0..=2 * isa.lanes() + 1 {
            for (m, n) in [(2 * mr + 3, 2 * nr + 5), (mr + 1, nr + 1), (3, 5)] {
                for layout in LAYOUTS {
                    Case::plain([m, n, k], [layout, LAYOUTS[k % 3], Layout::Rows]).check(exec, rng);
                }
            }
        }
    }
}

#[test]
fn gemm_takes_every_layout_of_every_operand() {
    let rng = &mut Rng::new(2);
    for exec in execs() {
        for shape in [
            [31, 67, 19],
            [5, 70, 40],
            [70, 5, 40],
            [1, 37, 50],
            [37, 1, 50],
            [3, 50, 64],
            [7, 23, 300],
            // Few columns: four depths in a vector, or vectors along the columns of C.
            [70, 10, 101],
            [37, 3, 67],
            [33, 12, 98],
            [129, 6, 64],
            [61, 13, 50],
        ] {
            for i in 0..27 {
                let layouts = [LAYOUTS[i % 3], LAYOUTS[i / 3 % 3], LAYOUTS[i / 9]];
                Case::plain(shape, layouts).check(exec, rng);
            }
        }
    }
}

#[test]
fn gemm_is_exact_around_every_block_size() {
    let rng = &mut Rng::new(3);
    for exec in execs() {
        for k in [319, 320, 321, 511, 512, 513, 641] {
            let layouts = [LAYOUTS[k % 2], LAYOUTS[k / 2 % 2], Layout::Rows];
            Case::plain([30, 70, k], layouts).check(exec, rng);
            Case { beta: 1.0, bias: 1, ..Case::plain([2, 9, k], layouts) }.check(exec, rng);
        }
        for k in [319, 321, 513, 1025] {
            for layout in [Layout::Rows, Layout::Columns] {
                let layouts = [layout, LAYOUTS[k / 2 % 2], Layout::Rows];
                Case { beta: 1.0, bias: 2, ..Case::plain([45, 10, k], layouts) }.check(exec, rng);
            }
        }
        for m in [239, 240, 241, 253, 481] {
            Case::plain([m, 70, 9], [LAYOUTS[m % 2], Layout::Rows, Layout::Rows]).check(exec, rng);
        }
        for n in [2047, 2048, 2049, 2081] {
            Case::plain([31, n, 65], [Layout::Rows, LAYOUTS[n % 2], Layout::Rows]).check(exec, rng);
            Case::plain([3, n, 70], [Layout::Rows, LAYOUTS[n % 2], Layout::Rows]).check(exec, rng);
        }
    }
    // More rows than tasks share at one time.
    let exec = Exec::new(Isa::detect()).parallel();
    Case::plain([2100, 90, 12], [Layout::Rows; 3]).check(exec, rng);
}

#[test]
fn gemm_takes_every_factor_bias_and_activation() {
    let rng = &mut Rng::new(4);
    for exec in execs() {
        for shape in [[29, 71, 300], [29, 71, 4], [2, 33, 21], [1, 5, 0], [4, 40, 0], [40, 3, 17]] {
            for (i, layout) in (0..).zip([0, 1, 2].repeat(12)) {
                let case = Case {
                    shape,
                    layouts: [Layout::Rows, LAYOUTS[i % 2], LAYOUTS[layout]],
                    alpha: [1.0, -2.0, 0.0, 0.5][i % 4],
                    beta: [0.0, 1.0, -3.0][i / 4 % 3],
                    bias: (i % 5 % 3) as u8,
                    activation: [Activation::None, Activation::Relu][i / 3 % 2],
                };
                case.check(exec, rng);
            }
        }
        // Few columns, by rows and by columns of A.
        for i in 0..72 {
            let case = Case {
                shape: [[43, 10, 66], [43, 5, 67], [43, 12, 68]][i % 3],
                layouts: [LAYOUTS[i / 3 % 2], LAYOUTS[i % 2], Layout::Rows],
                alpha: [1.0, -2.0, 0.0, 0.5][i % 4],
                beta: [0.0, 1.0, -3.0][i / 6 % 3],
                bias: (i / 12 % 3) as u8,
                activation: [Activation::None, Activation::Relu][i / 36],
            };
            case.check(exec, rng);
        }
    }
}

#[test]
fn gemm_rounds_no_worse_than_its_depth() {
    let rng = &mut Rng::new(5);
    for exec in execs() {
        for [m, n, k] in [[65, 130, 700], [3, 90, 700], [90, 2, 700]] {
            let (a, b) = (rng.vec(m * k, -1.0, 1.0), rng.vec(k * n, -1.0, 1.0));
            let op = Gemm::new(MatRef::row_major(&a, m, k), MatRef::row_major(&b, n, k).t());
            let mut c = vec![f32::NAN; m * n];
            let mut scratch = vec![f32::NAN; scratch_len(exec.isa(), [m, n, k])];
            gemm(exec, &op, MatMut::row_major(&mut c, m, n), &mut scratch);
            assert_close(&c, &oracle(&op, &[], n), 1e-6);
            // Another implementation agrees.
            let mut other = vec![0.0f32; m * n];
            let (k, n) = (k as isize, n as isize);
            // SAFETY: the three matrices have the sizes and strides that are passed.
            unsafe {
                matrixmultiply::sgemm(
                    m,
                    k as usize,
                    n as usize,
                    1.0,
                    a.as_ptr(),
                    k,
                    1,
                    b.as_ptr(),
                    1,
                    k,
                    0.0,
                    other.as_mut_ptr(),
                    n,
                    1,
                );
            }
            let other: Vec<f64> = other.into_iter().map(f64::from).collect();
            assert_close(&c, &other, 2e-6);
        }
    }
}

#[test]
fn gemm_gives_the_same_bits_at_any_number_of_threads() {
    let rng = &mut Rng::new(6);
    for isa in isas() {
        for ([m, n, k], layout) in [
            ([300, 300, 300], Layout::Rows),
            ([300, 300, 300], Layout::Columns),
            ([40, 3000, 70], Layout::Rows),
            ([1000, 40, 300], Layout::Rows),
            ([2, 2000, 600], Layout::Rows),
            ([3000, 10, 100], Layout::Rows),
            ([3000, 10, 100], Layout::Columns),
            ([33, 65, 9], Layout::Rows),
        ] {
            let (a, b) = (rng.vec(m * k, -1.0, 1.0), rng.vec(k * n, -1.0, 1.0));
            let op = Gemm::new(layout.view(&a, m, k), MatRef::row_major(&b, n, k).t());
            let run = |exec: Exec| {
                let mut c = vec![f32::NAN; m * n];
                let mut scratch = vec![f32::NAN; scratch_len(isa, [m, n, k])];
                gemm(exec, &op, MatMut::row_major(&mut c, m, n), &mut scratch);
                c
            };
            let want = run(Exec::new(isa));
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                let got = pool.install(|| run(Exec::new(isa).parallel()));
                assert!(got == want, "{} {m} {n} {k}: {threads} threads", isa.name());
            }
        }
    }
}

#[test]
fn packed_b_gives_the_bits_of_gemm_where_both_have_tiles() {
    let rng = &mut Rng::new(7);
    for isa in isas() {
        for (shape, pays, same) in [
            ([128, 300, 784], true, true),
            ([40, 3000, 70], true, true),
            ([33, 65, 9], true, true),
            ([5, 300, 784], true, false),
            ([2, 300, 784], false, false),
            ([128, 10, 100], isa.lanes() == 4, false),
            ([64, 1, 100], false, false),
        ] {
            let [m, n, k] = shape;
            let (a, b) = (rng.vec(m * k, -1.0, 1.0), rng.vec(k * n, -1.0, 1.0));
            let op = Gemm::new(MatRef::row_major(&a, m, k), MatRef::row_major(&b, n, k).t());
            assert_eq!(PackedB::pays(isa, shape), pays, "{} {shape:?}", isa.name());
            let mut want = vec![f32::NAN; m * n];
            let mut scratch = vec![f32::NAN; scratch_len(isa, [m, n, k])];
            gemm(Exec::new(isa), &op, MatMut::row_major(&mut want, m, n), &mut scratch);
            for threads in [1, 2] {
                let pool = Pool::new(threads).unwrap();
                let exec = pool.exec(isa);
                let packed = PackedB::new(exec, op.b);
                let mut c = vec![f32::NAN; m * n];
                let mut scratch = vec![f32::NAN; packed.scratch_len(m)];
                let dest = MatMut::row_major(&mut c, m, n);
                let (a, bias, activation) = (op.a, op.bias, op.activation);
                let prepacked = PackedGemm { a, bias, activation };
                pool.install(|| packed.product(exec, &prepacked, dest, &mut scratch));
                assert!(!same || c == want, "{} {shape:?}, {threads} threads", isa.name());
                let mut alone = vec![f32::NAN; m * n];
                let dest = MatMut::row_major(&mut alone, m, n);
                packed.product(Exec::new(isa), &prepacked, dest, &mut scratch);
                assert_eq!(alone, c, "{} {shape:?}, {threads} threads", isa.name());
                let want: Vec<f64> = want.iter().map(|&x| f64::from(x)).collect();
                assert_close(&c, &want, 1e-6);
            }
        }
    }
}

#[test]
fn products_without_rows_columns_or_depth_are_zero_or_nothing() {
    let sizes = [0, 1, 2, 3, 13, 40];
    let triples = sizes.iter().flat_map(|&m| sizes.iter().map(move |&n| (m, n)));
    for (m, n, k) in triples.flat_map(|(m, n)| sizes.iter().map(move |&k| (m, n, k))) {
        if m * n * k != 0 {
            continue;
        }
        let (a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
        for exec in execs() {
            let isa = exec.isa();
            for (a, b) in [
                (MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n)),
                (MatRef::row_major(&a, k, m).t(), MatRef::row_major(&b, n, k).t()),
            ] {
                let bias = vec![2.0; n];
                let bias = Bias::Cols(&bias);
                let mut c = vec![f32::NAN; m * n];
                let mut scratch = vec![f32::NAN; scratch_len(isa, [m, n, k])];
                let op = Gemm { bias, ..Gemm::new(a, b) };
                gemm(exec, &op, MatMut::row_major(&mut c, m, n), &mut scratch);
                assert!(c.iter().all(|&x| x == 2.0), "gemm {m} {n} {k}");

                let packed = PackedB::new(exec, b);
                let mut c = vec![f32::NAN; m * n];
                let mut scratch = vec![f32::NAN; packed.scratch_len(m)];
                let op = PackedGemm { a, bias, activation: Activation::None };
                packed.product(exec, &op, MatMut::row_major(&mut c, m, n), &mut scratch);
                assert!(c.iter().all(|&x| x == 2.0), "packed {m} {n} {k}");

                let mut memory = vec![f32::NAN; ByRows::packed_len(isa, n, k)];
                let product = ByRows::new(exec, a, b, &mut memory);
                assert_eq!(product.shape(), [m, n]);
                let mut scratch = vec![f32::NAN; ByRows::scratch_len(isa, m)];
                for rows in [0..m, m..m, 0..m.min(1), m.min(1)..m] {
                    let mut c = vec![f32::NAN; rows.len() * n];
                    product.rows(rows, &mut c, &mut scratch);
                    assert!(c.iter().all(|&x| x == 0.0), "by rows {m} {n} {k}");
                }
            }
        }
    }
}

#[test]
fn gemm_relu_keeps_nan() {
    for isa in isas() {
        for n in [40, 1] {
            let (a, b) = ([f32::NAN; 2], vec![1.0; n]);
            let a = MatRef::row_major(&a, 2, 1);
            let op =
                Gemm { activation: Activation::Relu, ..Gemm::new(a, MatRef::row_major(&b, 1, n)) };
            let mut c = vec![0.0; 2 * n];
            let mut scratch = vec![0.0; scratch_len(isa, [2, n, 1])];
            gemm(Exec::new(isa), &op, MatMut::row_major(&mut c, 2, n), &mut scratch);
            assert!(c.iter().all(|x| x.is_nan()));
        }
    }
}

#[test]
fn gemm_on_the_detected_level_agrees() {
    // On a CPU with nothing but the baseline this is the path through matrixmultiply.
    let rng = &mut Rng::new(7);
    for exec in [Exec::new(Isa::detect()), Exec::new(Isa::detect()).parallel()] {
        Case::plain([129, 131, 70], [Layout::Columns, Layout::Sparse, Layout::Sparse])
            .check(exec, rng);
    }
}

#[test]
#[should_panic(expected = "gemm: scratch has 0 elements")]
fn gemm_names_a_scratch_that_is_too_short() {
    let x = [0.0; 4];
    let a = MatRef::row_major(&x, 2, 2);
    let mut c = [0.0; 4];
    gemm(Exec::new(Isa::detect()), &Gemm::new(a, a), MatMut::row_major(&mut c, 2, 2), &mut []);
}

#[test]
#[should_panic(expected = "gemm: b is (2, 2), not (3, 2)")]
fn gemm_names_shapes_that_do_not_fit() {
    let x = [0.0; 6];
    let (a, b) = (MatRef::row_major(&x, 2, 3), MatRef::row_major(&x, 2, 2));
    let mut c = [0.0; 4];
    gemm(Exec::new(Isa::detect()), &Gemm::new(a, b), MatMut::row_major(&mut c, 2, 2), &mut []);
}

#[test]
#[should_panic(expected = "matrix: data has 5 elements, 2 x 3 with strides 3 and 1 needs 6")]
fn a_view_names_data_that_is_too_short() {
    MatRef::row_major(&[0.0; 5], 2, 3);
}

#[test]
#[should_panic(expected = "matrix: elements of 2 x 3 with strides 2 and 1 overlap")]
fn elements_of_c_may_not_overlap() {
    MatMut::strided(&mut [0.0; 9], [2, 3], [2, 1]);
}
