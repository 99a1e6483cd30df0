//! `[penalty]`: the regulariser, its strength and its groups, and what single layers do otherwise.

mod schedule;

use super::by_name;
use crate::output::terminal::Terminal;
use proxtape::optim::{
    self, FAMILIES, Family, FamilyFacts, FamilyNumber, GroupScale, Grouping, LayerPenalty, Mixing,
    Ramp,
};
use schedule::Schedule;
use serde::{Deserialize, Serialize};

/// The section: a penalty, and the numbers of its own that each family gets, that of the penalty or
/// another: a comparison trains with all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub(crate) struct Penalty(pub(crate) optim::Penalty, Numbers);

/// The numbers that are a family's own, for each family that has one.
#[derive(Clone, Debug, PartialEq)]
struct Numbers(Vec<(&'static str, f32)>);

impl Numbers {
    /// A family with its number among these.
    fn of(&self, family: Family) -> Family {
        self.0.iter().fold(family, |family, &(name, x)| family.with_number(name, x))
    }

    fn get(&self, name: &str) -> Option<f32> {
        self.0.iter().find(|(other, _)| *other == name).map(|&(_, x)| x)
    }

    /// Those that a table has in the place of the usual ones.
    fn with(mut self, given: &[(&str, Option<f32>)]) -> Numbers {
        for (name, x) in &mut self.0 {
            let own = given.iter().find(|(other, _)| other == name).and_then(|&(_, x)| x);
            *x = own.unwrap_or(*x);
        }
        self
    }
}

/// The usual ones.
impl Default for Numbers {
    fn default() -> Numbers {
        let own = |facts: &FamilyFacts| {
            let number = facts.number?;
            Some((number.name, (number.of)(facts.family)?))
        };
        Numbers(FAMILIES.iter().filter_map(own).collect())
    }
}

impl Default for Penalty {
    fn default() -> Penalty {
        Penalty(optim::Penalty::new(Family::None), Numbers::default())
    }
}

impl Penalty {
    /// Takes another family, with the number that the recipe has for it.
    pub(crate) fn set_family(&mut self, family: Family) {
        self.0.family = self.1.of(family);
    }

    /// Prints a note on numbers that no family in use takes.
    pub(crate) fn note_unused(&self, terminal: Terminal) {
        let penalty = &self.0;
        let usual = optim::Penalty::new(penalty.family);
        let others = penalty.layers.iter().filter_map(|own| own.family);
        let families: Vec<Family> = others.chain([penalty.family]).collect();
        let mut unused = Vec::new();
        let mut note = |name: &str, is_given: bool, takes: &dyn Fn(Family) -> bool| {
            if is_given && !families.iter().any(|&family| takes(family)) {
                unused.push(name.to_owned());
            }
        };
        note("lambda", penalty.lambda != usual.lambda, &is_penalty);
        note("schedule", penalty.ramp != usual.ramp, &is_penalty);
        note("mu", penalty.mixing != usual.mixing, &Family::has_two_terms);
        for ((name, x), (_, usual)) in self.1.0.iter().zip(Numbers::default().0) {
            note(name, *x != usual, &|family| {
                number_of(family).is_some_and(|own| own.name == *name)
            });
        }
        for own in &penalty.layers {
            let family = penalty.family_of(&own.layer);
            for (name, is_given, takes) in [
                ("lambda", own.lambda.is_some(), is_penalty(family)),
                ("mu", own.mu.is_some(), family.has_two_terms()),
            ] {
                if is_given && !takes {
                    unused.push(format!("{name} of layer {:?}", own.layer));
                }
            }
        }
        if !unused.is_empty() {
            terminal.say(format_args!(
                "note: [penalty] {}: not used, since the family takes no such number",
                unused.join(", ")
            ));
        }
    }
}

fn is_penalty(family: Family) -> bool {
    family != Family::None
}

/// The number of a family's own.
fn number_of(family: Family) -> Option<FamilyNumber> {
    family.facts()?.number
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default, with = "by_name::option")]
    family: Option<Family>,
    lambda: Option<f32>,
    mixing: Option<MixingName>,
    mu: Option<Mu>,
    scale: Option<Scale>,
    /// Of linear weights.
    #[serde(default, with = "by_name::option")]
    grouping: Option<Grouping>,
    #[serde(default, with = "by_name::option")]
    conv_grouping: Option<Grouping>,
    /// Of the transformed l1.
    a: Option<f32>,
    /// Of MCP.
    gamma: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layer: Vec<LayerTable>,
}

