// The page in a frame on somebody's site.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { GREETING, audit, conversation, launch, moduleFile, quit, screenshot, serve, until, visit } from "./support.mjs";

const BAKERY = `[bot]
greeting = Willkommen in Annas Bäckerei!
  > Wann haben Sie geöffnet?
  > Haben Sie glutenfreies Brot?
[replies]
geöffnet = Montag bis Freitag 7–18 Uhr, Samstag 7–13 Uhr.
  > Wo kann ich parken?
glutenfrei* = Ja, jeden Donnerstag.
parken = Hinter dem Haus sind vier Plätze.
unknown = Das weiß ich leider nicht. Rufen Sie uns an: +49 30 123456
`;

let site;
let server;
let bakery;
before(async () => {
  await launch();
  site = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://a");
    if (pathname.startsWith("/modules/")) {
      response.setHeader("Content-Type", pathname.endsWith(".css") ? "text/css" : "text/javascript");
      return response.end(moduleFile(pathname.slice("/modules/".length)));
    }
    const policy = searchParams.get("policy");
    if (policy) response.setHeader("Content-Security-Policy", policy);
    const isolation = searchParams.get("isolation");
    if (isolation) response.setHeader("Cross-Origin-Embedder-Policy", isolation).setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><html lang="${searchParams.get("lang") ?? "en"}"><head><title>A shop</title>
      <meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">${searchParams.get("head") ?? ""}</head>
      <body><main><h1>A shop</h1><p>${"Bread and cakes. ".repeat(40)}</p><button id="own">Buy</button> <a href="/other?${searchParams}">Other page</a></main>
      ${searchParams.get("body") ?? ""}</body></html>`);
  });
  site.listen(0);
  await once(site, "listening");
  const web = `[web]\ntitle = A shop\nembed_origins = http://127.0.0.1:${site.address().port}\n`;
  server = await serve(web);
  bakery = await serve(`${web}accent = #c2185b\n${BAKERY}`);
});
after(async () => {
  await quit();
  await server.stop();
  await bakery.stop();
  site.close();
});

const widget = (attributes = 'data-title="Chat with us"', from = server) => `<script src="${from.url}widget.js" ${attributes}></script>`;

// A page of the site: `parts` are the widget or what else it has in its head and body, and its language.
function visitSite(parts, { host = "127.0.0.1", ...options } = {}) {
  const url = `http://${host}:${site.address().port}/?${new URLSearchParams(parts)}`;
  const hosts = [new URL(url).host, new URL(server.url).host, new URL(bakery.url).host];
  return visit(url, { hosts, viewport: { width: 1280, height: 800 }, ...options });
}

const toggle = (page) => page.locator("replyd-chat .toggle");
const panel = (page) => page.locator("replyd-chat .panel");

// The frame with the chat, once it is there.
async function chat(page) {
  const found = () => page.frames().find((frame) => frame.url().includes("?embedded"));
  await until(found);
  return found();
}

// The lines of the browser's console, from now on.
function consoleOf(page) {
  const lines = [];
  page.on("console", (message) => lines.push(message.text()));
  return lines;
}

const styleOf = (locator, properties) => locator.evaluate((element, properties) => {
  const style = getComputedStyle(element);
  return properties.map((property) => style[property]);
}, properties);

test("on a site that may, with the keyboard alone", async () => {
  const { page, leave } = await visitSite({ body: widget() });
  const button = page.getByRole("button", { name: "Chat with us" });
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  await audit(page);
  await page.focus("a");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const frame = await chat(page);
  await conversation(frame, [GREETING]);
  await frame.waitForFunction(() => document.activeElement.id === "text");
  await page.keyboard.type("hello");
  await page.keyboard.press("Enter");
  await conversation(frame, [GREETING, "> hello", GREETING]);
  await audit(page);
  await screenshot(page, "embedded");
  // The button says what it does now, and the panel has one of its own.
  assert.equal(await toggle(page).textContent(), "Close");
  assert.equal(await toggle(page).getAttribute("aria-expanded"), "true");
  await page.keyboard.press("Escape");
  await panel(page).waitFor({ state: "hidden" });
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  assert.equal(await button.evaluate((button) => button.getRootNode().activeElement === button), true);
  await page.keyboard.press("Space");
  await conversation(frame, [GREETING, "> hello", GREETING]);
  await frame.waitForFunction(() => document.activeElement.id === "text");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await panel(page).getByRole("button", { name: "Close" }).press("Enter");
  await panel(page).waitFor({ state: "hidden" });
  await leave();
});

