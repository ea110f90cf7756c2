"use strict";

// What the page says. Another language is another table; what it lacks is taken from the English one. A name that ends in "_one" is for
// the number 1; the other categories of Intl.PluralRules ("_few", say) work the same way. Names in braces are filled in.
const TEXTS = {
  en: {
    title: "Owner's page",
    sections: "Sections",
    leave: "Sign out",
    key: "This page needs the owner's key",
    continue: "Continue",
    wrong_key: "That key is not accepted.",
    expired_key: "The key does not hold any more.",
    connecting: "Connecting…",
    lost: "The connection was lost.",
    silent: "The server did not respond.",
    failed: "The server answered with status {status}.",
    unreachable: "The server cannot be reached.",
    offline: "You are offline.",
    retry: "Trying again in {seconds} s.",
    try_now: "Try now",
    not_connected: "There is no connection at the moment. Try again when it is back.",
    too_long: "This is too long: {bytes} bytes, and the limit is {limit}.",
    now: "Now",
    clients: "Visitors connected",
    answers_a_minute: "Answers a minute",
    replies: "Replies",
    notices: "The file of replies needs your attention",
    statistics: "How it goes",
    period: "Period",
    days7: "7 days",
    days30: "30 days",
    days90: "90 days",
    days365: "A year",
    refresh: "Refresh",
    span: "From {first} to {last}",
    conversations: "Conversations",
    asked_questions: "Questions",
    percent: "Answered",
    guesses: "Answered by a guess",
    unknown: "Not answered",
    by_day: "Questions by day",
    by_month: "Questions by month",
    by_hour: "Questions by hour of the day",
    chart: "{title}: {most} at most ({when}). The table below has all numbers.",
    chart_empty: "{title}: none.",
    table: "As a table",
    day: "Day",
    month: "Month",
    hour: "Hour",
    asked: "Most asked",
    reply: "Reply",
    unused: "Never used",
    none: "None.",
    show_all: "Show all {n}",
    show_less: "Show {n} only",
    questions: "Questions",
    order: "Order",
    frequent: "Most frequent first",
    newest: "Newest first",
    unanswered: "Not answered",
    unanswered_hint: "What customers asked and no reply answers yet.",
    guessed: "Answered by a guess",
    guessed_hint: "What was answered only because it is similar to what a reply expects.",
    times: "{n} times",
    times_one: "once",
    last: "last on {day}",
    given: "Reply: {name}",
    answer: "Answer",
    confirm: "Correct: confirm",
    differ: "Wrong: answer differently",
    about: "{action}: {sentence}",
    answer_with: "Answer with",
    new_reply: "A new reply",
    your_reply: "Your reply",
    preview: "Preview",
    cancel: "Cancel",
    empty_reply: "Write the reply first.",
    lines: "What changes in the file",
    changes: "Other messages whose answer would change",
    before: "Before: {answer}",
    after: "After: {answer}",
    no_answer: "no answer",
    previewed: "Preview: {n} lines change.",
    previewed_one: "Preview: one line changes.",
    others: "{n} other messages would get another answer.",
    others_one: "One other message would get another answer.",
    others_none: "No other answer would change.",
    add: "Add",
    added: "Added: {sentence}",
    preview_again: "This is a new preview.",
    interrupted: "The connection was lost. Preview again to see whether it was added.",
    try: "Try it",
    try_label: "Ask as a customer would",
    ask: "Ask",
    why: "Why this answer",
    file: "The file",
    file_hint: "All replies, as a text to edit.",
    show: "Show the file",
    source: "Text of {name}",
    findings: "What the check finds",
    checking: "Checking…",
    errors: "Errors",
    failures: "Failing tests",
    warnings: "Warnings",
    n_errors: "{n} errors",
    n_errors_one: "1 error",
    n_failures: "{n} failing tests",
    n_failures_one: "1 failing test",
    n_warnings: "{n} warnings",
    n_warnings_one: "1 warning",
    all_well: "All is well.",
    line: "Line {n}",
    save: "Save…",
    save_now: "Save now",
    edit_on: "Keep editing",
    unchanged: "Nothing has been changed.",
    hindered: "It cannot be saved yet: {what}.",
    difference: "What will change",
    saving: "Saving…",
    saved: "Saved: {added}, {removed}.",
    lines_added: "{n} lines added",
    lines_added_one: "1 line added",
    lines_removed: "{n} lines removed",
    lines_removed_one: "1 line removed",
    changed_there: "Somebody else has changed the file in the meantime.",
    conflict: "Your text and the file differ",
    conflict_hint: "Lines with + are only in your text, lines with - only in the file as it is now.",
    keep_mine: "Keep mine and edit on",
    take_theirs: "Take the file as it is",
    taken: "This is the file as it is now.",
    kept: "Your text is kept. Saving it replaces the file as it is now.",
    more_lines: "{n} more lines",
    versions: "Earlier versions",
    version: "Go back to this version",
    go_back: "Go back",
    really: "Go back to the version of {at}? What is in the file now becomes an earlier version.",
    really_lost: "What you have changed here and not saved is lost.",
    went_back: "The file is as it was on {at}.",
  },
};

