//! The owner's page: how the chat is doing, which questions have no answer, and a way to answer them. The text file of replies
//! remains the source of truth: every change made here could have been made with an editor.

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