test("two taps on a phone, in German", async () => {
  const phone = { viewport: { width: 390, height: 760 }, hasTouch: true, isMobile: true, locale: "en-GB" };
  const { page, leave } = await visitSite({ lang: "de", body: widget('data-title="Fragen Sie uns"', bakery) }, phone);
  await screenshot(page, "phone-closed");
  await page.getByRole("button", { name: "Fragen Sie uns" }).tap();
  const frame = await chat(page);
  await frame.getByRole("button", { name: "Wann haben Sie geöffnet?" }).tap();
  await conversation(frame, ["Willkommen in Annas Bäckerei!", "> Wann haben Sie geöffnet?", "Montag bis Freitag 7–18 Uhr, Samstag 7–13 Uhr."]);
  assert.equal(await frame.locator("html").getAttribute("lang"), "de");
  // No keyboard has come up to cover it, and nothing behind it can be reached.
  assert.notEqual(await frame.evaluate(() => document.activeElement.id), "text");
  assert.equal(await page.evaluate(() => document.body.inert), true);
  await audit(page);
  await screenshot(page, "phone-answer");
  const fills = async () => {
    const { x, y, width, height } = await panel(page).boundingBox();
    const size = page.viewportSize();
    return [x, y, width, height].join() === [0, 0, size.width, size.height].join();
  };
  await until(fills);
  await page.setViewportSize({ width: 760, height: 390 });
  await until(fills);
  assert.equal(await frame.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await screenshot(page, "phone-landscape");
  await panel(page).getByRole("button", { name: "Schließen" }).tap();
  await panel(page).waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.body.inert), false);
  await toggle(page).waitFor();
  await leave();
});

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test("a circle on a phone, where the site wants it", async () => {
  for (const [attributes, safe, position] of [
    ['data-title="Ask us"', 0, "318,772,56,56"],
    ['data-title="Ask us" data-bottom="100" data-side="4"', 0, "330,688,56,56"],
    ['data-title="Ask us" data-bottom="100" data-side="0" data-position="left"', 34, "0,654,56,56"],
    ['data-title="Ask us"', 34, "318,738,56,56"],
  ]) {
    const { page, leave } = await visitSite({ body: widget(attributes) }, PHONE);
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setSafeAreaInsetsOverride", { insets: { bottom: safe } });
    const box = async () => Object.values(await toggle(page).boundingBox()).map(Math.round).join();
    await until(async () => await box() === position).catch(async () => assert.equal(await box(), position, attributes));
    const button = page.getByRole("button", { name: "Ask us" });
    await audit(page);
    await screenshot(page, `phone-circle-${position}`);
    await button.tap();
    await conversation(await chat(page), [GREETING]);
    await panel(page).getByRole("button", { name: "Close" }).tap();
    await leave();
  }
});

test("at another distance, the panel is above the button as long as there is room", async () => {
  const { page, leave } = await visitSite({ body: widget('data-bottom="120" data-side="40"') });
  await toggle(page).click();
  await conversation(await chat(page), [GREETING]);
  const [button, box] = [await toggle(page).boundingBox(), await panel(page).boundingBox()];
  assert.deepEqual([button.y + button.height, button.x + button.width], [680, 1240]);
  assert.deepEqual([box.y + box.height, box.x + box.width, box.height], [616, 1240, 600]);
  await screenshot(page, "embedded-distance");
  await page.setViewportSize({ width: 1280, height: 500 });
  const { y, height } = await panel(page).boundingBox();
  assert.deepEqual([y, height], [16, 404]);
  const lines = consoleOf(page);
  await page.evaluate(() => replydChat.update({ bottom: "1em", side: "-5" }));
  assert.deepEqual(lines, ["bottom", "side"].map((name) => `replyd: data-${name}="${name === "side" ? -5 : "1em"}" is not a number of pixels`));
  await leave();
});

