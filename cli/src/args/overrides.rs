//! Flags that change a recipe.

use super::data::{DataArgs, TableArgs};
use crate::failure::Failure;
use crate::recipe::{self, Net, OptimizerKind, Prune, Recipe, ScheduleKind, Stage, Target};
use crate::run::start_weights;
use clap::Args;
use core::num::{NonZeroU32, NonZeroUsize};
use proxtape::optim::{Family, Grouping, Mixing, Rule};
use proxtape::train::{self, Measure};
use std::path::PathBuf;

/// The changes to a recipe.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Changes to the recipe")]
pub(crate) struct Overrides {
    #[command(flatten)]
    pub(crate) location: DataArgs,

    #[command(flatten)]
    table: TableArgs,

    // A group of its own, since a run that goes on takes none of it.
    #[command(flatten)]
    training: TrainingArgs,
}

/// What is trained, and how.
#[derive(Debug, Args)]
#[group(id = "Overrides", multiple = true)]
struct TrainingArgs {
    /// A network of the zoo instead of the recipe's
    #[arg(long, value_name = "ZOO", value_parser = Net::zoo)]
    model: Option<Net>,

    /// Start from these weights: a PyTorch state_dict as safetensors
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Passes over the training samples
    #[arg(long)]
    epochs: Option<NonZeroU32>,

    /// Samples of a batch
    #[arg(long)]
    batch: Option<NonZeroUsize>,

    /// sgd, momentum, nesterov or adam, with its usual numbers
    #[arg(long, value_name = "NAME")]
    optimizer: Option<OptimizerKind>,

    /// beta of momentum and nesterov
    #[arg(long, value_name = "BETA", value_parser = share, allow_negative_numbers = true)]
    momentum: Option<f32>,

    /// The largest step size
    #[arg(long, value_parser = positive, allow_negative_numbers = true)]
    eta: Option<f32>,

    /// How the step size falls
    #[arg(long, value_name = "NAME")]
    schedule: Option<ScheduleKind>,

    /// none, l2, l1, elastic, group-lasso, sparse-group-lasso, exclusive, l11-l12, cges, ...
    #[arg(long, value_name = "NAME")]
    regularizer: Option<Family>,

    /// The strength of the penalty, in units of the objective
    #[arg(long, value_parser = strength, allow_negative_numbers = true)]
    lambda: Option<f32>,

    /// Move lambda until this share of the weights is kept (5% or 0.05), within 5 % of it; 0 is off
    #[arg(long, value_name = "SHARE", value_parser = part, allow_negative_numbers = true)]
    #[arg(group = "target")]
    keep: Option<f32>,

    /// The same for multiply-accumulates with a weight that is not zero
    #[arg(long, value_name = "SHARE", value_parser = part, allow_negative_numbers = true)]
    #[arg(group = "target")]
    keep_macs: Option<f32>,

    /// The same for groups
    #[arg(long, value_name = "SHARE", value_parser = part, allow_negative_numbers = true)]
    #[arg(group = "target")]
    keep_groups: Option<f32>,

    /// The share of lambda that the second term gets, the same in all layers
    #[arg(long, value_parser = share, allow_negative_numbers = true)]
    mu: Option<f32>,

    /// Groups of linear weights: output, input, layer or block:K
    #[arg(long)]
    grouping: Option<Grouping>,

    /// Groups of convolutions: output, input, position, layer or block:K
    #[arg(long, value_name = "GROUPING")]
    conv_grouping: Option<Grouping>,

    /// The share of the epochs that take full-gradient steps with the penalty; 0 is none
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    settle: Option<f32>,

    /// Keep this share of the weights, the largest ones (5% or 0.05), as the refit begins; 0 is off
    #[arg(long, value_name = "SHARE", value_parser = part, allow_negative_numbers = true)]
    prune: Option<f32>,

    /// The share of the epochs, the last ones, with the zeros frozen and the penalty off; 0 is none
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    refit: Option<f32>,

    /// Drives everything that is random
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,

    /// Compute convolutions without Winograd's algorithm, which is faster and rounds all outputs around
    /// an outlier by its size; a run that was started so goes on so
    #[arg(long)]
    exact_conv: bool,
}

impl Overrides {
    /// The recipe of a name or a file with the changes; its data and its start weights are named by paths
    /// that do not depend on the working folder.
    pub(crate) fn resolve(&self, name: Option<&str>) -> Result<Recipe, Failure> {
        let mut recipe = self.apply(recipe::find(name.unwrap_or(recipe::DEFAULT))?)?;
        recipe.data.source = recipe.data.source.absolute();
        start_weights::resolve(&mut recipe.model)?;
        Ok(recipe)
    }

