"use strict";

// What the conversation is kept under, for this tab and until it is closed.
const STORE = "replyd " + location.pathname;
const KEPT_MESSAGES = 200;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
// A server that greets does so with its first breath; one that is silent so long does not greet.
const GREETING_TIME = 300;
const CONNECT_TIME = 15000;
const ANSWER_TIME = 30000;
// Only these become links, and the marks of a sentence behind them do not belong to them.
const LINK = /\b(?:https?:\/\/|mailto:|tel:)[^\s<>"\u3000-\u303f\uff00-\uffef]*[^\s<>".,;:!?'()[\]{}\u3000-\u303f\uff00-\uffef]/gi;

const [log, waiting, state, ask, text, fault, unlock, key, refused] =
  ["log", "waiting", "state", "ask", "text", "fault", "unlock", "key", "refused"].map((id) => document.getElementById(id));
const scroller = log.parentElement;
const { maxBytes } = document.body.dataset;

const kept = load();
let socket;
// Whether the greeting is over, so that what comes next are answers.
let isReady = false;
// Questions under way, the eldest first: each gets one answer, in order.
let pending = [];
// Whether what is typed is to be sent as soon as that is possible.
let isWaiting = false;
let pause = FIRST_PAUSE;
let retry;
let patience;

function load() {
  const empty = { messages: [], draft: "", key: "", greeting: "" };
  try {
    return { ...empty, ...JSON.parse(sessionStorage.getItem(STORE)) };
  } catch {
    return empty;
  }
}

// Storage may be full, or forbidden in a frame; then the conversation lasts as long as the page.
function save() {
  try {
    kept.messages.splice(0, kept.messages.length - KEPT_MESSAGES);
    sessionStorage.setItem(STORE, JSON.stringify(kept));
  } catch { /* as said above */ }
}

// --- the connection

function connect() {
  clearTimeout(retry);
  retry = undefined;
  if (socket) return;
  say("Connecting …");
  const url = new URL("chat", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  socket = new WebSocket(url, kept.key ? ["replyd", "bearer." + base64url(kept.key)] : ["replyd"]);
  socket.onopen = () => wait(GREETING_TIME, ready);
  socket.onmessage = (event) => received(String(event.data));
  socket.onclose = (event) => closed(event);
  wait(CONNECT_TIME, () => lost("The server did not respond."));
}

// There is one thing at a time that may take too long.
function wait(time, then) {
  clearTimeout(patience);
  patience = setTimeout(then, time);
}

function ready() {
  clearTimeout(patience);
  isReady = true;
  pause = FIRST_PAUSE;
  fault.textContent = "";
  say("");
  showForm(ask);
  if (isWaiting) submit();
}

function received(data) {
  if (!isReady) {
    ready();
    // After a break the conversation goes on; nobody needs to be greeted twice.
    if (data === kept.greeting && kept.messages.length > 0) return;
    kept.greeting = data;
  } else if (pending.length > 0) {
    pending.shift().state = "answered";
  }
  add({ from: "server", text: data, at: Date.now() });
  showWaiting();
}

// The connection is over; what was asked and not answered can be asked again.
function drop() {
  clearTimeout(patience);
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  socket = undefined;
  isReady = false;
  pending.forEach((question) => mark(question, "unanswered"));
  pending = [];
  showWaiting();
  save();
}

function lost(why) {
  drop();
  later(why);
}

async function closed(event) {
  const wasReady = isReady;
  drop();
  if (wasReady && event.code === 1000) return offer("The conversation has ended.", "Start again", connect);
  if (wasReady && event.code !== 1008) return later("The connection was lost.");
  const key = kept.key;
  const [why, needsKey] = await reason();
  // Meanwhile the visitor may have tried again, or with another key.
  if (socket || retry || key !== kept.key) return;
  if (needsKey) return askForKey();
  later(why);
}

// A browser does not say why a WebSocket was refused; a plain request to the same place does.
async function reason() {
  try {
    const headers = kept.key ? { "X-WS-AUTH-KEY": latin1(kept.key) } : {};
    const answer = await fetch("chat", { headers, cache: "no-store", signal: AbortSignal.timeout(CONNECT_TIME) });
    switch (answer.status) {
      case 403: return ["This chat needs a key.", (await answer.text()).includes("key")];
      case 426: return ["The connection failed although the server accepts new ones. A proxy in between may block WebSockets, or 'origins' may not include this address."];
      case 503: return ["The chat is full, or about to restart."];
      default: return [`The server answered with status ${answer.status}.`];
    }
  } catch {
    return [navigator.onLine ? "The server cannot be reached." : "You are offline."];
  }
}

function later(why) {
  const wait = pause * (0.5 + Math.random() / 2);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
  retry = setTimeout(connect, wait);
  offer(`${why} Trying again in ${Math.max(1, Math.round(wait / 1000))} s.`, "Try now", connect);
}

function askForKey() {
  say("");
  refused.textContent = kept.key ? "That key is not accepted." : "";
  kept.key = "";
  save();
  showForm(unlock);
}

// Only where a connection is being waited for.
function hurry() {
  if (!retry) return;
  pause = FIRST_PAUSE;
  connect();
}

// --- what the person does

function send(message) {
  fault.textContent = "";
  if (!message.trim()) return false;
  const bytes = new TextEncoder().encode(message).length;
  if (bytes > maxBytes) {
    fault.textContent = `Your message is too long: ${bytes} bytes, and the limit is ${maxBytes}.`;
    return false;
  }
  isWaiting = !isReady;
  if (!isReady) {
    fault.textContent = "Not connected. Your message is kept and will be sent when the server is back.";
    connect();
    return false;
  }
  socket.send(message);
  const question = { from: "me", text: message, at: Date.now(), state: "pending" };
  pending.push(question);
  add(question);
  showWaiting();
  return true;
}

function submit() {
  if (send(text.value)) {
    text.value = "";
    keepDraft();
  }
  text.focus();
}

function keepDraft() {
  kept.draft = text.value;
  fault.textContent = "";
  isWaiting = false;
  save();
}

function clear() {
  kept.messages = [...pending];
  log.replaceChildren();
  kept.messages.forEach(show);
  save();
  text.focus();
}

ask.onsubmit = (event) => {
  event.preventDefault();
  submit();
};
text.onkeydown = (event) => {
  // Some browsers end the writing of a Chinese word with an Enter that only its old code gives away.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
    event.preventDefault();
    submit();
  }
};
text.oninput = keepDraft;
unlock.onsubmit = (event) => {
  event.preventDefault();
  kept.key = key.value.trim();
  key.value = "";
  refused.textContent = "";
  save();
  connect();
};
document.getElementById("clear").onclick = clear;
addEventListener("online", hurry);
addEventListener("hashchange", takeKey);
document.addEventListener("visibilitychange", () => document.hidden || hurry());
// Whoever put this page into a frame may want to close it.
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing && parent !== window) parent.postMessage("replyd: close", "*");
});

