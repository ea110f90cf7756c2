// The chat page, as people use it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, connect as connectTo } from "node:net";
import { join } from "node:path";
import { GREETING, HELP, audit, connected, conversation, launch, quit, screenshot, serve, until, visit } from "./support.mjs";

before(launch);
after(quit);

// A browser itself complains of connections that are refused; whoever uses the page is told in words.
const REFUSED = /WebSocket connection to|Failed to load resource: (net::ERR_|the server responded with a status of (403|426|503))/;
const KEY = "a key with blanks, ünïcode & +";

async function ask(page, text) {
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

const focused = (page) => page.evaluate(() => document.activeElement.id);

test("the article's conversation, with the keyboard alone", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  await page.keyboard.type("i need");
  await page.keyboard.press("Shift+Enter");
  await ask(page, "help");
  await conversation(page, [GREETING, "> hello", GREETING, "> i need\nhelp", HELP]);
  assert.equal(await focused(page), "text");
  assert.match(await page.locator("time").last().textContent(), /\d:\d\d/);
  await page.keyboard.press("Enter");
  await conversation(page, [GREETING, "> hello", GREETING, "> i need\nhelp", HELP]);
  // The send button does the same, and gives the focus back.
  await page.fill("#text", "bye");
  await page.click("#send");
  await conversation(page, [GREETING, "> hello", GREETING, "> i need\nhelp", HELP, "> bye", "Sorry, I am unable to understand you."]);
  assert.equal(await focused(page), "text");
  await leave();
  await server.stop();
});

test("answers are text, with links", async () => {
  const server = await serve(`[bot]
greeting =
[replies]
link = See https://shop.example/a?b=c&d, or (mailto:anna@shop.example). Call tel:5550100!
  Not javascript:alert(1) and not data:text/html,x
map = 地址：https://shop.example/map，欢迎光临。
label = [Find us](https://shop.example/find) or call {phone}, not 1{phone}
code = <script>window.broken = 1</script><img src=x onerror="window.broken = 1">
unknown = ?
[vars]
phone = 030 (555) 01.00
`);
  const { page, leave } = await visit(server.url);
  await connected(page);
  await ask(page, "link");
  const text = "See https://shop.example/a?b=c&d, or (mailto:anna@shop.example). Call tel:5550100!\nNot javascript:alert(1) and not data:text/html,x";
  await conversation(page, ["> link", text]);
  await ask(page, "map");
  await conversation(page, ["> link", text, "> map", "地址：https://shop.example/map，欢迎光临。"]);
  assert.equal(await page.locator(".bubble a").last().getAttribute("href"), "https://shop.example/map");
  await page.getByRole("button", { name: "New conversation" }).click();
  await connected(page);
  await ask(page, "link");
  await conversation(page, ["> link", text]);
  const links = page.locator(".bubble a");
  assert.deepEqual(await links.evaluateAll((all) => all.map((link) => [link.getAttribute("href"), link.rel, link.target])), [
    ["https://shop.example/a?b=c&d", "noopener noreferrer", "_blank"],
    ["mailto:anna@shop.example", "noopener noreferrer", "_blank"],
    ["tel:5550100", "noopener noreferrer", "_blank"],
  ]);
  assert.equal(await page.locator(".bubble a").last().getAttribute("title"), null);
  assert.equal(await page.locator(".bubble").last().evaluate((bubble) => getComputedStyle(bubble).whiteSpace), "pre-wrap");
  await ask(page, "code");
  await conversation(page, ["> link", text, "> code", `<script>window.broken = 1</script><img src=x onerror="window.broken = 1">`]);
  await ask(page, "label");
  await page.getByRole("link", { name: "Find us" }).waitFor();
  assert.deepEqual(await page.locator(".message").last().locator("a").evaluateAll((all) => all.map((link) => [link.textContent, link.href, link.title])), [
    ["Find us", "https://shop.example/find", "https://shop.example/find"], ["030 (555) 01.00", "tel:0305550100", ""],
  ]);
  // What the visitor writes stands as it was written.
  await ask(page, "[x](https://shop.example)");
  await page.locator(".mine .bubble", { hasText: "[x](https://shop.example)" }).waitFor();
  assert.equal(await page.evaluate(() => [window.broken, document.querySelectorAll("#log img, #log script").length].join()), ",0");
  await leave();
  await server.stop();
});

