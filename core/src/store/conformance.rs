//! The contracts of the store, tested on every engine.
//!
//! Each contract is a function over a [`Store`] that has no rows but those of a new database. The last lines of this file
//! run all of them on each engine: to test another engine, add a line.

mod accounts;
mod concurrency;
mod engine;
mod keys;
mod members;
mod tenants;
mod throttles;
mod usage;

use super::{Bounds, NewKey, Store, TenantSize, UserRow};
use crate::id::{KeyId, TenantId, UserId};
use crate::secret::Digest;

/// A new store of one engine, and the folder that it needs.
struct Opened {
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

impl Opened {
    fn in_memory() -> Self {
        Self { store: Store::in_memory().unwrap(), _folder: None }.opened()
    }

    fn on_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::on_file(folder.path().join("gatekeeper.db"));
        Self { store, _folder: Some(folder) }.opened()
    }

    fn opened(self) -> Self {
        self.store.open_shared().unwrap();
        self
    }
}

/// Bounds that no test reaches.
const EVERYTHING: Bounds = Bounds { rows: 1000, bytes: usize::MAX };

const TENANT: TenantId = TenantId::from_bits(7);

fn key_id(number: u128) -> KeyId {
    KeyId::from_bits(number)
}

fn user_id(number: u128) -> UserId {
    UserId::from_bits(number)
}

fn digest(number: u128) -> Digest {
    Digest::of(&number.to_be_bytes())
}

fn add_tenant(store: &Store) {
    store.write(|tx| tx.add_tenant(TENANT, "Acme", 1)).unwrap();
}

/// Adds the key of this number to the tenant, changed by `describe`.
fn add_key(store: &Store, number: u128, describe: impl FnOnce(&mut NewKey<'_>)) -> bool {
    let digest = digest(number);
    let mut key = NewKey { tenant: TENANT, ..NewKey::plain(key_id(number), &digest) };
    describe(&mut key);
    store.write(|tx| tx.add_key(&key)).unwrap()
}

fn add_user(store: &Store, number: u128) -> bool {
    let user = UserRow {
        id: user_id(number),
        email: format!("{number}@example.com"),
        email_verified: number == 1,
        name: (number == 1).then(|| "Ada".to_owned()),
        password: "$argon2id$".to_owned(),
        created_at: 5,
    };
    store.write(|tx| tx.add_user(&user)).unwrap()
}

fn size(store: &Store) -> TenantSize {
    store.read_rows(|rows| rows.tenant_size(TENANT)).unwrap()
}

/// Tests every contract on an engine.
macro_rules! conforms {
    ($engine:ident, $open:expr) => {
        mod $engine {
            use super::Opened;

            conforms! { $open =>
                engine::values_are_read_as_they_were_written,
                engine::a_transaction_that_fails_leaves_nothing,
                engine::a_change_returns_the_number_of_changed_rows,
                engine::a_part_ends_at_its_bounds_and_reports_whether_more_rows_follow,
                engine::a_value_of_another_type_is_an_error_without_the_value,
                engine::a_change_that_alters_a_verdict_is_published_and_another_is_not,
                engine::the_rows_that_operations_rely_on_are_there,
                keys::a_key_is_read_as_it_was_added,
                keys::a_digest_is_of_one_key,
                keys::a_key_is_known_by_its_old_digest_until_that_ends,
                keys::a_key_that_is_not_active_has_no_old_digest,
                keys::a_deleted_key_is_not_found,
                keys::keys_are_listed_in_the_order_of_their_ids,
                keys::a_key_is_revoked_with_the_one_that_created_it,
                keys::the_latest_use_of_a_key_is_kept,
                keys::suffixes_are_those_of_keys_that_can_be_valid,
                keys::several_digests_are_looked_up_in_their_order,
                keys::valid_keys_without_a_root_key_are_counted,
                tenants::a_tenant_is_read_as_it_was_written,
                tenants::a_removed_tenant_disappears_with_its_keys_and_leaves_no_rows,
                tenants::tenants_are_listed_in_the_order_of_their_ids,
                tenants::a_root_key_acts_for_its_tenant_until_it_is_removed,
                tenants::how_large_a_tenant_is_follows_its_rows,
                members::a_member_has_one_role_in_a_tenant,
                members::members_and_tenants_are_listed_in_the_order_of_their_ids,
                members::the_last_owner_is_neither_removed_nor_given_another_role,
                accounts::an_email_address_is_of_one_user,
                accounts::a_password_is_replaced_only_where_it_is_the_one_that_was_checked,
                accounts::a_session_is_active_until_it_ends_or_is_revoked,
                accounts::sessions_are_listed_in_the_order_of_their_ids,
                accounts::a_token_is_used_once_and_known_until_it_ends,
                accounts::signing_keys_are_read_in_the_order_in_which_they_sign,
                accounts::audit_events_are_read_newest_first_through_a_filter,
                usage::an_event_is_read_as_it_was_recorded,
                usage::events_are_read_newest_first_of_a_tenant_or_a_key,
                usage::many_events_are_added_at_once,
                usage::an_idempotency_key_is_of_one_event_of_a_tenant,
                usage::events_are_removed_oldest_first,
                usage::sums_add_up_by_bucket,
                usage::the_quota_of_a_key_names_its_creator,
                throttles::wrong_passwords_are_those_of_the_last_window,
                throttles::failed_logins_are_of_an_account_and_an_address,
                throttles::old_rows_are_deleted_up_to_a_limit,
                throttles::times_of_the_future_become_the_present,
                concurrency::of_two_owners_who_leave_at_the_same_time_one_stays,
                concurrency::the_first_root_key_is_added_once,
                concurrency::two_additions_that_read_the_same_sum_do_not_exceed_the_limit,
                concurrency::of_two_events_with_one_idempotency_key_one_is_added,
                concurrency::of_two_exchanges_of_a_token_one_finds_it_unused,
                concurrency::a_session_that_was_revoked_after_it_was_read_is_not_extended,
                concurrency::of_two_logins_that_read_the_same_failures_one_is_counted,
                concurrency::wrong_passwords_are_counted_up_to_the_limit,
                concurrency::a_key_that_was_revoked_after_it_was_read_is_locked_as_revoked,
                concurrency::the_old_digest_of_a_rotated_key_is_not_imported,
            }
        }
    };
    ($open:expr => $($room:ident::$contract:ident),* $(,)?) => {
        $(
            #[test]
            fn $contract() {
                let opened: Opened = $open;
                super::$room::$contract(&opened.store);
            }
        )*
    };
}

conforms!(memory, Opened::in_memory());
conforms!(file, Opened::on_file());
