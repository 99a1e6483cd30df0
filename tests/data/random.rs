use crate::allocation::count;
use proxtape::random::{Random, RandomState};

/// Pins the stream, and every distribution on it: a change here changes every run ever made. The numbers
/// come from another implementation, of ChaCha8 by its definition and of the formulas in f64.
#[test]
fn golden_draws() {
    let mut random = Random::stream(42, 3);
    assert_eq!(
        [(); 4].map(|()| random.next_u32()),
        [1179016782, 1961778404, 1028263102, 2886056058]
    );
    assert_eq!(
        [(); 4].map(|()| random.uniform().to_bits()),
        [0x3ed184e0, 0x3f5f2fba, 0x3e9c00a4, 0x3f718205]
    );
    assert_eq!(
        [(); 4].map(|()| random.normal().to_bits()),
        [0x3e90f2a2, 0x3fe46731, 0x3cc43c7c, 0xbf26eb6a]
    );
    assert_eq!([(); 8].map(|()| random.below(100)), [17, 49, 52, 29, 38, 97, 60, 82]);
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
    random.shuffle(&mut items);
    assert_eq!(items, [2, 1, 7, 6, 4, 3, 0, 5]);
    assert_eq!(random.state(), RandomState { seed: 42, stream: 3, word_pos: 31 });
}

#[test]
fn a_state_resumes_at_every_word() {
    // Past several buffers of the cipher, whatever their size.
    let mut straight = Random::stream(5, 9);
    for word_pos in 0..400 {
        let state = straight.state();
        assert_eq!(state, RandomState { seed: 5, stream: 9, word_pos });
        let mut resumed = Random::from_state(state);
        assert_eq!(resumed.state(), state);
        let next = straight.next_u32();
        assert_eq!(resumed.next_u32(), next);
        assert_eq!(resumed.next_u32(), straight.clone().next_u32());
    }
}

#[test]
fn a_state_far_out_resumes() {
    for word_pos in [1 << 36, (1 << 36) + 17, u64::MAX - 300, u64::MAX - 1] {
        let state = RandomState { seed: u64::MAX, stream: u64::MAX, word_pos };
        let mut random = Random::from_state(state);
        assert_eq!(random.state(), state);
        random.next_u32();
        assert_eq!(random.state().word_pos, word_pos + 1);
    }
}

#[test]
fn streams_and_seeds_differ() {
    let first = |seed, stream| Random::stream(seed, stream).next_u32();
    let mut seen: Vec<u32> = (0..40).flat_map(|k| [first(k, 0), first(0, k + 1)]).collect();
    seen.extend([first(1 << 63, 0), first(0, 1 << 63), first(1 << 32, 0), first(0, 1 << 32)]);
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
    assert_eq!(Random::new(8).next_u32(), Random::stream(8, 0).next_u32());
}

#[test]
fn uniform_has_the_moments_of_the_unit_interval() {
    let mut random = Random::new(11);
    let n = 200_000;
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..n {
        let x = random.uniform();
        assert!((0.0..1.0).contains(&x));
        let x = f64::from(random.uniform_in(-3.0, 1.0));
        assert!((-3.0..=1.0).contains(&x));
        sum += x;
        squares += x * x;
    }
    let mean = sum / f64::from(n);
    // Deviation of the mean: 4 / sqrt(12 n) = 0.0026.
    assert!((mean + 1.0).abs() < 0.012, "{mean}");
    let variance = squares / f64::from(n) - mean * mean;
    assert!((variance - 16.0 / 12.0).abs() < 0.02, "{variance}");
}

#[test]
fn normal_has_the_moments_and_the_tails() {
    let mut random = Random::new(12);
    let n = 400_000;
    let mut moments = [0.0; 4];
    let mut beyond_two = 0;
    for _ in 0..n {
        let x = f64::from(random.normal());
        assert!(x.is_finite());
        for (power, moment) in (1..).zip(&mut moments) {
            *moment += x.powi(power) / f64::from(n);
        }
        beyond_two += i32::from(x.abs() > 2.0);
    }
    // Five deviations of each estimate: sqrt(1, 2, 15, 96 over n).
    let limits = [1.0_f64, 2.0, 15.0, 96.0].map(|v| 5.0 * (v / f64::from(n)).sqrt());
    for ((moment, limit), want) in moments.iter().zip(limits).zip([0.0, 1.0, 0.0, 3.0]) {
        assert!((moment - want).abs() < limit, "{moments:?}");
    }
    let share = f64::from(beyond_two) / f64::from(n);
    assert!((share - 0.0455).abs() < 0.0017, "{share}");
}

#[test]
fn below_is_even_over_its_range() {
    let mut random = Random::new(13);
    for n in [1, 2, 3, 7, 10] {
        let mut counts = vec![0_i32; n as usize];
        for _ in 0..20_000 * n {
            counts[random.below(n) as usize] += 1;
        }
        // Deviation of a count: below sqrt(20,000) = 141.
        assert!(counts.iter().all(|count| (count - 20_000).abs() < 700), "{n}: {counts:?}");
    }
}

/// For `n = 3 * 2^30` a plain `word % n` doubles the lowest third, and a `word * n >> 32` without a
/// rejection every third number.
#[test]
fn below_has_no_bias() {
    let mut random = Random::new(14);
    let draws = 60_000;
    let (mut thirds, mut residues) = ([0_i32; 3], [0_i32; 3]);
    for _ in 0..draws {
        let k = random.below(3 << 30);
        thirds[(k >> 30) as usize] += 1;
        residues[(k % 3) as usize] += 1;
    }
    for counts in [thirds, residues] {
        assert!(counts.iter().all(|count| (count - draws / 3).abs() < 600), "{counts:?}");
    }
}

#[test]
fn shuffle_gives_every_order_alike() {
    let mut random = Random::new(15);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..24_000 {
        let mut items = [0, 1, 2, 3];
        random.shuffle(&mut items);
        *counts.entry(items).or_insert(0_i32) += 1;
    }
    assert_eq!(counts.len(), 24);
    assert!(counts.values().all(|count| (count - 1000).abs() < 170), "{counts:?}");
    random.shuffle::<u8>(&mut []);
    random.shuffle(&mut [1]);
}

#[test]
fn no_draw_allocates() {
    let mut items: Vec<u32> = (0..1000).collect();
    let (_, calls, _) = count(|| {
        let mut random = Random::stream(1, 2);
        for _ in 0..500 {
            random.normal();
            random.uniform_in(0.0, 2.0);
            random.below(10);
        }
        random.shuffle(&mut items);
        Random::from_state(random.state()).next_u32()
    });
    assert_eq!(calls, 0);
}

#[test]
#[should_panic(expected = "below: n is 0")]
fn below_zero_is_refused() {
    Random::new(0).below(0);
}

#[test]
#[should_panic(expected = "uniform_in: lo is 1 and hi is 0")]
fn uniform_in_turned_is_refused() {
    Random::new(0).uniform_in(1.0, 0.0);
}
