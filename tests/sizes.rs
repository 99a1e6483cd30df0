//! Sizes beyond memory are refused where they are given, at the line of the caller.

use proxtape::data::{Dataset, Normalization, Samples};
use proxtape::ops::{self, ConvAttrs, PoolAttrs};
use proxtape::{Exec, Forward, Isa, Kind, Params, Primitive, Shape, Tape, Vjp, Workspace};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

const WIDE: usize = 1 << 57;
const MAX: usize = usize::MAX;

/// (2^64 + 1) / 3: times 3 it wraps to 1.
const THIRD: usize = 0xaaaa_aaaa_aaaa_aaab;

thread_local! {
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// Checks that a panic of `f` has this text and comes from this line.
macro_rules! refused {
    ($text:literal, $($f:tt)*) => {{
        let Err(payload) = catch_unwind(AssertUnwindSafe(|| $($f)*)) else {
            panic!("{} was taken", stringify!($($f)*));
        };
        let found = payload.downcast_ref::<String>().expect("a message with numbers");
        assert!(found.contains($text), "expected \"{}\", found \"{found}\"", $text);
        let place = PLACE.with(|p| p.borrow_mut().take());
        assert_eq!(place, Some((file!().to_owned(), line!())), "{found}");
    }};
}

/// Panics tell their place to `refused`.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let place = info.location().map(|at| (at.file().to_owned(), at.line()));
            PLACE.with(|p| *p.borrow_mut() = place);
            before(info);
        }));
    });
}

/// An operation that wants more than there is.
struct Greedy(Workspace);

