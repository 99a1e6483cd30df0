//! `[[model.layer]]`: one layer, with every attribute that its kind takes.
//!
//! ```toml
//! [[model.layer]]
//! kind = "conv2d"
//! name = "conv1"
//! out = 20
//! kernel = 5            # or [height, width]
//! ```

use super::by_name;
use super::fault::Fault;
use proxtape::nn::{Activation, Init, Layer as Kind, Named, WithBias};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A layer of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Table")]
pub(crate) struct Layer(pub(crate) Named);

/// Every attribute of any kind. It becomes a [`Layer`] after reading and not within: the library
/// would place an error at the first table of the list.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    kind: Spanned<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stride: Option<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dilation: Option<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bias: Option<bool>,
    #[serde(default, with = "by_name::option", skip_serializing_if = "Option::is_none")]
    init: Option<Init>,
    #[serde(skip_serializing_if = "Option::is_none")]
    momentum: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eps: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slope: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indices: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Vec<Table>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortcut: Option<Vec<Table>>,
}

/// The kinds of layers but for activations, each with the attributes that it takes beside a name.
const KINDS: [(&str, &[&str]); 11] = [
    ("linear", &["out", "bias", "init"]),
    ("conv2d", &["out", "kernel", "stride", "padding", "dilation", "groups", "bias", "init"]),
    ("batch-norm", &["momentum", "eps"]),
    ("layer-norm", &["eps"]),
    ("max-pool", &["kernel", "stride", "padding"]),
    ("avg-pool", &["kernel", "stride", "padding"]),
    ("global-avg-pool", &[]),
    ("dropout", &["p"]),
    ("flatten", &[]),
    ("select", &["indices"]),
    ("residual", &["body", "shortcut"]),
];

/// The attributes of a kind, or `None` if there is no such kind.
fn attributes(kind: &str) -> Option<Vec<&'static str>> {
    let layer = KINDS.iter().find(|(name, _)| *name == kind).map(|(_, takes)| takes.to_vec());
    let number = |activation: Activation| activation.number().map(|(name, _)| name);
    layer.or_else(|| Some(number(Activation::by_name(kind)?).into_iter().collect()))
}