// A site's own links, far down in a page that scrolls.
const LINKS = `<div style="height: 3000px"></div><aside><a href="#" id="open" onclick="replydChat.open(); return false">Chat</a>
  <a href="#" id="ask" onclick="replydChat.ask('Is this one gluten free?'); return false">Ask about it</a>
  <button id="shut" onclick="replydChat.close()">Enough</button></aside><div style="height: 3000px"></div>`;
const scrolled = (page) => page.evaluate(() => scrollY);
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.localName);

for (const [name, options] of [["a phone", PHONE], ["a desk", {}]]) {
  test(`a site's own links open it, on ${name}`, async () => {
    const { page, leave } = await visitSite({ body: LINKS + widget('data-title="Chat" data-hidden') }, options);
    const own = page.locator("#open");
    await own.scrollIntoViewIfNeeded();
    assert.equal(await toggle(page).isVisible(), false);
    const before = await scrolled(page);
    assert.ok(before > 1000);
    await own.press("Enter");
    const frame = await chat(page);
    await conversation(frame, [GREETING]);
    assert.equal(await scrolled(page), before);
    await page.keyboard.press("Escape");
    await panel(page).waitFor({ state: "hidden" });
    assert.deepEqual([await scrolled(page), await focused(page)], [before, "open"]);
    // From now on there is a button too, also on the next page.
    assert.equal(await toggle(page).isVisible(), true);
    await page.locator("#ask").press("Enter");
    await frame.waitForFunction(() => document.querySelector("#text").value === "Is this one gluten free?");
    await conversation(frame, [GREETING]);
    assert.equal(await scrolled(page), before);
    await audit(page);
    // It is for the visitor to send.
    await frame.locator("#send").click();
    await frame.locator("text=Sorry, I am unable").waitFor();
    await page.evaluate(() => replydChat.close());
    await panel(page).waitFor({ state: "hidden" });
    assert.deepEqual([await scrolled(page), await page.evaluate(() => document.body.inert)], [before, false]);
    await page.goto(page.url().replace("/?", "/other?"));
    await toggle(page).waitFor();
    await leave();
  });
}

test("a question from the site never replaces what a visitor has typed", async () => {
  const { page, leave } = await visitSite({ body: widget("data-hidden") });
  const asked = (frame, text) => frame.waitForFunction((text) => document.querySelector("#text").value === text, text);
  // Before there is a page in the frame, the last one counts.
  await page.evaluate(() => ["one", "two"].forEach((text) => replydChat.ask(text)));
  const frame = await chat(page);
  await asked(frame, "two");
  await frame.waitForFunction(() => document.activeElement.id === "text");
  await page.evaluate(() => replydChat.ask("three"));
  await asked(frame, "three");
  await page.keyboard.type(" or four?");
  await page.evaluate(() => replydChat.ask("five"));
  // Whoever asks for it, it is in the order in which it came.
  await page.evaluate(() => replydChat.close());
  await page.evaluate(() => replydChat.open());
  await frame.waitForFunction(() => document.activeElement.id === "text");
  await page.keyboard.type("!");
  await asked(frame, "three or four?!");
  // What closes while the visitor is elsewhere leaves the focus there.
  await page.focus("#own");
  await page.evaluate(() => replydChat.close());
  assert.equal(await focused(page), "own");
  await page.reload();
  await toggle(page).waitFor();
  await leave();
});

test("any accent can be read, or is refused in the console", async () => {
  const { page, leave } = await visitSite({ body: widget() });
  const lines = consoleOf(page);
  const colors = (accent) => page.evaluate((accent) => {
    const host = document.querySelector("replyd-chat");
    host.update({ title: "Chat", accent });
    const { color, backgroundColor } = getComputedStyle(host.shadowRoot.querySelector(".toggle"));
    return [backgroundColor, color].join();
  }, accent);
  const [BLACK, WHITE] = ["rgb(0, 0, 0)", "rgb(255, 255, 255)"];
  for (const [accent, background, text] of [
    ["#ffd600", "rgb(255, 214, 0)", BLACK],
    ["#FFF", WHITE, BLACK],
    ["gold", "rgb(255, 215, 0)", BLACK],
    ["rgb(194 24 91)", "rgb(194, 24, 91)", WHITE],
    ["hsl(240 100% 20%)", "rgb(0, 0, 102)", WHITE],
  ]) {
    assert.equal(await colors(accent), [background, text].join(), accent);
  }
  assert.deepEqual(lines, []);
  for (const accent of ["", "nonsense", "#12345680", "transparent", "var(--accent)", "inherit", "url(x)", "red; color: red"]) {
    assert.equal(await colors(accent), "rgb(11, 87, 208)," + WHITE, accent);
    assert.ok(lines.pop()?.includes(`data-accent="${accent}" is not an opaque color`), accent);
  }
  await leave();
});