impl Primitive for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn workspace(&self, _: Exec) -> Workspace {
        self.0
    }

    fn forward(&self, _: Forward<'_>) {}

    fn vjp(&self, _: Vjp<'_>) {}
}

#[test]
fn shapes_parameters_and_samples_beyond_memory_are_refused_at_the_line_of_the_caller() {
    watch();
    let large = Shape::from([1 << 32, 1 << 32]);
    assert_eq!(large.checked_len(), None);
    refused!("Shape: 4294967296 x 4294967296 elements are more than memory can hold", large.len());
    refused!("Shape: 12297829382473034411 x 3 x 1 elements", Shape::from([THIRD, 3, 1]).len());
    refused!("elements are more than memory can hold", Shape::from([MAX, MAX, 0]).len());
    refused!("elements are more than memory can hold", Shape::from([MAX, 2]).around(1));
    refused!("elements are more than memory can hold", Shape::from([4]).batch(MAX).len());

    let mut params = Params::new();
    let w = params.add("w", Kind::Weight, [3]);
    refused!("Shape: 12297829382473034411 x 3", params.add("x", Kind::Bias, [THIRD, 3]));
    refused!("elements are more than memory can hold", params.add("x", Kind::Running, [MAX / 8]));
    refused!("Buffer: there is no memory for", params.add("x", Kind::Norm, [WIDE]));
    params.value_mut(w).fill(1.0);
    assert_eq!((params.value(w), params.ids().len()), (&[1.0; 3][..], 1));

    let set = Dataset::new([THIRD, 3, 1], Samples::U8(vec![0]), vec![0], 1);
    assert!(set.is_err(), "wrapped samples");
    let set = Dataset::new([1, 1, 2], Samples::U8(vec![0, 1]), vec![0], 1).unwrap();
    let scaled = Normalization { scale: 1.0, mean: vec![0.0], std: vec![1.0] };
    refused!("fill: x has 1 elements", set.fill(&[0], &scaled, None, &mut [0.0], &mut [0]));
}

#[test]
fn what_is_recorded_beyond_memory_is_refused_at_the_line_of_the_caller() {
    watch();
    for mut tape in [Tape::new(Exec::new(Isa::detect())), Tape::inference(Exec::new(Isa::detect()))]
    {
        let x = tape.variable([3]);
        let t = &mut tape;
        refused!("Shape: 4294967296 x 4294967296 elements", t.input([1 << 32, 1 << 32]));
        refused!("Shape: 12297829382473034411 x 3 elements", t.variable([THIRD, 3]));
        refused!("elements are more than memory can hold", t.labels(MAX));
        refused!("there is no memory for", t.labels(WIDE));
        refused!("Shape: 12297829382473034411 x 9 elements", ops::reshape(t, x, [THIRD, 9]));
        let work = Workspace::default();
        let greedy = Greedy(Workspace { aux: MAX, ..work });
        refused!("Tape: ", t.record(greedy, &[x], [3]));
        let greedy = Greedy(Workspace { saved: MAX, ..work });
        refused!("Tape: 0 + 18446744073709551615 elements", t.record(greedy, &[x], [3]));
        let greedy = Greedy(Workspace { scratch: MAX, ..work });
        refused!("Tape: scratch of", t.record(greedy, &[x], [3]));
        // Each alone would fit.
        let [a, b] = [t.input([1 << 59, 1]), t.input([1, 1 << 59])];
        refused!("Shape: 576460752303423488 x 576460752303423488", ops::add(t, a, b));
        let empty = t.input([WIDE, 0]);
        let many = [empty; 16];
        refused!("concat: an axis of: ", ops::concat(t, &many, 0));
        t.input([1 << 59]);
        refused!("Tape: ", t.input([1 << 60]));
    }
    // What stays can be computed.
    let (mut tape, mut params) = (Tape::new(Exec::new(Isa::detect())), Params::new());
    let x = tape.variable([3]);
    refused!("Shape: ", tape.input([MAX, 2]));
    let y = ops::sum(&mut tape, x);
    tape.set(x, &[1.0, 2.0, 3.0]);
    tape.forward(&mut params);
    assert_eq!(tape.value(y), [6.0]);
}

#[test]
fn windows_beyond_memory_are_refused_at_the_line_of_the_caller() {
    watch();
    let mut tape = Tape::new(Exec::new(Isa::detect()));
    let t = &mut tape;
    let [x, w, wide] = [[1, 1, 2, 2], [1, 1, 1, 1], [1, 1, 3, 3]].map(|shape| t.variable(shape));
    let with = |stride: usize, padding: usize, dilation: usize| {
        let (stride, padding, dilation) = ([stride; 2], [padding; 2], [dilation; 2]);
        ConvAttrs { stride, padding, dilation, groups: 1 }
    };
    refused!("at most 2^47", ops::conv2d(t, x, w, None, with(1, WIDE - 1, 1)));
    refused!("at most 2^47", ops::conv2d(t, x, w, None, with(WIDE, 0, 1)));
    refused!("at most 2^47", ops::conv2d(t, x, w, None, with(1, 0, WIDE)));
    refused!("at most 2^47", ops::conv2d(t, x, wide, None, with(1 << 40, 1 << 40, 1 << 40)));
    refused!("conv2d: a padded side of: 2 + ", ops::conv2d(t, x, w, None, with(1, MAX / 2 + 1, 1)));
    refused!("the filter must lie inside", ops::conv2d(t, x, wide, None, with(1, 1, MAX / 2 + 2)));

    let pool = |kernel: usize, padding: usize| PoolAttrs {
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [padding; 2],
    };
    // By name: a pointer to a function knows no caller.
    refused!("the kernel", ops::max_pool2d(t, x, pool(WIDE, 0)));
    refused!("the kernel", ops::avg_pool2d(t, x, pool(WIDE, 0)));
    refused!("pool: a kernel of: ", ops::max_pool2d(t, x, pool(WIDE, WIDE / 2)));
    refused!("pool: a kernel of: ", ops::avg_pool2d(t, x, pool(WIDE, WIDE / 2)));
    refused!("at most half of the kernel", ops::max_pool2d(t, x, pool(2, MAX / 2 + 2)));
    refused!("at most half of the kernel", ops::avg_pool2d(t, x, pool(2, MAX / 2 + 2)));
    refused!("pool: a padded side of: 2 + ", ops::max_pool2d(t, x, pool(MAX, MAX / 2)));
    refused!("pool: a padded side of: 2 + ", ops::avg_pool2d(t, x, pool(MAX, MAX / 2)));
}
