//! Tests of the command line with the real binary: its output and its exit codes.

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