// How Turbo and its kind go to another page: the body is another one, and its scripts run again.
const TURBO = '<script src="/modules/@hotwired/turbo/dist/turbo.es2017-umd.js"></script>';

for (const [where, parts] of [
  ["the head", () => ({ head: TURBO + widget('defer data-title="Chat with us"') })],
  ["the body", () => ({ head: TURBO, body: widget() })],
  ["both", () => ({ head: TURBO + widget(), body: widget() + widget() })],
]) {
  test(`pages that Turbo replaces, with the script in ${where}`, async () => {
    const { page, leave } = await visitSite(parts());
    const isOne = async () => await page.locator("replyd-chat").count() === 1 && await page.getByRole("button", { name: "Chat with us" }).count() === 1;
    await until(isOne);
    await page.evaluate(() => { window.isSame = true; });
    await page.getByRole("link").click();
    await page.waitForURL(/other/);
    await until(isOne);
    await page.goBack();
    await until(isOne);
    await page.goForward();
    await page.waitForURL(/other/);
    await until(isOne);
    await toggle(page).click();
    const frame = await chat(page);
    await conversation(frame, [GREETING]);
    await frame.fill("#text", "half a sen");
    await page.goBack();
    await page.waitForFunction(() => location.pathname === "/");
    // It is the same frame, with all that was in it, and still open.
    assert.equal(await frame.inputValue("#text"), "half a sen");
    assert.equal(await panel(page).isVisible(), true);
    await toggle(page).click();
    assert.equal(await page.locator("replyd-chat").count(), 1);
    assert.equal(await panel(page).isVisible(), false);
    assert.equal(await page.evaluate(() => window.isSame), true);
    await leave();
  });
}

test("a page that Turbo brings back can be used, wherever the chat was open before", async () => {
  const { page, leave } = await visitSite({ head: TURBO + widget() }, { viewport: { width: 390, height: 760 } });
  const isCovered = async (isOpen) => {
    await until(async () => await page.evaluate(() => document.body.inert) === isOpen);
    assert.equal(await panel(page).isVisible(), isOpen);
  };
  await page.getByRole("link").click();
  await page.waitForURL(/other/);
  await toggle(page).click();
  await conversation(await chat(page), [GREETING]);
  await isCovered(true);
  await page.goBack();
  await page.waitForFunction(() => location.pathname === "/");
  await isCovered(true);
  await panel(page).getByRole("button", { name: "Close" }).click();
  await isCovered(false);
  await page.goForward();
  await page.waitForURL(/other/);
  await isCovered(false);
  // What the page itself has made inert stays so.
  await page.evaluate(() => { document.body.inert = true; });
  await page.setViewportSize({ width: 1000, height: 700 });
  await toggle(page).click();
  await toggle(page).click();
  assert.equal(await page.evaluate(() => document.body.inert), true);
  await leave();
});

test("a page that throws everything away", async () => {
  const { page, leave } = await visitSite({ body: widget() });
  const again = (title) => page.evaluate(([src, title]) => {
    const script = document.createElement("script");
    script.src = src;
    script.dataset.title = title;
    document.body.append(script);
  }, [server.url + "widget.js", title]);
  await page.evaluate(() => {
    document.documentElement.replaceChildren(document.createElement("head"), document.createElement("body"));
    document.body.innerHTML = "<main><h1>Another</h1></main>";
  });
  await page.getByRole("button", { name: "Chat with us" }).waitFor();
  await again("Ask here");
  await page.getByRole("button", { name: "Ask here" }).waitFor();
  assert.equal(await page.locator("replyd-chat").count(), 1);
  // A page may take it away, until it has the script again.
  await page.evaluate(() => document.querySelector("replyd-chat").remove());
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
  assert.equal(await page.locator("replyd-chat").count(), 0);
  await again("Ask again");
  await page.getByRole("button", { name: "Ask again" }).click();
  await conversation(await chat(page), [GREETING]);
  await leave();
});

