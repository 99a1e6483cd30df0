//! Compaction: a smaller network without the zeros, verified against the dense one.
//!
//! ```text
//! model.safetensors --> compact --> a file under another name --> read back
//!     outputs of both on the test samples, of the second also without the zeros that are left in it;
//!     a difference fails, and the file is removed
//!     bytes and multiply-accumulates of both, latency of all three
//! the file takes the name model-compact.safetensors
//! ```

mod latency;
mod recipe;
mod result;
mod verification;

pub(crate) use result::Compaction;

use crate::failure::Failure;
use crate::run::model_file::{self, Facts, Trained};
use crate::run::origin::Origin;
use crate::run::samples::Samples;
use crate::system::draft::Draft;
use crate::system::file::{is_there, refused};
use crate::system::machine::Machine;
use result::{Costs, Layer};
use std::fs;
use std::path::Path;
use verification::Verifications;

/// One sample at a time, and as many as keep every lane busy.
pub(crate) const BATCHES: [usize; 2] = [1, 128];

/// The file in the folder of the run.
const NAME: &str = "model-compact.safetensors";

/// A compacted network beside the dense one.
pub(crate) enum Verdict {
    /// The same network.
    Same(Box<Compaction>),
    /// Another one, or none that can be compared; why.
    Differs(String),
}

/// A compacted network that is looked at.
pub(crate) struct Seen {
    pub(crate) verdict: Verdict,
    /// Whether `compact` has left it there; if not, it was made for the look.
    pub(crate) is_there: bool,
}

/// Writes the compacted network of a model file beside it, verified on the model's own samples, with the
/// latency of `batches`.
pub(crate) fn shrink(
    path: &Path,
    dense: &Trained,
    samples: &Samples,
    batches: &[usize],
    machine: &Machine,
) -> Result<Verdict, Failure> {
    let target = path.with_file_name(NAME);
    let file = write(&target, dense, samples)?;
    // The file is verified, not the network in memory.
    let written = Trained::read(file.path())?;
    let both = [(path, dense), (file.path(), &written)];
    let compaction = match compare(both, samples, batches, machine)? {
        Verdict::Same(compaction) => {
            Compaction { compact: target.display().to_string(), ..*compaction }
        }
        Verdict::Differs(why) => {
            // A file of an earlier run is no better.
            let _ = fs::remove_file(&target);
            return Ok(Verdict::Differs(why + "; no file is kept"));
        }
    };
    file.keep()?;
    Ok(Verdict::Same(Box::new(compaction)))
}

/// The compacted network that `compact` has left beside a model file, or would leave there. Nothing is written
/// that stays.
pub(crate) fn look(
    path: &Path,
    dense: &Trained,
    samples: &Samples,
    machine: &Machine,
) -> Result<Seen, Failure> {
    let target = path.with_file_name(NAME);
    let of = |file: &Path| {
        let written = Trained::read(file)?;
        compare([(path, dense), (file, &written)], samples, &BATCHES, machine)
    };
    match is_there(&target)? {
        true => Ok(Seen { verdict: of(&target)?, is_there: true }),
        false => {
            let file = write(&target, dense, samples)?;
            Ok(Seen { verdict: of(file.path())?, is_there: false })
        }
    }
}

/// The dense network and the compacted one beside each other, each with its file.
fn compare(
    [(path, dense), (small_path, small)]: [(&Path, &Trained); 2],
    samples: &Samples,
    batches: &[usize],
    machine: &Machine,
) -> Result<Verdict, Failure> {
    let (exec, both) = (dense.recipe.exec(machine.exec()), [dense, small]);
    let [a, b] = both.map(|trained| (trained.network.input(), trained.network.output()));
    if a != b {
        return Ok(Verdict::Differs(format!(
            "{}: expected a network from {} to {}, found one from {} to {}",
            small_path.display(),
            a.0,
            a.1,
            b.0,
            b.1
        )));
    }
    let proof = Verifications::find(exec, both, samples)?;
    if !proof.holds() {
        return Ok(Verdict::Differs(format!("{}: {}", path.display(), proof.refusal())));
    }
    Ok(Verdict::Same(Box::new(Compaction {
        model: path.display().to_string(),
        compact: small_path.display().to_string(),
        before: Costs::of(dense, size(path)?),
        after: Costs::of(small, size(small_path)?),
        proof,
        latencies: latency::measure(exec, both, samples, batches)?,
        threads: machine.threads(),
        isa: machine.isa(),
        version: env!("CARGO_PKG_VERSION"),
        layers: Layer::between(dense, small),
    })))
}

fn size(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).map_err(|e| refused(path, "a file", &e))?.len())
}

/// Writes the compacted network of a dense one, not yet under its name.
fn write(target: &Path, dense: &Trained, samples: &Samples) -> Result<Draft, Failure> {
    let small = dense.network.compact()?;
    let recipe = recipe::of(&dense.recipe, &small);
    let facts = Facts { recipe: &recipe, samples, origin: &Origin::of(samples) };
    let mut file = Draft::of(target)?;
    file.fill_with(&model_file::contents(&facts, small.network.params()))?;
    Ok(file)
}