/// How mu moves with depth.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MixingName {
    Constant,
    Rising,
    Falling,
    Explicit,
}

/// One number, or one for each layer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list of one for each layer")]
enum Mu {
    One(f32),
    Each(Vec<f32>),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Scale {
    None,
    GroupSize,
}

/// `[[penalty.layer]]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerTable {
    layer: String,
    #[serde(default, with = "by_name::option", skip_serializing_if = "Option::is_none")]
    family: Option<Family>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lambda: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mu: Option<f32>,
    #[serde(default, with = "by_name::option", skip_serializing_if = "Option::is_none")]
    grouping: Option<Grouping>,
}

impl TryFrom<Table> for Penalty {
    type Error = String;

    fn try_from(t: Table) -> Result<Penalty, String> {
        t.check()?;
        let numbers = Numbers::default().with(&t.numbers());
        let usual = optim::Penalty::new(numbers.of(t.family.unwrap_or(Family::None)));
        let mixing = match (t.mixing, t.mu) {
            (None | Some(MixingName::Explicit), Some(Mu::Each(list))) => Mixing::Explicit(list),
            (Some(_), Some(Mu::Each(_))) => {
                return Err("a list of mu goes with mixing = \"explicit\"".to_owned());
            }
            (Some(MixingName::Explicit), _) => {
                return Err("mixing = \"explicit\" needs a list mu = [..]".to_owned());
            }
            (None | Some(MixingName::Constant), mu) => Mixing::Constant(one(mu, 0.5)),
            // With 0 the first term reigns at one end of the network and the second at the other.
            (Some(MixingName::Rising), mu) => Mixing::Rising(one(mu, 0.0)),
            (Some(MixingName::Falling), mu) => Mixing::Falling(one(mu, 0.0)),
        };
        let layers = t.layer.into_iter().map(|own| LayerPenalty {
            layer: own.layer,
            family: own.family.map(|family| numbers.of(family)),
            lambda: own.lambda,
            mu: own.mu,
            grouping: own.grouping,
        });
        let penalty = optim::Penalty {
            lambda: t.lambda.unwrap_or(usual.lambda),
            ramp: t.schedule.map_or(Ok(usual.ramp), Ramp::try_from)?,
            mixing,
            scale: match t.scale {
                None => usual.scale,
                Some(Scale::None) => GroupScale::None,
                Some(Scale::GroupSize) => GroupScale::GroupSize,
            },
            linear: t.grouping.unwrap_or(usual.linear),
            conv: t.conv_grouping.unwrap_or(usual.conv),
            layers: layers.collect(),
            ..usual
        };
        Ok(Penalty(penalty, numbers))
    }
}