test("a second chat on a page is an error in the console", async () => {
  const { page, leave } = await visitSite({ body: widget() + widget('data-title="The other"', bakery) }, { tolerated: /^replyd: / });
  await page.reload();
  const lines = consoleOf(page);
  await page.reload();
  await until(() => lines.includes(`replyd: this page has the chat of ${server.url} already, and can have one only`));
  assert.equal(await toggle(page).textContent(), "Chat with us");
  await leave();
});

test("a server that was down when it was opened", async () => {
  const web = `[web]\nembed_origins = http://127.0.0.1:${site.address().port}\n`;
  let other = await serve(web);
  const { page, leave } = await visitSite({ body: widget('data-title="Ask"', other) }, {
    hosts: [`127.0.0.1:${site.address().port}`, new URL(other.url).host, "chromewebdata"], tolerated: /^replyd: |ERR_CONNECTION_REFUSED/,
  });
  await toggle(page).waitFor();
  await other.stop();
  await toggle(page).click();
  await panel(page).getByRole("link", { name: "Ask ↗" }).waitFor();
  other = await serve(web, other.port);
  await toggle(page).click();
  await toggle(page).click();
  await conversation(await chat(page), [GREETING]);
  assert.equal(await panel(page).getByRole("link").count(), 0);
  await leave();
  await other.stop();
});

test("what is typed elsewhere while it loads stays there", async () => {
  const { page, leave } = await visitSite({ body: '<input id="elsewhere" aria-label="Elsewhere">' + widget() });
  let release;
  await page.route(/embedded/, async (route) => {
    await new Promise((resolve) => { release = resolve; });
    await route.continue();
  });
  await toggle(page).click();
  await page.focus("#elsewhere");
  await until(() => release);
  release();
  await conversation(await chat(page), [GREETING]);
  await page.locator("replyd-chat .panel.ready").waitFor();
  await page.keyboard.type("secret");
  assert.equal(await page.inputValue("#elsewhere"), "secret");
  // On a phone, where it covers the page, the focus is inside from the start.
  await toggle(page).click();
  await page.setViewportSize({ width: 390, height: 760 });
  await page.reload();
  release = undefined;
  await toggle(page).press("Enter");
  assert.equal(await page.evaluate(() => document.querySelector("replyd-chat").shadowRoot.activeElement.ariaLabel), "Close");
  await page.keyboard.press("Escape");
  await panel(page).waitFor({ state: "hidden" });
  await until(() => release);
  release();
  await leave();
});

test("as a module it says what to do", async () => {
  for (const body of [`<script type="module" src="${server.url}widget.js"></script>`, `<script type="module">import "${server.url}widget.js";</script>`]) {
    const { page, leave } = await visitSite({}, { tolerated: /^replyd: / });
    const lines = consoleOf(page);
    await page.goto(page.url() + new URLSearchParams({ body }));
    await until(() => lines.some((line) => line.startsWith("replyd: widget.js must be loaded by <script src=...> without type=\"module\"")));
    assert.equal(await page.locator("replyd-chat").count(), 0);
    await leave();
  }
});

const HOSTILE = `<style>
  :root { --height: 3rem; --top: 40px; --accent: red; } html { font-size: 62.5%; } body { transform: translateX(0); }
  * { all: unset; color: lime !important; font-size: 5px !important; }
  iframe { visibility: hidden !important; width: 0 !important; } button { opacity: .3 !important; pointer-events: none; }
  replyd-chat, body ~ * { display: none !important; opacity: 0 !important; z-index: -1 !important; transform: scale(.1) !important; }
</style>`;
const SHEETS = ["@picocss/pico/css/pico.min.css", "bootstrap/dist/css/bootstrap.min.css", "tailwindcss/preflight.css"]
  .map((sheet) => [sheet, `<link rel="stylesheet" href="/modules/${sheet}">`]);

