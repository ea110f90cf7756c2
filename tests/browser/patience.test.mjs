// The page and programs that take their time: URL has the addresses of a bot whose fallback is slow, and of a program that counts.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connected, conversation, launch, quit, visit } from "./support.mjs";

before(launch);
after(quit);

const [slowBot, counter] = process.env.URL.split(" ");

async function begin(url) {
  const { page, leave } = await visit(url);
  await page.clock.install();
  await page.reload();
  await conversation(page, ["Hello!"]);
  await connected(page);
  let connections = 0;
  page.on("websocket", () => { connections += 1; });
  const ask = async (text) => {
    await page.fill("#text", text);
    await page.keyboard.press("Enter");
  };
  const wait = (what) => page.waitForFunction(what, null, { polling: 20 });
  return { page, ask, wait, leave: async () => { assert.equal(connections, 0); await leave(); } };
}

test("a slow fallback is asked once, and in the same conversation", async () => {
  const { page, ask, leave } = await begin(slowBot);
  await ask("think");
  await ask("and this");
  await conversation(page, ["Hello!", "> think", "> and this", "think: 1", "and this: 2"]);
  await leave();
});

test("a program that leaves a message unanswered keeps its visitor", async () => {
  const { page, ask, wait, leave } = await begin(counter);
  await ask("silent");
  await wait(() => isListening && arrived === 1);
  await page.clock.fastForward(20000);
  await ask("count");
  await conversation(page, ["Hello!", "> silent", "> count", "2"]);
  await leave();
});

test("a program that works on after its answer keeps its visitor", async () => {
  const { page, ask, leave } = await begin(counter);
  await ask("work on");
  await conversation(page, ["Hello!", "> work on", "One moment."]);
  await ask("count");
  await page.clock.fastForward(20000);
  assert.equal(await page.locator("#state").textContent(), "");
  await ask("done");
  await conversation(page, ["Hello!", "> work on", "One moment.", "> count", "> done", "Done.", "2", "3"]);
  await leave();
});

test("a visitor who comes back is still in the same conversation", async () => {
  const { page, ask, wait, leave } = await begin(counter);
  await ask("count");
  await conversation(page, ["Hello!", "> count", "1"]);
  for (const event of ["online", "pageshow"]) {
    await wait(() => isListening);
    await page.evaluate((event) => {
      isListening = "asked";
      dispatchEvent(event === "online" ? new Event(event) : new PageTransitionEvent(event, { persisted: true }));
    }, event);
    await wait(() => isListening === true);
    await page.clock.fastForward(20000);
  }
  await ask("count");
  await conversation(page, ["Hello!", "> count", "1", "> count", "2"]);
  await leave();
});
