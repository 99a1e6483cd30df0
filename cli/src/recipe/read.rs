//! From a file, or the name of a shipped recipe, to a recipe; errors show the line.

use super::contents::{Recipe, Table};
use super::fault::at;
use crate::failure::Failure;
use crate::output::shell;
use crate::system::file;
use std::io::ErrorKind;
use std::path::Path;

/// The recipe of `train` where none is named.
pub(crate) const DEFAULT: &str = "digits";

/// Names and texts.
pub(crate) const SHIPPED: [(&str, &str); 9] = [
    ("digits", include_str!("../../../recipes/digits.toml")),
    ("fashion-lenet300", include_str!("../../../recipes/fashion-lenet300.toml")),
    ("fashion-lenet300-dense", include_str!("../../../recipes/fashion-lenet300-dense.toml")),
    ("fashion-lenet5", include_str!("../../../recipes/fashion-lenet5.toml")),
    ("mnist-lenet300", include_str!("../../../recipes/mnist-lenet300.toml")),
    ("mnist-lenet300-structured", include_str!("../../../recipes/mnist-lenet300-structured.toml")),
    ("mnist-lenet5", include_str!("../../../recipes/mnist-lenet5.toml")),
    ("cifar10-vgg-small", include_str!("../../../recipes/cifar10-vgg-small.toml")),
    ("cifar10-resnet20", include_str!("../../../recipes/cifar10-resnet20.toml")),
];