// A text, and what is a link in it: as it is shown, and where it leads if that is something else.
const LINKS = [
  ["https://shop.example/a?b=c&d, or else", ["https://shop.example/a?b=c&d"]],
  ["See HTTP://shop.example.", ["HTTP://shop.example"]],
  ["https://a.example/wiki/Rye_(bread)", ["https://a.example/wiki/Rye_(bread)"]],
  ["(see https://a.example/wiki/Rye_(bread))", ["https://a.example/wiki/Rye_(bread)"]],
  ["(https://a.example/x), [https://a.example/y].", ["https://a.example/x"], ["https://a.example/y"]],
  ["https://a.example/?q=[x]", ["https://a.example/?q=[x]"]],
  ["http://[::1]:5000/", ["http://[::1]:5000/"]],
  ["<https://a.example>", ["https://a.example"]],
  ["„https://a.example“ “https://a.example” «https://a.example» ‚https://a.example‘ 'https://a.example'",
    ...Array(5).fill(["https://a.example"])],
  ["https://a.example… https://a.example؟ https://a.example। https://a.example،", ...Array(4).fill(["https://a.example"])],
  ["地址：https://shop.example/map，欢迎光临。", ["https://shop.example/map"]],
  ["https://a.example/?!?!", ["https://a.example/"]],
  ["https://a.example/a-b_c~d/%C3%A9é#x", ["https://a.example/a-b_c~d/%C3%A9é#x"]],
  ["www.shop.example/menu.", ["www.shop.example/menu", "https://www.shop.example/menu"]],
  ["anna@shop.example, Anna.B+c@mail.shop.example!",
    ["anna@shop.example", "mailto:anna@shop.example"], ["Anna.B+c@mail.shop.example", "mailto:Anna.B+c@mail.shop.example"]],
  ["mailto:anna@shop.example?subject=Hi.", ["mailto:anna@shop.example?subject=Hi"]],
  ["Call +49 30 123456.", ["+49 30 123456", "tel:+4930123456"]],
  ["+1 (555) 010-0142 or +44/20/7946-0018", ["+1 (555) 010-0142", "tel:+15550100142"], ["+44/20/7946-0018", "tel:+442079460018"]],
  ["tel:+49 30 1234567 now", ["tel:+49 30 1234567", "tel:+49301234567"]],
  ["tel:555 0142, 555 0142", ["tel:555 0142", "tel:5550142"]],
  ["+49 (0)30 123456, +49(0)30/123456 or tel:+49 (0) 30 123456", ["+49 (0)30 123456", "tel:+4930123456"],
    ["+49(0)30/123456", "tel:+4930123456"], ["tel:+49 (0) 30 123456", "tel:+4930123456"]],
  // After and before letters of scripts without blanks.
  ["请看https://shop.example/map欢迎光临", ["https://shop.example/map"]],
  ["地図はhttps://shop.example/mapです。電話+81 3 1234 5678へ", ["https://shop.example/map"], ["+81 3 1234 5678", "tel:+81312345678"]],
  ["邮箱anna@shop.example或www.shop.example。", ["anna@shop.example", "mailto:anna@shop.example"], ["www.shop.example", "https://www.shop.example"]],
  ["https://shop.example에서", ["https://shop.example"]],
  ["https://例え.jp/x です", ["https://例え.jp/x"]],
  // Marks of direction are around an address, never part of it.
  ["\u200fhttps://shop.example/map\u200e, \u2066+49 30 123456\u2069", ["https://shop.example/map"], ["+49 30 123456", "tel:+4930123456"]],
  // Words that are a link.
  ["[Our map](https://shop.example/map), [call us](tel:+49 (0)30 123456)!", ["Our map", "https://shop.example/map"], ["call us", "tel:+4930123456"]],
  ["([Rye](https://a.example/wiki/Rye_(bread)))", ["Rye", "https://a.example/wiki/Rye_(bread)"]],
  ["[a] (https://a.example), [b](javascript:alert(1)), [](https://b.example)", ["https://a.example"], ["https://b.example"]],
  ["[https://bank.example](https://a.example/b)"],
  // None.
  ...["555 0142", "12.11.2026", "2026-11-27", "9-18", "10:30-14:00", "1,000,000 or 1.000.000", "+5", "+3 %", "+12 345 678 €", "2 + 2000000",
    "1+1234567", "javascript:alert(1)", "data:text/html,x", "awww.shop.example", "https://", "http:// x", "www. x", "a@b", "@shop.example",
    "a @ b.example", "e.g.this", "and/or", "file:///etc/passwd", "ftp://a.example"].map((text) => [text]),
];

