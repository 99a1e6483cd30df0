//! One seed, many streams: every random number that the engine uses.
//!
//! The generator is ChaCha with 8 rounds (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008). The
//! key is the seed (8 bytes, little-endian, then zeros), the nonce is the stream, and the position in
//! the stream is a count of 32-bit words. These three numbers are the whole state, so that a resumed
//! run draws what an uninterrupted one would have drawn.
//!
//! Only the u32 words come from a library. Shuffles and distributions are written here, because those
//! of libraries change between versions. They use nothing but operations that IEEE 754 rounds
//! correctly (no `ln` or `cos` of the platform), so the same seed gives the same bits on every machine.
//!
//! Streams from 2^32 on belong to the engine (see [`data::Batches`](crate::data::Batches)); those
//! below are free for callers.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator of random numbers with a stable stream. No draw allocates.
///
/// ```
/// use proxtape::random::Random;
/// let mut random = Random::new(7);
/// let x = random.uniform();
/// assert!((0.0..1.0).contains(&x));
///
/// // Stop and go on, bit for bit.
/// let state = random.state();
/// let next = random.normal();
/// assert_eq!(Random::from_state(state).normal(), next);
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    words: ChaCha8Rng,
}

/// The whole state of a [`Random`], as plain numbers to be stored in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RandomState {
    /// The seed: the key of the cipher.
    pub seed: u64,
    /// The stream: the nonce of the cipher.
    pub stream: u64,
    /// How many 32-bit words of the stream have been drawn.
    pub word_pos: u64,
}

impl Random {
    /// The generator at the start of stream 0 of `seed`.
    pub fn new(seed: u64) -> Self {
        Self::stream(seed, 0)
    }

    /// The generator at the start of `stream` of `seed`. Streams are independent of each other.
    pub fn stream(seed: u64, stream: u64) -> Self {
        Self::from_state(RandomState { seed, stream, word_pos: 0 })
    }

    /// The generator at a place that [`Random::state`] has named.
    pub fn from_state(state: RandomState) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&state.seed.to_le_bytes());
        let mut words = ChaCha8Rng::from_seed(key);
        words.set_stream(state.stream);
        words.set_word_pos(u128::from(state.word_pos));
        Self { seed: state.seed, words }
    }

    /// The place in the stream, from which [`Random::from_state`] goes on.
    pub fn state(&self) -> RandomState {
        // The cipher counts to 2^68 words. At 1 ns a word, 2^64 words take 584 years.
        let word_pos = self.words.get_word_pos() as u64;
        RandomState { seed: self.seed, stream: self.words.get_stream(), word_pos }
    }

    /// The next word of the stream. Takes 1 word.
    pub fn next_u32(&mut self) -> u32 {
        self.words.next_u32()
    }

    /// A number in `[0, 1)`: one of the 2^24 multiples of 2^-24, each as likely. Takes 1 word.
    pub fn uniform(&mut self) -> f32 {
        // 24 bits fill the significand of an f32, so neither the cast nor the product rounds.
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// `lo + (hi - lo) * uniform()`. Takes 1 word. Rounding may give `hi` itself.
    ///
    /// # Panics
    /// If `lo > hi`, or `hi - lo` is not finite.
    pub fn uniform_in(&mut self, lo: f32, hi: f32) -> f32 {
        assert!(
            lo <= hi && (hi - lo).is_finite(),
            "uniform_in: lo is {lo} and hi is {hi}, lo <= hi with a finite difference would fit"
        );
        lo + (hi - lo) * self.uniform()
    }

    /// A normal number of mean 0 and variance 1, by the polar method (G. Marsaglia, T. A. Bray, "A
    /// convenient method for generating normal variables", 1964): for `(u, v)` uniform in the unit disc
    /// and `s = u^2 + v^2`, `u * sqrt(-2 ln(s) / s)` is normal. Takes 2 words a try, 2.5 on average.
    ///
    /// The partner `v * sqrt(..)` is dropped: keeping it would make it a part of the state.
    pub fn normal(&mut self) -> f32 {
        loop {
            let u = self.symmetric();
            let v = self.symmetric();
            let s = u * u + v * v;
            if s < 1.0 {
                return (u * (-2.0 * ln(s) / s).sqrt()) as f32;
            }
        }
    }

    /// An odd multiple of 2^-32 in (-1, 1): symmetric around 0, and never 0.
    fn symmetric(&mut self) -> f64 {
        let odd = 2 * i64::from(self.next_u32()) + 1 - (1 << 32);
        odd as f64 / 4_294_967_296.0
    }

    /// A whole number in `0..n`, each as likely (D. Lemire, "Fast random integer generation in an
    /// interval", 2019): the high half of `word * n`, where words whose low half falls below
    /// `2^32 mod n` are drawn again. Takes 1 word, seldom more.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "below: n is 0, but no number lies below 0");
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(n);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Puts `items` in one of their orders, each as likely (R. A. Fisher, F. Yates, 1938; R. Durstenfeld,
    /// "Algorithm 235: Random permutation", 1964). Takes `items.len() - 1` draws of [`Random::below`].
    ///
    /// # Panics
    /// If there are more than 2^32 - 1 items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let len = u32::try_from(items.len());
        let len = len.expect("shuffle: items has more elements than a u32 can count");
        for last in (1..len).rev() {
            let chosen = self.below(last + 1);
            items.swap(last as usize, chosen as usize);
        }
    }
}

/// `ln(x)` for a positive normal `x`, from +, -, * and / alone: `x = 2^e m` with `m` in
/// `[1/sqrt(2), sqrt(2))`, `z = (m - 1) / (m + 1)` and `ln(m) = 2 (z + z^3/3 + z^5/5 + ...)`.
///
/// `|z| < 0.172`, so eight terms leave an error below `2 z^17 / 17 < 2e-14`, and an f32 has 6e-8.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if m > core::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let z = (m - 1.0) / (m + 1.0);
    let mut series = 0.0;
    for k in (0..8).rev() {
        series = series * (z * z) + 1.0 / f64::from(2 * k + 1);
    }
    exponent as f64 * core::f64::consts::LN_2 + 2.0 * z * series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published key stream of ChaCha8 for the zero key and nonce (J. Strombergsson, "Test vectors
    /// for the stream cipher ChaCha", draft-strombergson-chacha-test-vectors-01, TC1).
    #[test]
    fn seed_zero_is_the_published_key_stream() {
        let mut random = Random::new(0);
        let bytes: Vec<u8> = (0..8).flat_map(|_| random.next_u32().to_le_bytes()).collect();
        let published = "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e";
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, published);
    }

    #[test]
    fn ln_agrees_with_the_platform() {
        let mut random = Random::new(1);
        for k in 0..10_000 {
            let x = (random.symmetric().abs() * 2.0_f64.powi(-(k % 64))).max(1e-300);
            let error = (ln(x) - x.ln()).abs();
            assert!(error <= 1e-13 * x.ln().abs().max(0.1), "ln({x}) is off by {error}");
        }
    }
}