// Key of the session storage, which lasts until the tab is closed.
const STORE = "replyd owner " + location.pathname;
const MAX_BYTES = 12000;
const MOST_SHOWN = 20;
// Numbers of lines: beyond the first, a difference is not looked at closely; beyond the second, it is not shown.
const MOST_COMPARED = 2000;
const MOST_LINES = 1000;
const CONTEXT = 2;
const MOST_DAYS = 100;
const DAY = 86400000;
// All times are in milliseconds.
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const CONNECT_TIME = 15000;
const ANSWER_TIME = 30000;
const TYPING_TIME = 500;
const SAID_TIME = 10000;
const HIDDEN_TIME = 60000;

const { lang } = document.documentElement;
const words = { ...TEXTS.en, ...TEXTS[lang] };
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;
const plurals = new Intl.PluralRules(lang);
const at = (id) => document.getElementById(id);
const [state, unlock, key, refused, owner, source, said, order] =
  ["state", "unlock", "key", "refused", "owner", "source", "said", "order"].map(at);

let ownersKey = load();
let socket;
let isReady = false;
let pause = FIRST_PAUSE;
let retry;
let timeout;
let saidTimeout;
let hiddenSince = Date.now();
// What the server said last of itself.
let current = { names: [] };

// Storage may be blocked. The key is then asked for again when the page is loaded.
function load() {
  try {
    return sessionStorage.getItem(STORE) ?? "";
  } catch {
    return "";
  }
}

function keepKey(newKey) {
  ownersKey = newKey;
  try {
    if (newKey) sessionStorage.setItem(STORE, newKey);
    else sessionStorage.removeItem(STORE);
  } catch { /* see above */ }
}

// --- the connection

function connect() {
  clearTimeout(retry);
  retry = undefined;
  if (socket) return;
  if (!ownersKey) return askForKey("");
  state.textContent = words.connecting;
  const url = new URL("owner", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  socket = new WebSocket(url, ["replyd-owner", "bearer." + base64url(ownersKey)]);
  socket.onopen = ready;
  socket.onmessage = (event) => received(JSON.parse(event.data));
  socket.onclose = (event) => closed(event);
  timeout = setTimeout(() => lost(words.silent), CONNECT_TIME);
}

function ready() {
  clearTimeout(timeout);
  timeout = undefined;
  isReady = true;
  pause = FIRST_PAUSE;
  const hadFocus = state.contains(document.activeElement) || unlock.contains(document.activeElement);
  state.textContent = refused.textContent = "";
  unlock.hidden = true;
  owner.hidden = false;
  if (hadFocus) document.querySelector("nav a").focus();
  refresh();
  if (editor.isLoaded) send({ do: "file" });
  showHindrance();
}

function refresh() {
  send({ do: "statistics", since: at("since").value });
  send({ do: "questions" });
}

// Returns what prevents it from being sent, if anything does.
function send(message) {
  const text = JSON.stringify(message);
  if (!isReady) return words.not_connected;
  if (bytes(text) > MAX_BYTES) return filled(words.too_long, { bytes: bytes(text), limit: MAX_BYTES });
  socket.send(text);
  // A network that has forgotten the connection says nothing.
  timeout ??= setTimeout(() => lost(words.silent), ANSWER_TIME);
  return "";
}

const receivers = {
  now: showNow,
  notices: showNotices,
  statistics: showStatistics,
  questions: showQuestions,
  answer: showAnswer,
  proposal: showProposal,
  applied: showApplied,
  refused: (message) => (message.what === "apply" ? refusedToApply(message) : refusedToSave(message)),
  file: showFile,
  checked: showChecked,
  saved: showSaved,
  failed: ({ why }) => {
    forgetRequests(why);
    say(why);
  },
};

function received(message) {
  clearTimeout(timeout);
  timeout = undefined;
  receivers[message.kind]?.(message);
}

function drop() {
  clearTimeout(timeout);
  timeout = undefined;
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  socket = undefined;
  isReady = false;
  forgetRequests(words.interrupted);
}

function lost(why) {
  drop();
  retryLater(why);
}

async function closed(event) {
  const wasReady = isReady;
  drop();
  if (wasReady) return event.code === 1008 ? askForKey(words.expired_key) : retryLater(words.lost);
  const key = ownersKey;
  const [why, isWrong] = await reason();
  // There may be another key in the meantime.
  if (socket || retry || key !== ownersKey) return;
  if (isWrong) askForKey(words.wrong_key);
  else retryLater(why);
}

// Why there is no connection. Browsers do not reveal it, but a server that hands out the page was there to refuse the key.
async function reason() {
  try {
    const answer = await fetch("owner", { cache: "no-store", signal: AbortSignal.timeout(CONNECT_TIME) });
    return [filled(words.failed, { status: answer.status }), answer.ok];
  } catch {
    return [navigator.onLine ? words.unreachable : words.offline, false];
  }
}

function retryLater(why) {
  const wait = pause * (0.5 + Math.random() / 2);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
  retry = setTimeout(connect, wait);
  const again = filled(words.retry, { seconds: Math.max(1, Math.round(wait / 1000)) });
  const button = make("button", { type: "button", textContent: words.try_now, onclick: connect });
  const hadFocus = state.contains(document.activeElement);
  state.replaceChildren(`${why} ${again}`, button);
  if (hadFocus) button.focus();
}

function askForKey(why) {
  keepKey("");
  state.textContent = "";
  refused.textContent = why;
  owner.hidden = true;
  unlock.hidden = false;
  key.focus();
}

// Accepts a key from the fragment of the address, and removes it there so that it does not remain in the history.
function readAddress() {
  // A plus sign is part of a key, and not a blank.
  const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B")).get("key");
  if (!given) return;
  history.replaceState(null, "", location.pathname + location.search);
  keepKey(given.trim());
  drop();
  connect();
}

function latin1(string) {
  return String.fromCharCode(...new TextEncoder().encode(string));
}

function base64url(string) {
  return btoa(latin1(string)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// --- texts and elements

function bytes(text) {
  return new TextEncoder().encode(text).length;
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

function counted(name, n) {
  return filled(words[`${name}_${plurals.select(n)}`] ?? words[name], { n: number(n) });
}

function number(n) {
  return n.toLocaleString(locale, { maximumFractionDigits: 1 });
}

// A day ("2026-11-27") or a month ("2026-11") as people write it.
function date(day, style = { dateStyle: "medium" }) {
  const isMonth = day.length < 10;
  return new Date(day).toLocaleDateString(locale, { timeZone: "UTC", ...(isMonth ? { year: "numeric", month: "short" } : style) });
}

function time(moment) {
  return make("time", { dateTime: moment, textContent: timeText(moment) });
}

function timeText(moment) {
  return new Date(moment).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}

function make(name, properties = {}, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

// What customers and owners have written is in a language and direction of its own. It is text, and never parsed as HTML.
function theirs(name, text, className = "") {
  return make(name, { className, dir: "auto", lang: "", textContent: text });
}

function button(text, onclick, className = "") {
  return make("button", { type: "button", textContent: text, className, onclick });
}

// Unlike "disabled", this lets a button keep the focus.
function disable(button, isDisabled) {
  button.ariaDisabled = String(isDisabled);
}

// Announces what has happened.
function say(sentence) {
  clearTimeout(saidTimeout);
  said.textContent = sentence;
  saidTimeout = setTimeout(() => { said.textContent = ""; }, SAID_TIME);
}

// Hides a part, and moves a focus that is in it.
function hide(part, next) {
  if (part.contains(document.activeElement)) next.focus();
  part.hidden = true;
}

function figures(list, entries) {
  list.replaceChildren(...entries.map(([name, value]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }))));
}

function fillTable(table, headings, rows) {
  const heading = (textContent) => make("th", { textContent, scope: "col" });
  const row = ([first, ...cells]) => make("tr", {},
    make("th", { scope: "row", dir: "auto", textContent: first }), ...cells.map((n) => make("td", { textContent: number(n) })));
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...headings.map(heading))), make("tbody", {}, ...rows.map(row)));
}

