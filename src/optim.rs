//! The regularised optimiser: one fused step for each parameter.
//!
//! Weights take the gradient step and the exact prox of its subproblem in one pass over memory, columns of a
//! large weight in two (`proxtape_kernels::update` says which subproblem); biases and normalisation parameters take the gradient step.

mod ahead;
mod blocks;
mod during;
mod grouping;
mod grouping_error;
mod penalty;
mod ramp;
mod regularized;
mod schedule;
mod support;

pub(crate) use ahead::Ahead;
pub use blocks::Blocks;
pub use during::DuringBackward;
pub use grouping::Grouping;
pub use grouping_error::GroupingError;
pub use penalty::{
    FAMILIES, Family, FamilyFacts, FamilyNumber, GroupScale, LayerPenalty, Mixing, Penalty,
    PenaltyError, Strength,
};
pub use proxtape_kernels::prox::{
    Band, Cges, CgesOneShot, Elastic, Exclusive, GroupLasso, Groups, L0, L1, L2, L11L12, LHalf,
    Mcp, Own, Regularizer, SparseGroupLasso, TransformedL1, Zeros,
};
pub use proxtape_kernels::update::{OutOfRange, Rule};
pub use ramp::{Ramp, Rise};
pub use regularized::{Part, Regularized};
pub use schedule::{Schedule, Shape as ScheduleShape};

use crate::gradients::Gradients;
use crate::params::{Kind, ParamId, Params};
use proxtape_kernels::prox;
use proxtape_kernels::update::{self, Update, UpdateData};
use proxtape_kernels::{Buffer, Exec};
use std::collections::HashMap;
use std::ops::Range;

/// How the update is computed; both give the same numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// Gradient, moments and prox in one pass over memory, or two for columns of a large weight.
    #[default]
    Fused,
    /// One pass after another, to compare with. Groups that are not all of a weight take the other way.
    Unfused,
}

/// Optimiser state: zero to two moments and one threshold for each group.
///
/// ```
/// use proxtape::optim::{Optimizer, Rule};
/// use proxtape::{Exec, GradSink, Gradients, Isa, Kind, Params};
/// let mut params = Params::new();
/// let w = params.add("w", Kind::Weight, [2]);
/// let mut gradients = Gradients::new(&params);
/// gradients.destination(w).unwrap().0.copy_from_slice(&[1.0, -2.0]);
/// let exec = Exec::new(Isa::detect());
/// let mut optimizer = Optimizer::new(exec, &params, Rule::Momentum { beta: 0.9 }, &[]);
/// optimizer.step(&mut params, &mut gradients, 0.1);
/// assert_eq!(params.value(w), [-0.1, 0.2]);
/// ```
#[derive(Clone, Debug)]
pub struct Optimizer {
    exec: Exec,
    rule: Rule,
    path: Path,
    /// In the order of their parameters.
    slots: Vec<Slot>,
    /// First and second moment, laid out as the parameters; empty where the rule has none.
    moments: [Buffer; 2],
    tau: Buffer,
    scratch: Buffer,
    /// Scratch of the panels of `during`; grows at the first step.
    panels: Buffer,
    steps: u64,
    /// Whether the zeros of weights stay.
    frozen: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    id: ParamId,
    parts: Vec<SlotPart>,
    /// The thresholds of all parts.
    tau: Range<usize>,
    is_weight: bool,
}

/// The groups of a weight that have one regulariser.
#[derive(Clone, Debug)]
struct SlotPart {
    reg: Regularizer,
    band: Band,
    tau: Range<usize>,
}

impl Slot {
    /// The groups, where they are the whole weight.
    fn whole(&self) -> Option<&SlotPart> {
        match &self.parts[..] {
            [part] if part.band.is_all() => Some(part),
            _ => None,
        }
    }
}

impl SlotPart {
    fn update(&self, rule: Rule, eta: f32, step: u64) -> Update<Band> {
        Update { reg: self.reg, groups: self.band, rule, eta, step }
    }

