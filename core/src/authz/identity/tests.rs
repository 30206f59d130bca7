use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::authz::{ImportRules, KeyImports, Settings, Throttles};
use crate::clock::{Clock, ManualClock};
use crate::database::OpenDatabase;
use crate::id::{SessionId, UserId};
use crate::identity::{SessionRules, Signers, SigningAlgorithm};
use crate::limit::Endpoints;
use crate::store::{SessionRow, UserRow};
use crate::verify::{CacheSizes, CompiledEndpoints};

fn database() -> OpenDatabase {
    Database::in_memory(Clock::System, &CacheSizes { known: 10, unknown: 10 }).unwrap()
}

fn is_valid(database: &Database, token: &Secret) -> bool {
    let (issuer, audience) = ("issuer".to_owned(), "audience".to_owned());
    let settings = Settings {
        token_audiences: Vec::new(),
        issuer,
        audience,
        refresh_grace: Duration::ZERO,
        sessions: SessionRules::new(90, 100).unwrap(),
        algorithm: SigningAlgorithm::EdDsa,
        retention: None,
        throttles: Throttles::new(1, 1, 1, 1).unwrap(),
        imports: ImportRules::new(KeyImports::Root, 2, 8).unwrap(),
    };
    let credential = Credential::bearer(token);
    identify(Call {
        database,
        settings: &settings,
        credential: &credential,
        client_address: None,
        endpoints: &CompiledEndpoints::new(Endpoints::new()),
        verdict_counters: None,
        attribution: None,
        signup_is_closed: false,
    })
    .is_ok()
}

fn with_session(database: &Database) -> (UserId, SessionId) {
    let (user, session) = (UserId::from_bits(1), SessionId::from_bits(2));
    database
        .store()
        .write(|tx| {
            tx.add_user(&UserRow {
                id: user,
                email: "a@example.com".to_owned(),
                email_verified: false,
                name: None,
                password: String::new(),
                created_at: 0,
            })?;
            tx.add_session(&SessionRow {
                id: session,
                user_id: user,
                source: None,
                created_at: 0,
                last_used_at: 0,
                expires_at: i64::MAX,
                revoked_at: None,
            })
        })
        .unwrap();
    (user, session)
}

#[test]
fn a_signed_token_is_valid_only_with_every_claim_of_an_access_token() {
    let database = database();
    let (user, session) = with_session(&database);
    let now = database.clock().wall_ms() / 1000;
    let good = json!({
        "iss": "issuer", "aud": "audience", "sub": user, "sid": session, "iat": now, "exp": now + 900,
    });
    let signed = |typ: &str, claims: &Value| {
        let token =
            database.signers().sign(database.keyring(SigningAlgorithm::EdDsa).unwrap(), typ, claims).unwrap();
        is_valid(&database, &token)
    };
    assert!(signed("at+jwt", &good));
    for typ in ["JWT", "key+jwt", "at+JWT", "", "application/at+jwt"] {
        assert!(!signed(typ, &good), "{typ}");
    }
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    // Clocks may differ a little.
    assert!(signed("at+jwt", &with("iat", json!(now + 30))));
    for claims in [
        with("iss", json!("other")),
        with("aud", json!("other")),
        with("aud", json!(["other"])),
        with("exp", json!(now)),
        with("exp", json!((now + 900).to_string())),
        with("exp", json!(-1)),
        with("exp", json!(1e300)),
        // Signed by a clock that was ahead.
        with("iat", json!(now + 3600)),
        with("exp", Value::Null),
        with("sub", json!(UserId::from_bits(9))),
        with("sub", json!("key_00000000000000000000000001")),
        with("sid", json!(SessionId::from_bits(9))),
        json!({}),
        json!([]),
    ] {
        assert!(!signed("at+jwt", &claims), "{claims}");
    }
}

