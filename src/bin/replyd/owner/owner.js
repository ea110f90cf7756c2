// Firefox before 119 does not reflect these attributes.
for (const name of ["Label", "Expanded", "Disabled"].filter((name) => !(`aria${name}` in Element.prototype))) {
  const attribute = `aria-${name.toLowerCase()}`;
  Object.defineProperty(Element.prototype, `aria${name}`, {
    get() { return this.getAttribute(attribute); },
    set(value) { this.setAttribute(attribute, value); },
  });
}

// What the page says. Another language is another table. Names in braces are filled in.
const TEXTS = {
  en: {
    title: "Owner's page",
    key: "The owner's key",
    continue: "Continue",
    wrong_key: "The key is not accepted.",
    wait: "One moment…",
    lost: "The connection was lost.",
    unreachable: "The server cannot be reached.",
    full: "The server is full, or about to stop.",
    too_big: "The connection was closed, because a message was too long for the server.",
    retry: "Trying again in {seconds} s.",
    try_now: "Try now",
    too_long: "Too long: {bytes} bytes, and the limit is {limit}.",
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
    percent: "Answered",
    guesses: "Answered by a guess",
    unknown: "Not answered",
    over_time: "Questions over time",
    by_hour: "Questions by hour of the day",
    chart: "{title}: {most} at most ({when}). The table below has all numbers.",
    table: "As a table",
    when: "Time",
    asked: "Most asked",
    reply: "Reply",
    unused: "Never used",
    none: "None.",
    show_all: "Show all {n}",
    show_less: "Show fewer",
    questions: "Questions",
    order: "Order",
    frequent: "Most frequent first",
    newest: "Newest first",
    times: "{n} ×, last on {day}",
    answer: "Answer",
    confirm: "Correct: confirm",
    differ: "Wrong: answer differently",
    no_answer: "No answer needed",
    answer_with: "Answer with",
    new_reply: "A new reply",
    phrase: "Phrase that gets this reply",
    phrase_hint: "A shorter phrase matches more messages: \"deliver* & sunday\" matches any message with \"sunday\" and a word that begins with \"deliver\".",
    your_reply: "Your reply",
    preview: "Preview",
    cancel: "Cancel",
    changes: "Other messages whose answer would change",
    before: "Before: {answer}",
    after: "After: {answer}",
    add: "Add",
    added: "Added: {question}",
    try: "Try it",
    try_label: "Ask as a customer would",
    ask: "Ask",
    why: "Why this answer",
    file: "The file",
    show: "Show the file",
    findings: "What the check finds",
    errors: "Errors",
    failures: "Failing tests",
    warnings: "Warnings",
    line: "Line {n}",
    save: "Save…",
    save_now: "Save now",
    unchanged: "Nothing has been changed.",
    hindered: "It cannot be saved yet.",
    difference: "What changes in the file",
    saved: "Saved. Lines added: {added}, removed: {removed}.",
    conflict: "Somebody else has changed the file",
    conflict_hint: "Lines with + are only in your text, lines with - only in the file as it is now.",
    keep_mine: "Keep mine and edit on",
    take_theirs: "Take the file as it is",
    versions: "Earlier versions",
    until: "Until {at}",
    version: "Go back to this version…",
    back: "What going back changes in the file",
    back_now: "Go back now",
    unsaved: "What you have not saved is lost.",
  },
};

// Key of the session storage, which lasts until the tab is closed.
const STORE = "replyd owner " + location.pathname;
const MAX_BYTES = 12000;
const MOST_SHOWN = 20;
const MOST_DAYS = 100;
// Lines that are compared with each other, and lines around those that differ.
const MOST_COMPARED = 2000;
const CONTEXT = 2;
const KINDS = ["errors", "failures", "warnings"];
// All times are in milliseconds.
const DAY = 86400000;
const ANSWER_TIME = 30000;
const TYPING_TIME = 500;

const words = { ...TEXTS.en, ...TEXTS[lang] };
const ui = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const { source } = ui;

let timeout;
// What the server said last of itself.
let current = { names: [] };

