//! The regularised step of one weight, against the step without a penalty.

use crate::limits::{Cost, Limit};
use crate::{Workload, filled};
use proxtape::Exec;
use proxtape::kernels::Buffer;
use proxtape::kernels::prox::{self, Groups, L11L12, Regularizer};
use proxtape::kernels::update::{self, Rule, Update, UpdateData};

/// [out, in]: the first layer of LeNet-300-100, in L2; LeNet-5's first linear layer, in L3; a large
/// one, in memory.
pub const SHAPES: [[usize; 2]; 3] = [[300, 784], [500, 800], [4096, 4096]];

/// For each shape the steps of momentum and Adam alone, and with l1,1 + l1,2 by row and by column.
pub fn steps(exec: Exec) -> impl Iterator<Item = Workload> {
    SHAPES.into_iter().flat_map(move |shape| {
        [Kind::Momentum, Kind::Adam].into_iter().flat_map(move |kind| {
            let penalties = [Penalty::None, Penalty::Rows, Penalty::Columns];
            penalties.map(|penalty| step(exec, shape, kind, penalty))
        })
    })
}

/// The rule of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// With momentum.
    Momentum,
    /// Adam.
    Adam,
}

/// What the step is under.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Penalty {
    /// Nothing: the rule alone.
    None,
    /// l1,1 + l1,2 with a group for each row.
    Rows,
    /// l1,1 + l1,2 with a group for each column.
    Columns,
}

/// One step.
pub fn step(exec: Exec, shape: [usize; 2], kind: Kind, penalty: Penalty) -> Workload {
    let [rows, cols] = shape;
    let n = rows * cols;
    let (groups, name) = match penalty {
        Penalty::None => (Groups::whole(n), "alone"),
        Penalty::Rows => (Groups::rows(rows, cols), "l1,1 + l1,2 by row"),
        Penalty::Columns => (Groups::columns(rows, cols), "l1,1 + l1,2 by column"),
    };
    let (rule, rule_name) = match kind {
        Kind::Momentum => (Rule::Momentum { beta: 0.9 }, "momentum"),
        Kind::Adam => (Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 }, "Adam"),
    };
    let moments = rule.moments();
    // Half the weights are zero and stay it; the others move so slowly, and away from zero, that
    // a million steps change nothing that matters.
    let reg = match penalty {
        Penalty::None => Regularizer::None,
        _ => Regularizer::L11L12(L11L12 { lambda1: 1e-3, rho: 1e-3 / groups.group_size() as f32 }),
    };
    let op = Update { reg, groups, rule, eta: 1e-6, step: 1 };
    let (mut w, mut g, mut m) = (filled(n), filled(n), Buffer::zeroed(n));
    let mut v = Buffer::zeroed(n * (moments - 1));
    w.iter_mut().skip(1).step_by(2).for_each(|w| *w = 0.0);
    g.iter_mut().zip(&*w).for_each(|(g, w)| *g = -w);
    let mut tau = Buffer::zeroed(if reg.is_elementwise() { 0 } else { groups.groups });
    let mut scratch = Buffer::zeroed(prox::scratch_len(exec, &reg, groups));
    let limit = match penalty {
        // Reads w, g and the moments, writes w and the moments.
        Penalty::None => {
            let (moved, held) = ((3 + 2 * moments) * n, (2 + moments) * n);
            Limit::Roofline(Cost { flops: 0.0, moved, held })
        }
        _ => Limit::Other(Box::new(step(exec, shape, kind, Penalty::None))),
    };
    Workload::new(format!("{rows}x{cols} {rule_name} {name}"), limit, move || {
        let data = UpdateData { w: &mut w, g: &g, m: &mut m, v: &mut v, tau: &mut tau };
        update::update(exec, &op, data, &mut scratch);
    })
}
