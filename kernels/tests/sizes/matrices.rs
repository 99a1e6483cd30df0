//! Matrices and rows: products, sparse layers, transposes, sums, broadcasting, softmax, layer norm.

use super::{Door, LONG, attempt, exec, lengths, numbers, times};
use proxtape_kernels::broadcast::{self, Strided, StridedMut};
use proxtape_kernels::gemm::{
    Bias, ByRows, Gemm, MatMut, MatRef, PackedB, PackedGemm, gemm, scratch_len,
};
use proxtape_kernels::map::Map;
use proxtape_kernels::norm::{self, Affine, LayerNorm, LayerNormVjp};
use proxtape_kernels::sparse::{Kind, SparseForward, SparseLinear, pays};
use proxtape_kernels::{Accumulate, Activation, Buffer, Simd, size, softmax, transpose};

pub(crate) const DOORS: &[Door] = &[
    Door {
        functions: &[("gemm/view.rs", &["row_major", "strided"])],
        possible: &[2, 3, 3, 1],
        call: views,
    },
    Door {
        functions: &[
            ("gemm.rs", &["scratch_len", "gemm"]),
            ("gemm/packed.rs", &["pays", "new", "scratch_len", "product"]),
            ("gemm/by_rows.rs", &["packed_len", "scratch_len", "new", "rows"]),
        ],
        possible: &[2, 3, 4],
        call: products,
    },
    Door {
        functions: &[("sparse.rs", &["serves", "new", "scratch_len", "forward", "pays"])],
        possible: &[2, 3, 4],
        call: sparse_layers,
    },
    Door {
        functions: &[
            ("transpose.rs", &["transpose"]),
            ("broadcast.rs", &["sum_axis", "channel_sums"]),
        ],
        possible: &[2, 3, 4],
        call: axes,
    },
    Door {
        functions: &[("broadcast.rs", &["map", "reduce"])],
        possible: &[2, 3, 4, 12, 4, 1],
        call: broadcasts,
    },
    Door {
        functions: &[
            ("softmax.rs", &["softmax", "log_softmax", "softmax_vjp", "log_softmax_vjp"]),
            ("softmax/cross_entropy.rs", &["cross_entropy", "cross_entropy_vjp"]),
            ("norm/layer.rs", &["layer_norm", "layer_norm_vjp", "layer_norm_sums"]),
        ],
        possible: &[3],
        call: rows,
    },
    Door {
        functions: &[("buffer.rs", &["zeroed", "resize", "try_reserve"])],
        possible: &[3],
        call: buffers,
    },
];

/// One more than the last offset.
fn extent([rows, cols, down, across]: [usize; 4]) -> u128 {
    if rows == 0 || cols == 0 {
        return 0;
    }
    times(&[rows - 1, down]).saturating_add(times(&[cols - 1, across])).saturating_add(1)
}

fn views(sizes: &[usize]) {
    let &[rows, cols, down, across] = sizes else { unreachable!() };
    for len in [0, 1, 6, rows.wrapping_mul(cols)].into_iter().filter(|&len| len <= LONG) {
        let mut x = numbers(len);
        let what = (sizes, len);
        let fits = |stride: [usize; 2]| extent([rows, cols, stride[0], stride[1]]) <= len as u128;
        attempt(&what, |_| fits([cols, 1]), || MatRef::row_major(&x, rows, cols).rows());
        attempt(
            &what,
            |_| fits([down, across]),
            || MatRef::strided(&x, [rows, cols], [down, across]).rows(),
        );
        attempt(&what, |_| fits([cols, 1]), || MatMut::row_major(&mut x, rows, cols).rows());
        // No two elements at one place: as many places as elements.
        let apart = times(&[rows, cols]) <= len as u128;
        attempt(
            &what,
            |_| fits([down, across]) && apart,
            || MatMut::strided(&mut x, [rows, cols], [down, across]).rows(),
        );
    }
}

