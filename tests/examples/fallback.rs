//! The bot with a fallback of one's own, for messages that no reply answers: here, sums.

use replyd::{Config, Error, Replies, RunningServer, Server, bot_or};

fn main() -> Result<(), Error> {
    let server = start("127.0.0.1:9006")?;
    println!("ws://{}", server.local_addr());
    server.wait();
    Ok(())
}

pub(crate) fn start(address: &str) -> Result<RunningServer, Error> {
    let mut config = Config::plain();
    config.listen = address.to_owned();
    config.greeting = "Ask about our shop, or for a sum like 3 + 4.".to_owned();
    config.replies = Replies::from_pairs([
        ("opening hours | when & open", "From 9 to 5, Monday to Friday."),
        ("parking | park*", "Behind the house."),
        ("unknown", "Nobody knows."),
    ])?;
    Server::with_config(config)?.start(|session| bot_or(session, sum))
}

/// The sum that a message asks for; `None` leaves it to the bot.
fn sum(message: &str) -> Option<String> {
    let numbers: Option<Vec<i64>> = message.split('+').map(|number| number.trim().parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() > 1);
    let sum = numbers?.into_iter().try_fold(0_i64, i64::checked_add)?;
    Some(sum.to_string())
}
