//! How time is taken on machines that are not quiet.
//!
//! What is compared is interleaved: in each round everyone gets a slice of time, and the median of
//! its calls counts. Over the rounds the least counts: a disturbance that outlasts a slice spoils
//! one round of one contestant, and a single lucky call is no round.

use std::time::{Duration, Instant};

/// Takes at most about this long and tells the seconds of one call.
pub type Contestant<'a> = Box<dyn FnMut(Duration) -> f64 + 'a>;

/// A contestant that is a function.
pub fn contestant<'a>(mut call: impl FnMut() + 'a) -> Contestant<'a> {
    Box::new(move |slice| seconds(slice, &mut call))
}

/// The seconds of one call of each contestant.
pub fn compare<const N: usize>(
    rounds: usize,
    slice: Duration,
    mut contestants: [Contestant<'_>; N],
) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (best, contestant) in best.iter_mut().zip(&mut contestants) {
            *best = best.min(contestant(slice));
        }
    }
    best
}

/// The clock takes some 25 ns and ticks in as much: calls are timed in batches at least this long.
const BATCH: Duration = Duration::from_micros(20);

/// The median seconds of a call, over a slice of time.
pub fn seconds(slice: Duration, mut call: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    let start = Instant::now();
    call();
    let first = start.elapsed();
    // The first call finds the caches full of others' data, which does not matter for a long one.
    if first >= slice {
        times.push(first.as_secs_f64());
    }
    let batch = (BATCH.as_secs_f64() / first.as_secs_f64().max(1e-9)).ceil().max(1.0) as u32;
    while times.is_empty() || start.elapsed() < slice {
        let start = Instant::now();
        (0..batch).for_each(|_| call());
        times.push(start.elapsed().as_secs_f64() / f64::from(batch));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
