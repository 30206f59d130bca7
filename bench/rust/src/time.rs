//! Clock reads and statistics.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::Instant;

use crate::Result;

/// Now.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The nanoseconds since `start`.
#[must_use]
pub fn ns_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e9
}

/// The quantile of the samples below which `share` of them lie. Sorts the samples.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index"
)]
pub fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let index = (samples.len() as f64 * share) as usize;
    samples.get(index.min(samples.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// The cost of two clock reads.
#[must_use]
pub fn timer_ns() -> f64 {
    let mut samples: Vec<f64> = (0..10_000).map(|_| ns_since(now())).collect();
    quantile(&mut samples, 0.5)
}

/// The maximum number of calls in a batch.
const MOST: usize = 1000;

/// The nanoseconds of one call: the median over batches for `seconds`. A batch has 1,000 calls, or fewer if they would
/// last more than 20 ms. `batch` gets its number and how many calls to make.
#[allow(clippy::cast_precision_loss, reason = "at most 1,000 calls")]
pub fn median_ns(seconds: f64, mut batch: impl FnMut(usize, usize) -> Result<()>) -> Result<f64> {
    let mut number = 0;
    let mut timed = |size: usize| {
        number += 1;
        let began = now();
        batch(number, size).map(|()| ns_since(began))
    };
    let mut size = 1;
    while size < MOST {
        // The minimum of three: other load on the machine must not make the batches small.
        if timed(size)?.min(timed(size)?).min(timed(size)?) >= 5e6 {
            break;
        }
        size = MOST.min(size * 4);
    }
    let (mut samples, start) = (Vec::new(), now());
    while samples.is_empty() || start.elapsed().as_secs_f64() < seconds {
        samples.push(timed(size)? / size as f64);
    }
    Ok(quantile(&mut samples, 0.5))
}
