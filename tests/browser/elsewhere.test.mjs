// The page behind a balancer, while its instances die one after the other: URL has the balancer's address and their ports.
import { after, before, test } from "node:test";
import { GREETING, HELP, conversation, launch, quit, serve, visit } from "./support.mjs";

before(launch);
after(quit);

test("the page comes back elsewhere", async () => {
  const [url, ...ports] = process.env.URL.split(" ");
  const servers = await Promise.all(ports.map((port) => serve("", port)));
  while (!(await fetch(url).then((answer) => answer.ok, () => false))) await new Promise((resolve) => setTimeout(resolve, 20));
  const { page, leave } = await visit(url, { tolerated: /WebSocket connection to|Failed to load resource/ });
  await conversation(page, [GREETING]);
  // Wherever it is, it loses its instance once at least, and finds another one by itself.
  for (const [at, server] of servers.entries()) {
    await server.stop("SIGKILL");
    await page.fill("#text", "i need help");
    await page.keyboard.press("Enter");
    // A question that went down with its instance is asked again.
    const again = page.getByRole("button", { name: "Send again" });
    const answer = page.locator(".message:not(.mine)", { hasText: HELP }).nth(at);
    await again.or(answer).first().waitFor();
    if (await answer.count() === 0) await again.last().click();
    await answer.waitFor();
    servers[at] = await serve("", ports[at]);
    // Until the balancer knows that it is back.
    await page.waitForTimeout(500);
  }
  await leave();
  await Promise.all(servers.map((server) => server.stop()));
});