test("what is a link and what is not", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url);
  await connected(page);
  const links = (text) => page.evaluate((text) => linked(text).filter((node) => node.href)
    .map((link) => [link.textContent, link.getAttribute("href")]), text);
  for (const [text, ...expected] of LINKS) {
    assert.deepEqual(await links(text), expected.map(([shown, target = shown]) => [shown, target]), text);
  }
  // Whatever it is made of, all of a message is shown, in its order, and no link leads anywhere else.
  const broken = await page.evaluate(() => {
    const pieces = ["https://", "www.", "a.example", "/x", "(", ")", "[", "]", "tel:", "+", "49 30", "1234567", "@", ".", ",", "…", "“", " ", "\n",
      "mailto:", "javascript:", "é", "地", "؟", "%", "-", "<b>", "🚗", "\ud800"];
    let seed = 7;
    const random = (limit) => (seed = (seed * 1103515245 + 12345) % 2147483648) % limit;
    for (let round = 0; round < 20000; round++) {
      const text = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join("");
      const nodes = autolinked(text);
      const isSafe = (link) => ["https:", "http:", "mailto:", "tel:"].includes(new URL(link.href).protocol) && !/\s$/.test(link.textContent);
      if (nodes.map((node) => node.textContent ?? node).join("") !== text) return text;
      if (![...nodes, ...linked(text)].filter((node) => node.href).every(isSafe)) return text;
      const written = (node) => (node.title ? `[${node.textContent}](${node.title})` : node.textContent ?? node);
      if (linked(text).map(written).join("") !== text) return text;
    }
    const began = performance.now();
    for (const long of ["a".repeat(16384), "a.".repeat(8192), "+1 ".repeat(5000), "a@".repeat(8192), "(".repeat(16384), "www.".repeat(4096),
      "[".repeat(16384), "[a](".repeat(4096), "[a](https://".repeat(1300), "[a](https://a" + "(".repeat(16000), "[a](https://a" + "()".repeat(8000)]) {
      linked(long);
      linked("https://a.example/" + long + ")");
    }
    return performance.now() - began < 5000 ? "" : "it takes too long";
  });
  assert.equal(broken, "");
  await leave();
  await server.stop();
});

test("a question in the address is only a suggestion", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url + "#q=i+need%20help%3F+%2B");
  await conversation(page, [GREETING]);
  assert.equal(await page.inputValue("#text"), "i need help? +");
  assert.equal(new URL(page.url()).hash, "");
  await page.click("#send");
  await conversation(page, [GREETING, "> i need help? +", HELP]);
  // What somebody is typing is not replaced.
  await page.fill("#text", "my own");
  await page.evaluate(() => { location.hash = "#q=other"; });
  await page.waitForFunction(() => location.hash === "");
  assert.equal(await page.inputValue("#text"), "my own");
  await leave();
  await server.stop();
});

test("the newest answer stays in view, and earlier ones do too", async () => {
  const server = await serve(`[replies]\nlong = ${"A line of a long answer.\n  ".repeat(40)}the end\nunknown = ?\n`);
  const { page, leave } = await visit(server.url);
  await connected(page);
  await ask(page, "long");
  await page.locator(".message").nth(2).waitFor();
  // What does not fit is read from its beginning, which is its question, also after a reload.
  const question = () => page.locator(".mine").evaluate((mine) => {
    const { top } = mine.getBoundingClientRect();
    const edge = document.getElementById("scroller").getBoundingClientRect().top;
    return top >= edge && top < edge + 20;
  });
  await until(question);
  await page.setViewportSize({ width: 360, height: 400 });
  await until(question);
  await page.setViewportSize({ width: 360, height: 640 });
  await page.reload();
  await connected(page);
  await until(question);
  await ask(page, "short");
  await page.locator(".message").nth(4).waitFor();
  const last = page.locator("time:visible").last();
  await last.waitFor();
  const inView = () => last.evaluate((time) => {
    const { top, bottom } = time.getBoundingClientRect();
    const field = document.getElementById("ask").getBoundingClientRect();
    return top >= 0 && bottom <= field.top + 1;
  });
  await until(inView);
  for (let line = 0; line < 6; line++) await page.keyboard.press("Shift+Enter");
  await until(inView);
  // The keyboard of a phone takes half of the screen.
  await page.setViewportSize({ width: 360, height: 320 });
  await until(inView);
  // Who reads what is above is left there.
  await page.locator("#scroller").evaluate((main) => { main.scrollTop = 0; });
  await page.waitForFunction(() => !isScrolledToEnd);
  await page.setViewportSize({ width: 360, height: 640 });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal(await page.locator("#scroller").evaluate((main) => main.scrollTop), 0);
  await leave();
  await server.stop();
});

test("a new conversation, and back to the one before", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await ask(page, "help");
  const before = [GREETING, "> help", HELP];
  await conversation(page, before);
  await page.getByRole("button", { name: "New conversation" }).click();
  await conversation(page, [GREETING]);
  assert.equal(await focused(page), "text");
  await audit(page);
  await screenshot(page, "new-conversation");
  await page.getByRole("button", { name: "Undo" }).click();
  await conversation(page, before);
  assert.equal(await page.locator("#undo").isHidden(), true);
  // A screen reader has read all of that out already.
  const isRead = () => page.locator(".message").evaluateAll((all) => all.map((message) => message.getAttribute("aria-live") !== "off"));
  assert.deepEqual(await isRead(), [false, false, false]);
  await page.reload();
  await conversation(page, before);
  await connected(page);
  assert.deepEqual(await isRead(), [false, false, false]);
  // A second click does not lose what can be brought back.
  await page.getByRole("button", { name: "New conversation" }).dblclick();
  await conversation(page, [GREETING]);
  assert.deepEqual(await isRead(), [true]);
  await page.getByRole("button", { name: "Undo" }).click();
  await conversation(page, before);
  await connected(page);
  // Once something is said, there is no way back.
  await page.getByRole("button", { name: "New conversation" }).click();
  await conversation(page, [GREETING]);
  await connected(page);
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  assert.equal(await page.locator("#undo").isHidden(), true);

  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save conversation" }).click()]);
  assert.match(file.suggestedFilename(), /^Chat \d{4}-\d\d-\d\d\.txt$/);
  const saved = readFileSync(await file.path(), "utf8").split("\n");
  assert.deepEqual(saved.map((line) => line.replace(/^.*?:\d\d:\d\d(\s[AP]M)? /, "")), [`Chat: ${GREETING}`, "You: hello", `Chat: ${GREETING}`, ""]);
  await leave();
  await server.stop();
});