// Draws the first of a long list, or all of it once that is asked for.
function limited(id, all, draw) {
  const more = at("more-" + id);
  const drawn = () => {
    const isWhole = more.ariaExpanded === "true";
    more.textContent = isWhole ? filled(words.show_less, { n: MOST_SHOWN }) : filled(words.show_all, { n: number(all.length) });
    draw(isWhole ? all : all.slice(0, MOST_SHOWN));
  };
  more.ariaExpanded ??= "false";
  more.hidden = all.length <= MOST_SHOWN;
  more.onclick = () => {
    more.ariaExpanded = String(more.ariaExpanded !== "true");
    drawn();
  };
  drawn();
}

// --- now

function showNow(message) {
  const hadNames = String(current.names);
  current = message;
  figures(at("counts"), ["clients", "answers_a_minute", "replies"].map((name) => [words[name], number(message[name])]));
  at("file-hint").textContent = `${message.file} – ${words.file_hint}`;
  document.querySelectorAll(".read-only").forEach((notice) => {
    notice.hidden = !message.read_only;
    notice.textContent = message.read_only ?? "";
  });
  source.readOnly = Boolean(message.read_only);
  showHindrance();
  lists.forEach(({ items }) => items.forEach((item) => {
    disableItem(item);
    if (item.panel?.choice && hadNames !== String(message.names)) offerNames(item.panel.choice);
  }));
}

function showNotices({ notices }) {
  const list = notices.map(({ at, text }) => make("li", {}, time(at), " ", theirs("span", text)));
  at("notices").className = list.length > 0 ? "notice" : "";
  at("notices").replaceChildren(...(list.length > 0 ? [make("strong", { textContent: words.notices }), make("ul", {}, ...list)] : []));
}

// --- how it goes

const charts = ["by-day", "by-hour"].map((id) => {
  const title = make("h3");
  const box = make("div");
  const table = make("table");
  at(id).append(title, box, make("details", {}, make("summary", { textContent: words.table }), table));
  return { title, box, table, bars: [], space: 0 };
});
const [byDay, byHour] = charts;

