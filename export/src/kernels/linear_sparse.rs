/// y = W x + b, where row o of W has `values[starts[o]..starts[o + 1]]` in these `columns`.
pub(crate) fn linear_sparse<I: Copy + Into<u32>>(
    x: &[f32],
    (starts, columns, values): (&[u32], &[I], &[f32]),
    b: &[f32],
    y: &mut [f32],
) {
    for (o, (y, ends)) in y.iter_mut().zip(starts.windows(2)).enumerate() {
        let row = ends[0] as usize..ends[1] as usize;
        let mut sum = b.get(o).copied().unwrap_or(0.0);
        for (&column, w) in columns[row.clone()].iter().zip(&values[row]) {
            let column: u32 = column.into();
            sum += w * x[column as usize];
        }
        *y = sum;
    }
}