let ownersKey = "";
// Storage may be blocked. The key is then asked for again when the page is loaded.
try {
  ownersKey = sessionStorage.getItem(STORE) ?? "";
} catch { /* see above */ }

function keepKey(newKey) {
  ownersKey = newKey.trim();
  try {
    sessionStorage.setItem(STORE, ownersKey);
  } catch { /* see above */ }
}

// --- the connection

function openConnection() {
  if (!ownersKey) return askForKey("");
  put(ui.state, words.wait);
  openSocket("owner", ["replyd-owner"]);
  socket.onopen = ready;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    heard();
    receivers[message.kind]?.(message);
  };
  expect();
}

// A network that has forgotten a connection says nothing.
function expect() {
  timeout ??= setTimeout(lost, ANSWER_TIME);
}

function heard() {
  clearTimeout(timeout);
  timeout = undefined;
}

function ready() {
  heard();
  isReady = true;
  pause = FIRST_PAUSE;
  const hadFocus = hasFocus(ui.tryNow) || hasFocus(ui.unlock);
  put(ui.state);
  ui.tryNow.hidden = ui.unlock.hidden = true;
  ui.key.value = "";
  ui.owner.hidden = false;
  if (hadFocus) ui.nav.firstElementChild.focus();
  refresh();
}

function refresh() {
  send({ do: "statistics", since: ui.since.value });
  send({ do: "questions" });
  if (!ui.editor.hidden) send({ do: "file" });
}

// Returns what prevents it from being sent, if anything does.
function send(message) {
  const text = JSON.stringify(message);
  if (!isReady) return words.lost;
  const bytes = encoded(text).length;
  if (bytes > MAX_BYTES) return filled(words.too_long, { bytes, limit: MAX_BYTES });
  socket.send(text);
  expect();
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
  version: showVersion,
  checked: showChecked,
  saved: showSaved,
  failed: ({ why }) => {
    editor.failure = why;
    forgetRequests(why);
    put(ui.state, why);
  },
};

function drop() {
  heard();
  closeSocket();
  forgetRequests(words.lost);
}

function lost() {
  drop();
  retryLater(words.lost);
}

function keyInUse() {
  return ownersKey;
}

function isEnd(code) {
  // It would be too long again.
  if (code === 1009) offerRetry(words.too_big);
  return code === 1009;
}

// Browsers do not reveal why there is no connection, but a server that hands out the page has refused the key.
async function reason(wasReady) {
  const status = wasReady ? 200 : await fetch("owner", { cache: "no-store" }).then(({ status }) => status, () => 0);
  return status === 200 ? [words.wrong_key, true] : [status === 503 ? words.full : words.unreachable, false];
}

function offerRetry(...sentences) {
  put(ui.state, sentences.join(" "));
  ui.tryNow.hidden = false;
}

function askForKey(why) {
  keepKey("");
  put(ui.state);
  put(ui.refused, why);
  ui.tryNow.hidden = ui.owner.hidden = true;
  ui.unlock.hidden = false;
  ui.key.value = "";
  ui.key.focus();
}

// --- texts and elements

function number(n) {
  return n.toLocaleString(locale, { maximumFractionDigits: 1 });
}

// A day ("2026-11-27") or a month ("2026-11") as people write it.
function date(day) {
  const style = day.length < 10 ? { year: "numeric", month: "short" } : { dateStyle: "medium" };
  return new Date(day).toLocaleDateString(locale, { timeZone: "UTC", ...style });
}

function moment(at) {
  return new Date(at).toLocaleString(locale, { dateStyle: "medium", timeStyle: "medium" });
}

function make(kind, ...children) {
  // "p.quiet", say.
  const [name, className = ""] = kind.split(".");
  const created = document.createElement(name);
  created.className = className;
  created.append(...children);
  return created;
}

// What people have written is in a language and direction of its own. It is text, and never parsed as HTML.
function theirs(kind, text) {
  return Object.assign(make(kind, text), { dir: "auto", lang: "" });
}

function button(text, onclick, className = "") {
  return Object.assign(make("button", text), { type: "button", className, onclick });
}