function showStatistics(message) {
  at("no-statistics").textContent = message.why ?? "";
  at("no-statistics").hidden = !message.why;
  at("with-statistics").hidden = Boolean(message.why);
  if (message.why) return;
  const { all, hours, replies, unused } = message;
  const span = filled(words.span, { first: date(message.first), last: date(message.last) });
  at("span").textContent = span;
  figures(at("sums"), [
    [words.conversations, number(all.conversations)],
    [words.asked_questions, number(all.questions)],
    [words.percent, `${number(message.percent_answered)} %`],
    [words.guesses, number(all.corrected + all.nearest)],
    [words.unknown, number(all.unknown)],
  ]);
  const [days, isByMonth] = periods(message);
  byDay.title.textContent = isByMonth ? words.by_month : words.by_day;
  byDay.space = 64;
  byDay.bars = days.map(({ day, questions }) => ({
    label: date(day, { day: "numeric", month: "short" }), name: date(day), value: questions,
  }));
  fillTable(byDay.table, [isByMonth ? words.month : words.day, words.asked_questions, words.conversations, words.unknown],
    days.map((sum) => [date(sum.day), sum.questions, sum.conversations, sum.unknown]));
  byHour.title.textContent = words.by_hour;
  byHour.space = 24;
  byHour.bars = hours.map((value, hour) => ({ label: String(hour), name: `${hour}–${hour + 1}`, value }));
  fillTable(byHour.table, [words.hour, words.asked_questions], byHour.bars.map(({ name, value }) => [name, value]));
  charts.forEach(draw);
  limited("asked", replies, (shown) => fillTable(at("asked"), [words.reply, words.asked_questions, words.guesses],
    shown.map((sum) => [sum.reply, sum.questions, sum.corrected + sum.nearest])));
  limited("unused", unused.length > 0 ? unused : [words.none], (shown) =>
    at("unused").replaceChildren(...shown.map((name) => theirs("li", name))));
}

// One sum for each day, also for those on which nothing was asked. Many days, or days that were folded, are summed by month.
function periods({ first, last, days }) {
  const span = (Date.parse(last) - Date.parse(first)) / DAY;
  const isByMonth = span > MOST_DAYS || days.some(({ day }) => day.length < 10);
  const sums = new Map();
  const sum = (day) => {
    const period = isByMonth ? day.slice(0, 7) : day;
    if (!sums.has(period)) sums.set(period, { day: period, questions: 0, conversations: 0, unknown: 0 });
    return sums.get(period);
  };
  for (let n = 0; n <= span; n++) sum(new Date(Date.parse(first) + n * DAY).toISOString().slice(0, 10));
  days.forEach((tally) => {
    const period = sum(tally.day);
    for (const name of ["questions", "conversations", "unknown"]) period[name] += tally[name];
  });
  return [[...sums.values()].sort((one, other) => (one.day < other.day ? -1 : 1)), isByMonth];
}

// Draws bars in the pixels of the screen, so that their labels are as large as other text at any width.
function draw({ title, box, bars, space }) {
  const width = box.clientWidth;
  if (width === 0 || bars.length === 0) return;
  const [top, height, foot] = [18, 130, 20];
  const most = bars.reduce((one, other) => (other.value > one.value ? other : one));
  const text = most.value > 0 ? words.chart : words.chart_empty;
  const svg = shape("svg", { width, height: top + height + foot, role: "img",
    "aria-label": filled(text, { title: title.textContent, most: number(most.value), when: most.name }) });
  for (const y of [top, top + height]) svg.append(shape("line", { class: "axis", x1: 0, x2: width, y1: y, y2: y }));
  svg.append(shape("text", { x: 0, y: top - 5 }, number(most.value)));
  const step = width / bars.length;
  const every = [1, 2, 3, 4, 6, 7, 8, 12, 14, 28].find((count) => count * step >= space) ?? bars.length;
  bars.forEach(({ label, name, value }, index) => {
    const size = value / Math.max(1, most.value) * height;
    const bar = shape("rect", { class: "bar", x: index * step + step * .1, y: top + height - size, width: step * .8, height: size });
    bar.append(shape("title", {}, `${name}: ${number(value)}`));
    svg.append(bar);
    // The last label would reach over the edge.
    if (index % every === 0 && width - index * step >= space * .8) svg.append(shape("text", { x: index * step, y: top + height + 15 }, label));
  });
  box.replaceChildren(svg);
}

function shape(name, attributes, text = "") {
  const created = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) created.setAttribute(attribute, value);
  created.textContent = text;
  return created;
}

// --- questions

// An item is one sentence that customers have asked: its entry in the list, and its panel while the owner answers it.
const lists = ["unanswered", "guesses"].map((id) => ({ id, groups: [], items: new Map() }));
// Items to confirm, one after the other, since each changes the file.
let confirmations = [];

function showQuestions(message) {
  at("no-questions").textContent = message.why ?? "";
  at("no-questions").hidden = !message.why;
  at("with-questions").hidden = Boolean(message.why);
  lists.forEach((list) => {
    list.groups = message[list.id] ?? [];
    showList(list);
  });
}

function showList({ id, groups, items }) {
  const isLater = {
    count: (one, other) => other.count - one.count,
    last: (one, other) => (one.last < other.last) - (one.last > other.last),
  }[order.value];
  limited(id, [...groups].sort(isLater), (shown) => {
    const entries = shown.map((group) => {
      if (!items.has(group.sentence)) items.set(group.sentence, newItem(group, id === "guesses"));
      const item = items.get(group.sentence);
      item.group = group;
      describe(item);
      return item.entry;
    });
    // What the owner is about to answer stays, whether it is in the list or not.
    items.forEach((item, sentence) => {
      if (entries.includes(item.entry)) return;
      if (item.panel) entries.unshift(item.entry);
      else items.delete(sentence);
    });
    arrange(at(id), entries.length > 0 ? entries : [make("li", { textContent: words.none })], at("h-" + id));
  });
}

