//! Two small numbers packed into one `u64`, so that a slot takes 72 bytes.

/// How long entries are kept, in seconds (25 bits: 366 days have fewer), and the time of the newest unrounded
/// admission relative to the last entry, in ms (39 bits with a sign). It is before that entry, by less than a
/// grain, if the entry's time was rounded up, and after it, by less than the retention, if newer entries were
/// refunded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks(u64);

const KEPT_BITS: u32 = 25;
const MAX_KEPT_S: u32 = (1 << KEPT_BITS) - 1;

impl Marks {
    pub(super) fn new(kept_s: u32, newest: u64, last: u64) -> Self {
        let after = newest.wrapping_sub(last);
        Self(after << KEPT_BITS | u64::from(kept_s.min(MAX_KEPT_S)))
    }

    /// The marks of stored numbers; none if they do not fit.
    pub(super) fn checked(kept_s: u32, newest: u64, last: u64) -> Option<Self> {
        let marks = Self::new(kept_s, newest, last);
        (marks.kept_s() == kept_s && marks.newest(last) == newest).then_some(marks)
    }

    pub(super) fn kept_s(self) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "25 bits")]
        let kept_s = (self.0 & u64::from(MAX_KEPT_S)) as u32;
        kept_s
    }

    /// The newest unrounded time of an admission, if the last entry is at `last`.
    pub(super) fn newest(self, last: u64) -> u64 {
        last.wrapping_add_signed(self.0.cast_signed() >> KEPT_BITS)
    }
}
