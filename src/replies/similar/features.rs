//! The features of a message; see [`examples`](super::examples).

pub(crate) type FeatureId = u32;

/// The features of a message.
#[derive(Default)]
pub(crate) struct Features {
    /// Those that some example has, sorted.
    pub(crate) known: Vec<FeatureId>,
    /// Hashes of the others.
    pub(crate) unknown: Vec<u64>,
    /// The weight of all.
    pub(crate) weight: f32,
    pub(crate) buffer: String,
}

impl Features {
    /// The number of bytes of memory they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.known.capacity() * size_of::<FeatureId>() + self.unknown.capacity() * 8 + self.buffer.capacity()
    }
}