// Texts that remain the same are not announced again.
function put(part, text = "") {
  if (part.textContent !== text) part.textContent = text;
}

function hasFocus(part) {
  return part.contains(document.activeElement);
}

// Hides a part of the editor, without losing the focus.
function hide(part) {
  if (hasFocus(part)) source.focus();
  part.hidden = true;
}

function figures(list, entries) {
  list.replaceChildren(...entries.map(([name, value]) => make("div", make("dt", name), make("dd", value))));
}

function fillTable(table, headings, rows) {
  const heading = (text, scope) => Object.assign(theirs("th", text), { scope });
  table.replaceChildren(
    make("thead", make("tr", ...headings.map((text) => heading(text, "col")))),
    make("tbody", ...rows.map(([name, ...numbers]) => make("tr", heading(name, "row"), ...numbers.map((n) => make("td", number(n)))))));
}

// Draws the first of a long list, or all once that is asked for.
function limited(more, all, draw) {
  const drawn = () => {
    const isWhole = more.ariaExpanded === "true";
    put(more, isWhole ? words.show_less : filled(words.show_all, { n: number(all.length) }));
    draw(isWhole ? all : all.slice(0, MOST_SHOWN));
  };
  more.hidden = all.length <= MOST_SHOWN;
  more.onclick = () => {
    more.ariaExpanded = more.ariaExpanded !== "true";
    drawn();
  };
  drawn();
}

// --- now

// Only what has changed is in the message.
function showNow(message) {
  current = { ...current, ...message };
  figures(ui.counts, ["clients", "answers_a_minute", "replies"].map((name) => [words[name], number(current[name])]));
  put(ui.readOnly, current.read_only ?? "");
  source.readOnly = Boolean(current.read_only);
  source.ariaLabel = current.file;
  showHindrance();
  if (message.names) panels().forEach(offerNames);
}

function showNotices({ notices }) {
  ui.notices.hidden = notices.length === 0;
  ui.notices.replaceChildren(make("strong", words.notices),
    make("ul", ...notices.map(({ at, text }) => make("li", moment(at), " ", theirs("bdi", text)))));
  // They come with each reload, so the file may be another one.
  if (!ui.editor.hidden) send({ do: "file" });
}

// --- how it goes

const [byDay, byHour] = [ui.byDay, ui.byHour].map((part) => {
  const chart = { title: make("h3"), box: make("div"), table: make("table"), rows: [] };
  part.append(chart.title, chart.box, make("details", make("summary", words.table), chart.table));
  return chart;
});

function showStatistics(message) {
  const { why, all, hours, replies, unused } = message;
  put(ui.noStatistics, why);
  if (why) return;
  put(ui.span, filled(words.span, { first: date(message.first), last: date(message.last) }));
  figures(ui.sums, [
    [words.conversations, number(all.conversations)],
    [words.questions, number(all.questions)],
    [words.percent, `${number(message.percent_answered)} %`],
    [words.guesses, number(all.corrected + all.nearest)],
    [words.unknown, number(all.unknown)],
  ]);
  show(byDay, words.over_time, 96, periods(message));
  show(byHour, words.by_hour, 40, hours.map((count, hour) => [`${hour}–${hour + 1}`, count]));
  limited(ui.moreAsked, replies, (shown) => fillTable(ui.asked, [words.reply, words.questions, words.guesses],
    shown.map((sum) => [sum.reply, sum.questions, sum.corrected + sum.nearest])));
  limited(ui.moreUnused, unused.length > 0 ? unused : [words.none], (shown) =>
    ui.unused.replaceChildren(...shown.map((name) => theirs("li", name))));
}

// Questions on each day, also if there are none. Many days are summed by month.
function periods({ first, last, days }) {
  const span = (Date.parse(last) - Date.parse(first)) / DAY;
  const length = span > MOST_DAYS || days.some(({ day }) => day.length < 10) ? 7 : 10;
  const sums = {};
  const add = (day, count) => { sums[day.slice(0, length)] = (sums[day.slice(0, length)] ?? 0) + count; };
  for (let n = 0; n <= span; n++) add(new Date(Date.parse(first) + n * DAY).toISOString(), 0);
  days.forEach(({ day, questions }) => add(day, questions));
  return Object.keys(sums).sort().map((day) => [date(day), sums[day]]);
}

