//! Groups of weights: the prox and the update.

use super::{Door, LONG, attempt, exec, lengths, numbers, times};
use proxtape_kernels::prox::{
    self, Band, GroupLasso, Groups, L1, L11L12, Metric, Regularizer, Work, scratch_len,
};
use proxtape_kernels::update::{
    PanelScratch, Panels, RowsData, Rule, Update, UpdateData, unfused_scratch_len, update,
    update_unfused,
};

pub(crate) const DOORS: &[Door] = &[
    Door {
        functions: &[(
            "prox/groups.rs",
            &["whole", "rows", "columns", "blocks", "len", "group_size", "indices"],
        )],
        possible: &[2, 3, 5],
        call: shapes,
    },
    Door {
        functions: &[("prox/band.rs", &["buffer_len", "indices", "runs_of", "elements"])],
        possible: &[2, 3, 5, 1, 17],
        call: bands,
    },
    Door {
        functions: &[
            ("prox.rs", &["scratch_len", "prox"]),
            ("prox/certificate.rs", &["value", "stationarity", "residual"]),
        ],
        possible: &[2, 3, 5],
        call: proxes,
    },
    Door {
        functions: &[
            ("update.rs", &["update"]),
            ("update/unfused.rs", &["unfused_scratch_len", "update_unfused"]),
        ],
        possible: &[2, 3, 5],
        call: updates,
    },
    Door {
        functions: &[("update/panel.rs", &["new", "panel_rows", "scratch_len", "update"])],
        possible: &[1, 3, 5, 5, 2],
        call: panels,
    },
];

fn groups(sizes: &[usize]) -> Groups {
    Groups { outer: sizes[0], groups: sizes[1], inner: sizes[2] }
}

fn shapes(sizes: &[usize]) {
    let &[a, b, c] = sizes else { unreachable!() };
    let g = groups(sizes);
    attempt(&("len", g), |&len| times(sizes) == len as u128, || g.len());
    attempt(&("size", g), |&len| times(&[a, c]) == len as u128, || g.group_size());
    attempt(
        &("indices", g),
        |&at| at == (a > 0 && c > 0).then(|| b * c - c),
        || g.indices(b.wrapping_sub(1)).next(),
    );
    attempt(&("whole", a), |&len| len == a, || Groups::whole(a).len());
    for of in [Groups::rows, Groups::columns] {
        attempt(&("of", a, b), |&len| times(&[a, b]) == len as u128, || of(a, b).len());
    }
    attempt(&("blocks", a, b), |&len| len == a, || Groups::blocks(a, b).len());
}

fn bands(sizes: &[usize]) {
    let (groups, &[start, stride]) = (groups(sizes), &sizes[3..]) else { unreachable!() };
    let band = Band { groups, start, stride };
    let end = times(&sizes[1..3]).saturating_add(start as u128);
    let is_inside = end <= stride as u128;
    let right = |len: usize| is_inside && times(&[sizes[0], stride]) == len as u128;
    attempt(&("buffer", band), |&len| right(len), || band.buffer_len());
    attempt(
        &("indices", band),
        |at: &Option<usize>| is_inside && at.is_none_or(|at| at == start),
        || band.indices(0).next(),
    );
    attempt(
        &("elements", band),
        |at: &Option<usize>| is_inside && at.is_none_or(|at| at == start),
        || band.elements().next(),
    );
    for len in lengths(&[sizes[0], stride]) {
        let (mut v, mut scratch) = (numbers(len), vec![0.0; LONG]);
        let mut tau = vec![0.0; if groups.groups <= LONG { groups.groups } else { 1 }];
        for reg in regularizers() {
            let work = Work { tau: &mut tau, scratch: &mut scratch };
            let at = Metric::Euclidean { step: 0.5 };
            attempt(
                &("prox", band, reg, len),
                |_| right(len),
                || prox::prox(exec(), &reg, band, &mut v, at, work),
            );
            attempt(&("value", band, len), |_| right(len), || reg.value(band, &v));
        }
    }
}

/// By row, by group, and with a norm.
fn regularizers() -> [Regularizer; 3] {
    [
        Regularizer::L1(L1 { lambda1: 0.5 }),
        Regularizer::L11L12(L11L12 { lambda1: 0.5, rho: 0.25 }),
        Regularizer::GroupLasso(GroupLasso { lambda2: 0.5 }),
    ]
}

