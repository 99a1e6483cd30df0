//! What a check found.

use super::difference::Sample;
use super::engine::{Accumulation, Replays};
use std::fmt;

/// What a check has compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Derivatives that were compared: directions, coordinates or entries of the Jacobian, for
    /// each cotangent.
    pub compared: usize,
    /// Derivatives that were skipped because of kinks.
    pub skipped: usize,
    /// The largest error, as a share of what was allowed there.
    pub worst: f64,
}

/// Which derivative a check was at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum At {
    /// A random direction, by number.
    Direction(usize),
    /// One element of the input, as a row-major offset.
    Coordinate(usize),
    /// One entry of the Jacobian, both as row-major offsets.
    Entry {
        /// The element of the output.
        output: usize,
        /// The element of the input.
        coordinate: usize,
    },
}

/// Why a check failed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The reference returns another number of values than the operation.
    Length {
        /// The length of the operation's output.
        got: usize,
        /// The length of the reference's output.
        want: usize,
    },
    /// The value differs from the reference.
    Value {
        /// The element of the output, as a row-major offset.
        output: usize,
        /// What the operation computes.
        got: f64,
        /// What the reference computes.
        want: f64,
        /// The difference that is allowed.
        tolerance: f64,
    },
    /// The gradient differs from central differences.
    Gradient {
        /// Which input.
        input: usize,
        /// Which derivative.
        at: At,
        /// The derivative by the tape. That of a direction grows with the length of the input.
        got: f64,
        /// The derivative by differences.
        want: f64,
        /// The difference that is allowed.
        tolerance: f64,
    },
    /// A second replay at the same point gives other bits: something is read that was not written
    /// in this replay, or something is not written that must be.
    Replay {
        /// Which input's gradient; None for the value.
        input: Option<usize>,
        /// The element of the gradient or of the value, as a row-major offset.
        coordinate: usize,
        /// In the first replay.
        first: f64,
        /// In the second replay, with NaN in all memory that it may not rely on.
        second: f64,
    },
    /// A product that was asked for with `Accumulate::Add` was not added to what was there.
    Accumulate {
        /// Which input.
        input: usize,
        /// The element of the gradient, as a row-major offset.
        coordinate: usize,
        /// The gradient of an input that is used a second time.
        got: f64,
        /// The sum of both uses.
        want: f64,
        /// The difference that is allowed.
        tolerance: f64,
    },
    /// There are kinks, or values that are not finite, in too many places: choose other inputs.
    Skipped {
        /// Which input.
        input: usize,
        /// How many derivatives were skipped.
        skipped: usize,
        /// Of how many.
        probes: usize,
    },
}

/// A check has failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradError {
    /// The operation that computes the output.
    pub op: &'static str,
    /// Why.
    pub fault: Fault,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Direction(i) => write!(f, "direction {i}"),
            At::Coordinate(i) => write!(f, "coordinate {i}"),
            At::Entry { output, coordinate } => {
                write!(f, "output {output}, coordinate {coordinate}")
            }
        }
    }
}

impl fmt::Display for GradError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.op)?;
        match self.fault {
            Fault::Length { got, want } => {
                write!(f, "the output has {got} values, that of the reference {want}")
            }
            Fault::Value { output, got, want, tolerance } => write!(
                f,
                "output {output}: got {got:e}, want {want:e} by the reference (tolerance {tolerance:.1e})"
            ),
            Fault::Gradient { input, at, got, want, tolerance } => write!(
                f,
                "input {input}, {at}: got {got:e}, want {want:e} by differences (tolerance {tolerance:.1e})"
            ),
            Fault::Replay { input, coordinate, first, second } => {
                match input {
                    Some(input) => {
                        write!(f, "input {input}, coordinate {coordinate}: the gradient")?
                    }
                    None => write!(f, "output {coordinate}: the value")?,
                }
                write!(f, " is {first:e}, and {second:e} in the next replay at the same point")
            }
            Fault::Accumulate { input, coordinate, got, want, tolerance } => write!(
                f,
                "input {input}, coordinate {coordinate}: got {got:e}, want {want:e} where the input \
                 is used twice (tolerance {tolerance:.1e})"
            ),
            Fault::Skipped { input, skipped, probes } => write!(
                f,
                "input {input}: {skipped} of {probes} derivatives are at kinks or not finite; \
                 choose other values"
            ),
        }
    }
}

