//! Initial values of weights, by name.

use crate::random::Random;
use core::fmt;
use core::str::FromStr;

/// How a weight starts. fan_in and fan_out count the weights into an output and out of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// Uniform in +-sqrt(6 / fan_in): for ReLU (He et al. 2015, eq. 10, as a uniform).
    #[default]
    KaimingUniform,
    /// Normal with variance 2 / fan_in (He et al. 2015, eq. 10).
    KaimingNormal,
    /// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot, Bengio 2010, eq. 16).
    XavierUniform,
    /// Normal with variance 2 / (fan_in + fan_out) (Glorot, Bengio 2010, eq. 12).
    XavierNormal,
    /// Uniform in +-1 / sqrt(fan_in): what PyTorch's layers start from.
    PyTorch,
    /// Zeros.
    Zeros,
}

const NAMES: [(&str, Init); 6] = [
    ("kaiming-uniform", Init::KaimingUniform),
    ("kaiming-normal", Init::KaimingNormal),
    ("xavier-uniform", Init::XavierUniform),
    ("xavier-normal", Init::XavierNormal),
    ("pytorch", Init::PyTorch),
    ("zeros", Init::Zeros),
];

impl Init {
    /// Fills `w`, of the given fans, from the random stream.
    pub fn fill(self, w: &mut [f32], [fan_in, fan_out]: [usize; 2], random: &mut Random) {
        let (fan_in, fan_out) = (fan_in.max(1) as f32, fan_out.max(1) as f32);
        let (uniform, normal) = match self {
            Init::KaimingUniform => (Some((6.0 / fan_in).sqrt()), None),
            Init::KaimingNormal => (None, Some((2.0 / fan_in).sqrt())),
            Init::XavierUniform => (Some((6.0 / (fan_in + fan_out)).sqrt()), None),
            Init::XavierNormal => (None, Some((2.0 / (fan_in + fan_out)).sqrt())),
            Init::PyTorch => (Some(fan_in.sqrt().recip()), None),
            Init::Zeros => (None, None),
        };
        match (uniform, normal) {
            (Some(bound), _) => w.iter_mut().for_each(|w| *w = random.uniform_in(-bound, bound)),
            (None, Some(std)) => w.iter_mut().for_each(|w| *w = std * random.normal()),
            (None, None) => w.fill(0.0),
        }
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, init)| init == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Init {
    type Err = String;

    fn from_str(s: &str) -> Result<Init, String> {
        let found = NAMES.iter().find(|(name, _)| *name == s).map(|&(_, init)| init);
        found.ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("there is no initialiser {s:?}; the names are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_has_the_variance_it_states() {
        let mut w = vec![0.0; 20_000];
        let cases = [
            (Init::KaimingUniform, 2.0 / 50.0),
            (Init::KaimingNormal, 2.0 / 50.0),
            (Init::XavierUniform, 2.0 / 150.0),
            (Init::XavierNormal, 2.0 / 150.0),
            (Init::PyTorch, 1.0 / 150.0),
            (Init::Zeros, 0.0),
        ];
        for (init, want) in cases {
            init.fill(&mut w, [50, 100], &mut Random::new(3));
            let mean = w.iter().map(|&w| f64::from(w)).sum::<f64>() / w.len() as f64;
            let var = w.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / 2e4;
            assert!((var - want).abs() <= 0.05 * want, "{init}: variance {var}, want {want}");
            assert!(mean.abs() <= 0.03 * want.sqrt(), "{init}: mean {mean}");
            assert_eq!(init.to_string().parse(), Ok(init));
        }
    }
}

/// Whether a layer adds a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithBias {
    /// It does.
    #[default]
    Yes,
    /// It does not: a normalisation follows, say.
    No,
}
