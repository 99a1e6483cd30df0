//! Cross entropy with integer targets: `mean over rows of -log_softmax(x)[target]`.
//!
//! A row's loss is `(m - x_t) + log1p(rest)`, see [`softmax`](super): two terms that are not
//! negative, so neither large logits nor a loss near zero cost accuracy. Rows are added in f64.

use super::{check, row, rows_in_task};
use crate::map::{Add, Pass, Store};
use crate::reduce::Scaled;
use crate::{Accumulate, Exec, Kernel, Simd, size};

/// The mean over rows of `-ln softmax(logits)[target]`; writes the softmax to `probabilities`.
///
/// `logits, probabilities: [rows, cols]`, `targets: [rows]`. The mean of no rows is 0.
///
/// # Panics
/// If the lengths do not fit, memory cannot hold rows x cols, or a target is not below `cols`.
///
/// ```
/// use proxtape_kernels::{Exec, Isa, softmax};
/// let mut p = [f32::NAN; 4];
/// let exec = Exec::new(Isa::detect());
/// let loss = softmax::cross_entropy(exec, &[3.0, 3.0, 0.0, 200.0], &[1, 0], 2, &mut p);
/// assert_eq!(loss, (2f32.ln() + 200.0) / 2.0);
/// assert_eq!(p, [0.5, 0.5, 0.0, 1.0]);
/// ```
pub fn cross_entropy(
    exec: Exec,
    logits: &[f32],
    targets: &[u32],
    cols: usize,
    probabilities: &mut [f32],
) -> f32 {
    let wanted = size::elements("cross_entropy", &[targets.len(), cols]);
    let lengths = [("rows x cols", wanted), ("logits", logits.len())];
    check("cross_entropy", cols, &[lengths[0], lengths[1], ("probabilities", probabilities.len())]);
    check_targets("cross_entropy", targets, cols);
    if targets.is_empty() {
        return 0.0;
    }
    let rows = Rows { logits, targets, cols, probabilities };
    (total(exec, rows) / targets.len() as f64) as f32
}

/// `dx = dy / rows (p - onehot(target))`, or `+=`, for the `probabilities` that
/// [`cross_entropy`] wrote.
///
/// # Panics
/// If the lengths do not fit, or a target is not below the number of columns.
pub fn cross_entropy_vjp(
    exec: Exec,
    probabilities: &[f32],
    targets: &[u32],
    dy: f32,
    dx: &mut [f32],
    acc: Accumulate,
) {
    let (n, rows) = (probabilities.len(), targets.len());
    assert!(
        if rows == 0 { n == 0 } else { n.is_multiple_of(rows) },
        "cross_entropy_vjp: probabilities has {n} elements, {rows} targets do not divide it"
    );
    let cols = n.checked_div(rows).unwrap_or(0);
    check("cross_entropy_vjp", cols, &[("probabilities", n), ("dx", dx.len())]);
    check_targets("cross_entropy_vjp", targets, cols);
    if n == 0 {
        return;
    }
    let (part, scale) = (rows_in_task(cols), dy / rows as f32);
    exec.chunks(dx, part * cols, |i, dx| {
        let probabilities = &probabilities[i * part * cols..][..dx.len()];
        let targets = &targets[i * part..][..dx.len() / cols];
        exec.isa().run(Vjp { probabilities, targets, scale, dx, acc });
    });
}

fn check_targets(name: &str, targets: &[u32], cols: usize) {
    if let Some(row) = targets.iter().position(|&t| t as usize >= cols) {
        panic!("{name}: target {} of row {row} is not below {cols} columns", targets[row]);
    }
}

/// Some rows, at least one.
struct Rows<'a> {
    logits: &'a [f32],
    targets: &'a [u32],
    cols: usize,
    probabilities: &'a mut [f32],
}

/// The sum of the losses, folded as a binary tree over tasks that depends on the shape alone.
fn total(exec: Exec, rows: Rows<'_>) -> f64 {
    let (n, part) = (rows.targets.len(), rows_in_task(rows.cols));
    if n <= part {
        return exec.isa().run(rows);
    }
    let mid = n.div_ceil(part) / 2 * part;
    let (logits_a, logits_b) = rows.logits.split_at(mid * rows.cols);
    let (targets_a, targets_b) = rows.targets.split_at(mid);
    let (p_a, p_b) = rows.probabilities.split_at_mut(mid * rows.cols);
    let a = Rows { logits: logits_a, targets: targets_a, cols: rows.cols, probabilities: p_a };
    let b = Rows { logits: logits_b, targets: targets_b, cols: rows.cols, probabilities: p_b };
    let (mut sum_a, mut sum_b) = (0.0, 0.0);
    exec.join(|| sum_a = total(exec, a), || sum_b = total(exec, b));
    sum_a + sum_b
}

impl Kernel for Rows<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let x = self.logits.chunks_exact(self.cols);
        let y = self.probabilities.chunks_exact_mut(self.cols);
        let mut sum = 0.0;
        for ((x, y), &target) in x.zip(y).zip(self.targets) {
            let row = row::softmax(s, x, y);
            sum += f64::from(row.max - x[target as usize]) + f64::from(row.log_sum(s));
        }
        sum
    }
}

struct Vjp<'a> {
    probabilities: &'a [f32],
    targets: &'a [u32],
    scale: f32,
    dx: &'a mut [f32],
    acc: Accumulate,
}

impl Kernel for Vjp<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // All rows as one run, since rows are often short; then the targets, one element a row.
        let cols = self.probabilities.len() / self.targets.len();
        let (p, scale) = (self.probabilities, self.scale);
        let hits = self.targets.iter().enumerate().map(|(row, &t)| row * cols + t as usize);
        match self.acc {
            Accumulate::Store => {
                Pass { rule: Store(Scaled(scale)), x: [p], y: &mut *self.dx }.run(s);
                hits.for_each(|at| self.dx[at] = scale * (p[at] - 1.0));
            }
            Accumulate::Add => {
                // The targets first, so that the rest is one run; the rounding is that of p.
                let rule = Add(Scaled(scale));
                hits.for_each(|at| self.dx[at] -= scale);
                Pass { rule, x: [p], y: self.dx }.run(s);
            }
        }
    }
}
