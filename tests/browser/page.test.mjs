// The chat page, as people use it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GREETING, HELP, audit, connected, conversation, launch, quit, screenshot, serve, visit } from "./support.mjs";

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
code = <script>window.broken = 1</script><img src=x onerror="window.broken = 1">
unknown = ?
`);
  const { page, leave } = await visit(server.url);
  await connected(page);
  await ask(page, "link");
  const text = "See https://shop.example/a?b=c&d, or (mailto:anna@shop.example). Call tel:5550100!\nNot javascript:alert(1) and not data:text/html,x";
  await conversation(page, ["> link", text]);
  await ask(page, "map");
  await conversation(page, ["> link", text, "> map", "地址：https://shop.example/map，欢迎光临。"]);
  assert.equal(await page.locator(".bubble a").last().getAttribute("href"), "https://shop.example/map");
  await page.getByRole("button", { name: "Clear" }).click();
  await ask(page, "link");
  await conversation(page, ["> link", text]);
  const links = page.locator(".bubble a");
  assert.deepEqual(await links.evaluateAll((all) => all.map((link) => [link.getAttribute("href"), link.rel, link.target])), [
    ["https://shop.example/a?b=c&d", "noopener noreferrer", "_blank"],
    ["mailto:anna@shop.example", "noopener noreferrer", "_blank"],
    ["tel:5550100", "noopener noreferrer", "_blank"],
  ]);
  assert.equal(await page.locator(".bubble").last().evaluate((bubble) => getComputedStyle(bubble).whiteSpace), "pre-wrap");
  await ask(page, "code");
  await conversation(page, ["> link", text, "> code", `<script>window.broken = 1</script><img src=x onerror="window.broken = 1">`]);
  assert.equal(await page.evaluate(() => [window.broken, document.querySelectorAll("#log img, #log script").length].join()), ",0");
  await leave();
  await server.stop();
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
  // Used ones can be used again, and are there after a reload.
  await page.reload();
  await connected(page);
  await page.getByRole("button", { name: "When are you open?" }).click();
  await conversation(page, [...all, "> When are you open?", "From 9 to 5."]);
  assert.equal(await page.locator(".offers button").count(), 5);
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
  await page.locator("#state", { hasText: /Trying again in \d+ s\./ }).waitFor();
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
  await page.locator("#fault", { hasText: "sent when the server is back" }).waitFor();
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
  await page.getByRole("button", { name: "Start again" }).click();
  await connected(page);
  await page.getByRole("button", { name: "Start again" }).waitFor();
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
  await page.getByRole("button", { name: "Clear" }).click();
  await conversation(page, []);
  await page.fill("#text", "");
  await ask(page, "hi");
  await conversation(page, ["> hi", GREETING]);
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
  await page.getByRole("button", { name: "Clear" }).click();
  release();
  await ask(page, "help");
  await conversation(page, ["> help", HELP]);
  await leave();
  await server.stop();
});

test("text that is too long is not sent", async () => {
  const server = await serve("[server]\nmax_message_bytes = 200\n");
  const { page, leave } = await visit(server.url);
  await conversation(page, [GREETING]);
  await page.fill("#text", "ü".repeat(101));
  await page.keyboard.press("Enter");
  await page.locator("#fault", { hasText: "202 bytes, and the limit is 200" }).waitFor();
  await conversation(page, [GREETING]);
  await page.fill("#text", "ü".repeat(100));
  await page.keyboard.press("Enter");
  await conversation(page, [GREETING, "> " + "ü".repeat(100), "Sorry, I am unable to understand you."]);
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
  await first.leave();
  await second.page.getByRole("button", { name: "Try now" }).click();
  await conversation(second.page, [GREETING]);
  await second.leave();
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
      const directions = await page.locator(".bubble").evaluateAll((all) => all.map((bubble) => getComputedStyle(bubble).direction));
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
