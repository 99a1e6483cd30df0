//! The engine's buffers: where they start, and what is in them when they grow and shrink.

use proxtape_kernels::Buffer;

/// Elements from which a buffer has a place of its own in its page.
const LARGE: usize = 16 << 10;

#[test]
fn buffer_is_aligned_and_shrunk_elements_come_back_as_zeros() {
    let mut b = Buffer::zeroed(20);
    assert_eq!(b.as_ptr() as usize % 64, 0);
    b.fill(7.0);
    b.resize(3);
    b.resize(40);
    assert_eq!(&b[..3], [7.0; 3]);
    assert!(b[3..].iter().all(|x| x.to_bits() == 0));
}

#[test]
fn large_buffers_have_places_of_their_own_and_keep_their_elements() {
    let n = LARGE;
    let mut buffers: Vec<Buffer> = (0..3).map(|_| Buffer::zeroed(n)).collect();
    buffers.push(buffers[0].clone());
    let mut grown = Buffer::zeroed(10);
    grown.fill(3.0);
    grown.resize(n);
    assert!(grown[..10].iter().all(|&x| x == 3.0) && grown[10..].iter().all(|&x| x == 0.0));
    grown.fill(4.0);
    grown.resize(3 * n);
    assert!(grown[..n].iter().all(|&x| x == 4.0) && grown[n..].iter().all(|&x| x == 0.0));
    buffers.push(grown);
    // Other tests take turns too, but not all of a page's.
    let places: Vec<_> = buffers.iter().map(|b| b.as_ptr() as usize % 4096 / 64).collect();
    assert!(buffers.iter().all(|b| (b.as_ptr() as usize).is_multiple_of(64)));
    assert!(places.iter().any(|&p| p != places[0]), "{places:?}");
}
