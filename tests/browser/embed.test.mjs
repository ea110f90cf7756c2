// The page in a frame on somebody's site.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { GREETING, audit, conversation, launch, quit, screenshot, serve, visit } from "./support.mjs";

let site;
let server;
before(async () => {
  await launch();
  site = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,"><main><h1>A shop</h1></main>
      <script src="${server.url}widget.js" data-title="Chat with us"></script>`);
  });
  site.listen(0);
  await once(site, "listening");
  server = await serve(`[web]\nembed_origins = http://127.0.0.1:${site.address().port}\n`);
});
after(async () => {
  await quit();
  await server.stop();
  site.close();
});

const visitSite = (host, tolerated) => {
  const url = `http://${host}:${site.address().port}/`;
  return visit(url, { tolerated, hosts: [new URL(url).host, new URL(server.url).host], viewport: { width: 1280, height: 800 } });
};

test("on a site that may", async () => {
  const { page, leave } = await visitSite("127.0.0.1");
  const button = page.getByRole("button", { name: "Chat with us" });
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  await button.press("Enter");
  const frame = page.frames().find((frame) => frame.url() === server.url) ?? await page.waitForEvent("framenavigated");
  await conversation(frame, [GREETING]);
  await frame.focus("#text");
  await page.keyboard.type("hello");
  await page.keyboard.press("Enter");
  await conversation(frame, [GREETING, "> hello", GREETING]);
  await audit(page);
  await screenshot(page, "embedded");
  await page.keyboard.press("Escape");
  await page.locator("iframe[title='Chat with us']").waitFor({ state: "hidden" });
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  assert.equal(await button.evaluate((button) => button === document.activeElement), true);
  await button.click();
  await conversation(frame, [GREETING, "> hello", GREETING]);
  await leave();
});

test("a color of its own can be read", async () => {
  const { page, leave } = await visitSite("127.0.0.1");
  await page.evaluate((widget) => new Promise((resolve) => {
    const script = document.createElement("script");
    Object.assign(script, { src: widget, onload: resolve });
    Object.assign(script.dataset, { title: "Another", accent: "#ffd600" });
    document.body.append(script);
  }), server.url + "widget.js");
  const button = page.getByRole("button", { name: "Another" });
  assert.equal(await button.evaluate((button) => getComputedStyle(button).color), "rgb(0, 0, 0)");
  await leave();
});

test("on a site that may not", async () => {
  const { page, leave } = await visitSite("localhost", /frame-ancestors/);
  const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
  await page.getByRole("button", { name: "Chat with us" }).click();
  await refused;
  const frame = page.frames().find((frame) => frame !== page.mainFrame());
  assert.equal(await frame.locator("#log").count(), 0);
  await leave();
});
