//! `replyd key new`.

use std::io::{Write, stderr};

use clap::Subcommand;
use data_encoding::BASE64URL_NOPAD;

use crate::console::{Failure, print};

/// Length of a secret in random bytes; more than the 32 bytes of its hash would add nothing.
const SECRET_BYTES: usize = 32;
/// Lets people and secret scanners recognise a key, and keeps it from starting with '-', like a flag.
const PREFIX: &str = "replyd_";

/// Make keys for clients.
#[derive(clap::Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Print a new random key, once, and the section that makes a server accept it.
    New {
        /// Name that the server's log shows for the client.
        name: String,
        /// Make an owner's key, which opens the page at /owner and nothing else.
        #[arg(long)]
        owner: bool,
    },
}

impl KeyArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let KeyCommand::New { name, owner } = self.command;
        let (secret, key) = fresh(&name)?;
        let role = if owner { "\nrole = owner" } else { "" };
        print(format_args!(
            "key: {secret}\n\n[key {}]\nsecret_sha256 = {}{role}",
            key.name(),
            key.sha256_hex()
        ))?;
        let next = if owner { "Open the page /owner and paste the key" } else { "Give the key to a client" };
        let _ = writeln!(
            stderr(),
            "\n{next}: it is shown only once and stored nowhere.\nPut the section into config.ini."
        );
        Ok(())
    }
}

/// Makes a new random secret, and the key that accepts it.
pub(super) fn fresh(name: &str) -> Result<(String, replyd::Key), Failure> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("cannot get random bytes from the system: {error}")))?;
    let secret = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
    let key = replyd::Key::new(name, &secret)?;
    Ok((secret, key))
}
