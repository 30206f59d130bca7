//! The command line as people and programs use it: the real binary, its answers, its exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod support;

mod backup;
mod commands;
mod configuration;
mod doctor;
mod export;
mod import;
mod init;
mod misuse;
mod remote;
mod serve;
