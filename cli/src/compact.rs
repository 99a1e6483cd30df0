//! `compact`: a smaller network without what is zero, which proves that it is the same.
//!
//! ```text
//! model.safetensors --> compact --> a file under another name --> read back
//!     outputs of both on the test samples, of the second also without the zeros that are left in it;
//!     a difference fails, and the file is removed
//!     bytes and multiply-accumulates of both, latency of all three
//! the file takes the name model-compact.safetensors
//! ```

mod latency;
mod outcome;
mod proof;
mod recipe;

use crate::args::CompactArgs;
use crate::eval::check;
use crate::experiment::Samples;
use crate::failure::{Ending, Failure};
use crate::model_file::{self, Trained};
use crate::run_folder::{model_path, refused};
use crate::voice::{Voice, print, print_json};
use outcome::{Costs, Layer, Outcome};
use proxtape::compact::compact;
use proxtape::{Isa, Pool};
use std::fs;
use std::path::{Path, PathBuf};

/// The file in the folder of the run.
const NAME: &str = "model-compact.safetensors";

/// Runs the command.
pub(crate) fn run(args: &CompactArgs, _: Voice) -> Result<Ending, Failure> {
    let isa = Isa::from_env().map_err(|e| Failure::usage(format!("PROXTAPE_ISA: {e}")))?;
    let pool = Pool::new(args.threads.count()).map_err(Failure::failed)?;
    let path = model_path(&args.model);
    let dense = Trained::read(&path)?;
    let mut samples = Samples::read(&dense.recipe)?;
    samples.normalization = dense.normalization.clone();
    check(&path, &dense, samples.source.test_set())?;

    let layers = dense.recipe.model.net.layers(dense.classes);
    let small = compact(&layers, &dense.params, dense.model.input())?;
    let recipe = recipe::of(&dense.recipe, &small);
    let target = path.with_file_name(NAME);
    let file = Unproven::new(&target);
    model_file::write(&file.0, (&recipe, &samples), &small.params)?;
    // What was written is proven, not what was meant to be.
    let written = Trained::read(&file.0)?;
    let exec = pool.exec(isa);
    let both = [&dense, &written];
    let proof = pool.install(|| proof::prove(exec, both, &samples));
    if !proof.holds() {
        // What an earlier run left there is no better.
        let _ = fs::remove_file(&target);
        return Err(Failure::failed(format!("{}: {}", path.display(), proof.refusal())));
    }
    let latencies = pool.install(|| latency::measure(exec, both, &samples));
    let outcome = Outcome {
        model: path.display().to_string(),
        compact: target.display().to_string(),
        before: Costs::of(&dense, size(&path)?),
        after: Costs::of(&written, size(&file.0)?),
        proof,
        latencies,
        threads: pool.threads(),
        isa: isa.name(),
        version: env!("CARGO_PKG_VERSION"),
        layers: small.removed.iter().map(Layer::from).collect(),
    };
    fs::rename(&file.0, &target).map_err(|e| refused(&target, "to write the file", &e))?;
    match args.speech.json {
        true => print_json(&outcome)?,
        false => print(&outcome.text())?,
    }
    Ok(Ending::Done)
}

fn size(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).map_err(|e| refused(path, "a file", &e))?.len())
}

/// A file beside its final name, which it takes when it is proven; else it is removed.
struct Unproven(PathBuf);

impl Unproven {
    fn new(target: &Path) -> Unproven {
        Unproven(target.with_file_name(format!(".model-compact-{}.tmp", std::process::id())))
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        // After the renaming there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}
