//! Where the derivatives are compared, and what happens at a kink.

use super::difference::{self, Displacement, Precision, Sample, Stencil};
use super::engine::Engine;
use super::report::{At, GradError, Tally};
use super::{ATTEMPTS, Point, Probe, sign, unit};
use crate::random::Random;

/// The function that differences are taken of: the recorded one, or a reference.
pub(super) type Eval<'a> = dyn FnMut(&mut Engine, &[Vec<f64>]) -> Vec<f64> + 'a;

/// The comparison with differences, one input after the other.
pub(super) struct Probing<'a> {
    pub(super) probe: Probe,
    pub(super) precision: Precision,
    pub(super) base: Point,
    pub(super) cotangents: Vec<Vec<f32>>,
    /// [cotangent][input][element]
    pub(super) gradients: Vec<Vec<Vec<f32>>>,
    pub(super) engine: &'a mut Engine,
    pub(super) eval: &'a mut Eval<'a>,
    pub(super) random: &'a mut Random,
}

impl Probing<'_> {
    /// Compares all derivatives of one input.
    pub(super) fn input(&mut self, input: usize, tally: &mut Tally) -> Result<(), GradError> {
        let len = self.base[input].len();
        let probes = match self.probe {
            Probe::Directions(n) => n.min(len * n),
            Probe::Coordinates | Probe::Jacobian => len,
        };
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); self.cotangents.len()];
        for probe in 0..probes {
            let along = self.displacement(input, probe, 0);
            let stencil = Stencil::new(&self.precision, &self.base, (input, along), |x| {
                (self.eval)(self.engine, x)
            });
            for (c, samples) in samples.iter_mut().enumerate() {
                samples.push(stencil.sample(&self.cotangents[c], &self.gradients[c][input]));
            }
        }
        for (c, samples) in samples.iter().enumerate() {
            let scale = difference::scale(samples);
            for (probe, sample) in samples.iter().enumerate() {
                let at = match self.probe {
                    Probe::Directions(_) => At::Direction(probe),
                    Probe::Coordinates => At::Coordinate(probe),
                    Probe::Jacobian => At::Entry { output: c, coordinate: probe },
                };
                match self.settle(*sample, (input, probe, c), scale) {
                    Some((sample, allowed)) => tally.gradient((input, at), &sample, allowed)?,
                    None => tally.skip(),
                }
            }
        }
        tally.close(input)
    }

    /// The sample, or one from elsewhere if it met a kink, and the error that it may have; None
    /// if there is a kink everywhere.
    fn settle(
        &mut self,
        mut sample: Sample,
        (input, probe, c): (usize, usize, usize),
        scale: f64,
    ) -> Option<(Sample, f64)> {
        for attempt in 1.. {
            // Fewer coordinates make a shorter direction and a smaller derivative.
            let allowed = self.precision.tolerance * scale * sample.length + sample.noise;
            if sample.agrees(allowed) || sample.is_smooth(allowed) {
                return Some((sample, allowed));
            }
            if attempt > ATTEMPTS {
                break;
            }
            let point = self.precision.wander(&self.base, self.random);
            let gradients = self.engine.gradients(&point, &self.cotangents[c]);
            let along = self.displacement(input, probe, attempt);
            let stencil = Stencil::new(&self.precision, &point, (input, along), |x| {
                (self.eval)(self.engine, x)
            });
            sample = stencil.sample(&self.cotangents[c], &gradients[input]);
        }
        None
    }

    /// One coordinate, or a random direction in which a share of 4^-attempt takes part.
    fn displacement(&mut self, input: usize, probe: usize, attempt: usize) -> Displacement {
        let steps = difference::steps(&self.base[input]);
        let Probe::Directions(_) = self.probe else { return vec![(probe, steps[probe])] };
        let share = 0.25f64.powi(attempt as i32);
        let always = (unit(self.random) * steps.len() as f64) as usize;
        let mut along = Displacement::new();
        for (k, step) in steps.into_iter().enumerate() {
            if k == always || unit(self.random) < share {
                along.push((k, sign(self.random) * step));
            }
        }
        along
    }
}
