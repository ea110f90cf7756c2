// Key of the conversation in the session storage, which lasts until the tab is closed. Servers under several
// paths of one host must not share it.
const STORE = "replyd " + location.pathname;
const KEPT_MESSAGES = 200;
const MOST_OFFERS = 6;
// A greeting is the first message and comes at once; after this time, none is expected.
const GREETING_TIME = 300;
const CONNECT_TIME = 15000;
const ANSWER_TIME = 30000;
// Time after which the connection counts as dead if a server that listens has not confirmed a question, and
// time in the background after which it may be dead. A network that drops a connection does not report it.
const DOUBT_TIME = 3000;
const HIDDEN_TIME = 30000;
// Time within which choosing the same again is a double click, or a key that is held.
const CHOICE_TIME = 500;
const [log, waiting, begun, state, ask, text, fault, unlock, key, refused] =
  ["log", "waiting", "begun", "state", "ask", "text", "fault", "unlock", "key", "refused"].map((id) => document.getElementById(id));
const scroller = log.parentElement;
// What the server has put into the page: the limit, whether the widget shows it, the owner's telephone
// number, and the texts in the visitor's language.
const { maxBytes, embedded, phone, ...words } = document.body.dataset;
const isEmbedded = embedded !== undefined && parent !== window;
// A keyboard on the screen would cover the conversation, so such visitors have to ask for it.
const hasKeyboard = !matchMedia("(pointer: coarse)").matches;

// Scripts that are written without spaces, in which a letter can precede or follow an address directly.
const DENSE = String.raw`\u0e00-\u0eff\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\u{20000}-\u{3ffff}`;
// What is never part of an address, such as marks of direction.
const NEVER = String.raw`\s<>"\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff`;
const TEL = String.raw`tel:\+?\d(?:[ \u00a0()./-]{0,2}\d){2,17}`;
const NAME = String.raw`(?:(?![${DENSE}])[\p{L}\p{N}-])+`;
// What may be a link, with the character before it: a web address, an email address, or a telephone number.
// No other scheme is safe to follow. A telephone number other than the owner's must begin with "tel:" or "+",
// so that prices and dates are not mistaken for one.
const LINK = new RegExp(`(^|[^\\p{L}\\p{N}._%+@/-]|[${DENSE}])(` + [
  String.raw`(?:https?:\/\/|www\.|mailto:)(?:[^${NEVER}${DENSE}]+|[^${NEVER}\u3000-\u303f\uff00-\uffef]+)`,
  TEL,
  String.raw`(?:(?![${DENSE}])[\p{L}\p{N}._%+-]){1,64}@${NAME}(?:\.${NAME})+`,
  String.raw`\+\d(?:[ \u00a0()./-]{0,2}\d){6,14}(?!\d|[.,]\d|\s?[%€$£])`,
  ...(/^\+?[\d ()./-]+\d$/.test(phone) ? [phone.replace(/[()./+]/g, "\\$&") + String.raw`(?!\d)`] : []),
].join("|") + ")", "giu");
// Links with words, as the owner writes them. The address may contain a pair of brackets.
const LABELLED = new RegExp(String.raw`\[([^\[\]\n]+)\]\((https?:\/\/(?:[^\s()]|\([^\s()]*\))+|${TEL})\)`, "giu");
// Punctuation after an address is not part of it, in any language, and neither is a bracket that was opened
// before it.
const AFTER = /[.,;:!?'"`*…‚‘’„“”‹›«»،؛؟۔।]$/u;
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

const kept = load();
// Whether this connection has received its first message, which is the greeting unless a question was asked
// before.
let hasReceived = false;
// Whether the server is waiting for the next question. While it works on one, or does not report this, its
// silence means nothing.
let isListening = false;
// How many questions were sent over this connection, and how many of them have arrived.
let sent = 0;
let arrived = 0;
// Unanswered questions, the oldest first: each gets one answer, in order.
let pending = [];
// Questions to ask again over the next connection. Each is asked twice at most.
let again = [];
// When the page was hidden.
let hiddenSince = Date.now();
// The previous conversation, until something is said in the new one.
let previous;
// Whether the newest message is in view; while the visitor reads earlier ones, nothing scrolls.
let isScrolledToEnd = true;
// Whether to send the draft as soon as there is a connection.
let sendWhenReady = false;
// A key from the address, while another one is in use.
let otherKey = "";
// Whether the keyboard was used last, and not a finger or a mouse.
let usesKeyboard = false;
let timeout;

function load() {
  const empty = { messages: [], draft: "", key: "", greeting: "" };
  try {
    return { ...empty, ...JSON.parse(sessionStorage.getItem(STORE)) };
  } catch {
    return empty;
  }
}

// Storage may be full, or blocked in a frame. The conversation is then lost when the page is left.
function save() {
  try {
    kept.messages.splice(0, kept.messages.length - KEPT_MESSAGES);
    sessionStorage.setItem(STORE, JSON.stringify(kept));
  } catch { /* see above */ }
}

// --- the connection

function openConnection() {
  say(words.connecting);
  openSocket("chat", ["replyd.page", "replyd"]);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => wait(GREETING_TIME, ready);
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") received(data);
    else if (data.byteLength < 2) noted(new Uint8Array(data)[0]);
    else received(new TextDecoder().decode(data));
  };
  wait(CONNECT_TIME, () => lost(words.silent));
}

