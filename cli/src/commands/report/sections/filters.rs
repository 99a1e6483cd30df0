//! The filters of convolutions.

use crate::commands::report::run::Run;
use crate::output::html::{Picture, Section, Tiles, picture};
use crate::output::number::grouped;

/// Kernels of a layer that are drawn one by one; of a larger one each is a pixel.
const KERNELS: usize = 2500;

/// About the width of an image on the page, in CSS pixels.
const WIDE: usize = 640;

/// The section, where there are convolutions.
pub(in crate::commands::report) fn section(run: &Run) -> Option<Section> {
    let params = run.trained.network.params();
    let mut pictures = Vec::new();
    for weight in run.trained.network.model().weights() {
        if let [out, channels, height, width] = params.shape(weight.id)[..] {
            let image =
                image(&weight.layer, [out, channels, height, width], params.value(weight.id));
            let scale = (WIDE / image.width()).clamp(1, 12);
            pictures.push(picture(&image, scale));
        }
    }
    let text = "Blue is negative, orange positive, and the stronger the colour, the larger |w| (opacity grows with its \
        square root, over the largest weight of the layer). Zeros have no colour.";
    let section = Section::new("filters", "Filters").text(text);
    (!pictures.is_empty()).then(|| pictures.into_iter().fold(section, Section::add))
}

fn image(layer: &str, shape: [usize; 4], w: &[f32]) -> Picture {
    let [out, channels, height, width] = shape;
    let area = height * width;
    let title = format!("{layer}: {out} filters of {channels} x {height} x {width}");
    if out * channels > KERNELS || area == 1 {
        // One pixel for each kernel: its l1 norm, [channels, out].
        let norm = |c: usize, o: usize| -> f32 {
            w[(o * channels + c) * area..][..area].iter().map(|w| w.abs()).sum()
        };
        let norms: Vec<f32> =
            (0..channels).flat_map(|c| (0..out).map(move |o| norm(c, o))).collect();
        let tiles = Tiles { values: &norms, tiles: [1, 1], tile: [channels, out], framed: false };
        let caption = format!(
            "{title}. Each pixel is the sum of |w| of one kernel: a column for each of the {} filters, a \
             row for each of the {} input channels.",
            grouped(out),
            grouped(channels)
        );
        return tiles.picture(title).with_caption(caption);
    }
    if channels == 1 {
        // Rows of a length that is easy on the eye.
        let columns = ((1.8 * out as f64).sqrt().ceil() as usize).clamp(1, out);
        let tiles = [out.div_ceil(columns), columns];
        let tiles = Tiles { values: w, tiles, tile: [height, width], framed: true };
        let caption = format!("{title}, row after row from the first.");
        return tiles.picture(title).with_caption(caption);
    }
    let kernel = |c: usize, o: usize| w[(o * channels + c) * area..][..area].iter().copied();
    let turned: Vec<f32> =
        (0..channels).flat_map(|c| (0..out).flat_map(move |o| kernel(c, o))).collect();
    let tiles =
        Tiles { values: &turned, tiles: [channels, out], tile: [height, width], framed: true };
    let caption = format!(
        "{title}. A column for each filter, a row for each input channel: an empty column \
        is a filter without weights, an empty row a channel that nothing reads."
    );
    tiles.picture(title).with_caption(caption)
}
