//! Pages of HTML, with charts in SVG and pictures in PNG.

mod bars;
mod element;
mod heat;
mod image;
mod lines;
mod marker;
mod page;
mod plot;
mod scale;
mod scatter;

pub(crate) use bars::Histogram;
pub(crate) use element::Element;
pub(crate) use heat::heat_map;
pub(crate) use image::{Picture, Tiles, gallery};
pub(crate) use lines::{Band, Lines, Series};
pub(crate) use marker::key;
pub(crate) use page::{
    Page, Section, bars, code, details, facts, figure, legend, list, note, picture, row, table,
    tiles,
};
pub(crate) use plot::Axis;
pub(crate) use scale::Scale;
pub(crate) use scatter::{Mark, Scatter};