function show(chart, title, space, rows) {
  Object.assign(chart, { space, rows });
  put(chart.title, title);
  fillTable(chart.table, [words.when, words.questions], rows);
  draw(chart);
}

// Draws bars in the pixels of the screen, so that their labels are as large as other text at any width.
function draw({ title, box, rows, space }) {
  const width = box.clientWidth;
  if (width === 0 || rows.length === 0) return;
  const [top, bottom] = [18, 150];
  const [when, most] = rows.reduce((one, other) => (other[1] > one[1] ? other : one));
  const label = filled(words.chart, { title: title.textContent, most: number(most), when });
  const svg = shape("svg", { width, height: bottom + 20, role: "img", "aria-label": label });
  for (const y of [top, bottom]) svg.append(shape("line", { class: "axis", x2: width, y1: y, y2: y }));
  svg.append(shape("text", { y: top - 5 }, number(most)));
  const step = width / rows.length;
  const every = Math.ceil(space / step);
  rows.forEach(([name, count], index) => {
    const x = index * step;
    const height = count / Math.max(1, most) * (bottom - top);
    svg.append(shape("rect", { class: "bar", x: x + step * .1, y: bottom - height, width: step * .8, height }));
    // Near the edge, a label would reach over it.
    if (index % every === 0 && width - x >= space * .9) svg.append(shape("text", { x, y: bottom + 15 }, name));
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
const lists = ["unanswered", "guesses"].map((name) => ({ name, groups: [], items: new Map() }));
// What was proposed and applied. It is answered in order.
let requests = [];

function panels() {
  return lists.flatMap(({ items }) => [...items.values()]).flatMap(({ panel }) => panel ?? []);
}

function showQuestions(message) {
  put(ui.noQuestions, message.why);
  lists.forEach((list) => {
    list.groups = message[list.name] ?? [];
    showList(list);
  });
}

function showList({ name, groups, items }) {
  const key = ui.order.value;
  const sorted = [...groups].sort((one, other) => (one[key] < other[key]) - (one[key] > other[key]));
  limited(ui["more-" + name], sorted, (shown) => {
    const entries = shown.map((group) => {
      if (!items.has(group.sentence)) items.set(group.sentence, newItem(group));
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
    arrange(ui[name], entries.length > 0 ? entries : [make("li", words.none)]);
    showHindrance();
  });
}

// Puts the entries in their order around the one with the focus, which would lose it if it was moved.
function arrange(list, entries) {
  const old = [...list.children];
  const focused = old.find(hasFocus);
  const index = entries.indexOf(focused);
  if (index >= 0) {
    old.filter((entry) => !entries.includes(entry)).forEach((entry) => entry.remove());
    focused.before(...entries.slice(0, index));
    focused.after(...entries.slice(index + 1));
    return;
  }
  list.replaceChildren(...entries);
  const next = old.slice(old.indexOf(focused)).find((entry) => entries.includes(entry));
  if (focused) (next ?? list.parentElement).querySelector("button, h3").focus();
}

function newItem({ sentence, reply }) {
  const item = { about: make("div"), entry: make("li") };
  const opener = (text, fixed) => {
    const opener = button(text, () => {
      const isOpen = item.panel?.opener === opener;
      if (item.panel) closePanel(item);
      if (!isOpen) openPanel(item, opener, fixed);
    }, "change");
    opener.ariaLabel = `${text}: ${sentence}`;
    opener.ariaExpanded = false;
    return opener;
  };
  const openers = reply === undefined ? [opener(words.answer)] : [opener(words.confirm, () => item.group.reply), opener(words.differ)];
  item.entry.append(item.about, row(...openers, opener(words.no_answer, () => "unknown")));
  return item;
}

function row(...buttons) {
  return make("div.row", ...buttons);
}

function describe({ about, group: { sentence, count, last, notes, reply, text } }) {
  about.replaceChildren(
    theirs("p.said", sentence),
    make("p.quiet", filled(words.times, { n: number(count), day: date(last) })),
    ...notes.map((note) => theirs("p.quiet", note)));
  if (reply !== undefined) about.append(theirs("p.quiet", `${words.reply}: ${reply}`), theirs("p.given", text));
}

// Opens the form in place or, if it is fixed what is to answer, has that looked at.
function openPanel(item, opener, fixed) {
  const form = make("form.panel");
  const fault = make("p.fault");
  const preview = make("div.preview");
  fault.setAttribute("role", "alert");
  preview.setAttribute("role", "status");
  const [choice, text, phrase] = [make("select"), make("textarea"), make("input")];
  const panel = { form, opener, fixed, fault, preview, choice, text, phrase };
  item.panel = panel;
  opener.ariaExpanded = true;
  const buttons = row(button(words.cancel, () => closePanel(item)));
  if (!fixed) {
    const write = make("label", words.your_reply, Object.assign(text, { dir: "auto", rows: 3, required: true }));
    offerNames(panel);
    Object.assign(phrase, { dir: "auto", autocomplete: "off", value: item.group.sentence });
    const hint = make("p.quiet", words.phrase_hint);
    hint.id = `hint-${Date.now()}`;
    phrase.setAttribute("aria-describedby", hint.id);
    form.append(make("label", words.answer_with, " ", choice), write, make("label", words.phrase, phrase), hint);
    buttons.prepend(make("button.main", words.preview));
    form.oninput = () => {
      write.hidden = choice.value !== "";
      text.required = !write.hidden;
      forgetPreview(panel);
    };
  }
  form.append(fault, preview, buttons);
  form.onsubmit = () => propose(item);
  form.onkeydown = (event) => {
    if (event.key === "Escape" && !event.isComposing) closePanel(item);
  };
  item.entry.append(form);
  if (fixed) propose(item);
  else text.focus();
}

function closePanel(item) {
  const { form, opener } = item.panel;
  if (hasFocus(form)) opener.focus();
  form.remove();
  opener.ariaExpanded = false;
  item.panel = undefined;
}

// What is chosen remains so.
function offerNames({ choice }) {
  const chosen = choice.value;
  choice.replaceChildren(...["", ...current.names].map((value) => Object.assign(theirs("option", value || words.new_reply), { value })));
  choice.value = chosen;
}

function propose(item) {
  const { panel, group: { sentence: question } } = item;
  const to = panel.fixed ? panel.fixed() : panel.choice.value;
  const phrase = panel.phrase.value.trim();
  forgetPreview(panel);
  request(item, {
    do: "propose", question, ...(to ? { to } : { reply: panel.text.value }), ...(["", question].includes(phrase) ? {} : { phrase }),
  });
}

function request(item, message) {
  put(item.panel.fault, send(message));
  if (item.panel.fault.textContent) return;
  item.panel.request = message;
  requests.push([item, message]);
}

// What the answer is about, unless its panel has been closed or changed in the meantime.
function requested() {
  const [item, request] = requests.shift() ?? [];
  return item?.panel?.request === request ? item : undefined;
}

// What was previewed is not what is written any more.
function forgetPreview(panel) {
  panel.request = undefined;
  if (hasFocus(panel.preview)) panel.form.lastElementChild.firstElementChild.focus();
  panel.preview.replaceChildren();
}

function showProposal({ why, lines, warnings, changes, revision }) {
  const item = requested();
  if (!item) return;
  const { panel } = item;
  if (why) return put(panel.fault, why);
  const proposed = panel.request;
  const apply = () => {
    if (panel.request === proposed) request(item, { ...proposed, do: "apply", revision });
  };
  // A guess that is right needs no second question, unless something else changes or has changed.
  if (panel.fixed && changes.length + warnings.length === 0 && !panel.fault.textContent) return apply();
  panel.preview.append(make("strong", words.difference), make("div.diff", ...lines.map(diffLine)));
  if (warnings.length > 0) panel.preview.append(make("strong", words.warnings), make("ul", ...warnings.map((warning) => theirs("li", warning))));
  if (changes.length > 0) panel.preview.append(make("strong", words.changes), make("ul", ...changes.map(changeEntry)));
  panel.preview.append(button(words.add, apply, "main"));
}

function changeEntry({ message, before, after }) {
  const answer = (text, given) => theirs("div.quiet", filled(text, { answer: given ?? words.unknown }));
  return make("li", theirs("bdi", message), answer(words.before, before), answer(words.after, after));
}

function showApplied({ question }) {
  const item = requested();
  if (item) closePanel(item);
  put(ui.state, filled(words.added, { question }));
  refresh();
}

// The file has probably changed since the preview.
function refusedToApply({ why }) {
  const item = requested();
  if (!item) return put(ui.state, why);
  propose(item);
  put(item.panel.fault, why);
}

// No answer will come to what was asked.
function forgetRequests(why) {
  requests = [];
  panels().filter(({ request }) => request).forEach((panel) => {
    forgetPreview(panel);
    put(panel.fault, why);
  });
  editor.checks = 0;
  editor.saving = undefined;
  showHindrance();
}

// --- try it

function showAnswer({ text, why }) {
  ui.answer.replaceChildren(theirs("p.given", text));
  put(ui.explanation, why);
}

// --- the file

// "text" is the file, "base" the same as a text area has it.
const editor = { text: "", base: "", checks: 0 };
let typing;

function isChanged() {
  return source.value !== editor.base;
}

// Text areas have no other ends of lines.
function unified(text) {
  return text.replace(/\r\n?/g, "\n");
}

function showFile({ text, revision, versions, why }) {
  if (why) return put(ui.fileFault, why);
  // What was refused just now is not answered by the file that comes with a reload.
  if (ui.fileFault.textContent !== editor.refusal) put(ui.fileFault);
  showVersions(versions);
  if (isChanged() && source.value !== unified(text)) {
    if (revision !== editor.revision) showConflict(words.conflict, text, revision);
    else if (editor.isInConflict) hideDifference();
    return check();
  }
  if (revision === editor.revision) check();
  else take(text, revision);
  hide(ui.show);
}

// Edits on, with a file that others have changed or that is new here.
function take(text, revision, value = unified(text)) {
  Object.assign(editor, { text, base: unified(text), revision });
  ui.editor.hidden = false;
  const { selectionStart, scrollTop } = source;
  if (source.value !== value) source.value = value;
  source.setSelectionRange(selectionStart, selectionStart);
  source.scrollTop = scrollTop;
  edited();
}

function edited() {
  editor.findings = editor.failure = undefined;
  put(ui.fileFault);
  const lines = source.value.split("\n");
  put(ui.gutter, lines.map((_, index) => index + 1).join("\n"));
  hideDifference();
  showHindrance();
  clearTimeout(typing);
  typing = setTimeout(check, TYPING_TIME);
}

function check() {
  clearTimeout(typing);
  if (!sendWithText(source.value, { do: "check" })) editor.checks++;
}

// The text as it will be in the file, in parts that are short enough for a message each.
function sendWithText(text, message) {
  const whole = withEnds(text.replace(/\p{Surrogate}/gu, "\ufffd"));
  for (let start = 0; start < whole.length;) {
    let end = start + MAX_BYTES;
    let part;
    do {
      // Both halves of a character outside the first plane belong together.
      part = whole.slice(start, end).replace(/[\ud800-\udbff]$/, "");
      end = start + Math.floor(part.length * .7);
    } while (send({ do: "part", text: part }) && isReady);
    start += part.length;
  }
  return send(message);
}

// The text with the ends of lines that the file has. A new line gets that of the one before.
function withEnds(text) {
  const ends = editor.text.match(/\r\n?|\n/g) ?? ["\n"];
  if (new Set(ends).size === 1) return text.replaceAll("\n", ends[0]);
  let [index, end] = [0, ends[0]];
  const parts = [];
  for (const { sign, text: line } of aligned(editor.base.split("\n"), text.split("\n"))) {
    if (sign !== "+") end = ends[index++] ?? end;
    if (sign !== "-") parts.push(line, end);
  }
  return parts.slice(0, -1).join("");
}

function showChecked(message) {
  // The text may have changed since it was sent; another check is on its way then.
  if (--editor.checks > 0) return;
  editor.findings = message;
  put(ui.check, found(KINDS) || words.none);
  if (hasFocus(ui.findings)) source.focus();
  const entry = ({ line, text }) => make("li", button(filled(words.line, { n: line }), () => goTo(line)), theirs("span", text));
  ui.findings.replaceChildren(...KINDS.filter((kind) => message[kind].length > 0).flatMap((kind) =>
    [make("h4", words[kind]), make("ul", ...message[kind].map(entry))]));
  showHindrance();
}

function found(kinds) {
  const some = kinds.filter((kind) => editor.findings[kind].length > 0);
  return some.map((kind) => `${words[kind]}: ${editor.findings[kind].length}`).join(", ");
}

function goTo(line) {
  const lines = source.value.split("\n").slice(0, line);
  const end = lines.join("\n").length;
  source.focus();
  source.setSelectionRange(end - lines.at(-1).length, end);
  source.scrollTop = (line - 4) * parseFloat(getComputedStyle(source).lineHeight);
}

// What prevents saving, if anything does.
function hindrance() {
  if (current.read_only) return current.read_only;
  if (!isReady) return words.lost;
  if (editor.saving !== undefined) return words.wait;
  if (!isChanged()) return words.unchanged;
  if (!editor.findings) return editor.failure ?? words.wait;
  const faults = found(KINDS.slice(0, 2));
  return faults && `${words.hindered} ${faults}`;
}

function showHindrance() {
  const why = hindrance();
  put(ui.hindrance, why);
  // Unlike "disabled", this lets a button keep the focus.
  ui.save.ariaDisabled = why !== "";
  document.querySelectorAll(".change").forEach((button) => { button.ariaDisabled = Boolean(current.read_only); });
}

function saveNow() {
  if (hindrance()) return;
  const text = source.value;
  put(ui.fileFault, sendWithText(text, { do: "save", revision: editor.revision }));
  if (!ui.fileFault.textContent) editor.saving = text;
  showHindrance();
}

function showSaved({ what, revision, lines_added: added, lines_removed: removed }) {
  // After going back to a version, the file replaces what was here then.
  if (what === "restore") Object.assign(editor, { base: editor.replaced, revision: undefined });
  else if (editor.saving !== undefined) Object.assign(editor, { text: withEnds(editor.saving), base: editor.saving, revision });
  editor.saving = undefined;
  hideDifference();
  put(ui.state, filled(words.saved, { added, removed }));
  refresh();
}

function refusedToSave({ why, text, revision }) {
  editor.saving = undefined;
  editor.refusal = why;
  if (text === null) put(ui.fileFault, why);
  else if (isChanged()) showConflict(why, text, revision);
  else {
    take(text, revision);
    put(ui.fileFault, why);
  }
  showHindrance();
}

function showConflict(why, text, revision) {
  const hadFocus = hasFocus(ui.difference);
  put(ui.fileFault, why);
  showDifference(unified(text), source.value, words.conflict, words.conflict_hint,
    button(words.keep_mine, () => take(text, revision, source.value), "main"), button(words.take_theirs, () => take(text, revision)));
  editor.isInConflict = true;
  if (hadFocus) ui.difference.focus();
}

function hideDifference() {
  if (editor.isInConflict) put(ui.fileFault);
  editor.isInConflict = false;
  hide(ui.difference);
}

function showDifference(before, after, title, hint, ...buttons) {
  editor.isInConflict = false;
  ui.difference.ariaLabel = title;
  const lines = difference(before.split("\n"), after.split("\n"));
  ui.difference.replaceChildren(make("h3", title), make("p", hint), make("div.diff", ...lines.map(diffLine)), row(...buttons));
  ui.difference.hidden = false;
}

function diffLine({ sign, line, text }) {
  const kind = { "+": "ins", "-": "del" }[sign] ?? "span";
  return make(kind, `${sign} ${String(line).padStart(4)} `, theirs("bdi", text));
}

// The lines that differ, with some around them.
function difference(before, after) {
  const lines = aligned(before, after);
  return lines.filter((_, index) => lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== " "));
}

// The lines of both texts. Removed lines have their old numbers.
function aligned(before, after) {
  const least = Math.min(before.length, after.length);
  let [start, end] = [0, 0];
  while (start < least && before[start] === after[start]) start++;
  while (end < least - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const [oldEnd, newEnd] = [before.length - end, after.length - end];
  const inCommon = common(before.slice(start, oldEnd), after.slice(start, newEnd));
  const lines = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const isInside = i >= start && j >= start && (i < oldEnd || j < newEnd);
    if (!isInside || (inCommon && i < oldEnd && j < newEnd && before[i] === after[j])) {
      lines.push({ sign: " ", line: ++j, text: before[i++] });
    } else if (i < oldEnd && (!inCommon || j === newEnd || inCommon(i + 1 - start, j - start) >= inCommon(i - start, j + 1 - start))) {
      lines.push({ sign: "-", line: i + 1, text: before[i++] });
    } else {
      lines.push({ sign: "+", line: j + 1, text: after[j++] });
    }
  }
  return lines;
}

// How many lines both have in common from any line of each; nothing if that would take too long.
function common(before, after) {
  if (before.length > MOST_COMPARED || after.length > MOST_COMPARED) return undefined;
  const width = after.length + 1;
  const counts = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const at = i * width + j;
      counts[at] = before[i] === after[j] ? counts[at + width + 1] + 1 : Math.max(counts[at + width], counts[at + 1]);
    }
  }
  return (i, j) => counts[i * width + j];
}

function showVersions(versions) {
  const hadFocus = hasFocus(ui.versions);
  const entries = versions.map(({ version, at }) => {
    const until = filled(words.until, { at: moment(at) });
    const back = button(words.version, () => put(ui.fileFault, send({ do: "version", version })), "change");
    back.ariaLabel = `${words.version} ${until}`;
    return make("li", row(until, back));
  });
  ui.versions.replaceChildren(...(entries.length > 0 ? entries : [words.none]));
  if (hadFocus) ui.versions.previousElementSibling.focus();
}

function showVersion({ version, text }) {
  const { revision } = editor;
  const back = () => {
    editor.replaced = source.value;
    put(ui.fileFault, send({ do: "restore", version, revision }));
  };
  offerDifference(editor.base, unified(text), words.back, isChanged() ? words.unsaved : "", button(words.back_now, back, "main"));
}

function offerDifference(...parts) {
  showDifference(...parts, button(words.cancel, () => hide(ui.difference)));
  ui.difference.focus();
}

// --- input

ui.tryNow.onclick = connect;
ui.show.onclick = () => put(ui.fileFault, send({ do: "file" }));
ui.save.onclick = () => offerDifference(editor.base, source.value, words.difference, "", button(words.save_now, saveNow, "main"));
document.addEventListener("click", (event) => {
  if (event.target.closest("[aria-disabled=true]")) event.stopPropagation();
}, true);
addEventListener("submit", (event) => event.preventDefault());
ui.unlock.onsubmit = () => {
  keepKey(ui.key.value);
  drop();
  connect();
};
ui.ask.onsubmit = () => {
  if (ui.text.value.trim()) put(ui.askFault, send({ do: "ask", text: ui.text.value }));
};
ui.since.onchange = ui.refresh.onclick = refresh;
ui.order.onchange = () => lists.forEach(showList);
source.oninput = edited;
source.onscroll = () => { ui.gutter.scrollTop = source.scrollTop; };
addEventListener("beforeunload", (event) => {
  if (isChanged()) event.preventDefault();
});
addEventListener("online", () => { if (retry) connect(); });
const resized = new ResizeObserver(() => [byDay, byHour].forEach(draw));
[byDay, byHour].forEach(({ box }) => resized.observe(box));

document.querySelectorAll("[data-text]").forEach((part) => put(part, words[part.dataset.text]));
document.querySelectorAll("section").forEach(({ id }) => ui.nav.append(Object.assign(make("a", words[id]), { href: "#" + id })));
connect();
