//! `replyd token new` and `replyd token check`.

use std::{
    io::{Write, stderr, stdin},
    time::{Duration, SystemTime},
};

use clap::Subcommand;
use jiff::Timestamp;
use replyd::{Config, Key, parse_duration};

use crate::console::{Escaped, Failure, FileArgs, input_lines, print};

/// How to make the missing file, and which setting names it.
const NO_SECRET: &str = "cannot sign a token: jwt_secret_file is not set; make a secret with
  (umask 077; head -c 48 /dev/urandom | base64 > jwt.secret)
and put this line under [auth] in the configuration:
  jwt_secret_file = jwt.secret";

/// Make and check access tokens.
#[derive(clap::Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Print a token signed with the secret in jwt_secret_file.
    New {
        #[command(flatten)]
        file: FileArgs,
        /// Name that the server's log shows for the client.
        #[arg(long)]
        name: String,
        /// Lifetime, with a unit: s, m, h or d; at most a year.
        #[arg(long, value_name = "TIME")]
        ttl: String,
    },
    /// Report whether a server with this configuration accepts a token: its name and end, or why not.
    Check {
        #[command(flatten)]
        file: FileArgs,
        /// The token; safer as a line of input, since other users can see command lines.
        token: Option<String>,
    },
}

impl TokenArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            TokenCommand::New { file, name, ttl } => new(&file.load()?.config, &name, &ttl),
            TokenCommand::Check { file, token } => check(&file.load()?.config, token),
        }
    }
}

fn new(config: &Config, name: &str, ttl: &str) -> Result<(), Failure> {
    // Names of tokens follow the rules for names of keys: the log shows both alike. The secret is a dummy.
    Key::new(name, "0123456789abcdef")?;
    let lifetime = ttl_of(ttl)?;
    if !config.tokens.can_sign() {
        return Err(Failure::usage(NO_SECRET));
    }
    let token = config.tokens.mint(name, lifetime)?;
    print(token)?;
    let _ = writeln!(
        stderr(),
        "This token admits {name} to the server until {}.",
        shown(SystemTime::now() + lifetime)
    );
    Ok(())
}

fn check(config: &Config, token: Option<String>) -> Result<(), Failure> {
    if config.tokens.is_empty() {
        return Err(Failure::usage(
            "cannot check a token: neither jwt_secret_file nor jwt_public_key_file is set",
        ));
    }
    let token = match token {
        Some(token) => token,
        None => input_lines(stdin().lock())
            .next()
            .unwrap_or_else(|| Err(Failure::usage("there is no token on stdin")))?,
    };
    let verified =
        config.tokens.verify(token.trim()).map_err(|why| Failure::new(format!("not valid: {why}")))?;
    print(format_args!("valid: {}, until {}", Escaped::for_log(&verified.name), shown(verified.until)))
}

/// Parses a lifetime: a whole number above 0 with the unit s, m, h or d.
fn ttl_of(ttl: &str) -> Result<Duration, Failure> {
    let lifetime = parse_duration(ttl).map_err(|error| Failure::usage(format!("--ttl: {error}")))?;
    // `exp` is in whole seconds (RFC 7519, section 2).
    if lifetime < Duration::from_secs(1) {
        return Err(Failure::usage(format!("--ttl: expected a second at least, found {ttl:?}")));
    }
    Ok(lifetime)
}

/// A time in UTC, to the second.
fn shown(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| "a time in the far future".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
