//! Windows: each decision is that of the model. A stored window is rejected, or admits no more than its limit.
//!
//! An input is steps if its first byte is even, and a stored window if it is odd.

#![no_main]

use gatekeeper::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((first, stored)) if first % 2 == 1 => fuzzing::loaded_window(stored),
        Some((_, steps)) => fuzzing::window(steps),
        None => {}
    }
});
