// The owner's page, with a server that only knows the protocol.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { audit, launch, quit, screenshot, until, visit } from "./support.mjs";

before(launch);
after(quit);

const KEY = "a key with blanks, ünïcode & +";
const FOLDER = new URL("../../src/bin/replyd/owner/", import.meta.url);
const FILES = {
  "/owner": ["owner.html", "text/html"],
  "/owner.css": ["owner.css", "text/css"],
  "/owner.js": ["owner.js", "text/javascript"],
  "/icon.svg": ["../../../page/icon.svg", "image/svg+xml"],
};
// The build script puts it before the script.
const CONNECTION = "../../../page/connection.js";
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'";
const FILE = "[replies]\n# Times\nopening hours = From 9 to 5.\nparking = Behind the house.\nunknown = Sorry.\n\n[tests]\nopen? = opening hours\n";

// The three files, as a server hands them out. Connections other than plain requests are refused.
async function files() {
  const server = createServer((request, response) => {
    const [name, type] = FILES[request.url] ?? [];
    if (!name) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8`, "Content-Security-Policy": CSP });
    const connection = name === "owner.js" ? readFileSync(new URL(CONNECTION, FOLDER)) : "";
    response.end(connection + readFileSync(new URL(name, FOLDER)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/owner`, stop: () => server.closeAllConnections() ?? server.close() };
}

const NOW = {
  kind: "now", clients: 3, answers_a_minute: 12.5, replies: 42, names: ["opening hours", "parking"], statistics: true, unanswered: true,
  file: "replies.ini", read_only: null,
};
const QUESTIONS = {
  kind: "questions",
  unanswered: [
    { sentence: "do you have rye", count: 3, last: "2026-11-20", notes: ["offered: opening hours"] },
    { sentence: "<img src=x onerror=alert(1)>", count: 1, last: "2026-11-27", notes: [] },
    { sentence: "האם יש לכם לחם שיפון", count: 2, last: "2026-11-21", notes: [] },
  ],
  guesses: [
    { sentence: "openning hours", count: 2, last: "2026-11-26", notes: ["typo: openning"], reply: "opening hours", text: "From 9 to 5." },
    { sentence: "where do I leave my car", count: 1, last: "2026-11-25", notes: [], reply: "parking", text: "Behind the house." },
  ],
};

function statistics({ since }) {
  const last = Date.parse("2026-11-27");
  const count = { "7d": 7, "30d": 30, "90d": 90, "365d": 365 }[since];
  const day = (n) => new Date(last - n * 86400000).toISOString().slice(0, 10);
  const days = Array.from({ length: count }, (_, n) => ({ day: day(n), questions: (n * 7) % 23, conversations: n % 9, unknown: n % 3 }))
    .filter((tally) => tally.questions > 0);
  return {
    kind: "statistics", first: day(count), last: day(0), days, percent_answered: 75.04,
    all: { questions: 1320, answered: 900, corrected: 50, nearest: 40, unknown: 330, conversations: 512 },
    hours: Array.from({ length: 24 }, (_, hour) => (hour > 6 && hour < 21 ? hour * 3 : 0)),
    replies: Array.from({ length: 25 }, (_, n) => ({ reply: `reply ${n + 1}`, questions: 100 - n, answered: 90 - n, corrected: 6, nearest: 4 })),
    unused: ["delivery", "vouchers"],
  };
}

// Answers to what the page says. A test replaces those it is about.
const ANSWERS = {
  statistics,
  questions: () => QUESTIONS,
  ask: ({ text }) => ({ kind: "answer", text: `You asked: ${text}\n<b>From 9 to 5.</b>`, why: "normalised: open\nphrase: opening hours" }),
  propose: ({ question, reply, to }) => ({
    kind: "proposal", warnings: [], question, phrase: question, revision: "r1", why: null, changes: [],
    lines: to ? [{ line: 3, sign: "-", text: `${to} = From 9 to 5.` }, { line: 3, sign: "+", text: `${to} | ${question} = From 9 to 5.` }]
      : [{ line: 5, sign: "+", text: `${question} = ${reply}` }],
  }),
  apply: ({ question }) => ({ kind: "applied", question }),
  file: () => ({
    kind: "file", name: "replies.ini", text: FILE, revision: "r1",
    versions: [{ version: "2", at: "2026-11-27T10:00:00Z" }, { version: "1", at: "2026-11-26T10:00:00Z" }],
  }),
  check: () => ({ kind: "checked", errors: [], warnings: [], failures: [] }),
  save: () => ({ kind: "saved", what: "save", revision: "r2", lines_added: 1, lines_removed: 1 }),
  version: ({ version }) => ({ kind: "version", version, text: "[replies]\n" }),
  restore: () => ({ kind: "saved", what: "restore", revision: "r3", lines_added: 0, lines_removed: 1 }),
};

// A visitor with the key, and what the page has said so far: all of it, or the messages of one kind.
async function open(answers = {}, { now = {}, notices = [], ...options } = {}) {
  const server = await files();
  const said = [];
  const routes = [];
  const all = { ...ANSWERS, ...answers };
  const { page, leave } = await visit(server.url, options);
  await page.routeWebSocket(/\/owner$/, (route) => {
    routes.push(route);
    let parts = "";
    route.onMessage((data) => {
      const message = JSON.parse(data);
      assert.ok(Buffer.byteLength(data) <= 12000, `${data.length} characters`);
      if (message.do === "part") return void (parts += message.text);
      if (["check", "save"].includes(message.do)) {
        message.text = parts;
        parts = "";
      }
      said.push(message);
      const answer = all[message.do]?.(message);
      if (answer) route.send(JSON.stringify(answer));
    });
    route.send(JSON.stringify({ ...NOW, ...now }));
    route.send(JSON.stringify({ kind: "notices", notices }));
  });
  await page.fill("#key", ` ${KEY} `);
  await page.keyboard.press("Enter");
  await page.locator("#counts dd").first().waitFor();
  return {
    page, routes, answers: all,
    said: (what) => said.filter((message) => message.do === what),
    tell: (message) => routes.at(-1).send(JSON.stringify(message)),
    async leave() {
      await leave();
      await server.stop();
    },
  };
}

const card = (page, text) => page.locator(".cards > li", { hasText: text });
const focused = (page) => page.evaluate(() => document.activeElement.ariaLabel || document.activeElement.id || document.activeElement.textContent);
const hasText = (locator, text) => locator.filter({ hasText: text }).waitFor();

test("together they are small", () => {
  const size = ["owner.html", "owner.css", "owner.js"].reduce((sum, name) => sum + readFileSync(new URL(name, FOLDER)).length, 0);
  assert.ok(size < 43 * 1024, `${size} bytes`);
});

test("every text has a name, and every name a text", () => {
  const [html, script] = ["owner.html", "owner.js"].map((name) => readFileSync(new URL(name, FOLDER), "utf8"));
  const table = script.slice(script.indexOf("const TEXTS"), script.indexOf("\n};\n"));
  const names = [...table.matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name);
  const used = [...html.matchAll(/data-(?:text|label)="(\w+)"/g), ...script.matchAll(/words\.(\w+)/g)].map(([, name]) => name);
  assert.deepEqual(used.filter((name) => !names.includes(name)), []);
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

test("a key is asked for, kept for the tab, and may be wrong", async () => {
  const server = await files();
  const { page, leave } = await visit(server.url, { tolerated: /WebSocket connection to/ });
  await page.getByLabel("The owner's key").waitFor();
  assert.equal(await focused(page), "key");
  assert.equal(await page.locator("nav").isVisible(), false);
  await audit(page);
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await hasText(page.locator("#refused"), "The key is not accepted.");
  assert.equal(await focused(page), "key");
  const protocols = [];
  await page.routeWebSocket(/\/owner$/, (route) => {
    protocols.push(route.protocols(), route.url());
    route.send(JSON.stringify(NOW));
    if (protocols.length > 2) route.close({ code: 1008 });
  });
  await page.keyboard.type(KEY);
  await page.keyboard.press("Enter");
  await hasText(page.locator("#counts"), "12.5");
  assert.deepEqual(protocols, [["replyd-owner", "bearer." + Buffer.from(KEY).toString("base64url")], server.url.replace("http", "ws")]);
  // It holds for this tab, until the server says otherwise.
  await page.reload();
  await hasText(page.locator("#refused"), "The key is not accepted.");
  assert.equal(await page.locator("#owner").isVisible(), false);
  assert.deepEqual(await page.evaluate(() => Object.values(sessionStorage)), [""]);
  await leave();
  await server.stop();
});

// It would stay in the browser's history, and whoever opened the window could change it.
test("no key is taken from the address", async () => {
  const owner = await open();
  const { page, routes } = owner;
  const stored = () => page.evaluate(() => Object.values(sessionStorage));
  await page.evaluate(() => { location.hash = "key=another"; });
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  assert.deepEqual([await stored(), routes.length], [[KEY], 1]);
  await owner.leave();
  const server = await files();
  const visitor = await visit(`${server.url}#key=${encodeURIComponent(KEY)}`);
  await visitor.page.getByLabel("The owner's key").waitFor();
  assert.deepEqual(await visitor.page.evaluate(() => Object.values(sessionStorage)), [""]);
  await visitor.leave();
  await server.stop();
});

test("a password manager finds the key", async () => {
  const owner = await open();
  const { page } = owner;
  assert.equal(await page.locator("#key").evaluate((field) => [field.type, field.autocomplete, field.form.id].join()), "password,current-password,unlock");
  assert.equal(await page.locator("#key").inputValue(), "");
  await owner.leave();
});

test("a server that is away is tried again", async () => {
  const server = await files();
  const { page, leave } = await visit(server.url, { tolerated: /WebSocket connection to|ERR_/ });
  let attempts = 0;
  await page.route(/\/owner$/, (route) => {
    attempts++;
    return route.abort();
  });
  await page.fill("#key", KEY);
  await page.keyboard.press("Enter");
  await hasText(page.locator("#state"), "The server cannot be reached. Trying again in 1 s.");
  await until(() => attempts === 3);
  await page.routeWebSocket(/\/owner$/, (route) => route.send(JSON.stringify(NOW)));
  // It may have tried by itself meanwhile.
  await page.getByRole("button", { name: "Try now" }).evaluateAll(([button]) => button?.click());
  await hasText(page.locator("#counts"), "12.5");
  assert.equal(await page.locator("#state").textContent(), "");
  await leave();
  await server.stop();
});

test("a connection that is lost comes back, and the page with it", async () => {
  const owner = await open();
  const { page, routes } = owner;
  await card(page, "do you have rye").getByRole("button", { name: /^Answer/ }).click();
  await page.keyboard.type("Yes, on Fri");
  await routes[0].close({ code: 1001 });
  await until(() => routes.length === 2);
  await until(() => owner.said("questions").length === 2);
  await page.keyboard.type("days.");
  assert.equal(await page.getByLabel("Your reply").inputValue(), "Yes, on Fridays.");
  await owner.leave();
});

test("a connection that a message was too long for is not tried again by itself", async () => {
  const owner = await open();
  const { page, routes } = owner;
  await page.evaluate(() => { Math.random = () => -2; });
  await routes[0].close({ code: 1009 });
  await hasText(page.locator("#state"), "a message was too long for the server");
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
  assert.equal(routes.length, 1);
  await page.getByRole("button", { name: "Try now" }).click();
  await until(() => routes.length === 2);
  await owner.leave();
});

test("a server that is full keeps the key", async () => {
  const server = await files();
  const { page, leave } = await visit(server.url, { tolerated: /WebSocket connection to|503/ });
  await page.route(/\/owner$/, (route) => route.fulfill({ status: 503, body: "full" }));
  await page.fill("#key", KEY);
  await page.keyboard.press("Enter");
  await hasText(page.locator("#state"), "The server is full, or about to stop. Trying again in 1 s.");
  await page.routeWebSocket(/\/owner$/, (route) => route.send(JSON.stringify(NOW)));
  await hasText(page.locator("#counts"), "12.5");
  await leave();
  await server.stop();
});

test("what is going on, and what the file needs", async () => {
  const notices = [{ at: "2026-11-27T10:00:00Z", text: "replies.ini:7: <b>no reply</b>" }];
  const owner = await open({}, { notices });
  const { page } = owner;
  assert.deepEqual(await page.locator("#counts dd").allTextContents(), ["3", "12.5", "42"]);
  await hasText(page.getByRole("alert"), "replies.ini:7: <b>no reply</b>");
  // Only what has changed is said.
  owner.tell({ kind: "now", clients: 1234 });
  owner.tell({ kind: "notices", notices: [] });
  await hasText(page.locator("#counts"), "1,234");
  assert.deepEqual(await page.locator("#counts dd").allTextContents(), ["1,234", "12.5", "42"]);
  assert.equal(await page.locator("#notices").isVisible(), false);
  await owner.leave();
});

test("statistics", async () => {
  const owner = await open();
  const { page } = owner;
  assert.deepEqual(await page.locator("#sums dd").allTextContents(), ["512", "1,320", "75 %", "90", "330"]);
  assert.equal(await page.locator("#byDay .bar").count(), 31);
  assert.equal(await page.locator("#byHour .bar").count(), 24);
  assert.match(await page.locator("#byHour svg").getAttribute("aria-label"), /^Questions by hour of the day: 60 at most \(20–21\)/);
  await page.locator("#byDay summary").click();
  assert.deepEqual(await page.locator("#byDay tbody tr").last().locator("th, td").allTextContents(), ["Nov 27, 2026", "0"]);
  assert.equal(await page.locator("#asked tbody tr").count(), 20);
  await page.getByRole("button", { name: "Show all 25" }).click();
  assert.equal(await page.locator("#asked tbody tr").count(), 25);
  assert.equal(await focused(page), "moreAsked");
  assert.deepEqual(await page.locator("#unused li").allTextContents(), ["delivery", "vouchers"]);
  await page.selectOption("#since", "365d");
  await hasText(page.locator("#byDay tbody"), "Dec 2025");
  assert.deepEqual(owner.said("statistics").map(({ since }) => since), ["30d", "365d"]);
  assert.equal(await page.locator("#byDay .bar").count(), 13);
  assert.equal(await page.locator("#byDay details").evaluate((details) => details.open), true);
  owner.tell({ kind: "statistics", why: "statistics are not kept; write 'statistics_file' under [bot]" });
  await hasText(page.locator("#noStatistics"), "statistics are not kept");
  assert.equal(await page.locator("#sums").isVisible(), false);
  await owner.leave();
});

test("a question gets a reply, with the keyboard alone", async () => {
  const owner = await open();
  const { page } = owner;
  assert.deepEqual(await page.locator("#unanswered .said").allTextContents(),
    ["do you have rye", "האם יש לכם לחם שיפון", "<img src=x onerror=alert(1)>"]);
  await page.getByRole("button", { name: "Answer: do you have rye" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.type("Yes, on Fridays.");
  owner.answers.propose = ({ question }) => ({
    kind: "proposal", warnings: ["It is short."], question, phrase: "rye*", revision: "r1", why: null,
    lines: [{ line: 12, sign: "+", text: "rye* = Yes, on Fridays." }],
    changes: [{ message: "do you have rye bread", before: "No.", after: "Yes, on Fridays." }],
  });
  await page.keyboard.press("Tab");
  assert.equal(await page.getByLabel("Phrase that gets this reply").evaluate((field) => field.matches(":focus") && field.value), "do you have rye");
  await page.keyboard.type("rye*");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Preview");
  await page.keyboard.press("Enter");
  const entry = card(page, "do you have rye");
  await hasText(entry.locator(".diff"), "+   12 rye* = Yes, on Fridays.");
  await hasText(entry.getByRole("status"), "WarningsIt is short.");
  await hasText(entry, "Before: No.");
  await hasText(entry.getByRole("status"), "Before: No.");
  // What was previewed is not what is written any more.
  for (let n = 0; n < 3; n++) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Control+End");
  await page.keyboard.type("!");
  assert.equal(await entry.locator(".diff").count(), 0);
  owner.answers.questions = () => ({ ...QUESTIONS, unanswered: QUESTIONS.unanswered.slice(1) });
  await entry.getByRole("button", { name: "Preview" }).press("Enter");
  await entry.getByRole("button", { name: "Add" }).press("Enter");
  await hasText(page.locator("#state"), "Added: do you have rye");
  assert.deepEqual(owner.said("propose").map(({ reply }) => reply), ["Yes, on Fridays.", "Yes, on Fridays.!"]);
  assert.deepEqual(owner.said("apply"), [{ do: "apply", question: "do you have rye", phrase: "rye*", reply: "Yes, on Fridays.!", revision: "r1" }]);
  await entry.waitFor({ state: "detached" });
  await until(async () => (await focused(page)) === "Answer: האם יש לכם לחם שיפון");
  await owner.leave();
});

test("a question gets a reply that there is, unless the server says why not", async () => {
  const owner = await open();
  const { page } = owner;
  const entry = card(page, "do you have rye");
  await entry.getByRole("button", { name: /^Answer/ }).click();
  await entry.getByRole("button", { name: "Preview" }).click();
  assert.equal(await entry.getByLabel("Your reply").evaluate((field) => field.matches(":focus:invalid")), true);
  assert.deepEqual(owner.said("propose"), []);
  await entry.getByLabel("Answer with").selectOption("parking");
  assert.equal(await entry.getByLabel("Your reply").isVisible(), false);
  owner.answers.propose = ({ question }) => ({ kind: "proposal", warnings: [], question, phrase: "", revision: "r1", lines: [], changes: [], why: "It is there already." });
  await entry.getByRole("button", { name: "Preview" }).click();
  await hasText(entry.getByRole("alert"), "It is there already.");
  // The names change, and the choice remains.
  owner.tell({ ...NOW, names: ["delivery", "parking", "opening hours"] });
  await until(() => entry.getByLabel("Answer with").evaluate((choice) => choice.length === 4));
  owner.answers.propose = ANSWERS.propose;
  owner.answers.apply = () => ({ kind: "refused", what: "apply", why: "The file has changed.", text: "x", revision: "r2" });
  await entry.getByRole("button", { name: "Preview" }).click();
  await entry.getByRole("button", { name: "Add" }).click();
  await hasText(entry.getByRole("alert"), "The file has changed.");
  await entry.getByRole("button", { name: "Add" }).waitFor();
  assert.deepEqual(owner.said("propose").at(-1), { do: "propose", question: "do you have rye", to: "parking" });
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Answer: do you have rye");
  await owner.leave();
});

test("guesses are confirmed one after the other, or answered differently", async () => {
  const owner = await open();
  const { page } = owner;
  const confirm = page.getByRole("button", { name: "Correct: confirm" });
  let revision = 1;
  owner.answers.propose = (message) => ({ ...ANSWERS.propose(message), revision: `r${revision}` });
  const applied = [];
  owner.answers.apply = (message) => {
    if (message.revision !== `r${revision}`) return { kind: "refused", what: "apply", why: "The file has changed.", text: "", revision: `r${revision}` };
    revision++;
    applied.push(message.to);
    return ANSWERS.apply(message);
  };
  await page.evaluate(() => document.querySelectorAll("#guesses button:first-child").forEach((button) => button.click()));
  // The second is looked at again, since the first has changed the file.
  await hasText(page.locator("#guesses").getByRole("alert"), "The file has changed.");
  await page.locator("#guesses").getByRole("button", { name: "Add" }).click();
  await until(() => applied.length === 2);
  assert.deepEqual(applied, ["opening hours", "parking"]);
  await until(async () => (await page.locator("#guesses form").count()) === 0);
  // Where something else would change, that is shown first.
  owner.answers.propose = (message) => ({ ...ANSWERS.propose(message), changes: [{ message: "a test", before: null, after: "From 9 to 5." }] });
  await confirm.first().click();
  const entry = page.locator("#guesses > li").first();
  await hasText(entry, "Before: Not answered");
  await entry.getByRole("button", { name: "Add" }).waitFor();
  await entry.getByRole("button", { name: "Wrong: answer differently" }).click();
  await entry.getByLabel("Your reply").fill("Every day.");
  await entry.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await focused(page), "Wrong: answer differently: openning hours");
  await owner.leave();
});

test("a question that needs no answer", async () => {
  const owner = await open();
  const { page } = owner;
  owner.answers.questions = () => ({ ...QUESTIONS, unanswered: QUESTIONS.unanswered.slice(1), guesses: [] });
  await page.getByRole("button", { name: "No answer needed: do you have rye" }).press("Enter");
  await hasText(page.locator("#state"), "Added: do you have rye");
  assert.deepEqual(owner.said("apply"), [{ do: "apply", question: "do you have rye", to: "unknown", revision: "r1" }]);
  await until(async () => (await focused(page)) === "Answer: האם יש לכם לחם שיפון");
  await owner.leave();
});

test("new questions leave the form and the focus alone", async () => {
  const owner = await open();
  const { page } = owner;
  await card(page, "<img").getByRole("button", { name: /^Answer/ }).click();
  await page.keyboard.type("No ");
  await page.selectOption("#order", "last");
  assert.equal(await page.locator("#unanswered .said").first().textContent(), "<img src=x onerror=alert(1)>");
  await page.getByLabel("Your reply").focus();
  const many = Array.from({ length: 30 }, (_, n) => ({ sentence: `question ${n}`, count: n, last: "2026-11-28", notes: [] }));
  owner.tell({ ...QUESTIONS, unanswered: [...many, ...QUESTIONS.unanswered] });
  await card(page, "question 19").waitFor();
  await page.keyboard.type("idea.");
  assert.equal(await page.getByLabel("Your reply").inputValue(), "No idea.");
  await page.locator("#more-unanswered").click();
  assert.equal(await page.locator("#unanswered > li").count(), 33);
  assert.equal(await page.locator("#more-unanswered").textContent(), "Show fewer");
  owner.tell({ kind: "questions", unanswered: [], guesses: [] });
  await until(async () => (await page.locator("#unanswered > li").count()) === 1);
  assert.equal(await page.getByLabel("Your reply").inputValue(), "No idea.");
  owner.tell({ kind: "questions", why: "messages are not kept" });
  await hasText(page.locator("#noQuestions"), "messages are not kept");
  await owner.leave();
});

test("trying it", async () => {
  const owner = await open();
  const { page } = owner;
  await page.getByLabel("Ask as a customer would").fill("open?");
  await page.keyboard.press("Enter");
  await hasText(page.locator("#answer"), "You asked: open?\n<b>From 9 to 5.</b>");
  await page.getByText("Why this answer").click();
  await hasText(page.locator("#explanation"), "phrase: opening hours");
  await page.getByLabel("Ask as a customer would").fill("ü".repeat(6000));
  await page.keyboard.press("Enter");
  await hasText(page.locator("#askFault"), "12022 bytes, and the limit is 12000");
  await owner.leave();
});

test("the file is checked and saved", async () => {
  const owner = await open({ check: ({ text }) => ({
    kind: "checked", warnings: [{ line: 2, text: "a remark" }], failures: [],
    errors: text.includes("broken") ? [{ line: 4, text: "no '='" }] : [],
  }) });
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  const source = page.getByLabel("replies.ini");
  await until(async () => (await focused(page)) === "replies.ini");
  assert.equal(await source.inputValue(), FILE);
  assert.equal(await page.locator("#gutter").textContent(), "1\n2\n3\n4\n5\n6\n7\n8\n9");
  await hasText(page.locator("#check"), "Warnings: 1");
  await hasText(page.locator("#hindrance"), "Nothing has been changed.");
  await source.fill(FILE.replace("parking = Behind", "broken"));
  await hasText(page.locator("#hindrance"), "It cannot be saved yet. Errors: 1");
  await page.getByRole("button", { name: "Save…" }).press("Enter");
  assert.equal(await page.locator("#difference").isVisible(), false);
  await page.getByRole("button", { name: "Line 4" }).press("Enter");
  assert.equal(await focused(page), "replies.ini");
  assert.equal(await page.evaluate(() => String(getSelection())), "broken the house.");
  await source.fill(FILE.replace("Behind", "Before"));
  await until(async () => (await page.locator("#hindrance").textContent()) === "");
  await page.getByRole("button", { name: "Save…" }).press("Enter");
  assert.equal(await focused(page), "What changes in the file");
  assert.deepEqual(await page.locator("#difference .diff > *").allTextContents(), [
    "     2 # Times", "     3 opening hours = From 9 to 5.", "-    4 parking = Behind the house.", "+    4 parking = Before the house.",
    "     5 unknown = Sorry.", "     6 ",
  ]);
  owner.answers.file = () => ({ ...ANSWERS.file(), text: FILE.replace("Behind", "Before"), revision: "r2" });
  await page.getByRole("button", { name: "Save now" }).press("Enter");
  await hasText(page.locator("#state"), "Saved. Lines added: 1, removed: 1.");
  assert.deepEqual(owner.said("save"), [{ do: "save", revision: "r1", text: FILE.replace("Behind", "Before") }]);
  assert.equal(await focused(page), "replies.ini");
  assert.equal(await page.locator("#hindrance").textContent(), "Nothing has been changed.");
  await owner.leave();
});

test("a long file with other ends of lines goes in parts", async () => {
  const lines = Array.from({ length: 3000 }, (_, n) => `phrase ${n} = "Réponse" 🚗🚗🚗🚗🚗 ${n}\r\n`).join("");
  const owner = await open({ file: () => ({ ...ANSWERS.file(), text: lines }) });
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  await until(() => owner.said("check").length > 0);
  assert.equal(owner.said("check")[0].text, lines);
  assert.equal(await page.locator("#hindrance").textContent(), "Nothing has been changed.");
  await page.locator("#source").evaluate((source) => { source.scrollTop = 20000; });
  await until(() => page.locator("#gutter").evaluate((gutter) => gutter.scrollTop === 20000));
  await owner.leave();
});

test("only the lines that were changed change their ends", async () => {
  const mixed = FILE.replace("[replies]\n", "[replies]\r\n").replace("house.\n", "house.\r\n").replace("\n\n", "\n\r\n");
  const owner = await open({ file: () => ({ ...ANSWERS.file(), text: mixed }) });
  const { page } = owner;
  const source = page.locator("#source");
  const save = async (text, expected) => {
    await source.fill(text);
    await until(async () => (await page.locator("#hindrance").textContent()) === "");
    await page.getByRole("button", { name: "Save…" }).click();
    owner.answers.file = () => ({ ...ANSWERS.file(), text: expected, revision: "r2" });
    await page.getByRole("button", { name: "Save now" }).click();
    await hasText(page.locator("#hindrance"), "Nothing has been changed.");
    assert.equal(owner.said("save").at(-1).text, expected);
  };
  await page.getByRole("button", { name: "Show the file" }).click();
  await until(() => owner.said("check").length > 0);
  assert.equal(owner.said("check")[0].text, mixed);
  const change = (text, end) => text.replace("Behind", "Before").replace(`house.${end}`, `house.${end}rye = Yes.${end}`).replace("# Times\n", "");
  await save(change(FILE, "\n"), change(mixed, "\r\n"));
  // Once more, from there.
  await save(change(FILE, "\n") + "last", change(mixed, "\r\n") + "last");
  await owner.leave();
});

test("a text that cannot be checked cannot be saved", async () => {
  const owner = await open({ check: ({ text }) => (text === FILE ? ANSWERS.check() : { kind: "failed", why: "the text is too long" }) });
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  await page.locator("#source").fill("long");
  await hasText(page.locator("#hindrance"), "the text is too long");
  await page.locator("#source").fill(FILE);
  await hasText(page.locator("#hindrance"), "Nothing has been changed.");
  await owner.leave();
});

test("somebody else has changed the file", async () => {
  const theirs = FILE.replace("Sorry", "Pardon");
  const owner = await open({ save: () => ({ kind: "refused", what: "save", why: "The file has changed.", text: theirs, revision: "r9" }) });
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  const source = page.getByLabel("replies.ini");
  const mine = FILE.replace("Behind", "Before");
  const trySaving = async () => {
    await source.fill(mine);
    await until(async () => (await page.locator("#hindrance").textContent()) === "");
    await page.getByRole("button", { name: "Save…" }).click();
    await page.getByRole("button", { name: "Save now" }).click();
  };
  await trySaving();
  await hasText(page.locator("#fileFault"), "The file has changed.");
  assert.equal(await focused(page), "Somebody else has changed the file");
  await hasText(page.locator("#difference ins"), "Before the house.");
  await hasText(page.locator("#difference del"), "Pardon.");
  await page.getByRole("button", { name: "Keep mine" }).click();
  assert.equal(await source.inputValue(), mine);
  owner.answers.save = ANSWERS.save;
  owner.answers.file = () => ({ ...ANSWERS.file(), text: mine, revision: "r2" });
  await trySaving();
  await hasText(page.locator("#state"), "Saved");
  assert.deepEqual(owner.said("save").map(({ revision }) => revision), ["r1", "r9"]);
  owner.answers.save = () => ({ kind: "refused", what: "save", why: "The file has changed.", text: theirs, revision: "r10" });
  await source.fill(mine + "# more\n");
  await until(async () => (await page.locator("#hindrance").textContent()) === "");
  await page.getByRole("button", { name: "Save…" }).click();
  await page.getByRole("button", { name: "Save now" }).click();
  await page.getByRole("button", { name: "Take the file as it is" }).click();
  assert.equal(await source.inputValue(), theirs);
  assert.equal(await page.locator("#difference").isVisible(), false);
  await owner.leave();
});

test("an earlier version", async () => {
  const older = FILE.replace("Behind", "Before");
  const owner = await open({ version: ({ version }) => ({ kind: "version", version, text: older.replaceAll("\n", "\r\n") }) });
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  await hasText(page.locator("#versions li").last(), "Until Nov 26, 2026");
  const back = page.getByRole("button", { name: /^Go back to this version… Until Nov 26, 2026/ });
  // What would change is seen first.
  await back.click();
  await page.locator("#difference .diff").waitFor();
  assert.equal(await focused(page), "What going back changes in the file");
  assert.deepEqual(await page.locator("#difference .diff > :is(ins, del)").allTextContents(),
    ["-    4 parking = Behind the house.", "+    4 parking = Before the house."]);
  assert.equal((await page.locator("#difference").textContent()).includes("What you have not saved is lost."), false);
  await page.locator("#difference").getByRole("button", { name: "Cancel" }).click();
  assert.equal(await page.locator("#difference").isVisible(), false);
  await page.locator("#source").fill("something else");
  await back.click();
  await hasText(page.locator("#difference"), "What you have not saved is lost.");
  assert.deepEqual(owner.said("restore"), []);
  owner.answers.file = () => ({ ...ANSWERS.file(), text: older, revision: "r3" });
  await page.getByRole("button", { name: "Go back now" }).press("Enter");
  await hasText(page.locator("#state"), "Saved.");
  assert.deepEqual(owner.said("restore"), [{ do: "restore", version: "1", revision: "r1" }]);
  await until(async () => (await page.locator("#source").inputValue()) === older);
  await owner.leave();
});

// Looks at the first version, and goes back to it.
async function goBack(page) {
  await page.getByRole("button", { name: /^Go back to this version/ }).first().click();
  await page.getByRole("button", { name: "Go back now" }).click();
}

test("going back to what the file already is takes away what was typed", async () => {
  const owner = await open();
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  await page.locator("#source").fill("something else");
  owner.answers.restore = () => ({ ...ANSWERS.restore(), revision: "r1" });
  await goBack(page);
  await until(async () => (await page.locator("#source").inputValue()) === FILE);
  await owner.leave();
});

test("what is typed while going back stays", async () => {
  const owner = await open();
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  const saved = { ...ANSWERS.restore(), revision: "r9" };
  const restored = FILE.replace("Sorry", "Pardon");
  owner.answers.restore = () => undefined;
  await goBack(page);
  await until(() => owner.said("restore").length === 1);
  await page.locator("#source").fill("something else");
  owner.answers.file = () => ({ ...ANSWERS.file(), text: restored, revision: "r9" });
  owner.tell(saved);
  await page.locator("#difference del").getByText("Pardon").waitFor();
  assert.equal(await page.locator("#source").inputValue(), "something else");
  await owner.leave();
});

test("going back that is refused is explained", async () => {
  const owner = await open();
  const { page } = owner;
  await page.getByRole("button", { name: "Show the file" }).click();
  owner.answers.restore = () => ({ kind: "refused", what: "restore", why: "This version has mistakes.", text: null, revision: null });
  await goBack(page);
  await hasText(page.locator("#fileFault"), "This version has mistakes.");
  const theirs = FILE.replace("Sorry", "Pardon");
  owner.answers.restore = () => ({ kind: "refused", what: "restore", why: "The file has changed.", text: theirs, revision: "r9" });
  owner.answers.file = () => ({ ...ANSWERS.file(), text: theirs, revision: "r9" });
  await goBack(page);
  await until(async () => (await page.locator("#source").inputValue()) === theirs);
  // The reload that follows says nothing else.
  const checks = owner.said("check").length;
  owner.tell({ kind: "notices", notices: [] });
  await until(() => owner.said("check").length > checks);
  assert.equal(await page.locator("#fileFault").textContent(), "The file has changed.");
  await owner.leave();
});

test("a reload shows the file anew", async () => {
  const owner = await open();
  const { page } = owner;
  const source = page.locator("#source");
  const reload = (file) => {
    owner.answers.file = () => ({ ...ANSWERS.file(), ...file });
    owner.tell({ kind: "notices", notices: [] });
  };
  await page.getByRole("button", { name: "Show the file" }).click();
  const theirs = FILE.replace("Sorry", "Pardon");
  reload({ text: theirs, revision: "r2" });
  await until(async () => (await source.inputValue()) === theirs);
  reload({ why: "cannot read replies.ini" });
  await hasText(page.locator("#fileFault"), "cannot read replies.ini");
  reload({ text: theirs, revision: "r2" });
  await until(async () => (await page.locator("#fileFault").textContent()) === "");
  // What the check finds may depend on settings.
  owner.answers.check = () => ({ kind: "checked", errors: [{ line: 1, text: "no such section" }], warnings: [], failures: [] });
  reload({ text: theirs, revision: "r2" });
  await hasText(page.locator("#findings"), "no such section");
  // A conflict that is over is taken away, and what was typed stays.
  await source.fill("mine");
  reload({ text: FILE, revision: "r3" });
  await hasText(page.locator("#difference"), "Somebody else has changed the file");
  reload({ text: theirs, revision: "r2" });
  await page.locator("#difference").waitFor({ state: "hidden" });
  assert.equal(await page.locator("#fileFault").textContent(), "");
  assert.equal(await source.inputValue(), "mine");
  await owner.leave();
});

test("a file that cannot be changed from here", async () => {
  const owner = await open({}, { now: { read_only: "The file cannot be written; run replyd as its owner." } });
  const { page } = owner;
  await hasText(page.locator("#readOnly"), "The file cannot be written; run replyd as its owner.");
  await page.getByRole("button", { name: "Show the file" }).click();
  await hasText(page.locator("#hindrance"), "The file cannot be written; run replyd as its owner.");
  assert.equal(await page.locator("#source").isEditable(), false);
  const answer = card(page, "do you have rye").getByRole("button", { name: /^Answer/ });
  await answer.click({ force: true });
  assert.equal(await page.locator(".cards form").count(), 0);
  owner.tell(NOW);
  await until(async () => (await answer.getAttribute("aria-disabled")) === "false");
  await answer.click();
  assert.equal(await page.locator(".cards form").count(), 1);
  await owner.leave();
});

test("differences lead from one text to the other", async () => {
  const owner = await open();
  const broken = await owner.page.evaluate(() => {
    let seed = 7;
    const random = (limit) => (seed = (seed * 1103515245 + 12345) % 2147483648) % limit;
    for (let round = 0; round < 3000; round++) {
      const [old, young] = [0, 1].map(() => Array.from({ length: random(12) }, () => "abcd"[random(4)]));
      const lines = difference(old, young);
      const mended = [...old];
      lines.filter(({ sign }) => sign === "-").reverse().forEach(({ line, text }) => {
        if (mended.splice(line - 1, 1)[0] !== text) return JSON.stringify([old, young]);
      });
      lines.filter(({ sign }) => sign === "+").forEach(({ line, text }) => mended.splice(line - 1, 0, text));
      if (mended.join() !== young.join()) return JSON.stringify([old, young, lines]);
    }
    const began = performance.now();
    const long = (text) => Array.from({ length: 20000 }, (_, n) => `${text} ${n}`);
    const count = difference(long("a"), long("b")).length;
    difference(long("a"), long("a").map((line, n) => (n > 9000 && n < 10900 ? line + "." : line)));
    return count === 40000 && performance.now() - began < 5000 ? "" : "it takes too long";
  });
  assert.equal(broken, "");
  await owner.leave();
});

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[360, 640], [1280, 800]]) {
    test(`how it looks, ${colorScheme}, ${width}x${height}`, async () => {
      const owner = await open({ check: () => ({
        kind: "checked", errors: [{ line: 4, text: "no '='" }], warnings: [{ line: 2, text: "a remark" }], failures: [{ line: 8, text: "got unknown" }],
      }) }, { colorScheme, viewport: { width, height }, notices: [{ at: "2026-11-27T10:00:00Z", text: "replies.ini:7: no reply" }] });
      const { page } = owner;
      owner.answers.propose = (message) => ({
        ...ANSWERS.propose(message), changes: [{ message: "rye?", before: "Sorry.", after: "Yes." }],
      });
      const entry = card(page, "do you have rye");
      await entry.getByRole("button", { name: /^Answer/ }).click();
      await page.keyboard.type("Yes, on Fridays.");
      await entry.getByRole("button", { name: "Preview" }).click();
      await entry.getByRole("button", { name: "Add" }).waitFor();
      await page.locator("#byHour summary").click();
      await page.fill("#text", "open?");
      await page.keyboard.press("Enter");
      await page.locator("#try summary").click();
      await page.getByRole("button", { name: "Show the file" }).click();
      await page.locator("#source").fill(FILE.replace("Behind", "Before"));
      await hasText(page.locator("#check"), "Errors: 1, Failing tests: 1, Warnings: 1");
      await page.evaluate(() => {
        showConflict("The file has changed.", source.value + "x", "r2");
      });
      await audit(page);
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/owner-${colorScheme}-${width}.png`, fullPage: true });
      await page.evaluate(() => scrollTo(0, 0));
      await screenshot(page, `owner-top-${colorScheme}-${width}`);
      // Also from right to left.
      await page.evaluate(() => { document.documentElement.dir = "rtl"; });
      for (const narrow of [320, 640, 1920]) {
        await page.setViewportSize({ width: narrow, height });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${narrow}`);
        await until(() => page.locator("#byDay > div").evaluate((box) => box.firstElementChild.clientWidth === box.clientWidth));
      }
      await owner.leave();
    });
  }
}