// Puts the entries in their order around the one with the focus: moving that one would lose the focus, and the word that an input
// method is at.
function arrange(list, entries, heading) {
  const old = [...list.children];
  const focused = old.find((entry) => entry.contains(document.activeElement));
  const index = entries.indexOf(focused);
  if (index >= 0) {
    old.filter((entry) => !entries.includes(entry)).forEach((entry) => entry.remove());
    focused.before(...entries.slice(0, index));
    focused.after(...entries.slice(index + 1));
    return;
  }
  const next = old.slice(old.indexOf(focused)).find((entry) => entries.includes(entry));
  list.replaceChildren(...entries);
  if (focused) (next?.querySelector("button") ?? heading).focus();
}

function newItem(group, isGuess) {
  const item = { group, about: make("div"), entry: make("li") };
  const open = (fixed) => () => (item.panel && item.panel.isFixed === fixed ? closePanel(item) : openPanel(item, fixed));
  const action = (text, isFixed) => {
    const opener = button(text, open(isFixed));
    opener.ariaLabel = filled(words.about, { action: text, sentence: group.sentence });
    opener.ariaExpanded = "false";
    return opener;
  };
  item.openers = isGuess ? [action(words.confirm, true), action(words.differ, false)] : [action(words.answer, false)];
  item.entry.append(item.about, make("div", { className: "row" }, ...item.openers));
  disableItem(item);
  return item;
}

function describe({ group, about }) {
  const { sentence, count, last, notes, reply, text } = group;
  const times = `${counted("times", count)}, ${filled(words.last, { day: date(last) })}`;
  about.replaceChildren(theirs("p", sentence, "said"), make("p", { className: "quiet", textContent: times }));
  notes.forEach((note) => about.append(theirs("p", note, "quiet")));
  if (reply === undefined) return;
  about.append(make("p", { className: "quiet" }, ...around(words.given, "name", theirs("bdi", reply))), theirs("p", text ?? "", "reply"));
}

// A text with an element for the name in it.
function around(text, name, element) {
  const [before, after] = text.split(`{${name}}`);
  return [before, element, after];
}

function disableItem(item) {
  item.entry.querySelectorAll(".row button:not(.cancel)").forEach((button) => disable(button, Boolean(current.read_only)));
}

// Opens the form in place, or, if it is fixed what is to answer, only has that looked at.
function openPanel(item, isFixed) {
  if (item.panel) closePanel(item);
  const form = make("form", { className: "panel", noValidate: true });
  const panel = { form, isFixed, awaited: 0, preview: make("div", { className: "preview" }), fault: make("p", { className: "fault", role: "alert" }) };
  item.panel = panel;
  item.openers.forEach((opener, index) => { opener.ariaExpanded = String(isFixed ? index === 0 : index === item.openers.length - 1); });
  const cancel = button(words.cancel, () => closePanel(item), "cancel");
  if (isFixed) {
    form.append(panel.fault, panel.preview, make("div", { className: "row" }, cancel));
  } else {
    panel.text = make("textarea", { dir: "auto", rows: 3 });
    panel.choice = make("select");
    offerNames(panel.choice);
    const write = make("label", {}, words.your_reply, panel.text);
    panel.choice.onchange = () => {
      write.hidden = panel.choice.selectedIndex > 0;
      forgetPreview(panel);
    };
    panel.text.oninput = () => forgetPreview(panel);
    form.append(
      make("label", {}, words.answer_with, " ", panel.choice), write,
      panel.fault, panel.preview, make("div", { className: "row" }, make("button", { textContent: words.preview, className: "main" }), cancel));
  }
  form.onsubmit = (event) => {
    event.preventDefault();
    propose(item);
  };
  form.onkeydown = (event) => {
    if (event.key === "Escape" && !event.isComposing) closePanel(item);
  };
  item.entry.append(form);
  disableItem(item);
  if (isFixed) confirmLater(item);
  else panel.text.focus();
}

function closePanel(item) {
  const { form, isFixed } = item.panel;
  const hadFocus = form.contains(document.activeElement);
  form.remove();
  item.panel = undefined;
  item.openers.forEach((opener) => { opener.ariaExpanded = "false"; });
  if (hadFocus) item.openers.at(isFixed ? 0 : -1).focus();
  confirmed(item);
}

function offerNames(choice) {
  const chosen = choice.selectedIndex > 0 ? choice.value : undefined;
  const names = chosen === undefined || current.names.includes(chosen) ? current.names : [chosen, ...current.names];
  choice.replaceChildren(make("option", { textContent: words.new_reply }),
    ...names.map((name) => make("option", { value: name, textContent: name, dir: "auto", selected: name === chosen })));
}

function wish({ group, panel }) {
  const question = group.sentence;
  if (panel.isFixed) return { question, to: group.reply };
  return panel.choice.selectedIndex > 0 ? { question, to: panel.choice.value } : { question, reply: panel.text.value };
}

