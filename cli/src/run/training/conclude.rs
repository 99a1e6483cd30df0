//! The end of a training: the test, the counts and the certificates.

use super::certificates::{Certificate, Certificates, Certified};
use super::session::Session;
use crate::failure::Failure;
use crate::output::terminal::json;
use crate::run::summary::{Counts, Layer, Reached, Summary, known, sound};
use crate::system::draft::write_text;
use crate::system::file::refused;
use crate::system::machine::Machine;
use proxtape::sparsity::Report;
use proxtape::train::{Evaluator, Keep};

impl Session<'_> {
    /// Evaluates the parameters that are kept, and writes summary.json: with it the run is done.
    pub(super) fn conclude(&mut self, machine: &Machine) -> Result<Summary, Failure> {
        let train_seconds = self.clock.seconds();
        let exec = self.recipe.exec(machine.exec());
        let (test, validation) = (self.trainer.test(), self.validation(exec));
        for (part, evaluation) in [("validation", validation), ("test", test)] {
            let place = self.folder.path().display();
            sound(part, evaluation).map_err(|what| Failure::failed(format!("{place}: {what}")))?;
        }
        let (test_accuracy, test_loss) = known(Some(test));
        let (validation_accuracy, validation_loss) = known(Some(validation));
        let report = self.kept_report();
        let model = self.folder.model();
        let bytes = std::fs::metadata(&model).map_err(|e| refused(&model, "the model", &e))?.len();
        let best = self.trainer.best().filter(|_| self.trainer.config().keep == Keep::Best);
        let summary = Summary {
            status: "done".into(),
            run: self.folder.named().display().to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            seed: self.recipe.train.seed,
            epochs: self.recipe.train.epochs.get(),
            lambda: self.trainer.lambda(),
            target: self.trainer.config().target.map(|target| Reached::new(target, &report)),
            refit: self.trainer.optimizer().is_frozen(),
            steps: self.trainer.optimizer().steps(),
            best_epoch: best.map(|(epoch, ..)| epoch + 1),
            test_accuracy,
            test_loss,
            test_samples: test.samples,
            data_hash: Some(self.mark.origin.hash.clone()),
            validation_accuracy,
            validation_loss,
            counts: Counts::from(&report),
            bytes,
            train_seconds,
            samples_per_second: self.clock.samples_per_second(),
            threads: machine.threads(),
            isa: machine.isa().into(),
            layers: self.layers(&report),
        };
        write_text(&self.folder.summary(), &(json(&summary)? + "\n"))?;
        Ok(summary)
    }

    fn validation(&self, exec: proxtape::Exec) -> proxtape::train::Evaluation {
        let (network, params) = (self.trainer.network(), self.trainer.params());
        let mut evaluator = Evaluator::new(exec, network, self.recipe.train.batch.get());
        let data = self.samples.data();
        evaluator.run(params, &data.source.train, &data.split.validation, data.normalization)
    }

    fn kept_report(&self) -> Report {
        let trainer = &self.trainer;
        Report::new(trainer.model(), trainer.params(), trainer.regularized())
    }

    /// Counts and certificates, layer by layer.
    fn layers(&mut self, report: &Report) -> Vec<Layer> {
        let none = Certificates::none(report.layers.len());
        let certificates = match &self.certificates {
            Certified::Taken(before_refit) => before_refit.clone(),
            _ if self.trainer.optimizer().is_frozen() => none,
            _ => Certificates::of(&mut self.trainer).unwrap_or(none),
        };
        let trainer = &self.trainer;
        let layers = report.layers.iter().zip(trainer.model().weights()).zip(certificates.0);
        layers
            .map(|((count, weight), Certificate { prox_residual, stationarity })| {
                let shape = trainer.params().shape(weight.id);
                let counted =
                    Layer::new(count, &shape, self.recipe.penalty.0.family_of(&weight.layer));
                Layer { prox_residual, stationarity, ..counted }
            })
            .collect()
    }
}