test("no style sheet of the site reaches it, and none of its own the site", async () => {
  const PROPERTIES = ["color", "backgroundColor", "font", "padding", "margin", "opacity", "visibility", "display", "borderRadius", "borderWidth",
    "position", "bottom", "right", "width", "height", "lineHeight", "textTransform", "zIndex", "transform"];
  const look = async (head, body) => {
    const { page, leave } = await visitSite({ head, body });
    const own = await styleOf(page.locator("#own"), PROPERTIES);
    let chatting;
    if (body) {
      await toggle(page).click();
      const frame = await chat(page);
      await conversation(frame, [GREETING]);
      const parts = [toggle(page), panel(page), panel(page).locator("iframe"), panel(page).locator(".close")];
      chatting = await Promise.all(parts.map((part) => styleOf(part, PROPERTIES)));
      const { x, y, width, height } = await panel(page).boundingBox();
      chatting.push([x, y, width, height]);
    }
    await leave();
    return { own, chatting };
  };
  const plain = await look("", widget());
  for (const [name, head] of [["hostile", HOSTILE], ...SHEETS]) {
    const [without, withIt] = [await look(head, ""), await look(head, widget())];
    assert.deepEqual(withIt.own, without.own, name);
    assert.deepEqual(withIt.chatting, plain.chatting, name);
  }
});

test("under the strictest policy", async () => {
  const policy = `default-src 'none'; script-src ${server.url}; frame-src ${server.url}; require-trusted-types-for 'script'`;
  const { page, leave } = await visitSite({ policy, body: widget() }, { tolerated: /image 'data:,'/ });
  await toggle(page).click();
  await conversation(await chat(page), [GREETING]);
  assert.deepEqual(await styleOf(toggle(page), ["position", "backgroundColor"]), ["fixed", "rgb(11, 87, 208)"]);
  await leave();
});

test("nothing is stored and nobody is asked before it is opened", async () => {
  const { page, leave } = await visitSite({ body: widget() });
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.reload();
  await toggle(page).waitFor();
  const chatHost = new URL(server.url).host;
  assert.deepEqual(asked.filter((url) => new URL(url).host === chatHost), [server.url + "widget.js"]);
  const stored = () => page.evaluate(async () => [document.cookie, localStorage.length, sessionStorage.length, (await indexedDB.databases()).length].join());
  assert.equal(await stored(), ",0,0,0");
  assert.deepEqual(await page.context().cookies(), []);
  assert.equal(page.frames().length, 1);
  await toggle(page).click();
  await conversation(await chat(page), [GREETING]);
  // No cookie then either: whether it is open, and in the frame the conversation, until the tab is closed.
  assert.equal(await stored(), ",0,1,0");
  assert.deepEqual(await page.context().cookies(), []);
  await leave();
});

test("it stays as it was from page to page", async () => {
  const { page, leave } = await visitSite({ body: widget() });
  await toggle(page).click();
  const first = await chat(page);
  await conversation(first, [GREETING]);
  await first.fill("#text", "hello");
  await page.keyboard.press("Enter");
  await conversation(first, [GREETING, "> hello", GREETING]);
  await page.getByRole("link").click();
  await page.waitForURL(/other/);
  await conversation(await chat(page), [GREETING, "> hello", GREETING]);
  // It has not moved the focus of the new page.
  assert.equal(await page.evaluate(() => document.activeElement === document.body), true);
  await toggle(page).click();
  await page.reload();
  await toggle(page).waitFor();
  assert.equal(await panel(page).isVisible(), false);
  await leave();
});

test("open from the start, unless the visitor has closed it or it would cover the page", async () => {
  const body = widget('data-title="Chat with us" data-open');
  const { page, leave } = await visitSite({ body });
  await conversation(await chat(page), [GREETING]);
  assert.equal(await page.evaluate(() => document.activeElement === document.body && sessionStorage.length === 0), true);
  await toggle(page).click();
  await page.reload();
  await toggle(page).waitFor();
  assert.equal(await panel(page).isVisible(), false);
  await leave();
  const phone = await visitSite({ body }, { viewport: { width: 360, height: 640 } });
  await toggle(phone.page).waitFor();
  assert.equal(await panel(phone.page).isVisible(), false);
  await phone.leave();
});

