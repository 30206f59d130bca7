//! The calls that check a key: validate, verify, token.

use gatekeeper::auth::Me;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::keys::{IssueKeyToken, KeyToken, KeyVerdict, ValidateApiKey, VerifyApiKey};
use gatekeeper::tenants::MemberRole;
use gatekeeper::{Result, Secret, VerdictCode};
use serde_json::Value;

use crate::{create, everywhere, member, names, owner, standing_still, update, user};

fn verify(caller: &Gatekeeper, key: &Secret, change: impl FnOnce(&mut VerifyApiKey)) -> Result<KeyVerdict> {
    let mut verify = VerifyApiKey::new(key.clone(), "TWO");
    change(&mut verify);
    caller.call(verify)
}

fn token(caller: &Gatekeeper, key: &Secret, scopes: Option<&[&str]>) -> Result<KeyToken> {
    let scopes = scopes.map(names);
    caller.call(IssueKeyToken { key: key.clone(), audience: None, scopes })
}

/// The header and the claims of a JWT.
fn parts(token: &Secret) -> [Value; 2] {
    let mut parts = token.expose().split('.').map(|part| {
        let bits = part.bytes().flat_map(|byte| {
            const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let digit = ALPHABET.iter().position(|known| *known == byte).unwrap();
            (0..6).rev().map(move |bit| digit >> bit & 1)
        });
        let bits: Vec<usize> = bits.collect();
        let byte = |bits: &[usize]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
        bits.chunks_exact(8).map(byte).collect::<Vec<u8>>()
    });
    [0, 1].map(|_| serde_json::from_slice(&parts.next().unwrap()).unwrap())
}

#[test]
fn scopes_are_checked_before_a_request_is_counted() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let created = create(&owner, tenant, &["read", "invoices:*"]);
        let key = &created.plain_text_key;
        for _ in 0..5 {
            let verdict = verify(&owner, key, |verify| verify.scopes = names(&["read", "write"])).unwrap();
            assert!(verdict.key_valid && !verdict.ok && verdict.code == VerdictCode::InsufficientScope);
            assert_eq!((verdict.key_id, verdict.remaining), (Some(created.api_key.id), None));
            // The limit is not checked either.
            assert!(
                verify(&owner, key, |verify| (verify.scopes, verify.cost) = (names(&["write"]), 3)).is_ok()
            );
        }
        let verdict = verify(&owner, key, |verify| verify.scopes = names(&["read", "invoices:pay"])).unwrap();
        assert!(verdict.ok && verdict.code == VerdictCode::Valid);
        assert_eq!((verdict.remaining, verdict.total, verdict.retry_after_ms), (Some(1), Some(2), Some(0)));
        assert_eq!(verdict.scopes, Some(names(&["invoices:*", "read"])));
        assert!(verify(&owner, key, |_| ()).unwrap().ok);
        let limited = verify(&owner, key, |_| ()).unwrap();
        assert!(limited.key_valid && !limited.ok && limited.code == VerdictCode::RateLimited);
        assert!(limited.retry_after_ms.unwrap() > 0);
        assert_eq!(limited.reset_after_ms, limited.retry_after_ms);
        assert_eq!((verdict.window_ms, limited.window_ms), (Some(3_600_000), Some(3_600_000)));
        update(gatekeeper, created.api_key.id, |update| update.roles = Some(names(&["PRO"]))).unwrap();
        let pro = verify(&owner, key, |verify| verify.cost = 8).unwrap();
        assert_eq!((pro.ok, pro.remaining, pro.role.as_deref()), (true, Some(0), Some("PRO")));
    });
}

#[test]
fn a_request_that_can_never_be_admitted_is_an_error_and_not_a_denial() {
    let gatekeeper = standing_still().0;
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let key = create(&owner, tenant, &[]).plain_text_key;
    let unknown = Secret::new("gk_live_unknown");
    assert_eq!(verify(&owner, &key, |verify| verify.cost = 3).unwrap_err().status(), 400);
    assert_eq!(verify(&owner, &unknown, |verify| verify.cost = 3).unwrap().code, VerdictCode::InvalidKey);
    for key in [&key, &unknown] {
        assert_eq!(verify(&owner, key, |verify| verify.cost = 0).unwrap_err().status(), 400);
        assert_eq!(verify(&owner, key, |verify| verify.endpoint = "THREE".into()).unwrap_err().status(), 400);
        let variables = vec![String::new(); 1001];
        assert_eq!(verify(&owner, key, |verify| verify.variables = variables).unwrap_err().status(), 400);
    }
}