test("a question under way when a new conversation begins", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url, { tolerated: REFUSED });
  await conversation(page, [GREETING]);
  await server.freeze();
  await ask(page, "help");
  await page.locator("#waiting").waitFor();
  await page.getByRole("button", { name: "New conversation" }).click();
  await conversation(page, []);
  await page.getByRole("button", { name: "Undo" }).click();
  await conversation(page, [GREETING, "> help"]);
  await page.getByRole("button", { name: "Send again" }).waitFor();
  await leave();
  await server.stop("SIGKILL");
});

test("questions to choose from", async () => {
  const server = await serve(`[bot]
greeting = Hello!
  > When are you open?
[replies]
open = From 9 to 5.
  > Where can I park? 🚗
  > ${"And what about a very long question ".repeat(8)}
park = Behind the house.
unknown = ?
`);
  const { page, leave } = await visit(server.url);
  await conversation(page, ["Hello!"]);
  assert.equal(await page.locator(".offers button").count(), 1);
  await audit(page);
  // With the keyboard: they come right before the field.
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await conversation(page, ["Hello!", "> When are you open?", "From 9 to 5."]);
  // The new ones come right after the one that was used, which has kept the focus.
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Where can I park? 🚗");
  await page.keyboard.press("Space");
  const all = ["Hello!", "> When are you open?", "From 9 to 5.", "> Where can I park? 🚗", "Behind the house."];
  await conversation(page, all);
  await audit(page);
  await screenshot(page, "offers");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  // Once for a double click, for a key that is held, and while there is no answer.
  const open = page.getByRole("button", { name: "When are you open?" });
  await open.dblclick();
  all.push("> When are you open?", "From 9 to 5.");
  await conversation(page, all);
  await until(() => open.evaluate((button) => button !== document.activeElement));
  await open.focus();
  await page.waitForTimeout(600);
  for (let held = 0; held < 5; held++) await page.keyboard.down("Enter");
  await page.keyboard.up("Enter");
  all.push("> When are you open?", "From 9 to 5.");
  await conversation(page, all);
  await page.focus("#text");
  await ask(page, "done");
  all.push("> done", "?");
  await conversation(page, all);
  // Used ones can be used again, and are there after a reload.
  await page.reload();
  await connected(page);
  await page.getByRole("button", { name: "When are you open?" }).click();
  await conversation(page, [...all, "> When are you open?", "From 9 to 5."]);
  assert.equal(await page.locator(".offers button").count(), 9);
  await leave();
  await server.stop();
});

test("a question that is chosen without a connection is kept", async () => {
  let server = await serve("[bot]\ngreeting = Hello!\n  > hello\n");
  const { page, leave } = await visit(server.url, { tolerated: REFUSED });
  await conversation(page, ["Hello!"]);
  await server.stop();
  await page.locator("#state button").waitFor();
  await page.getByRole("button", { name: "hello", exact: true }).click();
  assert.equal(await page.inputValue("#text"), "hello");
  server = await serve("[bot]\ngreeting = Hello!\n  > hello\n", server.port);
  await conversation(page, ["Hello!", "> hello", GREETING]);
  assert.equal(await page.inputValue("#text"), "");
  await leave();
  await server.stop();
});

test("a server that stops and comes back", async () => {
  let server = await serve();
  const { page, leave } = await visit(server.url, { tolerated: REFUSED });
  await conversation(page, [GREETING]);
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  // It takes a question and dies.
  await server.freeze();
  await ask(page, "i need help");
  await page.locator("#waiting").waitFor();
  await server.stop("SIGKILL");
  await page.getByRole("button", { name: "Send again" }).waitFor();
  await page.locator("#state", { hasText: /Trying again in \d+\ss\./ }).waitFor();
  assert.equal(await page.locator("#waiting").isHidden(), true);
  // What is typed meanwhile is kept.
  await ask(page, "are you there");
  await page.locator("#fault", { hasText: "your message is kept" }).waitFor();
  assert.equal(await page.inputValue("#text"), "are you there");
  await page.fill("#text", "");
  server = await serve("", server.port);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await connected(page);
  await page.getByRole("button", { name: "Send again" }).click();
  await conversation(page, [GREETING, "> hello", GREETING, "> i need help", "> i need help", HELP]);
  // A stop is told, and its end too, with no hand of the visitor's.
  await server.stop();
  await page.locator("#state", { hasText: "Trying again" }).waitFor();
  server = await serve("", server.port);
  await connected(page);
  await page.focus("#text");
  await ask(page, "hi");
  await conversation(page, [GREETING, "> hello", GREETING, "> i need help", "> i need help", HELP, "> hi", GREETING]);
  await leave();
  await server.stop();
});