    /// The recipe with the changes.
    fn apply(&self, mut recipe: Recipe) -> Result<Recipe, Failure> {
        self.apply_to_data(&mut recipe)?;
        let flags = &self.training;
        if let Some(net) = &flags.model {
            recipe.model.net = net.clone();
            // Layers of another network do not go by these names.
            recipe.penalty.0.layers.clear();
        }
        if let Some(weights) = &flags.weights {
            (recipe.model.weights, recipe.model.weights_hash) = (Some(weights.clone()), None);
        }
        let train = &mut recipe.train;
        train.epochs = flags.epochs.unwrap_or(train.epochs);
        train.batch = flags.batch.unwrap_or(train.batch);
        train.seed = flags.seed.unwrap_or(train.seed);
        train.exact_conv |= flags.exact_conv;
        let rule = &mut train.optimizer.0;
        if let Some(kind) = flags.optimizer
            && kind != OptimizerKind::of(*rule)
        {
            *rule = kind.usual();
        }
        if let Some(momentum) = flags.momentum {
            match rule {
                Rule::Momentum { beta } | Rule::Nesterov { beta } => *beta = momentum,
                _ => {
                    return Err(Failure::usage(
                        "--momentum goes with --optimizer momentum or nesterov",
                    ));
                }
            }
        }
        let schedule = &mut train.schedule.0;
        schedule.eta = flags.eta.unwrap_or(schedule.eta);
        if let Some(kind) = flags.schedule
            && kind != ScheduleKind::of(schedule.shape)
        {
            schedule.shape = kind.usual();
        }
        let usual = schedule.eta;
        for (share, stage) in [(flags.settle, &mut train.settle), (flags.refit, &mut train.refit)] {
            if let Some(share) = share {
                let eta = stage.map_or(usual, |stage| stage.eta);
                *stage = (share > 0.0).then_some(Stage { share, eta });
            }
        }
        if let Some(keep) = flags.prune {
            train.prune = (keep > 0.0).then_some(Prune { keep });
        }
        if flags.prune.is_some_and(|keep| keep > 0.0) && train.refit.is_none() {
            return Err(Failure::usage(
                "--prune comes before a refit, and the recipe has none; add --refit SHARE",
            ));
        }
        for (of, share) in [
            (Measure::Weights, flags.keep),
            (Measure::Macs, flags.keep_macs),
            (Measure::Groups, flags.keep_groups),
        ] {
            if let Some(share) = share {
                recipe.target = (share > 0.0).then_some(Target(train::Target { of, share }));
            }
        }
        if let Some(family) = flags.regularizer {
            recipe.penalty.set_family(family);
        }
        let penalty = &mut recipe.penalty.0;
        penalty.lambda = flags.lambda.unwrap_or(penalty.lambda);
        if let Some(mu) = flags.mu {
            penalty.mixing = Mixing::Constant(mu);
        }
        for (flag, grouping) in
            [(&flags.grouping, &mut penalty.linear), (&flags.conv_grouping, &mut penalty.conv)]
        {
            if let Some(flag) = flag {
                grouping.clone_from(flag);
            }
        }
        Ok(recipe)
    }

    /// Refuses flags of one training where a command varies what they set: `regularizer` and `lambda`.
    pub(crate) fn expect_no(&self, names: &[&str], instead: &str) -> Result<(), Failure> {
        let flags = &self.training;
        let given =
            [("regularizer", flags.regularizer.is_some()), ("lambda", flags.lambda.is_some())];
        match given.iter().find(|(name, is_given)| *is_given && names.contains(name)) {
            None => Ok(()),
            Some((name, _)) => Err(Failure::usage(format!(
                "--{name} is for one training, and this command varies it; say it by {instead}"
            ))),
        }
    }

    fn apply_to_data(&self, recipe: &mut Recipe) -> Result<(), Failure> {
        let data = &mut recipe.data;
        if let Some(source) = &self.location.data {
            data.source = source.clone();
            // These are for the recipe's own data.
            (data.obtain, data.label, data.header) = (None, None, None);
        }
        self.table.apply(data)
    }
}

/// A finite number that fits.
fn number(text: &str, fits: impl Fn(f32) -> bool, wants: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|x: &f32| x.is_finite() && fits(*x));
    number.ok_or_else(|| format!("expected {wants}"))
}

fn positive(text: &str) -> Result<f32, String> {
    number(text, |x| x > 0.0, "a number above 0")
}

pub(crate) fn strength(text: &str) -> Result<f32, String> {
    number(text, |x| x >= 0.0, "a number of at least 0")
}

fn share(text: &str) -> Result<f32, String> {
    number(text, |x| (0.0..=1.0).contains(&x), "a number from 0 to 1")
}

/// A share, as a number or in percent.
pub(crate) fn part(text: &str) -> Result<f32, String> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse().ok().map(|x: f64| (x / unit) as f32);
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a share from 0 to 1, as 5% or 0.05".to_owned())
}
