//! The owner's page: how the chat is doing, which questions have no answer, and a way to answer them. Every
//! change that it makes is one of the text file of replies, and could have been made with an editor.

mod actions;
mod addition;
mod assets;
mod documents;
mod page;
mod replies_file;
mod replies_text;
mod shared;
mod text_lines;
mod versions;

pub(crate) use page::converse;
pub(crate) use shared::Owner;
