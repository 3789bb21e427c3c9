//! The commands, one file each.

pub(crate) mod normalize;
pub(crate) mod serve;