// Forwards to a port, until it forgets its connections without a word to either side, as some networks do. New ones work.
async function forwarder(port) {
  const open = new Set();
  const server = createServer((from) => {
    const to = connectTo(port, "127.0.0.1");
    open.add(() => { from.unpipe(to); to.unpipe(from); });
    from.pipe(to).pipe(from);
    [from, to].forEach((side) => side.on("error", () => {}));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    forget() {
      open.forEach((cut) => cut());
      open.clear();
    },
    close: () => server.close(),
  };
}

test("a connection that dies without a word", async () => {
  const server = await serve();
  const between = await forwarder(server.port);
  const { page, leave } = await visit(between.url);
  await conversation(page, [GREETING]);
  // The visitor only asks, and gets one answer.
  between.forget();
  await ask(page, "i need help");
  await conversation(page, [GREETING, "> i need help", HELP]);
  assert.equal(await page.locator("#waiting").isHidden(), true);
  await ask(page, "hello");
  await conversation(page, [GREETING, "> i need help", HELP, "> hello", GREETING]);
  // It is found to be dead before anything is asked when there is reason to doubt it.
  for (const why of ["online", "pageshow"]) {
    between.forget();
    const [socket] = await Promise.all([
      page.waitForEvent("websocket"),
      page.evaluate((why) => dispatchEvent(why === "online" ? new Event(why) : new PageTransitionEvent(why, { persisted: true })), why),
    ]);
    assert.match(socket.url(), /chat$/);
    await connected(page);
  }
  await conversation(page, [GREETING, "> i need help", HELP, "> hello", GREETING]);
  await leave();
  between.close();
  await server.stop();
});

test("an answer that takes its time is waited for on the second connection", async () => {
  const server = await serve();
  let asked = 0;
  const { page, leave } = await visit(server.url);
  await page.routeWebSocket(/chat$/, (socket) => {
    socket.send("Hello!");
    // It listens; the question does not arrive.
    socket.send(Buffer.from("1"));
    socket.onMessage(() => {
      asked += 1;
      if (asked === 2) setTimeout(() => socket.send("At last."), 5000);
    });
  });
  await page.reload();
  await conversation(page, [GREETING, "Hello!"]);
  await ask(page, "think");
  await conversation(page, [GREETING, "Hello!", "> think", "At last."]);
  assert.equal(asked, 2);
  await leave();
  await server.stop();
});

test("a server that begins or ceases to greet", async () => {
  let server = await serve("[bot]\ngreeting = Welcome!\n");
  const { page, leave } = await visit(server.url, { tolerated: REFUSED });
  await conversation(page, ["Welcome!"]);
  await server.stop();
  server = await serve("[bot]\ngreeting =\n", server.port);
  await connected(page);
  await page.focus("#text");
  await ask(page, "i need help");
  await conversation(page, ["Welcome!", "> i need help", HELP]);
  await server.stop();
  server = await serve("[bot]\ngreeting = Hello again!\n", server.port);
  await conversation(page, ["Welcome!", "> i need help", HELP, "Hello again!"]);
  await page.locator("#waiting").waitFor({ state: "hidden" });
  await leave();
  await server.stop();
});

test("what is typed too early is sent when the server is there", async () => {
  let server = await serve();
  const { page, leave } = await visit(server.url, { tolerated: REFUSED });
  await conversation(page, [GREETING]);
  await server.stop();
  await page.locator("#state", { hasText: "Trying again" }).waitFor();
  await page.focus("#text");
  await ask(page, "i need help");
  await page.locator("#fault", { hasText: "sent when the connection is back" }).waitFor();
  server = await serve("", server.port);
  await conversation(page, [GREETING, "> i need help", HELP]);
  assert.equal(await page.locator("#fault").textContent(), "");
  await leave();
  await server.stop();
});

test("an answer is announced once", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await page.evaluate(() => {
    window.announced = [];
    new MutationObserver((changes) => changes.forEach((change) =>
      change.addedNodes.forEach((node) => window.announced.push(node.querySelector(".bubble").textContent)),
    )).observe(document.querySelector("#log"), { childList: true });
  });
  await ask(page, "i need help");
  await conversation(page, [GREETING, "> i need help", HELP]);
  assert.deepEqual(await page.evaluate(() => window.announced), ["i need help", HELP]);
  await leave();
  await server.stop();
});

