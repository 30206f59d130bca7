//! A window, its stored form and its model under random steps, for the fuzz target `window_log`.

use std::cmp::Reverse;

use super::reference::Reference;
use super::{Limit, Permit, Request, Window};

const START: u64 = 1_000_000_000_000;
const DURATIONS_MS: [u64; 8] = [1, 13, 50, 1000, 3000, 60_000, 86_400_000, Limit::MAX_DURATION_MS];
const MAX_REQS: [u32; 8] = [1, 2, 8, 100, 128, 129, 1000, 100_000];

/// Numbers from bytes. After the last byte, every number is 0.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn choose<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.next()) % of.len()]
    }

    /// One to four windows of different durations, longest first.
    fn windows(&mut self) -> Vec<Limit> {
        let count = 1 + self.next() % 4;
        let window = |_| Limit::new(self.choose(&MAX_REQS), self.choose(&DURATIONS_MS)).unwrap();
        let mut windows: Vec<Limit> = (0..count).map(window).collect();
        windows.sort_by_key(|window| Reverse(window.duration_ms()));
        windows.dedup_by_key(|window| window.duration_ms());
        windows
    }
}

/// Runs the steps that `bytes` encode on a window and on its model. From time to time the window is replaced by what
/// its stored form contains.
///
/// # Panics
/// If the window and the model differ.
pub fn window(bytes: &[u8]) {
    let mut numbers = Numbers(bytes);
    let definitions: Vec<Vec<Limit>> = (0..=numbers.next() % 3).map(|_| numbers.windows()).collect();
    let (mut window, mut reference) = (Window::default(), Reference::default());
    let mut permits: Vec<Permit> = Vec::new();
    let mut now = START;
    while !numbers.0.is_empty() {
        let (kind, windows) = (numbers.next(), &definitions[usize::from(numbers.next()) % definitions.len()]);
        let (limit, shorter) = windows.split_first().unwrap();
        let stride = shorter.last().unwrap_or(limit).duration_ms().cast_signed();
        let step = i64::from(numbers.next().cast_signed()).max(-3);
        now = now.saturating_add_signed(stride * step / 60);
        let smallest = windows.iter().map(|limit| limit.max_req()).min().unwrap();
        let cost = 1 + (smallest - 1) / (1 + u32::from(numbers.next()));
        let request = Request { limit: *limit, shorter, cost, keep_ms: limit.duration_ms() };
        match kind % 8 {
            0 => assert_eq!(window.peek(now, &request), reference.acquire(now, request, true)),
            1 if !permits.is_empty() => {
                let permit = numbers.choose(&permits);
                assert_eq!(window.refund(now, &permit, cost), reference.refund(now, &permit, cost));
            }
            2 => window = reloaded(&window),
            _ => {
                let acquired = window.acquire(now, &request);
                assert_eq!(acquired, reference.acquire(now, request, false));
                permits.extend(acquired.permit);
            }
        }
        assert_eq!((window.entries(), window.newest()), (reference.len(), reference.newest()));
    }
}

fn reloaded(window: &Window) -> Window {
    let mut stored = Vec::new();
    window.store(&mut stored);
    assert_eq!(Window::stored_ends_at(&stored), Some(window.ends_at()));
    let mut loaded = Window::default();
    assert!(loaded.load(&stored));
    loaded
}

/// Loads a window from any bytes. If they are accepted, every call on it returns, and what it admits is within its limit.
///
/// # Panics
/// If an accepted window cannot be stored as it was, or admits too much.
pub fn loaded_window(bytes: &[u8]) {
    let mut window = Window::default();
    if !window.load(bytes) {
        return;
    }
    let mut stored = Vec::new();
    window.store(&mut stored);
    assert_eq!(stored, bytes);
    let limit = Limit::new(3, 1000).unwrap();
    let request = Request { limit, shorter: &[], cost: 1, keep_ms: limit.duration_ms() };
    let newest = window.newest();
    for now in [0, newest, newest.saturating_add(999), newest.saturating_add(1000), u64::MAX] {
        let admitted = (0..4).filter(|_| window.acquire(now, &request).admitted).count();
        assert!(admitted <= 3);
        window.peek(now, &request);
    }
}