/// The names of all kinds, as a message lists them.
fn kinds() -> String {
    let layers = KINDS.iter().map(|(name, _)| *name);
    let names = layers.chain(Activation::ALL.iter().map(|activation| activation.name()));
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Table {
    /// A layer of a kind, without attributes.
    fn new(kind: &str) -> Table {
        Table {
            kind: Spanned::new(0..0, kind.to_owned()),
            name: None,
            out: None,
            kernel: None,
            stride: None,
            padding: None,
            dilation: None,
            groups: None,
            bias: None,
            init: None,
            momentum: None,
            eps: None,
            p: None,
            slope: None,
            indices: None,
            body: None,
            shortcut: None,
        }
    }

    /// The attribute of an activation's number.
    fn number(&mut self, name: &str) -> &mut Option<f32> {
        match name {
            "slope" => &mut self.slope,
            _ => unreachable!("a number of an activation has a field of its name"),
        }
    }

    /// The names of the attributes that are there, beside kind and name.
    fn present(&self) -> impl Iterator<Item = &'static str> {
        [
            ("out", self.out.is_some()),
            ("kernel", self.kernel.is_some()),
            ("stride", self.stride.is_some()),
            ("padding", self.padding.is_some()),
            ("dilation", self.dilation.is_some()),
            ("groups", self.groups.is_some()),
            ("bias", self.bias.is_some()),
            ("init", self.init.is_some()),
            ("momentum", self.momentum.is_some()),
            ("eps", self.eps.is_some()),
            ("p", self.p.is_some()),
            ("slope", self.slope.is_some()),
            ("indices", self.indices.is_some()),
            ("body", self.body.is_some()),
            ("shortcut", self.shortcut.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
    }
}

impl TryFrom<Table> for Layer {
    type Error = Fault;

    fn try_from(mut table: Table) -> Result<Layer, Fault> {
        let kind = table.kind.get_ref().as_str();
        let fault = |message| Fault { at: table.kind.span().start, message };
        let unknown =
            || fault(format!("unknown kind `{kind}` of a layer, expected one of {}", kinds()));
        let takes = attributes(kind).ok_or_else(unknown)?;
        if let Some(other) = table.present().find(|name| !takes.contains(name)) {
            let takes = if takes.is_empty() { "name only".to_owned() } else { takes.join(", ") };
            return Err(fault(format!("a {kind} layer has no `{other}`; it takes {takes}")));
        }
        let missing = |what: &str| fault(format!("a {kind} layer needs `{what}`"));
        let out = || table.out.ok_or_else(|| missing("out"));
        let kernel = || table.kernel.map(|k| k.0).ok_or_else(|| missing("kernel"));
        let pair = |value: Option<Pair>, default: [usize; 2]| value.map_or(default, |v| v.0);
        for (name, value, most) in [
            ("momentum", table.momentum, 1.0),
            ("eps", table.eps, f32::MAX),
            ("slope", table.slope, f32::MAX),
        ] {
            if let Some(value) = value
                && !(0.0..=most).contains(&value)
            {
                let wants = if most == 1.0 { "in [0, 1]" } else { "of at least 0" };
                return Err(fault(format!("`{name}` is a number {wants}, not {value}")));
            }
        }
        let bias = if table.bias == Some(false) { WithBias::No } else { WithBias::Yes };
        let init = table.init.unwrap_or_default();
        let layer = match kind {
            "linear" => Kind::Linear { out: out()?, bias, init },
            "conv2d" => Kind::Conv2d {
                out: out()?,
                kernel: kernel()?,
                stride: pair(table.stride, [1; 2]),
                padding: pair(table.padding, [0; 2]),
                dilation: pair(table.dilation, [1; 2]),
                groups: table.groups.unwrap_or(1),
                bias,
                init,
            },
            "batch-norm" => Kind::BatchNorm {
                momentum: table.momentum.unwrap_or(0.1),
                eps: table.eps.unwrap_or(1e-5),
            },
            "layer-norm" => Kind::LayerNorm { eps: table.eps.unwrap_or(1e-5) },
            "max-pool" => Kind::MaxPool {
                kernel: kernel()?,
                stride: pair(table.stride, kernel()?),
                padding: pair(table.padding, [0; 2]),
            },
            "avg-pool" => Kind::AvgPool {
                kernel: kernel()?,
                stride: pair(table.stride, kernel()?),
                padding: pair(table.padding, [0; 2]),
            },
            "global-avg-pool" => Kind::GlobalAvgPool,
            "dropout" => Kind::Dropout { p: table.p.unwrap_or(0.5) },
            "flatten" => Kind::Flatten,
            "select" => Kind::Select { indices: table.indices.ok_or_else(|| missing("indices"))? },
            "residual" => {
                let list = |layers: Option<Vec<Table>>| -> Result<Vec<Named>, Fault> {
                    let layers = layers.unwrap_or_default().into_iter();
                    layers.map(|table| Ok(Layer::try_from(table)?.0)).collect()
                };
                Kind::Residual { body: list(table.body)?, shortcut: list(table.shortcut)? }
            }
            name => {
                let activation = Activation::by_name(name).ok_or_else(unknown)?;
                let number = activation.number().and_then(|(name, _)| *table.number(name));
                Kind::Activation(number.map_or(activation, |x| activation.with_number(x)))
            }
        };
        Ok(Layer(Named { name: table.name, layer }))
    }
}

impl From<Layer> for Table {
    fn from(Layer(Named { name, layer }): Layer) -> Table {
        let of = |kind| Table { name, ..Table::new(kind) };
        let pool = |table: Table, [kernel, stride, padding]: [[usize; 2]; 3]| Table {
            kernel: Some(Pair(kernel)),
            stride: Some(Pair(stride)),
            padding: Some(Pair(padding)),
            ..table
        };
        match layer {
            Kind::Linear { out, bias, init } => Table {
                out: Some(out),
                bias: Some(bias == WithBias::Yes),
                init: Some(init),
                ..of("linear")
            },
            Kind::Conv2d { out, kernel, stride, padding, dilation, groups, bias, init } => Table {
                out: Some(out),
                dilation: Some(Pair(dilation)),
                groups: Some(groups),
                bias: Some(bias == WithBias::Yes),
                init: Some(init),
                ..pool(of("conv2d"), [kernel, stride, padding])
            },
            Kind::BatchNorm { momentum, eps } => {
                Table { momentum: Some(momentum), eps: Some(eps), ..of("batch-norm") }
            }
            Kind::LayerNorm { eps } => Table { eps: Some(eps), ..of("layer-norm") },
            Kind::MaxPool { kernel, stride, padding } => {
                pool(of("max-pool"), [kernel, stride, padding])
            }
            Kind::AvgPool { kernel, stride, padding } => {
                pool(of("avg-pool"), [kernel, stride, padding])
            }
            Kind::GlobalAvgPool => of("global-avg-pool"),
            Kind::Dropout { p } => Table { p: Some(p), ..of("dropout") },
            Kind::Flatten => of("flatten"),
            Kind::Select { indices } => Table { indices: Some(indices), ..of("select") },
            Kind::Activation(activation) => {
                let mut table = of(activation.name());
                if let Some((name, x)) = activation.number() {
                    *table.number(name) = Some(x);
                }
                table
            }
            Kind::Residual { body, shortcut } => Table {
                body: Some(body.into_iter().map(|named| Layer(named).into()).collect()),
                shortcut: Some(shortcut.into_iter().map(|named| Layer(named).into()).collect()),
                ..of("residual")
            },
        }
    }
}

/// (height, width), told as one number if they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair([usize; 2]);

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [h, w] if h == w => h.serialize(s),
            pair => pair.serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Pair, D::Error> {
        struct Sizes;

        impl<'de> Visitor<'de> for Sizes {
            type Value = Pair;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a number of at least 0, or [height, width]")
            }

            fn visit_i64<E: Error>(self, n: i64) -> Result<Pair, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Signed(n), &self);
                usize::try_from(n).map(|n| Pair([n; 2])).map_err(|_| wrong())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pair, A::Error> {
                let mut pair = [0; 2];
                for (i, size) in pair.iter_mut().enumerate() {
                    *size =
                        seq.next_element()?.ok_or_else(|| A::Error::invalid_length(i, &self))?;
                }
                match seq.next_element::<usize>()? {
                    None => Ok(Pair(pair)),
                    Some(_) => Err(A::Error::invalid_length(3, &self)),
                }
            }
        }

        d.deserialize_any(Sizes)
    }
}
