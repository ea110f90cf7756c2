//! The receiving half of a session: waiting for the next event, within limits, rates and deadlines.

use std::{
    io::ErrorKind,
    sync::atomic::Ordering::Relaxed,
    time::{Instant, SystemTime},
};

use crossbeam_channel::{never, select};
use tungstenite::{Bytes, Error as WireError, Message};

use super::{Deadline, Event, READ_BUFFER_BYTES, Session, event_after_wait, limits, max_message_bytes};
use crate::{
    error::Error,
    metrics::add,
    stream::{Abort, Ending, WakeUps, answer_ping},
};

/// Allowance beyond `max_message_bytes` for the fragment headers and pings that a well-behaved peer sends
/// with a message.
const BUDGET_SLACK: usize = 64 * 1024;

impl Session {
    pub(super) fn next_until(&mut self, deadline: Option<Deadline>) -> Result<Option<Event>, Error> {
        if self.ending.is_some() {
            return Ok(None);
        }
        match self.next_event(deadline).and_then(|event| self.announce_working(&event).map(|()| event)) {
            Ok(event) => {
                self.was_woken = matches!(event, Event::Woken);
                Ok(Some(event))
            }
            // What was pushed before the stop is sent before the Close. Once: endless wake-ups must not delay
            // a stop.
            Err(Ending::Stop)
                if !std::mem::replace(&mut self.has_deferred_stop, true)
                    && self.socket.get_ref().take_wake_up() =>
            {
                Ok(Some(Event::Woken))
            }
            Err(ending) => self.end(ending),
        }
    }

