//! Convolutions and pools over [N, C, H, W].

use super::case::{Case, Draw};
use proxtape::ops::{self, ConvAttrs, PoolAttrs};

/// x: [N, C, H, W], w: [OC, C / groups, KH, KW].
#[derive(Clone, Copy)]
struct Conv {
    x: [usize; 4],
    oc: usize,
    k: [usize; 2],
    attrs: ConvAttrs,
}

fn conv(x: [usize; 4], oc: usize, k: [usize; 2]) -> Conv {
    Conv { x, oc, k, attrs: ConvAttrs::default() }
}

impl Conv {
    fn stride(mut self, stride: [usize; 2]) -> Conv {
        self.attrs.stride = stride;
        self
    }
    fn padding(mut self, padding: [usize; 2]) -> Conv {
        self.attrs.padding = padding;
        self
    }
    fn dilation(mut self, dilation: [usize; 2]) -> Conv {
        self.attrs.dilation = dilation;
        self
    }
    fn groups(mut self, groups: usize) -> Conv {
        self.attrs.groups = groups;
        self
    }

    fn w(&self) -> [usize; 4] {
        [self.oc, self.x[1] / self.attrs.groups, self.k[0], self.k[1]]
    }

    fn reference(&self, x: &[Vec<f64>]) -> Vec<f64> {
        let ConvAttrs { stride, padding, dilation, groups } = self.attrs;
        let ([n, c, h, w], [oc, depth, kh, kw]) = (self.x, self.w());
        let extent = |i: usize| {
            (self.x[2 + i] + 2 * padding[i] - dilation[i] * (self.k[i] - 1) - 1) / stride[i] + 1
        };
        let (oh, ow) = (extent(0), extent(1));
        let mut y = Vec::new();
        for (b, o) in (0..n * oc).map(|i| (i / oc, i % oc)) {
            let first = o / (oc / groups) * depth;
            for (i, j) in (0..oh * ow).map(|at| (at / ow, at % ow)) {
                let mut sum = x.get(2).map_or(0.0, |bias| bias[o]);
                for (d, p, q) in
                    (0..depth * kh * kw).map(|at| (at / (kh * kw), at / kw % kh, at % kw))
                {
                    let row = (i * stride[0] + p * dilation[0]).checked_sub(padding[0]);
                    let col = (j * stride[1] + q * dilation[1]).checked_sub(padding[1]);
                    if let (Some(row), Some(col)) = (row, col)
                        && row < h
                        && col < w
                    {
                        sum += x[0][((b * c + first + d) * h + row) * w + col]
                            * x[1][((o * depth + d) * kh + p) * kw + q];
                    }
                }
                y.push(sum);
            }
        }
        y
    }
}

fn convolutions() -> Vec<Conv> {
    vec![
        conv([1, 1, 1, 1], 1, [1, 1]),
        conv([1, 1, 5, 5], 1, [3, 3]),
        conv([2, 3, 5, 7], 4, [3, 3]).padding([1, 1]),
        conv([2, 3, 7, 6], 5, [1, 1]),
        conv([1, 2, 9, 8], 3, [3, 2]).stride([2, 3]),
        conv([2, 2, 7, 5], 3, [3, 3]).stride([2, 2]).padding([1, 1]),
        conv([1, 3, 6, 6], 2, [1, 1]).stride([2, 2]),
        conv([1, 2, 9, 11], 3, [3, 3]).dilation([2, 3]).padding([2, 1]),
        conv([1, 2, 8, 9], 2, [2, 3]).dilation([3, 2]).stride([2, 1]).padding([1, 3]),
        conv([2, 4, 5, 5], 6, [3, 3]).groups(2).padding([1, 1]),
        conv([1, 5, 6, 7], 5, [3, 3]).groups(5).padding([1, 1]),
        conv([1, 3, 6, 7], 6, [3, 2]).groups(3).stride([2, 2]).padding([1, 0]).dilation([1, 2]),
        // The filter is as large as the padded image.
        conv([2, 2, 3, 3], 3, [5, 5]).padding([1, 1]),
        // Padding that only the padding sees.
        conv([1, 1, 3, 3], 2, [2, 2]).padding([2, 3]),
        // The last rows and columns are read by no position.
        conv([1, 2, 8, 8], 2, [3, 3]).stride([3, 4]),
        conv([1, 1, 4, 33], 17, [3, 3]).padding([1, 1]),
        conv([2, 9, 13, 11], 18, [3, 3]).padding([1, 1]),
        conv([2, 8, 14, 14], 20, [5, 5]).padding([2, 2]).stride([2, 2]),
    ]
}

