/// How a window moves over the channels of an image; pairs are (height, width).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// [channels, height, width] of x.
    pub(crate) input: [usize; 3],
    /// [channels, height, width] of y.
    pub(crate) output: [usize; 3],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub(crate) groups: usize,
}