    /// The same of groups that are the whole weight.
    fn update_all(&self, rule: Rule, eta: f32, step: u64) -> Update {
        Update { reg: self.reg, groups: self.band.groups, rule, eta, step }
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepOutcome {
    /// Whether a weight, or what it was made of, was not a number.
    pub nan: bool,
    /// Sweeps that the group prox took, over all groups.
    pub passes: u64,
    /// Regularised weights that are exactly zero.
    pub zeros: u64,
}

impl StepOutcome {
    fn add(&mut self, slot: &Slot, outcome: prox::Outcome) {
        self.nan |= outcome.nan;
        self.passes += outcome.passes;
        self.zeros += if slot.is_weight { outcome.zeros } else { 0 };
    }

    /// What both did together.
    fn and(self, other: StepOutcome) -> StepOutcome {
        StepOutcome {
            nan: self.nan | other.nan,
            passes: self.passes + other.passes,
            zeros: self.zeros + other.zeros,
        }
    }
}

impl Optimizer {
    /// An optimiser for all trainable parameters; those in `regularized` get a prox.
    ///
    /// # Panics
    /// If a number of the rule or of a regulariser is out of range, or a regulariser is for what is no
    /// trainable parameter of `params`, for one that has another already, or has groups of another number
    /// of elements.
    #[track_caller]
    pub fn new(exec: Exec, params: &Params, rule: Rule, regularized: &[Regularized]) -> Optimizer {
        assert!(rule.is_valid(), "Optimizer: a number is out of range: {rule:?}");
        let (mut taus, mut slots) = (0, Vec::new());
        let regularized = by_id(params, regularized);
        for id in params.ids().filter(|&id| params.kind(id) != Kind::Running) {
            let found = regularized.get(&id);
            let none;
            let r = match found {
                Some(r) => r,
                None => {
                    let whole = Groups::whole(params.shape(id).len());
                    none = Regularized::new(id, Regularizer::None, whole);
                    &none
                }
            };
            let parts = r.parts.iter().zip(r.taus(taus)).map(|(part, tau)| SlotPart {
                reg: part.regularizer,
                band: part.band,
                tau,
            });
            let parts: Vec<SlotPart> = parts.collect();
            let tau = taus..parts.last().map_or(taus, |part| part.tau.end);
            taus = tau.end;
            slots.push(Slot { id, parts, tau, is_weight: found.is_some() });
        }
        let moments = [0, 1].map(|i| match i < rule.moments() {
            true => Buffer::zeroed(params.len()),
            false => Buffer::default(),
        });
        let (tau, scratch) = (Buffer::zeroed(taus), Buffer::default());
        let path = Path::Fused;
        let (steps, frozen, panels) = (0, false, Buffer::default());
        Optimizer { exec, rule, path, slots, moments, tau, scratch, panels, steps, frozen }
            .with_path(path)
    }

    /// Chooses how the update is computed.
    pub fn with_path(mut self, path: Path) -> Optimizer {
        self.path = path;
        let wanted = self.slots.iter().flat_map(|slot| {
            slot.parts.iter().map(|part| match (path, slot.whole()) {
                (Path::Unfused, Some(part)) => {
                    update::unfused_scratch_len(self.exec, &part.update_all(self.rule, 0.0, 1))
                }
                _ => prox::scratch_len(self.exec, &part.reg, part.band),
            })
        });
        self.scratch = Buffer::zeroed(wanted.max().unwrap_or(0));
        self
    }

    /// The update rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Forgets where the last steps went: the first moment becomes zero.
    pub fn clear_momentum(&mut self) {
        self.moments[0].fill(0.0);
    }

    /// Freezes the support, or thaws it: while it is frozen a regularised weight that is zero stays
    /// exactly zero, and the others take plain steps without a penalty, which undoes the shrinkage
    /// that it left. The thresholds stay those of the last step with a penalty.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Whether the support is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Sets the regularisers of weights to others of their kind: another strength of the same penalty.
    ///
    /// # Panics
    /// If a weight got no regulariser when the optimiser was made, or its groups or the need for
    /// thresholds differ.
    pub fn set_regularizers(&mut self, regularized: &[Regularized]) {
        for r in regularized {
            let place = self.place(r.id).expect("a weight with a regulariser");
            let slot = &mut self.slots[place];
            assert!(slot.is_weight, "set_regularizers: {r:?} had no regulariser");
            let is_same = |(own, part): (&SlotPart, &Part)| {
                let alone = own.reg.is_elementwise() == part.regularizer.is_elementwise();
                alone && own.band == part.band
            };
            let count = slot.parts.len() == r.parts.len();
            assert!(
                count && slot.parts.iter().zip(&r.parts).all(is_same),
                "set_regularizers: {:?} is of another kind",
                r
            );
            for (own, part) in slot.parts.iter_mut().zip(&r.parts) {
                own.reg = part.regularizer;
            }
        }
    }

    /// Where the slot of a parameter is.
    fn place(&self, id: ParamId) -> Option<usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.id).ok()
    }

    fn slot(&self, id: ParamId) -> Option<&Slot> {
        self.place(id).map(|place| &self.slots[place])
    }

