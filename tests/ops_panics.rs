//! Shapes that do not fit panic at the caller's line and say what would fit.

use proxtape::ops::{self, BatchNormAttrs, ConvAttrs, PoolAttrs};
use proxtape::{Exec, Isa, Kind, Params, Tape, Var};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

fn tape() -> Tape {
    Tape::new(Exec::new(Isa::detect()))
}

const POOL: PoolAttrs = PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };

const STILL: ConvAttrs = ConvAttrs { stride: [1, 0], padding: [0, 0], dilation: [1, 1], groups: 1 };

/// One test for each line: name, shapes of the variables, what is recorded, the message.
macro_rules! panics {
    ($($name:ident $shapes:expr => |$t:ident, $x:ident| $op:expr, $message:literal;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let mut tape = tape();
            let shapes: &[&[usize]] = &$shapes;
            let variables: Vec<Var> = shapes.iter().map(|&shape| tape.variable(shape)).collect();
            let ($t, $x) = (&mut tape, &variables[..]);
            $op;
        }
    )*};
}

panics! {
    add_that_does_not_broadcast [&[2, 3], &[4]] => |t, x| ops::add(t, x[0], x[1]),
        "add: a is [2, 3] and b is [4]; counted from the last axis, each extent must be equal";
    sub_that_does_not_broadcast [&[2, 3], &[3, 2]] => |t, x| ops::sub(t, x[0], x[1]),
        "sub: a is [2, 3] and b is [3, 2]; counted";
    mul_that_does_not_broadcast [&[2], &[0]] => |t, x| ops::mul(t, x[0], x[1]),
        "mul: a is [2] and b is [0]; counted";
    div_that_does_not_broadcast [&[5, 2, 3], &[2, 2, 3]] => |t, x| ops::div(t, x[0], x[1]),
        "div: a is [5, 2, 3] and b is [2, 2, 3]; counted";
    matmul_of_other_ranks [&[2, 3], &[3]] => |t, x| ops::matmul(t, x[0], x[1]),
        "matmul: a is [2, 3] and b is [3]; they must be [m, k] and [k, n]";
    matmul_of_other_depths [&[2, 3], &[4, 5]] => |t, x| ops::matmul(t, x[0], x[1]),
        "matmul: a is [2, 3] and b is [4, 5]; b must be [3, n]";
    linear_of_images [&[2, 3, 4, 4], &[5, 48]] => |t, x| ops::linear(t, x[0], x[1], None),
        "linear: x is [2, 3, 4, 4] and w is [5, 48]; they must be [N, in] and [out, in]";
    linear_with_a_turned_weight [&[2, 3], &[3, 4]] => |t, x| ops::linear(t, x[0], x[1], None),
        "linear: x is [2, 3] and w is [3, 4]; w must be [out, 3]";
    linear_with_a_long_bias [&[2, 3], &[4, 3], &[3]] =>
        |t, x| ops::linear(t, x[0], x[1], Some(x[2])),
        "linear: w is [4, 3] and b is [3]; b must be [4]";
    conv2d_of_a_matrix [&[2, 3], &[4, 3, 1, 1]] =>
        |t, x| ops::conv2d(t, x[0], x[1], None, ConvAttrs::default()),
        "conv2d: x is [2, 3] and w is [4, 3, 1, 1]; they must be [N, C, H, W] and [OC";
    conv2d_with_other_channels [&[2, 3, 8, 8], &[4, 5, 3, 3]] =>
        |t, x| ops::conv2d(t, x[0], x[1], None, ConvAttrs::default()),
        "conv2d: x is [2, 3, 8, 8] and w is [4, 5, 3, 3] with groups 1; w must be [OC, 3, KH, KW]";
    conv2d_with_odd_groups [&[2, 3, 8, 8], &[4, 1, 3, 3]] =>
        |t, x| ops::conv2d(t, x[0], x[1], None, ConvAttrs { groups: 2, ..ConvAttrs::default() }),
        "conv2d: 3 channels in and 4 out; both must be multiples of the 2 groups";
    conv2d_with_a_large_filter [&[1, 1, 2, 9], &[1, 1, 3, 3]] =>
        |t, x| ops::conv2d(t, x[0], x[1], None, ConvAttrs::default()),
        "the filter must lie inside the padded image";
    conv2d_that_stands_still [&[1, 1, 9, 9], &[1, 1, 3, 3]] =>
        |t, x| ops::conv2d(t, x[0], x[1], None, STILL),
        "conv2d: stride is [1, 0]; it must be 1 or more";
    conv2d_with_a_long_bias [&[1, 1, 9, 9], &[2, 1, 3, 3], &[3]] =>
        |t, x| ops::conv2d(t, x[0], x[1], Some(x[2]), ConvAttrs::default()),
        "conv2d: w is [2, 1, 3, 3] and b is [3]; b must be [2]";
    max_pool2d_of_a_matrix [&[4, 4]] => |t, x| ops::max_pool2d(t, x[0], POOL),
        "max_pool2d: x is [4, 4]; it must be [N, C, H, W]";
    max_pool2d_with_wide_padding [&[1, 1, 4, 4]] =>
        |t, x| ops::max_pool2d(t, x[0], PoolAttrs { padding: [2, 0], ..POOL }),
        "max_pool2d: padding is [2, 0]; it must be at most half of the kernel [2, 2]";
    avg_pool2d_of_a_small_image [&[1, 1, 4, 1]] => |t, x| ops::avg_pool2d(t, x[0], POOL),
        "avg_pool2d: x is [1, 1, 4, 1] with padding [0, 0]; the kernel [2, 2] must lie inside it";
    avg_pool2d_that_stands_still [&[1, 1, 4, 4]] =>
        |t, x| ops::avg_pool2d(t, x[0], PoolAttrs { stride: [0, 1], ..POOL }),
        "avg_pool2d: stride is [0, 1]; it must be 1 or more";
    global_avg_pool2d_of_a_matrix [&[4, 4]] => |t, x| ops::global_avg_pool2d(t, x[0]),
        "global_avg_pool2d: x is [4, 4]; it must be [N, C, H, W]";
    layer_norm_with_a_short_gamma [&[4, 5], &[4], &[5]] =>
        |t, x| ops::layer_norm(t, x[0], x[1], x[2], 1e-5),
        "layer_norm: x is [4, 5], gamma [4] and beta [5]; gamma and beta must be [5]";
    dropout_of_everything [&[3]] => |t, x| ops::dropout(t, x[0], 1.0),
        "dropout: p is 1; it must be at least 0 and below 1";
    dropout_of_less_than_nothing [&[3]] => |t, x| ops::dropout(t, x[0], -0.1),
        "dropout: p is -0.1; it must be at least 0 and below 1";
    dropout_of_nan [&[3]] => |t, x| ops::dropout(t, x[0], f32::NAN),
        "dropout: p is NaN; it must be at least 0 and below 1";
    softmax_of_a_scalar [&[]] => |t, x| ops::softmax(t, x[0]),
        "softmax: x is []; its last axis must have 1 or more elements";
    log_softmax_of_no_class [&[4, 0]] => |t, x| ops::log_softmax(t, x[0]),
        "log_softmax: x is [4, 0]; its last axis must have 1 or more elements";
    cross_entropy_of_a_row [&[4]] => |t, x| { let l = t.labels(4); ops::cross_entropy(t, x[0], l) },
        "cross_entropy: logits are [4]; they must be [N, C]";
    cross_entropy_with_a_label_missing [&[4, 3]] =>
        |t, x| { let l = t.labels(3); ops::cross_entropy(t, x[0], l) },
        "cross_entropy: logits are [4, 3] with 3 labels; 4 labels would fit";
    mse_loss_of_other_shapes [&[4, 3], &[3]] => |t, x| ops::mse_loss(t, x[0], x[1]),
        "mse_loss: a is [4, 3] and b is [3]; b must be [4, 3]";
    mean_of_nothing [&[0, 3]] => |t, x| ops::mean(t, x[0]),
        "mean: x is [0, 3]; a mean needs an element";
    sum_axis_that_is_not_there [&[2, 3]] => |t, x| ops::sum_axis(t, x[0], 2),
        "sum_axis: x is [2, 3] and axis is 2; the axis must be below 2";
    mean_axis_of_nothing [&[2, 0]] => |t, x| ops::mean_axis(t, x[0], 1),
        "mean_axis: x is [2, 0]; axis 1 must have 1 or more elements";
    reshape_to_another_size [&[2, 3]] => |t, x| ops::reshape(t, x[0], [4]),
        "reshape: [2, 3] has 6 elements and [4] has 4; the counts must be equal";
    flatten_of_a_scalar [&[]] => |t, x| ops::flatten(t, x[0]),
        "flatten: x is []; it must be [N, ...]";
    transpose_of_images [&[2, 3, 4]] => |t, x| ops::transpose(t, x[0]),
        "transpose: x is [2, 3, 4]; it must be [rows, cols]";
    concat_of_none [] => |t, _x| ops::concat(t, &[], 0),
        "concat: no input; there must be one or more";
    concat_of_other_extents [&[2, 3], &[2, 4]] => |t, x| ops::concat(t, x, 0),
        "concat: input 0 is [2, 3] and input 1 is [2, 4]; all axes but 0 must be equal";
    slice_past_the_end [&[2, 3]] => |t, x| ops::slice(t, x[0], 1, 2..4),
        "slice: x is [2, 3] and the range 2..4; along axis 1 it must lie in 0..3";
    select_past_the_end [&[2, 3]] => |t, x| ops::select(t, x[0], 1, &[1, 3]),
        "select: x is [2, 3] and the indices [1, 3]; along axis 1 they must increase and lie in 0..3";
    select_twice [&[2, 3]] => |t, x| ops::select(t, x[0], 1, &[1, 1]),
        "select: x is [2, 3] and the indices [1, 1]; along axis 1 they must increase";
}