test("a normal end waits for the visitor", async () => {
  const server = await serve("[server]\nidle_timeout = 200ms\n");
  const { page, leave } = await visit(server.url);
  const again = page.getByRole("button", { name: "Start again" });
  await again.waitFor();
  // It may end again before anybody has seen that it was there.
  await Promise.all([page.waitForEvent("websocket"), again.click()]);
  await again.waitFor();
  await conversation(page, [GREETING]);
  await leave();
  await server.stop();
});

test("what was said and typed outlives the page", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  await page.keyboard.type("half a sen");
  await page.reload();
  await conversation(page, [GREETING, "> hello", GREETING]);
  assert.equal(await page.inputValue("#text"), "half a sen");
  await connected(page);
  await page.getByRole("button", { name: "New conversation" }).click();
  await conversation(page, [GREETING]);
  assert.equal(await page.inputValue("#text"), "half a sen");
  await page.fill("#text", "");
  await ask(page, "hi");
  await conversation(page, [GREETING, "> hi", GREETING]);
  await leave();
  await server.stop();
});

test("a greeting that is late is neither repeated nor an answer", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  let release;
  await page.routeWebSocket(/chat$/, (client) => {
    const upstream = client.connectToServer();
    const held = [];
    let hold = true;
    upstream.onMessage((message) => (hold ? held.push(message) : client.send(message)));
    release = () => {
      hold = false;
      held.forEach((message) => client.send(message));
    };
  });
  await page.reload();
  await connected(page);
  release();
  await ask(page, "help");
  await conversation(page, [GREETING, "> hello", GREETING, "> help", HELP]);
  await leave();
  await server.stop();
});

test("text that is too long is not sent", async () => {
  const server = await serve("[server]\nmax_message_bytes = 200\n");
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await page.fill("#text", "ü".repeat(101));
  await page.keyboard.press("Enter");
  await page.locator("#fault", { hasText: "Your message is too long. Characters to remove: 1." }).waitFor();
  await conversation(page, [GREETING]);
  await page.fill("#text", "ü".repeat(100));
  await page.keyboard.press("Enter");
  await conversation(page, [GREETING, "> " + "ü".repeat(100), "Sorry, I am unable to understand you."]);
  for (const [text, characters] of [["x".repeat(1434), "1,234"], ["🚗".repeat(51), "1"], ["x" + "🚗".repeat(50), "1"], ["x".repeat(199) + "ü", "1"]]) {
    await page.fill("#text", text);
    await page.keyboard.press("Enter");
    await page.locator("#fault", { hasText: `Characters to remove: ${characters}.` }).waitFor();
  }
  await leave();
  await server.stop();
});

test("a key is asked for, and may be wrong", async () => {
  const server = await serve(`[key shop]\nsecret = ${KEY}\n`);
  const { page, leave } = await visit(server.url, { tolerated: REFUSED });
  await page.getByLabel("This chat needs a key").waitFor();
  assert.equal(await focused(page), "key");
  await audit(page);
  await screenshot(page, "key");
  await ask(page, "not the right one");
  await page.locator("#refused", { hasText: "not accepted" }).waitFor();
  await ask(page, ` ${KEY} `);
  await conversation(page, [GREETING]);
  assert.equal(await focused(page), "text");
  // It holds for this tab.
  await page.reload();
  await connected(page);
  await ask(page, "hi");
  await conversation(page, [GREETING, "> hi", GREETING]);
  await leave();
  await server.stop();
});

test("a key in the address does not replace one that is accepted", async () => {
  const keys = ["the first key of all", "another key to the shop"];
  const server = await serve(keys.map((secret, at) => `[key key${at}]\nsecret = ${secret}\n`).join(""));
  const { page, leave } = await visit(`${server.url}#key=${keys[0]}`, { tolerated: REFUSED });
  await conversation(page, [GREETING]);
  const kept = () => page.evaluate(() => JSON.parse(sessionStorage.getItem("replyd /")).key);
  await page.evaluate((key) => { location.hash = "key=" + key; }, keys[1]);
  await page.waitForFunction(() => location.hash === "");
  assert.equal(await kept(), keys[0]);
  await page.goto(`${server.url}?again#key=${keys[1]}`);
  await conversation(page, [GREETING]);
  assert.equal(await kept(), keys[0]);
  // Once the first is withdrawn, the other is as good as one that is typed.
  writeFileSync(join(server.folder, "config.ini"), `[key key1]\nsecret = ${keys[1]}\n`);
  server.reload();
  await until(async () => await kept() === keys[1]);
  await connected(page);
  await leave();
  await server.stop();
});

