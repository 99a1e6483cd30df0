//! A network's parameters as a file, by PyTorch's names and layout.

use super::{FileError, Loaded, load_state_dict, write};
use crate::checkpoint::Checkpoint;
use crate::nn::Network;
use std::path::Path;

impl Network {
    /// Writes the parameters as a safetensors file, which PyTorch reads as a `state_dict`.
    ///
    /// ```
    /// use proxtape::Random;
    /// use proxtape::nn::{Network, zoo};
    /// let path = std::env::temp_dir().join(format!("proxtape-network-{}", std::process::id()));
    /// let network = Network::new([1, 8, 8], &zoo::lenet300(10), &mut Random::new(1))?;
    /// network.save(&path)?;
    /// let mut again = Network::zeros([1, 8, 8], &zoo::lenet300(10))?;
    /// again.load(&path)?;
    /// let id = network.model().weights()[0].id;
    /// assert_eq!(again.params().value(id), network.params().value(id));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written; a file that was there before is then untouched.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let mut checkpoint = Checkpoint::default();
        checkpoint.put_params("", self.params());
        checkpoint.note("format", "pt");
        write(path, &checkpoint)
    }

    /// Reads the parameters from a safetensors file, as [`load_state_dict`] does.
    ///
    /// # Errors
    /// As those of [`load_state_dict`]; no parameter has changed then.
    pub fn load(&mut self, path: &Path) -> Result<Loaded, FileError> {
        load_state_dict(path, self.params_mut())
    }
}