// Replaces the previous timeout: at any time, the page waits for one thing only.
function wait(time, then) {
  clearTimeout(timeout);
  timeout = setTimeout(then, time);
}

// The greeting has arrived, or is not expected any more.
function ready() {
  clearTimeout(timeout);
  isReady = true;
  pause = FIRST_PAUSE;
  fault.textContent = "";
  say("");
  showForm(ask);
  const questions = again;
  again = [];
  questions.forEach(put);
  if (sendWhenReady) submit();
}

function received(data) {
  const isGreeting = !hasReceived && (pending.length === 0 || data === kept.greeting);
  hasReceived = true;
  if (!isReady) ready();
  if (isGreeting) {
    // The conversation continues after a reconnection, so that the same greeting is not shown again.
    if (data === kept.greeting) return;
    kept.greeting = data;
  } else if (pending.length > 0) {
    pending.shift().state = "answered";
  }
  add({ from: "server", text: data, at: Date.now() });
  showWaiting();
  report("answered");
}

// The server reports that another question has arrived, or whether it is listening: "1" or "0".
function noted(byte) {
  isListening = byte === 0x31;
  if (byte === undefined) arrived += 1;
  showWaiting();
}

// Discards the connection. Questions without an answer get a button to send them again.
function drop() {
  clearTimeout(timeout);
  closeSocket();
  hasReceived = isListening = false;
  sent = arrived = 0;
  [...pending, ...again].forEach((question) => mark(question, "unanswered"));
  pending = again = [];
  showWaiting();
  save();
}

const isLost = (question) => question.number > arrived;

// Replaces a dead connection, and asks again what has not arrived. What has arrived is not asked twice: it
// may have been an order.
function renew() {
  const questions = pending.filter((question) => isLost(question) && !question.isRepeated);
  pending = pending.filter((question) => !questions.includes(question));
  drop();
  again = questions;
  again.forEach((question) => { question.isRepeated = true; });
  connect();
}

function lost(why) {
  drop();
  retryLater(why);
}

function keyInUse() {
  return kept.key;
}

// Whether the page should wait for the visitor before it connects again.
function isEnd(code) {
  if (code === 1000) offer(words.ended, words.startAgain, connect);
  return code === 1000;
}