#[test]
fn a_token_that_another_database_signed_is_not_valid() {
    let (ours, theirs) = (database(), database());
    let (user, session) = with_session(&ours);
    let now = ours.clock().wall_ms() / 1000;
    let claims = json!({
        "iss": "issuer", "aud": "audience", "sub": user, "sid": session, "iat": now, "exp": now + 900,
    });
    let token =
        theirs.signers().sign(theirs.keyring(SigningAlgorithm::EdDsa).unwrap(), "at+jwt", &claims).unwrap();
    assert!(!is_valid(&ours, &token));
}

#[test]
fn a_rotated_signing_key_verifies_until_its_tokens_expire_and_signs_no_more() {
    let database = database();
    let (user, session) = with_session(&database);
    let now = database.clock().wall_ms() / 1000;
    let claims = json!({
        "iss": "issuer", "aud": "audience", "sub": user, "sid": session, "iat": now, "exp": now + 900,
    });
    let ring = database.keyring(SigningAlgorithm::EdDsa).unwrap();
    let before = database.signers().sign(ring, "at+jwt", &claims).unwrap();
    let new = Signers::generate(ring, true).unwrap();
    database.store().write(|tx| Signers::replace_with(&new, ring, tx)).unwrap();
    database.signers().forget();
    let after = database.signers().sign(ring, "at+jwt", &claims).unwrap();
    for token in [&before, &after] {
        assert!(is_valid(&database, token));
    }
    let kid = |token: &Secret| token.expose().split('.').next().unwrap_or_default().to_owned();
    assert_ne!(kid(&before), kid(&after));
    assert_eq!(database.signers().jwks(ring).unwrap()["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn with_rs256_tokens_are_signed_by_a_key_of_3072_bits_and_those_of_the_other_algorithm_stay_good() {
    let clock = ManualClock::new();
    let database =
        Database::in_memory(Clock::Manual(clock.clone()), &CacheSizes { known: 10, unknown: 10 }).unwrap();
    let (user, session) = with_session(&database);
    let now = database.clock().wall_ms() / 1000;
    let claims = json!({
        "iss": "issuer", "aud": "audience", "sub": user, "sid": session, "iat": now, "exp": now + 900,
    });
    let sign =
        |algorithm| database.signers().sign(database.keyring(algorithm).unwrap(), "at+jwt", &claims).unwrap();
    let ed = sign(SigningAlgorithm::EdDsa);
    // The first key of the other algorithm is published before it signs.
    assert!(is_valid(&database, &sign(SigningAlgorithm::Rs256)));
    clock.advance(310_000);
    let rsa = sign(SigningAlgorithm::Rs256);
    assert!(is_valid(&database, &ed) && is_valid(&database, &rsa));
    // The signature alone is 384 bytes.
    assert_eq!(rsa.expose().rsplit('.').next().unwrap().len(), 512);
    let jwks = database.signers().jwks(database.keyring(SigningAlgorithm::Rs256).unwrap()).unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_public_key_cannot_be_used_as_a_secret_and_a_key_signs_only_with_its_own_algorithm() {
    let database = database();
    let (user, session) = with_session(&database);
    let now = database.clock().wall_ms() / 1000;
    let claims = json!({
        "iss": "issuer", "aud": "audience", "sub": user, "sid": session, "iat": now, "exp": now + 900,
    });
    let jwks = database.signers().jwks(database.keyring(SigningAlgorithm::EdDsa).unwrap()).unwrap();
    let (kid, x) = (jwks["keys"][0]["kid"].as_str().unwrap(), jwks["keys"][0]["x"].as_str().unwrap());
    for algorithm in [jsonwebtoken::Algorithm::HS256, jsonwebtoken::Algorithm::HS512] {
        let mut header = jsonwebtoken::Header::new(algorithm);
        (header.kid, header.typ) = (Some(kid.to_owned()), Some("at+jwt".to_owned()));
        for secret in [
            jsonwebtoken::EncodingKey::from_secret(x.as_bytes()),
            jsonwebtoken::EncodingKey::from_urlsafe_base64_secret(&format!("{x}=")).unwrap(),
        ] {
            let token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
            assert!(!is_valid(&database, &Secret::new(token)));
        }
    }
}
