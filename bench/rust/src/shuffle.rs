//! An order far from that of creation, the same in every run.

/// Shuffles in place (Fisher and Yates, xorshift64).
pub fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for index in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bound = index as u64 + 1;
        items.swap(index, usize::try_from(state % bound).unwrap_or(index));
    }
}