test("a key in the address", async () => {
  const server = await serve(`[key shop]\nsecret = ${KEY}\n`);
  const { page, leave } = await visit(`${server.url}#key=${encodeURIComponent(KEY)}`);
  await conversation(page, [GREETING]);
  assert.equal(page.url(), server.url);
  await leave();
  await server.stop();
});

test("a full house is told in words", async () => {
  const server = await serve("[server]\nmax_clients = 1\n");
  const first = await visit(server.url, { tolerated: REFUSED });
  await conversation(first.page, [GREETING]);
  const second = await visit(server.url, { tolerated: REFUSED });
  await second.page.locator("#state", { hasText: "The chat is full, or about to restart. Trying again" }).waitFor();
  const tryNow = second.page.getByRole("button", { name: "Try now" });
  await tryNow.waitFor();
  await first.leave();
  // It may have tried by itself meanwhile.
  await tryNow.evaluateAll(([button]) => button?.click());
  await conversation(second.page, [GREETING]);
  await second.leave();
  await server.stop();
});

test("times of another day have a date", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url, { locale: "en-GB", timezoneId: "Europe/Berlin" });
  await conversation(page, [GREETING]);
  await page.evaluate(() => sessionStorage.clear());
  await page.clock.install({ time: new Date("2026-12-30T22:58:30Z") });
  await page.reload();
  await conversation(page, [GREETING]);
  const times = () => page.locator("time:visible").allTextContents();
  assert.deepEqual(await times(), ["23:58"]);
  await page.clock.fastForward("01:00");
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  assert.deepEqual(await times(), ["23:58", "23:59"]);
  // Midnight is between them.
  await page.clock.fastForward("05:00");
  await ask(page, "help");
  await conversation(page, [GREETING, "> hello", GREETING, "> help", HELP]);
  assert.deepEqual(await times(), ["23:58", "23:59", "31 Dec, 00:04", "00:04"]);
  await page.clock.fastForward("24:00:00");
  await page.reload();
  await connected(page);
  assert.deepEqual(await times(), ["30 Dec 2026, 23:58", "30 Dec 2026, 23:59", "31 Dec 2026, 00:04"]);
  await leave();
  await server.stop();
});

test("on paper is the whole conversation, in dark letters", async () => {
  const server = await serve(`[web]\ntheme = dark\n[replies]\nlong = ${"A line of a long answer.\n  ".repeat(80)}the end\nunknown = ?\n`);
  const { page, leave } = await visit(server.url);
  await connected(page);
  await ask(page, "long");
  await page.locator(".message").nth(2).waitFor();
  await page.emulateMedia({ media: "print" });
  const found = await page.evaluate(() => {
    const seen = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && one.matches("button, textarea, footer, .message, h1"));
    const light = (one) => getComputedStyle(one).color.match(/\d+/g).some((part) => part > 80);
    return {
      seen: seen.map((one) => one.className || one.localName),
      isWhole: [document.body, ...document.querySelectorAll("main, #scroller")].every((one) => one.scrollHeight <= one.clientHeight + 1),
      light: [...document.querySelectorAll(".bubble, .bubble *, time, h1")].filter(light).length,
      background: getComputedStyle(document.body).backgroundColor,
    };
  });
  assert.deepEqual(found, { seen: ["h1", "message", "message mine", "message"], isWhole: true, light: 0, background: "rgb(255, 255, 255)" });
  const pages = (await page.pdf({ format: "A5" })).toString("latin1").match(/\/Type \/Page\b/g).length;
  assert.ok(pages >= 3, `${pages} pages`);
  await page.setViewportSize({ width: 560, height: 800 });
  await page.screenshot({ path: `${process.env.SCREENSHOTS}/paper.png`, fullPage: true });
  await leave();
  await server.stop();
});