function propose(item) {
  const { panel } = item;
  forgetPreview(panel);
  panel.wish = wish(item);
  panel.fault.textContent = panel.wish.reply?.trim() === "" ? words.empty_reply : send({ do: "propose", ...panel.wish });
  if (panel.fault.textContent) return confirmed(item);
  panel.awaited++;
  panel.isAwaited = true;
}

// What was previewed is not what is written any more.
function forgetPreview(panel) {
  panel.isAwaited = false;
  if (panel.preview.contains(document.activeElement)) panel.form.lastElementChild.firstElementChild.focus();
  panel.preview.replaceChildren();
}

function itemWith(holds) {
  return lists.flatMap(({ items }) => [...items.values()]).find((item) => item.panel && holds(item));
}

function showProposal(proposal) {
  const item = itemWith(({ panel }) => panel.awaited > 0 && panel.wish.question === proposal.question);
  if (!item) return;
  const { panel } = item;
  if (--panel.awaited > 0 || !panel.isAwaited) return;
  panel.isAwaited = false;
  const { why, lines, changes, revision } = proposal;
  if (why) {
    panel.fault.textContent = why;
    return confirmed(item);
  }
  const apply = () => {
    if (panel.isApplying) return;
    panel.fault.textContent = send({ do: "apply", ...panel.wish, revision });
    panel.isApplying = !panel.fault.textContent;
  };
  // A guess that is right needs no second question, unless it changes something else.
  if (panel.isFixed && changes.length === 0 && !panel.fault.textContent) return apply();
  const diff = make("div", { className: "diff" }, ...lines.map(({ line, sign, text }) => diffLine(sign, line, text)));
  panel.preview.replaceChildren(make("strong", { textContent: words.lines }), diff);
  if (changes.length > 0) panel.preview.append(make("strong", { textContent: words.changes }), make("ul", {}, ...changes.map(changeEntry)));
  panel.preview.append(button(words.add, apply, "main"));
  const others = changes.length > 0 ? counted("others", changes.length) : words.others_none;
  say(`${counted("previewed", lines.length)} ${others}`);
  confirmed(item);
}

function changeEntry({ message, before, after }) {
  const answer = (text, given) => make("div", { className: "quiet" }, ...around(text, "answer", theirs("bdi", given ?? words.no_answer)));
  return make("li", {}, theirs("bdi", message), answer(words.before, before), answer(words.after, after));
}

function showApplied({ question }) {
  const item = itemWith(({ panel }) => panel.isApplying && panel.wish.question === question);
  say(filled(words.added, { sentence: question }));
  if (item) closePanel(item);
  send({ do: "questions" });
  if (editor.isLoaded) send({ do: "file" });
}

// The file has probably changed since the preview, so that there is another one.
function refusedToApply({ why }) {
  const item = itemWith(({ panel }) => panel.isApplying);
  if (!item) return say(why);
  item.panel.isApplying = false;
  propose(item);
  item.panel.fault.textContent = `${why} ${words.preview_again}`;
}

function confirmLater(item) {
  confirmations.push(item);
  if (confirmations[0] === item) propose(item);
}

// The next one can be confirmed.
function confirmed(item) {
  const wasFirst = confirmations[0] === item;
  confirmations = confirmations.filter((other) => other !== item);
  if (wasFirst && confirmations.length > 0) propose(confirmations[0]);
}

// No answer will come to what was asked.
function forgetRequests(why) {
  confirmations = [];
  lists.forEach(({ items }) => items.forEach(({ panel }) => {
    if (!panel) return;
    if (panel.isAwaited || panel.isApplying || panel.isFixed) panel.fault.textContent = why;
    panel.awaited = 0;
    panel.isApplying = false;
    forgetPreview(panel);
  }));
  editor.checks = 0;
  editor.saving = editor.restoring = undefined;
  showHindrance();
}

// --- try it

function askNow(event) {
  event.preventDefault();
  const text = at("text").value;
  if (text.trim()) at("ask-fault").textContent = send({ do: "ask", text });
}

function showAnswer({ text, why }) {
  at("answer").replaceChildren(theirs("p", text, "answer"));
  at("why").hidden = false;
  at("why").lastElementChild.textContent = why;
}

// --- the file

// The text as it is in the file, whether lines end with CR LF there, and what was found in the text as it is here.
const editor = { isLoaded: false, base: "", revision: undefined, newline: "\n", checks: 0, findings: undefined, saving: undefined };
let typing;

const isChanged = () => editor.isLoaded && source.value !== editor.base;

function showTheFile() {
  at("file-fault").textContent = send({ do: "file" });
}

function showFile({ name, text, revision, versions, why }) {
  at("file-fault").textContent = why ?? "";
  if (why) return;
  source.ariaLabel = filled(words.source, { name });
  showVersions(versions);
  const now = text.replace(/\r\n?/g, "\n");
  const isNew = !editor.isLoaded;
  const { restoring } = editor;
  editor.restoring = undefined;
  if (isNew || restoring || !isChanged() || source.value === now) take(text, revision);
  else if (revision !== editor.revision) showConflict(words.changed_there, text, revision);
  if (restoring) say(filled(words.went_back, { at: timeText(restoring) }));
  if (!isNew) return;
  hide(at("show"), source);
  source.setSelectionRange(0, 0);
  source.focus();
}