test("a chat whose lines run the other way", async () => {
  const { page, leave } = await visitSite({ body: widget('data-lang="ar"') });
  await toggle(page).click();
  const frame = await chat(page);
  await conversation(frame, [GREETING]);
  const boxes = async () => {
    const [close, title] = await Promise.all([panel(page).locator(".close"), frame.locator("h1 bdi")].map((part) => part.boundingBox()));
    return close.x + close.width <= title.x || title.x + title.width <= close.x;
  };
  await until(boxes);
  await leave();
});

test("where the system chooses the colors, everything has an edge", async () => {
  const { page, leave } = await visitSite({ body: widget() }, { forcedColors: "active" });
  await toggle(page).click();
  const frame = await chat(page);
  await conversation(frame, [GREETING]);
  for (const part of [toggle(page), panel(page), frame.locator(".bubble")]) {
    const [width, border, background] = await styleOf(part, ["borderTopWidth", "borderTopColor", "backgroundColor"]);
    assert.ok(width === "1px" && border !== background, [width, border, background].join());
  }
  await screenshot(page, "forced-colors");
  await leave();
});

test("position, theme and language of the site", async () => {
  const { page, leave } = await visitSite({ lang: "ar", body: widget('data-title="اسألنا" data-theme="dark"') });
  await page.evaluate(() => { document.documentElement.dir = "rtl"; });
  await toggle(page).click();
  const frame = await chat(page);
  await conversation(frame, [GREETING]);
  // At the side where lines end, which is the left in Arabic, and the button to close it too.
  const sides = async () => Promise.all([toggle(page), panel(page)].map(async (part) => (await part.boundingBox()).x < 640));
  assert.deepEqual(await sides(), [true, true]);
  assert.equal(await frame.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(19, 19, 22)");
  assert.deepEqual(await frame.evaluate(() => [document.documentElement.dir, document.documentElement.lang].join()), "rtl,ar");
  assert.equal(await toggle(page).textContent(), "إغلاق");
  await audit(page);
  await screenshot(page, "embedded-ar-dark");
  const lines = consoleOf(page);
  for (const [position, isLeft] of [["right", false], ["left", true], ["top", true]]) {
    await page.evaluate((position) => document.querySelector("replyd-chat").update({ position }), position);
    assert.deepEqual(await sides(), [isLeft, isLeft], position);
  }
  assert.match(lines.join("\n"), /^replyd: data-position="top" is neither left nor right$/);
  await leave();
});

test("on a site that may not", async () => {
  const { page, leave } = await visitSite({ body: widget() }, { host: "localhost", tolerated: /frame-ancestors|^replyd: / });
  const lines = consoleOf(page);
  await toggle(page).click();
  const link = panel(page).getByRole("link", { name: "Chat with us ↗" });
  await link.waitFor();
  assert.equal(await link.getAttribute("href"), server.url);
  assert.equal(await panel(page).locator("iframe").isVisible(), false);
  const origin = `http://localhost:${site.address().port}`;
  assert.ok(lines.some((line) => line.startsWith("replyd: ") && line.includes(`list ${origin} in its embed_origins`)), lines.join("\n"));
  await until(() => server.log.some((line) => line.includes(`Frame refused ... a page of ${origin} shows the chat`)));
  await audit(page);
  await screenshot(page, "refused");
  await panel(page).getByRole("button", { name: "Close" }).click();
  await panel(page).waitFor({ state: "hidden" });
  await leave();
});

test("an answer that comes while it is closed", async () => {
  const { page, leave } = await visitSite({ body: widget() });
  let answer;
  await page.routeWebSocket(/chat$/, (socket) => {
    socket.send("Hello!");
    socket.onMessage(() => { answer = () => socket.send("At last."); });
  });
  await toggle(page).click();
  const frame = await chat(page);
  await conversation(frame, ["Hello!"]);
  await frame.fill("#text", "think");
  await page.keyboard.press("Enter");
  await until(() => answer);
  await page.keyboard.press("Escape");
  await panel(page).waitFor({ state: "hidden" });
  const isUnread = () => toggle(page).evaluate((button) => button.classList.contains("unread"));
  assert.equal(await isUnread(), false);
  answer();
  await until(isUnread);
  assert.equal(await page.locator("replyd-chat").getByRole("status").textContent(), "New answer");
  await audit(page);
  await screenshot(page, "unread");
  await toggle(page).click();
  await conversation(frame, ["Hello!", "> think", "At last."]);
  assert.equal(await isUnread(), false);
  await leave();
});

for (const isolation of ["require-corp", "credentialless"]) {
  test(`on a site that isolates itself with ${isolation}`, async () => {
    const { page, leave } = await visitSite({ isolation, body: widget() });
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await toggle(page).click();
    await conversation(await chat(page), [GREETING]);
    await leave();
  });
}

test("a site may open the chat in a window of its own, and use that again", async () => {
  const { page, leave } = await visitSite({ body: `<button id="window" onclick="window.open('${server.url}', 'chat', 'width=400,height=500')">Chat</button>` });
  const opened = page.waitForEvent("popup");
  await page.click("#window");
  const chat = await opened;
  await conversation(chat, [GREETING]);
  await chat.fill("#text", "half a sen");
  await page.click("#window");
  await chat.waitForLoadState();
  assert.equal(page.context().pages().length, 2);
  assert.equal(await chat.inputValue("#text"), "half a sen");
  await leave();
});

test("a site that opens the owner's page has no hold on its window", async () => {
  const owners = await serve("[key boss]\nsecret_sha256 = 9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\nrole = owner\n");
  const { page, leave } = await visitSite(
    { body: `<button id="window" onclick="window.opened = window.open('${owners.url}owner')">Owner</button>` },
    { hosts: [`127.0.0.1:${site.address().port}`, new URL(owners.url).host] },
  );
  const opened = page.waitForEvent("popup");
  await page.click("#window");
  const owner = await opened;
  await owner.waitForLoadState();
  await until(() => page.evaluate(() => window.opened.closed));
  await page.evaluate((url) => { window.opened.location = url; }, owners.url + "owner#key=another-key-of-theirs");
  await page.reload();
  assert.equal(owner.url(), owners.url + "owner");
  assert.equal(await owner.evaluate(() => window.opener), null);
  await leave();
  await owners.stop();
});

test("a logo has its own colors and pictures, and no script of it runs", async () => {
  const logo = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><style>.a { fill: #f00 }</style><rect class="a" width="10" height="10"/>
    <image x="10" width="10" height="10" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Crect width='99' height='99' fill='%2300f'/%3E%3C/svg%3E"/>
    <script>document.documentElement.id = "ran"</script></svg>`;
  const other = await serve("[web]\nlogo = logo.svg\n", 0, { "logo.svg": logo });
  const { page, leave } = await visit(other.url, { tolerated: /script-src|sandbox/ });
  const colors = await page.evaluate(async () => {
    const image = document.querySelector("header img");
    await image.decode();
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.drawImage(image, 0, 0, 20, 10);
    return [5, 15].map((x) => [...canvas.getImageData(x, 5, 1, 1).data].join());
  });
  assert.deepEqual(colors, ["255,0,0,255", "0,0,255,255"]);
  await page.goto(other.url + "logo");
  assert.equal(await page.evaluate(() => document.documentElement.id), "");
  await leave();
  await other.stop();
});

test("without a theme of its own, the chat is light or dark as the site is", async () => {
  const style = (rules) => `<style>${rules}</style>`;
  for (const [head, attributes, expected] of [
    ["", "", "light"],
    [style("body { background: #fdf6e3 }"), "", "light"],
    [style("html { background: #101014 } body { background: none }"), "", "dark"],
    [style("body { background: rgb(20 20 30); color: #fff }"), "", "dark"],
    [style(":root { color-scheme: dark }"), "", "dark"],
    [style(":root { color-scheme: light dark }"), "", "auto"],
    ["", 'data-theme="auto"', "auto"],
    ["", 'data-theme="dark"', "dark"],
  ]) {
    const { page, leave } = await visitSite({ head, body: widget(attributes) }, { colorScheme: "dark" });
    await page.locator(".toggle").click();
    const frame = await page.waitForSelector("replyd-chat iframe").then((frame) => frame.contentFrame());
    await conversation(frame, [GREETING]);
    assert.equal(new URL(frame.url()).searchParams.get("theme"), expected, head + attributes);
    await leave();
  }
});