// --- what the person sees

function add(message) {
  kept.messages.push(message);
  save();
  show(message);
}

function show(message) {
  const entry = element("div", message.from === "me" ? "message mine" : "message");
  const bubble = element("div", "bubble");
  bubble.dir = "auto";
  bubble.append(...linked(message.text));
  const below = element("div", "below");
  const time = element("time", "", new Date(message.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = new Date(message.at).toISOString();
  below.append(time);
  entry.append(element("span", "unseen", message.from === "me" ? "You: " : "Answer: "), bubble, below);
  if (message.state === "unanswered") {
    entry.classList.add("unanswered");
    const again = element("button", "", "Send again");
    again.type = "button";
    again.onclick = () => {
      if (send(message.text)) mark(message, "repeated");
      text.focus();
    };
    below.append(" · no answer", again);
  }
  entry.message = message;
  const old = [...log.children].find((child) => child.message === message);
  // Whoever reads what was said before is left in peace.
  const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 100;
  if (old) old.replaceWith(entry);
  else log.append(entry);
  if (log.children.length > KEPT_MESSAGES) log.firstChild.remove();
  if (isAtEnd || message.from === "me") scrollToEnd();
}

function scrollToEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

function mark(message, newState) {
  message.state = newState;
  save();
  show(message);
}

// Text, with its links; nothing in it is ever taken for HTML.
function linked(message) {
  const parts = [];
  let end = 0;
  for (const { 0: address, index } of message.matchAll(LINK)) {
    const link = element("a", "", address);
    link.href = address;
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    parts.push(message.slice(end, index), link);
    end = index + address.length;
  }
  return [...parts, message.slice(end)];
}

function element(name, className, content = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = content;
  return made;
}

function showWaiting() {
  const wasHidden = waiting.hidden;
  waiting.hidden = pending.length === 0;
  if (wasHidden && !waiting.hidden) scrollToEnd();
  if (!isReady) return;
  say("");
  clearTimeout(patience);
  const again = () => lost("The connection was closed.");
  if (!waiting.hidden) wait(ANSWER_TIME, () => offer("There is no answer yet.", "Reconnect", again));
}

function showForm(form) {
  if (!form.hidden) return;
  [ask, unlock].forEach((other) => { other.hidden = other !== form; });
  (form === ask ? text : key).focus();
}

function say(sentence) {
  // The button that goes takes the focus with it.
  if (state.contains(document.activeElement)) focusForm();
  state.textContent = sentence;
}

function focusForm() {
  (ask.hidden ? key : text).focus();
}

function offer(sentence, label, action) {
  say(sentence);
  const button = element("button", "", label);
  button.type = "button";
  button.onclick = () => {
    focusForm();
    action();
  };
  state.append(button);
}

// --- keys

// A key in the address is taken out of it, so that it stays in no history.
function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B")).get("key");
  if (!given) return;
  history.replaceState(null, "", location.pathname + location.search);
  kept.key = given.trim();
  save();
  if (!unlock.hidden) connect();
}

function latin1(string) {
  return String.fromCharCode(...new TextEncoder().encode(string));
}

function base64url(string) {
  return btoa(latin1(string)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

takeKey();
kept.messages.forEach((message) => {
  // What was under way when the page was left has no answer.
  if (message.state === "pending") message.state = "unanswered";
  show(message);
});
text.value = kept.draft;
text.focus();
connect();