fn proxes(sizes: &[usize]) {
    let groups = groups(sizes);
    let taus = if groups.groups <= LONG { groups.groups } else { 1 };
    for reg in regularizers() {
        for exec in [exec(), exec().parallel()] {
            attempt(&("scratch", groups), |_| true, || scratch_len(exec, &reg, groups));
        }
        for len in lengths(sizes) {
            let right = times(sizes) == len as u128;
            let (mut v, mut tau) = (numbers(len), vec![0.0; taus]);
            let d = vec![2.0; len];
            for at in [Metric::Euclidean { step: 0.5 }, Metric::Diagonal { d: &d }] {
                let mut scratch = vec![0.0; LONG];
                let work = Work { tau: &mut tau, scratch: &mut scratch };
                attempt(
                    &("prox", groups, reg, len),
                    |_| right,
                    || prox::prox(exec(), &reg, groups, &mut v, at, work),
                );
            }
            attempt(&("value", groups, len), |_| right, || reg.value(groups, &v));
            attempt(&("stationarity", groups, len), |_| right, || reg.stationarity(groups, &v, &d));
            attempt(&("residual", groups, len), |_| right, || reg.residual(groups, &v, &tau));
        }
    }
}

const RULES: [Rule; 3] = [
    Rule::Sgd,
    Rule::Momentum { beta: 0.5 },
    Rule::Adam { beta1: 0.5, beta2: 0.5, eps: 1e-8, decay: 0.0 },
];

fn updates(sizes: &[usize]) {
    let groups = groups(sizes);
    let taus = if groups.groups <= LONG { groups.groups } else { 1 };
    for (reg, rule) in regularizers().into_iter().zip(RULES) {
        let op = Update { reg, groups, rule, eta: 0.5, step: 1 };
        attempt(&("unfused scratch", groups), |_| true, || unfused_scratch_len(exec(), &op));
        for len in lengths(sizes) {
            let right = times(sizes) == len as u128;
            for step in [update, update_unfused] {
                let (mut w, g) = (numbers(len), numbers(len));
                let moment = |i: usize| vec![0.0; if rule.moments() > i { len } else { 0 }];
                let (mut m, mut v, mut tau) = (moment(0), moment(1), vec![0.0; taus]);
                let mut scratch = vec![0.0; 2 * LONG];
                let data = UpdateData { w: &mut w, g: &g, m: &mut m, v: &mut v, tau: &mut tau };
                attempt(&("update", op, len), |_| right, || step(exec(), &op, data, &mut scratch));
            }
        }
    }
}

fn panels(sizes: &[usize]) {
    let (groups, &[row, producer]) = (groups(sizes), &sizes[3..]) else { unreachable!() };
    let taus = if groups.groups <= LONG { groups.groups } else { 1 };
    for reg in regularizers() {
        let op = Update { reg, groups, rule: Rule::Sgd, eta: 0.5, step: 1 };
        for exec in [exec(), exec().parallel()] {
            attempt(
                &("panels", op, row),
                |_| true,
                || Panels::new(exec, &op, row).map(|panels| panels.panel_rows()),
            );
            attempt(
                &("panels", op, row, producer),
                |len: &Option<usize>| len.is_none_or(|len| len >= producer),
                || Panels::new(exec, &op, row).map(|panels| panels.scratch_len(producer)),
            );
        }
        for len in lengths(&sizes[..3]) {
            let right = times(&sizes[..3]) == len as u128;
            let (mut w, mut tau, mut scratch) = (numbers(len), vec![0.0; taus], vec![0.0; LONG]);
            let data = RowsData { w: &mut w, m: &mut [], v: &mut [], tau: &mut tau };
            attempt(
                &("panels", op, row, producer, len),
                |done| right || !done,
                || {
                    let panels = Panels::new(exec(), &op, row);
                    let done = panels.is_some();
                    if let Some(panels) = panels {
                        let scratch = PanelScratch { buffer: &mut scratch, producer };
                        panels.update(data, scratch, &|_, g, more| {
                            g.fill(1.0);
                            assert!(more.len() >= producer, "the producer has less than it wants");
                        });
                    }
                    done
                },
            );
        }
    }
}
