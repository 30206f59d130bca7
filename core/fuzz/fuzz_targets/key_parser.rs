//! Keys: the parser accepts exactly the texts that a second, slow parser accepts. An input is tried as it is, and with
//! the check characters that it would need, which no mutation finds by chance.

#![no_main]

use gatekeeper::internal::run_vector;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The six check characters of a text: its CRC-32, bit by bit, in base58.
fn check_of(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = u64::from(!crc);
    let mut check = Vec::new();
    for _ in 0..6 {
        check.push(BASE58.as_bytes()[usize::try_from(rest % 58).unwrap()]);
        rest /= 58;
    }
    check.reverse();
    String::from_utf8(check).unwrap()
}

/// The prefix of a key, by the rules as they are documented.
fn prefix_of(key: &str) -> Option<&str> {
    let (prefix, body) = key.rsplit_once('_')?;
    let secret = body.get(..28)?;
    let is_whole = (1..=64).contains(&prefix.len())
        && prefix.chars().all(|each| each.is_ascii_alphanumeric() || "._~+-".contains(each))
        && body.len() == 34
        && secret.chars().all(|each| BASE58.contains(each))
        && body[28..] == check_of(&key[..key.len() - 6]);
    is_whole.then_some(prefix)
}

fn parse(key: &str) -> Value {
    let answer = run_vector(&json!({ "suite": "key-format", "case": key }).to_string()).unwrap();
    serde_json::from_str(&answer).unwrap()
}

fuzz_target!(|text: &str| {
    for key in [text.to_owned(), text.to_owned() + &check_of(text)] {
        match prefix_of(&key) {
            Some(prefix) => assert_eq!(parse(&key)["prefix"], prefix),
            None => assert_eq!(parse(&key), Value::Null),
        }
    }
});