for (const [width, height] of [[640, 150], [320, 180], [568, 230]]) {
  test(`in a low window, ${width}x${height}`, async () => {
    let server = await serve("[web]\ntitle = Anna's bakery\nprivacy = https://bakery.example/privacy\n");
    const { page, leave } = await visit(server.url, { viewport: { width, height }, tolerated: REFUSED });
    await conversation(page, [GREETING]);
    const share = () => page.locator("#scroller").evaluate((main) => main.clientHeight / innerHeight);
    assert.ok(await share() >= 0.5, `${await share()}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight), true);
    for (const part of ["#save", "#anew", "#text", "#send", "footer a"]) {
      const [top, left, bottom, right] = await page.locator(part).evaluate((part) => {
        const { top, left, bottom, right } = part.getBoundingClientRect();
        return [top, left, bottom - innerHeight, right - innerWidth];
      });
      assert.ok(top >= 0 && left >= 0 && bottom <= 0 && right <= 0, `${part}: ${[top, left, bottom, right]}`);
    }
    await audit(page);
    await ask(page, "i need help");
    await conversation(page, [GREETING, "> i need help", HELP]);
    await screenshot(page, `low-${width}x${height}`);
    // Whatever there is to say, and to write.
    await server.stop();
    await page.locator("#state button").waitFor();
    await page.fill("#text", "a long question ".repeat(30));
    await page.keyboard.press("Enter");
    await page.locator("#fault", { hasText: "kept" }).waitFor();
    assert.ok(await share() >= 0.5, `${await share()}`);
    const { top, bottom } = await page.locator("#text").evaluate((text) => text.getBoundingClientRect());
    assert.ok(top >= 0 && bottom <= height + 4, `${[top, bottom]}`);
    await screenshot(page, `low-${width}x${height}-lost`);
    await leave();
  });
}

test("a ring around the conversation is for those who use the keyboard", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url, { hasTouch: true, isMobile: true });
  await conversation(page, [GREETING]);
  assert.equal(await focused(page), "log");
  const ring = () => page.locator("#scroller").evaluate((main) => getComputedStyle(main).outlineStyle);
  assert.equal(await ring(), "none");
  await page.tap("#text");
  await ask(page, "hello");
  await conversation(page, [GREETING, "> hello", GREETING]);
  await page.tap("#anew");
  await conversation(page, [GREETING]);
  assert.deepEqual([await focused(page), await ring()], ["log", "none"]);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Tab");
  assert.deepEqual([await focused(page), await ring()], ["log", "solid"]);
  await page.tap("#text");
  assert.equal(await ring(), "none");
  await leave();
  await server.stop();
});

test("how else to reach the owner, where the chat cannot be reached", async () => {
  let server = await serve("[server]\nmax_clients = 1\n[page]\ncontact = Call +49 30 123456 or [write to us](https://bakery.example/contact).\n[web]\ntitle = Anna's bakery\n");
  const first = await visit(server.url, { tolerated: REFUSED });
  await conversation(first.page, [GREETING]);
  assert.equal(await first.page.getByText("write to us").count(), 0);
  const second = await visit(server.url, { tolerated: REFUSED });
  await second.page.locator("#state", { hasText: /The chat is full, or about to restart\. .*Call \+49 30 123456 or write to us\./ }).waitFor();
  await second.page.getByRole("heading", { name: "Anna's bakery" }).waitFor();
  const links = () => second.page.locator("#state a").evaluateAll((all) => all.map((link) => link.href).join());
  await until(async () => await links() === "tel:+4930123456,https://bakery.example/contact");
  await audit(second.page);
  await screenshot(second.page, "full");
  await server.stop();
  await second.page.locator("#state", { hasText: /The server cannot be reached\. .*Call/ }).waitFor();
  await screenshot(second.page, "unreachable");
  await first.leave();
  await second.leave();
});

test("one message that cannot be shown does not stop the others", async () => {
  const server = await serve();
  const { page, leave } = await visit(server.url, { tolerated: /broken|RangeError/ });
  await conversation(page, [GREETING]);
  await page.evaluate(() => {
    const found = entryOf;
    entryOf = (message, before) => {
      if (message.text === "hello") throw new Error("broken");
      return found(message, before);
    };
  });
  await ask(page, "hello");
  await conversation(page, [GREETING, "hello", GREETING]);
  await page.locator("#waiting").waitFor({ state: "hidden" });
  // One that was kept, from whatever version of the page, does not stop the start.
  await page.evaluate(() => {
    kept.messages[1].at = "broken";
    save();
  });
  await page.reload();
  await conversation(page, [GREETING, "hello", GREETING]);
  await ask(page, "help");
  await conversation(page, [GREETING, "hello", GREETING, "> help", HELP]);
  await leave();
  await server.stop();
});

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[360, 640], [1280, 800]]) {
    test(`how it looks, ${colorScheme}, ${width}x${height}`, async () => {
      const server = await serve(`[web]
title = Anna's bakery
[bot]
greeting = Welcome to Anna's bakery!
[replies]
opening hours = We are open
  Mon to Fri 9-18
  Sat 10-14
  Map: https://bakery.example/map
שלום = שלום! איך אפשר לעזור?
unknown = Sorry, I did not understand. Ask for our opening hours.
`);
      const { page, leave } = await visit(server.url, { colorScheme, viewport: { width, height } });
      await page.locator(".message").waitFor();
      for (const question of ["Good morning! What are your opening hours?", "שלום", "something else"]) {
        await ask(page, question);
        await page.locator("#waiting").waitFor({ state: "hidden" });
      }
      await page.locator(".message").nth(6).waitFor();
      const directions = await page.locator(".bubble > div").evaluateAll((all) => all.map((content) => getComputedStyle(content).direction));
      assert.deepEqual(directions, ["ltr", "ltr", "ltr", "rtl", "rtl", "ltr", "ltr"]);
      await audit(page);
      await screenshot(page, `${colorScheme}-${width}x${height}`);
      // Twice as large, as with half the width: nothing is cut off.
      await page.setViewportSize({ width: width / 2, height: height / 2 });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      await leave();
      await server.stop();
    });
  }
}
