//! `replyd token new` and `replyd token check`.

use std::{
    io::{Write, stderr, stdin, stdout},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use replyd::{Config, Key};

use crate::{args::TokenCommand, escape::Escaped, failure::Failure, input, settings};

/// How to make the file that is missing, and where to name it.
const NO_SECRET: &str = "there is no jwt_secret_file to sign with; make one with
  (umask 077; head -c 48 /dev/urandom | base64 > jwt.secret)
and put this line under [auth] in the configuration:
  jwt_secret_file = jwt.secret";

pub(crate) fn run(command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::New { file, name, ttl } => {
            new(&settings::read(file.config.as_deref())?.config, &name, &ttl)
        }
        TokenCommand::Check { file, token } => check(&settings::read(file.config.as_deref())?.config, token),
    }
}

fn new(config: &Config, name: &str, ttl: &str) -> Result<(), Failure> {
    // The same rule as for the name of a key, so that both look the same in the log.
    Key::new(name, "0123456789abcdef")?;
    let time = ttl_of(ttl)?;
    if !config.tokens.can_sign() {
        return Err(Failure::usage(NO_SECRET));
    }
    let token = config.tokens.mint(name, time)?;
    writeln!(stdout(), "{token}")
        .map_err(|error| Failure::new(format!("cannot write the token: {error}")))?;
    let _ = writeln!(stderr(), "It opens the server for {name}, until {}.", shown(SystemTime::now() + time));
    Ok(())
}

fn check(config: &Config, token: Option<String>) -> Result<(), Failure> {
    if config.tokens.is_empty() {
        return Err(Failure::usage(
            "there is neither jwt_secret_file nor jwt_public_key_file to check a token with",
        ));
    }
    let token = match token {
        Some(token) => token,
        None => {
            input::lines(stdin().lock()).next().unwrap_or_else(|| Err(Failure::usage("there is no token")))?
        }
    };
    let pass = config.tokens.verify(token.trim()).map_err(|why| Failure::new(format!("not valid: {why}")))?;
    writeln!(stdout(), "valid: {}, until {}", Escaped::for_log(&pass.name), shown(pass.until))
        .map_err(|error| Failure::new(format!("cannot write: {error}")))
}

fn ttl_of(ttl: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::usage(format!("--ttl: expected a time such as 15m, 8h or 7d, found {ttl:?}"));
    let (digits, unit) = ttl.split_at(ttl.find(|char: char| !char.is_ascii_digit()).unwrap_or(ttl.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
    // A year; what must hold longer is a key.
    let seconds =
        count.checked_mul(seconds).filter(|seconds| *seconds <= 365 * 24 * 60 * 60).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

/// In UTC, to the second.
fn shown(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| "a time far away".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