// Edits a text on, as it is in the file.
function take(text, revision) {
  editor.isLoaded = true;
  at("editor").hidden = false;
  setBase(text, revision);
  const { selectionStart, selectionEnd, scrollTop } = source;
  if (source.value !== editor.base) source.value = editor.base;
  source.setSelectionRange(selectionStart, selectionEnd);
  source.scrollTop = scrollTop;
  hide(at("conflict"), source);
  edited();
  check();
}

function setBase(text, revision) {
  editor.newline = text.includes("\r\n") ? "\r\n" : "\n";
  editor.base = text.replace(/\r\n?/g, "\n");
  editor.revision = revision;
}

function edited() {
  editor.findings = undefined;
  const lines = source.value.split("\n").length;
  if (at("gutter").lines !== lines) at("gutter").textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
  at("gutter").lines = lines;
  hide(at("difference"), source);
  showHindrance();
  clearTimeout(typing);
  typing = setTimeout(check, TYPING_TIME);
}

function check() {
  clearTimeout(typing);
  if (!isReady) return;
  at("check").textContent ||= words.checking;
  sendWithText(source.value, { do: "check" });
  editor.checks++;
}

// The text as it will be in the file, in parts that are short enough for a message each.
function sendWithText(text, message) {
  const whole = text.replaceAll("\n", editor.newline);
  for (let start = 0; start < whole.length;) {
    let length = MAX_BYTES;
    let part;
    do {
      part = whole.slice(start, start + length);
      // Both halves of a character outside the first plane belong together.
      if (/[\ud800-\udbff]$/.test(part) && start + length < whole.length) part = part.slice(0, -1);
      length = Math.floor(length * .6);
    } while (bytes(JSON.stringify({ do: "part", text: part })) > MAX_BYTES);
    send({ do: "part", text: part });
    start += part.length;
  }
  return send(message);
}

function showChecked(message) {
  // The text may have changed since it was sent; another check is on its way then.
  editor.checks = Math.max(0, editor.checks - 1);
  if (editor.checks > 0) return;
  const { errors, failures, warnings } = message;
  const kinds = Object.entries({ errors, failures, warnings }).filter(([, found]) => found.length > 0);
  const summary = kinds.map(([kind, found]) => counted("n_" + kind, found.length)).join(", ") || words.all_well;
  if (at("check").textContent !== summary) at("check").textContent = summary;
  const hadFocus = at("findings").contains(document.activeElement);
  at("findings").replaceChildren(...kinds.flatMap(([kind, found]) =>
    [make("h4", { textContent: words[kind] }), make("ul", {}, ...found.map(finding))]));
  if (hadFocus) source.focus();
  editor.findings = message;
  showHindrance();
}

function finding({ line, text }) {
  return make("li", {}, button(filled(words.line, { n: line }), () => goTo(line)), theirs("span", text));
}

function goTo(line) {
  const lines = source.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  source.focus();
  source.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  source.scrollTop = (line - 4) * parseFloat(getComputedStyle(source).lineHeight);
}

// What prevents saving, if anything does.
function hindrance() {
  const { findings, saving } = editor;
  if (current.read_only) return current.read_only;
  if (!isReady) return words.not_connected;
  if (saving !== undefined) return words.saving;
  if (!isChanged()) return words.unchanged;
  if (!findings) return words.checking;
  const kinds = ["errors", "failures"].filter((kind) => findings[kind].length > 0);
  if (kinds.length === 0) return "";
  return filled(words.hindered, { what: kinds.map((kind) => counted("n_" + kind, findings[kind].length)).join(", ") });
}

function showHindrance() {
  const why = hindrance();
  if (at("hindrance").textContent !== why) at("hindrance").textContent = why;
  [at("save"), at("save-now")].forEach((button) => disable(button, Boolean(why)));
  document.querySelectorAll("#versions button").forEach((button) => disable(button, Boolean(current.read_only) || !isReady));
}

function offerSave() {
  showDifference(at("difference"), editor.base, source.value);
}

function saveNow() {
  editor.saving = source.value;
  at("file-fault").textContent = sendWithText(editor.saving, { do: "save", revision: editor.revision });
  if (at("file-fault").textContent) editor.saving = undefined;
  showHindrance();
}

function showSaved({ revision, lines_added, lines_removed }) {
  if (editor.saving !== undefined) {
    editor.base = editor.saving;
    editor.revision = revision;
    editor.saving = undefined;
    hide(at("difference"), source);
    say(filled(words.saved, { added: counted("lines_added", lines_added), removed: counted("lines_removed", lines_removed) }));
    showHindrance();
  }
  // There is one version more.
  send({ do: "file" });
  send({ do: "questions" });
}

function refusedToSave({ why, text, revision }) {
  editor.saving = editor.restoring = undefined;
  if (text !== null && isChanged()) return showConflict(why, text, revision);
  at("file-fault").textContent = why;
  showHindrance();
  if (text !== null) send({ do: "file" });
}

function showConflict(why, text, revision) {
  editor.theirs = { text, revision };
  const hadFocus = at("difference").contains(document.activeElement);
  at("difference").hidden = true;
  at("conflict").querySelector(".fault").textContent = why;
  showDifference(at("conflict"), text.replace(/\r\n?/g, "\n"), source.value, hadFocus);
  showHindrance();
}

