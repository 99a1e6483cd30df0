//! The images that a network can take: their shape, and the values that their pixels have.

use crate::args::PredictArgs;
use crate::failure::Failure;
use crate::run::model_file::Trained;
use std::path::Path;

/// The images that are expected.
pub(super) struct Wanted {
    /// The file of the model.
    pub(super) model: String,
    /// `[C, H, W]`.
    pub(super) shape: [usize; 3],
    /// The factor on the bytes of the data.
    pub(super) scale: f32,
    /// The byte that it makes a 1, where the network is for pixels.
    pub(super) white: Option<u8>,
    pub(super) first: usize,
    /// Black becomes white.
    pub(super) invert: bool,
}

impl Wanted {
    pub(super) fn new(
        path: &Path,
        trained: &Trained,
        args: &PredictArgs,
    ) -> Result<Wanted, Failure> {
        let &[c, h, w] = trained.network.input().dims() else {
            return Err(Failure::failed(format!(
                "{}: expected a network for images [channels, height, width], found one for {}",
                path.display(),
                trained.network.input()
            )));
        };
        let first = args.first.map_or(usize::MAX, |n| n.get());
        let (model, scale) = (path.display().to_string(), trained.normalization.scale);
        let white = (1.0 / scale).round();
        let white = (2.0..=255.0).contains(&white).then_some(white as u8);
        Ok(Wanted { model, shape: [c, h, w], scale, white, first, invert: args.invert })
    }

    /// For images of a shape, and no model.
    pub(super) fn of(shape: [usize; 3]) -> Wanted {
        let (model, scale, white) = ("the model".to_owned(), 1.0 / 255.0, Some(u8::MAX));
        Wanted { model, shape, scale, white, first: usize::MAX, invert: false }
    }

    /// An error unless the sizes are those of the network.
    pub(super) fn check(&self, file: &Path, found: [usize; 3]) -> Result<(), Failure> {
        if found == self.shape {
            return Ok(());
        }
        let text = |[c, h, w]: [usize; 3]| {
            format!(
                "{h} x {w} pixels (height x width), {c} channel{}",
                if c == 1 { "" } else { "s" }
            )
        };
        Err(Failure::failed(format!(
            "{}: expected images of {}, as {} was trained on; found {}; bring them to this size \
             first",
            file.display(),
            text(self.shape),
            self.model,
            text(found)
        )))
    }
}