/// The recipe of a file, or of a name that ships with the program.
pub(crate) fn find(name: &str) -> Result<Recipe, Failure> {
    if let Some((name, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return named(parse(name, text)?, name);
    }
    read(Path::new(name))
}

/// The recipe of a file.
pub(crate) fn read(path: &Path) -> Result<Recipe, Failure> {
    let name = &*path.to_string_lossy();
    if let Some((found, place)) = data_at(path) {
        return Err(Failure::failed(format!(
            "{name}: expected a recipe file, found {found}; name data by --data{place}"
        )));
    }
    let text = file::text(path, file::RECIPE).map_err(|e| {
        let expected = match e.kind() {
            ErrorKind::InvalidData => "a recipe in TOML, which is UTF-8 text".to_owned(),
            _ => {
                let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
                format!("a recipe file, or one of the shipped recipes {}", names.join(", "))
            }
        };
        Failure::failed(format!("{name}: expected {expected}; found {e}"))
    })?;
    let recipe = parse(name, &text)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("run");
    named(recipe, stem)
}

/// What a path has in place of a recipe, and the flag for it, where it looks like data.
fn data_at(path: &Path) -> Option<(&'static str, String)> {
    let name = path.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if path.is_dir() {
        return Some(("a folder", ", as in --data csv:clients.csv".to_owned()));
    }
    let is_table = name.ends_with(".csv") || name.ends_with(".tsv");
    let spec = format!("csv:{}", path.display());
    is_table.then(|| ("a table", format!(" {}", shell::word(Path::new(&spec)))))
}

/// Fills in the name, and checks that it is fit for a folder.
fn named(recipe: Recipe, usual: &str) -> Result<Recipe, Failure> {
    let name = if recipe.name.is_empty() { usual.to_owned() } else { recipe.name.clone() };
    let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.starts_with('.') || !name.chars().all(fits) {
        return Err(Failure::failed(format!(
            "{usual}: name: expected letters, digits, '-', '_' and '.', since the run folder is \
             called by it; found {name:?}"
        )));
    }
    Ok(Recipe { name, ..recipe })
}

/// The recipe of a text; `place` names it in errors.
pub(crate) fn parse(place: &str, text: &str) -> Result<Recipe, Failure> {
    // That of a model is no file of its own.
    if text.len() as u64 > file::RECIPE {
        return Err(Failure::failed(format!(
            "{place}: expected a recipe of at most {} bytes, found {}",
            file::RECIPE,
            text.len()
        )));
    }
    let table: Table = toml::from_str(text).map_err(|e| {
        let message = e.message().trim_end();
        match e.span() {
            Some(span) => at(place, text, span.start, message),
            None => Failure::failed(format!("{place}: {message}")),
        }
    })?;
    Recipe::try_from(table).map_err(|fault| at(place, text, fault.at, &fault.message))
}

/// Whether two texts are the same recipe, wherever its data and its start weights lie: these are known by
/// their contents. Of weights an older program has kept the path alone.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let placeless = |text| {
        let mut recipe = parse("", text).ok()?;
        (recipe.data.source, recipe.data.obtain) = Default::default();
        Some(recipe)
    };
    let (Some(mut a), Some(mut b)) = (placeless(a), placeless(b)) else { return false };
    let both = [&mut a.model, &mut b.model];
    if both.iter().all(|model| model.weights_hash.is_some()) {
        both.into_iter().for_each(|model| model.weights = None);
    } else {
        both.into_iter().for_each(|model| model.weights_hash = None);
    }
    a == b
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxtape::nn::Activation;

    fn error(text: &str) -> String {
        parse("r.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_shipped_recipe_loads_again_to_itself() {
        for (name, _) in SHIPPED {
            let recipe = find(name).unwrap();
            assert_eq!(recipe.name, name);
            let text = recipe.to_toml();
            assert_eq!(parse(name, &text).unwrap(), recipe, "{text}");
        }
    }

    #[test]
    fn every_kind_of_layer_loads_again_to_itself() {
        let recipe = parse("r.toml", ALL_KINDS).unwrap();
        let text = recipe.to_toml();
        assert_eq!(parse("r.toml", &text).unwrap(), recipe, "{text}");
        // Numbers are written as a person would.
        assert!(text.contains("eps = 0.00001\n") || text.contains("eps = 1e-5\n"), "{text}");
        assert!(text.contains("slope = 0.2\n"), "{text}");
    }

    /// The attribute of a number that an activation has must be one of a recipe's layer.
    #[test]
    fn every_activation_loads_again_to_itself() {
        for activation in Activation::ALL {
            let number = activation.number().map(|(name, _)| format!("{name} = 0.25\n"));
            let kind = activation.name();
            let layer =
                format!("[[model.layer]]\nkind = \"{kind}\"\n{}", number.unwrap_or_default());
            let recipe = parse("r.toml", &layer).unwrap();
            let layers = recipe.model.net.layers(10);
            assert_eq!(layers[0].layer, activation.with_number(0.25).into(), "{kind}");
            assert_eq!(parse("r.toml", &recipe.to_toml()).unwrap(), recipe, "{kind}");
        }
    }

    #[test]
    fn errors_name_the_line_and_what_would_fit() {
        let cases = [
            ("[model]\nzoo = \"lenet300\"\n[train]\nepoch = 3\n", "line 4", "`epochs`"),
            ("[model]\nzoo = \"lenet\"\n", "line 2", "lenet300, lenet5"),
            ("[model]\nzoo = \"lenet5\"\n[train]\nepochs = 0\n", "line 4", "nonzero"),
            ("[model]\nzoo = 3\n", "line 2", "string"),
            ("[model]\nzoo = \"lenet5\"\n[train.refit]\nshare = 2\neta = 1\n", "line 3", "share"),
            ("[model]\nzoo = \"lenet5\"\n[train.settle]\nshare = 0.1\n", "line 3", "`eta`"),
            ("[model]\nzoo = \"lenet5\"\n[train.prune]\nkeep = 5\n", "line 3", "above 0"),
            ("[target]\nkeep = 0.1\nmacs = 0.1\n[model]\n", "line 1", "exactly one"),
            ("[target]\ngroups = 10\n[model]\n", "line 1", "above 0"),
            ("[penalty.schedule]\nwarmup = 0.6\nramp = 0.5\n", "line 1", "at most 1"),
            ("[penalty.schedule]\nkind = \"square\"\n", "line 2", "cubic"),
            ("[model]\n", "line 1", "[[model.layer]]"),
            ("[model]\n[[model.layer]]\nkind = \"lin\"\n", "line 3", "`linear`"),
            ("[[model.layer]]\nkind = \"linear\"\n", "line 2", "needs `out`"),
            (
                "[[model.layer]]\nkind = \"tanh\"\n[[model.layer]]\nkind = \"relu\"\nout = 3\n",
                "line 4",
                "name only",
            ),
            (
                "[[model.layer]]\nkind = \"residual\"\nbody = [\n{ kind = \"linear\" }]\n",
                "line 4",
                "needs `out`",
            ),
            (
                "[model]\n[[model.layer]]\nkind = \"conv2d\"\nout = 3\nkernel = [1]\n",
                "line 5",
                "[height, width]",
            ),
            ("[model]\n[[model.layer]]\nkind = \"conv2d\"\nkernel = -1\n", "line 4", "at least 0"),
            (
                "[model]\n[[model.layer]]\nkind = \"linear\"\nout = 3\ninit = \"he\"\n",
                "line 5",
                "kaiming-uniform",
            ),
            ("[[model.layer]]\nkind = \"batch-norm\"\neps = nan\n", "line 2", "at least 0"),
            ("[data]\nsource = \"mnist\"\n[model]\n", "line 2", "idx:FOLDER"),
            ("[penalty]\nfamily = \"lasso\"\n", "line 2", "l11-l12"),
            ("[penalty]\ngrouping = \"row\"\n", "line 2", "block:K"),
            ("[penalty]\nmu = [0.1]\nmixing = \"rising\"\n", "line 1", "explicit"),
            (
                "[penalty]\na = nan\n",
                "line 1",
                "a of the transformed l1 is a number above 0, not NaN",
            ),
            ("[penalty]\nfamily = \"l1\"\ngamma = -1\n", "line 1", "gamma of MCP"),
            ("[penalty]\nlambda = inf\n", "line 1", "lambda is a number of at least 0"),
            ("[penalty]\nmu = 1.5\n", "line 1", "mu is a share in [0, 1]"),
            ("[penalty]\nmu = [0.5, nan]\n", "line 1", "mu is a share in [0, 1]"),
            ("[penalty]\nmixing = \"rising\"\nmu = -1\n", "line 1", "mu is a share in [0, 1]"),
            ("[[penalty.layer]]\nlayer = \"fc\"\nlambda = -1\n", "line 1", "layer \"fc\": lambda"),
            ("[[penalty.layer]]\nlayer = \"fc\"\nmu = nan\n", "line 1", "layer \"fc\": mu"),
            ("[data]\nsource = \"idx:x\"\ntest = nan\n[model]\n", "line 1", "test is a share"),
            ("[data]\nvalidation = 1.0\n[model]\n", "line 1", "validation is a share"),
            ("[data]\nsource = \"idx:x\"\nlabel = 3\n[model]\n", "line 1", "csv:FILE"),
            ("[data]\nheader = true\n[model]\n", "line 1", "csv:FILE"),
            ("[train.optimizer]\nkind = \"adam\"\nbeta = 0.9\n", "line 1", "beta1"),
            ("[train.schedule]\nkind = \"cosine\"\nevery = 3\n", "line 1", "floor"),
            ("[train\n", "line 1", "]"),
            ("name = \"a\"\n", "line 1", "missing field `model`"),
        ];
        for (text, line, fits) in cases {
            let error = error(text);
            assert!(error.starts_with("r.toml: "), "{error}");
            assert!(error.contains(line), "{line} should be in: {error}");
            assert!(error.contains(fits), "{fits} should be in: {error}");
        }
    }

    #[test]
    fn name_that_is_no_folder_is_refused() {
        let recipe = parse("r.toml", "name = \"../x\"\n[model]\nzoo = \"lenet5\"\n").unwrap();
        assert!(named(recipe, "r").is_err());
    }

    const ALL_KINDS: &str = r#"
[model]
[[model.layer]]
kind = "conv2d"
name = "first"
out = 4
kernel = [3, 5]
padding = [1, 2]
dilation = 1
groups = 1
bias = false
init = "xavier-normal"
[[model.layer]]
kind = "batch-norm"
[[model.layer]]
kind = "leaky-relu"
slope = 0.2
[[model.layer]]
kind = "residual"
name = "block"
body = [{ kind = "conv2d", out = 4, kernel = 3, padding = 1 }, { kind = "gelu" }]
shortcut = [{ kind = "conv2d", out = 4, kernel = 1 }]
[[model.layer]]
kind = "max-pool"
kernel = 2
[[model.layer]]
kind = "avg-pool"
kernel = 2
stride = 1
[[model.layer]]
kind = "global-avg-pool"
[[model.layer]]
kind = "flatten"
[[model.layer]]
kind = "select"
indices = [0, 2]
[[model.layer]]
kind = "layer-norm"
[[model.layer]]
kind = "gelu-tanh"
[[model.layer]]
kind = "tanh"
[[model.layer]]
kind = "sigmoid"
[[model.layer]]
kind = "relu"
[[model.layer]]
kind = "dropout"
p = 0.25
[[model.layer]]
kind = "linear"
out = 10
init = "zeros"
"#;
}