fn statistics(params: &mut Params, channels: usize) -> BatchNormAttrs {
    BatchNormAttrs {
        running_mean: params.add("mean", Kind::Running, [channels]),
        running_var: params.add("var", Kind::Running, [channels]),
        momentum: 0.1,
        eps: 1e-5,
    }
}

/// Records and runs a batch normalisation of x with statistics of `channels`.
fn normalise(x: &[usize], gamma: &[usize], channels: usize) {
    let (mut tape, mut params) = (tape(), Params::new());
    let [x, g, b] = [x, gamma, gamma].map(|shape| tape.variable(shape));
    let attrs = statistics(&mut params, channels);
    ops::batch_norm(&mut tape, x, g, b, attrs);
    tape.forward(&mut params);
}

#[test]
#[should_panic(expected = "batch_norm: x is [4]; it must be [N, C, ...]")]
fn batch_norm_of_a_row() {
    normalise(&[4], &[4], 4);
}

#[test]
#[should_panic(
    expected = "batch_norm: x is [4, 3], gamma [4] and beta [4]; gamma and beta must be [3]"
)]
fn batch_norm_with_a_long_gamma() {
    normalise(&[4, 3], &[4], 3);
}

#[test]
#[should_panic(expected = "batch_norm: x is [1, 3], one element of each channel")]
fn batch_norm_of_one_sample() {
    normalise(&[1, 3], &[3], 3);
}

