//! A list that nearly always has one element.

use std::ops::Deref;

/// A list that nearly always has one element, and then needs no memory besides its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SmallList {
    One([u32; 1]),
    Several(Vec<u32>),
}

impl SmallList {
    pub(crate) fn push(&mut self, element: u32) {
        match self {
            SmallList::Several(list) if list.is_empty() => *self = SmallList::One([element]),
            SmallList::Several(list) => list.push(element),
            SmallList::One([first]) => *self = SmallList::Several(vec![*first, element]),
        }
    }
}

impl Default for SmallList {
    fn default() -> SmallList {
        SmallList::Several(Vec::new())
    }
}

impl Deref for SmallList {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            SmallList::One(list) => list,
            SmallList::Several(list) => list,
        }
    }
}

impl FromIterator<u32> for SmallList {
    fn from_iter<Elements: IntoIterator<Item = u32>>(elements: Elements) -> SmallList {
        let mut list = SmallList::default();
        elements.into_iter().for_each(|element| list.push(element));
        list
    }
}
