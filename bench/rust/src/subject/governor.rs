//! `governor`: one cell of GCRA for each key, in memory. It verifies no key.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Subject;
use crate::Result;

pub(super) struct Governor(DefaultKeyedRateLimiter<String>);

impl Governor {
    pub(super) fn new(limit: u32) -> Result<Self> {
        let limit = NonZeroU32::new(limit).ok_or("a limit of 0")?;
        Ok(Self(RateLimiter::keyed(Quota::per_hour(limit))))
    }
}

impl Subject for Governor {
    fn call(&mut self, key: &String) -> Result<bool> {
        Ok(self.0.check_key(key).is_ok())
    }
}