const POOLS: &[([usize; 4], PoolAttrs)] = &[
    ([1, 1, 1, 1], PoolAttrs { kernel: [1, 1], stride: [1, 1], padding: [0, 0] }),
    ([1, 2, 4, 4], PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }),
    ([2, 3, 7, 5], PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }),
    ([2, 2, 9, 7], PoolAttrs { kernel: [3, 3], stride: [2, 2], padding: [1, 1] }),
    ([1, 3, 6, 8], PoolAttrs { kernel: [3, 2], stride: [1, 3], padding: [1, 0] }),
    ([1, 1, 11, 9], PoolAttrs { kernel: [2, 3], stride: [4, 5], padding: [0, 1] }),
    ([2, 1, 5, 37], PoolAttrs { kernel: [3, 3], stride: [1, 1], padding: [1, 1] }),
    ([1, 2, 6, 40], PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [1, 1] }),
    ([4, 16, 20, 18], PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }),
];

/// The values under each position of the window, outermost plane first; padding is left out.
fn windows([n, c, h, w]: [usize; 4], attrs: PoolAttrs, x: &[f64]) -> Vec<Vec<f64>> {
    let PoolAttrs { kernel, stride, padding } = attrs;
    let extent = |i: usize| ([h, w][i] + 2 * padding[i] - kernel[i]) / stride[i] + 1;
    let (oh, ow) = (extent(0), extent(1));
    let mut windows = Vec::new();
    for plane in x.chunks(h * w).take(n * c) {
        for (i, j) in (0..oh * ow).map(|at| (at / ow, at % ow)) {
            let rows = (0..h).filter(|&r| {
                (i * stride[0]..i * stride[0] + kernel[0]).contains(&(r + padding[0]))
            });
            let value = |r: usize, col: usize| plane[r * w + col];
            let window = rows.flat_map(|r| {
                (0..w)
                    .filter(move |&col| {
                        (j * stride[1]..j * stride[1] + kernel[1]).contains(&(col + padding[1]))
                    })
                    .map(move |col| value(r, col))
            });
            windows.push(window.collect());
        }
    }
    windows
}

pub(crate) fn cases() -> Vec<Case> {
    let mut draw = Draw::new(3);
    let mut cases = Vec::new();
    for op in convolutions() {
        let attrs = op.attrs;
        cases.push(
            Case::new(
                "conv2d",
                draw.inputs(&[&op.x, &op.w()]),
                move |t, x| ops::conv2d(t, x[0], x[1], None, attrs),
                move |x| op.reference(x),
            )
            .note(attrs),
        );
        cases.push(
            Case::new(
                "conv2d",
                draw.inputs(&[&op.x, &op.w(), &[op.oc]]),
                move |t, x| ops::conv2d(t, x[0], x[1], Some(x[2]), attrs),
                move |x| op.reference(x),
            )
            .note(attrs),
        );
    }
    for &(dims, attrs) in POOLS {
        cases.push(
            Case::new(
                "max_pool2d",
                vec![draw.distinct(&dims)],
                move |t, x| ops::max_pool2d(t, x[0], attrs),
                move |x| {
                    let largest =
                        |w: &Vec<f64>| w.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    windows(dims, attrs, &x[0]).iter().map(largest).collect()
                },
            )
            .note(attrs),
        );
        // The average counts the padding.
        let area = (attrs.kernel[0] * attrs.kernel[1]) as f64;
        cases.push(
            Case::new(
                "avg_pool2d",
                vec![draw.input(&dims)],
                move |t, x| ops::avg_pool2d(t, x[0], attrs),
                move |x| {
                    let mean = |w: &Vec<f64>| w.iter().sum::<f64>() / area;
                    windows(dims, attrs, &x[0]).iter().map(mean).collect()
                },
            )
            .note(attrs),
        );
    }
    for dims in [[1, 1, 1, 1], [2, 3, 5, 7], [3, 17, 1, 2], [4, 5, 8, 8]] {
        cases.push(Case::new(
            "global_avg_pool2d",
            vec![draw.input(&dims)],
            |t, x| ops::global_avg_pool2d(t, x[0]),
            move |x| {
                let area = dims[2] * dims[3];
                x[0].chunks(area).map(|plane| plane.iter().sum::<f64>() / area as f64).collect()
            },
        ));
    }
    cases
}
