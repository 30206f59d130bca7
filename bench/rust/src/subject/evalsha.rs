//! A sliding window in Redis: one script that is called with `EVALSHA`, one round trip over the socket.

use redis::{Client, Connection};

use super::{Subject, WINDOW_MS};
use crate::Result;

/// Removes what has left the window, counts the rest, and adds a call if it is within the limit; on Redis' clock.
const SCRIPT: &str = "
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
    local used = redis.call('ZCARD', KEYS[1])
    if used >= tonumber(ARGV[2]) then return -1 end
    redis.call('ZADD', KEYS[1], now, ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return ARGV[2] - used - 1";

pub(super) struct Evalsha {
    connection: Connection,
    sha: String,
    limit: u32,
    calls: u64,
}

impl Evalsha {
    pub(super) fn connect(socket: &str, limit: u32) -> Result<Self> {
        let mut connection = Client::open(format!("unix://{socket}"))?.get_connection()?;
        let sha = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).query(&mut connection)?;
        Ok(Self { connection, sha, limit, calls: 0 })
    }
}

impl Subject for Evalsha {
    fn call(&mut self, key: &String) -> Result<bool> {
        self.calls += 1;
        let member = format!("{}-{}", std::process::id(), self.calls);
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.sha).arg(1).arg(key).arg(WINDOW_MS).arg(self.limit).arg(member);
        Ok(command.query::<i64>(&mut self.connection)? >= 0)
    }

    fn keeps_each_call(&self) -> bool {
        true
    }
}
