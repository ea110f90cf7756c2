// The page where a proxy has it under a path: URL says where.
import { after, before, test } from "node:test";
import { GREETING, HELP, conversation, launch, quit, visit } from "./support.mjs";

before(launch);
after(quit);

test("the page finds its files and its server", async () => {
  const { page, leave } = await visit(process.env.URL);
  await conversation(page, [GREETING]);
  await page.keyboard.type("i need help");
  await page.keyboard.press("Enter");
  await conversation(page, [GREETING, "> i need help", HELP]);
  await leave();
});
