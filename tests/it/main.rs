//! One crate for all tests that go through real sockets, the real binary and real clients; a file for each behaviour.

mod support;

mod auth;
mod bot;
mod client;
mod corpus;
mod decisions;
mod door;
mod embed;
mod endings;
mod examples;
mod faq;
mod limits;
mod messages;
mod offers;
mod owner;
mod pairs;
mod refusals;
mod replies;
mod portable;
mod receipts;
mod rooms;
mod slow;
mod tested;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "jwt")]
mod tokens;
mod understanding;
#[cfg(unix)]
mod waking;
mod web;

#[cfg(feature = "cli")]
mod answers;
#[cfg(feature = "cli")]
mod article;
#[cfg(feature = "cli")]
mod balancer;
#[cfg(feature = "cli")]
mod browser;
#[cfg(feature = "cli")]
mod chat;
#[cfg(feature = "cli")]
mod config_errors;
#[cfg(feature = "cli")]
mod faults;
#[cfg(feature = "cli")]
mod files;
#[cfg(feature = "cli")]
mod guesses;
#[cfg(feature = "cli")]
mod install;
#[cfg(feature = "cli")]
mod large_files;
#[cfg(feature = "cli")]
mod log_sink;
#[cfg(feature = "cli")]
mod output;
#[cfg(feature = "cli")]
mod owner_page;
#[cfg(feature = "cli")]
mod owner_saving;
#[cfg(all(feature = "cli", feature = "tls"))]
mod proxies;
#[cfg(feature = "cli")]
mod readme;
#[cfg(feature = "cli")]
mod reload;
#[cfg(feature = "cli")]
mod signals;
#[cfg(feature = "cli")]
mod statistics;
#[cfg(feature = "cli")]
mod stop;
#[cfg(feature = "cli")]
mod websocat;