impl std::error::Error for GradError {}

/// How far a sum in f32 may be from one in another order, as a share of the largest component.
const REORDERED: f64 = 1e-5;

/// Counts, and turns the first failure into an error.
pub(super) struct Tally {
    op: &'static str,
    pub(super) report: Report,
    /// The report before the current input.
    before: Report,
}

impl Tally {
    pub(super) fn new(op: &'static str) -> Tally {
        Tally { op, report: Report::default(), before: Report::default() }
    }

    fn fail(&self, fault: Fault) -> Result<(), GradError> {
        Err(GradError { op: self.op, fault })
    }

    /// Counts one comparison; false if it fails. A NaN on either side fails.
    fn within(&mut self, error: f64, tolerance: f64) -> bool {
        let share = if error == 0.0 { 0.0 } else { error / tolerance };
        self.report.worst = self.report.worst.max(share);
        error <= tolerance
    }

    pub(super) fn values(
        &mut self,
        got: &[f64],
        want: &[f64],
        tolerance: f64,
    ) -> Result<(), GradError> {
        if got.len() != want.len() {
            return self.fail(Fault::Length { got: got.len(), want: want.len() });
        }
        let tolerance = tolerance * largest(want);
        for (output, (&got, &want)) in got.iter().zip(want).enumerate() {
            if !self.within((got - want).abs(), tolerance) {
                return self.fail(Fault::Value { output, got, want, tolerance });
            }
        }
        Ok(())
    }

    pub(super) fn replay(&self, replays: &Replays) -> Result<(), GradError> {
        let Replays { first, second } = replays;
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        if let Some(i) = first.0.iter().zip(&second.0).position(|pair| !same(pair)) {
            let (first, second) = (first.0[i], second.0[i]);
            return self.fail(Fault::Replay { input: None, coordinate: i, first, second });
        }
        for (input, (first, second)) in first.1.iter().zip(&second.1).enumerate() {
            let pairs = first.iter().zip(second).map(|(&a, &b)| (f64::from(a), f64::from(b)));
            for (coordinate, (first, second)) in pairs.enumerate() {
                if !same((&first, &second)) {
                    let input = Some(input);
                    return self.fail(Fault::Replay { input, coordinate, first, second });
                }
            }
        }
        Ok(())
    }

    pub(super) fn accumulation(&self, sums: &Accumulation) -> Result<(), GradError> {
        for (input, got) in sums.sum.iter().enumerate() {
            let parts = sums.alone[input].iter().zip(&sums.there[input]);
            let want: Vec<f64> = parts.map(|(&a, &b)| f64::from(a) + f64::from(b)).collect();
            let tolerance = REORDERED * largest(&want);
            for (coordinate, (&got, &want)) in got.iter().zip(&want).enumerate() {
                let got = f64::from(got);
                let error = (got - want).abs();
                // A gradient that is NaN everywhere is reported by the differences.
                if error.is_nan() != want.is_nan() || error > tolerance {
                    let fault = Fault::Accumulate { input, coordinate, got, want, tolerance };
                    return self.fail(fault);
                }
            }
        }
        Ok(())
    }

    pub(super) fn gradient(
        &mut self,
        (input, at): (usize, At),
        sample: &Sample,
        tolerance: f64,
    ) -> Result<(), GradError> {
        // A coordinate moves by its step, but what people look for is the partial derivative.
        let unit = if matches!(at, At::Direction(_)) { 1.0 } else { sample.length };
        let [got, want, tolerance] = [sample.got, sample.want, tolerance].map(|v| v / unit);
        self.report.compared += 1;
        if self.within((got - want).abs(), tolerance) {
            return Ok(());
        }
        self.fail(Fault::Gradient { input, at, got, want, tolerance })
    }

    pub(super) fn skip(&mut self) {
        self.report.skipped += 1;
    }

    /// Ends one input.
    pub(super) fn close(&mut self, input: usize) -> Result<(), GradError> {
        let skipped = self.report.skipped - self.before.skipped;
        let probes = skipped + self.report.compared - self.before.compared;
        self.before = self.report;
        if 4 * skipped > probes {
            return self.fail(Fault::Skipped { input, skipped, probes });
        }
        Ok(())
    }
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.abs()))
}
