//! Two small numbers in one word: a slot with them takes 72 bytes.

/// How long entries are kept, in seconds (25 bits: 366 days have fewer), and how far the newest unrounded admission lies
/// after the last entry, in ms (39 bits with a sign). It lies before that entry where its time was rounded up, by less
/// than a grain, and after it where newer entries were refunded, by less than the retention.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks(u64);

const KEPT_BITS: u32 = 25;
const MAX_KEPT_S: u32 = (1 << KEPT_BITS) - 1;

impl Marks {
    pub(super) fn new(kept_s: u32, newest: u64, last: u64) -> Self {
        let after = newest.wrapping_sub(last);
        Self(after << KEPT_BITS | u64::from(kept_s.min(MAX_KEPT_S)))
    }

    /// The marks whose numbers were read from elsewhere; none where they do not fit.
    pub(super) fn checked(kept_s: u32, newest: u64, last: u64) -> Option<Self> {
        let marks = Self::new(kept_s, newest, last);
        (marks.kept_s() == kept_s && marks.newest(last) == newest).then_some(marks)
    }

    pub(super) fn kept_s(self) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "25 bits")]
        let kept_s = (self.0 & u64::from(MAX_KEPT_S)) as u32;
        kept_s
    }

    /// The newest unrounded time at which a request was admitted, where the last entry is at `last`.
    pub(super) fn newest(self, last: u64) -> u64 {
        last.wrapping_add_signed(self.0.cast_signed() >> KEPT_BITS)
    }
}