fn products(sizes: &[usize]) {
    let (&[m, n, k], isa) = (sizes, exec().isa()) else { unreachable!() };
    let what = [m, n, k];
    attempt(&what, |&len| len < 1 << 24, || scratch_len(isa, [m, n, k]));
    attempt(&what, |&len| len as u128 >= times(&[n, k]), || ByRows::packed_len(isa, n, k));
    attempt(&what, |&len| len < 1 << 24, || ByRows::scratch_len(isa, m));
    attempt(&what, |_| true, || PackedB::pays(isa, [m, n, k]));
    if sizes.iter().all(|&n| n < LONG) || size::product(&[m, n, k]).is_none() {
        // Operands whose rows and columns lie on each other have any size.
        let one = [1.0];
        let [a, b] = [[m, k], [k, n]].map(|shape| MatRef::strided(&one, shape, [0, 0]));
        let (rows, cols) = (m.min(LONG), n.min(LONG));
        let len = if rows * cols <= LONG * LONG / 4 { rows * cols } else { 0 };
        let mut scratch = vec![0.0; 1 << 20];
        let right = |c: &Vec<f32>| [rows, cols] == [m, n] && c.iter().all(|&c| c == k as f32);
        attempt(&what, right, || {
            let mut c = vec![0.0; len];
            gemm(exec(), &Gemm::new(a, b), MatMut::row_major(&mut c, m, n), &mut scratch);
            c
        });
        // To pack some of them would take all memory.
        let packed = times(&[n, k]);
        if (1 << 16..=size::MOST as u128).contains(&packed) {
            return;
        }
        attempt(&what, right, || {
            let mut c = vec![0.0; len];
            let packed = PackedB::new(exec(), b);
            let mut scratch = vec![0.0; packed.scratch_len(m).min(1 << 20)];
            let op = PackedGemm { a, bias: Bias::None, activation: Activation::None };
            packed.product(exec(), &op, MatMut::row_major(&mut c, m, n), &mut scratch);
            c
        });
        attempt(&what, right, || {
            let mut c = vec![0.0; len];
            let mut packed = vec![0.0; ByRows::packed_len(isa, n, k).min(1 << 20)];
            let product = ByRows::new(exec(), a, b, &mut packed);
            product.rows(0..m, &mut c, &mut scratch);
            c
        });
    }
}

fn sparse_layers(sizes: &[usize]) {
    let (&[rows, cols, samples], isa) = (sizes, exec().isa()) else { unreachable!() };
    attempt(
        &sizes,
        |&yes: &bool| !yes || times(&[rows, cols]) <= 1 << 30,
        || SparseLinear::serves([rows, cols]),
    );
    attempt(&sizes, |_| true, || pays(isa, Kind::Linear { samples }, rows, cols));
    for len in lengths(&[rows, cols]) {
        let w = numbers(len);
        let right = times(&[rows, cols]) == len as u128;
        attempt(
            &(sizes, len),
            |_| right,
            || {
                let layer = SparseLinear::new(isa, &w, [rows, cols], samples);
                layer.scratch_len(samples)
            },
        );
        for (x, y) in lengths(&[samples, cols]).into_iter().zip(lengths(&[samples, rows])) {
            let x = numbers(x);
            attempt(
                &(sizes, len, x.len(), y),
                |_| right,
                || {
                    let layer = SparseLinear::new(isa, &w, [rows, cols], samples);
                    let op = SparseForward { x: &x, bias: None, activation: Activation::None };
                    layer.forward(exec(), &op, &mut numbers(y), &mut vec![0.0; 1 << 16])
                },
            );
        }
    }
}

fn axes(sizes: &[usize]) {
    let &[a, b, c] = sizes else { unreachable!() };
    for len in lengths(&[a, b]) {
        let right = times(&[a, b]) == len as u128;
        attempt(
            &(sizes, len),
            |()| right,
            || {
                let (x, mut y) = (numbers(len), numbers(len));
                transpose::transpose(exec(), &x, [a, b], &mut y, Accumulate::Store)
            },
        );
    }
    for len in lengths(sizes) {
        let x = numbers(len);
        for y in lengths(&[a, c]) {
            let right = times(sizes) == len as u128 && times(&[a, c]) == y as u128;
            attempt(
                &(sizes, len, y),
                |()| right,
                || {
                    let mut y = numbers(y);
                    broadcast::sum_axis(exec(), &x, [a, b, c], 1.0, &mut y, Accumulate::Store)
                },
            );
        }
        for y in lengths(&[b]) {
            let right = times(sizes) == len as u128 && b == y;
            attempt(
                &(sizes, len, y),
                |()| right,
                || broadcast::channel_sums(exec(), &x, [a, b, c], &mut numbers(y)),
            );
        }
    }
}

#[derive(Clone, Copy)]
struct Same;

impl Map<1> for Same {
    #[inline(always)]
    fn eval<S: Simd>(self, _: S, [x]: [S::F; 1]) -> S::F {
        x
    }
}

