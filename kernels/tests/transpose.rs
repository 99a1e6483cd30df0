//! The transpose against its definition, around the borders of tiles and tasks.

mod support;

use proxtape_kernels::transpose::transpose;
use proxtape_kernels::{Accumulate, Exec, Isa, Pool};
use support::{Canary, Guarded, Rng, execs, isas};

fn naive(x: &[f32], [rows, cols]: [usize; 2]) -> Vec<f32> {
    (0..x.len()).map(|at| x[at % rows * cols + at / rows]).collect()
}

#[test]
fn transpose_matches_its_definition() {
    let edges = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50];
    let mut shapes: Vec<[usize; 2]> = edges.iter().flat_map(|&r| edges.map(|c| [r, c])).collect();
    shapes.extend([[300, 257], [2, 40_000], [40_000, 3], [1, 40_000], [129, 2049]]);
    let mut rng = Rng::new(31);
    for shape in shapes {
        let x = Guarded::new(&rng.vec(shape[0] * shape[1], -1.0, 1.0));
        let (x, want) = (x.slice(), naive(x.slice(), shape));
        for exec in execs() {
            let mut y = Canary::new(x.len(), 1);
            transpose(exec, x, shape, y.slice_mut(), Accumulate::Store);
            y.check();
            assert!(y.slice() == want, "{shape:?} on {exec:?}");
            transpose(exec, x, shape, y.slice_mut(), Accumulate::Add);
            y.check();
            assert!(y.slice().iter().zip(&want).all(|(y, w)| *y == 2.0 * w), "{shape:?}");
        }
        let mut y = Guarded::new(&want);
        transpose(Exec::new(Isa::detect()), x, shape, y.slice_mut(), Accumulate::Store);
        assert_eq!(y.slice(), want);
    }
}

#[test]
fn transpose_twice_is_the_identity_at_any_number_of_threads() {
    let x = Rng::new(32).vec(777 * 333, -1.0, 1.0);
    for isa in isas() {
        for threads in [1, 2, 4] {
            let pool = Pool::new(threads).unwrap();
            let (mut y, mut z) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            pool.install(|| {
                transpose(pool.exec(isa), &x, [777, 333], &mut y, Accumulate::Store);
                transpose(pool.exec(isa), &y, [333, 777], &mut z, Accumulate::Store);
            });
            assert!(z == x && y == naive(&x, [777, 333]));
        }
    }
}

#[test]
#[should_panic(expected = "transpose: y has 5 elements, 3 x 2 needs 6")]
fn transpose_names_the_wrong_length() {
    let exec = Exec::new(Isa::detect());
    transpose(exec, &[0.0; 6], [2, 3], &mut [0.0; 5], Accumulate::Store);
}
