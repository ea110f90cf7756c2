//! `replyd key new`.

use std::io::Write;

use data_encoding::BASE64URL_NOPAD;
use replyd::Key;

use crate::failure::Failure;

/// As many random bytes as the hash that is kept of them.
const SECRET_BYTES: usize = 32;
/// Tells people and scanners what it is, and keeps it from beginning with '-'.
const PREFIX: &str = "replyd_";

/// Prints a fresh key, and the section for the configuration, which does not hold it.
pub(crate) fn new(name: &str) -> Result<(), Failure> {
    let (secret, key) = fresh(name)?;
    let section = format!("[key {}]\nsecret_sha256 = {}\n", key.name(), key.sha256_hex());
    std::io::stdout()
        .write_all(format!("key: {secret}\n\n{section}").as_bytes())
        .map_err(|error| Failure::new(format!("cannot write the key: {error}")))?;
    let _ = writeln!(
        std::io::stderr(),
        "\nGive the key to whoever may come in: it is shown this once and kept nowhere.\nPut the section into config.ini."
    );
    Ok(())
}

/// A fresh random secret, and the key that it is.
pub(crate) fn fresh(name: &str) -> Result<(String, Key), Failure> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("the system gives no random bytes: {error}")))?;
    let secret = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
    let key = Key::new(name, &secret)?;
    Ok((secret, key))
}
