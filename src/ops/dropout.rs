//! y = x m / (1 - p) with a mask m of zeros (probability p) and ones; dx = dy m / (1 - p).
//!
//! N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

use crate::{Accumulate, Exec, Forward, Primitive, Tape, Var, Vjp, Workspace};

/// The mask is kept as bits in `saved`, 32 elements a word.
struct Dropout {
    /// A word of the random stream below it drops the element: p 2^32.
    threshold: u32,
    /// 1 / (1 - p)
    scale: f32,
    words: usize,
}

impl Primitive for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { saved: self.words, ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let mut left = cx.y.len();
        for word in cx.saved.iter_mut() {
            let bits = left.min(32);
            let draw = |mask, i| mask | u32::from(cx.random.next_u32() >= self.threshold) << i;
            *word = (0..bits).fold(0, draw);
            left -= bits;
        }
        masked(cx.saved, self.scale, cx.x.get(0), cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        masked(cx.saved, self.scale, cx.dy, cx.dx, cx.accumulate);
    }
}

/// y = scale x where the mask has a one, and 0 elsewhere.
fn masked(mask: &[u32], scale: f32, x: &[f32], y: &mut [f32], accumulate: Accumulate) {
    for (word, (x, y)) in mask.iter().zip(x.chunks(32).zip(y.chunks_mut(32))) {
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            // Selected, not multiplied: what is dropped may be infinite.
            let value = if word >> i & 1 == 1 { scale * x } else { 0.0 };
            *y = match accumulate {
                Accumulate::Store => value,
                Accumulate::Add => *y + value,
            };
        }
    }
}

/// Sets each element of x to 0 with probability p and multiplies the others by 1 / (1 - p).
///
/// The mask is drawn anew in each forward pass, one word of [`Tape::random_mut`]'s stream for
/// each element. This is the form for training: leave it out in inference. p = 0 records nothing.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([100]);
/// let y = ops::dropout(&mut tape, x, 0.5);
/// tape.value_mut(x).fill(1.0);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert!(tape.value(y).iter().all(|&y| y == 0.0 || y == 2.0));
/// let mask = tape.value(y).to_vec();
/// tape.backward_from(params, y, &[1.0; 100], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(x), mask);
/// ```
///
/// # Panics
/// If p is not in [0, 1).
#[track_caller]
pub fn dropout(tape: &mut Tape, x: Var, p: f32) -> Var {
    assert!((0.0..1.0).contains(&p), "dropout: p is {p}; it must be at least 0 and below 1");
    if p == 0.0 {
        return x;
    }
    let shape = tape.shape(x);
    let op = Dropout {
        threshold: (f64::from(p) * (1u64 << 32) as f64) as u32,
        scale: 1.0 / (1.0 - p),
        words: shape.len().div_ceil(32),
    };
    tape.record(op, &[x], shape)
}