#[test]
#[should_panic(expected = "batch_norm: a running statistic has 4 elements; 3 channels need [3]")]
fn batch_norm_with_other_statistics() {
    normalise(&[4, 3], &[3], 4);
}

#[test]
#[should_panic(expected = "\"w\" is no running statistic")]
fn batch_norm_with_a_weight_as_statistic() {
    let (mut tape, mut params) = (tape(), Params::new());
    let w = params.add("w", Kind::Weight, [3]);
    let [x, g, b] = [&[4, 3][..], &[3], &[3]].map(|shape| tape.variable(shape));
    let attrs = BatchNormAttrs { running_var: w, ..statistics(&mut params, 3) };
    ops::batch_norm_inference(&mut tape, x, g, b, attrs);
    tape.forward(&mut params);
}

#[test]
#[should_panic(expected = "cross_entropy: the label of sample 1 is 3; there are 3 classes")]
fn cross_entropy_with_a_bad_label() {
    let (mut tape, mut params) = (tape(), Params::new());
    let (logits, labels) = (tape.variable([2, 3]), tape.labels(2));
    ops::cross_entropy(&mut tape, logits, labels);
    tape.labels_mut(labels).copy_from_slice(&[2, 3]);
    tape.forward(&mut params);
}

thread_local! {
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

#[test]
fn a_mistake_is_reported_at_the_line_of_the_caller() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        let place = info.location().map(|at| (at.file().to_owned(), at.line()));
        PLACE.with(|p| *p.borrow_mut() = place);
        before(info);
    }));
    let mut tape = tape();
    let (x, y) = (tape.variable([2, 3]), tape.variable([4]));
    type Case<'a> = (u32, &'a dyn Fn(&mut Tape) -> Var);
    let cases: [Case; 8] = [
        (line!(), &|t| ops::add(t, x, y)),
        (line!(), &|t| ops::matmul(t, x, y)),
        (line!(), &|t| ops::linear(t, x, x, Some(y))),
        (line!(), &|t| ops::max_pool2d(t, x, POOL)),
        (line!(), &|t| ops::batch_norm(t, x, y, y, statistics(&mut Params::new(), 4))),
        (line!(), &|t| ops::sum_axis(t, x, 5)),
        (line!(), &|t| ops::reshape(t, x, [7])),
        (line!(), &|t| ops::concat(t, &[x, y], 0)),
    ];
    for (line, record) in cases {
        assert!(catch_unwind(AssertUnwindSafe(|| record(&mut tape))).is_err());
        let place = PLACE.with(|p| p.borrow_mut().take());
        assert_eq!(place, Some((file!().to_owned(), line)));
    }
}
