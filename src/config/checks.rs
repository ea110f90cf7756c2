//! What the fields of settings may hold, and which of them a reload may change.

use std::collections::HashMap;

use super::{
    settings::{Config, MIN_MESSAGE_BYTES, SETTINGS, Setting},
    values::MAX_DURATION,
};
use crate::error::Error;

impl Config {
    /// Names of the settings that differ from `old`, apart from keys, tokens and the certificate.
    pub fn changes_since(&self, old: &Config) -> Vec<&'static str> {
        let changed = SETTINGS.iter().filter(|setting| (setting.differs)(self, old));
        let page_texts = (self.page_texts != old.page_texts).then_some("[page]");
        changed.map(|setting| setting.name).chain(page_texts).collect()
    }

    /// Fields can be set to anything, so a server checks them. Times are limited to a year.
    pub(crate) fn checked(mut self) -> Result<Config, Error> {
        self.check_values()?;
        let times = [
            &mut self.handshake_timeout,
            &mut self.message_timeout,
            &mut self.write_timeout,
            &mut self.ping_interval,
            &mut self.idle_timeout,
            &mut self.drain_delay,
            &mut self.drain_timeout,
        ];
        for time in times {
            *time = MAX_DURATION.min(*time);
        }
        Ok(self)
    }

    pub(crate) fn check_values(&self) -> Result<(), Error> {
        let positive = [
            ("handshake_timeout", self.handshake_timeout),
            ("message_timeout", self.message_timeout),
            ("write_timeout", self.write_timeout),
            ("ping_interval", self.ping_interval),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, time)| time.is_zero()) {
            return Err(Error::config(vec![format!("{name}: expected a time longer than zero")]));
        }
        if self.max_message_bytes < MIN_MESSAGE_BYTES {
            let sentence = format!("max_message_bytes: expected {MIN_MESSAGE_BYTES} at least");
            return Err(Error::config(vec![sentence]));
        }
        let mut names = HashMap::new();
        for key in &self.keys {
            if let Some(first) = names.insert(key.sha256_hex(), key.name()) {
                let sentence = format!(
                    "the keys {first} and {} have the same secret; give each one of its own",
                    key.name()
                );
                return Err(Error::config(vec![sentence]));
            }
        }
        Ok(())
    }

    /// Keeps the settings of `current` that need a restart, and returns the names of those that were to
    /// change.
    pub(crate) fn keep_fixed(&mut self, current: &Config) -> Vec<&'static str> {
        let mut changed = Vec::new();
        for Setting { name, differs, keep, .. } in SETTINGS {
            if let Some(keep) = keep.filter(|_| differs(self, current)) {
                keep(self, current);
                changed.push(*name);
            }
        }
        // A renewed certificate takes effect at once; switching TLS on or off needs a restart.
        if self.tls.is_some() != current.tls.is_some() {
            self.tls.clone_from(&current.tls);
            changed.push("tls_certificate");
        }
        changed
    }
}
