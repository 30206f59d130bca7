//! Parsing digests as other products store them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::error::{GatekeeperError, Result};
use crate::secret::{Digest, Secret};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// A SHA-256 digest in upper- or lower-case hex, or in base64 of either alphabet, with or without padding.
pub(super) fn parse(text: &Secret) -> Result<Digest> {
    let text = text.expose().as_bytes();
    let bytes = match text.len() {
        64 => from_hex(text),
        43 | 44 => from_base64(text),
        _ => None,
    };
    let message = "digest must be a SHA-256 digest: 64 characters of hex, or 43 or 44 of base64";
    bytes.map(Digest::from_bytes).ok_or_else(|| GatekeeperError::bad_request(message))
}

fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        for digit in pair {
            *byte = *byte << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(bytes)
}

fn from_base64(text: &[u8]) -> Option<[u8; 32]> {
    let is_url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if is_url_safe { alphabet::URL_SAFE } else { alphabet::STANDARD };
    GeneralPurpose::new(&alphabet, LENIENT).decode(text).ok()?.try_into().ok()
}
