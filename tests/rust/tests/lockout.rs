//! Logins from many client addresses: those of the owner never block one another, those of a guesser do.

use gatekeeper::Secret;
use gatekeeper::auth::{Login, Signup};
use gatekeeper::blocking::Gatekeeper;

const EMAIL: &str = "founder@example.com";

fn gatekeeper() -> Gatekeeper {
    let gatekeeper = Gatekeeper::open("memory:").unwrap().anonymous();
    let password = Secret::new("hunter2pass");
    gatekeeper.call(Signup { email: EMAIL.to_owned(), password, name: None }).unwrap();
    gatekeeper
}

fn login(gatekeeper: &Gatekeeper, source: &str, password: &str) -> u16 {
    let login = Login { email: EMAIL.to_owned(), password: Secret::new(password) };
    gatekeeper.with_client_address(source).call(login).map_or_else(|error| error.status(), |_| 200)
}

#[test]
fn an_owner_logs_in_from_any_number_of_new_client_addresses() {
    let gatekeeper = gatekeeper();
    for source in 0..12 {
        assert_eq!(login(&gatekeeper, &format!("192.0.2.{source}"), "hunter2pass"), 200, "{source}");
    }
}

#[test]
fn a_guesser_with_many_client_addresses_waits_and_the_owner_at_a_known_address_does_not() {
    let gatekeeper = gatekeeper();
    assert_eq!(login(&gatekeeper, "home", "hunter2pass"), 200);
    let guesses: Vec<u16> =
        (0..7).map(|source| login(&gatekeeper, &format!("192.0.2.{source}"), "a wrong guess")).collect();
    assert_eq!(guesses, [401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(login(&gatekeeper, "home", "hunter2pass"), 200);
    assert_eq!(
        login(&gatekeeper, "192.0.2.9", "a wrong guess"),
        429,
        "a login of the owner does not reset the throttle of a guesser"
    );
}

#[test]
fn no_spelling_of_a_client_address_evades_the_throttle() {
    for source in ["*", "\n", " ", "\u{1f98a}"] {
        let gatekeeper = gatekeeper();
        let guesses: Vec<u16> = (0..6).map(|_| login(&gatekeeper, source, "a wrong guess")).collect();
        assert_eq!(guesses, [401, 401, 401, 401, 401, 429], "{source:?}");
    }
}

#[test]
fn a_login_whose_password_was_not_compared_is_not_counted() {
    let gatekeeper = gatekeeper();
    let too_long = "x".repeat(5000);
    for source in ["home", "192.0.2.1"] {
        assert!((0..12).all(|_| login(&gatekeeper, source, &too_long) == 400));
        assert_eq!(login(&gatekeeper, source, "hunter2pass"), 200, "{source}");
    }
}
