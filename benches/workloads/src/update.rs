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

/// For each shape the momentum step alone, and with l1,1 + l1,2 by row and by column.
pub fn steps(exec: Exec) -> impl Iterator<Item = Workload> {
    SHAPES.into_iter().flat_map(move |shape| {
        [Penalty::None, Penalty::Rows, Penalty::Columns].map(|penalty| step(exec, shape, penalty))
    })
}

/// What the step is under.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Penalty {
    /// Nothing: the momentum step alone.
    None,
    /// l1,1 + l1,2 with a group for each row.
    Rows,
    /// l1,1 + l1,2 with a group for each column.
    Columns,
}

/// One step with momentum.
pub fn step(exec: Exec, shape: [usize; 2], penalty: Penalty) -> Workload {
    let [rows, cols] = shape;
    let n = rows * cols;
    let (groups, name) = match penalty {
        Penalty::None => (Groups::whole(n), "momentum alone"),
        Penalty::Rows => (Groups::rows(rows, cols), "l1,1 + l1,2 by row"),
        Penalty::Columns => (Groups::columns(rows, cols), "l1,1 + l1,2 by column"),
    };
    // Half the weights are zero and stay it; the others move so slowly, and away from zero, that
    // a million steps change nothing that matters.
    let reg = match penalty {
        Penalty::None => Regularizer::None,
        _ => Regularizer::L11L12(L11L12 { lambda1: 1e-3, rho: 1e-3 / groups.group_size() as f32 }),
    };
    let op = Update { reg, groups, rule: Rule::Momentum { beta: 0.9 }, eta: 1e-6, step: 1 };
    let (mut w, mut g, mut m) = (filled(n), filled(n), Buffer::zeroed(n));
    w.iter_mut().skip(1).step_by(2).for_each(|w| *w = 0.0);
    g.iter_mut().zip(&*w).for_each(|(g, w)| *g = -w);
    let mut tau = Buffer::zeroed(if reg.is_elementwise() { 0 } else { groups.groups });
    let mut scratch = Buffer::zeroed(prox::scratch_len(exec, &reg, groups));
    let limit = match penalty {
        // Reads w, g and m, writes w and m.
        Penalty::None => Limit::Roofline(Cost { flops: 0.0, moved: 5 * n, held: 3 * n }),
        _ => Limit::Other(Box::new(step(exec, shape, Penalty::None))),
    };
    Workload::new(format!("{rows}x{cols} {name}"), limit, move || {
        let data = UpdateData { w: &mut w, g: &g, m: &mut m, v: &mut [], tau: &mut tau };
        update::update(exec, &op, data, &mut scratch);
    })
}