    /// Takes one step of size `eta` for every parameter that has a gradient.
    pub fn step(
        &mut self,
        params: &mut Params,
        gradients: &mut Gradients,
        eta: f32,
    ) -> StepOutcome {
        self.steps = self.steps.saturating_add(1);
        self.apply(params, gradients, eta)
    }

    /// The step that has been counted, for every parameter that has a gradient.
    fn apply(&mut self, params: &mut Params, gradients: &mut Gradients, eta: f32) -> StepOutcome {
        let mut total = StepOutcome::default();
        for slot in &self.slots {
            let Some(g) = gradients.get_mut(slot.id) else { continue };
            let span = params.span(slot.id);
            let held = self.frozen && slot.is_weight;
            if held {
                let moments = self.moments.iter_mut().filter(|m| !m.is_empty());
                for x in moments.map(|m| &mut m[span.clone()]).chain([&mut *g]) {
                    support::hold(self.exec, params.value(slot.id), x);
                }
            }
            // A weight with a frozen support takes a plain step.
            let plain = [SlotPart {
                reg: Regularizer::None,
                band: Groups::whole(span.len()).into(),
                tau: 0..0,
            }];
            for part in if held { &plain[..] } else { &slot.parts[..] } {
                let [m, v] = &mut self.moments;
                let data = UpdateData {
                    w: params.value_mut(slot.id),
                    g,
                    m: if m.is_empty() { &mut [] } else { &mut m[span.clone()] },
                    v: if v.is_empty() { &mut [] } else { &mut v[span.clone()] },
                    tau: &mut self.tau[part.tau.clone()],
                };
                let (exec, scratch) = (self.exec, &mut self.scratch[..]);
                let outcome = match self.path {
                    Path::Unfused if part.band.is_all() => {
                        let op = part.update_all(self.rule, eta, self.steps);
                        update::update_unfused(exec, &op, data, scratch)
                    }
                    _ => {
                        let op = part.update(self.rule, eta, self.steps);
                        update::update(exec, &op, data, scratch)
                    }
                };
                total.add(slot, outcome);
            }
        }
        total
    }

    /// The threshold of each group of a weight, empty where its regulariser has none.
    pub fn tau(&self, id: ParamId) -> &[f32] {
        self.slot(id).map_or(&[], |slot| &self.tau[slot.tau.clone()])
    }

    /// The steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state beside the parameters, to save: first moment, second moment, thresholds.
    pub fn state(&self) -> [&[f32]; 3] {
        [&self.moments[0], &self.moments[1], &self.tau]
    }

    /// Restores what [`state`](Optimizer::state) and [`steps`](Optimizer::steps) gave.
    ///
    /// # Errors
    /// If a length differs: the state belongs to another model, rule or penalty.
    pub fn restore(&mut self, state: [&[f32]; 3], steps: u64) -> Result<(), StateError> {
        let own = self.state().map(<[f32]>::len);
        let found = state.map(<[f32]>::len);
        if own != found {
            return Err(StateError { own, found });
        }
        self.moments[0].copy_from_slice(state[0]);
        self.moments[1].copy_from_slice(state[1]);
        self.tau.copy_from_slice(state[2]);
        self.steps = steps;
        Ok(())
    }
}

/// The regularisers by their parameters, each of which has one at most.
#[track_caller]
fn by_id<'a>(params: &Params, regularized: &'a [Regularized]) -> HashMap<ParamId, &'a Regularized> {
    let mut found = HashMap::new();
    for r in regularized {
        let (at, count) = (r.id.index(), params.ids().len());
        assert!(
            at < count,
            "Optimizer: a regulariser is for parameter {at} of {count}: it is of others"
        );
        let (name, len) = (params.name(r.id), params.span(r.id).len());
        let is_running = params.kind(r.id) == Kind::Running;
        assert!(
            !is_running,
            "Optimizer: \"{name}\" is a running statistic and takes no regulariser"
        );
        assert!(
            r.covers(len),
            "Optimizer: \"{name}\" has {len} elements and its regulariser {}",
            r.shown()
        );
        for Part { regularizer, .. } in &r.parts {
            assert!(
                regularizer.is_valid(),
                "Optimizer: a number of \"{name}\" is out of range: {regularizer:?}"
            );
        }
        assert!(found.insert(r.id, r).is_none(), "Optimizer: \"{name}\" has two regularisers");
    }
    found
}

/// A saved state does not belong to this optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateError {
    own: [usize; 3],
    found: [usize; 3],
}

impl core::fmt::Display for StateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "the saved optimiser state has {:?} elements (moments, thresholds) and this model \
             wants {:?}; resume with the recipe that made it",
            self.found, self.own
        )
    }
}

impl std::error::Error for StateError {}
