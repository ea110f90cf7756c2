//! `replyd key new`.

use std::io::{Write, stderr};

use data_encoding::BASE64URL_NOPAD;
use replyd::Key;

use crate::{failure::Failure, output::print};

/// Length of a secret in random bytes; more than the 32 bytes of its hash would add nothing.
const SECRET_BYTES: usize = 32;
/// Lets people and secret scanners recognise a key, and keeps it from starting with '-', like a flag.
const PREFIX: &str = "replyd_";

/// Prints a new key, and the section for the configuration, which holds only its hash.
pub(crate) fn new(name: &str, is_owner: bool) -> Result<(), Failure> {
    let (secret, key) = fresh(name)?;
    let role = if is_owner { "\nrole = owner" } else { "" };
    print(format_args!("key: {secret}\n\n[key {}]\nsecret_sha256 = {}{role}", key.name(), key.sha256_hex()))?;
    let whom = if is_owner { "Open the page /owner and paste the key" } else { "Give the key to a client" };
    let _ = writeln!(
        stderr(),
        "\n{whom}: it is shown only once and stored nowhere.\nPut the section into config.ini."
    );
    Ok(())
}

/// Makes a new random secret, and the key that accepts it.
pub(crate) fn fresh(name: &str) -> Result<(String, Key), Failure> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("cannot get random bytes from the system: {error}")))?;
    let secret = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
    let key = Key::new(name, &secret)?;
    Ok((secret, key))
}
