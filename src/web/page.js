"use strict";

// What the conversation is kept under, for this tab and until it is closed.
const STORE = "replyd";
const KEPT_MESSAGES = 200;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
// Only these become links, and the marks of a sentence behind them do not belong to them.
const LINK = /\b(?:https?:\/\/|mailto:|tel:)[^\s<>"]*[^\s<>".,;:!?'()[\]{}]/gi;

const [log, waiting, state, ask, text, fault, unlock, key, refused] =
  ["log", "waiting", "state", "ask", "text", "fault", "unlock", "key", "refused"].map((id) => document.getElementById(id));
const scroller = log.parentElement;
const { greets, maxBytes } = document.body.dataset;

const kept = load();
let socket;
let isOpen = false;
// Questions under way, the eldest first: each gets one answer, in order.
let pending = [];
let expectsGreeting = false;
let pause = FIRST_PAUSE;
let timer;

function load() {
  const empty = { messages: [], draft: "", key: "" };
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
  clearTimeout(timer);
  if (socket) return;
  say("Connecting …");
  const url = new URL("chat", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  socket = new WebSocket(url, kept.key ? ["replyd", "bearer." + base64url(kept.key)] : ["replyd"]);
  socket.onopen = opened;
  socket.onmessage = (event) => received(event.data);
  socket.onclose = closed;
}

function opened() {
  isOpen = true;
  pause = FIRST_PAUSE;
  expectsGreeting = greets === "yes";
  say("");
  showForm(ask);
}

function received(data) {
  if (expectsGreeting) {
    expectsGreeting = false;
    // After a break the conversation goes on; nobody needs to be greeted twice.
    if (kept.messages.length > 0) return;
  } else {
    const question = pending.shift();
    if (question) mark(question, "answered");
  }
  add({ from: "server", text: String(data), at: Date.now() });
  showWaiting();
}

async function closed(event) {
  const wasOpen = isOpen;
  socket = undefined;
  isOpen = false;
  pending.forEach((question) => mark(question, "unanswered"));
  pending = [];
  showWaiting();
  save();
  if (wasOpen && event.code === 1000) return offer("The conversation has ended.", "Start again");
  if (wasOpen && event.code !== 1008) return later("The connection was lost.");
  const [why, needsKey] = await reason();
  if (needsKey) return askForKey();
  later(why);
}

// A browser does not say why a WebSocket was refused; a plain request to the same place does.
async function reason() {
  try {
    const headers = kept.key ? { "X-WS-AUTH-KEY": latin1(kept.key) } : {};
    const answer = await fetch("chat", { headers, cache: "no-store" });
    switch (answer.status) {
      case 403: return ["This chat needs a key.", (await answer.text()).includes("key")];
      case 426: return ["The connection failed, although the server takes new ones: something in between may not let WebSockets through."];
      case 503: return ["The chat is full, or about to restart."];
      default: return [`The server answers with ${answer.status}.`];
    }
  } catch {
    return [navigator.onLine ? "The server cannot be reached." : "You are offline."];
  }
}

function later(why) {
  const wait = pause * (0.5 + Math.random() / 2);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
  timer = setTimeout(connect, wait);
  offer(`${why} Trying again in ${Math.max(1, Math.round(wait / 1000))} s.`, "Try now");
}

function askForKey() {
  say("");
  refused.textContent = kept.key ? "That key is not accepted." : "";
  kept.key = "";
  save();
  showForm(unlock);
}

function hurry() {
  // Only where a connection is being waited for.
  if (timer && !socket && unlock.hidden) {
    pause = FIRST_PAUSE;
    connect();
  }
}

// --- what the person does

function send(message) {
  fault.textContent = "";
  if (!message.trim()) return false;
  const bytes = new TextEncoder().encode(message).length;
  if (bytes > maxBytes) {
    fault.textContent = `This is too long: ${bytes} of at most ${maxBytes} bytes.`;
    return false;
  }
  if (!isOpen) {
    fault.textContent = "Not connected yet; your message is kept.";
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
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  }
};
text.oninput = keepDraft;
unlock.onsubmit = (event) => {
  event.preventDefault();
  kept.key = key.value;
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
  if (event.key === "Escape" && parent !== window) parent.postMessage("replyd: close", "*");
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
  const old = [...log.children].find((child) => child.message === message);
  entry.message = message;
  if (old) old.replaceWith(entry);
  else log.append(entry);
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
  waiting.hidden = pending.length === 0;
  scroller.scrollTop = scroller.scrollHeight;
}

function showForm(form) {
  if (!form.hidden) return;
  [ask, unlock].forEach((other) => { other.hidden = other !== form; });
  (form === ask ? text : key).focus();
}

function say(sentence) {
  state.textContent = sentence;
}

function offer(sentence, label) {
  const button = element("button", "", label);
  button.type = "button";
  button.onclick = () => {
    connect();
    text.focus();
  };
  say(sentence);
  state.append(button);
}

// --- keys

// A key in the address is taken out of it, so that it stays in no history.
function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B")).get("key");
  if (!given) return;
  history.replaceState(null, "", location.pathname + location.search);
  kept.key = given;
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