impl Table {
    /// The keys that are a family's own number.
    fn numbers(&self) -> [(&'static str, Option<f32>); 2] {
        [("a", self.a), ("gamma", self.gamma)]
    }

    /// An error where a number is out of its range, whether a layer takes it or not.
    fn check(&self) -> Result<(), String> {
        let above_0 = |name: &str, number: Option<f32>| match number {
            Some(x) if !FamilyNumber::is_valid(x) => {
                Err(format!("{name} is a number above 0, not {x}"))
            }
            _ => Ok(()),
        };
        let strength = |of: &str, lambda: Option<f32>| match lambda {
            Some(x) if !(x >= 0.0 && x.is_finite()) => {
                Err(format!("{of}lambda is a number of at least 0, not {x}"))
            }
            _ => Ok(()),
        };
        let shares = |of: &str, mu: &[f32]| match mu.iter().find(|mu| !(0.0..=1.0).contains(*mu)) {
            Some(mu) => Err(format!("{of}mu is a share in [0, 1], not {mu}")),
            None => Ok(()),
        };
        for number in FAMILIES.iter().filter_map(|facts| facts.number) {
            let own = self.numbers().into_iter().find(|(name, _)| *name == number.name);
            above_0(number.label, own.and_then(|(_, x)| x))?;
        }
        strength("", self.lambda)?;
        match &self.mu {
            Some(Mu::One(mu)) => shares("", &[*mu])?,
            Some(Mu::Each(list)) => shares("", list)?,
            None => {}
        }
        for own in &self.layer {
            let of = format!("layer {:?}: ", own.layer);
            strength(&of, own.lambda)?;
            shares(&of, own.mu.as_slice())?;
        }
        Ok(())
    }
}

fn one(mu: Option<Mu>, usual: f32) -> f32 {
    match mu {
        Some(Mu::One(mu)) => mu,
        _ => usual,
    }
}

impl From<Penalty> for Table {
    fn from(Penalty(penalty, numbers): Penalty) -> Table {
        let (mixing, mu) = match penalty.mixing {
            Mixing::Constant(mu) => (MixingName::Constant, Mu::One(mu)),
            Mixing::Rising(mu) => (MixingName::Rising, Mu::One(mu)),
            Mixing::Falling(mu) => (MixingName::Falling, Mu::One(mu)),
            Mixing::Explicit(list) => (MixingName::Explicit, Mu::Each(list)),
        };
        let scale = match penalty.scale {
            GroupScale::None => Scale::None,
            GroupScale::GroupSize => Scale::GroupSize,
        };
        let layer = penalty.layers.into_iter().map(|own| LayerTable {
            layer: own.layer,
            family: own.family,
            lambda: own.lambda,
            mu: own.mu,
            grouping: own.grouping,
        });
        Table {
            family: Some(penalty.family),
            lambda: Some(penalty.lambda),
            mixing: Some(mixing),
            mu: Some(mu),
            scale: Some(scale),
            grouping: Some(penalty.linear),
            conv_grouping: Some(penalty.conv),
            a: numbers.get("a"),
            gamma: numbers.get("gamma"),
            schedule: (penalty.ramp != Ramp::default()).then_some(penalty.ramp.into()),
            layer: layer.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_gets_the_number_that_the_recipe_has_for_it() {
        let text = "family = \"l1\"\ngamma = 5.0\ngrouping = \"blocks:3,1*0.5,2\"\n\
                    [[layer]]\nlayer = \"fc\"\nfamily = \"mcp\"\n";
        let mut penalty: Penalty = toml::from_str(text).unwrap();
        assert_eq!(penalty.0.layers[0].family, Some(Family::Mcp { gamma: 5.0 }));
        assert_eq!(penalty.1.get("a"), Some(1.0));
        for (name, family) in [("mcp", Family::Mcp { gamma: 5.0 }), ("l0", Family::L0)] {
            penalty.set_family(name.parse().unwrap());
            assert_eq!(penalty.0.family, family);
            let again: Penalty = toml::from_str(&toml::to_string(&penalty).unwrap()).unwrap();
            assert_eq!(again, penalty);
        }
        // Each key is a family's own, and each family's own is a key.
        let names = FAMILIES.iter().filter_map(|facts| Some(facts.number?.name));
        let table = Table::from(Penalty::default());
        let keys = table.numbers().map(|(name, x)| (name, x.is_some()));
        assert_eq!(keys.to_vec(), names.map(|name| (name, true)).collect::<Vec<_>>());
    }
}
