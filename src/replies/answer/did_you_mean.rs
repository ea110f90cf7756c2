//! Decides what is offered to a message without an answer.

use crate::replies::{
    Replies,
    lookup::search::SearchBuffer,
    similar::examples::{ExampleId, Source},
    similar::nearest::{Near, Nearest},
    text::phrase::is_plain,
};

impl Replies {
    /// Those of the nearest replies that may be what a message is about, each with the example by which it is offered: one that shares
    /// a word with the message that is not in most sentences.
    pub(crate) fn offered(&self, nearest: &Nearest, search: &mut SearchBuffer) -> Nearest {
        self.read_content(search);
        nearest.map(|near| {
            let example = self.offer_of(near.reply, search)?;
            Some(Near { example, ..*near })
        })
    }

    /// The sentence of `[tests]`, or else the phrase that people would type, by which a reply is offered.
    fn offer_of(&self, reply: usize, search: &SearchBuffer) -> Option<ExampleId> {
        let mut examples = self.examples.compared_of(reply);
        examples.find(|id| self.examples.share(*id, &search.features) && self.offer(*id).is_some())
    }

    /// An example as people would type it: a phrase may have signs of the grammar.
    pub(crate) fn offer(&self, example: ExampleId) -> Option<&str> {
        match self.examples.get(example).source {
            Source::Test(at) => Some(&self.tests[at as usize].sentence),
            Source::Phrase(id) => Some(self.alternative(id as usize)).filter(|phrase| is_plain(phrase)),
        }
    }
}