function keepMine() {
  setBase(editor.theirs.text, editor.theirs.revision);
  hide(at("conflict"), source);
  say(words.kept);
  showHindrance();
}

function takeTheirs() {
  take(editor.theirs.text, editor.theirs.revision);
  say(words.taken);
}

function showDifference(panel, before, after, takesFocus = true) {
  const lines = difference(before.split("\n"), after.split("\n"));
  const shown = lines.slice(0, MOST_LINES).map(({ sign, line, text }) => diffLine(sign, line, text));
  if (lines.length > MOST_LINES) shown.push(make("span", { textContent: filled(words.more_lines, { n: number(lines.length - MOST_LINES) }) }));
  panel.querySelector(".diff").replaceChildren(...shown);
  panel.hidden = false;
  if (takesFocus) panel.focus();
}

function diffLine(sign, line, text) {
  const name = { "+": "ins", "-": "del" }[sign] ?? "span";
  return make(name, {}, `${sign} ${String(line).padStart(4)} `, theirs("bdi", text));
}

// The lines that differ, with some around them. Removed lines have their number in the old text, all others in the new one.
function difference(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < Math.min(before.length, after.length) - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const [old, young] = [before, after].map((lines) => lines.slice(start, lines.length - end));
  const lines = [];
  const add = (sign, line, text) => lines.push({ sign, line, text });
  after.slice(0, start).forEach((text, index) => add(" ", index + 1, text));
  const longest = common(old, young);
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    if (longest && i < old.length && j < young.length && old[i] === young[j]) {
      add(" ", start + ++j, old[i++]);
    } else if (i < old.length && (!longest || j === young.length || longest(i + 1, j) >= longest(i, j + 1))) {
      add("-", start + i + 1, old[i++]);
    } else {
      add("+", start + j + 1, young[j++]);
    }
  }
  const rest = after.length - end;
  after.slice(rest).forEach((text, index) => add(" ", rest + index + 1, text));
  return lines.filter((_, index) => lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== " "));
}

// How many lines the ends of both texts have in common, from any line of each; nothing if that would take too long.
function common(old, young) {
  if (old.length > MOST_COMPARED || young.length > MOST_COMPARED) return undefined;
  const width = young.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = young.length - 1; j >= 0; j--) {
      lengths[i * width + j] = old[i] === young[j] ? lengths[(i + 1) * width + j + 1] + 1
        : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  return (i, j) => lengths[i * width + j];
}

function showVersions(versions) {
  const hadFocus = at("versions").contains(document.activeElement);
  at("versions").replaceChildren(...versions.map(({ version, at: moment }) => {
    const back = button(words.version, () => goBack(version, moment));
    back.ariaLabel = filled(words.about, { action: words.version, sentence: timeText(moment) });
    return make("li", {}, time(moment), back);
  }));
  if (versions.length === 0) at("versions").append(make("li", { textContent: words.none }));
  if (hadFocus) at("h-versions").focus();
  showHindrance();
}

function goBack(version, moment) {
  at("confirm-text").textContent = `${filled(words.really, { at: timeText(moment) })} ${isChanged() ? words.really_lost : ""}`;
  const dialog = at("confirm");
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    at("file-fault").textContent = send({ do: "restore", version, revision: editor.revision });
    if (!at("file-fault").textContent) editor.restoring = moment;
  };
  dialog.showModal();
}

// --- input

unlock.onsubmit = (event) => {
  event.preventDefault();
  keepKey(key.value.trim());
  key.value = refused.textContent = "";
  drop();
  connect();
};
at("leave").onclick = () => {
  drop();
  clearTimeout(retry);
  askForKey("");
};
at("since").onchange = () => send({ do: "statistics", since: at("since").value });
order.onchange = () => lists.forEach(showList);
document.querySelectorAll(".refresh").forEach((button) => { button.onclick = refresh; });
at("ask").onsubmit = askNow;
source.oninput = edited;
source.onscroll = () => { at("gutter").scrollTop = source.scrollTop; };
for (const [id, action] of Object.entries({
  show: showTheFile, save: offerSave, "save-now": saveNow, "keep-mine": keepMine, "take-theirs": takeTheirs,
  "edit-on": () => hide(at("difference"), source),
})) at(id).onclick = action;
document.addEventListener("click", (event) => {
  if (!event.target.closest("[aria-disabled=true]")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);
addEventListener("beforeunload", (event) => {
  if (isChanged()) event.preventDefault();
});
addEventListener("hashchange", readAddress);
addEventListener("online", () => { if (retry) connect(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenSince = Date.now();
  else if (retry) connect();
  else if (isReady && Date.now() - hiddenSince > HIDDEN_TIME) refresh();
});
const resized = new ResizeObserver(() => charts.forEach(draw));
charts.forEach(({ box }) => resized.observe(box));

document.title = words.title;
document.querySelectorAll("[data-text]").forEach((element) => { element.textContent = words[element.dataset.text]; });
document.querySelectorAll("[data-label]").forEach((element) => { element.ariaLabel = words[element.dataset.label]; });
readAddress();
connect();