// Why the server refused. Browsers do not reveal it for a WebSocket, but a plain request to the same path
// gets the same answer.
async function reason() {
  try {
    const headers = kept.key ? { "X-WS-AUTH-KEY": latin1(kept.key) } : {};
    const late = new AbortController();
    setTimeout(() => late.abort(), CONNECT_TIME);
    const answer = await fetch("chat", { headers, cache: "no-store", signal: late.signal });
    switch (answer.status) {
      // A program or a proxy may refuse for a reason other than the key.
      case 403: case 429: return [filled(words.failed, { status: answer.status }), (await answer.text()).includes("key")];
      case 426: return [words.blocked];
      case 503: return [words.full];
      default: return [filled(words.failed, { status: answer.status })];
    }
  } catch {
    return [navigator.onLine ? words.unreachable : words.offline];
  }
}

function offerRetry(why, when) {
  const contact = [words.lost, words.offline].includes(why) ? "" : words.contact;
  offer(`${why} ${when}`, words.tryNow, connect);
  const line = element("span", "contact");
  line.append(...linked(contact));
  if (contact) state.append(line);
}

function askForKey() {
  if (otherKey) {
    useOtherKey();
    return connect();
  }
  say("");
  refused.textContent = kept.key ? words.wrongKey : "";
  kept.key = "";
  save();
  showForm(unlock);
}

// Reconnects at once if a retry is scheduled, or if the connection may have died unnoticed.
function retryNow(mayBeDead) {
  if (retry) {
    pause = FIRST_PAUSE;
    connect();
  } else if (isListening && mayBeDead) {
    // Any answer proves that it is alive.
    socket.send(new Uint8Array());
    wait(DOUBT_TIME, renew);
  }
}

// --- input

function send(message, isDraft = false) {
  fault.textContent = "";
  if (!message.trim()) return false;
  const excess = excessOf(message);
  if (excess > 0) {
    fault.textContent = filled(words.tooLong, { characters: excess.toLocaleString(locale) });
    return false;
  }
  if (!isReady) {
    if (isDraft) {
      sendWhenReady = true;
      fault.textContent = words.kept;
    }
    connect();
    return false;
  }
  sendWhenReady = false;
  const question = { from: "me", text: message, at: Date.now(), state: "pending" };
  begun.hidden = true;
  add(question);
  put(question);
  return true;
}

// By how many characters a message is too long.
function excessOf(message) {
  const bytes = encoded(message);
  let end = maxBytes;
  // Not within a character.
  while (bytes[end] >> 6 === 2) end--;
  return [...new TextDecoder().decode(bytes.subarray(end))].length;
}

function put(question) {
  socket.send(question.text);
  question.number = sent += 1;
  pending.push(question);
  showWaiting();
}

function submit() {
  if (send(text.value, true)) {
    text.value = "";
    keepDraft();
  }
  text.focus();
}

// Asks a button's question. Without a connection, it becomes the draft, unless there is one.
function choose(question) {
  if (isReady || text.value) return send(question);
  text.value = question;
  keepDraft();
  submit();
  return false;
}

function keepDraft() {
  kept.draft = text.value;
  fault.textContent = "";
  sendWhenReady = false;
  save();
}

// Starts a new conversation, over a new connection, with a greeting. The previous one can be restored until
// the next question.
function startOver() {
  [...pending, ...again].forEach((question) => { question.state = "unanswered"; });
  pending = again = [];
  drop();
  // A second click must not replace the conversation that can be restored with an empty one.
  if (begun.hidden) previous = { messages: kept.messages, greeting: kept.greeting };
  begun.hidden = previous.messages.length === 0;
  replace({ messages: [], greeting: "" });
  connect();
}

function undo() {
  replace(previous);
  begun.hidden = true;
}

function replace(conversation) {
  Object.assign(kept, conversation);
  log.replaceChildren();
  kept.messages.forEach((message) => show(message, true));
  save();
  focusForm();
}

