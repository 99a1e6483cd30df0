//! `[train.optimizer]`: the rule by name.

use proxtape::optim::Rule;
use serde::{Deserialize, Serialize};

/// `[train.optimizer]`: kind, and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "OptimizerTable", into = "OptimizerTable")]
pub(crate) struct Optimizer(pub(crate) Rule);

/// The names of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OptimizerKind {
    Sgd,
    Momentum,
    Nesterov,
    Adam,
}

impl OptimizerKind {
    /// The rule with the numbers that are usual for it.
    pub(crate) fn usual(self) -> Rule {
        match self {
            OptimizerKind::Sgd => Rule::Sgd,
            OptimizerKind::Momentum => Rule::Momentum { beta: 0.9 },
            OptimizerKind::Nesterov => Rule::Nesterov { beta: 0.9 },
            OptimizerKind::Adam => Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 },
        }
    }

    pub(crate) fn of(rule: Rule) -> OptimizerKind {
        match rule {
            Rule::Sgd => OptimizerKind::Sgd,
            Rule::Momentum { .. } => OptimizerKind::Momentum,
            Rule::Nesterov { .. } => OptimizerKind::Nesterov,
            Rule::Adam { .. } => OptimizerKind::Adam,
        }
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptimizerTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<OptimizerKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta1: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta2: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eps: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decay: Option<f32>,
}

impl TryFrom<OptimizerTable> for Optimizer {
    type Error = String;

    fn try_from(t: OptimizerTable) -> Result<Optimizer, String> {
        let has_beta = t.beta.is_some();
        let has_adam = [t.beta1, t.beta2, t.eps, t.decay].iter().any(Option::is_some);
        let kind = t.kind.unwrap_or(OptimizerKind::Momentum);
        let rule = match kind.usual() {
            Rule::Sgd if has_beta || has_adam => return Err("sgd takes kind only".to_owned()),
            Rule::Momentum { .. } | Rule::Nesterov { .. } if has_adam => {
                return Err("momentum and nesterov take beta; beta1, beta2, eps and decay are \
                            for adam"
                    .to_owned());
            }
            Rule::Adam { .. } if has_beta => {
                return Err("adam takes beta1, beta2, eps and decay; beta is for momentum and \
                            nesterov"
                    .to_owned());
            }
            Rule::Sgd => Rule::Sgd,
            Rule::Momentum { beta } => Rule::Momentum { beta: t.beta.unwrap_or(beta) },
            Rule::Nesterov { beta } => Rule::Nesterov { beta: t.beta.unwrap_or(beta) },
            Rule::Adam { beta1, beta2, eps, decay } => Rule::Adam {
                beta1: t.beta1.unwrap_or(beta1),
                beta2: t.beta2.unwrap_or(beta2),
                eps: t.eps.unwrap_or(eps),
                decay: t.decay.unwrap_or(decay),
            },
        };
        Ok(Optimizer(rule))
    }
}

impl From<Optimizer> for OptimizerTable {
    fn from(Optimizer(rule): Optimizer) -> OptimizerTable {
        let table =
            OptimizerTable { kind: Some(OptimizerKind::of(rule)), ..OptimizerTable::default() };
        match rule {
            Rule::Sgd => table,
            Rule::Momentum { beta } | Rule::Nesterov { beta } => {
                OptimizerTable { beta: Some(beta), ..table }
            }
            Rule::Adam { beta1, beta2, eps, decay } => OptimizerTable {
                beta1: Some(beta1),
                beta2: Some(beta2),
                eps: Some(eps),
                decay: Some(decay),
                ..table
            },
        }
    }
}
