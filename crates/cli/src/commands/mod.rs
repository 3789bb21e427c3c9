//! The commands, one file each.

pub(crate) mod chat;
pub(crate) mod chats;
pub(crate) mod demo;
pub(crate) mod files;
pub(crate) mod keys;
pub(crate) mod normalize;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod tail;
pub(crate) mod token;
