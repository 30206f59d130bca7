//! Reads the arguments of the hot call without an allocation. The only file of this crate with `unsafe` code.
#![allow(unsafe_code, reason = "Node-API hands out raw pointers; each use says why it is sound")]

use std::cell::Cell;
use std::ptr;

use napi::bindgen_prelude::FromNapiValue;
use napi::{Error, Result, Status, check_status, sys};

use crate::convert;

/// A JavaScript string in UTF-8, stored on the stack if it is shorter than `N`. A lone surrogate is read as U+FFFD.
pub(crate) struct Text<const N: usize> {
    inline: [u8; N],
    length: usize,
    /// The bytes of a longer string; empty if `inline` is used.
    spilled: Vec<u8>,
}

impl<const N: usize> Text<N> {
    pub(crate) fn as_str(&self) -> Result<&str> {
        let bytes = if self.spilled.is_empty() {
            self.inline.get(..self.length)
        } else {
            self.spilled.get(..self.length)
        };
        let text = bytes.and_then(|bytes| str::from_utf8(bytes).ok());
        text.ok_or_else(|| Error::new(Status::GenericFailure, "Node gave a string that is not UTF-8"))
    }
}

/// The bytes to spare in the buffer: the terminating NUL, and the last character, which Node omits if it does not fit.
const MARGIN: usize = 4;

impl<const N: usize> FromNapiValue for Text<N> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut text = Self { inline: [0; N], length: 0, spilled: Vec::new() };
        // SAFETY: the caller guarantees that `env` and `value` are valid; Node writes at most `N` bytes.
        check_status!(unsafe {
            sys::napi_get_value_string_utf8(
                env,
                value,
                text.inline.as_mut_ptr().cast(),
                N,
                &raw mut text.length,
            )
        })?;
        if text.length + MARGIN >= N {
            let mut whole = 0;
            // SAFETY: as above; without a buffer, Node writes only the length.
            check_status!(unsafe {
                sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut whole)
            })?;
            text.spilled = vec![0; whole + 1];
            // SAFETY: as above.
            check_status!(unsafe {
                let buffer = text.spilled.as_mut_ptr().cast();
                sys::napi_get_value_string_utf8(env, value, buffer, whole + 1, &raw mut text.length)
            })?;
        }
        Ok(text)
    }
}

/// A `Float64Array` of the façade, valid during the call.
pub(crate) struct Registers<'call>(&'call [Cell<f64>]);

impl Registers<'_> {
    /// The whole number in a register; 0 if there is none.
    pub(crate) fn count(&self, index: usize) -> usize {
        usize::try_from(convert::count(self.0.get(index).map_or(0.0, Cell::get))).unwrap_or(usize::MAX)
    }

    pub(crate) fn set<const M: usize>(&self, values: [f64; M]) {
        for (register, value) in self.0.iter().zip(values) {
            register.set(value);
        }
    }
}

impl FromNapiValue for Registers<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut kind = 0;
        let mut length = 0;
        let mut data = ptr::null_mut();
        // SAFETY: the caller guarantees that `env` and `value` are valid; pointers for unused outputs may be null.
        check_status!(unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        if kind != sys::TypedarrayType::float64_array || data.is_null() {
            return Err(Error::new(Status::InvalidArg, "a Float64Array is expected"));
        }
        // SAFETY: Node has just reported that `data` points to `length` aligned doubles. They live as long as the
        // array, which is an argument of this call. No JavaScript runs during the call, so the array is not detached.
        // `Cell` permits another view of it on this thread, and the façade does not share it with other threads.
        Ok(Self(unsafe { std::slice::from_raw_parts(data.cast::<Cell<f64>>(), length) }))
    }
}