    fn next_event(&mut self, deadline: Option<Deadline>) -> Result<Event, Ending> {
        self.announce_listening()?;
        if let Some(event) = self.throttle(deadline)? {
            return Ok(event);
        }
        if !self.was_woken && self.socket.get_ref().take_wake_up() {
            return Ok(Event::Woken);
        }
        self.begin_event();
        // An event that was received together with the previous one needs no wait, and so no deadline.
        let mut may_wait = !self.socket.get_ref().frames.has_undelivered();
        loop {
            if std::mem::replace(&mut may_wait, true) {
                let next = self.next_deadline();
                self.stream().read_by(deadline.map_or(next, |deadline| deadline.at.min(next)));
            }
            match self.socket.read() {
                Ok(message) => return self.received(message),
                Err(WireError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    self.check_deadlines()?;
                    if let Some(event) = event_after_wait(deadline, self.was_woken, self.socket.get_ref()) {
                        return Ok(event);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sets the limits of the next event, unless the wait for it began in an earlier call.
    fn begin_event(&mut self) {
        if !std::mem::replace(&mut self.has_begun_event, true) {
            let (budget, message_timeout) = (self.budget(), self.config.message_timeout);
            self.stream().begin_event(budget, message_timeout);
        }
    }

    fn budget(&self) -> usize {
        max_message_bytes(&self.config, self.has_role).saturating_add(BUDGET_SLACK)
    }

    fn received(&mut self, message: Message) -> Result<Event, Ending> {
        self.has_begun_event = false;
        self.apply_reload();
        self.pings.answered();
        self.stream().frames.delivered();
        let message = self.without_probe(message);
        // Before anything can end the session: tungstenite would send the pong after the Close.
        if let Message::Ping(payload) = &message {
            answer_ping(&mut self.socket, payload)?;
            self.holds_pongs = true;
        }
        let now = self.last_received();
        // `check_deadlines` runs only while nothing is received, which may be never: so these are checked
        // here too.
        if self.has_expired(now) {
            return Err(Ending::Expired);
        }
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        match message {
            Message::Text(_) | Message::Binary(_) => self.received_message(now, message.is_text())?,
            Message::Ping(_) | Message::Pong(_) => {
                self.rates.charge_control(now);
                // As above, for a client that only sends pings.
                if self.is_idle(now) {
                    return Err(Ending::Idle);
                }
            }
            Message::Frame(_) => {}
            Message::Close(_) => {
                // Sends tungstenite's answer to it. A failure changes nothing: the conversation is over
                // either way.
                let _ = self.socket.flush();
                let _ = self.send_gathered();
                self.ending = Some(Ending::Closed);
            }
        }
        Event::from_message(message).ok_or_else(|| Ending::Protocol("unexpected raw frame".into()))
    }

    fn received_message(&mut self, now: Instant, is_text: bool) -> Result<(), Ending> {
        // A slow handler must not hold back pongs.
        if std::mem::take(&mut self.holds_pongs) {
            self.send_gathered()?;
        }
        self.stream().end_idling();
        let rate = if self.has_role { 0 } else { self.config.messages_per_second };
        self.rates.charge(now, rate);
        self.awaits_reply = true;
        add(&self.connection.state.traffic.messages_received, 1);
        self.count_bytes();
        if is_text { self.confirm_arrival() } else { Ok(()) }
    }

    fn last_received(&self) -> Instant {
        self.socket.get_ref().last_received
    }

    /// Applies settings that have changed since the previous event.
    fn apply_reload(&mut self) {
        let generation = self.connection.registry.generation();
        if generation != self.generation {
            self.generation = generation;
            self.config = self.connection.registry.config();
            let limits = limits(max_message_bytes(&self.config, self.has_role), READ_BUFFER_BYTES);
            self.socket.set_config(|config| *config = limits);
            let budget = self.budget();
            self.stream().renew_budget(budget);
            self.stream().write_timeout = self.config.write_timeout;
            self.update_expiry();
        }
    }

    /// Computes `expires_at`, which a reload may have changed with the key's expiry.
    pub(super) fn update_expiry(&mut self) {
        let time = self
            .connection
            .state
            .admission
            .get()
            .and_then(|admission| admission.expires_at(&self.config.keys));
        let left = time.map(|time| time.duration_since(SystemTime::now()).unwrap_or_default());
        self.expires_at = left.and_then(|left| Instant::now().checked_add(left));
    }

    pub(super) fn count_bytes(&self) {
        let stream = self.socket.get_ref();
        self.connection.state.traffic.bytes_received.store(stream.bytes_received, Relaxed);
        self.connection.state.traffic.bytes_sent.store(stream.bytes_sent, Relaxed);
    }

    /// Waits until the client is no longer too far ahead of its rates, or until `deadline` or a wake-up. The
    /// client's input stays in the system's buffers meanwhile, which slows the client down.
    fn throttle(&mut self, deadline: Option<Deadline>) -> Result<Option<Event>, Ending> {
        let Some(excess) = self.rates.excess(self.last_received()) else { return Ok(None) };
        // The client may be waiting for these replies.
        self.send_gathered()?;
        let left = deadline.map(|deadline| deadline.at.saturating_duration_since(Instant::now()));
        let left = left.filter(|left| *left < excess);
        let no_wake_ups = never();
        let wake_ups = self.socket.get_ref().timed.wake_ups().map_or(&no_wake_ups, WakeUps::received);
        // Not a sleep: a stop closes the channel, and ends the wait.
        let event = select! {
            recv(self.connection.registry.stopping) -> _ => return Err(Ending::Stop),
            recv(wake_ups) -> _ => Some(Event::Woken),
            default(left.unwrap_or(excess)) => left.map(|_| Event::Timeout),
        };
        // The client may have sent enough input for minutes of throttling, during which nothing else checks
        // these.
        if self.connection.state.stop_flags.abort() == Some(Abort::Withdrawn) {
            return Err(Ending::Withdrawn);
        }
        if self.has_expired(Instant::now()) { Err(Ending::Expired) } else { Ok(event) }
    }

    fn next_deadline(&self) -> Instant {
        let others = [self.idle_due(), self.expires_at];
        others.into_iter().flatten().fold(self.ping_due(), Instant::min)
    }

    /// Time of the next ping: `ping_interval` after the last sign of life, or the last ping.
    fn ping_due(&self) -> Instant {
        self.pings.due(self.last_received(), self.config.ping_interval)
    }

    /// Time at which the session ends for lack of messages, if there is an `idle_timeout`.
    fn idle_due(&self) -> Option<Instant> {
        let timeout = self.config.idle_timeout;
        (!timeout.is_zero()).then(|| self.socket.get_ref().idle_since + timeout)
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.idle_due().is_some_and(|due| now >= due)
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    /// Ends the session or sends a ping when one of these is due. Runs whenever a read has reached its
    /// deadline.
    fn check_deadlines(&mut self) -> Result<(), Ending> {
        self.apply_reload();
        let now = Instant::now();
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        if self.has_expired(now) {
            return Err(Ending::Expired);
        }
        if self.is_idle(now) {
            return Err(Ending::Idle);
        }
        if now >= self.ping_due() {
            self.pings.send(now, self.config.ping_interval)?;
            self.socket.send(Message::Ping(Bytes::new()))?;
        }
        Ok(())
    }
}
