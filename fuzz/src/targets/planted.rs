//! Readers with a fault each, by which the tests see that a fault is found.

use super::{Reader, Target, of_made};

/// What their names begin with.
pub(super) const PREFIX: &str = "planted-";

/// How many inputs are read well before.
const WELL: usize = 100;

pub(super) const PANIC: Target = planted("planted-panic", || fails(|| panic!("a planted panic")));

pub(super) const LOOP: Target = planted("planted-loop", || {
    fails(|| {
        let mut n = 0_u64;
        while std::hint::black_box(n) < u64::MAX {
            n += 1;
        }
    })
});

pub(super) const MEMORY: Target = planted("planted-memory", || {
    fails(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(300_000_000))))
});

pub(super) const ABORT: Target = planted("planted-abort", || fails(|| std::process::abort()));

const fn planted(name: &'static str, reader: super::Prepare) -> Target {
    of_made(
        name,
        || vec![b"seed".to_vec()],
        |input, random| input.push(random.next_u32() as u8),
        reader,
    )
}

fn fails(fault: fn()) -> Reader {
    let mut well = 0;
    Box::new(move |input| {
        well += 1;
        // A replay, which reads one input, fails as well.
        if well > WELL || input.len() > 8 {
            fault();
        }
        true
    })
}
