//! The cases of one slot: a sequence of requests.

use serde::Deserialize;
use serde_json::{Value, json};

use super::from;
use crate::error::{GatekeeperError, Result};
use crate::window::{Acquired, Limit, Permit, Request, Window};

/// A limit as `[maxReq, duration]`.
type Pair = (u32, u64);

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    #[default]
    Acquire,
    Peek,
    Refund,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    op: Op,
    now: u64,
    cost: u32,
    limit: Option<Pair>,
    #[serde(default)]
    windows: Vec<Pair>,
    #[serde(default)]
    definition: usize,
    /// The step whose permit is refunded.
    #[serde(default)]
    of: usize,
}

/// One limit for every step.
pub(super) fn one_limit(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RawLimit {
        max_req: u32,
        duration: u64,
    }
    #[derive(Deserialize)]
    struct Case {
        limit: RawLimit,
        steps: Vec<Step>,
    }
    let Case { limit, steps } = from(case)?;
    let limit = (limit.max_req, limit.duration);
    let with_limit = |step| Step { limit: Some(limit), ..step };
    run(steps.into_iter().map(with_limit), &[limit.1])
}

/// One definition; each step uses any of its limits.
pub(super) fn changing_limit(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    struct Case {
        limits: Vec<Pair>,
        steps: Vec<Step>,
    }
    let Case { limits, steps } = from(case)?;
    run(steps, &[longest(&limits)])
}

/// Several definitions; each step uses any limit of one of them.
pub(super) fn definitions(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    struct Case {
        definitions: Vec<Vec<Pair>>,
        steps: Vec<Step>,
    }
    let Case { definitions, steps } = from(case)?;
    run(steps, &definitions.iter().map(|limits| longest(limits)).collect::<Vec<_>>())
}

/// Several definitions whose limits have several windows; steps acquire, peek and refund.
pub(super) fn steps(case: Value) -> Result<Value> {
    #[derive(Deserialize)]
    struct Case {
        definitions: Vec<Vec<Vec<Pair>>>,
        steps: Vec<Step>,
    }
    let Case { definitions, steps } = from(case)?;
    run(steps, &definitions.iter().map(|limits| longest(&limits.concat())).collect::<Vec<_>>())
}

/// The longest duration of a definition, for which entries are kept.
fn longest(limits: &[Pair]) -> u64 {
    limits.iter().map(|(_, duration)| *duration).max().unwrap_or(0)
}

/// The results of one window. `keep_ms` has one number per definition.
fn run(steps: impl IntoIterator<Item = Step>, keep_ms: &[u64]) -> Result<Value> {
    let mut window = Window::default();
    let mut permits: Vec<Option<Permit>> = Vec::new();
    let answers = steps.into_iter().map(|step| {
        if let Op::Refund = step.op {
            let Some(permit) = permits.get(step.of).copied().flatten() else {
                return Err(GatekeeperError::bad_request("a refund of a step that has no permit"));
            };
            permits.push(None);
            return Ok(json!({ "refunded": window.refund(step.now, &permit, step.cost) }));
        }
        let windows = windows(&step)?;
        let Some((limit, shorter)) = windows.split_first() else {
            return Err(GatekeeperError::bad_request("a step without a limit"));
        };
        let keep_ms = keep_ms.get(step.definition).copied().unwrap_or(0);
        let request = Request { limit: *limit, shorter, cost: step.cost, keep_ms };
        let acquired = match step.op {
            Op::Peek => window.peek(step.now, &request),
            Op::Acquire | Op::Refund => window.acquire(step.now, &request),
        };
        permits.push(acquired.permit);
        Ok(answer(&acquired))
    });
    answers.collect::<Result<Vec<_>>>().map(Value::from)
}

/// The windows of a step, longest first.
fn windows(step: &Step) -> Result<Vec<Limit>> {
    let given = step.limit.iter().chain(&step.windows);
    let mut windows =
        given.map(|(max_req, duration)| Limit::new(*max_req, *duration)).collect::<Result<Vec<_>>>()?;
    windows.sort_by_key(|limit| std::cmp::Reverse(limit.duration_ms()));
    Ok(windows)
}

fn answer(acquired: &Acquired) -> Value {
    // Only a peek can find the whole window left.
    let holds_some = acquired.remaining < acquired.limit.max_req();
    let frees_at = holds_some.then_some(acquired.frees_at);
    json!({
        "ok": acquired.admitted,
        "remaining": acquired.remaining,
        "total": acquired.limit.max_req(),
        "duration": acquired.limit.duration_ms(),
        "retryAfterMs": acquired.retry_after_ms(),
        "freesAt": frees_at,
        "reset": frees_at.map(|frees_at| frees_at.div_ceil(1000)),
    })
}
