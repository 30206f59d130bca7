//! Threads and processes that verify the same 1,000 keys at once. A point is the time that passes for each verification
//! of all of them together.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

use gatekeeper::blocking::Verifier;
use serde_json::{Value, json};

use super::{open, verify};
use crate::Result;
use crate::fill::fill;
use crate::time::{now, ns_since};

/// The first argument of a child process.
pub const CHILD: &str = "--child";
const KEYS: usize = 1000;
const COUNTS: [usize; 4] = [1, 2, 4, 8];

/// 1 to 8 threads of one process.
pub fn threads(folder: &Path, seconds: f64) -> Result<Value> {
    let path = folder.join("threads.db");
    let keys = fill(&path, KEYS)?;
    let verifier = open(&path, KEYS)?;
    keys.iter().try_for_each(|key| verify(&verifier, key))?;
    let mut points = Vec::new();
    for count in COUNTS {
        let barrier = Barrier::new(count);
        let found: Vec<Result<u32>> = std::thread::scope(|scope| {
            let run = || {
                barrier.wait();
                calls_of(&verifier, &keys, seconds)
            };
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err("a thread panicked".into())))
                .collect()
        });
        points.push((count, together(&found.into_iter().collect::<Result<Vec<u32>>>()?, seconds)));
    }
    Ok(json!({ "title": "threads, all together", "points": points }))
}

/// 1 to 8 processes.
pub fn processes(folder: &Path, seconds: f64) -> Result<Value> {
    let (database, keys_file) = (folder.join("processes.db"), folder.join("processes.keys"));
    fs::write(&keys_file, fill(&database, KEYS)?.join("\n"))?;
    let mut points = Vec::new();
    for count in COUNTS {
        let mut children = Vec::new();
        for _ in 0..count {
            let program = std::env::current_exe()?;
            let mut command = Command::new(program);
            command.arg(CHILD).arg(&database).arg(&keys_file).arg(seconds.to_string());
            children.push(Talk::with(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)?);
        }
        for child in &mut children {
            child.line()?;
        }
        for child in &mut children {
            writeln!(child.input)?;
        }
        let mut found = Vec::new();
        for mut child in children {
            found.push(child.line()?.trim().parse()?);
            child.process.wait()?;
        }
        points.push((count, together(&found, seconds)));
    }
    Ok(json!({ "title": "processes, all together", "points": points }))
}

/// A child process: prints `ready`, waits for a line, and prints how many keys it has verified.
pub fn child(database: &Path, keys_file: &Path, seconds: f64) -> Result<()> {
    let keys: Vec<String> = fs::read_to_string(keys_file)?.lines().map(str::to_owned).collect();
    let verifier = open(database, KEYS)?;
    keys.iter().try_for_each(|key| verify(&verifier, key))?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    std::io::stdin().read_line(&mut String::new())?;
    writeln!(out, "{}", calls_of(&verifier, &keys, seconds)?)?;
    Ok(())
}

/// The number of verifications in this many seconds.
fn calls_of(verifier: &Verifier, keys: &[String], seconds: f64) -> Result<u32> {
    let (mut calls, start) = (0, now());
    for key in keys.iter().cycle() {
        verify(verifier, key)?;
        calls += 1;
        if calls % 64 == 0 && ns_since(start) > seconds * 1e9 {
            break;
        }
    }
    Ok(calls)
}

fn together(calls: &[u32], seconds: f64) -> f64 {
    seconds * 1e9 / calls.iter().copied().map(f64::from).sum::<f64>()
}

/// A child process, its input and its output.
struct Talk {
    process: Child,
    input: std::process::ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Talk {
    fn with(mut process: Child) -> Result<Self> {
        let input = process.stdin.take().ok_or("no input")?;
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        Ok(Self { process, input, output })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() { Err("a process ended too early".into()) } else { Ok(line) }
    }
}
