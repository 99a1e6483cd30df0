//! Networks before and after what is zero has left. The dense network is the oracle: it runs with
//! all its zeros on random inputs, and the compacted one must give the same.

mod cuts;
mod network;
mod planted;
mod random;
