//! Bounds work by counting its steps.

/// The steps that are left.
pub(crate) struct Steps {
    pub(crate) left: usize,
}

impl Steps {
    /// Spends `count` steps, or none and returns false if fewer are left.
    pub(crate) fn spend(&mut self, count: usize) -> bool {
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
