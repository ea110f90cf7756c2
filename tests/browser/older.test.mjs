// The page, the widget and the owner's page in a browser that is four years old.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { GREETING, connected, conversation, launch, quit, serve, until, visit } from "./support.mjs";

before(launch);
after(quit);

const OLDER = { isOlder: true, tolerated: /WebSocket connection to|Failed to load resource/ };
const REPLIES = "[replies]\nlink = See https://shop.example/map or call +49 30 123456.\n  > more\nmore = [Here](https://shop.example).\nunknown = ?\n";

test("the page", async () => {
  let server = await serve(REPLIES);
  const { page, leave } = await visit(server.url, OLDER);
  await conversation(page, [GREETING]);
  const all = [GREETING, "> link", "See https://shop.example/map or call +49 30 123456.", "> more", "Here."];
  await page.fill("#text", "link");
  await page.keyboard.press("Enter");
  await page.getByRole("group", { name: "Questions to choose from" }).getByRole("button", { name: "more" }).click();
  await conversation(page, all);
  assert.equal(await page.locator(".bubble a").count(), 3);
  await page.reload();
  await conversation(page, all);
  await connected(page);
  // It says why there is no connection, and comes back.
  await server.stop();
  await page.locator("#state", { hasText: "The server cannot be reached." }).waitFor();
  server = await serve(REPLIES, server.port);
  await connected(page);
  await page.fill("#text", "more");
  await page.keyboard.press("Enter");
  await conversation(page, [...all, "> more", "Here."]);
  await leave();
  await server.stop();
});

test("the widget", async () => {
  const site = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><title>A shop</title><link rel="icon" href="data:,"><h1>A shop</h1><script src="${server.url}widget.js" data-title="Chat"></script>`);
  });
  site.listen(0);
  await once(site, "listening");
  const url = `http://127.0.0.1:${site.address().port}/`;
  const server = await serve(`[web]\nembed_origins = ${url.slice(0, -1)}\n`);
  const { page, leave } = await visit(url, { ...OLDER, hosts: [new URL(url).host, new URL(server.url).host] });
  await page.getByRole("button", { name: "Chat", expanded: false }).click();
  await page.getByRole("dialog", { name: "Chat" }).waitFor();
  const frame = await page.waitForSelector("replyd-chat iframe").then((frame) => frame.contentFrame());
  await conversation(frame, [GREETING]);
  await frame.fill("#text", "hello");
  await page.keyboard.press("Enter");
  await conversation(frame, [GREETING, "> hello", GREETING]);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Chat", expanded: false }).waitFor();
  await leave();
  await server.stop();
  site.close();
});

test("the owner's page", async () => {
  const server = await serve("[bot]\ngreeting =\nreplies_file = replies.ini\nunanswered_file = unanswered.txt\n[key anna]\nsecret = the owner's own key\nrole = owner\n",
    0, { "replies.ini": REPLIES });
  const visitor = await visit(server.url, OLDER);
  await connected(visitor.page);
  await visitor.page.fill("#text", "do you have rye bread");
  await visitor.page.keyboard.press("Enter");
  await conversation(visitor.page, ["> do you have rye bread", "?"]);
  await visitor.leave();
  const { page, leave } = await visit(`${server.url}owner`, { ...OLDER, viewport: { width: 1280, height: 800 } });
  await page.fill("input[type=password]", "the owner's own key");
  await page.keyboard.press("Enter");
  const asked = page.locator("#unanswered > li").filter({ hasText: "rye bread" });
  await asked.getByRole("button", { name: /^Answer/, expanded: false }).click();
  await asked.getByRole("button", { name: /^Answer/, expanded: true }).waitFor();
  await asked.getByLabel("Your reply").fill("Every Thursday. \ud83d");
  await page.getByRole("button", { name: "Show the file" }).click();
  await until(async () => (await page.inputValue("#source")).includes("unknown = ?"));
  await page.locator("#source").evaluate((source) => {
    source.value = source.value.replace("unknown = ?", "unknown = What? \ud83d");
    source.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const save = page.getByRole("button", { name: "Save…" });
  await until(async () => await save.getAttribute("aria-disabled") === "false");
  await save.click();
  await page.getByRole("button", { name: "Save now" }).click();
  await until(() => readFileSync(`${server.folder}/replies.ini`, "utf8").includes("What? \ufffd"));
  await leave();
  await server.stop();
});