fn broadcasts(sizes: &[usize]) {
    let (dims, strides) = sizes.split_at(3);
    let reach = dims
        .iter()
        .zip(strides)
        .fold(1u128, |at, (&d, &s)| at.saturating_add(times(&[d.saturating_sub(1), s])));
    for len in [0, 1, 24] {
        let x = numbers(len);
        let x = Strided { data: &x, strides };
        let fits = times(dims) == 0 || reach <= len as u128;
        for y in lengths(dims) {
            let right = fits && times(dims) == y as u128;
            attempt(
                &(sizes, len, y),
                |()| right,
                || broadcast::map(exec(), Same, dims, [x], &mut numbers(y), Accumulate::Store),
            );
        }
        // Over the axis in the middle; few enough elements that they are looked at in time.
        if times(dims) <= 1 << 16 || size::product(dims).is_none() {
            for y in lengths(&[dims[0], dims[2]]) {
                let right = fits && times(&[dims[0], dims[2]]) == y as u128;
                attempt(
                    &(sizes, len, y),
                    |()| right,
                    || {
                        let y = StridedMut { data: &mut numbers(y), strides: &[dims[2], 0, 1] };
                        broadcast::reduce(exec(), Same, dims, [x], y, Accumulate::Store)
                    },
                );
            }
        }
    }
}

fn rows(sizes: &[usize]) {
    let &[cols] = sizes else { unreachable!() };
    for len in [0, 1, 3, 6] {
        let (x, dy) = (numbers(len), numbers(len));
        let right = len == 0 || (cols > 0 && len % cols == 0);
        for kernel in [softmax::softmax, softmax::log_softmax] {
            attempt(&(cols, len), |()| right, || kernel(exec(), &x, cols, &mut dy.clone()));
        }
        for kernel in [softmax::softmax_vjp, softmax::log_softmax_vjp] {
            attempt(
                &(cols, len),
                |()| right,
                || {
                    let op = softmax::SoftmaxVjp { y: &x, dy: &dy, cols };
                    kernel(exec(), &op, &mut dy.clone(), Accumulate::Add)
                },
            );
        }
    }
    for rows in [0, 1, 2, 3] {
        let targets = vec![0; rows];
        let means = numbers(rows);
        let gamma = numbers(if cols <= LONG { cols } else { 1 });
        for len in lengths(&[rows, cols]) {
            let (x, what) = (numbers(len), (rows, cols, len));
            let right = times(&[rows, cols]) == len as u128;
            attempt(
                &what,
                |loss: &f32| right && (rows == 0 || !loss.is_nan()),
                || softmax::cross_entropy(exec(), &x, &targets, cols, &mut x.clone()),
            );
            attempt(
                &what,
                |_| rows == 0 || len % rows == 0,
                || {
                    let mut dx = x.clone();
                    softmax::cross_entropy_vjp(exec(), &x, &targets, 1.0, &mut dx, Accumulate::Add)
                },
            );
            // These know the columns from gamma alone.
            let right = rows * gamma.len() == len;
            attempt(
                &what,
                |()| right,
                || {
                    let (mut y, mut mean, mut inv) = (x.clone(), means.clone(), means.clone());
                    let op = LayerNorm { x: &x, gamma: &gamma, beta: &gamma, eps: 1e-5 };
                    norm::layer_norm(exec(), &op, &mut y, &mut mean, &mut inv)
                },
            );
            let affine = Affine { mean: &means, inv_std: &means, gamma: &gamma, beta: &[] };
            let op = LayerNormVjp { x: &x, dy: &x, affine };
            attempt(
                &what,
                |()| right,
                || norm::layer_norm_vjp(exec(), &op, &mut x.clone(), Accumulate::Store),
            );
            attempt(
                &what,
                |()| right,
                || {
                    let (mut dgamma, mut dbeta) = (gamma.clone(), gamma.clone());
                    norm::layer_norm_sums(exec(), &op, &mut dgamma, &mut dbeta, Accumulate::Store)
                },
            );
        }
    }
}

fn buffers(sizes: &[usize]) {
    let &[len] = sizes else { unreachable!() };
    if len <= LONG || len > size::MOST {
        attempt(&len, |&got| got == len, || Buffer::zeroed(len).len());
        attempt(
            &len,
            |&got| got == len,
            || {
                let mut buffer = Buffer::zeroed(1);
                buffer.resize(len);
                buffer.len()
            },
        );
    }
    // An error for what no machine has; between them it depends on the machine.
    let reserved = Buffer::zeroed(1).try_reserve(len);
    assert!(reserved.is_ok() || len > LONG, "{len}");
    assert!(reserved.is_err() || len <= size::MOST, "{len}");
}
