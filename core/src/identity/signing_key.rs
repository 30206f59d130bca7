//! A key that signs tokens: how it is generated, sealed and published.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::{GatekeeperError, Result};
use crate::secret::random;
use crate::store::{SigningKeyRow, SigningPeriod};
use crate::vault::Vault;

/// The algorithm that tokens are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037): small and fast.
    #[default]
    EdDsa,
    /// RSA with SHA-256 and 3072 bits (RFC 7518 §3.3), for verifiers without Ed25519.
    Rs256,
}

/// A key that is ready for use.
pub(super) struct SigningKey {
    pub(super) id: String,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) signs: SigningPeriod,
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
    pub(super) jwk: Value,
}

/// The length of the header before the key in the PKCS#8 (RFC 5208 §5) of an RSA key of 3072 bits: two sequences
/// with long lengths, version, algorithm, and the tag and length of an octet string.
const PKCS8_HEADER: usize = 26;

impl SigningAlgorithm {
    const ALL: [Self; 2] = [Self::EdDsa, Self::Rs256];

    /// The other algorithms.
    pub(super) fn others(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |other| *other != self)
    }

    /// The name in the database and in a JWT (RFC 7518 §3.1, RFC 8037 §3.1).
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        known.ok_or_else(|| GatekeeperError::internal("a stored signing key has an unknown algorithm"))
    }

    pub(super) const fn of_jwt(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Rs256 => Algorithm::RS256,
        }
    }
}

impl SigningKey {
    /// A new key that is created at `now` and signs from `from` on, as a row of the database.
    pub(super) fn generate(
        algorithm: SigningAlgorithm,
        vault: &Vault,
        now: i64,
        from: i64,
    ) -> Result<SigningKeyRow> {
        let id = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let (private, mut jwk) = match algorithm {
            SigningAlgorithm::EdDsa => new_ed25519()?,
            SigningAlgorithm::Rs256 => new_rsa()?,
        };
        for (name, value) in [("use", "sig"), ("alg", algorithm.as_str()), ("kid", &id)] {
            jwk.insert(name.to_owned(), value.into());
        }
        Ok(SigningKeyRow {
            private_key: vault.seal(&id, &private)?,
            id,
            algorithm: algorithm.as_str().to_owned(),
            public_key: Value::Object(jwk).to_string(),
            created_at: now,
            signs: SigningPeriod { from, until: None },
        })
    }

    /// The key of a row; none if it was sealed with an unknown secret.
    pub(super) fn unsealed(vault: &Vault, row: SigningKeyRow) -> Result<Option<Self>> {
        let Some(private) = vault.unseal(&row.id, &row.private_key) else { return Ok(None) };
        let algorithm = SigningAlgorithm::parse(&row.algorithm)?;
        let jwk: Value = serde_json::from_str(&row.public_key).map_err(GatekeeperError::internal)?;
        let part = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let (private, public) = match algorithm {
            SigningAlgorithm::EdDsa => {
                (EncodingKey::from_ed_der(&private), DecodingKey::from_ed_components(part("x")))
            }
            SigningAlgorithm::Rs256 => {
                (EncodingKey::from_rsa_der(&private), DecodingKey::from_rsa_components(part("n"), part("e")))
            }
        };
        let public = public.map_err(GatekeeperError::internal)?;
        Ok(Some(Self { id: row.id, algorithm, signs: row.signs, private, public, jwk }))
    }
}

/// The private part and the public part of a new key.
type NewKey = (Zeroizing<Vec<u8>>, Map<String, Value>);

/// A key as PKCS#8, and its JWK (RFC 8037 §2).
fn new_ed25519() -> Result<NewKey> {
    let pair = Ed25519KeyPair::generate().map_err(GatekeeperError::internal)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(GatekeeperError::internal)?;
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    Ok((
        pkcs8.as_ref().to_vec().into(),
        jwk([("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", x)]),
    ))
}

/// A key as PKCS#1 (RFC 8017, appendix A.1.2), and its JWK (RFC 7518 §6.3).
fn new_rsa() -> Result<NewKey> {
    let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(GatekeeperError::internal)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(GatekeeperError::internal)?;
    let pkcs1 = pkcs8.as_ref().get(PKCS8_HEADER..).unwrap_or_default();
    // Rejects malformed output.
    RsaKeyPair::from_der(pkcs1).map_err(GatekeeperError::internal)?;
    let public = pair.public_key();
    let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
    let e = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
    Ok((pkcs1.to_vec().into(), jwk([("kty", "RSA".to_owned()), ("n", n), ("e", e)])))
}

fn jwk(parts: [(&str, String); 3]) -> Map<String, Value> {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
