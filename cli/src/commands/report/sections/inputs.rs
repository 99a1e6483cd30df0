//! The features of the input that the network still reads.

use crate::commands::report::run::{Measured, Run};
use crate::output::html::{
    Picture, Section, Tiles, bars, details, figure, note, picture, row, table,
};
use crate::output::number::{grouped, percent, short};
use crate::output::table::Table;
use proxtape::data::{Dataset, Samples};
use proxtape::nn::{Graph, Layer};

/// Features of a table that are drawn.
const SHOWN: usize = 30;

/// About the width of an image on the page, in CSS pixels.
const WIDE: usize = 224;

pub(in crate::commands::report) fn section(
    run: &Run,
    measured: Result<&Measured, &str>,
) -> Section {
    let section = Section::new("inputs", "Input features in use");
    let trained = &run.trained;
    let input = trained.network.input();
    let Some(columns) = columns(trained.network.graph()) else {
        return section.add(note(
            "The first layer with weights is a convolution, which moves over the whole image: every \
             pixel is in use, and its filters are drawn below.",
        ));
    };
    let first = &trained.network.model().weights()[0];
    let values = trained.network.params().value(first.id);
    let mut usage = vec![0.0f32; input.len()];
    for row in values.chunks_exact(columns.len().max(1)) {
        for (w, &feature) in row.iter().zip(&columns) {
            usage[feature] += w.abs();
        }
    }
    let used = usage.iter().filter(|&&u| u != 0.0).count();
    let section = section.text(format_args!(
        "{} of {} input features ({} %) feed a weight of {} that is not zero. The others may hold \
         anything: no output changes.",
        grouped(used),
        grouped(usage.len()),
        percent(used, usage.len()),
        first.layer,
    ));
    match input[..] {
        [channels, height, width] if height * width > 1 => {
            let tiles = Tiles {
                values: &usage,
                tiles: [1, channels],
                tile: [height, width],
                framed: channels > 1,
            };
            let scale = (WIDE / width).clamp(1, 24);
            let alt = format!("{used} of {} input pixels in use", usage.len());
            let caption = "The input features in use: the sum of |w| over all weights that read a pixel. \
                The stronger the colour, the larger the sum (opacity grows with its square root); a pixel without \
                colour is not read at all.";
            let image = tiles.picture(alt).with_caption(caption);
            let mut figures = vec![picture(&image, scale)];
            if let Ok(measured) = measured {
                let mean = mean_image(measured.samples.source.test_set());
                figures.extend(mean.map(|image| picture(&image, scale)));
            }
            section
                .add(row(figures))
                .add(details("The sums of |w| of the features", table(&grid(&usage, width))))
        }
        _ => {
            let mut order: Vec<usize> = (0..usage.len()).collect();
            order.sort_by(|&a, &b| usage[b].total_cmp(&usage[a]));
            let largest =
                f64::from(order.first().map_or(0.0, |&i| usage[i])).max(f64::MIN_POSITIVE);
            let names = trained.origin.as_ref().map_or(&[][..], |origin| &origin.columns);
            let shown = order.iter().take(SHOWN).map(|&i| {
                let sum = f64::from(usage[i]);
                let name = names.get(i).map_or_else(|| format!("feature {i}"), Clone::clone);
                (name, sum / largest, short(sum))
            });
            let caption = match names.is_empty() {
                true => {
                    "The sum of |w| over all weights that read a feature, the largest first. Features are \
                     numbered from 0 in the order of the columns, the label left out."
                }
                false => "The sum of |w| over all weights that read a column, the largest first.",
            };
            section.add(figure([bars(0, shown)], caption))
        }
    }
}

/// The input feature that each column of the first weight reads, or `None` where that is no linear
/// layer that reads features as they are.
fn columns(graph: &Graph) -> Option<Vec<usize>> {
    let mut columns: Vec<usize> = (0..graph.shape(0).len()).collect();
    for (value, node) in graph.nodes().iter().enumerate() {
        match node.layer() {
            _ if node.inputs() != [value] => return None,
            Layer::Linear { .. } => return Some(columns),
            Layer::Select { indices } => {
                // Values of each unit that it takes or leaves: a plane of an image, or a feature.
                let unit: usize = graph.shape(value)[1..].iter().product();
                let take = |&i: &usize| columns[i * unit..(i + 1) * unit].iter().copied();
                columns = indices.iter().flat_map(take).collect();
            }
            Layer::Flatten
            | Layer::Dropout { .. }
            | Layer::BatchNorm { .. }
            | Layer::Activation(_) => {}
            _ => return None,
        }
    }
    None
}

/// The mean of all samples, where they are images of bytes.
fn mean_image(set: &Dataset) -> Option<Picture> {
    let Samples::U8(bytes) = set.samples() else { return None };
    let shape @ [channels, ..] = set.shape();
    if channels != 1 && channels != 3 {
        return None;
    }
    let mut sums = vec![0u64; set.sample_len()];
    for sample in bytes.chunks_exact(set.sample_len()) {
        sums.iter_mut().zip(sample).for_each(|(sum, &byte)| *sum += u64::from(byte));
    }
    // From the darkest to the brightest pixel.
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let mean: Vec<u8> = sums.iter().map(|sum| (sum * 255 / most) as u8).collect();
    let caption = "For comparison, the mean of all test images.";
    Some(Picture::photo(shape, &mean, "the mean test image".to_owned()).with_caption(caption))
}

/// The sums as they lie in the image, row by row.
fn grid(usage: &[f32], width: usize) -> Table {
    let columns: Vec<String> = (0..width).map(|x| x.to_string()).collect();
    let head: Vec<&str> = ["row"].into_iter().chain(columns.iter().map(String::as_str)).collect();
    let mut table = Table::new(&head);
    for (y, row) in usage.chunks_exact(width).enumerate() {
        let cell = |&sum: &f32| if sum == 0.0 { "0".to_owned() } else { format!("{sum:.2}") };
        table.row([y.to_string()].into_iter().chain(row.iter().map(cell)).collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxtape::nn::{Activation, Named, Network};

    #[test]
    fn selected_features_keep_their_places_in_the_image() {
        let columns = |input: &[usize], layers: &[Named]| {
            columns(Network::zeros(input, layers).unwrap().graph())
        };
        let select = |indices: &[usize]| Layer::Select { indices: indices.to_vec() }.into();
        let linear = || Layer::linear(3).into();
        let flat = [Layer::Flatten.into(), select(&[1, 5]), select(&[1]), linear()];
        assert_eq!(columns(&[2, 1, 4], &flat), Some(vec![5]));
        let channels = [select(&[1]), Layer::Flatten.into(), linear()];
        assert_eq!(columns(&[2, 1, 4], &channels), Some(vec![4, 5, 6, 7]));
        assert_eq!(columns(&[3], &[linear()]), Some(vec![0, 1, 2]));
        assert_eq!(columns(&[3], &[Activation::Tanh.into(), linear()]), Some(vec![0, 1, 2]));
        let conv = [Layer::conv2d(2, 3, 1).into(), Layer::Flatten.into(), linear()];
        assert_eq!(columns(&[1, 4, 4], &conv), None);
        assert_eq!(columns(&[1], &[]), None);
    }
}
