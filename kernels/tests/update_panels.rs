//! The step on panels of rows: the bits of a product into a buffer and a step over it.

mod support;

use proxtape_kernels::gemm::{self, ByRows, Gemm, MatMut, MatRef, gemm};
use proxtape_kernels::prox::{self, Groups, L1, L11L12, Outcome, Regularizer, SparseGroupLasso};
use proxtape_kernels::update::{PanelScratch, Panels, RowsData, Rule, Update, UpdateData, update};
use proxtape_kernels::{Exec, Isa, Pool};
use support::{Rng, isas};

/// [out, in], batch: one panel; several panels and odd ends; enough for tasks; a deep sum.
const SHAPES: [([usize; 2], usize); 4] =
    [([3, 5], 2), ([67, 1500], 7), ([301, 784], 33), ([20, 3300], 600)];

#[derive(Clone, Debug, PartialEq)]
struct State {
    /// w, m, v, tau.
    data: [Vec<f32>; 4],
    outcomes: Vec<Outcome>,
}

impl State {
    fn new(op: &Update, w: &[f32]) -> State {
        let moment = |k| vec![0.0; if op.rule.moments() > k { w.len() } else { 0 }];
        let tau = vec![0.0; if op.reg.is_elementwise() { 0 } else { op.groups.groups }];
        State { data: [w.to_vec(), moment(0), moment(1), tau], outcomes: Vec::new() }
    }

    fn bits(&self) -> Vec<u32> {
        self.data.iter().flatten().map(|x| x.to_bits()).collect()
    }

    fn two_steps(&mut self, exec: Exec, op: &Update, (a, b): (MatRef<'_>, MatRef<'_>)) {
        let [rows, cols, k] = [a.rows(), b.cols(), a.cols()];
        let mut g = vec![f32::NAN; rows * cols];
        let mut scratch = vec![f32::NAN; gemm::scratch_len(exec.isa(), [rows, cols, k])];
        let c = MatMut::row_major(&mut g, rows, cols);
        gemm(exec, &Gemm::new(a, b), c, &mut scratch);
        let mut scratch = vec![f32::NAN; prox::scratch_len(exec, &op.reg, op.groups)];
        let [w, m, v, tau] = &mut self.data;
        let data = UpdateData { w, g: &g, m, v, tau };
        self.outcomes.push(update(exec, op, data, &mut scratch));
    }

    fn panels(&mut self, exec: Exec, op: &Update, (a, b): (MatRef<'_>, MatRef<'_>)) {
        let (isa, cols) = (exec.isa(), b.cols());
        let panels = Panels::new(exec, op, cols).expect("whole groups in rows");
        let mut packed = vec![f32::NAN; ByRows::packed_len(isa, cols, a.cols())];
        let product = ByRows::new(exec, a, b, &mut packed);
        let need = ByRows::scratch_len(isa, panels.panel_rows());
        let mut scratch = vec![f32::NAN; panels.scratch_len(need)];
        let [w, m, v, tau] = &mut self.data;
        let data = RowsData { w, m, v, tau };
        let produce = |rows, g: &mut [f32], scratch: &mut [f32]| product.rows(rows, g, scratch);
        let scratch = PanelScratch { buffer: &mut scratch, producer: need };
        self.outcomes.push(panels.update(data, scratch, &produce));
    }
}

/// A penalty on rows, on parts of rows, on each weight alone, and none.
fn penalties(rows: usize, cols: usize) -> [(Regularizer, Groups); 4] {
    let group = SparseGroupLasso { lambda1: 1e-3, lambda2: 1e-2 };
    let part = [5, 4].into_iter().find(|part| cols.is_multiple_of(*part)).expect("a part");
    [
        (Regularizer::L11L12(L11L12 { lambda1: 1e-2, rho: 1e-3 }), Groups::rows(rows, cols)),
        (Regularizer::SparseGroupLasso(group), Groups::blocks(rows * cols, part)),
        (Regularizer::L1(L1 { lambda1: 1e-2 }), Groups::columns(rows, cols)),
        (Regularizer::None, Groups::whole(rows * cols)),
    ]
}

#[test]
fn panels_give_the_bits_of_two_steps() {
    let mut rng = Rng::new(3);
    let rules = [
        Rule::Sgd,
        Rule::Nesterov { beta: 0.9 },
        Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.0 },
    ];
    let isas: Vec<Isa> = isas();
    for ([rows, cols], batch) in SHAPES {
        let w = rng.vec(rows * cols, -1.0, 1.0);
        let (x, dy) = (rng.vec(batch * cols, -1.0, 1.0), rng.vec(batch * rows, -0.1, 0.1));
        let (x, dy) = (MatRef::row_major(&x, batch, cols), MatRef::row_major(&dy, batch, rows));
        for (reg, groups) in penalties(rows, cols) {
            for rule in rules {
                for &isa in &isas {
                    let op = Update { reg, groups, rule, eta: 0.05, step: 1 };
                    let mut want = State::new(&op, &w);
                    let steps = [op, Update { step: 2, ..op }];
                    let fresh = want.clone();
                    steps.iter().for_each(|op| want.two_steps(Exec::new(isa), op, (dy.t(), x)));
                    assert!(want.data[0] != w);
                    for threads in [1, 2, 4] {
                        let (pool, mut got) = (Pool::new(threads).unwrap(), fresh.clone());
                        pool.install(|| {
                            steps.iter().for_each(|op| got.panels(pool.exec(isa), op, (dy.t(), x)));
                        });
                        assert!(got.bits() == want.bits(), "{op:?} {isa:?} {threads}");
                        assert_eq!(got.outcomes, want.outcomes);
                    }
                }
            }
        }
    }
}

#[test]
fn rows_without_whole_groups_are_refused() {
    let exec = Exec::new(Isa::detect());
    let reg = Regularizer::L11L12(L11L12 { lambda1: 0.1, rho: 0.1 });
    for groups in [Groups::columns(6, 4), Groups::whole(24), Groups::rows(3, 8)] {
        let op = Update { reg, groups, rule: Rule::Sgd, eta: 0.1, step: 1 };
        assert!(Panels::new(exec, &op, 4).is_none(), "{groups:?}");
    }
}

/// The scratch does not grow with the rows: no buffer for the gradient hides in it.
#[test]
fn scratch_is_a_few_panels() {
    for isa in isas() {
        for exec in [Exec::new(isa), Exec::new(isa).parallel()] {
            let len = |rows: usize| {
                let groups = Groups::rows(rows, 4096);
                let reg = Regularizer::L11L12(L11L12 { lambda1: 0.1, rho: 0.1 });
                let op = Update { reg, groups, rule: Rule::Sgd, eta: 0.1, step: 1 };
                let panels = Panels::new(exec, &op, 4096).unwrap();
                panels.scratch_len(ByRows::scratch_len(isa, panels.panel_rows()))
            };
            assert_eq!(len(4096), len(1 << 20));
            assert!(len(4096) * 16 < 4096 * 4096, "{}", len(4096));
        }
    }
}
