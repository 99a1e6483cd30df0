/// y = W x + b with W: [out, in], row by row; no b is a b of zeros.
pub(crate) fn linear(x: &[f32], w: &[f32], b: &[f32], y: &mut [f32]) {
    for (o, (y, row)) in y.iter_mut().zip(w.chunks_exact(x.len())).enumerate() {
        // Eight sums at a time: vector units and pipelines have something to do.
        let (xs, rows) = (x.chunks_exact(8), row.chunks_exact(8));
        let mut rest = b.get(o).copied().unwrap_or(0.0);
        for (x, w) in xs.remainder().iter().zip(rows.remainder()) {
            rest += w * x;
        }
        let mut sums = [0.0_f32; 8];
        for (x, w) in xs.zip(rows) {
            for (sum, (x, w)) in sums.iter_mut().zip(x.iter().zip(w)) {
                *sum += w * x;
            }
        }
        *y = sums.iter().sum::<f32>() + rest;
    }
}