// Saves the conversation as a text file.
function download() {
  const line = ({ at, from, text }) => `${new Date(at).toLocaleString(locale)} ${from === "me" ? words.you : document.title}: ${text}\n`;
  const link = element("a", "");
  link.href = URL.createObjectURL(new Blob(kept.messages.map(line), { type: "text/plain" }));
  link.download = `${document.title} ${new Date().toISOString().slice(0, 10)}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), ANSWER_TIME);
  focusForm();
}

ask.onsubmit = (event) => {
  event.preventDefault();
  submit();
};
// A key may confirm or discard a word in an input method (for Chinese, say). In some browsers only the old
// key code 229 shows it.
const isOfInputMethod = (event) => event.isComposing || event.keyCode === 229;
text.onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !isOfInputMethod(event)) {
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
for (const [id, action] of [["save", download], ["anew", startOver], ["undo", undo]]) document.getElementById(id).onclick = action;
addEventListener("online", () => retryNow(true));
addEventListener("pageshow", (event) => retryNow(event.persisted));
addEventListener("hashchange", readAddress);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenSince = Date.now();
  else retryNow(Date.now() - hiddenSince > HIDDEN_TIME);
});
// A growing field, or a phone's keyboard, must not cover the newest answer. Until the log has been scrolled
// for that, its position does not show what the visitor wants: a scroll event may come first.
const heights = () => `${scroller.clientHeight} ${scroller.scrollHeight}`;
let seenHeights = heights();
scroller.onscroll = () => {
  if (heights() !== seenHeights) return;
  isScrolledToEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 100;
};
const resized = new ResizeObserver(() => {
  seenHeights = heights();
  if (isScrolledToEnd) scrollToNewest();
});
// The log also grows while the widget is closed, when nothing has a size.
[scroller, log].forEach((part) => resized.observe(part));
addEventListener("keydown", (event) => {
  usesKeyboard = event.key === "Tab";
  if (event.key === "Escape" && !isOfInputMethod(event)) report("close");
});
addEventListener("pointerdown", () => { usesKeyboard = false; });
// On phones the conversation has the focus, but needs no ring.
log.onfocus = () => scroller.classList.toggle("ring", usesKeyboard);
log.onblur = () => scroller.classList.remove("ring");
addEventListener("message", ({ source, data }) => {
  if (!isEmbedded || source !== parent) return;
  if (data?.replyd === "opened") focusField();
  if (data?.replyd === "ask") suggest(data.question);
});

// --- output

function add(message) {
  kept.messages.push(message);
  save();
  show(message);
}

// Shows a message, or replaces it. Screen readers do not read out what was said before.
function show(message, isSaidBefore = false) {
  const old = [...log.children].find((child) => child.message === message);
  const before = old ? old.previousElementSibling : log.lastElementChild;
  let entry;
  try {
    entry = entryOf(message, before?.message);
  } catch (error) {
    // It must not prevent the others from being shown.
    console.error(error);
    entry = element("div", "message");
    entry.append(element("div", "bubble", message.text));
  }
  if (isSaidBefore) entry.setAttribute("aria-live", "off");
  entry.message = message;
  const isAtEnd = isScrolledToEnd;
  if (old) old.replaceWith(entry);
  else log.append(entry);
  // Only the last of several messages in the same minute shows the time.
  const [time, timeBefore] = [entry, before].map((one) => one?.querySelector("time"));
  if (timeBefore) timeBefore.hidden = timeBefore.textContent === time?.textContent;
  if (log.children.length > KEPT_MESSAGES) log.firstChild.remove();
  if (isAtEnd || message.from === "me") scrollToNewest();
}

function entryOf(message, before) {
  const entry = element("div", message.from === "me" ? "message mine" : "message");
  const bubble = element("div", "bubble");
  const [body, offers] = message.from === "me" ? [message.text, []] : parts(message.text);
  // The direction of the text must not change the layout of the bubble.
  const content = element("div", "");
  content.dir = "auto";
  // Messages may be in another language than the page.
  content.lang = "";
  content.append(...(message.from === "me" ? autolinked(body) : linked(body)));
  bubble.append(content);
  const below = element("div", "below");
  const time = element("time", "", timeOf(message.at, before?.at ?? Date.now()));
  time.dateTime = new Date(message.at).toISOString();
  below.append(time);
  entry.append(element("span", "unseen", (message.from === "me" ? words.you : words.answer) + ": "));
  if (body.trim() || offers.length === 0) entry.append(bubble);
  if (offers.length > 0) entry.append(buttons(offers));
  entry.append(below);
  if (message.state === "unanswered") {
    entry.classList.add("unanswered");
    const again = element("button", "", words.sendAgain);
    again.type = "button";
    again.onclick = () => {
      if (choose(message.text)) mark(message, "repeated");
      text.focus();
    };
    below.append(` · ${words.noAnswer}`, again);
  }
  return entry;
}

// Includes the date unless it is today's and that of the previous message.
function timeOf(at, before) {
  const [date, ...others] = [at, before, Date.now()].map((time) => new Date(time));
  const isOfYear = others.every((other) => other.getFullYear() === date.getFullYear());
  const isOfDay = others.every((other) => other.toDateString() === date.toDateString());
  const day = isOfDay ? {} : { day: "numeric", month: "short", ...(isOfYear ? {} : { year: "numeric" }) };
  return date.toLocaleString(locale, { ...day, hour: "2-digit", minute: "2-digit" });
}

// The text of an answer, and the questions that it offers: its last lines, at most six, that begin with "> ".
function parts(answer) {
  const lines = answer.split("\n");
  let end = lines.length;
  while (lines.length - end < MOST_OFFERS && /^> .*\S/.test(lines[end - 1] ?? "")) end--;
  return [lines.slice(0, end).join("\n"), lines.slice(end).map((line) => line.slice(2))];
}

// Each button asks its question, once until that is answered, and once for a double click. All of them
// remain, since the visitor may want another one next.
function buttons(offers) {
  const group = element("div", "offers");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", words.choices);
  offers.forEach((offer) => {
    const button = element("button", "", offer);
    button.type = "button";
    button.dir = "auto";
    button.lang = "";
    let chosenAt = 0;
    button.onclick = (event) => {
      const isRepeated = Date.now() - chosenAt < CHOICE_TIME;
      chosenAt = Date.now();
      // The page may have moved another button under a second click.
      if (isRepeated || event.detail > 1 || [...pending, ...again].some((question) => question.text === offer)) return;
      choose(offer);
    };
    group.append(button);
  });
  return group;
}

// Scrolls to the end, or to the question of an answer that is too long for the view.
function scrollToNewest() {
  const newest = log.lastElementChild;
  const question = newest?.previousElementSibling;
  let end = scroller.scrollHeight;
  if (newest && newest.message.from !== "me") {
    const isQuestion = question?.message.from === "me" && question.offsetHeight < scroller.clientHeight / 2;
    const { top } = (isQuestion ? question : newest).getBoundingClientRect();
    end = scroller.scrollTop + top - scroller.getBoundingClientRect().top - 8;
  }
  // The browser stops at the end.
  scroller.scrollTop = end;
  isScrolledToEnd = true;
}

function mark(message, newState) {
  message.state = newState;
  save();
  show(message);
}

// The nodes of an answer: text, words that are links, and addresses. Text is never parsed as HTML.
function linked(answer) {
  const nodes = [];
  let end = 0;
  for (const { 0: found, 1: label, 2: address, index } of answer.matchAll(LABELLED)) {
    const target = targetOf(address);
    // A label that is itself an address could mislead.
    if (!target || autolinked(label).length > 1) continue;
    const link = linkTo(target, label);
    link.title = address;
    nodes.push(...autolinked(answer.slice(end, index)), link);
    end = index + found.length;
  }
  return [...nodes, ...autolinked(answer.slice(end))];
}

function autolinked(text) {
  const nodes = [];
  let end = 0;
  for (const { 1: before, 2: found, index } of text.matchAll(LINK)) {
    const address = trimmed(found);
    const target = targetOf(address);
    if (!target) continue;
    const start = index + before.length;
    nodes.push(text.slice(end, start), linkTo(target, address));
    end = start + address.length;
  }
  return [...nodes, text.slice(end)];
}

function linkTo(target, label) {
  const link = element("a", "", label);
  link.href = target;
  link.rel = "noopener noreferrer";
  link.target = "_blank";
  return link;
}

function trimmed(address) {
  const count = (sign) => address.split(sign).length;
  for (;;) {
    const last = address.slice(-1);
    if (!AFTER.test(address) && !(count(last) > count(BRACKETS[last] ?? last))) return address;
    address = address.slice(0, -1);
  }
}

// The URL of an address, if it is one.
function targetOf(address) {
  // The "(0)" after a country code is only for calls within the country.
  if (/^tel:|^\+/i.test(address) || address === phone) return "tel:" + address.replace(/(\+.*)\(0\)/, "$1").replace(/[^\d+]/g, "");
  if (/^mailto:./i.test(address)) return address;
  const isMailbox = address.includes("@") && !/^(?:https?:|www\.)/i.test(address);
  const target = isMailbox ? "mailto:" + address : /^www\./i.test(address) ? "https://" + address : address;
  try {
    new URL(target);
    return target;
  } catch { /* It only looks like one. */ }
}

// Reports to the widget, and passes the texts for its buttons. They are not secret, so any site may receive
// them.
function report(what) {
  const { close, unread } = words;
  if (isEmbedded) parent.postMessage({ replyd: what, close, unread, dir: document.documentElement.dir }, "*");
}

function element(name, className, content = "") {
  const created = document.createElement(name);
  created.className = className;
  created.textContent = content;
  return created;
}

function showWaiting() {
  const wasHidden = waiting.hidden;
  waiting.hidden = pending.length === 0;
  if (wasHidden && !waiting.hidden) scrollToNewest();
  if (!isReady) return;
  say("");
  clearTimeout(timeout);
  if (waiting.hidden) return;
  if (isListening && pending.some((question) => isLost(question) && !question.isRepeated)) return wait(DOUBT_TIME, renew);
  wait(ANSWER_TIME, () => offer(words.late, words.reconnect, () => lost(words.lost)));
}

function showForm(form) {
  if (!form.hidden) return;
  [ask, unlock].forEach((other) => { other.hidden = other !== form; });
  document.body.classList.toggle("locked", form === unlock);
  focusForm();
}

function say(sentence) {
  // Removing a focused button would lose the focus.
  if (state.contains(document.activeElement)) focusForm();
  state.textContent = sentence;
}

// A chat that opens by itself must not take the focus from the site.
function focusForm() {
  if (!isEmbedded || document.hasFocus()) focusField();
}

function focusField() {
  if (hasKeyboard) (ask.hidden ? key : text).focus();
  else log.focus({ preventScroll: true });
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

// --- the address, and keys

// Accepts a key and a question from the fragment of the address, and removes them from what is shown. The
// browser's history keeps them. The question is only a suggestion: following a link does not ask it.
function readAddress() {
  const fragment = location.hash.slice(1);
  const question = new URLSearchParams(fragment).get("q");
  // A plus sign stands for a blank in a question, and for itself in a key.
  const givenKey = new URLSearchParams(fragment.replaceAll("+", "%2B")).get("key");
  if (!givenKey && !question) return;
  history.replaceState(null, "", location.pathname + location.search);
  if (question) suggest(question);
  if (!givenKey) return;
  otherKey = givenKey.trim();
  // A page that opened this window can change its address, but must not replace the visitor's key. In a
  // frame, the site provides the key.
  if (kept.key && unlock.hidden && !isEmbedded) return;
  useOtherKey();
  if (!unlock.hidden) connect();
}

function useOtherKey() {
  kept.key = otherKey;
  otherKey = "";
  save();
}

// Does not replace what the visitor has typed.
function suggest(question) {
  if (text.value && text.value !== kept.suggestion) return;
  text.value = kept.suggestion = question;
  keepDraft();
}

text.value = kept.draft;
readAddress();
kept.messages.forEach((message) => {
  // Answers that were pending when the page was left are lost.
  if (message.state === "pending") message.state = "unanswered";
  show(message, true);
});
focusForm();
report("ready");
connect();