#[test]
fn a_key_of_another_tenant_is_rejected_like_an_unknown_key() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let key = create(&owner, tenant, &["keys:read"]).plain_text_key;
        let root = gatekeeper.create_root_key("Other").unwrap();
        let stranger = user(gatekeeper, "stranger").0;
        let unknown = create(&gatekeeper.with_root_key(&root.key), root.tenant_id, &[]).plain_text_key;
        let invalid =
            serde_json::to_value(verify(gatekeeper, &Secret::new("no key"), |_| ()).unwrap()).unwrap();
        assert_eq!(invalid["code"], "invalid_key");
        for (caller, key) in [
            (&stranger, &key),
            (&gatekeeper.with_root_key(&root.key), &key),
            (&owner, &unknown),
            (&stranger, &unknown),
        ] {
            let verdict = serde_json::to_value(verify(caller, key, |_| ()).unwrap()).unwrap();
            assert_eq!(verdict, invalid);
        }
        let member = member(gatekeeper, &owner, tenant, MemberRole::Member);
        assert!(verify(&member, &key, |_| ()).unwrap().ok && verify(&owner, &key, |_| ()).unwrap().ok);
        assert_eq!(verify(&gatekeeper.anonymous(), &key, |_| ()).unwrap_err().status(), 401);
        assert_eq!(verify(&gatekeeper.with_token(&key), &key, |_| ()).unwrap_err().status(), 403);
    });
}

#[test]
fn a_token_has_the_rights_of_its_key_and_is_never_a_users_token() {
    everywhere(|gatekeeper| {
        let (owner, tenant) = owner(gatekeeper, "founder");
        let created = create(&owner, tenant, &["read", "invoices:*"]);
        let key = &created.plain_text_key;
        let whole = token(gatekeeper, key, None).unwrap();
        assert_eq!((&*whole.token_type, whole.expires_in), ("Bearer", 900));
        let [header, claims] = parts(&whole.token);
        assert_eq!((&header["typ"], &header["alg"]), (&"key+jwt".into(), &"EdDSA".into()));
        assert_eq!(claims["sub"], created.api_key.id.to_string());
        assert_eq!(
            (&claims["tid"], &claims["scope"]),
            (&tenant.to_string().into(), &"invoices:* read".into())
        );
        let part = token(gatekeeper, key, Some(&["invoices:pay"])).unwrap();
        assert_eq!(parts(&part.token)[1]["scope"], "invoices:pay");
        for more in [&["write"][..], &["read", "*"], &["*:*"], &["invoices"]] {
            assert_eq!(token(gatekeeper, key, Some(more)).unwrap_err().status(), 403);
        }
        for not_a_user in [&whole.token, &part.token] {
            assert_eq!(gatekeeper.with_token(not_a_user).call(Me {}).unwrap_err().status(), 401);
        }
    });
}

#[test]
fn a_token_ends_with_its_key() {
    let (gatekeeper, clock) = standing_still();
    let (owner, tenant) = owner(&gatekeeper, "founder");
    let created = create(&owner, tenant, &[]);
    update(&owner, created.api_key.id, |update| update.expires_in_seconds = Some(Some(60))).unwrap();
    let token_of = || token(&gatekeeper, &created.plain_text_key, None);
    let issued = token_of().unwrap();
    assert!((59..=60).contains(&issued.expires_in));
    clock.advance(60_000);
    assert_eq!(token_of().unwrap_err().status(), 401);
}

#[test]
fn unknown_keys_of_a_client_address_are_counted_unless_it_has_presented_a_root_key() {
    everywhere(|gatekeeper| {
        let root = gatekeeper.create_root_key("Acme Inc").unwrap().key;
        let client = gatekeeper.anonymous().with_client_address("192.0.2.1");
        let backend = gatekeeper.with_root_key(&root).with_client_address("192.0.2.2");
        let imposter = gatekeeper.with_root_key(&Secret::new("gkr_wrong")).with_client_address("192.0.2.3");
        let guess = |who: &Gatekeeper, number: usize| {
            let key = Secret::new(format!("no key {number}"));
            who.call(ValidateApiKey { key }).unwrap_err().status()
        };
        for who in [&client, &imposter] {
            assert!((0..60).all(|number| guess(who, number) == 401));
            assert_eq!(guess(who, 60), 429);
        }
        assert!((0..100).all(|number| guess(&backend, number) == 401));
    });
}
