// A picture of every screen and state, light, dark and at 320 px, as target/screenshots/NAME-LOOK.png (SCREENSHOTS names
// another folder, ONLY some of them). They are for eyes: nothing compares them.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HOST, launch } from '../tests/browser/browser.mjs';
import { screens } from '../tests/browser/screens.mjs';
import { claim, start } from '../tests/browser/server.mjs';

const LOOKS = [['light', 1280, 800, 'light'], ['dark', 1280, 800, 'dark'], ['320', 320, 640, 'light']];
const folder = process.env.SCREENSHOTS ?? join(import.meta.dirname, '..', 'target', 'screenshots');
mkdirSync(folder, { recursive: true });

const browser = await launch();
const server = await start(['--demo']);
let taken = 0;
try {
  const api = await claim(server, { host: HOST, zone: 'Europe/Tallinn' });
  for await (const { name, page } of screens({ browser, server, api, host: HOST, only: process.env.ONLY })) {
    for (const [look, width, height, colorScheme] of LOOKS) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true });
      taken++;
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
process.stdout.write(`${taken} pictures in ${folder}\n`);
